"""The speakers of an analysis: who is shown, what each of them says as a whole, and each one's part of the analysis."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from mtmm_video.pipeline.analysis import Analysis

COLOURS = 8  # of speakers in the HTML report; more speakers use them again


@dataclass(frozen=True)
class SpeakerSummary:
    """What one speaker says as a whole.

    Attributes
    ----------
    name : str
    seconds : float
        Time in utterances.
    share : float
        Of all speakers' time, in [0, 1].
    utterances : int
    sentiments : tuple of (str, float)
        Sentiment labels with their share of the speaker's time, most frequent first.
    emotions : tuple of (str, int)
        Emotions with the number of utterances that carry them, most frequent first.
    """

    name: str
    seconds: float
    share: float
    utterances: int
    sentiments: tuple[tuple[str, float], ...]
    emotions: tuple[tuple[str, int], ...]


def shown_speakers(analysis: Analysis) -> tuple[str, ...]:
    """Return the names of the speakers in order of appearance; none where one unnamed voice is all there is."""
    names = tuple(dict.fromkeys(entry.utterance.speaker for entry in analysis.utterances if entry.utterance.speaker))
    return () if names == ("Speaker 1",) else names


def parts_by_speaker(analysis: Analysis) -> tuple[tuple[str | None, Analysis], ...]:
    """Return each speaker's name and utterances as an analysis; the whole, without a name, where nobody is shown.

    Utterances without a speaker beside others that have one are a part without a name.
    """
    if not shown_speakers(analysis):
        return ((None, analysis),)
    names = dict.fromkeys(entry.utterance.speaker for entry in analysis.utterances)
    return tuple(
        (name, replace(analysis, utterances=tuple(e for e in analysis.utterances if e.utterance.speaker == name)))
        for name in names
    )


def summarise_speakers(analysis: Analysis) -> tuple[SpeakerSummary, ...]:
    """Summarise what each shown speaker says, in order of appearance."""
    lengths = {id(entry): entry.utterance.end - entry.utterance.start for entry in analysis.utterances}
    total = sum(lengths.values()) or 1.0
    summaries = []
    for name in shown_speakers(analysis):
        entries = [entry for entry in analysis.utterances if entry.utterance.speaker == name]
        seconds = sum(lengths[id(entry)] for entry in entries)
        sentiments: dict[str, float] = {}
        for entry in entries:
            label = entry.prediction.sentiment
            sentiments[label] = sentiments.get(label, 0.0) + lengths[id(entry)] / (seconds or 1.0)
        emotions = Counter(emotion for entry in entries for emotion in entry.prediction.emotions)
        summaries.append(
            SpeakerSummary(
                name=name,
                seconds=seconds,
                share=seconds / total,
                utterances=len(entries),
                sentiments=tuple(sorted(sentiments.items(), key=lambda item: -item[1])),
                emotions=tuple(emotions.most_common()),
            )
        )
    return tuple(summaries)
