"""Making the tables that `plus` is trained on, one safetensors file a corpus. Slow, so each is made once.

Run as ``python -m mtmm_video.pipeline.training.tables``; see docs/plus.md.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.model.features import hstack
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.corpora.faces import faces_table, joined_text, photograph_tracks
from mtmm_video.pipeline.corpora.mosei_labels import prepare_labels
from mtmm_video.pipeline.corpora.mosi import FILE as MOSI_FILE
from mtmm_video.pipeline.corpora.mosi import prepare_mosi
from mtmm_video.pipeline.corpora.ravdess import ravdess_table
from mtmm_video.pipeline.job import VOICE_WEIGHTS
from mtmm_video.pipeline.training.mixture import attach_facet, with_modality
from mtmm_video.pipeline.voice_features import no_voice
from mtmm_video.pipeline.weights.resolution import resolve

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
    table = with_modality(table, "acoustic", hstack([table.modalities["acoustic"], no_voice(len(table))]))
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
