"""Pathways and rules that collide: few facts, few types, dates around today, equal leaves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from gateway.offers.cases import NOW, in_order

Json = st.SearchStrategy[Any]

zones: st.SearchStrategy[ZoneInfo] = st.sampled_from(["UTC", "Australia/Sydney", "America/St_Johns"]).map(ZoneInfo)
_TODAY: Final = date(2026, 3, 10)
instants: st.SearchStrategy[datetime] = st.builds(
    lambda days, hours: NOW + timedelta(days=days, hours=hours),
    st.integers(-3, 3),
    st.sampled_from([0, 0, 11, -11, 13]),
)
days = st.sampled_from([-800, -366, -365, -32, -31, -28, -8, -7, -2, -1, 0, 0, 1, 2]).map(
    lambda n: (_TODAY + timedelta(days=n)).isoformat()
)
facts = st.sampled_from(["a", "a", "b", "c", "born"])
derived = st.sampled_from(
    ["need.food", "need.housing", "decision.aid", "service.shelter", "evidence.other", "circumstance.move"]
)
births = st.sampled_from(["2008-03-10", "2008-03-11", "2008-02-29", "2027-01-01", "1990-01-01", "2026-03-10", "soon"])
scalars: Json = st.sampled_from([1, 2, 3, True, False, "x", "y", 1])
kinds = st.sampled_from(["move", "move", "birth", "illness", "other"])
types = st.sampled_from(["circumstance.changed", "circumstance.changed", "contact.made", "service.delivered"])
orgs = st.sampled_from(["even", "even", "odd", "third"])
comparisons = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"])
withins = st.sampled_from(["P1D", "P1M", "P1Y", "P1W", "PT24H", "P1M1DT1H", "P3000Y", "P0D"])


def _named(name: str, value: Json) -> Json:
    return value.map(lambda each: {name: each})


def _merged(*parts: Json) -> Json:
    return st.tuples(*parts).map(lambda each: {name: value for part in each for name, value in part.items()})


def _maybe(name: str, value: Json) -> Json:
    return st.just(dict[str, Any]()) | _named(name, value)


_stated = st.dictionaries(facts, scalars, max_size=2) | _named("born", births)
_windows = st.builds(
    lambda first, last: {"from": first, "until": last},
    st.sampled_from(["0001-01-01", "2025-03-10", "2026-02-10"]),
    days,
)
_bodies: Json = st.one_of(
    st.tuples(
        st.just("circumstance.changed"),
        _merged(
            _named("kind", kinds),
            _named("effective", days),
            _maybe("facts", _stated),
            _maybe("channel", st.sampled_from(["web", "phone"])),
        ),
    ),
    st.tuples(
        st.just("circumstance.changed"),
        _merged(
            _named("kind", kinds), _named("effective", days), _maybe("facts", _stated), _named("complete", _windows)
        ),
    ),
    st.tuples(
        st.sampled_from(["need.expressed", "need.identified"]),
        _merged(_named("need", st.sampled_from(["n1", "n2"])), _named("code", st.sampled_from(["food", "housing"]))),
    ),
    st.tuples(
        st.sampled_from(["need.changed", "need.met", "need.withdrawn"]),
        _merged(_named("need", st.sampled_from(["n1", "n2"])), _maybe("code", st.sampled_from(["food", "housing"]))),
    ),
    st.tuples(
        st.just("decision.made"),
        _merged(
            _named("decision", st.sampled_from(["d1", "d2"])),
            _named("result", st.sampled_from(["granted", "granted", "refused", "deferred"])),
            _named("output", st.just("aid")),
            _maybe("effective", days),
            _maybe("valid_until", days),
        ),
    ),
    st.tuples(
        st.sampled_from(["decision.varied", "decision.ended"]),
        _merged(
            _named("decision", st.sampled_from(["d1", "d2"])), _maybe("effective", days), _maybe("valid_until", days)
        ),
    ),
    st.tuples(
        st.just("decision.reviewed"),
        _merged(
            _named("decision", st.sampled_from(["d1", "d2"])),
            _named("review", st.sampled_from(["upheld", "set-aside"])),
        ),
    ),
    st.tuples(
        st.sampled_from(["service.started", "service.ended", "service.delivered"]),
        _merged(_named("service", st.just("shelter")), _maybe("quantity", st.sampled_from([1, 2]))),
    ),
    st.tuples(st.just("evidence.provided"), _named("items", st.just(["other"]))),
    st.tuples(st.just("contact.made"), _named("kind", st.sampled_from(["chase", "enquiry"]))),
)
_more = _merged(
    st.sampled_from([{}, {}, {}, {}, {"on_behalf": {"subject": "v1.EdPs5Uv4fhE4H4_Ov9htOQ", "role": "child"}}]),
    st.sampled_from([{}, {}, {}, {"precision": "day"}, {"precision": "month"}]),
)
_times = st.builds(
    lambda days, hours: (NOW + timedelta(days=days, hours=hours)).isoformat(),
    st.sampled_from([-400, -366, -365, -40, -31, -28, -20, -8, -7, -2, -1, -1, 0, 0, 1]),
    st.sampled_from([-12, 0, 0, 1, 13]),
)


@st.composite
def pathways(draw: st.DrawFn, max_size: int = 6) -> list[dict[str, Any]]:
    """Steps in pathway order."""
    drawn = draw(st.lists(st.tuples(_bodies, _more, _times, orgs), max_size=max_size))
    return in_order(tuple(_step(n, *each) for n, each in enumerate(drawn)))


def _step(n: int, body: tuple[str, dict[str, Any]], more: dict[str, Any], time: str, org: str) -> dict[str, Any]:
    type, data = body
    if "precision" in more:
        moment = datetime.fromisoformat(time).replace(hour=0, minute=0)
        time = (moment if more["precision"] == "day" else moment.replace(day=1)).astimezone(UTC).isoformat()
    return {
        "source": f"urn:pathline:{org}:system",
        "id": f"e{n}",
        "type": f"org.pathline.{type}.v1",
        "time": time,
        "org": org,
        "service": data.get("service"),
        "sequence": None,
        "data": data | more,
    }


_wheres = st.sampled_from(
    [{}, {"kind": "move"}, {"kind": "move"}, {"kind": "illness"}, {"kind": "move", "channel": "web"}, {"quantity": 1}]
)
_looks = _merged(_maybe("where", _wheres.filter(bool)), _maybe("within", withins))
leaves: Json = st.one_of(
    _merged(
        st.just({"op": "compare"}),
        _named("fact", facts | derived),
        _named("cmp", comparisons),
        _named("value", scalars),
    ),
    _merged(
        st.just({"op": "compare"}),
        _named("fact", facts | derived),
        st.just({"cmp": "in"}),
        _named("value", st.lists(scalars, max_size=3)),
    ),
    _merged(st.just({"op": "exists"}), _named("fact", facts | derived)),
    _merged(
        st.just({"op": "age", "fact": "born"}),
        _named("cmp", comparisons),
        _named("value", st.sampled_from([0, 17, 18])),
    ),
    _merged(st.just({"op": "occurred"}), _named("type", types), _looks),
    _merged(
        st.just({"op": "count"}),
        _named("type", types),
        _looks,
        _named("cmp", comparisons),
        _named("value", st.integers(0, 2)),
    ),
)


def rules_of(parts: Json, max_leaves: int = 6) -> Json:
    """Rules over such leaves."""
    return st.recursive(
        parts,
        lambda inner: st.one_of(
            _merged(
                _named("op", st.sampled_from(["all", "any"])), _named("of", st.lists(inner, min_size=1, max_size=3))
            ),
            _merged(st.just({"op": "not"}), _named("of", inner)),
        ),
        max_leaves=max_leaves,
    )


rules = rules_of(leaves)
