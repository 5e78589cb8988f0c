"""A low watermark for each topic: every record published before that instant has been applied. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

Partition = tuple[str, int]


class TopicWatermarks:
    """For each topic, up to when everything in it was applied."""

    def __init__(self) -> None:
        self._marks: dict[str, tuple[datetime, dict[Partition, int]]] = {}
        self._known: dict[str, datetime] = {}

    def looked(self, at: datetime, ends: Mapping[Partition, int], lag: Mapping[Partition, int]) -> None:
        """At this instant the broker's partitions ended here, and so many records of each were not applied.

        A topic is known up to the instant of a look whose ends have since been passed; while records keep coming there
        is always a later look that waits.
        """
        by_topic: dict[str, dict[Partition, int]] = {}
        for partition, end in ends.items():
            by_topic.setdefault(partition[0], {})[partition] = end
        for topic, here in by_topic.items():
            since, marks = self._marks.setdefault(topic, (at, here))
            if all(ends[p] - lag.get(p, 0) >= mark for p, mark in marks.items() if p in ends):
                caught_up = not any(lag.get(p, 0) for p in here)
                self._known[topic] = at if caught_up else since
                self._marks[topic] = (at, here)

    @property
    def known(self) -> Mapping[str, datetime]:
        """By topic."""
        return self._known
