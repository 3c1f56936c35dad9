"""Names and files of the sentence encoder, for code that must not import torch."""

from __future__ import annotations

from pathlib import Path

FROZEN_VERSION = "mpnet-base-v2/1"
VOCABULARY_FILE = "vocab.txt"  # of a weight's folder and of its form
DELTA = Path(__file__).parent / "sentence_delta.safetensors"  # what tuning adds, see `sentence_encoder.merge_delta`
