"""Tokens as GloVe 6B has them, and means over what has a vector."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from mtmm_video.extractors.text.glove import GLOVE_REVISION, GloveVectors, tokenize
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.weights import resolution

WORDS = ("good", "movie", "not", "do", "n't", "it", "'s", "high", "tech", "1000", "cafe", "so", "yeah", "u.s.")


def write_vectors(folder: Path, words: tuple[str, ...] = WORDS, size: int = 3) -> Path:
    np.save(folder / "vectors.npy", np.arange(len(words) * size, dtype=np.float32).reshape(len(words), size))
    (folder / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def glove(tmp_path: Path) -> GloveVectors:
    return GloveVectors.load(write_vectors(tmp_path))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I don't think so.", "i do n't think so"),
        ("I DON’T, he's; we'll!", "i do n't he 's we 'll"),
        ("can't won't ain't shouldn't've", "ca n't wo n't ai n't should n't 've"),
        ("I’m you´re they`ve she'd", "i 'm you 're they 've she 'd"),
        ("the dog's and the dogs' home", "the dog 's and the dogs home"),
        ("gonna cannot y'all o'clock", "gonna cannot you all o'clock"),
        ("Get 'em, rock 'n' roll in the '90s", "get 'em rock 'n roll in the '90s"),
        ("In the U.S. at 9 a.m. Dr. Who's best.", "in the u.s. at 9 a.m. dr. who 's best"),
        ("$1,000 or 50% at 10:30 in the 1990s", "$ 1,000 or 50 % at 10:30 in the 1990s"),
        ("a high-tech café—really?", "a high-tech café really"),
        ("Rock &amp; roll at AT&amp;T &gt;&gt; yes", "rock & roll at at&t yes"),
        ("(umm) it was (uhh) um fine sp", "it was fine"),
        ("I (stutter) was {sigh} there [Music] (I think) ( LAUGHTER )", "i was there i think"),
        ("it\ufffds Ziploc™ \u202cgood", "it 's ziploc good"),
    ],
)
def test_tokens_are_those_of_the_stanford_tokeniser(text: str, tokens: str) -> None:
    assert tokenize(text) == tuple(tokens.split())


@pytest.mark.parametrize("text", ["", "  ", "... -- ?!", "(umm)", "[Applause]", "♪"])
def test_nothing_said_gives_no_tokens(text: str) -> None:
    assert tokenize(text) == ()


def test_mean_is_over_known_tokens_only(glove: GloveVectors) -> None:
    means = glove.utterance_means(["It's not zyzzyva"])
    rows = [WORDS.index(word) for word in ("it", "'s", "not")]
    np.testing.assert_allclose(means.values[0], glove.vectors[rows].mean(axis=0))
    assert means.out_of_vocabulary[0] == pytest.approx(1 / 4)
    assert means.version == f"glove-6b-3d/{GLOVE_REVISION}"
    assert means.names == ("glove_00", "glove_01", "glove_02")


def test_utterance_without_known_words_is_marked_not_zeroed_in_silence(glove: GloveVectors) -> None:
    means = glove.utterance_means(["zyzzyva", "", "good"])
    assert means.valid.tolist() == [[False] * 3, [False] * 3, [True] * 3]
    assert means.out_of_vocabulary.tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("high-tech", ("high", "tech")),
        ("1,000", ("1000",)),
        ("café", ("cafe",)),
        ("sooooo", ("so",)),
        ("zyzzyva-movie", ("movie",)),
        ("zyzzyva", ()),
    ],
)
def test_unknown_spellings_fall_back_to_plainer_ones(glove: GloveVectors, token: str, words: tuple[str, ...]) -> None:
    assert glove.known(token) == words


def test_vectors_stay_on_disk(glove: GloveVectors) -> None:
    assert isinstance(glove.vectors, np.memmap)


def test_gensim_finds_the_neighbours_of_a_word(glove: GloveVectors) -> None:
    keyed = glove.keyed_vectors()
    closest, similarity = keyed.most_similar("good", topn=1)[0]
    units = glove.vectors / np.linalg.norm(glove.vectors, axis=1, keepdims=True)
    cosines = units @ units[glove.words["good"]]
    cosines[glove.words["good"]] = -1
    assert closest == WORDS[int(cosines.argmax())]
    assert similarity == pytest.approx(cosines.max(), abs=1e-6)


def test_missing_and_mismatched_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="weights fetch"):
        GloveVectors.load(tmp_path)
    write_vectors(tmp_path)
    (tmp_path / "words.txt").write_text("one\ntwo\n", encoding="utf-8")
    with pytest.raises(WeightsError, match="2 words"):
        GloveVectors.load(tmp_path)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    write_vectors(tmp_path)
    np.save(tmp_path / "vectors.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(WeightsError, match=r"vectors\.npy"):
        GloveVectors.load(tmp_path)


@pytest.mark.reference
def test_nearly_every_mosei_token_has_a_vector(shared: Path) -> None:
    try:
        glove = GloveVectors.load(resolution.resolve("glove-6b-50d"))
    except WeightsError as error:
        pytest.skip(str(error))
    with gzip.open(shared / "data/mosei/labels/valid.csv.gz", "rt", encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    tokens = [token for text in texts for token in tokenize(text)]
    unknown = sum(not glove.known(token) for token in tokens)
    assert unknown / len(tokens) < 0.005  # names and typing errors; 0.2 % when written
    assert glove.utterance_means(["good"]).values.shape == (1, 50)
