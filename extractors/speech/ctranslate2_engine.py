"""Recognition with CTranslate2: the same whisper in int8, windows in batches, and no silence that is not needed.

Whisper was trained on windows of 30 s, and its own code pads every window to that. Half of the encoder's work, and on
short recordings nearly all of it, is then spent on silence. Here a window is padded by one second, and the windows of a
batch to the longest of them: about as many words are right, and word times are the same (docs/utterances.md has the
figures). Where a text looks wrong, the window is decoded again as whisper was trained, with
30 s, and then by beam search. Whisper's own remedy is random draws; without them the same recording gives the same
words in whatever order a process takes recordings.

Source: the CTranslate2 library, https://opennmt.net/CTranslate2.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ctranslate2
import numpy as np
from ctranslate2.models import Whisper
from numpy.typing import NDArray
from whisper.audio import TOKENS_PER_SECOND
from whisper.timing import WordTiming
from whisper.tokenizer import Tokenizer, get_tokenizer

from mtmm_video.extractors.speech.chunks import LONGEST_CHUNK
from mtmm_video.extractors.speech.heard_words import (
    NO_SPEECH,
    closed_tokens,
    collapse_loops,
    is_loop,
    is_unlikely,
    segment_times,
    words_of,
)
from mtmm_video.extractors.speech.windows import FRAMES_PER_SECOND, TRANSLATE, Window, task_for
from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import WeightsError
from mtmm_video.foundation.graphics import CPU, torch_device
from mtmm_video.foundation.loading import keeping_one

BATCH: Final = 8  # windows; more gain little (docs/performance.md) and cost 0.1 GB each
SILENCE: Final = 1.0  # seconds after the sound of the longest window of a batch
CONTEXT_STEP: Final = 2.0  # seconds, of which a batch's length is a multiple: the library keeps memory for few shapes
LONGEST_TEXT: Final = 224  # tokens of a window, half of the decoder's context, as whisper has it
SEARCHES: Final[tuple[dict[str, int], ...]] = (  # of a window of 30 s; the next one while a text looks wrong
    {"beam_size": 1},
    {"beam_size": 5},
    {"beam_size": 5, "no_repeat_ngram_size": 4},
)
OVERRUN: Final = 2.0  # seconds after the sound at which a text may end: whisper's times are rough (docs/utterances.md)
CUDA_LIBRARY: Final = re.compile(rb"lib(?:cublas|cudnn)\.so\.\d+")  # as named in the library's own code
COMPUTE_TYPES: Final = {"cpu": "int8", "cuda": "float16"}


@dataclass(frozen=True)
class _Text:
    tokens: list[int]
    looping: bool
    unlikely: bool
    silent: bool  # in whisper's own judgement
    overrun: bool  # it goes on after the sound has ended, so it was invented

    @property
    def doubtful(self) -> bool:
        return (self.looping or self.unlikely or self.overrun) and not self.silent


def device() -> str:
    """Return where CTranslate2 computes on this machine: "cuda" or "cpu".

    It brings no CUDA libraries and finds those that torch has loaded, so torch must see the graphics processor, too.
    """
    if not ctranslate2.get_cuda_device_count() or torch_device() == CPU or missing_library() is not None:
        return CPU
    return torch_device()


@functools.cache
def missing_library() -> str | None:
    """Return the name of a CUDA library that CTranslate2 would look for in vain, None where it has all of them.

    It opens them by name when it first multiplies, not when a model is read; and its wheels are built for one version
    of CUDA. Beside PyTorch for another one, every recognition would fail. One that pip has installed for it is loaded.
    """
    packages = Path(ctranslate2.__file__).parent.parent
    for library in sorted(packages.glob("ctranslate2.libs/libctranslate2*")):
        with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            names: list[str] = sorted({name.decode("ascii") for name in CUDA_LIBRARY.findall(content)})
        for name in names:
            places = [*map(str, packages.glob(f"nvidia/*/lib/{name}")), name]
            if not any(_loads(place) for place in places):
                return name
    return None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


@keeping_one
def load_ctranslate2(folder: Path, *, threads: int, device: str = "cpu") -> Whisper:
    """Read a CTranslate2 whisper model, once per process.

    Parameters
    ----------
    folder : Path
        With ``model.bin``, ``config.json`` and ``vocabulary.json``.
    threads : int
        Processor threads that one batch takes.
    device : str
        "cpu" or "cuda".

    Raises
    ------
    WeightsError
        If the folder is missing or damaged.
    """
    try:
        return Whisper(str(folder), device=device, compute_type=COMPUTE_TYPES[device], intra_threads=threads)
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{folder}: not a whisper model of CTranslate2 ({error}); delete the folder") from error


@dataclass(frozen=True)
class CTranslate2Engine:
    """An `Engine` of CTranslate2.

    Attributes
    ----------
    network : Whisper
        See `load_ctranslate2`.
    translate : bool
        Write English words for speech in other languages.
    """

    network: Whisper
    translate: bool = False

    @classmethod
    def load(cls, folder: Path, *, threads: int, device: str = "cpu", translate: bool = False) -> CTranslate2Engine:
        """Read the model, see `load_ctranslate2`."""
        return cls(load_ctranslate2(folder.resolve(), threads=threads, device=device), translate)

    @property
    def n_mels(self) -> int:
        """Bands of the spectrogram."""
        return int(self.network.n_mels)

    @property
    def is_multilingual(self) -> bool:
        """Whether it knows languages beside English."""
        return bool(self.network.is_multilingual)

    @property
    def batch(self) -> int:
        """Windows at a time."""
        return BATCH

    def encode(self, windows: Sequence[Window]) -> NDArray[np.float32]:
        """Return the features of windows, shape (windows, 50 per second, n_audio_state)."""
        longest = max(window.seconds for window in windows) + SILENCE
        return self._encode(windows, seconds=min(LONGEST_CHUNK, CONTEXT_STEP * float(np.ceil(longest / CONTEXT_STEP))))

    def _encode(self, windows: Sequence[Window], *, seconds: float) -> NDArray[np.float32]:
        frames = round(seconds * FRAMES_PER_SECOND)
        mel = np.stack([window.mel[:, :frames] for window in windows])
        return np.array(self.network.encode(_view(mel), to_cpu=True))

    def detect_languages(self, encoded: NDArray[np.float32]) -> list[tuple[str, float]]:
        """Return the most probable language of each window and its probability."""
        found = self.network.detect_language(_view(encoded))
        return [(ranked[0][0].strip("<|>"), float(ranked[0][1])) for ranked in found]

    def decode(
        self, windows: Sequence[Window], encoded: NDArray[np.float32], *, languages: Sequence[str]
    ) -> list[list[Word]]:
        """Return the words of each window."""
        words: list[list[Word]] = [[] for _ in windows]
        for language in dict.fromkeys(languages):
            rows = [row for row, entry in enumerate(languages) if entry == language]
            found = self._decode([windows[row] for row in rows], encoded[rows], language=language)
            for row, heard in zip(rows, found, strict=True):
                words[row] = heard
        return words

    def _decode(self, windows: Sequence[Window], encoded: NDArray[np.float32], *, language: str) -> list[list[Word]]:
        task = task_for(language, translate=self.translate)
        tokenizer = get_tokenizer(
            self.is_multilingual, num_languages=self.network.num_languages, language=language, task=task
        )
        texts = self._generate(windows, encoded, tokenizer, SEARCHES[0])
        doubtful = [row for row, text in enumerate(texts) if text.doubtful]
        padded = self._encode([windows[row] for row in doubtful], seconds=LONGEST_CHUNK) if doubtful else encoded
        for search in SEARCHES:
            rows = [place for place, row in enumerate(doubtful) if texts[row].doubtful]
            if not rows:
                break
            again = self._generate([windows[doubtful[place]] for place in rows], padded[rows], tokenizer, search)
            for place, text in zip(rows, again, strict=True):
                texts[doubtful[place]] = text
        decoded: list[list[int]] = []
        for window, text in zip(windows, texts, strict=True):
            tokens = [] if text.silent else text.tokens
            if not window.whole:
                tokens = closed_tokens(tokens, timestamp_begin=tokenizer.timestamp_begin)
            decoded.append(tokens)
        spoken = [[token for token in tokens if token < tokenizer.eot] for tokens in decoded]
        rows = [row for row, tokens in enumerate(spoken) if tokens]
        words: list[list[Word]] = [[] for _ in windows]
        if not rows:
            return words
        alignments = self.network.align(
            _view(encoded[rows]),
            list(tokenizer.sot_sequence),
            [spoken[row] for row in rows],
            [round(windows[row].seconds * FRAMES_PER_SECOND) for row in rows],
        )
        for row, alignment in zip(rows, alignments, strict=True):
            timings = _timings(spoken[row], alignment, tokenizer)
            if task == TRANSLATE:
                timings = segment_times(
                    timings,
                    decoded[row],
                    timestamp_begin=tokenizer.timestamp_begin,
                    seconds=windows[row].seconds,
                )
            written = "en" if task == TRANSLATE else language
            heard = words_of(timings, start=windows[row].start, language=written)
            words[row] = collapse_loops(heard) if texts[row].looping else heard
        return words

    def _generate(
        self, windows: Sequence[Window], encoded: NDArray[np.float32], tokenizer: Tokenizer, search: dict[str, int]
    ) -> list[_Text]:
        prompt = list(tokenizer.sot_sequence)
        found = self.network.generate(
            _view(encoded),
            [prompt] * len(encoded),
            max_length=len(prompt) + LONGEST_TEXT,
            return_scores=True,
            return_no_speech_prob=True,
            **search,
        )
        texts: list[_Text] = []
        for window, result in zip(windows, found, strict=True):
            tokens = list(result.sequences_ids[0])
            logprob = result.scores[0] * len(tokens) / (len(tokens) + 1)  # whisper counts the end token, too
            said = tokenizer.decode([token for token in tokens if token < tokenizer.eot]).strip()
            unlikely = is_unlikely(logprob)
            silent = unlikely and result.no_speech_prob > NO_SPEECH
            latest = (max(tokens, default=0) - tokenizer.timestamp_begin) / TOKENS_PER_SECOND
            overrun = latest > window.seconds + OVERRUN
            texts.append(_Text(tokens, is_loop(said), unlikely, silent, overrun))
        return texts


def _view(array: NDArray[np.float32]) -> Any:
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(array))


def _timings(tokens: list[int], alignment: Any, tokenizer: Tokenizer) -> list[WordTiming]:
    """Return when each word of a window begins and ends: where the aligned path enters its first token and the next.

    Source: `whisper.timing.find_alignment`, whose second half this is; CTranslate2 computes the first.
    """
    path = np.array(alignment.alignments, dtype=np.int64).reshape(-1, 2)  # (steps, 2): token, 20 ms frame
    words, word_tokens = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    bounds = np.concatenate([[0], np.cumsum([len(each) for each in word_tokens[:-1]])])
    enters = np.concatenate([[True], np.diff(path[:, 0]) > 0])
    times = path[enters, 1] / TOKENS_PER_SECOND
    return [
        WordTiming(word, each, times[first], times[last], np.mean(alignment.text_token_probs[first:last]))
        for word, each, first, last in zip(words, word_tokens, bounds[:-1], bounds[1:], strict=False)
    ]
