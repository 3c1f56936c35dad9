"""Recognition with openai-whisper itself, in fp32 on torch: the reference for the faster engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from whisper.audio import HOP_LENGTH, N_FRAMES, pad_or_trim
from whisper.decoding import DecodingOptions, DecodingResult
from whisper.model import ModelDimensions, Whisper
from whisper.timing import find_alignment
from whisper.tokenizer import get_tokenizer

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.heard_words import (
    LOOP_COMPRESSION,
    NO_SPEECH,
    closed_tokens,
    collapse_loops,
    is_unlikely,
    segment_times,
    words_of,
)
from mtmm_video.extractors.speech.whisper_model import load_whisper
from mtmm_video.extractors.speech.windows import TRANSLATE, Window, task_for
from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.graphics import CPU

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # whisper's own: decoded again, less greedily, when the text looks wrong
SEED = 0  # for the draws at temperatures above 0


@dataclass(frozen=True)
class OpenAIEngine:
    """An `Engine` of openai-whisper.

    Attributes
    ----------
    network : Whisper
        See `extractors.speech.whisper_model.load_whisper`.
    translate : bool
        Write English words for speech in other languages.
    """

    network: Whisper
    translate: bool = False

    @classmethod
    def load(cls, model: Path, *, translate: bool = False, device: str = CPU) -> OpenAIEngine:
        """Read the model.

        Parameters
        ----------
        model : Path
            Its weights.
        translate : bool
            Write English words for speech in other languages.
        device : str
            Where it computes, as `torch.device` takes it.

        Raises
        ------
        WeightsError
            If the file is missing or damaged.
        """
        return cls(load_whisper(model).to(device), translate)

    @property
    def n_mels(self) -> int:
        """Bands of the spectrogram."""
        return int(self.network.dims.n_mels)

    @property
    def is_multilingual(self) -> bool:
        """Whether it knows languages beside English."""
        return bool(self.network.is_multilingual)

    @property
    def batch(self) -> int:
        """One window at a time."""
        return 1

    @torch.inference_mode()
    def encode(self, windows: Sequence[Window]) -> Tensor:
        """Return the features of windows that are padded to 30 s, shape (windows, n_audio_ctx, n_audio_state)."""
        mel = torch.stack([pad_or_trim(torch.from_numpy(window.mel), N_FRAMES) for window in windows])
        return cast(Tensor, self.network.encoder(mel.to(self.network.device)))

    @torch.inference_mode()
    def detect_languages(self, encoded: Tensor) -> list[tuple[str, float]]:
        """Return the most probable language of each window and its probability.

        Source: `whisper.decoding.detect_language`, which takes features of 30 s only.
        """
        tokenizer = get_tokenizer(True, num_languages=self.network.num_languages)
        start = torch.tensor([[tokenizer.sot]], device=self.network.device).expand(len(encoded), 1)
        logits = self.network.decoder(start, encoded)[:, 0]  # (windows, n_vocab)
        probabilities = logits[:, list(tokenizer.all_language_tokens)].softmax(dim=-1)
        best, places = probabilities.max(dim=-1)
        codes = tokenizer.all_language_codes
        return [(codes[place], value) for place, value in zip(places.tolist(), best.tolist(), strict=True)]

    def decode(self, windows: Sequence[Window], encoded: Tensor, *, languages: Sequence[str]) -> list[list[Word]]:
        """Return the words of each window."""
        return [
            self._decode(window, features, language=language)
            for window, features, language in zip(windows, encoded, languages, strict=True)
        ]

    def _decode(self, window: Window, features: Tensor, *, language: str) -> list[Word]:
        """Decode one window, less greedily as long as the text looks wrong, and time its words."""
        network = self.network
        task = task_for(language, translate=self.translate)
        with torch.random.fork_rng():
            torch.manual_seed(SEED)
            for temperature in TEMPERATURES:
                options = DecodingOptions(task=task, language=language, temperature=temperature, fp16=False)
                result = cast(DecodingResult, network.decode(features, options))
                unlikely = is_unlikely(result.avg_logprob)
                if unlikely and result.no_speech_prob > NO_SPEECH:
                    return []
                looping = result.compression_ratio > LOOP_COMPRESSION
                if not unlikely and not looping:
                    break
        tokenizer = get_tokenizer(
            network.is_multilingual, num_languages=network.num_languages, language=language, task=task
        )
        tokens = list(result.tokens)
        if not window.whole:
            tokens = closed_tokens(tokens, timestamp_begin=tokenizer.timestamp_begin)
        timings = find_alignment(
            _Encoded(network),
            tokenizer,
            [token for token in tokens if token < tokenizer.eot],
            features,
            round(window.seconds * SAMPLE_RATE / HOP_LENGTH),
        )
        if task == TRANSLATE:
            timings = segment_times(timings, tokens, timestamp_begin=tokenizer.timestamp_begin, seconds=window.seconds)
        words = words_of(timings, start=window.start, language="en" if task == TRANSLATE else language)
        return collapse_loops(words) if looping else words


@dataclass(frozen=True)
class _Encoded:
    """What `whisper.timing.find_alignment` asks of a model, but the call takes features and skips the encoder."""

    network: Whisper

    @property
    def dims(self) -> ModelDimensions:
        return cast(ModelDimensions, self.network.dims)

    @property
    def device(self) -> torch.device:
        return cast(torch.device, self.network.device)

    @property
    def decoder(self) -> nn.Module:
        return cast(nn.Module, self.network.decoder)

    @property
    def alignment_heads(self) -> Tensor:
        return cast(Tensor, self.network.alignment_heads)

    def __call__(self, features: Tensor, tokens: Tensor) -> Tensor:
        return cast(Tensor, self.network.decoder(tokens, features))
