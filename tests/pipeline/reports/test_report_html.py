"""The HTML report as text: escaping, size, what is there without scripts. The browser's view is in the next file."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.html.action_units import ACTION_UNITS, strongest_units
from mtmm_video.pipeline.reports.html.attention import pack_attention, strongest_weights
from mtmm_video.pipeline.reports.html.page import to_html
from mtmm_video.pipeline.reports.html.templates import clock, json_for_html, percent
from mtmm_video.pipeline.reports.speakers import summarise_speakers
from mtmm_video.pipeline.reports.summary import summarise

MakeAnalysis = Callable[..., Analysis]


class Page(HTMLParser):
    """Collects the elements, and the text of each table row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr" and "data-i" in dict(attrs):
            self.rows.append("")

    def handle_data(self, data: str) -> None:
        if self.rows:
            self.rows[-1] += data


def test_every_utterance_is_a_row_of_the_table(analysis: Analysis) -> None:
    page = Page(to_html(analysis))
    assert len(page.rows) == len(analysis.utterances)
    for row, entry in zip(page.rows, analysis.utterances, strict=True):
        assert entry.utterance.text in row
        assert entry.prediction.sentiment in row
        assert percent(entry.prediction.emotion_probabilities["fear"]) in row


def test_the_transcript_cannot_become_markup(analysis: Analysis) -> None:
    text = to_html(analysis)
    scripts = [attributes for tag, attributes in Page(text).elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {}]
    assert "<script>document.title" not in text
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}';", text)


def test_nothing_is_loaded_from_anywhere(analysis: Analysis) -> None:
    text = to_html(analysis, video="talk one.mp4")
    sources = {
        value
        for _, attributes in Page(text).elements
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "action"}
    }
    assert sources == {"talk%20one.mp4", "data:,", "#transcript"}
    assert "@import" not in text
    assert "url(" not in text


def test_an_embedded_video_is_inside(analysis: Analysis, tmp_path: Path) -> None:
    video = tmp_path / "talk.mp4"
    video.write_bytes(b"not really a video")
    assert "data:video/mp4;base64,bm90IHJlYWxseSBhIHZpZGVv" in to_html(analysis, video="talk.mp4", embed=video)


def test_a_sound_file_gets_a_player_for_sound(analysis: Analysis) -> None:
    source = dataclasses.replace(analysis.source, has_video=False, width=None, height=None, frame_rate=None)
    tags = [tag for tag, _ in Page(to_html(dataclasses.replace(analysis, source=source), video="talk.m4a")).elements]
    assert "audio" in tags
    assert "video" not in tags


def test_an_hour_of_speech_stays_under_three_megabytes(make_analysis: MakeAnalysis) -> None:
    assert len(to_html(make_analysis(count=1000), video="talk.mp4").encode()) < 3_000_000


def test_silence_says_so(empty_analysis: Analysis) -> None:
    text = to_html(empty_analysis)
    assert "Nothing was said" in text
    assert "No speech was detected in the sound." in text


def test_json_in_html_cannot_end_its_element() -> None:
    nasty = {"text": "</script><!-- <script>\u2028"}
    written = json_for_html(nasty)
    assert "<" not in written
    assert json.loads(written) == nasty


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0 %"), (0.003, "<1 %"), (0.5, "50 %"), (0.997, ">99 %"), (1.0, "100 %")]
)
def test_percent_never_claims_certainty_it_has_not(share: float, text: str) -> None:
    assert percent(share) == text


def test_clock() -> None:
    assert [clock(seconds) for seconds in (0.9, 61, 3725)] == ["0:01", "1:01", "1:02:05"]


# Summary


def test_shares_are_of_speaking_time(analysis: Analysis) -> None:
    summary = summarise(analysis)
    lengths = np.array([e.utterance.end - e.utterance.start for e in analysis.utterances])
    positive = np.array([e.prediction.sentiment == "positive" for e in analysis.utterances])
    assert summary.positive_share == pytest.approx(lengths[positive].sum() / lengths.sum())
    assert dict(summary.flags) == {"interpolated_times": 5, "no_face": 1}
    assert dict(summary.modalities) == {"text": 5, "acoustic": 5, "visual": 4}


def test_strongest_moments_are_ordered_and_of_their_sentiment(make_analysis: MakeAnalysis) -> None:
    summary = summarise(make_analysis(count=40))
    positive = [e.prediction.sentiment_probabilities["positive"] for e in summary.most_positive]
    negative = [e.prediction.sentiment_probabilities["negative"] for e in summary.most_negative]
    assert positive == sorted(positive, reverse=True)
    assert negative == sorted(negative, reverse=True)
    assert min(positive + negative) >= 1 / 3  # the label is the most probable of three
    assert len(positive) == len(negative) == 3


def test_what_is_uncertain_stays_out_of_headline_and_shares(analysis: Analysis) -> None:
    entries = [dataclasses.replace(entry, uncertain=True) for entry in analysis.utterances]
    summary = summarise(dataclasses.replace(analysis, utterances=tuple(entries)))
    assert summary.headline == "Every utterance is uncertain; no marked emotion."
    assert (dict(summary.shares), summary.uncertain_share) == ({}, 1.0)
    assert summary.most_positive == summary.most_negative == ()


def test_what_was_not_measured_has_no_share(empty_analysis: Analysis) -> None:
    assert summarise(empty_analysis).positive_share is None
    assert {m.name: m.share for m in summarise(empty_analysis).measures}["face"] is None


# Attention and action units


def unpack(packed: dict, size: int) -> np.ndarray:
    import base64

    weights = np.frombuffer(base64.b64decode(packed["weights"]), "<u2").astype(float) / 65535
    if "columns" not in packed:
        return weights.reshape(size, size)
    columns = np.frombuffer(base64.b64decode(packed["columns"]), "<u2").astype(int)
    matrix = np.zeros((size, size))
    np.put_along_axis(matrix, columns.reshape(size, -1), weights.reshape(size, -1), axis=1)
    return matrix


@pytest.mark.parametrize("count", [1, 5, 400])
def test_attention_survives_packing(make_analysis: MakeAnalysis, count: int) -> None:
    analysis = make_analysis(count=count)
    for packed in pack_attention(analysis):
        for name, matrix in zip(("n1", "n2"), analysis.prediction.attention[tuple(packed["pair"])], strict=True):
            found = unpack(packed[name], packed["size"])
            known = found > 0
            assert np.abs(found - matrix)[known].max() < 1e-5
            assert (found.argmax(axis=1) == matrix.argmax(axis=1)).all()


def test_the_largest_attention_weights_are_listed(analysis: Analysis) -> None:
    query, key, j, weight = strongest_weights(analysis)[1][0]
    largest = max(float(matrix[1].max()) for matrices in analysis.prediction.attention.values() for matrix in matrices)
    assert weight == pytest.approx(largest)
    pair = (query, key)
    attention = analysis.prediction.attention
    matrix = attention[pair][0] if pair in attention else attention[(key, query)][1]
    assert matrix[1, j] == pytest.approx(weight)


def test_no_action_unit_stands_out_where_no_face_was(analysis: Analysis) -> None:
    found = strongest_units(analysis)
    assert found[2] == []
    assert all(score > 0 and name in ACTION_UNITS for units in found for name, score in units)


@pytest.mark.reference
def test_action_units_carry_the_corpus_statistics(shared: Path) -> None:
    with (shared / "data/mosei/feature_names_mean_std.csv").open() as file:
        known = {row["name"]: row for row in csv.DictReader(file)}
    assert len(ACTION_UNITS) == 20
    for name, unit in ACTION_UNITS.items():
        assert unit.mean == pytest.approx(float(known[name]["mean"]), abs=0.0006)
        assert unit.deviation == pytest.approx(float(known[name]["std"]), abs=0.0006)


# Speakers


def test_each_speaker_is_summarised_and_has_a_colour(analysis: Analysis) -> None:
    named = [
        dataclasses.replace(e, utterance=dataclasses.replace(e.utterance, speaker="Ann" if i % 2 else "Bob"))
        for i, e in enumerate(analysis.utterances)
    ]
    both = dataclasses.replace(analysis, utterances=tuple(named))
    bob, ann = summarise_speakers(both)
    assert (bob.name, bob.utterances, ann.name, ann.utterances) == ("Bob", 3, "Ann", 2)
    assert bob.seconds == pytest.approx(9.0)
    assert bob.share == pytest.approx(0.6)
    assert sum(share for _, share in bob.sentiments) == pytest.approx(1.0)
    html = to_html(both)
    assert html.count('<b class="speaker voice-1">Bob</b>') == 4  # the legend and three utterances
    assert html.count('<b class="speaker voice-2">Ann</b>') == 3


def test_one_unnamed_voice_is_not_shown(analysis: Analysis) -> None:
    entries = [
        dataclasses.replace(e, utterance=dataclasses.replace(e.utterance, speaker="Speaker 1"))
        for e in analysis.utterances
    ]
    one = dataclasses.replace(analysis, utterances=tuple(entries))
    assert summarise_speakers(one) == ()
    assert "Speaker 1" not in to_html(one)


def test_the_page_says_what_the_checkpoint_says_it_was_trained_on(analysis: Analysis) -> None:
    silent = to_html(analysis)
    assert "does not say what it was trained on" in silent
    model = {**analysis.provenance.model, "trained_on": "text on <our> interviews"}
    told = to_html(dataclasses.replace(analysis, provenance=dataclasses.replace(analysis.provenance, model=model)))
    assert "text on &lt;our&gt; interviews" in told
    assert "trained on CMU-MOSEI" not in told
