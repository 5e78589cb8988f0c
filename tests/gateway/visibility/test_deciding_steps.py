"""What is judged by ref and step, is what the whole pathway says of it; and costs no more where that is longer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given

from gateway.visibility.any_life import ORGS, any_life
from gateway.visibility.any_pathway import pathways as some_pathways
from pathline.interaction import interaction
from pathline.vocabulary import TYPES
from pathline_gateway.auth.reader import Reader
from pathline_gateway.pathways import part_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.step import Step
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache, subscription_reader
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.visibility.deciding_steps import is_deciding, referenced_events
from pathline_gateway.visibility.loading import load_context
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import PathwayContext, VisiblePathway, compute_offered, compute_visible
from pathline_gateway.visibility.redaction import event_names
from support.examples import examples
from support.gateways.routes import SECRET, GatewayRoutes
from support.generators.pathways import NOW, organisation, pathway, ref, step
from support.intake.history import TOKEN_SHA256, source, subject

READERS = (organisation("alpha"), organisation("alpha", None), organisation("gamma"), organisation("beta"))


def whole(of: Reader, known: PathwayContext) -> VisiblePathway | None:
    """The oracle: what is seen of the pathway."""
    return compute_visible(of, NOW, known) or compute_offered(of, known)


def shown(seen: VisiblePathway | None) -> set[tuple[str, str]]:
    return set() if seen is None else {(each.parsed.step.source, each.parsed.step.id) for each in seen.steps}


def by_step(of: Reader, known: PathwayContext, step: Step, needed: Callable[[Step], bool]) -> VisiblePathway | None:
    """What is seen where no other steps are known than this one and those that are needed."""
    return whole(of, replace(known, steps=[each for each in known.steps if each is step or needed(each)]))


def differs(known: PathwayContext, needed: Callable[[Step], bool] = is_deciding) -> bool:
    """Whether any reader would be told otherwise of any step."""
    for of in READERS:
        seen = whole(of, known)
        for one in known.steps:
            found, event = by_step(of, known, one, needed), (one.source, one.id)
            if (event in shown(found)) != (event in shown(seen)):
                return True
            if seen is None or found is None:
                if seen is not found:
                    return True
            elif (found.handoffs, found.is_concealed_access, found.anchors) != (
                seen.handoffs,
                seen.is_concealed_access,
                seen.anchors,
            ):
                return True
    return False


@examples(60, deadline=None)
@given(some_pathways())
def test_a_step_is_judged_by_what_decides_and_itself(known: PathwayContext) -> None:
    assert not differs(known)


@pytest.mark.parametrize("forgotten", ["handoff", "mandate"])
def test_what_is_forgotten_among_what_decides_is_missed(forgotten: str) -> None:
    agent = {"org": "citizen", "subject": subject(8)}
    given: dict[str, Any] = {"mandate": "m", "agent": agent, "services": [{"org": "alpha"}], "powers": ["see"]}
    offer: dict[str, Any] = {
        "handoff": "beta:1",
        "to": {"org": "alpha"},
        "token_sha256": TOKEN_SHA256,
        "context_released": True,
    }
    steps = [
        step("alpha", "a"),
        step("beta", "b"),
        step("beta", "c", "mandate.given", minute=1, **given),
        step("beta", "d", "mandate.withdrawn", minute=2, mandate="m"),
        step("beta", "e", "handoff.offered", **offer),  # what led there is shown, and no more
    ]
    known = pathway([ref("alpha"), ref("beta")], steps)
    assert not differs(known)
    assert differs(known, lambda each: is_deciding(each) and f".{forgotten}." not in each.type)


def subscription(org: str, purpose: str = "care") -> Subscription:
    return Subscription(UUID(int=0), org, False, "PULL", purpose, None, [], False, datetime.now(UTC), -1, 0)


async def fault(gateway: GatewayRoutes, only: Collection[str] = ORGS) -> str | None:
    """What is told otherwise of any step to any organisation than the whole pathway says."""
    async with gateway.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        rows = await connection.fetch(
            "select src.source, i.id, coalesce(m.pathway, s.anchor_id) as pathway from interaction i"
            " join source src on src.id = i.source join subject_ref s on s.id = i.ref"
            " left join membership m on m.ref = s.id and m.valid_until is null"
        )
        for org in only:
            as_whom, sight = subscription(org), VisibilityCache(connection, NOW)
            sight.expect(rows[::2])
            for row in rows:
                event = row["source"], row["id"]
                seen = await of_whole(connection, subscription_reader(as_whom), row["pathway"])
                look = await sight.view(as_whom, row["pathway"], event)
                if (look is None) != (seen is None):
                    return f"{org}: there is a pathway, or none"
                if look is None or seen is None:
                    continue
                if (event in look.visible_steps) != (event in shown(seen)) or look.visible_steps.keys() - shown(seen):
                    return f"{org}: {event}"
                if (look.visible_pathway.anchors, look.visible_pathway.handoffs) != (seen.anchors, seen.handoffs):
                    return f"{org}: another name of the pathway, or other hand-offs"
                key = ReaderKey(SECRET, subscription_reader(as_whom).name)
                told, every = event_names(key, look.visible_pathway), event_names(key, seen)
                if told.items() - every.items():
                    return f"{org}: called otherwise"
                if event in look.visible_steps:
                    named = {e for e in pathway_named(look.visible_steps[event].parsed.step) if e in every}
                    if named - told.keys():
                        return f"{org}: what {event} refers to is left out"
    return None


def pathway_named(step: Step) -> set[tuple[str, str]]:
    return set(referenced_events(step))


async def of_whole(connection: asyncpg.Connection, of: Reader, pathway: Any) -> VisiblePathway | None:
    members, stored = await pathway_repository.load_pathway(connection, pathway)
    assert isinstance(members, pathway_repository.PathwayMembers)
    return whole(of, await load_context(connection, of, members, stored))


@pytest.mark.parametrize("seed", range(6))
async def test_the_store_has_all_that_is_needed(gateway: GatewayRoutes, seed: int) -> None:
    await gateway.publish(*any_life(seed))
    await gateway.execute("update organisation set conceals = true where org = 'refuge'")
    await gateway.execute("insert into concealed_service (org, service, entered_by) values ('beta', 'quiet', 'tests')")
    assert await fault(gateway) is None


@pytest.mark.parametrize("planted", ["_ACCESS_DECIDING_STEPS"])
async def test_what_is_not_read_is_missed(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    for seed in range(12):
        await gateway.execute(
            "truncate interaction, event_identity, evidence, amendment, link_evidence, membership, change_log,"
            " subject_ref cascade"
        )
        await gateway.publish(*any_life(seed))
        with monkeypatch.context() as patched:
            broken = getattr(part_repository, planted).replace("any($1::bigint[])", "any($1::bigint[]) and false")
            broken = broken.replace("i.ref = r.ref", "i.ref = r.ref and false")
            assert broken != getattr(part_repository, planted)
            patched.setattr(part_repository, planted, broken)
            try:
                if await fault(gateway) is not None:
                    return
            except KeyError:
                return
    pytest.fail("not found")


async def test_a_name_that_is_spelled_with_escapes_is_found(gateway: GatewayRoutes) -> None:
    """JSON may write any letter as `\\u0061`; what is stored is what was sent."""
    payload = TYPES["org.pathline.mandate.given.v1"].model_validate(
        {
            "mandate": "m",
            "agent": {"org": "citizen", "subject": subject(8)},
            "services": [{"org": "beta"}],
            "powers": ["see"],
        }
    )
    made = interaction(payload, source=source("alpha"), subject=subject(1), time=NOW, id="spelled").event
    assert made.data is not None
    spelled = made.data.replace(b'"mandate"', b'"m\\u0061ndate"')
    assert spelled != made.data
    await gateway.deliver(replace(made, data=spelled))
    async with gateway.pool.acquire() as connection:
        assert b"\\u0061" in await connection.fetchval("select payload from interaction")
        birth = await connection.fetchval("select anchor_id from subject_ref where org = 'alpha'")
        members = await pathway_repository.load_members(connection, birth)
        assert isinstance(members, pathway_repository.PathwayMembers)
        assert [
            step.id for step in (await part_repository.load_access_deciding_steps(connection, members)).steps()
        ] == ["spelled"]
