"""Who may say what of trust: every type, by every kind of sayer, about whatever it may be, does what the table says."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pathline.vocabulary import TYPES
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.concealment.rules import NOTHING_CONCEALED
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.identity.links.rights import Rights
from pathline_gateway.pathways.parsed_step import parse_step
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import ACCOUNT_SOURCE, REVIEW_SOURCE
from pathline_gateway.visibility.authority import SAFETY, TABLE, Asserter, Effect, Relation, effect_of
from pathline_gateway.visibility.authority_document import DOCUMENT_PATH, replace_table
from pathline_gateway.visibility.citizen_consents import list_own_consents
from pathline_gateway.visibility.citizen_mandates import list_own_mandates
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from support.generators.pathways import NOW, consent, ids, organisation, pathway, person, ref, seen, step, subject

TRUST = sorted(name for name in TYPES if name.split(".")[2] in ("consent", "mandate", "identity"))
REFS = [ref(org, age=n) for n, org in enumerate(("sayer", "clinic", "reader", "citizen"))]
STEPS = [step(org, f"{org}-1", minute=n) for n, org in enumerate(("sayer", "clinic", "reader", "citizen"))]
KEY = ReaderKey(b"a secret of a test, of 32 bytes.", "person:x")
ORGS = {
    Asserter.PERSON: "citizen",
    Asserter.ORGANISATION: "sayer",
    Asserter.REGISTRAR: "sayer",
    Asserter.LINKER: "sayer",
    Asserter.REVIEWER: "pathline",
}
HELPER = person(9, Role.HELPER)


def test_the_table_speaks_of_every_type_by_everybody_about_anything_and_once() -> None:
    cells = [(t, s, r) for rule in TABLE for t in rule.types for s in rule.asserters for r in rule.relations]
    twice = {cell for cell in cells if cells.count(cell) > 1}
    assert twice == set()
    missing = set(itertools.product([*TRUST, SAFETY], Asserter, Relation)) - set(cells)
    assert missing == set()
    assert effect_of("org.pathline.contact.made.v1", Asserter.PERSON, Relation.OWN) is Effect.NOTHING


def test_the_documentation_has_the_table() -> None:
    page = DOCUMENT_PATH.read_text()
    assert page == replace_table(page)


def test_documentation_without_a_place_for_the_table_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="lost the lines"):
        replace_table("# Who sees what\n")


def holder(sayer: Asserter, relation: Relation) -> str:
    return ORGS[sayer] if relation is Relation.OWN else "clinic"


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("sayer", [s for s in Asserter if s is not Asserter.REVIEWER])
def test_a_consent_opens_what_the_table_says(sayer: Asserter, relation: Relation) -> None:
    about = holder(sayer, relation)
    said = consent(ORGS[sayer], "k", holders=[about], recipients=["reader"])
    shown = f"{about}-1" in ids(organisation("reader"), pathway(REFS, STEPS, [said]))
    assert shown == (effect_of("org.pathline.consent.given.v1", sayer, relation) is Effect.BINDS)
    (listed,) = list_own_consents([said], subject(1), NOTHING_CONCEALED, KEY, NOW)
    assert (listed.is_live, listed.validity != "proposal") == (shown, shown)


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("sayer", [s for s in Asserter if s is not Asserter.REVIEWER])
def test_a_withdrawal_closes_what_the_table_says(sayer: Asserter, relation: Relation) -> None:
    about = holder(sayer, relation)
    granting = "citizen" if sayer is not Asserter.PERSON else about
    given = consent(granting, "k", holders=[about], recipients=["reader"])
    which = "c1" if granting == ORGS[sayer] else "another"  # her own ends by its id, others' by a word against them
    ended = consent(ORGS[sayer], "w", False, minute=9, recipients=["reader"], consent=which)
    assert f"{about}-1" in ids(organisation("reader"), pathway(REFS, STEPS, [given]))
    shown = f"{about}-1" in ids(organisation("reader"), pathway(REFS, STEPS, [given, ended]))
    assert shown != (effect_of("org.pathline.consent.withdrawn.v1", sayer, relation) is Effect.BINDS)


def mandate(org: str, id: str = "m", verb: str = "given", minute: int = 5, **more: Any) -> Step:
    said = {"mandate": id, "agent": {"org": "citizen", "subject": subject(9)}, "services": [], "powers": ["see"]}
    return step(org, f"{org}-{id}-{verb}", f"mandate.{verb}", minute=minute, **(said | more))


@pytest.mark.parametrize("sayer", [s for s in Asserter if s is not Asserter.REVIEWER])
@pytest.mark.parametrize("safety", [None, "conceal", "location-hidden"])
def test_a_mandate_lets_its_agent_see_where_the_table_says(sayer: Asserter, safety: str | None) -> None:
    registrars = {"sayer"} if sayer is Asserter.REGISTRAR else set()
    given = mandate(ORGS[sayer], **dict[str, Any]({} if safety is None else {"safety": safety}))
    known = pathway(REFS, [*STEPS, given], registrars=registrars)
    sees = "clinic-1" in ids(HELPER, known)
    relation = Relation.OWN if sayer is Asserter.PERSON else Relation.OTHERS
    assert sees == (effect_of("org.pathline.mandate.given.v1", sayer, relation) is Effect.BINDS)
    (listed,) = list_own_mandates([parse_step(given)], subject(1), registrars, NOTHING_CONCEALED, KEY, NOW)
    assert (listed.is_live, listed.validity == "binds") == (sees, sees)


@pytest.mark.parametrize("safety", [None, "conceal"])
@pytest.mark.parametrize("by", ["citizen", "sayer", "clinic"])
@pytest.mark.parametrize("of", ["citizen", "sayer"])
def test_a_mandate_ends_by_the_person_and_by_who_gave_it_and_by_nobody_else(of: str, by: str, safety: Any) -> None:
    given, ended = mandate(of), mandate(by, verb="withdrawn", minute=6, safety=safety)
    known = pathway(REFS, [*STEPS, given, ended], registrars={"sayer", "clinic"})
    assert ("clinic-1" in ids(HELPER, known)) == (by not in ("citizen", of))


IDENTITY: Mapping[Asserter, Callable[[], tuple[str, Rights]]] = {
    Asserter.PERSON: lambda: (ACCOUNT_SOURCE, Rights(False, ())),
    Asserter.ORGANISATION: lambda: ("urn:pathline:sayer:desk", Rights(False, ())),
    Asserter.REGISTRAR: lambda: ("urn:pathline:sayer:desk", Rights(False, ())),
    Asserter.LINKER: lambda: ("urn:pathline:sayer:desk", Rights(False, {("sayer", o) for o in ("clinic", "reader")})),
    Asserter.REVIEWER: lambda: (REVIEW_SOURCE, Rights(False, ())),
}
SIDES = {
    Relation.OWN: ("sayer", "sayer"),
    Relation.PARTLY: ("sayer", "clinic"),
    Relation.OTHERS: ("clinic", "reader"),
}


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("sayer", [s for s in Asserter if s is not Asserter.PERSON])
@pytest.mark.parametrize("kind", ["same", "different"])
def test_evidence_of_who_is_who_weighs_what_the_table_says(kind: str, sayer: Asserter, relation: Relation) -> None:
    source, rights = IDENTITY[sayer]()
    type = "linked" if kind == "same" else "distinguished"
    found = rights.rank_of(source, kind, SIDES[relation])
    wanted = {EvidenceRank.PROPOSED: Effect.PROPOSAL, EvidenceRank.OWN: Effect.BINDS_SOMETIMES}.get(found, Effect.BINDS)
    if sayer is Asserter.LINKER and relation is Relation.OWN:
        assert found in (EvidenceRank.OWN, EvidenceRank.LINKER)
    else:
        assert effect_of(f"org.pathline.identity.{type}.v1", sayer, relation) is wanted
    if (kind, relation) == ("different", Relation.PARTLY) and sayer in (Asserter.ORGANISATION, Asserter.REGISTRAR):
        assert found is EvidenceRank.ONE_SIDE


@pytest.mark.parametrize("role", [Role.CITIZEN, Role.HELPER, Role.SUBSCRIBER, Role.LINKER])
def test_a_token_that_names_an_organisation_publishes_nothing_for_it_without_the_role(role: Role) -> None:
    assert not Caller(frozenset((role,)), org="clinic", account=subject(1)).publishes_for("clinic")


@pytest.mark.parametrize("safety", ["conceal", "location-hidden", "safe-contact-only"])
def test_what_a_mandate_says_of_its_own_safety_hides_no_reading_by_it(safety: str) -> None:
    found = seen(HELPER, pathway(REFS, [*STEPS, mandate("citizen", safety=safety)]))
    assert found is not None
    assert not found.is_concealed_access
