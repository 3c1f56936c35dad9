"""Layout ``meld``: clips ``diaX_uttY.mp4`` in a folder per split, with ``*_sent_emo.csv`` (Poria et al., ACL 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mtmm_video.foundation.errors import DataError, InputError
from mtmm_video.pipeline.corpora.csv_layout import read_rows
from mtmm_video.pipeline.corpora.label_cells import SENTIMENT_SCALE, read_sentiment
from mtmm_video.pipeline.corpora.segment import Corpus, LabelledSegment, Problem, SegmentLabels
from mtmm_video.pipeline.corpora.taxonomy import Taxonomy

# Per split: the label file's name and the folders of the clips, as MELD.Raw has them and as people rename them.
LABELS: Mapping[str, str] = {
    "train": "train_sent_emo.csv",
    "valid": "dev_sent_emo.csv",
    "test": "test_sent_emo.csv",
}
FOLDERS: Mapping[str, tuple[str, ...]] = {
    "train": ("train_splits", "train"),
    "valid": ("dev_splits_complete", "dev_splits", "dev"),
    "test": ("output_repeated_splits_test", "test_splits", "test"),
}
COLUMNS = ("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID")
# The label files were saved with Windows-1252 signs inside UTF-8 text: what stands for which.
_REPAIRS = str.maketrans({"\x85": "…", "\x91": "'", "\x92": "'", "\x93": '"', "\x94": '"', "\x96": "-", "\x97": "-"})


def is_meld(folder: Path) -> bool:
    """Tell whether a folder is laid out so."""
    return any((folder / name).is_file() for name in LABELS.values())


def read_meld(folder: Path, *, taxonomy: Taxonomy) -> Corpus:
    """Read the clips of every split that has a label file.

    A dialogue is one sequence; its clips are whole files. Dialogues are numbered anew in every split, so their names
    begin with it.

    Raises
    ------
    DataError
        If there is no label file, or one lacks a column.
    """
    if not is_meld(folder):
        raise DataError(f"{folder}: has none of {', '.join(LABELS.values())}")
    segments, problems = [], []
    for split, labels in LABELS.items():
        path = folder / labels
        if not path.is_file():
            continue
        names, rows = read_rows(path)
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise DataError(f"{path}: lacks the columns {', '.join(missing)}; it has {', '.join(names)}")
        clips = next((folder / name for name in FOLDERS[split] if (folder / name).is_dir()), folder / FOLDERS[split][0])
        for line, cells in rows:
            origin = f"{path.name}, row {line}"
            try:
                segments.append(_segment(cells, split=split, clips=clips, taxonomy=taxonomy, origin=origin))
            except InputError as error:
                problems.append(Problem(origin, str(error)))
    return Corpus(folder.name, "meld", tuple(segments), tuple(problems))


def _segment(cells: Mapping[str, str], *, split: str, clips: Path, taxonomy: Taxonomy, origin: str) -> LabelledSegment:
    dialogue, utterance = cells["Dialogue_ID"].strip(), cells["Utterance_ID"].strip()
    if not dialogue.isdecimal() or not utterance.isdecimal():
        raise InputError(f"Dialogue_ID {dialogue!r} and Utterance_ID {utterance!r} must be numbers")
    sentiment = read_sentiment(cells["Sentiment"], scale=SENTIMENT_SCALE)
    emotion = cells["Emotion"].strip()
    return LabelledSegment(
        video=f"{split}-dia{dialogue}",
        name=f"{split}-dia{dialogue}_utt{utterance}",
        file=clips / f"dia{dialogue}_utt{utterance}.mp4",
        labels=SegmentLabels(
            sentiment=None if sentiment is None else sentiment[0],
            polarity=None if sentiment is None else sentiment[1],
            emotions=taxonomy.presence(emotion) if emotion else None,
        ),
        speaker=cells["Speaker"].strip() or None,
        text=cells["Utterance"].translate(_REPAIRS).strip() or None,
        split=split,
        position=float(utterance),
        origin=origin,
    )
