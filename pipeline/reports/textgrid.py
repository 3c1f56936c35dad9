"""Praat's TextGrid: transcript, words and labels as interval tiers.

Format: P. Boersma and D. Weenink, Praat manual, "TextGrid file formats" (the long text format).
"""

from __future__ import annotations

from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.intervals import Interval, utterance_intervals, word_intervals
from mtmm_video.pipeline.reports.speakers import parts_by_speaker
from mtmm_video.pipeline.reports.tiers import LABEL_TIERS, tier_name, tier_values

Labelled = list[tuple[Interval, str]]


def to_textgrid(analysis: Analysis) -> str:
    """Format an analysis as a TextGrid.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    str
        Tiers ``transcript``, ``words`` and `LABEL_TIERS` of `pipeline.reports.tiers`, for each speaker where there are
        several; every tier covers the whole video from 0 to its end, with empty intervals between utterances.
    """
    tiers: dict[str, Labelled] = {}
    for speaker, part in parts_by_speaker(analysis):
        tiers |= {tier_name(tier, speaker): labelled for tier, labelled in _tiers(part).items()}
    end = max([round(analysis.source.duration * 1000), 1, *(last for _, last in utterance_intervals(analysis))])
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {_seconds(end)}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, labelled) in enumerate(tiers.items(), start=1):
        filled = _filled(labelled, end)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f'        name = "{_escaped(name)}"',
            "        xmin = 0",
            f"        xmax = {_seconds(end)}",
            f"        intervals: size = {len(filled)}",
        ]
        for position, ((start, stop), text) in enumerate(filled, start=1):
            lines += [
                f"        intervals [{position}]:",
                f"            xmin = {_seconds(start)}",
                f"            xmax = {_seconds(stop)}",
                f'            text = "{_escaped(text)}"',
            ]
    return "\n".join(lines) + "\n"


def _tiers(analysis: Analysis) -> dict[str, Labelled]:
    """Return the tiers of one speaker by name."""
    spans = utterance_intervals(analysis)
    words = word_intervals(analysis)
    tiers: dict[str, Labelled] = {
        "transcript": [
            (span, labelled.utterance.text) for span, labelled in zip(spans, analysis.utterances, strict=True)
        ],
        "words": [
            (span, word.text)
            for labelled, inside in zip(analysis.utterances, words, strict=True)
            for word, span in zip(labelled.utterance.words, inside, strict=True)
        ],
    }
    for tier in LABEL_TIERS:
        tiers[tier] = [(spans[position], value) for position, value in tier_values(analysis, tier)]
    return tiers


def _filled(labelled: Labelled, end: int) -> Labelled:
    """Fill the gaps with empty intervals: Praat requires contiguous tiers."""
    filled: Labelled = []
    cursor = 0
    for (start, stop), text in labelled:
        if start > cursor:
            filled.append(((cursor, start), ""))
        filled.append(((start, stop), text))
        cursor = stop
    if cursor < end:
        filled.append(((cursor, end), ""))
    return filled


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace('"', '""')


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
