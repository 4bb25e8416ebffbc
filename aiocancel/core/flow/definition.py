"""The definition of a flow of our own: its reasons, its offers, and to whom each is made. Data all the way. Pure.

A definition is written in Python, refused at the start where it cannot be right, stored once under its version, and
read back by another release. Nothing in it is a function, so that every path through it can be walked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from aiocancel.core.check_settings import check_flag, check_whole, check_word
from aiocancel.core.claim_reason import FEEDBACK_VALUES
from aiocancel.core.flow.conditions import (
    DEEPEST,
    ColumnIs,
    Condition,
    ReasonIs,
    condition_from_json,
    condition_to_json,
    is_too_deep,
)
from aiocancel.core.flow.field_checks import (
    check_amounts,
    check_key,
    check_percent,
    check_unique,
    check_words,
    is_id,
    is_tuple,
    keep_own_copies,
)
from aiocancel.core.flow.own_words import Words, texts_of
from aiocancel.core.flow.rules import FlowRule, Subject, rule_from_json, rule_to_json
from aiocancel.core.offers.offer_rules import MOST_MONTHS, PLAN_STARTS, PlanStart
from aiocancel.core.offers.terms import MOST_DAYS_BETWEEN_GIFTS
from aiocancel.core.offers.trial import LONGEST_TRIAL
from aiocancel.core.stored_json import refuse_unknown
from aiocancel.errors import ConfigurationError, UnreadableLedgerError

CouponMonths: TypeAlias = int | Literal["once", "forever"]

_MOST_PAUSE_MONTHS: Final = 12
_MOST_CHANGES: Final = 3
_MOST_OFFERS_SHOWN: Final = 3
_MOST_REASONS: Final = 20
_MOST_OFFERS: Final = 50

OTHER: Final = "other"
"""The key of the reason that stands last, whatever the order of the others."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for leaving that a customer may choose.

    Args:
        key: Its name, for conditions and figures. Never use it again for another meaning.
        words: The customer's words for it. The eight reasons of ``STANDARD_REASONS`` have words in every language.
        feedback: Stripe's word for it; left out, the key where that is one of Stripe's eight, else ``other``.
        feedback_option: A feedback option of yours at Stripe, ``fbo_…``.
        follow_up: A question that is asked below the reason once it is chosen, and answered in free text.
        free_text: Whether the reason has a field for the customer's own words without a question.
    """

    key: str
    words: Words | None = None
    feedback: str | None = None
    feedback_option: str | None = None
    follow_up: Words | None = None
    free_text: bool = False

    def __post_init__(self) -> None:
        keep_own_copies(self)
        check_key("Reason", self.key)
        name = f"Reason({self.key!r})"
        if self.words is not None:
            check_words(f"{name}.words", self.words)
        elif self.key not in FEEDBACK_VALUES:
            raise ConfigurationError(f"{name}.words is missing; a reason of your own needs words")

        if self.feedback is not None:
            check_word(f"{name}.feedback", self.feedback, sorted(FEEDBACK_VALUES))
        if self.feedback_option is not None and not is_id(self.feedback_option):
            raise ConfigurationError(f"{name}.feedback_option is Stripe's id, such as 'fbo_1Nx'")
        if self.follow_up is not None:
            check_words(f"{name}.follow_up", self.follow_up)
        check_flag(f"{name}.free_text", self.free_text)

    @property
    def has_field(self) -> bool:
        """Whether the customer can add words to this reason."""
        return self.free_text or self.follow_up is not None

    @property
    def stripe_feedback(self) -> str:
        """Stripe's word for it."""
        return self.feedback or (self.key if self.key in FEEDBACK_VALUES else OTHER)


STANDARD_REASONS: Final[tuple[Reason, ...]] = (
    Reason("too_expensive"),
    Reason("unused"),
    Reason("missing_features"),
    Reason("too_complex"),
    Reason("switched_service"),
    Reason("low_quality"),
    Reason("customer_service"),
    Reason(OTHER),
)
"""One reason for each value that Stripe keeps. https://docs.stripe.com/api/subscriptions/cancel"""


@dataclass(frozen=True, slots=True)
class CouponOffer:
    """A discount on the next payments; the coupon is made at Stripe when the first customer takes it.

    Args:
        key: Its name, for figures.
        percent_off: The share, more than 0 and at most 100 percent, as ``50`` or ``Decimal("12.5")``.
        amount_off: Or a sum for each currency, in minor units, as ``{"eur": 1000}`` for €10.00. A customer who pays in
            another currency is not made the offer.
        months: For how many months it lasts, ``"once"`` for the next payment alone, or ``"forever"``.
        when: To whom it is made; left out, to everybody whom it fits.
    """

    key: str
    percent_off: int | Decimal | None = None
    amount_off: Mapping[str, int] | None = None
    months: CouponMonths = "once"
    when: Condition | None = None

    def __post_init__(self) -> None:
        name = _check_offer(self)
        if (self.percent_off is None) == (self.amount_off is None):
            raise ConfigurationError(f"{name}: give percent_off or amount_off, and not both")
        if self.percent_off is not None:
            check_percent(f"{name}.percent_off", self.percent_off)
        if self.amount_off is not None:
            check_amounts(f"{name}.amount_off", self.amount_off)
        if self.months not in ("once", "forever"):
            check_whole(f"{name}.months", self.months, most=MOST_MONTHS)


@dataclass(frozen=True, slots=True)
class TrialOffer:
    """More days of trial, for a customer who is in one.

    Args:
        key: Its name, for figures.
        days: How many more, from 1 to 730.
        when: To whom it is made; left out, to everybody whom it fits.
    """

    key: str
    days: int
    when: Condition | None = None

    def __post_init__(self) -> None:
        name = _check_offer(self)
        check_whole(f"{name}.days", self.days, most=LONGEST_TRIAL.days)


@dataclass(frozen=True, slots=True)
class PauseOffer:
    """No payments for as many months as the customer chooses, from the next payment on.

    Args:
        key: Its name, for figures.
        months: The choices, from 1 to 12 months. The ones that do not fit are left out.
        sentence: What works during the pause, in the customer's words. It has no default: we cannot know.
        when: To whom it is made; left out, to everybody whom it fits.
    """

    key: str
    months: tuple[int, ...] = (1, 2, 3)
    sentence: Words = ""
    when: Condition | None = None

    def __post_init__(self) -> None:
        name = _check_offer(self)
        if not is_tuple(self.months) or not self.months:
            raise ConfigurationError(f"{name}.months is a tuple of months, such as (1, 2, 3)")
        for count in self.months:
            check_whole(f"{name}.months", count, most=_MOST_PAUSE_MONTHS)
        if list(self.months) != sorted(set(self.months)):
            raise ConfigurationError(f"{name}.months names each choice once, the shortest first")
        if self.sentence == "":
            raise ConfigurationError(f"{name}.sentence is missing; say what works during the pause")
        check_words(f"{name}.sentence", self.sentence)


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """Another price in the place of the one being paid.

    Args:
        key: Its name, for figures.
        price: Stripe's id of the price, ``price_…``.
        at: ``"now"``, with what was paid credited, or ``"period_end"``, with nothing charged or credited today.
        changes: At most 3 sentences that say what changes for the customer.
        when: To whom it is made; left out, to everybody whom it fits.
    """

    key: str
    price: str
    at: PlanStart = "now"
    changes: tuple[Words, ...] = ()
    when: Condition | None = None

    def __post_init__(self) -> None:
        name = _check_offer(self)
        if not is_id(self.price):
            raise ConfigurationError(f"{name}.price is Stripe's id, such as 'price_1Nx'")
        check_word(f"{name}.at", self.at, PLAN_STARTS)
        if not is_tuple(self.changes) or len(self.changes) > _MOST_CHANGES:
            raise ConfigurationError(
                f"{name}.changes is a tuple of at most {_MOST_CHANGES} sentences"
            )
        for number, words in enumerate(self.changes):
            check_words(f"{name}.changes[{number}]", words)


@dataclass(frozen=True, slots=True)
class HandledOffer:
    """An offer that the application itself carries out, in the handler of ``@cancel.on_offer``.

    Args:
        key: Its name, for the handler and for figures.
        title: Its heading, after "Or:".
        sentence: What it is.
        verb: The words of its button, such as "Book a call". The word "cancel" is for the way out alone.
        when: To whom it is made; left out, to everybody.
    """

    key: str
    title: Words
    sentence: Words
    verb: Words
    when: Condition | None = None

    def __post_init__(self) -> None:
        name = _check_offer(self)
        for each in ("title", "sentence", "verb"):
            check_words(f"{name}.{each}", getattr(self, each))
        if any("cancel" in text.lower() for text in texts_of(self.verb)):
            raise ConfigurationError(
                f'{name}.verb has the word "cancel", which only the way out may have'
            )


FlowOffer: TypeAlias = CouponOffer | TrialOffer | PauseOffer | PlanOffer | HandledOffer
_OFFERS: Final[Mapping[Subject, type[FlowOffer]]] = {
    "coupon": CouponOffer,
    "trial": TrialOffer,
    "pause": PauseOffer,
    "plan": PlanOffer,
    "custom": HandledOffer,
}
_KINDS: Final[Mapping[type[FlowOffer], Subject]] = {kind: word for word, kind in _OFFERS.items()}


def kind_of(offer: FlowOffer) -> Subject:
    """Return the word for the kind of an offer, as rules name it."""
    return _KINDS[type(offer)]


@dataclass(frozen=True, slots=True)
class FlowDefinition:
    """A whole flow.

    Args:
        reasons: The reasons in no order of importance: each customer sees another order, "other" last.
        offers: The offers, the best first: of those that fit a customer, the first is shown.
        hold_out_percent: How many of a hundred subscriptions get no offers, so that the rest can be compared.
        at_most_one_gift_in_days: For how many days after an offer was taken no other is made; ``OfferLimits`` has a
            bound of its own, and the longer one counts.
        offers_at_most: How many offers, from 1 to 3, one attempt to leave may show.
        rules: What must not be shown, to whom; those of places come in addition.
    """

    reasons: tuple[Reason, ...] = STANDARD_REASONS
    offers: tuple[FlowOffer, ...] = ()
    hold_out_percent: int = 0
    at_most_one_gift_in_days: int | None = None
    offers_at_most: int = 1
    rules: tuple[FlowRule, ...] = ()

    def __post_init__(self) -> None:
        for name, kinds in (("reasons", Reason), ("offers", FlowOffer), ("rules", FlowRule)):
            given = getattr(self, name)
            if isinstance(given, str) or not isinstance(given, Collection):
                raise ConfigurationError(f"{name} is a list")
            # A list would make a definition that can be changed after it was checked.
            object.__setattr__(self, name, tuple(given))
            for number, each in enumerate(given):
                if not isinstance(each, kinds):
                    raise ConfigurationError(
                        f"{name}[{number}] is of type {type(each).__name__}, which is none of these"
                    )
        if len(self.reasons) > _MOST_REASONS or len(self.offers) > _MOST_OFFERS:
            raise ConfigurationError(
                f"a flow has at most {_MOST_REASONS} reasons and {_MOST_OFFERS} offers"
            )
        check_unique("reasons", [each.key for each in self.reasons])
        check_unique("offers", [each.key for each in self.offers])

        check_whole("hold_out_percent", self.hold_out_percent, least=0, most=100)
        if self.at_most_one_gift_in_days is not None:
            days = self.at_most_one_gift_in_days
            check_whole("at_most_one_gift_in_days", days, most=MOST_DAYS_BETWEEN_GIFTS)
        check_whole("offers_at_most", self.offers_at_most, most=_MOST_OFFERS_SHOWN)
        self._check_conditions()

    def _check_conditions(self) -> None:
        known = {each.key for each in self.reasons}
        for name, condition in self._conditions():
            if is_too_deep(condition):
                raise ConfigurationError(f"{name}: at most {DEEPEST} conditions within each other")
            for leaf in condition.leaves():
                unknown = set(leaf.keys) - known if isinstance(leaf, ReasonIs) else set()
                if unknown:
                    raise ConfigurationError(f"{name}: there is no reason {sorted(unknown)[0]!r}")

    def _conditions(self) -> Iterator[tuple[str, Condition]]:
        for number, offer in enumerate(self.offers):
            if offer.when is not None:
                yield f"offers[{number}].when", offer.when
        for number, rule in enumerate(self.rules):
            if rule.condition is not None:
                yield f"rules[{number}]", rule.condition

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the application's row that a condition asks for."""
        return frozenset(
            leaf.name
            for _, condition in self._conditions()
            for leaf in condition.leaves()
            if isinstance(leaf, ColumnIs)
        )

    @property
    def version(self) -> str:
        """The SHA-256 of the definition as canonical JSON: another one as soon as anything in it changes."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def canonical(self) -> str:
        """Return the definition as one text of JSON, the same for the same definition."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))

    def reason(self, key: str | None) -> Reason | None:
        """Return the reason of that key, None where there is none."""
        return next((each for each in self.reasons if each.key == key), None)

    def offer(self, key: str | None) -> FlowOffer | None:
        """Return the offer of that key, None where there is none."""
        return next((each for each in self.offers if each.key == key), None)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; ``from_json`` is its inverse."""
        return {
            "reasons": [_to_json(each) for each in self.reasons],
            "offers": [{"kind": kind_of(each)} | _to_json(each) for each in self.offers],
            "hold_out_percent": self.hold_out_percent,
            "at_most_one_gift_in_days": self.at_most_one_gift_in_days,
            "offers_at_most": self.offers_at_most,
            "rules": [rule_to_json(each) for each in self.rules],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FlowDefinition:
        """Read the JSON of ``to_json``; raises UnreadableLedgerError for what this release does not know."""
        refuse_unknown(data, cls.__slots__, "the definition of a flow")
        values = dict(data)
        try:
            values["reasons"] = tuple(_reason_from_json(each) for each in data["reasons"])
            values["offers"] = tuple(_offer_from_json(each) for each in data["offers"])
            values["rules"] = tuple(rule_from_json(each) for each in data["rules"])
            return cls(**values)
        except ConfigurationError as error:
            raise UnreadableLedgerError(
                "the ledger holds the definition of a flow that this release does not take"
            ) from error


# --- checks ---------------------------------------------------------------------------------------------


def _check_offer(offer: FlowOffer) -> str:
    keep_own_copies(offer)
    name = type(offer).__name__
    check_key(name, offer.key)
    if offer.when is not None and not isinstance(offer.when, Condition):
        raise ConfigurationError(f"{name}({offer.key!r}).when is a condition, such as in_trial()")
    return f"{name}({offer.key!r})"


# --- as JSON ----------------------------------------------------------------------------------------------


def _to_json(part: Reason | FlowOffer) -> dict[str, Any]:
    return {each.name: _plain(getattr(part, each.name)) for each in fields(part)}


def _plain(value: Any) -> Any:
    match value:
        case Condition():
            return condition_to_json(value)
        case Decimal():
            return {"decimal": f"{value.normalize():f}"}
        case Mapping():
            return dict(value)
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return value


def _reason_from_json(data: Mapping[str, Any]) -> Reason:
    refuse_unknown(data, Reason.__slots__, "a reason of a flow")
    return Reason(**data)


def _offer_from_json(data: Mapping[str, Any]) -> FlowOffer:
    values = dict(data)
    kind = values.pop("kind", None)
    if kind not in _OFFERS:
        raise UnreadableLedgerError(f"the ledger holds an offer of the unknown kind {kind!r}")
    made = _OFFERS[kind]
    refuse_unknown(values, [each.name for each in fields(made)], f"an offer of the kind {kind}")

    if values.get("when") is not None:
        values["when"] = condition_from_json(values["when"])
    for name in ("months", "changes"):
        if isinstance(values.get(name), list):
            values[name] = tuple(values[name])
    if isinstance(values.get("percent_off"), Mapping):
        values["percent_off"] = Decimal(values["percent_off"]["decimal"])
    found: FlowOffer = made(**values)
    return found
