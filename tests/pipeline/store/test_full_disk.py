"""A disk that is full or read-only ends in one error that names the file, and leaves nothing half-written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from mtmm_video.flows.commands.analyze import prepare_folder
from mtmm_video.foundation.errors import StoreError
from mtmm_video.pipeline.store.artefact_file import save_arrays
from mtmm_video.pipeline.store.local import Store
disk = Path(sys.argv[1])
try:
    if sys.argv[2] == "full":
        save_arrays(disk / "big.safetensors", {"a": np.zeros(1_000_000)}, metadata={})
    elif sys.argv[2] == "store":
        with Store(disk / "cache").locked("0" * 64):
            pass
    else:
        prepare_folder(disk / "out" if sys.argv[2] == "new" else disk)
except StoreError as error:
    print(error)
print(sorted(path.name for path in disk.iterdir()))
"""


def on_a_disk(tmp_path: Path, what: str, *, options: str) -> list[str]:
    """Run the script on a small file system of its own (a user namespace; no root needed)."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o {options} tmpfs "$1" && exec "$2" -c "$3" "$1" "$4"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    try:
        done = subprocess.run(
            [*command, disk, sys.executable, SCRIPT, what], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("needs unshare (util-linux)")
    if done.returncode != 0 and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip(f"needs user namespaces: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_no_space_left(tmp_path: Path) -> None:
    message, left = on_a_disk(tmp_path, "full", options="size=100k")
    assert "big.safetensors" in message
    assert "No space left" in message
    assert left == "[]"


@pytest.mark.parametrize("what", ["same", "new", "store"])
def test_a_read_only_disk(tmp_path: Path, what: str) -> None:
    message, left = on_a_disk(tmp_path, what, options="ro")
    assert "disk" in message
    assert left == "[]"
