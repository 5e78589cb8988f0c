"""Kafka is fetched once, whole, or not at all; and its absence is told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.brokers import kafka_download
from support.brokers.kafka_download import Installation, KafkaMissing, fetched
from support.repository import TESTS

PATIENT = 20.0

COPIES = """#!/bin/sh
echo run >> "$RUNS"
for argument; do case "$argument" in -DoutputDirectory=*) lib="${argument#-DoutputDirectory=}";; esac; done
mkdir -p "$lib"
touch "$lib/kafka_2.13-4.jar" "$lib/log4j-slf4j-impl-2.jar"
"""
FAILS = """#!/bin/sh
echo run >> "$RUNS"
echo "[ERROR] the registry refused"
exit 1
"""
HANGS = "#!/bin/sh\necho run >> $RUNS\necho Downloading\nexec sleep 600\n"
DOES_HALF = """#!/bin/sh
for argument; do case "$argument" in -DoutputDirectory=*) lib="${argument#-DoutputDirectory=}";; esac; done
mkdir -p "$lib"
touch "$lib/kafka_2.13-4.jar"
"""


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for an `mvn`, first on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    return folder / "mvn"


def runs(tmp_path: Path) -> int:
    return len((tmp_path / "runs").read_text().splitlines())


def behaves(maven: Path, script: str) -> None:
    maven.write_text(script)
    maven.chmod(0o755)


def left_over(place: Path) -> set[str]:
    return {path.name for path in place.parent.iterdir()} - {f"{place.name}.lock"}


def test_many_who_ask_at_once_get_one_whole_download(tmp_path: Path, maven: Path) -> None:
    behaves(maven, COPIES)
    place = tmp_path / "cache/kafka-4"
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fetched, [place] * 4)) == [place] * 4
    assert runs(tmp_path) == 1
    assert kafka_download.complete(place / "lib")
    assert left_over(place) == {place.name}


def test_a_download_that_hangs_is_given_up_with_its_reason_and_leaves_nothing(tmp_path: Path, maven: Path) -> None:
    behaves(maven, HANGS)
    place = tmp_path / "cache/kafka-4"
    with pytest.raises(KafkaMissing, match=r"no progress for 0\.5 seconds"):
        fetched(place, patience=0.5)
    assert left_over(place) == set()


@pytest.mark.usefixtures("kafka_installation")
def test_maven_itself_is_given_up_when_its_registry_accepts_and_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = tmp_path / "settings.xml"
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        mirror = f"<mirror><id>silent</id><mirrorOf>*</mirrorOf><url>{url}</url></mirror>"
        settings.write_text(f"<settings><mirrors>{mirror}</mirrors></settings>")
        flags = ("-s", str(settings), f"-Dmaven.repo.local={tmp_path / 'repository'}")
        with pytest.raises(KafkaMissing, match="no progress"):
            fetched(tmp_path / "cache/kafka-4", *flags, patience=3)


def test_a_failure_is_told_in_maven_s_words_and_believed_by_those_who_waited(tmp_path: Path, maven: Path) -> None:
    behaves(maven, FAILS)
    place = tmp_path / "cache/kafka-4"
    for _ in range(2):
        with pytest.raises(KafkaMissing, match="the registry refused"):
            fetched(place, patience=PATIENT)
    assert runs(tmp_path) == 1
    behaves(maven, COPIES)
    os.utime(place.with_name(f"{place.name}.lock"), (0, 0))
    assert fetched(place, patience=PATIENT) == place, "after a while it is tried again"


def test_half_a_download_is_none(tmp_path: Path, maven: Path) -> None:
    behaves(maven, DOES_HALF)
    place = tmp_path / "cache/kafka-4"
    with pytest.raises(KafkaMissing, match="copied no Kafka"):
        fetched(place)
    assert left_over(place) == set()


def test_an_installation_of_one_s_own_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))
    with pytest.raises(KafkaMissing, match="KAFKA_HOME"):
        kafka_download.jars()
    (tmp_path / "libs").mkdir()
    for name in ("kafka_2.13-4.2.jar", "log4j-slf4j-impl-2.jar"):
        (tmp_path / "libs" / name).touch()
    assert kafka_download.jars() == tmp_path / "libs"


NEEDS_KAFKA = "def test_it(kafka_installation):\n    pass\n\ndef test_again(kafka_installation):\n    pass\n"


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)], ids=["on a desk", "in CI"])
def test_a_missing_kafka_is_skipped_and_told_on_a_desk_and_fails_in_ci(tmp_path: Path, ci: str, code: int) -> None:
    (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    (tmp_path / "test_needs.py").write_text(NEEDS_KAFKA)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {TESTS}\n")
    environment = {**os.environ, "CI": ci, "KAFKA_HOME": str(tmp_path / "nothing"), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stdout + done.stderr
    reported = [line for line in done.stdout.splitlines() if line.startswith("NOT TESTED: Apache Kafka is missing")]
    if ci:
        assert "CI must have it" in done.stdout
    else:
        assert len(reported) == 1
        assert "KAFKA_HOME has no Kafka" in reported[0]
        assert "(2 tests)" in reported[0]


def test_a_java_that_is_missing_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(KafkaMissing, match="no java"):
        kafka_download.java()


def test_the_command_names_the_class_after_the_jars() -> None:
    kafka = Installation(Path("java"), Path("lib"))
    assert kafka.command("kafka.Kafka", "node.properties", flags=("-Xmx1g",)) == (
        "java",
        "-Xmx1g",
        "-cp",
        "lib/*",
        "kafka.Kafka",
        "node.properties",
    )
