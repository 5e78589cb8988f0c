"""Pathways and rules from a seed, a hundred thousand in minutes: larger than those of `generators`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.offers.cases import NOW, Rule, StepJson, in_order

_DAYS: Final = (-800, -366, -365, -32, -31, -28, -8, -7, -2, -1, 0, 0, 1, 2)
_STEP_DAYS: Final = (-400, -366, -365, -40, -31, -28, -20, -8, -7, -2, -1, -1, 0, 0, 1)
_FACTS: Final = ("a", "a", "b", "c", "d", "born")
_DERIVED: Final = (
    "need.food", "need.housing", "decision.aid", "service.shelter", "evidence.other", "circumstance.move",
    "circumstance.illness",
)  # fmt: skip
_SCALARS: Final = (1, 2, 3, True, False, "x", "y", "2008-03-10")
_BIRTHS: Final = ("2008-03-10", "2008-03-11", "2008-02-29", "2027-01-01", "1990-01-01", "2026-03-10", "soon", 18)
_KINDS: Final = ("move", "move", "birth", "illness", "other")
_COMPARISONS: Final = ("eq", "ne", "lt", "le", "gt", "ge")
_WITHINS: Final = ("P1D", "P1M", "P1Y", "P1W", "PT24H", "P1M1DT1H", "P3000Y", "P0D", None, None)
_WHERES: Final = (
    None, {"kind": "move"}, {"kind": "move"}, {"kind": "illness"}, {"kind": "move", "channel": "web"}, {"quantity": 1},
)  # fmt: skip
_CHILD: Final = {"subject": "v1.EdPs5Uv4fhE4H4_Ov9htOQ", "role": "child"}


class Pair(NamedTuple):
    """A pathway, a rule, and how they are looked at."""

    steps: list[StepJson]
    rule: Rule
    now: datetime
    zone: ZoneInfo
    sensitive: frozenset[str]
    show_sensitive: bool


@dataclass
class PairSource:
    """Pairs in the order of a seed; rules have at most so many leaves, since an oracle tries every set of answers."""

    draw: Random
    max_leaves: int = 8
    _pool: list[Rule] = field(default_factory=list)

    def next(self) -> Pair:
        """Another pair."""
        draw = self.draw
        now = NOW + timedelta(days=draw.choice((-3, -1, 0, 0, 1, 3)), hours=draw.choice((0, 0, 11, -11, 13)))
        zone = ZoneInfo(draw.choice(("UTC", "Australia/Sydney", "America/St_Johns")))
        sensitive = frozenset(draw.choice(((), (), ("a",))))
        return Pair(self._steps(), self._rule(), now, zone, sensitive, draw.random() < 0.3)

    def _steps(self) -> list[StepJson]:
        return in_order(tuple(self._step(n) for n in range(self.draw.choice((0, 1, 2, 3, 4, 6, 8, 10)))))

    def _step(self, n: int) -> StepJson:
        draw = self.draw
        make: Callable[[], tuple[str, dict[str, Any]]] = draw.choices(
            (self._circumstance, self._need, self._decision, self._service, self._evidence), (45, 15, 20, 14, 6)
        )[0]
        type_name, data = make()
        org = draw.choice(("even", "even", "odd", "third"))
        time = NOW + timedelta(days=draw.choice(_STEP_DAYS), hours=draw.choice((-12, 0, 0, 1, 13)))
        if draw.random() < 0.3:
            data["precision"] = draw.choice(("day", "month"))
            offset = draw.choice((time.tzinfo, time.tzinfo, ZoneInfo("Australia/Sydney")))
            time = time.replace(hour=0, day=time.day if data["precision"] == "day" else 1, tzinfo=offset)
        if draw.random() < 0.05:
            data["on_behalf"] = _CHILD
        return {
            "source": f"urn:pathline:{org}:system",
            "id": f"e{n}",
            "type": f"org.pathline.{type_name}.v1",
            "time": time.isoformat(),
            "org": org,
            "service": data.get("service"),
            "sequence": None,
            "data": data,
        }

    def _day(self) -> str:
        return (date(2026, 3, 10) + timedelta(days=self.draw.choice(_DAYS))).isoformat()

    def _some(self, share: float, **fields: Callable[[], Any]) -> dict[str, Any]:
        """Each of these fields, or not."""
        return {name: make() for name, make in fields.items() if self.draw.random() < share}

    def _circumstance(self) -> tuple[str, dict[str, Any]]:
        draw = self.draw
        stated = {draw.choice(_FACTS[:-1]): draw.choice(_SCALARS) for _ in range(draw.choice((0, 1, 1, 2)))}
        stated |= self._some(0.3, born=lambda: draw.choice(_BIRTHS))
        windows = ("0001-01-01", "2025-03-10", "2026-02-10", self._day())
        return "circumstance.changed", {
            "kind": draw.choice(_KINDS),
            "effective": self._day(),
            **({"facts": stated} if stated else {}),
            **self._some(0.3, complete=lambda: {"from": draw.choice(windows), "until": self._day()}),
            **self._some(0.3, channel=lambda: draw.choice(("web", "phone"))),
        }

    def _need(self) -> tuple[str, dict[str, Any]]:
        verb = self.draw.choice(("expressed", "identified", "changed", "met", "withdrawn"))
        share = 1.0 if verb in ("expressed", "identified") else 0.5
        code = self._some(share, code=lambda: self.draw.choice(("food", "housing")))
        return f"need.{verb}", {"need": self.draw.choice(("n1", "n2"))} | code

    def _decision(self) -> tuple[str, dict[str, Any]]:
        draw = self.draw
        verb = draw.choice(("made", "made", "varied", "ended", "reviewed"))
        data = {"decision": draw.choice(("d1", "d1", "d2"))}
        if verb == "made":
            data["result"] = draw.choice(("granted", "granted", "refused", "deferred"))
        if verb == "reviewed":
            data["review"] = draw.choice(("upheld", "set-aside"))
        data |= self._some(0.6, output=lambda: draw.choice(("aid", "aid", "aid", "rent")))
        return f"decision.{verb}", data | self._some(0.4, effective=self._day, valid_until=self._day)

    def _service(self) -> tuple[str, dict[str, Any]]:
        verb = self.draw.choice(("started", "ended", "delivered"))
        return f"service.{verb}", {"service": "shelter"} | self._some(0.5, quantity=lambda: self.draw.choice((1, 2)))

    def _evidence(self) -> tuple[str, dict[str, Any]]:
        return self.draw.choice((("evidence.provided", {"items": ["other"]}), ("contact.made", {"kind": "chase"})))

    def _rule(self) -> Rule:
        while True:
            self._pool.clear()
            rule = self._node(self.draw.choice((1, 2, 3, 3)))
            if _leaves(rule) <= self.max_leaves:
                return rule

    def _node(self, depth: int) -> Rule:
        draw = self.draw
        if depth == 0 or draw.random() < 0.25:
            leaf = draw.choice(self._pool) if self._pool and draw.random() < 0.25 else self._leaf()
            self._pool.append(leaf)
            return leaf
        op = draw.choice(("all", "any", "all", "any", "not"))
        if op == "not":
            return {"op": op, "of": self._node(depth - 1)}
        return {"op": op, "of": [self._node(depth - 1) for _ in range(draw.choice((1, 2, 2, 3)))]}

    def _leaf(self) -> Rule:
        draw = self.draw
        compared = {"cmp": draw.choice(_COMPARISONS), "value": draw.choice((0, 1, 2))}
        fact = draw.choice(_FACTS + _DERIVED)
        match draw.randrange(20):
            case 0 | 1 | 2 | 3 | 4 | 5 | 6:
                return {"op": "compare", "fact": fact, **compared, "value": draw.choice(_SCALARS)}
            case 7 | 8:
                values = [draw.choice(_SCALARS) for _ in range(draw.choice((0, 1, 2, 3)))]
                return {"op": "compare", "fact": fact, "cmp": "in", "value": values}
            case 9 | 10:
                return {"op": "exists", "fact": fact}
            case 11 | 12 | 13:
                years = draw.choice((0, 17, 18, -1, 36))
                return {"op": "age", "fact": draw.choice(("born", "born", "a")), **compared, "value": years}
            case n:
                type_name = draw.choice((*["circumstance.changed"] * 3, "contact.made", "service.delivered"))
                more = {"where": draw.choice(_WHERES), "within": draw.choice(_WITHINS)}
                asked = {"type": type_name, **{name: value for name, value in more.items() if value is not None}}
                return {"op": "occurred", **asked} if n < 17 else {"op": "count", **asked, **compared}


def _leaves(rule: Rule) -> int:
    match rule["op"]:
        case "all" | "any":
            return sum(_leaves(part) for part in rule["of"])
        case "not":
            return _leaves(rule["of"])
    return 1
