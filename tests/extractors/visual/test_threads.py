"""Looking at a video starts a few threads, not some for every picture, and leaves OpenCV's as they were."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.tracking import track_faces

LOOK = """
import sys
from pathlib import Path
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.pipeline.media.reading import read_frames
print(len(track_faces(read_frames(Path(sys.argv[1]), rate=10.0), landmarker=Path(sys.argv[2])).frame_times))
"""


def test_opencv_works_in_the_calling_thread_meanwhile(landmarker: Path) -> None:
    before, seen = cv2.getNumThreads(), set()

    def frames() -> Iterator[Frame]:
        for index in range(3):
            seen.add(cv2.getNumThreads())
            yield Frame(index / 10, np.zeros((120, 160, 3), np.uint8))

    track_faces(frames(), landmarker=landmarker)
    assert seen == {1}
    assert cv2.getNumThreads() == before


@pytest.mark.slow
def test_no_thread_is_started_for_a_picture(tmp_path: Path, landmarker: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace (apt-get install strace)")
    video = Path(__file__).resolve().parents[3] / "sample_videos" / "good_stay.mp4"
    log = tmp_path / "log"
    watched = [strace, "-f", "-qq", "-e", "trace=clone,clone3", "-o", str(log), sys.executable, "-c", LOOK]
    done = subprocess.run([*watched, str(video), str(landmarker)], check=True, capture_output=True, timeout=300)
    started = log.read_text(errors="replace").count("clone")
    assert int(done.stdout) > started
