"""Changes that leave the meaning of a recording as it is: how many words and labels change with each.

    python benchmarks/metamorphic.py ../shared/cases/short_demo.mp4 ../shared/clips/obama_two_faces.mp4

Every recording is analysed as it is and after each transformation. Words are compared by their edit distance over the
number of words; labels by the speaking time of the original whose sentiment, or whose set of emotions, differs in the
utterance at the same time. Prints a Markdown table of the means over all recordings.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from mtmm_video import Analysis, AnalyzeOptions, analyze

SHIFT = 2.0  # seconds
# Name: arguments of ffmpeg, seconds by which times move, suffix.
TRANSFORMATIONS: dict[str, tuple[list[str], float, str]] = {
    "6 dB louder": (["-c:v", "copy", "-af", "volume=6dB"], 0.0, "mp4"),
    "20 dB quieter": (["-c:v", "copy", "-af", "volume=-20dB"], 0.0, "mp4"),
    "re-encoded (H.264 CRF 30, AAC 64 kbit/s)": (["-crf", "30", "-b:a", "64k"], 0.0, "mp4"),
    "half the size": (["-vf", "scale=iw/2-mod(iw/2\\,2):ih/2-mod(ih/2\\,2)", "-c:a", "copy"], 0.0, "mp4"),
    "another container (Matroska)": (["-c", "copy"], 0.0, "mkv"),
    "2 s later": (
        ["-vf", f"tpad=start_duration={SHIFT}:start_mode=clone", "-af", f"adelay={1000 * SHIFT:.0f}:all=1"],
        SHIFT,
        "mp4",
    ),
}


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the Levenshtein distance of two sequences of words."""
    row = list(range(len(second) + 1))
    for index, left in enumerate(first, start=1):
        above, row = row, [index]
        for place, right in enumerate(second):
            row.append(min(above[place + 1] + 1, row[place] + 1, above[place] + (left != right)))
    return row[-1]


def words_of(analysis: Analysis) -> list[str]:
    """Return the words in lower case without punctuation."""
    text = " ".join(entry.utterance.text for entry in analysis.utterances).lower()
    return "".join(sign if sign.isalnum() or sign.isspace() or sign == "'" else " " for sign in text).split()


def labels_at(analysis: Analysis, moment: float) -> tuple[str, frozenset[str]] | None:
    """Return sentiment and emotions of the utterance at a time in seconds."""
    for entry in analysis.utterances:
        if entry.utterance.start <= moment < entry.utterance.end:
            return entry.prediction.sentiment, frozenset(entry.prediction.emotions)
    return None


def differences(original: Analysis, changed: Analysis, *, shift: float) -> tuple[float, float, float]:
    """Return the shares of words, of speaking time with another sentiment, and with other emotions."""
    expected, found = words_of(original), words_of(changed)
    sentiment, emotions, moments = 0, 0, 0
    for entry in original.utterances:
        for moment in np.arange(entry.utterance.start, entry.utterance.end, 0.1):
            before, after = labels_at(original, moment), labels_at(changed, moment + shift)
            moments += 1
            sentiment += before is not None and (after is None or after[0] != before[0])
            emotions += before is not None and (after is None or after[1] != before[1])
    spoken = max(moments, 1)
    return edit_distance(expected, found) / max(len(expected), 1), sentiment / spoken, emotions / spoken


def main() -> None:
    """Analyse every recording and its transformations, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--visual", default="mediapipe", help="none leaves the faces out")
    arguments = parser.parse_args()
    options = AnalyzeOptions(visual=arguments.visual)
    originals = {path: analyze(path, options=options) for path in arguments.files}
    print(f"Means of {len(originals)} recordings.\n")
    print("| transformation | words changed | sentiment changed | emotions changed |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, (changes, shift, suffix) in TRANSFORMATIONS.items():
            found = []
            for path, original in originals.items():
                changed = Path(folder, f"{path.stem}.{suffix}")
                command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(path)]
                subprocess.run([*command, *changes, str(changed)], check=True)
                found.append(differences(original, analyze(changed, options=options), shift=shift))
            shares = " | ".join(f"{100 * share:.1f} %" for share in np.mean(found, axis=0))
            print(f"| {name} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
