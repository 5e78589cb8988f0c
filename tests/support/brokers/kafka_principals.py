"""Who may do what at a secured Kafka: SCRAM users over TLS, and rights by prefix, as deploy/ asks of an operator."""

from __future__ import annotations

import secrets
import ssl
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

IN: Final = "pathline.in."
MECHANISM: Final = "SCRAM-SHA-512"
_JAAS: Final = "org.apache.kafka.common.security"
_ITERATIONS: Final = 4096
_WITHIN_S: Final = 30


@dataclass(frozen=True)
class Principal:
    """A user of the broker."""

    name: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)


class Security:
    """One secured cluster's certificate and users. The nodes know each other by a password of their own."""

    def __init__(self, place: Path, java: Path) -> None:
        self.authority = place / "ca.pem"
        self.admin = Principal("admin")
        self._nodes = Principal("nodes")
        self._keys = place / "keys.p12"
        self._keys_password = secrets.token_urlsafe(18)
        self._certify(java.resolve().with_name("keytool"))

    def _certify(self, keytool: Path) -> None:
        store = ("-keystore", self._keys, "-storepass", self._keys_password, "-alias", "kafka")
        subject = ("-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", "-ext", "bc:c=ca:true", "-validity", "2")
        key = ("-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-storetype", "PKCS12")
        export = ("-exportcert", "-rfc", "-file", self.authority)
        for command in ((keytool, *key, *store, *subject), (keytool, *export, *store)):
            subprocess.run([str(part) for part in command], check=True, capture_output=True, timeout=60)

    def properties(self) -> dict[str, str]:
        """What each node is told."""
        user = f'username="{self._nodes.name}" password="{self._nodes.password}"'
        plain = f'{_JAAS}.plain.PlainLoginModule required {user} user_{self._nodes.name}="{self._nodes.password}";'
        settings = {
            "listener.security.protocol.map": "CLIENT:SASL_SSL,INTERNAL:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.client.sasl.enabled.mechanisms": MECHANISM,
            "listener.name.client.scram-sha-512.sasl.jaas.config": f"{_JAAS}.scram.ScramLoginModule required;",
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.location": str(self._keys),
            "ssl.keystore.password": self._keys_password,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{self._nodes.name};User:{self.admin.name}",
        }
        for listener in ("internal", "controller"):
            settings[f"listener.name.{listener}.sasl.enabled.mechanisms"] = "PLAIN"
            settings[f"listener.name.{listener}.plain.sasl.jaas.config"] = plain
        return settings

    def format_flags(self) -> tuple[str, ...]:
        """The first user is there before the first start: somebody must make the others."""
        return ("--add-scram", f"{MECHANISM}=[name={self.admin.name},password={self.admin.password}]")

    def client(self, principal: Principal) -> dict[str, Any]:
        """aiokafka's keyword arguments for this user."""
        return {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": principal.name,
            "sasl_plain_password": principal.password,
            "ssl_context": ssl.create_default_context(cafile=str(self.authority)),
        }

    def rights(self, bootstrap: str) -> Rights:
        """Makes users, as the administrator."""
        return Rights(
            AdminClient(
                {
                    "bootstrap.servers": bootstrap,
                    "security.protocol": "SASL_SSL",
                    "sasl.mechanism": MECHANISM,
                    "sasl.username": self.admin.name,
                    "sasl.password": self.admin.password,
                    "ssl.ca.location": str(self.authority),
                    "log_level": 0,
                }
            )
        )


class Rights:
    """Users and what they may do."""

    def __init__(self, admin: AdminClient) -> None:
        self._admin = admin

    def organisation(self, org: str) -> Principal:
        """It may write to its own topic, and do nothing else."""
        principal = Principal(f"org-{org}")
        self._known(principal)
        self._may(principal, ResourceType.TOPIC, f"{IN}{org}", ResourcePatternType.LITERAL, "WRITE", "DESCRIBE")
        return principal

    def gateway(self, group: str = "pathline-gateway") -> Principal:
        """It reads every organisation's topic by prefix, and makes and writes the door's."""
        principal = Principal("gateway")
        self._known(principal)
        self._may(principal, ResourceType.TOPIC, IN, ResourcePatternType.PREFIXED, "READ", "DESCRIBE")
        self._may(principal, ResourceType.TOPIC, f"{IN}door-1", ResourcePatternType.LITERAL, "CREATE", "WRITE")
        self._may(principal, ResourceType.GROUP, group, ResourcePatternType.LITERAL, "READ")
        return principal

    def reader(self, name: str) -> Principal:
        """A user that may do nothing until somebody lets it."""
        return self.known(Principal(name))

    def topics_out(self, principal: Principal | None = None) -> Principal:
        """A gateway that makes and writes topics of subscriptions, and gives their readers rights."""
        out = principal or self.known(Principal("gateway-out"))
        topic = ("CREATE", "READ", "WRITE", "DESCRIBE", "DELETE", "ALTER_CONFIGS", "DESCRIBE_CONFIGS")
        self._may(out, ResourceType.TOPIC, "pathline.out.", ResourcePatternType.PREFIXED, *topic)
        self._may(out, ResourceType.GROUP, "pathline.position.", ResourcePatternType.PREFIXED, "READ", "DESCRIBE")
        self._may(
            out, ResourceType.TRANSACTIONAL_ID, "pathline.out.", ResourcePatternType.PREFIXED, "WRITE", "DESCRIBE"
        )
        self._may(out, ResourceType.BROKER, "kafka-cluster", ResourcePatternType.LITERAL, "ALTER", "DESCRIBE")
        return out

    def granted(self, name: str) -> list[str]:
        """Who may do anything with what is called so."""
        found = []
        for kind in (ResourceType.TOPIC, ResourceType.GROUP):
            cls: Any = AclBindingFilter  # its stubs know of no name that is left open
            any_right = cls(
                kind, name, ResourcePatternType.LITERAL, None, None, AclOperation.ANY, AclPermissionType.ANY
            )
            found += [each.principal for each in self._admin.describe_acls(any_right).result(_WITHIN_S)]
        return found

    def known(self, principal: Principal) -> Principal:
        """The broker knows this user and its password."""
        self._known(principal)
        return principal

    def _known(self, principal: Principal) -> None:
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
        wanted = UserScramCredentialUpsertion(principal.name, how, principal.password.encode())
        for done in self._admin.alter_user_scram_credentials([wanted]).values():
            done.result(_WITHIN_S)

    def _may(
        self, principal: Principal, kind: ResourceType, name: str, pattern: ResourcePatternType, *operations: str
    ) -> None:
        user, allow = f"User:{principal.name}", AclPermissionType.ALLOW
        wanted = [
            AclBinding(kind, name, pattern, user, "*", AclOperation[operation], allow) for operation in operations
        ]
        for done in self._admin.create_acls(wanted).values():
            done.result(_WITHIN_S)
