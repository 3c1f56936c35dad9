"""A folder of many short videos, with faults injected while `mtmm-video batch` works on it.

    python benchmarks/soak.py --count 200

Each video has a pitch, a transcript and so a report of its own; one cannot be read. The command runs on a small disk of
its own (needs `unshare`, `setpriv` and user namespaces) until it has got through, through these faults:

* a worker process is killed;
* the weights disappear for a while;
* the disk is full for a while;
* the whole command is killed (SIGKILL), twice;
* the clock is set back: all that is stored is then a day in the future.

Afterwards no report may be missing, hold the words of another video, or have been made twice (a store of artefacts has
one folder per content and one prediction in it; reports of earlier passes keep their time of change), nothing may lie
about, and descriptors and memory of the processes stay as they were. Prints a Markdown table of the passes and one of
the processes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile

from mtmm_video.foundation.folders import cache_folder
from mtmm_video.pipeline.store.local import ARTEFACT_NAME, MAKINGS_NAME

RATE = 16_000  # Hz
DISK = "600m"  # size of the disk for store, reports and temporary files
DAY = 86_400.0  # seconds
MOUNT, UNMOUNT = "/bin/mount", "/bin/umount"
PATIENCE = 1800.0  # seconds of wall-clock time without a new report, after which the run is given up
INSIDE = "SOAK_IN_NAMESPACE"  # set for the second start of this script, which may mount
NO_OVERRIDE = "-dac_override,-dac_read_search"  # the right of root to read everything


def make_folder(folder: Path, transcripts: Path, count: int) -> None:
    """Make the recordings: half a second of a hum and a grey picture each, the last one unreadable."""
    folder.mkdir()
    transcripts.mkdir()
    times = np.arange(RATE // 2) / RATE
    picture = ["-f", "lavfi", "-i", f"color=gray:size=64x64:rate=10:duration={len(times) / RATE}"]
    for number in range(count):
        hum = sum(np.sin(2 * np.pi * (90 + number) * k * times) / k for k in range(1, 8))
        sound, path = folder.with_suffix(".wav"), folder / f"v{number:04}.mp4"
        soundfile.write(sound, 0.2 * hum, RATE)
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "1", "-i", str(sound)]
        subprocess.run([*command, *picture, "-preset", "ultrafast", str(path)], check=True)
        words = [{"word": f"Number{number}", "start": 0.05, "end": 0.4}]
        (transcripts / f"v{number:04}.json").write_text(json.dumps({"words": words}))
    path.chmod(0)


def descendants(root: int) -> Iterator[int]:
    """Yield a process and all that it started."""
    yield root
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from descendants(int(child))


def role(process: int) -> str:
    """Return what a process of the command is."""
    line = Path(f"/proc/{process}/cmdline").read_bytes().decode()
    return next((name for name in ("batch_worker", "local_server") if name in line), "command")


@dataclass(frozen=True)
class Sample:
    """A process at one moment: reports so far, its role and number, resident memory in MB, open descriptors."""

    reports: int
    role: str
    process: int
    memory: int
    descriptors: int


def sample(root: int, reports: int) -> list[Sample]:
    """Return a sample of every process of the command that is still there."""
    found = []
    for process in descendants(root):
        try:
            status = Path(f"/proc/{process}/status").read_text()
            memory = int(status.partition("VmRSS:")[2].split()[0]) // 1000
            descriptors = len(list(Path(f"/proc/{process}/fd").iterdir()))
            found.append(Sample(reports, role(process), process, memory, descriptors))
        except (OSError, IndexError):  # it has just ended
            continue
    return found


class Soak:
    """The disk, the folder and the passes of the command over it."""

    def __init__(self, root: Path, *, count: int) -> None:
        self.root, self.count = root, count
        self.out, self.cache = root / "disk" / "out", root / "disk" / "cache"
        self.temporary = root / "disk" / "tmp"
        for folder in (self.out, self.cache, self.temporary):
            folder.mkdir()
        self.weights = self.cache / "weights"
        self.weights.symlink_to(cache_folder() / "weights")
        make_folder(root / "in", root / "transcripts", count)
        self.samples: list[Sample] = []
        self.process: subprocess.Popen[str] | None = None

    def reports(self) -> list[Path]:
        """Return the finished reports."""
        return sorted(self.out.glob("*.mp4.json"))

    def start(self) -> None:
        """Start the command."""
        command = ["setpriv", f"--bounding-set={NO_OVERRIDE}", f"--inh-caps={NO_OVERRIDE}"]
        command += [sys.executable, "-m", "mtmm_video.flows.cli", "batch", str(self.root / "in"), "--out"]
        command += [str(self.out), "--transcript-dir", str(self.root / "transcripts"), "--jobs", "2"]
        command += ["--speakers", "none", "--visual", "none", "--formats", "json"]
        own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        own |= {"MTMM_CACHE_DIR": str(self.cache), "TMPDIR": str(self.temporary), "COLUMNS": "200"}
        log = (self.root / "log.txt").open("w")
        self.process = subprocess.Popen(command, env=own, stdout=log, stderr=log, text=True)

    def failed(self) -> int:
        """Return how many videos have failed in this pass, by the lines of the command."""
        return sum(
            line.startswith("failed: ") for line in (self.root / "log.txt").read_text(errors="replace").splitlines()
        )

    def until(self, reached: Callable[[], bool]) -> bool:
        """Wait until something is reached; False if the command ended before."""
        assert self.process is not None
        latest, sampled, since = len(self.reports()), 0, time.monotonic()
        while not reached():
            if self.process.poll() is not None:
                return False
            time.sleep(0.2)
            count = len(self.reports())
            if count != latest:
                latest, since = count, time.monotonic()
                if count // 10 != sampled:
                    sampled = count // 10
                    self.samples += sample(self.process.pid, count)
            if time.monotonic() - since > PATIENCE:
                self.process.kill()
                raise SystemExit(f"no new report for {PATIENCE:.0f} s:\n{(self.root / 'log.txt').read_text()}")
        return True

    def until_reports(self, share: float) -> None:
        """Wait for a share of all reports."""
        self.until(lambda: len(self.reports()) >= share * self.count)

    def until_failures(self, more: int) -> None:
        """Wait until some more videos have failed."""
        reached = self.failed() + more
        self.until(lambda: self.failed() >= reached)

    def kill(self, name: str) -> None:
        """Kill the first process of a role."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise SystemExit(f"the command ended before it was killed: {(self.root / 'log.txt').read_text()}")
        process = next(each for each in descendants(self.process.pid) if role(each) == name)
        os.kill(process, signal.SIGKILL)

    def fill_disk(self) -> None:
        """Leave no byte on the disk."""
        with (self.root / "disk" / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass

    def leftovers(self) -> list[str]:
        """Return what lies on the disk and should not."""
        found = list(self.temporary.iterdir())
        found += [path for path in self.out.iterdir() if path not in self.reports() and path.name != "summary.csv"]
        for path in (self.cache / "artefacts").rglob("*"):
            known = ARTEFACT_NAME.fullmatch(path.name) or path.name == MAKINGS_NAME or path.parent.name == "locks"
            if path.is_file() and not known:
                found.append(path)
        return [str(path.relative_to(self.root / "disk")) for path in found]


def passes(soak: Soak) -> Iterator[tuple[str, bool]]:
    """Run the passes one after the other; yield the fault, and whether the command still runs."""
    soak.start()
    soak.until_reports(0.1)
    soak.kill("batch_worker")
    yield "a worker is killed", True
    soak.until_reports(0.25)
    hidden = soak.weights.rename(soak.cache / "hidden")
    soak.until_failures(3)
    hidden.rename(soak.weights)
    yield "the weights are gone until three videos fail", True
    soak.until_reports(0.4)
    soak.fill_disk()
    soak.until_failures(3)
    (soak.root / "disk" / "filler").unlink()
    yield "the disk is full until three videos fail", True
    soak.until_reports(0.55)
    soak.kill("command")
    yield "the command is killed", False
    soak.start()
    soak.until_reports(0.75)
    soak.kill("command")
    assert soak.process is not None
    soak.process.wait()
    for path in (*soak.out.rglob("*"), *soak.cache.rglob("*")):
        if path.is_file() and not path.is_relative_to(soak.weights):
            status = path.stat()
            os.utime(path, (status.st_atime + DAY, status.st_mtime + DAY))
    yield "the command is killed, and the clock set back by a day", False
    soak.start()
    soak.until(lambda: False)
    yield "none, to the end", False
    soak.start()
    soak.until(lambda: False)
    yield "none, once more", False


def check(soak: Soak, kept: dict[Path, int]) -> list[str]:
    """Return what is wrong at the end; `kept` has the times of change of the reports before the last pass."""
    wrong = [f"left behind: {name}" for name in soak.leftovers()]
    expected = {f"v{number:04}.mp4" for number in range(soak.count)}
    with (soak.out / "summary.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if sorted(row["path"] for row in rows) != sorted(expected):
        wrong.append("the summary does not have each video once")
    failed = [row for row in rows if row["status"] == "failed"]
    if [row["path"] for row in failed] != [max(expected)] or "Permission denied" not in failed[0]["reason"]:
        wrong.append(f"failed: {[(row['path'], row['reason']) for row in failed]}")
    for path in soak.reports():
        texts = [entry["text"] for entry in json.loads(path.read_text())["utterances"]]
        if texts != [f"Number{int(path.name[1:5])}"]:
            wrong.append(f"{path.name} has the words {texts}")
        if kept.get(path) != path.stat().st_mtime_ns:
            wrong.append(f"{path.name} was written again")
    contents = [folder for folder in (soak.cache / "artefacts").iterdir() if folder.name != "locks"]
    made = [len(list(folder.glob("prediction-*"))) for folder in contents if folder.is_dir()]
    if made != [1] * (soak.count - 1):
        wrong.append(f"{len(made)} contents with {sum(made)} predictions")
    return wrong


def run(root: Path, *, count: int) -> list[str]:
    """Run all passes, print the tables, return what is wrong."""
    soak = Soak(root, count=count)
    print("| fault | reports so far | failed in this pass | seconds |\n|---|---|---|---|", flush=True)
    start = time.monotonic()
    kept: dict[Path, int] = {}
    for fault, running in passes(soak):
        assert soak.process is not None
        if not running:
            soak.process.wait()
        seconds = time.monotonic() - start
        print(f"| {fault} | {len(soak.reports())} | {soak.failed()} | {seconds:.0f} |", flush=True)
        if fault == "none, to the end":
            kept = {path: path.stat().st_mtime_ns for path in soak.reports()}
    wrong = check(soak, kept)
    print("\n| process | reports | memory in MB | descriptors |\n|---|---|---|---|")
    for key in dict.fromkeys((each.role, each.process) for each in soak.samples):
        own = [each for each in soak.samples if (each.role, each.process) == key]
        reports, memory, descriptors = (
            f"{getattr(own[0], field)} to {getattr(own[-1], field)}" for field in ("reports", "memory", "descriptors")
        )
        print(f"| {key[0]} | {reports} | {memory} | {descriptors} |")
    print("\nWrong: " + ("nothing." if not wrong else "\n* ".join(["", *wrong])))
    return wrong


def main() -> None:
    """Run the soak on a disk of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    count = parser.parse_args().count
    if INSIDE not in os.environ:
        again = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, *sys.argv]
        sys.exit(subprocess.run(again, env={**os.environ, INSIDE: "1"}, check=False).returncode)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "disk").mkdir()
        subprocess.run([MOUNT, "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(root / "disk")], check=True)
        try:
            wrong = run(root, count=count)
        finally:
            subprocess.run([UNMOUNT, "--lazy", str(root / "disk")], check=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
