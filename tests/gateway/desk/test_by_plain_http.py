"""The desk without a single script: what is offered is seen, answered and told; what is written is published."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from pathline_gateway.auth.caller import Role
from support.desk_worker import ANNA, BATCH, Page, Worker, batched, bearer, handoffs, offered, pathway, published
from support.gateways.secured import Secured

TOKEN = "abcd-efgh-jkmn-pqrs-tuvw-xyz2"
NUMBER = "client 7"
LATER = 620
"""More than a list of the desk ever had."""


def test_a_hand_off_is_seen_accepted_and_answered_by_a_contact(worker: Worker, gateway: Secured) -> None:
    offered(gateway, "housing:slip-1", "food-bank", TOKEN, service_there="food-parcels")
    worker.signed_in("publisher:food-bank")
    inbox = worker.page("/desk")
    assert "Housing sends somebody for food" in inbox.said
    assert "Service: food parcels" in inbox.said
    assert "due on 9 Mar 2026" in inbox.said
    assert ANNA["housing"] not in inbox.said
    (at,) = worker.inbox()
    assert "slip-1" not in at
    seen = worker.send(worker.page(at), f"{at} seen")
    assert "Noted as seen" in Page(seen.text).said
    assert f"{at} seen" not in worker.page(at).forms
    wrong = worker.send(worker.page(at), f"{at} accepted", subject=ANNA["food-bank"], token="x" * 24)
    assert wrong.status_code == 422
    assert 'href="#token"' in wrong.text
    done = worker.send(worker.page(at), f"{at} accepted", subject=ANNA["food-bank"], token=TOKEN.upper())
    assert "Taken on" in Page(done.text).said, done.text
    assert handoffs(gateway, "housing")["housing:slip-1"]["state"] == "accepted"

    form = worker.page("/desk/contact")
    handle = at.rpartition("/")[2]
    contact = {"subject": ANNA["food-bank"], "kind": "enquiry", "channel": "in-person", "handoff": handle}
    recorded = worker.send(form, "/desk/contact", **contact, service="Food parcels", need_food="yes")
    assert "Recorded" in Page(recorded.text).said, recorded.text
    mine = handoffs(gateway, "food-bank")["housing:slip-1"]
    assert mine["first_contact"] is not None
    assert "food-parcels" in worker.http.get("/desk/contact").text
    finished = worker.send(worker.page(at), f"{at} completed", outcome="met")
    assert "Completed" in Page(finished.text).said
    assert worker.inbox() == []
    assert handoffs(gateway, "housing")["housing:slip-1"]["state"] == "completed"
    # What was noted before anybody here knew who she is stands on her pathway as well.
    steps = pathway(gateway, "food-bank")["steps"]
    assert "org.pathline.handoff.seen.v1" in {each["type"] for each in steps if each["org"] == "food-bank"}


def test_a_contact_that_is_sent_twice_is_published_once(worker: Worker, gateway: Secured) -> None:
    worker.signed_in("publisher:money-help")
    form = worker.page("/desk/contact")
    before = status(gateway)
    said = {"subject": ANNA["money-help"], "kind": "inform", "day": "2026-03-02", "need_debt": "yes"}
    for _ in range(2):
        assert worker.send(form, "/desk/contact", **said).status_code == 200
    assert status(gateway) == before + 2
    # Gone back, and written otherwise: that is another.
    assert worker.send(form, "/desk/contact", **said | {"kind": "chase"}).status_code == 200
    assert status(gateway) == before + 4


def status(gateway: Secured) -> int:
    return int(gateway.http.get("/v1/status", headers=bearer(gateway, Role.OPERATOR)).json()["interactions"])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"subject": NUMBER}, "subject"),
        ({"subject": ""}, "subject"),
        ({"kind": ""}, "kind"),
        ({"kind": "gossip"}, "kind"),
        ({"channel": "pigeon"}, "channel"),
        ({"service": "!!!"}, "service"),
        ({"day": "yesterday"}, "day"),
        ({"day": "2999-01-01"}, "day"),
        ({"day": "0999-01-01"}, "day"),
        ({"clock": "25:00"}, "day"),
        ({"handoff": "housing:slip-1"}, "handoff"),
    ],
)
def test_what_is_wrong_is_said_above_the_form_with_a_way_to_the_field(
    worker: Worker, gateway: Secured, wrong: dict[str, str], field: str
) -> None:
    worker.signed_in("publisher:food-bank")
    before = status(gateway)
    said = {"subject": ANNA["food-bank"], "kind": "enquiry"} | wrong
    answer = worker.send(worker.page("/desk/contact"), "/desk/contact", **said)
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert f'id="{field}-wrong"' in answer.text
    assert "<title>Error: " in answer.text
    assert NUMBER not in answer.text
    assert status(gateway) == before
    assert NUMBER not in gateway.output()


def test_a_referral_is_made_its_code_shown_once_and_its_end_seen(worker: Worker, gateway: Secured) -> None:
    worker.signed_in("publisher:housing")
    form = worker.page("/desk/referrals/new")
    said = {"subject": ANNA["housing"], "to": "money-help", "need": "debt", "days": "2", "released": "yes"}
    slip = worker.send(form, "/desk/referrals", **said)
    assert slip.status_code == 200, slip.text
    (token,) = re.findall(r'<code class="token">([a-z2-9-]{29})</code>', slip.text)
    (handoff,) = re.findall(r"housing:desk-[A-Za-z0-9_-]+", slip.text)
    assert token not in worker.http.get("/desk/referrals").text
    assert "asked" in worker.page("/desk/referrals").said
    offer = handoffs(gateway, "housing")[handoff]
    assert (offer["to"], offer["context_released"]) == ({"org": "money-help"}, True)

    other = Worker(gateway).signed_in("publisher:money-help")
    (at,) = other.inbox()
    assert "released to you" in other.page(at).said
    declined = other.send(other.page(at), f"{at} declined", reason="capacity")
    assert "Declined" in Page(declined.text).said
    assert other.inbox() == []
    assert "declined" in worker.page("/desk/referrals").said
    other.http.close()


def test_a_hand_off_is_passed_on_and_leaves_the_inbox(worker: Worker, gateway: Secured) -> None:
    offered(gateway, "housing:slip-on", "money-help", TOKEN)
    worker.signed_in("publisher:money-help")
    (at,) = worker.inbox()
    slip = worker.send(worker.page(at), f"{at} redirected", to="food-bank")
    (token,) = re.findall(r'<code class="token">([a-z2-9-]{29})</code>', slip.text)
    assert worker.inbox() == []
    assert worker.http.get(at).status_code == 404
    other = Worker(gateway).signed_in("publisher:food-bank")
    (at,) = other.inbox()
    for code, expected in ((TOKEN, 422), (token, 200)):
        answer = other.send(other.page(at), f"{at} accepted", subject=ANNA["food-bank"], token=code)
        assert answer.status_code == expected
    other.http.close()


def test_nobody_sees_what_was_offered_to_others_nor_what_is_concealed(worker: Worker, gateway: Secured) -> None:
    offered(gateway, "housing:slip-3", "money-help", TOKEN)
    offered(gateway, "housing:slip-4", "food-bank", TOKEN, safety="conceal")
    mine = Worker(gateway).signed_in("subscriber:money-help")
    (at,) = mine.inbox()
    worker.signed_in("publisher:food-bank")
    assert "slip-3" not in worker.http.get("/desk").text
    assert "slip-4" not in worker.http.get("/desk").text
    assert worker.http.get(at).status_code == 404
    assert worker.http.post(at, data={"verb": "seen"}).status_code == 404
    mine.http.close()


def test_an_answer_that_comes_too_late_is_not_published(worker: Worker, gateway: Secured) -> None:
    offered(gateway, "housing:slip-5", "food-bank", TOKEN)
    worker.signed_in("publisher:food-bank")
    at = next(each for each in worker.inbox() if "slip-5" in worker.http.get(each).text)
    page = worker.page(at)
    published(
        gateway, "housing", "handoff.cancelled", "cancel-5", handoff="housing:slip-5", time="2026-03-03T09:00:00Z"
    )
    answer = worker.send(page, f"{at} seen")
    assert answer.status_code == 409
    assert "not done" in Page(answer.text).said
    assert handoffs(gateway, "housing")["housing:slip-5"]["anomalies"] == []


def test_forms_of_other_sites_do_nothing(worker: Worker, gateway: Secured) -> None:
    worker.signed_in("publisher:food-bank")
    before = status(gateway)
    for path in ("/desk/contact", "/desk/referrals", "/desk/organisation", "/desk/spreadsheet"):
        answer = worker.http.post(path, data={"kind": "enquiry"}, headers={"origin": "https://elsewhere.example"})
        assert answer.status_code == 403
    assert status(gateway) == before


NOT_THE_DESKS: dict[str, dict[str, object]] = {
    "consent.given": {"consent": "k", "holders": [], "recipients": ["food-bank"], "purpose": "care"},
    "consent.withdrawn": {"consent": "k"},
    "mandate.given": {
        "mandate": "m", "agent": {"org": "citizen", "subject": ANNA["housing"]}, "services": [], "powers": ["see"],
    },
    "mandate.withdrawn": {"mandate": "m"},
    "identity.linked": {
        "same": [{"org": "food-bank", "subject": ANNA[each]} for each in ("housing", "food-bank")],
        "method": "record-key",
    },
    "interaction.voided": {"source": "urn:pathline:food-bank:desk", "id": "x", "reason": "other"},
    "contact.made": {"kind": "enquiry"},
}  # fmt: skip


def test_a_spreadsheet_sends_what_its_page_makes_and_nothing_else(worker: Worker, gateway: Secured) -> None:
    """A worker's browser is enough to send anything: the desk takes what its own script makes."""
    worker.signed_in("publisher:food-bank")

    def event(type: str, data: Mapping[str, object], system: str = "import") -> dict[str, object]:
        return {
            "specversion": "1.0", "id": f"{type}-{system}", "source": f"urn:pathline:food-bank:{system}",
            "type": f"org.pathline.{type}.v1", "subject": ANNA["food-bank"], "time": "2026-03-02T09:00:00Z",
            "data": data,
        }  # fmt: skip

    visit = {"activity": "Visit", "precision": "day", "actor": "staff"}
    sent = [event(type, data) for type, data in NOT_THE_DESKS.items()]
    sent += [
        event("activity.recorded", visit),
        event("service.delivered", {}),
        event("activity.recorded", visit, "desk"),
    ]
    answer = worker.http.post("/desk/spreadsheet", json=sent, headers=BATCH | {"sec-fetch-site": "same-origin"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 2
    refused = {each["index"]: (each["reason"], each["field"]) for each in answer.json()["refused"]}
    desk = "not-from-the-desk"
    assert refused == {**dict.fromkeys(range(len(NOT_THE_DESKS)), (desk, "type")), len(sent) - 1: (desk, "source")}


@pytest.mark.parametrize("path", ["", "/contact", "/referrals", "/referrals/new", "/spreadsheet", "/handoffs/x"])
def test_every_page_has_the_way_out_and_loads_nothing_of_others(worker: Worker, path: str) -> None:
    worker.signed_in("publisher:food-bank")
    answer = worker.http.get(f"/desk{path}")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert 'href="https://www.bom.gov.au/" rel="noreferrer"' in answer.text
    assert [each for each in Page(answer.text).links if "//" in each] == ["https://www.bom.gov.au/"]
    assert not re.search(r"<script(?! src=\"/)|\son[a-z]+=|\sstyle=", answer.text)


def test_an_organisation_that_is_on_no_register_is_told_so(worker: Worker) -> None:
    worker.signed_in("publisher:stranger")
    said = {"subject": ANNA["housing"], "kind": "enquiry"}
    answer = worker.send(worker.page("/desk/contact"), "/desk/contact", **said)
    assert answer.status_code == 403
    assert "not entered here yet" in Page(answer.text).said


def test_a_refuge_answers_at_its_own_desk_and_nobody_else_learns_of_it(worker: Worker, gateway: Secured) -> None:
    operator = bearer(gateway, Role.OPERATOR)
    for path, body in (("organisations", {"org": "refuge"}), ("concealed", {"org": "refuge"})):
        assert gateway.http.post(f"/v1/{path}", json=body, headers=operator).is_success
    offered(gateway, "housing:to-refuge", "refuge", TOKEN)
    worker.signed_in("publisher:refuge")
    (at,) = worker.inbox()
    taken = worker.send(worker.page(at), f"{at} accepted", subject="v1.DDDDDDDDDDDDDDDDDDDDDA", token=TOKEN)
    assert "Taken on" in Page(taken.text).said
    sender = Worker(gateway).signed_in("publisher:housing")
    row = re.search(r"<tr>(?:(?!</tr>).)*to-refuge.*?</tr>", sender.http.get("/desk/referrals").text, re.DOTALL)
    assert row is not None
    assert "asked" in row[0]
    assert "whether it answers cannot be seen" in row[0]
    assert "taken on" not in row[0]
    sender.http.close()

    made = {"subject": "v1.DDDDDDDDDDDDDDDDDDDDDA", "to": "money-help", "need": "debt", "days": "2"}
    assert worker.send(worker.page("/desk/referrals/new"), "/desk/referrals", **made).status_code == 200
    assert "Money help" in worker.page("/desk/referrals").said
    asked = Worker(gateway).signed_in("publisher:money-help")
    assert "Refuge" not in asked.page("/desk").said
    asked.http.close()


def test_who_has_waited_longest_is_found_however_many_came_after(worker: Worker, gateway: Secured) -> None:
    operator = bearer(gateway, Role.OPERATOR)
    assert gateway.http.post("/v1/organisations", json={"org": "shelter"}, headers=operator).is_success
    offered(gateway, "housing:first", "shelter", TOKEN, priority="urgent")
    later = [f"housing:later-{n}" for n in range(LATER)]
    offer = {"to": {"org": "shelter"}, "token_sha256": "0" * 64, "context_released": False}
    batched(gateway, "handoff.offered", later, "2026-03-02T10:00:00Z", **offer)
    worker.signed_in("publisher:shelter")
    found, pages, inbox = list[str](), 0, worker.page("/desk")
    assert f"{LATER - 99} more wait on the next page" in inbox.said
    (first, *_) = (link for link in inbox.links if link.startswith("/desk/handoffs/"))
    assert "housing:first" in worker.page(first).said
    while True:
        pages += 1
        found += re.findall(r"housing:(?:first|later-\d+)", inbox.said)
        following = next((link for link in inbox.links if link.startswith("/desk?after=")), None)
        if following is None:
            break
        assert "later" not in following
        inbox = worker.page(following)
    assert (pages, sorted(found)) == (LATER // 100 + 1, sorted(["housing:first", *later]))
    sender = Worker(gateway).signed_in("publisher:housing")
    assert "more are on the next page" in sender.page("/desk/referrals").said
    sender.http.close()

    batched(gateway, "handoff.cancelled", later, "2026-03-02T11:00:00Z")
    inbox = worker.page("/desk")
    assert "1 person was handed to you" in inbox.said
    assert worker.inbox() == [first]
    ended = worker.page("/desk/ended")
    assert f"{LATER - 100} more have ended" in ended.said
    (one, *_) = (link for link in ended.links if link.startswith("/desk/handoffs/"))
    assert "taken back" in worker.page(one).said
    done = worker.send(worker.page(first), f"{first} accepted", subject="v1.EEEEEEEEEEEEEEEEEEEEEA", token=TOKEN)
    assert "Taken on" in Page(done.text).said


def test_a_page_of_a_list_that_never_was_is_refused_and_no_parameter_is_guessed(worker: Worker) -> None:
    worker.signed_in("publisher:food-bank")
    for path, status in (("/desk?after=x", 400), ("/desk/ended?after=", 400), ("/desk?before=x", 422)):
        answer = worker.http.get(path)
        assert answer.status_code == status, path
        assert "text/html" in answer.headers["content-type"]
