"""Who speaks, where a subtitle says so in its text: ``Anna Berg: Hello``, ``JOHN: No.``, ``>> Hello``.

A word with a colon is a name only where the file speaks for it: "Note:" begins a sentence as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mtmm_video.pipeline.transcripts.passages import Passage, Token

_LONGEST_NAME = 5  # words; "Theresa May (Guest, External)" of meeting programs has four
_SHARE_OF_MEETING = 0.6  # of the passages that begin with a prefix from which the whole file is taken for a meeting
_NAME_WORD = re.compile(r"[^\W\d_][\w.'’-]*|\(.*\)|\(.*|.*\)|\d{1,3}")
_PARTICLE = re.compile(
    r"de|da|do|dos|du|la|le|der|den|van|von|vom|zu|al|el|bin|ibn|abu|y|e|of|the|and|&", re.IGNORECASE
)
# What begins sentences with a colon and is nobody's name.
# fmt: off
_NO_NAMES = frozenset((
    "note", "notes", "question", "questions", "answer", "answers", "q", "a", "remember", "warning", "caution",
    "example", "examples", "step", "tip", "tips", "update", "ps", "p.s.", "spoiler", "summary", "conclusion",
    "problem", "problems", "solution", "fact", "facts", "reminder", "disclaimer", "edit", "first", "second",
    "third", "finally", "part", "chapter", "section", "episode", "rule", "option", "point", "result", "results",
    "reason", "again", "also", "however", "so", "and", "but", "or", "because", "now", "today", "tomorrow",
    "yesterday", "yes", "no", "ok", "okay", "hint", "important", "attention", "breaking", "source", "sources",
    "translation", "title", "subject", "time", "date", "place", "http", "https", "www",
))
# fmt: on
_CHEVRONS = re.compile(r"^(?:>>+|››+|»+)$")
_DASHES = re.compile(r"^[-–—‐]$")


def with_speakers(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Turn prefixes that name a speaker into the speaker of the words after them.

    Such a prefix stands at the beginning of a line and ends in a colon. It is a name where it is written in capitals,
    has two or more words that begin with capitals, has a number ("Speaker 2"), or comes at least twice; and anything is
    one where most passages of the file begin with a prefix, as the transcripts of meetings do. Chevrons (``>>``) and
    dashes that begin a line are marks of the subtitler and are left out.

    Parameters
    ----------
    passages : sequence of Passage
        Of subtitles. Words that have a speaker already keep it.
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
    """Return what stands before the first colon of a line, if it may be a name and words follow."""
    for count, token in enumerate(line[:_LONGEST_NAME], start=1):
        if token.speaker is not None:
            return None
        if token.text.endswith((":", "：")) and count < len(line):
            name = " ".join(each.text for each in line[:count])[:-1].strip()
            return (
                name if any(sign.isalpha() for sign in name) and name.casefold().split()[0] not in _NO_NAMES else None
            )
        if token.text[-1] in ".?!,;" and count > 1 and len(token.text) > 3:  # longer than an initial
            return None
    return None


def _is_name(name: str, *, times: int, meeting: bool) -> bool:
    words = name.split()
    if not all(_NAME_WORD.fullmatch(word) for word in words):
        return False
    if name.isupper() or meeting:
        return True
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
            line = line[len(name.split()) + (0 if line[len(name.split()) - 1].text.endswith((":", "：")) else 1) :]
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
