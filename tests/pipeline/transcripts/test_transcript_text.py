"""What is said is kept as written; what is only heard, shown or repeated is not said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtmm_video.pipeline.transcripts.reading import GivenTranscript, read_transcript


def srt(*texts: str, seconds: float = 3.0) -> str:
    """Cues of that many seconds one after the other."""
    return "\n".join(
        f"{number}\n00:00:{number * seconds:06.3f} --> 00:00:{(number + 1) * seconds:06.3f}\n{text}\n"
        for number, text in enumerate(texts)
    )


def given(folder: Path, content: str | bytes, *, duration: float = 60.0) -> GivenTranscript:
    path = folder / "talk.srt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_transcript(path, duration=duration)


def said(folder: Path, content: str | bytes) -> str:
    return " ".join(utterance.text for utterance in given(folder, content).utterances)


@pytest.mark.parametrize(
    "text",
    [
        "If a < b and c > d then stop.",
        "I & you are <3 \"quotes\" 'single'.",
        "#1 is C# and C++, salt & pepper.",
        "That is great 😂😂 and — well — fine 👩‍👩‍👧‍👦.",
        "AT&T's R&D rose 12.5% to £13.60 (see e.g. U.S.A. vs. R&D).",
        "<img src=x onerror=alert(1)> is text here.",
        "I saw [John] there, and (to be honest) he was human.",
        "أنا سعيد جدا and שלום to you.",
        "{{7*7}} ${x} %s {0}",
    ],
)
def test_words_are_kept_verbatim(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, srt(text)) == text


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("<i>We</i> <font color='#fff'>went</font> <b>home</b>", "We went home"),
        ("{\\an8}We went home", "We went home"),
        ("Tom &amp; Ann &lt;3 R&para", "Tom & Ann <3 R&para"),
        ("[LAUGHTER] We went home", "We went home"),
        ("(sighs) We went home (clears his throat)", "We went home"),
        ("♪ We are the world ♪", "We are the world"),
        ("We *coughs* went home [inaudible]", "We went home"),
        ("- We went home", "We went home"),
        (">> We went home", "We went home"),
        ("We\x07 went \x1b[31mhome\x1b[0m\ufffe", "We went home"),
    ],
)
def test_markup_and_sounds_are_not_words(tmp_path: Path, text: str, spoken: str) -> None:
    assert said(tmp_path, srt(text)) == spoken


def test_sounds_are_named_in_a_note(tmp_path: Path) -> None:
    transcript = given(tmp_path, srt("[Music]", "(applause)", "♪ ♪"))
    assert transcript.utterances == ()
    assert transcript.notes == ("Transcript: heard but not said, left out: '[Music]', '(applause)', '♪'.",)


def test_sounds_over_several_words_of_a_word_list_are_left_out(tmp_path: Path) -> None:
    texts = ["Well", "(clears", "throat)", "yes", "indeed."]
    words = [{"word": text, "start": number, "end": number + 0.5} for number, text in enumerate(texts)]
    assert said(tmp_path, json.dumps({"words": words})) == "Well yes indeed."


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ("Anna Berg: Hello to you all.", "Anna Berg"),
        ("Seán O'Neill: Hello to you all.", "Seán O'Neill"),
        ("Maria de la Cruz (Guest): Hello to you all.", "Maria de la Cruz (Guest)"),
        ("JOHN: Hello to you all.", "JOHN"),
        ("Speaker 2: Hello to you all.", "Speaker 2"),
    ],
)
def test_names_before_a_colon_are_speakers(tmp_path: Path, text: str, speaker: str) -> None:
    (utterance,) = given(tmp_path, srt(text)).utterances
    assert (utterance.speaker, utterance.text) == (speaker, "Hello to you all.")


@pytest.mark.parametrize(
    "text", ["Note: this is no speaker.", "NOTE: this is no speaker.", "We meet at 10:30 today.", "He said: go home."]
)
def test_other_colons_name_nobody(tmp_path: Path, text: str) -> None:
    (utterance,) = given(tmp_path, srt(text)).utterances
    assert (utterance.speaker, utterance.text) == (None, text)


def test_first_names_are_speakers_where_a_meeting_uses_them(tmp_path: Path) -> None:
    content = srt("anna: Hello to you all.", "Bob: It is good to be here.", "anna: Let us begin with it.")
    assert [utterance.speaker for utterance in given(tmp_path, content).utterances] == ["anna", "Bob", "anna"]


def test_a_repeated_sentence_is_no_rolling_caption(tmp_path: Path) -> None:
    texts = ["No.", "No.", "I will not go there again.", "Ask somebody else to do it."]
    assert said(tmp_path, srt(*texts)) == " ".join(texts)


def test_captions_that_grow_word_by_word_count_once(tmp_path: Path) -> None:
    content = srt("We", "We went", "We went to see", "We went to see it all", seconds=1.0)
    assert said(tmp_path, content) == "We went to see it all"


def test_an_empty_line_within_a_cue_loses_nothing(tmp_path: Path) -> None:
    content = srt("Hello and welcome\n\nto this video.", "Yes it is.")
    assert said(tmp_path, content) == "Hello and welcome to this video. Yes it is."


def test_an_arrow_in_a_text_is_text(tmp_path: Path) -> None:
    assert said(tmp_path, srt("We go from A --> B today.")) == "We go from A --> B today."


@pytest.mark.parametrize(
    ("encoding", "lines"),
    [
        ("gb18030", ("你好，欢迎观看这个视频。", "我非常高兴。")),
        ("big5", ("你好，歡迎觀看這個影片。", "我非常高興。")),
        ("cp932", ("こんにちは、このビデオへようこそ。", "とても嬉しいです。")),
        ("cp949", ("안녕하세요, 이 비디오에 오신 것을 환영합니다.", "정말 기쁩니다.")),
        ("cp1251", ("Здравствуйте, добро пожаловать в это видео.", "Я очень рад.")),
        ("koi8-r", ("Здравствуйте, добро пожаловать в это видео.", "Я очень рад.")),
        ("cp1250", ("Cześć, witamy w tym filmie.", "Jestem bardzo szczęśliwy.")),
        ("cp1252", ("Bonjour et bienvenue dans cette vidéo.", "Je suis très heureux.")),
        ("cp1253", ("Γεια σας και καλώς ήρθατε σε αυτό το βίντεο.", "Είμαι πολύ χαρούμενος.")),
        ("cp1255", ("שלום וברוכים הבאים לסרטון הזה.", "אני מאוד שמח.")),
        ("utf-16-le", ("Bonjour et bienvenue dans cette vidéo.", "Je suis très heureux.")),
    ],
)
def test_legacy_encodings_are_told_and_named(tmp_path: Path, encoding: str, lines: tuple[str, ...]) -> None:
    transcript = given(tmp_path, srt(*lines).encode(encoding))
    assert " ".join(utterance.text for utterance in transcript.utterances) == " ".join(lines)
    assert "encoding" in transcript.notes[0]


def test_a_damaged_byte_in_utf8_is_no_other_encoding(tmp_path: Path) -> None:
    from mtmm_video.foundation.errors import InputError

    content = srt("Café über naïve façade", "Voilà").encode().replace("ï".encode(), b"\xef")
    with pytest.raises(InputError, match="line 3: is UTF-8 text with a damaged byte"):
        given(tmp_path, content)
