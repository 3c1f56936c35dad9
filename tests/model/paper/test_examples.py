"""Lists like Tables 6 and 8, plots like Figures 2 and 3, and tables that are made to fit a checkpoint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmm_video.extractors.acoustic.columns import VOICE_NAMES, VOICE_VERSION
from mtmm_video.foundation.errors import CheckpointError, InputError
from mtmm_video.model.features import JOINER, Modality, ModalityFeatures
from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.normaliser import Normaliser
from mtmm_video.model.paper.examples import comparison_lists, examples_of, joined, utterance_list
from mtmm_video.model.paper.figures import plot_attention, plot_learning
from mtmm_video.model.paper.tables import Result
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.model.specification import Columns, Specification
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.pipeline.training.table_columns import fit_table


def said(sentiment: str, *emotions: str) -> UtterancePrediction:
    return UtterancePrediction(
        sentiment=sentiment,
        sentiment_probabilities={name: 0.75 if name == sentiment else 0.25 for name in ("negative", "positive")},
        sentiment_intensity=None,
        emotions=emotions,
        emotion_probabilities={},
        emotion_intensities=None,
        modalities_used=("text",),
    )


LABELS = Labels.from_intensities(
    np.array([-1, 2], dtype=np.float32), np.array([[1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], dtype=np.float32)
)
TEXTS = ("it kinda | bored me " * 10, "it's fine")


def attention(count: int, *pairs):
    weights = np.full((count, count), 1 / count, dtype=np.float32)
    return dict.fromkeys(pairs, (weights, weights))


def test_table_6_shows_what_was_felt_beside_what_is_said():
    prediction = VideoPrediction((said("negative", "disgust"), said("positive")), {})
    first, second = utterance_list(TEXTS, prediction, labels=LABELS).splitlines()[2:]
    assert "Anger, Disgust" in first
    assert first.count("Neg") == 2
    assert second.count("No class") == 2
    assert len(first) == len(second)  # a cell that held "|" would have torn the row


def test_a_model_of_one_task_says_nothing_of_the_other():
    row = utterance_list(["fine"], VideoPrediction((said("positive", "happy"),), {}), labels=None, tasks=("emotion",))
    assert "Happy" in row
    assert "Pos" not in row


def two_videos() -> UtteranceTable:
    """Two videos of one utterance each: negative and angry and disgusted, positive and unmoved."""
    nothing = ModalityFeatures(np.zeros((2, 1), np.float32), np.ones((2, 1), bool), ("c",), "c/1")
    return UtteranceTable(
        *(("v", "w"), ("valid",) * 2, ("mosei",) * 2, np.array([0, 1, 2])),
        *({"text": nothing}, LABELS, ("v[0]", "w[0]"), TEXTS),
    )


def test_table_8_shows_both_ways_and_counts():
    first = [VideoPrediction((said("negative", "disgust"),), {}), VideoPrediction((said("positive", "sad"),), {})]
    second = [VideoPrediction((said("positive", "disgust"),), {}), VideoPrediction((said("positive"),), {})]
    examples = examples_of(two_videos(), first, second)
    assert [one.gain for one in examples] == pytest.approx([1, -1])
    printed = comparison_lists(examples, names=("MTL", "STL"), rows=5)
    better, worse = printed.split("STL is closer")
    assert "MTL is closer to the annotations than STL in 1 of 2" in better
    assert "| v[0]" in better
    assert "| v[0]" not in worse
    assert "| w[0]" in worse
    assert [cell.strip() for cell in printed.splitlines()[-5].split("|")[1:-1]] == ["Disgust", "1", "1", "1"]


def test_emotions_are_scored_as_sets():
    one = [VideoPrediction((said("negative", "anger", "disgust", "happy", "sad"),), {})]
    other = [VideoPrediction((said("negative", "disgust", "happy", "sad"),), {})]
    (example,) = examples_of(two_videos().videos([0]), one, other)
    # The paper's first example: precision 2/4 and recall 2/2 against 1/3 and 1/2.
    assert example.gain == pytest.approx(2 * 2 / (2 + 4) - 2 * 1 / (2 + 3))


def test_two_single_task_networks_are_one_system():
    sentiment, emotion = VideoPrediction((said("negative"),), {}), VideoPrediction((said("positive", "fear"),), {})
    (one,) = joined([(("emotion",), emotion), (("sentiment",), sentiment)]).utterances
    assert (one.sentiment, one.emotions) == ("negative", ("fear",))
    with pytest.raises(InputError, match="does not predict emotion"):
        joined([(("sentiment",), sentiment)])


@pytest.mark.parametrize("count", [1, 60])
def test_heat_maps_of_short_and_long_videos(tmp_path, count):
    pairs = (("text", "visual"), ("acoustic", "visual"), ("text", "acoustic"))
    prediction = VideoPrediction(tuple(said("positive") for _ in range(count)), attention(count, *pairs))
    plot_attention(prediction, tmp_path / "heat.png")
    assert (tmp_path / "heat.png").read_bytes().startswith(b"\x89PNG")


def test_without_attention_there_is_nothing_to_draw(tmp_path):
    with pytest.raises(InputError, match="no attention"):
        plot_attention(VideoPrediction((), {}), tmp_path / "heat.png")
    assert not list(tmp_path.iterdir())


def test_figure_2_leaves_gaps_for_what_was_not_run(tmp_path):
    evaluation = {"sentiment": {"accuracy": 0.8, "f1_weighted": 0.79}, "emotion": None}
    plot_learning([Result("cim", ("text",), evaluation)], tmp_path / "figure.svg")
    assert b"<svg" in (tmp_path / "figure.svg").read_bytes()


# --- fit_table -------------------------------------------------------------------------------------------------------


def columns(version: str, *names: str, modality: Modality = "text") -> Specification:
    zeros = np.zeros(len(names), dtype=np.float32)
    taken = {modality: Columns(names=names, version=version, normaliser=Normaliser(zeros, zeros))}
    return Specification(name="test", shape=NetworkShape(columns={modality: len(names)}), columns=taken)


@pytest.fixture
def table():
    features = ModalityFeatures(np.zeros((2, 1), np.float32), np.ones((2, 1), bool), ("old",), "old/1")
    return UtteranceTable(
        ("v",), ("test",), ("mosei",), np.array([0, 2]), {"text": features}, LABELS, ("v[0]", "v[1]"), ("good", "bad")
    )


def test_transcripts_go_through_the_checkpoints_own_extractor(table, tmp_path, monkeypatch):
    np.save(tmp_path / "vectors.npy", np.array([[1.0], [2.0]], dtype=np.float32))
    (tmp_path / "words.txt").write_text("good\nbad\n")
    monkeypatch.setattr("mtmm_video.pipeline.weights.resolution.resolve", lambda name: tmp_path)
    fitted = fit_table(table, columns("glove-6b-1d/1", "glove_00"))
    assert fitted.modalities["text"].values.ravel().tolist() == [1, 2]
    assert fit_table(table, columns("old/1", "old")) is table


def test_a_table_without_transcripts_cannot_be_made_to_fit(table):
    with pytest.raises(CheckpointError, match="no transcripts"):
        fit_table(replace(table, texts=("", "")), columns("glove-6b-1d/1", "glove_00"))


def test_covarep_means_without_sound_lack_the_voice_columns(table):
    sound = ModalityFeatures(np.ones((2, 1), np.float32), np.ones((2, 1), bool), ("F0",), "covarep/1")
    table = replace(table, modalities={**table.modalities, "acoustic": sound})
    wanted = columns(JOINER.join(["covarep/1", VOICE_VERSION]), "F0", *VOICE_NAMES, modality="acoustic")
    fitted = fit_table(table, wanted).modalities["acoustic"]
    values, present = wanted.columns["acoustic"].prepare(fitted, speakers=np.zeros(2, np.int64))
    assert values.shape == (2, 1 + len(VOICE_NAMES))
    assert present.all(), "what COVAREP measured is there all the same"
    assert fitted.valid.sum() == 2
    assert fit_table(table, columns("covarep/1", "F0", modality="acoustic")) is table
