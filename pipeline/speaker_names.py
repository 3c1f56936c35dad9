"""Who says each word: the turns that were heard brought to the words, under the speakers' names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mtmm_video.extractors.speech.speaker_turns import SpeakerTurn
from mtmm_video.extractors.speech.words import Word
from mtmm_video.pipeline.segmentation import ends_sentence, segment
from mtmm_video.pipeline.utterance import Utterance

SPEAKER_NAMES_VERSION = "word-overlap/1"  # raise when the rules change: stored utterances are then made again
# Where one speaker ends and another begins, turns and words disagree by a word: whisper's word starts are 66 ms off in
# the mean, and it draws a word out over the pause after it.
LONGEST_SHIFT = 0.7  # seconds of words between a change of speaker and the sentence end that it is moved to
WORDS_AROUND = 2  # on either side of the change that are looked at
SHORTEST_PAUSE = 0.3  # seconds; a single word without such a pause on either side is no turn of its own


def with_speakers(
    utterances: Sequence[Utterance], turns: Sequence[SpeakerTurn], *, names: Sequence[str] = ()
) -> tuple[Utterance, ...]:
    """Return utterances that end where the speaker changes, with the speakers' names.

    Parameters
    ----------
    utterances : sequence of Utterance
        In order of time. Those that are not the segmentation of their words were bounded by the user: they stay whole
        and are the speaker's who says most of their words.
    turns : sequence of SpeakerTurn
        Who speaks when.
    names : sequence of str
        As the user gave them, in order of first appearance.
    """
    if not turns:
        return tuple(utterances)
    words = [word for utterance in utterances for word in utterance.words]
    speakers = name_speakers(speakers_of_words(words, turns), names=names)
    if segment(words) == tuple(utterances):
        return segment(words, speakers=speakers)
    named = []
    said = iter(speakers)
    for utterance in utterances:
        shares = Counter(next(said) for _ in utterance.words)
        named.append(replace(utterance, speaker=shares.most_common(1)[0][0]))
    return tuple(named)


def with_track_names(utterances: Sequence[Utterance], *, names: Sequence[str] = ()) -> tuple[Utterance, ...]:
    """Return utterances whose speaker is that of their track, where each track is one speaker's.

    Parameters
    ----------
    utterances : sequence of Utterance
        In order of time.
    names : sequence of str
        As the user gave them, in order of first appearance.
    """
    speakers = name_speakers([utterance.track for utterance in utterances], names=names)
    return tuple(replace(utterance, speaker=speaker) for utterance, speaker in zip(utterances, speakers, strict=True))


def speakers_of_words(words: Sequence[Word], turns: Sequence[SpeakerTurn]) -> tuple[int | None, ...]:
    """Return the speaker of each word.

    A word is the speaker's whose turns share most time with it, else whose turn is nearest. A change of speaker within
    a word or two of a sentence end is moved there, and a word alone between two of another's, without a pause on either
    side and no sentence of its own, is taken for the other's.

    Parameters
    ----------
    words : sequence of Word
        In order of time.
    turns : sequence of SpeakerTurn
        In order of time.

    Returns
    -------
    tuple of int or None, length n
        None throughout where there are no turns.
    """
    if not turns:
        return (None,) * len(words)
    return tuple(_smoothed(words, _moved(words, [_nearest(word, turns) for word in words])))


def name_speakers(speakers: Sequence[int | None], *, names: Sequence[str] = ()) -> tuple[str | None, ...]:
    """Return names for numbers: the given ones in order of first appearance, then "Speaker 3" and so on.

    Parameters
    ----------
    speakers : sequence of int or None
        Number of each word's speaker.
    names : sequence of str
        As the user gave them.
    """
    order = dict.fromkeys(speaker for speaker in speakers if speaker is not None)
    known = {
        speaker: names[place] if place < len(names) else f"Speaker {place + 1}" for place, speaker in enumerate(order)
    }
    return tuple(None if speaker is None else known[speaker] for speaker in speakers)


def speaker_confidence(turns: Sequence[SpeakerTurn], *, start: float, end: float) -> float | None:
    """Return the mean confidence of the turns between two times, weighted by time; None where there is no turn.

    Parameters
    ----------
    turns : sequence of SpeakerTurn
    start, end : float
        Seconds.
    """
    shared = np.array([max(0.0, min(turn.end, end) - max(turn.start, start)) for turn in turns])
    if not shared.any():
        return None
    return float(np.average([turn.confidence for turn in turns], weights=shared))


def _nearest(word: Word, turns: Sequence[SpeakerTurn]) -> int:
    shared: dict[int, float] = {}
    for turn in turns:
        seconds = min(turn.end, word.end) - max(turn.start, word.start)
        if seconds > 0:
            shared[turn.speaker] = shared.get(turn.speaker, 0.0) + seconds
    if shared:
        return max(shared, key=shared.__getitem__)
    return min(turns, key=lambda turn: max(turn.start - word.end, word.start - turn.end)).speaker


def _moved(words: Sequence[Word], speakers: list[int]) -> list[int]:
    """Move changes of speaker to the nearest sentence end, where one is near."""
    moved = list(speakers)
    for place in range(1, len(words)):
        if moved[place] == moved[place - 1] or ends_sentence(words[place - 1].text):
            continue
        changed = words[place].start
        # A change after word `end` may only take words from the two speakers who meet here.
        candidates = [
            end
            for end in range(place + WORDS_AROUND - 1, place - WORDS_AROUND - 2, -1)
            if 0 <= end < len(words) - 1 and ends_sentence(words[end].text)
            if abs(words[end].end - changed) <= LONGEST_SHIFT
            if len(set(moved[min(end + 1, place) : place])) <= 1 and len(set(moved[place : end + 1])) <= 1
        ]
        if candidates:
            end = min(candidates, key=lambda index: abs(words[index].end - changed))
            before, after = moved[place - 1], moved[place]
            moved[place : end + 1] = [before] * len(moved[place : end + 1])
            moved[end + 1 : place] = [after] * len(moved[end + 1 : place])
    return moved


def _smoothed(words: Sequence[Word], speakers: list[int]) -> list[int]:
    """Give a word that is alone between two of another speaker to that speaker, if nothing sets it apart."""
    smoothed = list(speakers)
    for index in range(1, len(words) - 1):
        before, after = words[index].start - words[index - 1].end, words[index + 1].start - words[index].end
        apart = max(before, after) >= SHORTEST_PAUSE
        apart = apart or (ends_sentence(words[index - 1].text) and ends_sentence(words[index].text))
        if smoothed[index - 1] == speakers[index + 1] != smoothed[index] and not apart:
            smoothed[index] = smoothed[index - 1]
    return smoothed
