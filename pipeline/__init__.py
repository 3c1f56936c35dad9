"""One video end to end as plain Python: media, utterances, averaging, weights, reports. Complete without Prefect.

The names below are loaded on first use, so that the command line answers ``--help`` without the numeric libraries.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.analysis import Analysis
    from pipeline.options import AnalyzeOptions
    from pipeline.report_json import from_json, to_json
    from pipeline.run import analyze
    from pipeline.store import Store

__all__ = ["Analysis", "AnalyzeOptions", "Store", "analyze", "from_json", "to_json"]

_HOMES = {
    "Analysis": "pipeline.analysis",
    "AnalyzeOptions": "pipeline.options",
    "Store": "pipeline.store",
    "analyze": "pipeline.run",
    "from_json": "pipeline.report_json",
    "to_json": "pipeline.report_json",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
