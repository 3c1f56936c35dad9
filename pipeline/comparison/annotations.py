"""People's annotations of analysed videos: CSV, ELAN documents, and reports that a person corrected."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtmm_video.foundation.errors import DataError, InputError
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.corpora.csv_layout import read_csv_layout
from mtmm_video.pipeline.corpora.elan import read_elan
from mtmm_video.pipeline.corpora.label_cells import Scale
from mtmm_video.pipeline.corpora.segment import POLARITIES, LabelledSegment, Problem, SegmentLabels
from mtmm_video.pipeline.corpora.taxonomy import Taxonomy


def read_annotations(
    source: Path,
    *,
    taxonomy: Taxonomy,
    tiers: Mapping[str, Sequence[str]] | None = None,
    sentiment_scale: Scale | None = None,
    emotion_scale: Scale | None = None,
) -> tuple[list[LabelledSegment], list[Problem]]:
    """Read annotations.

    Parameters
    ----------
    source : Path
        A ``.csv`` file (columns ``file`` or ``video``, ``start``, ``end``, labels, ``annotator``), a ``.eaf`` document,
        a corrected ``.json``, or a folder of such.
    taxonomy : Taxonomy
        What the names of emotions mean.
    tiers : mapping, optional
        Of ELAN documents, see `corpora.elan.parse_tiers`.
    sentiment_scale, emotion_scale : Scale, optional
        Ranges of the numbers.

    Returns
    -------
    annotations : list of LabelledSegment
        One per person and utterance.
    problems : list of Problem
        Rows that cannot be read.

    Raises
    ------
    InputError
        If no annotation is found, or a file has another suffix.
    DataError
        If a file is damaged.
    """
    if source.is_dir():
        paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in {".csv", ".eaf", ".json"})
    else:
        paths = [source]
    annotations: list[LabelledSegment] = []
    problems: list[Problem] = []
    for path in paths:
        suffix = path.suffix.lower()
        if suffix == ".csv":
            read = read_csv_layout(
                path,
                taxonomy=taxonomy,
                sentiment_scale=sentiment_scale,
                emotion_scale=emotion_scale,
                needs_file=False,
            )
        elif suffix == ".eaf":
            read = read_elan(path, taxonomy=taxonomy, tiers=tiers, sentiment_scale=sentiment_scale)
        elif suffix == ".json":
            annotations += read_corrected(path)
            continue
        else:
            raise InputError(f"{path}: give annotations as .csv, .eaf, a corrected .json, or a folder of them")
        annotations += read.segments
        problems += read.problems
    if not annotations and not problems:
        raise InputError(f"{source}: holds no annotations; give a .csv file, .eaf documents, or corrected .json files")
    return annotations, problems


def read_corrected(path: Path) -> list[LabelledSegment]:
    """Read the labels of a report that a person corrected in the browser; utterances without a judgement are left out.

    Raises
    ------
    DataError
        If it is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        corrected, source = content["corrected"], content["source"]
        return [
            LabelledSegment(
                video=str(source["name"]),
                name=f"{source['name']}[{number}]",
                file=path.parent / str(source.get("file") or source["name"]),
                labels=_labels(entry["labels"], path=path, number=number),
                start=float(entry["start"]),
                end=float(entry["end"]),
                speaker=entry.get("speaker"),
                text=str(entry["text"]),
                position=float(entry["start"]),
                annotator=corrected.get("by") or None,
                origin=f"{path.name}, utterance {number}",
            )
            for number, entry in enumerate(content["utterances"])
            if entry.get("labels")
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: is no report that was corrected in the browser ({error}); save one with the button in the report"
        ) from error


def _labels(content: Mapping[str, Any], *, path: Path, number: int) -> SegmentLabels:
    polarity, felt = content.get("sentiment"), content.get("emotions")
    if polarity is not None and polarity not in POLARITIES:
        raise DataError(f"{path}: utterance {number} has sentiment {polarity!r}; it is one of {', '.join(POLARITIES)}")
    unknown = set(felt or ()) - set(EMOTIONS)
    if unknown:
        raise DataError(f"{path}: utterance {number} has emotion {unknown.pop()!r}; it is one of {', '.join(EMOTIONS)}")
    emotions = None if felt is None else {name: float(name in felt) for name in EMOTIONS}
    return SegmentLabels(polarity=polarity, emotions=emotions)
