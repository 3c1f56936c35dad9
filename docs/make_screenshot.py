"""Take the README's picture of a report.

Run it from the top of the repository, with Debian's chromium and the Python package playwright::

    mtmm-video analyze sample_videos/good_stay.mp4 --out out
    python docs/make_screenshot.py out/good_stay.html docs/images/report.png
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SIZE = {"width": 1320, "height": 1180}  # pixels: the card, the timeline and the summary
UTTERANCE = 1  # the one that is shown selected


def main(report: Path, picture: Path) -> None:
    """Open `report`, select an utterance, and write what is seen to `picture`."""
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.click(f"tr[data-i='{UTTERANCE}'] .text")
        page.evaluate("scrollTo(0, 0); document.getElementById('media').controls = false")
        page.wait_for_timeout(1500)  # the video decodes its frame
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
