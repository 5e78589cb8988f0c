"""The console as a person meets it: in a browser, on a small screen, with the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from support.browser import CHROMIUM, IN_CI, MISSING, browser, fits, tabbed_to
from support.examples import later_ones_long
from support.gateways.process import Gateway, running

pytestmark = pytest.mark.skipif(CHROMIUM is None and not IN_CI, reason=MISSING)

__all__ = ["browser"]

ANNA = "v1.AAAAAAAAAAAAAAAAAAAAAA"
BATCH = {"content-type": "application/cloudevents-batch+json"}
WIDTHS = (1280, 320)
"""A desk, and a telephone (or a desk at 400 %: WCAG 2.2, 1.4.10)."""


def event(org: str, id: str, type: str, day: int, **data: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:pathline:{org}:desk",
        "type": f"org.pathline.{type}.v1",
        "subject": ANNA,
        "time": f"2026-03-{day:02}T09:00:00Z",
        "data": {"service": "help", "channel": "in-person", **data},
    }


TOLD = [
    event("housing", "1", "need.expressed", 2, need="n", code="housing", by="citizen"),
    event(
        "housing", "2", "handoff.offered", 4, handoff="housing:slip-1", need="debt", to={"org": "money-help"},
        token_sha256="0" * 64, due={"accept": "2026-03-09T00:00:00Z"}, context_released=True,
    ),
    event("money-help", "3", "contact.made", 5, kind="enquiry"),
]  # fmt: skip


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        assert up.http.post("/v1/events", json=TOLD, headers=BATCH).json()["accepted"] == len(TOLD)
        up.settled()
        yield up


@pytest.fixture(params=later_ones_long(WIDTHS))
def page(gateway: Gateway, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    base = f"http://127.0.0.1:{gateway.port}"
    context = browser.new_context(base_url=base, viewport={"width": request.param, "height": 800})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto("/console")
    yield opened
    context.close()
    assert complaints == []


def test_the_stuck_hand_off_is_found_with_the_keyboard_alone(page: Page) -> None:
    fits(page)
    tabbed_to(page, "section[aria-labelledby=silent] td a")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Pathway", exact=True).wait_for()
    assert page.get_by_text("A hand-off to Money help: offered 4 Mar 2026, nobody answered").is_visible()
    fits(page)
    tabbed_to(page, "a[href$='/trace']")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="The journey as a trace").wait_for()
    assert page.locator("rect.span").count() == 4
    fits(page)


def test_a_person_is_found_by_the_form_with_the_keyboard_alone(page: Page) -> None:
    tabbed_to(page, "input[name=org]")
    page.keyboard.type("housing")
    page.keyboard.press("Tab")
    page.keyboard.type(ANNA)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Pathway", exact=True).wait_for()
    assert ANNA not in page.url


def test_the_counts_move_without_a_reload(page: Page, gateway: Gateway) -> None:
    count = page.locator("[data-count=interactions]")
    before = int(count.inner_text())
    more = event("housing", f"later {page.viewport_size}", "contact.made", 6, kind="chase")
    assert gateway.http.post("/v1/events", json=[more], headers=BATCH).json()["accepted"] == 1
    page.get_by_role("definition").get_by_text(str(before + 1), exact=True).wait_for(timeout=10_000)


def test_what_only_a_screen_reader_reads_covers_nothing(page: Page) -> None:
    for hidden in page.locator(".unseen").all():
        box = hidden.bounding_box()
        assert box is not None
        assert box["width"] <= 1
        assert box["height"] <= 1


def test_what_scrolls_sideways_can_be_scrolled_with_the_keyboard(page: Page) -> None:
    regions = page.locator(".wide").all()
    assert len(regions) == 2
    assert all(region.get_attribute("tabindex") == "0" for region in regions)
    tabbed_to(page, ".wide")
    assert (
        page.get_by_role("region", name="Hand-offs that wait too long, for an answer or a first contact").count() >= 1
    )


def test_two_records_are_decided_and_undone_with_the_keyboard_alone(page: Page, gateway: Gateway) -> None:
    both = [{"org": org, "subject": "v1.BBBBBBBBBBBBBBBBBBBBBA"} for org in ("housing", "money-help")]
    told = [
        event("housing", "link", "identity.linked", 6, same=both, method="record-key"),
        event("housing", "apart", "identity.distinguished", 6, different=both),
    ]
    assert gateway.http.post("/v1/events", json=told, headers=BATCH).status_code == 202
    gateway.settled()
    tabbed_to(page, "nav a[href='/console/review']")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Identity review").wait_for()
    fits(page)
    tabbed_to(page, "td a")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Are these one person?").wait_for()
    fits(page)
    assert page.get_by_text("it would join two people that other evidence distinguishes").is_visible()
    tabbed_to(page, "section[aria-labelledby=ifsame] button")
    page.keyboard.press("Enter")
    page.get_by_text("Decided: one person").wait_for()
    fits(page)
    tabbed_to(page, "section[aria-labelledby=undo] button")
    page.keyboard.press("Enter")
    page.get_by_text("it would join two people that other evidence distinguishes").wait_for()
    assert both[0]["subject"] not in page.url
