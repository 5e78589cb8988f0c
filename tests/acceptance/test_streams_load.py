"""Many listen and many are posted to, some of them slow and some dead: each has what the oracle says, and no gap."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from bench.streams_judged import fault, in_order
from bench.streams_load import Load, Receiver
from bench.streams_run import Subscribed, run


@pytest.mark.bench
@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("auth", [False, True], ids=["auth-off", "auth-on"])
async def test_everybody_has_what_the_oracle_says(tmp_path: Path, auth: bool) -> None:
    load = Load(listeners=50, sinks=10, rate=200, orgs=5 if auth else 1)
    found = await run(load, 5, tmp_path, auth=auth, broker="tansu")
    assert found["wrong"] == []
    assert found["sse_received"] == 2_000
    assert found["webhook_received"] == 400
    assert found["held_back_for_dead_sinks"] == 50


LOAD = Load(listeners=4, sinks=0, rate=1)
HAS = [[0, 0, 1, 0.0], [0, 2, 2, 0.0], [0, 4, 3, 0.0]]


@pytest.mark.parametrize(
    ("had", "because"),
    [
        (HAS, None),
        ([*HAS, HAS[1]], None),
        (HAS[:2], "lacks 1 of 3, and has 0 of others"),
        ([*HAS, [0, 1, 4, 0.0]], "lacks 0 of 3, and has 1 of others"),
        ([*HAS[:2], [0, 4, 4, 0.0]], "has a gap in its numbers"),
        ([HAS[1], HAS[0], HAS[2]], "has events in the wrong order"),
    ],
)
def test_the_oracle_finds_what_is_lost_foreign_missing_or_disordered(
    had: list[list[float]], because: str | None
) -> None:
    receiver = LOAD.receivers()[0]
    assert list(receiver.expected(6)) == [0, 2, 4]
    assert fault(Subscribed(receiver, str(UUID(int=1)), "healthy"), had, None, 6) == because


def test_a_sinks_order_is_that_of_each_pathway_alone() -> None:
    disordered = [[0, 1_999, 2, 0.0], [0, 0, 1, 0.0]]
    assert not in_order(disordered, "HTTP")
    assert in_order([[0, 1, 2, 0.0], [0, 0, 1, 0.0]], "HTTP")


@pytest.mark.parametrize(
    ("status", "because"),
    [
        ({"given": 3, "waiting": 3, "failures": 0}, None),
        ({"given": 3, "waiting": 2, "failures": 0}, "2 of 3 are kept, 0 came"),
        ({"given": 2, "waiting": 2, "failures": 0}, "was given 2 of 3"),
    ],
)
def test_what_a_dead_sink_has_not_taken_must_wait_for_it(status: dict[str, int], because: str | None) -> None:
    dead = Subscribed(Receiver("HTTP", "org", "service", 1, 2), str(UUID(int=1)), "dead")
    assert fault(dead, [], status, 6) == because
