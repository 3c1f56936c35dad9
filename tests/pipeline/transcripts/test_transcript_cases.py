"""Files like those that people bring (`../shared/cases`): what is right for each stands in that folder's README."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.reading import GivenTranscript, read_transcript

pytestmark = pytest.mark.reference
DURATION = 13.3  # seconds of the talk that they belong to


def given(shared: Path, name: str) -> GivenTranscript:
    return read_transcript(shared / "cases" / "transcripts" / name, duration=DURATION)


def said(transcript: GivenTranscript) -> str:
    return " ".join(utterance.text for utterance in transcript.utterances)


def test_every_file_is_read_or_refused_within_the_recording(shared: Path) -> None:
    for path in sorted((shared / "cases" / "transcripts").iterdir()):
        try:
            utterances = read_transcript(path, duration=DURATION).utterances
        except InputError as error:
            assert str(path) in str(error)
            continue
        words = [word for utterance in utterances for word in utterance.words]
        assert all(0.0 <= word.start <= word.end <= DURATION for word in words), path.name
        assert words == sorted(words, key=lambda word: word.start), path.name


def test_words_are_verbatim(shared: Path) -> None:
    text = said(given(shared, "html_js2.srt"))
    for piece in ("I am & you are <3", "If a < b and c > d then stop.", "#1 C# salt & pepper.", "alert(1)"):
        assert piece in text


@pytest.mark.parametrize("name", ["youtube_rolling.en.vtt", "youtube_rolling_converted.srt"])
def test_rolling_captions_count_each_line_once(shared: Path, name: str) -> None:
    transcript = given(shared, name)
    assert said(transcript) == (
        "Hello and welcome to this video I am a talking head synthesized by sync talk featuring accurate lip movements "
        "and natural facial expressions"
    )
    assert transcript.utterances[0].start == pytest.approx(0.2)


def test_meetings_name_their_speakers(shared: Path) -> None:
    zoom = given(shared, "zoom.vtt")
    assert [utterance.speaker for utterance in zoom.utterances][:2] == ["Anna Berg", "Seán O'Neill"]
    assert "Note: this is no speaker." in said(zoom)
    assert "10:30" in said(zoom)
    assert "Anna" not in said(zoom)
    teams = given(shared, "teams.vtt")
    assert [u.speaker for u in teams.utterances] == ["Theresa May (Guest)", "O'Brien, Seán", "Theresa May (Guest)"]


def test_sounds_are_no_words(shared: Path) -> None:
    transcript = given(shared, "only_sound_cues.srt")
    assert transcript.utterances == ()
    assert "[Music]" in transcript.notes[0]


def test_chinese_is_read_as_chinese(shared: Path) -> None:
    transcript = given(shared, "gb18030.srt")
    assert said(transcript) == "你好，欢迎观看这个视频。 我非常高兴。"
    assert "GB18030" in transcript.notes[0]


@pytest.mark.parametrize("name", ["extra_blank_in_text.srt", "short_fields.srt", "negative_time.srt"])
def test_what_players_accept_is_read(shared: Path, name: str) -> None:
    first, second = given(shared, name).utterances
    assert (first.text, second.text) == ("Hello and welcome to this video.", "I am a talking head.")
    assert (first.end, second.start) == (pytest.approx(2.1), pytest.approx(2.7))


@pytest.mark.parametrize("name", ["words_out_of_order.json", "words_ms.json"])
def test_word_lists_are_in_order_and_in_seconds(shared: Path, name: str) -> None:
    (utterance,) = given(shared, name).utterances
    assert utterance.text == "Hello and welcome to this video."
    assert (utterance.start, utterance.end) == (pytest.approx(0.19), pytest.approx(2.1))


@pytest.mark.parametrize("name", ["whisperx.json", "whisperx_nan.json"])
def test_words_without_times_lie_between_their_neighbours(shared: Path, name: str) -> None:
    words = {word.text: word for utterance in given(shared, name).utterances for word in utterance.words}
    assert (words["$43,000."].start, words["$43,000."].end) == (pytest.approx(3.3), pytest.approx(4.4))
    assert words["$43,000."].interpolated
    assert words["11"].interpolated


@pytest.mark.parametrize("name", ["ass.ass", "sbv.sbv", "youtube.json3", "deepgram.json"])
def test_other_formats_are_read(shared: Path, name: str) -> None:
    transcript = given(shared, name)
    assert said(transcript).startswith("Hello and welcome")
    assert transcript.utterances[0].start == pytest.approx(0.2, abs=0.02)


def test_abbreviations_end_nothing(shared: Path) -> None:
    assert "Dr. Smith et al. said 1,000,000 people — 50/50 — don't mind." in [
        utterance.text for utterance in given(shared, "money.srt").utterances
    ]


@pytest.mark.parametrize(("name", "left"), [("beyond_end.srt", "An hour later."), ("crosses_end.srt", "never ends.")])
def test_what_lies_beyond_the_end_is_said(shared: Path, name: str, left: str) -> None:
    transcript = given(shared, name)
    assert transcript.utterances[-1].end <= DURATION
    assert left in transcript.notes[0]
