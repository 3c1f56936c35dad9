"""The cache folder of mtmm-video."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "MTMM_CACHE_DIR"


def cache_folder() -> Path:
    """Return the folder for weights and artefacts, which may not exist yet.

    It is the value of the environment variable ``MTMM_CACHE_DIR``, or by default in the user cache of the operating
    system (``~/.cache/mtmm-video`` or below ``XDG_CACHE_HOME`` on Linux).
    """
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("mtmm-video", appauthor=False))
