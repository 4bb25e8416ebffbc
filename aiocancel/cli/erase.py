"""``aiocancel erase`` and ``aiocancel purge``: personal data leaves the tables, one customer's or all that is old."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from aiocancel.cli.database import add_option, database_url, opened, refused
from aiocancel.cli.values import as_days
from aiocancel.config import MOST_DAYS
from aiocancel.postgres.address import CANNOT_OPEN
from aiocancel.postgres.erasure import Erased, Erasure
from aiocancel.postgres.schema import check_schema

# What a subcommand adds to; argparse has no public name for it.
_Commands = Any
_Work = Callable[[Erasure], Awaitable[Erased]]


def add_erase(commands: _Commands) -> None:
    """Add ``erase`` to the commands of ``aiocancel``."""
    parser = commands.add_parser(
        "erase",
        help="take one customer's personal data out of the tables",
        description="Take one customer's personal data out of the tables; keys and outcomes stay, so that nothing can "
        "be done twice. An action that is not finished, or that a person has not closed, is left alone and named. "
        "Exit status: 0 all is erased; 1 something was left alone, or the database did not answer; 2 wrong usage.",
    )

    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument(
        "--customer", type=_not_empty, metavar="ID", help="the application's own customer id"
    )
    whose.add_argument(
        "--subscription",
        type=_not_empty,
        metavar="SUB",
        help="the claims about this Stripe subscription that name no customer",
    )

    _add_common(parser)
    parser.set_defaults(run=_erase, parser=parser)


def add_purge(commands: _Commands) -> None:
    """Add ``purge`` to the commands of ``aiocancel``."""
    parser = commands.add_parser(
        "purge",
        help="take all personal data that is older than some days out of the tables",
        description="Take the personal data of all old claims out of the tables; keys and outcomes stay. What is not "
        "finished is left alone and named. Exit status: 0 done; 1 the database did not answer; 2 wrong usage.",
    )

    parser.add_argument(
        "--older-than",
        type=as_days(MOST_DAYS),
        required=True,
        metavar="DAYS",
        help="for instance 400d; counted from when the claim was recorded",
    )

    _add_common(parser)
    parser.set_defaults(run=_purge, parser=parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    parser.add_argument(
        "--keep-evidence",
        action="store_true",
        help="keep the evidence of these claims, for 'aiocancel evidence', until a run without this option",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_option(parser)


def _erase(options: argparse.Namespace) -> int:
    async def work(erasure: Erasure) -> Erased:
        if options.customer is not None:
            return await erasure.of_customer(options.customer, dry_run=options.dry_run)
        return await erasure.of_subscription(options.subscription, dry_run=options.dry_run)

    erased = _run(options, work)
    return 1 if erased.unfinished else 0


def _purge(options: argparse.Namespace) -> int:
    async def work(erasure: Erasure) -> Erased:
        return await erasure.older_than(timedelta(days=options.older_than), dry_run=options.dry_run)

    _run(options, work)
    return 0


def _run(options: argparse.Namespace, work: _Work) -> Erased:
    url = database_url(options, options.parser)
    erased = asyncio.run(_worked(url, options.command, work, keep_evidence=options.keep_evidence))

    print(
        json.dumps(asdict(erased) | {"dry_run": options.dry_run}, indent=2)
        if options.json
        else _text(erased, dry_run=options.dry_run)
    )
    return erased


async def _worked(url: str, command: str, work: _Work, *, keep_evidence: bool) -> Erased:
    async with opened(url, application_name=f"aiocancel {command}") as connection:
        try:
            await check_schema(connection)
            return await work(Erasure(connection, keep_evidence=keep_evidence))
        except CANNOT_OPEN as error:
            raise refused(error) from None


def _text(erased: Erased, *, dry_run: bool) -> str:
    done = "would erase" if dry_run else "erased"
    lines = [
        f"{done} the personal data of claims: {erased.claims}, with actions: {erased.actions}, "
        f"and of flow sessions: {erased.sessions}"
    ]

    if erased.evidence:
        lines.append(f"{done} the evidence of claims that were erased before: {erased.evidence}")
    if erased.evidence_kept:
        lines.append(f"the evidence stays, of claims: {erased.evidence_kept}")
    lines += [
        f"left alone: action {each.action_id} ({each.kind}) is {each.state}"
        for each in erased.unfinished
    ]
    return "\n".join(lines)


def _not_empty(text: str) -> str:
    if not text:
        # Claims that name nobody have an empty id.
        raise argparse.ArgumentTypeError("must not be empty")
    return text
