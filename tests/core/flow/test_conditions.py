"""Conditions: true, false or unknown, combined, stored, and read aloud."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import Any

import pytest

from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.conditions import (
    AllOf,
    AnyOf,
    Condition,
    IntervalIs,
    Not,
    amount,
    column,
    condition_from_json,
    condition_to_json,
    country,
    history,
    in_trial,
    interval,
    place,
    plan,
    reason,
    status,
    tenure,
)
from aiocancel.core.flow.snapshot import Snapshot
from aiocancel.errors import ConfigurationError, UnreadableLedgerError
from tests.support.conditions import CASES, EXPENSIVE, KNOWN, NOTHING_KNOWN, NOW

UNKNOWN: list[tuple[str, Condition]] = [
    ("plan", plan("price_pro")),
    ("amount", amount(currency="eur", at_least=1)),
    ("interval", interval("month")),
    ("tenure", tenure(at_least_months=0)),
    ("status", status("active")),
    ("country", country("US")),
    ("place", place("US")),
    ("column", column("tier", "gold")),
    ("history", history(offers_at_most=9)),
]


@pytest.mark.parametrize(
    ("condition", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_condition_answers_about_what_is_known(condition: Condition, expected: bool) -> None:
    assert condition.holds(KNOWN, EXPENSIVE) is expected
    assert (~condition).holds(KNOWN, EXPENSIVE) is not expected


@pytest.mark.parametrize("condition", [c[1] for c in UNKNOWN], ids=[c[0] for c in UNKNOWN])
def test_condition_about_something_unknown_is_unknown_either_way(condition: Condition) -> None:
    assert condition.holds(NOTHING_KNOWN, EXPENSIVE) is None
    assert (~condition).holds(NOTHING_KNOWN, EXPENSIVE) is None


def test_no_answer_is_known_to_be_no_reason() -> None:
    assert reason("unused").holds(KNOWN, Answers()) is False
    assert (~reason("unused")).holds(KNOWN, Answers()) is True


@pytest.mark.parametrize(
    ("where", "asked", "expected"),
    [
        ("US", "US-MN", None),
        ("US-MN", "US", True),
        ("US", "US", True),
        ("US-CA", "US-MN", False),
        ("USA", "US", False),
        ("DE", "US-MN", False),
    ],
)
def test_part_of_a_country_is_unknown_where_only_the_country_is_known(
    where: str, asked: str, expected: bool | None
) -> None:
    assert place(asked).holds(Snapshot(NOW, place=where), Answers()) is expected
    # One that is true settles it, whatever is unknown of the others.
    assert place(asked, where[:2]).holds(Snapshot(NOW, place=where), Answers()) in (True, False)


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param(column("note", 5), id="a text is no number"),
        pytest.param(column("seats", "5"), id="a number is no text"),
        pytest.param(column("beta", 1), id="a flag is no number"),
        pytest.param(column("note", at_least=1), id="a text has no bounds"),
        pytest.param(column("beta", at_most=1), id="a flag has no bounds"),
    ],
)
def test_column_of_another_type_is_unknown(condition: Condition) -> None:
    assert condition.holds(KNOWN, EXPENSIVE) is None


TRUE, FALSE, MAYBE = reason("too_expensive"), reason("unused"), country("DE")


@pytest.mark.parametrize(("one", "other"), [*itertools.product((True, False, None), repeat=2)])
def test_combinations_follow_the_logic_of_three_values(
    one: bool | None, other: bool | None
) -> None:
    made = {True: TRUE, False: FALSE, None: MAYBE}
    both, either = made[one] & made[other], made[one] | made[other]

    expected_both = False if False in (one, other) else None if None in (one, other) else True
    expected_either = True if True in (one, other) else None if None in (one, other) else False

    assert both.holds(NOTHING_KNOWN, EXPENSIVE) is expected_both
    assert either.holds(NOTHING_KNOWN, EXPENSIVE) is expected_either
    # De Morgan.
    turned = (~(~made[one] | ~made[other])).holds(NOTHING_KNOWN, EXPENSIVE)
    assert turned is expected_both


def test_and_or_and_not_are_refused_because_they_drop_a_condition() -> None:
    with pytest.raises(TypeError, match=r"&, \| and ~"):
        bool(TRUE)
    with pytest.raises(TypeError, match=r"&, \| and ~"):
        _ = not TRUE
    with pytest.raises(TypeError, match="not str"):
        _ = TRUE & "unused"  # type: ignore[operator]


def test_condition_of_none_of_the_kinds_says_nothing() -> None:
    with pytest.raises(NotImplementedError):
        Condition().holds(KNOWN, EXPENSIVE)
    with pytest.raises(NotImplementedError):
        Condition().in_words()


def test_double_negation_is_the_condition_itself() -> None:
    assert ~~TRUE == TRUE
    assert isinstance(~TRUE, Not)


ALL = [*(case[1] for case in CASES), ~TRUE, TRUE & FALSE & (MAYBE | ~FALSE), (TRUE | FALSE) & MAYBE]


@pytest.mark.parametrize("number", range(len(ALL)))
def test_condition_comes_back_from_json_as_it_was(number: int) -> None:
    condition = ALL[number]
    text = json.dumps(condition_to_json(condition))

    assert condition_from_json(json.loads(text)) == condition


@pytest.mark.parametrize(
    "stored",
    [
        {"is": "moon", "phase": "full"},
        {"is": "reason", "keys": ["a"], "since": 3},
        {"keys": ["a"]},
    ],
)
def test_condition_of_a_newer_release_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(UnreadableLedgerError):
        condition_from_json(stored)


def test_condition_that_is_nested_too_deeply_is_refused() -> None:
    stored: dict[str, Any] = condition_to_json(TRUE)
    for _ in range(50):
        stored = {"is": "not", "part": stored}

    with pytest.raises(UnreadableLedgerError):
        condition_from_json(stored)


READ_ALOUD: list[tuple[Condition, str]] = [
    (
        reason("too_expensive", "unused", "other"),
        "the reason is too_expensive, unused or other",
    ),
    (~in_trial(), "not (its status is trialing)"),
    (
        reason("unused") & (tenure(at_least_months=2) | plan("price_pro")),
        "the reason is unused and (it has run for at least 2 months or the price is price_pro)",
    ),
    (
        amount(currency="eur", at_least=1, at_most=9) | country("de"),
        "a payment is 1 to 9 eur in minor units or the country is DE",
    ),
    (interval("month", "year"), "it is paid every month or year"),
    (interval("month", count=3), "it is paid every 3 months"),
    (IntervalIs(("month", "moon"), 2), "it is paid every 2 months or moons"),
    (place("US-MN"), "the place is US-MN"),
    (column("tier", "gold", 5), "the column tier is gold or 5"),
    (column("seats", at_most=5), "the column seats is at most 5"),
    (
        history(offers_at_most=0, cancellations_at_least=1),
        "at most 0 offers were taken before and at least 1 cancellations came before",
    ),
    (history(cancellations_at_least=2, cancellations_at_most=2), "2 cancellations came before"),
    (history(offers_at_least=1), "at least 1 offers were taken before"),
]


@pytest.mark.parametrize(("condition", "words"), READ_ALOUD, ids=[each[1] for each in READ_ALOUD])
def test_condition_reads_as_english(condition: Condition, words: str) -> None:
    assert condition.in_words() == words


MISTAKES: list[tuple[Any, str]] = [
    (reason, r"reason\(\): give one"),
    (lambda: reason(""), r"reason\(\): give one"),
    (lambda: plan("price/../x"), "Stripe's id"),
    (lambda: amount(currency="EUR", at_least=1), "three lowercase"),
    (lambda: amount(currency="eur"), "at least one bound"),
    (lambda: amount(currency="eur", at_least=2, at_most=1), "lower bound is more"),
    (lambda: amount(currency="eur", at_least=1.5), "whole number"),  # type: ignore[arg-type]
    (lambda: interval("fortnight"), "none of day"),  # type: ignore[arg-type]
    (lambda: interval("month", count=0), "from 1"),
    (tenure, "at least one bound"),
    (lambda: tenure(at_least_months=-1), "from 0"),
    (lambda: tenure(at_least_months=1201), "from 0 to 1,200"),
    (lambda: status("canceled"), "none of active"),  # type: ignore[arg-type]
    (lambda: country("Germany"), "two letters"),
    (lambda: place("US-Minnesota"), "part of one"),
    (lambda: column("tier"), "give values, or bounds"),
    (lambda: column("tier", "a", at_least=1), "give values, or bounds"),
    (lambda: column("", "a"), "name is empty"),
    (lambda: column("tier", 1.5), "a text, a number or a flag"),  # type: ignore[arg-type]
    (lambda: column("tier", at_least=True), "a whole number or a Decimal"),
    (lambda: column("tier", at_least=Decimal("NaN")), "must be finite"),
    (lambda: column("tier", at_least=2, at_most=1), "more than at_most"),
    (history, "at least one bound"),
    (lambda: history(offers_at_least=3, offers_at_most=1), "lower bound is more"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_condition_that_cannot_be_right_is_refused(number: int) -> None:
    make, message = MISTAKES[number]

    with pytest.raises(ConfigurationError, match=message):
        make()


@pytest.mark.parametrize(
    ("kind", "part", "field"),
    [
        (AllOf, ("x",), r"AllOf.parts\[0\]"),
        (AnyOf, (in_trial(), None), r"AnyOf.parts\[1\]"),
        (AllOf, [in_trial()], "AllOf.parts"),
        (AnyOf, (), "AnyOf.parts"),
        (Not, "x", "Not.part"),
    ],
    ids=["a text", "nothing", "a list", "none", "not a text"],
)
def test_mistake_in_a_combination_names_its_part(kind: Any, part: Any, field: str) -> None:
    with pytest.raises(ConfigurationError, match=field):
        kind(part)
