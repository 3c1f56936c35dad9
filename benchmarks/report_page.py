"""How quick the page of a long report is: a real report repeated to thousands of utterances, in Chromium.

    mtmm-video analyze sample_videos/good_stay.mp4 --out out
    python benchmarks/report_page.py out/good_stay.json --utterances 1000 3000

Needs Debian's chromium and the Python package playwright. The attention is random: what is measured is drawing.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from mtmm_video.model.features import VideoFeatures
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.html.page import to_html
from mtmm_video.pipeline.reports.json_reader import read_report

SIZE = {"width": 1400, "height": 900}  # pixels
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-precise-memory-info"]
REPEATS = 5  # times each act is done; the median counts
PATIENCE = 300_000  # milliseconds until a page must have loaded
# An act, and the two frames that show it.
DONE = """(act) => new Promise((done) => {
    new Function(act)();
    requestAnimationFrame(() => requestAnimationFrame(done));
})"""
# From top to bottom in thirty frames.
SCROLL = """(frame) => new Promise((done) => {
    const target = frame ? document.getElementById("table-frame") : document.scrollingElement;
    target.style.scrollBehavior = "auto";
    const height = target.scrollHeight - target.clientHeight;
    let n = 0;
    const step = () => {
        n += 1;
        target.scrollTop = height * n / 30;
        if (n < 30) requestAnimationFrame(step); else done();
    };
    requestAnimationFrame(step);
})"""
SEARCH = """const field = document.getElementById('search');
    field.value = field.value ? '' : 'wonderful'; field.dispatchEvent(new Event('input'));"""
ACTS = {
    "choose a row": "document.querySelector(`tr[data-i='${Math.floor(Math.random() * COUNT)}']`).click()",
    "next utterance (J)": "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true}))",
    "search": SEARCH,
    "zoom the timeline": "document.getElementById('zoom-in').click()",
}


def repeated(analysis: Analysis, count: int) -> Analysis:
    """Return the analysis over and over, on one clock, with `count` utterances."""
    length, size = analysis.source.duration, len(analysis.utterances)
    order = np.arange(count) % size
    utterances = []
    for i in range(count):
        entry, shift = analysis.utterances[i % size], length * (i // size)
        words = tuple(dataclasses.replace(w, start=w.start + shift, end=w.end + shift) for w in entry.utterance.words)
        moved = dataclasses.replace(
            entry.utterance, index=i, start=entry.utterance.start + shift, end=entry.utterance.end + shift, words=words
        )
        utterances.append(dataclasses.replace(entry, utterance=moved))
    modalities = {
        name: dataclasses.replace(means, values=means.values[order], valid=means.valid[order])
        for name, means in analysis.features.modalities.items()
    }
    random = np.random.default_rng(1)
    attention: dict[Any, Any] = {}
    for pair in analysis.prediction.attention:
        weights = random.exponential(size=(2, count, count)).astype(np.float32) ** 4
        weights /= weights.sum(axis=2, keepdims=True)
        attention[pair] = (weights[0], weights[1])
    return dataclasses.replace(
        analysis,
        source=dataclasses.replace(analysis.source, duration=length * -(-count // size)),
        utterances=tuple(utterances),
        features=VideoFeatures(analysis.features.video_id, modalities),
        prediction=dataclasses.replace(
            analysis.prediction, utterances=tuple(entry.prediction for entry in utterances), attention=attention
        ),
    )


def measured(page: Page, path: Path, count: int) -> dict[str, float]:
    """Open a report; return milliseconds and MB by the name of what was measured.

    Times are the processor time of the page's main thread, scripts, styles, layout and painting: other processes do
    not count.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(entry["value"] for entry in metrics if entry["name"] == "TaskDuration")

    page.goto(path.as_uri(), timeout=PATIENCE)
    page.evaluate(DONE, "")
    figures = {"size of the file (MB)": path.stat().st_size / 1e6, "open (ms)": spent()}
    for name, act in ACTS.items():
        times = []
        for _ in range(REPEATS):
            before = spent()
            page.evaluate(DONE, act.replace("COUNT", str(count)))
            times.append(spent() - before)
        figures[f"{name} (ms)"] = float(np.median(times))
    for name, in_table in (("page", False), ("transcript", True)):
        before = spent()
        page.evaluate(SCROLL, in_table)
        figures[f"scroll the {name}: a frame (ms)"] = (spent() - before) / 30
    figures["elements"] = page.evaluate("document.getElementsByTagName('*').length")
    figures["memory of the scripts (MB)"] = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    return figures


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("report", type=Path, help="a JSON report")
    parser.add_argument("--utterances", type=int, nargs="+", default=[1000, 3000])
    arguments = parser.parse_args()
    analysis = read_report(arguments.report)
    columns = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        for count in arguments.utterances:
            path = Path(folder) / f"{count}.html"
            path.write_text(to_html(repeated(analysis, count)), encoding="utf-8")
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            columns[count] = measured(browser.new_page(viewport=SIZE), path, count)
            browser.close()
    print(f"Load {os.getloadavg()[0]:.1f}.\n")
    print("| | " + " | ".join(f"{count:,} utterances" for count in columns) + " |")
    print("|---|" + "---:|" * len(columns))
    for name in next(iter(columns.values())):
        values = " | ".join(f"{column[name]:,.{0 if column[name] >= 10 else 1}f}" for column in columns.values())
        print(f"| {name} | {values} |")


if __name__ == "__main__":
    main()
