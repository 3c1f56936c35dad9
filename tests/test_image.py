"""The requirements of the Dockerfile, checked without a container engine."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from mtmm_video.foundation.version import __version__

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def instructions(name: str) -> list[str]:
    """Return the Dockerfile's instructions of a name, without comments and with continued lines joined."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    return [line.removeprefix(f"{name} ") for line in text.splitlines() if line.startswith(f"{name} ")]


def copied() -> list[str]:
    """Return what the Dockerfile copies out of the repository."""
    return [source for line in instructions("COPY") if not line.startswith("--from") for source in line.split()[:-1]]


def is_sent(path: str) -> bool:
    """Tell whether `.dockerignore` lets a file of the repository into the build: its last line that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removesuffix("/")
        anywhere = pattern.startswith("**/")
        places = [path, *map(str, Path(path).parents)]
        if any(fnmatch(f"/{place}", f"*/{pattern[3:]}" if anywhere else f"/{pattern}") for place in places):
            sent = line.startswith("!")
    return sent


def test_what_is_copied_exists_and_is_sent() -> None:
    assert "constraints.txt" in copied()
    for source in copied():
        files = [path for found in ROOT.glob(source.rstrip("/")) for path in (found, *found.rglob("*.py"))]
        files = [path for path in files if path.is_file()]
        assert files, f"COPY {source}: no such file"
        for file in files:
            assert is_sent(str(file.relative_to(ROOT))), f".dockerignore withholds {file}"


def test_every_package_and_its_data_is_in_the_image() -> None:
    rooms = [link.name for link in (ROOT / "src" / "mtmm_video").iterdir() if link.is_symlink()]
    assert {f"{room}/" for room in (*rooms, "src")} <= set(copied())
    for pattern in PYPROJECT["tool"]["setuptools"]["package-data"]["mtmm_video"]:
        files = [file for room in (*rooms, "src/mtmm_video") for file in (ROOT / room).glob(pattern)]
        assert files, f"package-data {pattern}: no such file"
        for file in files:
            assert is_sent(str(file.relative_to(ROOT))), f".dockerignore withholds {file}"


def test_what_has_no_business_in_an_image_is_not_sent() -> None:
    for path in (".git/config", ".venv/bin/python", "tests/conftest.py", "flows/__pycache__/cli.pyc", "demo/talk.json"):
        assert not is_sent(path), path


def test_every_installation_obeys_the_lock_file_or_takes_the_wheel_alone() -> None:
    installations = [part for line in instructions("RUN") for part in line.split("&&") if "pip install" in part]
    assert len(installations) == 3
    for command in installations:
        assert "--constraint locked.txt" in command or {"--no-deps", "--no-index"} <= set(command.split()), command
    assert any("constraints.txt > locked.txt" in line for line in instructions("RUN"))


def test_the_lock_file_leaves_the_build_of_pytorch_to_the_index() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.fullmatch(r"torch==[\d.]+", line)], "torch has to stand there without a label"
    assert not [line for line in lines if line.startswith("triton==")], "see `lock` in the Makefile"


@pytest.mark.skipif(shutil.which("ldd") is None, reason="needs ldd, which glibc has")
def test_no_library_of_the_system_is_needed_and_none_is_installed() -> None:
    for name in ("ai_edge_litert", "av", "ctranslate2", "cv2"):
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None
        for library in Path(spec.origin).parent.rglob("*.so"):
            linked = subprocess.run(["ldd", str(library)], capture_output=True, text=True, check=True).stdout
            graphics = [line.split()[0] for line in linked.splitlines() if re.match(r"\s*lib(E?GL|GLES|gthread)", line)]
            assert graphics == [], f"{library} is linked to {graphics}"
    assert not [line for line in instructions("RUN") if "apt-get" in line]


def test_the_image_is_labelled_with_the_version() -> None:
    assert [line for line in instructions("LABEL") if f'image.version="{__version__}"' in line]


def test_a_container_runs_what_it_is_told_without_rights() -> None:
    assert not instructions("ENTRYPOINT"), "Prefect's worker gives a command only"
    (user,) = instructions("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "a number: Kubernetes cannot tell a name from root"
