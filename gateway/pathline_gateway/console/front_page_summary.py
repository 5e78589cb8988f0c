"""The state of everything in one sentence, and what to do about each fault."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from pathline import instant
from pathline_gateway.background.works import WORKS
from pathline_gateway.dependency_health.monitor import Component, ComponentOutage
from pathline_gateway.status.flow_repository import FailingSinks, ParkedLately
from pathline_gateway.web.formatting import format_instant, organisation_name

Kind = Literal["well", "busy", "look"]

_LAG_THRESHOLD: Final = 1_000
"""Events of lag from which on it is worth a look."""
_OUTAGE_ADVICE: Final[Mapping[Component, str]] = {
    "Postgres": "Look at its process, its disk and its log. Nothing acknowledged is lost; all goes on by itself.",
    "The broker": "Look at its process and its log. Nothing is read or accepted meanwhile; all goes on by itself.",
}
SILENT_UNANSWERED: Final = "silent: nobody answered in time"
SILENT_UNMET: Final = "unmet: taken on, and nobody met the person in time"
_SET_ASIDE: Final = "/console/set-aside"
_MAX_NAMED: Final = 3
"""Publishers that are named; the page that a thing leads to names all."""


class SystemFacts(NamedTuple):
    """The numbers from which the front page is judged."""

    ready: bool
    """Intake has partitions."""
    status: Mapping[str, Any]
    """The body of `GET /v1/status`."""
    silent_count: int
    """Hand-offs that are silent."""
    parked_lately: Sequence[ParkedLately] = ()
    """In the last hour."""
    failing_sinks: Sequence[FailingSinks] = ()
    dead_letter_count: int = 0
    review_count: int = 0
    """Items of evidence that wait for a reviewer."""
    unanswered_count: int | None = None
    """Of the silent hand-offs, those that nobody answered; in the others nobody met the person. None: all."""


class Alert(NamedTuple):
    """One thing that is wrong, what to do, and where."""

    kind: Kind
    what: str
    advice: str
    href: str
    link_text: str
    """The words of the link."""


class TopicLag(NamedTuple):
    """How far one topic is behind."""

    topic: str
    owner: str
    partitions: int
    lag: int


def summarize_state(facts: SystemFacts, faults: Sequence[Alert]) -> tuple[Kind, str]:
    """A word for the kind, and the sentence: what is wrong first, and how much else."""
    if faults:
        first, other_count = faults[0], len(faults) - 1
        prefix = "" if first.href in ("#lag", "/readyz", _SET_ASIDE) else "Everything flows. "
        suffix = (
            ""
            if not other_count
            else f" And {other_count} more {'thing' if other_count == 1 else 'things'} to look at, below."
        )
        return first.kind, f"{prefix}{first.what}{suffix}"
    if not facts.status["interactions"]:
        return "well", "Ready, and nothing was published yet: see the README for the first event in ten lines."
    return "well", "Everything flows, and nothing waits."


def find_faults(facts: SystemFacts) -> list[Alert]:
    """Each thing that is wrong, the worst first."""
    return [
        *_intake_faults(facts),
        *_failing_work_faults(facts),
        *_handoff_faults(facts),
        *_parked_faults(facts),
        *_sink_faults(facts),
        *_review_faults(facts),
    ]


def outage_faults(outages: Sequence[ComponentOutage]) -> list[Alert]:
    """What the gateway depends on and does not answer: the first thing to look at."""
    link_text = "the same, for programs"
    return [
        Alert("look", _describe_outage(each), _OUTAGE_ADVICE[each.component], "/readyz", link_text) for each in outages
    ]


def _describe_outage(outage: ComponentOutage) -> str:
    return f"{outage.component} does not answer since {format_instant(outage.since)}: {outage.cause}."


def lag_by_topic(status: Mapping[str, Any]) -> list[TopicLag]:
    """Lag by topic, the furthest behind first."""
    totals: dict[str, tuple[int, int]] = {}
    for each in status["partitions"]:
        n, lag = totals.get(each["topic"], (0, 0))
        totals[each["topic"]] = n + 1, lag + each["lag"]
    lines = [TopicLag(topic, _topic_owner(topic), n, lag) for topic, (n, lag) in totals.items()]
    return sorted(lines, key=lambda line: (-line.lag, line.topic))


def _topic_owner(topic: str) -> str:
    suffix = topic.removeprefix("pathline.in.")
    return "whoever posts to HTTP" if suffix == "door-1" else organisation_name(suffix)


def _intake_faults(facts: SystemFacts) -> Iterator[Alert]:
    if not facts.ready:
        what = "Intake has no partitions: it reads nothing that is published."
        yield Alert(
            "look", what, "Look at the broker, then at this process's log; it takes up by itself.", "#lag", "lag"
        )
    elif facts.status["lag"] > _LAG_THRESHOLD:
        what = f"Intake is {facts.status['lag']:,} events behind."
        do = "It catches up by itself. If a topic's lag grows, look at Postgres, or start more intake processes."
        yield Alert("busy", what, do, "#lag", "lag by topic")


def _failing_work_faults(facts: SystemFacts) -> Iterator[Alert]:
    href, link_text = _SET_ASIDE, "what was set aside, and why"
    for each in facts.status.get("failing", ()):
        title, since = WORKS[each["work"]].title, format_instant(instant.parse(each["since"]))
        n, reason = each["records"], each["reason"]
        if not n:
            what = f"{title} fails since {since}: {reason}."
            yield Alert(
                "look", what, "All else goes on. It is tried again by itself; look at the log.", href, link_text
            )
        else:
            what = f"{title}: {'one is' if n == 1 else f'{n:,} are'} set aside since {since} ({reason})."
            do = "All others go on. Tell those who develop Pathline; try again once it is mended."
            yield Alert("busy", what, do, href, link_text)


def _handoff_faults(facts: SystemFacts) -> Iterator[Alert]:
    if n := facts.silent_count:
        unanswered = n if facts.unanswered_count is None else facts.unanswered_count
        what = "; ".join(
            f"{'One hand-off is' if count == 1 else f'{count:,} hand-offs are'} {wording}"
            for count, wording in ((unanswered, SILENT_UNANSWERED), (n - unanswered, SILENT_UNMET))
            if count
        )
        do = "Ask the organisation that was asked; whoever offered it may withdraw it, or offer it to another."
        href = "/console/handoffs"
        yield Alert("busy", f"{what}.", do, href, "hand-offs by who hands to whom")


def _parked_faults(facts: SystemFacts) -> Iterator[Alert]:
    href, link_text = "/console/parked", "what is parked, and why"
    if recently_parked := facts.parked_lately:
        n = sum(each.n for each in recently_parked)
        groups = [
            f"{_publisher_name(each.org)}, {each.reason.replace('-', ' ')} ({each.n:,})"
            for each in recently_parked[:_MAX_NAMED]
        ]
        more = f"; and {len(recently_parked) - _MAX_NAMED:,} more" if len(recently_parked) > _MAX_NAMED else ""
        what = f"{_count_records(n)} parked in the last hour: {'; '.join(groups)}{more}."
        yield Alert("busy", what, "Mend the cause, then replay; tell the publisher what fails.", href, link_text)
    elif n := facts.status["parked"]:
        what = f"{_count_records(n)} parked, none in the last hour."
        yield Alert("busy", what, "Replay what was mended; discard what nobody will mend.", href, link_text)


def _sink_faults(facts: SystemFacts) -> Iterator[Alert]:
    href, link_text = "/console/streams", "subscriptions"
    if stopped := [each for each in facts.failing_sinks if each.stopped]:
        what = f"{_count_webhooks(stopped)} stopped: {_join_names(stopped)}."
        yield Alert("busy", what, "Its owner mends or moves the sink; then resume it.", href, link_text)
    if failing := [each for each in facts.failing_sinks if not each.stopped]:
        what = f"{_count_webhooks(failing)} failing: {_join_names(failing)}."
        yield Alert("busy", what, "It is tried again by itself; the reason says whom to tell.", href, link_text)
    if n := facts.dead_letter_count:
        what = "One event was" if n == 1 else f"{n:,} events were"
        yield Alert("busy", f"{what} given up by webhooks.", "Redrive them once the sink is mended.", href, link_text)


def _review_faults(facts: SystemFacts) -> Iterator[Alert]:
    if n := facts.review_count:
        what = "One piece of evidence waits" if n == 1 else f"{n:,} pieces of evidence wait"
        do = "Nothing is lost meanwhile: pathways stay apart. A reviewer decides."
        yield Alert("busy", f"{what} for a reviewer.", do, "/console/review", "identity review")


def _publisher_name(org: str | None) -> str:
    return "nobody who could be told" if org is None else organisation_name(org)


def _count_records(n: int) -> str:
    return "One record is" if n == 1 else f"{n:,} records are"


def _count_webhooks(sinks: Collection[FailingSinks]) -> str:
    n = sum(each.n for each in sinks)
    return "One webhook is" if n == 1 else f"{n:,} webhooks are"


def _join_names(sinks: Collection[FailingSinks]) -> str:
    names = [organisation_name(each.org) for each in sinks]
    more = f" and {len(names) - _MAX_NAMED:,} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more
