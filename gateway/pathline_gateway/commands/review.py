"""`pathline-gateway review`: are these one person? What waits, its evidence, decisions and their undoing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import asyncpg
import orjson
from cyclopts import App, Parameter

from pathline_gateway.commands.actor import log_command
from pathline_gateway.commands.broker import open_ingest
from pathline_gateway.commands.output import exit_with_error
from pathline_gateway.commands.run_on_database import run_on_connection, run_on_pool
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.identity.evidence_publisher import EvidencePublisher
from pathline_gateway.review.case import CasePathway, CaseSide, DecisionPreview, ReviewCase, Verdict, build_case
from pathline_gateway.review.endpoints import Reason, State, load_page, render_case, render_list_item
from pathline_gateway.review.repository import EvidenceOnRef, ReviewListItem, count_waiting
from pathline_gateway.review.service import ReviewResult, ReviewService
from pathline_gateway.settings import Settings
from pathline_gateway.web.problem import Problem

app = App(name="review")

Data = Annotated[Path | None, Parameter(help="Directory of an embedded gateway; for decide and undo it must run.")]
_MAX_SHOWN = 12


@app.command(name="list")
def list_(
    *,
    reason: Reason | None = None,
    state: State = "waiting",
    after: int = 0,
    limit: int = 50,
    json: bool = False,
    data: Data = None,
) -> None:
    """Counts what waits by reason, and lists the first items; or the decisions that stand.

    Parameters
    ----------
    reason
        Only what waits for this reason.
    after
        Only what follows this number of an earlier list.
    json
        A JSON object a line instead of text.
    """

    async def work(connection: asyncpg.Connection) -> int:
        await log_command(connection, "review list", "review")
        items = await load_page(connection, state, reason, after, limit, unrestricted=_is_auth_disabled())
        if not json:
            waiting = await count_waiting(connection, unrestricted=_is_auth_disabled())
            print(", ".join(f"{n} {why}" for why, n in sorted(waiting.items())) or "nothing waits")
        for each in items:
            print(orjson.dumps({"nr": each.cursor, **render_list_item(each)}).decode() if json else _line(each))
        if not json and items and len(items) == limit:
            print(f"more may follow: --after {items[-1].cursor}")
        return 0

    run_on_connection(data, work)


@app.command
def show(item: UUID, *, json: bool = False, data: Data = None) -> None:
    """Shows both sides, the evidence, and what would merge or split.

    Parameters
    ----------
    json
        One JSON object instead of text.
    """

    async def work(connection: asyncpg.Connection) -> int:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            case = await build_case(connection, item, datetime.now(UTC), unrestricted=_is_auth_disabled())
        if case is None:
            exit_with_error("nothing waits under this id, and no decision names it")
        await log_command(connection, "review show", "review")
        print(orjson.dumps(render_case(case)).decode() if json else "\n".join(_render_case(case)))
        return 0

    run_on_connection(data, work)


@app.command
def decide(item: UUID, decision: Verdict, *, because: str | None = None, data: Data = None) -> None:
    """Decides that the two are one person (same) or two (different), whatever else is said. It can be undone.

    Parameters
    ----------
    because
        Why, for whoever looks at it again. It is kept: name nobody.
    """
    _run_review(data, "decide", lambda reviewing: reviewing.decide(item, decision, because))


@app.command
def undo(item: UUID, *, because: str | None = None, data: Data = None) -> None:
    """Takes back what was decided; other evidence then says again what it says.

    Parameters
    ----------
    because
        Why, for whoever looks at it again. It is kept: name nobody.
    """
    _run_review(data, "undo", lambda reviewing: reviewing.undo(item, because))


def _run_review(data: Path | None, verb: str, action: Callable[[ReviewService], Awaitable[ReviewResult]]) -> None:
    async def work(pool: asyncpg.Pool) -> int:
        async with open_ingest(data, pool) as ingest:
            async with pool.acquire() as connection:
                await log_command(connection, f"review {verb}", "review", "done")
            try:
                result = await action(
                    ReviewService(pool, EvidencePublisher(pool, ingest.write), unrestricted=_is_auth_disabled())
                )
            except Problem as problem:
                exit_with_error(problem.detail)
        message = "done" if result.is_bound else "written down; pathways follow it as soon as the gateway reads it"
        print(message if result.ids else "it was decided so before")
        return 0

    run_on_pool(data, work)


def _is_auth_disabled() -> bool:
    """Where auth is off, what is concealed is shown as well."""
    return Settings().dev_auth == "off"


def _line(each: ReviewListItem) -> str:
    reason = each.decision or each.reason or ""
    if each.decision and each.reason:
        reason += f" (not in force: {each.reason})"
    organisations = f"{each.a_org} and {each.b_org}"
    evidence = f"{each.kind}, {each.method or '–'}, by {each.asserter}"
    return f"{each.cursor}  {each.item}  {reason:<12} {organisations:<40} {evidence}"


def _render_case(case: ReviewCase) -> Iterator[str]:
    decision = case.decision
    if decision is not None:
        yield f"decided {'same' if decision.same else 'different'} at {decision.at:%Y-%m-%d %H:%M:%S}"
    elif case.subject.reason:
        yield f"waits: {case.subject.reason}, since {case.subject.since:%Y-%m-%d %H:%M:%S}"
    for each in case.shared_evidence:
        yield f"  {_describe_evidence(each)}"
    for side in case.sides:
        yield from _render_side(side)
    for verdict, outcome in case.previews.items():
        yield from _render_outcome(verdict, outcome)


def _render_side(side: CaseSide) -> Iterator[str]:
    weight = side.weight
    yield f"{side.ref.org} {side.ref.subject}, pathway {side.pathway}"
    yield (
        f"  {weight.interactions} interactions at {weight.organisations} organisations under {weight.refs} records; "
        f"{len(side.evidence) + side.hidden_count} further evidence"
    )
    for each in side.evidence[:_MAX_SHOWN]:
        yield f"  {_describe_evidence(each)}"


def _describe_evidence(each: EvidenceOnRef) -> str:
    status = "counts" if each.waits is None else f"waits: {each.waits}"
    rank = EvidenceRank(each.rank).name.lower()
    refs = f"{each.a_org} {each.a_subject}, {each.b_org} {each.b_subject}"
    description = f"{each.kind}: {refs}; {each.method or '–'}, {each.confidence:.2f}, by {each.asserter} ({rank})"
    details = [f"for {each.purpose}"] * (each.purpose is not None) + [f"hand-off {each.handoff}"] * bool(each.handoff)
    return "; ".join([description, *details, f"{each.asserted_at:%Y-%m-%d}", status])


def _render_outcome(verdict: str, outcome: DecisionPreview) -> Iterator[str]:
    if not outcome.is_binding:
        yield f"if {verdict}: it would not be in force, other decisions stand against it"
    if not outcome.changes_pathways:
        yield f"if {verdict}: nobody's pathway would change"
        return
    yield f"if {verdict}:"
    yield from (f"  now   {_describe_pathway(each)}" for each in outcome.before)
    yield from (f"  then  {_describe_pathway(each)}" for each in outcome.after)


def _describe_pathway(each: CasePathway) -> str:
    refs = ", ".join(f"{ref.org} {ref.subject}" for ref in each.refs[:_MAX_SHOWN])
    more = f" and {each.size - _MAX_SHOWN} more" if each.size > _MAX_SHOWN else ""
    return f"{each.id}: {refs}{more}"
