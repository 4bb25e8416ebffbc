"""A change comes back from the ledger as it was decided, and a fresh read tells whether it went through."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.changes import (
    PAUSE_BEHAVIORS,
    PAUSE_CREDITS,
    AddDiscount,
    Change,
    MoveEnd,
    MoveTrialEnd,
    NewCoupon,
    PausePayments,
    PauseService,
    RemoveDiscounts,
    SchedulePrice,
    SwapPrice,
    change_from_json,
    change_to_json,
    shows,
    still_holds,
)
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.schedule_phases import Phase, PhaseItem
from aiocancel.core.subscription import (
    AppliedDiscount,
    CollectionPause,
    Item,
    Schedule,
    Subscription,
)
from aiocancel.errors import UnreadableLedgerError

DUE = datetime(2027, 3, 1, tzinfo=UTC)
AT, NEXT = DUE + timedelta(days=14), DUE + timedelta(days=31)
PRO = Item("si_1", "price_pro", "month", 1, is_metered=False, quantity=3, period_end=DUE)
LOYAL = AppliedDiscount("di_loyal", "LOYAL")
BEFORE = Subscription(
    subscription_id=SubscriptionId("sub_1"),
    status="active",
    livemode=False,
    cancel_at_period_end=False,
    cancel_at=None,
    canceled_at=None,
    ended_at=None,
    current_period_end=DUE,
    schedule_id=None,
    last_period_end=DUE,
    items=(PRO,),
    discounts=(LOYAL,),
)

DISCOUNT = AddDiscount("SAVE", ("di_loyal",), DUE)
SAME_COUPON = AddDiscount("LOYAL", ("di_loyal",), DUE)
TRIAL = MoveTrialEnd(AT, DUE)
SWAP = SwapPrice("si_1", "price_basic", replaced="price_pro", quantity=3, prorate=True)
PAUSE = PausePayments("void", AT, DUE)
PHASE = Phase(DUE - timedelta(days=28), DUE, (PhaseItem("price_pro", 3),), ("di_loyal",))
PLAN = SchedulePrice("sub_sched_1", PHASE, "price_basic", "price_pro", 3, "month", 1)
UNDER = {
    "schedule_id": "sub_sched_1",
    "schedule": Schedule("release", DUE, has_more_to_come=False, phases=(PHASE,)),
}
EARLIER_END, AGREED_END = MoveEnd("max_period_end", was=NEXT), MoveEnd(NEXT, was=DUE)
REMOVAL = RemoveDiscounts(("di_2",), ("di_loyal",))
PAUSED_ITSELF = PauseService(AT, DUE)
ENDLESS = PausePayments("keep_as_draft", None, DUE)

ids = st.text(max_size=6)
moments = st.integers(0, 10**10).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
new_coupons = st.builds(
    NewCoupon,
    coupon_id=ids,
    percent_off=st.none() | st.just("12.5"),
    amount_minor=st.none() | st.integers(1, 99_999_999),
    currency=st.none() | st.just("usd"),
    duration=st.sampled_from(["once", "repeating", "forever"]),
    months=st.none() | st.integers(1, 120),
)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(
        AddDiscount,
        ids,
        st.lists(ids, max_size=3).map(tuple),
        st.none() | moments,
        st.none() | new_coupons,
    ),
    st.builds(MoveTrialEnd, moments, st.none() | moments),
    st.builds(
        SwapPrice,
        ids,
        ids,
        ids,
        st.none() | st.integers(0, 99),
        st.booleans(),
        st.booleans(),
        st.none() | st.integers(0, 10**10),
    ),
    st.builds(
        PausePayments, st.sampled_from(PAUSE_BEHAVIORS), st.none() | moments, st.none() | moments
    ),
    st.builds(
        RemoveDiscounts, st.lists(ids, max_size=3).map(tuple), st.lists(ids, max_size=3).map(tuple)
    ),
    st.builds(
        SchedulePrice,
        ids,
        st.builds(
            Phase, moments, moments, st.lists(st.builds(PhaseItem, ids, st.none())).map(tuple)
        ),
        ids,
        ids,
        st.none() | st.integers(0, 99),
        st.sampled_from(["month", "year"]),
        st.integers(1, 12),
    ),
    st.builds(MoveEnd, moments | st.sampled_from(["min_period_end", "max_billed_until"]), moments),
    st.builds(
        PauseService,
        st.none() | moments,
        st.none() | moments,
        st.sampled_from(PAUSE_CREDITS),
        st.booleans(),
    ),
)


@given(change=changes)
@settings(max_examples=150)
def test_a_change_comes_back_from_the_ledger_as_it_was(change: Change) -> None:
    stored = json.dumps(change_to_json(change))
    assert change_from_json(json.loads(stored)) == change


@pytest.mark.parametrize(
    ("change", "after", "seen"),
    [
        pytest.param(DISCOUNT, {}, False, id="no discount came"),
        pytest.param(
            DISCOUNT,
            {"discounts": (LOYAL, AppliedDiscount("di_2", "SAVE"))},
            True,
            id="the discount came",
        ),
        pytest.param(
            DISCOUNT,
            {"discounts": (AppliedDiscount("di_2", "SAVE"),)},
            True,
            id="it came for another",
        ),
        pytest.param(
            DISCOUNT,
            {"discounts": (LOYAL, AppliedDiscount("di_2", "SPRING"))},
            False,
            id="another came",
        ),
        pytest.param(
            DISCOUNT,
            {"discounts": (AppliedDiscount("di_2", None),)},
            False,
            id="one of unknown source",
        ),
        pytest.param(SAME_COUPON, {}, False, id="the coupon's discount was there before"),
        pytest.param(
            SAME_COUPON,
            {"discounts": (LOYAL, AppliedDiscount("di_2", "LOYAL"))},
            True,
            id="a second one",
        ),
        pytest.param(REMOVAL, {}, True, id="the discount is gone"),
        pytest.param(REMOVAL, {"discounts": ()}, True, id="all discounts are gone"),
        pytest.param(
            REMOVAL,
            {"discounts": (LOYAL, AppliedDiscount("di_2", "SAVE"))},
            False,
            id="it is there yet",
        ),
        pytest.param(TRIAL, {}, False, id="no trial"),
        pytest.param(TRIAL, {"trial_end": AT}, True, id="the trial's end moved"),
        pytest.param(TRIAL, {"trial_end": NEXT}, False, id="the trial ends later"),
        pytest.param(SWAP, {}, False, id="the old price"),
        pytest.param(
            SWAP,
            {"items": (dataclasses.replace(PRO, price_id="price_basic"),)},
            True,
            id="the new price",
        ),
        pytest.param(
            SWAP,
            {"items": (PRO, dataclasses.replace(PRO, item_id="si_2", price_id="price_basic"))},
            False,
            id="the new price on another item",
        ),
        pytest.param(SWAP, {"items": ()}, False, id="the item is gone"),
        pytest.param(PAUSE, {}, False, id="payments go on"),
        pytest.param(
            PAUSE, {"paused": CollectionPause("void", AT)}, True, id="payments are paused"
        ),
        pytest.param(
            PAUSE,
            {"paused": CollectionPause("void", NEXT)},
            False,
            id="payments are paused for longer",
        ),
        pytest.param(
            PAUSE,
            {"paused": CollectionPause("keep_as_draft", AT)},
            False,
            id="paused in another way",
        ),
        pytest.param(PAUSED_ITSELF, {}, False, id="the subscription goes on"),
        pytest.param(PAUSED_ITSELF, {"status": "paused"}, True, id="the subscription is paused"),
        pytest.param(
            ENDLESS, {"paused": CollectionPause("keep_as_draft", None)}, True, id="paused for good"
        ),
        pytest.param(
            ENDLESS,
            {"paused": CollectionPause("keep_as_draft", AT)},
            False,
            id="paused, but not for good",
        ),
        pytest.param(PLAN, UNDER, False, id="the plan is only planned"),
        pytest.param(
            PLAN,
            {"items": (dataclasses.replace(PRO, item_id="si_9", price_id="price_basic"),)},
            True,
            id="the plan has come on a new item",
        ),
        pytest.param(EARLIER_END, {"cancel_at": NEXT}, False, id="the agreed end stands"),
        pytest.param(EARLIER_END, {"cancel_at": DUE}, True, id="it ends with its period"),
        pytest.param(EARLIER_END, {}, False, id="it does not end at all"),
        pytest.param(AGREED_END, {"cancel_at": NEXT}, True, id="the agreed end is back"),
        pytest.param(AGREED_END, {"cancel_at": DUE}, False, id="it ends with its period yet"),
    ],
)
def test_a_fresh_read_shows_a_change_or_does_not(
    change: Change, after: dict[str, Any], seen: bool
) -> None:
    assert shows(change, dataclasses.replace(BEFORE, **after)) is seen


@pytest.mark.parametrize(
    ("change", "after", "holds"),
    [
        pytest.param(DISCOUNT, {}, True, id="the same discounts"),
        pytest.param(DISCOUNT, {"discounts": ()}, False, id="a discount is gone"),
        pytest.param(
            DISCOUNT,
            {"discounts": (LOYAL, AppliedDiscount("di_2", "X"))},
            False,
            id="a discount came",
        ),
        pytest.param(
            DISCOUNT, {"current_period_end": NEXT}, False, id="a discount after a renewal"
        ),
        pytest.param(
            REMOVAL,
            {"discounts": (LOYAL, AppliedDiscount("di_2", "X"))},
            True,
            id="what is to be removed",
        ),
        pytest.param(REMOVAL, {"discounts": (LOYAL,)}, False, id="what is to be removed is gone"),
        pytest.param(
            REMOVAL,
            {"discounts": (LOYAL, AppliedDiscount("di_2", "X"), AppliedDiscount("di_3", "Y"))},
            False,
            id="a discount came before the removal",
        ),
        pytest.param(TRIAL, {}, True, id="the same period"),
        pytest.param(TRIAL, {"current_period_end": NEXT}, False, id="a trial after a renewal"),
        pytest.param(SWAP, {}, True, id="the same plan"),
        pytest.param(SWAP, {"current_period_end": NEXT}, True, id="a plan after a renewal"),
        pytest.param(
            SWAP, {"items": (dataclasses.replace(PRO, quantity=4),)}, False, id="another quantity"
        ),
        pytest.param(
            SWAP,
            {"items": (dataclasses.replace(PRO, price_id="price_x"),)},
            False,
            id="another plan",
        ),
        pytest.param(
            SWAP, {"items": (dataclasses.replace(PRO, item_id="si_2"),)}, False, id="another item"
        ),
        pytest.param(PAUSE, {}, True, id="the same payment"),
        pytest.param(PAUSE, {"current_period_end": NEXT}, False, id="a pause after a renewal"),
        pytest.param(PAUSED_ITSELF, {}, True, id="the same period of what is paused itself"),
        pytest.param(
            PAUSED_ITSELF,
            {"current_period_end": NEXT},
            False,
            id="a pause of itself after a renewal",
        ),
        pytest.param(
            PAUSE, {"current_period_end": None}, False, id="a pause of an unknown payment"
        ),
        pytest.param(PLAN, UNDER, True, id="the same running phase"),
        pytest.param(PLAN, {}, False, id="no schedule any more"),
        pytest.param(PLAN, UNDER | {"schedule_id": "sub_sched_2"}, False, id="another schedule"),
        pytest.param(EARLIER_END, {"cancel_at": NEXT}, True, id="the end that was agreed on"),
        pytest.param(EARLIER_END, {"cancel_at": AT}, False, id="another end than was agreed on"),
    ],
)
def test_a_change_holds_while_what_it_was_decided_by_is_as_it_was(
    change: Change, after: dict[str, Any], holds: bool
) -> None:
    assert still_holds(change, dataclasses.replace(BEFORE, **after)) is holds


# As the ledger holds them: what one release stored, every later one has to read.
STORED: dict[str, tuple[Change, str]] = {
    "a discount of a coupon that exists": (
        DISCOUNT,
        '{"type": "add_discount", "coupon_id": "SAVE", "kept": ["di_loyal"], "made": null, '
        '"due": 1803859200}',
    ),
    "a discount of a coupon to be made, beside the customer's": (
        AddDiscount(
            "aiocancel-1",
            (),
            None,
            NewCoupon("aiocancel-1", "12.5", None, None, "repeating", 3),
            inherits=True,
        ),
        '{"type": "add_discount", "coupon_id": "aiocancel-1", "kept": [], "made": {"coupon_id": '
        '"aiocancel-1", "percent_off": "12.5", "amount_minor": null, "currency": null, '
        '"duration": "repeating", "months": 3}, "due": null, "inherits": true}',
    ),
    "a discount of a coupon of an amount": (
        AddDiscount(
            "aiocancel-2", (), DUE, NewCoupon("aiocancel-2", None, 1000, "usd", "once", None)
        ),
        '{"type": "add_discount", "coupon_id": "aiocancel-2", "kept": [], "made": {"coupon_id": '
        '"aiocancel-2", "percent_off": null, "amount_minor": 1000, "currency": "usd", '
        '"duration": "once", "months": null}, "due": 1803859200}',
    ),
    "discounts to be removed": (
        REMOVAL,
        '{"type": "remove_discounts", "removed": ["di_2"], "kept": ["di_loyal"]}',
    ),
    "a trial": (TRIAL, '{"type": "move_trial_end", "at": 1805068800, "due": 1803859200}'),
    "a trial of an unknown payment": (
        MoveTrialEnd(AT, None),
        '{"type": "move_trial_end", "at": 1805068800, "due": null}',
    ),
    "a plan": (
        SWAP,
        '{"type": "swap_price", "item_id": "si_1", "price_id": "price_basic", '
        '"replaced": "price_pro", "quantity": 3, "prorate": true, "may_wait": false}',
    ),
    "a plan of metered usage, prorated as it was shown, that may wait": (
        SwapPrice("si_1", "price_basic", "price_pro", None, False, True, 1_803_000_000),
        '{"type": "swap_price", "item_id": "si_1", "price_id": "price_basic", '
        '"replaced": "price_pro", "quantity": null, "prorate": false, "may_wait": true, '
        '"prorated_at": 1803000000}',
    ),
    "a pause of the payments": (
        PAUSE,
        '{"type": "pause_payments", "behavior": "void", "resumes_at": 1805068800, '
        '"due": 1803859200}',
    ),
    "a pause of the payments without an end": (
        PausePayments("mark_uncollectible", None, None),
        '{"type": "pause_payments", "behavior": "mark_uncollectible", "resumes_at": null, '
        '"due": null}',
    ),
    "a pause of the subscription itself": (
        PAUSED_ITSELF,
        '{"type": "pause_service", "credit": "now", "bills_usage": true, '
        '"resumes_at": 1805068800, "due": 1803859200}',
    ),
    "a pause of the subscription itself without an end": (
        PauseService(None, None, "item_current_period_start", bills_usage=False),
        '{"type": "pause_service", "credit": "item_current_period_start", "bills_usage": false, '
        '"resumes_at": null, "due": null}',
    ),
    "an end that Stripe turns into a date": (
        EARLIER_END,
        '{"type": "move_end", "to": "max_period_end", "was": 1806537600}',
    ),
    "an end by date": (AGREED_END, '{"type": "move_end", "to": 1806537600, "was": 1803859200}'),
    "a planned plan": (
        PLAN,
        '{"type": "schedule_price", "schedule_id": "sub_sched_1", "running": {"starts_at": '
        '1801440000, "ends_at": 1803859200, "items": [{"price_id": "price_pro", "quantity": 3, '
        '"tax_rates": []}], "discounts": ["di_loyal"], "tax_rates": [], "prorates": '
        '"create_prorations", "has_automatic_tax": null, "payment_method": null, '
        '"collection_method": null}, "price_id": "price_basic", "replaced": "price_pro", '
        '"quantity": 3, "interval": "month", "interval_count": 1}',
    ),
    "a planned plan of a phase with all that it may hold": (
        SchedulePrice(
            "sub_sched_1",
            Phase(
                DUE,
                NEXT,
                (PhaseItem("price_pro", None, ("txr_1",)),),
                (),
                ("txr_2",),
                (),
                "none",
                True,
                "pm_1",
                "send_invoice",
            ),
            "price_basic",
            "price_pro",
            None,
            "year",
            2,
        ),
        '{"type": "schedule_price", "schedule_id": "sub_sched_1", "running": {"starts_at": '
        '1803859200, "ends_at": 1806537600, "items": [{"price_id": "price_pro", "quantity": null, '
        '"tax_rates": ["txr_1"]}], "discounts": [], "tax_rates": ["txr_2"], "prorates": "none", '
        '"has_automatic_tax": true, "payment_method": "pm_1", "collection_method": '
        '"send_invoice"}, "price_id": "price_basic", "replaced": "price_pro", "quantity": null, '
        '"interval": "year", "interval_count": 2}',
    ),
}


@pytest.mark.parametrize("name", STORED)
def test_a_change_is_stored_in_the_text_that_every_release_reads(name: str) -> None:
    change, text = STORED[name]

    assert json.dumps(change_to_json(change)) == text
    assert change_from_json(json.loads(text)) == change


@pytest.mark.parametrize("name", STORED)
def test_a_stored_change_with_a_field_of_a_newer_release_is_never_half_read(name: str) -> None:
    text = STORED[name][1]

    with pytest.raises(UnreadableLedgerError, match="once_a_year"):
        change_from_json(json.loads(text) | {"once_a_year": True})


def test_every_change_is_among_those_whose_stored_text_is_written_out() -> None:
    assert {type(change) for change, _ in STORED.values()} == set(get_args(Change))


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("made", {"coupon_id": "aiocancel-1", "sort": "gift"}),
        ("running", {"starts_at": 1803859200, "sort": "gift"}),
        ("running", {"items": [{"price_id": "price_pro", "sort": "gift"}]}),
    ],
)
def test_a_part_of_a_change_with_a_field_of_a_newer_release_is_never_half_read(
    part: str, found: dict[str, Any]
) -> None:
    name = {"made": "a discount of a coupon that exists", "running": "a planned plan"}[part]
    stored = json.loads(STORED[name][1])

    with pytest.raises(UnreadableLedgerError, match="sort"):
        change_from_json(stored | {part: found})


def test_a_change_of_the_release_before_is_still_read() -> None:
    data = change_to_json(SWAP)
    del data["may_wait"]
    assert change_from_json(data) == SWAP


def test_a_change_of_an_unknown_type_is_an_error_and_never_a_pause() -> None:
    stored = {"type": "swap_everything", "behavior": "void", "resumes_at": None, "due": None}

    with pytest.raises(UnreadableLedgerError, match="'swap_everything'"):
        change_from_json(stored)


@given(change=changes)
def test_a_change_with_a_field_of_a_newer_release_is_an_error_and_never_half_read(
    change: Change,
) -> None:
    with pytest.raises(UnreadableLedgerError, match="once_a_year"):
        change_from_json(change_to_json(change) | {"once_a_year": True})
