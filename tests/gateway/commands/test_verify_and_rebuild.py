"""`pathline-gateway verify` and `rebuild` as an operator runs them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import asyncpg
import pytest

from support.intake.history import open_log
from support.intake.played import LIFE, play
from support.postgres.fresh_database import machine_running, migrated
from support.preloaded import run_command


def run(*arguments: str | Path, database: str | None = None) -> subprocess.CompletedProcess[str]:
    return run_command(*arguments, env={} if database is None else {"PATHLINE_DATABASE": database})


async def test_verify_says_a_line_a_check_and_names_pathways_never_subjects(
    database: str, connection: asyncpg.Connection
) -> None:
    await play(database, connection, LIFE)
    clean = run("verify", database=database)
    assert (clean.returncode, clean.stderr) == (0, "")
    assert [line.split()[0] for line in clean.stdout.splitlines()][:3] == ["content", "columns", "rendered"]
    await connection.execute("update amendment set target_ref = null where kind = 'corrected'")
    broken = run("verify", database=database)
    (line,) = (line for line in broken.stdout.splitlines() if line.startswith("pathways"))
    pathway = await connection.fetchval(
        "select m.pathway from membership m join subject_ref s on s.id = m.ref where s.org = 'east'"
    )
    assert broken.returncode == 1
    assert line.endswith(f"1 different: {pathway}")
    assert "v1." not in broken.stdout


async def test_rebuild_compares_then_switches_and_verify_is_clean(
    database: str, connection: asyncpg.Connection
) -> None:
    await play(database, connection, LIFE)
    await connection.execute("update subject_ref set has_steps = not has_steps")
    compared = run("rebuild", "--dry-run", "--json", database=database)
    assert compared.returncode == 1
    assert json.loads(compared.stdout)["switched"] is False
    assert run("verify", "--json", database=database).returncode == 1
    assert run("rebuild", database=database).returncode == 0
    clean = run("verify", "--json", database=database)
    assert (clean.returncode, json.loads(clean.stdout)["different"]) == (0, 0)


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_what_could_not_be_done_is_no_difference(command: str, tmp_path: Path) -> None:
    nowhere = run(command, "--data", tmp_path / "typo")
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert "holds no data of a gateway" in nowhere.stderr
    away = run(command, database="postgresql://nobody:secret@127.0.0.1:1/none")
    assert (away.returncode, away.stdout) == (2, "")
    assert "secret" not in away.stderr
    assert not (tmp_path / "typo").exists()


async def test_a_one_machine_gateway_is_verified_at_work_and_stopped(tmp_path: Path) -> None:
    with machine_running(tmp_path / "data") as machine:
        connection = await asyncpg.connect(machine.database)
        await migrated(connection)
        await open_log(connection)
        await connection.close()
        assert run("verify", "--data", tmp_path / "data").returncode == 0
    assert run("verify", "--data", tmp_path / "data").returncode == 0
    assert run("rebuild", "--data", tmp_path / "data").returncode == 0
