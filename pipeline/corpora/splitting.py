"""Splits of a corpus that has none: whole videos, and no speaker on two sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.table import SPLITS
from mtmm_video.pipeline.corpora.segment import LabelledSegment

SHARES = (0.7, 0.15, 0.15)  # of the utterances: train, valid, test; MOSEI has .71, .08, .20
BY = ("speaker", "video")


def split_segments(segments: Sequence[LabelledSegment], *, seed: int, by: str = "speaker") -> list[LabelledSegment]:
    """Give every segment a split, unless the corpus has splits.

    Videos that share a speaker stay together, so that nobody is heard in training and in testing. Groups are drawn in
    an order that the seed decides, each into the split that lacks most.

    Parameters
    ----------
    segments : sequence of LabelledSegment
        All with a split, or none.
    seed : int
        Another seed draws other splits.
    by : str
        ``speaker``, or ``video`` where the same people may be in several splits.

    Raises
    ------
    DataError
        If some rows have a split and others none, a split is empty, or there are too few speakers to keep apart.
    """
    given = [segment.split for segment in segments]
    if any(given):
        without = next((segment for segment in segments if segment.split is None), None)
        if without is not None:
            raise DataError(f"{without.origin}: has no split and other rows have; give all one, or none")
        _refuse_torn(segments)
        _refuse_empty([split for split in given if split is not None])
        return list(segments)
    groups = _groups(segments, by=by)
    if len(groups) < len(SPLITS):
        what = "speakers" if by == "speaker" else "videos"
        way = "; with --split-by video the same people are in several splits" if by == "speaker" else ""
        raise DataError(
            f"the corpus has {len(groups)} {what} that can be kept apart, and three splits need three{way}; or name "
            "splits in the label file"
        )
    sizes = [len(group) for group in groups]
    wanted = np.array(SHARES) * sum(sizes)
    have = np.zeros(len(SPLITS))
    chosen: dict[int, str] = {}
    order = np.random.default_rng(seed).permutation(len(groups))
    for place, number in enumerate(order):
        lack = (wanted - have) / wanted
        empty = [index for index in range(len(SPLITS)) if have[index] == 0]
        # The last groups go to splits that are still empty, whatever they lack.
        candidates = empty if len(order) - place <= len(empty) else range(len(SPLITS))
        split = max(candidates, key=lambda index: lack[index])
        have[split] += sizes[number]
        chosen |= dict.fromkeys(groups[number], SPLITS[split])
    return [replace(segment, split=chosen[row]) for row, segment in enumerate(segments)]


def shared_speakers(segments: Sequence[LabelledSegment]) -> tuple[str, ...]:
    """Return the speakers that are in more than one split."""
    splits: dict[str, set[str | None]] = {}
    for segment in segments:
        if segment.speaker is not None:
            splits.setdefault(segment.speaker, set()).add(segment.split)
    return tuple(speaker for speaker, found in splits.items() if len(found) > 1)


def _groups(segments: Sequence[LabelledSegment], *, by: str) -> list[list[int]]:
    """Return rows that must stay together: of one video and, with `by` speaker, of videos that share a speaker."""
    numbers: dict[tuple[str, str], int] = {}
    edges: list[tuple[int, int]] = []
    for row, segment in enumerate(segments):
        keys = [("video", segment.video)]
        if by == "speaker" and segment.speaker is not None:
            keys.append(("speaker", segment.speaker))
        edges += [(row, len(segments) + numbers.setdefault(key, len(numbers))) for key in keys]
    size = len(segments) + len(numbers)
    rows, columns = np.array(edges).T
    _, component = connected_components(coo_array((np.ones(len(edges)), (rows, columns)), shape=(size, size)))
    groups: dict[int, list[int]] = {}
    for row in range(len(segments)):
        groups.setdefault(int(component[row]), []).append(row)
    return list(groups.values())


def _refuse_torn(segments: Sequence[LabelledSegment]) -> None:
    of_video: dict[str, LabelledSegment] = {}
    for segment in segments:
        first = of_video.setdefault(segment.video, segment)
        if first.split != segment.split:
            raise DataError(
                f"{segment.origin}: {segment.video} is in {segment.split} and, by {first.origin}, in {first.split}; a "
                "video is one sequence and belongs to one split"
            )


def _refuse_empty(splits: Sequence[str]) -> None:
    for split in SPLITS[:2]:
        if split not in splits:
            raise DataError(f"no row is in split {split}; name some, or leave the column out and have splits made")
