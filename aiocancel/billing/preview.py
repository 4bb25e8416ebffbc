"""Offers of our own flow with their prices: what Stripe says that an offer would cost, before anybody is shown it.

A price is a promise: on any error there is none, and an offer that changes money is then not shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from aiocancel.core.actions import Defer, Write
from aiocancel.core.changes import Change, PlainChange
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowDefinition,
    FlowOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
    kind_of,
)
from aiocancel.core.flow.eligibility import OwnersBounds
from aiocancel.core.flow.flow_terms import offer_terms
from aiocancel.core.flow.preview import Preview
from aiocancel.core.flow.price_effect import PriceEffect, price_effect
from aiocancel.core.flow.screen import OfferOnScreen, PauseChoice
from aiocancel.core.flow.steps import FlowProgress, next_offer
from aiocancel.core.offers.apply import offer_step
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.plan import plan_item
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CustomTerms,
    PlanTerms,
    Promised,
    TrialTerms,
    offer_to_json,
)
from aiocancel.core.page_facts import Line, ShownSubscription
from aiocancel.core.sentences import Money, Sentence, Value
from aiocancel.core.subscription import Price, Subscription
from aiocancel.core.undo import going_on, withdrawal_of
from aiocancel.errors import AiocancelError
from aiocancel.ports import FlowReader

# What these give away cannot be shown without its price. A pause and an offer of the application's own can.
_NEED_A_PRICE: Final = (CouponOffer, PlanOffer, TrialOffer)
# Prices of plans do not change at Stripe; their products' names may.
_REMEMBER_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """The price of another plan: how often it is paid, and how a screen names it."""

    price: Price
    line: Line


@dataclass(frozen=True, slots=True)
class Reading:
    """Stripe's word as a session began: the subscription, and the plans that its offers name."""

    shown: ShownSubscription
    plans: tuple[PlanFacts, ...] = ()
    account: str | None = None

    def plan(self, price_id: str) -> PlanFacts | None:
        """Return the facts of a plan, None where they were not read."""
        return next((each for each in self.plans if each.price.price_id == price_id), None)


def reading_to_json(reading: Reading) -> dict[str, Any]:
    """Return it as JSON values for the session; ``reading_from_json`` is its inverse."""
    found: dict[str, Any] = msgspec.to_builtins(reading)
    return found


def reading_from_json(data: Mapping[str, Any]) -> Reading | None:
    """Read what ``reading_to_json`` wrote; None for what another release wrote otherwise: nothing is offered then."""
    try:
        return msgspec.convert(data, Reading, strict=False)
    except msgspec.ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class OfferShown:
    """An offer as a screen shows it for the first time: what the session keeps, and gives if it is accepted.

    Args:
        offer: As the stored definition has it.
        terms: The exact terms, for each choice of months; for an offer without a choice under None.
        price: The three rows, None where they cannot be known.
        choices: The lengths of a pause.
        plan: The other plan, of an offer of one.
        off: What a coupon takes off in the currency of the subscription.
        at: When it was made ready.
    """

    offer: FlowOffer
    terms: Mapping[int | None, AcceptedOffer]
    price: PriceEffect | None
    choices: tuple[PauseChoice, ...]
    plan: Line | None
    off: Money | None
    at: datetime

    def to_json(self) -> dict[str, Any]:
        """Return what the session keeps of it."""
        return {
            "offer": self.offer.key,
            "kind": kind_of(self.offer),
            "terms": {
                "" if months is None else str(months): offer_to_json(terms)
                for months, terms in self.terms.items()
            },
            "price": msgspec.to_builtins(self.price),
            "choices": msgspec.to_builtins(self.choices),
            "plan": msgspec.to_builtins(self.plan),
            "off": msgspec.to_builtins(self.off),
            "at": self.at.isoformat(),
        }


class OffersOnScreen:
    """Prices offers as they come on a screen, and puts them there again from what was kept.

    Args:
        reader: Asks Stripe.
        bounds: The owner's settings for offers.
        within_s: How many seconds all that one screen asks may take.
    """

    def __init__(self, reader: FlowReader, bounds: OwnersBounds, *, within_s: float) -> None:
        self._reader = reader
        self._bounds = bounds
        self._within_s = within_s
        self._plans: dict[tuple[str | None, str], tuple[float, PlanFacts]] = {}

    async def plans(
        self, definition: FlowDefinition, account: str | None, reader: FlowReader
    ) -> tuple[PlanFacts, ...]:
        """Return the plans that the offers name, as far as Stripe tells them; never raises."""
        now, found = asyncio.get_running_loop().time(), []
        for offer in definition.offers:
            if not isinstance(offer, PlanOffer):
                continue
            known = self._plans.get((account, offer.price))
            if known is None or known[0] < now:
                try:
                    price, line = await reader.read_plan(offer.price)
                except AiocancelError:
                    # The offer is left out then, as its price is not known.
                    continue
                self._forget_old(now)
                known = (now + _REMEMBER_S, PlanFacts(price, line))
                self._plans[account, offer.price] = known
            found.append(known[1])

        return tuple(found)

    def _forget_old(self, now: float) -> None:
        """Drop the plans whose time is over: a platform has thousands of accounts."""
        self._plans = {key: each for key, each in self._plans.items() if each[0] >= now}

    async def price(
        self,
        offer: FlowOffer | None,
        months: Sequence[int],
        reading: Reading | None,
        *,
        now: datetime,
        deadline: float,
        declared: bool = False,
    ) -> OfferShown | AnyCode:
        """Return an offer ready to be shown, or the code why it must not be.

        Args:
            offer: As the stored definition has it.
            months: The choices of a pause that fit; empty for any other.
            reading: Stripe's word as the session began.
            now: Aware, the time that the subscription lives in.
            deadline: When the screen must go on, on the loop's clock.
            declared: Whether the customer has declared to leave, so that the offer takes that back.
        """
        if offer is None or reading is None:
            return Code.SUBSCRIPTION_WAS_NOT_READ
        withdrawal = None
        if declared:
            if (withdrawal := withdrawal_of(reading.shown.subscription)) is None:
                return Code.OFFER_NO_LONGER_FITS
            stays = going_on(reading.shown.subscription)
            reading = replace(reading, shown=replace(reading.shown, subscription=stays))
        subscription = reading.shown.subscription
        terms = {
            each: made
            for each in (months or (None,))
            if isinstance(made := offer_terms(offer, subscription.currency, each), AcceptedOffer)
        }
        if not terms:
            return Code.OFFER_NO_LONGER_FITS

        plan = reading.plan(offer.price) if isinstance(offer, PlanOffer) else None
        price = None if plan is None else plan.price
        first_terms = next(iter(terms.values()))
        preview = await self._previewed(first_terms, reading, price, now, deadline, withdrawal)
        effects = {
            each: _effect(made, subscription, preview, now, self._bounds, price)
            for each, made in terms.items()
        }
        first = next(iter(effects.values()))
        if first is None and isinstance(offer, _NEED_A_PRICE):
            return Code.PRICE_IS_NOT_KNOWN

        return OfferShown(
            offer,
            {
                each: replace(made, promised=_promise(effects[each], subscription))
                for each, made in terms.items()
            },
            first,
            _choices(offer, effects),
            None if plan is None else _for_all(plan.line, subscription, self._bounds.rules),
            _off(offer, subscription.currency),
            now,
        )

    async def _previewed(
        self,
        offer: AcceptedOffer,
        reading: Reading,
        price: Price | None,
        now: datetime,
        deadline: float,
        withdrawal: PlainChange | None,
    ) -> Preview | None:
        """Ask Stripe for the next invoice once the offer is carried out; None on any error, and when it is late."""
        subscription = reading.shown.subscription
        change = self._change(offer, subscription, price, now)

        try:
            async with asyncio.timeout_at(deadline):
                reader = self._reader.on(reading.account)
                return await reader.preview(
                    subscription.subscription_id,
                    change,
                    proration_date=int(now.timestamp()),
                    withdrawal=withdrawal,
                )
        except (AiocancelError, TimeoutError, ValueError):
            return None

    def _change(
        self,
        offer: AcceptedOffer,
        subscription: Subscription,
        price: Price | None,
        now: datetime,
    ) -> Change | None:
        """Return the change that would be written now; None where the next invoice stays as it is."""
        # More days of trial are billed at once, with nothing: the invoice that counts is the one without them.
        if isinstance(offer.terms, CustomTerms | TrialTerms):
            return None
        rules = self._bounds.rules
        if isinstance(offer.terms, PlanTerms) and _comes_later(offer.terms, rules):
            # Stripe previews no schedule of ours: the plan at once, without proration, has the same payments.
            at_once = replace(offer.terms, prorate=False, at_period_end=False)
            offer = replace(offer, terms=at_once)
            rules = replace(rules, plan_starts="now", unprorated_interval_change="allow")

        step = offer_step(offer, subscription, now=now, rules=rules, price=price)
        if isinstance(step, Defer):
            return None
        return step.kept if isinstance(step, Write) else None

    def on_screen(
        self,
        offer: FlowOffer,
        kept: Mapping[str, Any],
        definition: FlowDefinition,
        progress: FlowProgress,
        fitting: Sequence[str],
    ) -> OfferOnScreen:
        """Return an offer as it was shown before, word for word.

        Args:
            offer: As the stored definition has it.
            kept: What the session kept of it.
            definition: That of the session.
            progress: How far the session has come.
            fitting: The keys of the offers that fit, the best first.
        """
        after = replace(progress, declined=(*progress.declined, offer.key))
        plan = msgspec.convert(kept.get("plan"), Line | None, strict=False)
        return OfferOnScreen(
            offer,
            price=msgspec.convert(kept.get("price"), PriceEffect | None, strict=False),
            choices=msgspec.convert(kept.get("choices", ()), tuple[PauseChoice, ...], strict=False),
            plan=None if plan is None else plan.name,
            plan_price=None if plan is None else _sentence(plan),
            off=msgspec.convert(kept.get("off"), Money | None, strict=False),
            another_follows=next_offer(definition, after, fitting) is not None,
        )


def _for_all(line: Line, subscription: Subscription, rules: OfferRules) -> Line:
    """Return the plan at the price of as many as the customer has, which is what the rows tell."""
    item = plan_item(subscription, rules)
    count = None if item is None else item.quantity
    return replace(line, minor=None if line.minor is None or count is None else line.minor * count)


def _comes_later(terms: PlanTerms, rules: OfferRules) -> bool:
    return terms.at_period_end or rules.plan_starts == "period_end"


def _effect(
    offer: AcceptedOffer,
    subscription: Subscription,
    preview: Preview | None,
    now: datetime,
    bounds: OwnersBounds,
    price: Price | None,
) -> PriceEffect | None:
    if preview is None:
        return None
    return price_effect(offer, subscription, preview, now=now, rules=bounds.rules, price=price)


def _promise(effect: PriceEffect | None, subscription: Subscription) -> Promised | None:
    """Return what was told of the next payment, to be kept, sent with the change, and compared afterwards."""
    if effect is None:
        return None
    following = effect.next_payment
    return Promised(
        following.amount.minor,
        following.amount.currency,
        following.at,
        effect.proration_date,
        subscription.current_period_end,
    )


def _choices(
    offer: FlowOffer, effects: Mapping[int | None, PriceEffect | None]
) -> tuple[PauseChoice, ...]:
    if not isinstance(offer, PauseOffer):
        return ()
    return tuple(
        PauseChoice(months)
        if effect is None
        else PauseChoice(months, effect.next_payment.at, effect.next_payment.amount)
        for months, effect in effects.items()
        if months is not None
    )


def _off(offer: FlowOffer, currency: str) -> Money | None:
    if not isinstance(offer, CouponOffer) or offer.amount_off is None:
        return None
    minor = offer.amount_off.get(currency)
    return None if minor is None else Money(minor, currency)


def _sentence(line: Line) -> Sentence | None:
    if line.minor is None:
        return None
    values: dict[str, Value] = {
        "price": Money(line.minor, line.currency),
        "count": line.interval_count,
    }
    return Sentence(f"price_per_{line.interval}", values)
