"""All finished runs as Markdown: the paper's Tables 4 and 7 and further metrics, with deviations and tests."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mtmm_video.model.features import Modality
from mtmm_video.model.paper.bootstrap import HEADLINES
from mtmm_video.model.paper.comparison import Comparison, EvaluatedRun, grouped, mean, over_seeds, spread
from mtmm_video.model.paper.results import TABLE_7_P
from mtmm_video.model.paper.systems import WORD_BY_WORD
from mtmm_video.model.paper.tables import (
    ABSENT,
    CONSTANT,
    PROTOCOL,
    Result,
    figure,
    markdown,
    percent,
    table_4,
    table_7,
)

# Columns of the overview per task: heading and key of an evaluation.
OVERVIEW = {
    "sentiment": (
        ("F1", "f1_weighted"),
        ("Acc", "accuracy"),
        ("macro F1", "f1_macro"),
        ("AUROC", "auroc"),
        ("calibration error", "calibration_error"),
    ),
    "emotion": (
        ("F1", "f1_weighted"),
        ("W-Acc", "weighted_accuracy"),
        ("macro F1", "f1_macro"),
        ("AUROC", "auroc"),
        ("calibration error", "calibration_error"),
    ),
}
TABLE_7_FIGURES = ("emotion.f1_weighted", "emotion.weighted_accuracy", "sentiment.f1_weighted", "sentiment.accuracy")


def results_of(runs: Sequence[EvaluatedRun]) -> list[Result]:
    """Return mean and standard deviation over seeds of every system on every set of modalities."""
    found = []
    for (system, modalities), members in grouped(runs).items():
        evaluations = [run.evaluation for run in members]
        found.append(
            Result(
                system=system,
                modalities=modalities,
                evaluation=over_seeds(evaluations, mean),
                spread=over_seeds(evaluations, spread) if len(members) > 1 else {},
                seeds=len(members),
                cpu_seconds=mean([run.cpu_seconds for run in members]),
            )
        )
    return found


def document(
    runs: Sequence[EvaluatedRun],
    comparisons: Sequence[Comparison],
    *,
    tables: Collection[int],
    paper: bool,
    heading: str = "##",
    width: int | None = None,
    learning_figure: str | None = None,
) -> str:
    """Format the finished runs of one table and split as a Markdown document.

    Parameters
    ----------
    runs : sequence of EvaluatedRun
        Of every system and seed.
    comparisons : sequence of Comparison
        From `model.paper.comparison.compare`.
    tables : collection of int
        Of 4 and 7.
    paper : bool
        Whether to add the paper's figures in brackets.
    heading : str
        Markdown prefix of every title.
    width : int or None
        See `table_7`.
    learning_figure : str or None
        Address of the image of Figure 2, which then follows Table 4.
    """
    results = results_of(runs)
    every = max((result.modalities for result in results), key=len)
    ours = "ours (paper)" if paper else "ours"
    parts = [PROTOCOL] if paper else []
    if 4 in tables:
        parts += [f"{heading} Table 4, {ours}", table_4(results, paper=paper)]
        parts += [f"![Figure 2]({learning_figure})"] if learning_figure is not None else []
    if 7 in tables:
        # The words of a table may have fewer modalities than its utterances, as MOSI's.
        shown = [result for result in results if result.modalities == every or result.system in WORD_BY_WORD]
        tests = significance_rows(comparisons, modalities=every, paper=paper)
        parts += [f"{heading} Table 7, {ours}", table_7(shown, paper=paper, tests=tests, width=width)]
    parts += [overview(results, task, heading=heading) for task in OVERVIEW if any(r.evaluation[task] for r in results)]
    if comparisons:
        parts += [f"{heading} `{comparisons[0].system}` against the others", comparison_table(comparisons)]
    return "\n\n".join(parts)


def significance_rows(
    comparisons: Sequence[Comparison], *, modalities: tuple[Modality, ...], paper: bool
) -> list[list[str]]:
    """Return the last rows of Table 7: p-values of t-tests paired by seed, with the paper's in brackets."""
    rows = []
    for against, printed in TABLE_7_P.items():
        found = {
            entry.figure: entry.paired_p
            for entry in comparisons
            if entry.against == against and entry.modalities == modalities
        }
        if found:
            values = [probability(found.get(name)) for name in TABLE_7_FIGURES]
            cells = [f"{ours} ({theirs:.4f})" if paper else ours for ours, theirs in zip(values, printed, strict=True)]
            rows.append([f"p, cim against {against}", *cells])
    return rows


def overview(results: Sequence[Result], task: str, *, heading: str) -> str:
    """Format mean ± standard deviation over seeds of one task's figures, the constant prediction first."""
    header = ["system", "on", "seeds", *(title for title, _ in OVERVIEW[task]), "CPU s"]
    trivial = next(result.evaluation[task]["trivial"] for result in results if result.evaluation[task])
    rows = [[CONSTANT, "", "", *(percent(trivial.get(key)) for _, key in OVERVIEW[task]), ""]]
    for result in results:
        if not result.evaluation[task]:
            continue
        cells = []
        for _, key in OVERVIEW[task]:
            sd = figure(result.spread, task, key)
            cells.append(
                percent(figure(result.evaluation, task, key)) + (f" ± {100 * sd:.1f}" if sd is not None else "")
            )
        seconds = ABSENT if result.cpu_seconds is None else f"{result.cpu_seconds:.0f}"
        rows.append([result.system, result.column, str(result.seeds), *cells, seconds])
    return f"{heading} Every system, {task}, mean ± standard deviation over seeds\n\n{markdown(header, rows)}"


def comparison_table(comparisons: Sequence[Comparison]) -> str:
    """Format differences in percentage points, with the p-values of both tests."""
    header = ["against", "on", "figure", "difference", "95 % over videos", "p over videos"]
    header += ["seeds", "p over seeds, paired", "p over seeds, Welch"]
    rows = []
    for entry in sorted(comparisons, key=lambda one: (HEADLINES.index(one.figure), len(one.modalities))):
        low, high = (100 * value for value in entry.interval)
        rows.append(
            [
                *(entry.against, Result("", entry.modalities, {}).column, entry.figure.replace(".", " ")),
                *(f"{100 * entry.difference:+.2f}", f"{low:+.2f} to {high:+.2f}", probability(entry.videos_p)),
                *(str(entry.seeds), probability(entry.paired_p), probability(entry.welch_p)),
            ]
        )
    return markdown(header, rows)


def probability(value: float | None) -> str:
    """Format a p-value with four decimals, as in the paper."""
    if value is None:
        return ABSENT
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
