"""What a user installs: one name, everything in it, and no quarrel with the files of the folder it is used in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from mtmm_video.pipeline.weights.resolution import weights_folder

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("pipeline", "extractors", "model", "flows", "foundation")
# Files and folders that people have, under the names that rooms of ours have at the top of the repository.
NEIGHBOURS = ("model.py", "flows.py", "foundation.py", "pipeline/__init__.py", "extractors/__init__.py")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that nothing is left in the clone."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in (*ROOMS, "src"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.mark.slow
def test_the_wheel_puts_one_name_into_an_environment(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"mtmm_video"}
    assert "mtmm_video/py.typed" in names
    # Every file of the rooms is there: modules, weights, the page's scripts and styles.
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"mtmm_video/{path.relative_to(ROOT).as_posix()}" in names


@pytest.mark.slow
def test_it_works_in_a_folder_with_modules_of_the_same_names(
    wheel: Path, tmp_path: Path, tiny_video: Path, tiny_transcript: Path
) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    # The dependencies come from the environment of the tests; its own installation of this package does not, because
    # path files of a folder that a path file names are not read.
    paths = sysconfig.get_paths(vars={"base": str(environment), "platbase": str(environment)})
    (Path(paths["purelib"]) / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)

    folder = tmp_path / "notebook"
    for name in NEIGHBOURS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("raise RuntimeError('somebody else')\n", encoding="utf-8")
    shutil.copy(tiny_video, folder / "talk.mp4")
    shutil.copy(tiny_transcript, folder / "words.json")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    clean |= {"MTMM_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": "."}
    clean.setdefault("MTMM_WEIGHTS_DIR", str(weights_folder()))

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    example = (
        "import mtmm_video\n"
        "options = mtmm_video.AnalyzeOptions(transcript='words.json', visual='none')\n"
        "analysis = mtmm_video.analyze('talk.mp4', options=options)\n"
        "print(mtmm_video.__file__, len(analysis.to_frame()))\n"
    )
    where, rows = run(str(python), "-c", example).split()
    assert Path(where).is_relative_to(environment)
    assert int(rows) == 1
    # The command runs the Prefect flow in a private API's process.
    command = str(environment / "bin" / "mtmm-video")
    run(command, "analyze", "talk.mp4", "--transcript", "words.json", "--visual", "none", "--no-cache", "--out", "out")
    assert len(json.loads((folder / "out" / "talk.json").read_text(encoding="utf-8"))["utterances"]) == 1
