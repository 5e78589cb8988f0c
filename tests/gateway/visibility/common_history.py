"""What all histories have in common, and names of pathways that do not depend on what is hidden."""

from __future__ import annotations

from collections.abc import Sequence

from support.gateways.routes import GatewayRoutes
from support.intake.history import Event, linked, ref, step
from support.intake.life import make_event

COMMON: Sequence[Event] = (
    step("alpha", "a1", 1, 1),
    step("alpha", "a2", 1, 7),
    step("alpha", "a3", 2, 3),
    step("beta", "b1", 1, 2),
    step("citizen", "m1", 9, 4),
    linked("l1", ref("alpha", 1), ref("beta", 1)),
    linked("l2", ref("alpha", 1), ref("citizen", 9)),
    make_event(
        "citizen", "k1", "consent.given", 9, 5,
        consent="c1", holders=["beta"], recipients=["alpha"], nouns=["activity"], purpose="care",
    ),
    make_event(
        "citizen", "md1", "mandate.given", 9, 6,
        mandate="m", agent=ref("citizen", 3), services=[{"org": "alpha"}], powers=["see"],
    ),
)  # fmt: skip


_PATHWAYS_NAMED = """
update membership m set pathway = md5(s.org || s.subject)::uuid from subject_ref s where s.anchor_id = m.pathway
"""


_BIRTHS_NAMED = "update subject_ref set anchor_id = md5(org || subject)::uuid"


async def name_pathways_by_subject(gateway: GatewayRoutes) -> None:
    async with gateway.pool.acquire() as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(_PATHWAYS_NAMED)
        await connection.execute(_BIRTHS_NAMED)
