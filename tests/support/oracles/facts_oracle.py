"""The facts of a pathway by an oracle that knows only the rules: one loop over the steps for each fact, no state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from support.oracles.oracle_times import (
    Step,
    day,
    is_declaration,
    noun_verb,
    reference,
    same_scalar,
    taking_part,
    today,
)

Fact = dict[str, Any]
"""`fact`, `state`, `values` of `{value, by, proof}`, `since` and `until` (dates as text, or None)."""

DERIVED = ("need.", "decision.", "service.", "evidence.", "circumstance.")
"""What begins so is found from steps; that somebody states it proves nothing."""


@dataclass(frozen=True)
class Word:
    """What one decision, need or service says of a fact: true or false, since a date, until one, and its step."""

    value: bool
    since: str
    until: str | None
    step: Step


def facts_of(steps: Sequence[Step], now: datetime, zone: ZoneInfo) -> list[Fact]:
    """What is known of her at the instant, sorted by name. What nobody has said is absent."""
    part = taking_part(steps, now)
    on = today(now, zone)
    found = [
        *_stated(part, on),
        *_needs(part, zone),
        *_decisions(part, on, zone),
        *_services(part, zone),
        *_evidence(part, zone),
        *_circumstances(part, on),
    ]
    return sorted(found, key=lambda fact: str(fact["fact"]))


def _known(name: str, value: object, step: Step, since: str, until: str | None = None) -> Fact:
    values = [{"value": value, "by": step["org"], "proof": [reference(step)]}]
    return {"fact": name, "state": "known", "values": values, "since": since, "until": until}


def _stated(steps: Sequence[Step], on: date) -> list[Fact]:
    facts = []
    changes = [step for step in steps if noun_verb(step) == "circumstance.changed"]
    # A declaration is no change, but the facts that it carries count like any other's.
    for name in sorted({name for step in changes for name in step["data"].get("facts") or {}}):
        if name.startswith(DERIVED):
            continue
        # In force is what has the greatest effective date, of those that have begun.
        begun = [
            step
            for step in changes
            if name in (step["data"].get("facts") or {}) and step["data"]["effective"] <= on.isoformat()
        ]
        if not begun:
            continue
        effective = max(step["data"]["effective"] for step in begun)
        in_force = [step for step in begun if step["data"]["effective"] == effective]
        # Of what one organisation says of that date, only its last word counts.
        last = [
            step
            for place, step in enumerate(in_force)
            if step["org"] not in {later["org"] for later in in_force[place + 1 :]}
        ]
        values = [
            {"value": step["data"]["facts"][name], "by": step["org"], "proof": [reference(step)]} for step in last
        ]
        # Where all that is left agrees it is known; else everything is shown as a conflict.
        agree = all(same_scalar(value["value"], values[0]["value"]) for value in values)
        state = "known" if agree else "conflict"
        facts.append({"fact": name, "state": state, "values": values, "since": effective, "until": None})
    return facts


def _true_while_any(name: str, words: Sequence[Word], steps: Sequence[Step]) -> Fact:
    """True while one says true, else false: since the first of those that hold, or since the last that ceased."""

    def place(word: Word) -> tuple[str, int]:
        return word.since, next(at for at, step in enumerate(steps) if step is word.step)

    holding = [word for word in words if word.value]
    word = min(holding, key=place) if holding else max(words, key=place)
    return _known(name, word.value, word.step, word.since, word.until)


def _needs(steps: Sequence[Step], zone: ZoneInfo) -> list[Fact]:
    words: dict[str, list[Word]] = {}
    keys = _keys((step["org"], step["data"]["need"]) for step in steps if noun_verb(step).startswith("need."))
    for org, need in keys:
        says: dict[str, Word] = {}
        latest: str | None = None
        for step in steps:
            if not noun_verb(step).startswith("need.") or (step["org"], step["data"]["need"]) != (org, need):
                continue
            verb, code, since = noun_verb(step).split(".")[1], step["data"].get("code"), day(step, zone)
            opens: str | None = None
            closes: list[str] = []
            if verb in ("expressed", "identified"):
                opens = code
            elif verb == "changed" and code is not None and code != latest:
                # Changed to another code: that one opens, what was open closes.
                opens, closes = code, [other for other in says if other != code]
            elif verb in ("met", "withdrawn"):
                # The id says which need; its code is asked only where no step that opened it is shown.
                closes = list(says) or ([code] if code is not None else [])
            for other in closes:
                if other not in says or says[other].value:
                    says[other] = Word(False, since, None, step)
            if opens is not None:
                latest = opens
                # It is so since it was first said; saying it again changes nothing.
                if opens not in says or not says[opens].value:
                    says[opens] = Word(True, since, None, step)
        for code, word in says.items():
            words.setdefault(f"need.{code}", []).append(word)
    return [_true_while_any(name, said, steps) for name, said in words.items()]


def _services(steps: Sequence[Step], zone: ZoneInfo) -> list[Fact]:
    words: dict[str, list[Word]] = {}
    turning = [step for step in steps if noun_verb(step) in ("service.started", "service.ended")]
    for org, service in _keys((step["org"], _service(step)) for step in turning):
        if service is None:
            continue
        word: Word | None = None
        for step in turning:
            if (step["org"], _service(step)) == (org, service):
                # True from started until ended, then false; a second start or end in a row changes nothing.
                started = noun_verb(step) == "service.started"
                if word is None or word.value != started:
                    word = Word(started, day(step, zone), None, step)
        if word is not None:
            words.setdefault(f"service.{service}", []).append(word)
    return [_true_while_any(name, said, steps) for name, said in words.items()]


def _service(step: Step) -> str | None:
    service = step.get("service") or step["data"].get("service")
    return None if service is None else str(service)


def _decisions(steps: Sequence[Step], on: date, zone: ZoneInfo) -> list[Fact]:
    words: dict[str, list[Word]] = {}
    decided = [step for step in steps if noun_verb(step).startswith("decision.")]
    for org, decision in _keys((step["org"], step["data"]["decision"]) for step in decided):
        its = [step for step in decided if (step["org"], step["data"]["decision"]) == (org, decision)]
        outputs = list(dict.fromkeys(step["data"]["output"] for step in its if step["data"].get("output") is not None))
        for output in outputs:
            # A step without an output means what its decision is about.
            about = [step for step in its if step["data"].get("output") in (output, None)]
            word = _decided(about, on, zone)
            if word is not None:
                words.setdefault(f"decision.{output}", []).append(word)
    return [_true_while_any(name, said, steps) for name, said in words.items()]


def _decided(about: Sequence[Step], on: date, zone: ZoneInfo) -> Word | None:
    """What the steps of one decision come to: the last that says something, and has begun, decides."""

    def begins(step: Step) -> str:
        return step["data"].get("effective") or day(step, zone)

    standing: list[Step] = []
    for step in about:
        verb, result = noun_verb(step).split(".")[1], step["data"].get("result")
        if verb == "made" and result == "refused":
            # Refused is refused at once.
            standing.append(step)
        elif (verb == "made" and result == "granted") or verb in ("ended", "varied"):
            # A grant, an end and a change of validity say something from their effective date on.
            if begins(step) <= on.isoformat():
                standing.append(step)
        elif verb == "reviewed" and step["data"].get("review") == "set-aside":
            made = [earlier for earlier in standing if noun_verb(earlier) == "decision.made"]
            if made and made[-1]["data"]["result"] == "refused":
                # A refusal that is set aside says nothing any more.
                standing = [earlier for earlier in standing if earlier is not made[-1]]
            elif made:
                # A grant that is set aside is false from then on.
                standing.append(step)
        # A deferral says nothing, and nor do the other reviews.
    turning = [step for step in standing if noun_verb(step) != "decision.varied"]
    if not turning:
        return None
    last = turning[-1]
    since = begins(last) if begins(last) <= on.isoformat() else day(last, zone)
    if noun_verb(last) != "decision.made" or last["data"]["result"] == "refused":
        return Word(False, since, None, last)
    # Its validity is what it says, or what the last later change of it says.
    place = next(at for at, step in enumerate(standing) if step is last)
    dated = [step for step in standing[place:] if step["data"].get("valid_until") is not None]
    if not dated:
        return Word(True, since, None, last)
    until = dated[-1]["data"]["valid_until"]
    if on.isoformat() <= until:
        return Word(True, since, until, dated[-1])
    # The last day is over: false since the day after it, by the step that named the day.
    return Word(False, (date.fromisoformat(until) + timedelta(days=1)).isoformat(), None, dated[-1])


def _evidence(steps: Sequence[Step], zone: ZoneInfo) -> list[Fact]:
    first: dict[str, Step] = {}
    for step in steps:
        if noun_verb(step) == "evidence.provided":
            for item in step["data"]["items"]:
                first.setdefault(item, step)
    # True once provided, and so for ever.
    return [_known(f"evidence.{item}", True, step, day(step, zone)) for item, step in first.items()]


def _circumstances(steps: Sequence[Step], on: date) -> list[Fact]:
    changes = [step for step in steps if noun_verb(step) == "circumstance.changed" and not is_declaration(step)]
    begun = [step for step in changes if step["data"]["effective"] <= on.isoformat()]
    facts = []
    for kind in sorted({step["data"]["kind"] for step in begun}):
        # The latest date that has come, as a text; the first step that said so proves it.
        effective = max(step["data"]["effective"] for step in begun if step["data"]["kind"] == kind)
        proof = next(step for step in begun if (step["data"]["kind"], step["data"]["effective"]) == (kind, effective))
        facts.append(_known(f"circumstance.{kind}", effective, proof, effective))
    return facts


def _keys(pairs: Iterable[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    return list(dict.fromkeys(pairs))
