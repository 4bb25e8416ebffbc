"""Databases for tests that are emptied and used again, which is much faster than another copy."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from aiocancel.testing.databases import Databases
from tests.support.waiting import until

# Whatever changes a table, a function, a trigger or a right writes a row in one of these.
_FINGERPRINT = """
SELECT string_agg(part, ' ') FROM (
    SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_class WHERE relpersistence = 'p'
    UNION ALL SELECT concat(count(*), ':', max(a.xmin::text::bigint)) FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid WHERE relpersistence = 'p'
    UNION ALL SELECT concat(count(*), ':', max(p.xmin::text::bigint)) FROM pg_proc p
    UNION ALL SELECT concat(count(*), ':', max(t.xmin::text::bigint)) FROM pg_trigger t
    UNION ALL SELECT concat(count(*), ':', max(n.xmin::text::bigint)) FROM pg_namespace n
        WHERE nspname !~ '^pg_(toast_)?temp_'
    UNION ALL SELECT concat(count(*), ':', max(d.xmin::text::bigint)) FROM pg_default_acl d
    UNION ALL SELECT concat(count(*), ':', max(s.xmin::text::bigint)) FROM pg_db_role_setting s
) AS parts (part)
"""
_TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""
_SEQUENCES = """
SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences
WHERE last_value IS NOT NULL
"""
_END_SESSIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class RecycledDatabases(Databases):
    """Databases of which one is used again as long as its tables, functions and rights are what they were."""

    _as_made: str | None = None
    _tables: Sequence[str]
    _filled: dict[str, str]

    async def _create(self) -> str:
        if self._used and await self._is_as_new(dsn := self._server.database_dsn(self._used[-1])):
            return dsn

        dsn = await super()._create()
        connection = await asyncpg.connect(dsn)
        try:
            self._as_made = await connection.fetchval(_FINGERPRINT)
            self._tables = [row[0] for row in await connection.fetch(_TABLES)]
            self._filled = await self._filled_now(connection)
        finally:
            await connection.close()
        return dsn

    async def _is_as_new(self, dsn: str) -> bool:
        """Empty a database; False where a test has changed more than rows."""
        try:
            connection = await asyncpg.connect(dsn)
        except asyncpg.PostgresError:
            return False

        try:
            await _end_sessions(connection)
            if await connection.fetchval(_FINGERPRINT) != self._as_made:
                return False
            filled = await self._filled_now(connection)
            if any(filled.get(table) != found for table, found in self._filled.items()):
                return False
            await self._empty(connection, sorted(filled.keys() - self._filled.keys()))
            return True
        except (asyncpg.PostgresError, TimeoutError):
            return False
        finally:
            await connection.close()

    async def _filled_now(self, connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, str]:
        """Return the tables that hold rows, with a fingerprint of them."""
        prints = " UNION ALL ".join(
            f"SELECT '{table}', count(*), max(xmin::text::bigint) FROM {table}"
            for table in self._tables
        )
        return {
            table: f"{rows}:{newest}"
            for table, rows, newest in await connection.fetch(prints)
            if rows > 0
        }

    async def _empty(
        self, connection: asyncpg.Connection[asyncpg.Record], tables: Sequence[str]
    ) -> None:
        async with connection.transaction():
            # Without its triggers, or the journal would refuse.
            await connection.execute("SET LOCAL session_replication_role = replica")
            for table in tables:
                await connection.execute(f"DELETE FROM {table}")
            await connection.execute(_SEQUENCES)


async def _end_sessions(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """End what is left of the test before; PostgreSQL itself would look again after 100 ms only."""

    async def none_is_left() -> bool:
        ended: int = await connection.fetchval(_END_SESSIONS)
        return ended == 0

    await until(none_is_left, within_s=5.0)
