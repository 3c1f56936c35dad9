"""Every package that an installation of mtmm-video brings, with version and licence, as a Markdown table.

python benchmarks/licences.py > docs/licences.md
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def licence_of(metadata: importlib.metadata.PackageMetadata) -> str:
    """Return the licence of a package: its SPDX expression, else its classifiers, else the first line of its text."""
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [entry for entry in metadata.get_all("Classifier") or [] if entry.startswith("License ::")]
    named = [entry.rpartition(" :: ")[2] for entry in classifiers if not entry.endswith("OSI Approved")]
    text = (str(metadata.get("License") or "").strip().splitlines() or ["not stated"])[0]
    return ", ".join(named) or text[:60]


def packages() -> dict[str, importlib.metadata.Distribution]:
    """Return the distributions that the project needs on this machine without extras, by normalised name."""
    found: dict[str, importlib.metadata.Distribution] = {}
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    waiting = [Requirement(text) for text in project["dependencies"]]
    while waiting:
        requirement = waiting.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for text in found[name].requires or ():
            needed = Requirement(text)
            extras = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return found


if __name__ == "__main__":
    print("# Packages and licences\n")
    print("Made by `python benchmarks/licences.py > docs/licences.md` on Linux x86-64, without extras.\n")
    print("| package | version | licence |\n|---|---|---|")
    for name, distribution in sorted(packages().items()):
        print(f"| {name} | {distribution.version} | {licence_of(distribution.metadata)} |")
