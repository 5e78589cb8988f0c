"""Silence is said once, of what was waited for here, and its end once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.handoffs.due_times import LATER, OFFERED, at
from gateway.handoffs.histories import BEGIN, FROM, TO, event, histories
from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import compute_lifecycle
from pathline_gateway.handoffs.open_stages import OpenStages, open_stages_of
from pathline_gateway.handoffs.projection_row import ReceivedEvent, build_row
from pathline_gateway.handoffs.silence import find_ended_silences, find_silences
from pathline_gateway.kafka.watermark import TopicWatermarks

HOUR = timedelta(hours=1)
NONE = timedelta()


def kept(*events: HandoffEvent, received: datetime = BEGIN) -> OpenStages:
    return open_stages_of(
        build_row(compute_lifecycle(f"{FROM}:h", events), (), lambda _: ReceivedEvent(received, 7, None, None))
    )


def test_silence_is_said_once_the_due_instant_and_the_grace_have_passed() -> None:
    offer = kept(OFFERED)
    assert find_silences(offer, (), at(60), NONE) == []
    (accept,) = find_silences(offer, (), at(61), NONE)
    assert (accept.stage, accept.due_at, accept.sender, accept.receiver, accept.offer_ref) == (
        "accept",
        at(60),
        FROM,
        TO,
        7,
    )
    assert find_silences(offer, (), at(119), HOUR) == []
    assert [n.stage for n in find_silences(offer, (), at(121), HOUR)] == ["accept"]
    assert [n.stage for n in find_silences(offer, {("accept", at(60))}, LATER, HOUR)] == ["contact"]


def test_what_came_after_its_due_instant_was_never_waited_for_here() -> None:
    imported = kept(OFFERED, received=at(61))
    assert [n.stage for n in find_silences(imported, (), LATER, NONE)] == ["contact"]
    assert find_silences(kept(OFFERED, received=LATER), (), LATER, NONE) == []


def test_silence_is_over_when_it_is_answered_when_another_instant_holds_or_nothing_is_left() -> None:
    (said,) = find_silences(kept(OFFERED), (), at(61), NONE)
    assert find_ended_silences(kept(OFFERED), [said]) == []
    (over,) = find_ended_silences(kept(OFFERED, event("accepted", TO, 90, id="a")), [said])
    assert (over.kind, over.stage, over.due_at, over.answered_at) == ("answered", "accept", at(60), at(90))
    (gone,) = find_ended_silences(None, [said])
    assert (gone.kind, gone.answered_at) == ("answered", None)
    assert over.notice_id(b"secret") != said.notice_id(b"secret") != said.notice_id(b"another")
    assert said._replace(audience=FROM).notice_id(b"secret") not in {
        said.notice_id(b"secret"),
        over.notice_id(b"secret"),
    }


@given(histories(), st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)), st.booleans())
def test_silence_is_said_of_exactly_what_is_waited_for(
    events: list[HandoffEvent], until: datetime, early: bool
) -> None:
    received = datetime(2020 if early else 2040, 1, 1, tzinfo=UTC)
    told = kept(*events, received=received)
    said = find_silences(told, (), until, NONE)
    waited = [
        stage
        for stage in ("accept", "contact")
        if (due := told.due_at(stage)) and not told.answered_at(stage) and due < until
    ]
    assert [n.stage for n in said] == (waited if early else [])
    # Whatever was said is over exactly when it would not be said again.
    assert find_ended_silences(told, said) == []


def test_what_is_known_is_what_was_applied_at_a_look_whose_ends_were_passed() -> None:
    tide, topic = TopicWatermarks(), "pathline.in.door-1"
    tide.observe(at(0), {(topic, 0): 5, (topic, 1): 3}, {(topic, 0): 2})
    assert tide.complete_until == {}
    # Two more came, and the first five are applied: all that was there at the first look is known.
    tide.observe(at(1), {(topic, 0): 7, (topic, 1): 3}, {(topic, 0): 2})
    assert tide.complete_until == {topic: at(0)}
    tide.observe(at(2), {(topic, 0): 7, (topic, 1): 4}, {(topic, 0): 1})
    assert tide.complete_until == {topic: at(0)}
    tide.observe(at(3), {(topic, 0): 7, (topic, 1): 4}, {})
    assert tide.complete_until == {topic: at(3)}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=30))
def test_nothing_that_was_published_by_then_is_unknown(turns: list[tuple[int, int]]) -> None:
    tide, topic, end, applied = TopicWatermarks(), "pathline.in.door-1", 0, 0
    ends_at: dict[datetime, int] = {}
    for minute, (published, done) in enumerate(turns):
        end, applied = end + published, min(end + published, applied + done)
        ends_at[at(minute)] = end
        tide.observe(at(minute), {(topic, 0): end}, {(topic, 0): end - applied})
        if topic in tide.complete_until:
            assert ends_at[tide.complete_until[topic]] <= applied
    if turns and applied == end:
        assert tide.complete_until[topic] == at(len(turns) - 1)
