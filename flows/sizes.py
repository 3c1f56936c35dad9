"""Sizes and ages as people write them on the command line."""

from __future__ import annotations

from mtmm_video.foundation.errors import InputError

SIZES = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}  # bytes
AGES = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}  # seconds


def parse_size(text: str) -> float:
    """Return bytes for a size such as ``8GB``, ``500M`` or ``1000``.

    Raises
    ------
    InputError
        If it is no size, or not larger than 0.
    """
    number = text.strip().upper().removesuffix("B")
    unit = number[-1:] if number[-1:].isalpha() else ""
    return _number(number.removesuffix(unit), SIZES.get(unit), text=text, example="a size, for instance 500MB or 20GB")


def parse_age(text: str) -> float:
    """Return seconds for an age such as ``30d``, ``12h``, ``15m`` or ``90s``.

    Raises
    ------
    InputError
        If it is no age, or not larger than 0.
    """
    number = text.strip().lower()
    return _number(number[:-1], AGES.get(number[-1:]), text=text, example="a time, for instance 15m, 12h or 30d")


def show_size(size: float) -> str:
    """Return bytes as a person reads them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _number(digits: str, factor: float | None, *, text: str, example: str) -> float:
    try:
        value = float(digits) * factor if factor is not None else 0.0
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise InputError(f"{text!r}: is not {example}")
    return value
