"""Fixtures that every room's tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# For `benchmarks`, which is no part of the package: some tests hold a benchmark's own figures.
sys.path.insert(0, str(ROOT))


# A busy machine is no fault: hypothesis otherwise fails a test whose inputs took more than a second to draw.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference recordings and corpora beside the checkout; tests that use it are marked `reference`."""
    if not (SHARED / "README.md").is_file():
        pytest.skip("needs the reference recordings in ../shared, which are not redistributed")
    return SHARED
