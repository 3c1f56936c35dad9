"""Take the pictures of a report that the documents show, and those that a change of the page is judged by.

Run it from the top of the repository, with Debian's chromium and the Python package playwright; `make example` does::

    mtmm-video analyze sample_videos/good_stay.mp4 --out out
    python docs/make_screenshots.py out/good_stay.html docs/images
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
UTTERANCE = 1  # the one that is shown selected
QUALITY = 70  # of JPEG, in per cent


@dataclass(frozen=True)
class Shot:
    """One picture: file name, size of the window in pixels, colours; `whole` pages are taken to their end."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"
    whole: bool = True
    print: bool = False


SHOTS = (
    Shot("report.png", 1320, 1180, whole=False),  # the README's: the card, the timeline and the summary
    Shot("report_390.jpg", 390, 844),
    Shot("report_1400.jpg", 1400, 900),
    Shot("report_1920_dark.jpg", 1920, 1080, scheme="dark"),
    Shot("report_print.jpg", 794, 1123, print=True),  # A4 at 96 pixels per inch
)


def take(browser: Browser, report: Path, shot: Shot, folder: Path) -> None:
    """Open `report`, select an utterance, and write what is seen."""
    page = browser.new_page(viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.scheme)
    page.goto(report.resolve().as_uri())
    page.click(f"tr[data-i='{UTTERANCE}'] .text")
    if page.query_selector("#attention"):  # drawn when it comes into view
        page.evaluate("document.getElementById('attention').scrollIntoView({behavior: 'instant'})")
        page.wait_for_selector("#maps canvas")
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    page.evaluate("document.querySelectorAll('video').forEach((video) => { video.controls = false; })")
    page.wait_for_timeout(1500)  # the video decodes its frame
    if shot.print:
        page.emulate_media(media="print")
    options = {"type": "jpeg", "quality": QUALITY} if shot.name.endswith(".jpg") else {}
    page.screenshot(path=folder / shot.name, full_page=shot.whole, **options)
    page.close()


def main(report: Path, folder: Path) -> None:
    """Write all pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for shot in SHOTS:
            take(browser, report, shot, folder)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
