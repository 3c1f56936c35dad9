"""Removal of non-speech annotations from transcripts: ``[LAUGHTER]``, ``(sighs)``, ``*coughs*``, music symbols."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from mtmm_video.pipeline.transcripts.passages import Passage, Token

# Stems of words that describe sounds and manners of speaking in captions and recogniser output.
_SOUND_STEMS = (
    "laugh|chuckl|giggl|snicker|sigh|applau|applaus|clap|clapp|cheer|music|song|sing|humm|whistl|cough|sneez|sniff|"
    "sniffl|snor|yawn|cry|cri|sob|sobb|weep|whimper|gasp|groan|moan|grunt|breath|inhal|exhal|pant|scoff|snort|gulp|"
    "whisper|murmur|mutter|mumbl|scream|shout|yell|shriek|howl|stutter|stammer|paus|silenc|inaudibl|unintelligibl|"
    "indistinct|crosstalk|cross-talk|chatter|nois|static|footstep|ring|beep|buzz|click|bang|thud|crash|knock|slam|"
    "siren|honk|gunshot|explosion|bark|meow|chirp|rustl|rumbl|squeak|creak|speak|applaudissement|rire|musique|gelächter|"
    "lach|seufz|musik|beifall|risa|música|aplauso|muzyka|śmiech|смех|музык|аплодисмент|foreign"
)
_SOUND_SIGNS = re.compile("笑|拍手|音楽|音乐|音樂|掌声|掌聲|歓声|咳|웃음|박수|음악")
_SOUND = re.compile(
    rf"(?<!\w)(?:(?:{_SOUND_STEMS})(?:s|e|es|ed|en|er|ers|ing|ly|t|ter|ters|а|ы)?"
    r"|clear(?:s|ing|ed)? (?:\w+ )?throat)(?!\w)",
    re.IGNORECASE,
)
# Words that occur in speech and not in descriptions of sounds.
_TALKED = re.compile(
    r"(?<!\w)(?:i|i'm|you|we|it|it's|is|was|are|were|my|your|our|that|this|which|see|don't)(?!\w)", re.I
)
_MOST_WORDS = 6  # of a description; longer text in brackets is a spoken aside
_GROUP = re.compile(
    r"\(\([^()]*\)\)|\[\[[^\[\]]*\]\]|\[[^\[\]]*\]|\([^()]*\)|\*[^*\s][^*]*\*|\{[^{}]*\}|<[^<>]*>|（[^（）]*）|【[^【】]*】|［[^［］]*］"
)
_OPEN = re.compile(r"[\[(（【［][^\[\]()（）【】［］]*$")  # a bracket that the line does not close
_MUSIC = re.compile("[♩♪♫♬♭♯\U0001f3b5\U0001f3b6\U0001f3bc]+")  # music symbols and emoji
_TIME_MARK = re.compile(r"[\[(]\d{1,2}(?::\d{2}){1,2}(?:[.,]\d+)?[\])]")  # "[00:01:02]" in manual transcripts
_PUNCTUATION = ".,;:!?…"


def without_sounds(passage: Passage) -> tuple[Passage, tuple[str, ...]]:
    """Remove non-speech annotations from a passage.

    Removed are: music symbols; text in square brackets that begins a line, is the whole line, or contains a word for a
    sound; text in other brackets or asterisks that contains such a word; a short whole line in round brackets without a
    word of speech, such as "(door closes)"; timestamps. Other text in brackets counts as speech and is kept. A bracket
    may close on a later line of the same cue.

    Parameters
    ----------
    passage : Passage

    Returns
    -------
    passage : Passage
        With the remaining tokens.
    heard : tuple of str
        The removed annotations, in order.
    """
    kept: list[Token] = []
    lines: list[int] = []
    heard: list[str] = []
    bounds = [*_line_starts(passage), len(passage.tokens)]
    for first, last in itertools.pairwise(bounds):
        if len(kept) not in lines:
            lines.append(len(kept))
        kept.extend(_said(passage.tokens[first:last], heard))
    return replace(passage, tokens=tuple(kept), lines=tuple(lines)), tuple(heard)


def _line_starts(passage: Passage) -> list[int]:
    """Return where the lines begin, without those that begin inside a bracket of the line before."""
    starts = [passage.lines[0]]
    for begin in passage.lines[1:]:
        line = " ".join(token.text for token in passage.tokens[starts[-1] : begin])
        rest = " ".join(token.text for token in passage.tokens[begin:])
        if not (_OPEN.search(line) and re.match(r"[^\[\]()（）【】［］]*[\])）】］]", rest)):
            starts.append(begin)
    return starts


def _said(tokens: Sequence[Token], heard: list[str]) -> list[Token]:
    line = " ".join(token.text for token in tokens)
    rest = _GROUP.sub("", line)
    whole = not rest.strip(f"{_PUNCTUATION} -–>")
    lead = len(line) - len(line.lstrip(" -–>"))
    said = [True] * len(line)
    for match in _GROUP.finditer(line):
        if _is_sound(match[0], first=match.start() <= lead, whole=whole):
            heard.append(match[0])
            said[match.start() : match.end()] = [False] * len(match[0])
    for match in _MUSIC.finditer(line):
        heard.append(match[0])
        said[match.start() : match.end()] = [False] * len(match[0])
    if all(said):
        return list(tokens)
    left = []
    position = 0
    for token in tokens:
        mask = said[position : position + len(token.text)]
        text = "".join(sign for sign, kept in zip(token.text, mask, strict=True) if kept)
        if text == token.text or text.strip(_PUNCTUATION):
            left.append(replace(token, text=text))
        position += len(token.text) + 1
    return left


def _is_sound(group: str, *, first: bool, whole: bool) -> bool:
    inner = group[1:-1].strip("()[] ")
    if not inner or _TIME_MARK.fullmatch(group):
        return True
    short = len(inner.split()) <= _MOST_WORDS and inner[-1] not in ".?!"
    sound = _SOUND.search(inner) or _SOUND_SIGNS.search(inner)
    described = short and bool(sound) and not _TALKED.search(inner)
    letters = any(sign.isalpha() for sign in inner)
    if group[0] in "[【［":
        return described or (letters and inner.isupper()) or first or whole
    if group[0] in "(（*":
        return described or (letters and whole and short and "," not in inner and not _TALKED.search(inner))
    return described
