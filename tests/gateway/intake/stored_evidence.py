"""Evidence in large amounts: stored as intake stores it, and what is bound of it held against one pass over all."""

from __future__ import annotations

from pathline_gateway.intake.batch_transaction import ApplyTarget
from pathline_gateway.integrity.verify.membership_recompute import recompute_membership
from pathline_gateway.limits.table import Limits
from support.gateways.routes import GatewayRoutes
from support.intake.history import GROUP, Event

ORGS = ("registry", "clinic", "housing", "chainer")


async def register_strictly(gateway: GatewayRoutes, **limits: int) -> None:
    """Auth is on, and organisations are on the register."""
    gateway.partition.into = ApplyTarget(GROUP, register_unknown=False, limits=Limits(**limits))
    for org in ORGS:
        await gateway.execute(
            "insert into organisation (org, registered_by) values ($1, 'operator') on conflict do nothing", org
        )


async def store_events(gateway: GatewayRoutes, events: list[Event]) -> None:
    for begin in range(0, len(events), 500):
        async with gateway.pool.acquire() as connection:
            await gateway.partition.apply(connection, *events[begin : begin + 500])


async def find_pathway_of(gateway: GatewayRoutes, org: str) -> object:
    return await gateway.pool.fetchval(
        """
        select coalesce(m.pathway, s.anchor_id) from subject_ref s
        left join membership m on m.ref = s.id and m.valid_until is null where s.org = $1
        """,
        org,
    )


async def check_bound_evidence(gateway: GatewayRoutes) -> None:
    """What is bound, and what waits, is what one pass over all evidence says."""
    async with gateway.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        right = await recompute_membership(connection)
        pathways = {row["ref"]: row["pathway"] for row in await connection.fetch(
            "select ref, pathway from membership where valid_until is null")}  # fmt: skip
        waits = {
            tuple(row) for row in await connection.fetch("select source, id, ref_a, ref_b, reason from review_item")
        }
    assert pathways == right.pathway_by_ref
    assert waits == {tuple(row) for row in right.review_rows}
