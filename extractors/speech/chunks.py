"""Chunks of speech for the recogniser: up to 30 s, cut only between two intervals of speech.

Source: the "cut and merge" of M. Bain et al., "WhisperX: Time-Accurate Speech Transcription of Long-Form Audio",
INTERSPEECH 2023, section 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.speech.word_times import Span

LONGEST_CHUNK = 30.0  # seconds; the window whisper was trained on
LONGEST_GAP = 2.0  # seconds of silence inside a chunk; in longer ones whisper hallucinates text
CHUNK_MARGIN = 0.2  # seconds of audio added before and after a chunk, so that onsets are not cut


def plan_chunks(speech: NDArray[np.floating]) -> tuple[Span, ...]:
    """Pack intervals of speech into chunks of at most `LONGEST_CHUNK` seconds without a gap over `LONGEST_GAP`.

    A cut is placed at the longest pause in the second half of the chunk, because whisper ends a sentence where its
    input ends. A single interval longer than that is one chunk, which is decoded in several windows.

    Parameters
    ----------
    speech : ndarray, shape (n, 2)
        Start and end in seconds, in order; as in the result.
    """
    longest = LONGEST_CHUNK - 2 * CHUNK_MARGIN
    chunks: list[Span] = []
    first = 0
    for last in range(len(speech)):
        while first < last:
            start = float(speech[first, 0])
            gaps = speech[first + 1 : last + 1, 0] - speech[first:last, 1]
            if gaps[-1] > LONGEST_GAP:
                cut = last
            elif float(speech[last, 1]) - start > longest:
                late = speech[first:last, 1] - start >= longest / 2
                cut = first + 1 + int(np.where(late, gaps, -1.0).argmax() if late.any() else len(gaps) - 1)
            else:
                break
            chunks.append((start, float(speech[cut - 1, 1])))
            first = cut
    if len(speech):
        chunks.append((float(speech[first, 0]), float(speech[-1, 1])))
    return tuple(chunks)


def spoken_seconds(speech: NDArray[np.floating], *, start: float, end: float) -> float:
    """Return the seconds of speech between two times.

    Parameters
    ----------
    speech : ndarray, shape (n, 2)
        Start and end in seconds, in order.
    start, end : float
        Seconds.
    """
    return float(np.clip(np.minimum(speech[:, 1], end) - np.maximum(speech[:, 0], start), 0.0, None).sum())
