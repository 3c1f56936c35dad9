"""The steps of an analysis: the function behind each name of `pipeline.graph`, each in the module of its name.

What decides a step's artefact stands in `pipeline.step_keys`, its version included: raise that when a function here
changes what it writes. A step's module, and the libraries of its extractors with it, is loaded when the step runs, so
that one step can work while another's libraries are loading.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from typing import cast

from mtmm_video.pipeline.step_run import StepRun

Make = Callable[[StepRun], None]  # writes the artefact
# Libraries silence each other's warnings while they load (`warnings.catch_warnings`), which is not safe in two threads.
_loading = threading.Lock()


def maker(step: str) -> Make:
    """Load the function of a step, by a name of `pipeline.graph.STEPS`."""
    with _loading:
        return cast(Make, getattr(import_module(f"{__name__}.{step}"), step))
