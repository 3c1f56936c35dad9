"""Words that were said, when they were said, and none that were not."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from whisper.model import ModelDimensions, Whisper

from mtmm_video.extractors.speech import openai_engine, recognition
from mtmm_video.extractors.speech.chunks import LONGEST_CHUNK, plan_chunks
from mtmm_video.extractors.speech.heard_words import collapse_loops, fit_to_speech, join_text
from mtmm_video.extractors.speech.openai_engine import OpenAIEngine
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.transcript import Transcript
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.extractors.speech.whisper_model import load_whisper
from mtmm_video.extractors.speech.windows import Engine
from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import InputError, WeightsError

RATE = 16_000
DIMS = ModelDimensions(80, 1500, 8, 1, 1, 51864, 448, 8, 1, 1)  # the smallest whisper, English only
NOBODY = np.zeros((0, 2))


def words(*spoken: tuple[str, float, float]) -> list[Word]:
    return [Word(text, start, end, 0.9) for text, start, end in spoken]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """An untrained whisper in a file like the converted ones."""
    torch.manual_seed(0)
    path = tmp_path / "model.safetensors"
    network = Whisper(DIMS)
    torch.nn.init.normal_(network.decoder.positional_embedding)  # whisper leaves it uninitialised
    description = {"dims": dataclasses.asdict(DIMS), "alignment_heads": [[0, 0]]}
    save_file(network.half().state_dict(), path, metadata={"whisper": json.dumps(description)})
    return path


def test_chunks_hold_speech_up_to_thirty_seconds() -> None:
    intervals = np.array([[0.0, 10.0], [10.5, 20.0], [20.4, 27.0], [27.2, 35.0], [40.0, 41.0]])
    assert plan_chunks(intervals) == ((0.0, 20.0), (20.4, 35.0), (40.0, 41.0))
    assert plan_chunks(NOBODY) == ()
    assert plan_chunks(np.array([[1.0, 80.0], [81.0, 82.0]])) == ((1.0, 80.0), (81.0, 82.0))


@pytest.mark.parametrize("seed", range(5))
def test_chunks_cover_all_speech_once(seed: int) -> None:
    marks = np.cumsum(np.random.default_rng(seed).uniform(0.1, 6.0, 80)).reshape(-1, 2)
    chunks = plan_chunks(marks)
    assert all(any(start <= a and b <= end for start, end in chunks) for a, b in marks)
    assert all(end <= following for (_, end), (following, _) in itertools.pairwise(chunks))
    assert all(end - start <= LONGEST_CHUNK for start, end in chunks)


def test_a_word_that_spans_a_pause_was_said_after_it() -> None:
    heard = np.array([[0.0, 1.0], [2.0, 3.0]])
    fitted = fit_to_speech(words(("so", 0.5, 0.9), ("what", 0.9, 2.3)), heard)
    assert [(word.start, word.end) for word in fitted] == [(0.5, 0.9), (2.0, 2.3)]


def test_a_word_that_only_touches_what_follows_stays_before_the_pause() -> None:
    (word,) = fit_to_speech(words(("end.", 0.5, 2.05)), np.array([[0.0, 1.0], [2.0, 3.0]]))
    assert (word.start, word.end) == (0.5, 1.0)


def test_words_where_nobody_speaks_are_dropped() -> None:
    fitted = fit_to_speech(
        words(("yes", 0.2, 0.8), ("Thanks", 4.0, 4.5), ("watching!", 4.5, 5.0)), np.array([[0, 1.0]])
    )
    assert [word.text for word in fitted] == ["yes"]


def test_words_without_duration_are_interpolated_and_flagged() -> None:
    fitted = fit_to_speech(words(("a", 0.0, 0.4), ("b", 0.4, 0.4), ("c", 0.8, 1.0)), np.array([[0, 1.0]]))
    assert [(word.text, word.interpolated) for word in fitted] == [("a", False), ("b", True), ("c", False)]
    assert (fitted[1].start, fitted[1].end) == (0.4, 0.8)


def test_loops_are_collapsed_and_plain_repetition_is_not() -> None:
    def said(text: str) -> str:
        return " ".join(word.text for word in collapse_loops(words(*((token, 0.0, 0.0) for token in text.split()))))

    assert said("we go and then and then and then and then and then home") == "we go and then home"
    assert said("I I I I I") == "I"
    assert said("no no it is very very good") == "no no it is very very good"
    assert said("") == ""


@pytest.mark.parametrize(
    ("earlier", "later", "joined"),
    [
        ("responsible.", "for", "responsible for"),
        ("law.", "It's", "law. It's"),
        ("well...", "so", "well... so"),
        ("why?", "because", "why? because"),
    ],
)
def test_a_sentence_goes_on_where_only_the_window_ended(earlier: str, later: str, joined: str) -> None:
    found = join_text(words((earlier, 0.0, 1.0)), words((later, 1.4, 2.0)))
    assert " ".join(word.text for word in found) == joined


def test_a_model_knows_its_alignment_heads_and_is_loaded_once(tiny: Path) -> None:
    network = load_whisper(tiny)
    assert network.alignment_heads.to_dense().tolist() == [[True]]
    assert next(network.parameters()).dtype == torch.float32
    assert load_whisper(tiny) is network


def test_nobody_speaking_gives_no_words(tiny: Path) -> None:
    transcript = transcribe(np.zeros(RATE), sample_rate=RATE, engine=OpenAIEngine.load(tiny), speech=NOBODY)
    assert transcript.words == ()


def test_nonsense_of_an_untrained_model_is_repeatable_and_within_speech(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_engine, "TEMPERATURES", (1.0,))  # drawn at random, so it shows the seed
    monkeypatch.setattr(recognition, "SHORTEST_REST", 10.0)  # one window is enough
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * RATE)
    spoken = np.array([[0.5, 2.0]])
    shares: list[float] = []
    first = transcribe(noise, sample_rate=RATE, engine=OpenAIEngine.load(tiny), speech=spoken, hook=shares.append)
    torch.rand(1)
    assert transcribe(noise, sample_rate=RATE, engine=OpenAIEngine.load(tiny), speech=spoken) == first
    assert first.language == "en"
    assert shares == [1.0]
    assert first.words
    assert all(0.3 <= word.start <= word.end <= 2.2 for word in first.words)


def test_unusable_requests_are_refused(tiny: Path) -> None:
    silence = np.zeros(RATE)
    with pytest.raises(InputError, match="16000 Hz"):
        transcribe(silence, sample_rate=8000, engine=OpenAIEngine.load(tiny), speech=NOBODY)
    with pytest.raises(InputError, match="'xx' is not known"):
        transcribe(silence, sample_rate=RATE, engine=OpenAIEngine.load(tiny), speech=NOBODY, language="xx")
    with pytest.raises(InputError, match="only English"):
        transcribe(silence, sample_rate=RATE, engine=OpenAIEngine.load(tiny), speech=NOBODY, language="de")


def test_missing_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="missing"):
        load_whisper(tmp_path / "absent.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="not a whisper model"):
        load_whisper(tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(WeightsError, match="not a whisper model"):
        load_whisper(tmp_path / "text.safetensors")


def plain(spoken: tuple[Word, ...]) -> str:
    return " ".join(word.text.lower().strip(".,-?!") for word in spoken)


def whisper_base(name: str = "ctranslate2") -> Engine:
    from mtmm_video.extractors.speech.ctranslate2_engine import CTranslate2Engine
    from mtmm_video.pipeline.weights.ctranslate2_form import whisper_form
    from mtmm_video.pipeline.weights.resolution import resolve

    try:
        if name == "openai-whisper":
            return OpenAIEngine.load(resolve("whisper-base"))
        return CTranslate2Engine.load(whisper_form("whisper-base", device="cpu"), threads=2)
    except WeightsError as error:
        pytest.skip(str(error))


def read(path: Path) -> NDArray[np.float32]:
    from mtmm_video.pipeline.media.reading import read_waveform

    return read_waveform(path, sample_rate=RATE)


def heard_in(waveform: NDArray[np.float32], *, engine: str = "ctranslate2") -> Transcript:
    speech = detect_speech(waveform, sample_rate=RATE)
    return transcribe(waveform, sample_rate=RATE, engine=whisper_base(engine), speech=speech)


def recognise(path: Path, *, engine: str = "ctranslate2") -> tuple[Word, ...]:
    transcript = heard_in(read(path), engine=engine)
    assert transcript.language == "en"
    return transcript.words


@pytest.mark.slow
@pytest.mark.reference
def test_kennedy_is_understood(shared: Path) -> None:
    spoken = recognise(shared / "clips/jfk.flac")
    ending = "my fellow americans ask not what your country can do for you ask what you can do for your country"
    assert plain(spoken).endswith(ending)
    starts = {word.text: word.start for word in spoken[:9]}
    assert 3.2 < starts["not"] < 4.5  # then he pauses for a second
    assert 5.2 < starts["what"] < 5.6


@pytest.mark.slow
@pytest.mark.reference
def test_obama_is_understood(shared: Path) -> None:
    spoken = recognise(shared / "clips/obama_two_faces.mp4")
    said = (
        "today after two years of negotiations the united states together with our international partners has achieved"
    )
    heard = plain(spoken).split()
    assert heard[:11] == said.split()[:11]
    assert heard[-5:-1] == said.split()[-4:]
    assert len(heard) in (16, 17)  # "our" is hardly to be heard
    assert spoken[0].start == pytest.approx(1.0, abs=0.15)


@pytest.mark.slow
@pytest.mark.reference
def test_both_engines_hear_the_same_words_at_the_same_time(shared: Path) -> None:
    path = shared / "clips/jfk.flac"
    fast, slow = recognise(path), recognise(path, engine="openai-whisper")
    assert plain(fast) == plain(slow)
    apart = [abs(one.start - other.start) for one, other in zip(fast, slow, strict=True)]
    assert np.median(apart) <= 0.04  # two of whisper's steps


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize("name", ["quiet_50db.wav", "phone.amr", "left_only.wav"])
def test_quiet_narrow_and_one_sided_speech_is_understood(shared: Path, name: str) -> None:
    heard = plain(recognise(shared / "cases/audio" / name))
    assert heard.startswith("hello and welcome to this video i am a talking head synthesized by")
    assert heard.endswith("lip movements and natural facial expressions along with continuous and stable head poses")


@pytest.mark.slow
@pytest.mark.reference
def test_each_part_is_recognised_in_its_own_language(shared: Path) -> None:
    """First two windows in different languages, then both languages within one window."""
    waveform = read(shared / "cases/audio/japanese35s_then_english.wav")
    english, japanese = waveform[35 * RATE : 48 * RATE], waveform[: 14 * RATE]
    for sound, change in ((waveform, 35.1), (np.concatenate([english, np.zeros(RATE // 2), japanese]), 13.3)):
        transcript = heard_in(np.asarray(sound, np.float32))
        first, second = transcript.spans
        assert {first.language, second.language} == {"en", "ja"}
        assert first.end == pytest.approx(change, abs=0.5)
        spoken = first if first.language == "en" else second
        said = plain(tuple(word for word in transcript.words if spoken.start - 0.3 < word.start < spoken.end))
        assert said.startswith("hello and welcome to this video")
        assert said.endswith("stable head poses")
