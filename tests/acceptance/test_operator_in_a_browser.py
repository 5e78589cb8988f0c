"""An operator at night: from the front page to the trace of the hand-off that is stuck in three actions, however she
looks at it: with the keyboard, on a telephone, without scripts, in the dark.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from playwright.sync_api import Browser, Page, Response

from acceptance.operator_paths import PATHS
from pathline_gateway import embedded
from support.browser import CHROMIUM, IN_CI, MISSING, browser, check_accessibility, fits, follow, tabbed_to
from support.gateways.process import Gateway, running

__all__ = ["browser"]

pytestmark = pytest.mark.skipif(CHROMIUM is None and not IN_CI, reason=MISSING)

BATCH = {"content-type": "application/cloudevents-batch+json"}
NOW = datetime.now(UTC)
_SET_ASIDE = """
insert into set_aside (work, kind, key, reason, retry_at, version)
values ('hand-offs', 'hand-off', 'housing:slip-0', 'a-defect', now() + interval '1 day', '0')
"""
_ASKS_EVERY_MS = 5_000
"""After so long a page of the console asks for the state again."""
STUCK = 1
"""Whom housing sent to money help, and nobody answered."""


def event(org: str, id: str, type: str, person: int, days_ago: float, **data: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:pathline:{org}:desk",
        "type": f"org.pathline.{type}.v1",
        "subject": f"v1.{person:021d}A",
        "time": (NOW - timedelta(days=days_ago)).isoformat(),
        "data": data,
    }


def offer(org: str, to: str, n: int, days_ago: float, due_days_ago: float) -> dict[str, Any]:
    said = {"handoff": f"{org}:slip-{n}", "need": "debt", "to": {"org": to}, "token_sha256": "0" * 64}
    due = {"accept": (NOW - timedelta(days=due_days_ago)).isoformat()}
    return event(org, f"offer-{n}", "handoff.offered", n, days_ago, **said, due=due, context_released=False)


def seeded() -> list[dict[str, Any]]:
    """The stuck hand-off, others of the same pair that are not, and another pair with a shorter silence."""
    told = [event("housing", "need", "need.expressed", STUCK, 47, need="n", code="housing", by="citizen")]
    told += [
        offer("housing", "money-help", STUCK, 46, 41),
        event("money-help", "m", "contact.made", 90, 2, kind="chase"),
    ]
    for n in (2, 3, 4):
        accepted = {"handoff": f"housing:slip-{n}", "token": "x" * 24}
        told += [
            offer("housing", "money-help", n, 30, 25),
            event("money-help", f"a-{n}", "handoff.accepted", n, 28, **accepted),
        ]
    told += [offer("hospital", "food-bank", n, 9, n / 10) for n in range(10, 40)]
    return [*told, event("food-bank", "f", "contact.made", 91, 2, kind="chase")]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        told = seeded()
        assert up.http.post("/v1/events", json=told, headers=BATCH).json()["accepted"] == len(told)
        up.settled()
        yield up


@pytest.fixture(scope="module")
def stuck(gateway: Gateway) -> str:
    """The pathway of the person who waits."""
    asked = {"org": "housing", "subject": f"v1.{STUCK:021d}A"}
    return str(gateway.http.post("/v1/pathways/search", json=asked).json()["pathway"])


@pytest.fixture(scope="module")
def subscription(gateway: Gateway) -> str:
    wanted = {"protocol": "PULL", "config": {"organisation": "housing", "purpose": "tenancy-support"}, "filters": []}
    answer = gateway.http.post("/v1/subscriptions", json=wanted)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


class Night:
    """A browser at the front page, and how often somebody acted in it."""

    def __init__(self, browser: Browser, gateway: Gateway, **context: Any) -> None:
        base = f"http://127.0.0.1:{gateway.port}"
        self.context = browser.new_context(base_url=base, **context)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", self._answered)
        self.actions = 0
        self.page.goto("/console")

    def _answered(self, answer: Response) -> None:
        if answer.status >= 400:
            self.complaints.append(f"{answer.status} {answer.url}")

    def click(self, name: str) -> None:
        """One action: the first link of this name."""
        fits(self.page)
        self.actions += 1
        follow(self.page, self.page.get_by_role("link", name=name).first)

    def press(self, selector: str) -> None:
        """One action, with the keyboard alone."""
        tabbed_to(self.page, selector)
        self.actions += 1
        self.page.keyboard.press("Enter")

    def end(self) -> None:
        self.context.close()
        assert self.complaints == []


def at_the_trace(page: Page, stuck: str) -> None:
    page.get_by_role("heading", name="The journey as a trace").wait_for()
    assert page.url.endswith(f"/console/pathways/{stuck}/trace")
    assert page.locator("rect.span").count() >= 3


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [1280, 320])
def test_the_stuck_hand_off_is_three_actions_from_the_front_page(
    gateway: Gateway, browser: Browser, stuck: str, width: int, scripts: bool
) -> None:
    night = Night(browser, gateway, viewport={"width": width, "height": 800}, java_script_enabled=scripts)
    assert night.page.get_by_text(re.compile("Everything flows. 3[01] hand-offs are silent")).is_visible()
    # It is not among the latest, which the front page lists.
    assert night.page.locator("section[aria-labelledby=silent]").get_by_text("Money help").count() == 0
    night.click("See hand-offs by who hands to whom")
    night.click("Housing to Money help")
    assert night.page.locator("tbody tr").first.get_by_text("silent: an answer was due on").is_visible()
    night.click("trace of the hand-off")
    at_the_trace(night.page, stuck)
    fits(night.page)
    assert night.actions == 3
    night.end()


def test_the_same_with_the_keyboard_alone(gateway: Gateway, browser: Browser, stuck: str) -> None:
    night = Night(browser, gateway, viewport={"width": 320, "height": 700})
    night.press("ol.wrong a[href='/console/handoffs']")
    night.page.get_by_role("heading", name="Hand-offs: who hands to whom").wait_for()
    night.press("a[href*='from=housing']")
    night.page.get_by_role("heading", name="Housing to Money help").wait_for()
    night.press("td a[href$='/trace']")
    at_the_trace(night.page, stuck)
    assert night.actions == 3
    night.end()


def test_the_state_follows_without_a_reload_and_says_when_it_is_old(gateway: Gateway, browser: Browser) -> None:
    night = Night(browser, gateway)
    night.page.clock.install()
    night.page.reload()
    state = night.page.get_by_role("status")
    state.get_by_text("31 hand-offs are silent").wait_for()
    told = [event("food-bank", "a-10", "handoff.declined", 10, 0.01, handoff="hospital:slip-10", reason="capacity")]
    assert gateway.http.post("/v1/events", json=told, headers=BATCH).json()["accepted"] == 1
    gateway.settled()
    night.page.clock.fast_forward(_ASKS_EVERY_MS)
    state.get_by_text("30 hand-offs are silent").wait_for(timeout=15_000)
    assert night.page.locator("ol.wrong").get_by_text("30 hand-offs are silent").is_visible()
    assert night.complaints == []
    night.context.set_offline(True)
    night.page.clock.fast_forward(_ASKS_EVERY_MS)
    state.get_by_text("The gateway has not answered since").wait_for(timeout=15_000)
    night.context.set_offline(False)
    night.page.clock.fast_forward(_ASKS_EVERY_MS)
    state.get_by_text("30 hand-offs are silent").wait_for(timeout=15_000)
    night.context.close()


def test_pairs_are_narrowed_to_an_organisation_by_a_plain_address(gateway: Gateway, browser: Browser) -> None:
    night = Night(browser, gateway, java_script_enabled=False)
    night.page.goto("/console/handoffs")
    assert night.page.locator("tbody tr").count() == 2
    night.page.get_by_label("Organisation, on either side").select_option("money-help")
    follow(night.page, night.page.get_by_role("button", name="Show"))
    assert night.page.url.endswith("/console/handoffs?org=money-help")
    row = night.page.locator("tbody tr")
    assert row.count() == 1
    assert "1 silent" in row.inner_text()
    assert "2 d (n = 3)" in row.inner_text()
    night.end()


def test_a_subscription_is_paused_resumed_and_explained_without_scripts(
    gateway: Gateway, browser: Browser, subscription: str
) -> None:
    night = Night(browser, gateway, viewport={"width": 320, "height": 700}, java_script_enabled=False)
    page = night.page
    follow(page, page.get_by_role("link", name="Streams", exact=True))
    fits(page)
    follow(page, page.get_by_role("link", name=re.compile("^Housing")))
    fits(page)
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused. Its events wait.").wait_for()
    assert gateway.http.get(f"/v1/subscriptions/{subscription}/status").json()["state"] == "paused"
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("Resumed").wait_for()
    page.get_by_label("Source").fill("urn:pathline:housing:desk")
    page.get_by_label("Event id").fill("need")
    page.get_by_role("button", name="Explain").click()
    page.get_by_text("Not given: it was stored before the subscription was made.").wait_for()
    assert "need" not in page.url
    fits(page)
    night.end()


@pytest.fixture(scope="module")
def item(gateway: Gateway) -> str:
    """Evidence that waits for a reviewer: one says that two are one person, and one that they are two."""
    housing, food_bank = ({"org": org, "subject": f"v1.{95:021d}A"} for org in ("housing", "food-bank"))
    told = [
        event("housing", "two", "identity.distinguished", 95, 1, different=[housing, food_bank]),
        event("housing", "one", "identity.linked", 95, 1, same=[housing, food_bank], method="record-key", confidence=1),
    ]
    assert gateway.http.post("/v1/events", json=told, headers=BATCH).json()["accepted"] == len(told)
    gateway.settled()
    waiting = gateway.http.get("/v1/identity/review").json()["items"]
    return str(waiting[0]["item"])


@pytest.fixture(scope="module")
def set_aside(gateway: Gateway) -> None:
    """One hand-off that its work is to try again tomorrow."""
    machine = embedded.find_machine(gateway.data)
    assert machine is not None
    # The browser's loop runs in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _execute(machine.database, _SET_ASIDE)).result()


async def _execute(database: str, statement: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(statement)
    await connection.close()


@pytest.fixture(scope="module")
def looked_at(gateway: Gateway, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=f"http://127.0.0.1:{gateway.port}", bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("route", PATHS)
@pytest.mark.usefixtures("set_aside")
def test_axe_finds_nothing_that_keeps_an_operator_out(
    looked_at: Page, stuck: str, subscription: str, item: str, route: str
) -> None:
    answer = looked_at.goto(PATHS[route].format(pathway=stuck, subscription=subscription, item=item))
    assert answer is not None
    assert answer.status == 200
    check_accessibility(looked_at)
