"""Whatever a transcript file holds: utterances in order within the recording, or one line that names the file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.reading import GivenTranscript, read_transcript

DURATION = 60.0  # seconds
CORPUS = Path(__file__).with_name("transcript_corpus")  # inputs that once failed, and one of every format
BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
FOLDER = Path(tempfile.mkdtemp(prefix="mtmm-fuzz-"))

times = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 100_000),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["0.5", "1.25s", "soon", 10**400]),
)
texts = st.one_of(
    st.text(max_size=20), st.sampled_from(["[Music]", "Anna:", "(sighs)", "Dr.", "♪", "\x1b[31m", "&", ""])
)
words = st.fixed_dictionaries(
    {}, optional={"word": texts, "text": texts, "start": times, "end": times, "score": times, "speaker": texts}
)
segments = st.fixed_dictionaries(
    {},
    optional={"start": times, "end": times, "text": texts, "words": st.lists(words, max_size=4), "speaker": texts},
)
documents = st.one_of(
    st.fixed_dictionaries(
        {"segments": st.lists(segments, max_size=4)}, optional={"words": st.lists(words, max_size=4)}
    ),
    st.fixed_dictionaries({"utterances": st.lists(segments, max_size=4)}),
    st.fixed_dictionaries({"words": st.lists(words, max_size=6)}, optional={"text": texts}),
    st.fixed_dictionaries(
        {"events": st.lists(st.dictionaries(st.sampled_from(["segs", "tStartMs"]), times), max_size=3)}
    ),
    st.recursive(times | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)),
)
lines = st.one_of(
    texts,
    st.sampled_from(
        ["", " ", "1", "WEBVTT", "NOTE x", "00:00:01,000 --> 00:00:02,000", "-0:0:1 --> 1:2.5", "00:99:99 --> 5", "-->"]
    ),
    st.sampled_from(
        ["<v Ann>Hi</v>", "<00:00:01.500><c> on</c>", "0:00:01.000,0:00:02.000", "{\\an8}x", "<rt>", "&#0;"]
    ),
)


def read(content: bytes) -> GivenTranscript | None:
    """Read a file of this content; None where it is refused as it should be."""
    path = FOLDER / "talk"
    path.write_bytes(content)
    try:
        return read_transcript(path, duration=DURATION)
    except InputError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
        return None


def check(transcript: GivenTranscript | None) -> None:
    """What every transcript that was read has to be."""
    if transcript is None:
        return
    reached = 0.0
    for index, utterance in enumerate(transcript.utterances):
        assert utterance.index == index
        assert utterance.words
        assert utterance.text == " ".join(word.text for word in utterance.words)
        assert 0.0 <= utterance.start <= utterance.end <= DURATION
        for word in utterance.words:
            assert word.text.strip()
            assert reached <= word.start <= word.end
            assert word.probability is None or 0.0 <= word.probability <= 1.0
            reached = word.end
    assert all(note.strip() for note in transcript.notes)


@BOUNDED
@given(documents)
def test_any_json(document: Any) -> None:
    check(read(json.dumps(document).encode()))


@BOUNDED
@given(st.lists(lines, max_size=12), st.sampled_from(["\n", "\r\n"]))
@example(["1", "00:00:01,000 --> 00:00:02,000", "", "Hello"], "\n")
def test_any_subtitles(content: list[str], ending: str) -> None:
    check(read(ending.join(content).encode("utf-8", errors="surrogatepass")))


@BOUNDED
@given(st.binary(max_size=400))
def test_any_bytes(content: bytes) -> None:
    check(read(content))


@BOUNDED
@given(st.data())
def test_any_damaged_file(data: st.DataObject) -> None:
    """Bytes of a file of the corpus are deleted, repeated and changed."""
    content = bytearray(data.draw(st.sampled_from(sorted(CORPUS.iterdir()))).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, max(len(content) - 1, 0)))
        length = data.draw(st.integers(0, 12))
        kind = data.draw(st.sampled_from(["delete", "repeat", "change"]))
        if kind == "delete":
            del content[start : start + length]
        elif kind == "repeat":
            content[start:start] = content[start : start + length]
        else:
            content[start : start + length] = data.draw(st.binary(min_size=length, max_size=length))
    check(read(bytes(content)))


def test_the_corpus_is_read_or_refused() -> None:
    for path in sorted(CORPUS.iterdir()):
        check(read(path.read_bytes()))
