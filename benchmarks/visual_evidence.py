"""What the measures of `extractors.visual.evidence` say of talking faces, frozen frames, masks and photographs.

Usage: python benchmarks/visual_evidence.py [--shared ../shared] [--seed 0]

Talking: two seconds of every clip. Frozen: one of its frames for two seconds, with a slow zoom, a slow pan or grain.
Masked: its frames with a cover of one colour over nose, mouth and chin. Photographs: those of ../shared/data/faces,
moved likewise. Printed per kind: how many there are, what was objected to them, the range of every measure, and the
measures of those that were judged wrongly. Another seed draws other frames, movements, colours and photographs.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.evidence import face_evidence
from mtmm_video.extractors.visual.face_models import FaceModels
from mtmm_video.extractors.visual.landmarker import FaceLandmarker
from mtmm_video.extractors.visual.sampling import LONGEST_SIDE
from mtmm_video.extractors.visual.speaker import choose_face
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.weights.resolution import resolve

CLIPS = (
    "data/mosei/video/*.mp4",
    "clips/katie_hill.mp4",
    "clips/obama_two_faces.mp4",
    "clips/emotion/*.flv",
    "cases/short_demo.mp4",
)
RATE, FRAMES, SKIPPED = 10.0, 20, 10
PHOTOGRAPHS = 20
MASK = [
    132,
    58,
    172,
    136,
    150,
    149,
    176,
    148,
    152,
    377,
    400,
    378,
    379,
    365,
    397,
    288,
    361,
    447,
    195,
    227,
]  # along the jaw
Image = NDArray[np.uint8]


def moved(image: Image, random: np.random.Generator) -> list[Image]:
    """One picture as a film: zoomed, panned, rocked or with grain."""
    height, width = image.shape[:2]
    zoom, across, turn, grain = (
        random.uniform(0, 0.004),
        random.uniform(-2, 2),
        random.uniform(0, 3),
        random.uniform(0, 5),
    )
    film = []
    for index in range(FRAMES):
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn * np.sin(index / 5), 1 + zoom * index)
        matrix[0, 2] += across * index
        picture = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        film.append(np.clip(picture + random.normal(0, grain, picture.shape), 0, 255).astype(np.uint8))
    return film


def masked(images: list[Image], models: FaceModels, random: np.random.Generator) -> list[Image]:
    """Frames with a cover of one colour over nose, mouth and chin of every face."""
    colour = random.integers(0, 255, 3).tolist()
    covered = []
    for image in images:
        picture = image.copy()
        for face in FaceLandmarker(models, faces=4).detect(Frame(0.0, image)):
            cv2.fillPoly(picture, [np.round(face.points[MASK, :2]).astype(np.int32)], colour)
        covered.append(picture)
    return covered


def judged(images: list[Image], landmarker: Path) -> tuple[str, list[float]] | None:
    """Return the objection to the face of a film and its measures; None where no face is found."""
    tracks = track_faces((Frame(index / RATE, image) for index, image in enumerate(images)), landmarker=landmarker)
    choice = choose_face(tracks, start=0.0, end=len(images) / RATE)
    if choice.track is None:
        return None
    found = face_evidence(tracks, track=choice.track, start=0.0, end=len(images) / RATE)
    return choice.objection or "none", list(vars(found).values())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    landmarker = resolve("face-landmarker")
    models = FaceModels(landmarker)
    films: dict[str, list[list[Image]]] = {"talking": [], "frozen": [], "masked": [], "photograph": []}
    for path in (path for pattern in CLIPS for path in sorted(arguments.shared.glob(pattern))):
        start = SKIPPED if "mosei" in path.name else 0  # these begin with a black picture
        frames = islice(read_frames(path, rate=RATE, longest_side=LONGEST_SIDE), start, start + FRAMES)
        images = [frame.image for frame in frames]
        films["talking"].append(images)
        films["frozen"].append(moved(images[random.integers(len(images))], random))
        films["masked"].append(masked(images[::2], models, random))
    index = pd.read_csv(arguments.shared / "data/faces/index.csv").sample(PHOTOGRAPHS, random_state=arguments.seed)
    for name in index["path"]:
        picture = cv2.cvtColor(cv2.imread(str(arguments.shared / "data/faces" / name)), cv2.COLOR_BGR2RGB)
        films["photograph"].append(moved(np.asarray(picture, np.uint8), random))
    for kind, each in films.items():
        found = [answer for answer in (judged(images, landmarker) for images in each) if answer is not None]
        measures = np.array([values for _, values in found])
        print(f"{kind}: {len(found)} with a face, objections {dict(Counter(objection for objection, _ in found))}")
        names = ("opening_spread", "change", "lip_contrast", "skin_difference", "shape_distance")
        for name, low, high in zip(names, np.nanmin(measures, axis=0), np.nanmax(measures, axis=0), strict=True):
            print(f"    {name}: {low:.3f} to {high:.3f}")
        for objection, values in found:
            if (objection == "none") != (kind == "talking"):
                print(f"    wrong, {objection}: {dict(zip(names, np.round(values, 4).tolist(), strict=True))}")


if __name__ == "__main__":
    main()
