"""`NetworkShape`: the dimensions and tasks of the CIM network, apart from the network itself, which needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.features import Modality
from mtmm_video.model.labels import EMOTION_CLASSES, EMOTIONS, SENTIMENTS

Task = Literal["sentiment", "emotion", "sentiment_intensity", "emotion_intensity"]
Pair = tuple[Modality, Modality]

TASK_WIDTHS: Mapping[Task, int] = {
    "sentiment": len(SENTIMENTS),  # softmax
    "emotion": len(EMOTION_CLASSES),  # sigmoids: six emotions and "none"
    "sentiment_intensity": 1,  # in [-3, 3]; the paper's future work, section 6
    "emotion_intensity": len(EMOTIONS),  # in [0, 3]; the paper's future work, section 6
}
PAIRS: tuple[Pair, ...] = (("text", "visual"), ("acoustic", "visual"), ("text", "acoustic"))  # order of Algorithm 1


@dataclass(frozen=True)
class NetworkShape:
    """Hyperparameters that determine the network's tensors; stored with the weights.

    Attributes
    ----------
    columns : mapping of Modality to int
        Input columns per modality. One modality gives the self-attention variant of section 5.3.
    hidden : int
        GRU units per direction (paper, Table 5: 200).
    dense : int
        Units of the dense layer behind each GRU (paper, Table 5: 100).
    dropout : float
        After the GRU and after the dense layer (paper, Table 5: 0.3).
    input_dropout : float
        On the input columns.
    tasks : tuple of Task
        One task gives the paper's single-task variant.
    """

    columns: Mapping[Modality, int]
    hidden: int = 200
    dense: int = 100
    dropout: float = 0.3
    input_dropout: float = 0.0
    tasks: tuple[Task, ...] = ("sentiment", "emotion")

    def __post_init__(self) -> None:
        if not self.columns or not self.tasks:
            raise InputError("NetworkShape: columns and tasks must each name at least one entry")
        unknown = [task for task in self.tasks if task not in TASK_WIDTHS]
        if unknown:
            raise InputError(f"NetworkShape: tasks {unknown} unknown; choose from {', '.join(TASK_WIDTHS)}")

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that attend to each other; (X, X) for a single modality."""
        if len(self.columns) == 1:
            (only,) = self.columns
            return ((only, only),)
        return tuple(pair for pair in PAIRS if pair[0] in self.columns and pair[1] in self.columns)

    @property
    def representation(self) -> int:
        """Width R of the shared representation: A1, A2 of each pair and one block per modality."""
        attended = 1 if len(self.columns) == 1 else 2 * len(self.pairs)
        return self.dense * (attended + len(self.columns))
