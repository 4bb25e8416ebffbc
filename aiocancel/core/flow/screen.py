"""Everything that a page of the flow shows, as data without words or markup. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from aiocancel.core.flow.answers import NO_ANSWERS, Answers
from aiocancel.core.flow.definition import FlowOffer, Reason
from aiocancel.core.flow.price_effect import PriceEffect
from aiocancel.core.flow.steps import FlowStep, SessionState
from aiocancel.core.sentences import Money, Sentence


class Situation(StrEnum):
    """What the line of facts under the heading says."""

    PERIOD_END = "period_end"
    ENDS_AT_ONCE = "ends_at_once"
    DATE_IS_UNKNOWN = "date_is_unknown"
    TRIAL = "trial"
    PAST_DUE = "past_due"
    PAUSED = "paused"
    SET_END = "set_end"
    ALREADY_ENDING = "already_ending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """What a screen says of the subscription.

    Args:
        situation: Which line of facts it is.
        ends_at: When it ends, would end, or has ended; None where nobody knows.
        plan: The plan by its name, None where Stripe tells none.
        price: What it costs, as ``core.page_facts`` says it.
        items: The names of all items where there are several.
        paused_until: Until when it is paused, None where it is not, or for good.
        still_open: Which payment a cancellation does not clear, None where none is open.
        is_paused: Whether the pause could be ended instead.
        is_ending: Whether it ends already, at ``ends_at``, and the exit would only end it sooner.
    """

    situation: Situation
    ends_at: datetime | None = None
    plan: str | None = None
    price: Sentence | None = None
    items: tuple[str, ...] = ()
    paused_until: datetime | None = None
    still_open: Sentence | None = None
    is_paused: bool = False
    is_ending: bool = False


@dataclass(frozen=True, slots=True)
class PauseChoice:
    """A length that the customer may choose, and the next payment after it where that is known."""

    months: int
    next_payment: datetime | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class OfferOnScreen:
    """The offer that is shown.

    Args:
        offer: As the definition has it: its kind, its terms and its words.
        price: Its price; None where there is none to show.
        choices: The lengths of a pause; empty for every other kind.
        plan: The name of the other plan, of an offer of one.
        plan_price: What the other plan costs.
        off: What a coupon takes off in the currency of the subscription, None for a percentage.
        another_follows: Whether "show me something else" leads to another offer.
    """

    offer: FlowOffer
    price: PriceEffect | None = None
    choices: tuple[PauseChoice, ...] = ()
    plan: str | None = None
    plan_price: Sentence | None = None
    off: Money | None = None
    another_follows: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """One page of the flow.

    Args:
        session_id: The session that it belongs to; None where none could be kept, and then the exit is all there is.
        step: Which screen it is.
        state: How the session stands.
        facts: The subscription.
        reasons: The reasons in the order of this session.
        answers: What the customer has said, to be kept in the fields.
        offer: The offer, on the screen of one.
        language: The language that the session began in.
        claim_id: The claim that the session has led to, by its public id; its page says what became of it.
        may_ask: Whether the question for the reason may stand before the exit.
        after: Whether the session follows a declaration to leave. Then it has no page of its own: ``claim_id`` is that
            of the cancellation, whose outcome asks the question and shows the offer.
    """

    session_id: str | None
    step: FlowStep
    state: SessionState
    facts: SubscriptionFacts
    reasons: tuple[Reason, ...] = ()
    answers: Answers = field(default=NO_ANSWERS, repr=False)
    offer: OfferOnScreen | None = None
    language: str | None = None
    claim_id: str | None = None
    may_ask: bool = False
    after: bool = False
