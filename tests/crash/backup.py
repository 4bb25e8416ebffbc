"""A backup of the ledger, and the ledger set back to it, as after a lost disk."""

from __future__ import annotations

from typing import Final

from tests.support.saas import Pool

_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = 'aiocancel'"
_COLUMNS: Final = """
SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
WHERE table_schema = 'aiocancel' AND table_name = $1 AND is_generated = 'NEVER'
"""


async def back_up(pool: Pool) -> None:
    """Copy every table of ours; there is one backup at a time."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        await connection.execute("DROP SCHEMA IF EXISTS backup CASCADE; CREATE SCHEMA backup")
        for (table,) in await connection.fetch(_TABLES):
            await connection.execute(f"CREATE TABLE backup.{table} AS TABLE aiocancel.{table}")


async def set_back(pool: Pool) -> None:
    """Make every table of ours what it was when the backup was made."""
    async with pool.acquire() as connection, connection.transaction():
        # Without triggers: no action goes this way.
        await connection.execute("SET LOCAL session_replication_role = replica")
        for (table,) in await connection.fetch(_TABLES):
            columns = await connection.fetchval(_COLUMNS, table)
            await connection.execute(f"DELETE FROM aiocancel.{table}")
            await connection.execute(
                f"INSERT INTO aiocancel.{table} ({columns}) OVERRIDING SYSTEM VALUE "
                f"SELECT {columns} FROM backup.{table}"
            )
