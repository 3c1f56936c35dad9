"""The first five minutes of a newcomer, as a transcript with times, and what they leave on the disk.

Run it from the top of a clone, on Linux, with git, make and a Python that has `venv`; it fetches everything anew::

    python3 benchmarks/first_run.py > docs/first_run.md

A fresh clone of what is committed, an empty home folder and an empty cache, no environment variable but PATH, HOME,
LANG and pip's own (`PIP_*`: where it finds packages), and on the PATH only `TOOLS`: no ffmpeg, no compiler. Standard
library only: there is no environment yet.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What the Makefile and a person's shell need; everything else of this machine is out of reach.
TOOLS = (
    *("sh", "bash", "env", "git", "make", "python3"),
    *("cat", "cp", "cut", "du", "grep", "head", "ls", "mkdir", "rm", "sed", "sort", "tail", "touch", "uname"),
)
COMMANDS = (
    "git clone --quiet REPOSITORY mtmm-video && cd mtmm-video",
    "make demo",
    "source .venv/bin/activate",
    "mtmm-video show demo/good_stay.json",
    "mtmm-video analyze sample_videos/good_stay.mp4 --out demo",
    "mtmm-video analyze talk.mp4",
    "mtmm-video doctor",
    "du -sh --apparent-size .venv ~/.cache/mtmm-video/weights demo",
)
# For the new environment's Python: bytes of each package, and whether `pip install` of the wheel brings it.
SIZES = """
import json, re
from importlib.metadata import distribution, distributions
from packaging.requirements import Requirement
def key(name): return re.sub(r"[-_.]+", "-", name).lower()
def close(name, extras, seen):
    if (key(name), extras) in seen: return
    seen.add((key(name), extras))
    for line in distribution(name).requires or ():
        need = Requirement(line)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            try: close(need.name, tuple(sorted(need.extras)), seen)
            except ModuleNotFoundError: pass
seen = set(); close("mtmm-video", (), seen); needed = {name for name, _ in seen}
print(json.dumps([
    (d.name, sum(p.stat().st_size for p in map(d.locate_file, d.files or ()) if p.is_file()), key(d.name) in needed)
    for d in distributions()
]))
"""
# The files outside the environment that a process maps which has analysed a video: what an operating system must bring.
SYSTEM_LIBRARIES = """
import sys
from mtmm_video import AnalyzeOptions, analyze
analyze("sample_videos/good_stay.mp4", options=AnalyzeOptions(end=8.0))  # a part of it: nothing comes from the store
paths = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
print(*sorted({p.rsplit("/", 1)[1] for p in paths if not p.startswith(sys.prefix) and "/lib-dynload/" not in p}))
"""
GIGA = 1e9
LISTED = 20  # packages in the table


def main() -> None:
    """Live through the first five minutes and print them."""
    scratch = Path(tempfile.mkdtemp(prefix="first-run-"))
    try:
        environment = newcomer(scratch)
        load = os.getloadavg()[0]
        lines = transcript(scratch, environment)
        clone = scratch / "mtmm-video"
        python = [str(clone / ".venv/bin/python"), "-c"]
        sizes = json.loads(subprocess.check_output([*python, SIZES], env=environment, cwd=clone, text=True))
        libraries = subprocess.check_output([*python, SYSTEM_LIBRARIES], env=environment, cwd=clone, text=True).split()
        print(page(lines, sizes, libraries, load))
    finally:
        shutil.rmtree(scratch)


def newcomer(scratch: Path) -> dict[str, str]:
    """Make an empty home and a PATH with `TOOLS` alone; return the whole environment."""
    home, tools = scratch / "home", scratch / "bin"
    home.mkdir()
    tools.mkdir()
    for name in TOOLS:
        found = sys.executable if name == "python3" and sys.prefix == sys.base_prefix else shutil.which(name)
        if found is None:
            raise SystemExit(f"first_run: this machine has no `{name}`")
        (tools / name).write_text(f'#!/bin/sh\nexec "{found}" "$@"\n')
        (tools / name).chmod(0o755)
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return {"PATH": str(tools), "HOME": str(home), "LANG": "C.UTF-8", **pip}


def transcript(scratch: Path, environment: dict[str, str]) -> list[str]:
    """Run `COMMANDS` in one shell and return what was typed and seen, each line with the minutes and seconds so far."""
    start = time.monotonic()
    lines = []
    script = "\n".join(f"echo {TYPED!r}{command!r}; {command}" for command in COMMANDS)
    shell = subprocess.Popen(
        [f"{environment['PATH']}/bash", "-c", script.replace("REPOSITORY mtmm", f"file://{ROOT} mtmm")],
        cwd=scratch,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    for raw in shell.stdout or ():
        print(raw, end="", file=sys.stderr)
        seconds = int(time.monotonic() - start)
        line = raw.rstrip().replace(f"file://{ROOT} mtmm", "REPOSITORY mtmm")
        line = line.replace(str(scratch / "home"), "~").replace(str(scratch / "mtmm-video"), "~/mtmm-video")
        if line.startswith(TYPED):
            lines.append("")
            line = "$ " + line.removeprefix(TYPED)
        lines.append(f"{seconds // 60}:{seconds % 60:02d}  {line}".rstrip())
    shell.wait()
    lines.append("")
    return lines[1:]


TYPED = "typed: "


def page(lines: list[str], sizes: list[tuple[str, int, bool]], libraries: list[str], load: float) -> str:
    """Return the document."""
    sizes = sorted(sizes, key=lambda row: -row[1])
    everything, without = sum(row[1] for row in sizes), sum(row[1] for row in sizes if row[2])
    table = [
        f"| {re.sub('[-_]+', '-', name)} | {size / 1e6:.0f} | {'yes' if user else 'for contributors'} |"
        for name, size, user in sizes[:LISTED]
    ]
    block = "\n".join(lines)
    listed = "\n".join(table)
    return f"""# The first five minutes

Written by `python3 benchmarks/first_run.py > docs/first_run.md` on {datetime.now(UTC):%Y-%m-%d}:
{platform.system()} {platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}.
A fresh clone, an empty home folder and cache; on the PATH nothing but git, make, Python, shells and everyday tools: no
ffmpeg, no compiler. Packages come from a mirror nearby, so that the times are those of unpacking, not of a line.
Minutes and seconds since the start stand in front; at a load above the number of cores they are longer than on a
machine of one's own.

```
{block}
```

## What is on the disk then

The environment of `make install`, with PyTorch's CPU build: {len(sizes)} packages, {everything / GIGA:.2f} GB.
`pip install` of the wheel brings {sum(row[2] for row in sizes)} of them, {without / GIGA:.2f} GB. The {LISTED} largest:

| package | MB | of the wheel |
|---|---:|---|
{listed}

## What the operating system brings

Shared libraries from outside the environment that are mapped after an analysis: `{"`, `".join(libraries)}`.
"""


if __name__ == "__main__":
    main()
