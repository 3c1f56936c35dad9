"""The videos of a folder: finding them, their transcripts and reports, and those that are still being written."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mtmm_video.foundation.errors import InputError, MediaError, MtmmError
from mtmm_video.foundation.files import special_kind, write_text
from mtmm_video.foundation.names import report_name
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.media.reading import probe
from mtmm_video.pipeline.options import AnalyzeOptions
from mtmm_video.pipeline.reports.json_reader import read_report
from mtmm_video.pipeline.store.local import hash_video

# Files with these suffixes are meant to be analysed, so that a broken one is reported; any other file is probed.
VIDEO_SUFFIXES = {
    ".avi",
    ".flv",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".mts",
    ".ogv",
    ".ts",
    ".webm",
    ".wmv",
}
SOUND_SUFFIXES = {".aac", ".aif", ".aiff", ".amr", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma"}
TRANSCRIPT_SUFFIXES = (".json", ".vtt", ".srt")  # in the order in which they are looked for: word times first
LOOK_AGAIN_SECONDS = 2.0  # a new file is taken when it keeps its size and time of change for this long


@dataclass(frozen=True)
class FoundVideo:
    """A video below the folder.

    Attributes
    ----------
    path : Path
        The file.
    relative : Path
        The same, seen from the folder. Reports lie at this place below the output folder and keep the whole file name,
        so that two videos never share a report.
    growing : bool
        Whether it was being written or moved while it was looked at.
    """

    path: Path
    relative: Path
    growing: bool = False

    def report(self, out: Path) -> Path:
        """Return the path of its JSON report."""
        return out / self.relative.parent / f"{report_name(self.relative.name)}.json"


def find_transcript(video: FoundVideo, transcripts: Path) -> Path | None:
    """Return the transcript of a video in a folder of transcripts, which has the layout of the videos' folder.

    ``a/talk.mp4`` has ``a/talk.mp4.srt`` or ``a/talk.srt``, or one with another of `TRANSCRIPT_SUFFIXES`.
    """
    place = transcripts / video.relative
    candidates = [place.with_name(name + suffix) for name in (place.name, place.stem) for suffix in TRANSCRIPT_SUFFIXES]
    try:
        return next((path for path in candidates if path.is_file()), None)
    except OSError:  # no file can have a name that long
        return None


def find_videos(folder: Path, *, out: Path, hashes: Hashes) -> tuple[list[FoundVideo], list[tuple[Path, str]]]:
    """Find every video below a folder, by suffix or by content.

    Parameters
    ----------
    folder : Path
        Hidden files and folders in it are left out, and so is `out` where it is inside.
    out : Path
        The output folder.
    hashes : Hashes
        Of earlier passes. What is unchanged since then is complete; all else is looked at twice.

    Returns
    -------
    videos : list of FoundVideo
        In order of their paths.
    unreadable : list of (Path, str)
        Folders that could not be listed, links with a video's name to nothing, and pipes, with the reason.

    Raises
    ------
    InputError
        If `folder` is no folder or cannot be listed.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name one, or use `mtmm-video analyze` for a file")
    unreadable: list[tuple[Path, str]] = []
    files = [path for path in _walk(folder, out.resolve(), unreadable) if _is_video(path)]
    if any(path == folder for path, _ in unreadable):
        raise InputError(f"{folder}: {unreadable[0][1]}")
    growing = _growing(path for path in files if not hashes.knows(path))
    videos = [FoundVideo(path, path.relative_to(folder), path in growing) for path in sorted(files)]
    return videos, unreadable


def _walk(folder: Path, out: Path, unreadable: list[tuple[Path, str]]) -> Iterator[Path]:
    def note(error: OSError) -> None:
        unreadable.append((Path(error.filename), f"cannot be listed ({error.strerror or error})"))

    for parent, folders, files in os.walk(folder, onerror=note):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (Path(parent) / name).resolve() != out
        )
        for name in sorted(files):
            path = Path(parent) / name
            if name.startswith("."):
                continue
            if path.is_file():
                yield path
            elif path.suffix.lower() in VIDEO_SUFFIXES | SOUND_SUFFIXES:
                if path.is_symlink() and not path.exists():
                    unreadable.append((path, "is a link to a file that is not there"))
                elif kind := special_kind(path):
                    unreadable.append((path, f"is {kind}, not a file"))


def _is_video(path: Path) -> bool:
    if path.suffix.lower() in VIDEO_SUFFIXES | SOUND_SUFFIXES:
        return True
    try:
        info = probe(path)
    except (MediaError, OSError):
        return False
    return info.has_video or info.has_audio


def _growing(files: Iterable[Path]) -> set[Path]:
    """Return the files whose size or time of change differs between two readings, or that are gone at the second.

    No clock is asked how old a file is: the one of this machine may be wrong or put back, and that of a file server
    another one.
    """
    before = {path: _stamp(path) for path in files}
    if before:
        time.sleep(LOOK_AGAIN_SECONDS)
    return {path for path, stamp in before.items() if _stamp(path) != stamp}


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


class Hashes:
    """SHA-256 of files that did not change since they were hashed, kept between passes over a folder."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known: dict[str, list[int | str]] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._known = {}  # nothing is lost but time

    def knows(self, path: Path) -> bool:
        """Tell whether a file is as it was when it was hashed."""
        stamp = _stamp(path)
        return stamp is not None and self._known.get(str(path.resolve()), [])[:2] == list(stamp)

    def of(self, path: Path) -> str:
        """Return the SHA-256 of a file.

        Raises
        ------
        MediaError
            If it is empty or cannot be read.
        """
        stamp = _stamp(path)
        name = str(path.resolve())
        if self.knows(path):
            return str(self._known[name][2])
        content = hash_video(path)
        if stamp is not None:
            self._known[name] = [*stamp, content]
        return content

    def save(self) -> None:
        """Keep what was hashed.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        write_text(self._file, json.dumps(self._known))


def finished_report(path: Path, *, content: str, options: AnalyzeOptions, checkpoint: str) -> Analysis | None:
    """Return the analysis in a report, if it is one of this content with these options and this checkpoint.

    Parameters
    ----------
    path : Path
        The JSON report.
    content : str
        SHA-256 of the video.
    options : AnalyzeOptions
        Formats that lack their file make the report unfinished, too.
    checkpoint : str
        SHA-256 of the model.
    """
    from mtmm_video.pipeline.reports.writers import FORMATS  # noqa: PLC0415

    if any(not path.with_suffix(FORMATS[name].suffix).is_file() for name in options.formats):
        return None
    try:
        analysis = read_report(path)
    except MtmmError:
        return None
    provenance = analysis.provenance
    fits = (
        analysis.source.sha256 == content
        and dict(provenance.options) == dict(options.recorded())
        and provenance.model.get("sha256") == checkpoint
    )
    return analysis if fits else None
