"""The paper's Tables 2 and 3, compared with the counts of an utterance table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from rich.table import Table

from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.table import SPLITS, UtteranceTable

# Akhtar et al., NAACL 2019, Table 2: train, valid ("Dev"), test.
PAPER_TABLE_2: Mapping[str, tuple[int, int, int]] = {
    "videos": (2250, 300, 679),
    "utterances": (16216, 1835, 4625),
    "positive": (11499, 1333, 3281),
    "negative": (4717, 502, 1344),
    "anger": (3506, 334, 1063),
    "disgust": (2946, 280, 802),
    "fear": (1306, 163, 381),
    "happy": (8673, 978, 2484),
    "sad": (4233, 511, 1112),
    "surprise": (1631, 194, 437),
}
# Table 3: utterances with so many emotions at once, over all splits.
PAPER_TABLE_3: Mapping[int, int] = {0: 3372, 1: 11050, 2: 5526, 3: 2084, 4: 553, 5: 84, 6: 8}


def table_2(table: UtteranceTable) -> dict[str, tuple[int, int, int]]:
    """Compute the counts of the paper's Table 2, per split: train, valid, test."""
    row_splits = np.asarray(table.splits)[table.video_of_row]
    found: dict[str, tuple[int, int, int]] = {}

    def per_split(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[int, int, int]:
        train, valid, test = (int((mask & (row_splits == split)).sum()) for split in SPLITS)
        return train, valid, test

    train, valid, test = (table.splits.count(split) for split in SPLITS)
    found["videos"] = (train, valid, test)
    found["utterances"] = per_split(np.ones(len(table), dtype=np.bool_))
    found["positive"] = per_split(table.labels.sentiment >= 0.5)
    found["negative"] = per_split(table.labels.sentiment < 0.5)
    for index, emotion in enumerate(EMOTIONS):
        found[emotion] = per_split(table.labels.emotion[:, index] >= 0.5)
    return found


def table_3(table: UtteranceTable) -> dict[int, int]:
    """Count the utterances with 0 to 6 emotions, as the paper's Table 3 does."""
    emotions = table.labels.emotion[:, : len(EMOTIONS)]
    known = ~np.isnan(emotions).any(axis=1)
    number = (emotions[known] >= 0.5).sum(axis=1)
    return {count: int((number == count).sum()) for count in range(len(EMOTIONS) + 1)}


def render_tables(table: UtteranceTable) -> tuple[Table, Table]:
    """Format Tables 2 and 3 for the terminal, with the paper's numbers in parentheses."""
    second = Table("", title="Table 2: statistics, found (paper)", box=None, header_style="bold")
    for split in SPLITS:
        second.add_column(split, justify="right")
    for name, found in table_2(table).items():
        second.add_row(name, *(f"{ours:,} ({paper:,})" for ours, paper in zip(found, PAPER_TABLE_2[name], strict=True)))
    third = Table("emotions", title="Table 3: emotions at once, found (paper)", box=None, header_style="bold")
    third.add_column("utterances", justify="right")
    for count, number in table_3(table).items():
        third.add_row(str(count), f"{number:,} ({PAPER_TABLE_3[count]:,})")
    return second, third
