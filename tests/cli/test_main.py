"""``aiocancel migrate`` makes the tables, ``aiocancel check`` looks everything over; neither shows a secret."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import asyncpg
import pytest

from aiocancel.cli.main import main
from aiocancel.postgres.schema import check_schema, migrations
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.commands import SECRET
from tests.support.saas import STRIPE_KEY

APPLIED = f"applied version {', '.join(map(str, migrations()))}\n"


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


def test_our_own_variable_wins_over_the_common_one(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert (
        main(["migrate", "--database-url", f"{scheme}://ada:{SECRET}@127.0.0.1:{port}/shop"]) == 1
    )
    captured = capsys.readouterr()
    assert "cannot be opened" in captured.err
    assert SECRET not in captured.out + captured.err


def test_a_database_that_cannot_be_opened_is_named_with_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    main(["migrate", "--database-url", f"postgresql://ada:{SECRET}@127.0.0.1:{port}/shop"])

    assert capsys.readouterr().err == (
        f"aiocancel: the database cannot be opened (ada@127.0.0.1:{port}/shop): "
        "the connection was refused: no server listens there\n"
    )


def test_a_database_that_accepts_and_says_nothing_is_given_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.cli.database.CONNECT_WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        dsn = f"postgresql://ada:{SECRET}@127.0.0.1:{port}/shop?sslmode=disable"

        assert main(["migrate", "--database-url", dsn]) == 1

    assert "it did not answer in time" in capsys.readouterr().err


@pytest.mark.parametrize("variable", ["AIOCANCEL_DATABASE_URL", "DATABASE_URL"])
@pytest.mark.parametrize("command", ["migrate", "actions"])
def test_an_empty_variable_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    command: str,
) -> None:
    for name in ("AIOCANCEL_DATABASE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "")

    with pytest.raises(SystemExit) as stopped:
        main([command])

    assert stopped.value.code == 2
    assert f"the environment variable {variable} is empty" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])

    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"aiocancel {metadata.version('aiocancel')}\n"


@pytest.mark.parametrize("command", ["migrate", "check", "worker", "actions", "report"])
def test_each_command_says_its_exit_statuses(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])

    printed = " ".join(capsys.readouterr().out.split())
    assert "Exit status: 0 " in printed
    assert "%%" not in printed
    assert all(f"; {status} " in printed for status in (1, 2))


def test_the_help_does_not_show_the_password_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://ada:{SECRET}@db/shop")
    with pytest.raises(SystemExit):
        main(["migrate", "--help"])
    assert SECRET not in capsys.readouterr().out


def test_tables_of_a_newer_release_are_left_alone(
    empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["migrate", "--database-url", empty_database])
    execute(
        empty_database,
        f"INSERT INTO aiocancel.schema_version (version) VALUES ({max(migrations()) + 1})",
    )
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
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, APPLIED, "")
    assert_is_migrated(empty_database)


# aiocancel check

GRANT_KEY = "a grant key that is long enough for money"
MODULE = f"""
import os
import asyncpg
import aiocancel

async def identify(request):
    return None

def make_cancel(**settings):
    return aiocancel.CancelFlow(**{{
        "vendor": aiocancel.ProsperStack("acct_test", "{SECRET}"),
        "billing": aiocancel.StripeBilling("{STRIPE_KEY}", api_base=os.environ["STRIPE_URL"]),
        "database": os.environ["SHOP_DATABASE"],
        "identify": identify,
        "subscriptions": aiocancel.SubscriptionQuery("SELECT stripe_subscription_id FROM app_subscription"
                                                     " WHERE customer_id = $1"),
        "grant_keys": ["{GRANT_KEY}"],
        **settings,
    }})

cancel = make_cancel()

async def make_with_pool():
    return make_cancel(database=await asyncpg.create_pool(os.environ["SHOP_DATABASE"], min_size=1, max_size=1))

async def make_badly():
    return make_cancel(prefix="no path")

async def make_nothing():
    raise RuntimeError("{SECRET}")

class parts:
    cancel = cancel

number = 7
"""


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write a module into the current directory; returns its name."""
    import stripe

    # It would write a file into the home directory.
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(source: str) -> str:
        name = f"app_{uuid.uuid4().hex}"
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        return name

    return write


@pytest.fixture
def shop(
    write_module: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    database: str,
    stripe_api: tuple[StripeSimulator, str],
) -> str:
    """A module that makes a CancelFlow where all is right."""
    monkeypatch.setenv("SHOP_DATABASE", database.replace("postgres@", f"postgres:{SECRET}@"))
    monkeypatch.setenv("STRIPE_URL", stripe_api[1])
    return write_module(MODULE)


async def run(*arguments: str) -> int:
    # It brings a loop of its own, and the simulators need ours.
    return await asyncio.to_thread(main, arguments)


def assert_shows_no_secret(captured: tuple[str, str]) -> None:
    assert not [
        secret
        for secret in (SECRET, GRANT_KEY, STRIPE_KEY, "postgresql://")
        if secret in "".join(captured)
    ]


@pytest.mark.parametrize("attribute", ["cancel", "make_cancel", "make_with_pool", "parts.cancel"])
async def test_check_takes_a_cancel_flow_or_a_function_that_makes_one(
    shop: str, capsys: pytest.CaptureFixture[str], attribute: str
) -> None:
    assert await run("check", f"{shop}:{attribute}") == 0
    captured = capsys.readouterr()
    assert "ok    database" in captured.out
    assert captured.out.endswith(" 0 failed, 4 warnings\n")
    assert captured.err == ""
    assert_shows_no_secret(captured)


async def test_a_failed_check_makes_the_exit_status_1_and_says_what_to_do(
    shop: str, stripe: StripeSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    stripe.api_key = "sk_test_another"
    assert await run("check", f"{shop}:cancel") == 1
    captured = capsys.readouterr()
    [line] = [line for line in captured.out.splitlines() if line.startswith("FAIL")]
    assert "Stripe refuses the key (401) → make a key" in line
    assert_shows_no_secret(captured)


async def test_check_answers_programs_with_a_list_of_objects(
    shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("check", f"{shop}:cancel", "--json", "--timeout", "5") == 0
    captured = capsys.readouterr()
    results = {result["name"]: result for result in json.loads(captured.out)}
    assert results["schema"] == {
        "name": "schema",
        "level": "ok",
        "detail": f"version {max(migrations())}",
        "fix": None,
    }

    assert results["vendor API"]["level"] == "warn"
    assert results["vendor API"]["fix"] == "give prosperstack its api_key"
    assert_shows_no_secret(captured)


@pytest.mark.parametrize(
    "source", [None, "import aiocancel\naiocancel.StripeBilling('no key at all')"]
)
async def test_settings_that_cannot_work_are_a_failed_check(
    shop: str,
    write_module: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
    source: str | None,
) -> None:
    target = f"{shop}:make_badly" if source is None else f"{write_module(source)}:cancel"
    assert await run("check", target, "--json") == 1
    [result] = json.loads(capsys.readouterr().out)
    assert (result["name"], result["level"]) == ("settings", "FAIL")
    assert (
        "prefix must be a plain path" in result["detail"] or "api_key must be" in result["detail"]
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "no_such_app:cancel",
            "there is no module no_such_app in this directory or where Python looks",
        ),
        ("json.no_such_part:cancel", "there is no module json.no_such_part"),
        ("{shop}:no_such_name", "{shop} has no no_such_name"),
        (
            "{shop}:number",
            "a CancelFlow is needed, or a function that returns one, and this is of type builtins.int",
        ),
        ("{shop}:identify", "the CancelFlow cannot be made: TypeError"),
        ("{shop}:make_nothing", "the CancelFlow cannot be made: RuntimeError, {shop}.py line "),
        ("{shop}", "name the CancelFlow as module:attribute, for instance myapp:cancel"),
        ("../{shop}.py:cancel", "name the CancelFlow as module:attribute"),
        (":cancel", "name the CancelFlow as module:attribute"),
    ],
)
async def test_what_cannot_be_loaded_makes_the_exit_status_2_and_says_why(
    shop: str, capsys: pytest.CaptureFixture[str], target: str, said: str
) -> None:
    assert await run("check", target.format(shop=shop)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"aiocancel: {said.format(shop=shop)}")
    assert captured.err.count("\n") == 1
    assert_shows_no_secret(captured)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "import os\nos.environ['NOBODY_SETS_THIS']",
            "the environment variable NOBODY_SETS_THIS is not set",
        ),
        ("{}['NOBODY_SETS_THIS']", "KeyError, {name}.py line 1"),
        (f"\nraise ValueError('{SECRET}')", "ValueError, {name}.py line 2"),
        ("\n\nthis is no Python", "SyntaxError, {name}.py line 3"),
        ("raise SystemExit(0)", "SystemExit, {name}.py line 1"),
        ("import no_such_library.part", "imports no_such_library, which is not installed here"),
    ],
)
async def test_a_module_that_cannot_be_imported_says_where_and_shows_no_value(
    write_module: Callable[[str], str], capsys: pytest.CaptureFixture[str], source: str, said: str
) -> None:
    name = write_module(source)
    assert await run("check", f"{name}:cancel") == 2
    captured = capsys.readouterr()
    assert said.replace("{name}", name) in captured.err
    assert_shows_no_secret(captured)


@pytest.mark.parametrize("timeout", ["0", "-1", "inf", "nan", "soon"])
def test_a_timeout_that_is_no_time_is_refused(
    capsys: pytest.CaptureFixture[str], timeout: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["check", "app:cancel", "--timeout", timeout])
    assert stopped.value.code == 2
    assert "--timeout" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("worker app:cancel --concurrency many", "must be a whole number, 1 or more"),
        ("worker app:cancel --concurrency 0", "must be a whole number, 1 or more"),
        ("worker app:cancel --nice 20", "must be a whole number, from 0 to 19"),
        ("worker app:cancel --health-port 65536", "must be a whole number, from 1 to 65535"),
        ("check app:cancel --timeout soon", "must be a number of seconds, more than 0"),
        ("actions show seventeen", "must be a whole number, from 1 to 9223372036854775807"),
        ("actions --limit 1_000", "must be a whole number, from 1 to 1000"),
        ("flow check app:cancel --most-screens few", "must be a whole number, 1 or more"),
        ("report --since 90", "is written as 90d, from 1d to 3660d"),
        ("purge --older-than 36501d", "is written as 90d, from 1d to 36500d"),
    ],
)
def test_a_value_that_cannot_be_read_says_how_to_write_it(
    capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())

    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith(f": {said}\n")


async def test_check_runs_as_a_command_even_where_arrows_cannot_be_printed(
    shop: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "aiocancel.cli", "check", f"{shop}:cancel"]
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "ascii", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert " ? give prosperstack its api_key" in done.stdout
    assert_shows_no_secret((done.stdout, done.stderr))


def test_a_command_imports_nothing_that_only_the_others_need() -> None:
    code = (
        "import sys; from aiocancel.cli.main import main; "
        "status = main(['worker', 'no_such_module:cancel']); "
        "print(status, *sorted(name for name in sys.modules if name.startswith('aiocancel.')))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    status, *imported = done.stdout.split()
    assert status == "2"
    assert "aiocancel.cli.worker" in imported
    of_others = (
        "aiocancel.cli.re",
        "aiocancel.cli.ev",
        "aiocancel.cli.ch",
        "aiocancel.core.measures",
        "aiocancel.texts.codes",
        "aiocancel.texts.console",
        "aiocancel.web.console",
    )
    assert [name for name in imported if name.startswith(of_others)] == []


def test_wrong_usage_of_one_command_names_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["worker", "app:cancel", "--no-such-option"])

    assert stopped.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "{migrate,check,worker,actions,report,erase,purge,evidence,flow,grants}" in said
