"""Offers a second that one core judges of one person, and that it explains; no server, no catalogue.

    python -m bench.eligibility [OFFERS]

Each offer has a rule of its own with three to ten leaves about few facts, as offers for one need have. The person has
200 steps. `eligibility_knowledge_ms` is what is done once a pull, before the first offer.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from pathline_gateway.offers.knowledge import Knowledge, build_knowledge
from pathline_gateway.offers.verdict import CompiledOffer, compile_offer, judge_offer
from pathline_gateway.pathways.parsed_step import ParsedStep, parse_step
from pathline_gateway.pathways.step import Step

NOW: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)
OFFERS: Final = 5_000
ROUNDS: Final = 7
SEED: Final = 20260310
_FACTS: Final = ("income.weekly", "household.children", "rent.weekly", "resident", "student", "savings")
_UNSTATED: Final = ("veteran", "carer", "tenure")
_KINDS: Final = ("job-lost", "move", "birth", "separation")


def measure(offers: int = OFFERS) -> dict[str, float]:
    """The figures: the median of some rounds, each over all offers and with a pull's knowledge of its own."""
    compiled, steps = sample(offers)
    return {
        "eligibility_per_s": _rate(compiled, steps, lambda offer, known: offer.judge(known)),
        "eligibility_explained_per_s": _rate(compiled, steps, judge_offer),
        "eligibility_knowledge_ms": round(_median(lambda: build_knowledge(steps, NOW, UTC)) * 1000, 2),
    }


def sample(offers: int) -> tuple[list[CompiledOffer], list[ParsedStep]]:
    """So many offers, and one person's steps."""
    draw = random.Random(SEED)
    return [compile_offer(_rule(draw)) for _ in range(offers)], [_step(draw, n) for n in range(200)]


def _rate(
    compiled: list[CompiledOffer], steps: list[ParsedStep], act: Callable[[CompiledOffer, Knowledge], object]
) -> float:
    def judge_all() -> None:
        known = build_knowledge(steps, NOW, UTC)
        for offer in compiled:
            act(offer, known)

    return round(len(compiled) / _median(judge_all))


def _median(act: Callable[[], object]) -> float:
    """Seconds of this thread's processor: the machine may have other work."""
    seconds = []
    for _ in range(ROUNDS):
        begin = time.thread_time()
        act()
        seconds.append(time.thread_time() - begin)
    return statistics.median(seconds)


def _rule(draw: random.Random) -> dict[str, Any]:
    asked = [_leaf(draw) for _ in range(draw.randint(1, 5))]
    either = [_leaf(draw) for _ in range(draw.randint(2, 4))]
    refused = {"op": "not", "of": _leaf(draw)}
    return {"op": "all", "of": [*asked, {"op": "any", "of": either}, *([refused] if draw.random() < 0.5 else [])]}


def _leaf(draw: random.Random) -> dict[str, Any]:
    match draw.randrange(5):
        case 0:
            return {"op": "age", "fact": "born", "cmp": "ge", "value": draw.choice((16, 18, 25, 60, 67))}
        case 1:
            within = draw.choice(("P6M", "P1Y", "P90D"))
            kind = draw.choice(_KINDS)
            return {"op": "occurred", "type": "circumstance.changed", "where": {"kind": kind}, "within": within}
        case 2:
            return {
                "op": "count",
                "type": "service.delivered",
                "cmp": "ge",
                "value": draw.randint(1, 4),
                "within": "P1Y",
            }
        case _:
            cmp, value = draw.choice(("lt", "ge", "eq")), draw.randrange(0, 1000, 5)
            return {"op": "compare", "fact": draw.choice(_FACTS * 2 + _UNSTATED), "cmp": cmp, "value": value}


def _step(draw: random.Random, n: int) -> ParsedStep:
    time_of_step = NOW - timedelta(days=200 - n)
    if n % 4:
        type_name, data = "service.delivered", {"service": "food-parcels", "quantity": 1}
    else:
        facts = {draw.choice(_FACTS): draw.randrange(0, 1000, 5), "born": "1990-05-01"}
        type_name = "circumstance.changed"
        data = {"kind": draw.choice(_KINDS), "effective": time_of_step.date().isoformat(), "facts": facts}
    return parse_step(
        Step(
            "urn:pathline:even:system", f"e{n}", f"org.pathline.{type_name}.v1", time_of_step, None, "even", "", None,
            None, None, None, None, None, None, None, b"{}", orjson.dumps(data),
        )
    )  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if sys.argv[1:] else OFFERS)))
