"""The HTML report: one file with the timeline, the transcript, the summary and the attention of a video.

The file contains everything but the video, which is linked, or embedded on request. Without JavaScript the page is a
plain table. Templates, scripts and styles are in this folder.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.quality import FLAGS, NOT_MEASURED
from mtmm_video.pipeline.reports.html.action_units import ACTION_UNITS, strongest_units
from mtmm_video.pipeline.reports.html.attention import pack_attention, strongest_weights
from mtmm_video.pipeline.reports.html.templates import render
from mtmm_video.pipeline.reports.speakers import COLOURS, shown_speakers, summarise_speakers
from mtmm_video.pipeline.reports.summary import EmotionProfile, summarise

MODALITY_WORDS = {"text": "words", "acoustic": "voice", "visual": "face"}  # as people call them, also in card.js
MANY = 200  # utterances from which rows out of view are neither laid out nor painted
SCRIPTS = ("data.js", "timeline.js", "card.js", "heatmap.js", "transcript.js", "edit.js", "report.js")


def to_html(
    analysis: Analysis, *, video: str | None = None, embed: Path | None = None, preview: str | None = None
) -> str:
    """Format an analysis as one HTML page.

    Parameters
    ----------
    analysis : Analysis
    video : str or None
        Path of the media file relative to the page; None for a page without a player.
    embed : Path or None
        Media file to embed instead of the link.
    preview : str or None
        Path, relative to the page, of a copy that browsers play; the page says that it is one.

    Returns
    -------
    str
        HTML, under 3 MB without an embedded file for up to about 1500 utterances.
    """
    summary = summarise(analysis)
    linked = preview or video
    media = quote(linked) if linked is not None else None
    if embed is not None:
        mime_type = mimetypes.guess_type(embed.name)[0] or "video/mp4"
        media = f"data:{mime_type};base64,{base64.b64encode(embed.read_bytes()).decode('ascii')}"
    attention = pack_attention(analysis)
    common = _common_flags(analysis)
    return render(
        "report.html",
        styles=("report.css", "edit.css"),
        scripts=SCRIPTS,
        data=_data(analysis, attention),
        analysis=analysis,
        notes=[note for note in analysis.notes if not note.startswith(NOT_MEASURED)],
        not_measured=[note for note in analysis.notes if note.startswith(NOT_MEASURED)],
        modality_words=MODALITY_WORDS,
        summary=summary,
        speakers=summarise_speakers(analysis),
        colours={name: number % COLOURS + 1 for number, name in enumerate(shown_speakers(analysis))},
        media=media,
        is_preview=preview is not None,
        media_name=video or (embed.name if embed else ""),
        rows=[_row(entry, hidden=common) for entry in analysis.utterances],
        many=MANY,
        positions={entry.utterance.index: i for i, entry in enumerate(analysis.utterances)},
        profiles=[(profile, _area(profile, analysis)) for profile in summary.emotions],
        emotions=EMOTIONS,
        meanings=FLAGS,
        attention=bool(attention) and len(analysis.utterances) > 1,
    )


def _common_flags(analysis: Analysis) -> set[str]:
    """Return the flags of every utterance: the summary names them once, and rows that all say so say nothing."""
    if len(analysis.utterances) < 2:
        return set()
    return set.intersection(*(set(entry.flags) for entry in analysis.utterances))


def _row(entry: LabelledUtterance, *, hidden: set[str]) -> dict[str, Any]:
    utterance, prediction = entry.utterance, entry.prediction
    return {
        "index": utterance.index,
        "start": utterance.start,
        "text": utterance.text,
        "speaker": utterance.speaker,
        "sentiment": prediction.sentiment,
        "probability": prediction.confidence,
        "uncertain": entry.uncertain,
        "emotions": [(emotion, prediction.emotion_probabilities[emotion]) for emotion in EMOTIONS],
        "labels": prediction.emotions,
        "flags": [flag for flag in entry.flags if flag not in hidden],
    }


def _data(analysis: Analysis, attention: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the data for the scripts; they read the texts from the table."""
    named = set(shown_speakers(analysis))
    units, attended = strongest_units(analysis), strongest_weights(analysis)
    pitch, head = (
        _column(analysis, "acoustic", "F0"),
        [_column(analysis, "visual", n) for n in ("Pitch", "Yaw", "Roll")],
    )
    utterances = []
    for i, entry in enumerate(analysis.utterances):
        utterance, prediction, quality = entry.utterance, entry.prediction, entry.quality
        utterances.append(
            {
                "index": utterance.index,
                "speaker": utterance.speaker if utterance.speaker in named else None,
                "start": round(utterance.start, 3),
                "end": round(utterance.end, 3),
                "words": [max(0, round(1000 * (word.start - utterance.start))) for word in utterance.words],
                "unsure": [n for n, word in enumerate(utterance.words) if (word.probability or 1) < 0.5],
                "sentiment": prediction.sentiment,
                "probabilities": {name: round(p, 4) for name, p in prediction.sentiment_probabilities.items()},
                "uncertain": entry.uncertain,
                "intensity": _rounded(prediction.sentiment_intensity),
                "emotions": [round(prediction.emotion_probabilities[emotion], 4) for emotion in EMOTIONS],
                "labels": prediction.emotions,
                "flags": entry.flags,
                "modalities": prediction.modalities_used,
                "face": _rounded(quality.face_share),
                "voice": _rounded(quality.voiced_share),
                "asr": _rounded(quality.asr_confidence),
                "faces": quality.faces,
                "faceConfidence": _rounded(quality.face_confidence),
                "units": [(name, round(score, 2)) for name, score in units[i]],
                "pitch": pitch[i],
                "head": [column[i] for column in head],
                "attended": [(query, key, j, round(weight, 3)) for query, key, j, weight in attended[i]],
            }
        )
    return {
        "duration": analysis.source.duration,
        "source": {
            "name": analysis.source.name,
            "file": Path(analysis.source.path).name,
            "sha256": analysis.source.sha256,
        },
        "emotions": EMOTIONS,
        "flags": {flag: FLAGS[flag] for flag in FLAGS},
        "units": {name: unit.label for name, unit in ACTION_UNITS.items()},
        "utterances": utterances,
        "attention": attention,
    }


def _column(analysis: Analysis, modality: str, name: str) -> list[float | None]:
    """Return one feature column per utterance, None for missing measurements."""
    means = next((value for key, value in analysis.features.modalities.items() if key == modality), None)
    if means is None or name not in means.names:
        return [None] * len(analysis.utterances)
    column = means.names.index(name)
    return [
        round(float(value), 1) if valid else None
        for value, valid in zip(means.values[:, column], means.valid[:, column], strict=True)
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _area(profile: EmotionProfile, analysis: Analysis, *, points: int = 120) -> str:
    """Make an SVG path, 100 wide and 24 high, of the smoothed probability of an emotion over the video."""
    if not profile.probabilities:
        return ""
    middles = np.array([(e.utterance.start + e.utterance.end) / 2 for e in analysis.utterances])
    duration = max(analysis.source.duration, float(middles.max()), 1e-3)
    grid = np.linspace(0, duration, points)
    width = max(duration / 60, 1.5)  # seconds; a sixtieth of the video, but at least half an utterance
    kernel = np.exp(-0.5 * ((grid[:, None] - middles) / width) ** 2) + 1e-12 * (
        np.abs(grid[:, None] - middles) == np.abs(grid[:, None] - middles).min(axis=1, keepdims=True)
    )
    curve = kernel @ np.array(profile.probabilities) / kernel.sum(axis=1)
    line = " ".join(f"L{100 * x / duration:.1f} {24 - 23 * y:.1f}" for x, y in zip(grid, curve, strict=True))
    return f"M0 24 {line} L100 24Z"
