"""Pseudonyms: the published vectors, computed again by hand as RFC 2104 and RFC 5869 say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline import Pseudonyms
from pathline.pseudonym import InvalidKey, decode_key, new_key
from pathline.rows.identifier import WrongIdentifier, canonical_identifier
from support.repository import ROOT

VECTORS = json.loads((ROOT / "contracts/vectors/pseudonyms.json").read_text())["vectors"]


def by_hand(key: bytes, org: str, epoch: int, identifier: str) -> str:
    extracted = hmac.new(b"pathline pseudonym", key, hashlib.sha256).digest()
    derived = hmac.new(extracted, f"{org}/v{epoch}".encode() + bytes([1]), hashlib.sha256).digest()
    named = unicodedata.normalize("NFC", identifier.strip()).encode("utf-8")
    tag = hmac.new(derived, named, hashlib.sha256).digest()[:16]
    return f"v{epoch}.{base64.b64encode(tag, b'-_').decode()[:22]}"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["why"])
def test_a_vector_is_what_the_definition_says(vector: dict[str, Any]) -> None:
    key = bytes.fromhex(vector["key_hex"])
    assert by_hand(key, vector["org"], vector["epoch"], vector["identifier"]) == vector["subject"]
    assert Pseudonyms(vector["org"], key, vector["epoch"]).subject(vector["identifier"]) == vector["subject"]


def test_the_vectors_cover_what_other_languages_get_wrong() -> None:
    assert {"plain", "surrounding white space", "composed", "decomposed", "beyond the basic plane"} <= {
        v["why"] for v in VECTORS
    }
    by_why = {v["why"]: v["subject"] for v in VECTORS}
    assert by_why["composed"] == by_why["decomposed"]
    assert by_why["plain"] == by_why["surrounding white space"]
    assert len({by_why[w] for w in ("plain", "another epoch", "another organisation", "another key")}) == 4


@given(key=st.binary(min_size=32, max_size=48), epoch=st.integers(1, 9999), who=st.text(min_size=1).filter(str.strip))
def test_any_identifier_gets_the_pseudonym_of_the_definition(key: bytes, epoch: int, who: str) -> None:
    try:
        who.encode()
    except UnicodeEncodeError:
        return
    try:
        canonical_identifier(who, confirmed=True)
    except WrongIdentifier:
        with pytest.raises(ValueError, match="identifier"):
            Pseudonyms("org", key, epoch).subject(who)
    else:
        assert Pseudonyms("org", key, epoch).subject(who, confirmed=True) == by_hand(key, "org", epoch, who)


def test_keys_are_made_read_and_never_shown() -> None:
    text = new_key()
    assert len(decode_key(text)) == 32
    assert text not in repr(Pseudonyms.from_text("org", text))
    for wrong in ("", "short", "!" * 50):
        with pytest.raises(InvalidKey) as refused:
            decode_key(wrong)
        assert wrong == "" or wrong not in str(refused.value)
    with pytest.raises(ValueError, match="blank"):
        Pseudonyms.from_text("org", text).subject("  ")
