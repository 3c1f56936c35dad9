"""Layout ``csv``: one row per utterance, columns by name."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mtmm_video.foundation.errors import DataError, InputError
from mtmm_video.model.labels import EMOTIONS, INTENSITY_RANGE
from mtmm_video.pipeline.corpora.label_cells import (
    EMOTION_SCALE,
    SENTIMENT_SCALE,
    Scale,
    read_intensities,
    read_seconds,
    read_sentiment,
)
from mtmm_video.pipeline.corpora.segment import (
    Corpus,
    LabelledSegment,
    Problem,
    SegmentLabels,
    polarity_of,
)
from mtmm_video.pipeline.corpora.taxonomy import Taxonomy

# The names under which a column is known, the first being ours.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "path", "filename", "file_name", "clip", "media"),
    "video": ("video", "video_id", "dialogue", "dialogue_id", "session"),
    "id": ("id", "name", "segment", "segment_id", "utterance_id", "clip_id"),
    "start": ("start", "start_time", "begin", "onset"),
    "end": ("end", "end_time", "stop", "offset"),
    "speaker": ("speaker", "speaker_id", "participant", "actor"),
    "text": ("text", "transcript", "utterance", "sentence"),
    "split": ("split", "set", "mode", "partition", "fold"),
    "sentiment": ("sentiment", "polarity", "valence"),
    "emotion": ("emotion", "emotions"),
    "annotator": ("annotator", "annotator_id", "rater", "coder"),
}
SPLIT_NAMES: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


def read_rows(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Read a CSV file, with commas, semicolons or tabs between its columns.

    Returns
    -------
    columns : list of str
        As they are written.
    rows : list of (line number, cells by column)
        Empty lines are left out; numbers are those of the file, the header being line 1.

    Raises
    ------
    DataError
        If it cannot be read, is no UTF-8 text, has no rows or two columns of one name.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no UTF-8 text; save it as CSV with the encoding UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        columns = [name.strip() for name in next(reader, [])]
        line = reader.line_num
        for cells in reader:
            first, line = line + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                rows.append((first, dict(zip(columns, [*cells, *[""] * len(columns)], strict=False))))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: is no CSV ({error})") from error
    if not rows:
        raise DataError(f"{path}: has no rows")
    twice = [name for name in columns if columns.count(name) > 1 and name]
    if twice:
        raise DataError(f"{path}: has two columns named {twice[0]!r}; rename one of them")
    return columns, rows


def known_columns(names: Iterable[str]) -> dict[str, str]:
    """Return the file's column for each of ours that it has; the first synonym counts."""
    given = {name.strip().casefold().replace(" ", "_"): name for name in names}
    found = {}
    for ours, synonyms in COLUMNS.items():
        column = next((given[name] for name in synonyms if name in given), None)
        if column is not None:
            found[ours] = column
    return found


def emotion_columns(names: Iterable[str], *, taxonomy: Taxonomy) -> dict[str, str]:
    """Return the file's column for each of the six emotions that has one."""
    found: dict[str, str] = {}
    for name in names:
        try:
            target = taxonomy.target(name)
        except InputError:
            continue
        if target in EMOTIONS and target not in found:
            found[target] = name
    return found


def read_split(cell: str) -> str | None:
    """Return ``train``, ``valid`` or ``test``; None for an empty cell.

    Raises
    ------
    InputError
        If it is another name.
    """
    text = cell.strip().casefold()
    if not text:
        return None
    if text not in SPLIT_NAMES:
        raise InputError(f"split {cell.strip()!r} is none of {', '.join(dict.fromkeys(SPLIT_NAMES.values()))}")
    return SPLIT_NAMES[text]


def read_csv_layout(
    path: Path,
    *,
    taxonomy: Taxonomy,
    sentiment_scale: Scale | None = None,
    emotion_scale: Scale | None = None,
    needs_file: bool = True,
) -> Corpus:
    """Read a label file.

    Parameters
    ----------
    path : Path
        Columns: see `COLUMNS`; and one per emotion, with intensities or 0 and 1. Files are looked for from its folder.
    taxonomy : Taxonomy
        What the names of emotions mean.
    sentiment_scale, emotion_scale : Scale, optional
        Ranges of the numbers; MOSEI's [-3, 3] and [0, 3] otherwise.
    needs_file : bool
        Whether a row must name its file.

    Raises
    ------
    DataError
        If the file cannot be read or lacks a column that is needed.
    """
    names, rows = read_rows(path)
    columns = known_columns(names)
    felt = emotion_columns([name for name in names if name not in columns.values()], taxonomy=taxonomy)
    if needs_file and "file" not in columns:
        raise DataError(f"{path}: has no column `file`; it has {', '.join(names)}")
    if not {"sentiment", "emotion"} & set(columns) and not felt:
        raise DataError(
            f"{path}: has no labels: name a column sentiment, emotion, or one per emotion ({', '.join(EMOTIONS)}); it "
            f"has {', '.join(names)}"
        )
    binary = felt and _are_binary(rows, felt.values()) and emotion_scale is None
    segments, problems = [], []
    for line, cells in rows:
        origin = f"{path.name}, row {line}"
        row = {ours: cells[column] for ours, column in columns.items()}
        try:
            labels = _labels(
                row,
                {name: cells[column] for name, column in felt.items()},
                taxonomy=taxonomy,
                sentiment_scale=sentiment_scale or SENTIMENT_SCALE,
                emotion_scale=Scale(0, 1) if binary else emotion_scale or EMOTION_SCALE,
                binary=bool(binary),
            )
            segments.append(_segment(row, labels, path=path, line=line, origin=origin, needs_file=needs_file))
        except InputError as error:
            problems.append(Problem(origin, str(error)))
    notes = []
    if len(felt) not in (0, len(EMOTIONS)):
        absent = ", ".join(name for name in EMOTIONS if name not in felt)
        notes.append(f"The label file has no column for {absent}: these count as absent.")
    return Corpus(path.absolute().parent.name, "csv", tuple(segments), tuple(problems), tuple(notes))


def _are_binary(rows: Sequence[tuple[int, dict[str, str]]], columns: Iterable[str]) -> bool:
    values = {cells[column].strip() for _, cells in rows for column in columns}
    return values <= {"", "0", "1", "0.0", "1.0"} and len(values - {""}) > 0


def _labels(
    row: Mapping[str, str],
    felt: Mapping[str, str],
    *,
    taxonomy: Taxonomy,
    sentiment_scale: Scale,
    emotion_scale: Scale,
    binary: bool,
) -> SegmentLabels:
    sentiment = read_sentiment(row.get("sentiment", ""), scale=sentiment_scale)
    number, polarity = sentiment if sentiment is not None else (None, None)
    intensities = read_intensities(felt, scale=emotion_scale) if felt else None
    emotions = None if intensities is None else dict(SegmentLabels.of_intensities(intensities))
    if emotions is None and row.get("emotion", "").strip():
        emotions = taxonomy.presence(row["emotion"])
    return SegmentLabels(
        sentiment=number, polarity=polarity, emotions=emotions, intensities=None if binary else intensities
    )


def _segment(
    row: Mapping[str, str], labels: SegmentLabels, *, path: Path, line: int, origin: str, needs_file: bool
) -> LabelledSegment:
    written = row.get("file", "").strip()
    if needs_file and not written:
        raise InputError("names no file")
    file = path.parent / (written or row.get("video", "").strip())
    start, end = (read_seconds(row.get(name, ""), column=name) for name in ("start", "end"))
    if (start is None) != (end is None):
        raise InputError("has a start or an end alone; give both, or neither for the whole file")
    if start is not None and end is not None and end <= start:
        raise InputError(f"ends ({end:g} s) before it starts ({start:g} s)")
    video = row.get("video", "").strip() or Path(written).with_suffix("").as_posix()
    name = row.get("id", "").strip()
    text = row.get("text", "").strip() or None
    return LabelledSegment(
        video=video,
        name=f"{video}[{name or line}]",
        file=file,
        labels=labels,
        start=start,
        end=end,
        speaker=row.get("speaker", "").strip() or None,
        text=text,
        split=read_split(row.get("split", "")),
        position=float(line) if start is None else start,
        annotator=row.get("annotator", "").strip() or None,
        origin=origin,
    )


def merge_annotators(segments: Sequence[LabelledSegment]) -> list[LabelledSegment]:
    """Take the rows of several annotators for one utterance together: the mean of what they said.

    An emotion is present where at least half of those who labelled emotions say so; a sentiment without numbers is the
    most frequent name, and unlabelled where two are equally frequent.
    """
    if not any(segment.annotator for segment in segments):
        return list(segments)
    groups: dict[tuple[object, ...], list[LabelledSegment]] = {}
    for segment in segments:
        groups.setdefault((segment.file, segment.start, segment.end), []).append(segment)
    merged = []
    for group in groups.values():
        labels = mean_labels([segment.labels for segment in group])
        merged.append(replace(group[0], labels=labels, annotator=None))
    return merged


def mean_labels(labels: Sequence[SegmentLabels]) -> SegmentLabels:
    """Return the mean of several people's labels, see `merge_annotators`."""
    numbers = [each.sentiment for each in labels if each.sentiment is not None]
    polarities = [each.polarity for each in labels if each.polarity is not None]
    counts = sorted(((polarities.count(name), name) for name in set(polarities)), reverse=True)
    tied = len(counts) > 1 and counts[0][0] == counts[1][0]
    number = sum(numbers) / len(numbers) if numbers and len(numbers) == len(polarities) else None
    polarity = None if not counts or (tied and number is None) else counts[0][1]
    if number is not None:
        polarity = polarity_of(number)
    felt = [each.emotions for each in labels if each.emotions is not None]
    strengths = [each.intensities for each in labels if each.intensities is not None]
    return SegmentLabels(
        sentiment=number,
        polarity=polarity,
        emotions={name: float(2 * sum(each[name] for each in felt) >= len(felt)) for name in EMOTIONS}
        if felt
        else None,
        intensities={
            name: min(sum(each[name] for each in strengths) / len(strengths), INTENSITY_RANGE[1]) for name in EMOTIONS
        }
        if strengths and len(strengths) == len(felt)
        else None,
    )
