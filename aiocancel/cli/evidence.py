"""``aiocancel evidence``: all that is known of one claim as a file, and whether such a file was altered."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from aiocancel.cli.database import add_option, database_url, opened, refused
from aiocancel.cli.evidence_page import page_of
from aiocancel.cli.values import printable
from aiocancel.core.evidence import NOT_PROVED, PROVED, Head, Problem, Verdict, read, rendered
from aiocancel.postgres.address import CANNOT_OPEN
from aiocancel.postgres.evidence_files import EvidenceFiles
from aiocancel.postgres.schema import check_schema

# A claim has a few dozen links of a kilobyte. A file that is much larger is not ours.
MOST_BYTES: Final = 64 * 1024 * 1024
_LONGEST_SHOWN: Final = 200

# What a subcommand adds to; argparse has no public name for it.
_Commands = Any


def add_parser(commands: _Commands) -> None:
    """Add the command to those of ``aiocancel``."""
    parser = commands.add_parser(
        "evidence",
        help="write down all that is known of a claim, and check such a file",
        description="Write down what was declared, shown and done about one claim, as a file that shows whether it was "
        "altered, and check such a file.",
    )
    actions = parser.add_subparsers(dest="action", required=True)

    export = actions.add_parser(
        "export",
        help="write one claim's evidence",
        description="Seal what is not sealed yet, and write all that is known of one claim: as JSON, and with --out "
        "as a page to read and to print beside it. It holds personal data of that customer, unless they were erased. "
        "Exit status: 0 written; 1 there is no such claim, it cannot be written, or the database did not answer; "
        "2 wrong usage.",
    )
    export.add_argument("claim", type=uuid.UUID, metavar="CLAIM", help="the claim's public id")
    export.add_argument(
        "--out", type=Path, metavar="DIR", help="a folder for both files, which only you may read"
    )
    add_option(export)
    export.set_defaults(run=_export, parser=export)

    verify = actions.add_parser(
        "verify",
        help="say whether a file of evidence was altered",
        description="Make every hash of a file again, and say what that proves and what it does not. It asks nobody; "
        "--compare goes along the chain in the database, too. Exit status: 0 nothing differs; 1 something does, and "
        "is named, or the database did not answer; 2 wrong usage, or there is no such file.",
    )
    verify.add_argument("file", type=Path, metavar="FILE", help="the JSON that export wrote")
    verify.add_argument(
        "--compare", action="store_true", help="compare it with the chain in the database as well"
    )
    verify.add_argument("--json", action="store_true", help="print JSON")
    add_option(verify)
    verify.set_defaults(run=_verify, parser=verify)


# --- export -----------------------------------------------------------------------------------------------


def _export(options: argparse.Namespace) -> int:
    found = asyncio.run(_exported(database_url(options, options.parser), options.claim))
    if found is None:
        print("aiocancel: there is no such claim", file=sys.stderr)
        return 1
    if options.out is None:
        print(rendered(found), end="")
        return 0

    name = f"evidence-{options.claim}"
    try:
        for suffix, text in ((".json", rendered(found)), (".html", page_of(found))):
            path = options.out / f"{name}{suffix}"
            _write_new(path, text)
            print(path)
    except FileExistsError as error:
        print(f"aiocancel: {error.filename} is there already, and stays", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"aiocancel: {options.out} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    return 0


async def _exported(url: str, claim: uuid.UUID) -> dict[str, Any] | None:
    async with opened(url, application_name="aiocancel evidence") as connection:
        try:
            await check_schema(connection)
            return await EvidenceFiles(connection).export(claim)
        except CANNOT_OPEN as error:
            raise refused(error) from None


def _write_new(path: Path, text: str) -> None:
    # It holds a person's words: nobody else may read it, and nothing that is there is written over.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


# --- verify -----------------------------------------------------------------------------------------------


def _verify(options: argparse.Namespace) -> int:
    found, verdict = _read(options)
    problems = list(verdict.problems)
    beyond = None
    if options.compare and not problems:
        # Only a file in which nothing is wrong says where to begin.
        differs, beyond = asyncio.run(_compared(database_url(options, options.parser), found))
        problems += [] if differs is None else [differs]

    if options.json:
        print(json.dumps(_as_json(verdict, problems, beyond), indent=2))
    else:
        print("\n".join(_lines(verdict, problems, beyond)))
    return 1 if problems else 0


def _read(options: argparse.Namespace) -> tuple[Any, Verdict]:
    try:
        with options.file.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        options.parser.error(f"{options.file} cannot be read: {error.strerror}")

    if len(data) > MOST_BYTES:
        too_large = Problem("the file", f"is larger than {MOST_BYTES} bytes: no export is")
        return None, Verdict((too_large,))
    # We write UTF-8. Other bytes are replaced, so that the text stays different from ours.
    return read(data.decode("utf-8", "replace"))


async def _compared(url: str, found: Mapping[str, Any]) -> tuple[Problem | None, int]:
    async with opened(url, application_name="aiocancel evidence") as connection:
        try:
            await check_schema(connection)
            files = EvidenceFiles(connection)
            return await files.compare(found), await files.beyond(found)
        except CANNOT_OPEN as error:
            raise refused(error) from None


def _as_json(verdict: Verdict, problems: list[Problem], beyond: int | None) -> dict[str, Any]:
    return {
        "claim": verdict.claim,
        "unaltered": not problems,
        "compared_with_database": beyond is not None,
        "differs": [{"where": each.where, "says": each.says} for each in problems],
        "links": verdict.links,
        "links_beyond_file": beyond,
        "head": None if verdict.head is None else asdict(verdict.head),
        "exported_at": verdict.exported_at or None,
        "contents_erased": verdict.erased,
        "not_chained": verdict.not_chained,
        "proved": [] if problems else list(PROVED),
        "not_proved": list(NOT_PROVED),
    }


def _lines(verdict: Verdict, problems: list[Problem], beyond: int | None) -> list[str]:
    if problems:
        return [_plain(f"differs: {each.where} {each.says}") for each in problems]

    lines = [f"unaltered: {verdict.links} links of the claim {_plain(verdict.claim)}"]
    if verdict.head is not None:
        lines.append(_as_far_as(verdict.head, verdict.exported_at))
    if beyond is not None:
        lines.append("the database's chain holds them, and leads to the file's head")
    if beyond:
        lines.append(f"the database has {beyond} links of the claim beyond the file")
    if verdict.erased:
        lines.append(f"without personal data: the content of {verdict.erased} links was erased")
    if verdict.not_chained:
        lines.append(f"not chained, and not proved: {verdict.not_chained} facts")
    lines += ["", "Proved:", *(f"- {each}" for each in PROVED)]
    lines += ["", "Not proved:", *(f"- {each}" for each in NOT_PROVED)]
    return lines


def _as_far_as(head: Head, exported_at: str) -> str:
    at = f"position {head.position}, {_plain(head.hash)}"
    return f"by its own word it goes to the chain's head at {at}, on {_plain(exported_at)}"


def _plain(text: str) -> str:
    """Without what a terminal would obey: another person may have written the file."""
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return printable(shown)
