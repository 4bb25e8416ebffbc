"""Which offers a customer may be shown now, and of each other one why not. Pure.

An offer that would be refused, parked or worth nothing is left out before it is shown: the same functions that carry
offers out are asked what they would do. The order of the definition is the order of preference.

What is asked of each offer, in this order; the first no counts:

1. Its condition is true of this customer.
2. No rule of the owner or of the place forbids it.
3. The customer was given nothing for long enough, and the owner's limits allow its terms.
4. The subscription, as just read, takes it, and it changes something.
5. The subscription is not held out. That is asked last, so that both arms know whether an offer would have fitted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aiocancel.core.actions import (
    ActionKind,
    Defer,
    Done,
    Refuse,
    Write,
    next_step,
    past_the_schedule,
)
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowDefinition,
    FlowOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
    kind_of,
)
from aiocancel.core.flow.flow_terms import offer_terms
from aiocancel.core.flow.rules import Consent, FlowRule, declaration, forbidding, permission
from aiocancel.core.flow.snapshot import History, Snapshot
from aiocancel.core.flow.steps import FittingOffers
from aiocancel.core.offers.apply import offer_step
from aiocancel.core.offers.offer_rules import DEFAULT_RULES, OfferRules
from aiocancel.core.offers.terms import NO_LIMITS, CustomTerms, OfferLimits, breach
from aiocancel.core.schedules import DEFAULT_SCHEDULE_POLICY, SchedulePolicy
from aiocancel.core.stored_json import refuse_unknown
from aiocancel.core.subscription import Price, Subscription
from aiocancel.core.undo import going_on, kept_by


@dataclass(frozen=True, slots=True)
class ConsideredOffer:
    """One offer of the definition: ``code`` says why it is left out, None where it fits.

    ``months`` holds the choices of a pause that fit.
    """

    key: str
    code: AnyCode | None = None
    months: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Considered:
    """Every offer of the definition, the best first.

    Args:
        offers: Each of them.
        would_fit: Whether at least one fits, or would if the subscription were not held out.
        needs_permission: Whether at least one lacks nothing but the customer's permission.
    """

    offers: tuple[ConsideredOffer, ...] = ()
    would_fit: bool = False
    needs_permission: bool = False

    @property
    def fitting(self) -> FittingOffers:
        """What may be shown, as the steps of a session take it."""
        months = {each.key: each.months for each in self.offers if each.code is None}
        return FittingOffers(months, self.needs_permission)

    def left_out(self, key: str, code: AnyCode) -> Considered:
        """Return it with one offer left out for a reason that shows later, such as that it has no price."""
        offers = (replace(each, code=code) if each.key == key else each for each in self.offers)
        return replace(self, offers=tuple(offers))

    def all_left_out(self, code: AnyCode) -> Considered:
        """Return it with every offer left out for one reason."""
        return Considered(tuple(replace(each, code=code, months=()) for each in self.offers))

    def is_all(self, code: AnyCode) -> bool:
        """Tell whether there are offers, and all are left out for this reason."""
        return bool(self.offers) and all(each.code == code for each in self.offers)


@dataclass(frozen=True, slots=True)
class OwnersBounds:
    """The owner's settings outside the definition that decide about offers.

    Args:
        rules: How offers are carried out.
        limits: The bounds on every offer.
        schedule_policy: How a schedule in the way is treated.
        place_rules: The rules of places; none where the application does not tell places.
        handled: The keys of the offers that have a handler; None where every one has.
        prices: The prices of other plans as far as they were read, by id.
    """

    rules: OfferRules = DEFAULT_RULES
    limits: OfferLimits = NO_LIMITS
    schedule_policy: SchedulePolicy = DEFAULT_SCHEDULE_POLICY
    place_rules: tuple[FlowRule, ...] = ()
    handled: Collection[str] | None = None
    prices: Mapping[str, Price] | None = None


def may_ask(
    definition: FlowDefinition,
    snapshot: Snapshot,
    place_rules: tuple[FlowRule, ...],
    *,
    declared: bool = False,
) -> bool:
    """Tell whether the question for the reason may stand before the exit, or after it once they have ``declared``."""
    rules = (*definition.rules, *place_rules)
    given: tuple[Consent, ...] = (declaration,) if declared else ()
    return forbidding(rules, "question", snapshot, Answers(), given) is None


def consider(
    definition: FlowDefinition,
    snapshot: Snapshot,
    subscription: Subscription | None,
    answers: Answers,
    *,
    now: datetime,
    bounds: OwnersBounds,
    held_out: bool = False,
    allowed: bool = False,
    declared: bool = False,
) -> Considered:
    """Judge every offer of a definition.

    Args:
        definition: As stored with the session.
        snapshot: Taken when the session began; its history is the ledger's.
        subscription: As just read at Stripe; None where Stripe did not answer in time, and then nothing is offered.
        answers: What the customer has said.
        now: Aware; the time on the test clock of a subscription that lives on one.
        bounds: The owner's settings.
        held_out: Whether the subscription gets no offers.
        allowed: Whether the customer has allowed an offer in this attempt.
        declared: Whether the customer has declared to leave. The subscription ends then, and an offer takes that back
            in one update with what it gives, or is not made. Nobody is asked for a permission any more.
    """
    consents: dict[Consent, bool] = {permission: allowed, declaration: declared}
    given = tuple(consent for consent, is_given in consents.items() if is_given)
    judged = [
        _judged(offer, definition, snapshot, subscription, answers, now, bounds, given)
        for offer in definition.offers
    ]

    fits = any(each.code is None for each in judged)
    lacks = any(each.code is Code.PERMISSION_IS_MISSING for each in judged)
    if held_out:
        judged = [
            replace(each, code=Code.HELD_OUT)
            if each.code in (None, Code.PERMISSION_IS_MISSING)
            else each
            for each in judged
        ]
    may_lack = lacks and not declared
    return Considered(tuple(judged), fits or may_lack, may_lack and not held_out)


def _judged(
    offer: FlowOffer,
    definition: FlowDefinition,
    snapshot: Snapshot,
    subscription: Subscription | None,
    answers: Answers,
    now: datetime,
    bounds: OwnersBounds,
    given: tuple[Consent, ...],
) -> ConsideredOffer:
    if code := _not_meant(offer, snapshot, answers):
        return ConsideredOffer(offer.key, code)

    rules = (*definition.rules, *bounds.place_rules)
    rule = forbidding(rules, kind_of(offer), snapshot, answers, given)
    if rule is not None and rule.unless != permission:
        return ConsideredOffer(offer.key, Code.FORBIDDEN_BY_A_RULE)
    if _gave_recently(definition, snapshot.history, now, bounds.limits):
        return ConsideredOffer(offer.key, Code.GIVEN_RECENTLY)
    if subscription is None:
        return ConsideredOffer(offer.key, Code.SUBSCRIPTION_WAS_NOT_READ)

    choices = offer.months if isinstance(offer, PauseOffer) else (None,)
    refused = _refused_with_a_withdrawal if declaration in given else _refused
    codes = {months: refused(offer, months, subscription, now, bounds) for months in choices}
    fitting = tuple(months for months, code in codes.items() if code is None)
    if not fitting:
        return ConsideredOffer(offer.key, codes[choices[0]])

    months = tuple(each for each in fitting if each is not None)
    # Asked only where nothing else is missing: nobody is asked to allow an offer that cannot be made.
    return ConsideredOffer(offer.key, None if rule is None else Code.PERMISSION_IS_MISSING, months)


def _not_meant(offer: FlowOffer, snapshot: Snapshot, answers: Answers) -> Code | None:
    if offer.when is None:
        return None
    found = offer.when.holds(snapshot, answers)
    if found is None:
        return Code.NOBODY_KNOWS_WHETHER_IT_FITS
    return None if found else Code.NOT_FOR_THIS_CUSTOMER


def _gave_recently(
    definition: FlowDefinition, history: History | None, now: datetime, limits: OfferLimits
) -> bool:
    bounds = (definition.at_most_one_gift_in_days, limits.at_most_one_gift_in_days)
    days = max((each for each in bounds if each is not None), default=None)
    if days is None or history is None or history.last_offer_at is None:
        return False
    return now - history.last_offer_at < timedelta(days=days)


def may_follow_a_declaration(offer: FlowOffer) -> bool:
    """Tell whether Stripe can make an offer of this kind in the update that takes a cancellation back."""
    return isinstance(offer, CouponOffer | PauseOffer | TrialOffer)


def _refused_with_a_withdrawal(
    offer: FlowOffer,
    months: int | None,
    subscription: Subscription,
    now: datetime,
    bounds: OwnersBounds,
) -> AnyCode | None:
    """Return why a subscription that ends does not take the offer in one update that takes its end back as well."""
    stays = going_on(subscription)
    if (code := _refused(offer, months, stays, now, bounds)) is not None:
        return code

    accepted = offer_terms(offer, subscription.currency, months)
    if isinstance(accepted, Code) or not may_follow_a_declaration(offer):
        return Code.SUBSCRIPTION_IS_ENDING
    wanted = offer_step(accepted, stays, now=now, rules=bounds.rules)
    withdrawn = next_step(ActionKind.RESUME, subscription)
    step = kept_by(wanted, withdrawn, subscription, is_sent=False)
    together = isinstance(step, Write) and step.withdrawal is not None
    return None if together else Code.SUBSCRIPTION_IS_ENDING


def _refused(
    offer: FlowOffer,
    months: int | None,
    subscription: Subscription,
    now: datetime,
    bounds: OwnersBounds,
) -> AnyCode | None:
    """Return why the subscription does not take the offer, None where it does and something changes."""
    accepted = offer_terms(offer, subscription.currency, months)
    if isinstance(accepted, Code):
        return accepted
    if (broken := breach(accepted, bounds.limits)) is not None:
        return broken
    if isinstance(accepted.terms, CustomTerms):
        return _refused_to_the_handler(offer.key, subscription, bounds)
    if isinstance(offer, TrialOffer) and subscription.status != "trialing":
        return Code.NOT_IN_TRIAL

    is_plan_now = isinstance(offer, PlanOffer) and offer.at == "now"
    if is_plan_now and bounds.rules.plan_starts == "period_end":
        return Code.PLAN_WOULD_COME_LATER

    price = (bounds.prices or {}).get(offer.price) if isinstance(offer, PlanOffer) else None
    step = offer_step(accepted, subscription, now=now, rules=bounds.rules, price=price)
    match past_the_schedule(step, subscription, bounds.schedule_policy):
        case Defer(by_schedule=True):
            # It is planned for the period's end already.
            return Code.HAS_IT_ALREADY
        case Write() | Defer():
            return None
        case Refuse(code):
            return code
        case Done():
            return Code.HAS_IT_ALREADY
        case _:
            # It would wait for a payment that is about to be taken.
            return Code.PAYMENT_IS_NEAR


def _refused_to_the_handler(
    key: str, subscription: Subscription, bounds: OwnersBounds
) -> Code | None:
    if bounds.handled is not None and key not in bounds.handled:
        return Code.NO_HANDLER_FOR_THIS_OFFER
    if subscription.has_ended:
        return Code.SUBSCRIPTION_HAS_ENDED
    is_ending = subscription.is_ending or subscription.cancel_at is not None
    return Code.SUBSCRIPTION_IS_ENDING if is_ending else None


# --- as JSON ----------------------------------------------------------------------------------------------


def considered_to_json(considered: Considered) -> dict[str, Any]:
    """Return it as JSON values; ``considered_from_json`` is its inverse."""
    return {
        "offers": [
            {"key": each.key, "code": each.code, "months": list(each.months)}
            for each in considered.offers
        ],
        "would_fit": considered.would_fit,
        "needs_permission": considered.needs_permission,
    }


def considered_from_json(data: Mapping[str, Any]) -> Considered:
    """Read the JSON of ``considered_to_json``; raises UnreadableLedgerError for another field."""
    refuse_unknown(data, Considered.__slots__, "the offers that were considered")
    offers = []
    for each in data["offers"]:
        refuse_unknown(each, ConsideredOffer.__slots__, "an offer that was considered")
        code = None if each["code"] is None else Code.stored(each["code"])
        offers.append(ConsideredOffer(each["key"], code, tuple(each["months"])))
    return Considered(tuple(offers), data["would_fit"], data["needs_permission"])
