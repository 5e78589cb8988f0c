"""Whole lives with auth on: each organisation publishes, listens and reads under a credential of its own."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from acceptance.figures import at, contacts_to_value, failure_demand, pull_ratio, repeat_telling, waiting_share
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.dev_issuer.issuer import load_issuer
from support.gateways.secured import Secured, secured
from support.gateways.up_command import wait_until
from support.repository import LIVES
from support.servers.otlp_receiver import OtlpReceiver, receiving

STRUCTURED = {"content-type": "application/cloudevents+json"}
HANDOFF = "org.pathline.handoff."

Body = dict[str, Any]


@dataclass
class Life:
    """A life on a gateway: who may ask what of it."""

    up: Secured
    expected: Body
    citizen: str
    """The token of the person whose life it is."""
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    subscriptions: dict[str, str] = field(default_factory=dict)

    def token(self, role: str, org: str | None = None) -> str:
        found = self.tokens.get((role, org or ""))
        if found is None:
            issuer = load_issuer(self.up.data)
            found = self.tokens[role, org or ""] = issuer.issue_token([Role(role)], org, "ann")
        return found

    def ask(self, route: str, token: str, **more: Any) -> Any:
        answer = self.up.http.request(
            *route.split(" "), headers={"authorization": f"Bearer {token}"} | more.pop("headers", {}), **more
        )
        assert answer.status_code < 300, (route, answer.status_code, answer.text)
        return answer.json()

    @property
    def orgs(self) -> list[str]:
        return [org for org in self.expected["organisations"] if org != "citizen"]

    def enter(self) -> None:
        """Everybody is on the register, and listens."""
        for org in self.orgs:
            sector = self.expected["organisations"][org]
            said = {"org": org, "name": org.replace("-", " ").capitalize(), "sector": sector}
            self.ask("POST /v1/organisations", self.token("operator"), json=said)
            config = {"organisation": org, "purpose": "care"}
            made = self.ask(
                "POST /v1/subscriptions", self.token("subscriber", org), json={"protocol": "PULL", "config": config}
            )
            self.subscriptions[org] = made["id"]

    def publish(self, event: Body) -> None:
        """As its publisher does: people say who they are elsewhere by tokens."""
        org = event["source"].split(":")[2]
        if org != "citizen":
            said = self.ask(
                "POST /v1/events", self.token("publisher", org), content=json.dumps(event), headers=STRUCTURED
            )
            assert said["accepted"] + said["duplicate"] == 1
        elif event["type"] == "org.pathline.identity.linked.v1":
            (other,) = (side for side in event["data"]["same"] if side["org"] != "citizen")
            shown = self.ask("POST /v1/identity/tokens", self.token("publisher", other["org"]), json=other)["token"]
            self.ask("POST /v1/identity/links", self.citizen, json={"tokens": [shown]})
        else:
            self.ask("POST /v1/events", self.citizen, content=json.dumps(event), headers=STRUCTURED)

    def settled(self) -> Body:
        wait_until(lambda: self.status()["lag"] == 0, "everything is applied", 60)
        return self.status()

    def status(self) -> Body:
        return dict(self.ask("GET /v1/status", self.token("operator")))

    def delivered(self, org: str) -> list[Body]:
        """All that the organisation's subscription was given."""
        found: list[Body] = []
        after = "n0"
        while True:
            path = f"GET /v1/subscriptions/{self.subscriptions[org]}/events?after={after}&limit=7"
            page = self.ask(path, self.token("subscriber", org))
            if not page["events"]:
                return found
            found += page["events"]
            after = page["next"]

    def read(self, token: str, subject: Body) -> Body:
        stated = {"pathline-purpose": "care"}
        pathway = self.ask("POST /v1/pathways/search", token, json=subject, headers=stated)["pathway"]
        return dict(self.ask(f"GET /v1/pathways/{pathway}", token, headers=stated))


@pytest.mark.parametrize("folder", LIVES, ids=lambda p: p.name)
def test_a_life_under_one_credential_for_each_organisation(folder: Path, tmp_path: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    with receiving() as sink:
        with secured(tmp_path, PATHLINE_NOW=expected["now"], OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as up:
            citizen = load_issuer(up.data).issue_token([Role.CITIZEN], None, "ann")
            life = Life(up, expected, citizen)
            account = life.ask("GET /v1/account", citizen)["subject"]
            (hers,) = {s["subject"] for p in expected["pathways"] for s in p["subjects"] if s["org"] == "citizen"}
            life.expected = expected = json.loads(json.dumps(expected).replace(hers, account))
            lines = (folder / "events.ndjson").read_text().replace(hers, account).splitlines()
            events = {(e["source"], e["id"]): e for e in reversed([json.loads(line) for line in lines])}
            life.enter()
            for line in lines:
                life.publish(json.loads(line))
            assert life.settled()["parked"] == len(expected["parked"])

            _each_is_told_what_is_its_own_and_what_it_is_asked(life, events)
            _each_side_of_a_hand_off_reads_how_it_stands(life)
            served = life.read(life.token("operator"), expected["pathways"][0]["subjects"][0])
            _the_figures_are_those_worked_out_by_hand(life, served)
            _spans_say_what_is_served(life, sink)
            measured = life.ask("GET /v1/measures/handoff-silence", life.token("auditor"))
            observable = sum(each["observable"] for each in expected["handoffs"])
            assert (measured["n"], measured["unobservable"]) == (observable, len(expected["handoffs"]) - observable)
        _durations_have_a_span_as_their_example(sink)


def _each_is_told_what_is_its_own_and_what_it_is_asked(life: Life, events: dict[tuple[str, str], Body]) -> None:
    steps = {(source, id) for p in life.expected["pathways"] for source, id in p["steps"]}
    for org in life.orgs:
        told = life.delivered(org)
        assert [each["number"] for each in told] == list(range(1, len(told) + 1))
        own = [(e["source"], e["id"]) for e in told if e.get("source", "").split(":")[2:3] == [org]]
        mine = {identity for identity in events if identity[0].split(":")[2] == org}
        # What is voided by now was given, and is still told to its publisher.
        assert steps & mine <= set(own) <= mine
        assert len(own) == len(set(own))
        # What is imported was never waited for: nobody is told of silence.
        assert not [e for e in told if e.get("type", "").endswith(("silent.v1", "answered.v1"))]
        offers = {e["data"]["handoff"] for e in told if e.get("type") == f"{HANDOFF}offered.v1"}
        asked = {each["id"] for each in life.expected["handoffs"] if each["to"] == org}
        assert offers >= asked, org


def _each_side_of_a_hand_off_reads_how_it_stands(life: Life) -> None:
    found: dict[str, set[str]] = {}
    wanted = {each["id"]: each for each in life.expected["handoffs"]}
    for subject in (s for p in life.expected["pathways"] for s in p["subjects"]):
        if subject["org"] == "citizen":
            body = life.read(life.citizen, subject)
            parties = {(each["from"], each["to"]): each for each in wanted.values()}
            for each in body["handoffs"]:
                _stands(each, parties[each["from"], each["to"]["org"]])
            continue
        for each in life.read(life.token("subscriber", subject["org"]), subject)["handoffs"]:
            expected = wanted.get(each["handoff"])
            if expected is None:  # what was released to it as context may name others' hand-offs
                assert each["handoff"].startswith("keyed:")
                continue
            found.setdefault(each["handoff"], set()).add(subject["org"])
            _stands(each, expected)
    for handoff, each in wanted.items():
        accepted = each["acceptance_seconds"] is not None
        assert found[handoff] == ({each["from"], each["to"]} if accepted else {each["from"]}), handoff


def _stands(each: Body, expected: Body) -> None:
    said = (each["from"], each["to"]["org"], each["state"], each["silent"], each["late"], each["observable"])
    names = ("from", "to", "state", "silent_stages", "late_stages", "observable")
    assert said == tuple(expected[name] for name in names), expected["id"]
    assert _seconds(each["offered"], each["accepted"]) == expected["acceptance_seconds"]
    assert _seconds(each["offered"], each["first_contact"]) == expected["first_contact_seconds"]


def _seconds(start: str, end: str | None) -> int | None:
    return None if end is None else int((at(end) - at(start)).total_seconds())


def _the_figures_are_those_worked_out_by_hand(life: Life, body: Body) -> None:
    expected = life.expected
    assert [[s["source"], s["id"]] for s in body["steps"]] == expected["pathways"][0]["steps"]
    assert round(waiting_share(body), 6) == expected["waiting_share"]
    consents = life.ask("GET /v1/consents", life.citizen)["consents"]
    items = {item for each in consents for item in each["items"] or ()}
    for name, found in (
        ("pull_ratio", pull_ratio(body)),
        ("failure_demand", failure_demand(body)),
        ("repeat_telling", repeat_telling(body, items)),
    ):
        assert found == {key: value for key, value in expected[name].items() if key != "formula"}
    assert contacts_to_value(body) == expected["contacts_to_value"]


def _spans_say_what_is_served(life: Life, sink: OtlpReceiver) -> None:
    """Every hand-off that has ended is one span, between the instants that are served."""
    closed = Counter(
        (each["from"], each["to"]["org"], each["ended_by"], _ns(each["offered"]), _ns(each["ended"]))
        for each in _all_handoffs(life)
        if each["ended"] is not None
    )
    wait_until(lambda: sum(closed.values()) <= len(_spans(sink)), "every span has come", 30)
    said = {span.span_id: span for span in _spans(sink)}
    assert closed == Counter(
        (
            _attribute(span, "pathline.from"),
            _attribute(span, "pathline.to"),
            _attribute(span, "pathline.outcome"),
            span.start_time_unix_nano,
            span.end_time_unix_nano,
        )
        for span in said.values()
    )
    assert closed


def _durations_have_a_span_as_their_example(sink: OtlpReceiver) -> None:
    """What metrics count is what spans say, and leads to one of them."""
    points = [
        point
        for request in sink.metrics[-1:]
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "pathline.handoff.duration"
        for point in metric.histogram.data_points
    ]
    spans = {span.span_id: span for span in _spans(sink)}.values()
    lasting = {span.span_id: (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9 for span in spans}
    assert sum(point.count for point in points) == len(lasting)
    assert sum(point.sum for point in points) == pytest.approx(sum(lasting.values()))
    for point in points:
        assert point.exemplars
        assert all(lasting[each.span_id] == pytest.approx(each.as_double) for each in point.exemplars)


def _all_handoffs(life: Life) -> list[Body]:
    found = {}
    for subject in (s for p in life.expected["pathways"] for s in p["subjects"]):
        for each in life.read(life.token("operator"), subject)["handoffs"]:
            found[each["handoff"]] = each
    return list(found.values())


def _spans(sink: OtlpReceiver) -> list[Span]:
    scopes = [scope for request in sink.traces for resource in request.resource_spans for scope in resource.scope_spans]
    return [span for scope in scopes for span in scope.spans if span.name == "handoff"]


def _attribute(span: Span, name: str) -> str:
    return next(str(each.value.string_value) for each in span.attributes if each.key == name)


def _ns(text: str) -> int:
    return round(at(text).timestamp()) * 1_000_000_000
