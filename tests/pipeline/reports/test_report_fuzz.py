"""A damaged report is refused with `InputError`, never with a traceback; a checkpoint with `CheckpointError`."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtmm_video.foundation.errors import InputError, MtmmError
from mtmm_video.model.checkpoint import load_checkpoint
from mtmm_video.model.checkpoint_file import resolve_checkpoint
from mtmm_video.pipeline.reports.json_reader import from_json

BOUNDED = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
FOLDER = Path(tempfile.mkdtemp(prefix="mtmm-fuzz-"))
# The least report: no utterance, so every field can be damaged in a few steps.
REPORT: dict[str, Any] = {
    "schema_version": "1.1",
    "source": {"name": "a", "path": "a.mp4", "sha256": "0" * 64, "duration": 1.0, "has_audio": True, "has_video": True},
    "utterances": [],
    "features": {"video_id": "a", "modalities": {"text": {"version": "1", "names": ["x"], "values": []}}},
    "attention": [{"pair": ["text", "visual"], "n1": [], "n2": []}],
    "notes": [],
    "provenance": {
        "version": "0",
        "created": "",
        "options": {},
        "weights": {},
        "model": {},
        "packages": {},
        "steps": [{"name": "media", "version": "1", "seconds": None, "reused": True}],
    },
}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, trail: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [trail, *(place for key, entry in inner for place in places(entry, (*trail, key)))]


@BOUNDED
@given(st.sampled_from(places(REPORT)[1:]), values, st.booleans())
def test_any_damage_to_a_report(place: tuple[Any, ...], value: Any, remove: bool) -> None:
    content = json.loads(json.dumps(REPORT))
    holder = content
    for key in place[:-1]:
        holder = holder[key]
    if remove:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    with contextlib.suppress(InputError):
        from_json(json.dumps(content))


@BOUNDED
@given(st.integers(0, 4000), st.binary(min_size=1, max_size=16))
def test_any_damage_to_a_checkpoint(place: int, content: bytes) -> None:
    """The header of a safetensors file, where the specification lies, is damaged."""
    damaged = bytearray(resolve_checkpoint("paper").read_bytes())
    damaged[place : place + len(content)] = content
    path = FOLDER / "damaged.safetensors"
    path.write_bytes(damaged)
    with contextlib.suppress(MtmmError):
        load_checkpoint(path)
