"""Cues of subtitles: utterances that are long to read or to see are split at the times of their words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.reports.intervals import Interval, utterance_intervals, word_intervals

# What broadcasters allow of one subtitle (BBC, Subtitle Guidelines; Netflix, Timed Text Style Guide).
LONGEST_TEXT = 84  # characters: two lines of 42
LONGEST_TIME = 7_000  # milliseconds
BREAKS = (".", "!", "?", ",", ";", ":", "…", "。", "，")  # marks at the end of a word after which a cue may well end
REACH = 0.35  # of a part's length: how far a break may lie from the even one to be preferred


@dataclass(frozen=True)
class Cue:
    """One subtitle.

    Attributes
    ----------
    labelled : LabelledUtterance
        The utterance it belongs to.
    part, parts : int
        Its position among the cues of the utterance, from 1, and how many there are.
    interval : (int, int)
        Milliseconds.
    text : str
        On one line.
    """

    labelled: LabelledUtterance
    part: int
    parts: int
    interval: Interval
    text: str


def cues_of(analysis: Analysis) -> list[Cue]:
    """Return the cues of an analysis in order of the utterances, each of at most two lines and seven seconds.

    An utterance whose words do not make up its text, and a single long word, stay whole.
    """
    cues: list[Cue] = []
    for labelled, whole, words in zip(
        analysis.utterances, utterance_intervals(analysis), word_intervals(analysis), strict=True
    ):
        texts = [" ".join(word.text.split()) for word in labelled.utterance.words]
        text = " ".join(labelled.utterance.text.split())
        ends = _last_words(texts, words) if " ".join(texts) == text else []
        bounds = [0, *ends, len(texts)]
        parts = len(bounds) - 1
        if parts == 1:
            cues.append(Cue(labelled, 1, 1, whole, text))
            continue
        for part, (first, after) in enumerate(pairwise(bounds), start=1):
            start = whole[0] if part == 1 else words[first][0]
            end = whole[1] if part == parts else min(words[after - 1][1], words[after][0])
            cues.append(Cue(labelled, part, parts, (start, max(end, start + 1)), " ".join(texts[first:after])))
    return cues


def _last_words(texts: list[str], words: list[Interval]) -> list[int]:
    """Return the positions of the words that begin a further cue; empty where one cue is enough."""
    if len(texts) < 2:
        return []
    length = len(" ".join(texts))
    time = words[-1][1] - words[0][0]
    parts = max(math.ceil(length / LONGEST_TEXT), math.ceil(time / LONGEST_TIME))
    while parts < len(texts):
        ends = _even_ends(texts, words, parts=parts)
        if _fits(texts, words, ends):
            return ends
        parts += 1
    return list(range(1, len(texts)))


def _even_ends(texts: list[str], words: list[Interval], *, parts: int) -> list[int]:
    """Split into parts of about the same share of characters and time, rather after a mark or a pause."""
    characters = len(" ".join(texts))
    time = max(words[-1][1] - words[0][0], 1)
    seen, shares = 0, []
    for text, (_, end) in zip(texts, words, strict=True):
        seen += len(text) + 1
        shares.append((seen / (characters + 1) + (end - words[0][0]) / time) / 2)
    ends: list[int] = []
    for part in range(1, parts):
        aim = part / parts
        candidates = range(ends[-1] + 1 if ends else 1, len(texts))
        if not candidates:
            break

        def cost(position: int, aim: float = aim) -> float:
            bonus = REACH / parts if texts[position - 1].endswith(BREAKS) else 0.0
            return abs(shares[position - 1] - aim) - bonus

        ends.append(min(candidates, key=cost))
    return ends


def _fits(texts: list[str], words: list[Interval], ends: list[int]) -> bool:
    bounds = [0, *ends, len(texts)]
    return all(
        len(" ".join(texts[first:after])) <= LONGEST_TEXT and words[after - 1][1] - words[first][0] <= LONGEST_TIME
        for first, after in pairwise(bounds)
    )
