"""Layouts ``ravdess`` and ``crema-d``: acted clips whose file names say who acts what.

RAVDESS (Livingstone and Russo, PLoS ONE 2018): ``modality-channel-emotion-intensity-statement-repetition-actor``.
CREMA-D (Cao et al., IEEE TAC 2014): ``actor_sentence_emotion_level``. An actor is a speaker and every clip a sequence
of its own: what was acted before is no context.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from mtmm_video.foundation.errors import DataError
from mtmm_video.pipeline.corpora.segment import Corpus, LabelledSegment, SegmentLabels
from mtmm_video.pipeline.corpora.taxonomy import Taxonomy

SUFFIXES = {".mp4", ".mkv", ".avi", ".mov", ".webm", ".flv", ".wav", ".flac", ".mp3", ".ogg", ".m4a"}
RAVDESS_NAME = re.compile(
    r"^(?P<modality>0[123])-(?P<channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])-(?P<statement>0[12])-"
    r"(?P<repetition>0[12])-(?P<actor>\d{2})$"
)
RAVDESS_EMOTIONS: Mapping[str, str] = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
RAVDESS_STATEMENTS: Mapping[str, str] = {
    "01": "Kids are talking by the door.",
    "02": "Dogs are sitting by the door.",
}
# What is seen and heard before what is heard alone, and that before the silent picture.
RAVDESS_MODALITIES = ("01", "03", "02")
CREMA_NAME = re.compile(r"(?:^|_)(?P<actor>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>[A-Z]{2})$")
CREMA_EMOTIONS: Mapping[str, str] = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
CREMA_SENTENCES: Mapping[str, str] = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}


def is_ravdess(folder: Path) -> bool:
    """Tell whether a folder holds clips named so."""
    return any(RAVDESS_NAME.match(path.stem) for path in clips_of(folder))


def is_crema(folder: Path) -> bool:
    """Tell whether a folder holds clips named so."""
    return any(CREMA_NAME.search(path.stem) for path in clips_of(folder))


def clips_of(folder: Path) -> list[Path]:
    """Return the sound and video files below a folder, in order of their paths; hidden ones are passed over."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def read_ravdess(folder: Path, *, taxonomy: Taxonomy) -> Corpus:
    """Read RAVDESS speech: of a performance that lies there as video and as sound, the video; songs are left out.

    Raises
    ------
    DataError
        If there is no clip named so.
    """

    def segment(path: Path, match: re.Match[str]) -> LabelledSegment | None:
        if match["channel"] != "01":
            return None
        return _segment(
            path,
            speaker=f"actor {match['actor']}",
            text=RAVDESS_STATEMENTS[match["statement"]],
            emotion=RAVDESS_EMOTIONS[match["emotion"]],
            taxonomy=taxonomy,
            folder=folder,
        )

    def rank(path: Path) -> tuple[str, int]:
        name = path.stem
        return name[3:], RAVDESS_MODALITIES.index(name[:2])

    paths = sorted((path for path in clips_of(folder) if RAVDESS_NAME.match(path.stem)), key=rank)
    performances = {path.stem[3:]: path for path in reversed(paths)}
    return _corpus(folder, sorted(performances.values()), RAVDESS_NAME.match, segment, layout="ravdess")


def read_crema(folder: Path, *, taxonomy: Taxonomy) -> Corpus:
    """Read CREMA-D.

    Raises
    ------
    DataError
        If there is no clip named so.
    """

    def segment(path: Path, match: re.Match[str]) -> LabelledSegment | None:
        if match["emotion"] not in CREMA_EMOTIONS:
            return None
        return _segment(
            path,
            speaker=f"actor {match['actor']}",
            text=CREMA_SENTENCES.get(match["sentence"]),
            emotion=CREMA_EMOTIONS[match["emotion"]],
            taxonomy=taxonomy,
            folder=folder,
        )

    return _corpus(folder, clips_of(folder), CREMA_NAME.search, segment, layout="crema-d")


def _segment(
    path: Path, *, speaker: str, text: str | None, emotion: str, taxonomy: Taxonomy, folder: Path
) -> LabelledSegment:
    name = path.relative_to(folder).as_posix()
    return LabelledSegment(
        video=name,
        name=name,
        file=path,
        labels=SegmentLabels(emotions=taxonomy.presence(emotion)),
        speaker=speaker,
        text=text,
        origin=name,
    )


def _corpus(
    folder: Path,
    paths: list[Path],
    match: Callable[[str], re.Match[str] | None],
    segment: Callable[[Path, re.Match[str]], LabelledSegment | None],
    *,
    layout: str,
) -> Corpus:
    found = [segment(path, named) for path in paths if (named := match(path.stem)) is not None]
    segments = tuple(each for each in found if each is not None and not each.labels.empty)
    if not segments:
        raise DataError(f"{folder}: holds no clip named as in {layout}")
    others = sum(match(path.stem) is None for path in clips_of(folder))
    notes = [f"{others} files are not named as in {layout} and were passed over."] if others else []
    beyond = sum(each is not None and each.labels.empty for each in found)
    if beyond:
        notes.append(f"{beyond} clips act an emotion that is none of the six and not their absence; they are left out.")
    notes.append("The emotions are acted, and the sentences were chosen to carry none.")
    return Corpus(folder.name, layout, segments, notes=tuple(notes))
