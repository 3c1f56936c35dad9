"""Shape variation of photographed faces: the reference distribution for the detection of drawn faces.

Usage: python benchmarks/face_shapes.py [--shared ../shared] [--write]

The landmarks of the photographs of ../shared/data/faces are aligned to their mean (generalised Procrustes analysis),
and their first principal components are computed. Every fifth photograph is held out of the fit; the distances of the
held-out photographs from the mean are printed, in the units of `extractors.visual.evidence.shape_distance`. With
``--write`` the components of all photographs are stored beside that module.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import save_file

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.evidence import SHAPE_POINTS, SHAPES_FILE, FaceShapes, aligned_shape
from mtmm_video.extractors.visual.face_models import FaceModels
from mtmm_video.extractors.visual.landmarker import FaceLandmarker
from mtmm_video.foundation.files import atomic_path
from mtmm_video.pipeline.weights.resolution import resolve

COMPONENTS = 10
ROUNDS = 4  # of alignment to the mean, which has then converged
LEFT_OUT = 5  # every fifth photograph


def landmarks(folder: Path) -> NDArray[np.float32]:
    """Landmarks of the photographs in which a face is found, shape (n, 478, 3)."""
    models = FaceModels(resolve("face-landmarker"))
    found = []
    for path in pd.read_csv(folder / "index.csv")["path"]:
        image = cv2.cvtColor(cv2.imread(str(folder / path)), cv2.COLOR_BGR2RGB)
        found += [
            face.points for face in FaceLandmarker(models, faces=1).detect(Frame(0.0, np.asarray(image, np.uint8)))
        ]
    return np.array(found)


def fit(points: NDArray[np.float32]) -> FaceShapes:
    """Mean face and principal components of landmarks, shape (n, 478, 3)."""
    mean = points[0][SHAPE_POINTS].astype(np.float64) * (1, -1, -1)
    for _ in range(ROUNDS):
        mean -= mean.mean(axis=0)
        mean /= np.sqrt((mean**2).sum(axis=1).mean())
        mean = np.mean([aligned_shape(face, mean) for face in points], axis=0)
    shapes = np.array([(aligned_shape(face, mean) - mean).ravel() for face in points])
    _, values, rows = np.linalg.svd(shapes, full_matrices=False)
    return FaceShapes(
        mean=mean.astype(np.float32),
        components=np.ascontiguousarray(rows[:COMPONENTS].T, np.float32),
        deviations=(values[:COMPONENTS] / np.sqrt(len(shapes))).astype(np.float32),
    )


def distances(points: NDArray[np.float32], shapes: FaceShapes) -> NDArray[np.float64]:
    """Distance of each face from the mean, see `extractors.visual.evidence.shape_distance`."""
    rows = np.array([(aligned_shape(face, shapes.mean) - shapes.mean).ravel() for face in points])
    return np.asarray(np.sqrt(((rows @ shapes.components / shapes.deviations) ** 2).mean(axis=1)))


def main() -> None:
    """Print the distances of held-out photographs; write the components with ``--write``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    points = landmarks(arguments.shared / "data/faces")
    left_out = np.arange(len(points)) % LEFT_OUT == 0
    found = distances(points[left_out], fit(points[~left_out]))
    percentiles = dict(zip((50, 95, 99), np.percentile(found, (50, 95, 99)).round(2).tolist(), strict=True))
    print(f"{len(points)} photographs with a face; distance of {left_out.sum()} left out, percentiles: {percentiles}")
    if arguments.write:
        metadata = {
            "command": "python benchmarks/face_shapes.py --write",
            "data": f"{len(points)} photographs of data/faces",
        }
        with atomic_path(SHAPES_FILE) as temporary:
            save_file(dict(vars(fit(points))), temporary, metadata)
        print(f"wrote {SHAPES_FILE}")


if __name__ == "__main__":
    main()
