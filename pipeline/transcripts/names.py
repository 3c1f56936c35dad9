"""Speaker labels in subtitle text: ``Anna Berg: Hello``, ``JOHN: No.``, ``>> Hello``.

A prefix with a colon is not always a speaker label ("Note: ..."); `with_speakers` has the rules.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mtmm_video.pipeline.transcripts.passages import Passage, Token

_LONGEST_NAME = 5  # words; "Theresa May (Guest, External)" in exports of meeting software has four
_SHARE_OF_MEETING = 0.6  # smallest share of passages with a prefix for which the file counts as a meeting transcript
_NAME_WORD = re.compile(r"[^\W\d_][\w.'’-]*,?|\(.*\)|\(.*|.*\)|\d{1,3}")
_BRACKETED = re.compile(r"\[([^\[\]]+)\]")
_PARTICLE = re.compile(
    r"de|da|do|dos|du|la|le|der|den|van|von|vom|zu|al|el|bin|ibn|abu|y|e|of|the|and|&", re.IGNORECASE
)
# Words before a colon that are not names.
# fmt: off
_NO_NAMES = frozenset((
    "note", "notes", "question", "questions", "answer", "answers", "q", "a", "remember", "warning", "caution",
    "example", "examples", "step", "tip", "tips", "update", "ps", "p.s.", "spoiler", "summary", "conclusion",
    "problem", "problems", "solution", "fact", "facts", "reminder", "disclaimer", "edit", "first", "second",
    "third", "finally", "part", "chapter", "section", "episode", "rule", "option", "point", "result", "results",
    "reason", "again", "also", "however", "so", "and", "but", "or", "because", "now", "today", "tomorrow",
    "yesterday", "yes", "no", "ok", "okay", "hint", "important", "attention", "breaking", "source", "sources",
    "translation", "title", "subject", "time", "date", "place", "http", "https", "www",
    "i", "he", "she", "it", "we", "you", "they", "this", "that", "these", "those", "there", "here", "what", "who",
))
# fmt: on
_CHEVRONS = re.compile(r"^(?:>>+|››+|»+)$")
_DASHES = re.compile(r"^[-–—‐]$")


def with_speakers(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Remove speaker labels from the text and assign the speaker to the words that follow.

    A label begins a line and ends in a colon. It counts as a name if it is in capitals, has two or more capitalised
    words, has a number ("Speaker 2"), or occurs at least twice; any label counts if most passages of the file begin
    with one, as in meeting transcripts. Chevrons (``>>``) and dashes at the start of a line mark a change of speaker
    without a name and are removed.

    Parameters
    ----------
    passages : sequence of Passage
        Of subtitles. Words with a speaker keep it.
    """
    first = [_prefix(_line(passage, 0)) for passage in passages]
    seen = Counter(name for passage in passages for name in _prefixes(passage) if name)
    meeting = len(passages) > 1 and sum(name is not None for name in first) >= _SHARE_OF_MEETING * len(passages)
    return tuple(_named(passage, seen, meeting=meeting) for passage in passages)


def _line(passage: Passage, number: int) -> tuple[Token, ...]:
    bounds = [*passage.lines, len(passage.tokens)]
    return _without_marks(passage.tokens[bounds[number] : bounds[number + 1]])


def _prefixes(passage: Passage) -> list[str | None]:
    return [_prefix(_line(passage, number)) for number in range(len(passage.lines))]


def _prefix(line: Sequence[Token]) -> str | None:
    """Return the text before the first colon of a line if it may be a name and words follow it; None otherwise."""
    for count, token in enumerate(line[:_LONGEST_NAME], start=1):
        if token.speaker is not None:
            return None
        if token.text.endswith((":", "：")) and count < len(line):
            name = " ".join(each.text for each in line[:count])[:-1].strip()
            if bracketed := _BRACKETED.fullmatch(name):  # "[Anna]: Hello"
                name = bracketed[1].strip()
            is_label = any(sign.isalpha() for sign in name) and name.casefold().split()[0] not in _NO_NAMES
            return name if is_label else None
        if token.text[-1] in ".?!,;" and count > 1 and len(token.text) > 3:  # longer than an initial
            return None
    return None


def _is_name(name: str, *, times: int, meeting: bool) -> bool:
    words = name.split()
    if not all(_NAME_WORD.fullmatch(word) for word in words):
        return False
    if name.isupper() or meeting:
        return True
    if "," in name:  # "Berg, Anna: Hello", but "Well, Anna: no" once
        return times > 1
    proper = [word for word in words if not _PARTICLE.fullmatch(word) and not word.startswith("(")]
    capitals = bool(proper) and words[0][:1].isupper() and all(not word[0].islower() for word in proper)
    return capitals and (len(proper) > 1 or times > 1)


def _named(passage: Passage, seen: Counter[str], *, meeting: bool) -> Passage:
    tokens: list[Token] = []
    lines: list[int] = []
    speaker: str | None = None
    for number in range(len(passage.lines)):
        line = _line(passage, number)
        name = _prefix(line)
        if name is not None and _is_name(name, times=seen[name], meeting=meeting and number == 0):
            speaker = name
            line = line[1 + next(count for count, token in enumerate(line) if token.text.endswith((":", "："))) :]
        if not lines or len(tokens) > lines[-1]:
            lines.append(len(tokens))
        tokens.extend(token if token.speaker is not None else replace(token, speaker=speaker) for token in line)
    return replace(passage, tokens=tuple(tokens), lines=tuple(lines) or (0,))


def _without_marks(line: Sequence[Token]) -> tuple[Token, ...]:
    rest = tuple(line)
    while rest and (_CHEVRONS.match(rest[0].text) or _DASHES.match(rest[0].text)) and len(rest) > 1:
        rest = rest[1:]
    if rest and (match := re.match(r">>+(?=\w)", rest[0].text)):
        rest = (replace(rest[0], text=rest[0].text[match.end() :]), *rest[1:])
    return rest
