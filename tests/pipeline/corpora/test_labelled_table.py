"""From measured clips to the table: words where they are spoken, sequences in order, absences marked, counts right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import ModalityFeatures, VideoFeatures
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.word_features import WordFeatures
from mtmm_video.pipeline.corpora.data_card import Preparation, data_card
from mtmm_video.pipeline.corpora.labelled_table import MeasuredSegment, labels_of, make_table
from mtmm_video.pipeline.corpora.measuring import MeasuredFile, Segment, place
from mtmm_video.pipeline.corpora.segment import Corpus, LabelledSegment, Problem, SegmentLabels
from mtmm_video.pipeline.quality import Quality

SPEECH = np.array([(1.0, 2.0), (4.0, 5.0)])
NONE = dict.fromkeys(("anger", "disgust", "fear", "happy", "sad", "surprise"), 0.0)


def test_given_words_lie_over_the_speech_inside_the_bounds():
    (whole,) = place([Segment(text="one two")], speech=SPEECH, heard=(), duration=6.0)
    assert (whole.start, whole.end) == (1.0, 5.0)
    assert (whole.words[0].start, whole.words[-1].end) == (1.0, 5.0)
    (bounded,) = place([Segment(3.5, 5.5, "hello - there")], speech=SPEECH, heard=(), duration=6.0)
    assert (bounded.start, bounded.end) == (3.5, 5.5)  # the annotators' bounds stay
    assert [word.text for word in bounded.words] == ["hello", "there"]
    assert (bounded.words[0].start, bounded.words[-1].end) == (4.0, 5.0)
    assert all(word.interpolated for word in bounded.words)


def test_recognised_words_go_to_the_segment_that_their_middle_lies_in():
    heard = (Word("yes", 1.0, 1.5), Word("no", 1.5, 2.4), Word("maybe", 4.0, 4.8))
    first, second = place([Segment(0.0, 1.8), Segment(1.8, 3.0)], speech=SPEECH, heard=heard, duration=6.0)
    assert (first.text, second.text) == ("yes", "no")


def test_a_segment_without_words_is_heard_and_seen_as_a_whole():
    (silent,) = place([Segment(2.5, 3.5)], speech=SPEECH, heard=(), duration=6.0)
    assert silent.text == ""
    assert (silent.words[0].start, silent.words[0].end) == (2.5, 3.5)


def measured(
    name: str, *, video: str, split: str, position: float, labels: SegmentLabels, face: bool = True
) -> MeasuredSegment:
    text = ModalityFeatures(np.full((1, 2), position, np.float32), np.ones((1, 2), bool), ("t0", "t1"), "text/1")
    modalities = {"text": text}
    if face:
        modalities["visual"] = ModalityFeatures(np.ones((1, 1), np.float32), np.ones((1, 1), bool), ("AU1",), "face/1")
    segment = LabelledSegment(
        video, name, Path(f"{name}.mp4"), labels, split=split, position=position, speaker=f"speaker of {video}"
    )
    utterances = place([Segment(text=f"this is {name}")], speech=SPEECH, heard=(), duration=6.0)
    flags = ((),) if face else (("no_face",),)
    spoken = np.full((3, 1), position, np.float32)  # "this is NAME"
    words = WordFeatures(np.array([0, 3]), {"text": ModalityFeatures(spoken, spoken < np.inf, ("w0",), "word/1")})
    file = MeasuredFile(VideoFeatures(name, modalities), words, utterances, (Quality(),), flags, None, 6.0)
    return MeasuredSegment(segment, file, 0)


@pytest.fixture
def clips() -> list[MeasuredSegment]:
    angry = SegmentLabels(polarity="negative", emotions={**NONE, "anger": 1.0})
    calm = SegmentLabels(sentiment=0.0, polarity="neutral", emotions=NONE)
    return [
        measured("late", video="b", split="train", position=7.0, labels=angry),
        measured(
            "other", video="c", split="valid", position=0.0, labels=SegmentLabels(polarity="positive"), face=False
        ),
        measured("early", video="b", split="train", position=2.0, labels=calm),
    ]


def test_a_video_is_one_sequence_in_order_of_time(clips):
    table = make_table(clips, corpus="own")
    assert table.video_ids == ("b", "c")
    assert table.segments == ("early", "late", "other")
    assert table.texts == ("this is early", "this is late", "this is other")
    np.testing.assert_array_equal(table.modalities["text"].values[:, 0], [2.0, 7.0, 0.0])
    np.testing.assert_array_equal(table.modalities["visual"].present, [True, True, False])
    assert table.words is not None
    np.testing.assert_array_equal(table.words.offsets, [0, 3, 6, 9])
    np.testing.assert_array_equal(table.words.modalities["text"].values[:, 0], [2] * 3 + [7] * 3 + [0] * 3)


def test_neutral_counts_as_positive_and_names_have_no_intensity(clips):
    labels = labels_of([each.segment.labels for each in clips])
    np.testing.assert_array_equal(labels.sentiment, [0.0, 1.0, 1.0])
    np.testing.assert_array_equal(labels.sentiment_intensity, [np.nan, np.nan, 0.0])
    np.testing.assert_array_equal(labels.emotion[0], [1, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(labels.emotion[2], [0, 0, 0, 0, 0, 0, 1])
    assert np.isnan(labels.emotion[1]).all()


def test_speakers_are_kept_and_a_named_neutral_is_no_positive(clips):
    table = make_table(clips, corpus="own")
    assert table.speakers == ("speaker of b", "speaker of b", "speaker of c")
    assert table.labels.classes.tolist() == [1, 0, 2]
    (named,) = labels_of([SegmentLabels(polarity="neutral")]).classes
    assert named == 1


def test_the_data_card_counts_what_is_there_and_names_what_is_not(clips, tmp_path):
    table = make_table(clips, corpus="own")
    table.save(tmp_path / "own.safetensors")
    assert UtteranceTable.load(tmp_path / "own.safetensors").texts == table.texts
    corpus = Corpus("own", "csv", (), problems=(Problem("labels.csv, row 9", "no such file"),))
    card = data_card(table, clips, Preparation(corpus, "Splits are those of the corpus."))
    rows = {line.split("|")[1].strip(): line for line in card.splitlines() if line.startswith("| ")}
    assert [cell.strip() for cell in rows["utterances"].split("|")[2:5]] == ["2", "1", "0"]
    assert [cell.strip() for cell in rows["visual"].split("|")[2:5]] == ["1", "2", "1"]
    assert "no_face" in rows
    assert "labels.csv, row 9: no such file" in card


def test_clips_of_two_versions_do_not_mix(clips):
    text = clips[0].measured.features.modalities["text"]
    other = ModalityFeatures(text.values, text.valid, text.names, "text/2")
    changed = MeasuredFile(
        VideoFeatures("late", {"text": other}),
        clips[0].measured.words,
        clips[0].measured.utterances,
        clips[0].measured.quality,
        clips[0].measured.flags,
        None,
        6.0,
    )
    with pytest.raises(DataError, match="different text columns"):
        make_table([MeasuredSegment(clips[0].segment, changed, 0), *clips[1:]], corpus="own")
