"""What a user of the library imports from `mtmm_video`."""

from __future__ import annotations

import subprocess
import sys

import pytest

import mtmm_video


def test_every_public_name_is_there() -> None:
    for name in mtmm_video.__all__:
        assert getattr(mtmm_video, name) is not None


def test_an_unknown_name_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mtmm_video.nonsense


def test_importing_the_package_loads_no_numeric_library() -> None:
    code = "import mtmm_video, sys; print(sorted({'torch', 'numpy', 'prefect', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"
