"""Speech recognition: openai-whisper over all the speech of a recording, words with times.

Whisper alone hallucinates text for silence and music, skips speech after long pauses and repeats itself. So the speech
intervals of `extractors.speech.voice_activity` are packed into chunks of up to 30 s, whisper's window, cut only between
two intervals (the "cut and merge" of Bain et al.), and words outside speech are dropped. docs/utterances.md has the
figures for each choice.

Sources: A. Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022; M. Bain et al.,
"WhisperX: Time-Accurate Speech Transcription of Long-Form Audio", INTERSPEECH 2023, section 3.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from whisper.audio import HOP_LENGTH, N_FRAMES, N_SAMPLES, log_mel_spectrogram, pad_or_trim
from whisper.decoding import DecodingOptions, DecodingResult
from whisper.model import ModelDimensions, Whisper
from whisper.timing import find_alignment, merge_punctuations
from whisper.tokenizer import LANGUAGES, get_tokenizer

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.extractors.speech.word_times import Span, fill_times
from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import InputError, WeightsError

SPEECH_VERSION = "whisper-words/1"  # raise when the rules below change: stored transcripts are then recomputed
METADATA_KEY = "whisper"  # in the weights file: JSON with dims and alignment_heads

LONGEST_CHUNK = 30.0  # seconds; the window whisper was trained on
LONGEST_GAP = 2.0  # seconds of silence inside a chunk; in longer ones whisper hallucinates text
CHUNK_MARGIN = 0.2  # seconds of audio added before and after a chunk, so that onsets are not cut
SPEECH_TOLERANCE = 0.2  # seconds between a word and detected speech: three times whisper's error in word starts
SHORTEST_REST = 0.5  # seconds of speech after the last word that need another window
SHORTEST_ADVANCE = 10.0  # seconds, least mean advance of the windows: bounds their number where decoding finds no word
SHORTEST_WORD = 0.02  # seconds; the step of whisper's word times. A shorter word has no time
SHORTEST_TAIL = 0.15  # seconds; a shorter overlap after a pause is an error of the alignment
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # whisper's own: sampling fallback for text that fails the checks below
LOOP_COMPRESSION = 2.4  # gzip ratio above which whisper counts a text as repetitive
LOWEST_LOGPROB = -1.0  # mean log probability of the tokens below which whisper counts a text as unreliable
NO_SPEECH = 0.6  # probability of "no speech" above which an unreliable text is dropped
WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # languages written without spaces between words
SEED = 0  # for sampling at temperatures above 0
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # punctuation of the next word, and of the previous word


@dataclass(frozen=True)
class Transcript:
    """Recognised words and their language.

    Attributes
    ----------
    words : tuple of Word
        In order of time; times in seconds from the start of the waveform.
    language : str
        ISO 639-1 code, given or recognised; empty for a recording without speech.
    """

    words: tuple[Word, ...]
    language: str


def transcribe(
    waveform: NDArray[np.floating],
    *,
    sample_rate: int,
    model: Path,
    speech: NDArray[np.floating],
    language: str | None = None,
    hook: Callable[[float], None] | None = None,
) -> Transcript:
    """Recognise the words of a recording.

    The result is deterministic: greedy decoding, and seeded sampling where whisper falls back to it.

    Parameters
    ----------
    waveform : ndarray, shape (samples,)
        Mono, in [-1, 1).
    sample_rate : int
        Must be 16,000 Hz.
    model : Path
        Safetensors file with the state of `whisper.model.Whisper` and its dims and alignment heads as metadata.
    speech : ndarray, shape (n, 2)
        Start and end of speech in seconds, see `extractors.speech.voice_activity.detect_speech`.
    language : str, optional
        ISO 639-1 code; by default recognised from the longest chunk.
    hook : callable, optional
        Called with the share of the speech that has been recognised, in [0, 1].

    Returns
    -------
    Transcript
        Without words if `speech` is empty.

    Raises
    ------
    InputError
        If the waveform has another sample rate or shape, or the language is unknown to the model.
    WeightsError
        If the model file is missing or damaged.
    """
    if sample_rate != SAMPLE_RATE or waveform.ndim != 1:
        raise InputError(
            f"waveform of shape {waveform.shape} at {sample_rate} Hz: whisper needs one channel, shape (samples,), at "
            f"{SAMPLE_RATE} Hz"
        )
    network = load_whisper(model)
    if language is not None and language not in LANGUAGES:
        raise InputError(f"language {language!r} is not known to whisper; give a two-letter code such as 'en'")
    if language not in (None, "en") and not network.is_multilingual:
        raise InputError(f"language {language!r}: {model.name} knows only English; choose a multilingual model")
    samples = np.ascontiguousarray(waveform, dtype=np.float32)
    chunks = plan_chunks(speech)
    if not chunks:
        return Transcript((), language or "")
    language = language or _recognise_language(network, samples, chunks)
    words: list[Word] = []
    done = 0.0
    total = sum(end - start for start, end in chunks)
    for chunk in chunks:
        words = join_text(words, _recognise(network, samples, speech, chunk=chunk, language=language))
        done += chunk[1] - chunk[0]
        if hook is not None:
            hook(done / total)
    return Transcript(fit_to_speech(words, speech), language)


@functools.lru_cache(maxsize=1)
def _load(path: Path, _modified: int) -> Whisper:
    try:
        with safe_open(path, framework="pt") as file:
            description = json.loads((file.metadata() or {})[METADATA_KEY])
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (not a dict)
        network = Whisper(ModelDimensions(**description["dims"]))
        network.load_state_dict(state)
        heads = torch.zeros(network.dims.n_text_layer, network.dims.n_text_head, dtype=torch.bool)
        for layer, head in description["alignment_heads"]:
            heads[layer, head] = True
    except (SafetensorError, KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: not a whisper model of mtmm-video ({error}); run `mtmm-video weights fetch` again"
        ) from error
    network.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)
    return network.eval()


def load_whisper(path: Path) -> Whisper:
    """Load a whisper model in fp32; the last one is cached until its file changes.

    Parameters
    ----------
    path : Path
        Safetensors file, see `transcribe`.

    Raises
    ------
    WeightsError
        If the file is missing or damaged.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: missing; run `mtmm-video weights fetch` to get the whisper model")
    return _load(path.resolve(), path.stat().st_mtime_ns)


def plan_chunks(speech: NDArray[np.floating]) -> tuple[Span, ...]:
    """Pack intervals of speech into chunks of at most `LONGEST_CHUNK` seconds without a gap over `LONGEST_GAP`.

    A cut is placed at the longest pause in the second half of the chunk, because whisper ends a sentence where its
    input ends. A single interval longer than that is one chunk, which is decoded in several windows.

    Parameters
    ----------
    speech : ndarray, shape (n, 2)
        Start and end in seconds, in order; as in the result.
    """
    longest = LONGEST_CHUNK - 2 * CHUNK_MARGIN
    chunks: list[Span] = []
    first = 0
    for last in range(len(speech)):
        while first < last:
            start = float(speech[first, 0])
            gaps = speech[first + 1 : last + 1, 0] - speech[first:last, 1]
            if gaps[-1] > LONGEST_GAP:
                cut = last
            elif float(speech[last, 1]) - start > longest:
                late = speech[first:last, 1] - start >= longest / 2
                cut = first + 1 + int(np.where(late, gaps, -1.0).argmax() if late.any() else len(gaps) - 1)
            else:
                break
            chunks.append((start, float(speech[cut - 1, 1])))
            first = cut
    if len(speech):
        chunks.append((float(speech[first, 0]), float(speech[-1, 1])))
    return tuple(chunks)


@dataclass(frozen=True)
class _Window:
    """Up to 30 s of audio, encoded once for both decoding and alignment."""

    network: Whisper
    features: Tensor  # (n_audio_ctx, n_audio_state)
    start: float  # seconds from the start of the recording
    seconds: float

    @classmethod
    def of(
        cls, network: Whisper, samples: NDArray[np.float32], *, start: float, end: float, earliest: float = 0.0
    ) -> _Window:
        first = round(max(earliest, start - CHUNK_MARGIN) * SAMPLE_RATE)
        last = min(len(samples), round((end + CHUNK_MARGIN) * SAMPLE_RATE), first + N_SAMPLES)
        mel = log_mel_spectrogram(samples[first:last], network.dims.n_mels, padding=N_SAMPLES)
        with torch.inference_mode():
            features = network.encoder(pad_or_trim(mel, N_FRAMES).unsqueeze(0))[0]
        return cls(network, features, first / SAMPLE_RATE, (last - first) / SAMPLE_RATE)

    # The part of a model that `whisper.timing.find_alignment` uses; the call skips the encoder.
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


def _recognise_language(network: Whisper, samples: NDArray[np.float32], chunks: Sequence[Span]) -> str:
    if not network.is_multilingual:
        return "en"
    start, end = max(chunks, key=lambda chunk: chunk[1] - chunk[0])
    _, probabilities = network.detect_language(_Window.of(network, samples, start=start, end=end).features)
    return str(max(probabilities, key=probabilities.__getitem__))


def _recognise(
    network: Whisper, samples: NDArray[np.float32], speech: NDArray[np.floating], *, chunk: Span, language: str
) -> list[Word]:
    """Recognise a chunk, window by window until no speech is left in it."""
    words: list[Word] = []
    position, end = chunk
    reached = 0.0
    for turn in range(2 + int((end - position) / SHORTEST_ADVANCE)):
        if turn and _spoken(speech, position, end) < SHORTEST_REST:
            break
        window = _Window.of(network, samples, start=position, end=end, earliest=reached)
        found = _decode(window, language=language, whole=window.start + window.seconds >= end)
        words = join_text(words, found)
        reached = found[-1].end if found else window.start + window.seconds
        reached = max(reached, position + SHORTEST_REST)
        later = speech[speech[:, 1] > reached, 0]
        position = max(reached, float(later[0]) if len(later) else end)
    return words


def _spoken(speech: NDArray[np.floating], start: float, end: float) -> float:
    """Return the seconds of speech between two times."""
    return float(np.clip(np.minimum(speech[:, 1], end) - np.maximum(speech[:, 0], start), 0.0, None).sum())


def _decode(window: _Window, *, language: str, whole: bool) -> list[Word]:
    """Decode one window, at rising temperatures until the text passes whisper's checks, and align its words.

    If the window ends before its chunk (not `whole`), the last, unclosed segment is dropped: the next window contains
    it in full.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        for temperature in TEMPERATURES:
            options = DecodingOptions(language=language, temperature=temperature, fp16=False)
            result = cast(DecodingResult, window.network.decode(window.features, options))
            unlikely = result.avg_logprob < LOWEST_LOGPROB
            if unlikely and result.no_speech_prob > NO_SPEECH:
                return []
            looping = result.compression_ratio > LOOP_COMPRESSION
            if not unlikely and not looping:
                break
    tokenizer = get_tokenizer(
        window.network.is_multilingual, num_languages=window.network.num_languages, language=language, task="transcribe"
    )
    tokens = list(result.tokens)
    if not whole:
        stamps = [token >= tokenizer.timestamp_begin for token in tokens]
        closed = [place for place in range(1, len(tokens)) if stamps[place - 1] and stamps[place]]
        tokens = tokens[: closed[-1]] if closed else tokens
    alignment = find_alignment(
        window,
        tokenizer,
        [token for token in tokens if token < tokenizer.eot],
        window.features,
        round(window.seconds * SAMPLE_RATE / HOP_LENGTH),
    )
    merge_punctuations(alignment, PREPENDED, APPENDED)
    words: list[Word] = []
    for timing in alignment:
        attached = not timing.word.startswith(" ") and language not in WITHOUT_SPACES
        if words and attached and timing.word:  # "-budget" of "low-budget", "%" of "50%"
            words[-1] = replace(words[-1], text=words[-1].text + timing.word, end=window.start + float(timing.end))
        elif any(character.isalnum() for character in timing.word):
            start, end = window.start + float(timing.start), window.start + float(timing.end)
            words.append(Word(timing.word.strip(), start, end, float(timing.probability)))
    return collapse_loops(words) if looping else words


def join_text(earlier: Sequence[Word], later: Sequence[Word]) -> list[Word]:
    """Concatenate the words of two windows and remove a full stop that marks only the end of the first window.

    Whisper ends the text of a window with a full stop even in the middle of a sentence; the next window then begins
    with a lower-case letter.
    """
    if not earlier or not later:
        return [*earlier, *later]
    seam = earlier[-1]
    goes_on = later[0].text[:1].islower() and later[0].start - seam.end <= LONGEST_GAP
    if goes_on and seam.text.endswith(".") and not seam.text.endswith(".."):
        seam = replace(seam, text=seam.text.removesuffix("."))
    return [*earlier[:-1], seam, *later]


def collapse_loops(words: Sequence[Word]) -> list[Word]:
    """Keep one repetition of every sequence of words that occurs three times or more in a row."""
    keys = [word.text.lower().strip(".,!?") for word in words]
    kept: list[Word] = []
    index = 0
    while index < len(words):
        length, rounds = 1, 1
        for length in range(1, (len(words) - index) // 3 + 1):
            pattern = keys[index : index + length]
            rounds = 1
            while keys[index + rounds * length : index + (rounds + 1) * length] == pattern:
                rounds += 1
            if rounds >= 3:
                break
        else:
            length, rounds = 1, 1
        kept.extend(words[index : index + length])
        index += length * rounds
    return kept


def fit_to_speech(words: Sequence[Word], speech: NDArray[np.floating]) -> tuple[Word, ...]:
    """Clip words to the speech they overlap, drop those outside speech, interpolate those without a duration.

    Whisper's alignment starts a word where the previous one ends, so a word that spans a pause was spoken after it,
    unless the part after the pause is shorter than `SHORTEST_TAIL`.

    Parameters
    ----------
    words : sequence of Word
        In order of time, with whisper's times.
    speech : ndarray, shape (n, 2)
        Start and end in seconds, n > 0.

    Returns
    -------
    tuple of Word
        In order of time, none overlapping the next.
    """
    texts: list[str] = []
    spans: list[Span | None] = []
    probabilities: list[float | None] = []
    for word in words:
        overlap = np.minimum(speech[:, 1], word.end) - np.maximum(speech[:, 0], word.start)
        if overlap.max() < -SPEECH_TOLERANCE:
            continue
        texts.append(word.text)
        probabilities.append(word.probability)
        enough = np.flatnonzero(overlap >= SHORTEST_WORD)
        if word.end - word.start < SHORTEST_WORD:
            spans.append(None)
        elif len(enough):
            long_enough = np.flatnonzero(overlap >= SHORTEST_TAIL)
            best = int(long_enough[-1] if len(long_enough) else overlap.argmax())
            spans.append((max(word.start, float(speech[best, 0])), min(word.end, float(speech[best, 1]))))
        else:
            spans.append((word.start, word.end))
    return fill_times(texts, spans, start=float(speech[0, 0]), end=float(speech[-1, 1]), probabilities=probabilities)
