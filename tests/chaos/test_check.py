"""The checker of the chaos suite sees what is missing, doubled, elsewhere or miscounted."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from chaos.check import faults
from chaos.publisher import History
from pathline import interaction
from pathline.codec import kafka
from pathline.vocabulary import ContactMade
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import ApplyTarget, apply_batch
from pathline_gateway.intake.record_parser import parse_record
from support.intake import stored
from support.intake.deliveries import DOOR, ConsumedRecord, subject
from support.postgres.databases import Databases

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SOURCE = "urn:pathline:clinic:desk"


async def applied(connection: asyncpg.Connection) -> History:
    """Three steps and a bad record, all acknowledged and all in Postgres."""
    history, records = History(), []
    for n in range(3):
        subj = subject("clinic", 0)
        made = interaction(ContactMade(kind="enquiry"), source=SOURCE, id=str(n), subject=subj, time=AT)
        records.append(ConsumedRecord(*DOOR, n, *kafka.encode(made.event)))
        history.steps[SOURCE, str(n)] = ("clinic", subj, (AT, SOURCE, False, "", str(n)))
        history.acknowledged.add((SOURCE, str(n)))
    records.append(ConsumedRecord(*DOOR, 3, [], b"?"))
    history.bad.add((*DOOR, 3))
    epoch = await stored.empty(connection)
    await apply_batch(
        connection, ApplyTarget("g", True), Batch({DOOR: [parse_record(r) for r in records]}, {DOOR: 0}, {DOOR: epoch})
    )
    return history


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("select 1", ""),
        ("delete from interaction where id = '1'", "1 acknowledged events missing"),
        ("insert into interaction select * from interaction where id = '1'", "1 events twice"),
        ("delete from parked", "1 acknowledged bad records not parked"),
        ("update parked set reason = 'unstorable'", "1 records parked for another reason"),
        ('update parked set "offset" = 1', "1 good records parked"),
        ("update row_counters set value = value + 2 where name = 'interactions'", "2 off in the total of interactions"),
        ("update row_counters set value = value - 1 where name = 'stepped'", "1 off in the total of stepped"),
        ("delete from change_log", "3 interactions that the change log does not tell of"),
        ("update interaction set time = time + interval '1 s' where id = '0'", "1 pathways with other steps"),
        ("insert into log_epoch (cluster_id, reason) values ('', '')", "1 logs that were taken for another"),
    ],
)
async def test_the_checker_names_what_is_wrong(postgres: Databases, harm: str, says: str) -> None:
    connection = await asyncpg.connect(postgres.dsn)
    try:
        history = await applied(connection)
        await connection.execute(harm)
        found = await faults(postgres.dsn, history)
        assert any(each.startswith(says) for each in found) if says else found == []
    finally:
        await connection.close()
