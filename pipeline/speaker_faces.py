"""The faces of the utterances: each voice keeps the face whose lips move with it over the whole video."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual.facet import facet_stream
from mtmm_video.extractors.visual.speaker import FaceChoice, choose_face
from mtmm_video.extractors.visual.tracks import VisualTracks
from mtmm_video.extractors.visual.voice_faces import voice_face_odds
from mtmm_video.pipeline.utterance import Utterance

LEVEL_COLUMN = "MCEP_0"  # of COVAREP: the logarithm of the level


def choose_faces(
    tracks: VisualTracks,
    utterances: Sequence[Utterance],
    *,
    speech: NDArray[np.float64],
    sounds: Sequence[FeatureStream],
) -> list[FaceChoice]:
    """Choose the speaker's face of each utterance.

    Parameters
    ----------
    tracks : VisualTracks
        All faces of the video.
    utterances : sequence of Utterance
        With their speakers. Those without one have their faces chosen one by one, as all have in a video with one face.
    speech : ndarray, shape (n, 2)
        Intervals of speech in seconds.
    sounds : sequence of FeatureStream
        COVAREP's columns of each track of the recording; without any, there is no level to compare lips with.

    Returns
    -------
    list of FaceChoice, length n
    """
    odds: dict[tuple[str, int], Mapping[int, float]] = {}
    if tracks.faces > 1:
        for utterance in utterances:
            key = (utterance.speaker or "", utterance.track)
            if utterance.speaker and key not in odds and utterance.track < len(sounds):
                sound = sounds[utterance.track]
                levels = (
                    sound.column(LEVEL_COLUMN) if LEVEL_COLUMN in sound.names else np.full(len(sound.times), np.nan)
                )
                own = [(each.start, each.end) for each in utterances if (each.speaker, each.track) == key]
                odds[key] = voice_face_odds(tracks, turns=np.array(own), level_times=sound.times, levels=levels)
    stream_of = functools.cache(lambda track: facet_stream(tracks, track=track))
    return [
        choose_face(
            tracks,
            start=each.start,
            end=each.end,
            speech=speech,
            odds=odds.get((each.speaker or "", each.track)),
            stream_of=stream_of,
        )
        for each in utterances
    ]
