"""Nobody decides by publishing who may look: what an organisation says shows nobody what was not granted."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.visibility import attack
from gateway.visibility.attack import ATTACK, WORLDS, shown_without_a_grant
from pathline_gateway.handoffs import lifecycle
from pathline_gateway.identity import evidence, resolution
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.identity.links.rights import Rights
from pathline_gateway.pathways.parsed_step import ParsedStep
from pathline_gateway.visibility import consent as visibility_consent
from pathline_gateway.visibility import handoff_sharing
from pathline_gateway.visibility import mandates as visibility_mandates
from pathline_gateway.visibility import policy as visibility_policy
from pathline_gateway.visibility.mandates import MandateKey, orgs_by_mandate
from support.examples import number as some_or_all

EXAMPLES = int(os.environ.get("GRANTS_EXAMPLES", some_or_all(10_000)))
"""How many attacks are tried; `make grants` tries 200,000."""
TRIES = 20_000
"""Within so many random attacks each planted hole is found."""

_RELEASING = (3510, 604)
"""A world in which a link waits for a reviewer, and the word of one organisation by which it would have bound."""


@pytest.mark.scaled
@pytest.mark.timeout(600 + EXAMPLES // 20)
@given(number=st.integers(0, WORLDS - 1), numbers=st.lists(st.integers(0, ATTACK - 1), min_size=1, max_size=6))
@example(number=_RELEASING[0], numbers=[_RELEASING[1]])
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_no_event_of_an_organisation_shows_anybody_what_nobody_granted(number: int, numbers: list[int]) -> None:
    assert shown_without_a_grant(number, numbers) == []


def _anybodys_consent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(visibility_consent, "consent_is_effective", lambda org, holder: True)


def _a_readers_own_consent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(visibility_consent, "consent_is_effective", lambda org, holder: org in ("citizen", holder, attack.X))


def _anybodys_mandate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(visibility_mandates, "mandate_is_effective", lambda org, registrars: True)


def _a_mandates_end_by_its_id_alone(patch: pytest.MonkeyPatch) -> None:
    """An organisation's word of a mandate with the id of hers takes its place."""

    def words(steps: object, now: object) -> object:
        found = dict[str, ParsedStep]()
        for told in steps:  # type: ignore[attr-defined]
            if told.noun == "mandate" and told.step.time <= now:
                found[told.data["mandate"]] = told
        return visibility_mandates.LatestMandates(tuple(found.values()), frozenset())

    patch.setattr(visibility_mandates, "latest_mandates", words)
    patch.setattr(visibility_mandates, "mandate_is_effective", lambda org, registrars: True)


def _own_links_without_limits(patch: pytest.MonkeyPatch) -> None:
    def standing(self: Rights, source: str, kind: str, orgs: tuple[str, str]) -> EvidenceRank:
        mine = [org == attack.X for org in orgs]
        return EvidenceRank.LINKER if all(mine) or (kind == "different" and any(mine)) else EvidenceRank.PROPOSED

    patch.setattr(Rights, "rank_of", standing)


def _own_links_before_others(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(evidence, "_SORT_RANKS", {EvidenceRank.OWN: EvidenceRank.CITIZEN - 0.5, EvidenceRank.ONE_SIDE: 1.5})
    patch.setattr(resolution, "_stage", lambda said: 0 if said.rank is EvidenceRank.OWN else 3)


def _one_side_parts_her_from_her_links(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resolution, "_stage", lambda said: 0 if not said.same else 3)
    patch.setattr(resolution, "_SINGLE_ORG_RANKS", ())


def _proposed_links_bind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Rights, "rank_of", lambda self, source, kind, orgs: EvidenceRank.LINKER)


def _a_token_of_ones_own(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lifecycle.TokenUse, "is_self_issued", property(lambda self: False))


def _context_goes_with_a_redirect(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lifecycle.Lifecycle, "last_sender", property(lambda self: self.sender))


def _a_receiver_releases_context(patch: pytest.MonkeyPatch) -> None:
    def released(self: lifecycle.Lifecycle) -> bool:
        return any(bool(event.data.get("context_released")) for event in self.transitions)

    patch.setattr(lifecycle.Lifecycle, "is_context_released", property(released))


def _anybody_offers(patch: pytest.MonkeyPatch) -> None:
    rule = lifecycle.Lifecycle._find_rule

    def anybodys(self: lifecycle.Lifecycle, event: object) -> object:
        mine = getattr(event, "verb", "") == "offered" and getattr(event, "org", "") == attack.X
        return lifecycle._OFFER_RULE if mine else rule(self, event)  # type: ignore[arg-type]

    patch.setattr(lifecycle.Lifecycle, "_find_rule", anybodys)
    patch.setattr(lifecycle.Lifecycle, "last_sender", property(lambda self: self.sender))


def _whoever_names_a_hand_off_is_a_side(patch: pytest.MonkeyPatch) -> None:

    def receives(life: lifecycle.Lifecycle, org: str) -> bool:
        return life.receiver == org or any(event.org == org for event in (*life.transitions, *life.anomalies))

    patch.setattr(handoff_sharing, "_is_receiver", receives)


def _who_is_named_in_any_mandate(patch: pytest.MonkeyPatch) -> None:
    """By the mandate's id alone, whoever's it is."""

    class ById(dict[MandateKey, set[str]]):
        def get(self, name: MandateKey, default: object = None) -> set[str]:
            return set().union(*(orgs for key, orgs in self.items() if key[1] == name[1]))

    patch.setattr(visibility_policy, "orgs_by_mandate", lambda steps: ById(orgs_by_mandate(steps)))


CONSENT, MANDATE, IDENTITY, HANDOFF = 0, 1, 2, 4
"""Kinds of events, by their place among the attacker's."""
HOLES: Mapping[Callable[[pytest.MonkeyPatch], None], int] = {
    _anybodys_consent: CONSENT,
    _a_readers_own_consent: CONSENT,
    _anybodys_mandate: MANDATE,
    _a_mandates_end_by_its_id_alone: MANDATE,
    _own_links_without_limits: IDENTITY,
    _own_links_before_others: IDENTITY,
    _one_side_parts_her_from_her_links: IDENTITY,
    _proposed_links_bind: IDENTITY,
    _a_token_of_ones_own: HANDOFF,
    _context_goes_with_a_redirect: HANDOFF,
    _a_receiver_releases_context: HANDOFF,
    _anybody_offers: HANDOFF,
    _whoever_names_a_hand_off_is_a_side: HANDOFF,
    _who_is_named_in_any_mandate: MANDATE,
}
"""Each rule of the product without which somebody is shown more, and the kind of event that shows it."""


@pytest.fixture
def fresh() -> Iterator[None]:
    """What was granted under another rule is forgotten, before and after."""
    attack.granted.cache_clear()
    yield
    attack.granted.cache_clear()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("hole", HOLES, ids=lambda hole: hole.__name__.strip("_"))
def test_a_planted_hole_is_found(hole: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    hole(monkeypatch)
    assert tries(HOLES[hole]) < TRIES


@pytest.mark.usefixtures("fresh")
def test_what_waits_would_be_released_by_one_organisation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolution, "_SINGLE_ORG_RANKS", ())
    assert shown_without_a_grant(_RELEASING[0], [_RELEASING[1]])


def tries(kind: int) -> int:
    """After how many random attacks of this kind somebody is shown what nobody granted."""
    chance = random.Random(kind)
    for n in range(TRIES):
        number = chance.randrange(WORLDS)
        numbers = [
            attack.KINDS * chance.randrange(ATTACK // attack.KINDS) + kind for _ in range(chance.randrange(1, 4))
        ]
        if shown_without_a_grant(number, numbers):
            return n
    return TRIES
