"""`LastWaveform`: the sound of one recording, decoded once for all steps that listen to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray


class LastWaveform:
    """Keeps the last waveform that was read, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: Hashable = None
        self._waveform: NDArray[np.float32] | None = None

    def get(self, key: Hashable, read: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the waveform of a recording.

        Parameters
        ----------
        key : hashable
            Of the recording and the way it is read.
        read : callable
            Decodes it; called if the last waveform was another. Its errors are not kept.

        Returns
        -------
        ndarray of float32, shape (samples,)
            Read-only.
        """
        with self._lock:
            if self._waveform is not None and self._key == key:
                return self._waveform
            self._key = self._waveform = None  # before the next is read, so that never two are kept
            waveform = read()
            waveform.flags.writeable = False
            self._key, self._waveform = key, waveform
            return waveform

    def forget(self) -> None:
        """Keep the waveform no longer."""
        with self._lock:
            self._key = self._waveform = None


last_waveform = LastWaveform()  # of this process
