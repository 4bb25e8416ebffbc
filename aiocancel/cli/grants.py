"""``aiocancel grants``: print what two roles of PostgreSQL need."""

from __future__ import annotations

import argparse
from typing import Any

from aiocancel.postgres.roles import grant_statements


def add_parser(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "grants",
        help="print the GRANT statements for a role that migrates and one that serves",
        description="Print the statements that give two roles of PostgreSQL as little as each needs; nothing is run. "
        "The roles must exist. Exit status: 0 printed; 1 a name cannot be used; 2 wrong usage.",
    )

    parser.add_argument(
        "--migrate-role", required=True, metavar="ROLE", help="runs aiocancel migrate"
    )
    parser.add_argument(
        "--serve-role", required=True, metavar="ROLE", help="of the web processes and the workers"
    )
    parser.set_defaults(run=_print)


def _print(options: argparse.Namespace) -> int:
    statements = grant_statements(migrate_role=options.migrate_role, serve_role=options.serve_role)
    print(statements, end="")
    return 0
