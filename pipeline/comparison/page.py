"""The page of a comparison: agreement, confusion matrices, and the disagreements to click through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np

from mtmm_video.pipeline.comparison.alignment import Alignment
from mtmm_video.pipeline.comparison.figures import Agreement
from mtmm_video.pipeline.reports.html.templates import render

# Figures in the order of the columns, with their headings.
HEADINGS: Mapping[str, str] = {
    "accuracy": "accuracy",
    "f1_weighted": "weighted F1",
    "f1_macro": "macro F1",
    "kappa": "Cohen's kappa",
    "alpha_nominal": "alpha, nominal",
    "alpha_ordinal": "alpha, ordinal",
    "auroc": "AUROC",
}
ABSENT = "–"


@dataclass(frozen=True)
class Disagreement:
    """An utterance that people and model label differently.

    Attributes
    ----------
    video, text, question, people, said : str
        Where, what is said, and the two answers.
    start : float
        Seconds.
    link : str or None
        To the utterance in the report's page.
    probability : float or None
        That the model gives to its answer.
    """

    video: str
    start: float
    text: str
    question: str
    people: str
    said: str
    link: str | None
    probability: float | None


def disagreements(
    results: Sequence[Agreement], alignment: Alignment, *, pages: Mapping[str, str]
) -> list[Disagreement]:
    """Return where people and model differ, the model's surest answers first.

    Parameters
    ----------
    results : sequence of Agreement
        Of all questions; two-way sentiment is left out where the three-way one is there.
    alignment : Alignment
        What they were computed from.
    pages : mapping of str to str
        Page of each report, relative to where this page will lie, for those that have one.
    """
    found = []
    for result in results:
        question = result.question
        if question.name.startswith("sentiment,") and not question.ordered:
            continue
        truth = question.majority
        for row in np.flatnonzero(~np.isnan(truth) & (truth != question.said)):
            unit = alignment.units[row]
            said = question.categories[int(question.said[row])]
            probability: float | None
            if question.ordered:
                probability = unit.said.prediction.sentiment_probabilities.get(said)
            else:
                assert question.scores is not None
                score = float(question.scores[row])
                probability = score if question.said[row] else 1 - score
            page = pages.get(unit.video)
            found.append(
                Disagreement(
                    video=unit.video,
                    start=unit.said.utterance.start,
                    text=unit.said.utterance.text,
                    question=question.name,
                    people=question.categories[int(truth[row])],
                    said=said,
                    link=None if page is None else f"{quote(page)}#u{unit.said.utterance.index}",
                    probability=probability,
                )
            )
    return sorted(found, key=lambda each: -(each.probability or 0.0))


def comparison_page(results: Sequence[Agreement], alignment: Alignment, *, pages: Mapping[str, str]) -> str:
    """Return the comparison as one HTML page; see `disagreements` for the arguments."""
    listed = disagreements(results, alignment, pages=pages)
    return render(
        "compare.html",
        styles=("report.css", "compare.css"),
        scripts=("compare.js",),
        utterances=len(alignment.units),
        videos=len({unit.video for unit in alignment.units}),
        annotators=alignment.annotators,
        headings=tuple(HEADINGS.values()),
        rows=[(each.question.name, each.answered, _cells(each), _people(each)) for each in results],
        matrices=[_matrix(each) for each in results],
        intervals=any(each.intervals for each in results),
        notes=notes_of(alignment),
        disagreements=listed,
        asked=list(dict.fromkeys(each.question for each in listed)),
    )


def notes_of(alignment: Alignment) -> list[str]:
    """Return what of the annotations could not be compared, in plain sentences."""
    notes = []
    if alignment.unmatched:
        shown = ", ".join(alignment.unmatched[:5]) + (", ..." if len(alignment.unmatched) > 5 else "")
        notes.append(f"{len(alignment.unmatched)} annotations meet no utterance: {shown}.")
    silent = sum(not unit.people for unit in alignment.units)
    if silent:
        notes.append(f"{silent} utterances have no annotation.")
    if alignment.other_videos:
        notes.append(f"Annotated, but without a report: {', '.join(alignment.other_videos[:5])}.")
    return notes


def shown(value: float | None) -> str:
    """Show a figure with two decimals."""
    return ABSENT if value is None else f"{value:.2f}"


def _cells(result: Agreement) -> list[tuple[str, str]]:
    cells = []
    for name in HEADINGS:
        span = result.intervals.get(name)
        cells.append((shown(result.figures.get(name)), "" if span is None else f"{span[0]:.2f} to {span[1]:.2f}"))
    return cells


def _people(result: Agreement) -> list[str]:
    if not result.among_people:
        return []
    return [shown(result.among_people.get(name)) for name in HEADINGS]


def _matrix(result: Agreement) -> tuple[str, tuple[str, ...], list[list[tuple[int, float]]]]:
    rows = [[(int(count), float(count / max(row.sum(), 1))) for count in row] for row in result.confusion]
    return result.question.name, result.question.categories, rows
