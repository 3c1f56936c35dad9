"""What can be made from the corpora, by the names of ``mtmm-video train NAME``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.training import facet, paper, plus_stages
from mtmm_video.pipeline.training.stages import Stage

Model = Literal["plus", "paper", "facet"]


def stages_of(model: str, *, data: Path, seeds: Sequence[int] | None = None) -> list[Stage]:
    """Return the stages of a model.

    Parameters
    ----------
    model : str
        ``plus``, ``paper``, or ``facet``, the maps from faces to FACET's columns.
    data : Path
        Folder of the corpora, see docs/plus.md.
    seeds : sequence of int, optional
        Of the checkpoints, instead of 1 to 5; `facet` has none.

    Raises
    ------
    InputError
        If there is no model of that name.
    """
    if model == "plus":
        return plus_stages.plus_stages(data, seeds=seeds or plus_stages.SEEDS)
    if model == "paper":
        return paper.paper_stages(data, seeds=seeds or paper.SEEDS)
    if model == "facet":
        return facet.facet_stages(data)
    raise InputError(f"no model named {model!r} is made from the corpora; choose one of {', '.join(get_args(Model))}")
