"""The steps of one person at several organisations, drawn from a seed."""

from __future__ import annotations

import json
import random
from typing import Any

from pathline.vocabulary import TYPES, ActivityRecorded, InteractionCorrected, InteractionVoided
from support.intake.history import TOKEN, TOKEN_SHA256, Event, linked, source, subject

ORGS = ("alpha", "beta", "gamma", "refuge")


def any_life(seed: int) -> list[Event]:
    """One person's steps at several organisations, some voided, some corrected, some concealed."""
    rng = random.Random(seed)
    told = [Event("citizen", "hers", subject(7), ActivityRecorded(activity="x"))]
    told += [Event("alpha", f"first {n}", subject(n), ActivityRecorded(activity="x")) for n in (1, 2)]
    refs = {("alpha", 1), ("alpha", 2), ("citizen", 7)}
    for n in range(rng.randrange(10, 50)):
        org, who = rng.choice(ORGS), rng.choice((1, 1, 2))
        refs.add((org, who))
        told.append(Event(org, f"e{n}", subject(who), _payload(rng, org, n), rng.randrange(30)))
    for n, at in enumerate(rng.sample(told, len(told) // 6)):
        payload: Any = InteractionVoided(source=source(at.org), id=at.id, reason="entered-in-error")
        if rng.random() < 0.6:
            data = json.loads(_payload(rng, at.org, n, type(at.payload)).model_dump_json(exclude_none=True))
            said = {"source": source(at.org), "id": at.id, "reason": "wrong-content", "replacement": {"data": data}}
            payload = InteractionCorrected.model_validate(said)
        told.append(Event(at.org, f"amends {n}", at.subject, payload, 40))
    rng.shuffle(told)
    first, *others = sorted(refs)
    made = [{"org": org, "subject": subject(n)} for org, n in (first, *others)]
    return [*told, *(linked(f"l{n}", made[0], each) for n, each in enumerate(made[1:]))]


def _payload(rng: random.Random, org: str, n: int, kind: type | None = None) -> Any:
    common: dict[str, Any] = {}
    if rng.random() < 0.1:
        common["safety"] = rng.choice(("conceal", "location-hidden"))
    about = {"source": source(rng.choice(ORGS)), "id": f"e{rng.randrange(40)}"}
    made: dict[str, dict[str, Any]] = {
        "activity.recorded": {"activity": f"a{n}"},
        "contact.made": {"kind": "chase", "regarding": about},
        "handoff.offered": {
            "handoff": f"{org}:h",
            "to": {"org": rng.choice(ORGS)},
            "token_sha256": TOKEN_SHA256,
            "context_released": rng.random() < 0.5,
        },
        "handoff.accepted": {"handoff": f"{rng.choice(ORGS)}:h", "token": TOKEN},
        "mandate.given": {
            "mandate": "m",
            "agent": {"org": "citizen", "subject": subject(8)},
            "services": [{"org": rng.choice(ORGS)}],
            "powers": ["see"],
        },
        "consent.given": {
            "consent": f"c{rng.randrange(3)}",
            "holders": rng.choice(([], [org])),
            "recipients": [rng.choice(ORGS)],
            "nouns": ["activity", "contact"],
            "purpose": "care",
        },
    }
    names_ = {TYPES[f"org.pathline.{name}.v1"]: name for name in made}
    name = names_[kind] if kind is not None else rng.choice(list(made))
    return TYPES[f"org.pathline.{name}.v1"].model_validate(made[name] | common)
