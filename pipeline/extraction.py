"""Export of features for other tools: frame streams, words and utterances as Parquet, CSV or the CMU SDK's ``.csd``.

The steps are those of an analysis, with the same stored artefacts: neither `mtmm_video.analyze` nor `extract`
recomputes features that the other has computed.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual.names import FACET_NAMES, FACET_VERSION
from mtmm_video.extractors.visual.speaker import choose_face
from mtmm_video.extractors.visual.tracks import VisualTracks
from mtmm_video.foundation.errors import InputError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.foundation.version import __version__
from mtmm_video.model.features import VideoFeatures
from mtmm_video.pipeline.corpora.csd_writer import VideoSequence, write_csd
from mtmm_video.pipeline.job import Hook, Job, no_hook
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.quality import Quality
from mtmm_video.pipeline.run import run_steps
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.speaker_faces import choose_faces
from mtmm_video.pipeline.store.artefact_file import load_arrays
from mtmm_video.pipeline.store.artefacts import (
    load_features,
    load_source,
    load_speech,
    load_stream,
    load_utterances,
)
from mtmm_video.pipeline.store.local import Store
from mtmm_video.pipeline.tracks import Tape
from mtmm_video.pipeline.utterance import Utterance

TABLE_FORMATS = ("parquet", "csv", "csd")
TIME_DECIMALS = 6  # microseconds: finer than any frame's time is known
METADATA_KEY = b"mtmm_video"  # of the Parquet schema: where the numbers came from


@dataclasses.dataclass(frozen=True)
class Extraction:
    """The features of one file, before prediction.

    Attributes
    ----------
    source : Source
        The file.
    utterances : tuple of Utterance
        In order of time, with their words.
    features : VideoFeatures
        The utterance means per modality.
    quality : tuple of Quality
        One per utterance.
    acoustic, visual : FeatureStream or None
        One row per frame over the whole file; None without a sound or video track, or with ``--visual none``. `visual`
        has a row for every sampled frame, with the features of the speaking face, which is selected per utterance and
        per interval between utterances.
    """

    source: Source
    utterances: tuple[Utterance, ...]
    features: VideoFeatures
    quality: tuple[Quality, ...]
    acoustic: FeatureStream | None
    visual: FeatureStream | None


def extract(
    path: Path,
    *,
    out: Path,
    file_format: str = "parquet",
    options: AnalyzeOptions | None = None,
    store: Store | None = None,
    hook: Hook = no_hook,
) -> dict[str, Path]:
    """Extract the features of one file and write the streams, words and utterances.

    Parameters
    ----------
    path : Path
        Video or sound.
    out : Path
        Output folder of ``acoustic.*``, ``visual.*``, ``words.*`` and ``utterances.*``.
    file_format : str
        One of `TABLE_FORMATS`.
    options : AnalyzeOptions, optional
        As for `mtmm_video.analyze`.
    store : Store, optional
        Store of the artefacts; the user's cache folder by default.
    hook : Hook, optional
        Called as steps begin, go on and end.

    Returns
    -------
    dict of str to Path
        Written files, by ``acoustic``, ``visual``, ``words`` and ``utterances``; ``acoustic`` only for a file with
        sound, ``visual`` only for a file with video.

    Raises
    ------
    InputError
        If the format is unknown.
    MediaError, WeightsError, StoreError
        As `mtmm_video.analyze`.
    """
    if file_format not in TABLE_FORMATS:
        raise InputError(f"format {file_format!r}: choose one of {', '.join(TABLE_FORMATS)}")
    job = Job.prepare(path, options=options or AnalyzeOptions(), store=store or Store.default())
    with job.store.locked(job.content):
        extraction = extract_features(job, hook=hook)
    hook("reports")
    return write_csd_files(extraction, out) if file_format == "csd" else write_tables(extraction, out, file_format)


def extract_features(job: Job, *, hook: Hook = no_hook) -> Extraction:
    """Run the steps of an analysis up to the features and return their results."""
    results = run_steps(job, goal="features", hook=hook)
    source = load_source(results["media"].path, name=job.name, video=job.video)
    utterances = load_utterances(results["utterances"].path)
    features, quality = load_features(results["features"].path, video_id=source.name)
    tape = Tape.of(tracks=source.tracks, duration=source.duration)
    acoustic = visual = None
    sounds: list[FeatureStream] = []
    if source.has_audio:
        sound = load_stream(results["acoustic"].path)
        sounds = [tape.stream_of(sound, track) for track in range(tape.tracks)]
        acoustic = tape.file_stream(sound, utterances, duration=source.duration)
    if source.has_video and "visual" in results:
        tracks = VisualTracks.from_arrays(*load_arrays(results["visual"].path))
        speech = tape.file_intervals(load_speech(results["speech"].path))
        visual = speaking_face(tracks, utterances, speech=speech, sounds=sounds)
    return Extraction(source, utterances, features, quality, acoustic, visual)


def speaking_face(
    tracks: VisualTracks,
    utterances: Sequence[Utterance],
    *,
    speech: NDArray[np.float64],
    sounds: Sequence[FeatureStream],
) -> FeatureStream:
    """Return the features of the speaking face over the whole video.

    Parameters
    ----------
    tracks : VisualTracks
        All faces.
    utterances : sequence of Utterance
        In order of time. `choose_faces` selects their faces, as in an analysis, and `choose_face` that of each interval
        between utterances.
    speech : ndarray, shape (n, 2)
        Start and end of speech intervals in seconds.
    sounds : sequence of FeatureStream
        COVAREP's columns of each track of the recording; empty without sound.

    Returns
    -------
    FeatureStream
        A row for every sampled frame; not valid in frames without a face.
    """
    times = np.unique(tracks.frame_times.astype(np.float64))
    values = np.zeros((len(times), len(FACET_NAMES)))
    valid = np.zeros(values.shape, dtype=np.bool_)
    filled = np.zeros(len(times), dtype=np.bool_)
    spoken = [(utterance.start, utterance.end) for utterance in utterances]
    between = [choose_face(tracks, start=start, end=end, speech=speech) for start, end in _gaps(spoken)]
    for stream in (each.stream for each in (*choose_faces(tracks, utterances, speech=speech, sounds=sounds), *between)):
        rows = np.searchsorted(times, stream.times)
        free = ~filled[rows]  # a frame on the border of two intervals belongs to the first
        values[rows[free]], valid[rows[free]] = stream.values[free], stream.valid[free]
        filled[rows] = True
    return FeatureStream(times, values, FACET_NAMES, valid, FACET_VERSION)


def _gaps(spoken: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the intervals outside the utterances, the last one without an end."""
    gaps, reached = [], -np.inf
    for start, end in spoken:
        if start > reached:
            gaps.append((reached, start))
        reached = max(reached, end)
    return [*gaps, (reached, np.inf)]


# -------------------------------------------------------------------------------------------------------------- tables


def write_tables(extraction: Extraction, out: Path, file_format: str) -> dict[str, Path]:
    """Write an extraction as Parquet (not measured: null) or CSV (not measured: empty)."""
    tables = {"words": words_table(extraction), "utterances": utterances_table(extraction)}
    for name, stream in (("acoustic", extraction.acoustic), ("visual", extraction.visual)):
        if stream is not None:
            tables[name] = stream_table(stream, origin=_origin(extraction, stream.version))
    writers: Mapping[str, Callable[[pa.Table, Path], object]] = {
        "parquet": lambda table, path: pyarrow.parquet.write_table(table, path, compression="zstd"),
        "csv": pyarrow.csv.write_csv,
    }
    paths = {name: out / f"{name}.{file_format}" for name in tables}
    for name, table in tables.items():
        with atomic_path(paths[name]) as temporary:
            writers[file_format](table, temporary)
    return paths


def stream_table(stream: FeatureStream, *, origin: Mapping[str, str]) -> pa.Table:
    """Return a stream as a table: ``time`` in seconds, then its columns as float32."""
    columns = {"time": pa.array(np.round(stream.times, TIME_DECIMALS))}
    for index, name in enumerate(stream.names):
        columns[name] = _numbers(stream.values[:, index], stream.valid[:, index])
    return pa.table(columns).replace_schema_metadata({METADATA_KEY: json.dumps(dict(origin))})


def words_table(extraction: Extraction) -> pa.Table:
    """Return the words: ``utterance``, ``start``, ``end``, ``text``, ``probability``, ``interpolated``."""
    words = [(utterance.index, word) for utterance in extraction.utterances for word in utterance.words]
    return pa.table(
        {
            "utterance": pa.array([index for index, _ in words], pa.int64()),
            "start": pa.array([word.start for _, word in words], pa.float64()),
            "end": pa.array([word.end for _, word in words], pa.float64()),
            "text": pa.array([word.text for _, word in words], pa.string()),
            "probability": pa.array([word.probability for _, word in words], pa.float64()),
            "interpolated": pa.array([word.interpolated for _, word in words], pa.bool_()),
        }
    )


def utterances_table(extraction: Extraction) -> pa.Table:
    """Return the utterances: bounds, text, quality figures, then the means as ``modality.column``."""
    utterances = extraction.utterances
    columns = {
        "index": pa.array([utterance.index for utterance in utterances], pa.int64()),
        "start": pa.array([utterance.start for utterance in utterances], pa.float64()),
        "end": pa.array([utterance.end for utterance in utterances], pa.float64()),
        "text": pa.array([utterance.text for utterance in utterances], pa.string()),
        "speaker": pa.array([utterance.speaker for utterance in utterances], pa.string()),
    }
    for field in dataclasses.fields(Quality):
        figures = [getattr(quality, field.name) for quality in extraction.quality]
        columns[f"quality_{field.name}"] = pa.array(figures, pa.int64() if "int" in str(field.type) else pa.float64())
    for modality, means in extraction.features.modalities.items():
        for index, name in enumerate(means.names):
            columns[f"{modality}.{name}"] = _numbers(means.values[:, index], means.valid[:, index])
    return pa.table(columns)


def _numbers(values: NDArray[Any], valid: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values.astype(np.float32), mask=~valid)


def _origin(extraction: Extraction, version: str) -> dict[str, str]:
    source = extraction.source
    return {"source": source.name, "sha256": source.sha256, "features": version, "mtmm_video": __version__}


# ------------------------------------------------------------------------------------------- computational sequences


def write_csd_files(extraction: Extraction, out: Path) -> dict[str, Path]:
    """Write an extraction as computational sequences; what was not measured is NaN."""
    words = [word for utterance in extraction.utterances for word in utterance.words]
    sequences = {
        "words": VideoSequence(
            root="mtmm-video words",
            description="spoken words",
            names=("word",),
            features=_texts([word.text for word in words]),
            intervals=np.array([(word.start, word.end) for word in words]).reshape(-1, 2),
        ),
        "utterances": VideoSequence(
            root="mtmm-video utterances",
            description="text of the utterances",
            names=("text",),
            features=_texts([utterance.text for utterance in extraction.utterances]),
            intervals=np.array([(each.start, each.end) for each in extraction.utterances]).reshape(-1, 2),
        ),
    }
    for name, stream in (("acoustic", extraction.acoustic), ("visual", extraction.visual)):
        if stream is not None:
            sequences[name] = VideoSequence(
                root=f"mtmm-video {name}",
                description=stream.version,
                names=stream.names,
                features=np.where(stream.valid, stream.values, np.nan).astype(np.float32),
                intervals=_intervals(stream.times),
            )
    paths = {name: out / f"{name}.csd" for name in sequences}
    for name, sequence in sequences.items():
        write_csd(paths[name], sequence, video=extraction.source.name, sha256=extraction.source.sha256)
    return paths


def _texts(texts: Sequence[str]) -> NDArray[Any]:
    """Return texts as a column of UTF-8 bytes of one length, which is how the SDK stores words."""
    encoded = [text.encode("utf-8") for text in texts]
    return np.array(encoded, dtype=f"S{max((len(text) for text in encoded), default=1)}").reshape(-1, 1)


def _intervals(times: NDArray[np.float64]) -> NDArray[Any]:
    """Return the interval each frame stands for: half a frame period to either side of its time."""
    half = float(np.median(np.diff(times))) / 2 if len(times) > 1 else 0.0
    return np.stack([np.maximum(times - half, 0.0), times + half], axis=1)
