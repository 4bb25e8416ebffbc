"""What an accepted offer does to a subscription of any shape, and that repeating it gives nothing twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from aiocancel.core.actions import (
    Defer,
    Done,
    Receipt,
    Refuse,
    Step,
    Supersede,
    Wait,
    Write,
)
from aiocancel.core.calendar_months import add_months
from aiocancel.core.changes import (
    PAUSE_BEHAVIORS,
    AddDiscount,
    Change,
    MoveTrialEnd,
    NewCoupon,
    PausePayments,
    PauseService,
    PlainChange,
    SwapPrice,
)
from aiocancel.core.codes import Code
from aiocancel.core.offers.apply import offer_step
from aiocancel.core.offers.offer_rules import DEFAULT_RULES, OfferRules
from aiocancel.core.offers.pause import PAUSE_LEAD, SERVICE_PAUSE_LEAD
from aiocancel.core.offers.plan import PAYMENT_LOOKS
from aiocancel.core.offers.scheduled_plan import PHASE_MARGIN
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponDuration,
    CouponTerms,
    PauseInterval,
    PauseTerms,
    PlanTerms,
    Promised,
    Terms,
    TrialTerms,
)
from aiocancel.core.schedules import (
    MakeSchedule,
    ReleaseSchedule,
)
from aiocancel.core.subscription import (
    AppliedDiscount,
    CollectionPause,
    PendingUpdate,
    Price,
    Subscription,
)
from aiocancel.errors import ConfigurationError
from tests.support.subscription_shapes import (
    ACTIVE,
    BASIC,
    DAY,
    DUE,
    EXISTING,
    FIXED_COUPON,
    FOR_THREE,
    JUST_PAST,
    LOYAL,
    NOW,
    OFFERS,
    PERCENT_COUPON,
    PLANNED,
    PRO,
    SHAPES,
    SOON,
    SUPPORT,
    YEAR_DUE,
    YEARLY,
    change_of,
    changed,
    due_at,
    pause,
    shape,
    step,
)

AN_HOUR = timedelta(hours=1)


NOBODY_TO_KEEP: dict[str, Step] = {
    "incomplete": Refuse(Code.FIRST_PAYMENT_IS_MISSING),
    "ending with its period": Refuse(Code.SUBSCRIPTION_IS_ENDING),
    "ending by date": Refuse(Code.SUBSCRIPTION_IS_ENDING),
    "ending in a later period": Refuse(Code.SUBSCRIPTION_IS_ENDING),
    "ending later, as was asked for": Refuse(Code.SUBSCRIPTION_IS_ENDING),
    "canceled": Refuse(Code.SUBSCRIPTION_HAS_ENDED),
    "expired": Refuse(Code.SUBSCRIPTION_HAS_ENDED),
    "Stripe lists only some of its items": Refuse(Code.SHAPE_IS_UNKNOWN),
    "its status is new": Refuse(Code.SHAPE_IS_UNKNOWN),
}
ENDS_EARLIER = Code.COUPON_ENDS_EARLIER
DURATIONS: dict[str, CouponDuration] = {
    "months": "repeating",
    "ever": "forever",
    "once": "once",
}
IS_SO_ALREADY = Done(Receipt("active", None))
NO_TIME_TO_GIVE: dict[str, Step] = NOBODY_TO_KEEP | {
    "past due": Refuse(Code.PAYMENT_IS_OVERDUE),
    "unpaid": Refuse(Code.PAYMENT_IS_OVERDUE),
    "paused": Refuse(Code.SUBSCRIPTION_IS_PAUSED),
    "its payments are paused": Refuse(Code.SUBSCRIPTION_IS_PAUSED),
}
AROUND_A_RENEWAL: dict[str, Step] = {"about to renew": Wait(), "renewing": Wait()}


def row(usual: Step, *exceptions: Mapping[str, Step]) -> dict[str, Step]:
    steps = dict.fromkeys(SHAPES, usual)
    if isinstance(usual, Write):
        # The schedule goes first, and alone.
        release = dataclasses.replace(usual, schedule=ReleaseSchedule("sub_sched_1"))
        steps["under a schedule with nothing more to come"] = release
        steps["under a schedule of the running period"] = release

    if isinstance(usual, Write | Defer):
        for name in (
            "under a schedule with phases to come",
            "under a downgrade at the period's end",
            "the other plan comes with its schedule",
        ):
            steps[name] = Refuse(Code.SCHEDULE_HAS_PENDING_PHASES)

    for exception in exceptions:
        assert exception.keys() <= SHAPES.keys()
        steps |= exception

    return steps


NO_DISCOUNTED_PAYMENT = Refuse(Code.NO_PAYMENT_FALLS_INTO_THE_DISCOUNT)


def coupon_row(
    coupon_id: str, made: NewCoupon | None, *exceptions: Mapping[str, Step]
) -> dict[str, Step]:
    def added(*kept: str, due: datetime | None = DUE) -> Write:
        return Write(AddDiscount(coupon_id, kept, due, made))

    return row(
        added(),
        NOBODY_TO_KEEP,
        {
            "another discount is there": added("di_loyal"),
            "the same coupon is there": IS_SO_ALREADY,
            "the same coupon is there for fewer payments": added("di_three"),
            "its customer has a discount": Write(
                AddDiscount(coupon_id, ("di_customer",), DUE, made, inherits=True)
            ),
            "a discount for one payment is there": added("di_once"),
            "its payments are paused": NO_DISCOUNTED_PAYMENT,
            "its next payment is unknown": added(due=None),
            "annual, next paid in nine months": added(due=YEAR_DUE),
            "about to renew": added(due=SOON),
            "renewing": added(due=JUST_PAST),
        },
        *exceptions,
    )


# Three months from now, no payment or far more than three months' may lie.
FOR_MONTHS: dict[str, Step] = {
    "paused": NO_DISCOUNTED_PAYMENT,
    "it is billed ahead": NO_DISCOUNTED_PAYMENT,
    "annual, next paid in nine months": NO_DISCOUNTED_PAYMENT,
    "annual": Refuse(Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_DISCOUNT),
    "its next payment is unknown": Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN),
}


# A pause that begins with the next period waits for it.
LATER = Defer(until=DUE - PAUSE_LEAD, takes_effect_at=DUE)


NO_PAUSED_PAYMENT = Refuse(Code.NO_PAYMENT_FALLS_INTO_THE_PAUSE)
PAYS_FOR_MORE = Refuse(Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_PAUSE)
# The invoice of a trial, or one that is given up, uses it up.
USES_A_DISCOUNT_UP: dict[str, Step] = {
    "a discount for one payment is there": Refuse(Code.A_DISCOUNT_WOULD_BE_USED_UP)
}


def pause_row(
    pause: datetime | Step, annual: Step = PAYS_FOR_MORE, in_nine_months: Step = NO_PAUSED_PAYMENT
) -> dict[str, Step]:
    return row(
        Write(PausePayments("void", pause, DUE)) if isinstance(pause, datetime) else pause,
        NO_TIME_TO_GIVE,
        AROUND_A_RENEWAL,
        {
            "its next payment is unknown": Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN),
            "annual": annual,
            "annual, next paid in nine months": in_nine_months,
            "it is billed ahead": NO_PAUSED_PAYMENT,
            "its payments are paused": IS_SO_ALREADY,
        },
        USES_A_DISCOUNT_UP,
    )


TO_BASIC = Write(SwapPrice("si_pro", BASIC, replaced="price_pro", quantity=3, prorate=True))
TWO_YEARS = Write(PausePayments("void", datetime(2029, 3, 1, tzinfo=UTC) - AN_HOUR, DUE))


# The payment of nine months from now.
FAR_LATER = Defer(until=YEAR_DUE - PAUSE_LEAD, takes_effect_at=YEAR_DUE)
FAR_TWO_YEARS = Write(PausePayments("void", datetime(2029, 11, 20, tzinfo=UTC) - AN_HOUR, YEAR_DUE))


def endless_row(usual: Step, in_nine_months: Step) -> dict[str, Step]:
    exceptions = {
        "its next payment is unknown": Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN),
        "annual, next paid in nine months": in_nine_months,
        "paused": Done(Receipt("paused", None)),
        "its payments are paused": IS_SO_ALREADY,
    }
    return row(usual, NO_TIME_TO_GIVE, AROUND_A_RENEWAL, exceptions, USES_A_DISCOUNT_UP)


TABLE: dict[str, dict[str, Step]] = {
    "a coupon of a percentage": coupon_row(
        PERCENT_COUPON.coupon_id,
        PERCENT_COUPON,
        FOR_MONTHS,
        {"the same coupon is there for fewer payments": Refuse(Code.COUPON_ENDS_EARLIER)},
    ),
    "a coupon of an amount": coupon_row(FIXED_COUPON.coupon_id, FIXED_COUPON),
    "an existing coupon": coupon_row(EXISTING, None),
    "a coupon for the customer": row(Refuse(Code.CUSTOMER_COUPONS_ARE_GONE), NOBODY_TO_KEEP),
    "a trial extension": row(
        Write(MoveTrialEnd(DUE + 14 * DAY, DUE)),
        NO_TIME_TO_GIVE,
        AROUND_A_RENEWAL,
        {
            "its next payment is unknown": Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN),
            "its intervals are mixed": Refuse(Code.PERIODS_ARE_MIXED),
            "it is billed ahead": Write(MoveTrialEnd(YEAR_DUE + 14 * DAY, DUE)),
            "the same coupon is there": Refuse(Code.A_DISCOUNT_WOULD_RUN_OUT),
            "the same coupon is there for fewer payments": Refuse(Code.A_DISCOUNT_WOULD_RUN_OUT),
            "annual, next paid in nine months": Write(MoveTrialEnd(YEAR_DUE + 14 * DAY, YEAR_DUE)),
        },
        USES_A_DISCOUNT_UP,
    ),
    "another plan": row(
        TO_BASIC,
        NO_TIME_TO_GIVE,
        {
            "the plan is there": IS_SO_ALREADY,
            "annual, next paid in nine months": Write(
                SwapPrice("si_yearly", BASIC, replaced="price_yearly", quantity=1, prorate=True)
            ),
            "it has two licensed items": Refuse(Code.WHICH_ITEM_IS_THE_PLAN),
            "it has two licensed items, one named a plan": Write(
                change=SwapPrice(
                    "si_support", BASIC, replaced="price_support", quantity=1, prorate=True
                )
            ),
            "its intervals are mixed": Refuse(Code.WHICH_ITEM_IS_THE_PLAN),
            "it has metered usage only": Refuse(Code.QUANTITY_IS_UNKNOWN),
            "another plan waits for its payment": Refuse(Code.ANOTHER_UPDATE_IS_PENDING),
            "its next payment is unknown": Refuse(Code.WHICH_ITEM_IS_THE_PLAN),
        },
    ),
    "another plan at the period's end": row(
        Write(PlainChange.ONLY_THE_SCHEDULE, MakeSchedule("sub_1")),
        NO_TIME_TO_GIVE,
        AROUND_A_RENEWAL,
        {
            "trialing": Refuse(Code.A_TRIAL_CANNOT_BE_SCHEDULED),
            "under a schedule with nothing more to come": Refuse(Code.SCHEDULE_CANNOT_BE_KEPT),
            "under a schedule of the running period": Write(PLANNED),
            "the other plan comes with its schedule": Defer(
                until=DUE + PHASE_MARGIN, takes_effect_at=DUE, by_schedule=True
            ),
            "the plan is there": IS_SO_ALREADY,
            "it is billed ahead": Refuse(Code.PERIODS_ARE_MIXED),
            "it has metered usage only": Refuse(Code.QUANTITY_IS_UNKNOWN),
            "it has two licensed items": Refuse(Code.WHICH_ITEM_IS_THE_PLAN),
            "its intervals are mixed": Refuse(Code.WHICH_ITEM_IS_THE_PLAN),
            "another plan waits for its payment": Refuse(Code.ANOTHER_UPDATE_IS_PENDING),
            "its next payment is unknown": Refuse(Code.WHICH_ITEM_IS_THE_PLAN),
        },
    ),
    "a pause of 30 days": pause_row(datetime(2027, 3, 12, 8, 30, tzinfo=UTC)),
    "a pause of 30 days from the period's end": pause_row(LATER, in_nine_months=PAYS_FOR_MORE),
    "a pause of 4 weeks": pause_row(datetime(2027, 3, 10, 8, 30, tzinfo=UTC)),
    "a pause of 4 weeks from the period's end": pause_row(LATER, in_nine_months=PAYS_FOR_MORE),
    "a pause of a month": pause_row(datetime(2027, 3, 10, 8, 30, tzinfo=UTC)),
    "a pause of a month from the period's end": pause_row(LATER, in_nine_months=PAYS_FOR_MORE),
    "a pause of 2 billing cycles": pause_row(
        datetime(2027, 5, 1, tzinfo=UTC) - AN_HOUR, TWO_YEARS, FAR_TWO_YEARS
    ),
    "a pause of 2 billing cycles from the period's end": pause_row(LATER, LATER, FAR_LATER),
    "a pause without an end": endless_row(
        Write(PausePayments("void", None, DUE)), Write(PausePayments("void", None, YEAR_DUE))
    ),
    "a pause without an end from the period's end": endless_row(LATER, FAR_LATER),
    "a custom offer": row(Refuse(Code.CUSTOM_OFFER_IS_NOT_STRIPES), NO_TIME_TO_GIVE),
}


# The table


@pytest.mark.parametrize(
    ("terms", "where", "expected"),
    [
        pytest.param(OFFERS[offer], SHAPES[name], expected, id=f"{offer} when {name}")
        for offer, steps in TABLE.items()
        for name, expected in steps.items()
    ],
)
def test_what_is_done_follows_from_the_offer_and_the_subscription(
    terms: Terms, where: tuple[Subscription, OfferRules], expected: Step
) -> None:
    subscription, rules = where
    assert step(terms, subscription, rules=rules) == expected


def test_the_table_covers_every_offer_and_every_shape() -> None:
    assert {(offer, name) for offer, steps in TABLE.items() for name in steps} == {
        (offer, name) for offer in OFFERS for name in SHAPES
    }


# Coupons


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        ("25", "25"),
        ("1E+2", "100"),
        ("100.00", "100"),
        ("33.33", "33.33"),
        ("33.330", "33.33"),
        ("0.0001", "0.0001"),
    ],
)
def test_a_percentage_is_written_plainly(percent: str, text: str) -> None:
    change = change_of(step(CouponTerms(Decimal(percent), None, "once"), ACTIVE))
    assert isinstance(change, AddDiscount)
    assert change.made is not None
    assert change.made.percent_off == text


@pytest.mark.parametrize(
    "percent",
    [
        "0",
        "-5",
        "100.01",
        "0.00001",
        "33." + "3" * 30,
        "1E-1000000",
        "1E+1000000",
        "NaN",
        "sNaN",
        "Infinity",
    ],
)
def test_a_percentage_that_is_none_or_would_be_rounded_is_refused(percent: str) -> None:
    refused = Refuse(Code.PERCENTAGE_IS_OUT_OF_RANGE)
    assert step(CouponTerms(Decimal(percent), None, "once"), ACTIVE) == refused


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("10.50", "jpy"),
        ("10.505", "usd"),
        ("1000000", "usd"),
        ("0", "usd"),
        ("10", "ugx"),
        ("1E-1000000", "usd"),
    ],
)
def test_an_amount_that_the_currency_cannot_say_is_refused(amount: str, currency: str) -> None:
    refused = Refuse(Code.AMOUNT_DOES_NOT_FIT_THE_CURRENCY)
    assert step(CouponTerms(None, Decimal(amount), "once"), shape(currency=currency)) == refused


def of_three(**changes: Any) -> AppliedDiscount:
    return dataclasses.replace(FOR_THREE, **changes)


@pytest.mark.parametrize(
    ("terms", "there", "code"),
    [
        pytest.param("months", of_three(ends_at=NOW + DAY), ENDS_EARLIER, id="it ends tomorrow"),
        pytest.param(
            "months", of_three(ends_at=datetime(2027, 5, 1, tzinfo=UTC)), ENDS_EARLIER, id="by one"
        ),
        pytest.param(
            "months",
            of_three(ends_at=datetime(2027, 5, 1, 0, 0, 1, tzinfo=UTC)),
            None,
            id="it ends after the last payment",
        ),
        pytest.param("months", of_three(ends_at=DUE + 400 * DAY), None, id="it lasts longer"),
        pytest.param("months", of_three(duration="forever", ends_at=None), None, id="it stays"),
        pytest.param(
            "months", of_three(duration="once", ends_at=None), ENDS_EARLIER, id="it is for one"
        ),
        pytest.param(
            "months", of_three(duration=None, ends_at=None), ENDS_EARLIER, id="nobody knows"
        ),
        pytest.param("ever", of_three(duration="forever", ends_at=None), None, id="for ever"),
        pytest.param("ever", of_three(), ENDS_EARLIER, id="for ever is more than for months"),
        pytest.param(
            "ever", of_three(duration="once", ends_at=None), ENDS_EARLIER, id="or than once"
        ),
        pytest.param("once", of_three(duration="once", ends_at=None), None, id="once"),
        pytest.param("once", of_three(ends_at=DUE + DAY), None, id="one of months, for one"),
        pytest.param("once", of_three(ends_at=DUE), ENDS_EARLIER, id="it ends before the payment"),
    ],
)
def test_a_coupon_that_is_there_counts_where_no_payment_less_has_it(
    terms: str, there: AppliedDiscount, code: Code | None
) -> None:
    wanted = CouponTerms(
        Decimal("12.50"), None, DURATIONS[terms], months=3, coupon_id=there.coupon_id
    )
    reached = step(wanted, shape(discounts=(there,)))

    assert reached == (IS_SO_ALREADY if code is None else Refuse(code))
    # So does the customer's own, while it is in force.
    of_customer = step(wanted, shape(customer_discount=there))
    assert of_customer == reached
    shadowed = step(wanted, shape(discounts=(LOYAL,), customer_discount=there))
    assert not isinstance(shadowed, Done)


def test_a_coupon_that_is_there_is_measured_by_every_line_and_only_by_known_dates() -> None:
    terms = OFFERS["a coupon of a percentage"]
    ends = of_three(ends_at=datetime(2027, 5, 5, tzinfo=UTC))
    weekly = dataclasses.replace(SUPPORT, interval="week")

    # Four more weeks are paid before the three months are over.
    assert step(terms, shape(items=(PRO, weekly), discounts=(ends,))) == Refuse(ENDS_EARLIER)
    undated = dataclasses.replace(PRO, period_end=None)
    assert step(terms, shape(items=(undated,), discounts=(ends,))) != IS_SO_ALREADY
    endless = dataclasses.replace(PRO, interval="year", interval_count=10**6)
    assert step(terms, shape(items=(PRO, endless), discounts=(ends,))) != IS_SO_ALREADY
    # Worth nothing either way, it is not told as given.
    far = shape(items=(YEARLY,), current_period_end=YEAR_DUE, last_period_end=YEAR_DUE)
    assert step(terms, dataclasses.replace(far, discounts=(ends,))) == NO_DISCOUNTED_PAYMENT
    nameless = CouponTerms(Decimal(10), None, "repeating", coupon_id=ends.coupon_id)
    assert step(nameless, shape(discounts=(ends,))) == NO_DISCOUNTED_PAYMENT


def test_the_same_definition_always_makes_the_same_coupon_and_another_one_never() -> None:
    def coupon_id(
        percent: str | None, amount: str | None, duration: Any, months: int | None, currency: str
    ) -> str:
        def read(text: str | None) -> Decimal | None:
            return None if text is None else Decimal(text)

        terms = CouponTerms(read(percent), read(amount), duration, months)
        change = change_of(step(terms, shape(currency=currency)))
        assert isinstance(change, AddDiscount)
        return change.coupon_id

    same = [
        ("10", None, "once", None, "usd"),
        ("10.00", None, "once", 3, "usd"),
        ("1E+1", None, "once", None, "eur"),
    ]
    others = [
        ("11", None, "once", None, "usd"),
        ("10", None, "forever", None, "usd"),
        ("10", None, "repeating", 2, "usd"),
        ("10", None, "repeating", 3, "usd"),
        (None, "10", "once", None, "usd"),
        (None, "10", "once", None, "eur"),
    ]
    assert len({coupon_id(*each) for each in same}) == 1
    assert len({coupon_id(*each) for each in [same[0], *others]}) == 1 + len(others)


def test_an_existing_coupon_wins_over_its_definition() -> None:
    terms = CouponTerms(Decimal(500), Decimal("NaN"), "once", coupon_id=EXISTING)
    assert step(terms, ACTIVE) == Write(AddDiscount(EXISTING, (), DUE))


@pytest.mark.parametrize(
    ("months", "due", "paused", "expected"),
    [
        pytest.param(1, DUE, None, None, id="a payment while it lasts"),
        pytest.param(
            1, NOW + 40 * DAY, None, NO_DISCOUNTED_PAYMENT, id="no payment while it lasts"
        ),
        pytest.param(0, DUE, None, NO_DISCOUNTED_PAYMENT, id="no months"),
        pytest.param(10**12, DUE, None, None, id="beyond all calendars"),
        pytest.param(
            2,
            DUE,
            CollectionPause("void", DUE + 5 * DAY),
            None,
            id="a payment after the pause",
        ),
        pytest.param(
            1,
            DUE,
            CollectionPause("void", DUE + 5 * DAY),
            NO_DISCOUNTED_PAYMENT,
            id="only payments in the pause",
        ),
        pytest.param(
            1, DUE, CollectionPause("keep_as_draft", None), None, id="drafts are paid later"
        ),
    ],
)
def test_a_coupon_for_some_months_must_find_a_payment(
    months: int, due: datetime, paused: CollectionPause | None, expected: Step | None
) -> None:
    reached = step(CouponTerms(Decimal(20), None, "repeating", months), due_at(due, paused=paused))
    assert reached == expected if expected else isinstance(reached, Write)


@pytest.mark.parametrize(
    ("most", "duration", "allowed"),
    [
        (None, "repeating", False),
        (12, "repeating", True),
        (None, "once", True),
        (3, "once", False),
        (12, "once", True),
        (3, "forever", True),
    ],
)
def test_how_much_time_a_discounted_payment_may_pay_for_is_the_owners_to_say(
    most: int | None, duration: Any, allowed: bool
) -> None:
    annual = shape(items=(dataclasses.replace(PRO, interval="year"),))
    rules = OfferRules(most_months_of_a_discounted_payment=most)

    reached = step(CouponTerms(Decimal(20), None, duration, 3), annual, rules=rules)

    refused = Refuse(Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_DISCOUNT)
    assert isinstance(reached, Write) if allowed else reached == refused


@pytest.mark.parametrize(
    "rules",
    [
        {"most_months_of_a_discounted_payment": 0},
        {"most_months_of_a_discounted_payment": 121},
        {"unprorated_interval_change": "perhaps"},
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(rules))):
        OfferRules(**rules)


@pytest.mark.parametrize(
    ("durations", "lost"),
    [(["once"], True), (["repeating"], True), (["forever"], False), (["once", "forever"], False)],
)
def test_a_customers_discount_that_is_to_come_back_is_not_kept_away(
    durations: list[str], lost: bool
) -> None:
    own = tuple(
        AppliedDiscount(f"di_{number}", "OWN", duration=duration)
        for number, duration in enumerate(durations)
    )
    of_customer = AppliedDiscount("di_customer", "VIP", duration="forever")

    reached = step(
        OFFERS["an existing coupon"], shape(discounts=own, customer_discount=of_customer)
    )

    refused = Refuse(Code.CUSTOMER_DISCOUNT_WOULD_BE_LOST)
    assert reached == refused if lost else isinstance(reached, Write)


def test_a_retry_that_keeps_the_discount_of_the_customer_still_holds() -> None:
    terms, shown = OFFERS["an existing coupon"], SHAPES["its customer has a discount"][0]
    change = change_of(step(terms, shown))
    assert step(terms, shown, earlier=change) == Write(change)
    assert step(terms, ACTIVE, earlier=change) == CHANGED_SINCE


# Another plan

YEARLY_PRICE = Price(BASIC, "year", 1, is_metered=False)
MONTHLY_PRICE = Price(BASIC, "month", 1, is_metered=False)


@pytest.mark.parametrize(
    ("prorate", "price", "status", "allows", "written"),
    [
        pytest.param(False, YEARLY_PRICE, "active", "refuse", False, id="a year at once"),
        pytest.param(False, YEARLY_PRICE, "active", "allow", True, id="as the owner allows"),
        pytest.param(True, YEARLY_PRICE, "active", "refuse", True, id="with credit"),
        pytest.param(False, MONTHLY_PRICE, "active", "refuse", True, id="the same interval"),
        pytest.param(False, YEARLY_PRICE, "trialing", "refuse", True, id="in a trial"),
    ],
)
def test_no_plan_is_billed_at_once_without_credit_unless_the_owner_allows_it(
    prorate: bool, price: Price, status: str, allows: Any, written: bool
) -> None:
    rules = OfferRules(unprorated_interval_change=allows)
    reached = step(PlanTerms(BASIC, prorate), shape(status=status), rules=rules, price=price)
    refused = Refuse(Code.PLAN_WOULD_BE_BILLED_AT_ONCE)
    assert isinstance(reached, Write) if written else reached == refused


def test_a_price_for_usage_gets_no_quantity() -> None:
    usage = Price(BASIC, "month", 1, is_metered=True)
    change = change_of(step(PlanTerms(BASIC, prorate=True), ACTIVE, price=usage))
    assert isinstance(change, SwapPrice)
    assert change.quantity is None


# Trials


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(0, Refuse(Code.TRIAL_IS_TOO_SHORT), id="no days"),
        pytest.param(-7, Refuse(Code.TRIAL_IS_TOO_SHORT), id="fewer than none"),
        pytest.param(710, Write(MoveTrialEnd(DUE + 710 * DAY, DUE)), id="nearly two years"),
        pytest.param(712, Refuse(Code.TRIAL_IS_TOO_LONG), id="more than two years from now"),
        pytest.param(10**12, Refuse(Code.TRIAL_IS_TOO_LONG), id="beyond all calendars"),
    ],
)
def test_a_trial_becomes_longer_by_at_most_what_stripe_takes(days: int, expected: Step) -> None:
    assert step(TrialTerms(days), ACTIVE) == expected


def test_a_trial_that_ends_after_its_period_is_extended_from_its_own_end() -> None:
    subscription = shape(status="trialing", trial_end=DUE + 3 * DAY)
    assert step(TrialTerms(7), subscription) == Write(MoveTrialEnd(DUE + 10 * DAY, DUE))


def test_a_trial_of_long_ago_is_not_what_is_extended() -> None:
    assert step(TrialTerms(7), shape(trial_end=NOW - 300 * DAY)) == Write(
        change=MoveTrialEnd(DUE + 7 * DAY, DUE)
    )


# Pauses


@pytest.mark.parametrize(
    ("terms", "due", "resumes_at"),
    [
        # The payments after these fall on the 31st of March, the 30th of April, …
        pytest.param(
            pause("billing_cycle", 1),
            date(2027, 2, 28),
            date(2027, 3, 28),
            id="one cycle, billed on the 31st",
        ),
        pytest.param(
            pause("billing_cycle", 2),
            date(2027, 2, 28),
            date(2027, 4, 28),
            id="two cycles, billed on the 31st",
        ),
        pytest.param(
            pause("billing_cycle", 1),
            date(2027, 3, 31),
            date(2027, 4, 30),
            id="a month that is shorter",
        ),
        pytest.param(
            pause("month", 1, at_period_end=True),
            date(2027, 3, 31),
            date(2027, 4, 30),
            id="a month, not a cycle",
        ),
    ],
)
def test_a_pause_is_over_before_the_first_payment_that_is_to_be_made(
    terms: PauseTerms, due: date, resumes_at: date
) -> None:
    at, until = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (due, resumes_at))
    assert step(terms, due_at(at), now=at - PAUSE_LEAD) == Write(
        change=PausePayments("void", until - AN_HOUR, at)
    )


@pytest.mark.parametrize(
    ("interval", "interval_count", "resumes_at"),
    [
        ("day", 10, DUE + 20 * DAY),
        ("week", 2, DUE + 28 * DAY),
        ("month", 3, datetime(2027, 9, 1, tzinfo=UTC)),
        ("year", 1, datetime(2029, 3, 1, tzinfo=UTC)),
    ],
)
def test_billing_cycles_are_as_long_as_the_price_says(
    interval: str, interval_count: int, resumes_at: datetime
) -> None:
    item = dataclasses.replace(PRO, interval=interval, interval_count=interval_count)
    expected = Write(PausePayments("void", resumes_at - AN_HOUR, DUE))
    assert step(pause("billing_cycle", 2), shape(items=(item,))) == expected


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param(pause("day", 10), id="over before the payment"),
        pytest.param(pause("day", 0, at_period_end=True), id="no days"),
        pytest.param(pause("month", -3, at_period_end=True), id="fewer than no months"),
        pytest.param(pause("billing_cycle", 0), id="no cycles"),
    ],
)
def test_a_pause_for_nothing_is_refused(terms: PauseTerms) -> None:
    assert step(terms, ACTIVE) == Refuse(Code.NO_PAYMENT_FALLS_INTO_THE_PAUSE)


def test_a_pause_that_ends_just_after_the_payment_may_miss_it_and_is_refused() -> None:
    close = due_at((NOW + 30 * DAY - timedelta(minutes=90)).replace(microsecond=0))
    assert step(pause("day", 30), close) == Refuse(Code.NO_PAYMENT_FALLS_INTO_THE_PAUSE)


@pytest.mark.parametrize("interval", ["day", "week", "month", "billing_cycle"])
def test_a_pause_beyond_all_calendars_is_refused(interval: PauseInterval) -> None:
    assert step(pause(interval, 10**12), ACTIVE) == Refuse(Code.PAUSE_IS_TOO_LONG)


@pytest.mark.parametrize("behavior", PAUSE_BEHAVIORS)
def test_a_short_pause_gives_no_long_payment_away(behavior: Any) -> None:
    annual = shape(items=(dataclasses.replace(PRO, interval="year"),))
    kept = Write(PausePayments(behavior, datetime(2027, 4, 1, tzinfo=UTC) - AN_HOUR, DUE))
    expected = (
        kept if behavior == "keep_as_draft" else Refuse(Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_PAUSE)
    )
    rules = OfferRules(pause_behavior=behavior)
    assert (
        step(pause("month", 1, at_period_end=True), annual, now=DUE - PAUSE_LEAD, rules=rules)
        == expected
    )


def test_a_years_payment_that_falls_into_a_pause_of_months_is_left_to_a_human() -> None:
    yearly = dataclasses.replace(YEARLY, period_end=DUE + 20 * DAY)
    mixed = shape(items=(PRO, yearly), last_period_end=yearly.period_end)
    assert step(pause("billing_cycle", 1), mixed) == Refuse(
        Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_PAUSE
    )


# Repeating

TRIED: dict[str, tuple[Terms, Change]] = {
    offer: (OFFERS[offer], change_of(TABLE[offer]["active"]))
    for offer in (
        "a coupon of a percentage",
        "a trial extension",
        "another plan",
        "a pause of 2 billing cycles",
    )
}
CHANGED_SINCE = Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED)
NEXT_DUE = datetime(2027, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize("offer", TRIED)
def test_what_an_earlier_attempt_may_have_sent_is_sent_again_to_the_letter(offer: str) -> None:
    terms, change = TRIED[offer]
    assert step(terms, ACTIVE, now=NOW + 3 * DAY, earlier=change) == Write(change)


@pytest.mark.parametrize("offer", TRIED)
def test_what_an_earlier_attempt_did_is_done_however_the_subscription_went_on(offer: str) -> None:
    terms, change = TRIED[offer]
    after = dataclasses.replace(changed(ACTIVE, change), status="canceled", ended_at=NOW)
    assert step(terms, after, earlier=change) == Done(Receipt("canceled", NOW))


@pytest.mark.parametrize("offer", TRIED)
def test_nothing_is_sent_again_to_somebody_who_leaves(offer: str) -> None:
    terms, change = TRIED[offer]
    leaving = shape(cancel_at_period_end=True)
    assert step(terms, leaving, earlier=change) == Refuse(Code.SUBSCRIPTION_IS_ENDING)


@pytest.mark.parametrize("offer", sorted(TRIED.keys() - {"another plan"}))
def test_after_a_renewal_nothing_is_sent_again(offer: str) -> None:
    """A coupon for one payment may be used up, and a trial's end may lie before time that is paid for now."""
    terms, change = TRIED[offer]
    assert step(terms, due_at(NEXT_DUE), now=DUE + DAY, earlier=change) == CHANGED_SINCE


@pytest.mark.parametrize(
    ("offer", "meanwhile"),
    [
        pytest.param(
            "a coupon of a percentage", {"discounts": (LOYAL,)}, id="another discount came"
        ),
        pytest.param(
            "another plan",
            {"items": (dataclasses.replace(PRO, price_id="price_max"),)},
            id="another plan",
        ),
        pytest.param(
            "another plan", {"items": (dataclasses.replace(PRO, quantity=10),)}, id="more seats"
        ),
        pytest.param("another plan", {"items": (SUPPORT,)}, id="the item is gone"),
    ],
)
def test_what_somebody_else_did_meanwhile_is_not_undone(
    offer: str, meanwhile: Mapping[str, Any]
) -> None:
    terms, change = TRIED[offer]
    assert step(terms, shape(**meanwhile), earlier=change) == CHANGED_SINCE


def test_a_discount_that_an_earlier_try_would_keep_but_is_gone_stops_it() -> None:
    terms = OFFERS["an existing coupon"]
    change = change_of(step(terms, shape(discounts=(LOYAL,))))
    assert step(terms, ACTIVE, earlier=change) == CHANGED_SINCE


@pytest.mark.parametrize("offer", ["a trial extension", "a pause of 2 billing cycles"])
def test_around_a_renewal_a_repetition_waits_as_well(offer: str) -> None:
    terms, change = TRIED[offer]
    assert step(terms, ACTIVE, now=DUE - timedelta(seconds=30), earlier=change) == Wait()


# A choice that is so already


@pytest.mark.parametrize(
    ("terms", "resumes_at", "expected"),
    [
        (pause("month", 1), datetime(2027, 3, 10, 8, 30, tzinfo=UTC), IS_SO_ALREADY),
        (pause("month", 1), DUE, Refuse(Code.SUBSCRIPTION_IS_PAUSED)),
        (pause("indefinitely", 0), DUE, Refuse(Code.SUBSCRIPTION_IS_PAUSED)),
        (pause("month", 10**12), DUE, Refuse(Code.SUBSCRIPTION_IS_PAUSED)),
    ],
    ids=["as long", "shorter", "not for good", "beyond all calendars"],
)
def test_a_pause_that_lasts_as_long_as_was_offered_is_done(
    terms: PauseTerms, resumes_at: datetime, expected: Step
) -> None:
    assert step(terms, shape(paused=CollectionPause("void", resumes_at))) == expected


def test_a_pause_whose_next_payment_is_unknown_is_not_called_as_long() -> None:
    paused = CollectionPause("void", DUE)
    unknown = shape(paused=paused, items=(), current_period_end=None, last_period_end=None)
    assert step(pause("month", 1), unknown) == Refuse(Code.SUBSCRIPTION_IS_PAUSED)


# A pause that begins with the next period

FROM_PERIOD_END = OFFERS["a pause of a month from the period's end"]
AWAKE = DUE - PAUSE_LEAD
PAUSED_LATER = Write(PausePayments("void", datetime(2027, 4, 1, tzinfo=UTC) - AN_HOUR, DUE))


def test_a_pause_from_the_periods_end_waits_until_a_day_before_it_and_is_then_made() -> None:
    assert step(FROM_PERIOD_END, ACTIVE, now=AWAKE - timedelta(seconds=1)) == LATER
    assert step(FROM_PERIOD_END, ACTIVE, now=AWAKE, promised=DUE) == PAUSED_LATER
    assert step(FROM_PERIOD_END, ACTIVE, now=DUE - AN_HOUR, promised=DUE) == PAUSED_LATER


@pytest.mark.parametrize(
    ("since", "code"),
    [
        pytest.param({"cancel_at_period_end": True}, Code.SUBSCRIPTION_IS_ENDING, id="ending"),
        pytest.param(
            {"status": "canceled", "ended_at": NOW}, Code.SUBSCRIPTION_HAS_ENDED, id="ended"
        ),
    ],
)
def test_a_pause_that_was_to_come_ends_by_itself_when_the_customer_leaves_first(
    since: Mapping[str, Any], code: Code
) -> None:
    assert step(FROM_PERIOD_END, shape(**since), now=AWAKE, promised=DUE) == Supersede(code)


def test_a_pause_that_was_to_come_is_a_humans_when_the_payment_was_made_first() -> None:
    after = step(FROM_PERIOD_END, due_at(NEXT_DUE), now=DUE + DAY, promised=DUE)
    assert after == Refuse(Code.PAYMENT_CAME_BEFORE_THE_PAUSE)


def test_a_pause_that_was_to_come_moves_with_a_payment_that_was_put_off() -> None:
    expected = Defer(until=NEXT_DUE - PAUSE_LEAD, takes_effect_at=NEXT_DUE)
    assert step(FROM_PERIOD_END, due_at(NEXT_DUE), now=AWAKE, promised=DUE) == expected


@pytest.mark.parametrize("status", ["past_due", "unpaid", "paused"])
def test_a_pause_that_was_to_come_is_a_humans_when_something_else_came_between(status: str) -> None:
    assert isinstance(step(FROM_PERIOD_END, shape(status=status), now=AWAKE, promised=DUE), Refuse)


# A pause of the subscription itself

BY_ITSELF = OfferRules(pause_mechanism="pause")
FLEXIBLE = shape(is_flexible=True)


@pytest.mark.parametrize(
    ("terms", "until"),
    [
        (pause("day", 3), datetime(2027, 2, 13, 9, 30, tzinfo=UTC)),
        (pause("week", 4), datetime(2027, 3, 10, 9, 30, tzinfo=UTC)),
        (pause("month", 1), datetime(2027, 3, 10, 9, 30, tzinfo=UTC)),
        (pause("billing_cycle", 2), datetime(2027, 5, 1, tzinfo=UTC)),
        (pause("indefinitely", 0), None),
    ],
    ids=["days", "weeks", "a month", "billing cycles", "without an end"],
)
def test_a_pause_of_the_subscription_itself_lasts_as_long_as_was_offered(
    terms: PauseTerms, until: datetime | None
) -> None:
    assert step(terms, FLEXIBLE, rules=BY_ITSELF) == Write(PauseService(until, DUE))


def test_a_pause_of_the_subscription_itself_waits_for_the_next_period_as_well() -> None:
    on_the_day = Defer(until=DUE - SERVICE_PAUSE_LEAD, takes_effect_at=DUE)
    assert step(FROM_PERIOD_END, FLEXIBLE, rules=BY_ITSELF) == on_the_day
    # It takes effect at once, so a day before would be a paid day less.
    assert step(FROM_PERIOD_END, FLEXIBLE, now=AWAKE, promised=DUE, rules=BY_ITSELF) == on_the_day
    awake = DUE - SERVICE_PAUSE_LEAD
    expected = Write(PauseService(datetime(2027, 4, 1, tzinfo=UTC), DUE))
    assert step(FROM_PERIOD_END, FLEXIBLE, now=awake, promised=DUE, rules=BY_ITSELF) == expected


def test_what_a_pause_of_the_subscription_itself_credits_and_bills_is_the_owners_to_say() -> None:
    rules = OfferRules(pause_mechanism="pause", pause_credit="none", pause_bills_usage=False)
    expected = Write(PauseService(None, DUE, "none", bills_usage=False))
    terms = pause("indefinitely", 0, at_period_end=True)
    awake = DUE - SERVICE_PAUSE_LEAD
    assert step(terms, FLEXIBLE, now=awake, promised=DUE, rules=rules) == expected


@pytest.mark.parametrize("interval", ["month", "billing_cycle", "indefinitely"])
def test_no_paid_day_is_lost_by_a_pause_that_begins_at_once_without_credit(
    interval: PauseInterval,
) -> None:
    rules = OfferRules(pause_mechanism="pause", pause_credit="none")
    assert step(pause(interval, 2), FLEXIBLE, rules=rules) == Refuse(Code.PAID_TIME_WOULD_BE_LOST)
    later = step(pause(interval, 2, at_period_end=True), FLEXIBLE, rules=rules)
    assert later == Defer(until=DUE - SERVICE_PAUSE_LEAD, takes_effect_at=DUE)


@pytest.mark.parametrize(
    ("terms", "subscription", "code"),
    [
        pytest.param(pause("month", 1), ACTIVE, Code.PAUSE_NEEDS_FLEXIBLE_BILLING, id="classic"),
        pytest.param(
            pause("month", 1),
            shape(is_flexible=True, charges_automatically=False),
            Code.PAUSE_NEEDS_AUTOMATIC_CHARGES,
            id="sent invoices",
        ),
        pytest.param(
            pause("month", 1),
            shape(is_flexible=True, status="trialing", trial_end=DUE),
            Code.A_TRIAL_CANNOT_BE_PAUSED,
            id="in its trial",
        ),
        pytest.param(
            pause("month", 10**12), FLEXIBLE, "pause_is_too_long", id="beyond all calendars"
        ),
        pytest.param(pause("day", 0), FLEXIBLE, Code.PAUSE_IS_TOO_SHORT, id="no days"),
        pytest.param(
            pause("day", -2, at_period_end=True),
            FLEXIBLE,
            Code.PAUSE_IS_TOO_SHORT,
            id="fewer than no days",
        ),
        pytest.param(
            pause("month", 1),
            shape(is_flexible=True, items=(), current_period_end=None),
            Code.NEXT_PAYMENT_IS_UNKNOWN,
            id="the next payment is unknown",
        ),
        pytest.param(
            pause("month", 1),
            shape(is_flexible=True, status="past_due"),
            Code.PAYMENT_IS_OVERDUE,
            id="past due",
        ),
    ],
)
def test_a_pause_of_the_subscription_itself_is_refused_where_it_cannot_be_made_or_ended(
    terms: PauseTerms, subscription: Subscription, code: Code
) -> None:
    assert step(terms, subscription, rules=BY_ITSELF) == Refuse(code)


@pytest.mark.parametrize(
    ("credit", "ends_at", "days", "code"),
    [
        ("now", None, 3, None),
        ("none", None, 3, Code.PAID_TIME_WOULD_BE_LOST),
        ("none", None, 30, Code.PAID_TIME_WOULD_BE_LOST),
        ("now", DUE + 100 * DAY, 3, Code.A_DISCOUNT_WOULD_RUN_OUT),
        ("now", DUE + 5 * DAY, 30, Code.A_DISCOUNT_WOULD_RUN_OUT),
        ("now", DUE + 5 * DAY, 90, None),
    ],
    ids=[
        "what is unused is credited",
        "what is unused would be lost",
        "what is unused would be lost in a longer pause, too",
        "credit at a discount",
        "a discount that is over then",
        "a pause that is worth more",
    ],
)
def test_no_pause_of_the_subscription_itself_costs_more_than_it_gives(
    credit: Any, ends_at: datetime | None, days: int, code: Code | None
) -> None:
    discount = AppliedDiscount("di_1", "THREE", duration="repeating", ends_at=ends_at)
    discounts = () if ends_at is None else (discount,)
    rules = OfferRules(pause_mechanism="pause", pause_credit=credit)

    reached = step(pause("day", days), shape(is_flexible=True, discounts=discounts), rules=rules)

    assert isinstance(reached, Write) if code is None else reached == Refuse(code)


@pytest.mark.parametrize(
    "changes",
    [
        {"items": (PRO, YEARLY), "last_period_end": YEAR_DUE},
        {"items": (dataclasses.replace(PRO, billed_until=YEAR_DUE),)},
    ],
    ids=["different periods", "billed ahead"],
)
def test_no_paid_time_is_lost_by_a_pause_of_the_subscription_itself(
    changes: dict[str, Any],
) -> None:
    reached = step(pause("month", 1), shape(is_flexible=True, **changes), rules=BY_ITSELF)
    assert reached == Refuse(Code.PERIODS_ARE_MIXED)


@pytest.mark.parametrize(
    ("ends_at", "days", "refused"),
    [
        (DUE + DAY, 14, True),
        (DUE + DAY, 60, False),
        (DUE - DAY, 14, False),
        (DUE + 400 * DAY, 365, True),
    ],
    ids=["one payment", "worth less than the trial", "over before", "a year of payments"],
)
def test_no_discount_runs_out_in_a_trial_that_is_worth_less(
    ends_at: datetime, days: int, refused: bool
) -> None:
    discount = AppliedDiscount("di_1", "THREE", duration="repeating", ends_at=ends_at)

    reached = step(TrialTerms(days), shape(discounts=(discount,)))

    code = Refuse(Code.A_DISCOUNT_WOULD_RUN_OUT)
    assert reached == code if refused else isinstance(reached, Write)


@pytest.mark.parametrize(
    ("own", "refused"),
    [("repeating", True), ("forever", False)],
    ids=["when its own are over", "never"],
)
def test_no_discount_of_the_customer_runs_out_that_comes_when_the_subscriptions_own_are_over(
    own: str, refused: bool
) -> None:
    ends_at = DUE if own == "repeating" else None
    shadows = AppliedDiscount("di_own", "SMALL", duration=own, ends_at=ends_at)
    follows = AppliedDiscount("di_2", "FREE", duration="repeating", ends_at=DUE + 70 * DAY)
    both = shape(is_flexible=True, discounts=(shadows,), customer_discount=follows)

    trial = step(TrialTerms(30), both)
    paused = step(pause("month", 2), both, rules=BY_ITSELF)

    for reached in (trial, paused):
        runs_out = Refuse(Code.A_DISCOUNT_WOULD_RUN_OUT)
        assert reached == runs_out if refused else reached != runs_out


# Another plan whose payment the customer must confirm

BY_LINK = OfferRules(plan_payment="pending")
PLAN = OFFERS["another plan"]
MAY_WAIT = SwapPrice("si_pro", BASIC, replaced="price_pro", quantity=3, prorate=True, may_wait=True)
URL = "https://invoice.stripe.com/i/1"
UNPAID = shape(pending_update=PendingUpdate((BASIC,), NOW + DAY), payment_url=URL)


def test_a_plan_may_wait_for_its_payment_where_the_owner_says_so_and_stripe_can() -> None:
    assert step(PLAN, ACTIVE, rules=BY_LINK) == Write(MAY_WAIT)
    assert step(PLAN, shape(charges_automatically=False), rules=BY_LINK) == TO_BASIC


def test_a_plan_that_waits_for_its_payment_is_looked_at_until_it_is_there() -> None:
    expected = Defer(until=NOW + PAYMENT_LOOKS, payment_url=URL)
    assert step(PLAN, UNPAID, earlier=MAY_WAIT, rules=BY_LINK) == expected
    assert step(PLAN, UNPAID, earlier=MAY_WAIT, asked_to_pay=True, rules=BY_LINK) == expected
    paid = changed(ACTIVE, MAY_WAIT)
    assert step(PLAN, paid, earlier=MAY_WAIT, asked_to_pay=True, rules=BY_LINK) == Done(
        Receipt.of(paid)
    )


def test_a_plan_whose_payment_never_came_is_not_asked_for_again() -> None:
    never = step(PLAN, ACTIVE, earlier=MAY_WAIT, asked_to_pay=True, rules=BY_LINK)
    assert never == Supersede(Code.PAYMENT_WAS_NOT_MADE)


def test_a_plan_that_waits_for_its_payment_ends_by_itself_when_the_customer_leaves() -> None:
    leaving = dataclasses.replace(UNPAID, cancel_at_period_end=True)
    assert step(PLAN, leaving, earlier=MAY_WAIT, asked_to_pay=True) == Supersede(
        Code.SUBSCRIPTION_IS_ENDING
    )


def test_a_plan_that_somebody_else_lets_wait_is_left_to_a_human() -> None:
    other = shape(pending_update=PendingUpdate(("price_max",), NOW + DAY))
    assert step(PLAN, other, earlier=MAY_WAIT) == Refuse(Code.ANOTHER_UPDATE_IS_PENDING)
    assert step(PLAN, UNPAID) == Refuse(Code.ANOTHER_UPDATE_IS_PENDING)


# Months


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2027, 1, 31), 2, date(2027, 3, 31)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2027, 12, 1), 1, date(2028, 1, 1)),
        (date(2027, 6, 15), 0, date(2027, 6, 15)),
    ],
    ids=str,
)
def test_a_month_later_is_the_same_day_or_the_months_last(
    start: date, months: int, end: date
) -> None:
    at = datetime(start.year, start.month, start.day, 23, 59, tzinfo=UTC)
    assert add_months(at, months) == datetime(end.year, end.month, end.day, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize("terms", [pause("month", 1), pause("indefinitely", 1)])
def test_a_pause_whose_next_payment_is_unknown_is_refused_at_once(terms: Terms) -> None:
    without_a_date = dataclasses.replace(ACTIVE, current_period_end=None)
    without_items = dataclasses.replace(ACTIVE, items=())

    assert step(terms, without_a_date) == Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN)
    assert step(terms, without_items) == Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN)


# At the end of the calendar

LAST_DAYS = datetime(9999, 12, 1, tzinfo=UTC)
THREE_MONTHS = CouponTerms(Decimal(10), None, "repeating", months=3)


def test_a_payment_beyond_the_calendar_falls_into_no_discount() -> None:
    resumes_at = LAST_DAYS + timedelta(days=20)
    subscription = due_at(LAST_DAYS, paused=CollectionPause("void", resumes_at))

    reached = step(THREE_MONTHS, subscription, now=LAST_DAYS - timedelta(days=60))

    assert reached == Refuse(Code.NO_PAYMENT_FALLS_INTO_THE_DISCOUNT)


def test_a_payment_that_pays_beyond_the_calendar_pays_for_more_than_the_discount() -> None:
    reached = step(THREE_MONTHS, due_at(LAST_DAYS), now=LAST_DAYS - timedelta(days=60))

    assert reached == Refuse(Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_DISCOUNT)


def test_a_line_that_is_paid_daily_ends_the_search_for_its_next_payment() -> None:
    daily = dataclasses.replace(PRO, interval="day")
    paused = CollectionPause("void", NOW + timedelta(days=200 * 365))
    subscription = shape(items=(daily,), paused=paused)

    assert step(THREE_MONTHS, subscription) == Refuse(Code.NO_PAYMENT_FALLS_INTO_THE_DISCOUNT)


def test_a_discount_up_to_the_end_of_the_calendar_is_not_moved_past_it() -> None:
    discount = AppliedDiscount(
        "di_1", "THREE", duration="repeating", ends_at=LAST_DAYS + timedelta(days=30)
    )
    every_third_year = dataclasses.replace(PRO, interval="year", interval_count=3)

    reached = step(TrialTerms(14), shape(items=(every_third_year,), discounts=(discount,)))

    assert reached == Refuse(Code.A_DISCOUNT_WOULD_RUN_OUT)


@pytest.mark.parametrize(
    ("due", "prorates", "sent"),
    [(DUE, True, 1_800_000_000), (DUE - DAY, True, None), (DUE, False, None)],
    ids=["in_its_period", "in_a_period_that_is_over", "without_proration"],
)
def test_another_plan_is_reckoned_with_the_second_of_the_price_that_was_shown(
    due: datetime, prorates: bool, sent: int | None
) -> None:
    promised = Promised(900, "usd", DUE, 1_800_000_000, due)
    offer = AcceptedOffer("basic", PlanTerms(BASIC, prorate=prorates), promised=promised)

    found = offer_step(offer, shape(), now=NOW, rules=DEFAULT_RULES)

    assert isinstance(found, Write)
    assert isinstance(found.change, SwapPrice)
    assert found.change.prorated_at == sent


@pytest.mark.parametrize(
    "terms", [TrialTerms(14), PauseTerms("month", 1, at_period_end=False)], ids=["trial", "pause"]
)
def test_a_discount_of_an_item_is_not_used_up_as_nobody_knows_for_how_long_it_is(
    terms: Terms,
) -> None:
    discounted = tuple(dataclasses.replace(item, has_discounts=True) for item in shape().items)

    assert isinstance(step(terms, shape()), Write)
    refused = Refuse(Code.A_DISCOUNT_WOULD_BE_USED_UP)
    assert step(terms, shape(items=discounted)) == refused
