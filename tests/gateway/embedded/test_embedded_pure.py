"""The decisions, without a process."""

import struct
from pathlib import Path

import pytest

from pathline_gateway.embedded.broker import build_metadata_request, generate_cluster_id
from pathline_gateway.embedded.errors import ChildFailed
from pathline_gateway.embedded.orphan_cleanup import Process, find_orphans
from pathline_gateway.embedded.os_account import OsAccount, may_execute
from pathline_gateway.embedded.postgres import accepts_connections, build_dsn

READY = "42\n/proc/self/cwd\n1795480354\n5432\n.\n\n  9977911        12\nready   \n"


@pytest.mark.parametrize(
    ("pid_file", "pid", "ready"),
    [
        (READY, 42, True),
        (READY, 43, False),
        (READY.replace("ready", "starting"), 42, False),
        ("42\n/proc/self/cwd\n", 42, False),
        ("", 42, False),
    ],
    ids=["ready", "of another life", "starting", "half written", "not there"],
)
def test_a_server_accepts_when_its_own_lock_file_says_so(pid_file: str, pid: int, ready: bool) -> None:
    assert accepts_connections(pid_file, pid) is ready


def test_a_short_directory_is_the_socket_directory() -> None:
    assert build_dsn(Path("/srv/a b/postgres"), 7) == "postgresql://pathline@/pathline?host=/srv/a%20b/postgres"


@pytest.mark.parametrize("directory", ["/" + "x" * 100, "/srv/a,b"], ids=["too long", "with a comma"])
def test_a_directory_unfit_for_a_dsn_is_reached_through_the_process(directory: str) -> None:
    assert build_dsn(Path(directory), 7) == "postgresql://pathline@/pathline?host=/proc/7/cwd"


@pytest.mark.parametrize(
    ("argv", "cwd", "ours"),
    [
        (("/opt/bin/postgres", "-D", "/proc/self/cwd"), (1, 2), True),
        (("postgres: pathline: checkpointer ",), (1, 2), True),
        (("/opt/bin/initdb",), (1, 2), True),
        (("/opt/tansu", "broker", "--storage-engine", "memory://tansu/"), (1, 2), True),
        (("/opt/bin/postgres",), (1, 3), False),
        (("bash",), (1, 2), False),
        (("vim", "postgres"), (1, 2), False),
        (("",), (1, 2), False),
    ],
)
def test_only_our_programs_in_our_directories_are_left_behind(
    argv: tuple[str, ...], cwd: tuple[int, int], ours: bool
) -> None:
    process = Process(9, argv, cwd)
    assert find_orphans([process], [(1, 2)]) == ([process] if ours else [])


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "may"),
    [
        (0o700, 5, 0, True),
        (0o077, 5, 0, False),
        (0o010, 0, 6, True),
        (0o701, 0, 6, False),
        (0o701, 0, 0, True),
        (0o770, 0, 0, False),
    ],
)
def test_the_first_class_that_fits_decides_who_may_pass(mode: int, uid: int, gid: int, may: bool) -> None:
    assert may_execute(OsAccount("somebody", 5, 6), mode, uid, gid) is may


def test_a_failure_quotes_the_line_that_tells_most() -> None:
    failure = ChildFailed("Postgres", "ended with exit code 1", Path("/d/log"), ("LOG: a", "FATAL: no space", "LOG: b"))
    assert str(failure) == 'Postgres ended with exit code 1 and said "FATAL: no space": see /d/log'


def test_a_metadata_request_states_its_own_length() -> None:
    request = build_metadata_request()
    assert struct.unpack(">ihh", request[:8]) == (len(request) - 4, 3, 2)


def test_cluster_ids_are_fresh_and_fit_an_argument() -> None:
    ids = {generate_cluster_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(one.isalnum() for one in ids)
