"""Steps that an earlier version stored are rendered, a few pages a turn, while the gateway answers from both forms."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import asyncpg

from pathline_gateway.background.supervisor import Loop
from pathline_gateway.log_cause import because
from pathline_gateway.pathways import kind_repository, upgrade_repository
from pathline_gateway.pathways.stored_form import is_access_deciding, open_payload, render_earlier
from pathline_gateway.pathways.upgrade_repository import EarlierStep, RenderedStep, UpgradeProgress
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.bisection import fold_with_bisection

WORK: Final = "stored-form"
_PAGES_A_TURN: Final = 32
"""Pages of Postgres that are rendered in one transaction: some hundred steps, a few milliseconds of the event loop."""
_IDLE_S: Final = 1.0
_TOLD_EVERY: Final = 0.1
"""The share of a partition after which its progress is logged again."""

_log = logging.getLogger(__name__)


class FormUpgrade:
    """One for each process: of several, one goes on with a partition at a time."""

    def __init__(self, pool: asyncpg.Pool, pages_a_turn: int = _PAGES_A_TURN) -> None:
        self._pool, self._pages = pool, pages_a_turn

    @property
    def loop(self) -> Loop:
        """As a background work."""
        return Loop(WORK, self.run_paced, _IDLE_S)

    async def run_paced(self) -> bool:
        """One turn, and as long a rest: who pulls and publishes has the other half of the machine."""
        began = time.monotonic()
        is_more = await self.run_once()
        if is_more:
            await asyncio.sleep(time.monotonic() - began)
        return is_more

    async def run_once(self) -> bool:
        """Whether there may be more: the next pages of a partition are rendered, and what was set aside and is due."""
        async with self._pool.acquire() as connection, connection.transaction():
            if due_keys := await set_aside.due(connection, WORK):
                await _render(connection, await upgrade_repository.load_by_key(connection, due_keys), due_keys)
            progress = await upgrade_repository.claim(connection)
            if progress is None:
                return bool(due_keys)
            if progress.next_page >= progress.pages:
                if await upgrade_repository.end_or_restart(connection, progress, WORK):
                    _log.info("stored form: %s is rendered", progress.partition, extra=because("upgrade"))
                return True
            steps = await upgrade_repository.load_pages(connection, progress, self._pages)
            rendered = await _render(connection, steps, [step.key for step in steps])
            await upgrade_repository.advance(connection, progress, self._pages, rendered)
        _log_progress(progress, self._pages)
        return True


async def _render(connection: asyncpg.Connection, steps: Sequence[EarlierStep], keys: Sequence[str]) -> int:
    """How many of these were rendered. What cannot be is set aside, and stays as it is; the rest is so no longer."""
    by_key = {step.key: step for step in steps}
    failures = await fold_with_bisection(
        connection, list(by_key), lambda chosen: _store(connection, [by_key[key] for key in chosen])
    )
    await set_aside.release(connection, WORK, [key for key in keys if key not in failures])
    await set_aside.put(connection, WORK, "interaction", failures)
    return len(by_key) - len(failures)


async def _store(connection: asyncpg.Connection, steps: Sequence[EarlierStep]) -> None:
    rendered_steps = []
    for step in steps:
        opened = open_payload(step.payload)
        kind, payload = render_earlier(step.source, step.type, opened)
        rendered_steps.append((step, kind, is_access_deciding(step.handoff, opened.data), payload))
    numbers = await kind_repository.kind_numbers(
        connection,
        {kind for _, kind, _, _ in rendered_steps},
        {step.source: step.source_number for step in steps},
        {step.type: step.type_number for step in steps},
    )
    by_partition: defaultdict[str, list[RenderedStep]] = defaultdict(list)
    for step, kind, deciding, payload in rendered_steps:
        by_partition[step.partition].append(RenderedStep(step.place, numbers[kind], deciding, payload))
    for partition, rows in by_partition.items():
        await upgrade_repository.store(connection, partition, rows)


def _log_progress(progress: UpgradeProgress, pages: int) -> None:
    before, now = (min(page / progress.pages, 1) for page in (progress.next_page, progress.next_page + pages))
    if int(before / _TOLD_EVERY) != int(now / _TOLD_EVERY):
        _log.info("stored form: %d %% of %s is rendered", now * 100, progress.partition, extra=because("upgrade"))
