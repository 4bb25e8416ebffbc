"""The application's own tables: find a customer's subscription with one query of the application's."""

from __future__ import annotations

import asyncio
import copy
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg

from aiocancel.config import DEFAULTS
from aiocancel.core.check_settings import check_text
from aiocancel.core.choose_subscription import CREATION_COLUMNS, RowRule, choose_owned
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import AmbiguousSubscriptionError, ConfigurationError
from aiocancel.ports import BilledCustomer
from aiocancel.postgres.connection import (
    ACQUIRE_WITHIN_S,
    leave_to_itself,
    raise_if_outage,
    unavailable_on_outage,
)
from aiocancel.postgres.deadlines import Deadlines

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy
    from asyncpg.prepared_stmt import PreparedStatement

    from aiocancel.postgres.connection import Connection, Pool

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


_AnyLookup = TypeVar("_AnyLookup", bound="_Lookup")

_ORDER_BY: Final = re.compile(r"\border\s+by\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SubscriptionQuery:
    """The SQL that finds a customer's subscription in any schema.

    Args:
        sql: ``$1`` is the customer's id as ``identify`` returned it, converted to the parameter's type (integer,
            numeric, uuid or text; write ``$1::text`` to compare as text). The Stripe subscription id is the column
            ``subscription_id`` or ``stripe_subscription_id``, or the only column; NULL or an empty text means that
            the row has none. Every row is a subscription of the customer's, and a page may name any of them. A
            column ``plan`` or ``name`` gives it its name on the page that asks which one.
        choose: Which of several subscriptions a page is about when it names none. ``"first"`` takes the first
            row, and the query needs ORDER BY. ``"newest"`` takes the latest ``created_at`` or ``created``. A
            function takes the list of ``OwnedSubscription`` and returns one of them, or None. Without a rule
            several are never guessed from: the customer is asked, and ``LookupFailed`` tells you.

    Raises:
        ConfigurationError: ``choose`` is none of these, or is ``"first"`` for a query without ORDER BY.
    """

    sql: str
    choose: RowRule | None = None

    def __post_init__(self) -> None:
        check_text("sql", self.sql)
        if not self.sql.strip():
            raise ConfigurationError("sql is empty: it is the query that finds the subscription")
        choose: object = self.choose
        if not (choose in (None, "first", "newest") or callable(choose)):
            raise ConfigurationError("choose is 'first', 'newest', a function, or None")
        if choose == "first" and not _ORDER_BY.search(self.sql):
            raise ConfigurationError(
                "choose='first' needs ORDER BY in the subscription query: without it the first row "
                "changes whenever a row is updated"
            )

    async def prepare(
        self,
        pool: Pool,
        *,
        needs: Collection[str] = (),
        within_s: float = DEFAULTS.lookup_within_s,
    ) -> PostgresResolver:
        """Check the query against the database.

        Args:
            pool: Where it will run.
            needs: Further columns that it has to return.
            within_s: How long each lookup may take.

        Raises:
            ConfigurationError: Says what is wrong.
            UnavailableError: The database does not answer.
        """
        columns = ("subscription_id", "stripe_subscription_id")
        dates = CREATION_COLUMNS if self.choose == "newest" else ()
        return PostgresResolver(
            pool,
            self.sql,
            *await _inspect(pool, self.sql, "subscription query", columns, needs, dates),
            within_s,
            choose=self.choose,
        )


@dataclass(frozen=True, slots=True)
class StripeCustomerQuery:
    """The SQL that finds a customer's id at Stripe, in the column ``stripe_customer_id`` or the only column.

    Otherwise like SubscriptionQuery, but two different ids of one customer are an error.
    """

    sql: str

    async def prepare(
        self,
        pool: Pool,
        *,
        needs: Collection[str] = (),
        within_s: float = DEFAULTS.lookup_within_s,
    ) -> PostgresCustomers:
        """Check the query against the database; as for SubscriptionQuery."""
        columns = ("stripe_customer_id",)
        return PostgresCustomers(
            pool,
            self.sql,
            *await _inspect(pool, self.sql, "customer query", columns, needs),
            within_s,
        )


async def _inspect(
    pool: Pool,
    sql: str,
    name: str,
    columns: Sequence[str],
    needs: Collection[str],
    dates: Sequence[str] = (),
) -> tuple[str, Callable[[str], Any]]:
    """Return the column that holds the id, and what turns a customer's id into the parameter's type."""
    try:
        with unavailable_on_outage():
            async with pool.acquire() as connection:
                # Without a name: behind a pooler a name would stay with a connection that others get, too.
                statement = await _prepared(connection, sql, name)
                parameters = [parameter.name for parameter in statement.get_parameters()]
                names = [attribute.name for attribute in statement.get_attributes()]
    except asyncpg.PostgresError as error:
        raise ConfigurationError(f"the {name} does not work: {error}") from error

    if len(parameters) != 1:
        raise ConfigurationError(f"the {name} takes exactly one parameter, the customer's id: $1")
    if parameters[0] not in _CONVERTERS:
        raise ConfigurationError(
            f"the {name} compares the customer's id with {parameters[0]}; write $1::text instead"
        )

    found = [column for column in columns if column in names] or (names if len(names) == 1 else [])
    if not found:
        raise ConfigurationError(f"the {name} must return a column named {' or '.join(columns)}")
    if missing := sorted(set(needs) - set(names)):
        raise ConfigurationError(
            f"the {name} must return a column named {' and one named '.join(missing)}, for the flow vendor's payload"
        )
    if dates and not set(dates) & set(names):
        raise ConfigurationError(
            f"the {name} must return a column named {' or '.join(dates)}, for choose='newest'"
        )

    return found[0], _CONVERTERS[parameters[0]]


async def _prepared(connection: Connection, sql: str, name: str) -> PreparedStatement:
    try:
        return await connection.prepare(sql, name="")
    except asyncpg.InsufficientPrivilegeError as error:
        # A request would take it for an outage; at the start of the application it is a mistake.
        raise ConfigurationError(f"the {name} does not work: {error}") from error


class _Lookup:
    """Runs a checked query from a customer's id to one id at Stripe."""

    def __init__(
        self,
        pool: Pool,
        sql: str,
        column: str,
        convert: Callable[[str], Any],
        within_s: float = DEFAULTS.lookup_within_s,
    ) -> None:
        self._deadlines = Deadlines(within_s)
        self._patience_s = 0.0
        self._pool = pool
        self._sql = sql
        self._column = column
        self._convert = convert

    def patient(self: _AnyLookup, patience_s: float = ACQUIRE_WITHIN_S) -> _AnyLookup:
        """Return the same lookup for a customer's post, which waits longer for a connection than a page does.

        A page has a plain button for want of a lookup. A post that is refused is a customer who could not leave,
        and in a rush it would wait as long for its next statement. The database itself gets no more time.
        """
        patient = copy.copy(self)
        patient._patience_s = patience_s
        return patient

    def _found(self, rows: Sequence[asyncpg.Record]) -> Iterable[tuple[str, dict[str, Any]]]:
        """Return each id once with its first row."""
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            if subscription_id := row[self._column]:
                found.setdefault(str(subscription_id), dict(row))
        return found.items()

    async def _rows(self, customer_id: str) -> list[asyncpg.Record]:
        """Run the query; an id that cannot be a value of the column belongs to nobody.

        All in one body, as every page with the flow waits for it (tests/benchmarks/page.py).
        """
        try:
            argument = self._convert(customer_id)
        except (ValueError, InvalidOperation):
            return []

        connection: PoolConnectionProxy[asyncpg.Record] | None = None
        deadline: asyncio.Timeout | None = None
        try:
            if self._patience_s:
                # Only the wait for a connection may be long.
                connection = await self._pool.acquire(timeout=self._patience_s)

            deadline = self._deadlines.begin()
            async with deadline:
                if connection is None:
                    connection = await self._pool.acquire()
                try:
                    rows = await connection.fetch(self._sql, argument)
                except BaseException:
                    # A server that has fallen silent does not take a statement back: the page must not wait for
                    # that as well. No task of its own for each lookup, which costs a sixth of it.
                    leave_to_itself(self._pool.release(connection))
                    raise
                await self._pool.release(connection)
                return rows
        except asyncpg.DataError:
            # An integer too large for the column, a NUL in a text: nobody has that id.
            return []
        except Exception as error:
            raise_if_outage(error)
            raise
        finally:
            if deadline is not None:
                self._deadlines.end(deadline)


class PostgresResolver(_Lookup):
    """A SubscriptionResolver that runs a checked SubscriptionQuery."""

    def __init__(
        self,
        pool: Pool,
        sql: str,
        column: str,
        convert: Callable[[str], Any],
        within_s: float = DEFAULTS.lookup_within_s,
        *,
        choose: RowRule | None = None,
    ) -> None:
        super().__init__(pool, sql, column, convert, within_s)
        self._choose = choose

    async def resolve(self, customer_id: str) -> OwnedSubscription | None:
        """Return the customer's subscription, None when there is none; raises UnavailableError."""
        rows = await self._rows(customer_id)
        # Nearly always there is one, and nothing to choose from.
        if len(rows) == 1 and (found := rows[0][self._column]):
            return OwnedSubscription(
                CustomerId(customer_id), SubscriptionId(str(found)), dict(rows[0])
            )
        return choose_owned(self._owned(customer_id, rows), self._choose)

    async def resolve_all(self, customer_id: str) -> Sequence[OwnedSubscription]:
        """Return all of the customer's subscriptions, in the query's order; raises UnavailableError."""
        return self._owned(customer_id, await self._rows(customer_id))

    def _owned(
        self, customer_id: str, rows: Sequence[asyncpg.Record]
    ) -> Sequence[OwnedSubscription]:
        return [
            OwnedSubscription(CustomerId(customer_id), SubscriptionId(subscription_id), record)
            for subscription_id, record in self._found(rows)
        ]


class PostgresCustomers(_Lookup):
    """Finds a customer's id at Stripe: runs a checked StripeCustomerQuery."""

    async def resolve(self, customer_id: str) -> BilledCustomer | None:
        """Return the customer as Stripe knows it, None when it has no id there; raises UnavailableError."""
        found = list(self._found(await self._rows(customer_id)))
        if len(found) > 1:
            raise AmbiguousSubscriptionError(
                f"the customer query returned {len(found)} ids at Stripe for one customer"
            )
        return BilledCustomer(*found[0]) if found else None
