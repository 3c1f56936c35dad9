"""Previews: a small H.264 copy of a video that browsers do not play, for the player of the HTML report."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mtmm_video.foundation.errors import MediaError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.pipeline.media.probing import MediaInfo, probe

# What current versions of Chromium, Firefox and Safari play (MDN, "Web video codec guide").
PLAYED_CODECS = frozenset({"h264", "vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d", "libaom-av1"})
PLAYED_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".webm"})
LONGEST_SIDE = 640  # pixels
QUALITY = 28  # constant rate factor of x264; 23 is its default, 28 halves the size
TIMEOUT = 3600.0  # seconds


def is_played(path: Path, info: MediaInfo) -> bool:
    """Tell whether browsers play a file as it is: its video's codec and its container, by the file's suffix.

    A file without video is left alone: browsers play most sound.
    """
    if not info.has_video:
        return True
    return info.video is not None and info.video.codec in PLAYED_CODECS and path.suffix.lower() in PLAYED_SUFFIXES


def make_preview(video: Path, info: MediaInfo, target: Path) -> Path:
    """Write a small copy (H.264, AAC, MP4) of a video, unless `target` is newer than it.

    Parameters
    ----------
    video : Path
    info : MediaInfo
        Of the video; its selected tracks are copied.
    target : Path
        ``.mp4``; written atomically.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    MediaError
        If ffmpeg cannot make it.
    StoreError
        If the folder cannot be written.
    """
    import ffmpeg  # noqa: PLC0415 (only where a preview is needed, as the next)
    import imageio_ffmpeg  # noqa: PLC0415

    if target.is_file() and target.stat().st_mtime_ns >= video.stat().st_mtime_ns:
        return target
    source = ffmpeg.input(f"file:{video}")  # "file:": a name is never taken for an address or an option
    scale = f"scale='min({LONGEST_SIDE},iw)':-2"
    streams = [source[str(track.index)] for track in (info.video, info.audio) if track is not None]
    with atomic_path(target) as temporary:
        command = ffmpeg.output(
            *streams,
            f"file:{temporary}",
            vf=scale,
            vcodec="libx264",
            crf=QUALITY,
            preset="veryfast",
            pix_fmt="yuv420p",
            acodec="aac",
            movflags="+faststart",
            f="mp4",
        ).compile(cmd=imageio_ffmpeg.get_ffmpeg_exe(), overwrite_output=True)
        command[1:1] = ["-nostdin", "-loglevel", "error", "-protocol_whitelist", "file"]
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
        if done.returncode != 0:
            reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise MediaError(f"{video}: no preview for the HTML report could be made ({reason[-1] if reason else '?'})")
    return target


def preview_for(video: Path, target: Path) -> Path | None:
    """Return a preview at `target` where browsers do not play the video, else None.

    Raises
    ------
    MediaError, StoreError
        As `probe` and `make_preview`.
    """
    info = probe(video)
    return None if is_played(video, info) else make_preview(video, info, target)
