"""The house keeps its shape: imports point downwards, modules stay small, and help comes at once."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS: dict[str, set[str]] = {  # room -> rooms it may import
    "foundation": set(),
    "extractors": {"foundation"},
    "model": {"foundation"},
    "pipeline": {"extractors", "model", "foundation"},
    "flows": {"pipeline", "extractors", "model", "foundation"},
}
LONGEST_MODULE = 400  # lines
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a module imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import; write the room's name"
            found.add(node.module.partition(".")[0])
    return found & set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    assert imported_rooms(path) <= ROOMS[room] | {room}


def test_only_the_top_floor_knows_prefect() -> None:
    knowing = {
        path.relative_to(ROOT).parts[0]
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "prefect")
        or (isinstance(node, ast.Import) and any(alias.name.partition(".")[0] == "prefect" for alias in node.names))
    }
    assert knowing == {"flows"}


def test_nothing_is_unpickled() -> None:
    for path in MODULES:
        source = path.read_text(encoding="utf-8")
        assert "import pickle" not in source, path
        assert "allow_pickle=True" not in source, path


def test_modules_stay_readable_in_one_sitting() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['mtmm-video', '--help']\n"
        "import mtmm_video.flows.cli\n"
        "try: mtmm_video.flows.cli.main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'prefect', 'cv2', 'whisper', 'pandas'} & set(sys.modules)), file=sys.stderr)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr.strip() == "[]"
    assert "analyze" in done.stdout
    assert time.perf_counter() - start < 5.0  # 0.3 s on a quiet machine; five leaves room for a busy one
