"""Label files as people write them: every layout gives the utterances, labels and splits that its authors meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtmm_video.foundation.errors import DataError, InputError
from mtmm_video.pipeline.corpora.elan import parse_tiers
from mtmm_video.pipeline.corpora.label_cells import Scale
from mtmm_video.pipeline.corpora.layouts import ReadingOptions, detect_layout, read_corpus, read_source
from mtmm_video.pipeline.corpora.segment import LabelledSegment, SegmentLabels
from mtmm_video.pipeline.corpora.splitting import shared_speakers, split_segments
from mtmm_video.pipeline.corpora.taxonomy import Taxonomy

HEADER = "file,start,end,speaker,text,split,sentiment,emotion"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def label_file(folder: Path, *rows: str, header: str = HEADER) -> Path:
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(b"")
    return write(folder / "labels.csv", "\n".join([header, *rows]) + "\n")


def felt(segment: LabelledSegment) -> set[str]:
    assert segment.labels.emotions is not None
    return {name for name, value in segment.labels.emotions.items() if value}


def test_sentiment_may_be_a_number_or_a_name(tmp_path):
    corpus = read_source(label_file(tmp_path, "a.mp4,,,ann,Fine.,train,-1.5,", "b.mp4,,,bob,Well.,test,Neutral,joy"))
    first, second = corpus.segments
    assert (first.labels.sentiment, first.labels.polarity) == (-1.5, "negative")
    assert (second.labels.sentiment, second.labels.polarity) == (None, "neutral")
    assert first.labels.emotions is None
    assert felt(second) == {"happy"}
    assert (second.split, second.speaker, second.text, second.start) == ("test", "bob", "Well.", None)


def test_a_folders_name_does_not_make_it_the_papers_corpus(tmp_path):
    (tmp_path / "mosei").mkdir()
    corpus = read_corpus(label_file(tmp_path / "mosei", "a.mp4,,,,Fine.,,1,"))
    assert corpus.name == "mosei-csv"


def test_a_stated_range_is_brought_to_moseis(tmp_path):
    path = label_file(tmp_path, "a.mp4,,,,,,5,", "b.mp4,,,,,,3,")
    five_points = ReadingOptions(sentiment_scale=Scale(1, 5))
    assert [each.labels.sentiment for each in read_source(path, five_points).segments] == [3.0, 0.0]


def test_one_column_per_emotion_holds_intensities_or_presence(tmp_path):
    header = "file,happy,Sadness"
    strengths = read_source(label_file(tmp_path, "a.mp4,2,0", "b.mp4,0,0", header=header))
    assert strengths.segments[0].labels.intensities["happy"] == 2.0
    assert [felt(each) for each in strengths.segments] == [{"happy"}, set()]
    assert "anger, disgust, fear, surprise" in strengths.notes[0]
    presence = read_source(label_file(tmp_path, "a.mp4,1,0", "b.mp4,0,1", header=header))
    assert presence.segments[1].labels.intensities is None
    assert felt(presence.segments[1]) == {"sad"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("missing.mp4,,,,,,1,", "no such file"),
        ("a.mp4,3,2,,,,1,", "ends (2 s) before it starts (3 s)"),
        ("a.mp4,3,,,,,1,", "give both"),
        ("a.mp4,,,,,,4,", "leaves the range [-3, 3]"),
        ("a.mp4,,,,,,nice,", "none of negative, neutral, positive"),
        ("a.mp4,,,,,,1,melancholy", "map it with --emotions"),
        ("a.mp4,,,,,later,1,", "none of train, valid, test"),
        ("a.mp4,1:2:3:4,,,,,1,", "is no time"),
        ("b.mp4,,,,,,1,", "same utterance as labels.csv, row 2"),
    ],
)
def test_a_bad_row_is_named_or_left_out(tmp_path, row, reason):
    path = label_file(tmp_path, "b.mp4,,,,,,1,", row)
    with pytest.raises(DataError, match=r"row 3.*--skip-bad") as failure:
        read_corpus(path)
    assert reason in str(failure.value)
    kept = read_corpus(path, skip_bad=True)
    assert [each.origin for each in kept.segments] == ["labels.csv, row 2"]
    assert [problem.origin for problem in kept.problems] == ["labels.csv, row 3"]


def test_rows_keep_their_number_after_a_text_of_two_lines(tmp_path):
    path = label_file(tmp_path, 'a.mp4,,,,"two\nlines",,1,', "b.mp4,,,,,,9,")
    with pytest.raises(DataError, match="row 4"):
        read_corpus(path)


def test_several_annotators_are_taken_together(tmp_path):
    rows = ("a.mp4,1,anger,x", "a.mp4,-2,anger,y", "a.mp4,-2,sad,z")
    corpus = read_corpus(label_file(tmp_path, *rows, header="file,sentiment,emotion,annotator"))
    (segment,) = corpus.segments
    assert segment.labels.sentiment == -1.0
    assert felt(segment) == {"anger"}


def test_names_of_other_taxonomies(tmp_path):
    built_in = Taxonomy()
    assert built_in.presence("Joy") == built_in.presence("excited") == built_in.presence("gratitude")
    assert built_in.presence("neutral") == dict.fromkeys(("anger", "disgust", "fear", "happy", "sad", "surprise"), 0.0)
    assert built_in.presence("frustration") is None  # none of the six, and not their absence
    own = Taxonomy.read(write(tmp_path / "map.csv", "Freude,happy\nWut,anger\nRuhe,none\nEkel vor sich,unlabelled\n"))
    assert own.presence("freude; wut") == {**built_in.presence("neutral"), "happy": 1.0, "anger": 1.0}
    with pytest.raises(InputError, match="'joyous' goes to 'pleased'"):
        Taxonomy.read(write(tmp_path / "wrong.json", '{"joyous": "pleased"}'))


def test_mmsa(tmp_path):
    rows = "\n".join(["video_id,clip_id,text,label,mode", "abc,2,Later.,-1.2,valid", "abc,10,Last.,0,valid"])
    write(tmp_path / "label.csv", rows)
    for clip in ("2", "10"):
        write(tmp_path / "Raw" / "abc" / f"{clip}.mp4", "")
    assert detect_layout(tmp_path) == "mmsa"
    corpus = read_corpus(tmp_path)
    assert [(each.video, each.position, each.split) for each in corpus.segments] == [
        ("abc", 2.0, "valid"),
        ("abc", 10.0, "valid"),
    ]
    assert [each.labels.polarity for each in corpus.segments] == ["negative", "neutral"]


def test_sims_is_known_by_its_labels_per_modality_and_its_scale(tmp_path):
    write(
        tmp_path / "label.csv",
        "video_id,clip_id,text,label,label_T,label_A,label_V,mode\nvideo_0001,0001,好,0.8,1,0.4,0.6,train\n",
    )
    write(tmp_path / "Raw" / "video_0001" / "0001.mp4", "")
    (segment,) = read_corpus(tmp_path).segments
    assert segment.labels.sentiment == pytest.approx(2.4)  # 0.8 of [-1, 1] on [-3, 3]


def test_meld(tmp_path):
    columns = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID"
    write(tmp_path / "train_sent_emo.csv", f"{columns}\n1,You\x92re back!,Monica,joy,positive,0,1\n")
    write(tmp_path / "dev_sent_emo.csv", f"{columns}\n1,Go away.,Ross,anger,negative,0,0\n")
    write(tmp_path / "train_splits" / "dia0_utt1.mp4", "")
    write(tmp_path / "dev_splits_complete" / "dia0_utt0.mp4", "")
    assert detect_layout(tmp_path) == "meld"
    first, second = read_corpus(tmp_path).segments
    assert (first.text, first.speaker, felt(first), first.labels.polarity) == (
        "You're back!",
        "Monica",
        {"happy"},
        "positive",
    )
    assert (first.video, second.video) == ("train-dia0", "valid-dia0")  # two dialogues, although both are number 0


@pytest.mark.parametrize(
    ("names", "layout", "emotion", "text"),
    [
        (("Actor_12/03-01-06-02-02-01-12.wav",), "ravdess", {"fear"}, "Dogs are sitting by the door."),
        (("1001_IEO_HAP_HI.flv",), "crema-d", {"happy"}, "It's eleven o'clock."),
    ],
)
def test_acted_clips_say_by_their_name_what_is_acted(tmp_path, names, layout, emotion, text):
    for name in names:
        write(tmp_path / name, "")
    assert detect_layout(tmp_path) == layout
    (segment,) = read_corpus(tmp_path).segments
    assert (felt(segment), segment.text) == (emotion, text)
    assert segment.speaker in ("actor 12", "actor 1001")


def test_of_a_ravdess_performance_the_video_is_taken_once(tmp_path):
    for name in ("01-01-05-01-01-01-03.mp4", "03-01-05-01-01-01-03.wav", "02-01-05-01-01-01-03.mp4"):
        write(tmp_path / name, "")
    for calm_or_sung in ("01-01-02-01-01-01-03.mp4", "01-02-05-01-01-01-03.mp4"):
        write(tmp_path / calm_or_sung, "")
    (segment,) = read_corpus(tmp_path).segments
    assert segment.file.name == "01-01-05-01-01-01-03.mp4"


EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
<MEDIA_DESCRIPTOR MEDIA_URL="file:///elsewhere/talk.mp4" MIME_TYPE="video/mp4" RELATIVE_MEDIA_URL="./talk.mp4"/>
</HEADER>
<TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="2500"/>
<TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="2500"/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="4000"/>
<TIME_SLOT TIME_SLOT_ID="ts5" TIME_VALUE="2600"/><TIME_SLOT TIME_SLOT_ID="ts6" TIME_VALUE="3900"/>
</TIME_ORDER>
<TIER TIER_ID="transcript" LINGUISTIC_TYPE_REF="u" PARTICIPANT="Ann">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>How nice.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
<ANNOTATION_VALUE>Not at all.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="mood" LINGUISTIC_TYPE_REF="u" PARENT_REF="transcript">
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a1">
<ANNOTATION_VALUE>positive</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="feeling" LINGUISTIC_TYPE_REF="u">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a4" TIME_SLOT_REF1="ts5" TIME_SLOT_REF2="ts6">
<ANNOTATION_VALUE>anger, sad</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
</ANNOTATION_DOCUMENT>
"""


def test_elan_tiers_are_chosen_by_name(tmp_path):
    source = write(tmp_path / "talk.eaf", EAF)
    write(tmp_path / "talk.mp4", "")
    options = ReadingOptions(tiers=parse_tiers(["sentiment=mood", "emotion=feeling"]))
    first, second = read_source(source, options).segments
    assert (first.start, first.end, first.text, first.speaker) == (1.0, 2.5, "How nice.", "Ann")
    assert (first.labels.polarity, second.labels.polarity) == ("positive", None)
    assert felt(second) == {"anger", "sad"}
    assert first.file == tmp_path / "talk.mp4"


def test_an_elan_document_without_labels_says_which_tiers_it_has(tmp_path):
    with pytest.raises(DataError, match="feeling, mood, transcript"):
        read_source(write(tmp_path / "talk.eaf", EAF), ReadingOptions(tiers=parse_tiers(["sentiment=absent"])))


def a_corpus(speakers: int, *, clips: int = 5, split: str | None = None) -> list[LabelledSegment]:
    return [
        LabelledSegment(
            video=f"v{speaker}-{clip}",
            name=f"{speaker}-{clip}",
            file=Path("x.mp4"),
            labels=SegmentLabels(polarity="positive"),
            speaker=f"speaker {speaker}",
            split=split,
        )
        for speaker in range(speakers)
        for clip in range(clips)
    ]


def test_made_splits_keep_speakers_apart_and_follow_the_seed():
    first, again, other = (split_segments(a_corpus(12), seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert shared_speakers(first) == ()
    counts = [sum(each.split == split for each in first) for split in ("train", "valid", "test")]
    assert counts == [40, 10, 10]


def test_a_dialogue_keeps_its_speakers_together():
    corpus = a_corpus(6, clips=2)
    corpus.append(
        LabelledSegment("v0-0", "joint", Path("x.mp4"), SegmentLabels(polarity="positive"), speaker="speaker 1")
    )
    split = {each.name: each.split for each in split_segments(corpus, seed=3)}
    assert split["0-0"] == split["joint"] == split["1-0"] == split["1-1"]


def test_one_speaker_cannot_be_kept_apart():
    with pytest.raises(DataError, match=r"1 speakers that can be kept apart.*--split-by video"):
        split_segments(a_corpus(1), seed=1)
    assert {each.split for each in split_segments(a_corpus(1), seed=1, by="video")} == {"train", "valid", "test"}


def test_a_given_split_must_have_a_valid_part():
    with pytest.raises(DataError, match="no row is in split valid"):
        split_segments(a_corpus(3, split="train"), seed=1)
