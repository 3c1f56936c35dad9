"""What a notebook shows of an analysis: a short table."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `Analysis._repr_html_` calls this module
    from mtmm_video.pipeline.analysis import Analysis

ROWS = 20  # utterances that are shown; `to_frame` has all


def to_notebook_html(analysis: Analysis) -> str:
    """Return a table of the first utterances as HTML, all text escaped.

    Parameters
    ----------
    analysis : Analysis
    """
    head = "".join(f"<th>{name}</th>" for name in ("time (s)", "text", "sentiment", "emotions", "flags"))
    rows = []
    for entry in analysis.utterances[:ROWS]:
        utterance, prediction = entry.utterance, entry.prediction
        share = prediction.sentiment_probabilities[prediction.sentiment]
        cells = (
            f"{utterance.start:.1f}-{utterance.end:.1f}",
            utterance.text,
            f"{prediction.sentiment} {share:.2f}",
            ", ".join(f"{name} {prediction.emotion_probabilities[name]:.2f}" for name in prediction.emotions),
            ", ".join(entry.flags),
        )
        rows.append("<tr>" + "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in cells) + "</tr>")
    left = len(analysis.utterances) - ROWS
    more = f"<p>and {left} more: <code>to_frame()</code> has all.</p>" if left > 0 else ""
    notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in analysis.notes)
    title = f"{escape(analysis.source.name)} ({analysis.source.duration:.1f} s, {len(analysis.utterances)} utterances)"
    return f"<p><b>{title}</b></p><table><tr>{head}</tr>{''.join(rows)}</table>{more}{notes}"
