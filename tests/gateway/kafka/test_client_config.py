"""What a Kafka client is given follows from the settings alone, and the password stays in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from pathline_gateway.kafka import client_config, faststream_adapter
from pathline_gateway.kafka.client_config import KafkaSettingsUnusable
from pathline_gateway.settings import Settings

USER = {"kafka_user": "gateway", "kafka_password": SecretStr("not to be printed")}


def settings(protocol: str, **more: Any) -> Settings:
    return Settings(kafka="broker:9092", kafka_security=protocol, **more)  # type: ignore[arg-type]


def test_an_open_broker_needs_nothing() -> None:
    assert client_config.options(settings("PLAINTEXT", **USER)) == {"bootstrap_servers": "broker:9092"}
    assert faststream_adapter.security(settings("PLAINTEXT")) is None


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_both_libraries_are_told_the_same(protocol: str, mechanism: str) -> None:
    from faststream.kafka.security import parse_security

    told = settings(protocol, kafka_mechanism=mechanism, **USER)
    options = client_config.options(told)
    parsed = parse_security(faststream_adapter.security(told))
    assert (options.pop("ssl_context") is None) == (parsed.pop("ssl_context") is None) == (protocol != "SASL_SSL")
    assert options == {"bootstrap_servers": "broker:9092", **parsed}
    assert parsed["sasl_plain_password"] == "not to be printed"


def test_encryption_without_a_user_is_told_alike() -> None:
    options = client_config.options(settings("SSL"))
    assert options["security_protocol"] == "SSL"
    assert options["ssl_context"].verify_mode.name == "CERT_REQUIRED"
    assert options["ssl_context"].check_hostname


@pytest.mark.parametrize("missing", ["kafka_user", "kafka_password"])
def test_half_a_user_is_refused(missing: str) -> None:
    with pytest.raises(KafkaSettingsUnusable, match="PATHLINE_KAFKA_USER and PATHLINE_KAFKA_PASSWORD"):
        client_config.options(settings("SASL_SSL", **{**USER, missing: None}))


def test_authorities_that_are_none_are_refused_without_their_place(tmp_path: Path) -> None:
    file = tmp_path / "secret-name.pem"
    file.write_text("no certificate")
    for place in (file, tmp_path / "secret-name-of-nothing.pem"):
        with pytest.raises(KafkaSettingsUnusable) as refused:
            client_config.options(settings("SASL_SSL", kafka_ca=place, **USER))
        assert "secret-name" not in str(refused.value)


def test_the_password_is_in_no_text_of_the_settings_nor_of_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    told = settings("SASL_SSL", **USER)
    assert "not to be printed" not in f"{told} {told!r} {told.model_dump()} {told.model_dump_json()}"
    monkeypatch.setenv("PATHLINE_KAFKA_PASSWORD", "not to be printed")
    monkeypatch.setenv("PATHLINE_KAFKA_MECHANISM", "a mistake")
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "not to be printed" not in str(refused.value)
    assert "a mistake" not in str(refused.value)
