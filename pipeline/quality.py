"""Quality figures and flags: how far an utterance's labels rest on solid measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.columns import VOICE_NAMES
from mtmm_video.extractors.speech.speaker_turns import Diarization
from mtmm_video.extractors.speech.transcript import LanguageSpan
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.speaker_names import speaker_confidence
from mtmm_video.pipeline.utterance import Utterance

if TYPE_CHECKING:
    from mtmm_video.extractors.visual.speaker import FaceChoice  # a report is read without the extractors' libraries

NOT_MEASURED = "Not measured in any utterance:"  # begins the note about absent columns
PARTIAL_FACE_SHARE = 0.5  # a face in fewer frames than this: its means speak for less than half of the utterance
TURNED_SHARE = 0.5  # of the frames with a face
# Median height of a face. At 48 pixels the units still agree with those of the same face at full size (r .96 and more a
# frame, means within .05 deviations of CMU-MOSEI), at 32 no longer (r .90, .08): docs/visual.md.
SMALL_FACE_PIXELS = 48
BLURRED_SHARPNESS = 0.1  # `extractors.visual` sharpness; below is a heavy blur (docs/visual.md)
UNVOICED_SHARE = 0.1  # of 10 ms frames; read speech is voiced for about half of the time
LOW_ASR_CONFIDENCE = 0.5  # mean word probability: more likely wrong than right
UNKNOWN_WORD_SHARE = 0.5  # of the tokens
UNSURE_SPEAKER = 0.5  # speaker_confidence: more likely somebody else
OVERLAP_SHARE = 0.2  # of the utterance: the voice's columns are no longer one person's
TRAINED_LANGUAGE = "en"  # of CMU-MOSEI and of the word vectors

# The flags an utterance can carry, with what they mean. Reports and the JSON schema list the same names.
FLAGS: Mapping[str, str] = {
    "no_face": "no usable face in the utterance: the visual modality is absent",
    "partial_face": "a usable face in fewer than half of the utterance's frames",
    "several_faces": "more than one face was seen; the one that speaks was chosen, see quality.face_confidence",
    "head_turned": "the head is turned away for more than half of the frames with a face",
    "small_or_blurred_face": "the face is too small or too blurred for reliable action units",
    "frozen_picture": "the face does not move while somebody speaks: a picture; the visual modality is absent",
    "not_a_face": "the face has no human proportions: drawn or animated; the visual modality is absent",
    "occluded": "the mouth is covered; the visual modality is absent",
    "low_face_confidence": "no face is likely to be the speaker's; the visual modality is absent",
    "incomplete_file": "the file is incomplete, see the notes of the report",
    "no_video": "the file has no picture",
    "no_audio": "the file has no sound",
    "unvoiced": "hardly any voiced speech was measured: pitch and voice quality are not reliable",
    "low_asr_confidence": "the recogniser was unsure of the words",
    "uncertain_speaker": "who speaks is a guess, see quality.speaker_confidence",
    "overlapping_speech": "several people speak at once in a fifth of the utterance or more",
    "other_language": "what is said is not English: the model was trained on English only",
    "translated": "the words are whisper's translation into English",
    "interpolated_times": "at least one word had no time and was put between its neighbours",
    "unknown_words": "more than half of the words have no GloVe vector",
}
OBJECTIONS = ("frozen_picture", "not_a_face", "occluded", "low_face_confidence")  # of `FaceChoice.objection`


@dataclass(frozen=True)
class Quality:
    """How far the measurements of one utterance can be trusted. None where there was nothing to measure.

    Attributes
    ----------
    asr_confidence : float or None
        Mean word probability in [0, 1].
    unknown_word_share : float
        Share of tokens without a GloVe vector, in [0, 1].
    voiced_share : float or None
        Share of 10 ms frames that are voiced, in [0, 1].
    face_share : float or None
        Share of sampled frames with a usable face of the chosen person, in [0, 1].
    faces : int or None
        Number of different faces seen during the utterance.
    face_track : int or None
        Which of the video's faces was used.
    face_confidence : float or None
        Confidence in [0, 1] that the chosen face is the one that speaks; 1 where there is only one.
    face_height : float or None
        Median height of the face in pixels.
    sharpness : float or None
        Median sharpness of the face, see `extractors.visual`.
    turned_share : float or None
        Share of face frames with the head turned away, in [0, 1].
    face_objection : str or None
        Why the chosen face is no evidence: one of the flags ``frozen_picture``, ``not_a_face``, ``occluded`` and
        ``low_face_confidence``.
    speaker_confidence : float or None
        Confidence in [0, 1] that the utterance is its speaker's; None where the transcript names the speaker or nobody
        was to tell speakers apart.
    overlap_share : float or None
        Share of the utterance in which several people speak at once, in [0, 1].
    """

    asr_confidence: float | None = None
    unknown_word_share: float = 0.0
    voiced_share: float | None = None
    face_share: float | None = None
    faces: int | None = None
    face_track: int | None = None
    face_confidence: float | None = None
    face_height: float | None = None
    sharpness: float | None = None
    turned_share: float | None = None
    face_objection: str | None = None
    speaker_confidence: float | None = None
    overlap_share: float | None = None


def voiced_share(acoustic: FeatureStream, *, start: float, end: float) -> float | None:
    """Return the share of an utterance's 10 ms frames that are voiced; None where nothing was measured.

    Parameters
    ----------
    acoustic : FeatureStream
        With COVAREP's column ``VUV`` (1 voiced, 0 not).
    start, end : float
        Seconds.
    """
    if "VUV" not in acoustic.names:
        return None
    rows = slice(np.searchsorted(acoustic.times, start, "left"), np.searchsorted(acoustic.times, end, "right"))
    voicing = acoustic.names.index("VUV")
    measured = acoustic.values[rows, voicing][acoustic.valid[rows, voicing]]
    return float((measured > 0.5).mean()) if len(measured) else None


def overlap_share(overlap: NDArray[np.float64], *, start: float, end: float) -> float:
    """Return the share of an utterance in which several people speak at once.

    Parameters
    ----------
    overlap : ndarray, shape (n, 2)
        Start and end of the intervals with overlapping speech, in seconds.
    start, end : float
        Of the utterance, in seconds.
    """
    shared = np.clip(np.minimum(overlap[:, 1], end) - np.maximum(overlap[:, 0], start), 0.0, None).sum()
    return float(min(1.0, shared / max(end - start, np.finfo(float).eps)))


def measure_quality(
    utterance: Utterance,
    *,
    source: Source,
    acoustic: FeatureStream | None,
    face: FaceChoice | None,
    unknown_word_share: float,
    diarization: Diarization | None = None,
) -> Quality:
    """Collect the quality figures of one utterance.

    Parameters
    ----------
    utterance : Utterance
    source : Source
        The video.
    acoustic : FeatureStream or None
        Of the whole video; None where it has no sound.
    face : FaceChoice or None
        Of this utterance; None where faces were not looked for.
    unknown_word_share : float
        Share of tokens without a GloVe vector.
    diarization : Diarization, optional
        Of the whole video; None where the speakers were not to be told apart, or the transcript names them.
    """
    confidences = [word.probability for word in utterance.words if word.probability is not None]
    seen = face if face is not None and face.track is not None else None
    return Quality(
        asr_confidence=float(np.mean(confidences)) if confidences else None,
        unknown_word_share=unknown_word_share,
        voiced_share=None if acoustic is None else voiced_share(acoustic, start=utterance.start, end=utterance.end),
        face_share=None if face is None else face.face_share,
        faces=None if face is None else face.faces,
        face_track=None if seen is None else seen.track,
        face_confidence=None if seen is None else seen.confidence,
        face_height=None if seen is None or source.height is None else seen.face_height * source.height,
        sharpness=None if seen is None else seen.sharpness,
        turned_share=None if seen is None else seen.turned_share,
        face_objection=None if seen is None else seen.objection,
        speaker_confidence=None
        if diarization is None
        else speaker_confidence(diarization.turns, start=utterance.start, end=utterance.end),
        overlap_share=None
        if diarization is None
        else overlap_share(diarization.overlap, start=utterance.start, end=utterance.end),
    )


def flags_of(
    utterance: Utterance,
    *,
    quality: Quality,
    source: Source,
    languages: Sequence[LanguageSpan] = (),
    translated: bool = False,
) -> tuple[str, ...]:
    """Return the flags of one utterance, in the order of `pipeline.quality.FLAGS`.

    Parameters
    ----------
    utterance : Utterance
    quality : Quality
        Its figures. A figure that is None raises no flag, except that looked-for faces that are absent do.
    source : Source
        The video.
    languages : sequence of LanguageSpan
        What is spoken when, as recognised.
    translated : bool
        Whether the recogniser wrote English words for other languages.
    """
    foreign = any(
        span.language != TRAINED_LANGUAGE and span.start < utterance.end and utterance.start < span.end
        for span in languages
    )
    face_seen = quality.face_track is not None
    looked = quality.faces is not None and source.has_video
    raised = {
        "no_face": looked and not face_seen,
        "partial_face": face_seen and _below(quality.face_share, PARTIAL_FACE_SHARE),
        "several_faces": (quality.faces or 0) > 1,
        "head_turned": _above(quality.turned_share, TURNED_SHARE),
        "small_or_blurred_face": _below(quality.face_height, SMALL_FACE_PIXELS)
        or _below(quality.sharpness, BLURRED_SHARPNESS),
        **{flag: quality.face_objection == flag for flag in OBJECTIONS},
        "incomplete_file": source.claimed_duration is not None,
        "no_video": not source.has_video,
        "no_audio": not source.has_audio,
        "unvoiced": source.has_audio and _below(quality.voiced_share, UNVOICED_SHARE),
        "low_asr_confidence": _below(quality.asr_confidence, LOW_ASR_CONFIDENCE),
        "uncertain_speaker": _below(quality.speaker_confidence, UNSURE_SPEAKER),
        "overlapping_speech": _above(quality.overlap_share, OVERLAP_SHARE),
        "other_language": foreign,
        "translated": foreign and translated,
        "interpolated_times": any(word.interpolated for word in utterance.words),
        "unknown_words": quality.unknown_word_share > UNKNOWN_WORD_SHARE,
    }
    return tuple(flag for flag in FLAGS if raised[flag])


def notes_of(
    source: Source,
    *,
    utterances: int,
    spoken: float,
    absent: Sequence[str],
    visual: str,
    languages: Sequence[LanguageSpan] = (),
    translated: bool = False,
    part: tuple[float, float] | None = None,
) -> tuple[str, ...]:
    """Return what a reader of the whole report should know, in plain sentences.

    Parameters
    ----------
    source : Source
    utterances : int
        How many there are.
    spoken : float
        Seconds of detected speech.
    absent : sequence of str
        Feature columns that no utterance has although their modality is there.
    visual : str
        The backend that looked for faces, or "none".
    languages : sequence of LanguageSpan
        What is spoken when, as recognised; empty where a transcript was given or nobody speaks.
    translated : bool
        Whether the recogniser wrote English words for other languages.
    part : (float, float), optional
        Seconds: what of the file was analysed; None for all of it.
    """
    notes = list(source.remarks)
    if part is not None:
        notes.append(f"Only {part[0]:g} s to {min(part[1], source.duration):g} s of the file were analysed.")
    if not source.has_audio:
        notes.append("The file has no sound: no acoustic features.")
    elif spoken == 0:
        notes.append("No speech was detected in the sound.")
    if not source.has_video:
        notes.append("The file has no picture: no visual features.")
    elif visual == "none":
        notes.append("Faces were not looked for (--visual none).")
    if any(span.language != TRAINED_LANGUAGE for span in languages):
        parts = ", ".join(f"{span.language} from {span.start:.0f} s" for span in languages)
        notes.append(f"Recognised languages: {parts}. The model was trained on English speech and words only.")
        if translated:
            notes.append("Words that were not said in English are whisper's translation, with times by segment.")
    if utterances == 0:
        notes.append("There is no utterance, so there is nothing to label.")
    if absent:
        notes.append(f"{NOT_MEASURED} {', '.join(absent)}.")
    return tuple(notes)


def absent_columns(names: Sequence[str], valid: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return the columns that no row has, of a modality that at least one row has; whisper's states count as one.

    Parameters
    ----------
    names : sequence of str, length d
    valid : ndarray of bool, shape (u, d)
    """
    if not valid.any():
        return ()
    absent = [name for name, present in zip(names, np.atleast_1d(valid.any(axis=0)), strict=True) if not present]
    return tuple(dict.fromkeys("voice" if name in VOICE_NAMES else name for name in absent))


def _below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit
