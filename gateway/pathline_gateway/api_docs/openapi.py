"""The OpenAPI document of this gateway: what the routes say of themselves, and who may call them."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from pathline_gateway.auth.route_permissions import PUBLIC, roles_for

Json = dict[str, Any]

DESCRIPTION: Final = (
    "Organisations publish what happened between a person and a service. Readers pull and follow each person's own"
    " pathway across all of them. /asyncapi.json describes how to publish over Kafka. A caller shows a bearer token."
    " Roles that may call an operation stand at its security requirement. Any one of them is enough. Errors are"
    " problem+json with a stable reason, and never repeat a value."
)
TAGS: Final[list[Json]] = [
    {"name": "events", "description": "An organisation says what happened."},
    {"name": "pathways", "description": "One person's way across services, for whoever may see it."},
    {"name": "subscriptions", "description": "An organisation is told of events as they come."},
    {"name": "consents", "description": "A person says what others may see of hers."},
    {"name": "mandates", "description": "Who may act for a person, and whether she agreed."},
    {"name": "access", "description": "Who looked at a person's pathway."},
    {"name": "identity", "description": "Who is one person: by her own word, or a reviewer's."},
    {"name": "measures", "description": "How well services join up: cohorts, never a person."},
    {"name": "organisations", "description": "The register of who may publish."},
    {"name": "registrars", "description": "Whose mandates count without the person's own word."},
    {"name": "linkers", "description": "Who may say who is who at which others."},
    {"name": "concealed", "description": "What must not be known, for somebody's safety."},
    {"name": "lawful bases", "description": "What may be shown without consent, and under which instrument."},
    {"name": "register", "description": "What was changed of all this, by whom and when."},
    {"name": "parked", "description": "Refused records and why; replay or discard them."},
    {"name": "set aside", "description": "What background works could not compute, and another try."},
    {"name": "operation", "description": "How much there is, and how far behind."},
]
_SECURITY_SCHEME: Final[Json] = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of the gateway's OpenID Connect issuer. With auth off none is asked for.",
}


class GatewayApi(FastAPI):
    """An application whose OpenAPI document names the callers."""

    def openapi(self) -> Json:
        """The document, made once."""
        is_cached = self.openapi_schema is not None
        document = super().openapi()
        return document if is_cached else _add_security(document)


def _add_security(document: Json) -> Json:
    """Each operation says which roles may call it; public ones, that nobody is asked."""
    document.setdefault("components", {})["securitySchemes"] = {"bearer": _SECURITY_SCHEME}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            roles = roles_for(method.upper(), path)
            operation["security"] = [] if roles is PUBLIC else [{"bearer": [role]} for role in sorted(roles or ())]
    return document
