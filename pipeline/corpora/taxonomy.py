"""From other people's names of emotions to the six of the paper, "none", or "says nothing about the six"."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.labels import EMOTIONS, NO_EMOTION

UNLABELLED: Final = "unlabelled"  # an emotion beyond the six: the utterance teaches sentiment only

# Ekman's six in the spellings of MOSEI, MELD, RAVDESS, CREMA-D, IEMOCAP and EmoryNLP.
_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "anger": ("anger", "angry", "ang", "mad"),
    "disgust": ("disgust", "disgusted", "dis"),
    "fear": ("fear", "fearful", "fea", "afraid", "scared"),
    "happy": ("happy", "happiness", "hap", "joy", "joyful"),
    "sad": ("sad", "sadness"),
    "surprise": ("surprise", "surprised", "sur"),
    NO_EMOTION: ("none", "neutral", "neu", "no emotion", "no class"),
}
# Demszky et al., "GoEmotions", ACL 2020: the grouping of the 27 categories under Ekman's six that its authors publish.
_GO_EMOTIONS: Mapping[str, tuple[str, ...]] = {
    "anger": ("annoyance", "disapproval"),
    "fear": ("nervousness",),
    "happy": (
        "admiration",
        "amusement",
        "approval",
        "caring",
        "desire",
        "excitement",
        "gratitude",
        "love",
        "optimism",
        "pride",
        "relief",
    ),
    "sad": ("disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("confusion", "curiosity", "realization"),
}
# IEMOCAP's "excited" is merged with happiness in the common four-class protocol; its "frustrated", RAVDESS's "calm" and
# Plutchik's "anticipation" and "trust" are none of the six and not their absence either.
_FURTHER: Mapping[str, tuple[str, ...]] = {
    "happy": ("excited", "exc"),
    UNLABELLED: (
        "calm",
        "frustrated",
        "frustration",
        "fru",
        "contempt",
        "boredom",
        "bored",
        "anticipation",
        "trust",
        "other",
        "oth",
        "xxx",
    ),
}
_EMORY = {"anger": ("mad",), "fear": ("scared",), "happy": ("joyful", "powerful"), NO_EMOTION: ("peaceful",)}

BUILT_IN: Mapping[str, str] = {
    name: emotion
    for table in (_SPELLINGS, _GO_EMOTIONS, _FURTHER, _EMORY)
    for emotion, names in table.items()
    for name in names
}
TARGETS = (*EMOTIONS, NO_EMOTION, UNLABELLED)


class Taxonomy:
    """A mapping of names to one of `TARGETS`; names are compared without regard to case.

    Parameters
    ----------
    own : mapping of str to str, optional
        Names that differ from, or are added to, `BUILT_IN`.

    Raises
    ------
    InputError
        If a name is mapped to something else than one of `TARGETS`.
    """

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        added = {name.strip().casefold(): target.strip().casefold() for name, target in (own or {}).items()}
        wrong = {name: target for name, target in added.items() if target not in TARGETS}
        if wrong:
            name, target = next(iter(wrong.items()))
            raise InputError(f"emotion mapping: {name!r} goes to {target!r}; choose one of {', '.join(TARGETS)}")
        self._names = {**BUILT_IN, **added}

    @classmethod
    def read(cls, path: Path) -> Taxonomy:
        """Read a mapping: CSV with a name and an emotion in each row, or a JSON object.

        Raises
        ------
        InputError
            If the file cannot be read or maps to unknown emotions.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
            if text.lstrip().startswith("{"):
                content = json.loads(text)
                own = {str(name): str(target) for name, target in content.items()}
            else:
                rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
                own = {row[0]: row[1] for row in rows if row[1].strip().casefold() in TARGETS}
                beyond = [row for row in rows[1:] if row[0] not in own]
                if beyond:
                    raise InputError(
                        f"{path}: {beyond[0][0]!r} goes to {beyond[0][1]!r}; choose one of {', '.join(TARGETS)}"
                    )
        except (OSError, ValueError, IndexError, AttributeError) as error:
            raise InputError(
                f"{path}: is no emotion mapping ({error}); give a CSV file with rows such as `joy,happy`, or a JSON "
                "object"
            ) from error
        try:
            return cls(own)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def target(self, name: str) -> str:
        """Return what a name stands for: one of the six, ``none``, or ``unlabelled``.

        Raises
        ------
        InputError
            If the name is unknown.
        """
        found = self._names.get(name.strip().casefold().replace("_", " "))
        if found is None:
            raise InputError(
                f"emotion {name!r} is unknown; map it with --emotions FILE (rows such as `{name.strip()},happy`, or to "
                f"none or {UNLABELLED})"
            )
        return found

    def presence(self, names: str) -> dict[str, float] | None:
        """Return which of the six are present in a cell such as ``joy`` or ``sad; anger``; None for "says nothing".

        Raises
        ------
        InputError
            If a name is unknown.
        """
        targets = [self.target(name) for name in names.replace("|", ";").replace(",", ";").split(";") if name.strip()]
        if not targets or all(target == UNLABELLED for target in targets):
            return None
        return {emotion: float(emotion in targets) for emotion in EMOTIONS}
