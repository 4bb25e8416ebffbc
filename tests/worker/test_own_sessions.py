"""An offer of our own flow: believed because our row shows it, given once, and counted over all sessions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from aiocancel.core.codes import Code
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    OfferLimits,
    PauseTerms,
    UnusableOffer,
    offer_to_json,
)
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import ConflictError, TransientVendorError, UnavailableError
from aiocancel.postgres.flow_sessions import AcceptedRow, FlowSessions
from aiocancel.postgres.ledger import Ledger
from aiocancel.worker.confirm_offers import Offers
from aiocancel.worker.own_sessions import LeftSessions, OwnSessions
from aiocancel.worker.row_accounts import RowAccounts
from tests.support.claims import AT_PERIOD_END, make_claim, make_grant, record
from tests.support.flow_sessions import accept, begin, move_to_offer, own_claim
from tests.support.waiting import until
from tests.support.workbench import Bench

DAYS = 180


def offers_of(bench: Bench, **settings: Any) -> Offers:
    own = OwnSessions(FlowSessions(bench.pool))
    return Offers(Ledger(bench.pool), own=own, **settings)


async def discounts(bench: Bench, subscription_id: str = "sub_1") -> int:
    return len(bench.stripe.subscriptions[subscription_id]["discounts"])


async def test_an_accepted_offer_is_made_on_the_terms_that_the_run_showed(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await begin(FlowSessions(bench.pool))
    recorded = await accept(Ledger(bench.pool))

    await bench.work(offers=offers_of(bench))

    assert not recorded.repeated
    assert await bench.states() == ["done", "done"]
    (coupon,) = bench.stripe.coupons.values()
    assert (coupon["percent_off"], coupon["duration_in_months"]) == (50, 3)
    assert await discounts(bench) == 1


async def test_an_acceptance_and_its_claim_are_one(bench: Bench) -> None:
    await begin(FlowSessions(bench.pool))
    recorded = [await accept(Ledger(bench.pool), nonce="page_1") for _ in range(2)]
    again = await accept(Ledger(bench.pool), nonce="page_2")

    assert [each.repeated for each in (*recorded, again)] == [False, True, True]
    assert len({each.public_id for each in (*recorded, again)}) == 1
    assert await bench.pool.fetchval("SELECT count(*) FROM aiocancel.action") == 1


async def test_of_ten_presses_at_once_one_is_recorded(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await begin(FlowSessions(bench.pool))
    recorded = await asyncio.gather(*(accept(Ledger(bench.pool)) for _ in range(10)))

    await bench.work(offers=offers_of(bench))

    assert sum(not each.repeated for each in recorded) == 1
    assert await discounts(bench) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"offer": "free_year"}, {"customer_id": "bob"}, {"subscription_id": "sub_2"}],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_an_acceptance_that_the_run_does_not_bear_out_records_nothing(
    bench: Bench, wrong: dict[str, str]
) -> None:
    await begin(FlowSessions(bench.pool))
    with pytest.raises(ConflictError):
        await accept(Ledger(bench.pool), **wrong)  # type: ignore[arg-type]

    assert await bench.pool.fetchval("SELECT count(*) FROM aiocancel.claim") == 0
    assert await bench.pool.fetchval("SELECT state FROM aiocancel.flow_session") == "open"


async def test_a_page_that_was_used_for_the_exit_accepts_nothing(bench: Bench) -> None:
    await begin(FlowSessions(bench.pool))
    await record(Ledger(bench.pool), own_claim("canceled"), make_grant(nonce="page"), AT_PERIOD_END)
    with pytest.raises(ConflictError):
        await accept(Ledger(bench.pool), nonce="page")

    assert await bench.pool.fetchval("SELECT state FROM aiocancel.flow_session") == "open"


async def test_a_run_that_was_canceled_later_pays_nothing(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    row = await begin(FlowSessions(bench.pool))
    await accept(Ledger(bench.pool))
    await FlowSessions(bench.pool).canceled(row, move_to_offer())

    await bench.work(offers=offers_of(bench))

    assert await bench.states() == ["parked: flow_session_says_canceled"]
    assert await discounts(bench) == 0


async def test_without_anybody_who_reads_our_rows_a_person_decides(bench: Bench) -> None:
    await begin(FlowSessions(bench.pool))
    await accept(Ledger(bench.pool))

    await bench.work()

    assert await bench.states() == ["parked: vendor_api_not_configured"]


# --- gifts are counted ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "own_days", "second"),
    [
        (OfferLimits(), None, "parked: given_recently"),
        (OfferLimits(at_most_one_gift_in_days=None), DAYS, "parked: given_recently"),
        (OfferLimits(at_most_one_gift_in_days=None), None, "done"),
    ],
    ids=["owners_limit", "flows_limit", "no_limit"],
)
async def test_a_customer_gets_no_second_gift_with_another_subscription(
    bench: Bench, limits: OfferLimits, own_days: int | None, second: str
) -> None:
    sessions = FlowSessions(bench.pool)
    for number in (1, 2):
        bench.stripe.add_subscription(f"sub_{number}")
        await begin(sessions, f"own_{number}", f"sub_{number}")
        await accept(Ledger(bench.pool), f"own_{number}", f"sub_{number}")
        await bench.work(offers=offers_of(bench, limits=limits, own_gift_days=own_days))

    assert (await bench.states())[:3] == ["done", "done", second]
    assert await discounts(bench, "sub_2") == (1 if second == "done" else 0)


async def test_of_two_gifts_that_are_confirmed_at_once_one_is_made(bench: Bench) -> None:
    sessions = FlowSessions(bench.pool)
    for number in (1, 2, 3):
        bench.stripe.add_subscription(f"sub_{number}")
        await begin(sessions, f"own_{number}", f"sub_{number}")
        await accept(Ledger(bench.pool), f"own_{number}", f"sub_{number}")

    await bench.work(offers=offers_of(bench))

    assert sorted(await bench.states()) == ["done", "done", *["parked: given_recently"] * 2]
    given = [await discounts(bench, f"sub_{number}") for number in (1, 2, 3)]
    assert sum(given) == 1


async def test_a_gift_is_counted_again_at_the_write(bench: Bench) -> None:
    sessions = FlowSessions(bench.pool)
    unbounded = offers_of(bench, limits=OfferLimits(at_most_one_gift_in_days=None))
    for number in (1, 2):
        await begin(sessions, f"own_{number}", f"sub_{number}")
        await accept(Ledger(bench.pool), f"own_{number}", f"sub_{number}")
    # Stripe knows neither yet, so that both are confirmed and none is made.
    await bench.work(offers=unbounded)
    for number in (1, 2):
        bench.stripe.add_subscription(f"sub_{number}")
    await bench.pool.execute(
        "UPDATE aiocancel.action SET state = 'waiting', parked_code = NULL, finished_at = NULL, due_at = now() "
        "WHERE state = 'parked'"
    )

    await bench.work(offers=offers_of(bench))

    assert sorted((await bench.states())[2:]) == ["done", "parked: given_recently"]
    assert await discounts(bench, "sub_1") + await discounts(bench, "sub_2") == 1


# --- what the row says ----------------------------------------------------------------------------------------


class Rows(FlowSessions):
    """Rows that say what a test wants them to."""

    def __init__(self, row: AcceptedRow | None = None, *, away: bool = False) -> None:
        self.row, self.away = row, away

    async def accepted(self, session_id: str) -> AcceptedRow | None:
        if self.away:
            raise UnavailableError("the database did not answer")
        return self.row


def row_with(terms: dict[str, Any], months: int | None = None) -> AcceptedRow:
    opened_at = datetime(2026, 12, 5, tzinfo=UTC)
    offer = {"offer": "break", "terms": terms}
    return AcceptedRow(
        "own_1", "ada", "sub_1", "accepted", offer, months, None, opened_at, opened_at
    )


PAUSE = AcceptedOffer("break", PauseTerms("month", 2, at_period_end=True))


async def test_the_months_that_were_chosen_are_the_terms() -> None:
    rows = Rows(row_with({"2": offer_to_json(PAUSE)}, months=2))
    session = await OwnSessions(rows).flow_session(FlowSessionId("own_1"))

    assert session is not None
    assert session.accepted == PAUSE
    assert session.presented == ("break",)
    assert await OwnSessions(rows).tells_of(session)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"1": {}}, Code.NO_OFFER_NAMED),
        ({"2": {"offer_id": "break"}}, Code.LEDGER_UNREADABLE),
        ({"2": {"offer_id": "b", "terms": {"type": "gift_card"}, "metadata": {}}}, Code.LEDGER_UNREADABLE),
    ],
    ids=["not_shown", "cut", "of_a_newer_release"],
)  # fmt: skip
async def test_terms_that_cannot_be_read_are_left_to_a_person(
    terms: dict[str, Any], code: Code
) -> None:
    session = await OwnSessions(Rows(row_with(terms, months=2))).flow_session(
        FlowSessionId("own_1")
    )

    assert session is not None
    assert session.accepted == UnusableOffer("break", code)


async def test_a_run_that_is_not_known_is_none_and_a_database_that_is_away_is_asked_again() -> None:
    assert await OwnSessions(Rows()).flow_session(FlowSessionId("own_9")) is None
    with pytest.raises(TransientVendorError):
        await OwnSessions(Rows(away=True)).flow_session(FlowSessionId("own_1"))


async def test_nobody_rings_for_a_run_of_our_own() -> None:
    assert await OwnSessions(Rows()).event("evt_1") is None
    assert await OwnSessions(Rows()).events_after(None, limit=10) == []


async def test_runs_that_were_left_end_by_themselves(bench: Bench) -> None:
    await begin(FlowSessions(bench.pool))
    await bench.pool.execute(
        "UPDATE aiocancel.flow_session SET touched_at = now() - interval '31 minutes'"
    )

    async def has_ended() -> bool:
        return bool(await bench.pool.fetchval("SELECT ended_at FROM aiocancel.flow_session"))

    looking = asyncio.create_task(LeftSessions(FlowSessions(bench.pool)).run())
    try:
        await until(has_ended)
    finally:
        looking.cancel()

    assert await bench.pool.fetchval("SELECT state FROM aiocancel.flow_session") == "abandoned"


def reads(bench: Bench) -> Any:
    async def read(subscription_id: str, account: str | None) -> Any:
        return await bench.client.on(account).read_for_page(subscription_id)

    return read


class OneRow:
    """The row of one customer, which names an account, or none."""

    def __init__(self, account: str | None) -> None:
        self.account = account
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, customer_id: str, subscription_id: str) -> Any:
        self.asked.append((customer_id, subscription_id))
        if subscription_id != "sub_1":
            return None
        return OwnedSubscription(
            CustomerId(customer_id), SubscriptionId("sub_1"), {"account": self.account}
        )


async def test_a_run_notes_the_account_that_its_row_names_and_is_read_there(bench: Bench) -> None:
    books = bench.stripe.add_connected_account("acct_7")
    books.add_subscription("sub_1", unit_amount=900)
    await record(Ledger(bench.pool), make_claim(session="sess_1"), make_grant())
    await record(Ledger(bench.pool), make_claim(session="sess_2"), make_grant("sub_unknown"))
    row = OneRow("acct_7")
    left = LeftSessions(
        FlowSessions(bench.pool), reads(bench), accounts=RowAccounts(row, "account")
    )

    await left.look()
    await left.look()

    rows = await bench.pool.fetch(
        "SELECT stripe_account, snapshot FROM aiocancel.flow_session ORDER BY session_id"
    )
    assert [each["stripe_account"] for each in rows] == ["acct_7", None]
    assert '"price_minor": 900' in rows[0]["snapshot"]
    assert rows[1]["snapshot"] is None
    # What was noted is not asked for again.
    assert [each for _, each in row.asked].count("sub_1") == 1


@pytest.mark.parametrize(
    ("customer", "account", "found"),
    [("ada", None, ""), ("ada", "acct_7", "acct_7"), ("", "acct_7", None)],
    ids=["the settings'", "the row's", "erased"],
)
async def test_an_account_is_the_rows_or_that_of_the_settings_and_an_erased_customer_has_none(
    customer: str, account: str | None, found: str | None
) -> None:
    assert await RowAccounts(OneRow(account), "account").of(customer, "sub_1") == found


async def test_runs_through_a_vendors_flow_are_kept_with_the_price_of_that_day(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1", unit_amount=2900)
    await record(Ledger(bench.pool), make_claim(session="sess_1"), make_grant())
    await record(Ledger(bench.pool), make_claim(session="sess_2"), make_grant("sub_unknown"))
    await LeftSessions(FlowSessions(bench.pool), reads(bench)).look()

    rows = await bench.pool.fetch("SELECT * FROM aiocancel.flow_session ORDER BY session_id")
    assert [row["state"] for row in rows] == ["canceled", "canceled"]
    assert '"price_minor": 2900' in rows[0]["snapshot"]
    assert rows[1]["snapshot"] is None


class SlowRows:
    """Rows of the application that do not answer for some customers."""

    def __init__(self, *slow: str) -> None:
        self.slow = slow
        self.asked: list[str] = []

    async def __call__(self, customer_id: str, subscription_id: str) -> OwnedSubscription:
        self.asked.append(customer_id)
        if customer_id in self.slow:
            raise UnavailableError("the row did not answer")
        ids = CustomerId(customer_id), SubscriptionId(subscription_id)
        return OwnedSubscription(*ids, {"account": "acct_7"})


class SessionsWithoutAccount:
    """The flow sessions of some customers, as the ledger would tell of them."""

    def __init__(self, *customers: str) -> None:
        self.customers = customers
        self.noted: list[int] = []
        self.snapshots_asked_for = 0

    async def sweep(self) -> list[Any]:
        return []

    async def copy_vendors(self) -> int:
        return 0

    async def without_account(self, limit: int) -> list[tuple[int, str, str]]:
        found = enumerate(self.customers)
        return [
            (session, each, f"sub_{each}") for session, each in found if session not in self.noted
        ]

    async def note_account(self, session: int, account: str) -> None:
        self.noted.append(session)

    async def without_snapshot(self, limit: int, *, with_account: bool) -> list[Any]:
        self.snapshots_asked_for += with_account
        return []


@pytest.mark.parametrize("slow", [1, 5])
async def test_rows_that_do_not_answer_keep_no_other_waiting_and_are_asked_last(slow: int) -> None:
    silent = [f"slow_{number}" for number in range(slow)]
    sessions, rows = SessionsWithoutAccount(*silent, "ada", "bob"), SlowRows(*silent)
    left = LeftSessions(
        cast("Any", sessions), reads(cast("Any", None)), accounts=RowAccounts(rows, "account")
    )

    looks = 3
    for _ in range(looks):
        await left.look()

    assert sessions.noted == [slow, slow + 1]
    assert sessions.snapshots_asked_for == looks
    # A database that is away altogether costs a look no more than three waits.
    assert len(rows.asked) <= looks * 3 + 2


async def test_runs_whose_account_nobody_can_know_keep_no_other_from_being_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.worker.own_sessions._SNAPSHOTS_AT_ONCE", 1)
    monkeypatch.setattr("aiocancel.worker.own_sessions._ACCOUNTS_AT_ONCE", 1)
    books = bench.stripe.add_connected_account("acct_7")
    books.add_subscription("sub_1", unit_amount=900)
    # The oldest one and the newest one have no customer any more.
    for session, subscription in (("sess_0", "sub_0"), ("sess_1", "sub_1"), ("sess_2", "sub_2")):
        await record(Ledger(bench.pool), make_claim(session=session), make_grant(subscription))
    await FlowSessions(bench.pool).copy_vendors()
    await bench.pool.execute(
        "UPDATE aiocancel.flow_session SET customer_id = '' WHERE subscription_id <> 'sub_1'"
    )
    await bench.pool.execute(
        "UPDATE aiocancel.flow_session SET opened_at = now() - make_interval(mins => 30 - 10 * "
        "right(session_id, 1)::int)"
    )

    rows = RowAccounts(OneRow("acct_7"), "account")
    await LeftSessions(FlowSessions(bench.pool), reads(bench), accounts=rows).look()

    noted = await bench.pool.fetch(
        "SELECT stripe_account, snapshot FROM aiocancel.flow_session WHERE subscription_id = 'sub_1'"
    )
    assert noted[0]["stripe_account"] == "acct_7"
    assert '"price_minor": 900' in noted[0]["snapshot"]
