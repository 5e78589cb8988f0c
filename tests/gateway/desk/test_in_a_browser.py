"""The desk in a real browser: a worker's day, and what never leaves her computer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from pathline.pseudonym import Pseudonyms, new_key
from support.browser import check_accessibility, fits
from support.desk_worker import ANNA, Worker, handoffs, offered, pathway
from support.gateways.secured import Secured
from support.repository import ROOT

VECTORS = json.loads((ROOT / "contracts/vectors/pseudonyms.json").read_text())["vectors"]
TOKEN = "abcd-efgh-jkmn-pqrs-tuvw-xyz2"
NUMBER = "client 4711"
SMALL = {"width": 320, "height": 640}
DERIVE = """async ({ key_hex, org, epoch, identifier }) => {
  const { derive, subject } = await import("/console/static/desk/pseudonym.js");
  const key = Uint8Array.from(key_hex.match(/../g), (each) => parseInt(each, 16));
  return subject(await derive(key, org, epoch), epoch, identifier);
}"""


class Recorded:
    """Everything that a browser asked for."""

    def __init__(self, context: BrowserContext) -> None:
        self.asked: list[Request] = []
        context.on("request", lambda request: self.asked.append(request))

    def holds(self, text: str) -> bool:
        """Whether any of it holds this text, however it was encoded."""
        return any(text.lower() in each.lower() for each in self.texts())

    def texts(self) -> Iterator[str]:
        for each in self.asked:
            sent = (each.post_data_buffer or b"").decode("utf-8", "replace")
            for said in (each.url, sent, *each.all_headers().values()):
                yield from (said, unquote_plus(said))


@pytest.fixture
def context(gateway: Secured, browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(base_url=gateway.url)
    yield opened
    opened.close()


def leads_to_the_weather(context: BrowserContext) -> None:
    """The page to which somebody leaves is there. A context with this keeps no files from one page to the next."""
    context.route(
        "https://www.bom.gov.au/**", lambda route: route.fulfill(body="<h1>Weather</h1>", content_type="text/html")
    )


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    complaints: list[str] = []
    # A form that is refused is a 4xx, which the browser logs as well.
    opened.on("console", lambda m: None if "Failed to load resource" in m.text else complaints.append(m.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    assert complaints == []


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "pathline.key"
    path.write_text(new_key() + "\n")
    return path


def sign_in(page: Page, gateway: Secured, who: str = "publisher:food-bank") -> None:
    page.goto("/desk")
    page.get_by_label("Who you are").fill(who)
    page.get_by_label("Secret of this machine").fill(Worker(gateway).secret)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Inbox").wait_for()


@pytest.fixture(scope="module")
def cookies(gateway: Secured, browser: Browser) -> Sequence[Any]:
    """What the browser of somebody who has signed in sends."""
    context = browser.new_context(base_url=gateway.url)
    sign_in(context.new_page(), gateway)
    kept = context.cookies()
    context.close()
    return kept


@pytest.fixture
def signed_in(page: Page, cookies: Sequence[Any]) -> Page:
    """A page of somebody who has signed in before."""
    page.context.add_cookies(cookies)
    return page


def choose_key(page: Page, key: Path) -> None:
    page.get_by_label("Key of your organisation").set_input_files(key)
    page.get_by_text("The key is here.").wait_for()


@pytest.fixture(scope="module")
def deriving(gateway: Secured, browser: Browser) -> Iterator[Page]:
    """A page on which nobody signs in, where scripts of the desk can be called."""
    context = browser.new_context(base_url=gateway.url)
    opened = context.new_page()
    opened.goto("/sign-in?out=yes")
    yield opened
    context.close()


@pytest.mark.parametrize("vector", VECTORS, ids=[each["why"] for each in VECTORS])
def test_the_browser_makes_the_published_pseudonyms(deriving: Page, vector: dict[str, Any]) -> None:
    wanted = {name: vector[name] for name in ("key_hex", "org", "epoch", "identifier")}
    assert deriving.evaluate(DERIVE, wanted) == vector["subject"]


@pytest.mark.parametrize("around", ["\x1c{}\x1f", "\x85{}\xa0", "\u3000{}\u2028", "\x0b{}\x0c"])
def test_the_browser_strips_what_python_strips_and_nothing_else(deriving: Page, around: str) -> None:
    key, identifier = bytes(range(32)), around.format("client 7")
    made = deriving.evaluate(DERIVE, {"key_hex": key.hex(), "org": "food-bank", "epoch": 1, "identifier": identifier})
    assert made == Pseudonyms("food-bank", key).subject(identifier)


def test_a_worker_takes_somebody_on_and_records_a_contact_and_her_number_stays_with_her(
    page: Page, context: BrowserContext, gateway: Secured, key: Path
) -> None:
    offered(gateway, "housing:slip-1", "food-bank", TOKEN)
    recorded = Recorded(context)
    sign_in(page, gateway)
    page.get_by_role("link", name="Housing sends somebody for food").click()
    page.get_by_label("Client number").fill(NUMBER)
    page.get_by_label("Code on the slip").fill(TOKEN)
    page.get_by_role("button", name="Take them on").click()
    page.get_by_text("Choose the key of your organisation first").wait_for()
    choose_key(page, key)
    page.get_by_role("button", name="Take them on").click()
    page.get_by_text("Taken on. Housing can see it.").wait_for()
    assert handoffs(gateway, "housing")["housing:slip-1"]["state"] == "accepted"

    page.get_by_role("link", name="Record a contact", exact=True).click()
    page.get_by_label("Client number").fill(f" {NUMBER} ")
    page.get_by_label("What it was about").select_option("enquiry")
    page.get_by_label("Part of a hand-off").select_option(index=1)
    page.get_by_label("food", exact=True).check()
    page.get_by_role("button", name="Record it").click()
    page.get_by_text("Recorded. Here is the next one.").wait_for()
    subject = Pseudonyms.from_text("food-bank", key.read_text()).subject(NUMBER)
    assert recorded.holds(subject)
    assert not recorded.holds(NUMBER)
    assert not recorded.holds(key.read_text().strip())
    assert {each.url.split("/")[2] for each in recorded.asked} == {gateway.url.split("/")[2]}
    food_bank = {**ANNA, "food-bank": subject}
    steps = pathway(gateway, "food-bank", food_bank)["steps"]
    assert {each["type"].split(".")[2] for each in steps} >= {"handoff", "contact", "need"}


def test_a_number_that_is_typed_where_no_script_runs_does_not_leave(browser: Browser, gateway: Secured) -> None:
    context = browser.new_context(base_url=gateway.url, java_script_enabled=False)
    page, recorded = context.new_page(), Recorded(context)
    sign_in(page, gateway)
    page.goto("/desk/contact")
    page.get_by_label("Pseudonym of the client").fill(NUMBER)
    page.get_by_label("What it was about").select_option("enquiry")
    page.get_by_role("button", name="Record it").click()
    assert page.locator("#subject:invalid").count() == 1
    page.get_by_label("Pseudonym of the client").fill(ANNA["food-bank"])
    page.get_by_role("button", name="Record it").click()
    page.get_by_text("Recorded.").wait_for()
    assert not recorded.holds(NUMBER)
    context.close()


SHEET = """Client;Date;Program;Via
4711-A;2026-03-02;Food parcels;in-person
4711-A;2026-03-02;Food parcels;in-person
"4711;B";3/3/2026;Food parcels;phone
;2026-03-04;Food parcels;phone
4711-C;31/2/2026;Food parcels;phone
4711-D;2026-03-04;Food parcels;pigeon
4711-E;2999-03-04;Food parcels;phone
"""


def test_a_spreadsheet_is_sent_without_its_numbers_and_twice_changes_nothing(
    signed_in: Page, context: BrowserContext, key: Path, tmp_path: Path
) -> None:
    page = signed_in
    recorded = Recorded(context)
    sheet = tmp_path / "visits.csv"
    sheet.write_text(SHEET)
    page.goto("/desk/spreadsheet")
    choose_key(page, key)
    for told in ("4 accepted, 0 were here already, 3 refused.", "0 accepted, 4 were here already, 3 refused."):
        page.get_by_label("File").set_input_files(sheet)
        page.get_by_label("Channel").select_option("3")
        page.get_by_text("4 rows can be sent, 3 cannot.").wait_for()
        assert page.locator("#preview tbody tr").count() == 4
        check_accessibility(page)
        assert page.get_by_text("The oldest day is 2026-03-02, the newest 2999-03-04.").is_visible()
        send = page.get_by_role("button", name="Send them")
        assert send.is_disabled()
        page.get_by_label("of these days are older than two years or lie ahead").check()
        send.click()
        page.get_by_text(told).wait_for()
        refused = page.locator("#refused li").all_inner_texts()
        assert [int(re.findall(r"\d+", each)[0]) for each in refused] == [5, 6, 7]
        page.reload()
        page.get_by_text("The key is here.").wait_for()
    assert recorded.holds(Pseudonyms.from_text("food-bank", key.read_text()).subject("4711;B"))
    assert not recorded.holds("4711")


def test_a_row_that_differs_from_what_was_sent_before_is_told_by_its_line(
    signed_in: Page, key: Path, tmp_path: Path
) -> None:
    page = signed_in
    sheet = tmp_path / "visits.csv"
    page.goto("/desk/spreadsheet")
    choose_key(page, key)
    for service, told, lines in (
        ("ok", "2 accepted, 0 were here already, 0 refused.", []),
        ("no", "0 accepted, 2 were here already (1 of them with other content), 0 refused.", ["Line 3"]),
    ):
        sheet.write_text(f"client,date,service\nr-1,2026-03-02,ok\nr-2,2026-03-02,{service}\n")
        page.get_by_label("File").set_input_files(sheet)
        page.get_by_role("button", name="Send them").click()
        page.get_by_text(told).wait_for()
        assert [each.partition(":")[0] for each in page.locator("#refused li").all_inner_texts()] == lines
        page.reload()
        page.get_by_text("The key is here.").wait_for()


def opened_sheet(page: Page, key: Path, sheet: Path, content: bytes) -> None:
    """The spreadsheet page, with this file chosen."""
    sheet.write_bytes(content)
    page.goto("/desk/spreadsheet")
    choose_key(page, key)
    page.get_by_label("File").set_input_files(sheet)


@pytest.mark.parametrize(
    ("headings", "client", "day"),
    [
        ("Client,Date of birth,Visit date,What", "0", "2"), ("Client,Date of birth,What,Team", "0", ""),
        ("Client,Date,Visit date,DOB", "0", ""), ("Client number,Phone number,Date,What", "0", "2"),
        ("Client id,Person id,When,What", "", "2"), ("Name,Phone,Date updated,When", "", "3"),
    ],
)  # fmt: skip
def test_no_column_is_guessed_where_two_fit_and_never_a_day_of_birth(
    signed_in: Page, key: Path, tmp_path: Path, headings: str, client: str, day: str
) -> None:
    page = signed_in
    opened_sheet(page, key, tmp_path / "s.csv", f"{headings}\n7,1980-03-02,2026-03-02,x\n".encode())
    page.locator("#column-date").wait_for()
    assert (page.locator("#column-client").input_value(), page.locator("#column-date").input_value()) == (client, day)
    births = [option for option in page.locator("#column-date option").all() if "birth" in option.inner_text()]
    assert all(option.is_disabled() for option in births)


def test_what_may_be_no_number_is_asked_about_before_anything_is_sent(
    signed_in: Page, key: Path, tmp_path: Path
) -> None:
    page = signed_in
    opened_sheet(
        page, key, tmp_path / "s.csv",
        b"Client,Date\nNA,2026-03-02\nNULL,2026-03-02\nn-7,2026-03-02\nAnna Smith,2026-03-02\n",
    )  # fmt: skip
    page.get_by_text("2 rows can be sent, 2 cannot.").wait_for()
    page.get_by_text("The client numbers look like names.").wait_for()
    page.get_by_label("“NA” is the number of a client").check()
    page.get_by_text("3 rows can be sent, 1 cannot.").wait_for()
    check_accessibility(page)


def test_a_file_of_another_encoding_is_asked_about(signed_in: Page, key: Path, tmp_path: Path) -> None:
    page = signed_in
    opened_sheet(page, key, tmp_path / "s.csv", "Client,Date\nZoë-1,2026-03-02\n".encode("cp1252"))
    page.get_by_role("alert").get_by_text("This file is no text as it is read now").wait_for()
    page.get_by_label("Saved as").select_option("windows-1252")
    page.get_by_text("1 rows can be sent.").wait_for()
    subject = Pseudonyms.from_text("food-bank", key.read_text()).subject("Zoë-1")
    assert page.locator("#preview tbody td").nth(1).inner_text() == subject


def test_a_quotation_mark_that_is_never_closed_sends_nobodys_number(
    signed_in: Page, context: BrowserContext, key: Path, tmp_path: Path
) -> None:
    page = signed_in
    recorded = Recorded(context)
    text = b'Client,Date,What\n12,2026-03-02,"food parcel\nCLIENT-13,2026-03-03,food"\n'
    opened_sheet(page, key, tmp_path / "s.csv", text)
    page.get_by_text("1 rows can be sent, 1 cannot.").wait_for()
    page.get_by_role("button", name="Send them").click()
    page.get_by_text("1 accepted, 0 were here already, 1 refused.").wait_for()
    assert not recorded.holds("CLIENT-13")


PAGES = {
    "/desk": "Inbox",
    "/desk/contact": "Record a contact",
    "/desk/referrals": "My referrals",
    "/desk/referrals/new": "Hand somebody on",
    "/desk/spreadsheet": "Send a spreadsheet",
}


def test_every_page_is_accessible_and_fits_a_telephone(page: Page, gateway: Secured) -> None:
    offered(gateway, "housing:seen", "food-bank", TOKEN)
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    page.goto("/desk")
    check_accessibility(page)
    sign_in(page, gateway)
    waits = page.locator(".card a").first.get_attribute("href")
    for path, heading in {
        **PAGES,
        waits or "": "Housing sends somebody for food",
        "/desk/handoffs/x": "There is no",
    }.items():
        page.goto(path)
        page.get_by_role("heading", name=heading, level=1).wait_for()
        for details in page.locator("details").all():
            details.evaluate("each => { each.open = true; }")
        check_accessibility(page)
        fits(page)


def test_a_form_that_is_refused_says_so_first_and_leads_to_the_field(signed_in: Page, key: Path) -> None:
    page = signed_in
    page.goto("/desk/referrals/new")
    choose_key(page, key)
    page.get_by_label("Client number").fill(NUMBER)
    page.get_by_label("To which organisation").fill("food-bank")
    page.get_by_label("What for").select_option("debt")
    page.get_by_role("button", name="Hand them on").click()
    page.get_by_role("alert").get_by_role("link", name="This is your own organisation: write another.").wait_for()
    page.locator("#wrong:focus").wait_for()
    check_accessibility(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "to"
    page.get_by_label("To which organisation").fill("money-help")
    page.get_by_label("Client number").fill(NUMBER)
    page.get_by_role("button", name="Hand them on").click()
    page.get_by_role("heading", name="Slip for Money help").wait_for()
    check_accessibility(page)


def test_a_contact_is_recorded_with_the_keyboard_alone(signed_in: Page) -> None:
    page = signed_in
    page.goto("/desk/contact")
    tabbed_to(page, "#subject")
    page.keyboard.type(ANNA["food-bank"])
    tabbed_to(page, "#kind")
    page.keyboard.type("they asked for")
    page.keyboard.press("Enter")
    tabbed_to(page, "main button:not(.quiet)")
    page.keyboard.press("Enter")
    page.get_by_text("Recorded.").wait_for()


def tabbed_to(page: Page, selector: str) -> None:
    """The focus is on this, reached with the Tab key, seen, and not under what floats."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"the Tab key does not reach {selector}")


@pytest.mark.parametrize("way", ["click", "escape"])
def test_whoever_must_leave_is_gone_at_once(page: Page, gateway: Secured, key: Path, way: str) -> None:
    leads_to_the_weather(page.context)
    sign_in(page, gateway)
    page.goto("/desk/contact")
    choose_key(page, key)
    assert page.evaluate("sessionStorage.length") == 1
    if way == "click":
        page.get_by_role("link", name="Leave now").click()
    else:
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
    page.get_by_role("heading", name="Weather").wait_for()
    page.go_back()
    assert not page.url.endswith("/desk/contact")
    page.goto("/desk/contact")
    assert page.evaluate("sessionStorage.length") == 0


def test_whoever_must_leave_needs_no_script(browser: Browser, gateway: Secured) -> None:
    context = browser.new_context(base_url=gateway.url, java_script_enabled=False)
    leads_to_the_weather(context)
    page = context.new_page()
    sign_in(page, gateway)
    page.get_by_role("link", name="Leave now").click()
    page.get_by_role("heading", name="Weather").wait_for()
    context.close()
