"""The state of everything in one sentence, and what to do about each fault."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from pathline import instant
from pathline_gateway.background.works import WORKS
from pathline_gateway.dependency_health.monitor import Component, Outage
from pathline_gateway.status.flow_repository import ParkedLately, Troubled
from pathline_gateway.web.formatting import moment, organisation

Kind = Literal["well", "busy", "look"]

_BEHIND: Final = 1_000
"""Events of lag from which on it is worth a look."""
_LOOK: Final[Mapping[Component, str]] = {
    "Postgres": "Look at its process, its disk and its log. Nothing acknowledged is lost; all goes on by itself.",
    "The broker": "Look at its process and its log. Nothing is read or accepted meanwhile; all goes on by itself.",
}
_SET_ASIDE: Final = "/console/set-aside"
_NAMED: Final = 3
"""Publishers that are named; the page that a thing leads to names all."""


class Facts(NamedTuple):
    """What is looked at."""

    ready: bool
    """Intake has partitions."""
    status: Mapping[str, Any]
    """The body of `GET /v1/status`."""
    silent: int
    parked_lately: Sequence[ParkedLately] = ()
    """In the last hour."""
    sinks: Sequence[Troubled] = ()
    given_up: int = 0
    reviews: int = 0
    """Items of evidence that wait for a reviewer."""


class Wrong(NamedTuple):
    """One thing that is wrong, what to do, and where."""

    kind: Kind
    what: str
    do: str
    href: str
    there: str
    """The words of the link."""


class Lag(NamedTuple):
    """How far one topic is behind."""

    topic: str
    whose: str
    partitions: int
    lag: int


def state(facts: Facts, wrong: Sequence[Wrong]) -> tuple[Kind, str]:
    """A word for the kind, and the sentence: what is wrong first, and how much else."""
    if wrong:
        first, others = wrong[0], len(wrong) - 1
        flows = "" if first.href in ("#lag", "/readyz", _SET_ASIDE) else "Everything flows. "
        more = "" if not others else f" And {others} more {'thing' if others == 1 else 'things'} to look at, below."
        return first.kind, f"{flows}{first.what}{more}"
    if not facts.status["interactions"]:
        return "well", "Ready, and nothing was published yet: see the README for the first event in ten lines."
    return "well", "Everything flows, and nothing waits."


def wrongs(facts: Facts) -> list[Wrong]:
    """Each thing that is wrong, the worst first."""
    return [*_intake(facts), *_failing(facts), *_handoffs(facts), *_parked(facts), *_sinks(facts), *_review(facts)]


def not_answering(outages: Sequence[Outage]) -> list[Wrong]:
    """What the gateway depends on and does not answer: the first thing to look at."""
    there = "the same, for programs"
    return [Wrong("look", _unanswered(each), _LOOK[each.component], "/readyz", there) for each in outages]


def _unanswered(outage: Outage) -> str:
    return f"{outage.component} does not answer since {moment(outage.since)}: {outage.cause}."


def lags(status: Mapping[str, Any]) -> list[Lag]:
    """Lag by topic, the furthest behind first."""
    found: dict[str, tuple[int, int]] = {}
    for each in status["partitions"]:
        n, lag = found.get(each["topic"], (0, 0))
        found[each["topic"]] = n + 1, lag + each["lag"]
    lines = [Lag(topic, _whose(topic), n, lag) for topic, (n, lag) in found.items()]
    return sorted(lines, key=lambda line: (-line.lag, line.topic))


def _whose(topic: str) -> str:
    last = topic.removeprefix("pathline.in.")
    return "whoever posts to HTTP" if last == "door-1" else organisation(last)


def _intake(facts: Facts) -> Iterator[Wrong]:
    if not facts.ready:
        what = "Intake has no partitions: it reads nothing that is published."
        yield Wrong(
            "look", what, "Look at the broker, then at this process's log; it takes up by itself.", "#lag", "lag"
        )
    elif facts.status["lag"] > _BEHIND:
        what = f"Intake is {facts.status['lag']:,} events behind."
        do = "It catches up by itself. If a topic's lag grows, look at Postgres, or start more intake processes."
        yield Wrong("busy", what, do, "#lag", "lag by topic")


def _failing(facts: Facts) -> Iterator[Wrong]:
    href, there = _SET_ASIDE, "what was set aside, and why"
    for each in facts.status.get("failing", ()):
        title, since = WORKS[each["work"]].title, moment(instant.parse(each["since"]))
        n, reason = each["records"], each["reason"]
        if not n:
            what = f"{title} fails since {since}: {reason}."
            yield Wrong("look", what, "All else goes on. It is tried again by itself; look at the log.", href, there)
        else:
            what = f"{title}: {'one is' if n == 1 else f'{n:,} are'} set aside since {since} ({reason})."
            do = "All others go on. Tell those who develop Pathline; try again once it is mended."
            yield Wrong("busy", what, do, href, there)


def _handoffs(facts: Facts) -> Iterator[Wrong]:
    if n := facts.silent:
        what = "One hand-off is" if n == 1 else f"{n:,} hand-offs are"
        do = "Ask the organisation that was asked; whoever offered it may withdraw it, or offer it to another."
        href = "/console/handoffs"
        yield Wrong("busy", f"{what} silent: nobody answered in time.", do, href, "hand-offs by who hands to whom")


def _parked(facts: Facts) -> Iterator[Wrong]:
    href, there = "/console/parked", "what is parked, and why"
    if lately := facts.parked_lately:
        n = sum(each.n for each in lately)
        by = [f"{_publisher(each.org)}, {each.reason.replace('-', ' ')} ({each.n:,})" for each in lately[:_NAMED]]
        more = f"; and {len(lately) - _NAMED:,} more" if len(lately) > _NAMED else ""
        what = f"{_records(n)} parked in the last hour: {'; '.join(by)}{more}."
        yield Wrong("busy", what, "Mend the cause, then replay; tell the publisher what fails.", href, there)
    elif n := facts.status["parked"]:
        what = f"{_records(n)} parked, none in the last hour."
        yield Wrong("busy", what, "Replay what was mended; discard what nobody will mend.", href, there)


def _sinks(facts: Facts) -> Iterator[Wrong]:
    href, there = "/console/streams", "subscriptions"
    if stopped := [each for each in facts.sinks if each.stopped]:
        what = f"{_webhooks(stopped)} stopped: {_orgs(stopped)}."
        yield Wrong("busy", what, "Its owner mends or moves the sink; then resume it.", href, there)
    if failing := [each for each in facts.sinks if not each.stopped]:
        what = f"{_webhooks(failing)} failing: {_orgs(failing)}."
        yield Wrong("busy", what, "It is tried again by itself; the reason says whom to tell.", href, there)
    if n := facts.given_up:
        what = "One event was" if n == 1 else f"{n:,} events were"
        yield Wrong("busy", f"{what} given up by webhooks.", "Redrive them once the sink is mended.", href, there)


def _review(facts: Facts) -> Iterator[Wrong]:
    if n := facts.reviews:
        what = "One piece of evidence waits" if n == 1 else f"{n:,} pieces of evidence wait"
        do = "Nothing is lost meanwhile: pathways stay apart. A reviewer decides."
        yield Wrong("busy", f"{what} for a reviewer.", do, "/console/review", "identity review")


def _publisher(org: str | None) -> str:
    return "nobody who could be told" if org is None else organisation(org)


def _records(n: int) -> str:
    return "One record is" if n == 1 else f"{n:,} records are"


def _webhooks(sinks: Collection[Troubled]) -> str:
    n = sum(each.n for each in sinks)
    return "One webhook is" if n == 1 else f"{n:,} webhooks are"


def _orgs(sinks: Collection[Troubled]) -> str:
    names = [organisation(each.org) for each in sinks]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
