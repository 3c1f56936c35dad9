"""Reading a labelled corpus, however it is laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mtmm_video.foundation.errors import DataError, InputError
from mtmm_video.pipeline.corpora.acted_clips import is_crema, is_ravdess, read_crema, read_ravdess
from mtmm_video.pipeline.corpora.checks import check_segments
from mtmm_video.pipeline.corpora.corrected import is_corrected, read_corrected
from mtmm_video.pipeline.corpora.csv_layout import merge_annotators, read_csv_layout
from mtmm_video.pipeline.corpora.elan import read_elan
from mtmm_video.pipeline.corpora.label_cells import Scale
from mtmm_video.pipeline.corpora.meld import is_meld, read_meld
from mtmm_video.pipeline.corpora.mmsa import is_mmsa, read_mmsa
from mtmm_video.pipeline.corpora.segment import Corpus, Problem
from mtmm_video.pipeline.corpora.taxonomy import Taxonomy

AUTO = "auto"
SHOWN = 5  # problems that an error message lists


@dataclass(frozen=True)
class ReadingOptions:
    """What a user can say about a label file.

    Attributes
    ----------
    layout : str
        One of `LAYOUTS`, or ``auto``.
    taxonomy : Taxonomy
        What the names of emotions mean.
    sentiment_scale, emotion_scale : Scale or None
        Ranges of the numbers; the layout's own where None.
    tiers : mapping of str to sequence of str
        Of ELAN documents, see `elan.parse_tiers`.
    videos : Path or None
        Folder of the videos of corrected reports; beside each report where None.
    """

    layout: str = AUTO
    taxonomy: Taxonomy = field(default_factory=Taxonomy)
    sentiment_scale: Scale | None = None
    emotion_scale: Scale | None = None
    tiers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    videos: Path | None = None


Reader = Callable[[Path, ReadingOptions], Corpus]
LAYOUTS: Mapping[str, Reader] = {
    "csv": lambda source, options: read_csv_layout(
        _only_csv(source),
        taxonomy=options.taxonomy,
        sentiment_scale=options.sentiment_scale,
        emotion_scale=options.emotion_scale,
    ),
    "mmsa": lambda source, options: read_mmsa(source, sentiment_scale=options.sentiment_scale),
    "meld": lambda source, options: read_meld(source, taxonomy=options.taxonomy),
    "ravdess": lambda source, options: read_ravdess(source, taxonomy=options.taxonomy),
    "crema-d": lambda source, options: read_crema(source, taxonomy=options.taxonomy),
    "eaf": lambda source, options: read_elan(
        source, taxonomy=options.taxonomy, tiers=options.tiers, sentiment_scale=options.sentiment_scale
    ),
    "corrected": lambda source, options: read_corrected(source, videos=options.videos),
}

OFFICIAL_CORPORA = frozenset({"mosei", "mosi"})


def detect_layout(source: Path) -> str:
    """Tell how a corpus is laid out, by what is in it.

    Raises
    ------
    InputError
        If there is nothing there, or nothing that is known.
    """
    if source.is_file():
        layout = {".csv": "csv", ".tsv": "csv", ".eaf": "eaf", ".json": "corrected"}.get(source.suffix.lower())
        if layout is None:
            raise InputError(f"{source}: give a label file (.csv), an ELAN document (.eaf) or the folder of a corpus")
        return layout
    if not source.is_dir():
        raise InputError(f"{source}: no such file or folder")
    if is_mmsa(source):
        return "mmsa"
    if is_meld(source):
        return "meld"
    if len(list(source.glob("*.csv"))) == 1 and not is_ravdess(source):
        return "csv"
    if any(source.glob("**/*.eaf")):
        return "eaf"
    if any(is_corrected(path) for path in source.rglob("*.json")):
        return "corrected"
    if is_ravdess(source):
        return "ravdess"
    if is_crema(source):
        return "crema-d"
    raise InputError(
        f"{source}: is laid out in none of the known ways; name one with --layout ({', '.join(LAYOUTS)}), or write a "
        "label file with the columns file, text, speaker, split, sentiment, emotion"
    )


def read_source(source: Path, options: ReadingOptions | None = None) -> Corpus:
    """Read a labelled corpus without looking at its files.

    Raises
    ------
    InputError
        If the layout is unknown.
    DataError
        If the label file cannot be read at all.
    """
    options = options or ReadingOptions()
    layout = detect_layout(source) if options.layout == AUTO else options.layout
    if layout not in LAYOUTS:
        raise InputError(f"--layout {layout!r}: choose one of {AUTO}, {', '.join(LAYOUTS)}")
    return LAYOUTS[layout](source, options)


def read_corpus(source: Path, options: ReadingOptions | None = None, *, skip_bad: bool = False) -> Corpus:
    """Read a labelled corpus and check every row of it.

    Parameters
    ----------
    source : Path
        A label file, an ELAN document, or a folder.
    options : ReadingOptions, optional
        What the user says about it.
    skip_bad : bool
        Leave rows out that cannot be used, and list them in `Corpus.problems`; otherwise the first are an error.

    Raises
    ------
    InputError
        If the layout is unknown.
    DataError
        If the label file cannot be read, a row cannot be used, or none is left.
    """
    read = read_source(source, options)
    merged = merge_annotators(read.segments)
    good, bad = check_segments(merged)
    problems = (*read.problems, *bad)
    if problems and not skip_bad:
        raise DataError(f"{source}: {describe(problems)}; correct them, or leave them out with --skip-bad")
    if not good:
        raise DataError(f"{source}: has no row that can be used" + (f" ({describe(problems)})" if problems else ""))
    # A corpus that the paper has figures for is told by its own reader (`mosei prepare`), not by a folder's name.
    name = f"{read.name}-{read.layout}" if read.name.lower() in OFFICIAL_CORPORA else read.name
    return replace(read, name=name, segments=tuple(good), problems=problems)


def describe(problems: Sequence[Problem]) -> str:
    """Return the first problems in one line, with how many more there are."""
    shown = "; ".join(map(str, problems[:SHOWN]))
    more = len(problems) - SHOWN
    return f"{len(problems)} rows cannot be used: {shown}" + (f"; and {more} more" if more > 0 else "")


def _only_csv(source: Path) -> Path:
    if source.is_file():
        return source
    found = sorted(source.glob("*.csv"))
    if len(found) != 1:
        raise InputError(f"{source}: holds {len(found)} .csv files; name the label file itself")
    return found[0]
