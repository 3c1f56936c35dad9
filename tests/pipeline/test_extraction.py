"""Extracted tables: named columns, absent is absent in every format, and the CMU SDK's layout."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
import pytest

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES
from mtmm_video.extractors.speech.words import Word
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual.names import FACET_NAMES
from mtmm_video.foundation.errors import InputError
from mtmm_video.model.features import ModalityFeatures, VideoFeatures
from mtmm_video.pipeline import extraction
from mtmm_video.pipeline.corpora.csd_reader import open_sequence
from mtmm_video.pipeline.extraction import Extraction, extract, speaking_face, write_csd_files, write_tables
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.quality import Quality
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.store.local import Store
from mtmm_video.pipeline.utterance import Utterance
from mtmm_video.pipeline.weights.resolution import list_weights

PERIOD = 0.01


def stream(names: tuple[str, ...], frames: int, period: float) -> FeatureStream:
    """Column c of frame t holds t + c / 1000; the last column was never measured, the first not in the first frame."""
    values = np.arange(frames)[:, None] + np.arange(len(names))[None, :] / 1000
    valid = np.ones(values.shape, dtype=bool)
    valid[:, -1] = False
    valid[0, 0] = False
    times = period / 2 + period * np.arange(frames)
    return FeatureStream(times, np.where(valid, values, 0.0), names, valid, "test/1")


@pytest.fixture
def measured() -> Extraction:
    words = (Word("déjà", 0.1, 0.2, 0.5), Word("vu,", 0.2, 0.4, None, interpolated=True))
    utterances = (Utterance(0, 0.1, 0.4, 'déjà vu, "twice"', words),)
    means = ModalityFeatures(np.array([[1.5, 0.0]], np.float32), np.array([[True, False]]), ("F0", "creak"), "test/1")
    return Extraction(
        source=Source("talk", "talk.mp4", "ab" * 32, 1.0, True, True),
        utterances=utterances,
        features=VideoFeatures("talk", {"acoustic": means}),
        quality=(Quality(asr_confidence=0.5, faces=1),),
        acoustic=stream(COVAREP_NAMES, 100, PERIOD),
        visual=stream(FACET_NAMES, 10, 0.1),
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_csv_has_time_first_then_the_named_columns_and_nothing_where_nothing_was_measured(
    measured: Extraction, tmp_path: Path
) -> None:
    paths = write_tables(measured, tmp_path, "csv")
    assert {path.name for path in paths.values()} == {"acoustic.csv", "visual.csv", "words.csv", "utterances.csv"}
    rows = rows_of(paths["acoustic"])
    assert tuple(rows[0]) == ("time", *COVAREP_NAMES)
    assert len(rows) == 100
    assert float(rows[30]["time"]) == 0.305
    assert float(rows[30][COVAREP_NAMES[5]]) == pytest.approx(30.005)
    assert rows[0][COVAREP_NAMES[0]] == ""
    assert {row[COVAREP_NAMES[-1]] for row in rows} == {""}
    assert tuple(rows_of(paths["visual"])[0]) == ("time", *FACET_NAMES)


def test_words_and_utterances_keep_their_text(measured: Extraction, tmp_path: Path) -> None:
    paths = write_tables(measured, tmp_path, "csv")
    words = rows_of(paths["words"])
    assert [word["text"] for word in words] == ["déjà", "vu,"]
    assert [word["probability"] for word in words] == ["0.5", ""]
    assert [word["interpolated"] for word in words] == ["false", "true"]
    (utterance,) = rows_of(paths["utterances"])
    assert utterance["text"] == 'déjà vu, "twice"'
    assert (utterance["acoustic.F0"], utterance["acoustic.creak"]) == ("1.5", "")
    assert (utterance["quality_asr_confidence"], utterance["quality_face_share"]) == ("0.5", "")


def test_parquet_has_nulls_and_says_where_it_came_from(measured: Extraction, tmp_path: Path) -> None:
    table = pyarrow.parquet.read_table(write_tables(measured, tmp_path, "parquet")["acoustic"])
    assert table.column_names == ["time", *COVAREP_NAMES]
    assert table.column(COVAREP_NAMES[0]).null_count == 1
    assert table.column(COVAREP_NAMES[-1]).null_count == 100
    origin = json.loads(table.schema.metadata[b"mtmm_video"])
    assert origin["features"] == "test/1"
    assert origin["sha256"] == "ab" * 32


def test_csd_can_be_read_back(measured: Extraction, tmp_path: Path) -> None:
    paths = write_csd_files(measured, tmp_path)
    assert measured.acoustic is not None
    with open_sequence(paths["acoustic"]) as sequence:
        assert sequence.content == "acoustic"
        assert sequence.videos == ("talk",)
        assert sequence.dimension_names() == COVAREP_NAMES
        rows = sequence.read("talk")
    assert rows.features.dtype == np.float32
    assert np.isnan(rows.features[:, -1]).all()
    assert rows.features[:, 1] == pytest.approx(measured.acoustic.values[:, 1])
    assert rows.intervals[0] == pytest.approx([0.0, PERIOD])
    assert rows.intervals[1:, 0] == pytest.approx(rows.intervals[:-1, 1])
    with open_sequence(paths["words"]) as sequence:
        assert sequence.content == "words"
        words = sequence.read("talk")
    assert [word.decode() for word in words.features[:, 0]] == ["déjà", "vu,"]
    assert words.intervals.tolist() == [[0.1, 0.2], [0.2, 0.4]]


def test_csd_is_the_same_file_each_time(measured: Extraction, tmp_path: Path) -> None:
    first = {name: path.read_bytes() for name, path in write_csd_files(measured, tmp_path / "a").items()}
    assert first == {name: path.read_bytes() for name, path in write_csd_files(measured, tmp_path / "b").items()}


def test_brackets_in_a_name_are_no_segment_number(measured: Extraction, tmp_path: Path) -> None:
    named = dataclasses.replace(measured, source=dataclasses.replace(measured.source, name="a/b [7]"))
    with open_sequence(write_csd_files(named, tmp_path)["acoustic"]) as sequence:
        assert sequence.videos == ("a_b (7)",)


@pytest.mark.reference
def test_csd_has_the_layout_of_the_sdks_own_files(measured: Extraction, tmp_path: Path, shared: Path) -> None:
    ours = write_csd_files(measured, tmp_path)["words"]
    (theirs,) = (shared / "data" / "csd").glob("*.csd")

    def layout(path: Path) -> dict[str, Any]:
        with h5py.File(path) as file:
            (root,) = file
            video = next(iter(file[root]["data"].values()))
            keys = set(file[root]["metadata"])
            (metadata_shape,) = {file[root]["metadata"][key].shape for key in keys}
            return {
                "groups": set(file[root]),
                "datasets": {name: (data.ndim, data.dtype.kind) for name, data in video.items()},
                "metadata": (keys - {"dimension names"}, metadata_shape),
            }

    assert layout(ours) == layout(theirs)
    with h5py.File(ours) as file:
        (root,) = file
        documented = json.loads((shared / "data" / "mosei" / "csd_metadata.json").read_text())["metadata_keys"]
        assert set(file[root]["metadata"]) == set(documented)
        assert json.loads(file[root]["metadata"]["root name"][0]) == root


def test_what_does_not_exist_is_not_written(measured: Extraction, tmp_path: Path) -> None:
    silent = Extraction(measured.source, (), VideoFeatures("talk", {}), (), None, None)
    for file_format in ("csv", "parquet"):
        assert set(write_tables(silent, tmp_path, file_format)) == {"words", "utterances"}
    paths = write_csd_files(silent, tmp_path)
    with open_sequence(paths["words"]) as sequence:
        assert sequence.read("talk").features.shape == (0, 1)


def test_the_face_is_chosen_stretch_by_stretch_and_every_picture_has_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    times = np.arange(10) / 10
    chosen: list[tuple[float, float]] = []

    def choose(tracks: object, *, start: float, end: float, speech: object) -> SimpleNamespace:
        chosen.append((start, end))
        number = len(chosen)
        seen = times[(times >= start) & (times <= end) & (times != 0.4)]  # nobody is to be seen at 0.4 s
        values = np.full((len(seen), len(FACET_NAMES)), float(number))
        return SimpleNamespace(stream=FeatureStream(seen, values, FACET_NAMES, values > 0, "test/1"))

    def of_utterances(tracks: object, utterances: list[Utterance], **given: object) -> list[SimpleNamespace]:
        return [choose(tracks, start=each.start, end=each.end, speech=given["speech"]) for each in utterances]

    monkeypatch.setattr(extraction, "choose_face", choose)
    monkeypatch.setattr(extraction, "choose_faces", of_utterances)
    spoken = [Utterance(i, start, end, "a", (Word("a", start, end),)) for i, (start, end) in enumerate([(0.2, 0.5)])]
    pictures = SimpleNamespace(frame_times=times)
    result = speaking_face(pictures, spoken, speech=np.zeros((0, 2)), sounds=())  # type: ignore[arg-type]
    assert result.times.tolist() == times.tolist()
    assert sorted(chosen) == [(-np.inf, 0.2), (0.2, 0.5), (0.5, np.inf)]
    of = {start: chosen.index((start, end)) + 1 for start, end in chosen}
    before, spoken_in, after = of[-np.inf], of[0.2], of[0.5]
    assert result.values[:, 0].tolist() == [before] * 2 + [spoken_in] * 2 + [0, spoken_in] + [after] * 4
    assert result.valid[:, 0].tolist() == [True] * 4 + [False] + [True] * 5


def test_an_unknown_format_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="parquet, csv, csd"):
        extract(tmp_path / "absent.mp4", out=tmp_path, file_format="xlsx")


@pytest.mark.slow
def test_a_talking_video_gives_every_table(tmp_path: Path) -> None:
    for name in ("glove-6b-50d", "face-landmarker"):
        if next(status for status in list_weights() if status.weight.name == name).state != "ready":
            pytest.skip(f"needs the weight {name}: `mtmm-video weights fetch {name}`")
    sentence = "We had a wonderful weekend at this little hotel by the lake."
    transcript = tmp_path / "talk.srt"
    transcript.write_text(f"1\n00:00:00,700 --> 00:00:03,304\n{sentence}\n")
    video = Path(__file__).parents[2] / "sample_videos" / "good_stay.mp4"
    options = AnalyzeOptions(transcript=transcript)
    paths = extract(video, out=tmp_path / "out", options=options, store=Store(tmp_path / "store"))
    tables = {name: pyarrow.parquet.read_table(path).to_pandas() for name, path in paths.items()}
    assert " ".join(tables["words"]["text"]) == sentence
    (utterance,) = tables["utterances"].to_dict("records")
    assert utterance["quality_face_share"] > 0.9
    acoustic = tables["acoustic"].set_index("time")
    assert acoustic.loc[0.7:3.3, "VUV"].mean() > acoustic.loc[3.4:4.0, "VUV"].mean() + 0.2  # speech, then a pause
    assert tables["visual"]["AU12"].notna().mean() > 0.9
    assert utterance["visual.AU12"] == pytest.approx(
        tables["visual"].query("0.7 <= time <= 3.304")["AU12"].mean(), abs=0.5
    )
