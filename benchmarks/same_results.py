"""Byte-wise comparison of the reports of two versions of the program on the same videos.

    git worktree add ../before REVISION
    (cd ../before && mtmm-video analyze VIDEO... --formats csv,json,srt,eaf,textgrid --no-cache --out ../before-out)
    mtmm-video analyze VIDEO... --formats csv,json,srt,eaf,textgrid --no-cache --out ../after-out
    python -m benchmarks.same_results ../before-out ../after-out

Each version is run with its own code. JSON reports are compared without `provenance` and the path of the video, other
formats byte by byte. Exit code 1 if there is a difference.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

LINK = re.compile(rb'MEDIA_URL="[^"]*"|DATE="[^"]*"')  # of an ELAN file: where the video lies and when it was written


def content(path: Path) -> bytes:
    """Return the part of a report that must not change."""
    data = path.read_bytes()
    if path.suffix == ".json":
        report = json.loads(data)
        del report["provenance"], report["source"]["path"]
        return json.dumps(report).encode()
    return LINK.sub(b"", data) if path.suffix == ".eaf" else data


def main() -> None:
    """Compare two folders of reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    arguments = parser.parse_args()
    names = sorted(
        {path.name for folder in (arguments.before, arguments.after) for path in folder.iterdir()}
        - {path.name for path in arguments.before.glob("*.parquet")}  # holds the provenance
    )
    different = 0
    for name in names:
        before, after = arguments.before / name, arguments.after / name
        same = before.is_file() and after.is_file() and content(before) == content(after)
        different += not same
        print(f"{'same' if same else 'DIFFERENT':9}  {name}")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
