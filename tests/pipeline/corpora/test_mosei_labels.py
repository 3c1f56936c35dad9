"""Label tables that are not what they should be are refused with the column or file named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.foundation.errors import DataError
from mtmm_video.pipeline.corpora.mosei_labels import COLUMNS, prepare_labels


@pytest.fixture
def glove(tmp_path):
    folder = tmp_path / "glove"
    folder.mkdir()
    np.save(folder / "vectors.npy", np.ones((1, 2), dtype=np.float32))
    (folder / "words.txt").write_text("good\n")
    return GloveVectors.load(folder)


def write_labels(folder, **changes):
    folder.mkdir(exist_ok=True)
    for split in ("train", "valid", "test"):
        frame = pd.DataFrame(
            {
                "video_id": [f"{split}-v", f"{split}-v"],
                "segment_id": [0, 1],
                "split": split,
                "order_by_text_start": [1, 0],
                "text": ["second, good", "first"],
                "sentiment": [1.0, -1.0],
                **{key: [0.0, 1.0] for key in ("anger", "disgust", "fear", "happy", "sad", "surprise")},
                **changes,
            }
        )
        frame.to_csv(folder / f"{split}.csv.gz", index=False)
    return folder


def test_utterances_are_ordered_by_the_time_of_their_text(tmp_path, glove):
    table = prepare_labels(write_labels(tmp_path / "labels"), glove=glove)
    assert table.texts[:2] == ("first", "second, good")
    assert table.labels.sentiment[:2].tolist() == [0, 1]
    assert table.segments[0] == "train-v[1]"
    assert table.modalities["text"].present.tolist()[:2] == [False, True]


@pytest.mark.parametrize("missing", ["sentiment", "order_by_text_start", "fear"])
def test_a_missing_column_is_named(tmp_path, glove, missing):
    folder = write_labels(tmp_path / "labels")
    frame = pd.read_csv(folder / "valid.csv.gz").drop(columns=missing)
    frame.to_csv(folder / "valid.csv.gz", index=False)
    assert missing in COLUMNS
    with pytest.raises(DataError, match=missing):
        prepare_labels(folder, glove=glove)


def test_labels_out_of_range_a_wrong_split_and_a_missing_file(tmp_path, glove):
    with pytest.raises(DataError, match="range"):
        prepare_labels(write_labels(tmp_path / "labels", sentiment=[7.0, 0.0]), glove=glove)
    with pytest.raises(DataError, match="split column"):
        prepare_labels(write_labels(tmp_path / "labels", split="train"), glove=glove)
    with pytest.raises(DataError, match="more than one split"):
        prepare_labels(write_labels(tmp_path / "labels", video_id=["v", "v"]), glove=glove)
    (tmp_path / "labels" / "test.csv.gz").unlink()
    with pytest.raises(DataError, match=r"no test\.csv"):
        prepare_labels(tmp_path / "labels", glove=glove)


def test_a_file_that_is_no_table_is_refused(tmp_path, glove):
    folder = write_labels(tmp_path / "labels")
    (folder / "train.csv.gz").write_bytes(b"\x1f\x8bnot gzip")
    with pytest.raises(DataError, match=r"train\.csv\.gz"):
        prepare_labels(folder, glove=glove)
