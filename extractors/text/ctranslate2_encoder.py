"""The tuned sentence encoder with CTranslate2: the vectors of the torch network in about half the time and memory.

Source: the CTranslate2 library, https://opennmt.net/CTranslate2.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import ctranslate2
import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.text.mpnet import FIRST_POSITION
from mtmm_video.extractors.text.names import DELTA, FROZEN_VERSION, VOCABULARY_FILE
from mtmm_video.extractors.text.sentence_encoder import SentenceEncoder, delta_version
from mtmm_video.extractors.text.word_pieces import WordPieces
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.foundation.loading import keeping_one

COMPUTE_TYPE: Final = "float32"  # see `pipeline.weights.ctranslate2_form`


@keeping_one
def load_sentence_encoder(form: Path, *, threads: int) -> SentenceEncoder:
    """Load the encoder that analyses use, once per process.

    Parameters
    ----------
    form : Path
        Folder with ``model.bin``, ``config.json``, ``vocabulary.json`` and ``vocab.txt``, see
        `pipeline.weights.ctranslate2_form.sentence_form`.
    threads : int
        Processor threads that one batch takes; the vectors do not depend on them.

    Raises
    ------
    WeightsError
        If a file is missing or damaged.
    """
    try:
        encoder = ctranslate2.Encoder(str(form), device="cpu", compute_type=COMPUTE_TYPE, intra_threads=threads)
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{form}: not a sentence encoder of CTranslate2 ({error}); delete the folder") from error

    def network(rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        places = [list(range(FIRST_POSITION, FIRST_POSITION + len(row))) for row in rows]
        found = encoder.forward_batch([list(row) for row in rows], token_type_ids=places)
        last = np.asarray(found.last_hidden_state)  # (rows, longest, 768)
        return np.stack([states[: len(row)].mean(axis=0) for row, states in zip(rows, last, strict=True)])

    version = f"{FROZEN_VERSION}+{delta_version(DELTA)}"
    return SentenceEncoder(network, WordPieces.load(form / VOCABULARY_FILE), version=version)
