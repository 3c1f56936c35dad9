"""The threads of torch are set where it is loaded, also while another thread is at it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SLOW_TORCH = """
import time
time.sleep(1)
given = []
def set_num_threads(threads):
    given.append(threads)
"""
SET_MEANWHILE = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from mtmm_video.foundation.cores import set_torch_threads, torch_threads
set_torch_threads(3)
assert torch_threads() is None and "torch" not in sys.modules, "nobody needs it"
loading = threading.Thread(target=__import__, args=("torch",))
loading.start()
while "torch" not in sys.modules:
    pass
set_torch_threads(2)
loading.join()
print(sys.modules["torch"].given)
"""


def test_torch_that_is_being_loaded_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(SLOW_TORCH, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SET_MEANWHILE, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == ("[2]\n", 0), done.stderr
