"""What forms at the desk hold, field by field."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.dev_issuer.authorization_codes import LIFETIME_S, AuthorizationCodes, AuthorizationRequest
from pathline_gateway.auth.login_attempt import LoginAttempt, own_page_path
from pathline_gateway.auth.pkce import compute_challenge
from pathline_gateway.desk.form_fields import DeskForm, new_slip_code

NOW = datetime(2026, 4, 5, 1, 0, tzinfo=UTC)
SYDNEY = ZoneInfo("Australia/Sydney")


@given(st.dates(date(1900, 1, 1), date(2026, 4, 4)), st.sampled_from(["UTC", "Australia/Sydney", "Asia/Kathmandu"]))
def test_a_day_that_is_written_begins_where_the_desk_is(on: date, zone: str) -> None:
    form = DeskForm({"day": on.isoformat()})
    when = form.occurred(NOW, ZoneInfo(zone))
    assert (form.wrong, when.precision) == ({}, "day")
    assert when.time.date() == on
    assert (when.time.hour, when.time.minute) == (0, 0)
    assert when.time.utcoffset() == datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone)).utcoffset()


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))
def test_nothing_that_lies_ahead_is_written_down(at: datetime) -> None:
    form = DeskForm({"day": at.date().isoformat(), "clock": f"{at:%H:%M}"})
    when = form.occurred(NOW, SYDNEY)
    wrong = at.replace(second=0, microsecond=0, tzinfo=SYDNEY) > NOW + timedelta(minutes=1)
    assert ("day" in form.wrong) == wrong
    assert wrong or when.precision is None


@given(st.text(max_size=60))
def test_whatever_is_written_for_a_person_comes_back_only_if_it_is_a_pseudonym(said: str) -> None:
    form = DeskForm({"subject": said})
    found = form.subject()
    assert found == (said.strip() if re.fullmatch(r"v[1-9][0-9]{0,3}\.[A-Za-z0-9_-]{21}[AQgw]", said.strip()) else "")
    assert bool(found) != ("subject" in form.wrong)
    if len(said.strip()) > 8:
        assert said.strip() not in "".join(form.wrong.values())


@given(st.text(max_size=100))
def test_whatever_is_written_for_a_service_becomes_a_code_or_is_refused(said: str) -> None:
    form = DeskForm({"service": said})
    code = form.code("service", "write it in words")
    assert form.wrong or code is None or (len(code) <= 64 and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code))
    assert (code is None and not form.wrong) == (said.strip() == "")


def test_a_code_of_a_slip_is_known_however_it_was_copied() -> None:
    code = new_slip_code()
    hash = hashlib.sha256(code.encode()).digest()
    plain = code.replace("-", "")
    grouped = [code.replace("-", mark) for mark in (" ", "\u2013", "\u2014", "\u2011", " - ", "\u2212", ".")]
    for said in (code, code.upper(), f" {code[:10]} {code[10:]} ", plain, plain.upper(), *grouped):
        assert DeskForm({"token": said}).read_slip_code(hash) == code
    for said in ("", code[:-1], code + "x"):
        assert DeskForm({"token": said}).read_slip_code(hash) is None
    assert DeskForm({"token": code}).read_slip_code(None) is None


@given(st.text(alphabet=st.sampled_from("/desk.cono\\:?#%@\n \t"), max_size=40))
def test_where_one_goes_after_signing_in_is_a_page_of_ours_or_nowhere(path: str) -> None:
    led = own_page_path(path)
    assert led in ("", path)
    assert led == "" or re.fullmatch(r"/(desk|console)(/[a-z]+)*", led)


@given(st.text(max_size=300))
def test_only_what_was_begun_here_is_taken_up_again(text: str) -> None:
    begun = LoginAttempt.start("/desk/contact")
    assert LoginAttempt.parse_cookie(begun.cookie_value) == begun
    kept = LoginAttempt.parse_cookie(text)
    assert kept is None or kept.cookie_value == text


@pytest.mark.parametrize(("after", "good"), [(0.0, True), (LIFETIME_S - 1, True), (LIFETIME_S, False)])
def test_a_code_is_good_for_a_minute(after: float, good: bool) -> None:
    codes, verifier = AuthorizationCodes(), "v" * 43
    code = codes.issue(
        AuthorizationRequest("pathline", "/back", compute_challenge(verifier), None),
        Role.OPERATOR,
        None,
        "operator",
        100.0,
    )
    assert (codes.redeem(code, "pathline", "/back", verifier, 100.0 + after) is not None) == good
