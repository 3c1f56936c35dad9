"""The stages of the maps to FACET's columns: measurements, the two maps, and their figures on people left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import save_file

from mtmm_video.extractors.visual.calibration import EXPRESSIONS, ActionUnitMap
from mtmm_video.extractors.visual.measurements import block
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES
from mtmm_video.foundation.files import write_text
from mtmm_video.pipeline.training.action_units import (
    Array,
    Person,
    facet_rows,
    fit_level,
    fit_movement,
    left_out_correlations,
    person,
)
from mtmm_video.pipeline.training.expressions import fit_expressions, left_out_figures, mean_evidence
from mtmm_video.pipeline.training.face_measurements import (
    LANDMARKER,
    Photographs,
    read_video_measurements,
    write_photographs,
    write_videos,
)
from mtmm_video.pipeline.training.stages import Stage, StageRun

MEASUREMENTS_VERSION = "measurements/2"  # of extractors.visual.measurements, and of how frames are chosen
TALKING_RATE = 5.0  # frames per second of the MOSEI videos that the shift of the expressions is fitted on
COMMAND = "mtmm-video train facet"


def read_facet(folder: Path) -> dict[str, tuple[Array, Array]]:
    """Return `facet_rows` of every file of a folder, by video."""
    return {path.name.removesuffix(".csv.gz"): facet_rows(path) for path in sorted(folder.glob("*.csv.gz"))}


def read_people(run: StageRun, facet: Mapping[str, tuple[Array, Array]]) -> list[Person]:
    """Return the measured videos, paired with their FACET rows."""
    return [
        person(video, starts=facet[video.name][0], units=facet[video.name][1])
        for video in read_video_measurements(run.inputs["video-frames"])
    ]


def corpus_columns(path: Path) -> pd.DataFrame:
    """Return mean and standard deviation of FACET's columns over CMU-MOSEI, by name."""
    return pd.read_csv(path).set_index("name")


def write_action_units(run: StageRun) -> None:
    """Stage: the action units' map, as `extractors.visual.calibration` reads it."""
    facet = read_facet(run.sources["facet"])
    people = read_people(run, facet)
    photographs = Photographs.load(run.inputs["photographs"])
    neutral = photographs.sharp[np.array(photographs.emotions) == "neutral"][:, block("shapes")]
    columns = corpus_columns(run.sources["columns"]).loc[list(ACTION_UNIT_NAMES)]
    fitted = ActionUnitMap(
        movement=fit_movement(people, [units for _, units in facet.values()]).astype(np.float32),
        level=fit_level(people).astype(np.float32),
        neutral=np.median(neutral, axis=0).astype(np.float32),
        mean=columns["mean"].to_numpy(np.float32),
        deviation=columns["std"].to_numpy(np.float32),
    )
    left_out = left_out_correlations(people, {name: units for name, (_, units) in facet.items()}).loc["mean"]
    names = ", ".join(one.name for one in people)
    save_map(
        run.output,
        vars(fitted),
        data=f"CMU-MOSEI videos {names} with FACET 4.2; neutral photographs of data/faces",
        left_out_r=json.dumps({"frame": round(left_out["frame"], 3), "5 s": round(left_out["5 s"], 3)}),
    )


def write_expressions(run: StageRun) -> None:
    """Stage: the expressions' map, as `extractors.visual.calibration` reads it."""
    model = fit_expressions(Photographs.load(run.inputs["photographs"]))
    videos = read_video_measurements(run.inputs["video-frames-5"])
    wanted = corpus_columns(run.sources["columns"]).loc[list(EXPRESSIONS), "mean"].to_numpy()
    shift = (wanted - mean_evidence(model, videos)).astype(np.float32)
    save_map(
        run.output,
        {**vars(model), "shift": shift},
        data="muxspace/facial_expressions photographs; shift from three CMU-MOSEI videos",
    )


def save_map(path: Path, arrays: Mapping[str, NDArray[np.float32]], **metadata: str) -> None:
    """Write the arrays of a map with what it was fitted on."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(contiguous, path, metadata={"command": COMMAND, **metadata})


def write_marks(run: StageRun) -> None:
    """Stage: the figures of docs/visual.md on people left out, as Markdown."""
    facet = read_facet(run.sources["facet"])
    correlations = left_out_correlations(read_people(run, facet), {name: units for name, (_, units) in facet.items()})
    figures = left_out_figures(Photographs.load(run.inputs["photographs"]))
    text = "\n".join(
        [
            "# The maps to FACET's columns, on people left out",
            "",
            "Action units: Pearson's r with FACET 4.2, fitted on the other videos.",
            "",
            markdown(correlations),
            "",
            "Expressions: photographs of people in none of the other folds.",
            "",
            markdown(figures),
            "",
        ]
    )
    write_text(run.output, text)


def markdown(table: pd.DataFrame) -> str:
    """Return a table of figures as Markdown, two decimals."""
    rows = [f"| | {' | '.join(table.columns)} |", "|---" * (len(table.columns) + 1) + "|"]
    for name, row in zip(table.index, table.to_numpy(), strict=True):
        rows.append(f"| {name} | {' | '.join(f'{value:.2f}' for value in row)} |")
    return "\n".join(rows)


def facet_stages(data: Path) -> list[Stage]:
    """Return the stages of the maps.

    Parameters
    ----------
    data : Path
        The folder that holds ``faces``, ``mosei/video``, ``mosei/facet`` and ``mosei/feature_names_mean_std.csv``.
    """
    mosei = data / "mosei"
    video, facet, columns = mosei / "video", mosei / "facet", mosei / "feature_names_mean_std.csv"
    measured = [
        Stage(
            "video-frames",
            "video-frames.safetensors",
            write_videos,
            sources={"video": video},
            weights=(LANDMARKER,),
            settings={"rate": None},
            versions=(MEASUREMENTS_VERSION,),
        ),
        Stage(
            "video-frames-5",
            "video-frames-5.safetensors",
            write_videos,
            sources={"video": video},
            weights=(LANDMARKER,),
            settings={"rate": TALKING_RATE},
            versions=(MEASUREMENTS_VERSION,),
        ),
    ]
    return [
        Stage(
            "photographs",
            "photographs.safetensors",
            write_photographs,
            sources={"faces": data / "faces"},
            weights=(LANDMARKER,),
            settings={"seed": 0},
            versions=(MEASUREMENTS_VERSION,),
        ),
        *measured,
        Stage(
            "action-units",
            "action_units.safetensors",
            write_action_units,
            needs=("photographs", "video-frames"),
            sources={"facet": facet, "columns": columns},
            versions=("action-units/1",),
        ),
        Stage(
            "expressions",
            "expressions.safetensors",
            write_expressions,
            needs=("photographs", "video-frames-5"),
            sources={"columns": columns},
            versions=("expressions/1",),
        ),
        Stage(
            "facet-marks",
            "facet-marks.md",
            write_marks,
            needs=("photographs", "video-frames"),
            sources={"facet": facet},
            versions=("marks/1",),
        ),
    ]
