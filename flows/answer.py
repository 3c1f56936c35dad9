"""What a batch is told about an analysis, wherever it ran."""

from __future__ import annotations

from typing import Any

from mtmm_video.pipeline.analysis import Analysis


def answer_of(analysis: Analysis) -> dict[str, Any]:
    """Return what `flows.outcome.Outcome` has of an analysis; JSON-able."""
    return {
        "utterances": len(analysis.utterances),
        "duration": analysis.source.duration,
        "claimed_duration": analysis.source.claimed_duration,
        "notes": " ".join(analysis.notes),
    }
