"""The page as a person meets it, in a browser without a window."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from selflearn.inference.rows import Acceptance, label_rows, review_key
from selflearn.reports.dialogues import collect
from selflearn.reports.page import write_page
from selflearn.reports.quality import calibration, quality
from tests.fixtures.labelled import home_labelled
from tests.reports.conftest import ACCEPT, HOSTILE, page_data

pytestmark = pytest.mark.slow

SECONDS = 2
"""For 10,000 dialogues, the best of several tries. Of a processor: by the clock other programs have a share."""
TRIES = 3


@pytest.fixture(scope="module")
def chromium():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium here: apt-get install chromium")
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(labelled, gold, tmp_path_factory):
    found = collect(labelled, ACCEPT, gold=gold)
    figures = [quality(one, accept=ACCEPT.get(task), source="a test") for task, one in found.compared.tasks.items()]
    drawn = pd.DataFrame({"task": "success", "score": [0.9, 0.6, 0.8], "calibrated": [0.7, 0.4, 0.6],
                          "right": [True, False, True]})  # fmt: skip
    figures = [one | {"calibration": calibration(drawn).get(one["task"])} for one in figures]
    cells = [[".900 [.800, .950]", "", 0], [".700", "Δ +.200 [+.100, +.300]", 1]]
    headline = {"systems": ["model", HOSTILE], "rows": [["intent/accuracy ↑", "40", False, cells]], "notes": ["a note"]}
    data = page_data(found.to_json(), quality=figures, headline=headline)
    return write_page(data, tmp_path_factory.mktemp("page") / "report.html", title=HOSTILE)


@pytest.fixture
def open_page(chromium):
    """Opens a file; whatever the page says of errors, or asks of a network, makes the test fail."""
    faults, contexts = [], []

    def opened(file, **context):
        contexts.append(chromium.new_context(**context))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text))
        page.on("request", lambda request: None if request.url == file.as_uri() else faults.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector("#main h2")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def wait_for_count(page, number):
    """Until so many dialogues are shown; the page forbids the scripts by which a driver could wait itself."""
    while (found := page.locator("article.dialogue").count()) != number:
        assert found
        page.wait_for_timeout(50)


def names(page):
    return page.locator("article.dialogue h3").all_text_contents()


def test_texts_stay_texts_and_marks_stand_where_the_slot_is(open_page, file):
    page = open_page(file)
    page.get_by_label("Search").fill("hostile")
    wait_for_count(page, 1)
    article = page.locator("article.dialogue")
    assert names(page) == [f"hostile {HOSTILE}"]
    assert page.evaluate("window.hit") is None
    assert page.title() == HOSTILE
    assert page.locator("img").count() == 0
    mark = article.locator("mark").first
    assert mark.evaluate("node => node.firstChild.data") == "Ca\u0301rol"
    assert HOSTILE in article.locator(".request").text_content()
    assert article.locator(".badge.rejected").first.get_attribute("title").startswith("Rejected")
    assert "not reached" in article.locator(".goal-head").text_content()


def test_promises_of_single_names_are_drawn_and_said(open_page, labelled, gold, tmp_path):
    names = {label.intent.value for one in labelled for label in one.labels.turns if label.intent is not None}
    accept = {f"intent/{name}": Acceptance(threshold=0.5, promise=f"promised of {name}") for name in names}
    found = collect(labelled, accept, gold=gold)
    figures = [quality(one, accept=accept.get(task), source="a test") for task, one in found.compared.tasks.items()]
    data = page_data(found.to_json(), quality=figures, accept=accept)
    page = open_page(write_page(data, tmp_path / "report.html", title="names"))
    assert page.locator("#contents a").all_text_contents() == ["Counts", "Promises", "Quality", "Dialogues"]
    assert page.get_by_text("accepted, by several thresholds").count() == 1
    title = page.locator(".badge.accepted").first.get_attribute("title")
    assert title.startswith("Accepted. promised of ")


def test_all_of_the_page_is_drawn(open_page, file):
    page = open_page(file)
    assert page.locator("#contents a").all_text_contents() == ["Results", "Counts", "Promises", "Quality", "Dialogues"]
    assert page.locator("svg[role=img]").count() == 11  # two a task, and what calibration did to one of them
    assert page.get_by_text("Before calibration (grey, error").count() == 1
    assert page.locator("polyline.before").count() == 1
    assert page.locator("circle.certified").count() == 2
    assert "the model is better" in page.locator(".difference.better").text_content()
    assert page.get_by_role("status").text_content() == "41 of 41 dialogues"
    assert page.locator("#promises td", has_text="none is accepted").count() == 1


def test_filters_keep_dialogues_with_such_a_label_and_point_to_it(open_page, file):
    page = open_page(file)
    page.get_by_label("Task").select_option(label="intent")
    labels = page.locator(".field-label select")
    dim = next(text for text in labels.locator("option").all_text_contents() if text.startswith("DimLights"))
    labels.select_option(label=dim)
    page.locator(".field-accepted select").select_option(label="rejected")
    for article in page.locator("article.dialogue").all():
        found = article.locator(".badge.match").all_text_contents()
        assert found
        assert all("DimLights" in text and "rejected" in text for text in found)
    page.locator(".field-right select").select_option(label="wrong")
    assert page.locator(".list .notice").text_content().startswith("No dialogue has all that was asked for")


def test_the_most_uncertain_dialogues_come_first_and_the_log_can_be_read_in_its_order(open_page, file, labelled):
    page = open_page(file)
    for_review = sorted(labelled, key=lambda one: review_key(label_rows(one, accept=ACCEPT)))
    assert names(page) == [dialogue.id for dialogue in for_review[:20]]
    page.get_by_label("Order").select_option(label="as in the log")
    assert names(page)[:3] == ["home-0", "home-1", "home-2"]
    page.get_by_label("Order").select_option(label="longest first")
    turns = [int(text.split()[0]) for text in page.locator("article.dialogue header p").all_text_contents()]
    assert turns == sorted(turns, reverse=True)


def test_the_keyboard_goes_through_dialogues_and_pages(open_page, file):
    page = open_page(file)
    page.get_by_label("Order").select_option(label="as in the log")
    page.evaluate("document.activeElement.blur()")

    def at():
        return page.evaluate("document.activeElement.getAttribute('aria-label')")

    page.keyboard.press("j")
    assert at() == "Dialogue home-0"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("ArrowDown")
    assert at() == "Dialogue home-1"
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert at() == "Dialogue home-0"
    for _ in range(20):
        page.keyboard.press("j")
    assert at() == "Dialogue home-20"
    page.keyboard.press("k")
    assert at() == "Dialogue home-19"
    page.keyboard.press("n")
    assert names(page)[0] == "home-20"
    page.keyboard.press("p")
    assert names(page)[0] == "home-0"
    page.keyboard.press("/")
    page.keyboard.type("home-3j")
    page.wait_for_selector(".list .notice")
    page.keyboard.press("Backspace")
    page.wait_for_selector("article.dialogue")
    assert "home-3" in names(page)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert at().startswith("Dialogue home-3")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_is_wide_enough_and_the_dark_is_readable(open_page, file, scheme):
    page = open_page(file, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    colours = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    ink, paper = (sum(map(int, text[4:-1].split(","))) for text in page.evaluate(colours))
    assert abs(ink - paper) > 500
    assert (ink > paper) == (scheme == "dark")


def test_how_long_it_took_is_folded_below_the_counts(open_page, labelled, tmp_path):
    data = page_data(collect(labelled, ACCEPT).to_json(), pace=[["time to encode", "0.1 s"]])
    page = open_page(write_page(data, tmp_path / "report.html", title="paced"))
    row = page.get_by_text("time to encode")
    assert not row.is_visible()
    page.get_by_text("How long it took").first.click()
    assert row.is_visible()
    assert "time to encode" not in page.locator("#facts").text_content()


def test_a_phone_breaks_the_names_of_metrics_between_words(open_page, labelled, tmp_path):
    name = "segmentation/boundary_f1_corpus ↑"
    headline = {"systems": ["model"], "rows": [[name, "40", False, [[".9", "", 0]]]], "notes": []}
    data = page_data(collect(labelled, ACCEPT).to_json(), headline=headline)
    page = open_page(write_page(data, tmp_path / "report.html", title="narrow"), viewport={"width": 360, "height": 740})
    cell = page.locator("#results tbody th")
    assert cell.text_content() == name
    parts = "node => [...node.childNodes].filter(one => one.nodeType === 3).map(one => { const range = " \
        "document.createRange(); range.selectNode(one); return range.getClientRects().length; })"  # fmt: skip
    assert cell.evaluate(parts) == [1, 1, 1, 1]


def test_every_control_has_a_name(open_page, file):
    page = open_page(file)
    for control in page.locator("input, select, button").all():
        assert control.evaluate("node => (node.labels?.[0]?.textContent || node.textContent).trim()")


def seconds_spent(page):
    """What all threads of the page's process have computed since it began."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}["ProcessTime"]


def test_ten_thousand_dialogues_open_in_two_seconds(open_page, tmp_path):
    found = collect(home_labelled(10_000), ACCEPT)
    file = write_page(page_data(found.to_json()), tmp_path / "report.html", title="large")
    assert file.stat().st_size < 12e6
    opening, searching = [], []
    for _ in range(TRIES):
        page = open_page(file)
        page.wait_for_selector("article.dialogue")
        opening.append(seconds_spent(page))
        page.get_by_label("Search").fill("home-9999")
        wait_for_count(page, 1)
        searching.append(seconds_spent(page) - opening[-1])
        page.close()
    assert 0 < min(opening) < SECONDS, opening
    assert min(searching) < SECONDS, searching
