"""The application's own tables: one query of the owner's finds a subscription in whatever schema there is."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import AmbiguousSubscriptionError, ConfigurationError, UnavailableError
from aiocancel.postgres.customer_query import (
    PostgresResolver,
    StripeCustomerQuery,
    SubscriptionQuery,
)
from tests.support.saas import Pool, add_customer

ID = uuid.UUID("6f1c0a52-7a2e-4a55-9d0c-3f4d2f3f9a10")


async def resolver_over(pool: Pool, column_type: str, value: str) -> PostgresResolver:
    await pool.execute(f"CREATE TABLE account (id {column_type}, stripe_subscription_id text)")
    await pool.execute(f"INSERT INTO account VALUES ('{value}'::{column_type}, 'sub_1')")
    return await SubscriptionQuery(
        "SELECT stripe_subscription_id FROM account WHERE id = $1"
    ).prepare(pool)


@pytest.mark.parametrize(
    ("column_type", "customer_id"),
    [
        ("text", "ada@example.com"),
        ("varchar(40)", "ada"),
        ("char(3)", "ada"),
        ("smallint", "7"),
        ("int", "2147483647"),
        ("bigint", "9223372036854775807"),
        ("numeric", "123456789012345678901234567890"),
        ("numeric(8, 2)", "12.50"),
        ("uuid", str(ID)),
        ("uuid", ID.hex.upper()),
    ],
)
async def test_a_customer_is_found_whatever_the_type_of_the_id(
    pool: Pool, column_type: str, customer_id: str
) -> None:
    resolver = await resolver_over(pool, column_type, customer_id)
    owned = await resolver.resolve(customer_id)
    assert owned is not None
    assert (owned.customer_id, owned.subscription_id) == (customer_id, "sub_1")


@pytest.mark.parametrize(
    ("column_type", "value", "customer_id"),
    [
        ("text", "ada", "grace"),
        ("text", "ada", ""),
        ("text", "ada", "ada\0"),
        ("text", "ada", "ada\ud800"),
        ("text", "ada", "a" * 1_000_000),
        ("varchar(3)", "ada", "ada "),
        ("int", "7", "8"),
        ("int", "7", "seven"),
        ("int", "7", "7.0"),
        ("int", "7", "2147483648"),
        ("int", "7", "-2147483649"),
        ("int", "7", "7" * 5000),
        ("smallint", "7", "32768"),
        ("bigint", "7", "9223372036854775808"),
        ("numeric", "7", "seven"),
        ("numeric", "7", "NaN"),
        ("numeric", "7", "sNaN"),
        ("numeric", "7", "Infinity"),
        ("numeric", "7", "1e200000"),
        ("numeric", "7", "1e999999999"),
        ("uuid", str(ID), "7"),
        ("uuid", str(ID), str(uuid.UUID(int=7))),
    ],
)
async def test_an_id_that_nobody_has_or_could_have_belongs_to_nobody(
    pool: Pool, column_type: str, value: str, customer_id: str
) -> None:
    resolver = await resolver_over(pool, column_type, value)
    assert await resolver.resolve(customer_id) is None
    # The connection is still good for the customer who exists.
    assert await resolver.resolve(value) is not None


@pytest.mark.parametrize(
    "columns",
    [
        "stripe_subscription_id",
        "stripe_subscription_id AS subscription_id",
        "stripe_subscription_id AS whatever",
        "customer_id, stripe_subscription_id",
        "'not this' AS note, stripe_subscription_id AS subscription_id",
    ],
)
async def test_the_subscription_is_the_column_of_that_name_or_the_only_one(
    pool: Pool, columns: str
) -> None:
    await add_customer(pool, "ada", "sub_1")
    query = SubscriptionQuery(f"SELECT {columns} FROM app_subscription WHERE customer_id = $1")
    owned = await (await query.prepare(pool)).resolve("ada")
    assert owned is not None
    assert owned.subscription_id == "sub_1"


async def test_every_column_of_the_row_is_at_hand_but_not_in_the_repr(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    query = SubscriptionQuery(
        "SELECT stripe_subscription_id, 3 AS seats, 'Ada L.' AS name FROM app_subscription WHERE customer_id = $1"
    )
    owned = await (await query.prepare(pool)).resolve("ada")
    assert owned is not None
    assert owned.record == {"stripe_subscription_id": "sub_1", "seats": 3, "name": "Ada L."}
    assert "Ada L." not in repr(owned)


SEVERAL = (
    "SELECT stripe_subscription_id, nullif(length(stripe_subscription_id), 11) AS created_at "
    "FROM app_subscription WHERE customer_id = $1"
)


async def add_several(pool: Pool) -> None:
    for subscription_id in ("sub_old", None, "sub_undated", "", "sub_young", "sub_old"):
        await add_customer(pool, "ada", subscription_id)


def last(rows: Sequence[OwnedSubscription]) -> OwnedSubscription | None:
    return rows[-1]


def none(rows: Sequence[OwnedSubscription]) -> OwnedSubscription | None:
    return None


@pytest.mark.parametrize(
    ("order", "choose", "chosen"),
    [
        ("ORDER BY 1 DESC", "first", "sub_young"),
        ("order\nby 1", "first", "sub_old"),
        ("ORDER BY 1", "newest", "sub_young"),
        ("ORDER BY 1 DESC", "newest", "sub_young"),
        ("ORDER BY 1", last, "sub_young"),
        ("ORDER BY 1", none, None),
    ],
)
async def test_of_several_rows_the_owners_rule_chooses(
    pool: Pool, order: str, choose: Any, chosen: str | None
) -> None:
    await add_several(pool)
    resolver = await SubscriptionQuery(f"{SEVERAL} {order}", choose=choose).prepare(pool)

    owned = await resolver.resolve("ada")

    assert (owned and owned.subscription_id) == chosen


async def test_several_rows_are_refused_without_a_rule_whatever_their_order(pool: Pool) -> None:
    await add_several(pool)
    resolver = await SubscriptionQuery(f"{SEVERAL} ORDER BY 1").prepare(pool)

    with pytest.raises(AmbiguousSubscriptionError, match="returned 3 subscriptions"):
        await resolver.resolve("ada")

    listed = await resolver.resolve_all("ada")
    assert [owned.subscription_id for owned in listed] == ["sub_old", "sub_undated", "sub_young"]


async def test_rows_of_one_subscription_and_rows_without_one_are_not_several(pool: Pool) -> None:
    for subscription_id in (None, "sub_1", "sub_1", ""):
        await add_customer(pool, "ada", subscription_id)
    resolver = await SubscriptionQuery(SEVERAL).prepare(pool)

    owned = await resolver.resolve("ada")

    assert owned is not None
    assert owned.subscription_id == "sub_1"


async def test_a_rule_that_answers_with_another_subscription_is_refused(pool: Pool) -> None:
    await add_several(pool)
    stranger = OwnedSubscription(CustomerId("ada"), SubscriptionId("sub_of_grace"))
    resolver = await SubscriptionQuery(SEVERAL, choose=lambda _: stranger).prepare(pool)

    with pytest.raises(AmbiguousSubscriptionError, match="other than one of its rows"):
        await resolver.resolve("ada")


@pytest.mark.parametrize(
    ("choose", "says"),
    [
        ("first", "choose='first' needs ORDER BY"),
        ("oldest", "choose is 'first', 'newest', a function, or None"),
        (1, "choose is 'first', 'newest', a function, or None"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_where_it_is_written(choose: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        SubscriptionQuery(SEVERAL, choose=choose)


async def test_newest_needs_a_column_that_says_when(pool: Pool) -> None:
    query = SubscriptionQuery(
        "SELECT stripe_subscription_id FROM app_subscription WHERE customer_id = $1",
        choose="newest",
    )
    with pytest.raises(ConfigurationError, match="column named created_at or created"):
        await query.prepare(pool)


async def test_two_ids_of_one_customer_at_stripe_are_refused(pool: Pool) -> None:
    await add_several(pool)
    query = StripeCustomerQuery(
        "SELECT stripe_subscription_id FROM app_subscription WHERE customer_id = $1"
    )
    with pytest.raises(AmbiguousSubscriptionError, match="3 ids at Stripe"):
        await (await query.prepare(pool)).resolve("ada")


@pytest.mark.parametrize("nothing", [None, ""])
async def test_null_and_an_empty_text_both_mean_that_there_is_no_subscription(
    pool: Pool, nothing: str | None
) -> None:
    await add_customer(pool, "ada", nothing)
    query = SubscriptionQuery(
        "SELECT stripe_subscription_id FROM app_subscription WHERE customer_id = $1"
    )
    assert await (await query.prepare(pool)).resolve("ada") is None


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELEC 1 WHERE $1", "syntax error"),
        ("SELECT x FROM nowhere WHERE id = $1", "nowhere"),
        ("SELECT a FROM app_subscription WHERE customer_id = $1", 'column "a"'),
        ("SELECT stripe_subscription_id FROM app_subscription", "exactly one parameter"),
        ("SELECT 'sub' WHERE $1 = 1 AND $2 = 2", "exactly one parameter"),
        ("-- nothing", "exactly one parameter"),
        ("SELECT 'sub' WHERE $1 = 1; SELECT 2", "multiple commands"),
        ("SELECT 'sub' WHERE now() > $1", r"timestamptz; write \$1::text"),
        ("SELECT 'sub' WHERE 1 = ANY($1)", r"write \$1::text"),
        (
            "SELECT 1 AS a, customer_id FROM app_subscription WHERE customer_id = $1",
            "column named subscription_id",
        ),
        ("DELETE FROM app_subscription WHERE customer_id = $1", "column named subscription_id"),
    ],
)
async def test_a_query_that_cannot_work_is_refused_at_start_with_the_reason(
    pool: Pool, sql: str, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        await SubscriptionQuery(sql).prepare(pool)


async def test_columns_that_something_else_needs_are_missed_at_start(pool: Pool) -> None:
    query = SubscriptionQuery(
        "SELECT stripe_subscription_id, 3 AS seats FROM app_subscription WHERE customer_id = $1"
    )
    await query.prepare(pool, needs={"seats"})
    with pytest.raises(
        ConfigurationError,
        match="must return a column named region and one named since, for the flow",
    ):
        await query.prepare(pool, needs={"since", "seats", "region"})


async def test_comparing_as_text_makes_any_type_of_id_work(pool: Pool) -> None:
    await pool.execute("CREATE TABLE account (id date, subscription_id text)")
    await pool.execute("INSERT INTO account VALUES ('2026-11-02', 'sub_1')")
    query = SubscriptionQuery("SELECT subscription_id FROM account WHERE id::text = $1::text")
    owned = await (await query.prepare(pool)).resolve("2026-11-02")
    assert owned is not None
    assert owned.subscription_id == "sub_1"


async def test_a_database_that_is_gone_is_an_outage_and_not_a_missing_subscription() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    pool: Pool = asyncpg.create_pool(f"postgresql://nobody@127.0.0.1:{port}/none", min_size=0)
    async with pool:
        resolver = PostgresResolver(pool, "SELECT $1::text", "text", str)
        with pytest.raises(UnavailableError):
            await resolver.resolve("ada")
        # At start too: the query may be right.
        with pytest.raises(UnavailableError):
            await SubscriptionQuery("SELECT $1::text").prepare(pool)


async def test_a_connection_cut_in_the_middle_of_a_lookup_is_an_outage_and_the_next_lookup_works(
    pool: Pool,
) -> None:
    query = SubscriptionQuery(
        "SELECT 'sub_1' AS subscription_id FROM (SELECT pg_terminate_backend(pg_backend_pid()) "
        "WHERE $1::text = 'cut') AS cut RIGHT JOIN (SELECT 1) AS one ON true"
    )
    resolver = await query.prepare(pool)
    with pytest.raises(UnavailableError):
        await resolver.resolve("cut")
    assert await resolver.resolve("ada") is not None


async def test_a_lookup_that_runs_into_the_owner_s_own_time_limit_is_an_outage(
    shared_database: str,
) -> None:
    query = SubscriptionQuery("SELECT 'sub_1' AS subscription_id, pg_sleep(5) WHERE $1::text <> ''")
    async with asyncpg.create_pool(
        shared_database, min_size=1, max_size=1, server_settings={"statement_timeout": "20"}
    ) as pool:
        resolver = await query.prepare(pool)
        with pytest.raises(UnavailableError):
            await resolver.resolve("ada")


async def test_a_closed_pool_is_an_outage(shared_database: str) -> None:
    pool = await asyncpg.create_pool(shared_database, min_size=1, max_size=1)
    resolver = await SubscriptionQuery("SELECT $1::text").prepare(pool)
    await pool.close()
    with pytest.raises(UnavailableError):
        await resolver.resolve("ada")
