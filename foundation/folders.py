"""The cache folder of mtmm-video."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "MTMM_CACHE_DIR"


def cache_folder() -> Path:
    """Return the folder for weights and artefacts; a named one may not exist yet.

    It is the value of the environment variable ``MTMM_CACHE_DIR``, or by default in the user cache of the operating
    system (``~/.cache/mtmm-video`` or below ``XDG_CACHE_HOME`` on Linux). The default one is created, readable by its
    owner only: it has transcripts of people's recordings.
    """
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    folder = Path(platformdirs.user_cache_dir("mtmm-video", appauthor=False))
    with contextlib.suppress(OSError):  # a home that cannot be written is reported by what is to be written there
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
