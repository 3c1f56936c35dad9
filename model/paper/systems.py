"""The systems of the paper's Table 7 and section 2 with a common protocol: fit, select on valid, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from torch import nn

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.batches import BatchMaker
from mtmm_video.model.cim import CimNetwork
from mtmm_video.model.evaluation import network_logits
from mtmm_video.model.network_shape import NetworkShape, Task
from mtmm_video.model.paper.baselines.attention_fusion import SelfAttentionFusion
from mtmm_video.model.paper.baselines.bc_lstm import BidirectionalContextLstm
from mtmm_video.model.paper.baselines.cnn import ContextCnn
from mtmm_video.model.paper.baselines.deep_belief import DeepBelief, pretrained
from mtmm_video.model.paper.baselines.ef_lstm import EarlyFusionLstm
from mtmm_video.model.paper.baselines.graph_mfn import GraphMemoryFusion
from mtmm_video.model.paper.baselines.majority import fit_majority
from mtmm_video.model.paper.baselines.marn import MultiAttentionRecurrent
from mtmm_video.model.paper.baselines.mfn import MemoryFusion
from mtmm_video.model.paper.baselines.mmmu_ba import BimodalAttention
from mtmm_video.model.paper.baselines.multiple_kernels import fit_multiple_kernels
from mtmm_video.model.paper.baselines.mv_lstm import MultiViewLstm
from mtmm_video.model.paper.baselines.random_forest import fit_random_forest
from mtmm_video.model.paper.baselines.svm import fit_svm
from mtmm_video.model.paper.baselines.tfn import TensorFusion
from mtmm_video.model.paper.word_by_word import WordByWordFit, spelled_out
from mtmm_video.model.recipes import Recipe
from mtmm_video.model.scores import Logits, Scores
from mtmm_video.model.table import UtteranceTable
from mtmm_video.model.training import EpochHook, Fitted, calibrate, fit_network, pick_device

BASELINE_RECIPE = Recipe(name="baseline", epochs=20, averaging=0.99)


class Fit(Protocol):
    """A fitted system: log-odds for the rows of any table with the same columns."""

    def logits(self, table: UtteranceTable) -> Logits:
        """Return the log-odds of each task, (n, width)."""
        ...


@dataclass(frozen=True)
class NetworkFit:
    """A fitted network."""

    fitted: Fitted

    def logits(self, table: UtteranceTable) -> Logits:
        """Return the log-odds of each task, (n, width)."""
        device = next(self.fitted.network.parameters()).device
        maker = BatchMaker(table, columns=self.fitted.columns, device=device)
        return network_logits(self.fitted.network, maker, rows=len(table))


NETWORKS: Mapping[str, Callable[[NetworkShape], nn.Module]] = {
    "cnn": ContextCnn,
    "deep_belief": DeepBelief,
    "attention_fusion": SelfAttentionFusion,
    "ef_lstm": EarlyFusionLstm,
    "tfn": TensorFusion,
    "mv_lstm": MultiViewLstm,
    "marn": MultiAttentionRecurrent,
    "mfn": MemoryFusion,
    "graph_mfn": GraphMemoryFusion,
    "bc_lstm": BidirectionalContextLstm,
    "mmmu_ba": BimodalAttention,
    "cim": CimNetwork,
}
# The same networks on the words of each utterance, where the table keeps them; see `model.paper.word_by_word`.
WORD_BY_WORD: Mapping[str, Callable[[NetworkShape], nn.Module]] = {
    "mv_lstm_words": MultiViewLstm,
    "marn_words": MultiAttentionRecurrent,
    "mfn_words": MemoryFusion,
}
CLASSIC: Mapping[str, Callable[..., Fit]] = {
    "majority": fit_majority,
    "svm": fit_svm,
    "random_forest": fit_random_forest,
    "multiple_kernels": fit_multiple_kernels,
}
SYSTEMS: tuple[str, ...] = (
    *CLASSIC,
    *(name for network in NETWORKS for name in (network, f"{network}_words") if name in {**NETWORKS, **WORD_BY_WORD}),
)


def fit_system(
    name: str, table: UtteranceTable, *, recipe: Recipe = BASELINE_RECIPE, hook: EpochHook | None = None
) -> Fit:
    """Fit a system on the train split; the epoch of networks is selected on the valid split.

    Parameters
    ----------
    name : str
        One of `SYSTEMS`.
    table : UtteranceTable
        All its modalities are used; tasks without a label in the train split are omitted.
    recipe : Recipe
        Of the networks; modalities and tasks are set from the table.

    Raises
    ------
    InputError
        If there is no system of that name.
    DataError
        If it reads words and the table keeps none.
    """
    if name in CLASSIC:
        return CLASSIC[name](table, seed=recipe.seed)
    if name not in SYSTEMS:
        raise InputError(f"no system named {name!r}; choose from {', '.join(SYSTEMS)}")
    tasks = tuple(task for task in recipe.tasks if task in labelled_tasks(table))
    if name in WORD_BY_WORD:
        words = spelled_out(table)
        recipe = replace(recipe, name=name, modalities=tuple(words.modalities), tasks=tasks)
        return WordByWordFit(fit_network(words, recipe=recipe, build=WORD_BY_WORD[name], hook=hook))
    recipe = replace(recipe, name=name, modalities=tuple(table.modalities), tasks=tasks)
    build = NETWORKS[name]
    if name == "deep_belief":
        build = pretrained(table, recipe=recipe, device=pick_device())
    return NetworkFit(fit_network(table, recipe=recipe, build=build, hook=hook))


def labelled_tasks(table: UtteranceTable) -> tuple[Task, ...]:
    """Return the tasks for which the train split has labels."""
    labels = table.split("train").labels
    given: dict[Task, Any] = {
        "sentiment": labels.sentiment,
        "emotion": labels.emotion,
        "sentiment_intensity": labels.sentiment_intensity,
        "emotion_intensity": labels.emotion_intensity,
    }
    return tuple(task for task, values in given.items() if (values == values).any())  # noqa: PLR0124 - NaN differs from itself


def calibrated_scores(
    fit: Fit, table: UtteranceTable, *, split: str
) -> tuple[Scores, Mapping[str, Mapping[str, float]]]:
    """Return a system's probabilities for a split, with calibration and thresholds fitted on the valid split."""
    valid = table.split("valid")
    calibration, thresholds = calibrate(fit.logits(valid), valid.labels)
    logits = fit.logits(table.split(split))
    scores = Scores(
        positive=calibration.positive(logits["sentiment"]) if "sentiment" in logits else None,
        emotion=calibration.emotions(logits["emotion"]) if "emotion" in logits else None,
    )
    return scores, thresholds
