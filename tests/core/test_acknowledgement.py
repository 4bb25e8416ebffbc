"""Which letter is next, and when a letter that was due on a date is still true."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from aiocancel.core.acknowledgement import (
    ClaimToTell,
    Later,
    Letter,
    LetterKind,
    announced,
    kinds_of,
    letter,
    next_letter,
    pause_until,
    reference_of,
    still_true,
)
from aiocancel.core.claim import Topic
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.decision import Answer, AnswerKind
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offer_sentences import Given
from aiocancel.core.offers.terms import AcceptedOffer, PauseTerms
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.core.sentences import Sentence
from aiocancel.core.subscription import CollectionPause, Subscription
from aiocancel.core.told_reason import ToldReason
from tests.support.every_letter import (
    AGREED_LATER,
    BLOCK,
    CANCELLED,
    COUPON,
    ENDS,
    LETTERS,
    LONG_PAUSE,
    NOW,
    PAYMENT,
    SHORT_PAUSE,
    A,
    K,
    T,
    facts,
    paused,
    subscription,
)


def claim(
    kind: AnswerKind,
    change: Topic = T.CANCELLATION,
    *,
    told: Collection[LetterKind] = (),
    age_s: float = 5.0,
    at: datetime | None = None,
    problem: AnyCode | None = None,
    given: Given | None = None,
) -> ClaimToTell:
    return ClaimToTell(Answer(kind, change, at, given=given), tuple(told), age_s, problem)


def promised(months: int = 2, interval: str = "month") -> Given:
    terms = PauseTerms(interval, months, at_period_end=True)  # type: ignore[arg-type]
    return Given(SubscriptionId("sub_1"), AcceptedOffer("pause", terms))


def begins(at: datetime, given: Given | None = None) -> ClaimToTell:
    """A pause that was promised and confirmed in writing."""
    told = [K.OFFER_CARRIED_OUT]
    return claim(A.SCHEDULED, T.OFFER, told=told, at=at, given=given or promised())


DAY = 86_400.0


@pytest.mark.parametrize(
    ("told_of", "following"),
    [
        # A cancellation: one letter where it is settled within a minute, else two.
        (claim(A.QUEUED), Later(55.0)),
        (claim(A.QUEUED, age_s=60), K.RECEIVED),
        (claim(A.QUEUED, age_s=600, told=[K.RECEIVED]), Later(300.0)),
        (claim(A.QUEUED, age_s=61, told=[K.RECEIVED]), Later(60.0)),
        (claim(A.QUEUED, age_s=80 * DAY, told=[K.RECEIVED]), Later(DAY)),
        (claim(A.QUEUED, age_s=91 * DAY, told=[K.RECEIVED]), None),
        (claim(A.SCHEDULED, at=ENDS), K.CARRIED_OUT),
        (claim(A.SCHEDULED, at=ENDS, told=[K.RECEIVED]), K.CARRIED_OUT),
        (claim(A.SCHEDULED, at=ENDS, told=[K.CARRIED_OUT]), Later(21 * DAY + 3600)),
        (claim(A.SCHEDULED, at=NOW - timedelta(hours=1), told=[K.CARRIED_OUT]), K.HAS_ENDED),
        (claim(A.SCHEDULED, at=NOW, told=[K.CARRIED_OUT, K.HAS_ENDED]), None),
        (claim(A.SCHEDULED, told=[K.CARRIED_OUT]), None),
        (claim(A.DONE, at=NOW), K.CARRIED_OUT),
        (claim(A.DONE, at=NOW, told=[K.CARRIED_OUT]), None),
        # A person.
        (claim(A.MANUAL), K.LEFT_TO_A_PERSON),
        (claim(A.MANUAL, told=[K.RECEIVED], age_s=600), K.LEFT_TO_A_PERSON),
        (claim(A.MANUAL, told=[K.LEFT_TO_A_PERSON], age_s=600), Later(300.0)),
        (claim(A.MANUAL, told=[K.LEFT_TO_A_PERSON], age_s=91 * DAY), None),
        (claim(A.SCHEDULED, at=ENDS, told=[K.LEFT_TO_A_PERSON]), K.CARRIED_OUT),
        (claim(A.CLOSED, told=[K.LEFT_TO_A_PERSON]), None),
        # What could not be done, and what a later choice undid.
        (claim(A.REFUSED, problem=Code.SUBSCRIPTION_HAS_ENDED), K.NOT_CARRIED_OUT),
        (claim(A.REFUSED, told=[K.NOT_CARRIED_OUT]), None),
        (claim(A.REFUSED, problem=Code.WITHDRAWN), None),
        (claim(A.REFUSED, T.OFFER, problem=Code.WITHDRAWN, told=[K.LEFT_TO_A_PERSON]), None),
        (claim(A.REFUSED, T.OFFER), None),
        (claim(A.REFUSED, T.OFFER, told=[K.LEFT_TO_A_PERSON]), K.NOT_CARRIED_OUT),
        # An accepted offer whose payment failed was no untrue claim.
        (claim(A.REFUSED, T.OFFER, problem=Code.PAYMENT_DECLINED), K.NOT_CARRIED_OUT),
        (claim(A.REFUSED, T.OFFER, problem=Code.PAYMENT_WAS_NOT_MADE), K.NOT_CARRIED_OUT),
        (claim(A.REFUSED, T.OFFER, problem=Code.SUBSCRIPTION_IS_ENDING), None),
        (claim(A.REFUSED, T.OFFER, problem=Code.FLOW_SESSION_SAYS_INCOMPLETE), None),
        # Offers have one letter, and a pause another before it ends.
        (claim(A.QUEUED, T.OFFER, age_s=600), Later(300.0)),
        (claim(A.NEEDS_PAYMENT_ACTION, T.OFFER, age_s=600), Later(300.0)),
        (claim(A.DONE, T.OFFER), K.OFFER_CARRIED_OUT),
        (claim(A.SCHEDULED, T.OFFER, at=ENDS), K.OFFER_CARRIED_OUT),
        (claim(A.DONE, T.OFFER, told=[K.OFFER_CARRIED_OUT]), None),
        (claim(A.DONE, T.OFFER, told=[K.OFFER_CARRIED_OUT], given=LONG_PAUSE), Later(57 * DAY)),
        (claim(A.DONE, T.OFFER, told=[K.OFFER_CARRIED_OUT], given=SHORT_PAUSE), None),
        (
            claim(A.DONE, T.OFFER, told=[K.OFFER_CARRIED_OUT], given=paused(NOW + timedelta(2))),
            K.PAUSE_ENDS_SOON,
        ),
        # The end of one that is promised is known when it begins.
        (begins(ENDS), Later(21 * DAY + 3600)),
        (begins(NOW - timedelta(days=1)), Later(3600)),
        (begins(NOW - timedelta(days=4)), None),
        (begins(ENDS, promised(interval="indefinitely")), None),
        (begins(ENDS, COUPON), None),
        (claim(A.DONE, T.RESUMPTION), K.TAKEN_BACK),
        (claim(A.DONE, T.UNPAUSING, told=[K.TAKEN_BACK]), None),
        (claim(A.DONE, T.NOTHING), None),
    ],
    ids=str,
)
def test_next_letter(told_of: ClaimToTell, following: LetterKind | Later | None) -> None:
    assert next_letter(told_of, NOW) == following


def test_a_cancellation_that_was_followed_by_another_leaves_the_end_to_the_others_letter() -> None:
    told = claim(A.SCHEDULED, at=ENDS, told=[K.CARRIED_OUT])
    followed = replace(told, is_followed=True)

    assert next_letter(told, ENDS + timedelta(hours=1)) is K.HAS_ENDED
    assert next_letter(followed, ENDS + timedelta(hours=1)) is None
    # That it was carried out is told all the same.
    assert next_letter(replace(followed, told=()), NOW) is K.CARRIED_OUT


def test_A6_whoever_cancels_has_it_in_writing_after_a_minute_whatever_became_of_it() -> None:
    for kind in set(AnswerKind) - {A.CLOSED}:
        assert isinstance(next_letter(claim(kind, age_s=60.0, at=ENDS), NOW), LetterKind), kind


@pytest.mark.parametrize("kind", AnswerKind)
@pytest.mark.parametrize("change", Topic)
def test_letters_of_every_claim_come_to_an_end(kind: AnswerKind, change: Topic) -> None:
    told: set[LetterKind] = set()
    now, at = NOW, ENDS
    for _ in range(400):
        age_s = (now - NOW).total_seconds()
        step = next_letter(claim(kind, change, told=told, age_s=age_s, at=at), now)
        if step is None:
            break
        if isinstance(step, Later):
            now += timedelta(seconds=step.wait_s)
            assert step.wait_s > 0
        else:
            assert step not in told, "a letter of one kind is written once"
            told.add(step)

    assert step is None
    assert len(told) <= 3


def test_end_is_written_about_only_where_stripe_shows_it() -> None:
    answer = Answer(A.SCHEDULED, T.CANCELLATION, NOW)
    ending = subscription(cancel_at_period_end=True, current_period_end=NOW)
    moved = subscription(cancel_at_period_end=True, current_period_end=ENDS)

    assert still_true(K.HAS_ENDED, answer, subscription(status="canceled"), NOW) is True
    assert still_true(K.HAS_ENDED, answer, None, NOW) is True
    assert still_true(K.HAS_ENDED, answer, subscription(), NOW) is False
    assert still_true(K.HAS_ENDED, answer, moved, NOW) is False
    assert still_true(K.HAS_ENDED, answer, ending, NOW) == Later(3600.0)
    assert still_true(K.HAS_ENDED, answer, ending, NOW + timedelta(days=4)) is False
    assert still_true(K.RECEIVED, answer, None, NOW) is True


def test_end_of_a_pause_is_written_about_only_while_it_lasts() -> None:
    until = NOW + timedelta(days=60)
    answer = Answer(A.DONE, T.OFFER, given=paused(until))
    soon = K.PAUSE_ENDS_SOON

    pausing = subscription(paused=CollectionPause("void", until))
    other_end = subscription(paused=CollectionPause("void", until + timedelta(days=9)))

    assert still_true(soon, answer, pausing, NOW) is True
    assert still_true(soon, answer, subscription(status="paused"), NOW) is True
    assert still_true(soon, answer, other_end, NOW) is False
    assert still_true(soon, answer, subscription(), NOW) is False
    assert still_true(soon, answer, None, NOW) is False
    assert still_true(soon, answer, subscription(status="canceled"), NOW) is False
    assert pause_until(Answer(A.DONE, T.OFFER)) is None


UNTIL = NOW + timedelta(days=60)
DONE_PAUSE = Answer(A.DONE, T.OFFER, given=LONG_PAUSE)
PROMISED_PAUSE = Answer(A.SCHEDULED, T.OFFER, ENDS, given=promised())
PAUSING = subscription(paused=CollectionPause("void", UNTIL))
LEAVING = subscription(cancel_at_period_end=True, current_period_end=ENDS)
WHEN_DONE, BEFORE = "letter_comes_when_done", "letter_comes_before_pause_ends"


@pytest.mark.parametrize(
    ("answer", "stripe", "said"),
    [
        (Answer(A.QUEUED, T.CANCELLATION), None, WHEN_DONE),
        (Answer(A.QUEUED, T.OFFER), None, WHEN_DONE),
        (Answer(A.QUEUED, T.RESUMPTION), None, WHEN_DONE),
        (Answer(A.QUEUED, T.NOTHING), None, None),
        (CANCELLED, None, None),
        (Answer(A.MANUAL, T.CANCELLATION), None, None),
        (Answer(A.NEEDS_PAYMENT_ACTION, T.OFFER), None, None),
        (DONE_PAUSE, None, BEFORE),
        (DONE_PAUSE, PAUSING, BEFORE),
        # It was taken back since, or its customer leaves.
        (DONE_PAUSE, subscription(), None),
        (DONE_PAUSE, LEAVING, None),
        (replace(DONE_PAUSE, given=paused(None)), None, None),
        (replace(DONE_PAUSE, given=paused(NOW + timedelta(days=3))), None, None),
        (PROMISED_PAUSE, None, BEFORE),
        (PROMISED_PAUSE, subscription(), BEFORE),
        (PROMISED_PAUSE, LEAVING, None),
        (PROMISED_PAUSE, subscription(status="canceled"), None),
        (replace(PROMISED_PAUSE, given=promised(3, "day")), None, None),
        (replace(PROMISED_PAUSE, given=promised(4, "day")), None, BEFORE),
        (replace(PROMISED_PAUSE, given=promised(interval="indefinitely")), None, None),
        (replace(PROMISED_PAUSE, given=COUPON), None, None),
        (replace(PROMISED_PAUSE, effective_at=None), None, None),
    ],
    ids=[
        "queued_exit", "queued_offer", "queued_undo", "queued_nothing", "scheduled", "manual", "payment",
        "pause", "pause_seen", "pause_is_over", "pause_and_leaves", "pause_without_end", "short_pause",
        "promised", "promised_seen", "promised_and_leaves", "promised_and_ended", "promised_3_days",
        "promised_4_days", "promised_without_end", "promised_coupon", "promised_undated",
    ],
)  # fmt: skip
def test_letter_is_announced_only_where_one_follows(
    answer: Answer, stripe: Subscription | None, said: str | None
) -> None:
    shown = None if stripe is None else ShownSubscription(stripe, ())

    found = announced(answer, shown, NOW)

    assert (None if found is None else found.key) == said


def test_announced_letter_before_the_end_of_a_pause_is_one_that_next_letter_plans() -> None:
    told = [K.OFFER_CARRIED_OUT]
    for days in range(1, 10):
        given = paused(NOW + timedelta(days=days))
        step = next_letter(claim(A.DONE, T.OFFER, told=told, given=given), NOW)
        is_announced = announced(Answer(A.DONE, T.OFFER, given=given), None, NOW) is not None

        assert is_announced == (step == Later((days - 3) * DAY))


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("received", "letter_received"),
        ("received_in_a_form", "letter_received_plain"),
        ("period_end", "letter_ends"),
        ("last_payment_is_made", "letter_ends"),
        ("no_date", "letter_cancelled"),
        ("at_once", "letter_has_ended"),
        ("at_once_no_date", "letter_has_ended"),
        ("ended", "letter_has_ended"),
        ("coupon", "offer_off_for_good"),
        ("promised", "letter_choice"),
        ("unknown_offer", "letter_choice"),
        ("pause_ends", "letter_starts_again"),
        ("pause_ends_paid", "letter_starts_again"),
        ("taken_back", "letter_goes_on"),
        ("taken_back_paid", "letter_goes_on"),
        ("unpaused", "letter_goes_on"),
        ("manual_exit", "letter_received"),
        ("manual_offer", "letter_choice"),
        ("manual_undo", "letter_choice"),
        ("manual_offer_unfit", "letter_choice"),
        ("manual_offer_leaving", "letter_choice"),
        ("coupon_and_leaving", "offer_off_for_good"),
        ("unknown_offer_and_ended", "letter_choice"),
        ("refused_offer_unpaid", "letter_choice_not_done"),
        ("refused_undo_ended", "letter_choice_not_done"),
        ("refused_exit", "letter_not_done"),
        ("refused_offer", "letter_choice_not_done"),
        ("refused_undo", "letter_choice_not_done"),
    ],
)
def test_subject_says_the_fact(name: str, subject: str) -> None:
    made = LETTERS[name]

    assert made.subject.key == subject
    assert made.lines
    # Nothing is said twice.
    assert made.subject not in made.lines
    assert "letter_row_reference" in [label for label, _ in made.rows]


def test_way_out_is_in_every_letter_about_a_subscription_that_goes_on() -> None:
    again, any_time = "letter_again_link", "letter_cancel_link"
    links = {name: made.exit_link for name, made in LETTERS.items() if made.exit_link is not None}

    assert links == {
        "refused_exit": again,
        **dict.fromkeys(
            ("refused_offer", "manual_offer", "pause_ends", "pause_ends_paid"), any_time
        ),
        **dict.fromkeys(
            ("refused_offer_unpaid", "manual_offer_unfit", "manual_offer_open"), any_time
        ),
        "cancelled_and_stays": any_time,
        **dict.fromkeys(("coupon", "coupon_as_shown", "promised", "unknown_offer"), any_time),
    }


def test_letter_about_an_exit_that_failed_has_the_fact_a_step_and_the_way_to_try_again() -> None:
    made = LETTERS["refused_exit"]

    assert [line.key for line in made.lines] == ["refused", "letter_answer_us"]
    assert made.next_fact.key == "letter_what_now"
    assert made.exit_link == "letter_again_link"


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("manual_offer", ["outcome_manual_offer", "not_cancelled"]),
        (
            "manual_offer_unfit",
            ["outcome_manual_offer", "letter_why_does_not_fit", "not_cancelled"],
        ),
        (
            "manual_offer_open",
            ["outcome_manual_offer", "letter_why_payment_is_open", "not_cancelled"],
        ),
        ("manual_offer_leaving", ["outcome_manual_offer", "letter_why_is_ending"]),
        ("manual_undo", ["letter_person"]),
        ("manual_undo_unpaid", ["letter_person", "letter_why_payment_failed"]),
        ("refused_offer_unpaid", ["letter_why_payment_failed", "letter_answer_us"]),
        ("refused_undo_ended", ["letter_why_has_ended", "letter_answer_us"]),
        ("coupon_and_leaving", ["letter_why_is_ending"]),
        ("unknown_offer_and_ended", ["offer", "letter_why_has_ended"]),
        ("taken_back_and_leaves", ["outcome_resumed", "letter_why_is_ending"]),
        ("cancelled_and_stays", ["outcome_resumed"]),
    ],
)
def test_letter_says_why_a_choice_failed_and_never_that_nothing_is_cancelled_where_it_is(
    name: str, lines: list[str]
) -> None:
    made = LETTERS[name]

    assert [line.key for line in made.lines] == lines
    has_left = {"letter_why_is_ending", "letter_why_has_ended"} & set(lines)
    assert not (has_left and made.exit_link)


def test_letter_about_an_exit_asks_for_no_payment_and_speaks_of_no_offer() -> None:
    whys = {f"letter_why_{each}" for each in ToldReason if each is not ToldReason.HAS_ENDED}
    ends = ((K.LEFT_TO_A_PERSON, A.MANUAL), (K.NOT_CARRIED_OUT, A.REFUSED))

    for code, (kind, answer) in itertools.product(Code, ends):
        made = letter(kind, facts(Answer(answer, T.CANCELLATION), problem=code))

        assert not {line.key for line in made.lines} & whys, code


def test_letter_about_an_exit_that_found_nothing_to_cancel_has_no_link_to_it() -> None:
    ended = facts(Answer(A.REFUSED, T.CANCELLATION), problem=Code.SUBSCRIPTION_HAS_ENDED)

    made = letter(K.NOT_CARRIED_OUT, ended)

    assert [line.key for line in made.lines] == [
        "letter_why_has_ended",
        "letter_answer_us",
    ]
    assert made.exit_link is None


def test_letter_that_comes_late_tells_no_end_and_no_stay_that_the_customer_has_undone() -> None:
    stays, leaves = LETTERS["cancelled_and_stays"], LETTERS["taken_back_and_leaves"]

    later = letter(K.CARRIED_OUT, facts(CANCELLED, shown=AGREED_LATER))
    assert (later.subject, later.keep_until) == (stays.subject, None)
    assert stays.subject == Sentence("letter_goes_on", {"plan": "Pro"})
    assert list(dict(stays.rows)) == [
        "letter_row_declared", "about_plan", "letter_row_received", "letter_row_reference",
    ]  # fmt: skip
    assert stays.keep_until is None
    assert leaves.subject == Sentence("letter_choice")
    assert leaves.next_fact == Sentence("letter_why_is_ending")


def test_end_that_was_agreed_on_stands_in_the_letter_and_cannot_be_taken_back() -> None:
    agreed, seen = LETTERS["agreed_end"], LETTERS["period_end_seen"]

    unknown = LETTERS["cancelled_under_a_schedule"]
    for each in (agreed, unknown):
        assert (each.subject, each.lines) == (seen.subject, seen.lines)
    assert (agreed.keep_until, seen.keep_until) == (None, ENDS)


def test_date_of_an_end_that_has_come_is_not_told_as_one_to_come() -> None:
    assert "letter_row_ends" in dict(LETTERS["period_end"].rows)
    assert "letter_row_ended" in dict(LETTERS["at_once"].rows)
    assert "letter_row_ends" not in dict(LETTERS["at_once"].rows)


@pytest.mark.parametrize("name", ["ended_sooner", "cancelled_and_ended"])
def test_A8_letter_about_what_has_ended_tells_stripes_date_and_no_end_to_come(name: str) -> None:
    made = LETTERS[name]

    assert made.kind is K.HAS_ENDED
    assert made.subject == Sentence("letter_has_ended", {"plan": "Pro"})
    assert made.lines == (Sentence("letter_ended_on", {"date": NOW - timedelta(days=9)}),)
    assert made.next_fact == made.lines[0]
    assert "letter_row_ends" not in dict(made.rows)
    assert made.keep_until is None


def test_A8_letter_about_an_end_without_a_date_at_stripe_tells_none() -> None:
    assert LETTERS["ended_undated"].lines == (Sentence("canceled"),)


@pytest.mark.parametrize("name", ["period_end_is_over", "period_end_is_over_unseen"])
def test_A8_letter_that_comes_after_the_date_of_the_end_promises_nothing_until_then(
    name: str,
) -> None:
    made = LETTERS[name]

    # The letter of the end follows with its date, once Stripe shows it.
    assert made.kind is K.CARRIED_OUT
    assert made.subject == Sentence("letter_cancelled", {"plan": "Pro"})
    assert "letter_row_ends" not in dict(made.rows)
    assert Sentence("letter_until_then") not in made.lines
    assert made.keep_until is None
    early = letter(K.CARRIED_OUT, replace(facts(CANCELLED), written_at=ENDS - timedelta(seconds=1)))
    assert early == LETTERS["period_end"]


def test_A8_end_that_was_told_once_is_not_told_again() -> None:
    told_of = claim(A.SCHEDULED, at=NOW - timedelta(hours=2), told=[K.RECEIVED, K.HAS_ENDED])

    assert next_letter(told_of, NOW) is None


def test_letter_about_an_exit_has_the_declaration_its_time_and_the_end() -> None:
    made: Letter = LETTERS["period_end"]

    rows = dict(made.rows)

    assert rows["letter_row_declared"] == Sentence("letter_declared_words", {"words": "Cancel"})
    assert rows["letter_row_ends"] == ENDS == made.keep_until
    assert list(rows) == [
        "letter_row_declared",
        "about_plan",
        "letter_row_received",
        "letter_row_ends",
        "letter_row_reference",
    ]
    quoted = Sentence("letter_declared_words", {"words": "Cancel"})
    assert dict(LETTERS["coupon"].rows)["letter_row_chosen"] == quoted
    assert dict(LETTERS["taken_back"].rows)["letter_row_chosen"] == quoted
    assert "letter_row_chosen" not in dict(LETTERS["unknown_offer"].rows)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("period_end", None),
        ("last_payment_is_made", "letter_bill_nothing"),
        ("invoice_may_come", "letter_bill_may_come"),
        ("payment_is_open", "confirm_past_due"),
    ],
)
def test_letter_promises_no_end_of_payments_that_nobody_knows(name: str, said: str | None) -> None:
    keys = [line.key for line in LETTERS[name].lines]

    assert keys == ["letter_until_then", *([] if said is None else [said])]


def test_next_payment_is_told_where_it_is_certain_and_is_the_next_fact_after_a_pause() -> None:
    paid = Sentence("letter_next_payment", {"payment": PAYMENT})
    pause, back = LETTERS["pause_ends_paid"], LETTERS["taken_back_paid"]

    assert (pause.next_fact, pause.lines) == (paid, (paid, Sentence("not_cancelled")))
    back_again = Sentence("outcome_resumed", plain="resumed")
    assert (back.next_fact, back.lines) == (back_again, (back_again, paid))
    assert LETTERS["pause_ends"].lines == (Sentence("not_cancelled"),)
    assert LETTERS["taken_back"].lines == (back_again,)
    # No letter about leaving tells of a payment that does not come.
    for kind in set(K) - {K.PAUSE_ENDS_SOON, K.TAKEN_BACK}:
        assert paid not in letter(kind, facts(CANCELLED, next_payment=PAYMENT)).lines


def test_letter_about_an_offer_repeats_the_offer_and_one_about_leaving_none() -> None:
    left = facts(Answer(A.MANUAL, T.OFFER), offers=(BLOCK,))

    assert LETTERS["coupon_as_shown"].offers == (BLOCK,)
    assert letter(K.LEFT_TO_A_PERSON, left).offers == (BLOCK,)
    for kind in set(K) - {K.TAKEN_BACK}:
        assert letter(kind, facts(CANCELLED, offers=(BLOCK,))).offers == ()
    assert letter(K.TAKEN_BACK, facts(Answer(A.DONE, T.RESUMPTION), offers=(BLOCK,))).offers == ()


def test_reference_is_the_start_of_the_claims_id() -> None:
    assert reference_of("1f3a99b2-0000-4000-8000-000000000000") == "C-1F3A-99B2"


def test_letters_of_a_newer_release_are_left_out() -> None:
    assert kinds_of(["received", "of_a_newer_release"]) == {K.RECEIVED}
