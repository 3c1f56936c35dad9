"""The graph of steps: what an analysis does, in which order, and what each step needs, as data.

The plain pipeline (`pipeline.run`) and the flow (`flows.analyze_flow`) both run this graph; `pipeline.steps` has the
function behind each name. The module imports no numeric library, so that progress displays can read it at once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of an analysis.

    Attributes
    ----------
    name : str
        Its artefact and its record in the provenance carry this name.
    needs : tuple of str
        Earlier steps whose artefacts it reads. Their identity is part of this step's own.
    description : str
        What it does, as progress displays say it.
    share : float
        Of an analysis's time, in [0, 1]; from docs/performance.md.
    gpu : bool
        Whether it uses a graphics processor where there is one.
    threads : int
        The most processor cores that it can use.
    apart : bool
        Whether it runs in a process of its own where there are cores to share: its loop over small arrays is Python's,
        of which one thread runs at a time.
    """

    name: str
    needs: tuple[str, ...]
    description: str
    share: float
    gpu: bool = False
    threads: int = 1
    apart: bool = False


# In topological order: a step stands after all that it needs.
STEPS: tuple[Step, ...] = (
    Step("media", (), "probing the file", 0.0),
    Step("speech", ("media",), "detecting speech", 0.03),
    Step("transcript", ("media", "speech"), "recognising words", 0.24, gpu=True, threads=4),
    Step("speakers", ("media", "speech"), "diarising speakers", 0.12),
    Step("utterances", ("media", "transcript", "speakers"), "segmenting utterances", 0.0),
    Step("acoustic", ("media",), "measuring the voice", 0.23),
    Step("voice", ("media", "utterances"), "encoding how it is said", 0.04, gpu=True, threads=4),
    Step("visual", ("media",), "tracking faces", 0.28, apart=True),
    Step("text", ("utterances",), "encoding the words", 0.05, threads=2),
    Step(
        "features",
        ("media", "speech", "speakers", "utterances", "acoustic", "voice", "visual", "text"),
        "averaging",
        0.0,
    ),
    Step("prediction", ("features",), "labelling", 0.01),
)
GOAL = "prediction"  # the step that an analysis is run for


def steps_towards(goal: str = GOAL) -> tuple[Step, ...]:
    """Return the steps that a goal needs, directly or through others, and the goal itself, in topological order."""
    needed = {goal}
    for step in reversed(STEPS):
        if step.name in needed:
            needed |= set(step.needs)
    return tuple(step for step in STEPS if step.name in needed)
