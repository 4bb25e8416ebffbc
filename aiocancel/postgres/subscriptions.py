"""The application's own tables: find a customer's subscription with one query of the application's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import ConfigurationError
from aiocancel.postgres.outage import outages

if TYPE_CHECKING:
    from aiocancel.postgres.schema import Connection

    Pool = asyncpg.Pool[asyncpg.Record]

_COLUMNS: Final = ("subscription_id", "stripe_subscription_id")

_CONVERTERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "int2": int,
    "int4": int,
    "int8": int,
    "numeric": Decimal,
    "uuid": uuid.UUID,
    "text": str,
    "varchar": str,
    "bpchar": str,
    "citext": str,
}


@dataclass(frozen=True, slots=True)
class SubscriptionQuery:
    """The SQL that finds a customer's subscription in any schema.

    ``$1`` is the customer's id as ``identify`` returned it, converted to the parameter's type (integer,
    numeric, uuid or text; write ``$1::text`` to compare as text). The Stripe subscription id is the
    column ``subscription_id`` or ``stripe_subscription_id``, or the only column; NULL or an empty text
    means that the customer has none. The first row counts: where a customer may have several, ORDER BY decides.
    """

    sql: str

    async def prepare(self, pool: Pool) -> PostgresResolver:
        """Check the query against the database.

        Raises ConfigurationError that says what is wrong, and UnavailableError.
        """
        with outages():
            async with pool.acquire() as connection:
                column, convert = await self._inspect(connection)
        return PostgresResolver(pool, self.sql, column, convert)

    async def _inspect(self, connection: Connection) -> tuple[str, Callable[[str], Any]]:
        try:
            with outages():
                statement = await connection.prepare(self.sql)
        except asyncpg.PostgresError as error:
            raise ConfigurationError(f"the subscription query does not work: {error}") from error
        parameters = [parameter.name for parameter in statement.get_parameters()]
        if len(parameters) != 1:
            raise ConfigurationError("the subscription query takes exactly one parameter, the customer's id: $1")
        if parameters[0] not in _CONVERTERS:
            raise ConfigurationError(
                f"the subscription query compares the customer's id with {parameters[0]}; write $1::text instead"
            )
        names = [attribute.name for attribute in statement.get_attributes()]
        found = [name for name in _COLUMNS if name in names] or (names if len(names) == 1 else [])
        if not found:
            raise ConfigurationError(
                "the subscription query must return a column named subscription_id or stripe_subscription_id"
            )
        return found[0], _CONVERTERS[parameters[0]]


class PostgresResolver:
    """A SubscriptionResolver that runs a checked SubscriptionQuery."""

    def __init__(self, pool: Pool, sql: str, column: str, convert: Callable[[str], Any]) -> None:
        self._pool = pool
        self._sql = sql
        self._column = column
        self._convert = convert

    async def resolve(self, customer_id: str) -> OwnedSubscription | None:
        """Return the customer's subscription; an id that cannot be one of the column's values has none.

        Raises UnavailableError.
        """
        try:
            argument = self._convert(customer_id)
        except (ValueError, InvalidOperation):
            return None
        try:
            with outages():
                row = await self._pool.fetchrow(self._sql, argument)
        except asyncpg.DataError:
            # An integer too large for the column, a NUL in a text: nobody has that id.
            return None
        if row is None or not row[self._column]:
            return None
        return OwnedSubscription(CustomerId(customer_id), SubscriptionId(str(row[self._column])), dict(row))
