import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import signal
from signals import FS, vowel

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, COVAREP_VERSION, UNITS
from mtmm_video.extractors.acoustic.covarep import covarep
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.foundation.errors import InputError

GLOTTAL = ["NAQ", "QOQ", "H1H2", "PSP", "MDQ"]
few = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Two vowels with an unvoiced interval between them."""
    hiss = 0.02 * np.random.default_rng(0).standard_normal(FS // 4)
    return np.concatenate((vowel(120, 0.6, rd=0.8), hiss, vowel(180, 0.6, rd=1.6))).astype(np.float32)


@pytest.fixture(scope="module")
def stream(speech: np.ndarray) -> FeatureStream:
    return covarep(speech, sample_rate=FS)


def valid_share(stream: FeatureStream, name: str) -> float:
    return float(stream.valid[:, stream.names.index(name)].mean())


def test_74_named_columns_every_10_ms(stream: FeatureStream, speech: np.ndarray) -> None:
    assert stream.names == COVAREP_NAMES
    assert len(set(COVAREP_NAMES)) == 74
    assert set(UNITS) == set(COVAREP_NAMES)
    assert stream.version == COVAREP_VERSION
    assert stream.times == pytest.approx(0.005 + 0.01 * np.arange((len(speech) - 80) // 160 + 1))


def test_everything_but_creak_is_measured_in_the_middle_of_speech(stream: FeatureStream) -> None:
    middle = (stream.times > 0.3) & (stream.times < 1.1)
    measured = stream.valid[middle].all(axis=0)
    assert [name for name, there in zip(stream.names, measured, strict=True) if not there] == ["creak"]


def test_pitch_and_voicing_follow_the_speech(stream: FeatureStream) -> None:
    assert np.median(stream.column("F0")[15:50]) == pytest.approx(120, abs=1)
    assert np.median(stream.column("F0")[95:130]) == pytest.approx(180, abs=1)
    assert stream.column("VUV")[15:50].all()
    assert not stream.column("VUV")[68:78].any()


def test_f0_is_a_multiple_of_half_a_hertz(stream: FeatureStream) -> None:
    assert (2 * stream.values[:, 0] % 1 == 0).all()


def test_an_upside_down_recording_gives_the_same_features(stream: FeatureStream, speech: np.ndarray) -> None:
    assert covarep(-speech, sample_rate=FS).values == pytest.approx(stream.values, abs=1e-9)


@few
@given(power=st.integers(-8, 3))
def test_gain_moves_the_level_and_nothing_else(stream: FeatureStream, speech: np.ndarray, power: int) -> None:
    louder = covarep(speech * np.float32(2.0**power), sample_rate=FS)
    assert (louder.valid == stream.valid).all()
    cepstrum = np.char.startswith(COVAREP_NAMES, "MCEP")
    others = stream.valid & ~cepstrum
    assert louder.values[others] == pytest.approx(stream.values[others], abs=1e-6)
    # The True Envelope's step depends on the level itself, so that its result follows the gain only nearly.
    moved = (louder.values - stream.values)[stream.valid[:, 11]][:, cepstrum]
    assert np.median(moved[:, 0]) == pytest.approx(power * np.log(2), abs=0.05)
    assert np.abs(moved[:, 1:]).mean() < 0.02


@few
@given(rows=st.integers(1, 40))
def test_later_speech_gives_the_same_pitch_later(speech: np.ndarray, rows: int) -> None:
    noise = 0.001 * np.random.default_rng(1).standard_normal(160 * rows).astype(np.float32)
    here, later = covarep(speech, sample_rate=FS), covarep(np.concatenate((noise, speech)), sample_rate=FS)
    inner = slice(15, 50)
    assert later.values[rows:][inner, 0] == pytest.approx(here.values[inner, 0])


@few
@given(
    samples=st.integers(80, 9000),
    kind=st.sampled_from(["noise", "silence", "constant", "clipped", "impulse", "ramp", "dc and voice"]),
)
def test_whatever_comes_in_finite_numbers_come_out(samples: int, kind: str) -> None:
    rng = np.random.default_rng(samples)
    x = {
        "noise": rng.standard_normal(samples),
        "silence": np.zeros(samples),
        "constant": np.full(samples, 0.25),
        "clipped": np.clip(5 * vowel(150, 0.6)[:samples], -1, 1),
        "impulse": (np.arange(samples) == samples // 2).astype(np.float64),
        "ramp": np.linspace(-1, 1, samples),
        "dc and voice": 0.3 + vowel(100, 0.6)[:samples],
    }[kind]
    out = covarep(x, sample_rate=FS)
    assert out.values.shape == ((len(x) - 80) // 160 + 1, 74)
    assert np.isfinite(out.values).all()


def test_digital_silence_has_no_measurement_but_that_it_is_unvoiced() -> None:
    out = covarep(np.zeros(2 * FS), sample_rate=FS)
    measured = {name for name in COVAREP_NAMES if valid_share(out, name) > 0}
    assert measured <= {"VUV"}
    assert not out.column("VUV")[10:-10].any()


def test_without_voiced_speech_there_is_no_glottis_but_a_spectrum() -> None:
    hiss = 0.1 * np.random.default_rng(0).standard_normal(2 * FS)
    out = covarep(hiss, sample_rate=FS)
    assert out.column("VUV")[10:-10].mean() < 0.05
    assert valid_share(out, "MCEP_0") > 0.9
    assert valid_share(out, "peakSlope") > 0.9
    if out.column("VUV")[10:-10].max() == 0:
        assert all(valid_share(out, name) == 0 for name in GLOTTAL)


def test_a_twentieth_of_a_second_is_too_short_for_all_but_the_slope() -> None:
    out = covarep(vowel(120, 0.05), sample_rate=FS)
    assert len(out.times) == 5
    assert {name for name in COVAREP_NAMES if valid_share(out, name) > 0} == {"peakSlope"}


def test_less_than_0_8_s_has_no_phase_statistics() -> None:
    out = covarep(vowel(120, 0.7), sample_rate=FS)
    assert valid_share(out, "HMPDM_5") == valid_share(out, "HMPDD_0") == 0
    assert valid_share(out, "Rd") > 0.5


def test_samples_that_are_not_numbers_are_marked_around(stream: FeatureStream, speech: np.ndarray) -> None:
    broken = speech.copy()
    broken[8000:8003] = [np.nan, np.inf, -np.inf]
    out = covarep(broken, sample_rate=FS)
    near = np.abs(out.times - 0.5) < 0.045
    assert not out.valid[near].any()
    far = np.abs(out.times - 0.5) > 0.4
    assert (out.valid[far] == stream.valid[far]).mean() > 0.99


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_other_rates_are_converted_first(stream: FeatureStream, speech: np.ndarray, rate: int) -> None:
    common = int(np.gcd(rate, FS))
    out = covarep(signal.resample_poly(speech, rate // common, FS // common), sample_rate=rate)
    rows = min(len(out.times), len(stream.times))
    voiced = stream.values[:rows, 1] == 1
    assert np.median(np.abs(out.values[:rows, 0] - stream.values[:rows, 0])[voiced]) <= 1


def test_a_recording_of_any_length_is_measured(speech: np.ndarray) -> None:
    for samples in range(12_000, 22_000, 683):
        out = covarep(speech[:samples], sample_rate=FS)
        assert out.values.shape == ((samples + 80) // 160, 74)
        assert out.valid[:, 0].any()


def test_double_and_single_precision_agree(stream: FeatureStream, speech: np.ndarray) -> None:
    assert covarep(speech.astype(np.float64), sample_rate=FS).values == pytest.approx(stream.values, abs=1e-9)


def test_a_stage_is_reported_after_those_that_it_depends_on(speech: np.ndarray) -> None:
    seen: list[str] = []
    covarep(speech, sample_rate=FS, on_stage=seen.append)
    order = {word: place for place, stage in enumerate(seen) for word in stage.replace("(", " ").split()}
    for earlier, later in (
        ("residual", "pitch"),
        ("pitch", "closures"),
        ("closures", "MDQ"),
        ("closures", "flow"),
        ("pitch", "HMPD"),
    ):
        assert order[earlier] < order[later], (earlier, later)


@pytest.mark.parametrize(
    ("waveform", "rate", "message"),
    [
        (np.zeros((2, 1000)), FS, "one channel"),
        (np.zeros(1000, dtype=np.int16), FS, "floats"),
        (np.zeros(0), FS, "at least 5 ms"),
        (np.zeros(79), FS, "at least 5 ms"),
        (np.zeros(1000), 0, "positive"),
        (np.full(1000, np.nan), FS, "no finite sample"),
    ],
)
def test_what_cannot_be_analysed_says_so(waveform: np.ndarray, rate: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        covarep(waveform, sample_rate=rate)
