"""Apache Kafka's jars in a cache folder outside the repository, fetched with Maven where they are missing.

`make kafka` fetches them and says where they are. With KAFKA_HOME set, that installation is taken and
nothing is fetched.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

POM: Final = Path(__file__).parent / "kafka" / "pom.xml"

OLDEST_JAVA: Final = 17
"""What Kafka 4's brokers run on."""

PATIENCE: Final = 60.0
"""Seconds without progress after which a download is given up; a failure is believed as long, by those who waited."""

PROGRAM: Final = "kafka_2.13-*.jar"
LOGGING: Final = "log4j-slf4j*.jar"
"""Copied, like every jar; without either nothing runs, or nothing is said."""


class KafkaMissing(Exception):
    """Apache Kafka cannot be had on this machine; the text says why in one line."""


@dataclass(frozen=True)
class Installation:
    """A Java and Kafka's jars."""

    java: Path
    jars: Path

    def command(self, *arguments: str, flags: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The argv that runs one of Kafka's classes."""
        return (str(self.java), *flags, "-cp", f"{self.jars}/*", *arguments)


def kafka_version() -> str:
    """The version that the pom asks for."""
    found = re.search(r"<kafka\.version>([\d.]+)</kafka\.version>", POM.read_text())
    assert found is not None
    return found[1]


def installed() -> Installation:
    """Kafka can be started. Raises KafkaMissing."""
    return Installation(java(), jars())


def jars() -> Path:
    """The folder of the jars, complete: of KAFKA_HOME, or of the cache. Raises KafkaMissing."""
    if home := os.environ.get("KAFKA_HOME"):
        for folder in (Path(home) / "libs", Path(home) / "lib"):
            if complete(folder):
                return folder
        raise KafkaMissing("KAFKA_HOME has no Kafka in libs/")
    return fetched(cache() / f"kafka-{kafka_version()}") / "lib"


def cache() -> Path:
    """Where downloads are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pathline"


def java() -> Path:
    """A Java that is new enough. Raises KafkaMissing."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found is None:
        raise KafkaMissing("no java")
    printed = subprocess.run([found, "-version"], capture_output=True, text=True, check=False, timeout=30).stderr
    version = re.search(r'version "(\d+)', printed)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise KafkaMissing(f"java is older than {OLDEST_JAVA}")
    return Path(found)


def complete(folder: Path) -> bool:
    """Whether the program and its logging are there."""
    return all(any(folder.glob(pattern)) for pattern in (PROGRAM, LOGGING))


def fetched(place: Path, *flags: str, patience: float = PATIENCE) -> Path:
    """`place` holds lib/ with every jar. Of processes that ask at once, one downloads. Raises KafkaMissing."""
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place.with_name(f"{place.name}.lock")) as lock:
        if not place.exists():
            _refuse_what_just_failed(lock, patience)
            try:
                _download(place, flags, patience)
            except KafkaMissing as missing:
                _note(lock, str(missing))
                raise
            _note(lock, "")
    return place


@contextmanager
def _alone(path: Path) -> Iterator[IO[str]]:
    with path.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def _refuse_what_just_failed(lock: IO[str], patience: float) -> None:
    """Those who waited for a download that failed do not each wait for their own."""
    lock.seek(0)
    reason = lock.read()
    if reason and time.time() - os.fstat(lock.fileno()).st_mtime < patience:
        raise KafkaMissing(reason)


def _note(lock: IO[str], reason: str) -> None:
    lock.truncate(0)
    lock.write(reason)
    lock.flush()


def _download(place: Path, flags: tuple[str, ...], patience: float) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaMissing("no mvn, and no KAFKA_HOME")
    with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as scratch:
        new = Path(scratch) / "kafka"
        goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={new / 'lib'}")
        _run((maven, *flags, "-f", str(POM), *goal), Path(scratch) / "log", patience)
        if not complete(new / "lib"):
            raise KafkaMissing("Maven ended well and copied no Kafka")
        new.rename(place)


def _run(command: tuple[str, ...], log: Path, patience: float) -> None:
    """It has ended well. Not Maven's batch mode: there a large file shows no progress. Raises KafkaMissing."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        seen, since = 0, time.monotonic()
        while process.poll() is None:
            if (size := log.stat().st_size) != seen:
                seen, since = size, time.monotonic()
            if time.monotonic() - since > patience:
                raise KafkaMissing(f"its download made no progress for {patience:g} seconds")
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode != 0:
        raise KafkaMissing(f"Maven could not fetch it: {_first_error(log)}")


def _first_error(log: Path) -> str:
    lines = re.sub(r"\x1b\[[\d;]*m", "", log.read_text(errors="replace")).splitlines()
    return next((line[8:].strip()[:300] for line in lines if line.startswith("[ERROR]")), "it does not say why")


if __name__ == "__main__":
    try:
        print(installed().jars)
    except KafkaMissing as missing:
        sys.exit(f"Apache Kafka is missing: {missing}")
