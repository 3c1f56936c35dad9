"""The speaker's mean: what all utterances of a video share says who speaks, not how."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mtmm_video.model.batches import BatchMaker
from mtmm_video.model.speaker_mean import LARGEST_PRIOR, SpeakerMean
from mtmm_video.model.training import fit_columns


def speakers_of(*lengths: int) -> NDArray[np.int64]:
    """Speaker 0 has the first so many utterances, then speaker 1, and so on."""
    return np.repeat(np.arange(len(lengths)), lengths)


def measured(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.ones(values.shape, np.bool_)


def column(*numbers: float) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)[:, None]


def common(mean: float, prior: float) -> SpeakerMean:
    return SpeakerMean(mean=np.array([mean], np.float32), prior=np.array([prior], np.float32))


def test_the_estimate_is_the_shrunken_mean() -> None:
    values = column(120, 130, 140, 250)  # F0 in Hz: three utterances of a man, one of a woman
    found = common(180, 2).subtract(values, measured(values), speakers=speakers_of(3, 1))
    man, woman = (390 + 2 * 180) / (3 + 2), (250 + 2 * 180) / (1 + 2)
    np.testing.assert_allclose(found[:, 0], [120 - man, 130 - man, 140 - man, 250 - woman], rtol=1e-6)


def test_an_only_utterance_keeps_what_cannot_be_put_down_to_the_speaker() -> None:
    values = column(250)
    for prior in (0.25, 1.0, 4.0):
        found = common(180, prior).subtract(values, measured(values), speakers=speakers_of(1))
        assert found[0, 0] == pytest.approx(70 * prior / (1 + prior), rel=1e-5)


def test_another_microphone_changes_nothing_where_speakers_have_no_common_mean() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(9, 4)).astype(np.float32)
    speakers = speakers_of(4, 5)
    louder = values.copy()
    louder[4:] += generator.normal(scale=10, size=4).astype(np.float32)
    mean = SpeakerMean(mean=np.zeros(4, np.float32), prior=np.zeros(4, np.float32))
    np.testing.assert_allclose(
        mean.subtract(louder, measured(louder), speakers=speakers),
        mean.subtract(values, measured(values), speakers=speakers),
        atol=1e-5,
    )


def test_what_was_not_measured_is_no_part_of_the_mean() -> None:
    values = column(100, 0, 200)
    valid = np.array([[True], [False], [True]])
    found = common(0, 0).subtract(values, valid, speakers=speakers_of(3))
    np.testing.assert_allclose(found[:, 0], [-50, 0, 50])
    nothing = common(0, 0).subtract(values, np.zeros_like(valid), speakers=speakers_of(3))
    assert not nothing.any()


def test_two_speakers_who_take_turns_are_told_apart() -> None:
    values = column(120, 210, 130, 230)
    found = common(0, 0).subtract(values, measured(values), speakers=np.array([0, 1, 0, 1]))
    np.testing.assert_allclose(found[:, 0], [-5, -10, 5, 10])


def test_fitting_finds_the_variances_that_made_the_data() -> None:
    generator = np.random.default_rng(1)
    lengths = generator.integers(1, 12, 4000)
    speakers = speakers_of(*lengths)
    means = generator.normal(180.0, 40.0, len(lengths))
    values = (means[speakers] + generator.normal(0, 20.0, lengths.sum()))[:, None].astype(np.float32)
    found = SpeakerMean.fit(values, measured(values), speakers=speakers)
    assert found.mean[0] == pytest.approx(180, abs=3)
    assert found.prior[0] == pytest.approx(20.0**2 / 40.0**2, rel=0.1)


def test_fitted_shrinkage_is_the_best_one() -> None:
    """No other prior leaves less of the speakers in the utterances: that is what best linear prediction means."""
    generator = np.random.default_rng(2)
    lengths = generator.integers(1, 5, 3000)
    speakers = speakers_of(*lengths)
    means = generator.normal(0.0, 1.0, len(lengths))
    within = generator.normal(0.0, 1.5, lengths.sum())
    values = (means[speakers] + within)[:, None].astype(np.float32)
    fitted = SpeakerMean.fit(values, measured(values), speakers=speakers)

    def error(prior: float) -> float:
        mean = SpeakerMean(mean=fitted.mean, prior=np.array([prior], np.float32))
        return float(((mean.subtract(values, measured(values), speakers=speakers)[:, 0] - within) ** 2).mean())

    best = error(float(fitted.prior[0]))
    assert best < error(float(fitted.prior[0]) / 3)
    assert best < error(float(fitted.prior[0]) * 3)


def test_speakers_who_do_not_differ_share_one_mean() -> None:
    generator = np.random.default_rng(3)
    values = generator.normal(5.0, 1.0, (600, 1)).astype(np.float32)
    found = SpeakerMean.fit(values, measured(values), speakers=speakers_of(*[6] * 100))
    left = found.subtract(values, measured(values), speakers=speakers_of(*[6] * 100))
    assert left.std() > 0.97 * values.std(), "next to nothing is put down to the speakers"
    constant = np.full((4, 1), 7.0, np.float32)
    still = SpeakerMean.fit(constant, measured(constant), speakers=speakers_of(2, 2))
    assert still.prior[0] == LARGEST_PRIOR
    assert not still.subtract(constant, measured(constant), speakers=speakers_of(2, 2)).any()


def test_a_dialogue_is_normalised_in_training_as_it_is_served(make_table) -> None:
    """Two people in every video: each is compared with himself, in the batches of training and in `predict`."""
    table = make_table(videos=12, modalities=("acoustic",))
    second = np.arange(len(table)) % 2
    voices = table.modalities["acoustic"]
    voices = replace(voices, values=voices.values + 50 * second[:, None].astype(np.float32))
    table = replace(table, speakers=tuple("AB"[each] for each in second), modalities={"acoustic": voices})
    columns = fit_columns(table, ("acoustic",), speaker_means=("acoustic",))
    trained = BatchMaker(table, columns=columns, device=torch.device("cpu")).values["acoustic"].numpy()
    for number in range(len(table.video_ids)):
        video = table.video(number)
        served, _ = columns["acoustic"].prepare(video.modalities["acoustic"], speakers=video.speaker_numbers)
        rows = slice(int(table.offsets[number]), int(table.offsets[number + 1]))
        np.testing.assert_allclose(served, trained[rows], atol=1e-5)
    unknown = BatchMaker(replace(table, speakers=None), columns=columns, device=torch.device("cpu"))
    assert np.abs(unknown.values["acoustic"].numpy() - trained).max() > 1
