"""A part of a file is analysed on the whole file's clock, and only that part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.options import AnalyzeOptions, seconds_of
from mtmm_video.pipeline.run import analyze
from mtmm_video.pipeline.store.artefacts import load_stream
from mtmm_video.pipeline.store.local import Store

SAMPLE = Path(__file__).resolve().parents[2] / "sample_videos" / "good_stay.mp4"


def test_times_are_written_as_people_write_them():
    assert [seconds_of(text, option="--from") for text in ("90", "1:30", "0:01:30.5")] == [90.0, 90.0, 90.5]
    assert AnalyzeOptions(start="2:00", end="5:30").part == (120.0, 330.0)
    assert AnalyzeOptions(end=3.0).part == (0.0, 3.0)
    assert AnalyzeOptions().part is None


@pytest.mark.parametrize("options", [{"start": "soon"}, {"start": "-3"}, {"start": 5.0, "end": 5.0}])
def test_a_part_that_is_none_is_refused(options):
    with pytest.raises(InputError, match="--from"):
        AnalyzeOptions(**options)


@pytest.mark.slow
def test_a_part_keeps_the_clock_and_leaves_the_rest_out(tmp_path):
    truth = json.loads(SAMPLE.with_suffix(".json").read_text(encoding="utf-8"))["sentences"]
    transcript = tmp_path / "transcript.json"
    transcript.write_text(json.dumps({"utterances": truth}), encoding="utf-8")
    start, end = truth[1]["start"] - 0.2, truth[2]["end"] + 0.2
    options = AnalyzeOptions(
        transcript=transcript, start=start, end=end, visual="none", speakers="none", model="paper", formats=("json",)
    )
    store = Store(tmp_path / "store")
    analysis = analyze(SAMPLE, options=options, store=store)
    assert [entry.utterance.text for entry in analysis.utterances] == [each["text"] for each in truth[1:3]]
    assert analysis.utterances[0].utterance.start == pytest.approx(truth[1]["start"], abs=0.05)
    assert analysis.source.duration > 19  # the file's own length, not the part's
    assert any(note.startswith("Only") for note in analysis.notes)
    (stream,) = (load_stream(path) for path in store.root.rglob("acoustic-*.safetensors"))
    assert start - 0.05 <= stream.times[0] <= start + 0.1
    assert end - 0.1 <= stream.times[-1] <= end + 0.05
    beyond = AnalyzeOptions(transcript=transcript, start=60.0, visual="none", speakers="none", model="paper")
    with pytest.raises(InputError, match=f"{SAMPLE}: --from 60 s lies beyond its end: it lasts 19"):
        analyze(SAMPLE, options=beyond, store=store)
