"""The house keeps its shape: imports point downwards, no circle exists, modules stay small, and help comes at once."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
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
# Inner room -> inner rooms of the same room that it may import. The modules of the room itself are open to all of them:
# they hold its nouns, and what calls the inner rooms; that no circle comes of it is a test of its own.
INNER: dict[str, dict[str, set[str]]] = {
    "foundation": {},
    "extractors": {"speech": set(), "text": set(), "acoustic": {"speech"}, "visual": set()},
    "model": {"paper": set()},
    "pipeline": {
        "media": set(),
        "store": set(),
        "weights": set(),
        "transcripts": set(),
        "reports": set(),
        "steps": {"media", "store", "transcripts", "weights"},
        "corpora": {"media", "store"},
        "comparison": {"corpora", "reports"},
        "training": {"corpora", "media", "weights"},
    },
    "flows": {"commands": set()},
}
# The core of the model knows nothing of the paper's study, nor the extractors' nouns of the extractors.
CORES = {"model", "extractors"}
LONGEST_MODULE = 400  # lines
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    """Return the dotted name of a module below `mtmm_video`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {name_of(path): path for path in MODULES}


def imports(tree: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what a module imports when it runs, also inside functions: a module and the names taken from it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue  # names of types: nothing is loaded
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import; write the whole name"
            yield node.module or "", tuple(alias.name for alias in node.names)
        yield from imports(node)


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the modules of ours that a module imports, below `mtmm_video`."""
    found: set[str] = set()
    for module, names in imports(ast.parse(path.read_text(encoding="utf-8"))):
        if module.partition(".")[0] != "mtmm_video":
            continue
        inside = module.partition(".")[2]
        # The public interface itself is for users: a room names the module it needs.
        assert inside or names, f"{path}: import mtmm_video"
        for name in names or ("",):
            full = f"{inside}.{name}".strip(".")
            found.add(full if full in NAMES else inside)
    return frozenset(found - {name_of(path)})


def inner_room(name: str) -> tuple[str, str]:
    """Return the room and the inner room of a module's name."""
    room, _, rest = name.partition(".")
    inner = rest.partition(".")[0]
    return room, inner if (ROOT / room / inner).is_dir() else ""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path: Path) -> None:
    room, inner = inner_room(name_of(path))
    for other in imported(path):
        target, target_inner = inner_room(other)
        assert target in ROOMS[room] | {room}, other
        if target == room and target_inner not in {inner, ""}:
            assert (target_inner in INNER[room][inner]) if inner else (room not in CORES), other


def test_every_inner_room_has_its_place() -> None:
    for room, inner in INNER.items():
        assert {path.name for path in (ROOT / room).iterdir() if (path / "__init__.py").is_file()} == set(inner)


def test_no_circle_of_modules() -> None:
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for other in sorted(imported(NAMES[name])):
                if other in NAMES:
                    visit(other, (*trail, name))
            done.add(name)

    for name in NAMES:
        visit(name, ())


def test_everything_is_imported_under_one_name() -> None:
    for path in [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        for module, _ in imports(ast.parse(path.read_text(encoding="utf-8"))):
            assert module.partition(".")[0] not in ROOMS, f"{path}: import {module}; write mtmm_video.{module}"


def test_only_the_top_floor_knows_prefect() -> None:
    knowing = {
        inner_room(name_of(path))[0]
        for path in MODULES
        for module, _ in imports(ast.parse(path.read_text(encoding="utf-8")))
        if module.partition(".")[0] == "prefect"
    }
    assert knowing == {"flows"}


def test_nothing_is_unpickled() -> None:
    for path in MODULES:
        source = path.read_text(encoding="utf-8")
        assert "import pickle" not in source, path
        assert "allow_pickle=True" not in source, path


def test_modules_stay_readable_in_one_sitting() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
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
