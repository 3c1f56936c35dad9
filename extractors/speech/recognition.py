"""Speech recognition: openai-whisper over all the speech of a recording, words with times.

Whisper alone writes text for silence and music, loses its place in long pauses and falls into loops. So the speech that
`extractors.speech.voice_activity` found is packed into chunks of up to 30 s, whisper's window, cut only between two
intervals of speech (the "cut and merge" of Bain et al.), and words that lie outside speech are dropped.
docs/utterances.md has the figures behind each choice.

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
from whisper.audio import HOP_LENGTH, N_FRAMES, N_SAMPLES, SAMPLE_RATE, log_mel_spectrogram, pad_or_trim
from whisper.decoding import DecodingOptions, DecodingResult
from whisper.model import ModelDimensions, Whisper
from whisper.timing import find_alignment, merge_punctuations
from whisper.tokenizer import LANGUAGES, get_tokenizer

from mtmm_video.extractors.speech.word_times import Span, fill_times
from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import InputError, WeightsError

SPEECH_VERSION = "whisper-words/1"  # raise when the rules below change: stored transcripts are then made again
METADATA_KEY = "whisper"  # in the weights file: JSON with dims and alignment_heads

STRETCH = 30.0  # seconds; the window whisper was trained on
LONGEST_GAP = 2.0  # seconds of silence that a stretch may hold; longer ones are where whisper invents text
STRETCH_MARGIN = 0.2  # seconds of sound before and after a stretch, so that whisper hears how it begins
SPEECH_TOLERANCE = 0.2  # seconds a word may lie beside detected speech: three times whisper's error in word starts
SHORTEST_REST = 0.5  # seconds of speech after the last word for which the window is moved on
SHORTEST_ADVANCE = 10.0  # seconds that windows move on average, at least: sound that whisper cannot read is given up
SHORTEST_WORD = 0.02  # seconds; the step of whisper's word times. A shorter word got no time
SHORTEST_TAIL = 0.15  # seconds; what lies after a pause and is shorter is the blur of the word before it, not a word
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # whisper's own: decoded again, less greedily, when the text looks wrong
LOOP_COMPRESSION = 2.4  # gzip ratio of a text above which whisper counts it as a loop
LOWEST_LOGPROB = -1.0  # mean log probability of the tokens below which whisper doubts a text
NO_SPEECH = 0.6  # probability of "no speech" above which a doubtful text is taken for invented
WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # languages written without spaces between words
SEED = 0  # for the draws at temperatures above 0
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # marks that belong to the next word, to the word before


@dataclass(frozen=True)
class Transcript:
    """What was said.

    Attributes
    ----------
    words : tuple of Word
        In order of time, on the clock of the waveform.
    language : str
        ISO 639-1 code, given or recognised; empty where nobody speaks.
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

    The same input gives the same words: greedy decoding, and seeded draws where whisper falls back to sampling.

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
        ISO 639-1 code; recognised from the stretch with most speech where it is not given.
    hook : callable, optional
        Called with the share of the speech that is done, in [0, 1].

    Returns
    -------
    Transcript
        No words where `speech` is empty.

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
    stretches = plan_stretches(speech)
    if not stretches:
        return Transcript((), language or "")
    language = language or _recognise_language(network, samples, stretches)
    words: list[Word] = []
    done = 0.0
    total = sum(end - start for start, end in stretches)
    for stretch in stretches:
        words = join_text(words, _recognise(network, samples, speech, stretch=stretch, language=language))
        done += stretch[1] - stretch[0]
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
    """Read a whisper model in fp32, once per process as long as the file does not change.

    Parameters
    ----------
    path : Path
        Safetensors file as `transcribe` takes it.

    Raises
    ------
    WeightsError
        If the file is missing or damaged.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: missing; run `mtmm-video weights fetch` to get the whisper model")
    return _load(path.resolve(), path.stat().st_mtime_ns)


def plan_stretches(speech: NDArray[np.floating]) -> tuple[Span, ...]:
    """Pack intervals of speech into stretches of at most `STRETCH` seconds without a gap over `LONGEST_GAP`.

    Where speech must be cut, it is cut at the longest pause in the second half of the stretch: whisper takes the end of
    what it hears for the end of a sentence. An interval that is longer by itself stays whole; the window then moves
    through it.

    Parameters
    ----------
    speech : ndarray, shape (n, 2)
        Start and end in seconds, in order.
    """
    longest = STRETCH - 2 * STRETCH_MARGIN
    stretches: list[Span] = []
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
            stretches.append((start, float(speech[cut - 1, 1])))
            first = cut
    if len(speech):
        stretches.append((float(speech[first, 0]), float(speech[-1, 1])))
    return tuple(stretches)


@dataclass(frozen=True)
class _Window:
    """Up to 30 s of sound as whisper's encoder sees it, encoded once for decoding and alignment alike."""

    network: Whisper
    features: Tensor  # (n_audio_ctx, n_audio_state)
    start: float  # seconds on the clock of the recording
    seconds: float

    @classmethod
    def of(
        cls, network: Whisper, samples: NDArray[np.float32], *, start: float, end: float, earliest: float = 0.0
    ) -> _Window:
        first = round(max(earliest, start - STRETCH_MARGIN) * SAMPLE_RATE)
        last = min(len(samples), round((end + STRETCH_MARGIN) * SAMPLE_RATE), first + N_SAMPLES)
        mel = log_mel_spectrogram(samples[first:last], network.dims.n_mels, padding=N_SAMPLES)
        with torch.inference_mode():
            features = network.encoder(pad_or_trim(mel, N_FRAMES).unsqueeze(0))[0]
        return cls(network, features, first / SAMPLE_RATE, (last - first) / SAMPLE_RATE)

    # What `whisper.timing.find_alignment` asks of a model; the call skips the encoder.
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


def _recognise_language(network: Whisper, samples: NDArray[np.float32], stretches: Sequence[Span]) -> str:
    if not network.is_multilingual:
        return "en"
    start, end = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
    _, probabilities = network.detect_language(_Window.of(network, samples, start=start, end=end).features)
    return str(max(probabilities, key=probabilities.__getitem__))


def _recognise(
    network: Whisper, samples: NDArray[np.float32], speech: NDArray[np.floating], *, stretch: Span, language: str
) -> list[Word]:
    """Move the window through a stretch until no speech is left in it."""
    words: list[Word] = []
    position, end = stretch
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
    """Decode one window, less greedily as long as the text looks wrong, and time its words.

    Where the window ends before its stretch does (not `whole`), a segment that whisper left open is cut off by the
    window and left to the next one.
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
    """Put the words of two windows together, without the full stop that the end of the first window was taken for.

    Whisper ends the text of a window with a full stop even in the middle of a sentence, but it begins the next window
    with a small letter then.
    """
    if not earlier or not later:
        return [*earlier, *later]
    seam = earlier[-1]
    goes_on = later[0].text[:1].islower() and later[0].start - seam.end <= LONGEST_GAP
    if goes_on and seam.text.endswith(".") and not seam.text.endswith(".."):
        seam = replace(seam, text=seam.text.removesuffix("."))
    return [*earlier[:-1], seam, *later]


def collapse_loops(words: Sequence[Word]) -> list[Word]:
    """Keep one round of every run of words that comes three times or more in a row."""
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
    """Cut words to the speech they overlap, drop those beside all speech, interpolate those without a duration.

    Whisper's attention moves to a word as soon as the one before is over, so a word that spans a pause was said after
    it; unless hardly any of it lies there.

    Parameters
    ----------
    words : sequence of Word
        In order of time, as whisper gives them.
    speech : ndarray, shape (n, 2)
        Start and end in seconds, n > 0.
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
