"""The page of an outcome: each answer has its badge, its heading and its sentence, in the order of the table."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from aiocancel.core.claim import Topic
from aiocancel.core.decision import Answer, AnswerKind
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offer_sentences import Given
from aiocancel.core.offers.terms import AcceptedOffer, CouponTerms, CustomTerms, PauseTerms
from aiocancel.core.sentences import Sentence
from aiocancel.core.told_reason import ToldReason, said_of_reason
from aiocancel.texts import CATALOGUES
from aiocancel.web.answer_texts import message_of
from aiocancel.web.languages import Words
from aiocancel.web.outcome_page import outcome_page
from tests.support.every_letter import (
    AGREED,
    AGREED_LATER,
    CANCELLED,
    ENDED_SOONER,
    LEAVING,
    STAYS,
)
from tests.support.outcome_pages import PAGES

DAY = datetime(2026, 12, 26, 12, tzinfo=UTC)
WORDS = Words("en", {})


@pytest.mark.parametrize(("kind", "change", "badge", "title"), PAGES)
def test_page_of_each_outcome_has_its_badge_and_its_heading(
    kind: str, change: str, badge: str | None, title: str
) -> None:
    page = outcome_page(Answer(AnswerKind(kind), Topic(change), DAY), WORDS, None, "Pro")

    assert (page.badge and page.badge.key, page.title) == (badge, title)
    assert page.text.strip()


@pytest.mark.parametrize("why", ToldReason)
@pytest.mark.parametrize("kind", [AnswerKind.REFUSED, AnswerKind.MANUAL])
def test_what_was_not_carried_out_has_its_reason_before_what_to_do(
    kind: AnswerKind, why: ToldReason
) -> None:
    plain = outcome_page(Answer(kind, Topic.OFFER), WORDS, None, "Pro")
    reasons = [WORDS.say(sentence) for sentence in said_of_reason(why)]

    page = outcome_page(Answer(kind, Topic.OFFER, why=why), WORDS, None, "Pro")

    assert page == plain._replace(text=" ".join([*reasons, plain.text]))
    assert bool(reasons) == (why is not ToldReason.A_PERSON_LOOKS)


def test_nothing_is_called_cancelled_before_stripe_says_so() -> None:
    for kind in (AnswerKind.QUEUED, AnswerKind.MANUAL, AnswerKind.REFUSED):
        page = outcome_page(Answer(kind, Topic.CANCELLATION), WORDS, None, "Pro")

        assert "ancelled" not in f"{page.badge} {page.title} {page.text}".replace(
            "badge_cancelled", "ancelled"
        )


def test_an_end_without_a_date_or_a_plan_says_less() -> None:
    undated = outcome_page(Answer(AnswerKind.SCHEDULED, Topic.CANCELLATION), WORDS, None, None)
    ended = outcome_page(Answer(AnswerKind.DONE, Topic.CANCELLATION), WORDS, None, None)
    unnamed = outcome_page(Answer(AnswerKind.SCHEDULED, Topic.CANCELLATION, DAY), WORDS, None, None)

    assert undated[1:] == (
        "Your subscription",
        "Your subscription is cancelled. You can use it until it ends.",
    )
    assert ended[1:] == ("Your subscription has ended", "")
    assert unnamed.title == "Your subscription ends on December 26, 2026"


@pytest.mark.parametrize(
    ("terms", "title", "badge"),
    [
        (
            CouponTerms(Decimal(50), None, "once"),
            "You get 50% off your next payment",
            "badge_done",
        ),
        (CustomTerms(), "Your subscription", "badge_done"),
        (PauseTerms("month", 2, at_period_end=False), "Your subscription", "badge_done"),
    ],
    ids=["coupon", "custom", "pause that nobody can date"],
)
def test_heading_of_an_offer_is_what_it_did(terms: object, title: str, badge: str) -> None:
    given = Given(SubscriptionId("sub_1"), AcceptedOffer("half", terms))  # type: ignore[arg-type]

    page = outcome_page(Answer(AnswerKind.DONE, Topic.OFFER, given=given), WORDS, None, "Pro")

    assert page.badge is not None
    assert (page.title, page.badge.key) == (title, badge)


def test_a_promised_pause_is_told_with_its_day() -> None:
    given = Given(
        SubscriptionId("sub_1"), AcceptedOffer("break", PauseTerms("month", 2, at_period_end=False))
    )

    page = outcome_page(
        Answer(AnswerKind.SCHEDULED, Topic.OFFER, DAY, given=given), WORDS, None, "Pro"
    )

    assert page.title == "Your pause begins on December 26, 2026"
    assert page.badge is not None
    assert page.badge.key == "badge_paused"


def test_sentence_that_the_owner_replaced_stands_as_it_is() -> None:
    words = Words("en", {"scheduled_at": "Bye on {date}.", "queued": "Got it."})
    scheduled = Answer(AnswerKind.SCHEDULED, Topic.CANCELLATION, DAY)

    page = outcome_page(scheduled, words, None, "Pro")
    waiting = outcome_page(Answer(AnswerKind.QUEUED, Topic.CANCELLATION), words, None, "Pro")
    titled = outcome_page(scheduled, Words("en", {"outcome_title": "Ours"}), None, "Pro")

    assert page.text == "Bye on December 26, 2026."
    assert page.title == "Your subscription ends on December 26, 2026"
    assert (waiting.title, waiting.text) == ("Your subscription", "Got it.")
    assert titled.title == "Ours"


QUEUED = Answer(AnswerKind.QUEUED, Topic.CANCELLATION, received_at=DAY)
PAUSE = Given(SubscriptionId("sub_1"), AcceptedOffer("pause", PauseTerms("month", 2, True)))
WHEN_DONE = Sentence("letter_comes_when_done")
BEFORE = Sentence("letter_comes_before_pause_ends")


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize(
    ("answer", "follows"),
    [
        (QUEUED, WHEN_DONE),
        (Answer(AnswerKind.SCHEDULED, Topic.OFFER, DAY, given=PAUSE), BEFORE),
    ],
    ids=["queued", "pause"],
)
def test_letter_that_comes_is_told_last_and_only_where_it_comes(
    answer: Answer, follows: Sentence, language: str
) -> None:
    words = Words(language, {})
    letter = words.say(follows)

    page = outcome_page(answer, words, None, "Pro", follows)
    bare = outcome_page(answer, words, None, "Pro")

    assert page.text == f"{bare.text} {letter}".strip()
    assert message_of(answer, words, None, follows) == f"{message_of(answer, words)} {letter}"
    assert letter not in f"{bare.title} {bare.text}"


def test_letter_is_not_told_in_our_language_beside_the_owners_own_words() -> None:
    words = Words("en", {"queued": "Hemos recibido su solicitud.", "offer": "Gracias."})
    pause = Answer(AnswerKind.SCHEDULED, Topic.OFFER, DAY, given=PAUSE)

    assert outcome_page(QUEUED, words, None, None, WHEN_DONE).text == "Hemos recibido su solicitud."
    assert words.say(BEFORE) not in message_of(pause, words, None, BEFORE)


def test_A8_page_of_a_cancellation_that_has_ended_since_tells_stripes_date() -> None:
    page = outcome_page(CANCELLED, WORDS, ENDED_SOONER, "Pro")
    own = outcome_page(CANCELLED, Words("en", {"canceled": "Gone."}), ENDED_SOONER, "Pro")

    assert page.title == "Your Pro subscription has ended"
    assert page.text == "It ended on November 26, 2026."
    assert own.text == "Gone."
    assert message_of(CANCELLED, WORDS, ENDED_SOONER) == (
        "Your subscription ended on November 26, 2026."
    )


def test_end_that_was_agreed_on_is_not_taken_for_a_cancellation_that_was_taken_back() -> None:
    words = Words("en", {})

    for shown in (LEAVING, AGREED, None):
        assert outcome_page(CANCELLED, words, shown, "Pro").title == (
            "Your Pro subscription ends on December 26, 2026"
        )
    # One that gave way to the cancellation is back.
    for shown in (STAYS, AGREED_LATER):
        assert outcome_page(CANCELLED, words, shown, "Pro").title == "Your Pro subscription goes on"
