"""What other programs and other people write in place of the usual form: read as what it means, or named."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.reading import GivenTranscript, read_transcript

WORDS = ["Hello", "and", "welcome", "to", "this", "video."]
DURATION = 60.0


def given(folder: Path, content: str | bytes, *, duration: float = DURATION) -> GivenTranscript:
    path = folder / "talk.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_transcript(path, duration=duration)


def spoken(transcript: GivenTranscript) -> str:
    return " ".join(utterance.text for utterance in transcript.utterances)


def cue(first: str, last: str, text: str, *, arrow: str = " --> ") -> str:
    return f"{first}{arrow}{last}\n{text}\n\n"


def two_cues(text: str) -> str:
    return cue("00:00:01,000", "00:00:03,000", text) + cue("00:00:05,000", "00:00:08,000", text)


def timed_words() -> list[dict[str, Any]]:
    return [{"word": word, "start": 1 + 0.5 * n, "end": 1.4 + 0.5 * n} for n, word in enumerate(WORDS)]


@pytest.mark.parametrize("time", ["00:00:05 ,000", "+00:00:05,000", "00：00：05，000", "0:5", "00:00:05\u202f,000"])
def test_spellings_of_a_time(tmp_path: Path, time: str) -> None:
    transcript = given(tmp_path, cue(time, "00:00:07,000", "First of all.") + cue("00:00:09", "00:00:11", "Then more."))
    assert [(u.start, u.text) for u in transcript.utterances] == [(5.0, "First of all."), (9.0, "Then more.")]


@pytest.mark.parametrize("arrow", [" -> ", " → ", " –> ", " -- > ", "\t-->\t"])
def test_spellings_of_the_arrow(tmp_path: Path, arrow: str) -> None:
    transcript = given(tmp_path, cue("00:00:05,000", "00:00:07,000", "We go from 5 -> 6.", arrow=arrow))
    assert spoken(transcript) == "We go from 5 -> 6."


def test_a_damaged_timing_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 1: .*is not a timing line"):
        given(tmp_path, cue("00:00:05;12", "00:00:07;00", "First.") + cue("00:00:09,000", "00:00:11,000", "Second."))


def test_terminal_output_of_whisper(tmp_path: Path) -> None:
    transcript = given(
        tmp_path, "[00:01.000 --> 00:03.000]  Hello and welcome.\n[00:05.000 --> 00:07.000]  I am here.\n"
    )
    assert [(u.start, u.text) for u in transcript.utterances] == [(1.0, "Hello and welcome."), (5.0, "I am here.")]


def test_what_is_outside_the_cues_is_in_the_notes(tmp_path: Path) -> None:
    early = cue("-00:00:03,000", "-00:00:01,000", "Before all of it.")
    transcript = given(tmp_path, f"Subtitles by Ann\n\n{early}{two_cues('Hello to you.')}12345\n")
    assert spoken(transcript) == "Hello to you. Hello to you. 12345"
    assert any("'Subtitles by Ann'" in note for note in transcript.notes)
    assert any("'Before all of it.'" in note for note in transcript.notes)


def test_a_line_break_separates_words(tmp_path: Path) -> None:
    assert "Hello you there" in spoken(given(tmp_path, two_cues("Hello you<br>there, all.")))


def test_what_is_said_three_times_is_no_rolling_caption(tmp_path: Path) -> None:
    cues = "".join(cue(f"00:00:0{n},000", f"00:00:0{n + 1},000", "No.") for n in range(1, 4))
    transcript = given(tmp_path, cues + cue("00:00:04,000", "00:00:05,000", "I said no."))
    assert spoken(transcript) == "No. No. No. I said no."


def test_rolling_captions_are_named(tmp_path: Path) -> None:
    lines = ["so hello and", "so hello and\nwelcome to this", "welcome to this\nnew video"]
    transcript = given(tmp_path, "".join(cue(f"0:0{n}", f"0:0{n + 1}", text) for n, text in enumerate(lines)))
    assert spoken(transcript) == "so hello and welcome to this new video"
    assert any("roll-up" in note for note in transcript.notes)


def test_rolling_captions_without_spaces(tmp_path: Path) -> None:
    lines = ["こんにちは", "ようこそ", "動画です", "ありがとう"]
    cues = cue("00:00:00,000", "00:00:01,990", lines[0])
    for n, (above, below) in enumerate(itertools.pairwise(lines), start=1):
        cues += cue(f"00:00:{2 * n - 1:02},990", f"00:00:{2 * n:02},000", above)
        cues += cue(f"00:00:{2 * n:02},000", f"00:00:{2 * n + 1:02},990", f"{above}\n{below}")
    cues += cue("00:00:07,990", "00:00:08,000", lines[-1])
    assert spoken(given(tmp_path, cues)).split() == lines


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("[dramatic\nmusic playing] Hello you.", "Hello you."),
        ("((laughs)) {coughs} <sighs> Hello you.", "Hello you."),
        ("（笑）こんにちは [拍手]", "こんにちは"),
        ("(I mean the other one)", "(I mean the other one)"),
        ("I was there (2019) too.", "I was there (2019) too."),
    ],
)
def test_sounds_in_other_brackets(tmp_path: Path, text: str, left: str) -> None:
    assert spoken(given(tmp_path, cue("0:01", "0:03", text) + cue("0:05", "0:07", "And that is it."))).startswith(left)


def test_a_line_that_describes_a_sound(tmp_path: Path) -> None:
    transcript = given(tmp_path, cue("0:01", "0:03", "(door closes)") + cue("0:05", "0:07", "Who is it?"))
    assert spoken(transcript) == "Who is it?"
    assert "(door closes)" in transcript.notes[0]


def test_labels_of_speakers_and_what_is_none(tmp_path: Path) -> None:
    lines = ["[Anna]: How are you?", "[Bob]: Fine, thank you.", "[Anna]: Good to hear.", "I said: no more of it."]
    transcript = given(tmp_path, "".join(cue(f"0:{3 * n:02}", f"0:{3 * n + 2:02}", x) for n, x in enumerate(lines)))
    assert [utterance.speaker for utterance in transcript.utterances] == ["Anna", "Bob", "Anna", None]
    assert transcript.utterances[-1].text == "I said: no more of it."


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("shift_jis", "こんにちは、このビデオへようこそ。"),
        ("euc_jp", "こんにちは、このビデオへようこそ。"),
        ("cp1252", "Déjà vu, où est-ce, Zoë?"),
        ("cp1252", "Hej på dig, å ä ö."),
        ("iso8859_2", "Dzień dobry, zażółć gęślą jaźń."),
        ("mac_roman", "Déjà vu, c’est où."),
        ("cp866", "Здравствуйте, добро пожаловать."),
    ],
)
def test_short_texts_in_legacy_encodings(tmp_path: Path, encoding: str, text: str) -> None:
    transcript = given(tmp_path, two_cues(text).encode(encoding))
    assert text in spoken(transcript)
    assert any("encoding" in note for note in transcript.notes)


def test_fractions_of_milliseconds(tmp_path: Path) -> None:
    words = [{**word, "start": 1000 * word["start"] + 0.5, "end": 1000 * word["end"] + 0.25} for word in timed_words()]
    transcript = given(tmp_path, json.dumps({"words": words}), duration=3600.0)
    assert transcript.utterances[0].start == pytest.approx(1.0005)
    assert transcript.utterances[-1].end == pytest.approx(3.9, abs=0.01)


@pytest.mark.parametrize(("factor", "unit"), [(1_000_000, "microseconds"), (10_000_000, "ticks")])
def test_smaller_units(tmp_path: Path, factor: int, unit: str) -> None:
    words = [
        {**word, "start": round(factor * word["start"]), "end": round(factor * word["end"])} for word in timed_words()
    ]
    transcript = given(tmp_path, json.dumps({"words": words}), duration=3600.0)
    assert (transcript.utterances[0].start, transcript.utterances[-1].end) == (pytest.approx(1.0), pytest.approx(3.9))
    assert unit in transcript.notes[0]


def test_names_with_a_comma(tmp_path: Path) -> None:
    lines = ["Berg, Anna: How are you?", "O'Brien, Seán: Fine, thank you.", "Berg, Anna: Good to hear."]
    transcript = given(tmp_path, "".join(cue(f"0:{3 * n:02}", f"0:{3 * n + 2:02}", x) for n, x in enumerate(lines)))
    assert [utterance.speaker for utterance in transcript.utterances] == ["Berg, Anna", "O'Brien, Seán", "Berg, Anna"]
    alone = given(tmp_path, two_cues("Good morning to all.") + cue("0:20", "0:22", "Well, Anna: no."))
    assert alone.utterances[-1].speaker is None


def test_times_as_clock_readings(tmp_path: Path) -> None:
    segment = {"start": "00:00:01.500", "end": "00:00:03,000", "text": "Hello and welcome."}
    (utterance,) = given(tmp_path, json.dumps({"segments": [segment]})).utterances
    assert (utterance.start, utterance.end) == (1.5, 3.0)


def test_a_list_of_segments(tmp_path: Path) -> None:
    segments = [
        {"start": 1.0, "end": 3.0, "text": "Hello and welcome."},
        {"start": 5.0, "end": 7.0, "text": "I am here."},
    ]
    transcript = given(tmp_path, json.dumps(segments))
    assert [(u.start, u.end) for u in transcript.utterances] == [(1.0, 3.0), (5.0, 7.0)]


def test_a_segment_without_times_lies_between_its_neighbours(tmp_path: Path) -> None:
    segments = [
        {"start": 1.0, "end": 3.0, "text": "Hello and welcome."},
        {"start": float("nan"), "end": float("nan"), "text": "This was lost."},
        {"start": 9.0, "end": 11.0, "text": "I am here."},
    ]
    transcript = given(tmp_path, json.dumps({"segments": segments}))
    words = {word.text: word for utterance in transcript.utterances for word in utterance.words}
    assert words["welcome."].end <= words["This"].start < words["lost."].end <= 9.0
    assert any("without a time" in note for note in transcript.notes)


def test_segments_before_the_recording_are_left_out(tmp_path: Path) -> None:
    segments = [{"start": -5, "end": -3, "text": "All before."}, {"start": 5.0, "end": 7.0, "text": "I am here."}]
    transcript = given(tmp_path, json.dumps({"segments": segments}))
    assert spoken(transcript) == "I am here."
    assert any("'All before.'" in note for note in transcript.notes)


def test_people_who_talk_at_once_keep_their_times(tmp_path: Path) -> None:
    channels = [
        {"alternatives": [{"words": timed_words()}]},
        {
            "alternatives": [
                {"words": [{"word": "yes", "start": 2.4, "end": 2.5}, {"word": "bye", "start": 9, "end": 9.5}]}
            ]
        },
    ]
    transcript = given(tmp_path, json.dumps({"results": {"channels": channels}}))
    words = {word.text: (word.start, u.speaker) for u in transcript.utterances for word in u.words}
    assert words["video."] == (3.5, "0")
    assert words["yes"] == (pytest.approx(2.4), "1")
    assert words["bye"] == (9.0, "1")


def test_speechmatics(tmp_path: Path) -> None:
    results: list[dict[str, Any]] = [
        {
            "type": "word",
            "start_time": w["start"],
            "end_time": w["end"],
            "alternatives": [{"content": w["word"].strip("."), "speaker": "S1"}],
        }
        for w in timed_words()
    ]
    results.append({"type": "punctuation", "start_time": 4, "end_time": 4, "alternatives": [{"content": "!"}]})
    (utterance,) = given(tmp_path, json.dumps({"format": "2.9", "results": results})).utterances
    assert (utterance.text, utterance.speaker) == ("Hello and welcome to this video!", "S1")
