"""The table of limits: its document, its settings, what its refusals say."""

from __future__ import annotations

import ast
import json
import re

import pytest
from pydantic import ValidationError

from pathline_gateway.limits.document import FILE, render_document
from pathline_gateway.limits.limit import Limit, NamedLimit
from pathline_gateway.limits.table import LIMIT_BY_FIELD, Limits, find_unknown_variables
from pathline_gateway.settings import Settings
from support.repository import ROOT

NAMES = {field.replace("_", "-") for field in LIMIT_BY_FIELD}
SF_STRING = r'"[a-z0-9-]+"'


def limits_with_a_test() -> set[str]:
    """The names in the marks of all tests."""
    found = set()
    for file in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.limit":
                found |= {ast.literal_eval(each) for each in node.args}
    return found


def test_a_limit_without_a_test_that_goes_past_it_fails() -> None:
    assert limits_with_a_test() == NAMES


def test_each_limit_is_asked_for_where_the_gateway_works() -> None:
    sources = "\n".join(p.read_text() for p in (ROOT / "gateway").rglob("*.py") if p.name != "table.py")
    assert [field for field in LIMIT_BY_FIELD if not re.search(rf'limits\.{field}\b|"{field}"', sources)] == []


def test_the_page_is_what_the_table_says() -> None:
    assert (ROOT / FILE).read_text() == render_document()


def test_the_page_says_the_usual_numbers_whatever_is_set_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHLINE_LIMIT_EVENTS", "17")
    assert (ROOT / FILE).read_text() == render_document()


@pytest.mark.parametrize("field", LIMIT_BY_FIELD)
def test_each_limit_says_why_and_what_to_do_in_one_sentence_each(field: str) -> None:
    named = Limits().named_limit(field)
    assert named.number > 0
    assert named.rationale.endswith(".")
    assert named.rationale.count(". ") == 0
    assert len(named.rationale.split()) <= 22
    assert not named.limit.advice.endswith(".")


@pytest.mark.parametrize("field", LIMIT_BY_FIELD)
def test_each_limit_is_set_by_a_variable_of_its_own(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    setting, number = Limits().named_limit(field).setting, Limits().named_limit(field).number * 2
    monkeypatch.setenv(setting, str(number))
    assert Limits().named_limit(field).number == number
    assert Settings().limits.named_limit(field).number == number


def test_other_processes_of_this_gateway_have_the_same_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Settings(limits=Limits(events=17)).to_environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings().limits == Limits(events=17)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError):
        Limits(events=0)


def test_a_variable_that_is_no_limit_is_found() -> None:
    environment = ["PATHLINE_LIMIT_EVENTS", "PATHLINE_LIMIT_EVENT", "PATHLINE_KAFKA", "PATH"]
    assert find_unknown_variables(environment) == ["PATHLINE_LIMIT_EVENT"]


def _named(limit: Limit) -> NamedLimit:
    return NamedLimit("some-things", "PATHLINE_LIMIT_SOME_THINGS", 7, "They cost.", limit)


def test_a_refusal_that_passes_says_when_to_come_again() -> None:
    rate = _named(Limit("caller", "requests", 429, "too-many", "wait", window_s=60))
    problem = rate.refusal(2.1)
    body = json.loads(bytes(problem.to_response().body))
    assert problem.headers == {
        "retry-after": "3",
        "ratelimit-policy": '"some-things";q=7;qu="requests";w=60',
        "ratelimit": '"some-things";r=0;t=3',
    }
    assert (body["limit"], body["allowed"], body["status"]) == ("some-things", 7, 429)
    assert body["detail"] == "over 7 requests in 60 s for each caller: wait"


def test_a_refusal_that_does_not_pass_is_not_sent_again_by_clients() -> None:
    problem = _named(Limit("request", "bytes", 413, "too-large", "send less")).refusal()
    assert problem.headers == {
        "ratelimit-policy": '"some-things";q=7;qu="content-bytes"',
        "ratelimit": '"some-things";r=7',
    }


def test_what_runs_at_once_has_the_unit_of_the_draft() -> None:
    problem = _named(Limit("caller", "requests", 429, "too-many", "wait")).refusal()
    assert problem.headers["ratelimit-policy"] == '"some-things";q=7;qu="concurrent-requests"'


def test_a_limit_of_time_has_no_quota() -> None:
    assert _named(Limit("request", "seconds", 408, "too-slow", "hurry")).refusal().headers == {}


def test_a_connection_that_is_closed_without_a_word_has_no_refusal() -> None:
    with pytest.raises(ValueError, match="closes"):
        _named(Limit("connection", "seconds", None, "idle", "connect again")).refusal()
