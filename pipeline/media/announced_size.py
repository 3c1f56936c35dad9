"""The size that a media file announces in its own structure, in bytes: a cut file has fewer.

Formats without a duration in the header, such as fragmented MP4, show only in this way that they break off.
"""

from __future__ import annotations

from pathlib import Path

_RIFF_OPEN = frozenset({0, 0xFFFFFFFF})  # sizes in a RIFF header that was not finalised
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")  # GUID of the outermost chunk of Sony's Wave64
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")  # GUID of the header object of ASF, WMV and WMA
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # GUID of the file properties object
_ASF_HEADER = 30  # bytes before the first object inside the header object
_BROADCAST = 1  # flag of ASF properties: the size is not known
_MOST_BOXES = 100_000  # of an MP4 file; a day in fragments of one second has 172,800, which are then not examined
_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"sidx", b"mfra", b"emsg",
                    b"uuid", b"meta", b"prft", b"pnot", b"udta"})  # fmt: skip


def announced_size(path: Path) -> int | None:
    """Return the size in bytes that the structure of an MP4, RIFF, Wave64 or ASF file announces; None for others.

    Sources: ISO/IEC 14496-12 section 4.2 (boxes); Microsoft, "Advanced Systems Format (ASF) Specification", 3.2.

    Parameters
    ----------
    path : Path
        A file that can be read.
    """
    there = path.stat().st_size
    with path.open("rb") as file:
        beginning = file.read(4096)
        if beginning[:4] in (b"RIFF", b"RIFX"):
            size = int.from_bytes(beginning[4:8], "little" if beginning[:4] == b"RIFF" else "big")
            return None if size in _RIFF_OPEN else size + 8
        if beginning.startswith(_W64):
            return int.from_bytes(beginning[16:24], "little") or None
        if beginning.startswith(_ASF):
            return _asf_size(beginning)
        position = 0
        for _ in range(_MOST_BOXES):
            file.seek(position)
            head = file.read(16)
            if len(head) < 8 or head[4:8] not in _BOXES:
                return None
            size = int.from_bytes(head[:4], "big")
            if size == 1:
                size = int.from_bytes(head[8:], "big")
            if size < 8:  # 0: to the end of the file
                return None
            position += size
            if position >= there:
                return position
    return None


def _asf_size(beginning: bytes) -> int | None:
    place = beginning.find(_ASF_PROPERTIES, _ASF_HEADER)
    if place < 0 or len(beginning) < place + 92:
        return None
    broadcast = int.from_bytes(beginning[place + 88 : place + 92], "little") & _BROADCAST
    return None if broadcast else int.from_bytes(beginning[place + 40 : place + 48], "little") or None
