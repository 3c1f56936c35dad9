"""The data card beside a table: what is in it, how it was made, what is missing, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtmm_video.foundation.version import __version__
from mtmm_video.model.paper.tables import markdown
from mtmm_video.model.table import SPLITS, UtteranceTable
from mtmm_video.pipeline.corpora.labelled_table import MeasuredSegment
from mtmm_video.pipeline.corpora.paper_counts import table_rows
from mtmm_video.pipeline.corpora.segment import POLARITIES, Corpus, Problem
from mtmm_video.pipeline.corpora.splitting import shared_speakers

LISTED = 50  # rows left out that the card names; the rest is counted


@dataclass(frozen=True)
class Preparation:
    """How a table was made.

    Attributes
    ----------
    corpus : Corpus
        As it was read.
    split_by : str
        How splits were made, in words.
    failures : tuple of Problem
        Files that could not be measured.
    """

    corpus: Corpus
    split_by: str
    failures: tuple[Problem, ...] = ()


def data_card(table: UtteranceTable, measured: Sequence[MeasuredSegment], preparation: Preparation) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    table : UtteranceTable
        What was made.
    measured : sequence of MeasuredSegment
        What it was made of.
    preparation : Preparation
        How.
    """
    corpus = preparation.corpus
    rows_2, rows_3 = table_rows(table)
    parts = [
        f"# Data card: {corpus.name}",
        f"Made by mtmm-video {__version__} with `mtmm-video corpus prepare`, layout {corpus.layout}. "
        f"{preparation.split_by}",
        "## Table 2: statistics",
        markdown(["", *SPLITS], rows_2),
        "## Table 3: emotions at once",
        markdown(["emotions", "utterances"], rows_3),
        "## Labels",
        _labels(measured),
        "## Speakers, words, length",
        _people(measured),
        "## What was measured",
        _modalities(table),
        "## Quality",
        _flags(measured),
        "## Left out",
        _left_out([*corpus.problems, *preparation.failures]),
    ]
    notes = [*corpus.notes, *_notes(measured)]
    if notes:
        parts += ["## Notes", "\n".join(f"* {note}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def _labels(measured: Sequence[MeasuredSegment]) -> str:
    polarities = Counter(each.segment.labels.polarity for each in measured)
    rows = [[name, f"{polarities[name]:,}"] for name in POLARITIES]
    rows += [["no sentiment", f"{polarities[None]:,}"]]
    rows += [["sentiment as a number", f"{sum(e.segment.labels.sentiment is not None for e in measured):,}"]]
    rows += [["emotions", f"{sum(each.segment.labels.emotions is not None for each in measured):,}"]]
    rows += [["emotions with intensities", f"{sum(e.segment.labels.intensities is not None for e in measured):,}"]]
    return markdown(["label", "utterances"], rows)


def _people(measured: Sequence[MeasuredSegment]) -> str:
    rows = []
    for split in SPLITS:
        members = [each for each in measured if each.segment.split == split]
        lengths = [_seconds(each) for each in members]
        speakers = {each.segment.speaker for each in members} - {None}
        words = sum(len(each.text.split()) for each in members)
        rows.append(
            [
                split,
                f"{len(speakers)}" if speakers else "not known",
                f"{words:,}",
                f"{sum(lengths) / 60:.1f}",
                f"{np.median(lengths):.1f}" if lengths else "",
                f"{np.max(lengths):.1f}" if lengths else "",
            ]
        )
    table = markdown(["split", "speakers", "words", "minutes", "median (s)", "longest (s)"], rows)
    languages = Counter(each.measured.language for each in measured)
    given = languages.pop(None, 0)
    heard = ", ".join(f"{name or 'none'} {count:,}" for name, count in languages.most_common())
    return f"{table}\n\nWords given by the corpus: {given:,} utterances. Recognised: {heard or 'none'}."


def _seconds(each: MeasuredSegment) -> float:
    utterance = each.measured.utterances[each.row]
    return utterance.end - utterance.start


def _modalities(table: UtteranceTable) -> str:
    rows = []
    for modality, features in table.modalities.items():
        present = int(features.present.sum())
        rows.append(
            [modality, str(len(features.names)), f"{present:,}", f"{len(table) - present:,}", f"`{features.version}`"]
        )
    return markdown(["modality", "columns", "utterances with it", "without", "features"], rows)


def _flags(measured: Sequence[MeasuredSegment]) -> str:
    counts = Counter(flag for each in measured for flag in each.measured.flags[each.row])
    if not counts:
        return "No utterance carries a flag."
    share = 100 / len(measured)
    rows = [[flag, f"{count:,}", f"{share * count:.0f} %"] for flag, count in counts.most_common()]
    return markdown(["flag", "utterances", "share"], rows)


def _left_out(problems: Sequence[Problem]) -> str:
    if not problems:
        return "Nothing."
    lines = [f"* {problem}" for problem in problems[:LISTED]]
    if len(problems) > LISTED:
        lines.append(f"* and {len(problems) - LISTED:,} more")
    return f"{len(problems):,} rows or files:\n\n" + "\n".join(lines)


def _notes(measured: Sequence[MeasuredSegment]) -> list[str]:
    notes = []
    twice = shared_speakers([each.segment for each in measured])
    if twice:
        names = ", ".join(twice[:5]) + (", ..." if len(twice) > 5 else "")
        notes.append(
            f"{len(twice)} speakers are in more than one split ({names}): figures on this test split do not tell "
            "how the model does on people it has never heard."
        )
    elif all(each.segment.speaker is None for each in measured):
        notes.append("The corpus does not say who speaks: the same person may be in several splits.")
    return notes
