"""Files in the SDK's layout with known numbers come out as known means, in the right order, under the right labels."""

from __future__ import annotations

import json
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.foundation.errors import DataError
from mtmm_video.pipeline.corpora.csd_reader import open_sequence, word_text
from mtmm_video.pipeline.corpora.mosei_csd import official_folds, prepare_sequences
from mtmm_video.pipeline.corpora.paper_counts import PAPER_TABLE_2, PAPER_TABLE_3, table_2, table_3

SDK_ORDER = ["sentiment", "happy", "sad", "anger", "surprise", "disgust", "fear"]
FOLDS = {"talk": "train", "chat": "test"}


def write_sequence(path, root, videos, *, dimension_names=None):
    """Write a `.csd` as the SDK lays it out: {key: (features, intervals)}."""
    with h5py.File(path, "w") as file:
        for key, (features, intervals) in videos.items():
            group = file.create_group(f"{root}/data/{key}")
            group.create_dataset("features", data=np.asarray(features))
            group.create_dataset("intervals", data=np.asarray(intervals, dtype=np.float64))
        metadata = file.create_group(f"{root}/metadata")
        text = h5py.string_dtype()
        metadata.create_dataset("root name", data=np.array([json.dumps(root)], dtype=object), dtype=text)
        if dimension_names is not None:
            names = np.array([json.dumps(dimension_names)], dtype=object)
            metadata.create_dataset("dimension names", data=names, dtype=text)


@pytest.fixture
def glove(tmp_path):
    folder = tmp_path / "glove"
    folder.mkdir()
    words = ["good", "film", "bad", "oh"]
    np.save(folder / "vectors.npy", np.arange(8, dtype=np.float32).reshape(4, 2))
    (folder / "words.txt").write_text("\n".join(words) + "\n")
    return GloveVectors.load(folder)


@pytest.fixture
def corpus(tmp_path):
    """Two videos. ``talk`` says "bad" and, after a pause, "good film"; its segments lie in the wrong order."""
    folder = tmp_path / "csd"
    folder.mkdir()
    words = np.array([[b"bad"], [b"sp"], [b"good"], [b"film"]])
    spans = [[0, 1], [1, 10], [10, 10.5], [10.5, 12]]
    write_sequence(folder / "words.csd", "words", {"talk": (words, spans), "chat": (np.array([[b"oh"]]), [[0, 1]])})
    # 10 frames a second; column c of the frame at t holds 100 c + t.
    starts = np.arange(0, 12, 0.1)
    frames = np.stack([starts, starts + 0.1], axis=1)
    centres = frames.mean(axis=1)
    covarep = (100 * np.arange(74)[None, :] + centres[:, None]).astype(np.float32)
    covarep[3, 5] = -np.inf  # in "bad"
    covarep[:, 7] = np.nan
    write_sequence(folder / "covarep.csd", "COVAREP", {"talk": (covarep, frames)})
    facet = np.tile(np.arange(35, dtype=np.float32) + 1, (len(frames), 1))
    facet[(centres > 10) & (centres < 10.5)] = 0  # no face during "good"
    write_sequence(folder / "facet.csd", "FACET 4.2", {"talk": (facet, frames), "chat": (facet, frames)})
    labels = np.array([[2.0, 3.3, 0, 0, 0, 0, 0.5], [-1.0, 0, 0, 1, 0, 2, 0]], dtype=np.float32)
    write_sequence(
        folder / "labels.csd",
        "All Labels",
        {
            "talk": (labels, [[9.5, 12.5], [0, 2]]),
            "chat": (np.zeros((1, 7), dtype=np.float32), [[0, 1]]),
            "stray": (np.zeros((1, 7), dtype=np.float32), [[0, 1]]),
        },
        dimension_names=SDK_ORDER,
    )
    return folder


def test_known_numbers_come_out_as_their_means(corpus, glove):
    table, missing = prepare_sequences(corpus, glove=glove, folds=FOLDS)
    assert table.video_ids == ("talk", "chat")
    assert table.splits == ("train", "test")
    assert table.texts == ("bad", "good film", "oh")  # by time, although the file has them the other way round
    np.testing.assert_allclose(table.modalities["text"].values, [[4, 5], [1, 2], [6, 7]])
    voice = table.modalities["acoustic"]
    # "bad" is one word, frames 0.05 ... 0.95; "good" and "film" weigh the same although "film" is three times as long.
    np.testing.assert_allclose(voice.values[0, 0], 0.5, atol=1e-5)
    np.testing.assert_allclose(voice.values[1, 10], 1000 + (10.25 + 11.25) / 2, atol=1e-3)
    # The frame at 0.35 s was -inf in column 5: the mean is over the other nine.
    np.testing.assert_allclose(voice.values[0, 5], 500 + (5.0 - 0.35) / 9, atol=1e-3)
    assert not voice.valid[:, 7].any()
    assert missing.not_finite["acoustic"] == 1 + 120
    # No face during "good": the mean is that of "film" alone.
    np.testing.assert_allclose(table.modalities["visual"].values[1], np.arange(35) + 1)


def test_labels_leave_the_sdks_order(corpus, glove):
    table, _ = prepare_sequences(corpus, glove=glove, folds=FOLDS)
    assert table.labels.sentiment.tolist() == [0, 1, 1]
    # anger, disgust, fear, happy, sad, surprise, none
    assert table.labels.emotion[0].tolist() == [1, 1, 0, 0, 0, 0, 0]
    assert table.labels.emotion[1].tolist() == [0, 0, 1, 1, 0, 0, 0]
    assert table.labels.emotion[2].tolist() == [0, 0, 0, 0, 0, 0, 1]
    assert table.labels.emotion_intensity[0].tolist() == [1, 2, 0, 0, 0, 0]
    assert table.labels.emotion_intensity[1, 3] == 3  # 3.3 in the file


def test_what_is_missing_is_listed_and_masked(corpus, glove):
    table, missing = prepare_sequences(corpus, glove=glove, folds=FOLDS)
    assert missing.no_fold == ("stray",)
    assert missing.segments["acoustic"] == ("chat[0]",)
    assert missing.segments["visual"] == ()
    assert table.modalities["acoustic"].present.tolist() == [True, True, False]


def test_files_that_the_sdk_aligned_have_a_key_per_segment(corpus, glove, tmp_path):
    plain, _ = prepare_sequences(corpus, glove=glove, folds=FOLDS)
    aligned = tmp_path / "aligned"
    aligned.mkdir()
    segments = {"talk": [(9.5, 12.5), (0, 2)], "chat": [(0, 1)]}
    for path in corpus.glob("*.csd"):
        videos = {}
        with open_sequence(path) as sequence:
            root = sequence.root
            for video in [name for name in segments if name in sequence]:
                rows = sequence.read(video)
                middle = rows.intervals.mean(axis=1)
                for number, (start, end) in enumerate(segments[video]):
                    inside = (middle >= start) & (middle < end)
                    videos[f"{video}[{number}]"] = (rows.features[inside], rows.intervals[inside])
        write_sequence(aligned / path.name, root, {key: part for key, part in videos.items() if len(part[0])})
    table, _ = prepare_sequences(aligned, glove=glove, folds=FOLDS)
    assert table.texts == plain.texts
    for modality, features in plain.modalities.items():
        np.testing.assert_allclose(table.modalities[modality].values, features.values, atol=1e-6)
    np.testing.assert_array_equal(table.labels.emotion, plain.labels.emotion)


def test_segment_ten_follows_segment_nine(tmp_path):
    path = tmp_path / "numbers.csd"
    write_sequence(path, "All Labels", {f"v[{n}]": (np.full((1, 7), n / 4), [[n, n + 1]]) for n in range(12)})
    with open_sequence(path) as sequence:
        assert sequence.videos == ("v",)
        np.testing.assert_allclose(sequence.read("v").features[:, 0] * 4, np.arange(12))


def test_word_vectors_stand_in_for_words(corpus, tmp_path):
    (corpus / "words.csd").unlink()
    vectors = np.zeros((4, 300), dtype=np.float32)
    vectors[0], vectors[2], vectors[3] = 1, 2, 5  # the second is the pause: a vector of zeros
    spans = [[0, 1], [1, 10], [10, 10.5], [10.5, 12]]
    write_sequence(corpus / "vectors.csd", "glove_vectors", {"talk": (vectors, spans)})
    table, missing = prepare_sequences(corpus, glove=None, folds=FOLDS)
    np.testing.assert_allclose(table.modalities["text"].values[:2, 0], [1, 3.5])
    assert missing.segments["text"] == ("chat[0]",)
    assert table.modalities["text"].version == "glove-840b-300d/sdk"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "truncated"), (b"no HDF5 at all", "truncated"), (b"\x89HDF\r\n\x1a\n" + bytes(100), "truncated")],
)
def test_files_that_are_no_hdf5_are_refused(tmp_path, content, message):
    path = tmp_path / "bad.csd"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        prepare_sequences(tmp_path, glove=None)


def test_a_truncated_file_is_refused(corpus, glove):
    path = corpus / "covarep.csd"
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DataError, match=r"covarep\.csd"):
        prepare_sequences(corpus, glove=glove, folds=FOLDS)


def test_foreign_files_and_wrong_columns_are_refused(corpus, glove, tmp_path):
    with h5py.File(tmp_path / "foreign.csd", "w") as file:
        file.create_dataset("numbers", data=np.zeros(3))
    with pytest.raises(DataError, match="not a computational sequence"), open_sequence(tmp_path / "foreign.csd"):
        pass
    write_sequence(corpus / "facet.csd", "COVAREP", {"talk": (np.zeros((2, 74)), [[0, 1], [1, 2]])})
    with pytest.raises(DataError, match=r"facet\.csd: has acoustic, and so does .*covarep\.csd"):
        prepare_sequences(corpus, glove=glove, folds=FOLDS)


def test_other_features_of_the_sdks_folder_are_left_out_and_named(corpus, glove):
    """It has the features of openSMILE and OpenFace, and phones, which are text in one column as words are."""
    spans = [[0, 1], [1, 2]]
    write_sequence(corpus / "face.csd", "OpenFace", {"talk": (np.zeros((2, 713)), spans)})
    write_sequence(corpus / "phones.csd", "CMU_MOSI_TimestampedPhones", {"talk": (np.array([[b"g"], [b"uh"]]), spans)})
    table, missing = prepare_sequences(corpus, glove=glove, folds=FOLDS)
    assert [reason.partition(" (")[0].partition(": ")[2] for reason in missing.left_out] == [
        "features of 713 columns",
        "features of 1 columns",
    ]
    assert table.texts[1] == "good film"
    (corpus / "labels.csd").unlink()
    with pytest.raises(DataError, match=r"none of its \.csd files has labels.*713 columns"):
        prepare_sequences(corpus, glove=glove, folds=FOLDS)


@pytest.mark.parametrize(("root", "names"), [("Opinion Segment Labels", None), ("MOSI", ["Sentiment Score"])])
@pytest.mark.parametrize("shape", [(2, 1), (2,)])
def test_one_column_of_sentiment_is_known_by_either_name(corpus, glove, root, names, shape):
    spans = [[0, 2], [9.5, 12.5]]
    values = np.array([-1.8, 2.4]).reshape(shape)
    write_sequence(corpus / "labels.csd", root, {"talk": (values, spans)}, dimension_names=names)
    table, _ = prepare_sequences(corpus, glove=glove, folds=FOLDS)
    np.testing.assert_allclose(table.labels.sentiment_intensity, [-1.8, 2.4], rtol=1e-6)
    assert np.isnan(table.labels.emotion).all()


def test_emotions_alone_leave_sentiment_unknown(corpus, glove):
    names = ["Happiness", "Sadness", "Angry", "Surprise", "Disgust", "Fear"]
    values = np.array([[3.0, 0, 0, 0, 0, 0], [0, 0, 1.0, 0, 0, 0]])
    write_sequence(
        corpus / "labels.csd", "Emotion Labels", {"talk": (values, [[0, 2], [9.5, 12.5]])}, dimension_names=names
    )
    table, _ = prepare_sequences(corpus, glove=glove, folds=FOLDS)
    assert np.isnan(table.labels.sentiment).all() and np.isnan(table.labels.sentiment_intensity).all()
    assert table.labels.emotion_intensity[0].tolist() == [0, 0, 0, 3, 0, 0]
    assert table.labels.emotion_intensity[1].tolist() == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("row", "names"), [([4.0, 0, 0, 0, 0, 0, 0], None), ([0, 0, -1.0, 0, 0, 0, 0], None)])
def test_labels_out_of_range_are_refused(corpus, glove, row, names):
    write_sequence(corpus / "labels.csd", "All Labels", {"talk": (np.array([row]), [[0, 2]])}, dimension_names=names)
    with pytest.raises(DataError, match=r"talk\[0\]"):
        prepare_sequences(corpus, glove=glove, folds=FOLDS)


def test_other_label_names_are_refused(corpus, glove):
    names = ["sentiment", "calm", *SDK_ORDER[2:]]
    write_sequence(corpus / "labels.csd", "All Labels", {"talk": (np.zeros((1, 7)), [[0, 2]])}, dimension_names=names)
    with pytest.raises(DataError, match="calm"):
        prepare_sequences(corpus, glove=glove, folds=FOLDS)


def test_the_folds_are_disjoint_and_of_the_papers_size():
    folds = official_folds()
    sizes = [sum(split == name for split in folds.values()) for name in ("train", "valid", "test")]
    for found, printed in zip(sizes, PAPER_TABLE_2["videos"], strict=True):
        assert abs(found - printed) <= 0.01 * printed


def test_tables_2_and_3_count(corpus, glove):
    table, _ = prepare_sequences(corpus, glove=glove, folds=FOLDS)
    assert table_2(table)["utterances"] == (2, 0, 1)
    assert table_2(table)["fear"] == (1, 0, 0)
    emotions_alone = replace(table, labels=replace(table.labels, sentiment=np.full(len(table), np.nan, np.float32)))
    assert table_2(emotions_alone)["positive"] == (None, 0, None)  # nobody was asked, which is not nobody
    assert table_3(table) == {0: 1, 1: 0, 2: 2, 3: 0, 4: 0, 5: 0, 6: 0}
    assert set(PAPER_TABLE_3) == set(table_3(table))


@pytest.mark.reference
def test_a_real_sdk_file_is_read(shared):
    with open_sequence(shared / "data" / "csd" / "CMU_MOSI_ModifiedTimestampedWords.csd") as sequence:
        assert sequence.content == "words"
        assert len(sequence.videos) == 93
        rows = sequence.read("03bSnISJMiM")
    said = [word_text(row[0]) for row in rows.features]
    assert said[:5] == ["oh", "sp", "this", "sp", "quality"]
    assert (np.diff(rows.intervals[:, 0]) >= 0).all()


@pytest.mark.reference
def test_the_label_tables_hold_the_papers_counts_within_two_per_cent(shared, glove):
    from mtmm_video.pipeline.corpora.mosei_labels import prepare_labels

    table = prepare_labels(shared / "data" / "mosei" / "labels", glove=glove)
    for name, printed in PAPER_TABLE_2.items():
        found = table_2(table)[name]
        assert abs(sum(found) - sum(printed)) <= 0.02 * sum(printed), name
    assert not np.isnan(table.labels.emotion).any()


@pytest.mark.reference
def test_mosi_has_real_acoustic_means_and_a_valid_split_of_its_own(shared, glove):
    from mtmm_video.pipeline.corpora.mosi import prepare_mosi

    table = prepare_mosi(shared / "data" / "mosi" / "utterances.csv.gz", glove=glove)
    assert table.words is not None
    assert np.diff(table.words.offsets).tolist() == [len(text.split()) or 1 for text in table.texts]
    assert len(table) == 2199
    assert len(table.split("valid").video_ids) == 10
    voice = table.modalities["acoustic"]
    assert voice.valid[:, :73].all()
    assert not voice.valid[:, 73].any()  # HMPDD_12: the file has the first 73 columns
    assert np.isnan(table.labels.emotion).all()


@pytest.mark.reference
def test_mosis_own_label_file_has_one_column_of_sentiment(shared, glove, tmp_path):
    """The labels of the SDK and those of the CSV copy are of the same 2,199 utterances of 93 videos."""
    for file in ("cases/csd/CMU_MOSI_Opinion_Labels.csd", "data/csd/CMU_MOSI_ModifiedTimestampedWords.csd"):
        (tmp_path / (shared / file).name).symlink_to(shared / file)
    table, missing = prepare_sequences(tmp_path, glove=glove)
    assert (len(table), len(table.video_ids), set(table.corpora)) == (2199, 93, {"mosi"})
    assert missing.no_fold == ()
    assert [table.splits.count(split) for split in ("train", "valid", "test")] == [52, 10, 31]
    assert (table.labels.sentiment_intensity.min(), table.labels.sentiment_intensity.max()) == (-3.0, 3.0)
    assert np.isnan(table.labels.emotion).all()
    csv = pd.read_csv(shared / "data" / "mosi" / "utterances.csv.gz", usecols=["video_id", "segment_id", "positive"])
    order = csv.sort_values(["video_id", "segment_id"]).groupby("video_id")["positive"].apply(list)
    agreed = total = 0
    for index, video in enumerate(table.video_ids):
        rows = slice(table.offsets[index], table.offsets[index + 1])
        if len(order[video]) == rows.stop - rows.start:
            agreed += int((table.labels.sentiment[rows] == order[video]).sum())
            total += len(order[video])
    assert total == 2199
    assert agreed / total > 0.99
