"""The customer's words: every key that release 0.1 had is there, and none of its hard sentences."""

from __future__ import annotations

import re
import string

import pytest

from aiocancel.config import DEFAULT_TEXTS
from aiocancel.texts.en import TEXTS

KEYS_OF_0_1 = [
    "canceled",
    "canceled_at",
    "scheduled",
    "scheduled_at",
    "resumed",
    "unpaused",
    "discount_removed",
    "offer",
    "offer_scheduled",
    "offer_scheduled_at",
    "nothing",
    "queued",
    "manual",
    "closed_by_hand",
    "manual_offer",
    "needs_payment_action",
    "refused",
    "payment_link",
    "opening",
    "saving",
    "closed",
    "blocked",
    "vendor_failed",
    "unopened",
    "unsaved",
    "plain_link",
    "not_logged_in",
    "no_subscription",
    "unavailable",
    "confirm_title",
    "confirm_text_at_period_end",
    "confirm_text_now",
    "confirm_reason",
    "confirm_button",
    "keep_button",
    "resume_title",
    "resume_text",
    "unpause_title",
    "unpause_text",
    "unpause_button",
    "remove_discount_title",
    "remove_discount_text",
    "remove_discount_button",
    "back_link",
    "again_link",
    "outcome_title",
]

HARD_SENTENCES = [
    "Did no window open?",
    "You need not stay on this page.",
    "Nothing is cancelled any more.",
    "Cancel without it",
    "There is no such request of yours.",
    "Why do you leave?",
    "the usual window",
]


def test_texts_are_those_of_the_settings() -> None:
    assert DEFAULT_TEXTS is TEXTS


@pytest.mark.parametrize("key", KEYS_OF_0_1)
def test_text_that_an_owner_may_have_replaced_still_has_its_key(key: str) -> None:
    assert TEXTS[key].strip()


_OTHER_FIELDS = {
    "offer_off_next_payment": ["off"],
    "offer_off_payments": ["off", "count"],
    "offer_off_months": ["off", "count"],
    "offer_off_months_one": ["off"],
    "offer_off_for_good": ["off"],
    "offer_trial_until": ["date"],
    "offer_plan_named": ["plan"],
    "offer_payments_paused_until": ["date"],
    "offer_subscription_paused_until": ["date"],
    "offer_paused_from": ["date"],
    "price_per_day": ["price", "count"],
    "price_per_day_one": ["price"],
    "price_per_week": ["price", "count"],
    "price_per_week_one": ["price"],
    "price_per_month": ["price", "count"],
    "price_per_month_one": ["price"],
    "price_per_year": ["price", "count"],
    "price_per_year_one": ["price"],
    "date_next_payment": ["date"],
    "date_trial_ends": ["date"],
    "date_ends": ["date"],
    "date_ended": ["date"],
    "date_paused_until": ["date"],
    "which_button": ["name"],
}


@pytest.mark.parametrize("key", TEXTS)
def test_text_holds_the_values_that_its_place_gives_it(key: str) -> None:
    fields = [name for _, name, _, _ in string.Formatter().parse(TEXTS[key]) if name is not None]

    assert fields == (["date"] if key.endswith("_at") else _OTHER_FIELDS.get(key, []))


@pytest.mark.parametrize("key", TEXTS)
def test_text_is_made_of_short_sentences(key: str) -> None:
    for sentence in re.split(r"(?<=[.?;])\s", TEXTS[key]):
        assert len(sentence.split()) <= 20


@pytest.mark.parametrize("sentence", HARD_SENTENCES)
def test_text_that_readers_stumbled_over_is_gone(sentence: str) -> None:
    assert sentence not in " ".join(TEXTS.values())
