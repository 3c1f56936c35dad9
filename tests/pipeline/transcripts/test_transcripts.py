"""Transcripts of the user's own: every common shape is read, every damage is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.reading import GivenTranscript, names_speakers, read_transcript
from mtmm_video.pipeline.utterance import Utterance

SRT = """1
00:00:01,000 --> 00:00:03,000
JOHN: <i>We went</i> to see
a film.

2
00:00:03,000 --> 00:00:04,000
[Music]

3
00:00:05,500 --> 00:00:07,000
- I don&#39;t regret it.
"""


def read(folder: Path, content: str | bytes, name: str = "talk.srt") -> tuple[Utterance, ...]:
    return given(folder, content, name).utterances


def given(folder: Path, content: str | bytes, name: str = "talk.srt", *, duration: float = 600.0) -> GivenTranscript:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_transcript(path, duration=duration)


def test_srt_cues_become_utterances_with_speakers(tmp_path: Path) -> None:
    first, second = read(tmp_path, SRT)
    assert (first.text, first.speaker, first.start, first.end) == ("We went to see a film.", "JOHN", 1.0, 3.0)
    assert (second.text, second.speaker, second.start, second.end) == ("I don't regret it.", None, 5.5, 7.0)
    assert all(word.interpolated and word.probability is None for word in first.words)


def test_a_sentence_over_two_cues_is_one_utterance(tmp_path: Path) -> None:
    content = "1\n00:00:01,000 --> 00:00:02,000\nWe went to\n\n2\n00:00:02,100 --> 00:00:03,000\nsee a film.\n"
    assert [utterance.text for utterance in read(tmp_path, content)] == ["We went to see a film."]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_common_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    content = "1\r\n00:00:01,000 --> 00:00:03,000\r\nCafé life is good\r\n".encode(encoding)
    assert read(tmp_path, content)[0].text == "Café life is good"


def test_empty_lines_between_cues_may_be_missing(tmp_path: Path) -> None:
    content = "1\n0:01.0 --> 0:02.0\nThis is one.\n2\n0:02.0 --> 0:03.0\nThis is two.\n".replace("0:0", "00:00:0")
    assert [utterance.text for utterance in read(tmp_path, content)] == ["This is one.", "This is two."]


def test_webvtt_voices_notes_and_word_times(tmp_path: Path) -> None:
    content = (
        "WEBVTT - a title\n\nNOTE not --> said\n\nSTYLE\n::cue { color: red }\n\n"
        "intro\n00:01.000 --> 00:03.000 align:start\n"
        "<v Ann>Hi <00:00:01.500><c>there</c><00:00:02.000><c> Bob.</c>\n"
    )
    (utterance,) = read(tmp_path, content, "talk.vtt")
    assert utterance.speaker == "Ann"
    assert [(word.text, word.start, word.end, word.interpolated) for word in utterance.words] == [
        ("Hi", 1.0, 1.5, False),
        ("there", 1.5, 2.0, False),
        ("Bob.", 2.0, 3.0, False),
    ]


def test_rolling_captions_count_every_line_once(tmp_path: Path) -> None:
    content = (
        "WEBVTT\n\n00:01.000 --> 00:03.000\nwe<00:00:01.500><c> went</c>\n\n00:03.000 --> 00:03.010\nwe went\n\n"
        "00:03.010 --> 00:05.000\nwe went\nto<00:00:03.500><c> see</c><00:00:04.000><c> it</c>\n"
    )
    assert [utterance.text for utterance in read(tmp_path, content, "talk.vtt")] == ["we went to see it"]


def test_whisperx_numerals_without_times_are_interpolated(tmp_path: Path) -> None:
    words = [
        {"word": "In", "start": 0.1, "end": 0.3, "score": 0.9},
        {"word": "1990"},
        {"word": "we", "start": 1.0, "end": 1.3, "score": 0.8},
        {"word": "met.", "start": 1.3, "end": 1.6, "score": 0.7},
    ]
    content = {"segments": [{"start": 0.1, "end": 1.6, "text": "In 1990 we met.", "words": words, "speaker": "S0"}]}
    (utterance,) = read(tmp_path, json.dumps(content), "talk.json")
    year = utterance.words[1]
    assert (year.text, year.start, year.end, year.interpolated) == ("1990", 0.3, 1.0, True)
    assert [word.probability for word in utterance.words] == [0.9, None, 0.8, 0.7]
    assert utterance.speaker == "S0"


def test_whisper_segments_without_words_are_interpolated(tmp_path: Path) -> None:
    content = {"text": "", "language": "en", "segments": [{"start": 2, "end": 4, "text": " Well said, sir."}]}
    (utterance,) = read(tmp_path, json.dumps(content), "talk.json")
    assert (utterance.start, utterance.end) == (2.0, 4.0)
    assert all(word.interpolated for word in utterance.words)


def test_utterances_of_a_report_keep_their_bounds(tmp_path: Path) -> None:
    entries = [
        {"start": 1.0, "end": 3.0, "text": "It is. It was.", "speaker": None},
        {"start": 3.5, "end": 4.0, "text": "Yes.", "words": [{"text": "Yes.", "start": 3.6, "end": 3.9}]},
    ]
    first, second = read(tmp_path, json.dumps({"utterances": entries}), "report.json")
    assert (first.text, first.start, first.end) == ("It is. It was.", 1.0, 3.0)
    assert (second.start, second.end, second.words[0].start) == (3.5, 4.0, 3.6)


def test_overlapping_passages_come_one_after_the_other(tmp_path: Path) -> None:
    segments = [
        {"start": 2.0, "end": 4.0, "text": "Mine was better.", "speaker": "B"},
        {"start": 0.0, "end": 2.5, "text": "That was good.", "speaker": "A"},
    ]
    first, second = read(tmp_path, json.dumps({"segments": segments}), "talk.json")
    assert (first.speaker, first.end, second.speaker, second.start) == ("A", 2.0, "B", 2.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("just some text", "is not a transcript"),
        (bytes(range(256)) * 8, "not text in UTF-8"),
        ("1\n00:00:01,000 --> 00:0x:03,000\nHello\n", "line 2: .*not a timing line"),
        ("1\n00:00:05,000 --> 00:00:03,000\nHello\n", "line 2: .*ends .3.000 s. before it starts"),
        ("1\n00:00:01,000 --> 00:00:02,000\n\n", "has no words"),
        ("1\n00:20:01,000 --> 00:20:02,000\nHello\n", "after the end of the recording"),
        ('{"segments": [{"start": 0,\n "text": }]}', "line 2: is not JSON"),
        ("{}", "has no utterances, segments or words"),
        ('{"segments": [{"text": "no times"}]}', r"segments\[0\] has no start and end"),
        ('{"segments": [{"start": 2, "end": 1, "text": "a"}]}', r"segments\[0\] ends"),
        ('{"words": [{"word": "a", "start": 1, "end": NaN}]}', "words has no start and end"),
        ('{"words": [{"word": "a", "start": "soon", "end": 2}]}', r"words\[0\].start is 'soon'"),
        ('{"words": [{"word": "a", "start": true, "end": 2}]}', r"words\[0\].start is 'True'"),
        ('{"words": [{"word": 5, "start": 1, "end": 2}]}', r"words\[0\] has no word"),
        ('{"words": ["a"]}', r"words\[0\] is not an object"),
        ('{"utterances": []}', "has no words"),
        ("[" * 100_000, "nested too deeply|not JSON"),
    ],
)
def test_damage_is_named_with_the_file(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, content, "broken.txt")
    assert "broken.txt" in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.srt"):
        with pytest.raises(InputError, match="cannot be read as a transcript"):
            read_transcript(path, duration=60.0)


def test_what_has_no_end_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "talk.srt"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match=r"talk\.srt: is a pipe; save the transcript as a file"):
        names_speakers(pipe)
    with pytest.raises(InputError, match="is a device"):
        names_speakers(Path("/dev/zero"))
    (tmp_path / "zeros.srt").touch()
    os.truncate(tmp_path / "zeros.srt", 2 << 30)
    with pytest.raises(InputError, match="too large for a transcript"):
        names_speakers(tmp_path / "zeros.srt")


@pytest.mark.parametrize(
    "content",
    [
        "WEBVTT\n\n00:01.000 --> 00:03.000\n<v Jo\x1b[31mhn\x9b>Hello there.</v>\n",
        json.dumps({"segments": [{"start": 1, "end": 3, "text": "Hello there.", "speaker": " Jo\x1b[31mhn\x07\n"}]}),
    ],
)
def test_a_speakers_name_commands_no_terminal_and_breaks_no_line(tmp_path: Path, content: str) -> None:
    found = given(tmp_path, content)
    assert [utterance.speaker for utterance in found.utterances] == ["John"]
    assert found.notes == ("Transcript: control characters were taken out of its text.",)
