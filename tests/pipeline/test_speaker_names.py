"""Every word has its speaker, and an utterance ends where the speaker changes."""

from __future__ import annotations

import itertools

import pytest

from mtmm_video.extractors.speech.speaker_turns import SpeakerTurn
from mtmm_video.extractors.speech.words import Word
from mtmm_video.pipeline.segmentation import segment
from mtmm_video.pipeline.speaker_names import name_speakers, speaker_confidence, speakers_of_words, with_speakers
from mtmm_video.pipeline.utterance import Utterance


def said(text: str, *, start: float = 0.0, word: float = 0.4, gaps: dict[int, float] | None = None) -> list[Word]:
    """Words one after the other, with pauses before those in `gaps`."""
    words = []
    for index, piece in enumerate(text.split()):
        start += (gaps or {}).get(index, 0.0)
        words.append(Word(piece, start, start + word, 0.9))
        start += word
    return words


def turns(*spans: tuple[float, float, int]) -> list[SpeakerTurn]:
    return [SpeakerTurn(start, end, speaker, 0.9) for start, end, speaker in spans]


def test_a_word_is_the_speakers_whose_turn_it_lies_in_or_next_to() -> None:
    words = said("Good morning, Steve. Good morning, Katie.", gaps={3: 1.0})
    assert speakers_of_words(words, turns((0.0, 1.1, 0), (2.5, 3.0, 1))) == (0, 0, 0, 1, 1, 1)
    assert speakers_of_words(words, []) == (None,) * 6


@pytest.mark.parametrize("change", [0.9, 1.2, 1.7])
def test_a_change_near_a_sentence_end_is_moved_there(change: float) -> None:
    words = said("Good morning, Steve. Good morning, Katie.")  # the sentence ends at 1.2 s
    assert speakers_of_words(words, turns((0.0, change, 0), (change, 2.4, 1))) == (0, 0, 0, 1, 1, 1)


def test_a_change_far_from_any_sentence_end_stays() -> None:
    words = said("we all of us think that this will be done by the end")
    assert speakers_of_words(words, turns((0.0, 2.4, 0), (2.4, 5.2, 1))) == (0,) * 6 + (1,) * 7


def test_a_word_alone_in_anothers_sentence_is_smoothed_and_an_answer_is_not() -> None:
    inside = said("we all of us think")
    assert speakers_of_words(inside, turns((0.0, 0.8, 0), (0.8, 1.2, 1), (1.2, 2.0, 0))) == (0,) * 5
    answer = said("Is it done? Yes. Then let us go.")
    assert speakers_of_words(answer, turns((0.0, 1.2, 0), (1.2, 1.6, 1), (1.6, 3.2, 0))) == (0, 0, 0, 1, 0, 0, 0, 0)


def test_names_go_to_speakers_in_order_of_appearance_and_the_rest_are_numbered() -> None:
    assert name_speakers([7, 7, None, 2, 5], names=["Ann", "Bob"]) == ("Ann", "Ann", None, "Bob", "Speaker 3")


def test_no_utterance_holds_two_speakers() -> None:
    words = said("so what do you think about it well I like it very much")
    found = with_speakers(segment(words), turns((0.0, 2.8, 0), (2.8, 5.2, 1)), names=["Ann"])
    assert [(utterance.speaker, utterance.text) for utterance in found] == [
        ("Ann", "so what do you think about it"),
        ("Speaker 2", "well I like it very much"),
    ]
    assert [utterance.index for utterance in found] == [0, 1]


def test_utterances_that_the_user_bounded_stay_whole() -> None:
    words = said("so what do you think well I like it")
    whole = [Utterance(0, 0.0, 5.0, " ".join(word.text for word in words), tuple(words))]
    found = with_speakers(whole, turns((0.0, 2.0, 3), (2.0, 3.6, 1)))
    assert [(each.start, each.end, each.speaker) for each in found] == [(0.0, 5.0, "Speaker 1")]


def test_confidence_is_weighed_by_time_and_absent_without_a_turn() -> None:
    spoken = [SpeakerTurn(0.0, 1.0, 0, 0.4), SpeakerTurn(1.0, 4.0, 0, 0.8)]
    assert speaker_confidence(spoken, start=0.0, end=4.0) == pytest.approx(0.7)
    assert speaker_confidence(spoken, start=5.0, end=6.0) is None


def test_utterances_stay_in_order() -> None:
    words = said("one two three. four five six. seven eight nine.")
    found = with_speakers(segment(words), turns((0.0, 1.2, 0), (1.2, 2.4, 1), (2.4, 3.6, 0)))
    assert [each.speaker for each in found] == ["Speaker 1", "Speaker 2", "Speaker 1"]
    assert all(earlier.end <= later.start for earlier, later in itertools.pairwise(found))
