"""Whether a log is still the one that Postgres stands in."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.kafka.log_identity import LogContinues, LogExpired, LogReplaced, PartitionView, classify_log
from pathline_gateway.kafka.offset_repository import Position


@dataclass(frozen=True)
class ALog:
    """A log as a broker keeps it: which it is, its first offset, and the offset after its last."""

    name: str
    start: int
    end: int

    def digest(self, offset: int) -> bytes | None:
        return f"{self.name} {offset}".encode() if self.start <= offset < self.end else None

    def shown(self, position: int) -> PartitionView:
        return PartitionView(self.start, self.end, self.digest(position - 1))


LOGS = st.builds(
    lambda name, start, length: ALog(name, start, start + length),
    st.just("a log"),
    st.integers(0, 30),
    st.integers(0, 30),
)


def _stood_in(log: ALog, at: int) -> Position:
    return Position(at, f"{log.name} {at - 1}".encode() if at else None)


@given(LOGS, st.data())
def test_a_log_that_only_grew_continues_where_we_stand(log: ALog, data: st.DataObject) -> None:
    at = data.draw(st.integers(log.start, log.end))
    assert classify_log(_stood_in(log, at), log.shown(at)) == LogContinues(at)


@given(LOGS, st.integers(1, 30))
def test_records_that_expired_unread_are_told_apart_from_another_log(log: ALog, behind: int) -> None:
    at = log.start - behind
    if at >= 0:
        assert classify_log(_stood_in(log, at), log.shown(at)) == LogExpired(at, log.start)


@given(LOGS, st.integers(1, 60))
def test_another_log_under_the_same_name_is_replaced_however_far_it_has_come(log: ALog, at: int) -> None:
    ours = ALog("an earlier log", 0, at)
    standing = classify_log(_stood_in(ours, at), log.shown(at))
    # A new log whose first record lies at or beyond our position shows nothing to compare: it looks expired.
    assert isinstance(standing, LogReplaced if log.start < at else LogExpired | LogContinues)


@given(st.integers(1, 30), st.integers(0, 29))
def test_an_end_that_is_too_small_deceives_nobody_while_the_record_is_there(at: int, shown_end: int) -> None:
    log = ALog("a log", 0, at)
    assert classify_log(_stood_in(log, at), PartitionView(0, min(shown_end, at), log.digest(at - 1))) == LogContinues(
        at
    )
