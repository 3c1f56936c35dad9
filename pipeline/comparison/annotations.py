"""People's annotations of analysed videos: CSV, ELAN documents, and reports that a person corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.corpora.corrected import is_corrected, read_corrected
from mtmm_video.pipeline.corpora.csv_layout import read_csv_layout
from mtmm_video.pipeline.corpora.elan import read_elan
from mtmm_video.pipeline.corpora.label_cells import Scale
from mtmm_video.pipeline.corpora.segment import LabelledSegment, Problem
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
        paths = sorted(
            path for path in source.rglob("*") if path.suffix.lower() in {".csv", ".eaf"} or is_corrected(path)
        )
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
            read = read_corrected(path)
            annotations += [segment for segment in read.segments if not segment.labels.empty]
            continue
        else:
            raise InputError(f"{path}: give annotations as .csv, .eaf, a corrected .json, or a folder of them")
        annotations += read.segments
        problems += read.problems
    if not annotations and not problems:
        raise InputError(f"{source}: holds no annotations; give a .csv file, .eaf documents, or corrected .json files")
    return annotations, problems
