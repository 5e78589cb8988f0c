"""What differs from one gateway to another: where its broker is, and under which names it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Security = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_SCHEME_TYPES: Final = {"PLAIN": "plain", "SCRAM-SHA-256": "scramSha256", "SCRAM-SHA-512": "scramSha512"}


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where one gateway's broker is, as publishers reach it, and what the gateway calls itself there."""

    brokers: tuple[str, ...] = ()
    """Bootstrap servers, each `host:port`; none where publishers are told otherwise."""
    security: Security = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    group: str = "pathline-gateway"
    """The consumer group of intake."""
    door_topic: str = "pathline.in.door-1"
    """The topic to which the gateway alone writes what it was sent over HTTP."""

    def build_servers(self) -> dict[str, Any]:
        """The AsyncAPI servers, by name."""
        if not self.brokers:
            return {
                "broker": {"host": "{broker}", **self._common_server_fields(), "variables": {"broker": _UNKNOWN_BROKER}}
            }
        names = ["broker"] if len(self.brokers) == 1 else [f"broker-{n}" for n in range(1, len(self.brokers) + 1)]
        return {
            name: {"host": host, **self._common_server_fields()} for name, host in zip(names, self.brokers, strict=True)
        }

    def build_security_schemes(self) -> dict[str, Any]:
        """How one signs in to the broker, by name; empty where nobody has to."""
        if "SASL" not in self.security:
            return {}
        description = "The operator gives each organisation a name, a password and the right to write its own topic."
        return {"signIn": {"type": _SCHEME_TYPES[self.mechanism], "description": description}}

    def _common_server_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "protocol": "kafka-secure" if "SSL" in self.security else "kafka",
            "title": "The broker",
            "description": "Any broker that speaks the Kafka protocol. Write with acks=all.",
        }
        if self.build_security_schemes():
            fields["security"] = [{"$ref": "#/components/securitySchemes/signIn"}]
        return fields


_UNKNOWN_BROKER: Final = {
    "description": "A bootstrap server; the operator of the gateway says which.",
    "examples": ["broker.example.org:9092"],
}
