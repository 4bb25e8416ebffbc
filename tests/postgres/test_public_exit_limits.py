"""The limits of the public exit hold for all processes together."""

from __future__ import annotations

import asyncio

from aiocancel import PublicDeclaration, PublicExit
from aiocancel.core.public_exit import Termination
from aiocancel.postgres.connection import LedgerConnection
from aiocancel.postgres.public_exit import PublicDeclarations
from tests.support.saas import Pool


async def find(declaration: PublicDeclaration) -> str | None:
    return None


async def test_declarations_that_reach_many_processes_at_once_are_held_to_the_limits(
    pool: Pool,
) -> None:
    declaration = PublicDeclaration(Termination.ORDINARY, "Ada", "42", "ada@example.org")
    limits = PublicExit(find, most_per_address_in_an_hour=3, most_per_network_in_an_hour=8)
    letters = "SELECT count(*) FROM aiocancel.action WHERE kind = 'acknowledge'"

    async def declare(nonce: int) -> bool:
        process = PublicDeclarations(LedgerConnection(pool))
        public_id = await process.declare(
            declaration,
            nonce=f"public:{nonce}",
            network="one",
            mode="test",
            limits=limits,
            language="de",
            pressed="jetzt kündigen",
        )
        return public_id is not None

    stored = await asyncio.gather(*(declare(nonce) for nonce in range(20)))

    assert sum(stored) == 8
    assert await pool.fetchval(letters) == 3
