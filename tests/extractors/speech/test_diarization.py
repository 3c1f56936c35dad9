"""Who speaks when: cuts where the voice changes, people told apart, one person kept together."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from cam_plus_plus import CamPlusPlus
from numpy.typing import NDArray
from safetensors.torch import save_file

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech import speaker_activity as activity_module
from mtmm_video.extractors.speech.diarization import diarize, pieces_of, turns_of
from mtmm_video.extractors.speech.speaker_activity import (
    CLASSES,
    FRAME_SAMPLES,
    HOP_FRAMES,
    WINDOW_FRAMES,
    WINDOW_SAMPLES,
    SegmentationNetwork,
    frame_time,
    speaker_activity,
)
from mtmm_video.extractors.speech.speaker_clustering import BETWEEN, COMMON, NOISE_SECONDS, group_speakers
from mtmm_video.extractors.speech.speaker_encoder import BANDS, DIMENSIONS, SpeakerEncoder, embed_speaker, log_mel_bands
from mtmm_video.foundation.errors import InputError, WeightsError

FRAME = FRAME_SAMPLES / SAMPLE_RATE  # seconds


def frames(*spans: tuple[int, float, float], seconds: float = 12.0) -> NDArray[np.bool_]:
    """Voices that speak between times."""
    active = np.zeros((round(seconds / FRAME), 3), dtype=np.bool_)
    for voice, start, end in spans:
        active[round(start / FRAME) : round(end / FRAME), voice] = True
    return active


def seconds_of(pieces: NDArray[np.int64]) -> list[tuple[float, float]]:
    return [(round(first * FRAME, 1), round(last * FRAME, 1)) for first, last in pieces.tolist()]


def test_speech_is_cut_where_the_voice_changes_and_at_pauses() -> None:
    active = frames((0, 1.0, 3.0), (1, 3.0, 5.0), (1, 6.0, 8.0))
    assert seconds_of(pieces_of(active)) == [(1.0, 3.0), (3.0, 5.0), (6.0, 8.0)]


def test_a_stop_consonant_does_not_cut_a_word_and_a_short_word_joins_its_neighbour() -> None:
    assert seconds_of(pieces_of(frames((0, 1.0, 2.0), (0, 2.08, 3.0)))) == [(1.0, 3.0)]
    assert seconds_of(pieces_of(frames((0, 1.0, 2.0), (0, 2.3, 2.6)))) == [(1.0, 2.6)]
    between = frames((0, 1.0, 2.0), (1, 2.0, 2.3), (0, 2.3, 2.6))
    assert seconds_of(pieces_of(between)) == [(1.0, 2.0), (2.0, 2.3), (2.3, 2.6)]


def test_where_two_speak_at_once_nobody_is_taken() -> None:
    assert seconds_of(pieces_of(frames((0, 1.0, 4.0), (1, 3.0, 6.0)))) == [(1.0, 3.0), (4.0, 6.0)]


def test_long_talk_is_taken_in_pieces_that_lose_nothing() -> None:
    pieces = pieces_of(frames((2, 0.5, 15.0), seconds=16.0))
    assert len(pieces) == 3
    assert (pieces[1:, 0] == pieces[:-1, 1]).all()


def test_turns_join_across_breaths_and_their_confidence_is_weighed_by_time() -> None:
    pieces = np.array([[0.0, 1.0], [1.5, 4.5], [5.0, 6.0], [8.0, 9.0]])
    turns = turns_of(pieces, np.array([0, 0, 1, 1]), np.array([0.2, 0.6, 0.9, 0.8]))
    assert [(turn.start, turn.end, turn.speaker) for turn in turns] == [(0.0, 4.5, 0), (5.0, 6.0, 1), (8.0, 9.0, 1)]
    assert turns[0].confidence == pytest.approx((0.2 * 1 + 0.6 * 3) / 4)


# ------------------------------------------------------------------------------------------------------------ clusters


def conversation(
    speakers: int, *, pieces: int, seconds: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Embeddings as the model of the clustering says they come about, and whose they are."""
    random = np.random.default_rng(seed)
    common = random.normal(size=DIMENSIONS)
    common *= np.sqrt(COMMON) / np.linalg.norm(common)
    voices = common + random.normal(size=(speakers, DIMENSIONS)) * np.sqrt(BETWEEN / DIMENSIONS)
    truth = np.concatenate([np.arange(speakers), random.integers(0, speakers, pieces - speakers)])
    lengths = random.uniform(0.5, 1.5, pieces) * seconds
    noise = random.normal(size=(pieces, DIMENSIONS)) * np.sqrt(NOISE_SECONDS / lengths / DIMENSIONS)[:, None]
    embeddings = voices[truth] + noise
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), lengths, truth


@pytest.mark.parametrize("speakers", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_people_are_told_apart_and_counted(speakers: int, seed: int) -> None:
    embeddings, seconds, truth = conversation(speakers, pieces=40, seconds=3.0, seed=seed)
    groups = group_speakers(embeddings, seconds)
    pairs = set(zip(groups.labels.tolist(), truth.tolist(), strict=True))
    assert len(pairs) == speakers == groups.labels.max() + 1
    assert (groups.confidence > 0.5).mean() > 0.95


def test_speakers_are_numbered_in_order_of_appearance() -> None:
    embeddings, seconds, _ = conversation(4, pieces=30, seconds=4.0, seed=1)
    labels = group_speakers(embeddings, seconds).labels
    first = [int(np.flatnonzero(labels == label)[0]) for label in range(labels.max() + 1)]
    assert first == sorted(first)


def test_the_number_of_speakers_is_kept_to_where_it_is_given() -> None:
    embeddings, seconds, truth = conversation(3, pieces=30, seconds=1.2, seed=2)
    labels = group_speakers(embeddings, seconds, speakers=3).labels
    agreement = max(np.mean(np.array(order)[labels] == truth) for order in itertools.permutations(range(3)))
    assert len(np.unique(labels)) == 3
    assert agreement > 0.9
    assert len(np.unique(group_speakers(embeddings[:2], seconds[:2], speakers=5).labels)) == 2


def test_a_cosine_means_more_in_longer_speech() -> None:
    angle = np.arccos(0.5)
    pair = np.zeros((2, DIMENSIONS))
    pair[0, 0], pair[1, :2] = 1.0, (np.cos(angle), np.sin(angle))
    assert group_speakers(pair, np.array([1.5, 1.5])).labels.tolist() == [0, 0]
    assert group_speakers(pair, np.array([60.0, 60.0])).labels.tolist() == [0, 1]


def test_the_only_piece_is_surely_its_own_speakers() -> None:
    groups = group_speakers(np.eye(1, DIMENSIONS), np.array([3.0]))
    assert groups.labels.tolist() == [0]
    assert groups.confidence.tolist() == [1.0]
    assert not len(group_speakers(np.zeros((0, DIMENSIONS)), np.zeros(0)).labels)


def test_a_number_of_speakers_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        group_speakers(np.eye(2, DIMENSIONS), np.ones(2), speakers=0)


# ------------------------------------------------------------------------------------------------------------ networks


def _trained(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the state of a network whose normalisations have seen data, without its counters."""
    state = {name: tensor for name, tensor in network.state_dict().items() if tensor.is_floating_point()}
    for name, tensor in state.items():
        if name.endswith(("running_mean", "bias")):
            tensor.normal_()
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
    return state


@pytest.fixture
def networks(tmp_path: Path) -> tuple[Path, Path]:
    """Untrained networks in files like the converted ones."""
    torch.manual_seed(0)
    activity, encoder = tmp_path / "activity.safetensors", tmp_path / "encoder.safetensors"
    save_file(SegmentationNetwork().state_dict(), activity)
    save_file(_trained(CamPlusPlus()), encoder)
    return activity, encoder


def test_a_window_has_the_frames_that_the_constants_say() -> None:
    with torch.inference_mode():
        assert SegmentationNetwork().eval()(torch.zeros(1, 1, WINDOW_SAMPLES)).shape == (1, WINDOW_FRAMES, len(CLASSES))


def test_windows_keep_their_voices_when_the_network_swaps_them() -> None:
    random = np.random.default_rng(0)
    truth = (random.random((2 * HOP_FRAMES + WINDOW_FRAMES, 3)) > 0.5).astype(np.float32)
    windows = np.stack([truth[start : start + WINDOW_FRAMES] for start in (0, HOP_FRAMES, 2 * HOP_FRAMES)])
    windows[1] = windows[1][:, [2, 0, 1]]
    windows[2] = windows[2][:, [1, 0, 2]]
    np.testing.assert_allclose(activity_module._joined(windows), truth, atol=1e-6)


def test_activity_covers_the_recording_and_silence_is_not_listened_to(networks: tuple[Path, Path]) -> None:
    waveform = np.random.default_rng(0).normal(size=23 * SAMPLE_RATE).astype(np.float32) * 0.1
    activity = speaker_activity(waveform, sample_rate=SAMPLE_RATE, model=networks[0], speech=np.array([[1.0, 2.0]]))
    assert abs(float(frame_time(len(activity))) - 23.0) < 0.05
    assert activity[: round(9 / FRAME)].any()
    assert not activity[round(11 / FRAME) :].any()


def test_a_tone_lies_in_its_mel_band_whatever_its_level() -> None:
    tone = np.sin(2 * np.pi * 1000.0 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    loud, quiet = log_mel_bands(0.5 * tone), log_mel_bands(0.05 * tone)
    mel = 1127.0 * np.log1p(np.array([20.0, 1000.0, 8000.0]) / 700.0)
    band = round(81 * (mel[1] - mel[0]) / (mel[2] - mel[0])) - 1
    assert set(loud.argmax(dim=0).tolist()) <= {band - 1, band, band + 1}
    torch.testing.assert_close((loud - quiet)[band], torch.full_like(loud[band], 2 * np.log(10.0)), atol=1e-2, rtol=0)


@pytest.mark.parametrize("frames", [18, 200, 399])
def test_folded_normalisations_change_no_embedding(frames: int) -> None:
    torch.manual_seed(1)
    network = CamPlusPlus()
    state = _trained(network)
    network.eval()
    bands = torch.randn(BANDS, frames)
    with torch.inference_mode():
        expected, found = network(bands[None])[0], SpeakerEncoder(state)(bands)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_embeddings_have_length_one_and_short_pieces_are_padded(networks: tuple[Path, Path]) -> None:
    waveform = np.random.default_rng(0).normal(size=3 * SAMPLE_RATE).astype(np.float32) * 0.1
    pieces = np.array([[0.0, 2.0], [2.5, 2.55]])
    embeddings = embed_speaker(waveform, sample_rate=SAMPLE_RATE, model=networks[1], pieces=pieces)
    assert embeddings.shape == (2, DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-5)


def test_what_is_no_network_or_no_mono_sound_is_refused(networks: tuple[Path, Path], tmp_path: Path) -> None:
    speech = np.array([[0.0, 1.0]])
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(networks[1].read_bytes())
    for model in (tmp_path / "none.safetensors", wrong):
        with pytest.raises(WeightsError, match="weights fetch"):
            speaker_activity(np.zeros(SAMPLE_RATE), sample_rate=SAMPLE_RATE, model=model, speech=speech)
    with pytest.raises(InputError, match="16000"):
        diarize(np.zeros(100), sample_rate=8000, activity_model=wrong, encoder_model=wrong, speech=speech)
