"""The words of the owner's pages: each is there, each is used, and values of any kind are written without a mistake."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aiocancel.core.actions import ActionKind
from aiocancel.core.claim import FlowStatus
from aiocancel.core.flow.steps import SessionState
from aiocancel.core.measures.kept import KeptState
from aiocancel.core.measures.report import By
from aiocancel.core.retry import Failure
from aiocancel.texts.console import CATALOGUES
from aiocancel.web.console import words
from aiocancel.web.console.app import CLOSE_REASONS
from aiocancel.web.console.words import Writing, flat

PAGES = Path(words.__file__).parent
WRITING = Writing("Europe/Berlin")
# Made of a prefix and a word of the ledger, or of a key and "_text", or chosen by a count.
MADE = re.compile(r"(kind|outcome|entry|close|by|groups_by|told_by|state|result)_|.*_(text|one)$")


def test_every_word_that_a_page_uses_is_in_the_catalogue_and_every_one_there_is_used() -> None:
    texts = CATALOGUES["en"]
    sources = [
        each.read_text(encoding="utf-8")
        for each in PAGES.rglob("*")
        if each.suffix in (".py", ".html")
    ]
    asked = {key for text in sources for key in re.findall(r"""\bt\(\s*["'](\w+)["']""", text)}
    named = {
        key for key in texts if any(f'"{key}"' in text or f"'{key}'" in text for text in sources)
    }

    assert asked - texts.keys() == {"close_", "by_", "groups_by_"}
    assert {key for key in texts if not MADE.match(key)} - named == set()


JOURNAL = (
    "claim_recorded outcome_verified actions_enqueued action_applied action_parked action_refused action_retried "
    "action_closed deferred left_to_newer attempt_failed handed_back price_compared claim_erased evidence_erased"
)
WORDS_OF_THE_LEDGER = {
    "entry": {*JOURNAL.split()},
    "kind": {*ActionKind},
    "outcome": {*FlowStatus, *SessionState, "taken_back", "took_another"},
    "state": {*KeptState},
    "result": {"accepted", *Failure},
    "told_by": {"own", "vendor", "browser"},
    "close": {*CLOSE_REASONS},
    "by": {*By},
    "groups_by": {*By},
}


@pytest.mark.parametrize("prefix", WORDS_OF_THE_LEDGER)
def test_every_word_of_the_ledger_has_a_text(prefix: str) -> None:
    wanted = {f"{prefix}_{word}" for word in WORDS_OF_THE_LEDGER[prefix]}

    assert wanted - CATALOGUES["en"].keys() == set()


@pytest.mark.parametrize(
    ("snapshot", "said"),
    [
        (None, "price not known"),
        ([], "price not known"),
        ({}, "price not known"),
        ({"plan": "Pro"}, "Pro"),
        ({"price_minor": 2900, "currency": "eur"}, "€29.00"),
        (
            {"plan": "Pro", "price_minor": "2900", "currency": "EUR", "interval": "year"},
            "Pro, €29.00 a year",
        ),
        (
            {"price_minor": 500, "currency": "jpy", "interval": "month", "interval_count": 3},
            "¥500 every 3 months",
        ),
        ({"price_minor": 1234, "currency": "kwd"}, "KWD1.234"),
        ({"price_minor": 0, "currency": "usd"}, "$0.00"),
        ({"price_minor": 1, "currency": "usd", "interval": "<b>"}, "$0.01"),
        ({"price_minor": "many", "currency": "usd"}, "price not known"),
        ({"price_minor": 2900, "currency": None}, "price not known"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_price_is_written_as_far_as_it_is_known(snapshot: Any, said: str) -> None:
    assert WRITING.price(snapshot) == said


@pytest.mark.parametrize(
    ("waited", "said"),
    [
        (timedelta(seconds=-400), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=130), "2 hours 10 minutes"),
        (timedelta(hours=24), "1 day"),
        (timedelta(days=1, minutes=5), "1 day"),
        (timedelta(days=400, hours=1), "400 days 1 hour"),
    ],
    ids=str,
)
def test_a_wait_has_its_two_largest_units_and_none_where_the_clock_went_back(
    waited: timedelta, said: str
) -> None:
    assert WRITING.wait(waited) == said


def test_times_are_the_owners() -> None:
    moment = datetime(2026, 11, 26, 23, 30, 7, tzinfo=UTC)

    assert WRITING.second(moment) == "27 Nov 2026, 00:30:07"
    assert WRITING.day(moment) == "27 Nov 2026"


def test_words_of_the_ledger_that_this_release_does_not_know_are_shown_as_they_are() -> None:
    assert WRITING.kind("send_a_pigeon") == "Send a pigeon"
    assert WRITING.outcome("lost") == "Lost"
    assert WRITING.reason("too_expensive") == "It costs too much"
    assert WRITING.reason("my_own") == "My own"
    assert WRITING.language_name("de") == "German"
    assert WRITING.language_name("xx-??") == "xx-??"


def test_a_stored_value_is_shown_by_its_names_and_texts() -> None:
    stored = {
        "a": {"b": 1, "c": None},
        "d": ["x", "y"],
        "e": [{"f": True}, {"f": ""}],
        "g": [],
        "h": {},
    }

    assert list(flat(stored)) == [("a.b", "1"), ("d", "x, y"), ("e 1.f", "True")]
