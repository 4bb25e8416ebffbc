"""Letters of every kind, and the facts that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from aiocancel.core.acknowledgement import (
    LetterFacts,
    LetterKind,
    letter,
)
from aiocancel.core.changes import PausePayments
from aiocancel.core.claim import Topic
from aiocancel.core.codes import Code
from aiocancel.core.decision import Answer, AnswerKind
from aiocancel.core.declaration import ShownBlock
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.last_bill import LastBill
from aiocancel.core.offer_sentences import Given
from aiocancel.core.offers.terms import AcceptedOffer, CouponTerms, PauseTerms
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.core.sentences import Money, Sentence
from aiocancel.core.subscription import Subscription

NOW = datetime(2026, 12, 5, 15, 4, tzinfo=UTC)
ENDS = NOW + timedelta(days=21)
K, A, T = LetterKind, AnswerKind, Topic


def paused(until: datetime | None) -> Given:
    offer = AcceptedOffer("pause", PauseTerms("month", 2, at_period_end=False))
    return Given(SubscriptionId("sub_1"), offer, PausePayments("void", until, None))


COUPON = Given(
    SubscriptionId("sub_1"),
    AcceptedOffer("half", CouponTerms(Decimal(50), None, "forever")),
)
LONG_PAUSE, SHORT_PAUSE = paused(NOW + timedelta(days=60)), paused(NOW + timedelta(hours=5))
CANCELLED = Answer(A.SCHEDULED, T.CANCELLATION, ENDS)


def facts(answer: Answer, **changed: object) -> LetterFacts:
    values = {"reference": "C-1F3A-99B2", "received_at": NOW, "declared": "Cancel", "plan": "Pro"}
    return LetterFacts(answer, **{**values, **changed})  # type: ignore[arg-type]


def subscription(**changed: object) -> Subscription:
    nothing = dict.fromkeys(
        ("cancel_at", "canceled_at", "ended_at", "current_period_end", "schedule_id")
    )
    values = {"status": "active", "livemode": False, "cancel_at_period_end": False, **nothing}
    # Its fields have too many types for one dictionary; a wrong one fails the test that names it.
    return Subscription(SubscriptionId("sub_1"), **{**values, **changed})  # type: ignore[arg-type]


BLOCK = ShownBlock(
    "50% off every payment",
    ("Pro stays as it is. You can cancel at any time afterwards.", "Prices include tax."),
    (
        ("Today", "Nothing to pay"),
        ("Next payment", "€14.50 on December 26, 2026 (not €29.00)"),
        (
            "From then on",
            "€14.50 a month until February 26, 2027, €29.00 a month from March 26, 2027",
        ),
    ),
)
PAYMENT = Sentence("flow_next_on", {"amount": Money(2900, "eur"), "date": ENDS})
LEAVING = ShownSubscription(subscription(cancel_at_period_end=True, current_period_end=ENDS), ())
ENDED = ShownSubscription(subscription(status="canceled"), ())
ENDED_SOONER = ShownSubscription(
    subscription(status="canceled", ended_at=NOW - timedelta(days=9)), ()
)
STAYS = ShownSubscription(subscription(), ())
UNDER_A_SCHEDULE = ShownSubscription(subscription(schedule_id="sub_sched_1"), ())
AGREED_LATER = ShownSubscription(
    subscription(
        cancel_at=ENDS + timedelta(days=300), current_period_end=NOW, end_was_requested=True
    ),
    (),
)
AGREED = ShownSubscription(subscription(cancel_at=ENDS, current_period_end=NOW), ())
TOLD: Mapping[str, tuple[LetterKind, LetterFacts]] = {
    "received": (K.RECEIVED, facts(Answer(A.QUEUED, T.CANCELLATION))),
    "received_in_a_form": (
        K.RECEIVED,
        facts(Answer(A.QUEUED, T.CANCELLATION), declared=None, plan=None),
    ),
    "period_end": (K.CARRIED_OUT, facts(CANCELLED)),
    "last_payment_is_made": (K.CARRIED_OUT, facts(CANCELLED, last_bill=LastBill.NOTHING)),
    "invoice_may_come": (K.CARRIED_OUT, facts(CANCELLED, last_bill=LastBill.MAY_COME)),
    "payment_is_open": (K.CARRIED_OUT, facts(CANCELLED, last_bill=LastBill.IS_OPEN)),
    "period_end_seen": (K.CARRIED_OUT, facts(CANCELLED, shown=LEAVING)),
    "agreed_end": (K.CARRIED_OUT, facts(CANCELLED, shown=AGREED)),
    "cancelled_under_a_schedule": (K.CARRIED_OUT, facts(CANCELLED, shown=UNDER_A_SCHEDULE)),
    "cancelled_and_stays": (K.CARRIED_OUT, facts(CANCELLED, shown=STAYS)),
    "taken_back_and_leaves": (
        K.TAKEN_BACK,
        facts(Answer(A.DONE, T.RESUMPTION), shown=LEAVING, next_payment=PAYMENT),
    ),
    "no_date": (K.CARRIED_OUT, facts(Answer(A.SCHEDULED, T.CANCELLATION))),
    "at_once": (K.CARRIED_OUT, facts(Answer(A.DONE, T.CANCELLATION, NOW))),
    "at_once_no_date": (K.CARRIED_OUT, facts(Answer(A.DONE, T.CANCELLATION))),
    "ended": (K.HAS_ENDED, facts(CANCELLED)),
    "ended_sooner": (K.HAS_ENDED, facts(CANCELLED, shown=ENDED_SOONER)),
    "ended_undated": (K.HAS_ENDED, facts(CANCELLED, shown=ENDED)),
    "cancelled_and_ended": (K.CARRIED_OUT, facts(CANCELLED, shown=ENDED_SOONER)),
    "period_end_is_over": (K.CARRIED_OUT, facts(CANCELLED, shown=LEAVING, written_at=ENDS)),
    "period_end_is_over_unseen": (K.CARRIED_OUT, facts(CANCELLED, written_at=ENDS)),
    "coupon": (K.OFFER_CARRIED_OUT, facts(Answer(A.DONE, T.OFFER, given=COUPON))),
    "coupon_as_shown": (
        K.OFFER_CARRIED_OUT,
        facts(Answer(A.DONE, T.OFFER, given=COUPON), offers=(BLOCK,)),
    ),
    "promised": (K.OFFER_CARRIED_OUT, facts(Answer(A.SCHEDULED, T.OFFER, ENDS, given=COUPON))),
    "unknown_offer": (K.OFFER_CARRIED_OUT, facts(Answer(A.DONE, T.OFFER), declared=None)),
    "pause_ends": (K.PAUSE_ENDS_SOON, facts(Answer(A.DONE, T.OFFER, given=LONG_PAUSE))),
    "pause_ends_paid": (
        K.PAUSE_ENDS_SOON,
        facts(Answer(A.DONE, T.OFFER, given=LONG_PAUSE), next_payment=PAYMENT),
    ),
    "taken_back": (K.TAKEN_BACK, facts(Answer(A.DONE, T.RESUMPTION))),
    "taken_back_paid": (
        K.TAKEN_BACK,
        facts(Answer(A.DONE, T.RESUMPTION), next_payment=PAYMENT),
    ),
    "unpaused": (K.TAKEN_BACK, facts(Answer(A.DONE, T.UNPAUSING))),
    "manual_exit": (K.LEFT_TO_A_PERSON, facts(Answer(A.MANUAL, T.CANCELLATION))),
    "manual_offer": (K.LEFT_TO_A_PERSON, facts(Answer(A.MANUAL, T.OFFER))),
    "manual_undo": (K.LEFT_TO_A_PERSON, facts(Answer(A.MANUAL, T.RESUMPTION))),
    "manual_offer_unfit": (
        K.LEFT_TO_A_PERSON,
        facts(Answer(A.MANUAL, T.OFFER), problem=Code.PERIODS_ARE_MIXED),
    ),
    "manual_offer_open": (
        K.LEFT_TO_A_PERSON,
        facts(Answer(A.MANUAL, T.OFFER), problem=Code.PAYMENT_IS_OVERDUE),
    ),
    "manual_offer_leaving": (
        K.LEFT_TO_A_PERSON,
        facts(Answer(A.MANUAL, T.OFFER), problem=Code.SUBSCRIPTION_IS_ENDING),
    ),
    "manual_undo_unpaid": (
        K.LEFT_TO_A_PERSON,
        facts(Answer(A.MANUAL, T.UNPAUSING), problem=Code.CARD_DECLINED),
    ),
    "refused_exit": (K.NOT_CARRIED_OUT, facts(Answer(A.REFUSED, T.CANCELLATION))),
    "refused_undo": (K.NOT_CARRIED_OUT, facts(Answer(A.REFUSED, T.RESUMPTION))),
    "refused_offer": (K.NOT_CARRIED_OUT, facts(Answer(A.REFUSED, T.OFFER))),
    "refused_offer_unpaid": (
        K.NOT_CARRIED_OUT,
        facts(Answer(A.REFUSED, T.OFFER), problem=Code.PAYMENT_DECLINED),
    ),
    "refused_undo_ended": (
        K.NOT_CARRIED_OUT,
        facts(Answer(A.REFUSED, T.RESUMPTION), problem=Code.SUBSCRIPTION_HAS_ENDED),
    ),
    "coupon_and_leaving": (
        K.OFFER_CARRIED_OUT,
        facts(Answer(A.DONE, T.OFFER, given=COUPON), shown=LEAVING),
    ),
    "unknown_offer_and_ended": (
        K.OFFER_CARRIED_OUT,
        facts(Answer(A.DONE, T.OFFER), declared=None, shown=ENDED),
    ),
}
KINDS = {name: kind for name, (kind, _) in TOLD.items()}
FACTS = {name: known for name, (_, known) in TOLD.items()}
LETTERS = {name: letter(kind, known) for name, (kind, known) in TOLD.items()}
"""One letter of each sort; the tests of the mails write them in every language."""
