"""Figures 2 and 3 of the paper: single-task against multi-task learning, and the attention of a video."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtmm_video.foundation.errors import DependencyError, InputError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.model.attention import whole_matrix
from mtmm_video.model.paper.results import MODALITY_COLUMNS, TABLE_4_ACCURACY, TABLE_4_F1
from mtmm_video.model.paper.tables import Result, figure
from mtmm_video.model.prediction_types import VideoPrediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL_INCHES = 0.32  # of one utterance in a heat map
TICKS = 24  # largest number of labelled ticks
SCREEN_DPI = 100  # dots per inch of a figure that a notebook shows: as matplotlib's own


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure with a non-interactive backend, which notebooks show; sizes in inches.

    Raises
    ------
    DependencyError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only plots need it, and it takes a second to import
    except ImportError as error:
        raise DependencyError("plots need matplotlib: pip install matplotlib") from error

    class ShownFigure(Figure):
        """A figure that a notebook draws although pyplot was never imported, by which it would know figures."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=SCREEN_DPI)
            return buffer.getvalue()

    return ShownFigure(figsize=(width, height), layout="constrained")


def save_figure(drawn: Figure, path: Path) -> None:
    """Write a figure atomically; the suffix decides the format (.png, .svg, .pdf)."""
    with atomic_path(path) as temporary:
        drawn.savefig(temporary, dpi=150)


def plot_attention(prediction: VideoPrediction, path: Path) -> None:
    """Plot Figure 3: for each pair of modalities X and Y, N1 on the left and N2 on the right of a solid line.

    Row i, column j is the attention weight of query utterance i to key utterance j: X to Y on the left (N1), Y to X on
    the right (N2). A checkpoint of one modality has one matrix.

    Parameters
    ----------
    prediction : VideoPrediction
        From `model.prediction.predict`.
    path : Path
        The image file.

    Raises
    ------
    InputError
        If the prediction has no attention weights.
    """
    if not prediction.attention:
        raise InputError(f"{path}: no attention to draw: the video has no utterance, or no modality of the model")
    count = len(prediction.utterances)
    side = float(np.clip(CELL_INCHES * count, 2.2, 9.0))  # inches
    sides = 2 if any(x != y for x, y in prediction.attention) else 1
    drawn = new_figure(sides * side + 1.6, (side + 0.9) * len(prediction.attention))
    axes = drawn.subplots(len(prediction.attention), 1, squeeze=False)[:, 0]
    step = max(1, count // TICKS)
    for axis, ((x, y), (N1, N2)) in zip(axes, prediction.attention.items(), strict=True):
        # Self-attention has one matrix.
        halves = [whole_matrix(matrix) for matrix in ((N1,) if x == y else (N1, N2))]
        shown = np.concatenate(halves, axis=1)  # (u, u) or (u, 2u)
        image = axis.imshow(shown, cmap="viridis", vmin=0.0, aspect="equal", interpolation="nearest")
        if x != y:
            axis.axvline(count - 0.5, color="white", linewidth=2)
        names = [f"u{index + 1}" for index in range(0, count, step)]
        places = [half * count + index for half in range(len(halves)) for index in range(0, count, step)]
        axis.set_xticks(places, names * len(halves), fontsize=7)
        axis.set_yticks(range(0, count, step), names, fontsize=7)
        axis.tick_params(axis="x", rotation=90)
        title = f"{x} attends to itself" if x == y else f"N1: {x} attends to {y}   |   N2: {y} attends to {x}"
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("utterance attended to", fontsize=8)
        axis.set_ylabel("utterance labelled", fontsize=8)
        drawn.colorbar(image, ax=axis, shrink=0.8)
    save_figure(drawn, path)


def plot_learning(results: Sequence[Result], path: Path, *, paper: bool = True) -> None:
    """Plot Figure 2: single-task against multi-task learning over the modalities, with the paper's values as markers.

    Parameters
    ----------
    results : sequence of Result
        Systems ``cim`` and ``cim_single``; missing ones leave a gap. Error bars are standard deviations over seeds.
    path : Path
        The image file.
    paper : bool
        Whether to plot the paper's values, which are for MOSEI.
    """
    by_cell = {(result.system, result.column): result for result in results}
    panels: list[tuple[str, str, str, Any]] = [
        ("sentiment F1", "sentiment", "f1_weighted", TABLE_4_F1),
        ("sentiment accuracy", "sentiment", "accuracy", TABLE_4_ACCURACY),
        ("emotion F1", "emotion", "f1_weighted", TABLE_4_F1),
        ("emotion W-Acc", "emotion", "weighted_accuracy", TABLE_4_ACCURACY),
    ]
    if not paper:  # a corpus without emotions has no such panels
        panels = [panel for panel in panels if any(result.evaluation.get(panel[1]) for result in results)]
    drawn = new_figure(12, 3.5 * len(panels) / 2)
    axes = drawn.subplots(len(panels) // 2, 2).ravel()
    places = np.arange(len(MODALITY_COLUMNS))
    for axis, (title, task, metric, printed) in zip(axes, panels, strict=True):
        seen: list[float] = []
        for shift, learning, system, colour in ((-0.2, "STL", "cim_single", "#9aa7b8"), (0.2, "MTL", "cim", "#1f5fa8")):
            found = [by_cell.get((system, column)) for column in MODALITY_COLUMNS]
            values = [in_per_cent(one.evaluation, task, metric) if one else np.nan for one in found]
            spreads = [in_per_cent(one.spread, task, metric) if one else np.nan for one in found]
            axis.bar(
                places + shift,
                values,
                yerr=spreads,
                width=0.38,
                color=colour,
                ecolor="#555555",
                capsize=3,
                label=f"{learning}, ours",
            )
            theirs = printed[task, learning] if paper else ()
            if paper:
                mark = "kD" if learning == "STL" else "kX"
                axis.plot(places + shift, theirs, mark, markersize=5, fillstyle="none", label=f"{learning}, paper")
            whiskers = np.nan_to_num(spreads)
            seen += [*(values - whiskers), *(values + whiskers), *theirs]
        axis.set_ylim(np.nanmin(seen) - 2, np.nanmax(seen) + 2)
        axis.set_xlim(-0.6, len(places) - 0.4)
        axis.set_xticks(places, MODALITY_COLUMNS)
        axis.set_title(title)
        axis.set_ylabel("per cent")
    handles, labels = axes[0].get_legend_handles_labels()
    drawn.legend(handles, labels, fontsize=9, ncols=len(labels), loc="outside lower center")
    save_figure(drawn, path)


def in_per_cent(evaluation: Mapping[str, Any], task: str, metric: str) -> float:
    """Return a figure of an evaluation in per cent; NaN, which is not plotted, if it is missing."""
    value = figure(evaluation, task, metric)
    return np.nan if value is None else 100 * value
