"""Where mtmm-video keeps files between runs."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "MTMM_CACHE_DIR"


def cache_folder() -> Path:
    """Return the folder for weights and step artefacts; it need not exist yet.

    The environment variable ``MTMM_CACHE_DIR`` names it; without it, the operating system's user cache is used
    (``~/.cache/mtmm-video`` on Linux, ``XDG_CACHE_HOME`` respected).
    """
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("mtmm-video", appauthor=False))
