"""Layout ``eaf``: ELAN documents beside their videos, labels on tiers that are chosen by name.

Format: H. Sloetjes, "ELAN Annotation Format, EAF version 3.0", Max Planck Institute for Psycholinguistics, 2017.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree

from mtmm_video.foundation.errors import DataError, InputError
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.pipeline.corpora.acted_clips import SUFFIXES
from mtmm_video.pipeline.corpora.label_cells import SENTIMENT_SCALE, Scale, read_sentiment
from mtmm_video.pipeline.corpora.segment import Corpus, LabelledSegment, Problem, SegmentLabels
from mtmm_video.pipeline.corpora.taxonomy import Taxonomy

ROLES = ("text", "sentiment", "emotion")
DEFAULT_TIERS: Mapping[str, tuple[str, ...]] = {
    "text": ("transcript", "text", "utterance", "default"),
    "sentiment": ("sentiment", "polarity", "valence"),
    "emotion": ("emotion", "emotions"),
}
LARGEST = 64 * 2**20  # bytes of a document; an hour with words has 3 MB


@dataclass(frozen=True)
class Span:
    """An annotation of a tier: start and end in seconds, and its value."""

    start: float
    end: float
    value: str


@dataclass(frozen=True)
class Document:
    """An ELAN document.

    Attributes
    ----------
    path : Path
        The file.
    media : tuple of str
        Paths of its media as they are written, relative ones first.
    tiers : mapping of str to tuple of Span
        In order of time, by name.
    participants, annotators : mapping of str to str
        Of the tiers that name one.
    """

    path: Path
    media: tuple[str, ...]
    tiers: Mapping[str, tuple[Span, ...]]
    participants: Mapping[str, str]
    annotators: Mapping[str, str]


def read_document(path: Path) -> Document:
    """Read an ELAN document.

    Annotations without times of their own take those of what they refer to; neighbours that share an interval divide it
    evenly.

    Raises
    ------
    DataError
        If it is no ELAN document.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path}: is too large for an ELAN document")
        root = ElementTree.parse(path).getroot()  # noqa: S314 - expat expands no external entities
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except ElementTree.ParseError as error:
        raise DataError(f"{path}: is no XML ({error}); save it again with ELAN") from error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise DataError(f"{path}: is no ELAN document but <{root.tag}>")
    slots = {
        str(slot.get("TIME_SLOT_ID")): int(value) / 1000
        for slot in root.iter("TIME_SLOT")
        if (value := slot.get("TIME_VALUE")) is not None
    }
    spans: dict[str, tuple[float, float]] = {}
    values: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    references: dict[str, list[str]] = {}
    for tier in root.iter("TIER"):
        name = str(tier.get("TIER_ID"))
        members[name] = []
        aligned: list[tuple[str, float | None, float | None]] = []
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            key = str(annotation.get("ANNOTATION_ID"))
            members[name].append(key)
            values[key] = annotation.findtext("ANNOTATION_VALUE") or ""
            begin = slots.get(str(annotation.get("TIME_SLOT_REF1")))
            aligned.append((key, begin, slots.get(str(annotation.get("TIME_SLOT_REF2")))))
        spans.update(_between_slots(aligned))
        for annotation in tier.iter("REF_ANNOTATION"):
            key = str(annotation.get("ANNOTATION_ID"))
            members[name].append(key)
            values[key] = annotation.findtext("ANNOTATION_VALUE") or ""
            references.setdefault(f"{name}\n{annotation.get('ANNOTATION_REF')}", []).append(key)
    _place_references(references, spans)
    tiers = {
        name: tuple(
            sorted(
                (Span(*spans[key], values[key].strip()) for key in keys if key in spans),
                key=lambda span: (span.start, span.end),
            )
        )
        for name, keys in members.items()
    }
    media = [
        descriptor.get(name)
        for name in ("RELATIVE_MEDIA_URL", "MEDIA_URL")
        for descriptor in root.iter("MEDIA_DESCRIPTOR")
    ]
    return Document(
        path=path,
        media=tuple(url for url in media if url),
        tiers=tiers,
        participants={
            str(t.get("TIER_ID")): str(t.get("PARTICIPANT")) for t in root.iter("TIER") if t.get("PARTICIPANT")
        },
        annotators={str(t.get("TIER_ID")): str(t.get("ANNOTATOR")) for t in root.iter("TIER") if t.get("ANNOTATOR")},
    )


def _between_slots(
    aligned: Sequence[tuple[str, float | None, float | None]],
) -> dict[str, tuple[float, float]]:
    """Return the bounds of a tier's annotations; slots without a time lie evenly between their neighbours."""
    found: dict[str, tuple[float, float]] = {}
    run: list[str] = []
    first: float | None = None
    for key, begin, end in aligned:
        if begin is not None:
            run, first = [], begin
        run.append(key)
        if end is not None and first is not None:
            step = (end - first) / len(run)
            found |= {each: (first + index * step, first + (index + 1) * step) for index, each in enumerate(run)}
            run, first = [], None
    return found


def _place_references(references: Mapping[str, Sequence[str]], spans: dict[str, tuple[float, float]]) -> None:
    """Give annotations that refer to others their bounds, through chains of references."""
    waiting = dict(references)
    while waiting:
        ready = [key for key in waiting if key.split("\n", 1)[1] in spans]
        if not ready:
            return
        for key in ready:
            start, end = spans[key.split("\n", 1)[1]]
            children = waiting.pop(key)
            marks = [start + (end - start) * count / len(children) for count in range(len(children) + 1)]
            spans.update(zip(children, itertools.pairwise(marks), strict=True))


def parse_tiers(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read ``--tier``: ``ROLE=NAME`` with a role of text, sentiment or emotion, or a name that is its own role.

    Raises
    ------
    InputError
        If a role is unknown.
    """
    chosen: dict[str, list[str]] = {}
    for given in names:
        role, separator, name = given.partition("=")
        if not separator:
            name = given
            role = next((each for each in ROLES if given.casefold() in DEFAULT_TIERS[each]), given.casefold())
        if role not in (*ROLES, *EMOTIONS):
            raise InputError(
                f"--tier {given!r}: say what it holds: {', '.join(ROLES)} or an emotion, as sentiment=NAME"
            )
        chosen.setdefault(role, []).append(name)
    return {role: tuple(found) for role, found in chosen.items()}


def read_elan(
    source: Path,
    *,
    taxonomy: Taxonomy,
    tiers: Mapping[str, Sequence[str]] | None = None,
    sentiment_scale: Scale | None = None,
) -> Corpus:
    """Read ELAN documents.

    The tier with the text bounds the utterances; without one, the first tier with labels does. A label belongs to the
    utterance that it overlaps longest. On a tier named as an emotion every annotation means that it is present.

    Parameters
    ----------
    source : Path
        A document, or a folder of them.
    taxonomy : Taxonomy
        What the names on an emotion tier mean.
    tiers : mapping of str to sequence of str, optional
        Names by role, from `parse_tiers`; `DEFAULT_TIERS` otherwise. A tier ``NAME@PERSON`` counts as NAME, labelled by
        that person.
    sentiment_scale : Scale, optional
        Range of numbers on the sentiment tier; [-3, 3] otherwise.

    Raises
    ------
    DataError
        If there is no document, one is damaged, or none has a tier that was named.
    """
    paths = [source] if source.is_file() else sorted(source.glob("**/*.eaf"))
    if not paths:
        raise DataError(f"{source}: holds no .eaf file")
    segments: list[LabelledSegment] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for path in paths:
        document = read_document(path)
        seen |= set(document.tiers)
        chosen = {
            role: [name for name in document.tiers if _answers(name, wanted)] for role, wanted in _wanted(tiers).items()
        }
        found, bad = _segments(document, chosen, taxonomy=taxonomy, scale=sentiment_scale or SENTIMENT_SCALE)
        segments += found
        problems += bad
    if not segments and not problems:
        raise DataError(
            f"{source}: no tier with labels: name them with --tier sentiment=NAME, --tier emotion=NAME; there are "
            f"{', '.join(sorted(seen))}"
        )
    return Corpus(source.stem, "eaf", tuple(segments), tuple(problems))


def _wanted(tiers: Mapping[str, Sequence[str]] | None) -> dict[str, Sequence[str]]:
    wanted: dict[str, Sequence[str]] = {emotion: (emotion,) for emotion in EMOTIONS} if not tiers else {}
    return {**DEFAULT_TIERS, **wanted} if not tiers else {**{"text": DEFAULT_TIERS["text"]}, **tiers}


def _answers(tier: str, wanted: Sequence[str]) -> bool:
    return tier.partition("@")[0].casefold() in {name.partition("@")[0].casefold() for name in wanted} or tier in wanted


def _annotator(tier: str, document: Document) -> str | None:
    return tier.partition("@")[2] or document.annotators.get(tier)


def _segments(
    document: Document, chosen: Mapping[str, Sequence[str]], *, taxonomy: Taxonomy, scale: Scale
) -> tuple[list[LabelledSegment], list[Problem]]:
    label_tiers = [name for role, names in chosen.items() if role != "text" for name in names]
    bounds = [(span, tier) for tier in chosen["text"] for span in document.tiers[tier]]
    with_text = bool(bounds)
    if not bounds:
        bounds = [(span, label_tiers[0]) for span in document.tiers[label_tiers[0]]] if label_tiers else []
    file = _media_file(document)
    segments, problems = [], []
    annotators = list(dict.fromkeys(_annotator(name, document) for name in label_tiers))
    for number, (span, tier) in enumerate(sorted(bounds, key=lambda entry: entry[0].start)):
        for annotator in annotators:
            own = {
                role: [name for name in names if _annotator(name, document) == annotator]
                for role, names in chosen.items()
                if role != "text"
            }
            origin = f"{document.path.name}, {span.start:.2f} s"
            try:
                labels = _labels(document, own, span, taxonomy=taxonomy, scale=scale)
            except InputError as error:
                problems.append(Problem(origin, str(error)))
                continue
            segments.append(
                LabelledSegment(
                    video=document.path.stem,
                    name=f"{document.path.stem}[{number}]",
                    file=file,
                    labels=labels,
                    start=span.start,
                    end=span.end,
                    speaker=document.participants.get(tier),
                    text=(span.value or None) if with_text else None,
                    position=span.start,
                    annotator=annotator if len(annotators) > 1 else None,
                    origin=origin,
                )
            )
    return segments, problems


def _labels(
    document: Document, tiers: Mapping[str, Sequence[str]], span: Span, *, taxonomy: Taxonomy, scale: Scale
) -> SegmentLabels:
    def value(names: Sequence[str]) -> str:
        spans = [each for name in names for each in document.tiers[name]]
        best = max(spans, key=lambda each: overlap(each, span), default=None)
        return best.value if best is not None and overlap(best, span) > 0 else ""

    sentiment = read_sentiment(value(tiers.get("sentiment", ())), scale=scale)
    emotions: dict[str, float] | None = None
    named = value(tiers.get("emotion", ()))
    if named:
        emotions = taxonomy.presence(named)
    elif any(tiers.get(emotion) for emotion in EMOTIONS):
        emotions = {
            emotion: float(
                any(overlap(each, span) > 0 for name in tiers.get(emotion, ()) for each in document.tiers[name])
            )
            for emotion in EMOTIONS
        }
    return SegmentLabels(
        sentiment=None if sentiment is None else sentiment[0],
        polarity=None if sentiment is None else sentiment[1],
        emotions=emotions,
    )


def overlap(first: Span, second: Span) -> float:
    """Return how many seconds two spans have in common."""
    return max(0.0, min(first.end, second.end) - max(first.start, second.start))


def _media_file(document: Document) -> Path:
    folder = document.path.parent
    for url in document.media:
        path = Path(unquote(urlparse(url).path))
        for candidate in (folder / path, folder / path.name):
            if candidate.is_file():
                return candidate
    beside = [path for path in sorted(folder.glob(f"{document.path.stem}.*")) if path.suffix.lower() in SUFFIXES]
    return beside[0] if beside else folder / f"{document.path.stem}.mp4"
