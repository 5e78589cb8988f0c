"""A low watermark for each topic: every record published before that instant has been applied. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

Partition = tuple[str, int]


class TopicWatermarks:
    """For each topic, up to when everything in it was applied."""

    def __init__(self) -> None:
        self._marks: dict[str, tuple[datetime, dict[Partition, int]]] = {}
        self._complete_until: dict[str, datetime] = {}

    def observe(self, observed_at: datetime, ends: Mapping[Partition, int], lag: Mapping[Partition, int]) -> None:
        """At this instant the broker's partitions ended here, and so many records of each were not applied.

        A topic is known up to the instant of a look whose ends have since been passed. While records keep coming, there
        is always a later look that waits.
        """
        by_topic: dict[str, dict[Partition, int]] = {}
        for partition, end in ends.items():
            by_topic.setdefault(partition[0], {})[partition] = end
        for topic, topic_ends in by_topic.items():
            since, marks = self._marks.setdefault(topic, (observed_at, topic_ends))
            if all(ends[p] - lag.get(p, 0) >= mark for p, mark in marks.items() if p in ends):
                is_caught_up = not any(lag.get(p, 0) for p in topic_ends)
                self._complete_until[topic] = observed_at if is_caught_up else since
                self._marks[topic] = (observed_at, topic_ends)

    @property
    def complete_until(self) -> Mapping[str, datetime]:
        """The watermark of each topic."""
        return self._complete_until
