"""The 35 columns: names, what is absent, and what centring on the person does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mtmm_video.extractors.visual.calibration import EXPRESSIONS, action_unit_map, expression_map, log_odds
from mtmm_video.extractors.visual.facet import facet_stream
from mtmm_video.extractors.visual.measurements import MEASUREMENTS, SHAPE_NAMES
from mtmm_video.extractors.visual.names import ACTION_UNIT_NAMES, BLENDSHAPE_NAMES, FACET_NAMES, PYFEAT_VERSION
from mtmm_video.extractors.visual.tracks import VisualTracks
from mtmm_video.foundation.errors import InputError

ABSENT = {"Contempt", "Confusion", "Frustration", "Has_Glasses", "Is_Male"}
MOUTH = np.full(30, 0.1)


@pytest.mark.reference
def test_names_are_moseis(shared):
    table = pd.read_csv(shared / "data/mosei/feature_names_mean_std.csv").query("stream == 'FACET42'")
    assert tuple(table["name"]) == FACET_NAMES
    assert action_unit_map().mean == pytest.approx(table.set_index("name").loc[list(ACTION_UNIT_NAMES), "mean"])


def test_absent_columns_are_flagged_and_gender_is_among_them(make_tracks):
    stream = facet_stream(make_tracks([MOUTH]), track=0)
    assert {name for name, present in zip(stream.names, stream.present, strict=True) if not present} == ABSENT
    assert not stream.values[:, ~stream.present].any()


def test_a_face_that_never_moves_has_its_level_throughout(make_tracks):
    tracks = make_tracks([MOUTH])
    constant = replace(tracks, movement=np.ones_like(tracks.movement))
    units = np.array([facet_stream(constant, track=0).column(name) for name in ACTION_UNIT_NAMES])
    assert np.ptp(units, axis=1) == pytest.approx(0.0, abs=1e-6)


def test_a_steady_smile_is_not_centred_away(make_tracks):
    tracks = make_tracks([MOUTH])
    smiling = tracks.blendshapes.copy()
    for side in ("mouthSmileLeft", "mouthSmileRight"):
        smiling[:, BLENDSHAPE_NAMES.index(side)] = 0.8
    sober = facet_stream(tracks, track=0).column("AU12").mean()
    assert facet_stream(replace(tracks, blendshapes=smiling), track=0).column("AU12").mean() > sober + 1.0


def test_one_wild_frame_does_not_leave_the_scale(make_tracks):
    tracks = make_tracks([MOUTH])
    movement = tracks.movement.copy()
    movement[3] = 1e6
    values = facet_stream(replace(tracks, movement=movement), track=0).values
    assert np.abs(values).max() < 50


def test_log_odds_are_base_ten_and_survive_certainty():
    odds = log_odds(np.log(np.array([[0.9, 0.05, 0.05], [1e-30, 0.5, 0.5]])).astype(np.float32))
    assert odds[0, 0] == pytest.approx(np.log10(9), abs=1e-5)
    assert odds[1, 0] == pytest.approx(-30, abs=0.01)
    assert np.isfinite(log_odds(np.array([[800.0, -800.0, 0.0]], np.float32))).all()


def test_shipped_coefficients_fit_the_measurements():
    units, expressions = action_unit_map(), expression_map()
    assert units.movement.shape == (MEASUREMENTS, len(ACTION_UNIT_NAMES))
    assert units.level.shape == (len(SHAPE_NAMES), len(ACTION_UNIT_NAMES))
    assert (units.level >= 0).all()  # more of a blendshape never means less of the unit it stands for
    assert expressions.weights.shape == (MEASUREMENTS, len(EXPRESSIONS))


def test_answers_of_another_program_are_passed_on(make_tracks):
    tracks = make_tracks([MOUTH])
    answers = np.full((len(tracks.frame), len(FACET_NAMES)), np.nan, np.float32)
    answers[:, FACET_NAMES.index("AU12")] = 1.5
    stream = facet_stream(replace(tracks, facet=answers), track=0)
    assert stream.version == PYFEAT_VERSION
    assert stream.column("AU12") == pytest.approx(1.5)
    assert stream.present.sum() == 1


def test_tracks_survive_storage(make_tracks):
    tracks = make_tracks([MOUTH, MOUTH])
    arrays, metadata = tracks.to_arrays()
    again = VisualTracks.from_arrays(arrays, metadata)
    assert again.faces == 2
    assert all(np.array_equal(getattr(tracks, name), getattr(again, name), equal_nan=True) for name in arrays)
    with pytest.raises(InputError, match="no-cache"):
        VisualTracks.from_arrays(arrays, {"version": "visual-tracks/0"})
    del arrays["mouth"]
    with pytest.raises(InputError, match="mouth"):
        VisualTracks.from_arrays(arrays, metadata)
