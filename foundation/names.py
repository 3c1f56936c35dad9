"""File names where they are printed or become names of reports."""

from __future__ import annotations

import hashlib
import os
import unicodedata

LONGEST_NAME = 255  # bytes; the limit of ext4, XFS, APFS and NTFS (there: UTF-16 units)
LONGEST_REPORT_SUFFIX = 16  # bytes left for the suffix of a report; ".TextGrid" takes 9
DIGEST_DIGITS = 8  # hexadecimal digits that keep shortened names apart
# Marks that reorder the text around them on the screen (UAX #9), and separators that break a line.
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


def report_name(name: str) -> str:
    """Return the name of a video's reports: its file name if reports can have it, else a shortened, unique one.

    Parameters
    ----------
    name : str
        File name. Names that are too long for a report's suffix, or have control characters, are changed and get the
        first digits of their SHA-256.
    """
    text = "".join(_escaped(sign) if _is_control(sign) else sign for sign in name)
    content = text.encode("utf-8", errors="replace")
    longest = LONGEST_NAME - LONGEST_REPORT_SUFFIX
    if text == name and len(content) <= longest:
        return name
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:DIGEST_DIGITS]
    return f"{content[: longest - DIGEST_DIGITS - 1].decode('utf-8', errors='ignore')}~{digest}"


def printable(text: str) -> str:
    """Return a text that a terminal and a log show as it is: control characters and reordering marks as ``%XX``."""
    return "".join(_escaped(sign) if _is_control(sign) or sign in _REORDERING else sign for sign in text)


def is_utf8(name: str) -> bool:
    """Return whether a file name is UTF-8; Python decodes other bytes of names to lone surrogates."""
    return not any(unicodedata.category(sign) == "Cs" for sign in name)


def _is_control(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cs")


def _escaped(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode("utf-8", errors="surrogateescape"))
