"""Nobody lifts a concealment alone, and whose it is learns of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from support.gateways.secured import Secured, secured

REFUGE = {"org": "refuge"}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("lifting")) as gateway:
        for org in ("refuge", "clinic"):
            assert operator(gateway, "ann", "POST", "/v1/organisations", json={"org": org}).status_code == 201
        yield gateway


def operator(up: Secured, account: str, method: str, path: str, **more: object) -> httpx.Response:
    return up.ask(f"{method} {path}", up.token("operator", account=account), **more)


def of(up: Secured, org: str, method: str, path: str, **more: object) -> httpx.Response:
    return up.ask(f"{method} {path}", up.token("publisher", org), **more)


def concealed(up: Secured) -> bool:
    return REFUGE | {"service": None} in operator(up, "ann", "GET", "/v1/concealed").json()["concealed"]


def desk(up: Secured, org: str) -> str:
    return httpx.get(f"{up.url}/desk", cookies={"pathline-session": up.token("publisher", org)}, timeout=30).text


def test_it_takes_another_operator(up: Secured) -> None:
    assert operator(up, "ann", "POST", "/v1/concealed", json=REFUGE).status_code == 204
    for _ in range(3):
        asked = operator(up, "ann", "POST", "/v1/concealed/lifted", json=REFUGE)
        assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
        assert concealed(up)
    assert "asks to lift the concealment of your organisation" in desk(up, "refuge")
    assert "concealment" not in desk(up, "clinic")
    assert operator(up, "bob", "POST", "/v1/concealed/lifted", json=REFUGE).status_code == 204
    assert not concealed(up)
    told = of(up, "refuge", "GET", "/v1/concealed").json()
    assert [each["change"] for each in told["changes"]][:2] == ["lifted", "lift-closed"]
    who = {each["changed_by"] for each in told["changes"]}
    assert len(who) == 2
    assert all(each.startswith("operator:") and "ann" not in each and "bob" not in each for each in who)
    assert "is concealed no longer" in desk(up, "refuge")
    assert of(up, "clinic", "GET", "/v1/concealed").json()["changes"] == []


def test_a_question_is_about_one_thing_and_ends_when_it_is_concealed_again(up: Secured) -> None:
    nights, days = REFUGE | {"service": "nights"}, REFUGE | {"service": "days"}
    for what in (REFUGE, nights, days):
        assert operator(up, "ann", "POST", "/v1/concealed", json=what).status_code == 204
    assert operator(up, "ann", "POST", "/v1/concealed/lifted", json=nights).status_code == 202
    assert operator(up, "bob", "POST", "/v1/concealed/lifted", json=days).status_code == 202
    assert operator(up, "bob", "POST", "/v1/concealed/lifted", json=REFUGE).status_code == 202
    assert operator(up, "ann", "POST", "/v1/concealed", json=REFUGE).status_code == 204
    assert operator(up, "ann", "POST", "/v1/concealed/lifted", json=REFUGE).status_code == 202
    assert concealed(up)


def test_the_organisation_itself_lifts_what_is_its_own_and_nobody_elses(up: Secured) -> None:
    assert of(up, "clinic", "POST", "/v1/concealed/lifted", json=REFUGE).status_code == 403
    assert of(up, "clinic", "POST", "/v1/concealed", json={"org": "clinic"}).status_code == 403
    assert concealed(up)
    assert of(up, "refuge", "POST", "/v1/concealed/lifted", json=REFUGE).status_code == 204
    assert not concealed(up)


def test_whether_somebody_is_concealed_cannot_be_told_from_the_answer(up: Secured) -> None:
    known = REFUGE | {"subject": "v1.AAAAAAAAAAAAAAAAAAAAAA"}
    operator(up, "ann", "POST", "/v1/concealed", json=known)
    unknown = REFUGE | {"subject": "v1.BBBBBBBBBBBBBBBBBBBBBA"}
    for who, status in (("ann", 202), ("bob", 204)):
        answers = [operator(up, who, "POST", "/v1/concealed/lifted", json=what) for what in (known, unknown)]
        assert [answer.status_code for answer in answers] == [status, status]
        assert answers[0].content == answers[1].content
