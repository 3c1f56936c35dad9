"""The sentence encoder: exact pieces, the published embeddings, order and company of texts without influence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mtmm_video.extractors.text.ctranslate2_encoder import load_sentence_encoder
from mtmm_video.extractors.text.mpnet import WIDTH, load_transformer
from mtmm_video.extractors.text.names import DELTA
from mtmm_video.extractors.text.sentence_encoder import SentenceEncoder, merge_delta
from mtmm_video.extractors.text.word_pieces import WordPieces, split_words
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.weights.ctranslate2_form import sentence_form
from mtmm_video.pipeline.weights.resolution import resolve

MARKS = ["<pad>", "[UNK]", "<s>", "</s>"]


@pytest.fixture(scope="session")
def folder() -> Path:
    try:
        return resolve("mpnet-base-v2")
    except WeightsError as error:
        pytest.skip(f"needs all-mpnet-base-v2: {error}")


@pytest.fixture(scope="session")
def frozen(folder: Path) -> SentenceEncoder:
    return SentenceEncoder.load(folder, delta=None)


def test_longest_known_piece_wins_and_punctuation_stands_alone() -> None:
    pieces = WordPieces([*MARKS, "talk", "##ing", "##in", "##g", "do", "'", "t", "."])
    assert pieces.encode("Talking.", longest=10) == [2, 4, 5, 11, 3]
    assert pieces.encode("don't", longest=10) == [2, 1, 9, 10, 3], "a word with an unknown rest is unknown as a whole"


def test_a_long_text_keeps_its_beginning_and_both_marks() -> None:
    pieces = WordPieces([*MARKS, "a"])
    assert pieces.encode("a " * 100, longest=5) == [2, 4, 4, 4, 3]


def test_words_are_split_as_the_uncased_vocabulary_expects() -> None:
    assert split_words("Ünï-cödé\u200b costs $5!\t中文") == ["uni", "-", "code", "costs", "$", "5", "!", "中", "文"]


def test_a_mark_in_a_transcript_is_text_and_not_a_mark() -> None:
    assert split_words("</s>") == ["<", "/", "s", ">"]


def test_a_vocabulary_without_marks_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"<s>"):
        WordPieces(["<pad>", "[UNK]", "</s>"])


def test_vectors_are_those_of_the_reference_implementation(frozen: SentenceEncoder) -> None:
    # MPNetModel of Hugging Face transformers 4.57.1 with the published fp32 weights, mean over the pieces; the last
    # text has 152 pieces, so its furthest pairs share a bucket of the relative distance.
    texts = ["The new movie is awesome", "The new movie is so great", "The cat sits outside", "word " * 150]
    rows = frozen.encode(texts).values
    expected = {0: [0.01577967, 0.15607965, 0.02288692, -0.11833436], 3: [-0.11988392, 0.13994928, 0.03292748, -0.0211]}
    for row, values in expected.items():
        np.testing.assert_allclose(rows[row, :4], values, atol=2e-3)  # fp16 weights; values reach .45
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert unit[0] @ unit[1] == pytest.approx(0.9101, abs=1e-3)
    assert unit[0] @ unit[2] == pytest.approx(0.0902, abs=1e-3)


def test_a_text_has_the_same_vector_in_any_company(frozen: SentenceEncoder) -> None:
    texts = ["I loved it.", "", "No.", "It was, to say the least, a very long and tiresome evening for all of us."]
    together = frozen.encode(texts)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(together.values[row], frozen.encode([text]).values[0], atol=5e-6)
    assert together.valid.tolist() == [True, False, True, True]
    assert not together.values[1].any()


def test_the_form_that_analyses_use_gives_the_vectors_of_the_reference(folder: Path) -> None:
    """A length of 1, of a bucket's border and beyond the furthest distance; one thread and two."""
    texts = [
        "No.",
        "I loved it.",
        "It was, to say the least, a long and tiresome evening for all of us.",
        "word " * 150,
    ]
    reference = SentenceEncoder.load(folder)
    expected = reference.encode(texts).values
    for threads in (1, 2):
        served = load_sentence_encoder(sentence_form("mpnet-base-v2"), threads=threads)
        assert served.version == reference.version
        found = served.encode(texts)
        np.testing.assert_allclose(found.values, expected, atol=2e-3)  # stored in fp16; values reach .8
        alone = np.concatenate([served.encode([text]).values for text in texts])
        np.testing.assert_allclose(found.values, alone, atol=5e-6)


def test_a_form_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not a sentence encoder of CTranslate2"):
        load_sentence_encoder(tmp_path, threads=1)


def test_a_delta_is_added_to_its_layer(folder: Path, tmp_path: Path) -> None:
    before = load_transformer(folder).layers[2].query.weight.detach().clone()
    down, up = torch.randn(3, WIDTH), torch.randn(WIDTH, 3)
    path = tmp_path / "delta.safetensors"
    save_file({"layers.2.query.down": down, "layers.2.query.up": up}, path, metadata={"version": "test/1"})
    changed = load_transformer(folder)
    assert merge_delta(changed, path) == "test/1"
    torch.testing.assert_close(changed.layers[2].query.weight.detach(), before + up @ down)
    assert SentenceEncoder.load(folder, delta=path).version.endswith("+test/1")


@pytest.mark.parametrize(
    "tensors",
    [
        {"layers.12.query.down": torch.zeros(1, WIDTH), "layers.12.query.up": torch.zeros(WIDTH, 1)},
        {"layers.0.query.down": torch.zeros(1, WIDTH)},
        {"layers.0.query.down": torch.zeros(1, 7), "layers.0.query.up": torch.zeros(WIDTH, 1)},
    ],
    ids=["no such layer", "half of it", "wrong width"],
)
def test_a_foreign_delta_is_refused(folder: Path, tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "delta.safetensors"
    save_file(tensors, path, metadata={"version": "test/1"})
    with pytest.raises(WeightsError, match=r"delta\.safetensors"):
        merge_delta(load_transformer(folder), path)


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x04 not a safetensors file")
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        load_transformer(tmp_path)


def test_fine_tuning_parts_praise_from_blame(folder: Path, frozen: SentenceEncoder) -> None:
    # Same topic, opposite verdict: the published encoder goes by topic, the tuned one by verdict.
    texts = [
        "I loved this film, it was wonderful.",
        "I hated this film, it was awful.",
        "The food was excellent and the staff were kind.",
        "The food was disgusting and the staff were rude.",
    ]

    def margin(encoder: SentenceEncoder) -> float:
        rows = encoder.encode(texts).values
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        same_verdict = unit[0] @ unit[2] + unit[1] @ unit[3]
        same_topic = unit[0] @ unit[1] + unit[2] @ unit[3]
        return float(same_verdict - same_topic)

    assert DELTA.is_file(), "the tuned part is shipped"
    assert margin(SentenceEncoder.load(folder)) > margin(frozen) + 0.2


def test_a_transformer_without_numbers_loads_no_compiler() -> None:
    """Torch's compiler takes two seconds to import, and leaves a folder among the temporary files."""
    code = """
import sys, torch
from mtmm_video.extractors.text.mpnet import Transformer
with torch.device("meta"):
    Transformer()
assert "torch._dynamo" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
