"""Why a choice was not carried out, as its customer may hear it. Pure.

A code's own sentence is for the operator: it names Stripe, settings and limits. A customer hears one of five facts
about their own subscription, or none: then a person looks at it, which the letter says anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from aiocancel.core.claim import Topic
from aiocancel.core.codes import About, AnyCode, Code, ForeignCode
from aiocancel.core.sentences import Sentence


class ToldReason(StrEnum):
    """A group of codes that mean one thing to a customer."""

    PAYMENT_FAILED = "payment_failed"
    PAYMENT_IS_OPEN = "payment_is_open"
    HAS_ENDED = "has_ended"
    IS_ENDING = "is_ending"
    DOES_NOT_FIT = "does_not_fit"
    A_PERSON_LOOKS = "a_person_looks"


_R = ToldReason

BY_SUBJECT: Final[Mapping[About, ToldReason]] = {
    **dict.fromkeys(About, _R.A_PERSON_LOOKS),
    About.OFFER: _R.DOES_NOT_FIT,
}
"""The reason of every code that has none of its own in ``BY_CODE``."""

BY_CODE: Final[Mapping[Code, ToldReason]] = {
    Code.CARD_DECLINED: _R.PAYMENT_FAILED,
    Code.PAYMENT_DECLINED: _R.PAYMENT_FAILED,
    Code.PAYMENT_WAS_NOT_MADE: _R.PAYMENT_FAILED,
    Code.RESUMPTION_IS_NOT_PAID: _R.PAYMENT_FAILED,
    Code.FIRST_PAYMENT_IS_MISSING: _R.PAYMENT_IS_OPEN,
    Code.PAYMENT_IS_OVERDUE: _R.PAYMENT_IS_OPEN,
    Code.INVALID_CANCELED_SUBSCRIPTION_FIELDS: _R.HAS_ENDED,
    Code.SUBSCRIPTION_HAS_ENDED: _R.HAS_ENDED,
    Code.SUBSCRIPTION_IS_ENDING: _R.IS_ENDING,
    Code.SUBSCRIPTION_IS_PAUSED: _R.DOES_NOT_FIT,
    # The owner's mistakes, and what nobody knows: the subscription is as it should be.
    **dict.fromkeys(
        (
            Code.AMOUNT_DOES_NOT_FIT_THE_CURRENCY,
            Code.CUSTOMER_COUPONS_ARE_GONE,
            Code.CUSTOM_OFFER_IS_NOT_STRIPES,
            Code.NEXT_PAYMENT_IS_UNKNOWN,
            Code.NO_HANDLER_FOR_THIS_OFFER,
            Code.OFFER_IS_MISSING,
            Code.PAUSE_NEEDS_FLEXIBLE_BILLING,
            Code.PERCENTAGE_IS_OUT_OF_RANGE,
            Code.WITHDRAWN,
        ),
        _R.A_PERSON_LOOKS,
    ),
}
"""The codes that say something else than the rest of their subject."""

# To a customer who leaves no reason speaks of a payment or an offer.
_OF_A_CANCELLATION: Final = frozenset({_R.HAS_ENDED})


def told_reason(code: AnyCode | None, change: Topic) -> ToldReason:
    """Return what a customer hears of a code. Total: a word of another system is for a person.

    Args:
        code: Why the choice was refused or left to a person; None where nobody knows.
        change: What was chosen. A customer who cancels reads neither of a payment nor of an offer.
    """
    if code is None or isinstance(code, ForeignCode):
        return _R.A_PERSON_LOOKS

    reason = BY_CODE.get(code, BY_SUBJECT[code.about])
    is_heard = change is not Topic.CANCELLATION or reason in _OF_A_CANCELLATION
    return reason if is_heard else _R.A_PERSON_LOOKS


def of_a_declined_payment(code: AnyCode | None) -> AnyCode:
    """Return the code of an offer whose payment was refused, so that its customer is told.

    Args:
        code: One of Stripe's many words for it, None where it named none. One that is not ours stays with the attempt.
    """
    is_told = told_reason(code, Topic.OFFER) is _R.PAYMENT_FAILED
    return code if is_told and code is not None else Code.PAYMENT_DECLINED


def said_of_reason(reason: ToldReason) -> tuple[Sentence, ...]:
    """Return the sentence of a reason; none where the letter says anyway that a person looks at it."""
    return () if reason is _R.A_PERSON_LOOKS else (Sentence(f"letter_why_{reason}"),)
