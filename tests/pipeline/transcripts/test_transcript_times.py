"""A transcript lies on its recording: in order, in seconds, and nowhere beyond the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.reading import GivenTranscript, read_transcript


def given(folder: Path, content: Any, *, duration: float = 10.0) -> GivenTranscript:
    path = folder / "talk.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_transcript(path, duration=duration)


def words(*entries: tuple[str, float | None, float | None]) -> dict[str, Any]:
    return {"words": [{"word": text, "start": start, "end": end} for text, start, end in entries]}


def test_words_come_in_order_of_time(tmp_path: Path) -> None:
    transcript = given(tmp_path, words(("home", 2.0, 2.5), ("We", 0.5, 1.0), ("went", 1.0, 1.5)))
    assert transcript.utterances[0].text == "We went home"
    assert "order" in transcript.notes[0]


def test_a_word_without_a_time_lies_between_its_neighbours(tmp_path: Path) -> None:
    content = '{"words": [{"word": "In", "start": 0.1, "end": 0.3}, {"word": "1990", "start": NaN, "end": 2.0},'
    transcript = given(tmp_path, content + '{"word": "we", "start": 1.0, "end": 1.3}]}')
    year = transcript.utterances[0].words[1]
    assert (year.text, year.start, year.end, year.interpolated) == ("1990", 0.3, 1.0, True)


def test_a_word_that_ends_before_it_starts_has_no_time(tmp_path: Path) -> None:
    transcript = given(tmp_path, words(("We", 0.5, 1.0), ("went", 3.0, 1.5), ("home", 2.0, 2.5)))
    assert [(word.text, word.interpolated) for word in transcript.utterances[0].words] == [
        ("We", False),
        ("went", True),
        ("home", False),
    ]


@pytest.mark.parametrize("duration", [10.0, 10_000.0])
def test_milliseconds_are_told_by_their_size(tmp_path: Path, duration: float) -> None:
    transcript = given(tmp_path, words(("We", 190, 480), ("went", 480, 760), ("home", 760, 1120)), duration=duration)
    (utterance,) = transcript.utterances
    assert (utterance.start, utterance.end) == (0.19, 1.12)
    assert transcript.notes == ("Transcript: its times are milliseconds.",)


def test_whole_seconds_stay_seconds(tmp_path: Path) -> None:
    segments = [{"start": 0, "end": 4, "text": "We went to see it."}, {"start": 600, "end": 603, "text": "Not here."}]
    transcript = given(tmp_path, {"segments": segments})
    assert [(utterance.start, utterance.end) for utterance in transcript.utterances] == [(0.0, 4.0)]


def test_what_lies_beyond_the_end_is_left_out_and_named(tmp_path: Path) -> None:
    segments = [
        {"start": 0.5, "end": 4.0, "text": "We went to see it."},
        {"start": 3600.5, "end": 3602, "text": "An hour later."},
    ]
    transcript = given(tmp_path, {"segments": segments})
    assert [utterance.text for utterance in transcript.utterances] == ["We went to see it."]
    assert transcript.notes == (
        "Transcript: 1 passage after the end of the recording (10.0 s) left out: 'An hour later.'.",
    )


def test_what_crosses_the_end_is_cut_and_named(tmp_path: Path) -> None:
    transcript = given(tmp_path, {"segments": [{"start": 2.5, "end": 400, "text": "This one never ends at all."}]})
    (utterance,) = transcript.utterances
    assert (utterance.start, utterance.end) == (2.5, 10.0)
    assert "across the end" in transcript.notes[0]


def test_the_padding_of_a_recogniser_is_cut_without_a_word(tmp_path: Path) -> None:
    transcript = given(tmp_path, {"segments": [{"start": 2.5, "end": 10.3, "text": "This is the last one."}]})
    assert transcript.utterances[0].end == 10.0
    assert transcript.notes == ()


def test_a_transcript_of_another_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"after the end of the recording \(10.0 s\)"):
        given(tmp_path, {"segments": [{"start": 100.5, "end": 120.5, "text": "Somewhere else."}]})


def two_people(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two passages, of two speakers so that they stay two utterances."""
    return {
        "segments": [
            {"speaker": "A", "text": "We went there."} | first,
            {"speaker": "B", "text": "Not me."} | second,
        ]
    }


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"start": 1.0, "end": 4.0}, {"start": 3.0, "end": 5.0}, [(1.0, 3.0), (3.0, 5.0)]),  # overlap
        ({"start": 1.0, "end": 3.0}, {"start": 1.0, "end": 3.0}, [(1.0, 2.0), (2.0, 3.0)]),  # at one time: shared
        ({"start": 1.0}, {"start": 4.0, "end": 5.0}, [(1.0, 4.0), (4.0, 5.0)]),  # no end
    ],
)
def test_a_passage_ends_where_the_next_one_begins(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], expected: list[tuple[float, float]]
) -> None:
    transcript = given(tmp_path, two_people(first, second))
    assert [(utterance.start, utterance.end) for utterance in transcript.utterances] == expected


def test_hours_and_minutes_count(tmp_path: Path) -> None:
    path = tmp_path / "talk.srt"
    path.write_text("1\n01:02:03,250 --> 01:02:04,500\nWe went there.\n", encoding="utf-8")
    (utterance,) = read_transcript(path, duration=7200.0).utterances
    assert (utterance.start, utterance.end) == (3723.25, 3724.5)


def test_a_note_of_several_lines_is_not_said(tmp_path: Path) -> None:
    path = tmp_path / "talk.vtt"
    cue = "00:01.000 --> 00:02.000\nWe went there."
    path.write_text(
        f"WEBVTT\n\nNOTE Translated\nby somebody\n00:05.000 --> 00:06.000\nelse.\n\n{cue}\n", encoding="utf-8"
    )
    (utterance,) = read_transcript(path, duration=10.0).utterances
    assert (utterance.text, utterance.start, utterance.end) == ("We went there.", 1.0, 2.0)
