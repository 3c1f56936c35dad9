"""Utterances are bounded by pauses and sentence ends, hold every word once, and never overlap."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.segmentation import LONGEST, PAUSE, ends_sentence, segment


def speak(text: str, *, start: float = 0.0, seconds: float = 0.3) -> list[Word]:
    """Words of equal length one after the other; ``|0.8`` between them is a pause of that many seconds."""
    words: list[Word] = []
    clock = start
    for token in text.split():
        if token.startswith("|"):
            clock += float(token[1:])
        else:
            words.append(Word(token, round(clock, 3), round(clock + seconds, 3)))
            clock += seconds
    return words


def texts(words: list[Word]) -> list[str]:
    return [utterance.text for utterance in segment(words)]


def test_sentences_are_utterances() -> None:
    assert texts(speak("I loved this film. Did you like it? Well, go and see it!")) == [
        "I loved this film.",
        "Did you like it?",
        "Well, go and see it!",
    ]


def test_a_pause_ends_an_utterance_without_punctuation() -> None:
    words = speak("this is what I said |1.2 and then I went home again")
    assert texts(words) == ["this is what I said", "and then I went home again"]


def test_a_breath_within_a_sentence_does_not() -> None:
    assert len(segment(speak("this is what I |0.5 said and then I went home"))) == 1


def test_a_rhetorical_pause_does_not_leave_two_words_alone() -> None:
    words = speak("And so my fellow Americans |1.1 ask not |1.05 what your country can do for you.")
    assert texts(words) == ["And so my fellow Americans", "ask not what your country can do for you."]


def test_a_short_sentence_joins_the_nearer_neighbour() -> None:
    words = speak("We went to see it. |0.9 Yes. |0.1 It was very good indeed.")
    assert texts(words) == ["We went to see it.", "Yes. It was very good indeed."]


def test_a_short_sentence_between_long_pauses_stays_alone() -> None:
    words = speak("We went to see it. |3 Wow! |3 It was very good indeed.")
    assert texts(words) == ["We went to see it.", "Wow!", "It was very good indeed."]


def test_what_is_too_long_is_cut_at_its_largest_pause() -> None:
    words = speak("word " * 40 + "|0.6 " + "word " * 40)
    assert [len(utterance.words) for utterance in segment(words)] == [40, 40]


def test_of_equal_pauses_the_one_after_a_comma_is_taken() -> None:
    words = speak("word " * 30 + "|0.3 word " + "word " * 15 + "word, |0.3 " + "word " * 35)
    assert [utterance.text.endswith(",") for utterance in segment(words)] == [True, False]


@pytest.mark.parametrize("word", ["end.", "end!", "end?", 'end."', "end?)", "終わり。", "happened?!"])
def test_sentence_ends_are_recognised(word: str) -> None:
    assert ends_sentence(word)


def test_abbreviations_end_no_utterance() -> None:
    assert texts(speak("Dr. Smith et al. said one million people came to see it at 5 p.m. in St. Louis.")) == [
        "Dr. Smith et al. said one million people came to see it at 5 p.m. in St. Louis."
    ]


def test_an_abbreviation_ends_a_sentence_where_another_begins() -> None:
    assert texts(speak("We all met there at 5 p.m. I was late because of the rain.")) == [
        "We all met there at 5 p.m.",
        "I was late because of the rain.",
    ]


def test_no_is_an_answer_and_before_a_number_an_abbreviation() -> None:
    assert ends_sentence("No.", "I")
    assert not ends_sentence("No.", "5")


def test_signs_after_the_point_change_nothing() -> None:
    assert ends_sentence("video. 😀")
    assert ends_sentence("people. —")


def test_a_long_recording_without_punctuation_is_cut_whatever_its_pauses() -> None:
    clock, words = 0.0, []
    for number in range(3000):  # pauses that grow, so that every cut takes off the last piece
        clock += 2.5 + number * 1e-4
        words.append(Word("word", clock - 2.45, clock))
    utterances = segment(words)
    assert sum(len(utterance.words) for utterance in utterances) == 3000


@pytest.mark.parametrize("word", ["Dr.", "Mrs.", "J.", "U.S.", "e.g.", "well...", "and,", "3.5", "so", "wait…"])
def test_points_that_end_no_sentence(word: str) -> None:
    assert not ends_sentence(word)


def test_speakers_never_share_an_utterance() -> None:
    words = speak("do you like it yes")
    utterances = segment(words, speakers=["A", "A", "A", "A", "B"])
    assert [(utterance.text, utterance.speaker) for utterance in utterances] == [("do you like it", "A"), ("yes", "B")]


def test_nothing_said_gives_no_utterance() -> None:
    assert segment([]) == ()


def test_words_out_of_order_are_refused() -> None:
    with pytest.raises(InputError, match="sort them"):
        segment([Word("b", 1.0, 2.0), Word("a", 0.0, 0.5)])


tokens = st.sampled_from(["so", "well,", "done.", "really?", "Dr.", "extraordinarily"])
timed = st.lists(st.tuples(tokens, st.floats(0, 3), st.floats(0, 4), st.sampled_from(["A", "B", None])), max_size=60)


@given(timed)
def test_every_word_is_in_one_utterance_and_bounds_are_plausible(
    spoken: list[tuple[str, float, float, str | None]],
) -> None:
    words: list[Word] = []
    clock = 0.0
    for text, pause, seconds, _ in spoken:
        words.append(Word(text, clock + pause, clock + pause + seconds))
        clock += pause + seconds
    utterances = segment(words, speakers=[speaker for *_, speaker in spoken])
    assert [word for utterance in utterances for word in utterance.words] == words
    assert [utterance.index for utterance in utterances] == list(range(len(utterances)))
    for utterance in utterances:
        assert utterance.words
        assert utterance.start == utterance.words[0].start <= utterance.words[-1].end == utterance.end
        assert len(utterance.words) == 1 or utterance.end - utterance.start <= LONGEST
    for earlier, later in itertools.pairwise(utterances):
        assert earlier.end <= later.start + 1e-6
    assert 0 < PAUSE < LONGEST
