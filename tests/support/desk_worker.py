"""Somebody at the desk, by plain HTTP: a browser without scripts, whose forms are sent as their page has them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import httpx

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.dev_issuer.issuer import load_issuer
from support.gateways.secured import Secured
from support.gateways.up_command import wait_until

BATCH = {"content-type": "application/cloudevents-batch+json"}
ANNA = {
    "housing": "v1.AAAAAAAAAAAAAAAAAAAAAA",
    "food-bank": "v1.BBBBBBBBBBBBBBBBBBBBBA",
    "money-help": "v1.CCCCCCCCCCCCCCCCCCCCCA",
}


class Page(HTMLParser):
    """The forms of a page, each by what it acts on and its `verb`; and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self.links: list[str] = []
        self.said = ""
        self._action, self._fields = "", dict[str, str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action, self._fields = values.get("action", ""), {}
        if tag == "input" and values.get("type") == "hidden":
            self._fields[values["name"]] = values.get("value", "")
        if tag == "a":
            self.links.append(values.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.forms[f"{self._action} {self._fields.get('verb', '')}".strip()] = self._fields

    def handle_data(self, data: str) -> None:
        self.said = f"{self.said} {' '.join(data.split())}"


class Worker:
    """One browser without scripts."""

    def __init__(self, gateway: Secured) -> None:
        self.gateway = gateway
        self.http = httpx.Client(base_url=gateway.url, timeout=60)

    def signed_in(self, account: str, secret: str | None = None) -> Worker:
        """She signed in at the issuer, as whom she says."""
        asked = self.http.get(self.http.get("/desk").headers["location"])
        form = Page(self.http.get(asked.headers["location"]).text).forms["/issuer/authorize"]
        values = {**form, "who": account, "secret": secret or self.secret}
        back = self.http.post("/issuer/authorize", data=values)
        assert back.status_code == 303, back.text
        assert self.http.get(back.headers["location"]).status_code == 200
        return self

    @property
    def secret(self) -> str:
        return str(json.loads((self.gateway.data / "issuer.json").read_text())["secret"])

    def page(self, path: str) -> Page:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return Page(answer.text)

    def send(self, page: Page, form: str, **values: str) -> httpx.Response:
        fields = {name.replace("_", "-"): value for name, value in values.items()}
        return self.http.post(form.split(" ")[0], data={**page.forms[form], **fields})

    def inbox(self) -> list[str]:
        """Addresses of what waits."""
        return [link for link in self.page("/desk").links if link.startswith("/desk/handoffs/")]


def bearer(gateway: Secured, role: Role, org: str | None = None) -> dict[str, str]:
    return {"authorization": f"Bearer {load_issuer(gateway.data).issue_token([role], org, 'somebody')}"}


def published(gateway: Secured, org: str, type: str, id: str, **data: Any) -> None:
    """Published by the organisation's own system, and applied."""
    event = {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:pathline:{org}:system",
        "type": f"org.pathline.{type}.v1",
        "subject": ANNA[org],
        "time": data.pop("time", "2026-03-02T09:00:00Z"),
        "data": data,
    }
    answer = gateway.http.post("/v1/events", json=[event], headers=BATCH | bearer(gateway, Role.PUBLISHER, org))
    assert answer.status_code == 202, answer.text
    settled(gateway)


def batched(gateway: Secured, type: str, handoffs: Sequence[str], time: str, **data: Any) -> None:
    """The same said of many hand-offs by the organisation that made them, each of another client, and applied."""
    org = handoffs[0].partition(":")[0]
    headers = BATCH | bearer(gateway, Role.PUBLISHER, org)
    for begin in range(0, len(handoffs), 200):
        events = [
            {
                "specversion": "1.0",
                "id": f"{type}-{each.partition(':')[2]}",
                "source": f"urn:pathline:{org}:system",
                "type": f"org.pathline.{type}.v1",
                "subject": f"v1.{begin + n:021d}A",
                "time": time,
                "data": {"handoff": each, **data},
            }
            for n, each in enumerate(handoffs[begin : begin + 200])
        ]
        answer = gateway.http.post("/v1/events", json=events, headers=headers)
        assert answer.status_code == 202, answer.text
    settled(gateway)


def settled(gateway: Secured) -> None:
    """Whatever was published is applied, and who is who is known."""
    operator = bearer(gateway, Role.OPERATOR)
    wait_until(lambda: gateway.http.get("/v1/status", headers=operator).json()["lag"] == 0, "nothing waits")


def offered(gateway: Secured, handoff: str, to: str, token: str, service_there: str | None = None, **more: Any) -> None:
    """Offered to an organisation by another's system."""
    org, _, local = handoff.partition(":")
    values = {
        "handoff": handoff,
        "to": {"org": to, "service": service_there},
        "token_sha256": hashlib.sha256(token.encode()).hexdigest(),
        "need": "food",
        "due": {"accept": "2026-03-09T00:00:00Z"},
        "context_released": False,
    }
    published(gateway, org, "handoff.offered", f"offer-{local}", **(values | more))


def pathway(gateway: Secured, org: str, names: Mapping[str, str] = ANNA) -> dict[str, Any]:
    """The pathway of this organisation's Anna, as its own system pulls it."""
    settled(gateway)
    wanted = {"org": org, "subject": names[org], "purpose": "care"}
    headers = bearer(gateway, Role.SUBSCRIBER, org)
    found = gateway.http.post("/v1/pathways/search", json=wanted, headers=headers).json()["pathway"]
    return dict(gateway.http.get(f"/v1/pathways/{found}", headers=headers | {"pathline-purpose": "care"}).json())


def handoffs(gateway: Secured, org: str) -> dict[str, dict[str, Any]]:
    """The hand-offs on it."""
    return {each["handoff"]: each for each in pathway(gateway, org)["handoffs"]}
