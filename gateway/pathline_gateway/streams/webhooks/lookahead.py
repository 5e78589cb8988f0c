"""Adaptive lookahead: how far a worker reads beyond the first event that is not done. Pure."""

from __future__ import annotations

from typing import Final

_SPARE: Final = 4
"""Events that are looked at beyond those that may be begun: some wait for their pathways."""


class Lookahead:
    """Near, as long as as many as may be are begun; else as far as may be."""

    def __init__(self, most: int) -> None:
        self._most, self._far, self._near = most, False, 0
        self.ahead = 0
        """How many events are looked at."""

    def look(self, begun: int, free: int) -> int:
        """How many to look at now: among so many are those begun or done, and so many more may be begun."""
        self._near = min(self._most, max(0, begun) + free + _SPARE)
        self.ahead = self._most if self._far else self._near
        return self.ahead

    def is_further(self, waits: int, *, has_room: bool) -> bool:
        """Whether to look again at once, further ahead: of so many that wait, those near wait for their pathways."""
        was, self._far = self._far, has_room and waits > self._near
        return self._far and not was
