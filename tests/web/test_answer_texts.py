"""Which words a customer reads for each answer and each error: both tables, written out in full."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aiocancel.config import DEFAULT_TEXTS
from aiocancel.core.codes import About, Code
from aiocancel.core.decision import Answer, AnswerKind, Topic
from aiocancel.errors import ClaimError, UnavailableError
from aiocancel.web.answer_texts import ERRORS, message_key, message_of, refusal_of
from aiocancel.web.languages import Words

WORDS = Words("en", {})
DAY = datetime(2026, 12, 5, 23, 30, tzinfo=UTC)

# One row for each kind of answer, one word for each change, in the order of ``Topic``.
CHANGES = [
    "cancellation",
    "resumption",
    "unpausing",
    "discount_removal",
    "plan_keeping",
    "offer",
    "nothing",
]
ANSWERS = {
    "done": [
        "canceled",
        "resumed",
        "unpaused",
        "discount_removed",
        "plan_kept",
        "offer",
        "nothing",
    ],
    "scheduled": [
        "scheduled",
        "scheduled",
        "scheduled",
        "scheduled",
        "scheduled",
        "offer_scheduled",
        "scheduled",
    ],
    "needs_payment_action": ["needs_payment_action"] * 7,
    "queued": ["queued"] * 7,
    "manual": ["manual", "manual", "manual", "manual", "manual", "manual_offer", "manual"],
    "refused": ["refused"] * 7,
    "closed": ["closed_by_hand"] * 7,
}
# The answers that Stripe dates, and the words with and without a date.
DATED = {
    ("done", "cancellation"): "canceled",
    ("scheduled", "cancellation"): "scheduled",
    ("scheduled", "offer"): "offer_scheduled",
}
SAID = {
    Code.LINK_EXPIRED: "This link has expired. Log in to see it.",
    "not_logged_in": "Please log in again.",
    "malformed": "We could not read your request. Please start again.",
    "wrong_content_type": "We could not read your request. Please start again.",
    "content_encoding": "We could not read your request. Please start again.",
    "too_slow": "We could not read your request. Please start again.",
    "claim_refused": "We could not read your request. Please start again.",
    "too_large": "Your message is too long. Please shorten it and try again.",
    "grant_refused": "This page can no longer be used. Please start again.",
    "grant_invalid": "This page can no longer be used. Please start again.",
    "grant_mode": "This page can no longer be used. Please start again.",
    "grant_expired": "This page was open for too long. Please start again.",
    "grant_used": "This page was already used for a different choice. Please start again.",
    "grant_not_yours": "This page was opened for a different account. Please start again.",
    "subscription_not_yours": "This subscription does not belong to your account any more.",
    "unknown_claim": "We couldn't find that request.",
    "unknown_subscription": "We couldn't find that subscription.",
    "unknown_customer": (
        "We cannot find your subscription in our payment system. Please contact us, and we will look for it."
    ),
    "too_many_lookups": "You have sent several requests within a minute. Please wait a minute and try again.",
    "which_subscription": "You have several subscriptions. Please choose one.",
    "not_at_this_step": "Nothing has been changed.",
    "offer_was_not_shown": "Nothing has been changed.",
    "offer_no_longer_fits": "That offer is no longer available. Nothing has been changed.",
    "months_were_not_offered": "Nothing has been changed.",
    "flow_session_is_over": "Nothing has been changed.",
    "too_many_posts": "You have sent several requests within a minute. Please wait a minute and try again.",
    "too_much_unfinished": "Several of your requests are still being carried out. Please try again when they are done.",
}


def test_answers_table_has_every_kind_and_every_change() -> None:
    assert list(ANSWERS) == [str(kind) for kind in AnswerKind]
    assert list(Topic) == CHANGES


@pytest.mark.parametrize(
    ("kind", "change", "key"),
    [
        (kind, change, key)
        for kind, keys in ANSWERS.items()
        for change, key in zip(CHANGES, keys, strict=True)
    ],
)
@pytest.mark.parametrize("at", [None, DAY], ids=["no date", "dated"])
def test_answer_is_told_in_the_words_of_the_table(
    kind: str, change: str, key: str, at: datetime | None
) -> None:
    answer = Answer(AnswerKind(kind), Topic(change), at)
    dated = at is not None and key in DATED.values()
    expected = DEFAULT_TEXTS[f"{key}_at"] if dated else DEFAULT_TEXTS[key]

    assert message_key(answer) == key
    assert message_of(answer, WORDS) == expected.format(date="December 5, 2026")


@pytest.mark.parametrize(("kind", "change"), DATED)
def test_dated_answer_holds_the_date_and_one_without_a_date_does_not(
    kind: str, change: str
) -> None:
    answered = [
        message_of(Answer(AnswerKind(kind), Topic(change), at), WORDS) for at in (DAY, None)
    ]

    assert ["December 5, 2026" in text for text in answered] == [True, False]
    assert not any("{" in text for text in answered)


def test_answer_is_told_in_the_owners_words() -> None:
    words = Words("en", {"scheduled_at": "Bis {date}.", "unpaused": "Weiter."})
    scheduled = Answer(AnswerKind.SCHEDULED, Topic.CANCELLATION, DAY)

    assert message_of(scheduled, words) == "Bis December 5, 2026."
    assert message_of(Answer(AnswerKind.DONE, Topic.UNPAUSING), words) == "Weiter."


def test_errors_table_has_the_code_of_every_error_that_refuses_a_request() -> None:
    refusals = {code for code in Code if code.about is About.POST}

    # An outage has one text, whatever was asked.
    assert set(ERRORS) == set(SAID) == refusals - {Code.UNAVAILABLE}


@pytest.mark.parametrize(("code", "message"), SAID.items())
def test_error_is_told_to_a_customer_without_a_technical_word(code: str, message: str) -> None:
    refusal = refusal_of(
        ClaimError("A technical reason.", code=Code.stored(code), status=418), WORDS
    )

    assert refusal == (418, code, "A technical reason.", message, None)
    for word in ("grant", "bytes", "JSON", "field", "claim"):
        assert word.lower() not in message.lower()


def test_error_of_an_unknown_code_has_words_too() -> None:
    refusal = refusal_of(ClaimError("Something new.", code=Code.of_stripe("something_new")), WORDS)

    assert refusal.message == "We could not read your request. Please start again."


def test_outage_is_told_without_its_own_text_and_with_a_time_to_ask_again() -> None:
    refusal = refusal_of(UnavailableError("10.0.0.7 did not answer"), WORDS)

    text = "This cannot be shown right now. Please try again in a moment."
    assert refusal == (503, "unavailable", text, text, 2)


def test_error_is_told_in_the_owners_words() -> None:
    words = Words("en", {"unknown_claim": "Nicht gefunden."})

    refusal = refusal_of(ClaimError("", code=Code.UNKNOWN_CLAIM, status=404), words)

    assert refusal.message == "Nicht gefunden."
