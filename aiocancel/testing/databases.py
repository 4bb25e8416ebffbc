"""Fresh databases for tests, each a copy of one that has aiocancel's tables."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import asyncpg

from aiocancel.postgres.schema import migrate
from aiocancel.testing.background import Background
from aiocancel.testing.postgres import EmbeddedPostgres


class Databases:
    """Makes databases on a server, and drops those of earlier tests when it makes the next one.

    A test's own fixtures may so use its database until the last of them has ended.
    """

    def __init__(
        self, server: EmbeddedPostgres, background: Background, *, statements: Sequence[str] = ()
    ) -> None:
        """Prepare nothing yet.

        Args:
            server: A started server.
            background: Where the statements are run.
            statements: SQL that every database has run beside aiocancel's migrations.
        """
        self._server = server
        self._background = background
        self._statements = statements
        self._template: str | None = None
        self._used: list[str] = []

    def template(self) -> str:
        """Return the name of the database that the others are copies of."""
        return self._background.run(self._prepared())

    def create(self) -> str:
        """Make a database and return its DSN."""
        return self._background.run(self._create())

    async def _create(self) -> str:
        while self._used:
            await self._server.drop_database(self._used.pop())
        name = f"test_{uuid.uuid4().hex}"
        dsn = await self._server.create_database(name, template=await self._prepared())
        self._used.append(name)
        return dsn

    async def _prepared(self) -> str:
        if self._template is None:
            name = f"aiocancel_template_{uuid.uuid4().hex}"
            connection = await asyncpg.connect(await self._server.create_database(name))
            try:
                await migrate(connection)
                for statement in self._statements:
                    await connection.execute(statement)
            finally:
                await connection.close()
            self._template = name
        return self._template
