"""`SAMPLE_RATE`: the one sample rate at which all audio is analysed."""

from typing import Final

SAMPLE_RATE: Final = 16_000  # Hz; the rate of whisper, of Silero VAD, and of the COVAREP columns of MOSI and MOSEI
