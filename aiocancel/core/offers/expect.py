"""Whether Stripe shows an offer that the flow vendor carries out itself. Pure.

The vendor often acts before our first look, so a change since that look cannot be asked for. What counts is
stated per kind of offer in ``vendor_offer_step``: the least that the vendor's word promises, as Stripe's state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, assert_never

from aiocancel.core.actions import Done, Receipt, Refuse, Wait
from aiocancel.core.calendar_months import add_months
from aiocancel.core.codes import Code
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    TrialTerms,
)
from aiocancel.core.stored_json import refuse_unknown
from aiocancel.core.subscription import AppliedDiscount, Subscription

# An offer is accepted some time before its flow session ends, and the vendor's clock is not Stripe's.
ACCEPTED_BEFORE: Final = timedelta(hours=1)
# A change at the end of a period takes a little to show.
PERIOD_END_MARGIN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The first look: when it was, the discounts there, and when the next payment fell ``due``."""

    seen_at: datetime
    discount_ids: frozenset[str]
    due: datetime | None

    @classmethod
    def of(cls, subscription: Subscription, *, seen_at: datetime) -> Baseline:
        """Take it from a subscription just read."""
        discount_ids = frozenset(discount.discount_id for discount in subscription.discounts)
        return cls(seen_at, discount_ids, subscription.current_period_end)


def vendor_offer_step(
    offer: AcceptedOffer, baseline: Baseline, subscription: Subscription
) -> Done | Wait | Refuse:
    """Say whether the subscription, as just read, shows the offer. Total: never raises, never writes.

    - A coupon that exists at Stripe: a discount of that coupon, however old, unless it ends before the offered one
      would. One that is only defined, and which
      the vendor makes or picks: a discount that was not there at the first look, or began at most an hour
      before the offer's flow session ended. Its worth is not compared.
    - A trial extension: a trial that ends no earlier than its days after the offer was accepted. A trial that
      had as long left by itself counts as well: Stripe tells no earlier end to compare with.
    - Another plan: its price on any item.
    - A pause: collection paused, or the status ``paused``. Which of them the vendor uses it does not say.

    A subscription that has ended shows nothing of use. What no subscription can show, a discount of the customer
    and a custom offer, is refused.
    """
    if subscription.has_ended:
        return Wait(Code.SUBSCRIPTION_HAS_ENDED)

    accepted_at = offer.accepted_at or baseline.seen_at

    match offer.terms:
        case CouponTerms(to_customer=True):
            return Refuse(Code.CUSTOMER_COUPONS_DO_NOT_SHOW)
        case CouponTerms() as coupon:
            since = accepted_at - ACCEPTED_BEFORE
            shown = any(
                _is_it(discount, coupon, baseline, since) for discount in subscription.discounts
            )
            seen = Code.ANOTHER_DISCOUNT if subscription.discounts else Code.NO_DISCOUNT
        case TrialTerms(days):
            least = accepted_at + timedelta(days=min(days, _LONGEST_DAYS)) - ACCEPTED_BEFORE
            trial_end = subscription.trial_end if subscription.status == "trialing" else None
            shown = trial_end is not None and trial_end >= least
            seen = Code.NO_TRIAL if trial_end is None else Code.SHORTER_TRIAL
        case PlanTerms(price_id):
            shown = any(item.price_id == price_id for item in subscription.items)
            seen = Code.ANOTHER_PRICE
        case PauseTerms():
            shown = subscription.paused is not None or subscription.status == "paused"
            seen = Code.NO_PAUSE
        case CustomTerms():
            return Refuse(Code.CUSTOM_OFFER_IS_NOT_STRIPES)
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer.terms)

    return Done(Receipt.of(subscription)) if shown else Wait(seen)


def patience_s(offer: AcceptedOffer, baseline: Baseline, *, now: datetime) -> float:
    """Return for how many seconds yet Stripe need not show the offer, 0 when it should by now.

    How the vendor has a pause begin at the end of the period is not public; it may be nothing but a date in
    the vendor's own books until then.
    """
    if (
        not isinstance(offer.terms, PauseTerms)
        or not offer.terms.at_period_end
        or baseline.due is None
    ):
        return 0.0
    return max(0.0, (baseline.due + PERIOD_END_MARGIN - now).total_seconds())


# More than any trial has; a calendar ends somewhere.
_LONGEST_DAYS: Final = 10_000


def _is_it(
    discount: AppliedDiscount, terms: CouponTerms, baseline: Baseline, since: datetime
) -> bool:
    if terms.coupon_id not in (None, discount.coupon_id):
        return False
    if discount.discount_id not in baseline.discount_ids:
        return True
    if discount.started_at is not None and discount.started_at >= since:
        return True
    return terms.coupon_id is not None and _lasts_as_long(discount, terms, baseline, since)


def _lasts_as_long(
    discount: AppliedDiscount, terms: CouponTerms, baseline: Baseline, since: datetime
) -> bool:
    """Tell whether a discount that the customer had before lasts as long as one of that coupon would from now on."""
    ends_at = discount.ends_at
    if ends_at is None:
        return True
    if terms.duration == "once":
        return baseline.due is not None and ends_at > baseline.due
    if terms.duration == "forever" or terms.months is None:
        return False
    try:
        return ends_at >= add_months(since, terms.months)
    except (OverflowError, ValueError):
        return False


def baseline_to_json(baseline: Baseline) -> dict[str, Any]:
    """Return it as JSON values for the ledger; ``baseline_from_json`` is its inverse, to the second."""
    due = None if baseline.due is None else int(baseline.due.timestamp())
    return {
        "seen_at": int(baseline.seen_at.timestamp()),
        "discounts": sorted(baseline.discount_ids),
        "due": due,
    }


def baseline_from_json(data: Mapping[str, Any]) -> Baseline:
    """Read the JSON of ``baseline_to_json``; raises UnreadableLedgerError for another field."""
    refuse_unknown(data, ("seen_at", "discounts", "due"), "a first look")
    due = None if data["due"] is None else datetime.fromtimestamp(data["due"], UTC)
    return Baseline(datetime.fromtimestamp(data["seen_at"], UTC), frozenset(data["discounts"]), due)
