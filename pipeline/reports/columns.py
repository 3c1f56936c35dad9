"""The columns of the tables: CSV, Parquet, data frames and the codebook are made from this one declaration."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS, SENTIMENT_CLASSES, SENTIMENTS
from mtmm_video.pipeline.quality import FLAGS, Quality

if TYPE_CHECKING:  # `Analysis.to_frame` calls this module
    from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance

ColumnType = Literal["text", "number", "count", "list"]
TIME_DECIMALS = 3  # of the CSV: milliseconds
NOUNS = {"happy": "happiness", "sad": "sadness"}  # where the class is called by its adjective
DECIMALS = 4  # of the CSV: probabilities and intensities


AGAIN = {"neutral": "; absent for a checkpoint of two classes"}


@dataclass(frozen=True)
class Column:
    """One column of the tables, a row being an utterance.

    Attributes
    ----------
    name : str
        The same in CSV, Parquet and data frames.
    type : str
        ``text``, ``number``, ``count`` (a whole number) or ``list`` (of names; separated by semicolons in the CSV).
    unit : str
        Unit or range.
    description : str
        For the codebook.
    value : callable
        Takes the analysis and one of its utterances; None where there is no value.
    decimals : int
        Of a number in the CSV.
    """

    name: str
    type: ColumnType
    unit: str
    description: str
    value: Callable[[Analysis, LabelledUtterance], Any]
    decimals: int = DECIMALS


def _intensity(emotion: str) -> Callable[[Analysis, LabelledUtterance], float | None]:
    def value(_analysis: Analysis, entry: LabelledUtterance) -> float | None:
        intensities = entry.prediction.emotion_intensities
        return None if intensities is None else intensities.get(emotion)

    return value


def _emotion(name: str) -> Column:
    meaning = "that none of the six emotions is present" if name == "none" else f"of {NOUNS.get(name, name)}"
    return Column(
        name,
        "number",
        "0 to 1",
        f"Probability {meaning}.",
        lambda _, entry: entry.prediction.emotion_probabilities[name],
    )


def _sentiment(name: str) -> Column:
    return Column(
        name,
        "number",
        "0 to 1",
        f"Probability of {name} sentiment, calibrated; those of all classes sum to 1{AGAIN.get(name, '')}.",
        lambda _, entry: entry.prediction.sentiment_probabilities.get(name),
    )


def _quality(field: dataclasses.Field[Any], description: str) -> Column:
    return Column(
        f"quality_{field.name}", "number", "", description, lambda _, entry: getattr(entry.quality, field.name)
    )


def _attributes_of(noun: type) -> dict[str, str]:
    """Return what the docstring of a dataclass says of each of its attributes, in one line each."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in (noun.__doc__ or "").partition("----------\n")[2].splitlines():
        text = line.strip()
        if " : " in text and len(line) - len(line.lstrip()) == 4:
            name = text.partition(" : ")[0]
            found[name] = []
        elif name and text:
            found[name].append(text)
    return {name: " ".join(lines) for name, lines in found.items()}


COLUMNS: tuple[Column, ...] = (
    Column(
        "video",
        "text",
        "",
        "Name of the video: its file name without folder and last suffix.",
        lambda a, _: a.source.name,
    ),
    Column("path", "text", "", "Path of the video as it was given.", lambda a, _: a.source.path),
    Column("index", "count", "from 0", "Position of the utterance in the video.", lambda _, e: e.utterance.index),
    Column("start", "number", "s", "Start on the container's clock.", lambda _, e: e.utterance.start, TIME_DECIMALS),
    Column("end", "number", "s", "End on the container's clock.", lambda _, e: e.utterance.end, TIME_DECIMALS),
    Column(
        "duration", "number", "s", "End less start.", lambda _, e: e.utterance.end - e.utterance.start, TIME_DECIMALS
    ),
    Column("text", "text", "", "What is said.", lambda _, e: e.utterance.text),
    Column("speaker", "text", "", "Who says it; empty where that is not known.", lambda _, e: e.utterance.speaker),
    Column(
        "sentiment",
        "text",
        ", ".join(SENTIMENT_CLASSES),
        "The most probable class of sentiment; a checkpoint of two classes (paper) knows no neutral.",
        lambda _, e: e.prediction.sentiment,
    ),
    Column(
        "uncertain",
        "count",
        "0 or 1",
        "1 where that class is less probable than --min-confidence asks for.",
        lambda _, e: int(e.uncertain),
    ),
    *(_sentiment(name) for name in SENTIMENT_CLASSES),
    Column(
        "sentiment_binary",
        "text",
        ", ".join(SENTIMENTS),
        "The paper's class: neutral counts as positive.",
        lambda _, e: e.prediction.sentiment_binary,
    ),
    Column(
        "positive_binary",
        "number",
        "0 to 1",
        "Probability of the paper's positive: that of neutral and that of positive together.",
        lambda _, e: e.prediction.positive_binary,
    ),
    Column(
        "sentiment_intensity",
        "number",
        "-3 to 3",
        "Strongly negative to strongly positive; absent for a checkpoint without intensity heads.",
        lambda _, e: e.prediction.sentiment_intensity,
    ),
    *(_emotion(name) for name in EMOTION_CLASSES),
    *(
        Column(
            f"{name}_intensity",
            "number",
            "0 to 3",
            f"Strength of {NOUNS.get(name, name)}; absent as above.",
            _intensity(name),
        )
        for name in EMOTIONS
    ),
    Column(
        "emotions",
        "list",
        "",
        "Emotions above the thresholds of the checkpoint, most probable first; empty means none.",
        lambda _, e: e.prediction.emotions,
    ),
    Column(
        "flags",
        "list",
        ", ".join(FLAGS),
        "What limits the measurement of the utterance, see docs/report.md.",
        lambda _, e: e.flags,
    ),
    Column(
        "modalities",
        "list",
        "text, acoustic, visual",
        "What the labels rest on.",
        lambda _, e: e.prediction.modalities_used,
    ),
    *(_quality(field, _attributes_of(Quality)[field.name]) for field in dataclasses.fields(Quality)),
)


def codebook() -> str:
    """Return the codebook of the tables as Markdown."""
    rows = [f"| `{column.name}` | {column.type} | {column.unit} | {column.description} |" for column in COLUMNS]
    return "\n".join(
        [
            "# Columns of the tables",
            "",
            "Made by `mtmm-video columns --markdown > docs/columns.md`; a test compares the two. A row is",
            "an utterance.",
            "CSV, Parquet and `Analysis.to_frame()` have the same columns in this order; `utterances.csv` and",
            "`utterances.parquet` of a folder have the rows of all its videos. An empty cell (null, NaN)",
            "was not measured.",
            "In the CSV a list's names are separated by semicolons, and a text that a spreadsheet would run",
            "as a formula",
            "(it begins with `=`, `+`, `-`, `@`, a tab or a carriage return) has an apostrophe before it;",
            "`--csv-raw` leaves",
            "it out. A report's own Parquet file also has the features, as `modality.column`.",
            "",
            "| column | type | unit or range | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )
