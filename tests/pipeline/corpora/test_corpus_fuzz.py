"""Whatever a corpus's files hold: a table that fits together, or one line that names the file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.foundation.errors import DataError, InputError
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.table import FORMAT, Labels, UtteranceTable
from mtmm_video.pipeline.corpora.layouts import read_corpus
from mtmm_video.pipeline.corpora.mosei_csd import prepare_sequences

BOUNDED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
FOLDER = Path(tempfile.mkdtemp(prefix="mtmm-fuzz-"))


def two_words() -> GloveVectors:
    np.save(FOLDER / "vectors.npy", np.eye(2, dtype=np.float32))
    (FOLDER / "words.txt").write_text("good\nfilm\n")
    return GloveVectors.load(FOLDER)


GLOVE = two_words()


def refused_or(read: Callable[[], Any], path: Path) -> Any:
    """Return what is read; None where it is refused as it should be."""
    try:
        return read()
    except (DataError, InputError) as error:
        assert str(path) in str(error)
        assert "\n" not in str(error).strip()
        return None


def check(table: UtteranceTable | None) -> None:
    """What every table has to be."""
    if table is None:
        return
    assert (table.lengths >= 0).all()
    assert table.lengths.sum() == len(table) == len(table.texts)
    for index in range(len(table.video_ids)):
        table.video(index)


arrays = st.one_of(
    st.integers(0, 3).map(lambda n: np.zeros((n, 74), np.float32)),
    st.lists(st.sampled_from([b"good", b"film", b"sp", b"\xff"]), max_size=3).map(
        lambda words: np.array(words, dtype="S4").reshape(-1, 1)
    ),
    st.lists(st.floats(width=32), max_size=6).map(lambda values: np.array(values, np.float32)),
    st.lists(st.floats(), min_size=2, max_size=6).map(lambda v: np.array(v[: len(v) // 2 * 2]).reshape(-1, 2)),
    st.sampled_from([np.float64(1.0), np.zeros((2, 35, 1)), np.array([["x"]], dtype=h5py.string_dtype())]),
)
links = st.sampled_from([h5py.SoftLink("/nowhere"), h5py.ExternalLink("other.csd", "/"), h5py.SoftLink("/")])
nodes: Any = st.recursive(
    arrays | links,
    lambda inner: st.dictionaries(
        st.sampled_from(["data", "metadata", "talk", "talk[0]", "features", "intervals", "dimension names"]),
        inner,
        max_size=3,
    ),
    max_leaves=8,
)
videos = st.dictionaries(
    st.sampled_from(["talk", "talk[0]", "talk[1]", "talk[99999999999999999999]"]),
    st.fixed_dictionaries({}, optional={"features": arrays | links, "intervals": arrays | links, "more": nodes}),
    max_size=3,
)
sequences = st.fixed_dictionaries({"words": st.fixed_dictionaries({"data": videos}, optional={"metadata": nodes})})


def write_nodes(group: h5py.Group, content: dict[str, Any]) -> None:
    for name, node in content.items():
        if isinstance(node, dict):
            write_nodes(group.create_group(name), node)
        else:
            group[name] = node


def labels_beside(folder: Path) -> Path:
    """Make a folder with the label file of one video, as MOSI has it, and an external file that nobody may read."""
    folder.mkdir(exist_ok=True)
    with h5py.File(folder / "labels.csd", "w") as file:
        file["labels/data/talk/features"] = np.array([[2.0], [-1.0]], np.float32)
        file["labels/data/talk/intervals"] = np.array([[0.0, 1.0], [1.0, 2.0]])
        file["labels/metadata/dimension names"] = np.array(['["sentiment"]'], dtype=h5py.string_dtype())
    return folder


def prepare(folder: Path) -> UtteranceTable | None:
    def read() -> UtteranceTable:
        return prepare_sequences(folder, glove=GLOVE, folds={"talk": "train"})[0]

    table: UtteranceTable | None = refused_or(read, folder)
    return table


@BOUNDED
@example({"words": {"data": {"talk": {"features": h5py.ExternalLink("labels.csd", "labels/data/talk/features")}}}})
@example({"words": h5py.SoftLink("/nowhere")})
@given(sequences | nodes.filter(lambda node: isinstance(node, dict)))
def test_any_sequence(content: dict[str, Any]) -> None:
    folder = labels_beside(FOLDER / "structure")
    with h5py.File(folder / "words.csd", "w") as file:
        write_nodes(file, content)
    check(prepare(folder))


def intact_sequence() -> bytes:
    path = FOLDER / "intact.csd"
    with h5py.File(path, "w") as file:
        file["words/data/talk/features"] = np.array([[b"good"], [b"film"]])
        file["words/data/talk/intervals"] = np.array([[0.0, 1.0], [1.0, 2.0]])
        file["words/metadata/root name"] = np.array(['"words"'], dtype=h5py.string_dtype())
    return path.read_bytes()


INTACT = intact_sequence()


@BOUNDED
@given(st.lists(st.tuples(st.integers(0, len(INTACT) - 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4))
@example([(135, b"\0\0")])  # the signature of a B-tree
def test_any_damage_to_a_sequence(damage: list[tuple[int, bytes]]) -> None:
    content = bytearray(INTACT)
    for place, piece in damage:
        content[place : place + len(piece)] = piece
    folder = labels_beside(FOLDER / "bytes")
    (folder / "words.csd").write_bytes(content)
    check(prepare(folder))


def small_table() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tensors of a table of two videos, and its strings."""
    path = FOLDER / "small.safetensors"
    features = ModalityFeatures(np.ones((3, 1), np.float32), np.ones((3, 1), np.bool_), ("x",), "x/1")
    UtteranceTable(
        video_ids=("a", "b"),
        splits=("train", "test"),
        corpora=("own", "own"),
        offsets=np.array([0, 1, 3], np.int64),
        modalities={"text": features},
        labels=Labels.unknown(3),
        segments=("a[0]", "b[0]", "b[1]"),
        texts=("x", "y", "z"),
    ).save(path)
    tensors = load_file(path)
    return tensors, json.loads(tensors["strings"].tobytes())


TENSORS, STRINGS = small_table()
COLUMNS = {"text": {"names": ["x"], "version": "x/1"}}
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 5) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
tensors = st.one_of(
    st.lists(st.integers(-3, 5), max_size=4).map(lambda given: np.array(given, np.int64)),
    st.lists(st.floats(width=32), max_size=9).map(lambda given: np.array(given, np.float32)),
    st.sampled_from([np.zeros((3, 7), np.float32), np.zeros((3, 1), np.bool_), np.array(1.0, np.float32)]),
)


@BOUNDED
@given(
    st.dictionaries(st.sampled_from(sorted(TENSORS)), tensors, max_size=2),
    st.dictionaries(st.sampled_from(sorted(STRINGS)), values, max_size=2),
    values | st.just(COLUMNS),
)
@example({"offsets": np.array([0, 5, 3], np.int64)}, {}, COLUMNS)
@example({"offsets": np.array([1, 1, 3], np.int64)}, {}, COLUMNS)
def test_any_table(changed: dict[str, Any], strings: dict[str, Any], columns: Any) -> None:
    path = FOLDER / "table.safetensors"
    text = np.frombuffer(json.dumps(STRINGS | strings).encode(), np.uint8)
    metadata = {"format": FORMAT, "columns": json.dumps(columns)}
    save_file(TENSORS | {"strings": text} | changed, path, metadata=metadata)
    check(refused_or(lambda: UtteranceTable.load(path), path))


cells = st.one_of(
    st.sampled_from(["file", "sentiment", "emotion", "happy", "start", "end", "split", "text", "talk.mp4", ""]),
    st.sampled_from(["positive", "1.5", "-3", "nan", "1e400", "0:00:05", "train", "joy", '"', "a\nb", "\0", "١"]),
    st.text(max_size=6),
)


@BOUNDED
@given(
    st.lists(cells, min_size=1, max_size=5),
    st.lists(st.lists(cells, max_size=5), max_size=4),
    st.sampled_from(",;\t"),
    st.booleans(),
)
@example(["file", "sentiment"], [["talk.mp4", "1.5"]], ",", False)
def test_any_label_file(header: list[str], rows: list[list[str]], delimiter: str, skip_bad: bool) -> None:
    (FOLDER / "talk.mp4").touch()
    path = FOLDER / "labels.csv"
    path.write_text("\n".join(delimiter.join(row) for row in [header, *rows]), encoding="utf-8", errors="surrogatepass")
    corpus = refused_or(lambda: read_corpus(path, skip_bad=skip_bad), path)
    assert corpus is None or corpus.segments


@BOUNDED
@given(st.binary(max_size=200), st.sampled_from(["labels.csv", "tiers.eaf", "corrected.json"]))
def test_any_label_bytes(content: bytes, name: str) -> None:
    path = FOLDER / name
    path.write_bytes(content)
    refused_or(lambda: read_corpus(path), path)
