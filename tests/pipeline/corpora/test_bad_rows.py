"""A row that cannot be used is named by its number in its file, whatever the layout; the others can still be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mtmm_video.foundation.errors import DataError
from mtmm_video.pipeline.corpora.layouts import read_corpus
from mtmm_video.pipeline.corpora.splitting import split_segments

MELD_COLUMNS = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID"


def write(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("1", "4", "ends at 4 s, talk.wav at 2.0 s"),
        ("2.1", "2.4", "starts at 2.1 s, where talk.wav is over"),
        ("-1", "1", "0 or more"),
    ],
)
def test_times_outside_the_video(tmp_path, start, end, reason):
    soundfile.write(tmp_path / "talk.wav", np.zeros(32_000, np.float32), 16_000)  # two seconds
    path = write(tmp_path / "labels.csv", "file,start,end,sentiment", "talk.wav,0,2.2,1", f"talk.wav,{start},{end},1")
    with pytest.raises(DataError, match="row 3") as failure:
        read_corpus(path)
    assert reason in str(failure.value)
    kept = read_corpus(path, skip_bad=True)  # the first ends 0.2 s after its file, as containers round
    assert [each.origin for each in kept.segments] == ["labels.csv, row 2"]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [("4,0", "emotion anger 4 leaves the range"), ("1,", "emotion sad is empty"), ("much,1", "'much' is no number")],
)
def test_emotion_columns(tmp_path, cells, reason):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).touch()
    path = write(tmp_path / "labels.csv", "file,anger,sad", "a.wav,2,0", f"b.wav,{cells}")
    with pytest.raises(DataError, match="row 3") as failure:
        read_corpus(path)
    assert reason in str(failure.value)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("abc,2,Later.,9,valid", "leaves the range"),
        ("abc,3,Later.,1,valid", "3.mp4: no such file"),
        (",2,Later.,1,valid", "no video_id"),
        ("abc,1,Again.,1,train", "is the same utterance as label.csv, row 2"),
    ],
)
def test_mmsa(tmp_path, row, reason):
    for clip in ("1", "2"):
        write(tmp_path / "Raw" / "abc" / f"{clip}.mp4")
    write(tmp_path / "label.csv", "video_id,clip_id,text,label,mode", "abc,1,Now.,1,train", row)
    with pytest.raises(DataError, match=r"label\.csv, row 3") as failure:
        read_corpus(tmp_path)
    assert reason in str(failure.value)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2,Hm.,Ross,melancholy,neutral,0,1", "--emotions"),
        ("2,Hm.,Ross,joy,good,0,1", "none of negative, neutral, positive"),
        ("2,Hm.,Ross,joy,neutral,0,x", "must be numbers"),
        ("2,Hm.,Ross,joy,neutral,0,7", "dia0_utt7.mp4: no such file"),
    ],
)
def test_meld(tmp_path, row, reason):
    for number in (0, 1):
        write(tmp_path / "train_splits" / f"dia0_utt{number}.mp4")
    write(tmp_path / "train_sent_emo.csv", MELD_COLUMNS, "1,Hi.,Ann,joy,positive,0,0", row)
    with pytest.raises(DataError, match=r"train_sent_emo\.csv, row 3") as failure:
        read_corpus(tmp_path)
    assert reason in str(failure.value)


@pytest.mark.parametrize(
    ("row", "reason"), [("v,2,,1", "has no split and other rows have"), ("v,2,test,1", "v is in test and, by")]
)
def test_splits_that_contradict_each_other(tmp_path, row, reason):
    for name in ("1.wav", "2.wav", "3.wav"):
        (tmp_path / name).touch()
    files = [f"{line.split(',')[1]}.wav,{line}" for line in ("v,1,train,1", "w,3,valid,1", row)]
    path = write(tmp_path / "labels.csv", "file,video,id,split,sentiment", *files)
    with pytest.raises(DataError, match=r"labels\.csv, row 4") as failure:
        split_segments(read_corpus(path).segments, seed=1)
    assert reason in str(failure.value)
