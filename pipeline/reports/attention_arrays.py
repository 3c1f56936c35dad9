"""All attention weights of a video in a binary file, of which the JSON report of a long video has the largest."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import save

from mtmm_video.model.attention import whole_matrix
from mtmm_video.pipeline.analysis import Analysis


def to_attention(analysis: Analysis) -> bytes:
    """Serialise the attention as safetensors: arrays ``text.visual.n1`` and so on, shape (u, u), float32."""
    return bytes(
        save(
            {
                f"{x}.{y}.{name}": np.ascontiguousarray(whole_matrix(matrix), dtype=np.float32)
                for (x, y), matrices in analysis.prediction.attention.items()
                for name, matrix in zip(("n1", "n2"), matrices, strict=True)
            }
        )
    )
