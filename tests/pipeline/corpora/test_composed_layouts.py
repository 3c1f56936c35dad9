"""One composed corpus in three layouts: the same files, words, speakers, order and labels are read from each."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mtmm_video.pipeline.corpora.layouts import read_corpus
from mtmm_video.pipeline.corpora.segment import LabelledSegment

SAMPLES = Path(__file__).resolve().parents[3] / "sample_videos"


@pytest.fixture
def layouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[LabelledSegment, ...]]:
    """The segments of the planned clips, by layout; the clips are files without content."""
    monkeypatch.syspath_prepend(str(SAMPLES))
    from composed_corpus import lay_out_csv, lay_out_meld, lay_out_mmsa, plan

    clips = plan()
    (tmp_path / "clips").mkdir()
    for clip in clips:
        (tmp_path / "clips" / clip.file).write_text(clip.file, encoding="utf-8")
    writers = {"csv": lay_out_csv, "mmsa": lay_out_mmsa, "meld": lay_out_meld}
    found = {name: read_corpus(write(clips, tmp_path)).segments for name, write in writers.items()}
    sys.modules.pop("composed_corpus")
    return found


def ordered(segments: tuple[LabelledSegment, ...]) -> list[LabelledSegment]:
    return sorted(segments, key=lambda each: (each.split, each.file.read_text(encoding="utf-8")))


def test_what_is_measured_is_the_same(layouts) -> None:
    said = {
        name: [(each.file.read_text(encoding="utf-8"), each.start, each.end, each.text) for each in ordered(segments)]
        for name, segments in layouts.items()
    }
    assert len(said["csv"]) == 60
    assert said["csv"] == said["mmsa"] == said["meld"]
    speakers = [[each.speaker for each in ordered(layouts[name])] for name in ("csv", "meld")]
    assert speakers[0] == speakers[1]  # MMSA does not say who speaks


def test_sequences_splits_and_labels_are_the_same(layouts) -> None:
    for name in ("mmsa", "meld"):
        for one, other in zip(ordered(layouts["csv"]), ordered(layouts[name]), strict=True):
            assert one.split == other.split
            assert one.labels.polarity == other.labels.polarity
    for segments in layouts.values():
        sequences: dict[str, list[float]] = {}
        for each in segments:
            sequences.setdefault(each.video, []).append(each.position)
        assert len(sequences) == 10
        assert all(positions == sorted(positions) for positions in sequences.values())
    angry = [
        [each.labels.emotions["anger"] for each in ordered(layouts[name]) if each.labels.emotions]
        for name in ("csv", "meld")
    ]
    assert angry[0] == angry[1]  # the one emotion that MELD's file has
    assert all(each.labels.emotions is None for each in layouts["mmsa"])


def test_each_label_says_nothing_of_the_others(layouts) -> None:
    """The three coins are independent: every cell of the cube is as full as every other, to within one pair."""
    cells: dict[tuple[bool, ...], int] = {}
    for each in layouts["csv"]:
        felt = each.labels.emotions
        assert felt is not None
        cell = (each.labels.polarity == "positive", bool(felt["anger"]), bool(felt["happy"]))
        cells[cell] = cells.get(cell, 0) + 1
    assert sum(cells.values()) == 60
    assert max(cells.values()) - min(cells.values()) <= 1


def test_the_place_of_a_clip_says_nothing_of_its_labels(layouts) -> None:
    """A network reads sequences: a coin that falls by the clip's number would be learnt without seeing or hearing."""
    places: dict[int, list[tuple[float, ...]]] = {}
    for each in layouts["meld"]:
        places.setdefault(int(each.position), [])
    for index, each in enumerate(layouts["csv"]):
        felt = each.labels.emotions
        assert felt is not None
        coins = (float(each.labels.polarity == "positive"), felt["anger"], felt["happy"])
        places[index % len(places)].append(coins)
    for drawn in places.values():
        for coin in zip(*drawn, strict=True):
            assert 0.1 <= sum(coin) / len(coin) <= 0.9
