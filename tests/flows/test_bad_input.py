"""What a folder, a disk or a person can do to a run ends as docs/flows.md says: a named cause, nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from small_videos import write_video
from test_analyze_flow import run
from test_batch import OPTIONS, by_path, cache  # noqa: F401 (a fixture)
from test_commands import one_line
from test_folder import put

from mtmm_video.flows.analyze_flow import HOOK
from mtmm_video.flows.batch_flow import analyze_folder
from mtmm_video.flows.folder_pass import WATCHER, NoWatcher
from mtmm_video.foundation.errors import MediaError
from mtmm_video.foundation.folders import cache_folder
from mtmm_video.pipeline.store.local import Store

ROOT = Path(__file__).resolve().parents[2]
DISK = """
mkdir -p "$1/cache" && mount -t tmpfs -o size=100k tmpfs "$1/$2" && mkdir -p "$1/cache" &&
ln -s "$3" "$1/cache/weights" || { echo cannot mount; exit 99; }
MTMM_CACHE_DIR="$1/cache" "$4" -m mtmm_video.flows.cli analyze "$5" --visual none --asr tiny.en --formats html \
  --out "$1/out"
code=$?
find "$1/out" "$1/cache" -name '.*-*' ! -name '*.lock' >&2
exit $code
"""


@pytest.mark.slow
@pytest.mark.parametrize("full", ["out", "cache"])
def test_no_space_left_is_one_line_that_names_the_file(tmp_path: Path, tiny_video: Path, full: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "cache").mkdir()
    (tmp_path / "out" / "filler").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    script = DISK if full == "cache" else DISK.replace("size=100k", "size=4k,nr_inodes=2")
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh",
         tmp_path, full, cache_folder() / "weights", sys.executable, tiny_video],
        env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(f"needs user namespaces: {done.stderr.strip()}")
    assert done.returncode == 1, done.stderr
    one_line(done.stderr, str(tmp_path / full), "No space left", "free space")


@pytest.mark.slow
@pytest.mark.usefixtures("own_server")
def test_a_folder_that_may_not_be_read_is_named_and_the_rest_is_worked_on(own_server: str, tmp_path: Path) -> None:
    locked, out = tmp_path / "in" / "locked", tmp_path / "out"
    locked.mkdir(parents=True)
    put(tmp_path / "in" / "broken.mp4", b"no video")
    locked.chmod(0)
    drop = "-dac_override,-dac_read_search"  # the right of root to read everything
    as_anybody = ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}"] if os.geteuid() == 0 else []
    own = {**os.environ, "PREFECT_API_URL": own_server, "PYTHONPATH": str(ROOT)}

    def mtmm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [*as_anybody, sys.executable, "-m", "mtmm_video.flows.cli", *arguments, "--out", out]
        return subprocess.run(command, env=own, capture_output=True, text=True, check=False)

    done = mtmm("batch", tmp_path / "in")
    assert done.returncode == 1
    rows = (out / "summary.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {Path(row.split(",")[0]).name: row.split(",")[1] for row in rows} == {
        "broken.mp4": "failed",
        "locked": "failed",
    }
    assert any("Permission denied" in row for row in rows)
    alone = [mtmm("batch", locked), mtmm("serve", locked, "--every", "15m")]
    locked.chmod(0o700)
    for refused in alone:
        assert refused.returncode == 1
        one_line(refused.stderr, str(locked), "Permission denied")


@pytest.mark.usefixtures("prefect_url")
def test_a_video_that_is_deleted_while_it_is_analysed_fails_by_name(
    tmp_path: Path, tiny_transcript: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "artefacts")
    monkeypatch.setattr(Store, "default", classmethod(lambda cls: store))
    video = tmp_path / "talk.mp4"
    write_video(video, seconds=1.0)

    def delete(step: str, artefact: Path | None = None, *, share: float | None = None) -> None:
        if step == "media" and artefact is not None:
            video.unlink()

    token = HOOK.set(delete)
    try:
        with pytest.raises(MediaError, match=r"talk\.mp4: there is no such file"):
            run(video, tiny_transcript, tmp_path / "out", visual="none")
    finally:
        HOOK.reset(token)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("own_server", "cache")
def test_a_video_that_is_deleted_during_a_pass_fails_and_is_forgotten_by_the_next(
    tmp_path: Path, tiny_video: Path
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    gone = put(folder / "gone.mp4", tiny_video)
    write_video(folder / "stays.mp4", seconds=0.5, pitch=250.0)

    class Thief(NoWatcher):
        def found(self, total: int) -> None:
            gone.unlink()

    token = WATCHER.set(Thief())
    try:
        first = by_path(analyze_folder(str(folder), out=str(out), **OPTIONS))
    finally:
        WATCHER.reset(token)
    assert {path: outcome.status for path, outcome in first.items()} == {"gone.mp4": "failed", "stays.mp4": "done"}
    assert "No such file" in first["gone.mp4"].reason
    second = by_path(analyze_folder(str(folder), out=str(out), **OPTIONS))
    assert {path: outcome.status for path, outcome in second.items()} == {"stays.mp4": "skipped"}


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_jumps_costs_no_stored_step_but_old_ones(tmp_path: Path, hours: int) -> None:
    store = Store(tmp_path)
    path = store.path("0" * 64, step="media", version="1", parameters={}, suffix="json")
    path.parent.mkdir()
    path.touch()
    options: dict[str, Any] = {"older_than": 86_400.0, "now": time.time() + 3600 * hours}
    assert store.prune(**options) == []
    assert [entry.path for entry in store.prune(older_than=86_400.0, now=time.time() + 100_000)] == [path]
