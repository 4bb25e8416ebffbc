"""Whose contract is meant on the public page: a number of ours together with the address on file."""

import re
from typing import Any

import aiocancel

FIND = "SELECT id FROM account WHERE id = ANY($1) AND lower(email) = lower($2)"


def make_public_exit(pool: Any) -> aiocancel.PublicExit:
    """Give it as ``CancelFlow(public_exit=make_public_exit(pool), mailer=…, …)``."""

    async def find(declaration: aiocancel.PublicDeclaration) -> str | None:
        numbers = re.findall(r"\d+", declaration.contract)
        rows = await pool.fetch(FIND, numbers, declaration.email)
        # Only what is certain: all else is left to a person.
        return rows[0]["id"] if len(rows) == 1 else None

    return aiocancel.PublicExit(find)
