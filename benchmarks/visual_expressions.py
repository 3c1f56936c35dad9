"""Fit the expression evidences on face photographs, and say how well they tell people never seen.

Usage: python benchmarks/visual_expressions.py [--shared ../shared] [--write] [--keep FILE.npz]

A multinomial logistic regression over the measurements of every photograph of ../shared/data/faces, each once as it is
and once as a video would show it (face 45 to 120 pixels wide, JPEG-compressed). Five folds by person (the file name
without its number); the marks are of photographs of people in none of the other folds. Contempt has nine photographs
and is left out. With ``--write`` the regression on all photographs is stored where `extractors.visual.calibration`
reads it; its shift gives talking faces (the three MOSEI videos) the mean evidence that FACET gives in CMU-MOSEI.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GroupKFold

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.calibration import (
    EXPRESSIONS,
    EXPRESSIONS_FILE,
    LARGEST_DEVIATION,
    ExpressionMap,
    log_odds,
)
from mtmm_video.extractors.visual.landmarker import DetectedFace, open_landmarker
from mtmm_video.extractors.visual.measurements import measure_face
from mtmm_video.foundation.files import atomic_path
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.weights.resolution import resolve

LABELS = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")  # in the order of EXPRESSIONS
INVERSE_STRENGTH = 0.01  # scikit-learn's C, chosen by the log loss of the left-out folds among .003, .01, .03, .1
VIDEO_FACE_WIDTHS = (45.0, 120.0)  # pixels
VIDEO_JPEG_QUALITIES = (35, 80)
FOLDS = 5
TALKING_RATE = 5.0  # frames per second of the MOSEI videos that set the shift


def photographs(
    folder: Path, *, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[str], list[str]]:
    """Measure every photograph in which a face is found.

    Returns
    -------
    tuple
        Measurements of the photographs (n, m), of their video-like copies (n, m), the emotions and the persons.
    """
    random = np.random.default_rng(seed)
    index = pd.read_csv(folder / "index.csv")
    blank = np.zeros((64, 64, 3), np.uint8)
    sharp, rough, emotions, persons = [], [], [], []
    with open_landmarker(resolve("face-landmarker"), faces=1) as landmarker:
        for row, (path, emotion) in enumerate(zip(index["path"], index["emotion"], strict=True)):
            grey = cv2.imread(str(folder / path), cv2.IMREAD_GRAYSCALE)
            grey = np.asarray(cv2.copyMakeBorder(grey, *[max(grey.shape) // 4] * 4, cv2.BORDER_REPLICATE), np.uint8)
            landmarker.detect(Frame(4.0 * row, blank))  # forget the face before
            for face in landmarker.detect(Frame(4.0 * row + 2.0, np.repeat(grey[:, :, None], 3, axis=2))):
                sharp.append(measure_face(face, grey))
                rough.append(measure_face(*as_in_video(face, grey, random)))
                emotions.append(str(emotion))
                persons.append(re.sub(r"_?\d+$", "", Path(path).stem).lower())
    return np.array(sharp), np.array(rough), emotions, persons


def as_in_video(
    face: DetectedFace, grey: NDArray[np.uint8], random: np.random.Generator
) -> tuple[DetectedFace, NDArray[np.uint8]]:
    """Shrink a photograph to the size that a face has in a video, and compress it."""
    scale = min(1.0, random.uniform(*VIDEO_FACE_WIDTHS) / float(np.ptp(face.points[:, 0])))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    quality = int(random.integers(*VIDEO_JPEG_QUALITIES))
    compressed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = np.asarray(cv2.imdecode(compressed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return DetectedFace(face.points * np.float32(scale), face.blendshapes, face.matrix), decoded


def fit(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> ExpressionMap:
    """Fit the regression; the shift is zero."""
    centre, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    deviations = np.clip((rows - centre) / scale, -LARGEST_DEVIATION, LARGEST_DEVIATION)
    model = LogisticRegression(C=INVERSE_STRENGTH, max_iter=1000).fit(deviations, labels)
    return ExpressionMap(
        centre=centre.astype(np.float32),
        scale=scale.astype(np.float32),
        weights=model.coef_.T.astype(np.float32),
        bias=model.intercept_.astype(np.float32),
        shift=np.zeros(len(EXPRESSIONS), np.float32),
    )


def talking_faces(shared: Path) -> list[NDArray[np.float32]]:
    """Measure each MOSEI video's frames, one array (n, m) per video."""
    rows = []
    for video in sorted((shared / "data/mosei/video").glob("*.mp4")):
        with open_landmarker(resolve("face-landmarker"), faces=1) as landmarker:
            frames = read_frames(video, rate=TALKING_RATE)
            rows.append(
                np.array(
                    [
                        measure_face(face, cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY))
                        for frame in frames
                        for face in landmarker.detect(frame)
                    ]
                )
            )
    return rows


def main() -> None:
    """Print the marks of the people left out; write the coefficients when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep", type=Path, help="npz of measurements, written on the first run and read afterwards")
    arguments = parser.parse_args()
    if arguments.keep and arguments.keep.is_file():
        stored = np.load(arguments.keep, allow_pickle=False)
        sharp, rough = stored["sharp"], stored["rough"]
        emotions, persons = stored["emotions"].tolist(), stored["persons"].tolist()
    else:
        sharp, rough, emotions, persons = photographs(arguments.shared / "data/faces")
        if arguments.keep:
            np.savez(arguments.keep, sharp=sharp, rough=rough, emotions=np.array(emotions), persons=np.array(persons))
    known = np.isin(emotions, LABELS)
    sharp, rough = sharp[known], rough[known]
    labels = np.array([LABELS.index(emotion) for emotion, use in zip(emotions, known, strict=True) if use])
    groups = np.array(persons)[known]
    print(f"{len(labels)} photographs with a face, {len(set(groups))} people, {FOLDS} folds by person")

    left_out = {"photograph": np.zeros((len(labels), 7)), "as in a video": np.zeros((len(labels), 7))}
    for train, test in GroupKFold(FOLDS).split(sharp, labels, groups):
        model = fit(np.concatenate([sharp[train], rough[train]]), np.concatenate([labels[train], labels[train]]))
        left_out["photograph"][test] = model.logits(sharp[test])
        left_out["as in a video"][test] = model.logits(rough[test])
    for name, logits in left_out.items():
        odds = log_odds(logits.astype(np.float32))
        areas = [roc_auc_score(labels == column, odds[:, column]) for column in range(len(LABELS))]
        print(
            f"{name:14s} accuracy {np.mean(logits.argmax(axis=1) == labels):.3f}, balanced "
            f"{balanced_accuracy_score(labels, logits.argmax(axis=1)):.3f}; area under ROC "
            + " ".join(f"{label} {area:.2f}" for label, area in zip(EXPRESSIONS, areas, strict=True))
            + f", mean {np.mean(areas):.3f}"
        )

    if arguments.write:
        model = fit(np.concatenate([sharp, rough]), np.concatenate([labels, labels]))
        talking = np.mean(
            [log_odds(model.logits(rows)).mean(axis=0) for rows in talking_faces(arguments.shared)], axis=0
        )
        columns = pd.read_csv(arguments.shared / "data/mosei/feature_names_mean_std.csv").set_index("name")
        shift = columns.loc[list(EXPRESSIONS), "mean"].to_numpy() - talking
        arrays = {**vars(model), "shift": shift.astype(np.float32)}
        metadata = {
            "command": "python benchmarks/visual_expressions.py --write",
            "data": "muxspace/facial_expressions photographs; shift from three CMU-MOSEI videos",
        }
        with atomic_path(EXPRESSIONS_FILE) as temporary:
            save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary, metadata)
        print(f"wrote {EXPRESSIONS_FILE}; shift", dict(zip(EXPRESSIONS, shift.round(2), strict=True)))


if __name__ == "__main__":
    main()
