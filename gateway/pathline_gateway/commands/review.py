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
from pathline_gateway.commands.broker import door
from pathline_gateway.commands.database import end, on_database, on_pool
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.identity.evidence_publisher import OwnEvidence
from pathline_gateway.review.case import CasePathway, CaseSide, DecisionPreview, ReviewCase, Verdict, dossier
from pathline_gateway.review.endpoints import Reason, State, brief, page, served
from pathline_gateway.review.repository import EvidenceOnRef, ReviewListItem, counts
from pathline_gateway.review.service import ReviewResult, ReviewService
from pathline_gateway.settings import Settings
from pathline_gateway.web.problem import Problem

app = App(name="review")

Data = Annotated[Path | None, Parameter(help="Directory of an embedded gateway; for decide and undo it must run.")]
_SHOWN = 12


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
        found = await page(connection, state, reason, after, limit, everything=_everything())
        if not json:
            waiting = await counts(connection, everything=_everything())
            print(", ".join(f"{n} {why}" for why, n in sorted(waiting.items())) or "nothing waits")
        for each in found:
            print(orjson.dumps({"nr": each.nr, **brief(each)}).decode() if json else _line(each))
        if not json and found and len(found) == limit:
            print(f"more may follow: --after {found[-1].nr}")
        return 0

    on_database(data, work)


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
            found = await dossier(connection, item, datetime.now(UTC), everything=_everything())
        if found is None:
            end("nothing waits under this id, and no decision names it")
        await log_command(connection, "review show", "review")
        print(orjson.dumps(served(found)).decode() if json else "\n".join(_shown(found)))
        return 0

    on_database(data, work)


@app.command
def decide(item: UUID, decision: Verdict, *, because: str | None = None, data: Data = None) -> None:
    """Decides that the two are one person (same) or two (different), whatever else is said. It can be undone.

    Parameters
    ----------
    because
        Why, for whoever looks at it again. It is kept: name nobody.
    """
    _reviewed(data, "decide", lambda reviewing: reviewing.decide(item, decision, because))


@app.command
def undo(item: UUID, *, because: str | None = None, data: Data = None) -> None:
    """Takes back what was decided; other evidence then says again what it says.

    Parameters
    ----------
    because
        Why, for whoever looks at it again. It is kept: name nobody.
    """
    _reviewed(data, "undo", lambda reviewing: reviewing.undo(item, because))


def _reviewed(data: Path | None, verb: str, what: Callable[[ReviewService], Awaitable[ReviewResult]]) -> None:
    async def work(pool: asyncpg.Pool) -> int:
        async with door(data, pool) as writing:
            async with pool.acquire() as connection:
                await log_command(connection, f"review {verb}", "review", "done")
            try:
                done = await what(ReviewService(pool, OwnEvidence(pool, writing.write), everything=_everything()))
            except Problem as problem:
                end(problem.detail)
        said = "done" if done.bound else "written down; pathways follow it as soon as the gateway reads it"
        print(said if done.ids else "it was decided so before")
        return 0

    on_pool(data, work)


def _everything() -> bool:
    """Where auth is off, what is concealed is shown as well."""
    return Settings().dev_auth == "off"


def _line(each: ReviewListItem) -> str:
    why = each.decision or each.reason or ""
    if each.decision and each.reason:
        why += f" (not in force: {each.reason})"
    between = f"{each.a_org} and {each.b_org}"
    return f"{each.nr}  {each.item}  {why:<12} {between:<40} {each.kind}, {each.method or '–'}, by {each.asserter}"


def _shown(found: ReviewCase) -> Iterator[str]:
    decided = found.decision
    if decided is not None:
        yield f"decided {'same' if decided.same else 'different'} at {decided.at:%Y-%m-%d %H:%M:%S}"
    elif found.named.reason:
        yield f"waits: {found.named.reason}, since {found.named.since:%Y-%m-%d %H:%M:%S}"
    for each in found.between:
        yield f"  {_evidence(each)}"
    for side in found.sides:
        yield from _side(side)
    for verdict, outcome in found.outcomes.items():
        yield from _outcome(verdict, outcome)


def _side(side: CaseSide) -> Iterator[str]:
    weight = side.weight
    yield f"{side.ref.org} {side.ref.subject}, pathway {side.pathway}"
    yield (
        f"  {weight.interactions} interactions at {weight.organisations} organisations under {weight.refs} records; "
        f"{len(side.said) + side.more} further evidence"
    )
    for each in side.said[:_SHOWN]:
        yield f"  {_evidence(each)}"


def _evidence(each: EvidenceOnRef) -> str:
    counts = "counts" if each.waits is None else f"waits: {each.waits}"
    right = EvidenceRank(each.standing).name.lower()
    both = f"{each.a_org} {each.a_subject}, {each.b_org} {each.b_subject}"
    said = f"{each.kind}: {both}; {each.method or '–'}, {each.confidence:.2f}, by {each.asserter} ({right})"
    more = [f"for {each.purpose}"] * (each.purpose is not None) + [f"hand-off {each.handoff}"] * bool(each.handoff)
    return "; ".join([said, *more, f"{each.asserted_at:%Y-%m-%d}", counts])


def _outcome(verdict: str, outcome: DecisionPreview) -> Iterator[str]:
    if not outcome.binds:
        yield f"if {verdict}: it would not be in force, other decisions stand against it"
    if not outcome.changes:
        yield f"if {verdict}: nobody's pathway would change"
        return
    yield f"if {verdict}:"
    yield from (f"  now   {_pathway(each)}" for each in outcome.before)
    yield from (f"  then  {_pathway(each)}" for each in outcome.after)


def _pathway(each: CasePathway) -> str:
    refs = ", ".join(f"{ref.org} {ref.subject}" for ref in each.refs[:_SHOWN])
    more = f" and {each.size - _SHOWN} more" if each.size > _SHOWN else ""
    return f"{each.id}: {refs}{more}"
