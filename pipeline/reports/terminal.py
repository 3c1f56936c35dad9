"""The table of utterances printed on the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from mtmm_video.foundation.names import printable
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.reports.speakers import shown_speakers

ROWS_SHOWN = 40  # about a screen; the rest is in the reports
LONGEST_WORD = 14  # characters of a word that is kept whole
NARROW = 18  # characters of the columns that leave their room to the text
SENTIMENT_STYLES = {"negative": "red", "neutral": "default", "positive": "green"}
UNCERTAIN_STYLE = "dim"


def utterance_table(analysis: Analysis, *, rows: int = ROWS_SHOWN) -> Table:
    """Make a rich table of the first `rows` utterances.

    Parameters
    ----------
    analysis : Analysis
    rows : int
        Number of utterances to show; the caption has the number of further ones.

    Returns
    -------
    rich.table.Table
    """
    total = len(analysis.utterances)
    table = Table(
        title=escape(f"{printable(analysis.source.name)} ({analysis.source.duration:.1f} s)"),
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("time (s)", justify="right", no_wrap=True)
    speakers = shown_speakers(analysis)
    if speakers:
        table.add_column("speaker")
    # On a narrow terminal the other columns wrap between words before a word of the text is cut.
    table.add_column("text", min_width=LONGEST_WORD, overflow="fold")
    table.add_column("sentiment", min_width=len("sentiment"))
    table.add_column("emotions", min_width=len("emotions"), max_width=NARROW)
    flagged = any(labelled.flags for labelled in analysis.utterances[:rows])
    if flagged:
        table.add_column("flags", min_width=len("confidence"), max_width=NARROW)
    for labelled in analysis.utterances[:rows]:
        time, *cells = _cells(labelled)
        name = [escape(printable(labelled.utterance.speaker or ""))] if speakers else []
        table.add_row(time, *name, *(cells if flagged else cells[:-1]))
    caption = [*analysis.notes]
    if total > rows:
        caption.insert(0, f"{total - rows} more utterances are in the reports.")
    if total == 0:
        caption.insert(0, "No utterance: nothing was said.")
    if caption:
        table.caption = escape("\n".join(map(printable, caption)))
        table.caption_justify = "left"
    return table


def _cells(labelled: LabelledUtterance) -> tuple[str, ...]:
    utterance, prediction = labelled.utterance, labelled.prediction
    style, name = SENTIMENT_STYLES[prediction.sentiment], prediction.sentiment
    if labelled.uncertain:
        style, name = UNCERTAIN_STYLE, f"{name}?"
    emotions = ", ".join(f"{name} {prediction.emotion_probabilities[name]:.2f}" for name in prediction.emotions)
    return (
        f"{utterance.start:.1f}-{utterance.end:.1f}",
        escape(printable(utterance.text)),
        f"[{style}]{name}[/] {prediction.confidence:.2f}",
        emotions or "none",
        ", ".join(labelled.flags).replace("_", " "),
    )
