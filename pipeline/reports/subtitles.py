"""Subtitles: SubRip (.srt) and WebVTT (.vtt), the cues of `pipeline.reports.cues` with or without labels."""

from __future__ import annotations

from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.reports.cues import cues_of
from mtmm_video.pipeline.reports.speakers import shown_speakers

VTT_STYLE = """STYLE
::cue(.positive) { color: #8fd6c0; }
::cue(.neutral) { color: #d8d8d2; }
::cue(.negative) { color: #f3a58a; }
::cue(.label) { font-size: 80%; }"""


def label_text(labelled: LabelledUtterance) -> str:
    """Format the labels of an utterance, for instance ``positive 91 %, happy``."""
    prediction = labelled.prediction
    name = f"uncertain, {prediction.sentiment}" if labelled.uncertain else prediction.sentiment
    return ", ".join([f"{name} {100 * prediction.confidence:.0f} %", *prediction.emotions])


def to_srt(analysis: Analysis, *, plain: bool = False) -> str:
    """Format an analysis as SubRip subtitles.

    Parameters
    ----------
    analysis : Analysis
    plain : bool
        True omits the labels.

    Returns
    -------
    str
        Cues numbered from 1, the text after its speaker's name where there are several; without `plain`, the second
        line of each has the labels in square brackets.
    """
    blocks = []
    speakers = shown_speakers(analysis)
    for number, cue in enumerate(cues_of(analysis), start=1):
        name = cue.labelled.utterance.speaker
        prefix = f"{' '.join(name.split())}: " if name and name in speakers and cue.part == 1 else ""
        # SubRip has no escapes; some parsers take an arrow in the text for the line of times.
        lines = [(prefix + cue.text).replace("-->", "→")]
        if not plain:
            lines.append(f"[{label_text(cue.labelled)}]")
        start, end = cue.interval
        blocks.append("\n".join([str(number), f"{_timestamp(start, ',')} --> {_timestamp(end, ',')}", *lines]) + "\n")
    return "\n".join(blocks)


def to_vtt(analysis: Analysis, *, plain: bool = False) -> str:
    """Format an analysis as WebVTT subtitles.

    Parameters
    ----------
    analysis : Analysis
    plain : bool
        True omits labels and colours.

    Returns
    -------
    str
        Cues named ``utterance-INDEX``, or ``utterance-INDEX-PART`` where one is split. Without `plain`, the text is in
        a class span of its sentiment and the second line has the labels.
    """
    speakers = shown_speakers(analysis)
    blocks = ["WEBVTT"] if plain else ["WEBVTT", VTT_STYLE]
    for cue in cues_of(analysis):
        text = _vtt_escaped(cue.text)
        name = cue.labelled.utterance.speaker
        if name and name in speakers:
            text = f"<v {_vtt_escaped(' '.join(name.split()))}>{text}</v>"
        lines = [text]
        if not plain:
            lines = [f"<c.{cue.labelled.prediction.sentiment}>{text}</c>", f"<c.label>[{label_text(cue.labelled)}]</c>"]
        start, end = cue.interval
        identity = f"utterance-{cue.labelled.utterance.index}" + (f"-{cue.part}" if cue.parts > 1 else "")
        blocks.append("\n".join([identity, f"{_timestamp(start, '.')} --> {_timestamp(end, '.')}", *lines]))
    return "\n\n".join(blocks) + "\n"


def _vtt_escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _timestamp(milliseconds: int, point: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{thousandths:03d}"
