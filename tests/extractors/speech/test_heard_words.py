"""Words of a translation: their times are those of whisper's segments, in proportion to the letters."""

from __future__ import annotations

import pytest
from whisper.timing import WordTiming

from mtmm_video.extractors.speech.heard_words import segment_times

STAMPS = 1000  # the first time token, in this test


def timing(word: str, *tokens: int) -> WordTiming:
    return WordTiming(word, list(tokens), 0.0, 0.0, 0.9)


def test_words_share_their_segment_by_letters() -> None:
    # <0.00> " a" " bcd" <2.00><4.00> " efgh" <5.00>, with 50 time tokens a second
    tokens = [STAMPS, 1, 2, 3, STAMPS + 100, STAMPS + 200, 4, STAMPS + 250]
    words = [timing(" a", 1), timing(" bcd", 2, 3), timing(" efgh", 4)]
    found = segment_times(words, tokens, timestamp_begin=STAMPS, seconds=6.0)
    assert [entry.word for entry in found] == [" a", " bcd", " efgh"]
    spans = [(entry.start, entry.end) for entry in found]
    assert spans[0] == pytest.approx((0.0, 2 / 3))  # two of six characters
    assert spans[1] == pytest.approx((2 / 3, 2.0))
    assert spans[2] == pytest.approx((4.0, 5.0)), "the pause between the segments belongs to neither"


def test_an_open_segment_ends_with_the_window() -> None:
    found = segment_times([timing(" well", 1)], [STAMPS + 50, 1], timestamp_begin=STAMPS, seconds=6.0)
    assert (found[0].start, found[0].end) == (1.0, 6.0)
