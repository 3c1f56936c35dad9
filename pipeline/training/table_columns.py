"""Making a table fit a checkpoint: text columns are computed from transcripts, voice columns of a table are absent."""

from __future__ import annotations

from dataclasses import replace

from mtmm_video.extractors.acoustic.columns import VOICE_VERSION
from mtmm_video.foundation.cores import available_cores
from mtmm_video.foundation.errors import CheckpointError
from mtmm_video.model.features import JOINER, hstack
from mtmm_video.model.specification import Specification
from mtmm_video.model.table import UtteranceTable
from mtmm_video.pipeline.text_features import SENTENCE, text_features
from mtmm_video.pipeline.voice_features import no_voice
from mtmm_video.pipeline.weights import resolution
from mtmm_video.pipeline.weights.ctranslate2_form import sentence_form


def fit_table(table: UtteranceTable, specification: Specification) -> UtteranceTable:
    """Give a table the columns that a checkpoint takes.

    Text columns are computed from the transcripts where the table has others. Voice columns are added as absent ones
    where the table has COVAREP's alone: MOSEI's and MOSI's COVAREP means are to be had without the sound.

    Parameters
    ----------
    table : UtteranceTable
        Rows to be labelled.
    specification : Specification
        Of the checkpoint.

    Returns
    -------
    UtteranceTable
        The table itself where its columns fit already.

    Raises
    ------
    CheckpointError
        If the table has other text columns and no transcripts to compute them from.
    WeightsError
        If a weight that the extractor needs is not on this machine.
    """
    return _fit_acoustic(_fit_text(table, specification), specification)


def _fit_acoustic(table: UtteranceTable, specification: Specification) -> UtteranceTable:
    columns = specification.columns.get("acoustic")
    have = table.modalities.get("acoustic")
    if columns is None or have is None or columns.version != JOINER.join([have.version, VOICE_VERSION]):
        return table
    return replace(table, modalities={**table.modalities, "acoustic": hstack([have, no_voice(len(have.values))])})


def _fit_text(table: UtteranceTable, specification: Specification) -> UtteranceTable:
    columns = specification.columns.get("text")
    have = table.modalities.get("text")
    if columns is None or (have is not None and have.version == columns.version):
        return table
    if not any(table.texts):
        raise CheckpointError(
            f"the checkpoint takes text features {columns.version!r}, the table has "
            f"{have.version if have else 'none'!r} and no transcripts to compute them from; train on this table instead"
        )
    computed = text_features(
        table.texts,
        extractors=columns.extractors,
        glove=resolution.resolve("glove-6b-50d"),
        sentence=sentence_form(SENTENCE) if SENTENCE in columns.extractors else None,
        threads=available_cores(),
    )
    return replace(table, modalities={**table.modalities, "text": computed.features})
