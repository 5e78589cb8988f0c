"""Questions that come while others are answered are answered together, and what is wrong with one is no other's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pathline_gateway.streams.dispatch.request_coalescer import RequestCoalescer


class Wrong(Exception):
    pass


class Answering:
    """Doubles what it is asked, at most so many at a time, and keeps what it was asked together."""

    def __init__(self, most: int = 100) -> None:
        self.most = most
        self.asked: list[list[int]] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, asked: Sequence[int]) -> Sequence[int]:
        self.asked.append(list(asked))
        await self.may_answer.wait()
        if any(each < 0 for each in asked):
            raise Wrong
        return [each * 2 for each in asked[: self.most]]


async def begun(together: RequestCoalescer[int, int], *asked: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(together.submit(each)) for each in asked]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_what_is_asked_meanwhile_is_asked_together_next() -> None:
    answering = Answering()
    together = RequestCoalescer(answering)
    first = await begun(together, 1)
    rest = await begun(together, 2, 3, 4)
    answering.may_answer.set()
    assert await asyncio.gather(*first, *rest) == [2, 4, 6, 8]
    assert answering.asked == [[1], [2, 3, 4]]
    assert await together.submit(5) == 10


async def test_what_there_is_no_room_for_is_asked_again_before_what_came_later() -> None:
    answering = Answering(most=2)
    together = RequestCoalescer(answering)
    tasks = await begun(together, 0) + await begun(together, 1, 2, 3)
    answering.may_answer.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6]
    assert answering.asked == [[0], [1, 2, 3], [3]]


async def test_what_is_wrong_with_one_question_is_raised_to_who_asked_it_alone() -> None:
    answering = Answering()
    together = RequestCoalescer(answering)
    tasks = await begun(together, 0) + await begun(together, 1, -1, 3)
    answering.may_answer.set()
    good = [*tasks[:2], tasks[3]]
    assert await asyncio.gather(*good) == [0, 2, 6]
    with pytest.raises(Wrong):
        await tasks[2]
    assert answering.asked == [[0], [1, -1, 3], [1], [-1], [3]]


async def test_who_goes_away_is_not_asked_for_and_stops_nobody() -> None:
    answering = Answering()
    together = RequestCoalescer(answering)
    first, gone, stays = await begun(together, 0) + await begun(together, 1, 2)
    gone.cancel()
    first.cancel()
    await asyncio.sleep(0)
    answering.may_answer.set()
    assert await stays == 4
    assert answering.asked == [[0], [2]]
