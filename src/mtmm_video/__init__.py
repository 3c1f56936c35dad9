"""A raw talking video in, labelled utterances out: sentiment and six emotions per utterance, with their attention.

>>> import mtmm_video
>>> analysis = mtmm_video.analyze("talk.mp4", out="reports")  # doctest: +SKIP
>>> analysis.to_frame()[["start", "end", "text", "sentiment"]]  # doctest: +SKIP

The names in ``__all__`` are the public interface and keep their meaning between minor versions. Everything else, the
rooms `flows`, `pipeline`, `extractors`, `model` and `foundation` included, is private: it can be imported and read, and
may move. The names are loaded on first use, so that ``import mtmm_video`` needs no numeric library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mtmm_video.foundation.version import __version__

if TYPE_CHECKING:
    from mtmm_video.foundation.errors import MtmmError
    from mtmm_video.pipeline.analysis import Analysis
    from mtmm_video.pipeline.extraction import extract
    from mtmm_video.pipeline.options import AnalyzeOptions
    from mtmm_video.pipeline.reports.frame import to_frames
    from mtmm_video.pipeline.reports.json_reader import from_json, read_report
    from mtmm_video.pipeline.reports.writers import write_reports
    from mtmm_video.pipeline.run import analyze

__all__ = [
    "Analysis",
    "AnalyzeOptions",
    "MtmmError",
    "__version__",
    "analyze",
    "extract",
    "from_json",
    "read_report",
    "to_frames",
    "write_reports",
]

_HOMES = {
    "Analysis": "mtmm_video.pipeline.analysis",
    "AnalyzeOptions": "mtmm_video.pipeline.options",
    "MtmmError": "mtmm_video.foundation.errors",
    "analyze": "mtmm_video.pipeline.run",
    "extract": "mtmm_video.pipeline.extraction",
    "from_json": "mtmm_video.pipeline.reports.json_reader",
    "read_report": "mtmm_video.pipeline.reports.json_reader",
    "to_frames": "mtmm_video.pipeline.reports.frame",
    "write_reports": "mtmm_video.pipeline.reports.writers",
}


if not TYPE_CHECKING:  # a type checker would take any name for one that exists

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'mtmm_video' has no attribute {name!r}")
        return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
