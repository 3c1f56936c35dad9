"""Layout ``corrected``: reports that a person corrected in the browser, with the labels that they gave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.corpora.segment import POLARITIES, Corpus, LabelledSegment, SegmentLabels


def is_corrected(path: Path) -> bool:
    """Tell whether a file is such a report, by its beginning."""
    try:
        with path.open(encoding="utf-8") as file:
            return '"corrected"' in file.read(200)
    except (OSError, UnicodeDecodeError):
        return False


def read_corrected(source: Path, *, videos: Path | None = None) -> Corpus:
    """Read corrected reports.

    Parameters
    ----------
    source : Path
        A file, or a folder of them.
    videos : Path, optional
        Folder of the videos; that of each file otherwise.

    Raises
    ------
    DataError
        If there is none, or one is damaged.
    """
    paths = [source] if source.is_file() else sorted(path for path in source.rglob("*.json") if is_corrected(path))
    if not paths:
        raise DataError(f"{source}: holds no report that was corrected in the browser")
    segments = [segment for path in paths for segment in _segments(path, folder=videos or path.parent)]
    return Corpus(source.stem, "corrected", tuple(segments))


def _segments(path: Path, *, folder: Path) -> list[LabelledSegment]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        corrected, source = content["corrected"], content["source"]
        return [
            LabelledSegment(
                video=str(source["name"]),
                name=f"{source['name']}[{number}]",
                file=folder / str(source["file"]),
                labels=_labels(entry["labels"], path=path, number=number) if entry.get("labels") else SegmentLabels(),
                start=float(entry["start"]),
                end=float(entry["end"]),
                speaker=entry.get("speaker") or None,
                text=str(entry["text"]),
                position=float(entry["start"]),
                annotator=corrected.get("by") or None,
                origin=f"{path.name}, utterance {number + 1}",
            )
            for number, entry in enumerate(content["utterances"])
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: is no report that was corrected in the browser ({error}); save one with the button in the report"
        ) from error


def _labels(content: Mapping[str, Any], *, path: Path, number: int) -> SegmentLabels:
    polarity, felt = content.get("sentiment"), content.get("emotions")
    place = f"{path}: utterance {number + 1}"
    if polarity is not None and polarity not in POLARITIES:
        raise DataError(f"{place} has sentiment {polarity!r}; it is one of {', '.join(POLARITIES)}")
    unknown = set(felt or ()) - set(EMOTIONS)
    if unknown:
        raise DataError(f"{place} has emotion {unknown.pop()!r}; it is one of {', '.join(EMOTIONS)}")
    emotions = None if felt is None else {name: float(name in felt) for name in EMOTIONS}
    return SegmentLabels(polarity=polarity, emotions=emotions)
