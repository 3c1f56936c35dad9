"""Segmentation of words into utterances: units of speech bounded by pauses and sentence ends (paper, section 1).

The rules in order of application; docs/utterances.md has the evidence for each constant:

1. A change of speaker, a sentence end or a pause of at least `PAUSE` ends an utterance.
2. An utterance longer than `LONGEST` is cut at its largest pause, commas preferred, until all parts fit.
3. An utterance shorter than `SHORTEST` or with fewer than `FEWEST_WORDS` words is merged with the neighbour across the
   smaller pause, if that is below `PAUSE`, or below `LONGEST_JOIN` within a sentence.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.utterance import Utterance

SEGMENTATION_VERSION = "pause-sentence/2"  # raise when the rules change: stored utterances are then recomputed
PAUSE = 1.0  # seconds; in MOSI 0.1 % of the gaps between words of an utterance are as long
LONGEST = 20.0  # seconds; 95 % of MOSEI's utterances are shorter than 17
SHORTEST = 1.0  # seconds; 99 % of MOSEI's utterances are longer than 1.7, of which 0.8 are padding
FEWEST_WORDS = 3  # 99 % of MOSEI's utterances have at least 3
LONGEST_JOIN = 2.0  # seconds; the longest pause within a sentence (a rhetorical pause)
SHORTEST_SIDE = 2.0  # seconds; a cut of a long utterance leaves at least this much on both sides
COMMA_BONUS = 0.3  # seconds that a comma adds to the pause after it when a long utterance is cut

# The end of a sentence may be followed by closing quotes and by signs that nobody says: "Fine! 😀".
SENTENCE_END = re.compile(r"[.?!。！？؟।]['\"”’)\]»]*(?:\s+[^\w\s]+)*$")
CLAUSE_END = re.compile(r"[,;:—–，、；：]['\"”’)\]»]*$")
# A full stop that does not end a sentence: titles, "et al.", "e.g."; and three points, which whisper writes for a
# hesitation.
NO_SENTENCE_END = re.compile(
    r"^['\"“‘(\[«]*(?:mr|mrs|ms|mx|dr|prof|rev|hon|gen|sen|rep|gov|lt|col|capt|sgt|cmdr|messrs|st|mt|ft|al|vs|cf|viz|"
    r"approx|e\.g|i\.e|mme|mlle|hr|fr|frau|herr|z\.b|d\.h|bzw|ca|sog|srta|sra|dña)\.$|\.\.\.",
    re.IGNORECASE,
)
# Points that end a sentence only where one begins after them: "We met at 5 p.m. I was late", but "the U.S. Senate".
DOUBTFUL_END = re.compile(
    r"^['\"“‘(\[«]*(?:(?:\w\.)+|(?:etc|inc|ltd|co|corp|jr|sr|bros|usw|dept|ave|blvd)\.)$", re.IGNORECASE
)
# A point before a number: "No. 5", "fig. 2", "Jan. 3".
BEFORE_NUMBER = re.compile(
    r"^['\"“‘(\[«]*(?:no|nos|nr|núm|fig|figs|vol|vols|p|pp|ch|sec|art|eq|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$",
    re.IGNORECASE,
)
# fmt: off
SENTENCE_STARTERS = frozenset((
    "the", "a", "an", "this", "that", "these", "those", "there", "here", "it", "its", "it's", "i", "i'm", "i've",
    "i'll", "i'd", "we", "we're", "you", "you're", "he", "he's", "she", "she's", "they", "they're", "my", "our",
    "your", "his", "her", "their", "but", "and", "so", "or", "if", "when", "then", "now", "what", "why", "how",
    "who", "where", "because", "in", "on", "at", "for", "with", "to", "as", "after", "before", "not", "no", "yes",
    "yeah", "well", "okay", "oh", "let", "let's", "do", "don't", "is", "are", "was",
))
# fmt: on


@dataclass
class _Group:
    """Consecutive words, by position; a `closed` group is not merged with the next."""

    first: int
    last: int
    closed: bool
    sentence_end: bool


def segment(words: Sequence[Word], *, speakers: Sequence[str | None] | None = None) -> tuple[Utterance, ...]:
    """Segment the words of a recording into utterances.

    Parameters
    ----------
    words : sequence of Word
        In order of time.
    speakers : sequence of str or None, same length, optional
        Speaker of each word. An utterance has one speaker.

    Returns
    -------
    tuple of Utterance
        Numbered from 0, in order of time, not overlapping, none empty. Bounds are those of the first and last word.

    Raises
    ------
    InputError
        If the words are not in order of time or `speakers` has another length.
    """
    voices = list(speakers) if speakers is not None else [None] * len(words)
    if len(voices) != len(words):
        raise InputError(f"speakers has {len(voices)} entries for {len(words)} words; give one per word")
    for earlier, later in itertools.pairwise(words):
        if later.start < earlier.end - 1e-6:
            raise InputError(
                f"words overlap: {earlier.text!r} ends at {earlier.end:.2f} s, {later.text!r} starts at "
                f"{later.start:.2f} s; sort them by time"
            )
    groups: list[_Group] = []
    for group in _bounded(words, voices):
        groups.extend(_cut_long(words, group))
    return tuple(
        utterance(index, words[group.first : group.last + 1], speaker=voices[group.first])
        for index, group in enumerate(_join_short(words, groups))
    )


def utterance(index: int, words: Sequence[Word], *, speaker: str | None = None) -> Utterance:
    """Make an utterance of at least one word; its bounds are those of the first and last."""
    text = " ".join(word.text for word in words)
    return Utterance(index, words[0].start, words[-1].end, text, tuple(words), speaker)


def ends_sentence(text: str, following: str | None = None) -> bool:
    """Return whether a word ends a sentence, according to its punctuation and the word after it.

    Parameters
    ----------
    text : str
        The word.
    following : str or None
        The next word of the same speaker, None where there is none: "Jan." ends a sentence before "We", not before "3".
    """
    if not SENTENCE_END.search(text) or NO_SENTENCE_END.search(text):
        return False
    if BEFORE_NUMBER.search(text):
        return following is None or not (following.lstrip("#(")[:1].isdigit() or following[:1].islower())
    if DOUBTFUL_END.search(text):
        begins = following is not None and following[:1].isupper()
        return begins and str(following).strip(",.;:!?\"'").lower() in SENTENCE_STARTERS
    return True


def _pause(words: Sequence[Word], index: int) -> float:
    """Return the pause after word `index` in seconds."""
    return words[index + 1].start - words[index].end


def _bounded(words: Sequence[Word], voices: Sequence[str | None]) -> list[_Group]:
    groups: list[_Group] = []
    first = 0
    for index, word in enumerate(words):
        last_word = index == len(words) - 1
        new_speaker = last_word or voices[index] != voices[index + 1]
        sentence_end = ends_sentence(word.text, None if new_speaker else words[index + 1].text)
        if new_speaker or sentence_end or _pause(words, index) >= PAUSE:
            groups.append(_Group(first, index, new_speaker, sentence_end))
            first = index + 1
    return groups


def _cut_long(words: Sequence[Word], group: _Group) -> list[_Group]:
    """Cut a group until every piece fits, from its left to its right."""
    pieces: list[_Group] = []
    waiting = [group]
    while waiting:
        piece = waiting.pop()
        if words[piece.last].end - words[piece.first].start <= LONGEST or piece.first == piece.last:
            pieces.append(piece)
            continue
        cut = _best_cut(words, piece)
        waiting.append(_Group(cut + 1, piece.last, piece.closed, piece.sentence_end))
        waiting.append(_Group(piece.first, cut, closed=False, sentence_end=False))
    return pieces


def _best_cut(words: Sequence[Word], group: _Group) -> int:
    """Return the word after which a group is cut: the largest pause, commas preferred, then the middle."""
    start, end = words[group.first].start, words[group.last].end
    candidates = [
        index
        for index in range(group.first, group.last)
        if words[index].end - start >= SHORTEST_SIDE and end - words[index + 1].start >= SHORTEST_SIDE
    ] or list(range(group.first, group.last))
    middle = (start + end) / 2

    def worth(index: int) -> tuple[float, float]:
        comma = COMMA_BONUS if CLAUSE_END.search(words[index].text) else 0.0
        return round(_pause(words, index) + comma, 2), -abs(words[index].end - middle)

    return max(candidates, key=worth)


def _join_short(words: Sequence[Word], groups: Sequence[_Group]) -> list[_Group]:
    joined = list(groups)

    def short(group: _Group) -> bool:
        seconds = words[group.last].end - words[group.first].start
        return seconds < SHORTEST or group.last - group.first + 1 < FEWEST_WORDS

    def price(earlier: int) -> float | None:
        """Return the cost of merging a group with the next in seconds of pause, None if they must not be merged."""
        left, right = joined[earlier], joined[earlier + 1]
        pause = _pause(words, left.last)
        longest_pause = PAUSE if left.sentence_end else LONGEST_JOIN
        if left.closed or pause >= longest_pause or words[right.last].end - words[left.first].start > LONGEST:
            return None
        return pause + (PAUSE if left.sentence_end else 0.0)

    index = 0
    while index < len(joined):
        if short(joined[index]):
            prices = [
                (cost, place)
                for place in (index - 1, index)
                if 0 <= place < len(joined) - 1
                if (cost := price(place)) is not None
            ]
            if prices:
                _, place = min(prices)
                left, right = joined[place], joined[place + 1]
                joined[place : place + 2] = [_Group(left.first, right.last, right.closed, right.sentence_end)]
                index = place
                continue
        index += 1
    return joined
