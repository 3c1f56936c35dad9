"""Conversion is lossless: a CTranslate2 file and OpenAI's own checkpoint give the same network, byte for byte."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
import whisper
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file
from whisper.model import ModelDimensions, Whisper

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.options import ASR_MODELS
from mtmm_video.pipeline.weights import conversion as weights_conversion
from mtmm_video.pipeline.weights.conversion import convert, read_ctranslate2
from mtmm_video.pipeline.weights.manifest import MANIFEST
from mtmm_video.pipeline.weights.weight import RawFile, WeightSource

HEADS = ((0, 1), (1, 0))
DIMS = ModelDimensions(
    n_mels=4,
    n_audio_ctx=6,
    n_audio_state=8,
    n_audio_head=2,
    n_audio_layer=1,
    n_vocab=11,
    n_text_ctx=448,
    n_text_state=8,
    n_text_head=2,
    n_text_layer=2,
)


@pytest.fixture
def network() -> Whisper:
    torch.manual_seed(1)
    network = Whisper(DIMS)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    return network.half()


def ctranslate2_variables(network: Whisper) -> dict[str, NDArray[np.generic]]:
    """The variables as CTranslate2's converter names and stacks them, written independently of our reader."""
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    zeros = np.zeros(DIMS.n_text_state, dtype=np.float16)
    variables: dict[str, NDArray[np.generic]] = {
        "encoder/num_heads": np.array(DIMS.n_audio_head, dtype=np.int16),
        "decoder/num_heads": np.array(DIMS.n_text_head, dtype=np.int16),
        "encoder/conv1/weight": state["encoder.conv1.weight"],
        "encoder/conv1/bias": state["encoder.conv1.bias"],
        "encoder/conv2/weight": state["encoder.conv2.weight"],
        "encoder/conv2/bias": state["encoder.conv2.bias"],
        "encoder/layer_norm/gamma": state["encoder.ln_post.weight"],
        "encoder/layer_norm/beta": state["encoder.ln_post.bias"],
        "decoder/layer_norm/gamma": state["decoder.ln.weight"],
        "decoder/layer_norm/beta": state["decoder.ln.bias"],
        "encoder/position_encodings/encodings": state["encoder.positional_embedding"],
        "decoder/position_encodings/encodings": np.vstack([state["decoder.positional_embedding"], zeros[None]]),
        "decoder/embeddings/weight": state["decoder.token_embedding.weight"],
    }
    for side, layers in (("encoder", DIMS.n_audio_layer), ("decoder", DIMS.n_text_layer)):
        for layer in range(layers):
            ours, theirs = f"{side}.blocks.{layer}", f"{side}/layer_{layer}"
            for norm, name in (("attn_ln", "self_attention"), ("cross_attn_ln", "attention"), ("mlp_ln", "ffn")):
                if f"{ours}.{norm}.weight" in state:
                    variables[f"{theirs}/{name}/layer_norm/gamma"] = state[f"{ours}.{norm}.weight"]
                    variables[f"{theirs}/{name}/layer_norm/beta"] = state[f"{ours}.{norm}.bias"]
            for number, name in (("0", "linear_0"), ("2", "linear_1")):
                for kind in ("weight", "bias"):
                    variables[f"{theirs}/ffn/{name}/{kind}"] = state[f"{ours}.mlp.{number}.{kind}"]
            a = f"{ours}.attn"
            variables[f"{theirs}/self_attention/linear_0/weight"] = np.concatenate(
                [state[f"{a}.query.weight"], state[f"{a}.key.weight"], state[f"{a}.value.weight"]]
            )
            variables[f"{theirs}/self_attention/linear_0/bias"] = np.concatenate(
                [state[f"{a}.query.bias"], zeros, state[f"{a}.value.bias"]]
            )
            variables[f"{theirs}/self_attention/linear_1/weight"] = state[f"{a}.out.weight"]
            variables[f"{theirs}/self_attention/linear_1/bias"] = state[f"{a}.out.bias"]
            if side == "decoder":
                c = f"{ours}.cross_attn"
                for ours_part, number in (("query", 0), ("out", 2)):
                    variables[f"{theirs}/attention/linear_{number}/weight"] = state[f"{c}.{ours_part}.weight"]
                    variables[f"{theirs}/attention/linear_{number}/bias"] = state[f"{c}.{ours_part}.bias"]
                variables[f"{theirs}/attention/linear_1/weight"] = np.concatenate(
                    [state[f"{c}.key.weight"], state[f"{c}.value.weight"]]
                )
                variables[f"{theirs}/attention/linear_1/bias"] = np.concatenate([zeros, state[f"{c}.value.bias"]])
    return variables


def write_ctranslate2(path: Path, variables: dict[str, NDArray[np.generic]], version: int = 6) -> None:
    kinds = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}

    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    content = struct.pack("<I", version) + string("WhisperSpec") + struct.pack("<II", 3, len(variables))
    for name, array in variables.items():
        content += string(name) + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        content += struct.pack("<BI", kinds[array.dtype.name], array.nbytes) + array.tobytes()
    content += struct.pack("<I", 1) + string("decoder/projection/weight") + string("decoder/embeddings/weight")
    path.write_bytes(content)


def convert_ctranslate2(folder: Path, variables: dict[str, NDArray[np.generic]]) -> Path:
    write_ctranslate2(folder / "model.bin", variables)
    (folder / "config.json").write_text(json.dumps({"alignment_heads": HEADS}))
    target = folder / "from_ctranslate2"
    target.mkdir()
    convert(WeightSource("test", (), "whisper_from_ctranslate2"), folder, target)
    return target / "model.safetensors"


def test_whisper_comes_out_of_ctranslate2_unchanged(network: Whisper, tmp_path: Path) -> None:
    path = convert_ctranslate2(tmp_path, ctranslate2_variables(network))
    with safe_open(path, "pt") as file:
        description = json.loads(file.metadata()["whisper"])
    assert description == {"dims": asdict(DIMS), "alignment_heads": [list(head) for head in HEADS]}
    restored = Whisper(ModelDimensions(**description["dims"])).half()
    restored.load_state_dict(load_file(path), strict=True)
    for name, tensor in network.state_dict().items():
        assert torch.equal(restored.state_dict()[name], tensor), name


def test_both_sources_give_the_same_file(network: Whisper, tmp_path: Path) -> None:
    torch.save({"dims": asdict(DIMS), "model_state_dict": network.state_dict()}, tmp_path / "base.pt")
    target = tmp_path / "from_openai"
    target.mkdir()
    raw = (RawFile("base.pt", "", 0, ()),)
    convert(WeightSource("test", raw, "whisper_from_openai", alignment_heads=HEADS), tmp_path, target)
    other = convert_ctranslate2(tmp_path, ctranslate2_variables(network))
    assert (target / "model.safetensors").read_bytes() == other.read_bytes()


def test_a_key_bias_means_another_network(network: Whisper, tmp_path: Path) -> None:
    variables = ctranslate2_variables(network)
    variables["decoder/layer_1/self_attention/linear_0/bias"] += np.float16(1)  # type: ignore[operator]
    with pytest.raises(WeightsError, match="key bias"):
        convert_ctranslate2(tmp_path, variables)


def test_a_missing_variable_is_named(network: Whisper, tmp_path: Path) -> None:
    variables = ctranslate2_variables(network)
    del variables["encoder/conv2/bias"]
    with pytest.raises(WeightsError, match="encoder/conv2/bias"):
        convert_ctranslate2(tmp_path, variables)


def test_other_versions_and_short_files_are_refused(network: Whisper, tmp_path: Path) -> None:
    write_ctranslate2(tmp_path / "old.bin", {}, version=5)
    with pytest.raises(WeightsError, match="version 5"):
        read_ctranslate2(tmp_path / "old.bin")
    write_ctranslate2(tmp_path / "whole.bin", ctranslate2_variables(network))
    (tmp_path / "short.bin").write_bytes((tmp_path / "whole.bin").read_bytes()[:3000])
    with pytest.raises(WeightsError, match="ends in the middle"):
        read_ctranslate2(tmp_path / "short.bin")


@pytest.mark.parametrize("name", ASR_MODELS)
def test_the_alignment_heads_of_the_manifest_are_those_of_openai_whisper(name: str) -> None:
    source = next(s for s in MANIFEST[f"whisper-{name}"].sources if s.conversion == "whisper_from_openai")
    flat = np.frombuffer(gzip.decompress(base64.b85decode(whisper._ALIGNMENT_HEADS[name])), dtype=bool)
    layers, heads = {"base": (6, 8), "tiny.en": (4, 6), "small": (12, 12), "medium": (24, 16)}.get(name, (4, 20))
    assert source.alignment_heads == tuple(map(tuple, np.argwhere(flat.reshape(layers, heads)).tolist()))
    assert source.files[0].sha256 in whisper._MODELS[name]


def test_glove_is_the_same_from_text_and_from_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["the", "n't", "'s", "café", "\u00a0"]
    vectors = np.random.default_rng(1).normal(size=(5, 50)).round(5).astype(np.float32)
    monkeypatch.setattr(weights_conversion, "GLOVE_SHAPE", vectors.shape)
    lines = [f"{word} {' '.join(f'{x:.5f}' for x in row)}\n" for word, row in zip(words, vectors, strict=True)]
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w") as archive:
        archive.writestr("glove.6B.50d.txt", "".join(lines))
    np.save(tmp_path / "glove_6B_50d_emb.npy", vectors)
    pyarrow.parquet.write_table(pyarrow.table({"index": words}), tmp_path / "glove_6B_index.parquet")
    made = []
    for conversion, raw in (("glove_from_text", (RawFile("glove.6B.zip", "", 0, ()),)), ("glove_from_arrays", ())):
        target = tmp_path / conversion
        target.mkdir()
        convert(WeightSource("test", raw, conversion), tmp_path, target)  # type: ignore[arg-type]
        made.append({path.name: path.read_bytes() for path in target.iterdir()})
        loaded = GloveVectors.load(target)
        assert list(loaded.words) == words
        assert np.array_equal(loaded.keyed_vectors()["n't"], vectors[1])
    assert made[0] == made[1]
