"""Fixtures that every room's tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# For `benchmarks`, which is no part of the package: some tests hold a benchmark's own figures.
sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference recordings and corpora beside the checkout; tests that use it are marked `reference`."""
    if not (SHARED / "README.md").is_file():
        pytest.skip("needs the reference recordings in ../shared, which are not redistributed")
    return SHARED
