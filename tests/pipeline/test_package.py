"""What a user of the library imports from `pipeline`."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pipeline


def test_every_public_name_is_there() -> None:
    for name in pipeline.__all__:
        assert getattr(pipeline, name).__name__ == name


def test_an_unknown_name_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = pipeline.nonsense


def test_importing_the_package_loads_no_numeric_library() -> None:
    code = "import pipeline, sys; print(sorted({'torch', 'numpy', 'prefect', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"
