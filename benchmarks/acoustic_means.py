"""Utterance means of recordings within the distribution of a corpus: ``python -m benchmarks.acoustic_means``.

Writes docs/acoustic_means.md and docs/acoustic_means.png: for every column, the percentile of its mean over a recording
within the 2,199 utterance means of CMU-MOSI from COVAREP (../shared/data/mosi/utterances.csv.gz).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES
from mtmm_video.extractors.acoustic.covarep import covarep
from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.foundation.files import atomic_path, write_text
from mtmm_video.pipeline.media.reading import read_waveform

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
CHUNK = 5.0  # seconds: about the length of an utterance
SECONDS = 60.0  # of each recording
ABSENT = ("creak",)  # not in our stream
ONE_FILE = 0.05  # share of the corpus outside which a percentile counts as extreme


def recordings() -> list[Path]:
    """Real speech among the shared material: clips and the three MOSEI videos."""
    clips = SHARED / "clips"
    return [
        clips / "jfk.flac",
        clips / "katie_hill.mp4",
        clips / "obama_two_faces.mp4",
        clips / "nasa_no_face_multi_stream.mp4",
        *sorted((clips / "emotion").glob("a2f_*.wav")),
        *sorted((clips / "emotion").glob("crema_*")),
        *sorted((SHARED / "data/mosei/video").glob("*.mp4")),
    ]


def utterance_means(path: Path, seconds: float) -> NDArray[np.float64]:
    """Mean of every column over 5 s pieces in which at least a fifth of the rows is voiced, shape (pieces, 74)."""
    stream = covarep(read_waveform(path)[: round(seconds * SAMPLE_RATE)], sample_rate=SAMPLE_RATE)
    values = np.where(stream.valid, stream.values, np.nan)
    pieces = max(1, round(len(values) * 0.01 / CHUNK))
    means = []
    for part in np.array_split(np.arange(len(values)), pieces):
        if stream.values[part, 1].mean() >= 0.2:
            known = stream.valid[part].any(axis=0)
            mean = np.full(len(COVAREP_NAMES), np.nan)
            mean[known] = np.nanmean(values[part][:, known], axis=0)
            means.append(mean)
    return np.array(means).reshape(-1, len(COVAREP_NAMES))


def percentile(values: NDArray[np.float64], corpus: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the corpus below each value, equal values counted by half, in percent."""
    ordered = np.sort(corpus)
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return np.asarray(50 * below / len(ordered))


def main() -> None:
    """Write the page and the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="at most this much of each recording")
    seconds = parser.parse_args().seconds
    corpus = pd.read_csv(SHARED / "data/mosi/utterances.csv.gz")
    names = [name for name in COVAREP_NAMES if name in corpus.columns and name not in ABSENT]
    paths = recordings()
    means = [utterance_means(path, seconds) for path in paths]
    owners = np.repeat(np.arange(len(paths)), [len(part) for part in means])
    pieces = np.concatenate(means)

    table = []
    percentiles = {}
    for name in names:
        ours = pieces[:, COVAREP_NAMES.index(name)]
        theirs = corpus[name].to_numpy(dtype=np.float64)
        theirs = theirs[np.isfinite(theirs)]
        place = percentile(ours[np.isfinite(ours)], theirs)
        percentiles[name] = place
        extreme = float(((place < 100 * ONE_FILE) | (place > 100 * (1 - ONE_FILE))).mean())
        table.append((name, np.median(theirs), np.nanmedian(ours), np.median(place), extreme))

    figure, axes = plt.subplots(figsize=(16, 5), constrained_layout=True)
    axes.axhspan(5, 95, color="0.92")
    axes.axhline(50, color="0.6", linewidth=0.8)
    axes.boxplot([percentiles[name] for name in names], showfliers=False, medianprops={"color": "tab:red"})
    axes.set_xticks(range(1, len(names) + 1), names, rotation=90, fontsize=7)
    axes.set_ylabel("percentile of our means\namong the MOSI utterances")
    axes.set_title(f"{len(pieces)} pieces of {len(paths)} recordings; grey: 5 % to 95 % of the corpus")
    with atomic_path(ROOT / "docs/acoustic_means.png") as temporary:
        figure.savefig(temporary, format="png", dpi=90)
    plt.close(figure)

    inside = np.mean([row[4] for row in table])
    lines = [
        "# Our utterance means among the corpus's",
        "",
        f"Made by `python -m benchmarks.acoustic_means --seconds {seconds:g}`. Each recording (at most its first "
        f"{seconds:g} s) is cut into pieces of about {CHUNK:g} s;",
        "pieces that are less than a fifth voiced are left out. The mean of a column over a piece is placed among the",
        "2,199 utterance means of CMU-MOSI, which the real extractor made. A column that behaves like the corpus has a",
        "median percentile near 50 and one tenth of its pieces outside 5 .. 95. The recordings are other speakers,",
        "rooms and levels than the corpus, and most of the short ones are acted, so that some spread is expected.",
        "",
        "![percentiles](acoustic_means.png)",
        "",
        f"Pieces: {len(pieces)}. Outside 5 .. 95, mean over columns: {inside:.0%} (a sample of the corpus: 10 %).",
        "",
        "The one column that stands apart is peakSlope: it is steeper here. It compares single octaves up to 8 kHz and",
        "so follows the bandwidth of microphones and codecs; over the frames of MOSEI its mean is -0.31, in between.",
        "HMPDM_0 .. 4 are zero in both (see acoustic.md), which places them at 50.",
        "",
        "| column | median of MOSI | median of ours | median percentile | pieces outside 5 .. 95 |",
        "|---|---|---|---|---|",
        *(
            f"| {n} | {theirs:.3g} | {ours:.3g} | {place:.0f} | {extreme:.0%} |"
            for n, theirs, ours, place, extreme in table
        ),
        "",
        "## By recording",
        "",
        "| recording | pieces | F0 (Hz) | VUV | NAQ | MCEP_0 | median percentile over all columns |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, path in enumerate(paths):
        part = pieces[owners == number]
        if len(part) == 0:
            lines.append(f"| {path.name} | 0 | | | | | |")
            continue
        mean = np.nanmean(part, axis=0)
        places = [
            float(percentile(mean[[COVAREP_NAMES.index(name)]], corpus[name].dropna().to_numpy(dtype=np.float64))[0])
            for name in names
            if np.isfinite(mean[COVAREP_NAMES.index(name)])
        ]
        shown = (mean[COVAREP_NAMES.index(name)] for name in ("F0", "VUV", "NAQ", "MCEP_0"))
        cells = " | ".join(f"{value:.3g}" for value in shown)
        lines.append(f"| {path.name} | {len(part)} | {cells} | {np.median(places):.0f} |")
    write_text(ROOT / "docs/acoustic_means.md", "\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
