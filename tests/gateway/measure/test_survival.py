"""Waiting is estimated as another library estimates it."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.measure.survival import Survival, Wait

waits = st.lists(st.builds(Wait, st.integers(0, 12).map(float), st.booleans()), min_size=1, max_size=40)


@given(waits, st.integers(0, 14))
def test_the_share_that_waits_and_its_interval_are_those_of_scipy(told: list[Wait], at: int) -> None:
    # Half a second of a processor, which each worker would take to find its tests.
    from scipy.stats import CensoredData, ecdf

    if not any(wait.ended for wait in told):
        return
    ended = [w.seconds for w in told if w.ended]
    still = [w.seconds for w in told if not w.ended]
    theirs = ecdf(CensoredData(uncensored=np.array(ended), right=np.array(still))).sf
    ours = Survival(told).survival_at(float(at))
    expected = float(theirs.evaluate(at))
    longest = max(w.seconds for w in told)
    if at > longest and expected > 1e-9:
        assert ours.value is None
        return
    assert ours.value == pytest.approx(expected, abs=1e-9)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # undefined where nobody or everybody waits
        bounds = theirs.confidence_interval(method="log-log")
        low, high = float(bounds.low.evaluate(at)), float(bounds.high.evaluate(at))
    if 1e-9 < expected < 1 - 1e-9 and not math.isnan(low):
        assert ours.low == pytest.approx(low, abs=1e-9)
        assert ours.high == pytest.approx(high, abs=1e-9)


@given(waits, st.sampled_from([0.25, 0.5, 0.9]))
def test_a_quantile_is_the_first_instant_after_which_no_more_wait(told: list[Wait], share: float) -> None:
    survival = Survival(told)
    found = survival.quantile(share)
    instants = sorted({w.seconds for w in told})
    left = [(at, survival.survival_at(at).value) for at in instants]
    assert found.value == next((at for at, s in left if s is not None and s <= 1 - share + 1e-9), None)
    if found.value is not None and found.low is not None:
        assert found.low <= found.value
    if found.high is not None:
        assert found.value is not None
        assert found.value <= found.high


def test_of_nobody_nothing_is_told() -> None:
    assert Survival([]).survival_at(1) == (None, None, None)
    assert Survival([]).quantile(0.5) == (None, None, None)


@pytest.mark.parametrize(("n", "margin"), [(1, 0.7935), (96, 0.03847), (1000, 0.003827)])
def test_where_nobody_or_everybody_waits_the_interval_is_that_of_wilson(n: int, margin: float) -> None:
    still = Survival([Wait(5, False)] * n).survival_at(3)
    assert (still.value, still.high) == (1.0, 1.0)
    assert still.low == pytest.approx(1 - margin, rel=1e-3)
    over = Survival([Wait(2, True)] * n).survival_at(3)
    assert (over.value, over.low) == (0.0, 0.0)
    assert over.high == pytest.approx(margin, rel=1e-3)
