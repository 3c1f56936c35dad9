"""What we write, independent readers read back."""

from __future__ import annotations

import dataclasses
import io
import json
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import parselmouth
import pyarrow.parquet as pq
import pympi
import pytest
import srt
import webvtt

from mtmm_video.extractors.speech.words import Word
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.elan import to_eaf
from mtmm_video.pipeline.reports.parquet import METADATA_KEY, to_parquet
from mtmm_video.pipeline.reports.subtitles import to_srt, to_vtt
from mtmm_video.pipeline.reports.textgrid import to_textgrid


def spoken_by(analysis: Analysis, *names: str | None) -> Analysis:
    """The same talk between these speakers in turn."""
    entries = [
        dataclasses.replace(e, utterance=dataclasses.replace(e.utterance, speaker=names[i % len(names)]))
        for i, e in enumerate(analysis.utterances)
    ]
    return dataclasses.replace(analysis, utterances=tuple(entries))


@pytest.fixture
def monologue(analysis: Analysis) -> Analysis:
    """The same without speakers."""
    return spoken_by(analysis, None)


@pytest.fixture
def overlapping(monologue: Analysis) -> Analysis:
    """The same with an utterance that starts before its predecessor ends and one without any length."""
    analysis = monologue
    entries = list(analysis.utterances)
    second, third = entries[1].utterance, entries[2].utterance
    entries[1] = dataclasses.replace(entries[1], utterance=dataclasses.replace(second, start=1.0))
    instant = dataclasses.replace(third, end=third.start, words=(Word("Oh!", third.start, third.start),), text="Oh!")
    entries[2] = dataclasses.replace(entries[2], utterance=instant)
    return dataclasses.replace(analysis, utterances=tuple(entries))


# SubRip and WebVTT


def test_srt_gives_back_text_and_times(monologue: Analysis) -> None:
    analysis = monologue
    cues = list(srt.parse(to_srt(analysis, plain=True)))
    assert [cue.index for cue in cues] == [1, 2, 3, 4, 5]
    for cue, labelled in zip(cues, analysis.utterances, strict=True):
        assert cue.content == labelled.utterance.text.replace("-->", "→")
        assert cue.start.total_seconds() == pytest.approx(labelled.utterance.start, abs=0.0006)
        assert cue.end.total_seconds() == pytest.approx(labelled.utterance.end, abs=0.0006)


def test_srt_labels_stand_on_their_own_line(analysis: Analysis) -> None:
    for cue, labelled in zip(srt.parse(to_srt(analysis)), analysis.utterances, strict=True):
        label = cue.content.splitlines()[1]
        assert label.startswith(f"[{labelled.prediction.sentiment} ")
        assert all(emotion in label for emotion in labelled.prediction.emotions)


def test_vtt_gives_back_text_and_times(analysis: Analysis) -> None:
    captions = webvtt.from_string(to_vtt(analysis, plain=True)).captions
    assert len(captions) == len(analysis.utterances)
    for caption, labelled in zip(captions, analysis.utterances, strict=True):
        utterance = labelled.utterance
        assert caption.identifier == f"utterance-{utterance.index}"
        escaped = utterance.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert caption.text == escaped
        hours, minutes, seconds = map(float, caption.start.split(":"))
        assert 3600 * hours + 60 * minutes + seconds == pytest.approx(utterance.start, abs=0.0006)


def test_vtt_markup_comes_from_us_and_not_from_the_transcript(analysis: Analysis) -> None:
    text = to_vtt(analysis)
    assert "<script" not in text
    assert "<v A>" in text
    assert "<c.positive>" in text
    assert text.count("-->") == len(analysis.utterances)


def test_subtitles_of_silence_are_empty_files_of_their_kind(empty_analysis: Analysis) -> None:
    assert list(srt.parse(to_srt(empty_analysis))) == []
    assert webvtt.from_string(to_vtt(empty_analysis)).captions == []


def long_talk(analysis: Analysis) -> Analysis:
    """One utterance of 40 words in 20 s, with a comma after the fourteenth."""
    texts = [f"word{n}{',' if n == 14 else ''}" for n in range(1, 41)]
    words = tuple(Word(text, 0.5 * n, 0.5 * n + 0.4) for n, text in enumerate(texts))
    first = analysis.utterances[0]
    utterance = dataclasses.replace(first.utterance, text=" ".join(texts), start=0.0, end=19.9, words=words)
    return dataclasses.replace(analysis, utterances=(dataclasses.replace(first, utterance=utterance),))


def test_what_is_long_to_read_or_to_see_is_split_at_its_words(monologue: Analysis) -> None:
    talk = long_talk(monologue)
    cues = list(srt.parse(to_srt(talk, plain=True)))
    assert len(cues) > 1
    assert " ".join(cue.content for cue in cues) == talk.utterances[0].utterance.text  # no word is lost or said twice
    starts = {word.text: word.start for word in talk.utterances[0].utterance.words}
    for cue, following in zip(cues, [*cues[1:], None], strict=True):
        assert len(cue.content) <= 84
        assert (cue.end - cue.start).total_seconds() <= 7.0
        assert cue.start.total_seconds() == pytest.approx(starts[cue.content.split()[0]])
        assert following is None or cue.end <= following.start
    assert any(cue.content.endswith("word14,") for cue in cues)  # a comma near the middle is the better place
    assert len(webvtt.from_string(to_vtt(talk)).captions) == len(cues)


def test_subtitles_run_past_the_hour(analysis: Analysis) -> None:
    labelled = analysis.utterances[0]
    late = dataclasses.replace(labelled.utterance, start=3725.5, end=3727.25)
    one = dataclasses.replace(analysis, utterances=(dataclasses.replace(labelled, utterance=late),))
    assert "01:02:05,500 --> 01:02:07,250" in to_srt(one)
    assert "01:02:05.500 --> 01:02:07.250" in to_vtt(one)


# ELAN


def read_eaf(text: str, folder: Path) -> pympi.Elan.Eaf:
    path = folder / "talk.eaf"
    path.write_text(text, encoding="utf-8")
    return pympi.Elan.Eaf(str(path))


def test_eaf_gives_back_transcript_and_labels(monologue: Analysis, tmp_path: Path) -> None:
    analysis = monologue
    document = read_eaf(to_eaf(analysis, video="clips/talk one.mp4"), tmp_path)
    expected = [
        (round(1000 * e.utterance.start), round(1000 * e.utterance.end), e.utterance.text) for e in analysis.utterances
    ]
    assert sorted(document.get_annotation_data_for_tier("transcript")) == expected
    sentiments = {entry[0]: entry[2] for entry in document.get_annotation_data_for_tier("sentiment")}
    emotions = {name: {e[0]: e[2] for e in document.get_annotation_data_for_tier(name)} for name in EMOTIONS}
    for labelled in analysis.utterances:
        start = round(1000 * labelled.utterance.start)
        assert sentiments[start] == labelled.prediction.sentiment
        for name in EMOTIONS:
            assert (start in emotions[name]) == (name in labelled.prediction.emotions)
            if start in emotions[name]:
                found = float(emotions[name][start])
                assert found == pytest.approx(labelled.prediction.emotion_probabilities[name], abs=0.005)
    words = document.get_annotation_data_for_tier("words")
    assert [w[2] for w in sorted(words)] == [w.text for e in analysis.utterances for w in e.utterance.words]
    assert document.get_linked_files()[0]["RELATIVE_MEDIA_URL"] == "./clips/talk%20one.mp4"


# The children of the document in the order that EAF 3.0 prescribes.
EAF_ORDER = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LANGUAGE", "CONSTRAINT", "CONTROLLED_VOCABULARY"]


@pytest.mark.parametrize("kind", ["monologue", "overlapping", "empty_analysis"])
def test_eaf_is_built_as_the_format_prescribes(kind: str, request: pytest.FixtureRequest) -> None:
    root = ElementTree.fromstring(to_eaf(request.getfixturevalue(kind)))
    assert root.tag == "ANNOTATION_DOCUMENT"
    assert {"AUTHOR", "DATE", "FORMAT", "VERSION"} <= set(root.attrib)
    kinds = [child.tag for child in root]
    assert kinds == sorted(kinds, key=EAF_ORDER.index)
    slots = {e.attrib["TIME_SLOT_ID"]: int(e.attrib["TIME_VALUE"]) for e in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    identifiers = [element.attrib["ANNOTATION_ID"] for element in root.iter() if "ANNOTATION_ID" in element.attrib]
    assert len(set(identifiers)) == len(identifiers)
    types = {e.attrib["LINGUISTIC_TYPE_ID"]: e.attrib for e in root.iter("LINGUISTIC_TYPE")}
    stereotypes = {e.attrib["STEREOTYPE"] for e in root.iter("CONSTRAINT")}
    vocabularies = {e.attrib["CV_ID"] for e in root.iter("CONTROLLED_VOCABULARY")}
    assert {t["CONSTRAINTS"] for t in types.values() if "CONSTRAINTS" in t} <= stereotypes
    assert {t["CONTROLLED_VOCABULARY_REF"] for t in types.values() if "CONTROLLED_VOCABULARY_REF" in t} <= vocabularies
    tiers = {tier.attrib["TIER_ID"]: tier for tier in root.iter("TIER")}
    parents = {
        e.attrib["ANNOTATION_ID"]: (slots[e.attrib["TIME_SLOT_REF1"]], slots[e.attrib["TIME_SLOT_REF2"]])
        for e in tiers["transcript"].iter("ALIGNABLE_ANNOTATION")
    }
    for tier in tiers.values():
        assert tier.attrib["LINGUISTIC_TYPE_REF"] in types
        assert tier.attrib.get("PARENT_REF", "transcript") in tiers
        spans = [
            (slots[e.attrib["TIME_SLOT_REF1"]], slots[e.attrib["TIME_SLOT_REF2"]])
            for e in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        assert all(start < end for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        if tier.attrib["TIER_ID"] == "words":
            assert all(any(a <= start and end <= b for a, b in parents.values()) for start, end in spans)
        assert {e.attrib["ANNOTATION_REF"] for e in tier.iter("REF_ANNOTATION")} <= set(parents)


def test_eaf_takes_text_that_xml_cannot_hold(analysis: Analysis) -> None:
    labelled = analysis.utterances[0]
    odd = dataclasses.replace(labelled.utterance, text="bell\x07 and ]]> & <b>")
    one = dataclasses.replace(analysis, utterances=(dataclasses.replace(labelled, utterance=odd),))
    root = ElementTree.fromstring(to_eaf(one))
    assert next(root.iter("ANNOTATION_VALUE")).text == "bell and ]]> & <b>"


def test_eaf_has_the_tiers_of_each_speaker(analysis: Analysis, tmp_path: Path) -> None:
    document = read_eaf(to_eaf(spoken_by(analysis, "Ann", "Bob & Co")), tmp_path)
    texts = [e.utterance.text for e in analysis.utterances]
    for name, expected in (("Ann", texts[::2]), ("Bob & Co", texts[1::2])):
        transcript = document.get_annotation_data_for_tier(f"transcript@{name}")
        assert [entry[2] for entry in sorted(transcript)] == expected
        parameters = document.get_parameters_for_tier(f"sentiment@{name}")
        assert parameters["PARTICIPANT"] == name
        assert parameters["PARENT_REF"] == f"transcript@{name}"


def test_the_only_voice_needs_no_name(analysis: Analysis, monologue: Analysis) -> None:
    one = spoken_by(analysis, "Speaker 1")
    assert to_eaf(one) == to_eaf(monologue)
    assert to_textgrid(one) == to_textgrid(monologue)
    assert to_srt(one) == to_srt(monologue)
    assert "<v Ann>" in to_vtt(spoken_by(analysis, "Ann"))


def test_srt_has_the_speaker_before_the_text(analysis: Analysis) -> None:
    cues = list(srt.parse(to_srt(spoken_by(analysis, "Ann", "Bob"), plain=True)))
    assert [cue.content.split()[0] for cue in cues] == ["Ann:", "Bob:", "Ann:", "Bob:", "Ann:"]


def test_people_who_speak_at_once_keep_their_times(overlapping: Analysis) -> None:
    both = spoken_by(overlapping, "Ann", "Bob")
    second = list(srt.parse(to_srt(both)))[1]
    assert second.start.total_seconds() == pytest.approx(1.0)


# Praat


@pytest.mark.parametrize("kind", ["monologue", "overlapping", "empty_analysis"])
def test_praat_reads_the_textgrid(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    analysis: Analysis = request.getfixturevalue(kind)
    path = tmp_path / "talk.TextGrid"
    path.write_text(to_textgrid(analysis), encoding="utf-8")
    grid = parselmouth.Data.read(str(path))
    praat = parselmouth.praat.call
    names = [praat(grid, "Get tier name", i + 1) for i in range(praat(grid, "Get number of tiers"))]
    assert names[:3] == ["transcript", "words", "sentiment"]
    count = praat(grid, "Get number of intervals", 1)
    found = [praat(grid, "Get label of interval", 1, i + 1) for i in range(count)]
    assert [text for text in found if text] == [e.utterance.text for e in analysis.utterances]
    assert praat(grid, "Get end time") == pytest.approx(analysis.source.duration, abs=0.001)
    if kind == "monologue":
        assert praat(grid, "Get start time of interval", 1, 2) == pytest.approx(analysis.utterances[0].utterance.start)
        happy = names.index("happy") + 1
        labels = [
            praat(grid, "Get label of interval", happy, i + 1)
            for i in range(praat(grid, "Get number of intervals", happy))
        ]
        expected = sum("happy" in entry.prediction.emotions for entry in analysis.utterances)
        assert sum(bool(label) for label in labels) == expected


def test_praat_finds_the_tiers_of_each_speaker(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "talk.TextGrid"
    path.write_text(to_textgrid(spoken_by(analysis, "Ann", 'Bob "B"')), encoding="utf-8")
    grid = parselmouth.Data.read(str(path))
    praat = parselmouth.praat.call
    names = [praat(grid, "Get tier name", i + 1) for i in range(praat(grid, "Get number of tiers"))]
    assert [name for name in names if name.startswith("transcript")] == ["transcript@Ann", 'transcript@Bob "B"']
    tier = names.index('transcript@Bob "B"') + 1
    count = praat(grid, "Get number of intervals", tier)
    labels = [praat(grid, "Get label of interval", tier, i + 1) for i in range(count)]
    assert [label for label in labels if label] == [e.utterance.text for e in analysis.utterances[1::2]]


# Parquet


def test_parquet_is_the_frame_with_features_and_origin(analysis: Analysis) -> None:
    content = to_parquet(analysis)
    frame = pd.read_parquet(io.BytesIO(content))
    assert list(frame["text"]) == [entry.utterance.text for entry in analysis.utterances]
    assert frame["acoustic.F0"].dtype == np.float32
    assert frame["visual.AU12"].isna().tolist() == [False, False, True, False, False]
    assert [tuple(value) for value in frame["emotions"]] == [e.prediction.emotions for e in analysis.utterances]
    origin = json.loads(pq.read_schema(io.BytesIO(content)).metadata[METADATA_KEY])
    assert origin["source"]["sha256"] == analysis.source.sha256
    assert origin["provenance"]["steps"][0]["name"] == "transcript"


def test_parquet_of_silence_has_the_same_types(analysis: Analysis, empty_analysis: Analysis) -> None:
    full = pq.read_schema(io.BytesIO(to_parquet(analysis)))
    empty = pq.read_schema(io.BytesIO(to_parquet(empty_analysis)))
    assert {name: empty.field(name).type for name in empty.names} == {
        name: full.field(name).type for name in empty.names
    }
