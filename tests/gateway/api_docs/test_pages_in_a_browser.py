"""The pages as people meet them: on a small screen, without scripts, with the keyboard; and nothing keeps them out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from pathline.vocabulary import TYPES
from pathline.vocabulary.notices import NOTICES
from support.browser import CHROMIUM, IN_CI, MISSING, browser, check_accessibility, fits, tabbed_to
from support.gateways.process import Gateway

__all__ = ["browser"]

pytestmark = pytest.mark.skipif(CHROMIUM is None and not IN_CI, reason=MISSING)

PAGES = (
    "/docs/api", "/docs/api?q=pathway", "/docs/api/get-v1-pathways-pathway", "/docs/api/post-v1-events", "/docs/events",
    "/docs/events?q=nothing+of+the+kind", "/docs/events/org.pathline.offer.published.v1",
    "/docs/events/org.pathline.handoff.silent.v1", "/docs/events/nothing",
)  # fmt: skip


@pytest.fixture
def small(gateway: Gateway, browser: Browser) -> Iterator[Page]:
    """A telephone that runs no scripts."""
    base = f"http://127.0.0.1:{gateway.port}"
    context = browser.new_context(base_url=base, viewport={"width": 320, "height": 700}, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_a_type_is_found_and_read_with_the_keyboard_alone_and_without_scripts(small: Page) -> None:
    small.goto("/docs/events")
    small.get_by_role("searchbox", name="Find").focus()
    small.keyboard.type("handoff.offered")
    small.keyboard.press("Enter")
    small.get_by_text(f"1 of {len({**TYPES, **NOTICES})} types").wait_for()
    small.get_by_role("link", name="Hand-off offered").focus()
    small.keyboard.press("Enter")
    small.get_by_role("heading", name="Hand-off offered", exact=True).wait_for()
    assert small.url.endswith("/docs/events/org.pathline.handoff.offered.v1")
    small.get_by_role("link", name="Party", exact=True).first.click()
    assert small.url.endswith("#shape-Party")
    assert small.get_by_role("heading", name="Party", exact=True).is_visible()


@pytest.mark.parametrize("width", [1280, 320])
def test_no_page_is_wider_than_the_screen_or_loads_anything_from_elsewhere(
    gateway: Gateway, browser: Browser, width: int
) -> None:
    base = f"http://127.0.0.1:{gateway.port}"
    context = browser.new_context(base_url=base, viewport={"width": width, "height": 800})
    opened, asked, complaints = context.new_page(), [], []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: complaints.append(message.text))
    for path in PAGES[:-1]:
        opened.goto(path)
        fits(opened)
    opened.goto("/console")
    tabbed_to(opened, "nav a[href='/docs/api']")
    assert complaints == []
    assert all(url.startswith(base) for url in asked)
    context.close()


@pytest.fixture(scope="module")
def looked_at(gateway: Gateway, browser: Browser) -> Iterator[Page]:
    base = f"http://127.0.0.1:{gateway.port}"
    context = browser.new_context(base_url=base, bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_that_keeps_anybody_out(looked_at: Page, path: str) -> None:
    looked_at.goto(path)
    check_accessibility(looked_at)
