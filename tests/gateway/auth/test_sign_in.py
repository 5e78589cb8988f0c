"""Signing in at the issuer's own page: the code flow, and every way in which it is refused."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.login_attempt import own_page_path
from pathline_gateway.auth.pkce import compute_challenge
from support.desk_worker import Page, Worker, bearer
from support.gateways.secured import Secured

VERIFIER = "v" * 43
REDIRECT = "/sign-in/callback"


def asked(gateway: Secured, **other: str) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": "pathline",
        "redirect_uri": f"{gateway.url}{REDIRECT}",
        "state": "s",
        "nonce": "n",
        "code_challenge": compute_challenge(VERIFIER),
        "code_challenge_method": "S256",
        **other,
    }


def code(worker: Worker, **other: str) -> str:
    said = asked(worker.gateway, **other) | {"who": "publisher:food-bank", "secret": worker.secret}
    back = worker.http.post("/issuer/authorize", data=said)
    assert back.status_code == 303, back.text
    return parse_qs(urlsplit(back.headers["location"]).query)["code"][0]


def redeemed(worker: Worker, code: str, **other: str) -> int:
    said = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "pathline",
        "redirect_uri": f"{worker.gateway.url}{REDIRECT}",
        "code_verifier": VERIFIER,
        **other,
    }
    return worker.http.post("/issuer/token", data=said).status_code


def test_a_worker_signs_in_at_the_issuer_and_comes_to_the_page_that_she_wanted(worker: Worker) -> None:
    first = worker.http.get("/desk/contact")
    assert (first.status_code, first.headers["location"]) == (303, "/sign-in?to=/desk/contact")
    away = worker.http.get(first.headers["location"])
    kept = away.headers["set-cookie"]
    assert "HttpOnly" in kept
    assert "samesite=lax" in kept.lower()
    form = Page(worker.http.get(away.headers["location"]).text).forms["/issuer/authorize"]
    back = worker.http.post("/issuer/authorize", data={**form, "who": "publisher:food-bank", "secret": worker.secret})
    signed_in = worker.http.get(back.headers["location"])
    assert '<meta http-equiv="refresh" content="0; url=/desk/contact">' in signed_in.text
    session = next(each for each in signed_in.headers.get_list("set-cookie") if each.startswith("pathline-session="))
    assert "HttpOnly" in session
    assert "samesite=strict" in session.lower()
    assert "Record a contact" in worker.page("/desk/contact").said
    assert worker.http.get("/v1/status").status_code == 401  # the cookie is for pages
    assert worker.http.get(back.headers["location"]).status_code == 401  # the same answer once more


def test_signing_out_ends_it_and_does_not_sign_in_again(worker: Worker) -> None:
    worker.signed_in("publisher:food-bank")
    out = worker.http.post("/sign-out")
    assert "signed out" in worker.page(out.headers["location"]).said
    assert worker.http.get("/desk").status_code == 303


@pytest.mark.parametrize(("who", "secret"), [("publisher:food-bank", "guessed"), ("publisher", ""), ("boss:x", "")])
def test_who_has_not_the_secret_or_is_nobody_gets_no_code(worker: Worker, who: str, secret: str) -> None:
    said = asked(worker.gateway) | {"who": who, "secret": secret or worker.secret}
    answer = worker.http.post("/issuer/authorize", data=said)
    assert answer.status_code == 401
    assert "location" not in answer.headers
    assert worker.secret not in answer.text


def test_a_code_is_redeemed_once(worker: Worker) -> None:
    got = code(worker)
    assert (redeemed(worker, got), redeemed(worker, got)) == (200, 400)


@pytest.mark.parametrize(
    "other",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": compute_challenge(VERIFIER)},
        {"client_id": "another"},
        {"redirect_uri": "http://127.0.0.1:1/sign-in/callback"},
    ],
)
def test_a_code_without_its_proof_is_refused_and_spent(worker: Worker, other: dict[str, str]) -> None:
    got = code(worker)
    assert redeemed(worker, got, **other) == 400
    assert redeemed(worker, got) == 400


@pytest.mark.parametrize(
    "other",
    [
        {"redirect_uri": "https://elsewhere.example/sign-in/callback"},
        {"client_id": "another"},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
        {"response_type": "token"},
    ],
)
def test_the_issuer_sends_nobody_anywhere_but_back_to_its_own_gateway(worker: Worker, other: dict[str, str]) -> None:
    said = asked(worker.gateway, **other)
    for answer in (
        worker.http.get("/issuer/authorize", params=said),
        worker.http.post("/issuer/authorize", data=said | {"who": "operator", "secret": worker.secret}),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers


def test_a_form_of_another_site_signs_nobody_in(worker: Worker) -> None:
    said = asked(worker.gateway) | {"who": "operator", "secret": worker.secret}
    answer = worker.http.post("/issuer/authorize", data=said, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


def test_an_answer_that_belongs_to_no_attempt_of_this_browser_is_refused(worker: Worker, gateway: Secured) -> None:
    got = code(worker)
    assert worker.http.get(REDIRECT, params={"code": got, "state": "s"}).status_code == 401
    away = worker.http.get("/sign-in")
    state = parse_qs(urlsplit(away.headers["location"]).query)["state"][0]
    for said in ({"state": "s"}, {"state": state, "iss": "https://elsewhere.example"}, {"state": state}):
        answer = worker.http.get(REDIRECT, params={"code": got, **said})
        assert answer.status_code == 401
        assert not any(each.startswith("pathline-session") for each in answer.headers.get_list("set-cookie"))
        assert worker.http.get("/desk").status_code == 303
        away = worker.http.get("/sign-in")
        state = parse_qs(urlsplit(away.headers["location"]).query)["state"][0]


def test_a_code_for_another_nonce_signs_nobody_in(worker: Worker) -> None:
    away = worker.http.get("/sign-in")
    sent = {name: values[0] for name, values in parse_qs(urlsplit(away.headers["location"]).query).items()}
    got = code(worker, code_challenge=sent["code_challenge"], nonce="another")
    assert worker.http.get(REDIRECT, params={"code": got, "state": sent["state"]}).status_code == 401
    assert worker.http.get("/desk").status_code == 303


@pytest.mark.parametrize(
    "path",
    ["//elsewhere.example", "https://elsewhere.example/desk", "/\\elsewhere.example", "/desk//elsewhere.example",
     "/desk/../console", "/deskx", "/desk?x=//elsewhere.example", "/desk\r\nx: y", "javascript:alert(1)"],
)  # fmt: skip
def test_nobody_is_led_elsewhere_after_signing_in(worker: Worker, path: str) -> None:
    assert own_page_path(path) == ""
    away = worker.http.get("/sign-in", params={"to": path})
    form = Page(worker.http.get(away.headers["location"]).text).forms["/issuer/authorize"]
    back = worker.http.post("/issuer/authorize", data={**form, "who": "publisher:food-bank", "secret": worker.secret})
    assert 'content="0; url=/desk"' in worker.http.get(back.headers["location"]).text


@pytest.mark.parametrize("role", [each for each in Role if each not in (Role.PUBLISHER, Role.SUBSCRIBER)])
def test_whose_roles_are_others_is_told_so_in_a_page(worker: Worker, gateway: Secured, role: Role) -> None:
    org = "food-bank" if role is Role.LINKER else None
    answer = worker.http.get("/desk", headers=bearer(gateway, role, org))
    assert answer.status_code == 403
    assert "Your account may not do this" in Page(answer.text).said
    assert "https://www.bom.gov.au/" in Page(answer.text).links


def test_who_may_only_look_is_shown_no_form_and_publishes_nothing(worker: Worker) -> None:
    worker.signed_in("subscriber:food-bank")
    for path in ("/desk", "/desk/contact", "/desk/referrals", "/desk/referrals/new", "/desk/spreadsheet"):
        assert set(worker.page(path).forms) == {"/sign-out"}
    assert worker.http.post("/desk/contact", data={"kind": "enquiry"}).status_code == 403


def test_a_session_that_has_ended_is_told_in_a_page_when_a_form_is_sent(worker: Worker) -> None:
    answer = worker.http.post("/desk/contact", data={"kind": "enquiry"})
    assert answer.status_code == 401
    assert "You are not signed in any more" in Page(answer.text).said
