"""The command line: every subcommand of ``aiocancel`` with its arguments, and what it ends with.

Each command imports what it needs when it is asked for: a worker starts without what prints a report.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from aiocancel.cli.target import find, make
from aiocancel.cli.values import as_whole, say
from aiocancel.cli.worker import MOST_NICE, NICE, lower_priority, run_until_told, say_what_starts
from aiocancel.errors import AiocancelError, ConfigurationError, TargetError, UnavailableError

if TYPE_CHECKING:
    from aiocancel.core.preflight import CheckResult

_TARGET_HELP: Final = (
    "module:attribute, a CancelFlow or a function without arguments that returns one"
)

_LAST_PORT: Final = 65_535

# What a subcommand adds to; argparse has no public name for it.
_Commands = Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words behind ``aiocancel``; those of the process when None.

    Returns:
        The exit status: 0 done, 1 it failed, 2 wrong usage or a CancelFlow that cannot be loaded.
    """
    parser = argparse.ArgumentParser(
        prog="aiocancel", description="Cancellation flows for aiohttp."
    )
    parser.add_argument("--version", action="version", version=f"aiocancel {version('aiocancel')}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar=f"{{{','.join(_COMMANDS)}}}"
    )
    words = sys.argv[1:] if arguments is None else arguments
    asked = words[:1] if words and words[0] in _COMMANDS else _COMMANDS
    for name in asked:
        _COMMANDS[name](commands)

    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except TargetError as error:
        print(f"aiocancel: {error}", file=sys.stderr)
        return 2
    except AiocancelError as error:
        print(f"aiocancel: {error}", file=sys.stderr)
        return 1


# --- migrate ----------------------------------------------------------------------------------------------


def _add_migrate(commands: _Commands) -> None:
    from aiocancel.cli.database import add_option

    parser = commands.add_parser(
        "migrate",
        help="create or update aiocancel's own tables",
        description="Create or update the tables in the schema aiocancel. It is safe to repeat, and to run from "
        "several places at once. Exit status: 0 done; 1 it failed; 2 wrong usage.",
    )
    add_option(parser)
    parser.set_defaults(run=_migrate, parser=parser)


def _migrate(options: argparse.Namespace) -> int:
    from aiocancel.cli.database import database_url

    applied = asyncio.run(_migrated(database_url(options, options.parser)))

    print(f"applied version {', '.join(map(str, applied))}" if applied else "already up to date")
    return 0


async def _migrated(url: str) -> list[int]:
    from aiocancel.cli.database import opened
    from aiocancel.postgres.address import CANNOT_OPEN
    from aiocancel.postgres.schema import migrate

    async with opened(url, application_name="aiocancel migrate") as connection:
        try:
            return await migrate(connection)
        except CANNOT_OPEN as error:
            # Not the error's own text: it may quote a row.
            raise UnavailableError(
                f"the database cannot be migrated ({type(error).__name__})"
            ) from None


# --- check ------------------------------------------------------------------------------------------------


def _add_check(commands: _Commands) -> None:
    from aiocancel.cli.check import TIMEOUT_S

    parser = commands.add_parser(
        "check",
        help="say whether keys, modes, schema, CSP, webhook token, clock and vendor API are right",
        description="Check a CancelFlow against Stripe, the database and the flow vendor; nothing is changed. "
        "Exit status: 0 all right, or nothing worse than a warning; 1 a check failed; "
        "2 wrong usage, or the CancelFlow cannot be loaded.",
    )

    parser.add_argument("target", help=_TARGET_HELP)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=TIMEOUT_S,
        help="seconds for each check (default: %(default)g)",
    )

    parser.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    from aiocancel.cli.check import refused_settings
    from aiocancel.core.preflight import as_json, as_text, exit_status

    try:
        # Before there is a loop: a module may run one of its own while it is imported.
        found = find(options.target)
        results = asyncio.run(_run_checks(found, options.timeout))
    except ConfigurationError as error:
        results = [refused_settings(str(error))]

    if options.json:
        print(json.dumps(as_json(results), indent=2))
    else:
        say(as_text(results))
    return exit_status(results)


async def _run_checks(found: object, timeout_s: float) -> list[CheckResult]:
    from aiocancel.cli.check import run_checks

    inspected = (await make(found)).inspect()
    try:
        return await run_checks(inspected, timeout_s=timeout_s)
    finally:
        if callable(found) and not isinstance(inspected.database, str):
            # It was opened for this, in this loop, and nothing else will close it.
            inspected.database.terminate()


# --- worker -----------------------------------------------------------------------------------------------


def _add_worker(commands: _Commands) -> None:
    parser = commands.add_parser(
        "worker",
        help="carry out changes in a process of its own",
        description="Carry out what customers chose, beside the web processes or instead of them; run as many as you "
        "like. SIGTERM finishes what is under way. Exit status: 0 told to stop; 1 it cannot start; "
        "2 wrong usage, or the CancelFlow cannot be loaded.",
    )

    parser.add_argument("target", help=_TARGET_HELP)
    parser.add_argument(
        "--concurrency",
        type=as_whole(),
        help="actions of each of the six sorts at a time (default: worker_concurrency)",
    )
    parser.add_argument(
        "--nice",
        type=as_whole(0, MOST_NICE),
        default=NICE,
        help="how far to lower this process's priority, 0 (not at all) to 19, so that sites on the same machine store "
        "and answer first where processors are short (default: %(default)s)",
    )
    parser.add_argument(
        "--health-host", default="127.0.0.1", help="where to listen (default: %(default)s)"
    )
    parser.add_argument(
        "--health-port",
        type=as_whole(1, _LAST_PORT),
        help="serve /healthz and /readyz there (default: nothing is served)",
    )
    parser.set_defaults(run=_work)


def _work(options: argparse.Namespace) -> int:
    # Next to nothing of what a start makes is garbage. The collector runs once the worker does: see Runtime.work.
    gc.disable()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    # They tell of every job and of every request; the part of it that matters is in our own events.
    for name in ("pgqueuer", "stripe"):
        logging.getLogger(name).setLevel(logging.WARNING)

    lower_priority(options.nice)
    health = None if options.health_port is None else (options.health_host, options.health_port)
    try:
        asyncio.run(_run_worker(find(options.target), options.concurrency, health, options.nice))
    finally:
        gc.enable()
    return 0


async def _run_worker(
    found: object, concurrency: int | None, health: tuple[str, int] | None, niceness: int
) -> None:
    async def work(stop: asyncio.Event) -> None:
        cancel = await make(found)
        say_what_starts(cancel.inspect(), concurrency=concurrency, health=health, niceness=niceness)
        await cancel.work(stop, concurrency=concurrency, health=health)

    await run_until_told(work)


# --- all of them ------------------------------------------------------------------------------------------


def _of(module: str, name: str = "add_parser") -> Callable[[_Commands], None]:
    """Return what adds the command of another module, which is imported no earlier."""

    def add(commands: _Commands) -> None:
        getattr(import_module(f"aiocancel.cli.{module}"), name)(commands)

    return add


_COMMANDS: Final[Mapping[str, Callable[[_Commands], None]]] = {
    "migrate": _add_migrate,
    "check": _add_check,
    "worker": _add_worker,
    "actions": _of("actions"),
    "report": _of("report"),
    "erase": _of("erase", "add_erase"),
    "purge": _of("erase", "add_purge"),
    "evidence": _of("evidence"),
    "flow": _of("flow"),
    "grants": _of("grants"),
}


# --- values -----------------------------------------------------------------------------------------------


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError("must be a number of seconds, more than 0")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
