"""A program searches for circles of objects rarely, and not at its end."""

from __future__ import annotations

import subprocess
import sys

from mtmm_video.foundation.garbage import OBJECTS_BETWEEN

CIRCLE = """
class Mark:
    def __del__(self):
        print("freed", flush=True)
mark = Mark()
mark.itself = mark
del mark
"""


def _printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_a_circle_is_left_to_the_system_at_the_end() -> None:
    begin = "from mtmm_video.foundation.garbage import collect_rarely; collect_rarely()"
    assert _printed(CIRCLE) == "freed"
    assert _printed(begin + CIRCLE) == ""
    assert _printed(begin + CIRCLE + "import gc; gc.collect()") == "freed"


def test_the_command_line_begins_with_it() -> None:
    begin = "import gc, sys; sys.argv = ['mtmm-video', '--version']; from mtmm_video.flows.cli import main"
    code = f"{begin}\ntry:\n    main()\nfinally:\n    print(gc.get_threshold()[0])"
    assert _printed(code).splitlines()[-1] == str(OBJECTS_BETWEEN)
