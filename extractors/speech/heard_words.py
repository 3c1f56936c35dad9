"""From what a recogniser writes to words: attached marks, loops, the seam of two windows, detected speech."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from whisper.audio import TOKENS_PER_SECOND
from whisper.timing import WordTiming, merge_punctuations

from mtmm_video.extractors.speech.chunks import LONGEST_GAP
from mtmm_video.extractors.speech.word_times import Span, fill_times
from mtmm_video.extractors.speech.words import Word

SPEECH_TOLERANCE = 0.2  # seconds a word may lie beside detected speech: three times whisper's error in word starts
SHORTEST_WORD = 0.02  # seconds; the step of whisper's word times. A shorter word got no time
SHORTEST_TAIL = 0.15  # seconds; what lies after a pause and is shorter is the blur of the word before it, not a word
WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # languages written without spaces between words
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # marks that belong to the next word, to the word before

LOOP_COMPRESSION = 2.4  # gzip ratio of a text above which whisper counts it as a loop
LOWEST_LOGPROB = -1.0  # mean log probability of the tokens below which whisper doubts a text
NO_SPEECH = 0.6  # probability of "no speech" above which a doubtful text is taken for invented


def is_unlikely(logprob: float) -> bool:
    """Tell whether the mean log probability of a text's tokens is one that whisper itself doubts."""
    return logprob < LOWEST_LOGPROB


def is_loop(text: str) -> bool:
    """Tell whether a text repeats itself so much that whisper counts it as a loop."""
    content = text.encode()
    return bool(content) and len(content) / len(zlib.compress(content)) > LOOP_COMPRESSION


def closed_tokens(tokens: Sequence[int], *, timestamp_begin: int) -> list[int]:
    """Return the tokens up to the last segment that whisper closed: a window's end cuts the open one off.

    Parameters
    ----------
    tokens : sequence of int
        Text and time tokens as decoded.
    timestamp_begin : int
        The first time token. A closed segment ends in one, and the next begins with another.
    """
    stamps = [token >= timestamp_begin for token in tokens]
    closed = [place for place in range(1, len(tokens)) if stamps[place - 1] and stamps[place]]
    return list(tokens[: closed[-1]] if closed else tokens)


def words_of(timings: Sequence[WordTiming], *, start: float, language: str) -> list[Word]:
    """Turn whisper's word timings into words; marks go to the word they belong to.

    Parameters
    ----------
    timings : sequence of WordTiming
        In seconds from the start of the window.
    start : float
        Of the window, in seconds on the clock of the recording.
    language : str
        ISO 639-1 code.
    """
    timings = list(timings)
    merge_punctuations(timings, PREPENDED, APPENDED)
    words: list[Word] = []
    for timing in timings:
        attached = not timing.word.startswith(" ") and language not in WITHOUT_SPACES
        if words and attached and timing.word:  # "-budget" of "low-budget", "%" of "50%"
            words[-1] = replace(words[-1], text=words[-1].text + timing.word, end=start + float(timing.end))
        elif any(character.isalnum() for character in timing.word):
            begin, end = start + float(timing.start), start + float(timing.end)
            words.append(Word(timing.word.strip(), begin, end, float(timing.probability)))
    return words


def segment_times(
    timings: Sequence[WordTiming], tokens: Sequence[int], *, timestamp_begin: int, seconds: float
) -> list[WordTiming]:
    """Spread words over the segments that whisper closed with time tokens, in proportion to their letters.

    A translation has another order of words than what is said, so only its segments have times.

    Parameters
    ----------
    timings : sequence of WordTiming
        The words of a window with their tokens, in order; their times are replaced.
    tokens : sequence of int
        Text and time tokens as decoded.
    timestamp_begin : int
        The first time token; each further one is 20 ms later.
    seconds : float
        Length of the window.
    """
    bounds: list[tuple[float, float]] = []  # of the segment of each text token
    begin, open_since = 0.0, 0
    count = 0
    for token in tokens:
        if token < timestamp_begin:
            count += 1
            continue
        time = min((token - timestamp_begin) / TOKENS_PER_SECOND, seconds)
        bounds += [(begin, max(time, begin))] * (count - open_since)
        begin, open_since = time, count
    bounds += [(begin, seconds)] * (count - open_since)
    spread: list[WordTiming] = []
    place = 0
    for timing in timings:
        segment = bounds[min(place, len(bounds) - 1)]
        place += len(timing.tokens)
        spread.append(WordTiming(timing.word, timing.tokens, *segment, timing.probability))
    result: list[WordTiming] = []
    for segment, group in groupby(spread, key=lambda timing: (timing.start, timing.end)):
        members = list(group)
        ends = np.cumsum([max(len(member.word), 1) for member in members])
        edges = segment[0] + (segment[1] - segment[0]) * np.concatenate([[0.0], ends / ends[-1]])
        for member, start, end in zip(members, edges[:-1], edges[1:], strict=True):
            result.append(WordTiming(member.word, member.tokens, float(start), float(end), member.probability))
    return result


def join_text(earlier: Sequence[Word], later: Sequence[Word]) -> list[Word]:
    """Concatenate the words of two windows and remove a full stop that marks only the end of the first window.

    Whisper ends the text of a window with a full stop even in the middle of a sentence; the next window then begins
    with a lower-case letter.
    """
    if not earlier or not later:
        return [*earlier, *later]
    seam = earlier[-1]
    goes_on = later[0].text[:1].islower() and later[0].start - seam.end <= LONGEST_GAP
    if goes_on and seam.text.endswith(".") and not seam.text.endswith(".."):
        seam = replace(seam, text=seam.text.removesuffix("."))
    return [*earlier[:-1], seam, *later]


def collapse_loops(words: Sequence[Word]) -> list[Word]:
    """Keep one repetition of every sequence of words that occurs three times or more in a row."""
    keys = [word.text.lower().strip(".,!?") for word in words]
    kept: list[Word] = []
    index = 0
    while index < len(words):
        length, rounds = 1, 1
        for length in range(1, (len(words) - index) // 3 + 1):
            pattern = keys[index : index + length]
            rounds = 1
            while keys[index + rounds * length : index + (rounds + 1) * length] == pattern:
                rounds += 1
            if rounds >= 3:
                break
        else:
            length, rounds = 1, 1
        kept.extend(words[index : index + length])
        index += length * rounds
    return kept


def fit_to_speech(words: Sequence[Word], speech: NDArray[np.floating]) -> tuple[Word, ...]:
    """Clip words to the speech they overlap, drop those outside speech, interpolate those without a duration.

    Whisper's alignment starts a word where the previous one ends, so a word that spans a pause was spoken after it,
    unless the part after the pause is shorter than `SHORTEST_TAIL`.

    Parameters
    ----------
    words : sequence of Word
        In order of time, with whisper's times.
    speech : ndarray, shape (n, 2)
        Start and end in seconds, n > 0.

    Returns
    -------
    tuple of Word
        In order of time, none overlapping the next.
    """
    texts: list[str] = []
    spans: list[Span | None] = []
    probabilities: list[float | None] = []
    for word in words:
        overlap = np.minimum(speech[:, 1], word.end) - np.maximum(speech[:, 0], word.start)
        if overlap.max() < -SPEECH_TOLERANCE:
            continue
        texts.append(word.text)
        probabilities.append(word.probability)
        enough = np.flatnonzero(overlap >= SHORTEST_WORD)
        if word.end - word.start < SHORTEST_WORD:
            spans.append(None)
        elif len(enough):
            long_enough = np.flatnonzero(overlap >= SHORTEST_TAIL)
            best = int(long_enough[-1] if len(long_enough) else overlap.argmax())
            spans.append((max(word.start, float(speech[best, 0])), min(word.end, float(speech[best, 1]))))
        else:
            spans.append((word.start, word.end))
    return fill_times(texts, spans, start=float(speech[0, 0]), end=float(speech[-1, 1]), probabilities=probabilities)
