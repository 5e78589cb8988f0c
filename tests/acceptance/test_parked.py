"""A record that is refused, from the topic to the operator who replays or discards it; nobody else sees its value."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import asyncpg

from pathline.codec import json_format, kafka
from pathline_gateway import embedded
from support.brokers.own_topic import Kafka
from support.gateways.process import Gateway, running
from support.preloaded import run_command

TOLD = "the-words-she-said"
SUBJECT = "v1.AAAAAAAAAAAAAAAAAAAAAA"


def event(org: str, id: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:pathline:{org}:desk",
        "type": "org.pathline.experience.shared.v1",
        "subject": SUBJECT,
        "time": "2026-03-02T09:00:00Z",
        "datacontenttype": "application/json",
        "data": {"value": "confirmed", "text": TOLD},
    }


def test_what_an_older_version_did_not_know_is_replayed_and_what_nobody_mends_is_discarded(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        machine = embedded.find_machine(gateway.data)
        assert machine is not None
        topic = Kafka(machine.kafka, "court")
        try:
            foreign = json_format.decode(json.dumps(event("clinic", "1")).encode())
            topic.send(SUBJECT, *kafka.encode(foreign))
            topic.send(SUBJECT, [("content-type", b"application/cloudevents+json")], TOLD.encode())
        finally:
            topic.stop()
        gateway.until(lambda: gateway.http.get("/v1/status").json()["parked"] == 2, "two are parked")
        _forgotten_type(machine.database, event("court", "2"))
        groups = {g["reason"]: g["org"] for g in gateway.http.get("/v1/parked/summary").json()["groups"]}
        assert groups == {"not-your-source": "court", "malformed": "court", "unknown-type": "court"}
        gateway.until(
            lambda: _level(gateway) == {"not-your-source": 1, "malformed": 1, "unknown-type": 1}, "the metric"
        )
        front = gateway.http.get("/console").text
        assert 'href="/console/parked"' in front
        assert "<mark>source</mark>" in gateway.http.get("/console/parked").text
        assert gateway.http.post("/v1/organisations", json={"org": "court"}).status_code == 201
        said = _typed(gateway, "replay", "--all")
        assert "1 replayed, 2 still parked" in said
        ids = [record["id"] for record in gateway.http.get("/v1/parked").json()["records"]]
        discarded = gateway.http.post("/v1/parked/discard", json={"ids": ids, "because": "sent to the wrong topic"})
        assert discarded.json()["discarded"] == 2
        status = gateway.settled()
        assert (status["parked"], status["interactions"]) == (0, 1)
        assert _level(gateway) == {}
        found = gateway.http.post("/v1/pathways/search", json={"org": "court", "subject": SUBJECT}).json()
        (step,) = gateway.http.get(f"/v1/pathways/{found['pathway']}").json()["steps"]
        assert step["data"]["text"] == TOLD
        shown = _typed(gateway, "show", str(ids[0]))
        assert TOLD in shown
        assert TOLD in gateway.http.get(f"/v1/parked/{ids[0]}").json()["value"]["text"]
        seen = "\n".join(
            [
                front,
                said,
                _typed(gateway, "list", "--json"),
                *(
                    gateway.http.get(path).text
                    for path in ("/v1/parked?state=discarded", "/metrics", "/console/parked")
                ),
                gateway.log.read_text(),
            ]
        )
        assert TOLD not in seen
        assert SUBJECT not in seen


def _typed(gateway: Gateway, *words: str) -> str:
    return run_command("parked", *words, "--data", gateway.data).stdout


def _level(gateway: Gateway) -> dict[str, int]:
    """What the metric says is parked, by reason."""
    text = gateway.http.get("/metrics").text
    lines = re.findall(r"^pathline_parked{(.*)} (\S+)$", text, re.MULTILINE)
    told = {re.findall(r'pathline_reason="([^"]+)"', labels)[0]: int(float(n)) for labels, n in lines}
    return {reason: n for reason, n in told.items() if n}


def _forgotten_type(dsn: str, told: dict[str, object]) -> None:
    """A record is parked as a version would have parked it that did not know its type yet."""
    headers, value = kafka.encode(json_format.decode(json.dumps(told).encode()))

    async def park() -> None:
        connection = await asyncpg.connect(dsn)
        async with connection.transaction():
            await connection.execute(
                'insert into parked (log_epoch, topic, partition, "offset", value, header_names, header_values,'
                " reason, field, detail, org)"
                " values ((select max(id) from log_epoch), 'pathline.in.court', 0, 1000, $1, $2, $3, 'unknown-type',"
                " 'type', 'no contract is registered', 'court')",
                value,
                [name for name, _ in headers],
                [raw for _, raw in headers],
            )
            await connection.execute("update row_counters set value = value + 1 where name = 'parked'")
        await connection.close()

    asyncio.run(park())
