"""Answers concurrent requests in one transaction; what comes meanwhile goes into the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class RequestCoalescer(Generic[Request, Answer]):
    """Questions of one kind, of one process."""

    def __init__(
        self, answer: Callable[[Sequence[Request]], Awaitable[Sequence[Answer]]], gather_s: float = 0.0
    ) -> None:
        """`answer` answers at least the first of what it is asked, in order; the others are asked again.

        `gather_s`: how long whatever else may be asked is waited for, where nobody is in a hurry.
        """
        self._answer, self._gather_s = answer, gather_s
        self._pending: list[tuple[Request, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, request: Request) -> Answer:
        """The answer. Raises what `answer` raises for this question by itself."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending.append((request, future))
        if self._task is None or self._task.done():
            # In a context of its own: it belongs to no request, and to no trace.
            self._task = asyncio.create_task(self._run(), context=Context())
        return await future

    async def _run(self) -> None:
        while self._pending:
            if self._gather_s:
                await asyncio.sleep(self._gather_s)
            batch = [(request, future) for request, future in self._pending if not future.done()]
            self._pending = []
            try:
                answered_count = await self._answer_batch(batch)
            except Exception:
                # What is wrong with one question is no answer to the others.
                answered_count = len(batch)
                for each in batch:
                    await self._answer_single(each)
            self._pending[:0] = batch[answered_count:]

    async def _answer_batch(self, batch: Sequence[tuple[Request, asyncio.Future[Answer]]]) -> int:
        """How many were answered."""
        answers = await self._answer([request for request, _ in batch]) if batch else ()
        for (_, future), answer in zip(batch, answers, strict=False):
            if not future.done():
                future.set_result(answer)
        return len(answers)

    async def _answer_single(self, pending: tuple[Request, asyncio.Future[Answer]]) -> None:
        try:
            if not pending[1].done():
                await self._answer_batch([pending])
        except Exception as error:
            if not pending[1].done():
                pending[1].set_exception(error)
