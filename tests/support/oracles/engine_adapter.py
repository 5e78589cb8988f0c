"""The gateway's engine of facts and eligibility, with the signatures of its oracle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, tzinfo
from typing import Any

import orjson

from pathline import instant
from pathline_gateway.offers.ask_next import find_ask_next
from pathline_gateway.offers.facts import serve_facts
from pathline_gateway.offers.knowledge import Knowledge, build_knowledge
from pathline_gateway.offers.verdict import compile_offer, judge_offer
from pathline_gateway.pathways.parsed_step import ParsedStep, parse_step
from pathline_gateway.pathways.step import Step

StepJson = Mapping[str, Any]
"""`source`, `id`, `type`, `time` (RFC 3339), `org`, `service`, `sequence`, `data`."""


def parsed_steps(steps: Iterable[StepJson]) -> list[ParsedStep]:
    """The steps as the gateway has them."""
    return [parse_step(_step(each)) for each in steps]


def knowledge_of(steps: Iterable[StepJson], now: datetime, zone: tzinfo) -> Knowledge:
    """What the steps say."""
    return build_knowledge(parsed_steps(steps), now, zone)


def facts_of(steps: Sequence[StepJson], now: datetime, zone: tzinfo) -> list[dict[str, Any]]:
    """The facts as a pathway serves them."""
    return serve_facts(knowledge_of(steps, now, zone).facts.values())


def verdict_of(
    steps: Sequence[StepJson],
    eligibility: Mapping[str, Any] | None,
    now: datetime,
    zone: tzinfo,
    sensitive: Set[str] = frozenset(),
    show_sensitive: bool = False,
) -> dict[str, Any]:
    """The verdict on one offer, and what it rests on."""
    known = knowledge_of(steps, now, zone)
    verdict = judge_offer(compile_offer(eligibility, sensitive), known, show_sensitive=show_sensitive)
    return {
        "verdict": verdict.outcome,
        "because": verdict.because,
        "if": verdict.answer_sets,
        "more": verdict.more,
    }


def ask_next_of(
    steps: Sequence[StepJson], offers: Iterable[Mapping[str, Any]], now: datetime, zone: tzinfo
) -> dict[str, Any] | None:
    """What to ask first, of offers with `org`, `offer`, `eligibility` and more."""
    known = knowledge_of(steps, now, zone)
    return find_ask_next(judge_offer(compile_offer(each.get("eligibility")), known) for each in offers)


def _step(each: StepJson) -> Step:
    return Step(
        each["source"], each["id"], each["type"], instant.parse(each["time"]), None, each["org"], "", each["service"],
        None, None, None, None, each["sequence"], None, None, b"{}", orjson.dumps(each["data"]),
    )  # fmt: skip
