"""A mutation sample: whether the tests notice small changes of averaging, metrics and transcripts.

    python benchmarks/mutants.py --count 20

In each module, operators, comparisons, numbers and conditions are changed one at a time, at places drawn with a seed.
A forked process takes the changed code into the loaded functions (so the layout with links does not matter, and nothing
is imported again) and runs the module's tests. A mutant that all tests pass has survived: it is printed as a change of
the source line, to be explained or to be killed by a test.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib
import os
import random
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TARGETS = {
    "pipeline.averaging": ["tests/pipeline/test_averaging.py"],
    "model.metrics": ["tests/model/test_metrics.py"],
    "pipeline.transcripts.timing": ["tests/pipeline/transcripts/test_transcript_times.py"],
    "pipeline.transcripts.cues": [
        "tests/pipeline/transcripts/test_transcript_formats.py",
        "tests/pipeline/transcripts/test_transcript_text.py",
        "tests/pipeline/transcripts/test_transcript_times.py",
    ],
}
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
SECONDS = 120  # of processor time per mutant; one that loops for ever counts as noticed


def changes(node: ast.AST) -> Iterator[tuple[ast.AST, str, object, ast.AST]]:
    """Yield what can be changed below a function: the node, its field, the new value, the node that has a line."""
    for place in ast.walk(node):
        if isinstance(place, (ast.BinOp, ast.BoolOp)) and type(place.op) in SWAPS:
            yield place, "op", SWAPS[type(place.op)](), place
        elif isinstance(place, ast.Compare) and type(place.ops[0]) in SWAPS:
            yield place, "ops", [SWAPS[type(place.ops[0])](), *place.ops[1:]], place
        elif isinstance(place, ast.Constant) and type(place.value) in (int, float):
            yield place, "value", place.value + 1, place
        elif isinstance(place, ast.Constant) and isinstance(place.value, bool):
            yield place, "value", not place.value, place
        elif isinstance(place, ast.If):
            yield place, "test", ast.UnaryOp(ast.Not(), place.test), place.test


def mutants(source: str) -> list[tuple[int, str, ast.Module]]:
    """Return every mutant of a module: line number, the line's new code, the tree."""
    tree = ast.parse(source)
    bodies = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = []
    for body in bodies:
        for place, field, value, at in changes(ast.Module(body.body, [])):
            old = getattr(place, field)
            setattr(place, field, value)
            ast.fix_missing_locations(tree)
            found.append((at.lineno, ast.unparse(at), copy.deepcopy(tree)))  # type: ignore[attr-defined]
            setattr(place, field, old)
    return found


def take(old: types.ModuleType | type, new: dict[str, object]) -> None:
    """Give the functions of a loaded module, or class, the code of others of the same name."""
    for name, value in new.items():
        present = vars(old).get(name)
        if isinstance(value, types.FunctionType) and isinstance(present, types.FunctionType):
            present.__code__ = value.__code__
        elif isinstance(value, type) and isinstance(present, type) and value.__module__ == old.__name__:
            take(present, dict(vars(value)))


def survives(module: types.ModuleType, tree: ast.Module, tests: list[str]) -> bool:
    """Tell whether all tests pass with the changed code, in a process of its own."""
    child = os.fork()
    if not child:
        import resource  # noqa: PLC0415 (of the child)

        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        log = os.open(os.devnull, os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        namespace: dict[str, object] = dict(vars(module))
        with contextlib.suppress(Exception):
            exec(compile(tree, str(module.__file__), "exec"), namespace)  # noqa: S102 (our own source)
        take(module, namespace)
        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]) != 0))
    return os.waitpid(child, 0)[1] == 0


def main() -> None:
    """Run the sample and print a Markdown table and the survivors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="mutants per module")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    generator = random.Random(arguments.seed)  # noqa: S311 (not for secrets)
    print("| module | mutants | sampled | survived |\n|---|---|---|---|", flush=True)
    survivors = []
    for name, tests in TARGETS.items():
        module = importlib.import_module(f"mtmm_video.{name}")
        every = mutants(Path(str(module.__file__)).read_text(encoding="utf-8"))
        sample = generator.sample(every, min(arguments.count, len(every)))
        if not survives(module, ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")), tests):
            raise SystemExit(f"{name}: its tests fail without any change")
        alive = [(line, code) for line, code, tree in sample if survives(module, tree, tests)]
        print(f"| {name} | {len(every)} | {len(sample)} | {len(alive)} |", flush=True)
        survivors += [f"* {name}, line {line}: `{code}`" for line, code in sorted(alive)]
        print("\n".join(survivors[-len(alive) :] if alive else []), file=sys.stderr, flush=True)
    print("\n" + "\n".join(survivors))


if __name__ == "__main__":
    main()
