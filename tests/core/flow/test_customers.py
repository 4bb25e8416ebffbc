"""Every kind of customer that a definition tells apart has an example, and every example is another kind."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from aiocancel.core.flow.answers import NO_ANSWERS
from aiocancel.core.flow.conditions import (
    Condition,
    amount,
    column,
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
from aiocancel.core.flow.customers import MOST_KINDS, KindOfCustomer, kinds_of_customers
from aiocancel.core.owners_words import in_english
from aiocancel.core.sentences import Sentence
from aiocancel.errors import ConfigurationError

QUESTIONS: list[Condition] = [
    plan("price_a", "price_b"),
    amount(currency="eur", at_least=1000, at_most=5000),
    interval("month", "year"),
    interval("month", count=3),
    tenure(at_least_months=2, at_most_months=6),
    status("past_due"),
    in_trial(),
    country("DE"),
    place("US-MN"),
    column("tier", "gold", 5, True),
    column("seats", at_least=3),
    column("score", at_most=Decimal("1.5")),
    history(offers_at_most=0, cancellations_at_least=1),
]


def answers_to(questions: list[Condition]) -> set[tuple[bool | None, ...]]:
    return {
        tuple(question.holds(kind.snapshot, NO_ANSWERS) for question in questions)
        for kind in kinds_of_customers(questions)
    }


@pytest.mark.parametrize("question", QUESTIONS, ids=[each.in_words() for each in QUESTIONS])
def test_every_condition_has_a_customer_of_each_answer(question: Condition) -> None:
    assert answers_to([question]) == {(True,), (False,), (None,)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (plan("price_a"), plan("price_b")),
        (history(offers_at_least=1), history(cancellations_at_least=1)),
        (column("tier", "gold"), column("seats", at_least=3)),
        (country("DE"), place("US-MN")),
    ],
    ids=["two plans", "two counts", "two columns", "two places"],
)
def test_conditions_that_can_be_true_together_are(one: Condition, other: Condition) -> None:
    found = answers_to([one, other])

    assert set(itertools.product((True, False), repeat=2)) <= found


def test_conditions_that_exclude_each_other_are_never_true_together() -> None:
    assert (True, True) not in answers_to([tenure(at_most_months=1), tenure(at_least_months=2)])
    assert (True, True) not in answers_to([in_trial(), status("active")])


def test_three_plans_can_be_true_at_once() -> None:
    assert (True, True, True) in answers_to([plan("price_a"), plan("price_b"), plan("price_c")])


def test_customers_that_answer_alike_are_one_kind() -> None:
    assert len(kinds_of_customers([tenure(at_least_months=2)])) == 3
    assert len(kinds_of_customers([])) == 1
    assert len(kinds_of_customers([reason("unused")])) == 1
    assert said_of(kinds_of_customers([])[0]) == "any customer"


def said_of(kind: KindOfCustomer) -> str:
    return in_english(Sentence("value", {"value": kind.told}))


@pytest.mark.parametrize("question", QUESTIONS, ids=[each.in_words() for each in QUESTIONS])
def test_kinds_of_customers_are_told_apart_in_words(question: Condition) -> None:
    kinds = kinds_of_customers([question])

    said = {said_of(each) for each in kinds}

    assert len(said) == len(kinds)


def test_a_customer_is_told_in_the_words_of_the_conditions() -> None:
    kinds = kinds_of_customers([country("DE") & tenure(at_least_months=2)])

    assert {said_of(each) for each in kinds} >= {
        "the country is DE, it has run for 2 months",
        "not (the country is DE), it has run for 1 months",
        "not known: the country is DE, not known: it has run for 1 months",
    }


def test_part_of_a_country_that_is_not_known_is_a_kind_of_its_own() -> None:
    found = {kind.snapshot.place for kind in kinds_of_customers([place("US-MN"), place("US")])}

    # "US-0" is any part that no condition names.
    assert found == {"US-MN", "US", "US-0", "elsewhere", None}
    assert (True, True) in answers_to([place("US"), ~place("US-MN")])


def test_a_value_between_two_bounds_of_a_column_is_a_kind_of_its_own() -> None:
    below = column("churn", at_most=Decimal("0.2"))
    above = column("churn", at_least=Decimal("0.4"))

    assert (True, True) in answers_to([~below, ~above])
    assert (True,) in answers_to([~below & ~above])


@pytest.mark.parametrize("count", [3, 6])
def test_any_part_of_the_prices_that_one_condition_names_is_a_kind(count: int) -> None:
    plans: list[Condition] = [plan(f"price_{number}") for number in range(count)]
    together = plans[0]
    for each in plans[1:]:
        together = together & each

    found = answers_to([together, *plans])

    assert {answers[1:] for answers in found if None not in answers} == set(
        itertools.product((True, False), repeat=count)
    )


def test_of_many_prices_every_two_and_all_of_them_are_kinds() -> None:
    together = plan("price_0")
    for number in range(1, 9):
        together = together | plan(f"price_{number}")

    kinds = kinds_of_customers([together])

    assert len(kinds) == 9 + 1 + 36 + 1 + 1


def test_more_kinds_than_can_be_walked_are_refused_by_their_number() -> None:
    leaves = [column(f"c{number}", at_least=1) for number in range(11)]

    with pytest.raises(ConfigurationError, match=rf"177,147 kinds .* {MOST_KINDS:,}"):
        kinds_of_customers(leaves)
