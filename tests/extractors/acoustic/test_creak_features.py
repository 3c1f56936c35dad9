import numpy as np
import pytest
from benchmarks.creak_features import FEATURE_NAMES, STATIC_NAMES, creak_features
from signals import FS, vowel

from mtmm_video.extractors.acoustic.lpc import Residual
from mtmm_video.extractors.acoustic.srh import RESIDUAL_ORDER, pitch_tracks


def features(x: np.ndarray) -> np.ndarray:
    (pitch,) = pitch_tracks(Residual.of(x, order=RESIDUAL_ORDER)[:], ((20, 500),))
    return creak_features(x, Residual.of(x, order=18)[:], pitch)


@pytest.fixture(scope="module")
def modal() -> np.ndarray:
    return features(vowel(130, 1.0))


@pytest.fixture(scope="module")
def creaky() -> np.ndarray:
    return features(vowel(38, 1.0, rd=0.6))


def column(values: np.ndarray, name: str) -> np.ndarray:
    return values[20:-20, FEATURE_NAMES.index(name)]


def test_twelve_measures_and_their_first_and_second_differences(modal: np.ndarray) -> None:
    assert modal.shape == (100, 36)
    assert len(STATIC_NAMES) == 12
    assert np.isfinite(modal).all()
    assert modal[1:, 12:24] == pytest.approx(np.diff(modal[:, :12], axis=0))
    assert modal[2:, 24:] == pytest.approx(np.diff(modal[1:, 12:24], axis=0))
    assert (modal[0, 12:] == 0).all()


def test_pitch_of_the_resonated_residual_is_that_of_the_voice(modal: np.ndarray) -> None:
    assert np.median(column(modal, "creak F0")) == pytest.approx(130, abs=5)
    assert np.median(column(modal, "median F0")) == pytest.approx(130, abs=3)


def test_single_slow_pulses_stand_out_and_modal_ones_do_not(modal: np.ndarray, creaky: np.ndarray) -> None:
    for name in ("peak prominence", "power fall", "power rise"):
        assert np.median(column(creaky, name)) > np.median(column(modal, name))


def test_energy_is_relative_to_the_loudest_frame(modal: np.ndarray) -> None:
    louder = features(4 * vowel(130, 1.0))
    assert column(louder, "energy") == pytest.approx(column(modal, "energy"), abs=1e-9)
    assert modal[:, FEATURE_NAMES.index("energy")].max() <= 1e-9


def test_digital_silence_gives_finite_features() -> None:
    x = vowel(130, 1.0)
    x[: FS // 2] = 0
    assert np.isfinite(features(x)).all()
