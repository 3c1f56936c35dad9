"""What a flow run shows in the Prefect UI: its progress, its utterances, where the reports lie, an event at the end.

Only on a server of the user's own: the private API of a single command has no UI.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.events import emit_event

from mtmm_video.flows.prefect_api import has_own_server
from mtmm_video.flows.progress import STEPS
from mtmm_video.model.labels import SENTIMENT_CLASSES
from mtmm_video.pipeline.analysis import Analysis

REPORT_READY = "mtmm-video.report.ready"  # name of the event; automations can send a webhook on it
KEY_DIGITS = 12  # of the content hash in artifact keys: the same video keeps one line of history in the UI


class ObservedRun:
    """Progress of one video in the Prefect UI."""

    def __init__(self, *, content: str, name: str) -> None:
        self._progress: UUID | None = None
        if has_own_server():
            key = f"progress-{content[:KEY_DIGITS]}"
            made = create_progress_artifact(0.0, key=key, description=f"Analysis of {name}")
            assert isinstance(made, UUID)  # a coroutine only where an event loop runs
            self._progress = made

    def finished(self, step: str) -> None:
        """Note that a step is done, and with it those before it that the options leave out."""
        if self._progress is not None:
            names = list(STEPS)
            done = sum(STEPS[name][1] for name in names[: names.index(step) + 1])
            update_progress_artifact(self._progress, round(100.0 * done, 1))


def show_analysis(analysis: Analysis, reports: dict[str, Path]) -> None:
    """Show the utterances and reports of a finished analysis in the Prefect UI, and say that they are ready.

    Parameters
    ----------
    analysis : Analysis
    reports : dict of str to Path
        The files written, by format.
    """
    if not has_own_server():
        return
    source = analysis.source
    key = source.sha256[:KEY_DIGITS]
    create_table_artifact(
        [
            {
                "time (s)": f"{entry.utterance.start:.1f}-{entry.utterance.end:.1f}",
                "text": entry.utterance.text,
                "sentiment": entry.prediction.sentiment,
                "emotions": ", ".join(entry.prediction.emotions),
                "flags": ", ".join(entry.flags),
            }
            for entry in analysis.utterances
        ],
        key=f"utterances-{key}",
        description=f"Utterances of {source.name} ({source.duration:.1f} s)",
    )
    # Browsers refuse to follow a link from a page of a server to a file: the paths stand in the text.
    files = "\n".join(f"* {name}: `{path.resolve()}`" for name, path in reports.items())
    text = f"# {source.name}\n\n{source.duration:.1f} s, {len(analysis.utterances)} utterances\n\n{files}\n"
    if analysis.notes:
        text += "\n" + "\n".join(f"> {note}" for note in analysis.notes) + "\n"
    create_markdown_artifact(text, key=f"report-{key}", description=f"Report of {source.name}")
    emit_event(
        event=REPORT_READY,
        resource={"prefect.resource.id": f"mtmm-video.video.{source.sha256}", "prefect.resource.name": source.name},
        payload={
            "video": source.path,
            "reports": {name: str(path.resolve()) for name, path in reports.items()},
            "utterances": len(analysis.utterances),
            **{
                name: sum(entry.prediction.sentiment == name for entry in analysis.utterances)
                for name in SENTIMENT_CLASSES
            },
        },
    )
