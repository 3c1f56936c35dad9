"""Names, units and order of the acoustic columns: COVAREP's 74, and whisper's states."""

from __future__ import annotations

COVAREP_VERSION = "covarep-74/1"

VOICE_LAYERS = 3  # of whisper base's six; chosen on unseen speakers and an unseen sentence (benchmarks/voice_layers.py)
VOICE_VERSION = f"whisper-base-layer-{VOICE_LAYERS}/1"
VOICE_NAMES = tuple(f"voice_{index}" for index in range(512))  # width of whisper base

MCEP_ORDER = 24
HMPDM_ORDER = 24
HMPDD_ORDER = 12

GLOTTAL_NAMES = ("NAQ", "QOQ", "H1H2", "PSP")
RD_NAMES = ("Rd", "Rd_conf")
MCEP_NAMES = tuple(f"MCEP_{i}" for i in range(MCEP_ORDER + 1))
HMPDM_NAMES = tuple(f"HMPDM_{i}" for i in range(HMPDM_ORDER + 1))
HMPDD_NAMES = tuple(f"HMPDD_{i}" for i in range(HMPDD_ORDER + 1))

COVAREP_NAMES: tuple[str, ...] = (
    "F0",
    "VUV",
    *GLOTTAL_NAMES,
    "MDQ",
    "peakSlope",
    *RD_NAMES,
    "creak",
    *MCEP_NAMES,
    *HMPDM_NAMES,
    *HMPDD_NAMES,
)

UNITS: dict[str, str] = {
    "F0": "Hz",
    "VUV": "0 or 1",
    "NAQ": "ratio",
    "QOQ": "fraction of the period",
    "H1H2": "dB",
    "PSP": "ratio",
    "MDQ": "fraction of the period",
    "peakSlope": "log10 amplitude per octave",
    "Rd": "LF shape parameter",
    "Rd_conf": "0 to 1",
    "creak": "probability",
    **dict.fromkeys(MCEP_NAMES, "ln amplitude"),
    **dict.fromkeys(HMPDM_NAMES, "rad"),
    **dict.fromkeys(HMPDD_NAMES, "ln rad"),
}


def columns_of(names: tuple[str, ...]) -> slice:
    """Return the slice of the 74 columns that holds a run of consecutive names."""
    first = COVAREP_NAMES.index(names[0])
    return slice(first, first + len(names))
