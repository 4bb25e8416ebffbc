"""Every body is one that Stripe's own types allow, and says in full what it does to money."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.billing import parameters
from aiocancel.billing.settings import StripeBilling
from aiocancel.core.actions import Write
from aiocancel.core.changes import (
    PAUSE_BEHAVIORS,
    PAUSE_CREDITS,
    AddDiscount,
    MoveEnd,
    MoveTrialEnd,
    NewCoupon,
    PauseCredit,
    PausePayments,
    PauseService,
    PlainChange,
    RemoveDiscounts,
    SchedulePrice,
    SwapPrice,
    Update,
)
from aiocancel.core.claim import NO_REASON, CancelReason
from aiocancel.core.claim_reason import FEEDBACK_VALUES
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers.apply import offer_step
from aiocancel.core.offers.offer_rules import DEFAULT_RULES
from aiocancel.core.offers.terms import COUPON_DURATIONS, AcceptedOffer, CouponTerms
from aiocancel.core.schedule_phases import Phase, PhaseItem, without_metadata
from aiocancel.core.schedules import (
    CutSchedule,
    EndSchedule,
    MakeSchedule,
    ReleaseSchedule,
    ScheduleChange,
)
from aiocancel.core.subscription import Item, Subscription
from tests.support.stripe_params import Kind, check_params

DUE = datetime(2027, 3, 1, tzinfo=UTC)
AT = datetime(2027, 3, 15, 12, tzinfo=UTC)
# Put together here, so that no scanner takes it for a real one.
BILLING = StripeBilling(api_key="sk_" + "test_51Abc")


DAY = timedelta(days=1)
AT_PERIOD_END: Final = PlainChange.CANCEL_AT_PERIOD_END


def checked(kind: Kind, params: Any) -> dict[str, Any]:
    """The body, once Stripe's own types have been asked about it."""
    assert check_params(kind, params) == []
    return dict(params)


@pytest.mark.parametrize(
    ("change", "body"),
    [
        pytest.param(
            AddDiscount("SAVE", ("di_1", "di_2"), DUE),
            {"discounts": [{"discount": "di_1"}, {"discount": "di_2"}, {"coupon": "SAVE"}]},
            id="a discount beside those that are there",
        ),
        pytest.param(
            AddDiscount("SAVE", (), None),
            {"discounts": [{"coupon": "SAVE"}]},
            id="the first discount",
        ),
        pytest.param(
            MoveTrialEnd(AT, DUE),
            {"trial_end": int(AT.timestamp()), "proration_behavior": "none"},
            id="the end of a trial",
        ),
        pytest.param(
            SwapPrice("si_1", "price_1", replaced="price_0", quantity=3, prorate=True),
            {
                "items": [{"id": "si_1", "price": "price_1", "quantity": 3}],
                "proration_behavior": "create_prorations",
                "payment_behavior": "error_if_incomplete",
            },
            id="another price for as many",
        ),
        pytest.param(
            SwapPrice("si_1", "price_1", replaced="price_0", quantity=None, prorate=False),
            {
                "items": [{"id": "si_1", "price": "price_1"}],
                "proration_behavior": "none",
                "payment_behavior": "error_if_incomplete",
            },
            id="another price for usage",
        ),
        pytest.param(
            SwapPrice(
                "si_1", "price_1", replaced="price_0", quantity=1, prorate=True, may_wait=True
            ),
            {
                "items": [{"id": "si_1", "price": "price_1", "quantity": 1}],
                "proration_behavior": "create_prorations",
                "payment_behavior": "pending_if_incomplete",
            },
            id="another price that may wait for its payment",
        ),
        pytest.param(
            PausePayments("void", AT, DUE),
            {"pause_collection": {"behavior": "void", "resumes_at": int(AT.timestamp())}},
            id="a pause",
        ),
        pytest.param(
            PausePayments("keep_as_draft", None, DUE),
            {"pause_collection": {"behavior": "keep_as_draft"}},
            id="a pause without an end",
        ),
        pytest.param(
            RemoveDiscounts(("di_2",), ("di_1", "di_3")),
            {"discounts": [{"discount": "di_1"}, {"discount": "di_3"}]},
            id="one discount less",
        ),
        pytest.param(RemoveDiscounts(("di_2",), ()), {"discounts": ""}, id="no discount any more"),
    ],
)
def test_a_change_becomes_one_update(change: Update, body: dict[str, Any]) -> None:
    assert checked("subscription_update", parameters.offer_change(change)) == body


ids = st.text("abc_1", min_size=1, max_size=8)
moments = st.integers(1, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
changes: st.SearchStrategy[Update] = st.one_of(
    st.builds(AddDiscount, ids, st.lists(ids, max_size=4).map(tuple), st.none()),
    st.builds(MoveTrialEnd, moments, st.none()),
    st.builds(
        SwapPrice, ids, ids, ids, st.none() | st.integers(0, 10**6), st.booleans(), st.booleans()
    ),
    st.builds(PausePayments, st.sampled_from(PAUSE_BEHAVIORS), st.none() | moments, st.none()),
    st.builds(RemoveDiscounts, st.just(("di_1",)), st.lists(ids, max_size=4).map(tuple)),
)


@given(change=changes)
@settings(max_examples=100)
def test_every_change_is_an_update_that_stripe_knows_and_keeps_every_discount(
    change: Update,
) -> None:
    body = checked("subscription_update", parameters.offer_change(change))
    assert ("proration_behavior" in body) == isinstance(change, MoveTrialEnd | SwapPrice)
    if isinstance(change, AddDiscount):
        assert tuple(entry["discount"] for entry in body["discounts"][:-1]) == change.kept
    elif isinstance(change, RemoveDiscounts):
        assert tuple(entry["discount"] for entry in body["discounts"] or ()) == change.kept
        assert body["discounts"] != []
    else:
        # An empty list would be harmless, but nothing that is not about discounts should name them.
        assert "discounts" not in body


# Coupons


def made(terms: CouponTerms, currency: str = "usd") -> NewCoupon:
    subscription = Subscription(
        SubscriptionId("sub_1"),
        "active",
        False,
        False,
        None,
        None,
        None,
        DUE,
        None,
        DUE,
        currency=currency,
        items=(Item("si_1", "price_1", "month", 1, is_metered=False, period_end=DUE),),
    )

    step = offer_step(
        AcceptedOffer("offr_1", terms), subscription, now=DUE - DAY, rules=DEFAULT_RULES
    )
    assert isinstance(step, Write)
    assert isinstance(step.change, AddDiscount)
    assert step.change.made is not None

    return step.change.made


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "name"),
    [
        ("500", "jpy", 500, "500 JPY off"),
        ("10.50", "usd", 1050, "10.50 USD off"),
        ("5.12", "kwd", 5120, "5.120 KWD off"),
    ],
    ids=["yen", "dollars", "dinars"],
)
def test_a_coupon_of_an_amount_is_in_the_currencys_own_units(
    amount: str, currency: str, minor: int, name: str
) -> None:
    new = made(CouponTerms(None, Decimal(amount), "once"), currency)
    assert checked("coupon_create", parameters.coupon(new, BILLING)) == {
        "id": new.coupon_id,
        "duration": "once",
        "amount_off": minor,
        "currency": currency,
        "name": name,
        "metadata": {"made_by": "aiocancel"},
    }


def test_a_repeating_coupon_of_a_percentage_says_for_how_long() -> None:
    new = made(CouponTerms(Decimal("33.33"), None, "repeating", months=3))
    assert checked("coupon_create", parameters.coupon(new, BILLING)) == {
        "id": new.coupon_id,
        "duration": "repeating",
        "percent_off": 33.33,
        "duration_in_months": 3,
        "name": "33.33% off for 3 months",
        "metadata": {"made_by": "aiocancel"},
    }


@given(
    percent=st.decimals(Decimal("0.0001"), 100, places=4),
    duration=st.sampled_from(COUPON_DURATIONS),
    months=st.integers(1, 120),
)
@settings(max_examples=150)
def test_no_percentage_is_rounded_on_its_way_into_a_form(
    percent: Decimal, duration: Any, months: int
) -> None:
    new = made(CouponTerms(percent, None, duration, months))
    body = checked("coupon_create", parameters.coupon(new, BILLING))
    in_form = str(body["percent_off"])
    assert Decimal(in_form) == percent
    assert "e" not in in_form


# Cancellations

FAR = datetime(2029, 3, 1, tzinfo=UTC)


def test_an_agreed_end_comes_back_by_its_date_and_without_a_reason_for_leaving() -> None:
    back = MoveEnd(FAR, was=datetime(2027, 3, 1, tzinfo=UTC))
    params = parameters.end(back, CancelReason("Too slow"), BILLING)
    assert checked("subscription_update", params) == {"cancel_at": int(FAR.timestamp())}


@pytest.mark.parametrize(
    ("change", "body"),
    [
        (PlainChange.CANCEL_AT_LAST_PERIOD_END, {"cancel_at": "max_period_end"}),
        (PlainChange.CANCEL_AT_BILLED_UNTIL, {"cancel_at": "max_billed_until"}),
        (MoveEnd("max_period_end", was=FAR), {"cancel_at": "max_period_end"}),
        (MoveEnd("min_period_end", was=FAR), {"cancel_at": "min_period_end"}),
        (PlainChange.TELL_REASON, {}),
    ],
)
def test_every_other_end_goes_with_the_customers_words_as_well(
    change: parameters.SetsEnd | MoveEnd, body: dict[str, Any]
) -> None:
    assert checked("subscription_update", parameters.end(change, NO_REASON, BILLING)) == body
    told = {"cancellation_details": {"comment": "Too slow"}}
    reason = CancelReason("Too slow", "a code of the flow's that Stripe does not have")
    assert checked("subscription_update", parameters.end(change, reason, BILLING)) == body | told


def test_the_end_with_a_period_is_asked_for_with_the_customers_words() -> None:
    assert checked("subscription_update", parameters.end(AT_PERIOD_END, NO_REASON, BILLING)) == {
        "cancel_at_period_end": True
    }
    reason = CancelReason("too dear", "too_expensive")
    assert checked("subscription_update", parameters.end(AT_PERIOD_END, reason, BILLING)) == {
        "cancel_at_period_end": True,
        "cancellation_details": {"comment": "too dear", "feedback": "too_expensive"},
    }


AT_END: Final = PlainChange.CANCEL_AT_PERIOD_END


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("not_using", {"comment": "not_using"}),
        ("unused", {"feedback": "unused"}),
        ("dear", {"feedback": "too_expensive"}),
        ("", {}),
    ],
)
def test_a_reason_code_that_is_no_feedback_value_of_stripes_leaves_a_trace(
    code: str, details: dict[str, str]
) -> None:
    billing = StripeBilling("sk_test_1", feedback_codes={"dear": "too_expensive"})
    reason = CancelReason(None, code)

    at_end = parameters.end(AT_END, reason, billing)
    now = parameters.cancel_now(reason, billing)

    assert at_end.get("cancellation_details", {}) == details
    assert now.get("cancellation_details", {}) == details


def test_a_feedback_option_of_the_owners_goes_with_every_end() -> None:
    billing = StripeBilling("sk_test_1", feedback_options={"dear": "fbo_1"})
    told = {"cancellation_details": {"comment": "dear", "feedback_option": "fbo_1"}}
    reason = CancelReason(None, "dear")

    assert checked("subscription_update", parameters.end(AT_END, reason, billing)).items() >= (
        told.items()
    )
    assert checked("subscription_cancel", parameters.cancel_now(reason, billing)).items() >= (
        told.items()
    )


def test_a_promotion_code_stands_in_the_place_of_its_coupon() -> None:
    codes = {"WINBACK": "promo_1"}
    change = AddDiscount("WINBACK", ("di_1",), DUE)

    body = checked("subscription_update", parameters.offer_change(change, codes))

    assert body == {"discounts": [{"discount": "di_1"}, {"promotion_code": "promo_1"}]}
    other = parameters.offer_change(AddDiscount("OTHER", (), DUE), codes)
    assert other == {"discounts": [{"coupon": "OTHER"}]}


def test_a_write_under_a_key_of_the_release_before_keeps_its_body() -> None:
    reason = CancelReason(None, "not_using")
    old, new = "aiocancel-0b1f-0-1", f"aiocancel-{'a' * 40}-0-1"

    assert "cancellation_details" not in parameters.end(AT_END, reason, BILLING, old)
    assert "cancellation_details" in parameters.end(AT_END, reason, BILLING, new)
    known = CancelReason(None, "unused")
    assert "cancellation_details" in parameters.end(AT_END, known, BILLING, old)


@pytest.mark.parametrize("feedback", [None, *sorted(FEEDBACK_VALUES)])
def test_the_end_at_once_says_what_becomes_of_the_last_invoice(feedback: str | None) -> None:
    body = checked(
        "subscription_cancel", parameters.cancel_now(CancelReason(None, feedback), BILLING)
    )
    details = {} if feedback is None else {"cancellation_details": {"feedback": feedback}}
    assert body == {"invoice_now": BILLING.invoice_now, "prorate": BILLING.prorate} | details


@pytest.mark.parametrize(
    ("by_date", "body"),
    [(True, {"cancel_at": ""}), (False, {"cancel_at_period_end": False})],
    ids=["date", "period"],
)
def test_a_cancellation_is_taken_back_the_way_it_was_made(
    by_date: bool, body: dict[str, Any]
) -> None:
    assert checked("subscription_update", parameters.resume(clears_cancel_at=by_date)) == body


def test_the_end_of_a_pause_is_an_empty_text() -> None:
    assert checked("subscription_update", parameters.unpause()) == {"pause_collection": ""}


RUNNING = Phase(
    datetime(2027, 2, 1, tzinfo=UTC),
    datetime(2027, 3, 1, tzinfo=UTC),
    (PhaseItem("price_pro", 3, ("txr_1",)), PhaseItem("price_usage", None)),
    discounts=("di_1", "di_2"),
    tax_rates=("txr_2",),
    metadata=(("team", "blue"),),
    has_automatic_tax=True,
    payment_method="pm_1",
    collection_method="charge_automatically",
)
SENT_AGAIN = {
    "items": [
        {"price": "price_pro", "quantity": 3, "tax_rates": ["txr_1"]},
        {"price": "price_usage"},
    ],
    "start_date": int(RUNNING.starts_at.timestamp()),
    "end_date": int(RUNNING.ends_at.timestamp()),
    "proration_behavior": "create_prorations",
    "discounts": [{"discount": "di_1"}, {"discount": "di_2"}],
    "default_tax_rates": ["txr_2"],
    "metadata": {"team": "blue"},
    "automatic_tax": {"enabled": True},
    "default_payment_method": "pm_1",
    "collection_method": "charge_automatically",
}


def test_a_plan_at_the_periods_end_sends_the_running_phase_again_and_prorates_nothing() -> None:
    kept = without_metadata(RUNNING)
    change = SchedulePrice("sub_sched_1", kept, "price_basic", "price_pro", 3, "year", 1)
    sent_again = {name: value for name, value in SENT_AGAIN.items() if name != "metadata"}
    same = {
        name: SENT_AGAIN[name]
        for name in SENT_AGAIN.keys() - {"items", "start_date", "end_date", "metadata"}
    }

    body = checked("schedule_update", parameters.plan_at_period_end(change))
    assert body == {
        "end_behavior": "release",
        "proration_behavior": "none",
        "phases": [
            sent_again,
            same
            | {
                "items": [
                    {"price": "price_basic", "quantity": 3, "tax_rates": ["txr_1"]},
                    {"price": "price_usage"},
                ],
                "duration": {"interval": "year", "interval_count": 1},
                "proration_behavior": "none",
            },
        ],
    }


def test_a_phase_that_leaves_things_to_its_schedule_names_none_of_them() -> None:
    plain = Phase(RUNNING.starts_at, RUNNING.ends_at, (PhaseItem("price_pro", 1),))
    body = checked("schedule_update", parameters.schedule_change(CutSchedule("s", (plain,))))
    assert set(body["phases"][0]) == {"items", "start_date", "end_date", "proration_behavior"}


@pytest.mark.parametrize(
    ("change", "kind", "body"),
    [
        (ReleaseSchedule("sub_sched_1"), "schedule_release", {}),
        (
            ReleaseSchedule("sub_sched_1", keeps_end=True),
            "schedule_release",
            {"preserve_cancel_date": True},
        ),
        (EndSchedule("sub_sched_1", cancels=True), "schedule_update", {"end_behavior": "cancel"}),
        (EndSchedule("sub_sched_1", cancels=False), "schedule_update", {"end_behavior": "release"}),
        (MakeSchedule("sub_1"), "schedule_create", {"from_subscription": "sub_1"}),
        (
            CutSchedule("sub_sched_1", (RUNNING,)),
            "schedule_update",
            {"end_behavior": "cancel", "phases": [SENT_AGAIN]},
        ),
    ],
    ids=[
        "released",
        "released with its end",
        "ends the subscription",
        "ends without it",
        "made",
        "cut",
    ],
)
def test_what_becomes_of_a_schedule_is_all_that_is_sent_to_it(
    change: ScheduleChange, kind: Kind, body: dict[str, Any]
) -> None:
    assert checked(kind, parameters.schedule_change(change)) == body


@pytest.mark.parametrize("bills_usage", [True, False])
@pytest.mark.parametrize("credit", PAUSE_CREDITS)
def test_a_pause_of_the_subscription_itself_says_in_full_what_it_does_to_money(
    credit: PauseCredit, bills_usage: bool
) -> None:
    body = checked(
        "subscription_pause", parameters.pause_service(PauseService(AT, DUE, credit, bills_usage))
    )
    assert body == {
        "type": "subscription",
        "bill_for": {
            "unused_time_from": {"type": credit},
            "outstanding_usage_through": {"type": "now" if bills_usage else "none"},
        },
        "invoicing_behavior": "pending_invoice_item",
    }


def test_the_end_of_a_pause_begins_a_new_period() -> None:
    assert checked("subscription_resume", parameters.end_pause()) == {
        "billing_cycle_anchor": {"type": "now"},
        "payment_behavior": "resume_on_payment_success",
    }


@pytest.mark.parametrize(
    ("withdrawal", "details"),
    [
        (None, {}),
        (PlainChange.WITHDRAW_CANCELLATION, {"cancel_at_period_end": False}),
        (PlainChange.WITHDRAW_CANCELLATION_BY_DATE, {"cancel_at": ""}),
    ],
)
@pytest.mark.parametrize(
    ("change", "own"),
    [
        (None, {}),
        (AddDiscount("HALF", (), DUE), {}),
        (PausePayments("void", AT, DUE), {}),
        (MoveTrialEnd(AT, DUE), {"trial_end": int(AT.timestamp()), "proration_behavior": "none"}),
    ],
    ids=["nothing", "coupon", "pause", "trial"],
)
def test_a_preview_takes_the_cancellation_back_with_the_change_that_it_shows(
    change: Update | None,
    own: dict[str, Any],
    withdrawal: PlainChange | None,
    details: dict[str, Any],
) -> None:
    params = parameters.preview("sub_1", change, 1, withdrawal=withdrawal)

    body = checked("invoice_preview", params)
    assert body.get("subscription_details", {}) == own | details
    assert ("discounts" in body) is isinstance(change, AddDiscount)
    alone = parameters.preview("sub_1", withdrawal, 1)
    assert alone.get("subscription_details", {}) == details
