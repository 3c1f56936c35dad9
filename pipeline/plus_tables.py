"""Making the tables that `plus` is trained on, one safetensors file a corpus. Slow, so each is made once.

Run as ``python -m pipeline.plus_tables``; see docs/plus.md.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from extractors.text import GloveVectors
from model.features import beside
from model.table import UtteranceTable
from pipeline.job import VOICE_WEIGHTS
from pipeline.mosei_labels import prepare_labels
from pipeline.mosi_table import FILE as MOSI_FILE
from pipeline.mosi_table import prepare_mosi
from pipeline.plus_corpora import faces_table, joined_text, photograph_tracks
from pipeline.plus_mixture import attach_facet, with_modality
from pipeline.plus_voices import ravdess_table
from pipeline.voice_features import no_voice
from pipeline.weights import resolve

LOGGER = logging.getLogger(__name__)
RAVDESS_VALID = ("R21", "R22", "R23", "R24")  # two men, two women: the folds of docs/plus.md go over all speakers


def mosei_table(data: Path, *, glove: Path, sentence: Path) -> UtteranceTable:
    """Make MOSEI's table: joined text columns, and genuine FACET units where there are some.

    Parameters
    ----------
    data : Path
        The folder that holds ``mosei/labels`` and ``mosei/facet``.
    glove, sentence : Path
        Weights of the text features.
    """
    labels = data / "mosei" / "labels"
    table = prepare_labels(labels, glove=GloveVectors.load(glove))
    text = joined_text(table.texts, glove=glove, sentence=sentence)
    return attach_facet(replace(table, modalities={"text": text}), data / "mosei" / "facet", labels=labels)


def mosi_table(data: Path, *, glove: Path, sentence: Path) -> UtteranceTable:
    """Make MOSI's table: joined text columns, and its real COVAREP means; the arguments are `mosei_table`'s.

    The voice columns are absent: nobody here has MOSI's sound.
    """
    table = prepare_mosi(data / "mosi" / MOSI_FILE, glove=GloveVectors.load(glove))
    table = with_modality(table, "acoustic", beside([table.modalities["acoustic"], no_voice(len(table))]))
    return with_modality(table, "text", joined_text(table.texts, glove=glove, sentence=sentence))


def make_tables(data: Path, *, out: Path) -> None:
    """Make the tables that are not there yet.

    Parameters
    ----------
    data : Path
        ``../shared/data``.
    out : Path
        Folder of the tables; remove one to make it anew.

    Raises
    ------
    DataError, WeightsError
        If a corpus or a weight is missing.
    """
    glove, sentence, whisper = resolve("glove-6b-50d"), resolve("minilm-l6-v2"), resolve(VOICE_WEIGHTS)

    def faces() -> UtteranceTable:
        folder = data / "faces"
        return faces_table(folder, tracks=photograph_tracks(folder, landmarker=resolve("face-landmarker")))

    makers: dict[str, Callable[[], UtteranceTable]] = {
        "mosei": lambda: mosei_table(data, glove=glove, sentence=sentence),
        "mosi": lambda: mosi_table(data, glove=glove, sentence=sentence),
        "faces": faces,
        "ravdess": lambda: ravdess_table(data / "ravdess", valid_speakers=RAVDESS_VALID, model=whisper),
    }
    for name, make in makers.items():
        path = out / f"{name}.safetensors"
        if path.is_file():
            continue
        table = make()
        table.save(path)
        LOGGER.info(
            "%s: %d videos, %d utterances, %s", path, len(table.video_ids), len(table), ", ".join(table.modalities)
        )


def main() -> None:
    """Command line: see docs/plus.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds mosei, mosi, ravdess, faces")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    make_tables(arguments.data, out=arguments.out)


if __name__ == "__main__":
    main()
