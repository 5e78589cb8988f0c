"""Each metric is told something somewhere, with the attributes that it declares."""

from __future__ import annotations

from collections import defaultdict

from gateway.telemetry.instrument_uses import declared_instruments, instrument_uses
from pathline_gateway.telemetry import instruments
from pathline_gateway.telemetry.series_bound import METRIC_ATTRIBUTES, BoundedCounter, BoundedHistogram

_DECLARED = {each.constant: each for each in declared_instruments()}


def test_the_source_is_read_as_it_is() -> None:
    metrics = (BoundedCounter, BoundedHistogram, instruments.ObservedGauge)
    assert _DECLARED.keys() == {name for name, each in vars(instruments).items() if isinstance(each, metrics)}
    assert len({each.name for each in _DECLARED.values()}) == len(_DECLARED)


def test_every_instrument_is_used_in_another_module() -> None:
    assert {use.constant for use in instrument_uses()} == _DECLARED.keys()


def test_a_call_has_no_attribute_that_its_instrument_does_not_declare() -> None:
    undeclared = {
        (use.module, use.constant, key)
        for use in instrument_uses()
        for key in use.keys_in_call - _DECLARED[use.constant].attribute_keys
    }
    assert undeclared == set(), "it would be left out: see attribute_keys in telemetry/instruments.py"


def test_a_module_makes_no_attribute_that_none_of_its_instruments_declares() -> None:
    keys, declared = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for use in instrument_uses():
        keys[use.module] |= {key for key in use.keys_in_module if key.startswith("pathline.")}
        declared[use.module] |= _DECLARED[use.constant].attribute_keys
    undeclared = {(module, key) for module, found in keys.items() for key in found - declared[module]}
    assert undeclared == set(), "it would be left out: see attribute_keys in telemetry/instruments.py"


def test_every_declared_attribute_is_made_where_its_instrument_is_used() -> None:
    made = defaultdict[str, set[str]](set)
    for use in instrument_uses():
        made[use.constant] |= use.keys_in_module
    assert {name: each.attribute_keys - made[name] for name, each in _DECLARED.items()} == dict.fromkeys(
        _DECLARED, frozenset()
    )


def test_every_attribute_that_metrics_may_carry_is_declared_by_one() -> None:
    assert {key for each in _DECLARED.values() for key in each.attribute_keys} == set(METRIC_ATTRIBUTES)
