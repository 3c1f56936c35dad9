"""The HTML report in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.writers import write_reports

pytestmark = pytest.mark.browser

SAMPLE = Path(__file__).resolve().parents[3] / "sample_videos" / "good_stay.mp4"


@pytest.fixture(scope="module")
def report(analysis: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return write_reports(analysis, folder=folder, formats=("html",), video=SAMPLE)["html"]


class Visit:
    """A page with everything it said and asked for."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(address)


@pytest.fixture
def visit(browser: Any, report: Path) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    visit = Visit(context.new_page(), report.as_uri())
    yield visit
    assert visit.said == []
    assert all(url.startswith(("file:", "data:")) for url in visit.asked)
    context.close()


def wait_until(page: Any, condition: str) -> None:
    """Wait for a JavaScript condition; Playwright's own waiting evaluates text, which the page's policy forbids."""
    deadline = time.monotonic() + 20
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"still not so after 20 s: {condition}"
        page.wait_for_timeout(50)


def shown_rows(page: Any) -> list[int]:
    return page.eval_on_selector_all(
        "#utterances tbody tr", "rows => rows.filter(r => !r.hidden).map(r => +r.dataset.i)"
    )


def dimmed(page: Any) -> int:
    """Utterances that the timeline shows faintly: pieces of its paths of sentiment that have the class."""
    paths = page.eval_on_selector_all(
        "#scroller path.dim:not(.cell):not(.signal)", "paths => paths.map(path => path.getAttribute('d'))"
    )
    return sum(path.count("M") for path in paths)


def video_time(page: Any) -> float:
    wait_until(page, "!document.getElementById('media').seeking")
    return page.evaluate("document.getElementById('media').currentTime")


def test_the_transcript_does_nothing(visit: Visit) -> None:
    assert visit.page.title() == "talk · mtmm-video"
    assert "<script>" in visit.page.text_content("#utterances")


def test_a_click_in_the_transcript_seeks_and_shows_the_utterance(visit: Visit, analysis: Analysis) -> None:
    wait_until(visit.page, "document.getElementById('media').readyState >= 1")
    visit.page.click("tr[data-i='3'] .text")
    assert video_time(visit.page) == pytest.approx(analysis.utterances[3].utterance.start, abs=0.1)
    assert visit.page.text_content("#card blockquote") == analysis.utterances[3].utterance.text
    assert visit.page.get_attribute("tr[data-i='3']", "aria-current") == "true"


def test_the_video_stays_in_view_while_the_page_below_it_is_read(visit: Visit) -> None:
    page = visit.page
    page.evaluate("document.querySelector('.small-print').scrollIntoView()")
    wait_until(page, "document.getElementById('player').classList.contains('docked')")
    box = page.locator("#media").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 900
    page.evaluate("scrollTo(0, 0)")
    wait_until(page, "!document.getElementById('player').classList.contains('docked')")


def test_a_click_on_the_timeline_seeks_to_that_utterance(visit: Visit, analysis: Analysis) -> None:
    wait_until(visit.page, "document.getElementById('media').readyState >= 1")
    visit.page.locator("#scroller svg").scroll_into_view_if_needed()
    box = visit.page.locator("#scroller svg").bounding_box()
    utterance = analysis.utterances[2].utterance
    middle = (utterance.start + utterance.end) / 2 / analysis.source.duration
    visit.page.mouse.click(box["x"] + middle * box["width"], box["y"] + 60)
    assert video_time(visit.page) == pytest.approx(utterance.start, abs=0.1)
    assert "No face was used" in visit.page.text_content("#card")


def test_the_current_utterance_follows_the_playback(visit: Visit) -> None:
    visit.page.evaluate("document.getElementById('media').muted = true")
    wait_until(visit.page, "document.getElementById('media').readyState >= 2")
    visit.page.evaluate(
        "(() => { const m = document.getElementById('media'); m.currentTime = 4.3; m.playbackRate = 4; "
        "return m.play(); })()"
    )
    wait_until(visit.page, "document.querySelector(\"tr[data-i='2']\").classList.contains('current')")


def test_speed_and_repetition(visit: Visit, analysis: Analysis) -> None:
    page = visit.page
    wait_until(page, "document.getElementById('media').readyState >= 2")
    page.evaluate("document.getElementById('media').muted = true")
    for _ in range(3):
        page.keyboard.press(">")
    assert page.evaluate("document.getElementById('media').playbackRate") == 2
    assert page.input_value("#speed") == "2"
    page.keyboard.press("j")
    page.keyboard.press("l")
    second = analysis.utterances[1].utterance
    page.evaluate(f"document.getElementById('media').currentTime = {second.end - 0.2}")
    page.evaluate("document.getElementById('media').play()")
    wait_until(page, f"document.getElementById('media').currentTime < {second.end - 0.5}")
    assert page.text_content("#card blockquote") == second.text
    page.evaluate("document.getElementById('media').pause()")
    page.keyboard.press("k")
    page.keyboard.press("ArrowRight")
    assert video_time(page) == pytest.approx(analysis.utterances[0].utterance.start + 5, abs=0.1)


def test_a_lane_of_the_timeline_filters(visit: Visit, analysis: Analysis) -> None:
    lane = visit.page.locator("#lane-names .choice", has_text="fear")
    lane.click()
    assert shown_rows(visit.page) == [i for i, e in enumerate(analysis.utterances) if "fear" in e.prediction.emotions]
    lane.click()
    assert len(shown_rows(visit.page)) == len(analysis.utterances)


def test_paper_is_light_and_has_the_provenance(browser: Any, report: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(report.as_uri())
    page.click("#theme-button")
    page.click("#theme-button")  # dark by choice, not only by the system
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 250, 248)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("#scroller svg").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == 1
    context.close()


def test_search_and_filters_show_what_matches(visit: Visit, analysis: Analysis) -> None:
    page = visit.page
    page.fill("#search", "HOTEL")
    assert shown_rows(page) == [0]
    assert page.text_content("tr[data-i='0'] mark") == "hotel"
    assert page.text_content("#count") == "1 of 5"
    page.fill("#search", "<script>")
    assert shown_rows(page) == [1]
    page.fill("#search", "xyzzy")
    assert page.is_visible("#nothing")
    page.keyboard.press("Escape")
    wait_until(page, "document.getElementById('clear').hidden")
    assert shown_rows(page) == [0, 1, 2, 3, 4]
    page.select_option("#by-label", "negative")
    assert shown_rows(page) == [i for i, e in enumerate(analysis.utterances) if e.prediction.sentiment == "negative"]
    page.select_option("#by-label", "fear")
    assert shown_rows(page) == [i for i, e in enumerate(analysis.utterances) if "fear" in e.prediction.emotions]
    page.select_option("#by-label", "")
    page.select_option("#by-flag", "no_face")
    assert shown_rows(page) == [2]
    assert dimmed(page) == 4
    page.select_option("#by-flag", "")
    page.select_option("#by-speaker", "A")
    assert shown_rows(page) == [1]


def test_the_keyboard_is_enough(visit: Visit, analysis: Analysis) -> None:
    page = visit.page
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.text_content("#card blockquote") == analysis.utterances[2].utterance.text
    page.keyboard.press("k")
    assert page.text_content("#card blockquote") == analysis.utterances[1].utterance.text
    page.focus("#scroller")
    page.keyboard.press("ArrowRight")
    assert page.text_content("#card blockquote") == analysis.utterances[2].utterance.text
    page.keyboard.press("/")
    page.keyboard.type("jk")
    assert page.input_value("#search") == "jk"


def test_the_heat_map_tells_its_cells(visit: Visit, analysis: Analysis) -> None:
    page = visit.page
    assert page.locator("#pairs button").all_text_contents() == [
        "words and face",
        "words and voice",
        "face and voice",
    ]
    page.click("#pairs button:nth-child(2)")
    first, second = analysis.prediction.attention[("text", "acoustic")]
    for number, matrix in enumerate((first, second)):
        canvas = page.locator("#maps canvas").nth(number)
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        side, height = box["width"] - 26, box["height"] - 26
        i, j = 3, 1
        page.mouse.move(box["x"] + 26 + (j + 0.5) * side / 5, box["y"] + 26 + (i + 0.5) * height / 5)
        assert f"#4 to #2: weight {matrix[i, j]:.3f}" in page.text_content("#cell")
    painted = page.evaluate(
        """() => {
            const canvas = document.querySelector('#maps canvas');
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            const seen = new Set();
            for (let n = 0; n < data.length; n += 4) if (data[n + 3]) seen.add(data.slice(n, n + 3).join());
            return seen.size;
        }"""
    )
    assert painted > 10


def test_zoom_widens_the_timeline(visit: Visit) -> None:
    before = visit.page.locator("#scroller svg").bounding_box()["width"]
    visit.page.click("#zoom-in")
    assert visit.page.locator("#scroller svg").bounding_box()["width"] == pytest.approx(1.6 * before, rel=0.01)


def test_dark_and_light(browser: Any, report: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(report.as_uri())
        colours[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#theme-button")
        colours[f"{scheme} turned"] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        context.close()
    assert colours["light"] == colours["dark turned"] != colours["dark"] == colours["light turned"]


@pytest.mark.parametrize("width", [320, 390, 768])
def test_narrow_screens_do_not_scroll_sideways(browser: Any, report: Path, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    context.close()


def test_without_scripts_the_page_is_a_table(browser: Any, report: Path, analysis: Analysis) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    rows = page.locator("#utterances tbody tr")
    assert rows.count() == len(analysis.utterances)
    assert rows.nth(4).is_visible()
    assert page.locator(".profiles svg").count() == 6
    assert not page.locator("#card").is_visible()
    assert page.locator("noscript p").is_visible()
    context.close()


def test_a_missing_video_is_told_and_the_rest_works(browser: Any, analysis: Analysis, tmp_path: Path) -> None:
    path = write_reports(analysis, folder=tmp_path, formats=("html",), video=tmp_path / "gone.mp4")["html"]
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("#media-error", state="visible")
    page.click("tr[data-i='1']")
    assert page.text_content("#card blockquote") == analysis.utterances[1].utterance.text
    page.close()


def test_an_embedded_video_seeks(browser: Any, analysis: Analysis, tmp_path: Path) -> None:
    path = write_reports(analysis, folder=tmp_path, formats=("html",), video=SAMPLE, embed=True)["html"]
    page = browser.new_page()
    page.goto(path.as_uri())
    wait_until(page, "document.getElementById('media').readyState >= 1")
    page.click("tr[data-i='3']")
    assert video_time(page) == pytest.approx(analysis.utterances[3].utterance.start, abs=0.1)
    page.close()


@pytest.mark.parametrize("kind", ["empty", "single", "long"])
def test_unusual_videos_open_without_an_error(
    browser: Any, empty_analysis: Analysis, make_analysis: Any, tmp_path: Path, kind: str
) -> None:
    analyses = {"empty": empty_analysis, "single": make_analysis(count=1), "long": make_analysis(count=400)}
    path = write_reports(analyses[kind], folder=tmp_path, formats=("html",))["html"]
    visit = Visit(browser.new_page(), path.as_uri())
    visit.page.keyboard.press("j")
    if kind == "long":
        assert visit.page.locator("#utterances.many").count() == 1
        visit.page.evaluate("document.getElementById('attention').scrollIntoView()")
        visit.page.wait_for_selector("#maps canvas")
        visit.page.evaluate("document.querySelector(\"tr[data-i='399']\").click()")
        wait_until(visit.page, "document.querySelector('#card header').textContent.includes('#400')")
    visit.page.wait_for_timeout(200)
    assert visit.said == []
    assert visit.page.evaluate("document.documentElement.classList.contains('scripted')")
    visit.page.close()
