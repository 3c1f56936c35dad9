"""The views that an `Analysis` offers."""

from __future__ import annotations

import numpy as np
import pytest

from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.frame import to_frames
from mtmm_video.pipeline.reports.json_reader import from_json


def test_frame_has_a_row_per_utterance_and_nan_for_what_was_not_measured(short_analysis: Analysis) -> None:
    frame = short_analysis.to_frame(features=True)
    assert frame["text"].tolist() == [entry.utterance.text for entry in short_analysis.utterances]
    assert frame["sentiment"].tolist() == ["positive", "negative"]
    assert (frame["negative"] + frame["neutral"] + frame["positive"]).tolist() == pytest.approx([1, 1])
    assert frame["positive_binary"].tolist() == pytest.approx((frame["neutral"] + frame["positive"]).tolist())
    assert frame["quality_voiced_share"].isna().tolist() == [False, True]
    assert frame["visual.AU12"].isna().tolist() == [False, True]
    assert frame["visual.AU12"].iloc[0] == pytest.approx(0.1)
    assert "visual.AU12" not in short_analysis.to_frame()


def test_attention_can_be_asked_in_both_directions(short_analysis: Analysis) -> None:
    first, second = short_analysis.prediction.attention["text", "visual"]
    assert np.array_equal(short_analysis.attention("text", "visual"), first)
    assert np.array_equal(short_analysis.attention("visual", "text"), second)
    with pytest.raises(InputError, match=r"no pair \(text, acoustic\); it has: text, visual"):
        short_analysis.attention("text", "acoustic")


def test_json_reads_back(short_analysis: Analysis) -> None:
    assert from_json(short_analysis.to_json()).source == short_analysis.source


def test_timeline_has_a_bar_per_utterance_and_a_cell_per_emotion(short_analysis: Analysis) -> None:
    above, below = short_analysis.plot_timeline(width=6).axes
    bars = [patch for patch in above.patches if patch.get_width() > 0]
    assert [round(bar.get_height(), 6) for bar in bars] == [0.8125, -0.625]  # positive minus negative
    assert len(below.patches) == 6 * len(short_analysis.utterances)
    framed = [patch for patch in below.patches if patch.get_edgecolor()[3] > 0 and patch.get_linewidth() > 0]
    assert len(framed) == sum(len(entry.prediction.emotions) for entry in short_analysis.utterances)


def test_a_prompt_shows_an_analysis_in_one_line_and_a_notebook_as_a_table(short_analysis: Analysis) -> None:
    assert repr(short_analysis) == "<Analysis of talk: 4.0 s, 2 utterances (1 positive, 1 negative)>"
    page = short_analysis._repr_html_()
    assert "I love this film" in page and "schön" in page
    assert "=1+1" in page and '"sch' not in page  # quotes are escaped


def test_several_analyses_are_one_table(short_analysis: Analysis) -> None:
    frame = to_frames([short_analysis, short_analysis])
    assert len(frame) == 4 and list(frame.index) == [0, 1, 2, 3]
    assert list(to_frames([])) == list(frame)
