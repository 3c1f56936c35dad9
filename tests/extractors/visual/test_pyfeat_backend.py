"""py-feat: its table becomes our columns; its absence and that of its weights are said plainly.

py-feat itself is not installed here: a stand-in package gives tables with the column names of py-feat 2.1.5's
Detectorv2, as a recording of it would.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.visual.names import FACET_NAMES
from mtmm_video.extractors.visual.pyfeat_backend import (
    NEEDED_COLUMNS,
    evidence,
    faces_of,
    track_faces,
)
from mtmm_video.extractors.visual.speaker import choose_face
from mtmm_video.foundation.errors import DependencyError, WeightsError

STAND_IN = """
import numpy as np, pandas as pd
from mtmm_video.extractors.visual.pyfeat_backend import NEEDED_COLUMNS

class Detectorv2:
    def __init__(self, identity_model):
        {start}

    def detect(self, pictures, *, data_type, batch_size, progress_bar):
        assert data_type == "tensor" and tuple(pictures.shape[1:]) == (3, 60, 80)
        table = pd.DataFrame(0.5, index=range(len(pictures)), columns=list(NEEDED_COLUMNS))
        table["frame"] = range(len(pictures))
        table[["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight"]] = [10.0, 5.0, 30.0, 40.0]
        table["AU12"] = 0.99
        return table
"""


def table(rows: int = 1) -> dict[str, np.ndarray]:
    """A table of py-feat's columns, every number 0.5."""
    content = {name: np.full(rows, 0.5) for name in NEEDED_COLUMNS}
    content["frame"] = np.arange(rows, dtype=np.float64)
    return content


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, start: str) -> None:
    (folder / "feat.py").write_text(STAND_IN.format(start=start))
    monkeypatch.syspath_prepend(folder)


def frames(count: int) -> list[Frame]:
    return [Frame(index / 10, np.full((60, 80, 3), 90, np.uint8)) for index in range(count)]


def test_probabilities_become_base_ten_log_odds():
    assert evidence(0.5) == pytest.approx(0.0)
    assert evidence(10 / 11) == pytest.approx(1.0)
    assert evidence(0.0) == pytest.approx(-3.0)
    assert evidence(1.0) == pytest.approx(3.0)
    assert np.isnan(evidence(float("nan")))


def test_columns_go_where_facet_has_them():
    content = table()
    content["Happy"][:], content["AU04"][:], content["Yaw"][:] = 10 / 11, 1 / 11, np.pi / 6
    (face,) = faces_of(content)
    facet = dict(zip(FACET_NAMES, face["facet"], strict=True))
    assert facet["Joy"] == pytest.approx(1.0)
    assert facet["AU4"] == pytest.approx(-1.0)
    assert facet["Yaw"] == pytest.approx(-30.0, abs=1e-3)  # the subject's right is the picture's left
    assert {name for name, value in facet.items() if np.isnan(value)} == {
        "AU18", "Contempt", "Confusion", "Frustration", "Has_Glasses", "Is_Male",
    }  # fmt: skip


def test_rows_without_a_face_are_left_out():
    content = table(3)
    content["FaceRectX"][1] = np.nan
    assert [face["position"] for face in faces_of(content)] == [0, 2]


def test_a_table_of_another_version_is_refused():
    content = table()
    del content["Happy"]
    with pytest.raises(DependencyError, match="Happy"):
        faces_of(content)


def test_without_py_feat_the_way_to_install_it_is_given():
    with pytest.raises(DependencyError, match=r"pip install mtmm-video\[pyfeat\]"):
        track_faces(frames(1))


@pytest.mark.slow
def test_frames_go_through_py_feats_own_process_in_batches(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "pass")
    tracks = track_faces(frames(5), batch_frames=2)
    choice = choose_face(tracks, start=0.0, end=1.0)
    assert (choice.faces, choice.face_share) == (1, 1.0)
    assert choice.stream.column("AU12") == pytest.approx(evidence(0.99), abs=1e-5)


@pytest.mark.slow
def test_missing_weights_name_the_command_that_fetches_them(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "raise OSError('offline')")
    with pytest.raises(WeightsError, match="Detectorv2"):
        track_faces(frames(1))
