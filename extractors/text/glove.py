"""Text features: Stanford-style tokens and the GloVe vectors of Pennington et al. (2014).

GloVe 6B was trained on Wikipedia and Gigaword, lower-cased and tokenised by the Stanford tokeniser, which follows the
Penn Treebank: "don't" is ``do`` + ``n't``, "he's" is ``he`` + ``'s``. "don't" as one token would have no vector and the
negation would be lost, so `tokenize` follows the same rules.

Source: J. Pennington, R. Socher, C. Manning, "GloVe: Global Vectors for Word Representation", EMNLP 2014.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.text.word_index import WordIndex
from mtmm_video.foundation.errors import WeightsError

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

GLOVE_REVISION = 1  # raise when tokens or fallbacks change: a checkpoint trained on other tokens is then refused
VECTORS_FILE = "vectors.npy"  # float32 (words, d), the rows in the order of WORDS_FILE
WORDS_FILE = "words.txt"  # UTF-8, one word per line

# Hesitations are dropped: MOSEI's transcripts have "(umm)" and "(uhh)" but whisper's do not, so a model must not be
# trained on them.
HESITATIONS = frozenset({"uh", "uhh", "uhhh", "um", "umm", "ummm", "uhm", "uhmm", "erm", "ehh"})
SILENCE_MARK = "sp"  # "short pause" of the P2FA aligner, a token of its own in the MOSI and MOSEI word files

# Annotations of non-speech events, dropped with their brackets. In the MOSEI transcripts braces and square brackets
# contain nothing else; round brackets also contain asides and names, so only the listed words are dropped there.
_NON_SPEECH_EVENT = re.compile(
    r"\{[^{}]*\}|\[[^\[\]]*\]|\(\s*(?:stutter(?:s|ing)?|inaudible|unintelligible|laugh(?:s|ing|ter)?|sighs?|coughs?|"
    r"noise|music|applause|cheer(?:s|ing)(?: and applause)?|clears throat|crosstalk|silence)\s*\)",
    re.IGNORECASE,
)
# U+FFFD replaces the curly apostrophes in one copy of the corpus.
_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u201b\u02bc\u02b9\u2032\u00b4\u0060\ufffd"), "'")
_TRADE_MARKS = dict.fromkeys(map(ord, "\u2122\u00ae\u00a9\u2120"), " ")  # before NFKC, which converts them to letters
_TOKEN = re.compile(
    r"(?:[^\W\d_]\.){2,}"  # u.s.  a.m.
    r"|(?:ph\.d|mr|mrs|ms|dr|st|jr|sr|prof|vs|etc)\."  # abbreviations that GloVe's vocabulary has with their full stop
    r"|'(?:em|til|till|cause|bout|n|\d\ds)(?![^\W_])"  # words that begin with an apostrophe
    r"|[^\W_]+(?:['&/.:,+-][^\W_]+)*"  # words and numbers with inner signs, as in the vocabulary: 1,000  10:30  e-mail
    r"|[$£€¥%&]"  # signs that are read aloud
)
_NEGATION = re.compile(r"(.+)n't$")
_CLITIC = re.compile(r"(.+)('(?:s|m|re|ve|ll|d))$")
# By rank in the frequency-ordered vocabulary of GloVe 6B, gonna (11,955), gotta, wanna, gimme and cannot (1,119) are
# far more frequent than their parts by the rules of the Penn Treebank (gon: 49,068), so they are not split.
_JOINED = {"y'all": ("you", "all"), "'tis": ("it", "is"), "'twas": ("it", "was")}
_INNER_SIGNS = re.compile(r"[^\w]+|_+")
_ELONGATION = re.compile(r"(.)\1{2,}")  # sooooo


def tokenize(text: str) -> tuple[str, ...]:
    """Split a transcript into the lower-case tokens that GloVe 6B was trained on.

    Contractions are split as in the Penn Treebank (``ca n't``, ``it 's``, ``we 'll``). Punctuation is dropped, because
    the word-aligned transcripts of MOSEI have none and whisper's comes from its language model. Also dropped are
    hesitations (`HESITATIONS`), annotations such as ``(stutter)`` or ``[Music]``, and the aligner's pause mark ``sp``.

    Parameters
    ----------
    text : str
        One utterance, with any of Unicode's apostrophes, with or without HTML entities.

    Returns
    -------
    tuple of str
        Tokens in order; empty for a text without words.
    """
    text = html.unescape(text).translate(_TRADE_MARKS | _APOSTROPHES)
    text = unicodedata.normalize("NFKC", text)
    text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    text = _NON_SPEECH_EVENT.sub(" ", text).lower()
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        tokens.extend(_split_contraction(match.group()))
    return tuple(token for token in tokens if token not in HESITATIONS and token != SILENCE_MARK)


def _split_contraction(token: str) -> tuple[str, ...]:
    if token in _JOINED:
        return _JOINED[token]
    if match := _NEGATION.match(token):
        return (*_split_contraction(match[1]), "n't")
    if match := _CLITIC.match(token):
        return (*_split_contraction(match[1]), match[2])
    return (token,)


@dataclass(frozen=True)
class GloveMeans:
    """Utterance means of GloVe vectors.

    Attributes
    ----------
    values : ndarray of float32, shape (utterances, d)
        Mean over the tokens that have a vector; 0 where there is none.
    valid : ndarray of bool, shape (utterances, d)
        True where `values` was measured.
    names : tuple of str, length d
        ``glove_00`` ...
    version : str
        For instance ``glove-6b-50d/1``.
    out_of_vocabulary : ndarray of float64, shape (utterances,)
        Share of the utterance's tokens without a vector, in [0, 1]; 1 for an utterance without tokens.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    names: tuple[str, ...]
    version: str
    out_of_vocabulary: NDArray[np.float64]


@dataclass(frozen=True)
class GloveVectors:
    """GloVe 6B word vectors, memory-mapped.

    Attributes
    ----------
    words : WordIndex
        The vocabulary: from a word to its row.
    vectors : ndarray of float32, shape (words, d)
    version : str
        For instance ``glove-6b-50d/1``: the weights and the revision of the tokeniser.
    """

    words: WordIndex
    vectors: NDArray[np.float32]
    version: str

    @classmethod
    def load(cls, path: Path) -> GloveVectors:
        """Load vectors from a folder with ``vectors.npy`` and ``words.txt``, without unpickling.

        Raises
        ------
        WeightsError
            If a file is missing or the two differ in their number of words.
        """
        for name in (VECTORS_FILE, WORDS_FILE):
            if not (path / name).is_file():
                raise WeightsError(f"{path / name}: missing; run `mtmm-video weights fetch` to get the GloVe vectors")
        try:
            matrix = np.load(path / VECTORS_FILE, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise WeightsError(
                f"{path / VECTORS_FILE}: not a NumPy array; run `mtmm-video weights fetch` again"
            ) from error
        words = WordIndex((path / WORDS_FILE).read_bytes())
        if matrix.ndim != 2 or matrix.dtype != np.float32 or len(matrix) != len(words):
            raise WeightsError(
                f"{path}: {VECTORS_FILE} is {matrix.dtype} {matrix.shape} but {WORDS_FILE} has {len(words)} words; "
                "expected float32 (words, d); run `mtmm-video weights fetch` again"
            )
        return cls(words=words, vectors=matrix, version=f"glove-6b-{matrix.shape[1]}d/{GLOVE_REVISION}")

    def keyed_vectors(self) -> KeyedVectors:
        """Return the same words and vectors as gensim's `KeyedVectors`, for neighbours, analogies and similarities."""
        from gensim.models import KeyedVectors  # noqa: PLC0415 (a second; the means are taken without it)

        keyed = KeyedVectors(vector_size=self.size)
        # Assigned directly: `add_vectors` would copy the memory-mapped matrix and loop over the words.
        keyed.vectors, keyed.key_to_index, keyed.index_to_key = self.vectors, self.words, list(self.words)
        return keyed

    @property
    def size(self) -> int:
        """Length d of a vector."""
        return int(self.vectors.shape[1])

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, length d."""
        return tuple(f"glove_{index:02d}" for index in range(self.size))

    def known(self, token: str) -> tuple[str, ...]:
        """Return the vocabulary words whose vectors are used for a token: itself, a variant spelling, or its parts.

        In this order: the token; without thousands separators or accents; with repeated letters ("sooooo") shortened;
        those of its parts between hyphens, slashes and points that are in the vocabulary. Empty for a token that is out
        of vocabulary.
        """
        for spelling in _spellings(token):
            if spelling in self.words:
                return (spelling,)
        parts = [part for part in _INNER_SIGNS.split(token) if part]
        if len(parts) < 2:
            return ()
        return tuple(word for part in parts for word in self.known(part))

    def utterance_means(self, texts: Sequence[str]) -> GloveMeans:
        """Average the vectors of each utterance's tokens (paper, section 5.2).

        Parameters
        ----------
        texts : sequence of str, length u
            One transcript per utterance.

        Returns
        -------
        GloveMeans
            Arrays of u rows. ``valid`` is False throughout for an utterance without a known token.
        """
        values = np.zeros((len(texts), self.size), dtype=np.float32)
        valid = np.zeros((len(texts), self.size), dtype=np.bool_)
        out_of_vocabulary = np.ones(len(texts))
        for row, text in enumerate(texts):
            found = [self.known(token) for token in tokenize(text)]
            rows = [self.words[word] for words in found for word in words]
            if found:
                out_of_vocabulary[row] = sum(not words for words in found) / len(found)
            if rows:
                values[row] = self.vectors[rows].mean(axis=0, dtype=np.float64)
                valid[row] = True
        return GloveMeans(values, valid, self.names, self.version, out_of_vocabulary)


def _spellings(token: str) -> Iterator[str]:
    yield token
    if token[:1].isdigit():
        yield token.replace(",", "")
    plain = "".join(c for c in unicodedata.normalize("NFD", token) if unicodedata.category(c) != "Mn")
    yield plain
    yield _ELONGATION.sub(r"\1\1", plain)
    yield _ELONGATION.sub(r"\1", plain)
