"""The Parquet report: the data frame with all features, and the provenance in the file's metadata."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import TYPE_CHECKING

from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.columns import COLUMNS
from mtmm_video.pipeline.reports.frame import to_frame

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

METADATA_KEY = b"mtmm_video"  # JSON: source, provenance, notes and the versions of the features


def to_parquet(analysis: Analysis) -> bytes:
    """Serialise an analysis as Parquet.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    bytes
        The columns of ``to_frame(analysis, features=True)``; lists of names are Parquet lists of strings.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - slow to import, and only this format needs it

    table = table_of(to_frame(analysis, features=True))
    origin = {
        "source": dataclasses.asdict(analysis.source),
        "notes": analysis.notes,
        "feature_versions": {name: means.version for name, means in analysis.features.modalities.items()},
        "provenance": dataclasses.asdict(analysis.provenance),
    }
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA_KEY: json.dumps(origin).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def table_of(frame: pd.DataFrame) -> pa.Table:
    """Return a data frame of `to_frame` as an Arrow table; lists of names are lists of strings."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    # The types of columns of None, and of all columns of a table without rows, cannot be inferred.
    types = {"text": pa.string(), "list": pa.list_(pa.string())}
    given = {column.name: types[column.type] for column in COLUMNS if column.type in types}
    frame = frame.astype(dict.fromkeys(given, object))
    inferred = pa.Schema.from_pandas(frame, preserve_index=False)
    schema = pa.schema([pa.field(field.name, given.get(field.name, field.type)) for field in inferred])
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
