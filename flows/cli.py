"""`mtmm-video`, the program: `main` carries out a command and says in one line why it did not.

What takes time to import is imported inside, where Ctrl-C is heeded already.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import NoReturn

from mtmm_video.flows.interruption import prompt_exit
from mtmm_video.foundation.errors import MtmmError
from mtmm_video.foundation.garbage import collect_rarely
from mtmm_video.foundation.names import printable

# What a path of the user's may meet wherever it is first looked at: pathlib's own tests of existence raise these.
UNUSABLE_PATH = {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP}


def main() -> None:
    """Run the command line; an error that was raised on purpose becomes one line and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of cp1252 or latin-1 shows what it can, without traceback
            stream.reconfigure(errors="replace")
    collect_rarely()
    with prompt_exit():
        from mtmm_video.flows.command_line import app  # noqa: PLC0415

        try:
            app()
        except MtmmError as error:
            _end(str(error))
        except OSError as error:
            if error.errno not in UNUSABLE_PATH or error.filename is None:
                raise
            _end(f"{os.fsdecode(error.filename)}: cannot be used ({error.strerror}); name another path")


def _end(message: str) -> NoReturn:
    print(f"mtmm-video: error: {printable(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
