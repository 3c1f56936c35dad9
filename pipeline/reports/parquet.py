"""The Parquet report: the data frame with all features, and the provenance in the file's metadata."""

from __future__ import annotations

import dataclasses
import io
import json

from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.frame import to_frame

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
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only this format needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    frame = to_frame(analysis, features=True)
    # The types of columns of None, and of all columns of a table without rows, cannot be inferred.
    texts = dict.fromkeys(("video", "text", "speaker", "sentiment"), pa.string())
    lists = dict.fromkeys(("emotions", "flags", "modalities"), pa.list_(pa.string()))
    frame = frame.astype(dict.fromkeys((*texts, *lists), object))
    inferred = pa.Schema.from_pandas(frame, preserve_index=False)
    schema = pa.schema([pa.field(field.name, (texts | lists).get(field.name, field.type)) for field in inferred])
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
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
