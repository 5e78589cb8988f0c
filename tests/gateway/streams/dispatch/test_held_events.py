"""While a pathway cannot be computed nothing of it is told; afterwards all of it is, once, in order, numbered then.

Whoever dispatches which shards meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pathline.vocabulary.trust import ConsentGiven
from pathline_gateway.embedded import Machine
from pathline_gateway.set_aside import repository
from pathline_gateway.streams.dispatch import held_repository
from pathline_gateway.visibility import policy as visibility_policy
from support.examples import examples
from support.gateways.failing_loops import Injected
from support.gateways.routes import GatewayRoutes, routes_on, subscriber
from support.gateways.shards import LEADERS
from support.gateways.subscriptions import subscribe_by_pull
from support.intake.history import Event, linked, ref, step, subject

PEOPLE = range(3)
TURNS = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.sampled_from(["clinic", "housing"]), st.sampled_from(PEOPLE)),
        st.tuples(st.sampled_from(["break", "mend", "link"]), st.just("clinic"), st.sampled_from(PEOPLE)),
        st.tuples(st.just("hand out"), st.just(""), st.sampled_from(range(len(LEADERS)))),
        st.tuples(st.sampled_from(["read", "retry"]), st.just(""), st.just(0)),
    ),
    min_size=4,
    max_size=24,
)


def agreed(org: str, n: int) -> Event:
    """What this organisation holds of her may be shown to the reader."""
    said = {"consent": f"c-{n}", "holders": [org], "recipients": ["reader"], "nouns": ["activity"], "purpose": "care"}
    return Event(org, f"agreed-{org}-{n}", subject(n), ConsentGiven.model_validate(said))


@contextmanager
def breaking(subjects: set[str]) -> Iterator[None]:
    """What another organisation sees of a pathway cannot be computed where one of these is on it."""
    real: Any = visibility_policy._visible_to_organisation

    def raising(reader: Any, now: Any, known: Any, *more: Any) -> Any:
        if subjects & {each.subject for each in known.refs}:
            raise Injected
        return real(reader, now, known, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visibility_policy, "_visible_to_organisation", raising)
        yield


class Reader:
    """Reads on and on, as a client does, and keeps what it was told."""

    def __init__(self, gateway: GatewayRoutes, org: str, id: str) -> None:
        self.gateway, self.org, self.id = gateway, org, id
        self.after, self.told = "n0", list[dict[str, Any]]()

    async def read(self) -> None:
        answer = await self.gateway.request(
            subscriber(self.org), "GET", f"/v1/subscriptions/{self.id}/events", params={"after": self.after}
        )
        assert answer.status_code == 200, answer.text
        self.told += answer.json()["events"]
        self.after = answer.json()["next"]

    def ids(self) -> list[str]:
        return [each["data"]["activity"] for each in self.told if "withheld" not in each and "data" in each]


async def retried(gateway: GatewayRoutes) -> None:
    async with gateway.pool.acquire() as connection:
        await repository.make_due(connection)


@given(TURNS)
@examples(12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_everything_is_told_once_and_in_order_whatever_was_set_aside(machine: Machine, turns: list[Any]) -> None:
    async with routes_on(machine) as gateway:
        broken: set[str] = set()
        for n in PEOPLE:
            await gateway.publish(
                step("clinic", f"first-c{n}", n), step("housing", f"first-h{n}", n),
                step("reader", f"first-r{n}", n), agreed("clinic", n),
                linked(f"known-{n}", ref("clinic", n), ref("reader", n)),
            )  # fmt: skip
        await gateway.dispatch(everything=False)
        readers = [
            Reader(gateway, org, await subscribe_by_pull(gateway, subscriber(org), org))
            for org in ("reader", "clinic", "housing")
        ]
        sent: list[tuple[str, str, int]] = []
        with breaking(broken):
            for n, (turn, org, who) in enumerate(turns):
                match turn:
                    case "step":
                        sent.append((f"e{n}", org, who))
                        await gateway.publish(step(org, f"e{n}", who, minute=n, text=f"e{n}"))
                    case "break":
                        broken.add(subject(who))
                    case "mend":
                        broken.discard(subject(who))
                    case "link":
                        await gateway.publish(linked(f"l{n}", ref("clinic", who), ref("housing", who)))
                    case "hand out":
                        await gateway.dispatch(everything=False, leadership=LEADERS[who])
                    case "read":
                        for reader in readers:
                            await reader.read()
                    case "retry":
                        await retried(gateway)
            broken.clear()
            for leader in (*LEADERS[1:3], *LEADERS[1:3], *LEADERS):
                await retried(gateway)
                await gateway.dispatch(everything=False, leadership=leader)
                for reader in readers:
                    await reader.read()
        assert not await gateway.pool.fetchval("select count(*) from set_aside")
        for reader in readers:
            assert [each["number"] for each in reader.told] == list(range(1, len(reader.told) + 1))
            wanted = [
                (id, who) for id, org, who in sent if org == (reader.org if reader.org == "housing" else "clinic")
            ]
            told = [id for id in reader.ids() if id.startswith("e")]
            assert sorted(told) == sorted(id for id, _ in wanted)
            for person in PEOPLE:  # in order on each pathway, as it was
                hers = [id for id, who in wanted if who == person]
                assert [id for id in told if id in hers] == hers


async def test_a_pathway_is_at_fault_though_another_that_was_given_before_fails_as_well(machine: Machine) -> None:
    async with routes_on(machine) as gateway:
        for n in PEOPLE:
            await gateway.publish(
                step("clinic", f"c{n}", n), step("reader", f"r{n}", n), agreed("clinic", n),
                linked(f"known-{n}", ref("clinic", n), ref("reader", n)),
            )  # fmt: skip
        reader = Reader(gateway, "reader", await subscribe_by_pull(gateway, subscriber("reader"), "reader"))
        await gateway.publish(step("clinic", "given", 1, minute=1, text="given"))
        await gateway.dispatch(everything=False)
        with breaking({subject(1), subject(2)}):
            await gateway.publish(step("clinic", "held", 2, minute=1, text="held"))
            await gateway.dispatch(everything=False)
            assert await gateway.pool.fetchval("select count(*) from set_aside") == 1
            await gateway.publish(step("clinic", "next", 0, minute=1, text="next"))
            await gateway.dispatch(everything=False)
            await reader.read()
        assert reader.ids()[-1] == "next"
        assert "held" not in reader.ids()


async def test_nothing_of_a_closed_pathway_is_told_to_others(machine: Machine) -> None:
    async with routes_on(machine) as gateway:
        await gateway.publish(step("clinic", "c", 1, text="c"), step("housing", "h", 2, text="h"), agreed("clinic", 1))
        await gateway.publish(linked("l", ref("clinic", 1), ref("housing", 2)), step("reader", "r", 3, text="r"))
        await gateway.publish(linked("m", ref("clinic", 1), ref("reader", 3)))
        seen = await gateway.read(subscriber("reader"), "reader", subject(3), "care")
        assert {each["activity"] for each in seen["steps"]} == {"c", "r"}
        async with gateway.pool.acquire() as connection:
            pathway = await connection.fetchval("select pathway from membership limit 1")
            refs = await held_repository.refs_of(connection, pathway)
            await repository.put(connection, "membership", "evidence", {"said:0": Injected()}, {"said:0": refs})
        for org, n, own in (("reader", 3, "r"), ("clinic", 1, "c"), ("housing", 2, "h")):
            closed = await gateway.read(subscriber(org), org, subject(n), "care")
            assert [each["activity"] for each in closed["steps"]] == [own]
        found = await gateway.request(
            subscriber("reader"), "POST", "/v1/pathways/search", json={"org": "clinic", "subject": subject(1)}
        )
        assert found.status_code == 404
        async with gateway.pool.acquire() as connection:
            await repository.release(connection, "membership", ["said:0"])
        assert len((await gateway.read(subscriber("reader"), "reader", subject(3), "care"))["steps"]) == 2
