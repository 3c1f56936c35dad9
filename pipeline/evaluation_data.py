"""Making a table fit a checkpoint: its transcripts go through the text extractor that the checkpoint was trained on."""

from __future__ import annotations

from dataclasses import replace

from foundation.errors import CheckpointError
from model.specification import Specification
from model.table import UtteranceTable
from pipeline import weights
from pipeline.text_features import text_features


def fit_text(table: UtteranceTable, specification: Specification) -> UtteranceTable:
    """Compute the text columns that a checkpoint takes, from the table's transcripts, where the table has others.

    Parameters
    ----------
    table : UtteranceTable
        Rows to be labelled.
    specification : Specification
        Of the checkpoint.

    Returns
    -------
    UtteranceTable
        The table itself where its text columns fit already, or the checkpoint takes no text.

    Raises
    ------
    CheckpointError
        If the table has other text columns and no transcripts to compute them from.
    WeightsError
        If a weight that the extractor needs is not on this machine.
    """
    columns = specification.columns.get("text")
    have = table.modalities.get("text")
    if columns is None or (have is not None and have.version == columns.version):
        return table
    if not any(table.texts):
        raise CheckpointError(
            f"the checkpoint takes text features {columns.version!r}, the table has "
            f"{have.version if have else 'none'!r} and no transcripts to compute them from; train on this table instead"
        )
    needs_sentences = any(name.startswith("minilm_") for name in columns.names)
    computed = text_features(
        table.texts,
        columns=columns.names,
        glove=weights.resolve("glove-6b-50d"),
        sentence=weights.resolve("minilm-l6-v2") if needs_sentences else None,
    )
    return replace(table, modalities={**table.modalities, "text": computed.features})
