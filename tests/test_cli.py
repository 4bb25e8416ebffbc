"""``aiocancel migrate``: makes the tables, may be repeated, and never shows a password."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator

import asyncpg
import pytest

from aiocancel.cli import main
from aiocancel.postgres.schema import check_schema, migrations
from aiocancel.testing.embedded_postgres import EmbeddedPostgres

APPLIED = f"applied version {', '.join(map(str, migrations()))}\n"
SECRET = "hunter2secret"


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AIOCANCEL_DATABASE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    name = f"cli_{uuid.uuid4().hex}"
    yield asyncio.run(postgres.create_database(name))
    asyncio.run(postgres.drop_database(name))


def execute(database: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(database)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def assert_is_migrated(database: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(database)
        await check_schema(connection)
        await connection.close()

    asyncio.run(run())


def test_migrate_makes_the_tables_and_says_which_version(
    empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "--database-url", empty_database]) == 0
    assert capsys.readouterr().out == APPLIED
    assert_is_migrated(empty_database)


def test_migrating_twice_says_that_nothing_was_left_to_do(
    empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["migrate", "--database-url", empty_database])
    capsys.readouterr()
    assert main(["migrate", "--database-url", empty_database]) == 0
    assert capsys.readouterr().out == "already up to date\n"


@pytest.mark.parametrize("variable", ["AIOCANCEL_DATABASE_URL", "DATABASE_URL"])
def test_the_database_may_come_from_the_environment(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, empty_database)
    assert main(["migrate"]) == 0
    assert_is_migrated(empty_database)


def test_our_own_variable_wins_over_the_common_one(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/other")
    monkeypatch.setenv("AIOCANCEL_DATABASE_URL", empty_database)
    assert main(["migrate"]) == 0


@pytest.mark.parametrize("arguments", [["migrate"], ["migrate", "--database-url", ""]])
def test_without_a_database_nothing_is_guessed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    for name in ("AIOCANCEL_DATABASE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "--database-url" in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "postgresql+asyncpg"])
def test_a_database_that_cannot_be_opened_is_reported_without_its_password(
    capsys: pytest.CaptureFixture[str], scheme: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert main(["migrate", "--database-url", f"{scheme}://ada:{SECRET}@127.0.0.1:{port}/shop"]) == 1
    captured = capsys.readouterr()
    assert "cannot be opened" in captured.err
    assert SECRET not in captured.out + captured.err


def test_the_help_does_not_show_the_password_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://ada:{SECRET}@db/shop")
    with pytest.raises(SystemExit):
        main(["migrate", "--help"])
    assert SECRET not in capsys.readouterr().out


def test_tables_of_a_newer_release_are_left_alone(empty_database: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["migrate", "--database-url", empty_database])
    execute(empty_database, f"INSERT INTO aiocancel.schema_version (version) VALUES ({max(migrations()) + 1})")
    assert main(["migrate", "--database-url", empty_database]) == 1
    assert "newer than this release" in capsys.readouterr().err


def test_a_statement_that_the_database_refuses_is_told_from_one_that_cannot_be_opened(
    empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(empty_database, "CREATE SCHEMA aiocancel; CREATE TABLE aiocancel.journal (id bigint)")
    assert main(["migrate", "--database-url", empty_database]) == 1
    assert "cannot be migrated (DuplicateTableError)" in capsys.readouterr().err


def test_it_runs_as_a_command(empty_database: str) -> None:
    command = [sys.executable, "-m", "aiocancel.cli", "migrate"]
    environment = {**os.environ, "AIOCANCEL_DATABASE_URL": empty_database}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, APPLIED, "")
    assert_is_migrated(empty_database)
