"""The command line: ``aiocancel migrate``, ``check``, ``worker`` and ``actions``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import os
import sys
from collections.abc import Sequence

import asyncpg

from aiocancel.cli import actions
from aiocancel.cli.check import TIMEOUT_S, refused_settings, run_checks
from aiocancel.cli.target import find, make
from aiocancel.cli.worker import run_until_told
from aiocancel.core.check_results import CheckResult, as_json, as_text, exit_status
from aiocancel.errors import AiocancelError, ConfigurationError, TargetError, UnavailableError
from aiocancel.postgres.schema import migrate

_VARIABLES = ("AIOCANCEL_DATABASE_URL", "DATABASE_URL")
_FAILURES = (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="aiocancel", description="Cancellation flows for aiohttp."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    migrate_parser = commands.add_parser(
        "migrate",
        help="create or update aiocancel's own tables",
        description="Create or update the tables in the schema aiocancel. Safe to repeat and to run from many places.",
    )
    migrate_parser.add_argument(
        "--database-url",
        default=next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), None),
        help=f"PostgreSQL DSN; without it ${_VARIABLES[0]} or ${_VARIABLES[1]}",
    )
    check_parser = commands.add_parser(
        "check",
        help="say whether keys, modes, schema, CSP, webhook token, clock and vendor API are right",
        description="Check a CancelFlow against Stripe, the database and the flow vendor; nothing is changed. "
        "Exit status: 0 all right, warnings included; 1 something failed; 2 it could not be loaded.",
    )
    target_help = "module:attribute, a CancelFlow or a function without arguments that returns one"
    check_parser.add_argument("target", help=target_help)
    check_parser.add_argument("--json", action="store_true", help="print a list of objects")
    check_parser.add_argument(
        "--timeout",
        type=_seconds,
        default=TIMEOUT_S,
        help="seconds for each check (default: %(default)g)",
    )
    worker_parser = commands.add_parser(
        "worker",
        help="carry out changes in a process of its own",
        description="Carry out what customers chose, beside the web processes or instead of them; run as many as you "
        "like. SIGTERM finishes what is under way. Exit status: 0 told to stop; 1 it cannot start; "
        "2 it could not be loaded.",
    )
    worker_parser.add_argument("target", help=target_help)
    worker_parser.add_argument(
        "--concurrency", type=_count, help="actions at a time (default: worker_concurrency)"
    )
    worker_parser.add_argument(
        "--health-host", default="127.0.0.1", help="where to listen (default: %(default)s)"
    )
    worker_parser.add_argument(
        "--health-port",
        type=_count,
        help="serve /healthz and /readyz there (default: nothing is served)",
    )
    actions.add_parser(commands)
    options = parser.parse_args(arguments)
    if options.command == "actions":
        return actions.run(options)
    if options.command == "check":
        return _check(options.target, as_objects=options.json, timeout_s=options.timeout)
    if options.command == "worker":
        health = None if options.health_port is None else (options.health_host, options.health_port)
        return _work(options.target, options.concurrency, health)
    # An empty text would mean the driver's own default: somebody else's database.
    if not options.database_url:
        migrate_parser.error("give --database-url or set AIOCANCEL_DATABASE_URL")
    try:
        applied = asyncio.run(_migrate(options.database_url))
    except AiocancelError as error:
        print(f"aiocancel: {error}", file=sys.stderr)
        return 1
    print(f"applied version {', '.join(map(str, applied))}" if applied else "already up to date")
    return 0


def _check(target: str, *, as_objects: bool, timeout_s: float) -> int:
    try:
        # Before there is a loop: a module may run one of its own while it is imported.
        found = find(target)
        results = asyncio.run(_run_checks(found, timeout_s))
    except TargetError as error:
        print(f"aiocancel: {error}", file=sys.stderr)
        return 2
    except ConfigurationError as error:
        results = [refused_settings(str(error))]
    if as_objects:
        print(json.dumps(as_json(results), indent=2))
    else:
        # A terminal without arrows is no reason to say nothing.
        encoding = sys.stdout.encoding or "utf-8"
        print(as_text(results).encode(encoding, "replace").decode(encoding))
    return exit_status(results)


def _work(target: str, concurrency: int | None, health: tuple[str, int] | None) -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    # They tell of every job and of every request; what matters of that is in our own events.
    for name in ("pgqueuer", "stripe"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        asyncio.run(_run_worker(find(target), concurrency, health))
    except TargetError as error:
        print(f"aiocancel: {error}", file=sys.stderr)
        return 2
    except AiocancelError as error:
        print(f"aiocancel: {error}", file=sys.stderr)
        return 1
    return 0


async def _run_worker(
    found: object, concurrency: int | None, health: tuple[str, int] | None
) -> None:
    async def work(stop: asyncio.Event) -> None:
        await (await make(found)).work(stop, concurrency=concurrency, health=health)

    await run_until_told(work)


async def _run_checks(found: object, timeout_s: float) -> list[CheckResult]:
    inspected = (await make(found)).inspect()
    try:
        return await run_checks(inspected, timeout_s=timeout_s)
    finally:
        if callable(found) and not isinstance(inspected.database, str):
            # It was opened for this, in this loop, and nobody else will close it.
            inspected.database.terminate()


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError("must be more than 0")
    return seconds


async def _migrate(database_url: str) -> list[int]:
    # Not the errors' own texts: they may hold the DSN with its password.
    try:
        connection = await asyncpg.connect(database_url)
    except _FAILURES as error:
        raise UnavailableError(f"the database cannot be opened ({type(error).__name__})") from None
    try:
        return await migrate(connection)
    except _FAILURES as error:
        raise UnavailableError(
            f"the database cannot be migrated ({type(error).__name__})"
        ) from None
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
