"""The one place where settings become what a Kafka client is given; the password is in nothing that is printed."""

from __future__ import annotations

import ssl
from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from pathline_gateway.settings import Settings

_SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


class KafkaSettingsUnusable(Exception):
    """What is said about the broker's security cannot be used; the settings must be mended."""

    reason = "kafka-settings-unusable"


def security(settings: Settings) -> BaseSecurity | None:
    """FastStream's description of how to sign in; None where nobody needs to. Raises KafkaSettingsUnusable."""
    protocol = settings.kafka_security
    if protocol == "PLAINTEXT":
        return None
    encrypted = protocol.endswith("SSL")
    context = _ssl_context(settings) if encrypted else None
    if not protocol.startswith("SASL_"):
        return BaseSecurity(ssl_context=context, use_ssl=encrypted)
    if settings.kafka_user is None or settings.kafka_password is None:
        raise KafkaSettingsUnusable(f"{protocol} needs PATHLINE_KAFKA_USER and PATHLINE_KAFKA_PASSWORD")
    sasl_class = _SASL[settings.kafka_mechanism]
    password = settings.kafka_password.get_secret_value()
    return sasl_class(settings.kafka_user, password, ssl_context=context, use_ssl=encrypted)


def options(settings: Settings) -> dict[str, Any]:
    """aiokafka's keyword arguments that reach the broker and sign in. Raises KafkaSettingsUnusable."""
    client_options: dict[str, Any] = {"bootstrap_servers": settings.kafka}
    kafka_security = security(settings)
    if kafka_security is None:
        return client_options
    client_options |= {"security_protocol": settings.kafka_security, "ssl_context": kafka_security.ssl_context}
    if isinstance(kafka_security, SASLPlaintext | SASLScram256 | SASLScram512):
        client_options["sasl_mechanism"] = settings.kafka_mechanism
        client_options |= {
            "sasl_plain_username": kafka_security.username,
            "sasl_plain_password": kafka_security.password,
        }
    return client_options


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.kafka_ca)
    except (OSError, ssl.SSLError):
        raise KafkaSettingsUnusable("PATHLINE_KAFKA_CA is not a file of PEM certificates") from None
