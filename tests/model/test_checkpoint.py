"""Checkpoints: what was saved comes back; pickles, foreign files and other features are refused."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mtmm_video.foundation.errors import CheckpointError
from mtmm_video.model.attention import DENSE_LIMIT, KEPT_WEIGHTS, LargestWeights, whole_matrix
from mtmm_video.model.checkpoint import METADATA_KEY, load_checkpoint, read_tensors, save_checkpoint
from mtmm_video.model.checkpoint_file import resolve_checkpoint, shipped
from mtmm_video.model.evaluation import score_table
from mtmm_video.model.features import ModalityFeatures, VideoFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.prediction import predict
from mtmm_video.model.specification import Specification
from mtmm_video.model.training import Recipe, train

TINY = Recipe(modalities=("text", "acoustic"), hidden=6, dense=5, epochs=1, batch=8)


@pytest.fixture
def trained(make_table):
    table = make_table(modalities=("text", "acoustic"))
    return train(table, recipe=TINY), table


def test_a_saved_checkpoint_predicts_the_same(trained, tmp_path):
    checkpoint, table = trained
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, network=checkpoint.network, specification=checkpoint.specification)
    back = load_checkpoint(path)
    assert back.specification.to_json() == checkpoint.specification.to_json()
    assert predict(back, table.video(0)).utterances == predict(checkpoint, table.video(0)).utterances


def test_the_speakers_mean_travels_with_the_checkpoint(make_table, tmp_path):
    """A video is labelled alone as it is in a table of many: each is compared with its own utterances only."""
    table = make_table(modalities=("text", "acoustic"))
    checkpoint = train(table, recipe=replace(TINY, speaker_means=("acoustic",)))
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, network=checkpoint.network, specification=checkpoint.specification)
    back = load_checkpoint(path)
    assert back.specification.columns["text"].speaker_mean is None
    assert back.specification.to_json() == checkpoint.specification.to_json()
    together = score_table(checkpoint, table).emotion
    for index in (0, 3):
        alone = predict(back, table.video(index)).utterances
        rows = slice(int(table.offsets[index]), int(table.offsets[index + 1]))
        given = [[found.emotion_probabilities[name] for name in EMOTIONS] for found in alone]
        np.testing.assert_allclose(given, together[rows, : len(EMOTIONS)], atol=1e-5)


def test_checkpoints_of_before_the_speakers_mean_are_read(trained):
    checkpoint, _ = trained
    content = json.loads(checkpoint.specification.to_json())
    old = json.dumps({**content, "format": "mtmm-video-checkpoint/1"})
    assert Specification.from_json(old, source="old").to_json() == checkpoint.specification.to_json()
    new = json.dumps({**content, "format": "mtmm-video-checkpoint/4"})
    with pytest.raises(CheckpointError, match="update mtmm-video"):
        Specification.from_json(new, source="new")


def test_half_precision_moves_probabilities_by_less_than_a_hundredth(trained, tmp_path):
    checkpoint, table = trained
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, network=checkpoint.network, specification=checkpoint.specification, half=True)
    for one, other in zip(
        predict(checkpoint, table.video(1)).utterances,
        predict(load_checkpoint(path), table.video(1)).utterances,
        strict=True,
    ):
        for name, probability in one.emotion_probabilities.items():
            assert other.emotion_probabilities[name] == pytest.approx(probability, abs=0.01)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def test_pickles_are_refused_unopened(tmp_path):
    bare, zipped = tmp_path / "bare.pt", tmp_path / "zipped.pt"
    bare.write_bytes(pickle.dumps(Bomb()))
    torch.save({"weights": torch.zeros(2)}, zipped)
    for path in (bare, zipped):
        with pytest.raises(CheckpointError, match="pickle"):
            load_checkpoint(path)


def test_a_header_of_any_length_is_read(trained, tmp_path):
    """The file begins with the header's length, in steps of eight; one in 32 begins like a pickle, with 0x80."""
    checkpoint, _ = trained
    first_bytes = set()
    for extra in range(0, 256, 8):
        path = tmp_path / f"{extra}.safetensors"
        named = replace(checkpoint.specification, name="n" * (1 + extra))
        save_checkpoint(path, network=checkpoint.network, specification=named)
        first_bytes.add(path.read_bytes()[0])
        assert load_checkpoint(path).specification.name == named.name
    assert 0x80 in first_bytes


def test_foreign_and_damaged_files_are_refused(trained, tmp_path):
    checkpoint, _ = trained
    noise, foreign, cut = (tmp_path / f"{name}.safetensors" for name in ("noise", "foreign", "cut"))
    noise.write_bytes(b"not a checkpoint at all")
    save_file({"weights": torch.zeros(2)}, foreign)
    save_checkpoint(cut, network=checkpoint.network, specification=checkpoint.specification)
    cut.write_bytes(cut.read_bytes()[:-10])
    for path, message in ((noise, "not a safetensors"), (foreign, "not of mtmm-video"), (cut, "damaged")):
        with pytest.raises(CheckpointError, match=message):
            load_checkpoint(path)
    with pytest.raises(CheckpointError, match="no such"):
        load_checkpoint(tmp_path / "missing.safetensors")


def test_weights_that_do_not_fit_or_are_not_finite_are_refused(trained, tmp_path):
    checkpoint, _ = trained
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, network=checkpoint.network, specification=checkpoint.specification)
    tensors, metadata = read_tensors(path)
    save_file({**tensors, "heads.sentiment.bias": torch.zeros(3)}, path, metadata=dict(metadata))
    with pytest.raises(CheckpointError, match="do not fit"):
        load_checkpoint(path)
    save_file({**tensors, "heads.sentiment.bias": torch.tensor([0.0, float("nan")])}, path, metadata=dict(metadata))
    with pytest.raises(CheckpointError, match="NaN"):
        load_checkpoint(path)
    save_file(tensors, path, metadata={METADATA_KEY: '{"format": "mtmm-video-checkpoint/1"}'})
    with pytest.raises(CheckpointError, match="specification is damaged"):
        load_checkpoint(path)
    save_file(tensors, path, metadata={METADATA_KEY: '{"format": "mtmm-video-checkpoint/99"}'})
    with pytest.raises(CheckpointError, match="update"):
        load_checkpoint(path)


def test_names_and_paths():
    assert resolve_checkpoint("paper") == shipped("paper")
    with pytest.raises(CheckpointError, match="paper"):
        shipped("prose")
    with pytest.raises(CheckpointError, match="no such checkpoint file"):
        resolve_checkpoint("folder/none.safetensors")


# --- prediction ------------------------------------------------------------------------------------------------------


def with_modality(features: VideoFeatures, name, **changes) -> VideoFeatures:
    return replace(features, modalities={**features.modalities, name: replace(features.modalities[name], **changes)})


def test_features_of_another_version_are_refused(trained):
    checkpoint, table = trained
    with pytest.raises(CheckpointError, match=r"acoustic-test/1.*acoustic-test/2"):
        predict(checkpoint, with_modality(table.video(0), "acoustic", version="acoustic-test/2"))


def test_columns_are_matched_by_name_not_by_place(trained):
    checkpoint, table = trained
    features = table.video(0)
    voice = features.modalities["acoustic"]
    order = [2, 0, 1]
    shuffled = with_modality(
        features,
        "acoustic",
        values=voice.values[:, order],
        valid=voice.valid[:, order],
        names=tuple(voice.names[index] for index in order),
    )
    assert predict(checkpoint, shuffled).utterances == predict(checkpoint, features).utterances


def test_a_missing_column_is_refused_by_name(trained):
    checkpoint, table = trained
    features = table.video(0)
    voice = features.modalities["acoustic"]
    renamed = with_modality(features, "acoustic", names=("acoustic_0", "F0", "acoustic_2"))
    assert voice.names[1] == "acoustic_1"
    with pytest.raises(CheckpointError, match="acoustic_1"):
        predict(checkpoint, renamed)


def test_an_absent_modality_is_masked_and_said(trained):
    checkpoint, table = trained
    features = table.video(0)
    text_only = VideoFeatures(features.video_id, {"text": features.modalities["text"]})
    prediction = predict(checkpoint, text_only)
    assert {said.modalities_used for said in prediction.utterances} == {("text",)}
    assert prediction.attention == {}
    blank = with_modality(features, "acoustic", valid=np.zeros_like(features.modalities["acoustic"].valid))
    assert predict(checkpoint, blank).utterances == prediction.utterances


def test_a_long_video_keeps_the_largest_weights_and_its_labels(trained):
    checkpoint, table = trained
    video, count = table.video(0), 2 * DENSE_LIMIT  # more rows than are attended over at once
    order = np.arange(count) % len(video)
    longer = {
        name: ModalityFeatures(part.values[order], part.valid[order], part.names, part.version)
        for name, part in video.modalities.items()
    }
    features = VideoFeatures("long", longer)
    whole, cut = predict(checkpoint, features), predict(checkpoint, features, whole_attention=False)
    assert cut.utterances == whole.utterances
    assert whole.attention_is_whole and not cut.attention_is_whole
    for kept, matrix in zip(cut.attention["text", "acoustic"], whole.attention["text", "acoustic"], strict=True):
        assert isinstance(kept, LargestWeights) and kept.weights.shape == (count, KEPT_WEIGHTS)
        found = whole_matrix(kept)
        np.testing.assert_array_equal(found, np.where(found > 0, matrix, 0))
        np.testing.assert_array_equal(
            np.sort(kept.weights, axis=1), np.sort(whole_matrix(matrix), axis=1)[:, -KEPT_WEIGHTS:]
        )
    assert predict(checkpoint, video, whole_attention=False).attention_is_whole


def test_a_prediction_is_whole_and_calibrated_numbers_are_probabilities(trained):
    checkpoint, table = trained
    prediction = predict(checkpoint, table.video(0))
    ((N1, N2),) = prediction.attention.values()
    count = len(table.video(0))
    assert N1.shape == N2.shape == (count, count)
    np.testing.assert_allclose(N1.sum(axis=1), 1, rtol=1e-5)
    for said in prediction.utterances:
        assert sum(said.sentiment_probabilities.values()) == pytest.approx(1)
        assert said.sentiment == max(said.sentiment_probabilities, key=said.sentiment_probabilities.__getitem__)
        assert set(said.emotion_probabilities) == {"anger", "disgust", "fear", "happy", "sad", "surprise", "none"}
        thresholds = checkpoint.specification.thresholds["label"]
        above = {name for name, least in thresholds.items() if said.emotion_probabilities[name] >= least}
        assert set(said.emotions) == above
        assert said.sentiment_intensity is None


def test_a_video_without_utterances_has_no_predictions(trained):
    checkpoint, table = trained
    empty = VideoFeatures(
        "silent",
        {
            "text": replace(
                table.video(0).modalities["text"], values=np.zeros((0, 4), np.float32), valid=np.zeros((0, 4), bool)
            )
        },
    )
    assert predict(checkpoint, empty).utterances == ()
