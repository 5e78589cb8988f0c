"""Chromium, for the tests of pages."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from support.node_packages import installed

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
MISSING = "no browser: run `make browser`, or name one in CHROMIUM"
IN_CI = os.environ.get("CI", "").lower() in ("true", "1")


_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-software-rasterizer", "--in-process-gpu")
"""No process pretends to be a graphics card: it costs as much as the pages."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        (pytest.fail if IN_CI else pytest.skip)(MISSING)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield chromium
        chromium.close()


def tabbed_to(page: Page, selector: str) -> None:
    """The focus is on this, reached with the Tab key, and seen."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"the Tab key does not reach {selector}")


def follow(page: Page, link: Locator) -> None:
    """Clicked, and the page that it leads to is loaded: a click is over once the address is known, which may be
    before there is a document."""
    with page.expect_event("load"):
        link.click()


def fits(page: Page) -> None:
    """Nothing but a table or a drawing, each in a region of its own, is wider than the screen."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def check_accessibility(page: Page) -> None:
    """Axe finds nothing that keeps anybody out of the page, in light colours or in dark ones.

    The page's context has `bypass_csp`, as axe is no script of ours.
    """
    page.evaluate((installed() / "node_modules/axe-core/axe.min.js").read_text())
    page.emulate_media(color_scheme="light")
    assert _axe(page, "{}") > 10
    # What the browser prefers changes colours, and nothing else.
    page.emulate_media(color_scheme="dark")
    _axe(page, "{runOnly: ['color-contrast']}")


def _axe(page: Page, options: str) -> int:
    """How many rules the page keeps; it breaks none."""
    kept, broken = page.evaluate(
        f"axe.run({options}).then(done => [done.passes.length,"
        " done.violations.map(v => [v.id, v.impact, v.nodes[0].html])])"
    )
    assert broken == [], json.dumps(broken, indent=1)
    return int(kept)
