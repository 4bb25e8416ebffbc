"""What is left to do for an accepted offer, given the subscription as just read, whatever its shape. Pure.

Nothing here moves money by accident: ``_obstacle`` names what stands in the way of an offer, and each kind of offer
has a file of its own beside this one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, assert_never

from aiocancel.core.actions import Done, Receipt, Refuse, Step, Supersede, Wait, Write
from aiocancel.core.changes import shows, still_holds
from aiocancel.core.codes import Code
from aiocancel.core.offers.coming_payments import renews_about
from aiocancel.core.offers.coupon import coupon_step
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.pause import (
    PAUSE_LEAD,
    SERVICE_PAUSE_LEAD,
    in_time,
    lasts_as_long,
    pause_step,
)
from aiocancel.core.offers.plan import (
    pending_payment_step,
    plan_item,
    plan_step,
    step_at_period_end,
)
from aiocancel.core.offers.progress import NO_PROGRESS, Progress
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
)
from aiocancel.core.offers.trial import trial_step
from aiocancel.core.subscription import INTERVALS, Price, Subscription

# https://docs.stripe.com/api/subscriptions/object
_STATUSES: Final = frozenset({"active", "trialing", "past_due", "unpaid", "paused"})
# Where the customer's own later wish is the last word.
_LEFT: Final = frozenset({Code.SUBSCRIPTION_HAS_ENDED, Code.SUBSCRIPTION_IS_ENDING})


def offer_step(
    offer: AcceptedOffer,
    subscription: Subscription,
    *,
    now: datetime,
    progress: Progress = NO_PROGRESS,
    rules: OfferRules,
    price: Price | None = None,
) -> Step:
    """Say what is left to do for an accepted offer, given the subscription as just read.

    An earlier change is sent again as it was, or left to a human, but never replaced by another. Total: never raises.

    Args:
        offer: The offer.
        subscription: The subscription.
        now: The time.
        progress: What earlier attempts have done.
        rules: The owner's rules of offers.
        price: The price of another plan; None where it was not read.
    """
    earlier = progress.earlier
    if earlier is not None and shows(earlier, subscription):
        return Done(Receipt.of(subscription))
    if earlier is None and _is_so_already(offer.terms, subscription, now, rules):
        return Done(Receipt.of(subscription))
    if code := _obstacle(offer, subscription):
        was_told = progress.promised is not None or progress.asked_to_pay
        return Supersede(code) if was_told and code in _LEFT else Refuse(code)
    if isinstance(offer.terms, TrialTerms | PauseTerms) and renews_about(now, subscription):
        return Wait()
    if isinstance(offer.terms, PlanTerms) and (
        step := pending_payment_step(subscription, now, progress)
        or step_at_period_end(offer.terms, subscription, now, progress, rules, price)
    ):
        return step
    if earlier is not None:
        return (
            Write(earlier)
            if still_holds(earlier, subscription)
            else Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED)
        )

    match offer.terms:
        case CouponTerms() as terms:
            return coupon_step(terms, subscription, now, rules)
        case TrialTerms(days):
            return trial_step(days, subscription, now)
        case PlanTerms() as terms:
            return plan_step(terms, subscription, rules, price, offer.promised)
        case PauseTerms() as terms:
            return in_time(
                terms,
                pause_step(terms, subscription, now, rules),
                subscription,
                now,
                progress.promised,
                SERVICE_PAUSE_LEAD if rules.pause_mechanism == "pause" else PAUSE_LEAD,
            )
        case CustomTerms():
            return Refuse(Code.CUSTOM_OFFER_IS_NOT_STRIPES)
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer.terms)


def _obstacle(offer: AcceptedOffer, subscription: Subscription) -> Code | None:
    """Return why a subscription of this shape takes no such offer, None if it does."""
    if subscription.has_ended:
        return Code.SUBSCRIPTION_HAS_ENDED
    if subscription.status == "incomplete":
        return Code.FIRST_PAYMENT_IS_MISSING
    if subscription.is_ending or subscription.cancel_at is not None:
        return Code.SUBSCRIPTION_IS_ENDING
    if not _is_known(subscription):
        return Code.SHAPE_IS_UNKNOWN
    # A coupon may also go to a customer who owes money, or whose subscription is paused.
    if isinstance(offer.terms, CouponTerms):
        return None

    # The owner decides whether a customer who owes money gets free time or another plan.
    if subscription.is_overdue:
        return Code.PAYMENT_IS_OVERDUE
    if subscription.status == "paused" or subscription.paused is not None:
        return Code.SUBSCRIPTION_IS_PAUSED
    return None


def _is_known(subscription: Subscription) -> bool:
    """Tell whether Stripe shows the whole subscription, in words that this release knows."""
    return (
        subscription.status in _STATUSES
        and not subscription.has_more_items
        and all(item.interval in INTERVALS for item in subscription.items)
    )


def _is_so_already(
    terms: Terms, subscription: Subscription, now: datetime, rules: OfferRules
) -> bool:
    """Tell whether the customer has what was offered, so that nobody need do anything."""
    if subscription.has_ended or subscription.is_ending or subscription.status == "incomplete":
        return False

    match terms:
        case PlanTerms(price_id, seats=None):
            # The price of another item, such as an add-on, is not the plan.
            plan = plan_item(subscription, rules)
            there = subscription.items if plan is None else [plan]
            return any(item.price_id == price_id for item in there)
        case PlanTerms(price_id, seats=seats):
            return any(
                item.price_id == price_id and item.quantity == seats for item in subscription.items
            )
        case PauseTerms(interval="indefinitely") if subscription.status == "paused":
            return True
        case PauseTerms() if subscription.paused is not None:
            return lasts_as_long(terms, subscription.paused, subscription, now)
        case _:
            return False
