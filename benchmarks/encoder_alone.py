"""What the tuned sentence encoder says by its own heads, without the network and the context, on valid and dev texts.

    python benchmarks/encoder_alone.py --data ../shared/data --folds OUT/encoder_folds.safetensors
    python benchmarks/encoder_alone.py --data ../shared/data --set rank=16 rate=4e-4

The first form reads what the stage `encoder-folds` wrote: the encoder of all texts, that of the first fold, and the
mean of what all have added. The second tunes one encoder with other settings (minutes on a GPU, hours without).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mtmm_video.extractors.text.mpnet import Transformer, load_transformer
from mtmm_video.model.checkpoint import read_tensors
from mtmm_video.model.labels import EMOTIONS, SENTIMENT_CLASSES
from mtmm_video.model.metrics import area_under_roc, f1
from mtmm_video.pipeline.training.encoder_folds import TextRows, merged, tuned, vectors_of
from mtmm_video.pipeline.training.encoder_texts import GOEMOTIONS, MELD, MOSEI
from mtmm_video.pipeline.training.encoder_tuning import POOLED_GAIN, PRESENCE, TuningOptions
from mtmm_video.pipeline.training.plus_stages import encoder_sources
from mtmm_video.pipeline.training.stages import StageRun
from mtmm_video.pipeline.weights.resolution import resolve

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def figures(transformer: Transformer, tensors: Mapping[str, Tensor], texts: TextRows) -> dict[str, float]:
    """Return the figures of one encoder."""
    found: dict[str, float] = {}
    begin = 0
    for part in texts.parts:
        rows = [int(row) for row in begin + np.flatnonzero(~part.train)]
        begin += len(part)
        if not rows:
            continue
        places = {row: place for place, row in enumerate(rows)}
        vectors = torch.zeros(len(rows), 768)
        for batch, values in vectors_of(transformer.to(DEVICE), texts, rows, device=DEVICE):
            vectors[[places[row] for row in batch]] = values
        weight, bias = tensors[f"heads.{part.corpus}.weight"], tensors[f"heads.{part.corpus}.bias"]
        outputs = (vectors * POOLED_GAIN @ weight.T + bias).numpy()
        truth = part.targets[~part.train]
        if part.corpus == MOSEI:
            positive, presence = truth[:, 0] >= 0, outputs[:, PRESENCE]
            areas = [area_under_roc(truth[:, 1 + index] > 0, presence[:, index]) for index in range(len(EMOTIONS))]
            found |= {
                "MOSEI accuracy": float(((outputs[:, 1] > 0) == positive).mean()),
                "AUROC of positive": area_under_roc(positive, outputs[:, 1]),
                "correlation": float(np.corrcoef(outputs[:, 0], truth[:, 0])[0, 1]),
                "AUROC of six emotions": float(np.mean(areas)),
            }
        elif part.corpus == MELD:
            cut = len(SENTIMENT_CLASSES)
            found["MELD three-way F1"] = weighted_f1(truth[:, :cut], outputs[:, :cut])
            found["MELD seven-way F1"] = weighted_f1(truth[:, cut:], outputs[:, cut:])
        elif part.corpus == GOEMOTIONS:
            areas = [area_under_roc(truth[:, index] > 0, outputs[:, index]) for index in range(truth.shape[1])]
            found["GoEmotions AUROC of 28 labels"] = float(np.mean(areas))
    return found


def weighted_f1(truth: np.ndarray, outputs: np.ndarray) -> float:
    """F1 of each class, weighted by its share."""
    told, said = truth.argmax(axis=1), outputs.argmax(axis=1)
    classes = range(truth.shape[1])
    return float(sum((told == index).mean() * f1(told == index, said == index) for index in classes))


def mean_of_all(transformer: Transformer, tensors: Mapping[str, Tensor]) -> Transformer:
    """Add the mean of what all encoders have learnt."""
    layers = dict(transformer.named_modules())
    with torch.no_grad():
        for name in sorted(name.removesuffix(".up") for name in tensors if name.endswith(".up")):
            layers[name].weight += torch.bmm(tensors[f"{name}.up"].float(), tensors[f"{name}.down"].float()).mean(dim=0)
    return transformer


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=Path)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    folder, sources = resolve("mpnet-base-v2"), encoder_sources(arguments.data)
    texts = TextRows.read(sources, vocabulary=folder / "vocab.txt")

    def show(name: str, transformer: Transformer, tensors: Mapping[str, Tensor]) -> None:
        found = figures(transformer, tensors, texts)
        print(f"{name}: {', '.join(f'{key} {value:.3f}' for key, value in found.items())}", flush=True)

    if arguments.folds is not None:
        tensors, _ = read_tensors(arguments.folds)
        show("all texts", merged(load_transformer(folder), tensors, encoder=-1), tensors)
        show("without fold 0", merged(load_transformer(folder), tensors, encoder=0), tensors)
        show("mean of all", mean_of_all(load_transformer(folder), tensors), tensors)
        return
    values = {name: float(value) for name, value in (item.split("=", 1) for item in arguments.set)}
    defaults = TuningOptions(folds=0)
    options = replace(defaults, **{name: type(getattr(defaults, name))(value) for name, value in values.items()})
    with tempfile.TemporaryDirectory() as temporary:
        run = StageRun(Path(temporary) / "one", Path(temporary) / "state", inputs={}, sources=sources, weights={})
        encoders = tuned(run, texts, transformer=load_transformer(folder), options=options, device=DEVICE)
    tensors = {name: value.detach().cpu() for name, value in encoders.learnt().items() if name.startswith("heads.")}
    for name, addition in encoders.additions().items():
        tensors |= {f"{name}.down": addition.down.detach().cpu(), f"{name}.up": addition.up.detach().cpu()}
    show(str(options), merged(load_transformer(folder), tensors, encoder=0), tensors)


if __name__ == "__main__":
    main()
