"""Versions of what the extractors of speech and faces write, apart from the code, which loads their libraries.

Raise one when the rules of its extractor or its weights change; stored artefacts are then made again. The versions of
columns lie beside the columns' names.
"""

from typing import Final

VOICE_ACTIVITY_VERSION: Final = "silero-vad-6/1"
SPEECH_VERSION: Final = "whisper-words/3"
CHANNEL_SPEAKERS_VERSION: Final = "levels/1"
SPEAKER_ACTIVITY_VERSION: Final = "pyannote-segmentation-3.0/1"
SPEAKER_ENCODER_VERSION: Final = "campplus-zh-en-common/1"
SPEAKER_CLUSTERING_VERSION: Final = "two-covariance/1"
DIARIZATION_VERSION: Final = (
    f"pieces/1 {SPEAKER_ACTIVITY_VERSION} {SPEAKER_ENCODER_VERSION} {SPEAKER_CLUSTERING_VERSION}"
)
VOICE_FACES_VERSION: Final = "speed-and-sync/1"
