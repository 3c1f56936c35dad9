"""A classifier of COVAREP's creak column: ``python -m benchmarks.acoustic_creak`` writes docs/acoustic_creak.md.

The licence of COVAREP's network does not permit a copy. The benchmark trains a small network (36 features, tanh units,
one logistic output) on the reference creak columns in ../shared/data/covarep and reports leave-one-recording-out
correlations. The column is shipped only if the pooled correlation is at least 0.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from benchmarks.acoustic_agreement import SHARED, recordings, waveform_of
from benchmarks.creak_features import FEATURE_NAMES, creak_features
from numpy.typing import NDArray
from scipy import signal

from mtmm_video.extractors.acoustic.dsp import grid_positions, interpolate
from mtmm_video.extractors.acoustic.lpc import RESIDUAL_ORDER, Residual
from mtmm_video.extractors.acoustic.polarity import polarity
from mtmm_video.extractors.acoustic.srh import RESIDUAL_ORDER as SRH_ORDER
from mtmm_video.extractors.acoustic.srh import pitch_tracks
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.files import write_text

MARK = 0.8
SEEDS = 3
EPOCHS = 40
CLIP = 4.0  # standard deviations; recordings with digital silence have features far outside
SIZES = ((0, 0.1), (8, 0.3), (32, 1.0))  # hidden units (0: logistic regression), weight decay

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    """Features and reference probability of a recording on the 10 ms grid."""

    name: str
    features: Array
    probability: Array


def load(name: str) -> Recording:
    """Compute the features of one reference recording."""
    waveform, rate = waveform_of(name)
    if rate != SAMPLE_RATE:
        common = int(np.gcd(rate, SAMPLE_RATE))
        waveform = signal.resample_poly(waveform, SAMPLE_RATE // common, rate // common)
    main = Residual.of(waveform, order=RESIDUAL_ORDER)[:]
    sign = polarity(waveform, main)
    (pitch,) = pitch_tracks(Residual.of(waveform, order=SRH_ORDER)[:], ((20, 500),))
    measured = creak_features(sign * waveform, sign * main, pitch)
    at = 160 * np.arange(1, len(measured) + 1)
    reference = pd.read_csv(SHARED / "data/covarep" / f"{name}.csv.gz")["creak"].to_numpy(dtype=np.float64)
    rows = min(len(reference), len(grid_positions(len(waveform))))
    features = interpolate(at, measured, grid_positions(len(waveform)))[:rows]
    kept = np.isfinite(features).all(axis=1)
    return Recording(name, features[kept], reference[:rows][kept])


def train(rows: list[Recording], hidden: int, decay: float, seed: int) -> tuple[torch.nn.Module, Array, Array]:
    """Fit one classifier; returns it with the centre and spread of the features."""
    features = np.concatenate([row.features for row in rows])
    target = torch.tensor(np.concatenate([row.probability for row in rows]), dtype=torch.float32)
    centre, spread = np.median(features, axis=0), features.std(axis=0) + 1e-9
    inputs = torch.tensor(np.clip((features - centre) / spread, -CLIP, CLIP), dtype=torch.float32)
    torch.manual_seed(seed)
    width = len(FEATURE_NAMES)
    layers = [torch.nn.Linear(width, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 1)]
    network = torch.nn.Sequential(*(layers if hidden else [torch.nn.Linear(width, 1)]))
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=decay)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(inputs)).split(256):
            noisy = inputs[batch] + 0.1 * torch.randn(len(batch), width)
            loss = torch.square(torch.sigmoid(network(noisy).squeeze(1)) - target[batch]).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network, centre, spread


def predict(model: tuple[torch.nn.Module, Array, Array], features: Array) -> Array:
    """Probability of creak, shape (rows,)."""
    network, centre, spread = model
    inputs = torch.tensor(np.clip((features - centre) / spread, -CLIP, CLIP), dtype=torch.float32)
    with torch.no_grad():
        return np.asarray(torch.sigmoid(network(inputs).squeeze(1)).numpy(), dtype=np.float64)


def main() -> None:
    """Train, leave one out, write the page."""
    torch.set_num_threads(1)
    rows = [load(name) for name in recordings()]
    lines = [
        "# Can creak be learned from the references?",
        "",
        "Made by `python -m benchmarks.acoustic_creak`. Correlation of our classifier with COVAREP's creak probability",
        f"on a recording that it was not trained on, mean of {SEEDS} seeds. The mark is {MARK}, all recordings pooled.",
        "",
        "| recording | rows | mean of the reference | "
        + " | ".join(f"{h or 'no'} hidden units" for h, _ in SIZES)
        + " |",
        "|---|---|---|" + "---|" * len(SIZES),
    ]
    guesses: dict[int, list[Array]] = {hidden: [] for hidden, _ in SIZES}
    for left_out in rows:
        others = [row for row in rows if row is not left_out]
        cells = []
        for hidden, decay in SIZES:
            models = [train(others, hidden, decay, seed) for seed in range(SEEDS)]
            guess = np.mean([predict(model, left_out.features) for model in models], axis=0)
            guesses[hidden].append(guess)
            cells.append(f"{np.corrcoef(guess, left_out.probability)[0, 1]:.2f}")
        line = f"| {left_out.name} | {len(left_out.probability)} | {left_out.probability.mean():.2f} | "
        lines.append(line + " | ".join(cells) + " |")
    truth = np.concatenate([row.probability for row in rows])
    pooled = [float(np.corrcoef(np.concatenate(guesses[hidden]), truth)[0, 1]) for hidden, _ in SIZES]
    lines.append("| **pooled** | | | " + " | ".join(f"**{value:.2f}**" for value in pooled) + " |")
    verdict = "reached" if max(pooled) >= MARK else "not reached: the column ships absent (`valid` False throughout)"
    lines += ["", f"The mark of {MARK} is {verdict}.", ""]
    lines += [
        "Why it fails: the probability depends on the speaker and the recording more than on the frame. Its mean runs",
        "from 0.03 to 0.55 between these recordings, and digital silence puts COVAREP's network far outside what it",
        "was trained on. Ten recordings do not teach that.",
        "",
    ]
    write_text(Path(__file__).resolve().parents[1] / "docs/acoustic_creak.md", "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
