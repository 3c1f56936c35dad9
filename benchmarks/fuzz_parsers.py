"""A long campaign of the property tests of our parsers, with other random inputs in every run.

    python benchmarks/fuzz_parsers.py --examples 5000

The same properties run with 150 derandomised examples in the tests. A failing input is printed; add it to
``tests/pipeline/transcripts/transcript_corpus``.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, settings

TESTS = Path(__file__).resolve().parents[1] / "tests"
MODULES = (
    "pipeline/transcripts/test_transcript_fuzz.py",
    "pipeline/reports/test_report_fuzz.py",
    "pipeline/corpora/test_corpus_fuzz.py",
)


def main() -> None:
    """Run every property with the given number of examples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=5000)
    examples = parser.parse_args().examples
    # In the place of the settings that the tests have.
    long = settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False)
    print("| property | examples | seconds |\n|---|---|---|")
    for name in MODULES:
        specification = importlib.util.spec_from_file_location(Path(name).stem, TESTS / name)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[specification.name] = module
        specification.loader.exec_module(module)
        for test in (value for key, value in vars(module).items() if key.startswith("test_any_")):
            start = time.perf_counter()
            test._hypothesis_internal_use_settings = long
            test()
            print(f"| {test.__name__} | {examples} | {time.perf_counter() - start:.0f} |", flush=True)


if __name__ == "__main__":
    main()
