"""Names of FACET 4.2's 35 columns in CMU-MOSEI and of MediaPipe's blendshapes."""

from __future__ import annotations

FACET_VERSION = "facet-35/1"
PYFEAT_VERSION = "facet-35-pyfeat/1"  # the same columns from py-feat, on a scale of their own

# Ten expression evidences; the sixth is "neutral" in iMotions and "Baseline" in MOSEI's file.
EXPRESSION_NAMES: tuple[str, ...] = (
    "Anger",
    "Contempt",
    "Disgust",
    "Joy",
    "Fear",
    "Baseline",
    "Sadness",
    "Surprise",
    "Confusion",
    "Frustration",
)

# Action units of the Facial Action Coding System (Ekman, Friesen & Hager 2002); AU43 is eyes closed.
ACTION_UNIT_NAMES: tuple[str, ...] = tuple(
    f"AU{number}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 23, 24, 25, 26, 28, 43)
)

ATTRIBUTE_NAMES: tuple[str, ...] = ("Has_Glasses", "Is_Male")  # always absent: see docs/visual.md

POSE_NAMES: tuple[str, ...] = ("Pitch", "Yaw", "Roll")  # degrees

FACET_NAMES: tuple[str, ...] = EXPRESSION_NAMES + ACTION_UNIT_NAMES + ATTRIBUTE_NAMES + POSE_NAMES

# In the order of the output of MediaPipe's face_blendshapes model (ARKit's names).
BLENDSHAPE_NAMES: tuple[str, ...] = (
    "_neutral",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "eyeLookUpLeft",
    "eyeLookUpRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthFunnel",
    "mouthLeft",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "noseSneerLeft",
    "noseSneerRight",
)
