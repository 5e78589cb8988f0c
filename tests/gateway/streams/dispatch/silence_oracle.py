"""What each side is to be told of silence, said simply: a fold over what she may know, at each look. An oracle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Said = tuple[str, str, str, int]
"""Kind, hand-off, stage, and the minute by which it was due."""


@dataclass(frozen=True)
class Happened:
    """What one organisation published of a hand-off, in the order of its minute."""

    org: str
    verb: str
    """Of a hand-off; or `contact`."""
    handoff: str
    minute: int
    to: str | None = None
    due: tuple[tuple[str, int], ...] = ()
    hidden: bool = False
    """Whether it says of itself that it is concealed."""

    @property
    def sender(self) -> str:
        """Whose hand-off it is."""
        return self.handoff.partition(":")[0]


@dataclass
class Register:
    """What is concealed for now."""

    orgs: set[str] = field(default_factory=set)
    refs: set[str] = field(default_factory=set)
    """By organisation: each knows one person here."""

    def hides(self, each: Happened, whom: str | None) -> bool:
        """Whether it is hidden from this organisation; nothing is from those who see everything (None)."""
        if whom is None or each.org == whom:
            return False
        named = {each.org, each.to, each.sender} & (self.orgs - {whom})
        return each.hidden or each.org in self.refs or bool(named)


@dataclass
class Standing:
    """How a hand-off stands after what is known of it."""

    sender: str
    state: str = "none"
    to: str | None = None
    asked_by: str | None = None
    begun: int = 0
    accepted: int | None = None
    due: dict[str, int] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    """Who has shown the token that another gave."""

    def meet(self, each: Happened) -> None:
        """It was published."""
        if each.verb in ("accepted", "declined") and self.state != "none" and self.asked_by != each.org:
            self.shown.add(each.org)
        asked, by_receiver = self.state == "asked", each.org == self.to
        if each.verb == "offered" and self.state == "none" and each.org == self.sender:
            self.state, self.to, self.asked_by, self.begun = "asked", each.to, each.org, each.minute
            self.due = dict(each.due)
        elif each.verb in ("accepted", "declined") and asked and by_receiver:
            self.state = "taken" if each.verb == "accepted" else "refused"
            self.accepted = each.minute if self.accepted is None and each.verb == "accepted" else self.accepted
            self.answered.add("accept")
        elif each.verb == "redirected" and (
            (asked and by_receiver) or (self.state == "refused" and each.org in (self.sender, self.to))
        ):
            self.state, self.to, self.asked_by = "asked", each.to, each.org
            self.answered.add("accept")
            if "accept" in dict(each.due):
                self.answered.discard("accept")
            self.due |= dict(each.due)
        elif each.verb == "cancelled" and self.state in ("asked", "taken", "refused") and each.org == self.sender:
            self.state = "ended"
            self.answered.add("accept")


def _after_their_token(events: Sequence[Happened]) -> Sequence[Happened]:
    """Who shows the token has answered what gave it, whatever her clock says; all give and show the same one here."""
    gives = next((n for n, each in enumerate(events) if each.verb in ("offered", "redirected")), 0)
    early = [each for each in events[:gives] if each.verb in ("accepted", "declined")]
    return [
        *(each for each in events[:gives] if each not in early),
        *events[gives : gives + 1],
        *early,
        *events[gives + 1 :],
    ]


def standing(handoff: str, known: Iterable[Happened]) -> Standing:
    """As it stands; contacts count for whoever is asked now."""
    found, contacts = Standing(handoff.partition(":")[0]), list[Happened]()
    for each in _after_their_token([each for each in known if each.handoff == handoff]):
        contacts.append(each) if each.verb == "contact" else found.meet(each)
    met = any(each.org == found.to and each.minute >= found.begun for each in contacts)
    if found.state != "none" and (met or found.state in ("refused", "ended")):
        found.answered.add("contact")
    return found


@dataclass
class ToldBy:
    """What one organisation was told; None: what those were who see everything."""

    org: str | None
    open: dict[tuple[str, str, int], bool] = field(default_factory=dict)
    """Silences that were raised, and whether each is not over."""
    given: list[Said] = field(default_factory=list)

    def look(self, events: Sequence[Happened], register: Register, known_to: int, handoffs: Iterable[str]) -> None:
        """The watchdog looks; everything up to the minute `known_to` is known to it."""
        known = [each for each in events if not register.hides(each, self.org)]
        for handoff in handoffs:
            now = standing(handoff, known)
            for stage in ("accept", "contact"):
                due = now.due.get(stage)
                waited = due is not None and stage not in now.answered and due < known_to
                if due is None or not waited or (handoff, stage, due) in self.open or not self._is_side(now, register):
                    continue
                self.open[handoff, stage, due] = True
                self._give(("silent", handoff, stage, due), now, register)
            for (of, stage, due), waits in list(self.open.items()):
                if of == handoff and waits and (stage in now.answered or now.due.get(stage) != due):
                    self.open[of, stage, due] = False
                    self._give(("answered", of, stage, due), now, register)

    def _is_side(self, now: Standing, register: Register) -> bool:
        return self.org is None or (self.org in (now.sender, now.to) and self._observes(now, register))

    def _observes(self, now: Standing, register: Register) -> bool:
        """A receiver that conceals is silent for nobody else."""
        return self.org == now.to or now.to not in register.orgs

    def _give(self, said: Said, now: Standing, register: Register) -> None:
        """Who has no part in it any more, or may not know who is asked now, is not told."""
        sees = now.state != "none" and self.org in {now.sender, now.to, *now.shown}
        if self.org is None or (sees and self._observes(now, register)):
            self.given.append(said)
