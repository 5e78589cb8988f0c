"""What cannot be computed for a reader is answered as a closed pathway is, before anything is set aside."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from pathline.vocabulary import TYPES
from pathline_gateway.auth.caller import Caller
from pathline_gateway.pathways import assembly
from pathline_gateway.pull import visible_page_loading
from pathline_gateway.set_aside import repository
from pathline_gateway.streams.dispatch import held_repository
from pathline_gateway.visibility import consent_repository, loading, policy, policy_inputs
from support.gateways.failing_loops import Injected
from support.gateways.routes import OPERATOR, GatewayRoutes, citizen, helper, purpose_headers, subscriber
from support.intake.history import Event, linked, ref, step, subject

READERS: dict[str, tuple[Caller, str, int]] = {
    "another organisation": (subscriber("reader"), "reader", 3),
    "the holder": (subscriber("clinic"), "clinic", 1),
    "the person": (citizen(subject(7)), "citizen", 7),
    "a helper": (helper(subject(8)), "registry", 9),
    "an operator": (OPERATOR, "clinic", 1),
}


def _event(org: str, id: str, n: int, name: str, **said: Any) -> Event:
    return Event(org, id, subject(n), TYPES[f"org.pathline.{name}.v1"].model_validate(said))


async def _publish_her(gateway: GatewayRoutes) -> None:
    shown = {"consent": "c", "holders": ["clinic"], "recipients": ["reader"], "nouns": ["activity"], "purpose": "care"}
    await gateway.publish(
        step("clinic", "c", 1, text="c"), step("reader", "r", 3, text="r"), step("citizen", "p", 7, text="p")
    )
    await gateway.publish(step("clinic", "c2", 1, minute=2, text="c2"), step("reader", "r2", 3, minute=3, text="r2"))
    await gateway.publish(_event("clinic", "consent", 1, "consent.given", **shown))
    others = [("reader", 3), ("citizen", 7)]
    await gateway.publish(*(linked(f"l-{n}", ref("clinic", 1), ref(org, n)) for org, n in others))


async def _answers(gateway: GatewayRoutes) -> dict[str, tuple[int, str | None, Any]]:
    """What each reader is answered to a search, a pull, a pull of a trace, and to whom it was shown."""
    answers: dict[str, tuple[int, str | None, Any]] = {}
    for name, (caller, org, n) in READERS.items():
        asked = {"org": org, "subject": subject(n)}
        found = await gateway.request(caller, "POST", "/v1/pathways/search", json=asked)
        answers[f"{name} searches"] = (found.status_code, None, found.json())
        known = found.json().get("pathway", "00000000-0000-7000-8000-000000000000")
        for part in ("", "/trace"):
            answer = await gateway.request(
                caller, "GET", f"/v1/pathways/{known}{part}", headers=purpose_headers("care")
            )
            answers[f"{name} reads {part}"] = (answer.status_code, answer.headers.get("etag"), answer.json())
    return answers


def _raises_where_others_stand(*_: Any, **__: Any) -> Any:
    raise Injected


def _of_others(real: Callable[..., Any]) -> Callable[..., Any]:
    """Fails where steps of more than one organisation are put together."""

    def assemble(steps: Any, amendments: Any) -> Any:
        steps = list(steps)
        if len({each.org for each in steps}) > 1:
            raise Injected
        return real(steps, amendments)

    return assemble


async def _failing_statement(connection: asyncpg.Connection, *_: Any) -> Any:
    """Postgres aborts the transaction for what is stored."""
    return await connection.fetch("select 'no number'::text::int")


def _break_decision(patch: pytest.MonkeyPatch) -> None:
    for name in ("_visible_to_organisation", "_visible_to_operator", "_visible_to_person"):
        patch.setattr(policy, name, _raises_where_others_stand)


def _break_assembly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(loading, "assemble", _of_others(assembly.assemble))
    patch.setattr(policy_inputs, "assemble", _of_others(assembly.assemble))


def _break_statement(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(consent_repository, "load_consent_events", _failing_statement)
    _break_assembly(patch)


def _break_windows(patch: pytest.MonkeyPatch) -> None:
    """The same, of a pathway that is too long to be read whole."""
    patch.setattr(visible_page_loading, "MAX_STEPS", 2)
    _break_decision(patch)


@pytest.fixture
async def known(gateway: GatewayRoutes) -> GatewayRoutes:
    await _publish_her(gateway)
    return gateway


@pytest.mark.parametrize("broken", [_break_decision, _break_assembly, _break_statement, _break_windows])
async def test_a_read_that_fails_is_answered_as_a_closed_pathway(
    known: GatewayRoutes, broken: Callable[[pytest.MonkeyPatch], None]
) -> None:
    before = await _answers(known)
    async with known.pool.acquire() as connection:
        pathway = await connection.fetchval("select pathway from membership limit 1")
        refs = await held_repository.refs_of(connection, pathway)
        await repository.put(connection, "membership", "evidence", {"said:0": Injected()}, {"said:0": refs})
        closed = await _answers(known)
        with pytest.MonkeyPatch.context() as patch:
            broken(patch)
            assert await _answers(known) == closed
            await repository.release(connection, "membership", ["said:0"])
            assert await _answers(known) == closed
    assert await _answers(known) == before != closed
    own_steps = {name: answer[2] for name, answer in closed.items() if name.endswith("reads ")}
    seen = {name: [step["activity"] for step in body.get("steps", ())] for name, body in own_steps.items()}
    assert seen == {
        "another organisation reads ": ["r", "r2"],
        "the holder reads ": ["c", "c2"],
        "the person reads ": ["p"],
        "a helper reads ": [],
        "an operator reads ": [],
    }
    assert [step["activity"] for step in before["another organisation reads "][2]["steps"]] == ["c", "r", "c2", "r2"]
    assert closed["an operator searches"][0] == 409


async def test_what_fails_for_others_is_logged_once_and_the_access_log_has_what_was_shown(
    known: GatewayRoutes, caplog: pytest.LogCaptureFixture
) -> None:
    person = READERS["the person"][0]
    name = await known.find(person, "citizen", subject(7))
    logged = await known.pool.fetchval("select count(*) from access")
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.ERROR):
        _break_decision(patch)
        answer = await known.request(person, "GET", f"/v1/pathways/{name}")
        assert (answer.status_code, [each["id"] for each in answer.json()["steps"]]) == (200, ["p"])
        assert [each.getMessage() for each in caplog.records] == ["a pathway cannot be computed: Injected"]
        assert await known.pool.fetchval("select count(*) from access") == logged + 1
        usage = await known.request(person, "GET", "/v1/access")
    assert usage.status_code == 200, usage.text
    assert [each["action"] for each in usage.json()["findUsage"]][:1] == ["pathway"]


async def test_what_cannot_be_computed_of_her_own_steps_either_is_a_conflict(known: GatewayRoutes) -> None:
    caller, org, n = READERS["another organisation"]
    name = await known.find(caller, org, subject(n))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "parse_step", _raises_where_others_stand)
        answer = await known.request(caller, "GET", f"/v1/pathways/{name}", headers=purpose_headers("care"))
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "pathway-set-aside")
