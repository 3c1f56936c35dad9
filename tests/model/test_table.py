"""A table comes back from disk as it was, and refuses what does not fit together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.table import Labels, UtteranceTable, concatenate
from mtmm_video.model.word_features import WordFeatures


def test_a_table_survives_the_disk(make_table, tmp_path):
    table = make_table(modalities=("text", "acoustic"))
    table.save(tmp_path / "table.safetensors")
    back = UtteranceTable.load(tmp_path / "table.safetensors")
    assert (back.video_ids, back.splits, back.segments, back.texts) == (
        *(table.video_ids, table.splits, table.segments, table.texts),
    )
    np.testing.assert_array_equal(back.labels.emotion, table.labels.emotion)
    np.testing.assert_array_equal(back.modalities["acoustic"].values, table.modalities["acoustic"].values)
    assert back.modalities["acoustic"].names == table.modalities["acoustic"].names


def test_arrays_that_lie_transposed_in_memory_survive_too(make_table, tmp_path):
    table = make_table()
    labels = replace(table.labels, emotion=np.asfortranarray(table.labels.emotion))
    replace(table, labels=labels).save(tmp_path / "table.safetensors")
    np.testing.assert_array_equal(
        UtteranceTable.load(tmp_path / "table.safetensors").labels.emotion, table.labels.emotion
    )


def test_labels_follow_section_5_1():
    labels = Labels.from_intensities(
        np.array([0.0, -0.3, 2.0], dtype=np.float32),
        np.array([[0, 0, 0, 0, 0, 0], [0.3, 0, 0, 0, 1, 0], [0, 0, 0, 3.3, 0, 0]], dtype=np.float32),
    )
    assert labels.sentiment.tolist() == [1, 0, 1]  # 0 counts as positive
    assert labels.emotion.tolist() == [[0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0, 0]]
    assert labels.emotion_intensity.max() == 3  # intensities above 3 exist and are clipped


def test_an_unknown_label_stays_unknown():
    labels = Labels.from_intensities(
        np.array([np.nan], dtype=np.float32), np.array([[0, 0, np.nan, 0, 0, 0]], dtype=np.float32)
    )
    assert np.isnan(labels.sentiment).all()
    assert np.isnan(labels.emotion[0, [2, 6]]).all()
    assert labels.emotion[0, 0] == 0


@pytest.mark.parametrize(
    ("sentiment", "emotion", "named"), [(3.5, 0.0, "sentiment_intensity"), (0.0, -0.5, "intensities below 0")]
)
def test_labels_out_of_range_are_refused(sentiment, emotion, named):
    with pytest.raises(DataError, match=named):
        Labels.from_intensities(np.array([sentiment], dtype=np.float32), np.full((1, 6), emotion, dtype=np.float32))


def test_an_empty_split_is_an_error_that_names_those_there_are(make_table):
    table = make_table()
    only_train = table.videos([index for index, split in enumerate(table.splits) if split == "train"])
    with pytest.raises(DataError, match="'valid'; it has train"):
        only_train.split("valid")


def test_a_video_of_the_table_is_what_the_model_takes(make_table):
    table = make_table(modalities=("text", "visual"))
    features = table.video(2)
    start, end = table.offsets[2:4]
    np.testing.assert_array_equal(features.modalities["visual"].values, table.modalities["visual"].values[start:end])
    assert len(features) == end - start


def test_joining_corpora_masks_what_one_of_them_lacks(make_table):
    with_text = make_table(videos=4, modalities=("text",), corpus="one")
    with_voice = make_table(videos=5, modalities=("acoustic",), corpus="two")
    both = concatenate([with_text, with_voice])
    assert len(both) == len(with_text) + len(with_voice)
    assert not both.modalities["text"].present[len(with_text) :].any()
    assert both.modalities["acoustic"].present[len(with_text) :].all()
    assert both.corpora == ("one",) * 4 + ("two",) * 5
    np.testing.assert_array_equal(
        both.video(6).modalities["acoustic"].values, with_voice.video(2).modalities["acoustic"].values
    )


def test_joining_other_versions_of_the_same_columns_is_refused(make_table):
    table = make_table(videos=4)
    other = replace(table, modalities={"text": replace(table.modalities["text"], version="text-test/2")})
    with pytest.raises(DataError, match="different text columns"):
        concatenate([table, other])


def test_files_that_are_no_tables_are_refused(tmp_path):
    missing, noise, foreign = (tmp_path / name for name in ("missing", "noise", "foreign"))
    noise.write_bytes(bytes(range(256)) * 4)
    save_file({"weights": np.zeros(3, dtype=np.float32)}, foreign)
    for path, message in ((missing, "no such table"), (noise, "not an utterance table"), (foreign, "corpus prepare")):
        with pytest.raises(DataError, match=message):
            UtteranceTable.load(path)


def test_a_truncated_table_is_refused(make_table, tmp_path):
    path = tmp_path / "table.safetensors"
    make_table().save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="damaged"):
        UtteranceTable.load(path)


def test_speakers_and_sentiments_by_name_survive_the_disk_and_a_join(make_table, tmp_path):
    table = make_table(videos=4)
    names = tuple("AB"[row % 2] for row in range(len(table)))
    named = np.full(len(table), np.nan, np.float32)
    named[0] = 1
    strength = table.labels.sentiment_intensity.copy()
    strength[0] = np.nan
    labels = replace(table.labels, sentiment_intensity=strength, named_sentiment=named)
    told = replace(table, speakers=names, labels=labels)
    told.save(tmp_path / "table.safetensors")
    back = UtteranceTable.load(tmp_path / "table.safetensors")
    assert back.speakers == names
    assert back.video(1).speakers == names[int(table.offsets[1]) : int(table.offsets[2])]
    assert back.labels.classes[0] == 1  # neutral, which 0 or 1 cannot say
    assert back.labels.classes[1:].tolist() == table.labels.classes[1:].tolist()
    both = concatenate([table, back])
    assert both.speakers == ("",) * len(table) + names
    assert both.labels.classes[len(table)] == 1
    assert both.split("train").labels.classes.shape == (len(both.split("train")),)


def test_a_person_is_another_speaker_in_every_video(make_table):
    table = make_table(videos=6)
    assert table.speaker_of_row.tolist() == table.video_of_row.tolist()
    told = replace(table, speakers=tuple("AB"[row % 2] for row in range(len(table))))
    pairs = {(int(video), name) for video, name in zip(told.video_of_row, told.speakers, strict=True)}
    assert len(set(told.speaker_of_row.tolist())) == len(pairs)
    for number in set(told.speaker_of_row.tolist()):
        rows = np.flatnonzero(told.speaker_of_row == number)
        assert len({(int(told.video_of_row[row]), told.speakers[row]) for row in rows}) == 1


def spoken(table: UtteranceTable, *, seed: int = 1) -> UtteranceTable:
    """The table with one to three words an utterance."""
    generator = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(generator.integers(1, 4, len(table)))]).astype(np.int64)
    values = generator.normal(size=(int(offsets[-1]), 2)).astype(np.float32)
    block = ModalityFeatures(values, np.ones_like(values, bool), ("a", "b"), "word/1")
    return replace(table, words=WordFeatures(offsets, {"text": block}))


def test_words_stay_with_their_utterance(make_table, tmp_path):
    table = spoken(make_table(videos=6))
    table.save(tmp_path / "table.safetensors")
    back = UtteranceTable.load(tmp_path / "table.safetensors")
    part, last = back.videos([4, 2]), int(table.offsets[3]) - 1  # the last utterance of video 2
    first, end = table.words.offsets[last], table.words.offsets[last + 1]
    np.testing.assert_array_equal(
        part.words.modalities["text"].values[-(end - first) :], table.words.modalities["text"].values[first:end]
    )
    both = concatenate([part, back])
    assert len(both.words) == len(part) + len(back)
    np.testing.assert_array_equal(both.words.modalities["text"].values[-1], table.words.modalities["text"].values[-1])
    assert concatenate([part, make_table(videos=2)]).words is None


def test_every_utterance_needs_a_word(make_table):
    table = spoken(make_table(videos=2))
    with pytest.raises(DataError, match="at least one word"):
        WordFeatures(np.array([0, 1, 1]), {})
    with pytest.raises(DataError, match="do not match"):
        replace(table, words=table.words.utterances([0]))


def test_a_table_of_the_former_format_is_read(make_table, tmp_path):
    make_table(videos=3).save(tmp_path / "now.safetensors")
    with safe_open(tmp_path / "now.safetensors", framework="np") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, tmp_path / "then.safetensors", metadata={**metadata, "format": "mtmm-video-table/2"})
    assert UtteranceTable.load(tmp_path / "then.safetensors").words is None
