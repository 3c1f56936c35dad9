"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference recordings and corpora beside the checkout; tests that use it are marked `reference`."""
    if not (SHARED / "README.md").is_file():
        pytest.skip("needs the reference recordings in ../shared, which are not redistributed")
    return SHARED
