"""`mtmm-video`, the program: `main` carries out a command and says in one line why it did not.

What takes time to import is imported inside, where Ctrl-C is heeded already.
"""

from __future__ import annotations

import io
import sys

from mtmm_video.flows.interruption import prompt_exit
from mtmm_video.foundation.errors import MtmmError
from mtmm_video.foundation.names import printable


def main() -> None:
    """Run the command line; an error that was raised on purpose becomes one line and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of cp1252 or latin-1 shows what it can, without traceback
            stream.reconfigure(errors="replace")
    with prompt_exit():
        from mtmm_video.flows.command_line import app  # noqa: PLC0415

        try:
            app()
        except MtmmError as error:
            message = printable(" ".join(str(error).split()))
            print(f"mtmm-video: error: {message}", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
