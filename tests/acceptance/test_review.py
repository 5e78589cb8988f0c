"""A steward of a one-machine gateway: a hub that joins nobody, seen with its evidence; decided and undone by typing."""

from __future__ import annotations

import re
from pathlib import Path

from support.gateways.process import Gateway, running
from support.preloaded import run_command

BATCH = {"content-type": "application/cloudevents-batch+json"}
MANY = 500


def ref(org: str, n: int) -> dict[str, str]:
    return {"org": org, "subject": f"v1.{n:021d}A"}


def event(id: str, type: str, of: dict[str, str], **data: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:pathline:{of['org']}:desk",
        "type": f"org.pathline.{type}.v1",
        "subject": of["subject"],
        "time": "2026-03-02T09:00:00Z",
        "data": data,
    }


def typed(gateway: Gateway, *words: str, code: int = 0) -> str:
    done = run_command("review", *words, "--data", gateway.data)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_hub_of_many_merges_none_until_somebody_looks(tmp_path: Path) -> None:
    hub, people = ref("shelter", 0), [ref("clinic", n) for n in range(1, MANY + 1)]
    told = [event("hub", "activity.recorded", hub, activity="Opened")]
    told += [event(f"step-{n}", "activity.recorded", who, activity="Seen") for n, who in enumerate(people)]
    told += [
        event(f"link-{n}", "identity.linked", hub, same=[hub, who], method="record-key", purpose="care")
        for n, who in enumerate(people)
    ]

    with running(tmp_path) as gateway:

        def pathway(who: dict[str, str]) -> str:
            return str(gateway.http.post("/v1/pathways/search", json=who).json()["pathway"])

        assert gateway.http.post("/v1/events", json=told, headers=BATCH).json()["accepted"] == len(told)
        status = gateway.settled()
        assert (status["quarantined"], status["conflicts"], status["pathways"]) == (MANY, 0, MANY + 1)
        front = gateway.http.get("/console/review?reason=hub").text
        assert f"hub ({MANY})" in front
        item = re.findall(r'href="/console/review/([0-9a-f-]{36})"', front)[3]
        shown = gateway.http.get(f"/console/review/{item}").text
        assert "more records than a person has" in shown
        assert "record-key, 100% sure" in shown
        assert "<td>care</td>" in shown
        assert f"And {MANY - 100} more." in shown
        assert typed(gateway, "list", "--reason", "hub", "--limit", "1").startswith(f"{MANY} hub\n")
        looked = gateway.http.get(f"/v1/identity/review/{item}").json()
        would = looked["if"]["same"]["after"]
        assert [each["size"] for each in would] == [2]
        assert typed(gateway, "decide", item, "same", "--because", "the records were compared") == "done\n"
        side = {name: looked["sides"][1][name] for name in ("org", "subject")}
        assert pathway(hub) == pathway(side) == would[0]["pathway"]
        assert gateway.settled()["pathways"] == MANY
        assert "decided same" in typed(gateway, "show", item)
        assert typed(gateway, "undo", item) == "done\n"
        assert gateway.settled()["pathways"] == MANY + 1
        assert run_command("verify", "--data", gateway.data).returncode == 0
        log = gateway.log.read_text()
        assert not any(hidden in log for hidden in (hub["subject"], people[3]["subject"], "link-3"))
        gateway.stop()
        assert "does not run: start it" in typed(gateway, "decide", item, "same", code=1)
