"""Programs that people use write many formats: the common ones are read, the rest is named with the way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.transcripts.reading import read_transcript

HELLO = [("Hello", 0.2, 0.5), ("and", 0.5, 0.8), ("welcome.", 0.8, 1.2)]
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: broken

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not said
Dialogue: 0,0:00:00.20,0:00:01.20,Default,May,0,0,0,,{\\i1}Hello{\\i0}\\Nand welcome.
"""
TTML = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter"
    xmlns:ttm="http://www.w3.org/ns/ttml#metadata" ttp:frameRate="25">
 <head><metadata><ttm:agent xml:id="a1" type="person"><ttm:name>May</ttm:name></ttm:agent></metadata></head>
 <body><div begin="10s"><p begin="00:00:00:05" dur="1s" ttm:agent="a1">Hello <span>and</span><br/>welcome.</p>
 </div></body>
</tt>"""
SAMI = "<SAMI><BODY><SYNC Start=200><P Class=EN>Hello<br>and welcome.<SYNC Start=1200><P Class=EN>&nbsp;</BODY></SAMI>"


def words(*, text: str, start: str, end: str, per_second: float = 1.0, **more: Any) -> list[dict[str, Any]]:
    return [{text: word, start: first * per_second, end: last * per_second, **more} for word, first, last in HELLO]


def timed(folder: Path, content: Any) -> list[tuple[str, float, float]]:
    path = folder / "talk"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    (utterance,) = read_transcript(path, duration=60.0).utterances
    return [(word.text, pytest.approx(word.start), pytest.approx(word.end)) for word in utterance.words]


AMAZON = [
    {"type": "pronunciation", "start_time": "0.2", "end_time": "0.5", "alternatives": [{"content": "Hello"}]},
    {"type": "pronunciation", "start_time": "0.5", "end_time": "0.8", "alternatives": [{"content": "and"}]},
    {"type": "pronunciation", "start_time": "0.8", "end_time": "1.2", "alternatives": [{"content": "welcome"}]},
    {"type": "punctuation", "alternatives": [{"content": "."}]},
]
WHISPER_CPP = {
    "offsets": {"from": 200, "to": 1200},
    "text": " Hello and welcome.",
    "tokens": [
        {"text": "[_BEG_]", "offsets": {"from": 0, "to": 0}},
        {"text": " Hel", "offsets": {"from": 200, "to": 350}},
        {"text": "lo", "offsets": {"from": 350, "to": 500}},
        {"text": " and", "offsets": {"from": 500, "to": 800}},
        {"text": " welcome", "offsets": {"from": 800, "to": 1200}},
        {"text": ".", "offsets": {"from": 1200, "to": 1200}},
    ],
}
OPENAI_WORDS = [{"word": word.strip("."), "start": start, "end": end} for word, start, end in HELLO]
FORMATS: dict[str, Any] = {
    "whisper": {
        "segments": [{"start": 0.2, "end": 1.2, "text": "", "words": words(text="word", start="start", end="end")}]
    },
    "word list": words(text="word", start="start", end="end"),
    "openai api": {"segments": [{"start": 0.2, "end": 1.2, "text": " Hello and welcome."}], "words": OPENAI_WORDS},
    "openai api, words only": {"text": "Hello and welcome.", "words": OPENAI_WORDS},
    "whisper.cpp": {"transcription": [WHISPER_CPP]},
    "hugging face": {"chunks": [{"text": f" {word}", "timestamp": [start, end]} for word, start, end in HELLO]},
    "youtube": {
        "events": [
            {"tStartMs": 0, "dDurationMs": 9000, "id": 1},
            {
                "tStartMs": 200,
                "dDurationMs": 1000,
                "segs": [
                    {"utf8": "Hello"},
                    {"utf8": " and", "tOffsetMs": 300},
                    {"utf8": " welcome.", "tOffsetMs": 600},
                ],
            },
        ]
    },
    "deepgram": {
        "results": {
            "channels": [
                {
                    "alternatives": [
                        {"words": words(text="punctuated_word", start="start", end="end", word="x", speaker=0)}
                    ]
                }
            ]
        }
    },
    "assemblyai": {
        "audio_url": "",
        "words": words(text="text", start="start", end="end", per_second=1000, speaker="A"),
    },
    "amazon": {"results": {"items": AMAZON}},
    "google": {
        "results": [
            {"alternatives": [{"words": [{"word": w, "startTime": f"{s}s", "endTime": f"{e}s"} for w, s, e in HELLO]}]}
        ]
    },
    "rev": {
        "monologues": [
            {"speaker": 1, "elements": [{"type": "text", "value": w, "ts": s, "end_ts": e} for w, s, e in HELLO]}
        ]
    },
    "azure_batch": {
        "recognizedPhrases": [
            {
                "channel": 0,
                "speaker": 1,
                "offsetInTicks": 2e6,
                "durationInTicks": 1e7,
                "nBest": [
                    {
                        "display": "Hello and welcome.",
                        "words": [
                            {"word": w.lower(), "offsetInTicks": s * 1e7, "durationInTicks": (e - s) * 1e7}
                            for w, s, e in HELLO
                        ],
                    }
                ],
            }
        ]
    },
    "azure_fast": {
        "phrases": [
            {
                "offsetMilliseconds": 200,
                "durationMilliseconds": 1000,
                "text": "Hello and welcome.",
                "words": [
                    {"text": w, "offsetMilliseconds": s * 1000, "durationMilliseconds": (e - s) * 1000}
                    for w, s, e in HELLO
                ],
            }
        ]
    },
    "gladia": {
        "result": {
            "transcription": {
                "utterances": [
                    {
                        "start": 0.2,
                        "end": 1.2,
                        "speaker": 0,
                        "text": "Hello and welcome.",
                        "words": words(text="word", start="start", end="end", confidence=0.9),
                    }
                ]
            }
        }
    },
    "vosk": {"result": words(text="word", start="start", end="end", conf=0.9), "text": "hello and welcome"},
    "webvtt": "WEBVTT\n\n00:00.200 --> 00:01.200\nHello<00:00:00.500><c> and</c><00:00:00.800><c> welcome.</c>\n",
}


@pytest.mark.parametrize("name", FORMATS)
def test_word_times_are_read(tmp_path: Path, name: str) -> None:
    assert timed(tmp_path, FORMATS[name]) == HELLO


@pytest.mark.parametrize(
    ("name", "content", "start"),
    [
        ("ass", ASS, 0.2),
        ("sami", SAMI, 0.2),
        ("ttml", TTML, 10.2),
        ("sbv", "0:00:00.200,0:00:01.200\nHello\nand welcome.\n", 0.2),
        ("tsv", "start\tend\ttext\n200\t1200\tHello and welcome.\n", 0.2),
    ],
)
def test_subtitles_are_read(tmp_path: Path, name: str, content: str, start: float) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    (utterance,) = read_transcript(path, duration=60.0).utterances
    assert utterance.text == "Hello and welcome."
    assert (utterance.start, utterance.end) == (pytest.approx(start), pytest.approx(start + 1.0))
    assert utterance.speaker == ("May" if name in ("ass", "ttml") else None)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"PK\x03\x04rest", "office program"),
        (b"%PDF-1.7", "PDF"),
        (b"\x00\x00\x00\x20ftypisom", "MP4"),
        (b'File type = "ooTextFile"\nObject class = "TextGrid"\n', "TextGrid"),
        (b'<?xml version="1.0"?>\n<ANNOTATION_DOCUMENT/>', "ELAN"),
        (b"{1}{25}Hello", "MicroDVD"),
        (b"[ar:May]\n[00:01.00]Hello", "LRC"),
        (b"May Lee  0:05  \nHello and welcome.\n\nSpeaker 2  0:12  \nHi.\n", "Otter"),
        (b"@UTF8\n@Begin\n", "CHAT"),
        (b"<html><body>Hello</body></html>", "web page"),
        (b'{"recognizedPhrases": []}', "recognizedPhrases"),
    ],
)
def test_other_formats_are_named_with_the_way_out(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / "talk"
    path.write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        read_transcript(path, duration=60.0)
    assert "SRT" in str(caught.value)


def test_entities_of_ttml_read_no_file(tmp_path: Path) -> None:
    path = tmp_path / "talk.ttml"
    path.write_text(
        '<!DOCTYPE tt [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + TTML.partition("?>")[2], encoding="utf-8"
    )
    with pytest.raises(InputError):
        read_transcript(path, duration=60.0)


def test_json_lines_are_a_list_and_a_damaged_line_is_named(tmp_path: Path) -> None:
    lines = [json.dumps(word) for word in words(text="word", start="start", end="end")]
    assert timed(tmp_path, "\n".join(lines) + "\n") == timed(tmp_path, words(text="word", start="start", end="end"))
    segments = [
        json.dumps({"start": 1.0, "end": 2.0, "text": "Hello and welcome."}),
        json.dumps({"start": 2.0, "end": 4.0, "text": "Good morning to all."}),
    ]
    (tmp_path / "talk").write_text("\r\n\r\n".join(segments), encoding="utf-8")
    found = read_transcript(tmp_path / "talk", duration=60.0).utterances
    assert [(each.text, each.start) for each in found] == [("Hello and welcome.", 1.0), ("Good morning to all.", 2.0)]
    (tmp_path / "talk").write_text("\n".join([*lines[:2], lines[2][:-9]]), encoding="utf-8")
    with pytest.raises(InputError, match="talk, line 3: is not JSON"):
        read_transcript(tmp_path / "talk", duration=60.0)
