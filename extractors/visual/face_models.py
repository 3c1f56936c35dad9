"""The three networks of MediaPipe's ``face_landmarker.task``, run by LiteRT: faces, landmarks, blendshapes.

The ``.task`` file is a zip of TensorFlow Lite models (Apache-2.0). LiteRT is the runtime that MediaPipe itself uses;
without the rest of MediaPipe there is no usage logger and no system library to install, and `landmarker` decides where
and how often faces are looked for.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import WeightsError

DETECTOR_SIDE = 128  # pixels of the picture that the detector sees
LANDMARKS_SIDE = 256  # pixels of the picture that the landmarks come from
LANDMARKS = 478  # 468 points of the face mesh and 5 for each iris
BLENDSHAPES = 52
# The landmarks that the blendshape network reads, in its order (Grishchenko et al., "Blendshapes GHUM", 2023).
# fmt: off
BLENDSHAPE_LANDMARKS: NDArray[np.int64] = np.array((
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78,
    80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150,
    152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197,
    234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308,
    310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377,
    378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466,
    468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
), np.int64)
# fmt: on


class FaceModels:
    """The networks, opened once; each call is one picture or one face.

    Parameters
    ----------
    task : Path
        The verified ``face_landmarker.task``.
    threads : int
        Of one call; the networks are too small to gain from more than one.

    Raises
    ------
    WeightsError
        If the file is absent or is not a face landmarker.
    """

    def __init__(self, task: Path, *, threads: int = 1) -> None:
        if not task.is_file():
            raise WeightsError(f"{task}: no such file; run `mtmm-video weights fetch face-landmarker`")
        try:
            with zipfile.ZipFile(task) as bundle:
                self._detector = _Network(bundle.read("face_detector.tflite"), threads)
                self._landmarks = _Network(bundle.read("face_landmarks_detector.tflite"), threads)
                self._blendshapes = _Network(bundle.read("face_blendshapes.tflite"), threads)
        except (zipfile.BadZipFile, KeyError, ValueError, RuntimeError) as error:
            raise WeightsError(
                f"{task}: not a MediaPipe face landmarker; run `mtmm-video weights fetch face-landmarker`"
            ) from error

    def detect(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the detector (BlazeFace, short range).

        Parameters
        ----------
        picture : ndarray of uint8, shape (128, 128, 3)
            RGB.

        Returns
        -------
        boxes : ndarray of float32, shape (896, 16)
            Per anchor: centre, size, and six points, in pixels from the anchor.
        logits : ndarray of float32, shape (896,)
        """
        boxes, logits = self._detector(picture.astype(np.float32) * np.float32(2 / 255) - np.float32(1))
        return boxes[0], logits[0, :, 0]

    def landmarks(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        """Run the landmark network.

        Parameters
        ----------
        picture : ndarray of uint8, shape (256, 256, 3)
            RGB, the face upright in its middle.

        Returns
        -------
        points : ndarray of float32, shape (478, 3)
            In shares of the picture's side.
        presence : float
            How sure it is that this is a face, in [0, 1].
        """
        points, logit, _ = self._landmarks(picture.astype(np.float32) * np.float32(1 / 255))
        shares = points.reshape(LANDMARKS, 3) / np.float32(LANDMARKS_SIDE)
        return shares, float(1 / (1 + np.exp(-np.clip(float(logit.ravel()[0]), -50, 50))))

    def blendshapes(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores in [0, 1] from landmarks in pixels, shape (478, 3) to (52,)."""
        (scores,) = self._blendshapes(points[BLENDSHAPE_LANDMARKS, :2])
        return scores


class _Network:
    """One TensorFlow Lite model: arrays in, arrays out."""

    def __init__(self, content: bytes, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  # so only when pictures are looked at

        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    def __call__(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(values[None]))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]
