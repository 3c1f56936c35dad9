"""The word index answers as a dict of the same lines does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mtmm_video.extractors.text.word_index import WordIndex

WORD = st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), max_size=24)


@given(words=st.lists(WORD, unique=True), others=st.lists(WORD), ended=st.booleans())
def test_every_word_has_its_line_and_no_other_word_has_one(words: list[str], others: list[str], ended: bool) -> None:
    content = "\n".join(words) + ("\n" if words and (ended or not words[-1]) else "")
    index, known = WordIndex(content.encode("utf-8")), {word: row for row, word in enumerate(words)}
    assert list(index) == words
    assert {word: index.get(word) for word in [*words, *others]} == {
        word: known.get(word) for word in [*words, *others]
    }


def test_words_that_differ_only_in_their_middle_are_told_apart() -> None:
    words = ["counter-clockwise", "counterXclockwise", "counter-clockwise"]
    index = WordIndex("\n".join(words).encode())
    assert [index.get(word) for word in (*words, "counterYclockwise")] == [0, 1, 0, None]
