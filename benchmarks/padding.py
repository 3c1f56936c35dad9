"""Effect of unmasked padding, as in the authors' script, on the predictions of a trained network.

    python benchmarks/padding.py --data mosei.safetensors --model paper

The paper's public script pads every video with zero rows to the length of the longest and does not mask them in the GRU
and in the attention. The benchmark evaluates one checkpoint on the valid split twice: with and without a mask.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from mtmm_video.model.batches import BatchMaker
from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.checkpoint_file import resolve_checkpoint
from mtmm_video.model.evaluation import network_logits
from mtmm_video.model.metrics import accuracy, f1_weighted
from mtmm_video.model.paper.tables import markdown, percent
from mtmm_video.model.table import UtteranceTable


def main() -> None:
    """Label twice and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="paper")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(resolve_checkpoint(arguments.model))
    table = UtteranceTable.load(arguments.data).split("valid")
    maker = BatchMaker(table, columns=checkpoint.specification.columns, device=torch.device("cpu"))
    masked = network_logits(checkpoint.network, maker, rows=len(table))["sentiment"]
    longest = int(table.lengths.max())
    unmasked = np.zeros_like(masked)
    with torch.inference_mode():
        for video in range(len(table.video_ids)):
            batch = maker.batch(np.asarray([video]))
            count = batch.exists.shape[1]
            inputs = {
                name: torch.cat([values, torch.zeros(1, longest - count, values.shape[2])], dim=1)
                for name, values in batch.inputs.items()
            }
            masks = {name: torch.ones(1, longest, dtype=torch.bool) for name in inputs}
            logits = checkpoint.network(inputs, masks).logits["sentiment"][0, :count]
            unmasked[batch.rows[0].numpy()] = logits.numpy()
    positive = checkpoint.specification.calibration.positive
    truth = table.labels.sentiment >= 0.5
    rows = []
    for name, logits in (("masked", masked), ("padding takes part", unmasked)):
        predicted = positive(logits) >= 0.5
        rows.append([name, percent(accuracy(truth, predicted)), percent(f1_weighted(truth, predicted))])
    changed = ((positive(masked) >= 0.5) != (positive(unmasked) >= 0.5)).mean()
    print(markdown(["padding", "sentiment accuracy", "F1"], rows))
    print(f"\n{percent(float(changed))} % of {len(table):,} labels change; videos padded to {longest} utterances.")


if __name__ == "__main__":
    main()
