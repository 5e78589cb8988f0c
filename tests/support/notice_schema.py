"""Holds an event of the gateway's own against its model and the schema that is committed for it."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from pathline.vocabulary.notices import NOTICES
from support.repository import ROOT

SCHEMAS = ROOT / "contracts/schemas/told"


def check_notice(event: dict[str, Any]) -> None:
    """A subscriber who reads by the contract reads this."""
    NOTICES[event["type"]].model_validate_json(json.dumps(event))
    Draft202012Validator(json.loads((SCHEMAS / f"{event['type']}.json").read_text())).validate(event)
