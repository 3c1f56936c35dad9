"""The paper's Tables 4 and 7 in its layout, as aligned Markdown, with the paper's figures in brackets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mtmm_video.model.features import MODALITIES, Modality
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.paper.results import (
    MODALITY_COLUMNS,
    PAPER_ROW,
    TABLE_4_ACCURACY,
    TABLE_4_F1,
    TABLE_7,
)
from mtmm_video.model.table import UtteranceTable

LETTERS: Mapping[Modality, str] = {"text": "T", "acoustic": "A", "visual": "V"}
ABSENT = "-"
CONSTANT = "constant answer"  # the best constant prediction
NOTHING: tuple[float | None, ...] = (None,) * 16
# Printed above tables with the paper's figures.
PROTOCOL = (
    "Ours: epoch, calibration and thresholds are chosen on the valid split. The paper's: the authors' public script "
    "chooses epoch and thresholds on the test split, which flatters its figures by an unknown amount."
)


@dataclass(frozen=True)
class Result:
    """The evaluation of one finished system.

    Attributes
    ----------
    system : str
        ``cim``, ``cim_single`` or the name of a baseline.
    modalities : tuple of Modality
        Its inputs.
    evaluation : mapping
        From `model.evaluation.evaluate`, or the mean of several evaluations.
    spread : mapping
        Standard deviations over seeds, under the same keys; empty for one seed.
    seeds : int
        Number of seeds in the mean.
    cpu_seconds : float or None
        Mean CPU time of a run.
    """

    system: str
    modalities: tuple[Modality, ...]
    evaluation: Mapping[str, Any]
    spread: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 1
    cpu_seconds: float | None = None

    @property
    def column(self) -> str:
        """Column of the paper's Table 4, for instance ``T+A``."""
        order: tuple[Modality, ...] = ("text", "acoustic", "visual")
        letters = [LETTERS[name] for name in order if name in self.modalities]
        return "+".join(letters)


def of_the_paper(table: UtteranceTable) -> bool:
    """Return whether the paper has figures for the corpus of a table, which is the case for MOSEI alone."""
    return set(table.corpora) == {"mosei"}


def figure(evaluation: Mapping[str, Any], *path: str) -> float | None:
    """Return the value at a path of keys in an evaluation; None if a key is absent."""
    value: Any = evaluation
    for key in path:
        if value is None:
            return None
        value = value.get(key)
    return None if value is None else float(value)


def cell(ours: float | None, paper: float | None) -> str:
    """Format our figure in per cent, with the paper's in brackets."""
    left = ABSENT if ours is None else f"{100 * ours:.1f}"
    return left if paper is None else f"{left} ({paper:.1f})"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table, each column padded to its widest cell."""
    widths = [max(len(row[index]) for row in (header, *rows)) for index in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(header), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)])


def table_4(results: Sequence[Result], *, paper: bool = True) -> str:
    """Format Table 4: single-task and multi-task learning by modalities, ours (paper).

    Parameters
    ----------
    results : sequence of Result
        Only `cim` and `cim_single` are used.
    paper : bool
        Whether to add the paper's figures, which are for MOSEI.
    """
    by_cell = {(result.system, result.column): result.evaluation for result in results}
    blocks = []
    for title, metrics, printed in (
        ("F1 (weighted)", {"sentiment": "f1_weighted", "emotion": "f1_weighted"}, TABLE_4_F1),
        ("accuracy / W-Acc", {"sentiment": "accuracy", "emotion": "weighted_accuracy"}, TABLE_4_ACCURACY),
    ):
        rows = []
        for task in ("sentiment", "emotion"):
            if not paper and not any(result.evaluation.get(task) for result in results):
                continue
            for learning, system in (("STL", "cim_single"), ("MTL", "cim")):
                cells = [
                    cell(figure(by_cell.get((system, column), {}), task, metrics[task]), theirs if paper else None)
                    for column, theirs in zip(MODALITY_COLUMNS, printed[task, learning], strict=True)
                ]
                rows.append([task, learning, *cells])
            constants = [figure(result.evaluation, task, "trivial", metrics[task]) for result in results]
            known = [value for value in constants if value is not None]
            rows.append([task, CONSTANT, *([percent(known[0] if known else None)] * len(MODALITY_COLUMNS))])
        blocks.append(markdown([title, "", *MODALITY_COLUMNS], rows))
    return "\n\n".join(blocks)


def table_7(
    results: Sequence[Result],
    *,
    paper: bool = True,
    tests: Sequence[Sequence[str]] = (),
    width: int | None = None,
) -> str:
    """Format Table 7: systems by emotions and sentiment, ours (paper).

    Parameters
    ----------
    results : sequence of Result
        In the order of the rows.
    paper : bool
        Whether to add the paper's figures, which are for MOSEI.
    tests : sequence of sequence of str
        Further rows: a title and the four cells of the averages and of sentiment.
    width : int or None
        Width of the terminal in characters: a wider table is split into several.
    """
    header = ["system", "on"]
    for emotion in (*EMOTIONS, "average"):
        header += [f"{emotion} F1", "W-Acc"]
    header += ["sentiment F1", "Acc"]
    rows = [[CONSTANT, "", *map(percent, constant_figures(results[0].evaluation))]] if results else []
    for result in results:
        printed = TABLE_7.get(PAPER_ROW.get(result.system, ""), NOTHING) if paper else NOTHING
        rows.append([result.system, result.column, *map(cell, class_figures(result.evaluation), printed)])
    rows += [[title, "", *[""] * (2 * len(EMOTIONS)), *cells] for title, *cells in tests]
    if not paper:  # columns without a value are omitted, such as the emotions of a corpus without emotion labels
        kept = [
            index for index in range(len(header)) if index < 2 or any(row[index] not in ("", ABSENT) for row in rows)
        ]
        header, rows = [header[index] for index in kept], [[row[index] for index in kept] for row in rows]
    return "\n\n".join(markdown(*part) for part in cut(header, rows, width=width))


def class_figures(evaluation: Mapping[str, Any]) -> list[float | None]:
    """Return the sixteen figures of a row of Table 7."""
    found: list[float | None] = []
    for emotion in EMOTIONS:
        for metric in ("f1_weighted", "weighted_accuracy"):
            found.append(figure(evaluation, "emotion", "classes", emotion, metric))
    found += [figure(evaluation, "emotion", metric) for metric in ("f1_weighted", "weighted_accuracy")]
    return found + [figure(evaluation, "sentiment", metric) for metric in ("f1_weighted", "accuracy")]


def constant_figures(evaluation: Mapping[str, Any]) -> list[float | None]:
    """Return the figures of the best constant prediction in the sixteen columns of Table 7."""
    emotion = evaluation.get("emotion") or {}
    classes = {name: entry["trivial"] for name, entry in emotion.get("classes", {}).items() if "trivial" in entry}
    trivial = {
        "emotion": {**emotion.get("trivial", {}), "classes": classes},
        "sentiment": (evaluation.get("sentiment") or {}).get("trivial"),
    }
    return class_figures(trivial)


def cut(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None
) -> list[tuple[list[str], list[list[str]]]]:
    """Split a table that is too wide between pairs of columns; every part repeats the first two columns."""
    size = [max(len(row[index]) for row in (header, *rows)) + 3 for index in range(len(header))]
    parts: list[list[int]] = [[]]
    for index in range(2, len(header), 2):
        taken = sum(size[column] for column in (0, 1, *parts[-1], index, index + 1)) + 1
        if width is not None and taken > width and parts[-1]:
            parts.append([])
        parts[-1] += [index, index + 1]
    chosen = [[0, 1, *part] for part in parts]
    return [([header[c] for c in part], [[row[c] for c in part] for row in rows]) for part in chosen]


def summary(evaluation: Mapping[str, Any]) -> str:
    """Format metrics that Tables 4 and 7 lack: trivial baselines, both conventions, macro F1, AUROC, calibration."""
    rows = []
    sentiment = evaluation.get("sentiment")
    if sentiment:
        zeros = sentiment.get("without_zeros") or {}
        rows += [
            [
                "sentiment accuracy, zero counts as positive",
                percent(sentiment["accuracy"]),
                percent(sentiment["trivial"]["accuracy"]),
            ],
            [
                "sentiment F1, zero counts as positive",
                percent(sentiment["f1_weighted"]),
                percent(sentiment["trivial"]["f1_weighted"]),
            ],
            ["sentiment accuracy, zeros dropped", percent(zeros.get("accuracy")), ABSENT],
            ["sentiment F1, zeros dropped", percent(zeros.get("f1_weighted")), ABSENT],
            ["sentiment macro F1", percent(sentiment["f1_macro"]), ABSENT],
            ["sentiment AUROC", percent(sentiment["auroc"]), "50.0"],
            ["sentiment calibration error", percent(sentiment["calibration_error"]), ABSENT],
        ]
        three = sentiment.get("three_way")
        if three:
            rows += [
                ["three classes, accuracy", percent(three["accuracy"]), percent(three["trivial"]["accuracy"])],
                ["three classes, macro F1", percent(three["f1_macro"]), ABSENT],
                ["three classes, weighted F1", percent(three["f1_weighted"]), ABSENT],
                ["three classes, calibration error", percent(three["calibration_error"]), ABSENT],
            ]
    emotion = evaluation.get("emotion")
    if emotion:
        fixed = emotion["fixed"]
        rows += [
            [
                "emotion W-Acc, thresholds from valid",
                percent(emotion["weighted_accuracy"]),
                percent(emotion["trivial"]["weighted_accuracy"]),
            ],
            ["emotion W-Acc, fixed 0.2", percent(fixed["weighted_accuracy"]), ABSENT],
            [
                "emotion F1, thresholds from valid",
                percent(emotion["f1_weighted"]),
                percent(emotion["trivial"]["f1_weighted"]),
            ],
            ["emotion F1, fixed 0.4", percent(fixed["f1_weighted"]), ABSENT],
            [
                "emotion macro F1, label thresholds",
                percent(emotion["f1_macro"]),
                percent(emotion["trivial"]["f1_macro"]),
            ],
            ["emotion F1 of the present class", percent(emotion["f1_present"]), ABSENT],
            ["emotion AUROC", percent(emotion["auroc"]), "50.0"],
            ["emotion calibration error", percent(emotion["calibration_error"]), ABSENT],
        ]
    return markdown(["figure", "per cent", "constant answer"], rows)


def percent(value: float | None) -> str:
    """Format a proportion in per cent with one decimal."""
    return ABSENT if value is None else f"{100 * value:.1f}"


def modalities_of_column(column: str) -> tuple[Modality, ...]:
    """Return the modalities of a column of Table 4, for instance ``T+A``."""
    return tuple(name for name in MODALITIES if LETTERS[name] in column.split("+"))
