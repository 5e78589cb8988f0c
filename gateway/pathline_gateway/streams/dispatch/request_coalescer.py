"""Answers concurrent requests in one transaction; what comes meanwhile goes into the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class RequestCoalescer(Generic[Asked, Answer]):
    """Questions of one kind, of one process."""

    def __init__(self, answer: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer]]], gather_s: float = 0.0) -> None:
        """`answer` answers at least the first of what it is asked, in order; the others are asked again.

        `gather_s`: how long whatever else may be asked is waited for, where nobody is in a hurry.
        """
        self._answer, self._gather_s = answer, gather_s
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._work: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answer:
        """The answer. Raises what `answer` raises for this question by itself."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._work is None or self._work.done():
            # In a context of its own: it belongs to no request, and to no trace.
            self._work = asyncio.create_task(self._answer_all(), context=Context())
        return await future

    async def _answer_all(self) -> None:
        while self._waiting:
            if self._gather_s:
                await asyncio.sleep(self._gather_s)
            some = [(asked, future) for asked, future in self._waiting if not future.done()]
            self._waiting = []
            try:
                answered = await self._some(some)
            except Exception:
                # What is wrong with one question is no answer to the others.
                answered = len(some)
                for each in some:
                    await self._alone(each)
            self._waiting[:0] = some[answered:]

    async def _some(self, some: Sequence[tuple[Asked, asyncio.Future[Answer]]]) -> int:
        """How many were answered."""
        answers = await self._answer([asked for asked, _ in some]) if some else ()
        for (_, future), answer in zip(some, answers, strict=False):
            if not future.done():
                future.set_result(answer)
        return len(answers)

    async def _alone(self, one: tuple[Asked, asyncio.Future[Answer]]) -> None:
        try:
            if not one[1].done():
                await self._some([one])
        except Exception as failed:
            if not one[1].done():
                one[1].set_exception(failed)
