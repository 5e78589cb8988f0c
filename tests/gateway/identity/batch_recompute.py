"""The pathways that a batch recompute finds in everything that was said: an oracle."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from gateway.identity.oracle import people_of
from gateway.identity.statements import HANDOFFS, REFS, STEPS, TOKENS, Identity, Statement
from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.resolution import ResolutionLimits

LIMITS = ResolutionLimits(max_neighbours=2, max_refs=4, min_bridged_group=2)
DAY = timedelta(days=1)


def recompute_pathways(
    said: Collection[Statement], limits: ResolutionLimits = LIMITS
) -> dict[frozenset[int], list[Identity]]:
    """Everybody, and the steps that stand on each one's pathway, in order."""
    steps = {s.identity: then for s in said if s.kind in STEPS and (then := now(s, said))}
    links = [s for s in said if s.kind in ("same", "different")]
    evidence = [s.evidence() for s in links] + [e for h in HANDOFFS for e in shown(h, steps)]
    withdrawn = {(s.org, s.target) for s in said if s.kind == "retract"}
    live = [
        e
        for e in evidence
        if not {(e.source.split(":")[2], (e.source, e.id)), ("pathline", (e.source, e.id))} & withdrawn
    ]
    people = people_of({n: org for n, (org, _) in enumerate(REFS)}, live, limits)
    return {person: [i for i, s in sorted(steps.items(), key=place) if s.one in person] for person in people}


def place(item: tuple[Identity, Statement]) -> tuple[datetime, str, str]:
    return (item[1].time, *item[0])


def now(step: Statement, said: Collection[Statement]) -> Statement | None:
    """The step as it counts: not at all, or as the last correction that keeps its contract says."""
    mine = [s for s in said if s.target == step.identity and s.kind in ("void", "correct")]
    if any(s.kind == "void" for s in mine):
        return None
    asking = ("offered", "redirected")
    # What a refusal says is all that an acceptance, or a cancellation, has to say.
    alike = {"accepted": True, "cancelled": False}
    fits = [
        s
        for s in mine
        if s.anew == step.kind
        or (s.anew in asking and step.kind in asking)
        or (s.anew == "declined" and alike.get(step.kind) is s.shows)
    ]
    if step.kind == "offered":  # of nobody else's hand-off
        fits = [s for s in fits if s.handoff.startswith(f"{step.org}:")]
    if not fits:
        return step
    last = max(fits, key=lambda s: (s.source, s.id))
    return Statement(step.kind, step.id, step.org, step.one, last.other, last.minute, last.day, last.handoff,
                     last.token, last.target, last.anew, last.standing, last.confidence)  # fmt: skip


def shown(handoff: str, steps: Mapping[Identity, Statement]) -> list[Evidence]:
    """Who is who by this hand-off."""
    state, by, to, live, offerer, maker = "", handoff.split(":")[0], "", -1, -1, ""
    first: dict[str, int] = {}
    found: dict[tuple[str, int], Evidence] = {}
    mine = {i: s for i, s in steps.items() if s.kind != "step" and s.handoff == handoff}
    waiting = [(when(i, s, mine), *i, s, False) for i, s in mine.items()]
    redeemed: list[tuple[datetime, Identity, Statement, bool]] = []
    while waiting:
        at = min(waiting, key=lambda w: (w[0], not w[4], *w[1:3]))
        waiting.remove(at)
        time, source, id, s, again = at
        asked_of = state == "asked" and s.org == to
        legal = {
            "offered": not state and s.org == by,
            "redirected": asked_of or (state == "refused" and s.org in (by, to)),
            "cancelled": state in ("asked", "taken", "refused") and s.org == by,
        }.get(s.kind, asked_of)
        if not legal and s.day and not again and time == s.time:
            waiting.append((s.time + DAY, source, id, s, True))
            continue
        if (s.kind == "accepted" or (s.kind == "declined" and s.shows)) and s.token == live and offerer >= 0:
            redeemed.append((when((source, id), s, mine), (source, id), s, s.org == maker))
        if legal and s.kind in ("offered", "redirected"):
            offerer, state, to, live = (s.one if offerer < 0 else offerer), "asked", REFS[s.other][0], s.token
            maker = s.org
        elif legal:
            state = {"accepted": "taken", "declined": "refused", "cancelled": "over"}[s.kind]
    for time, (source, id), s, own in sorted(redeemed, key=lambda r: r[:2]):
        late = own or first.setdefault(TOKENS[s.token], s.one) != s.one
        if s.one != offerer and (TOKENS[s.token], s.one) not in found:
            standing = EvidenceRank.PROPOSED if late else EvidenceRank.HANDOFF
            found[TOKENS[s.token], s.one] = Evidence(source, id, True, offerer, s.one, standing, 1.0, time)
    return list(found.values())


def when(identity: Identity, answer: Statement, others: Mapping[Identity, Statement]) -> datetime:
    """At which time it counts: whoever shows a token has answered what gave the token, whatever her clock says."""
    if answer.kind != "accepted" and not (answer.kind == "declined" and answer.shows):
        return answer.time
    gives = [(s.time, i) for i, s in others.items() if s.kind in ("offered", "redirected") and s.token == answer.token]
    ends = answer.time + (DAY if answer.day else timedelta())
    if gives and (answer.time, identity) < min(gives) and ends <= min(gives)[0]:
        return min(gives)[0] + timedelta(microseconds=1)
    return answer.time
