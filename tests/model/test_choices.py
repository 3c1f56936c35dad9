"""What is chosen on the valid split: thresholds and calibration; and how sure a figure is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_ind, ttest_rel

from mtmm_video.model.calibration import Calibration, fit_calibration
from mtmm_video.model.evaluation import evaluate
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.metrics import expected_calibration_error, f1_macro, f1_weighted, weighted_accuracy
from mtmm_video.model.paper.bootstrap import intervals, multiplicities, paired_difference
from mtmm_video.model.paper.comparison import seed_tests
from mtmm_video.model.scores import Scores
from mtmm_video.model.thresholds import GRID, best_threshold, choose_thresholds, sweep


def test_the_sweep_agrees_with_the_metrics_at_every_threshold():
    generator = np.random.default_rng(2)
    truth = generator.random(300) < 0.3
    scores = np.clip(truth * 0.2 + generator.random(300), 0, 1)
    found = sweep(truth, scores)
    for index in (0, 20, 50, 98):
        predicted = scores >= GRID[index]
        assert found["weighted_accuracy"][index] == pytest.approx(weighted_accuracy(truth, predicted))
        assert found["f1_weighted"][index] == pytest.approx(f1_weighted(truth, predicted))
        assert found["label"][index] == pytest.approx(f1_macro(truth, predicted))


def test_a_clean_boundary_is_found():
    truth = np.zeros((40, 7))
    truth[20:] = 1
    probabilities = np.where(truth > 0, 0.9, 0.1)
    chosen = choose_thresholds(truth, probabilities)
    assert all(0.1 < chosen[name][emotion] <= 0.9 for name in ("label", "f1_weighted") for emotion in EMOTIONS)


@pytest.mark.parametrize("purpose", ["label", "f1_weighted"])
def test_expected_curves_are_the_means_over_labels_that_calibrated_probabilities_stand_for(purpose):
    generator = np.random.default_rng(5)
    probabilities = generator.beta(1, 4, size=20_000)
    truth = generator.random(probabilities.shape) < probabilities
    np.testing.assert_allclose(
        sweep(probabilities, probabilities)[purpose][:60], sweep(truth, probabilities)[purpose][:60], atol=0.02
    )


def test_chance_among_few_labels_does_not_move_the_threshold():
    """Thresholds of many draws of a small valid split: those by expectation lie closer to the best of endless data."""
    generator = np.random.default_rng(6)
    many = generator.beta(1, 4, size=200_000)
    best = GRID[sweep(many, many)["label"].argmax()]
    by_labels, expected = [], []
    for _ in range(100):
        probabilities = generator.beta(1, 4, size=300)
        truth = generator.random(300) < probabilities
        by_labels.append(best_threshold(sweep(truth, probabilities)["label"]) - best)
        expected.append(best_threshold(sweep(probabilities, probabilities)["label"]) - best)
    assert np.abs(expected).mean() < 0.5 * np.abs(by_labels).mean()


def test_no_threshold_beats_the_prevalence_where_probabilities_are_calibrated():
    generator = np.random.default_rng(4)
    probabilities = generator.beta(1, 6, size=(100_000, 7))  # one in seven has it
    truth = (generator.random(probabilities.shape) < probabilities).astype(np.float64)
    chosen = choose_thresholds(truth, probabilities)["weighted_accuracy"]
    for index, emotion in enumerate(EMOTIONS):
        assert chosen[emotion] == pytest.approx(1 / 7, abs=0.01)
        curve = sweep(truth[:, index] > 0.5, probabilities[:, index])["weighted_accuracy"]
        reached = curve[np.flatnonzero(chosen[emotion] == GRID)[0]]
        assert reached == pytest.approx(curve.max(), abs=0.002)


def test_a_spike_that_is_chance_is_not_chosen():
    curve = 0.7 - (GRID - 0.4) ** 2
    curve[80] = curve.max() + 0.001
    assert best_threshold(curve) == pytest.approx(0.4, abs=0.02)


def test_calibration_mends_a_network_that_is_too_sure_and_too_gloomy():
    generator = np.random.default_rng(3)
    honest = generator.normal(size=4000)
    truth = (generator.random(4000) < 1 / (1 + np.exp(-honest))).astype(np.float32)
    logits = np.stack([np.zeros(4000), 4 * honest - 2], axis=1).astype(np.float32)
    fitted = fit_calibration(sentiment=(logits, truth), emotion=None)
    assert fitted.scale[0] == pytest.approx(0.25, rel=0.1)
    assert fitted.bias[0] == pytest.approx(0.5, abs=0.1)
    before, after = Calibration().positive(logits), fitted.positive(logits)
    assert expected_calibration_error(truth > 0, after) < 0.03 < expected_calibration_error(truth > 0, before)
    assert (np.argsort(before) == np.argsort(after)).all()


@pytest.fixture
def scored(make_table):
    table = make_table(videos=40)
    positive = 1 / (1 + np.exp(-table.modalities["text"].values[:, 0].astype(np.float64)))
    emotion = np.repeat(positive[:, None], 7, axis=1)
    return table, Scores(positive=positive, emotion=emotion)


def test_both_zero_conventions_and_the_json_keys(scored):
    table, scores = scored
    strength = table.labels.sentiment_intensity.copy()
    strength[::3] = 0.0
    labels = replace(table.labels, sentiment_intensity=strength, sentiment=(strength >= 0).astype(np.float32))
    found = evaluate(scores, replace(table, labels=labels), thresholds={})
    assert found["sentiment"]["without_zeros"]["utterances"] == int((strength != 0).sum())
    assert found["sentiment"]["without_zeros"]["accuracy"] > found["sentiment"]["accuracy"]
    emotion = found["emotion"]
    classes = emotion["classes"]
    for name in ("weighted_accuracy", "f1_weighted"):
        assert emotion[name] == pytest.approx(np.mean([entry[name] for entry in classes.values()]))
    assert list(classes) == ["anger", "disgust", "fear", "happy", "sad", "surprise"]


def test_an_interval_surrounds_the_figure_and_narrows_with_more_videos(make_table):
    table = make_table(videos=120)
    guesses = np.where(
        np.random.default_rng(1).random(len(table)) < 0.7, table.labels.sentiment, 1 - table.labels.sentiment
    )
    scores = Scores(positive=guesses.astype(np.float64), emotion=None)
    figure = evaluate(scores, table, thresholds={})["sentiment"]["accuracy"]
    low, high = intervals([(scores, {})], table, resamplings=200)["sentiment.accuracy"]
    assert low < figure < high
    few = table.videos(range(12))
    of_few = Scores(positive=scores.positive[: len(few)], emotion=None)
    wide = intervals([(of_few, {})], few, resamplings=200)["sentiment.accuracy"]
    assert wide[1] - wide[0] > 1.5 * (high - low)
    assert (
        intervals(
            [(Scores(positive=scores.positive[: len(few.videos(range(4)))], emotion=None), {})], few.videos(range(4))
        )
        == {}
    )


def test_the_paired_test_tells_better_from_equal(scored):
    table, good = scored
    bad = Scores(positive=np.random.default_rng(0).random(len(table)), emotion=None)
    better = paired_difference([(good, {})], [(bad, {})], table, resamplings=200)["sentiment.accuracy"]
    assert better["difference"] > 0.2
    assert better["p"] < 0.05
    equal = paired_difference([(good, {})], [(good, {})], table, resamplings=50)["sentiment.accuracy"]
    assert equal["difference"] == 0
    assert equal["p"] == 1


def test_intervals_are_those_of_the_metrics_on_resampled_rows(scored):
    table, scores = scored
    thresholds = {"weighted_accuracy": {"anger": 0.2}, "f1_weighted": {"happy": 0.7}}
    drawn = multiplicities(len(table.video_ids), resamplings=40, seed=5)
    rows = [np.repeat(np.arange(len(table)), weights[table.video_of_row].astype(int)) for weights in drawn]
    figures = []
    for index in rows:
        truth, predicted = table.labels.emotion[index] >= 0.5, scores.emotion[index]
        figures.append(
            np.mean(
                [
                    f1_weighted(truth[:, k], predicted[:, k] >= (0.7 if name == "happy" else 0.5))
                    for k, name in enumerate(EMOTIONS)
                ]
            )
        )
    found = intervals([(scores, thresholds)], table, resamplings=40, seed=5)["emotion.f1_weighted"]
    assert found == pytest.approx((np.percentile(figures, 2.5), np.percentile(figures, 97.5)))


def test_the_mean_over_seeds_is_compared(scored):
    table, good = scored
    bad = Scores(positive=1 - good.positive, emotion=None)
    found = paired_difference([(good, {}), (bad, {})], [(bad, {})], table, resamplings=50)["sentiment.accuracy"]
    one = paired_difference([(good, {})], [(bad, {})], table, resamplings=50)["sentiment.accuracy"]
    assert found["difference"] == pytest.approx(one["difference"] / 2)
    assert one["p"] == pytest.approx(2 / 51)


def test_seeds_are_tested_as_scipy_does_and_not_where_nothing_varies():
    first, second = [0.80, 0.81, 0.79, 0.80], [0.78, 0.80, 0.77, 0.79]
    paired, welch = seed_tests(first, second)
    assert paired == pytest.approx(ttest_rel(first, second).pvalue)
    assert welch == pytest.approx(ttest_ind(first, second, equal_var=False).pvalue)
    assert seed_tests(first[:2], second[:2]) == (None, None)
    assert seed_tests([0.8] * 3, [0.7] * 3) == (None, None)
