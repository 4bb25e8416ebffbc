"""Acknowledgements: which letter a customer gets next about one claim, and what it says. Pure.

The rules of ``next_letter``:

1. A customer who cancels has it in writing after a minute at the latest: carried out, if it is by then, else received.
2. What was not true when it was looked up is not written: a letter about a state is followed by one about the next.
   A customer who took a cancellation back before its letter, or cancelled before the letter of a choice to stay, reads
   of both.
3. An offer, and what is taken back, has one letter when it is carried out, or when a person has to look at it.
   An offer whose payment failed has one, too: the subscription goes on as it was, and is paid for.
4. A pause is written about three days before it ends, and a subscription when it has ended; Stripe is asked first.
5. Nothing is written about what a person has closed, what a later choice undid, and what turned out untrue.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from aiocancel.core.changes import PausePayments, PauseService
from aiocancel.core.claim import Topic
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.decision import Answer, AnswerKind
from aiocancel.core.declaration import ShownBlock
from aiocancel.core.last_bill import LastBill
from aiocancel.core.offer_sentences import said_of, said_of_promise
from aiocancel.core.offers.terms import PauseTerms
from aiocancel.core.page_facts import ShownSubscription, outlives
from aiocancel.core.sentences import Moment, Sentence, Value
from aiocancel.core.subscription import Subscription
from aiocancel.core.told_reason import ToldReason, said_of_reason, told_reason
from aiocancel.core.undo import UNDOS, Undo

# Within it "received" and "carried out" are one letter.
MERGE_WITHIN_S: Final = 60.0
# Stripe ends a subscription some time after its period is over.
_ENDS_AFTER: Final = timedelta(hours=1)
_WAITS_FOR_THE_END: Final = timedelta(days=3)
_BEFORE_PAUSE_ENDS: Final = timedelta(days=3)
# A pause that is shorter is its own reminder.
_LEAST_NOTICE: Final = timedelta(days=1)
_SHORTEST_LOOK_S: Final = 60.0
_LONGEST_LOOK_S: Final = 86_400.0
# A person had this long; whatever comes then, the person tells the customer.
_GIVES_UP_AFTER_S: Final = 90 * 86_400.0
_OPEN: Final = (AnswerKind.QUEUED, AnswerKind.NEEDS_PAYMENT_ACTION, AnswerKind.MANUAL)
# A letter about leaving repeats no offer.
_QUOTES_THE_OFFER: Final = frozenset({"offer_carried_out", "left_to_a_person"})
# A longer one would push the fact out of the subject; it has a row of its own.
_LONGEST_PLAN: Final = 24
_EXIT_LINK: Final = "letter_cancel_link"
# By what failed. A customer who failed to take something back may be leaving already, and gets no link.
_WAY_OUT: Final = {Topic.CANCELLATION: "letter_again_link", Topic.OFFER: _EXIT_LINK}
# "Thank you." is no subject.
_NO_HEADING: Final = frozenset({"offer", "offer_scheduled_at"})
_GOES_ON: Final = Sentence("not_cancelled")
_HAS_LEFT: Final = frozenset({ToldReason.HAS_ENDED, ToldReason.IS_ENDING})
_SUPERSEDED: Final = frozenset({Code.WITHDRAWN, Code.FLOW_SESSION_PAID_BEFORE})


class LetterKind(StrEnum):
    """What a letter tells."""

    RECEIVED = "received"
    CARRIED_OUT = "carried_out"
    HAS_ENDED = "has_ended"
    OFFER_CARRIED_OUT = "offer_carried_out"
    PAUSE_ENDS_SOON = "pause_ends_soon"
    TAKEN_BACK = "taken_back"
    LEFT_TO_A_PERSON = "left_to_a_person"
    NOT_CARRIED_OUT = "not_carried_out"
    PUBLIC_EXIT = "public_exit"


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is to be written yet; look again after ``wait_s`` seconds, or when the claim moves."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class ClaimToTell:
    """A claim as it stands, for the decision of the next letter.

    Args:
        answer: Where it stands.
        told: What was written about it so far.
        age_s: How many seconds ago it was recorded.
        problem: Why it was refused or left to a person.
        is_followed: Whether the customer cancelled once more since, and was written to about it.
    """

    answer: Answer
    told: Collection[LetterKind]
    age_s: float
    problem: AnyCode | None = None
    is_followed: bool = False


def next_letter(claim: ClaimToTell, now: datetime) -> LetterKind | Later | None:
    """Say what is written next; None where nothing will ever be. Total over every answer.

    Args:
        claim: As it stands.
        now: Aware.
    """
    answer, told = claim.answer, claim.told
    if claim.age_s > _GIVES_UP_AFTER_S and answer.kind in _OPEN:
        return None

    match answer.kind:
        case AnswerKind.QUEUED | AnswerKind.NEEDS_PAYMENT_ACTION:
            if answer.change is not Topic.CANCELLATION or told:
                return _patient(claim)
            left_s = MERGE_WITHIN_S - claim.age_s
            return LetterKind.RECEIVED if left_s <= 0 else Later(left_s)
        case AnswerKind.MANUAL:
            if LetterKind.LEFT_TO_A_PERSON not in told:
                return LetterKind.LEFT_TO_A_PERSON
            return _patient(claim)
        case AnswerKind.REFUSED:
            return _refused(claim)
        case AnswerKind.CLOSED:
            return None
        case _:
            return _carried_out(claim, now)


def _patient(claim: ClaimToTell) -> Later:
    # Whatever moves the claim looks at once; this is for a wake-up that was lost.
    return Later(min(_LONGEST_LOOK_S, max(_SHORTEST_LOOK_S, claim.age_s / 2)))


def _refused(claim: ClaimToTell) -> LetterKind | None:
    if claim.problem in _SUPERSEDED or LetterKind.NOT_CARRIED_OUT in claim.told:
        return None
    if claim.answer.change is not Topic.OFFER or LetterKind.LEFT_TO_A_PERSON in claim.told:
        return LetterKind.NOT_CARRIED_OUT

    # Any other offer that is refused was never accepted, or the customer has left since.
    reason = told_reason(claim.problem, Topic.OFFER)
    return LetterKind.NOT_CARRIED_OUT if reason is ToldReason.PAYMENT_FAILED else None


def _carried_out(claim: ClaimToTell, now: datetime) -> LetterKind | Later | None:
    answer, told = claim.answer, claim.told

    match answer.change:
        case Topic.CANCELLATION:
            # One that comes after the end tells the end.
            if not {LetterKind.CARRIED_OUT, LetterKind.HAS_ENDED}.intersection(told):
                return LetterKind.CARRIED_OUT

            # The later cancellation tells of the end.
            tells_of_it = answer.kind is AnswerKind.SCHEDULED and not claim.is_followed
            ends_at = answer.effective_at if tells_of_it else None
            at = None if ends_at is None else ends_at + _ENDS_AFTER
            return _timed(LetterKind.HAS_ENDED, at, told, now)
        case Topic.OFFER:
            if LetterKind.OFFER_CARRIED_OUT not in told:
                return LetterKind.OFFER_CARRIED_OUT

            if (begins_at := pause_begins(answer)) is not None:
                return _until_it_begins(begins_at, now)

            until = pause_until(answer)
            at = (
                None if until is None or until - now < _LEAST_NOTICE else until - _BEFORE_PAUSE_ENDS
            )
            return _timed(LetterKind.PAUSE_ENDS_SOON, at, told, now)
        case Topic.NOTHING:
            return None
        case _:
            return None if LetterKind.TAKEN_BACK in told else LetterKind.TAKEN_BACK


def _timed(
    kind: LetterKind, at: datetime | None, told: Collection[LetterKind], now: datetime
) -> LetterKind | Later | None:
    if at is None or kind in told:
        return None
    return kind if at <= now else Later((at - now).total_seconds())


def pause_begins(answer: Answer) -> datetime | None:
    """Return when a pause with an end begins that was promised and is not made yet; None for every other answer."""
    return None if _promised_pause(answer) is None else answer.effective_at


def _promised_pause(answer: Answer) -> PauseTerms | None:
    given = answer.given
    if answer.kind is not AnswerKind.SCHEDULED or answer.effective_at is None or given is None:
        return None
    terms = given.offer.terms
    if not isinstance(terms, PauseTerms) or terms.interval == "indefinitely":
        return None
    return terms if given.change is None else None


def _until_it_begins(begins_at: datetime, now: datetime) -> Later | None:
    """Wait for the pause, as its end is known no sooner; whatever makes it looks at once."""
    if now - begins_at > _WAITS_FOR_THE_END:
        return None
    at = max(begins_at, now) + _ENDS_AFTER
    return Later((at - now).total_seconds())


def pause_until(answer: Answer) -> datetime | None:
    """Return when the pause ends that an offer made, None where there is none or nobody knows."""
    change = None if answer.given is None else answer.given.change
    return change.resumes_at if isinstance(change, PausePayments | PauseService) else None


def announced(answer: Answer, shown: ShownSubscription | None, now: datetime) -> Sentence | None:
    """Say which letter a customer may wait for; None where none follows for certain.

    Args:
        answer: Where the claim stands.
        shown: The subscription as Stripe has it, None where nobody asked, or Stripe did not answer in time.
        now: Aware.
    """
    if answer.kind is AnswerKind.QUEUED and answer.change is not Topic.NOTHING:
        return Sentence("letter_comes_when_done")

    before_pause_ends = Sentence("letter_comes_before_pause_ends")
    if (pause := _promised_pause(answer)) is not None:
        stays = shown is None or not (shown.subscription.is_ending or shown.subscription.has_ended)
        return before_pause_ends if stays and _lasts(pause) else None

    until = pause_until(answer)
    if answer.kind is not AnswerKind.DONE or until is None or until - now <= _BEFORE_PAUSE_ENDS:
        return None
    soon = LetterKind.PAUSE_ENDS_SOON
    is_there = shown is None or still_true(soon, answer, shown.subscription, now) is True
    return before_pause_ends if is_there else None


def _lasts(pause: PauseTerms) -> bool:
    """Tell whether a promised pause lasts for longer than its letter comes before its end."""
    return pause.interval != "day" or timedelta(days=pause.count) > _BEFORE_PAUSE_ENDS


def still_true(
    kind: LetterKind, answer: Answer, subscription: Subscription | None, now: datetime
) -> bool | Later:
    """Tell whether a letter that was due on a date is true now.

    Args:
        kind: The letter.
        answer: The claim's.
        subscription: As just read at Stripe; None where it is not there.
        now: Aware.
    """
    if kind is LetterKind.HAS_ENDED:
        if subscription is None or subscription.has_ended:
            return True
        due = answer.effective_at
        is_late = due is None or now - due > _WAITS_FOR_THE_END
        # No letter goes to a customer who stays, or about an end that was moved.
        stays = not subscription.is_ending or subscription.ends_at != due
        return False if stays or is_late else Later(_ENDS_AFTER.total_seconds())

    if kind is LetterKind.PAUSE_ENDS_SOON:
        if subscription is None or subscription.has_ended or subscription.is_ending:
            return False
        is_paused = subscription.paused is not None or subscription.status == "paused"
        until = None if subscription.paused is None else subscription.paused.resumes_at
        return is_paused and until in (None, pause_until(answer))

    return True


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """Everything that a letter may say.

    Args:
        answer: Where the claim stands.
        reference: What a customer names it by, such as ``C-4F7K-29QT``.
        received_at: When the declaration came; aware.
        declared: The words on the control that was pressed, in the customer's language; None where a form of the
            flow vendor's was used.
        plan: The plan's name, None where it is not known.
        shown: The subscription as Stripe has it, None where Stripe did not answer in time.
        offers: The offers that the customer was shown, word for word; of an accepted one, that one alone.
        last_bill: What Stripe says of a payment after the cancellation, None where nobody knows.
        next_payment: The amount and the day of the next payment, None where they are not certain.
        problem: Why the choice was refused or left to a person, None where it was neither.
        written_at: When it is written; aware. None where every date counts as one to come.
    """

    answer: Answer
    reference: str
    received_at: datetime
    declared: str | None = None
    plan: str | None = None
    shown: ShownSubscription | None = field(default=None, repr=False)
    offers: tuple[ShownBlock, ...] = field(default=(), repr=False)
    last_bill: LastBill | None = None
    next_payment: Sentence | None = field(default=None, repr=False)
    problem: AnyCode | None = None
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter in no language: its subject, the next fact, its lines, its table, and what the reader may do.

    ``keep_until`` is the last day on which a cancellation can be taken back. ``exit_link`` is the key of the words
    before the link to the exit, None where there is nothing to cancel. ``offers`` is what the customer was shown
    before accepting it.
    """

    kind: LetterKind
    subject: Sentence
    next_fact: Sentence
    lines: tuple[Sentence, ...]
    rows: tuple[tuple[str, Value | Sentence], ...]
    keep_until: datetime | None = None
    exit_link: str | None = None
    offers: tuple[ShownBlock, ...] = field(default=(), repr=False)


def reference_of(claim_id: str) -> str:
    """Return a short name of a claim that can be read out: the start of its id."""
    text = claim_id[:8].upper()
    return f"C-{text[:4]}-{text[4:]}"


def letter(kind: LetterKind, facts: LetterFacts) -> Letter:
    """Say what a letter tells. Total over every kind; that of the public exit is written word for word elsewhere.

    A cancellation that was carried out, and has ended by now, is told by the letter of the end.
    """
    answer = facts.answer.as_shown(facts.shown)
    if kind is LetterKind.CARRIED_OUT and answer is not facts.answer:
        kind = LetterKind.HAS_ENDED
    facts = replace(facts, answer=answer)

    received = Sentence(
        "letter_received_text",
        {"moment": Moment(facts.received_at), "declared": _declared(facts)},
    )

    match kind:
        case LetterKind.RECEIVED | LetterKind.PUBLIC_EXIT:
            subject = _named("letter_received", facts)
            following = Sentence("letter_next", {"moment": Moment(facts.received_at)})
            return _made(kind, facts, subject, following, received, Sentence("letter_again"))
        case LetterKind.LEFT_TO_A_PERSON:
            return _left_to_a_person(facts, received)
        case LetterKind.NOT_CARRIED_OUT:
            return _not_carried_out(facts)
        case LetterKind.CARRIED_OUT:
            return _cancelled(facts)
        case LetterKind.HAS_ENDED:
            return _has_ended(kind, facts)
        case LetterKind.TAKEN_BACK:
            done = next(_undone(undo) for undo in UNDOS if undo.change is answer.change)
            standing = _standing(facts)
            if standing != _GOES_ON:
                return _made(kind, facts, Sentence("letter_choice"), standing, done, standing)
            subject = _named("letter_goes_on", facts)
            return _made(kind, facts, subject, done, done, *_said_of_the_next_payment(facts))
        case LetterKind.PAUSE_ENDS_SOON:
            at = pause_until(answer) or facts.received_at
            starts = Sentence("letter_starts_again", {"date": at})
            goes_on, stays = _named("letter_goes_on", facts), Sentence("not_cancelled")
            # The amount is the next fact, where it is known.
            paid = _said_of_the_next_payment(facts)
            next_fact = paid[0] if paid else goes_on
            return _made(kind, facts, starts, next_fact, *paid, stays, exit_link=_EXIT_LINK)
        case _:
            # The offer is carried out.
            said, standing = _said(facts), _standing(facts)
            link = _EXIT_LINK if standing == _GOES_ON else None
            if said.key in _NO_HEADING:
                choice = Sentence("letter_choice")
                return _made(kind, facts, choice, standing, said, standing, exit_link=link)
            return _made(kind, facts, said, standing, standing, exit_link=link)


def _left_to_a_person(facts: LetterFacts, received: Sentence) -> Letter:
    answer, kind = facts.answer, LetterKind.LEFT_TO_A_PERSON
    person = Sentence("letter_person")
    why = said_of_reason(told_reason(facts.problem, answer.change))

    if answer.change is Topic.CANCELLATION:
        subject = _named("letter_received", facts)
        return _made(kind, facts, subject, person, received, person, *why)
    choice = Sentence("letter_choice")
    if answer.change is not Topic.OFFER:
        said = Sentence("letter_person", plain="manual")
        return _made(kind, facts, choice, person, said, *why)

    said, standing = Sentence("outcome_manual_offer", plain="manual_offer"), _standing(facts)
    link = _EXIT_LINK if standing == _GOES_ON else None
    # The reason already says how things stand where the customer has left.
    reasons = [each for each in why if each != standing]
    return _made(kind, facts, choice, standing, said, *reasons, standing, exit_link=link)


def _not_carried_out(facts: LetterFacts) -> Letter:
    answer, kind = facts.answer, LetterKind.NOT_CARRIED_OUT
    why = said_of_reason(told_reason(facts.problem, answer.change))

    is_exit = answer.change is Topic.CANCELLATION
    subject = _named("letter_not_done", facts) if is_exit else Sentence("letter_choice_not_done")
    lines = (*(why or (Sentence("refused"),)), Sentence("letter_answer_us"))
    # Where nothing is left to cancel there is no way out.
    link = _WAY_OUT.get(answer.change) if _standing(facts) == _GOES_ON else None
    return _made(kind, facts, subject, Sentence("letter_what_now"), *lines, exit_link=link)


def _standing(facts: LetterFacts) -> Sentence:
    """Say that nothing is cancelled, unless the code or Stripe says otherwise by now."""
    reason = told_reason(facts.problem, facts.answer.change)
    if facts.shown is not None and facts.shown.subscription.has_ended:
        reason = ToldReason.HAS_ENDED
    elif facts.shown is not None and facts.shown.subscription.is_ending:
        reason = ToldReason.IS_ENDING
    return next(iter(said_of_reason(reason))) if reason in _HAS_LEFT else _GOES_ON


def _undone(undo: Undo) -> Sentence:
    # That it goes on is the subject.
    is_said = undo.change is Topic.RESUMPTION
    return Sentence("outcome_resumed", plain=undo.done) if is_said else Sentence(undo.done)


def _cancelled(facts: LetterFacts) -> Letter:
    answer, kind = facts.answer, LetterKind.CARRIED_OUT
    at = _end_to_come(facts)

    if _was_taken_back(facts):
        subject, done = (
            _named("letter_goes_on", facts),
            Sentence("outcome_resumed", plain="resumed"),
        )
        return _made(kind, facts, subject, done, done, exit_link=_EXIT_LINK)
    if at is not None:
        until_then = Sentence("letter_until_then")
        subject = _named("letter_ends", facts, date=at)
        lines = (until_then, *_said_of_the_last_bill(facts))
        # An end that was agreed on is nothing that a customer can take back.
        may_stay = facts.shown is None or facts.shown.subscription.is_ending
        return _made(kind, facts, subject, until_then, *lines, keep_until=at if may_stay else None)
    if answer.kind is AnswerKind.SCHEDULED:
        scheduled = Sentence("scheduled")
        return _made(kind, facts, _named("letter_cancelled", facts), scheduled, scheduled)
    return _has_ended(kind, facts)


def _has_ended(kind: LetterKind, facts: LetterFacts) -> Letter:
    at = facts.answer.effective_at
    ended = Sentence("canceled") if at is None else Sentence("letter_ended_on", {"date": at})
    lines = (ended, *_said_of_the_last_bill(facts))
    return _made(kind, facts, _named("letter_has_ended", facts), ended, *lines)


def _end_to_come(facts: LetterFacts) -> datetime | None:
    """Return when a cancelled subscription ends; None where no date is known, or Stripe is late with the end."""
    at = facts.answer.effective_at if facts.answer.kind is AnswerKind.SCHEDULED else None
    is_past = at is not None and facts.written_at is not None and at <= facts.written_at
    return None if is_past else at


def _was_taken_back(facts: LetterFacts) -> bool:
    answer, shown = facts.answer, facts.shown
    if answer.kind is not AnswerKind.SCHEDULED or shown is None:
        return False
    # No page reads a schedule, and one may end it.
    return shown.subscription.schedule_id is None and outlives(shown, answer.effective_at)


def _said_of_the_last_bill(facts: LetterFacts) -> tuple[Sentence, ...]:
    match facts.last_bill:
        case None:
            return ()
        case LastBill.IS_OPEN:
            return (Sentence("confirm_past_due"),)
        case found:
            return (Sentence(f"letter_bill_{found}"),)


def _said_of_the_next_payment(facts: LetterFacts) -> tuple[Sentence, ...]:
    if facts.next_payment is None:
        return ()
    return (Sentence("letter_next_payment", {"payment": facts.next_payment}),)


def _made(
    kind: LetterKind,
    facts: LetterFacts,
    subject: Sentence,
    next_fact: Sentence,
    *lines: Sentence,
    keep_until: datetime | None = None,
    exit_link: str | None = None,
) -> Letter:
    quoted = facts.answer.change is Topic.OFFER and kind in _QUOTES_THE_OFFER
    offers = facts.offers if quoted else ()
    return Letter(
        kind, subject, next_fact, lines, _rows(kind, facts), keep_until, exit_link, offers
    )


def _rows(kind: LetterKind, facts: LetterFacts) -> tuple[tuple[str, Value | Sentence], ...]:
    rows: list[tuple[str, Value | Sentence]] = []
    answer = facts.answer

    if answer.change is Topic.CANCELLATION:
        rows.append(("letter_row_declared", _declared(facts)))
    elif facts.declared is not None:
        rows.append(("letter_row_chosen", _declared(facts)))
    if facts.plan is not None:
        rows.append(("about_plan", facts.plan))
    rows.append(("letter_row_received", Moment(facts.received_at)))
    is_end = answer.change is Topic.CANCELLATION and kind is LetterKind.CARRIED_OUT
    is_over = answer.kind is AnswerKind.DONE
    end = answer.effective_at if is_over else _end_to_come(facts)
    if is_end and end is not None and not _was_taken_back(facts):
        rows.append(("letter_row_ended" if is_over else "letter_row_ends", end))
    rows.append(("letter_row_reference", facts.reference))
    return tuple(rows)


def _declared(facts: LetterFacts) -> Value | Sentence:
    if facts.declared is None:
        return Sentence("letter_declared_in_form")
    return Sentence("letter_declared_words", {"words": facts.declared})


def _named(key: str, facts: LetterFacts, **values: Value) -> Sentence:
    """Return the sentence with the plan's name in it, or the one without where it is not known, or long."""
    if facts.plan is None or len(facts.plan) > _LONGEST_PLAN:
        return Sentence(f"{key}_plain", values)
    return Sentence(key, {"plan": facts.plan, **values})


def _said(facts: LetterFacts) -> Sentence:
    answer = facts.answer
    if answer.given is None:
        return Sentence("offer")
    if answer.kind is AnswerKind.SCHEDULED and answer.effective_at is not None:
        return said_of_promise(answer.given, answer.effective_at)
    return said_of(answer.given, facts.shown)


def kinds_of(words: Sequence[str]) -> frozenset[LetterKind]:
    """Return the letters of the words in the ledger; a word of a newer release is left out."""
    return frozenset(LetterKind(word) for word in words if word in set(LetterKind))
