"""The paper's Tables 2 and 3 for any corpus, and beside the paper's own numbers where it is MOSEI."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.paper.tables import of_the_paper
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


def table_2(table: UtteranceTable) -> dict[str, tuple[int | None, ...]]:
    """Compute the counts of the paper's Table 2, per split: train, valid, test; None of what nobody labelled in it."""
    row_splits = np.asarray(table.splits)[table.video_of_row]
    inside = [row_splits == split for split in SPLITS]

    def labelled(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> tuple[int | None, ...]:
        blank = np.isnan(values)
        return tuple(None if rows.any() and blank[rows].all() else int((mask & rows).sum()) for rows in inside)

    sentiment, emotion = table.labels.sentiment, table.labels.emotion
    return {
        "videos": tuple(table.splits.count(split) for split in SPLITS),
        "utterances": tuple(int(rows.sum()) for rows in inside),
        "positive": labelled(sentiment, sentiment >= 0.5),
        "negative": labelled(sentiment, sentiment < 0.5),
        **{name: labelled(emotion[:, index], emotion[:, index] >= 0.5) for index, name in enumerate(EMOTIONS)},
    }


def table_3(table: UtteranceTable) -> dict[int, int]:
    """Count the utterances with 0 to 6 emotions, as the paper's Table 3 does."""
    emotions = table.labels.emotion[:, : len(EMOTIONS)]
    known = ~np.isnan(emotions).any(axis=1)
    number = (emotions[known] >= 0.5).sum(axis=1)
    return {count: int((number == count).sum()) for count in range(len(EMOTIONS) + 1)}


def render_tables(table: UtteranceTable) -> tuple[Table, Table]:
    """Lay out Tables 2 and 3 for the terminal, the paper's numbers beside those of MOSEI."""
    beside = "found (paper)" if of_the_paper(table) else "found"
    rows_2, rows_3 = table_rows(table)
    second = Table("", title=f"Table 2: statistics, {beside}", box=None, header_style="bold")
    for split in SPLITS:
        second.add_column(split, justify="right")
    for row in rows_2:
        second.add_row(*row)
    third = Table("emotions", title=f"Table 3: emotions at once, {beside}", box=None, header_style="bold")
    third.add_column("utterances", justify="right")
    for row in rows_3:
        third.add_row(*row)
    return second, third


def table_rows(table: UtteranceTable) -> tuple[list[list[str]], list[list[str]]]:
    """Return the rows of Tables 2 and 3 as text, the paper's numbers in brackets where the table is of MOSEI."""
    paper = of_the_paper(table)
    second = []
    for name, counts in table_2(table).items():
        theirs = PAPER_TABLE_2[name] if paper else (None,) * len(SPLITS)
        second.append([name, *(_beside(ours, other) for ours, other in zip(counts, theirs, strict=True))])
    third = [
        [str(count), _beside(number, PAPER_TABLE_3[count] if paper else None)]
        for count, number in table_3(table).items()
    ]
    return second, third


def _beside(ours: int | None, paper: int | None) -> str:
    counted = "-" if ours is None else f"{ours:,}"
    return counted if paper is None else f"{counted} ({paper:,})"
