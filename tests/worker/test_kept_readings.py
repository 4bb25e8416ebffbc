"""Readings on day 30, 60 and 90: one request each, never before a customer's change, late ones marked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aiocancel.billing.kept_readings import StripeKept
from aiocancel.core.codes import Code
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.measures.kept import InvoiceBounds, KeptState, Paid, Reading
from aiocancel.errors import RejectedBillingError, TransientBillingError, UnavailableError
from aiocancel.postgres.kept_readings import KeptReadings
from aiocancel.telemetry import PermissionMissing
from aiocancel.worker.kept_readings import KeptReader
from tests.support.claims import ask
from tests.support.past_sessions import PastSession, add_sessions
from tests.support.waiting import until
from tests.support.workbench import Bench

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def reader(bench: Bench, billing: Any = None, **settings: Any) -> KeptReader:
    return KeptReader(
        KeptReadings(bench.pool, "test"),
        billing or StripeKept(bench.client),
        on_event=bench.events,
        now=lambda: datetime.now(UTC),
        **{"pause_s": 0.0, "jitter": lambda: 0.0, **settings},
    )


async def session(bench: Bench, days_ago: float, **fields: Any) -> int:
    """A session of a subscription that the simulated Stripe has."""
    stored = PastSession(1, subscription_id="sub_1", opened_at=NOW - days_ago * DAY, **fields)
    (found,) = await add_sessions(bench.pool, stored)
    return found


async def readings(bench: Bench) -> list[tuple[Any, ...]]:
    rows = await bench.pool.fetch(
        "SELECT day, state, kept, is_late FROM aiocancel.kept_reading ORDER BY session, day"
    )
    return [tuple(row) for row in rows]


UNREAD = (None, None, None)


async def test_a_reading_takes_one_request_and_finds_what_was_paid(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    invoice = _pay(bench, 2900, discount=900)
    await session(bench, 30.5)
    before = len(bench.stripe.requests)

    assert await reader(bench).look() == 1

    assert len(bench.stripe.requests) - before == 1
    assert invoice["subscription"] == "sub_1"
    assert await readings(bench) == [
        (30, "active", True, False),
        (60, *UNREAD),
        (90, *UNREAD),
    ]
    paid = await bench.pool.fetch(
        "SELECT day, currency, invoices, paid_minor, given_minor FROM aiocancel.kept_payment"
    )
    assert [tuple(row) for row in paid] == [(30, "usd", 1, 2900, 900)]


def _pay(bench: Bench, paid_minor: int, *, discount: int = 0) -> dict[str, Any]:
    """Let the newest invoice of the subscription be paid a minute ago."""
    stripe: Any = bench.stripe
    held = next(
        each
        for each in stripe.invoices.values()
        if each["parent"]["subscription_details"]["subscription"] == "sub_1"
    )
    held |= {"status": "paid", "amount_paid": paid_minor}
    held["status_transitions"]["paid_at"] = int(NOW.timestamp()) - 60
    held["total_discount_amounts"] = [{"amount": discount, "discount": "di_1"}] if discount else []
    return {"subscription": held["parent"]["subscription_details"]["subscription"]}


async def test_an_invoice_counts_for_the_last_session_before_it_and_its_discount_for_the_last_offer(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    _pay(bench, 1450, discount=1450)
    ago = {1: 65, 2: 61, 3: 31}
    accepted = {"state": "accepted", "accepted": "half", "shown": ("half",)}
    sessions = [
        PastSession(
            number,
            subscription_id="sub_1",
            opened_at=NOW - days * DAY,
            **(accepted if number == 2 else {"state": "abandoned"}),
        )
        for number, days in ago.items()
    ]
    other = PastSession(5, subscription_id="sub_1", opened_at=NOW - 1 * DAY, mode="live")
    first, second, third, *_ = await add_sessions(bench.pool, *sessions, other)

    assert await reader(bench).look() == 5

    # Paid a minute ago: for the third session. The discount is that of the second.
    paid = await bench.pool.fetch(
        "SELECT session, day, invoices, paid_minor, given_minor FROM aiocancel.kept_payment"
        " ORDER BY session, day"
    )
    assert [tuple(row) for row in paid] == [
        (second, 30, 0, 0, 1450),
        (second, 60, 0, 0, 1450),
        (third, 30, 1, 1450, 0),
    ]
    # And each of them is still there.
    kept = await bench.pool.fetch(
        "SELECT session, day FROM aiocancel.kept_reading WHERE kept ORDER BY session, day"
    )
    assert [tuple(row) for row in kept] == [
        (first, 30),
        (first, 60),
        (second, 30),
        (second, 60),
        (third, 30),
    ]


async def test_who_is_active_and_has_not_paid_is_not_kept(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    _pay(bench, 0)
    await session(bench, 30.5)

    await reader(bench).look()

    assert (await readings(bench))[0] == (30, "active", False, False)


async def test_an_ended_subscription_is_read_once_for_all_its_days(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1", status="canceled")
    await session(bench, 30.5)

    await reader(bench).look()

    assert await readings(bench) == [(day, "ended", False, False) for day in (30, 60, 90)]


async def test_an_end_that_is_found_late_is_late_for_each_day_that_was_missed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.stripe.add_subscription("sub_1", status="canceled")
    await session(bench, 75)
    # The reading of day 30 comes first, and that of day 60 is copied from it.
    monkeypatch.setattr("aiocancel.worker.kept_readings._AT_ONCE", 1)

    await reader(bench).look()

    assert await readings(bench) == [
        (30, "ended", False, True),
        (60, "ended", False, True),
        (90, "ended", False, False),
    ]


async def test_a_subscription_that_stripe_does_not_know_any_more_is_gone(bench: Bench) -> None:
    await session(bench, 30.5)

    await reader(bench).look()

    assert [row[1] for row in await readings(bench)] == ["gone"] * 3


class _ListsNone:
    """A client to whom Stripe's list of invoices says that it knows no such thing."""

    def __init__(self, *, knows_it: bool) -> None:
        self._knows_it = knows_it

    def on(self, account: str | None) -> _ListsNone:
        return self

    async def get(self, *_: Any) -> Any:
        raise RejectedBillingError("No such subscription", code=Code.RESOURCE_MISSING)

    async def read(self, *_: Any) -> Any:
        return object() if self._knows_it else await self.get()


async def test_a_subscription_that_stripes_list_of_invoices_does_not_know_is_gone(
    bench: Bench,
) -> None:
    await session(bench, 30.5)
    client: Any = _ListsNone(knows_it=False)

    await reader(bench, StripeKept(client)).look()

    assert [row[1:3] for row in await readings(bench)] == [("gone", False)] * 3


async def test_a_subscription_that_stripe_knows_is_not_gone_though_its_list_misses_an_invoice(
    bench: Bench,
) -> None:
    await session(bench, 30.5)
    client: Any = _ListsNone(knows_it=True)

    await reader(bench, StripeKept(client)).look()

    assert await readings(bench) == [(day, *UNREAD) for day in (30, 60, 90)]


async def test_missed_days_are_read_late_and_marked(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await session(bench, 61.5)

    assert await reader(bench).look() == 2

    assert [(day, late) for day, _, _, late in await readings(bench)] == [
        (30, True),
        (60, True),
        (90, None),
    ]


async def test_nothing_is_read_while_a_change_of_a_customer_waits(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await session(bench, 30.5)
    await ask(bench.pool, "sub_2")

    assert await reader(bench).look() == 0
    # One that waits behind another is no reason to read nothing for ever.
    await bench.pool.execute(
        "UPDATE aiocancel.action SET due_at = now() - interval '2 minutes' WHERE state = 'waiting'"
    )
    assert await reader(bench).look() == 1


@pytest.mark.parametrize("fields", [{"mode": "live"}, {"state": "open"}], ids=str)
async def test_an_open_session_and_one_of_the_other_mode_is_not_read(
    bench: Bench, fields: dict[str, Any]
) -> None:
    await session(bench, 30.5, **fields)

    assert await reader(bench).look() == 0


async def test_two_workers_read_one_session_once(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await session(bench, 30.5)

    found = await asyncio.gather(*(reader(bench).look() for _ in range(4)))

    assert sum(found) == 1


class _Refusing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def read(
        self, subscription_id: SubscriptionId, bounds: InvoiceBounds, account: str | None = None
    ) -> Reading:
        raise self.error


async def test_what_stripe_does_not_answer_is_read_later(bench: Bench) -> None:
    await session(bench, 30.5)
    away = _Refusing(TransientBillingError("away", code=Code.ATTEMPT_TIMEOUT, retry_after_s=100))

    await reader(bench, away).look()

    assert await readings(bench) == [(day, *UNREAD) for day in (30, 60, 90)]
    wait = await bench.pool.fetchval(
        "SELECT due_at - now() FROM aiocancel.kept_reading WHERE day = 30"
    )
    assert timedelta(seconds=60) < wait <= timedelta(seconds=100)


@pytest.mark.parametrize("code", [Code.PERMISSION_MISSING, Code.UNREADABLE])
async def test_what_only_the_owner_can_mend_is_tried_a_day_later(bench: Bench, code: Code) -> None:
    await session(bench, 30.5)
    refused = _Refusing(RejectedBillingError("no", code=code, permission="invoice_read"))

    await reader(bench, refused).look()

    wait = await bench.pool.fetchval(
        "SELECT due_at - now() FROM aiocancel.kept_reading WHERE day = 30"
    )
    assert wait > timedelta(hours=23)
    if code is Code.PERMISSION_MISSING:
        (told,) = await bench.events.first(PermissionMissing)
        assert told.permission == "invoice_read"


async def test_the_news_of_an_end_bring_its_readings_forward(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1", status="canceled")
    await session(bench, 3)
    assert await reader(bench).look() == 0

    await bench.pool.execute(
        "INSERT INTO aiocancel.subscription_news (account, subscription_id, told)"
        " VALUES ('', 'sub_1', '{\"has_ended\": true}')"
    )
    assert await reader(bench).look() >= 1

    assert [row[1] for row in await readings(bench)] == ["ended"] * 3


async def test_news_that_do_not_stand_make_no_reading_before_its_day(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await session(bench, 3)
    await bench.pool.execute("UPDATE aiocancel.kept_reading SET due_at = now() WHERE day = 30")

    assert await reader(bench).look() == 1

    assert await readings(bench) == [(day, *UNREAD) for day in (30, 60, 90)]
    wait = await bench.pool.fetchval(
        "SELECT due_at - now() FROM aiocancel.kept_reading WHERE day = 30"
    )
    assert timedelta(days=26) < wait < timedelta(days=27, minutes=1)


async def test_a_reading_that_cannot_be_stored_keeps_no_other_from_being_read(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_2")
    first, second = await add_sessions(
        bench.pool,
        PastSession(1, opened_at=NOW - 30.6 * DAY),
        PastSession(2, opened_at=NOW - 30.5 * DAY),
    )

    class Odd(StripeKept):
        async def read(
            self, subscription_id: SubscriptionId, bounds: InvoiceBounds, account: str | None = None
        ) -> Reading:
            if subscription_id == "sub_1":
                return Reading(KeptState.ACTIVE, (Paid("eur", 1, 2**80, 0),))
            return await super().read(subscription_id, bounds)

    assert await reader(bench, Odd(bench.client)).look() == 2

    read = await bench.pool.fetch(
        "SELECT session FROM aiocancel.kept_reading WHERE read_at IS NOT NULL"
    )
    assert [row["session"] for row in read] == [second]
    assert first != second


async def test_a_session_that_is_cancelled_after_it_was_abandoned_keeps_its_readings(
    bench: Bench,
) -> None:
    found = await session(bench, 1, state="abandoned")
    await bench.pool.execute(
        "UPDATE aiocancel.flow_session SET state = 'canceled' WHERE id = $1", found
    )

    assert len(await readings(bench)) == 3


async def test_the_reader_outlives_an_outage(bench: Bench) -> None:
    looks = 0

    class Away(KeptReadings):
        async def take(self, **settings: Any) -> Any:
            nonlocal looks
            looks += 1
            raise RuntimeError("away")

    lasting = KeptReader(
        Away(bench.pool, "test"),
        StripeKept(bench.client),
        on_event=bench.events,
        now=lambda: NOW,
        look_every_s=0.01,
    )
    task = asyncio.create_task(lasting.run())
    await until(lambda: looks > 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_plain_word_in_the_place_of_an_id_asks_nothing(bench: Bench) -> None:
    with pytest.raises(RejectedBillingError):
        await StripeKept(bench.client).read(SubscriptionId("../x"), InvoiceBounds(NOW))


# --- accounts that each row names


class Row:
    """The customer's row, which names an account; or none any more, or a database that does not answer."""

    def __init__(self, account: str | None = None, error: Exception | None = None) -> None:
        self.account = account
        self.error = error

    async def of(self, customer_id: str, subscription_id: str) -> str | None:
        if self.error is not None and subscription_id == "sub_1":
            raise self.error
        return self.account


async def test_a_reading_asks_the_account_that_was_noted_and_else_the_rows_in_one_request(
    bench: Bench,
) -> None:
    for name in ("acct_7", "acct_8"):
        bench.stripe.add_connected_account(name).add_subscription(
            "sub_1", status="canceled" if name == "acct_8" else "active"
        )
    found = await session(bench, 30.5)
    await bench.pool.execute(
        "UPDATE aiocancel.flow_session SET stripe_account = 'acct_8' WHERE id = $1", found
    )
    (other,) = await add_sessions(
        bench.pool, PastSession(2, subscription_id="sub_1", opened_at=NOW - 30.4 * DAY)
    )

    # A customer whose row is gone on day 30 is read all the same.
    assert await reader(bench, accounts=Row(None)).look() == 2
    first = await bench.pool.fetch(
        "SELECT session, state FROM aiocancel.kept_reading WHERE day = 30"
    )
    await bench.pool.execute(
        "UPDATE aiocancel.kept_reading SET due_at = now() WHERE session = $1 AND day = 30", other
    )
    before = len(bench.stripe.requests)
    assert await reader(bench, accounts=Row("acct_7")).look() == 1

    assert {row["session"]: row["state"] for row in first} == {found: "ended", other: None}
    assert (
        await bench.pool.fetchval(
            "SELECT state FROM aiocancel.kept_reading WHERE session = $1 AND day = 30", other
        )
        == "active"
    )
    assert len(bench.stripe.requests) - before == 1


async def test_a_row_that_names_no_account_is_read_in_that_of_the_settings(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1", status="canceled")
    await session(bench, 30.5)

    await reader(bench, accounts=Row("")).look()

    assert (await readings(bench))[0][1] == "ended"


@pytest.mark.parametrize(
    "account", [None, "no account"], ids=["a row that is gone", "what is none of Stripe's"]
)
async def test_an_account_that_nobody_names_is_asked_for_a_day_later(
    bench: Bench, account: str | None
) -> None:
    await session(bench, 30.5)

    await reader(bench, accounts=Row(account)).look()

    wait = await bench.pool.fetchval(
        "SELECT due_at - now() FROM aiocancel.kept_reading WHERE day = 30"
    )
    assert timedelta(hours=23) < wait <= DAY


async def test_a_row_that_cannot_be_read_keeps_no_other_from_being_read(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_2", status="canceled")
    await add_sessions(
        bench.pool,
        PastSession(1, opened_at=NOW - 30.6 * DAY),
        PastSession(2, opened_at=NOW - 30.5 * DAY),
    )

    assert await reader(bench, accounts=Row("", UnavailableError("slow"))).look() == 2

    states = [row[1] for row in await readings(bench)]
    assert states == [None, None, None, "ended", "ended", "ended"]
