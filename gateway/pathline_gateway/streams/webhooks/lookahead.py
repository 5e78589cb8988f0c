"""Adaptive lookahead: how far a worker reads beyond the first event that is not done. Pure."""

from __future__ import annotations

from typing import Final

_SPARE: Final = 4
"""Events that are looked at beyond those that may be begun: some wait for their pathways."""


class Lookahead:
    """Near, as long as as many as may be are begun; else as far as may be."""

    def __init__(self, limit: int) -> None:
        self._limit, self._is_far, self._near = limit, False, 0
        self.window_size = 0
        """How many events are looked at."""

    def resize(self, in_progress: int, free_slots: int) -> int:
        """How many to look at now: among so many are those begun or done, and so many more may be begun."""
        self._near = min(self._limit, max(0, in_progress) + free_slots + _SPARE)
        self.window_size = self._limit if self._is_far else self._near
        return self.window_size

    def should_extend(self, backlog: int, *, has_room: bool) -> bool:
        """Whether to look again at once, further ahead: of so many that wait, those near wait for their pathways."""
        was_far, self._is_far = self._is_far, has_room and backlog > self._near
        return self._is_far and not was_far
