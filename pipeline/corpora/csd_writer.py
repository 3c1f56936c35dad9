"""Writer for computational sequences of the CMU-MultimodalSDK (``.csd``); the reader is `pipeline.corpora.csd_reader`.

Layout: ``/<root>/data/<video>/features`` (t, d) and ``.../intervals`` (t, 2) in seconds; ``/<root>/metadata/<key>``
has one JSON string each.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.files import atomic_path
from mtmm_video.foundation.version import __version__

# Of the uuid of a sequence, which is determined by the file and the name of the sequence.
NAMESPACE = uuid.UUID("4ec104de-041f-489a-b3e3-64491fce1d4f")


@dataclass(frozen=True)
class VideoSequence:
    """One computational sequence of one video.

    Attributes
    ----------
    root : str
        Root name, unique in a data set.
    description : str
        Description of the features, with their version.
    names : tuple of str, length d
        Column names.
    features : ndarray, shape (t, d)
        float32, or bytes for text.
    intervals : ndarray of float64, shape (t, 2)
        Start and end in seconds.
    """

    root: str
    description: str
    names: tuple[str, ...]
    features: NDArray[Any]
    intervals: NDArray[np.float64]


def video_key(name: str) -> str:
    """Convert a video's name to a key: HDF5 reserves the slash, and the SDK ``[n]`` for segment numbers."""
    return name.translate(str.maketrans("/[]", "_()"))


def write_csd(path: Path, sequence: VideoSequence, *, video: str, sha256: str) -> None:
    """Write a sequence with one video to `path`, atomically.

    Parameters
    ----------
    path : Path
        The file.
    sequence : VideoSequence
        The sequence.
    video : str
        Name of the video; its key in the file is `video_key` of the name.
    sha256 : str
        Of the video; determines the sequence's uuid.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    metadata: dict[str, object] = {
        "alignment compatible": True,
        "computational sequence description": sequence.description,
        "computational sequence version": __version__,
        "contact": "",
        "creator": f"mtmm-video {__version__}",
        "dataset bib citation": "",
        "dataset name": video,
        "dataset version": sha256,
        "dimension names": list(sequence.names),
        "featureset bib citation": "",
        "md5": None,
        "root name": sequence.root,
        "uuid": str(uuid.uuid5(NAMESPACE, f"{sha256} {sequence.root}")),
    }
    with atomic_path(path) as temporary, h5py.File(temporary, "w", track_order=False) as file:
        group = file.create_group(f"{sequence.root}/data/{video_key(video)}")
        group.create_dataset("features", data=sequence.features)
        group.create_dataset("intervals", data=sequence.intervals)
        texts = file.create_group(f"{sequence.root}/metadata")
        for key, value in metadata.items():
            texts.create_dataset(key, (1,), dtype=h5py.string_dtype())[0] = json.dumps(value)
