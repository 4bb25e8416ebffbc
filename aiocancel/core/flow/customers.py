"""Every kind of customer that a definition tells apart, each with one example. Pure.

A condition cuts customers into those of whom it is true, those of whom it is false, and those of whom nobody knows.
Examples on both sides of every cut, and one that is unknown, stand for all customers; two that answer every condition
alike are one kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from aiocancel.core.calendar_months import add_months
from aiocancel.core.flow.answers import NO_ANSWERS
from aiocancel.core.flow.conditions import (
    STATUSES,
    AmountIs,
    ColumnIs,
    Condition,
    CountryIs,
    HistoryIs,
    IntervalIs,
    PlaceIs,
    PlanIs,
    StatusIs,
    TenureIs,
)
from aiocancel.core.flow.snapshot import History, Scalar, Snapshot
from aiocancel.core.owners_words import listed
from aiocancel.core.sentences import Sentence, Value
from aiocancel.errors import ConfigurationError

MOST_KINDS: Final = 20_000
# Any part of so many prices is tried; of more, two at a time and all of them.
_MOST_PRICES_APART: Final = 6
_NOW: Final = datetime(2030, 1, 15, tzinfo=UTC)
_NOBODY_KNOWS: Final = Snapshot(_NOW)


@dataclass(frozen=True, slots=True)
class KindOfCustomer:
    """One kind: an example, and what is told of it."""

    snapshot: Snapshot
    parts: tuple[Sentence, ...] = ()

    @property
    def told(self) -> Value:
        """The customers of this kind in words, for the owner of the flow."""
        return listed("comma", self.parts) if self.parts else Sentence("any_customer")


@dataclass(frozen=True, slots=True)
class _Example:
    told: Sentence
    changes: Mapping[str, Any]


def kinds_of_customers(conditions: Sequence[Condition]) -> list[KindOfCustomer]:
    """Return an example of every kind.

    Args:
        conditions: Those of a definition and of its rules.

    Raises:
        ConfigurationError: The conditions tell more kinds apart than can be walked.
    """
    leaves = [leaf for condition in conditions for leaf in condition.leaves()]
    dimensions = [_told_apart(each, leaves) for each in _dimensions(conditions, leaves).values()]
    count = 1
    for examples in dimensions:
        count *= len(examples)
    if count > MOST_KINDS:
        raise ConfigurationError(
            f"the conditions tell {count:,} kinds of customers apart, and at most {MOST_KINDS:,} can be walked"
        )

    return [_joined(examples) for examples in itertools.product(*dimensions)]


def _joined(examples: tuple[_Example, ...]) -> KindOfCustomer:
    changes: dict[str, Any] = {}
    columns: dict[str, Scalar] = {}
    for example in examples:
        known = dict(example.changes)
        columns |= known.pop("columns", {})
        changes |= known
    parts = tuple(example.told for example in examples)
    return KindOfCustomer(replace(_NOBODY_KNOWS, **changes, columns=columns), parts)


def _told_apart(examples: Sequence[_Example], leaves: Sequence[Condition]) -> list[_Example]:
    """Keep the first of those examples that answer every condition alike."""
    kept: dict[tuple[bool | None, ...], _Example] = {}
    for example in examples:
        snapshot = replace(_NOBODY_KNOWS, **example.changes)
        answers = tuple(leaf.holds(snapshot, NO_ANSWERS) for leaf in leaves)
        kept.setdefault(answers, example)
    return list(kept.values())


def _dimensions(
    conditions: Sequence[Condition], leaves: Sequence[Condition]
) -> dict[str, list[_Example]]:
    found: dict[str, list[_Example]] = {}
    for leaf in leaves:
        name, examples = _examples(leaf)
        if examples:
            found.setdefault(name, []).extend(examples)

    if together := _prices_together(conditions, leaves):
        found["price"].extend(together)
    for name, between in _between_bounds(leaves).items():
        found[f"column {name}"].extend(between)
    if histories := list(_histories([leaf for leaf in leaves if isinstance(leaf, HistoryIs)])):
        found["history"] = histories
    for examples in found.values():
        examples.append(_Example(Sentence("not_known", {"part": examples[0].told}), {}))
    return found


def _examples(leaf: Condition) -> tuple[str, list[_Example]]:
    """Return the dimension of a condition, and examples on every side of it."""
    match leaf:
        case PlanIs(price_ids):
            return "price", [
                *(_Example(_is("if_price", each), {"price_ids": (each,)}) for each in price_ids),
                _Example(_is_not(leaf), {"price_ids": ("another price",)}),
            ]
        case AmountIs():
            return "amount", _amounts(leaf)
        case IntervalIs():
            return "interval", _intervals(leaf)
        case TenureIs(least, most):
            return "tenure", [
                _Example(
                    Sentence("if_run", {"bounds": str(months)}),
                    {"started_at": add_months(_NOW, -int(months))},
                )
                for months in _around(least, most)
            ]
        case StatusIs():
            return "status", [
                _Example(_is("if_status", each), {"status": each}) for each in STATUSES
            ]

        case CountryIs(codes):
            return "country", [
                *(_Example(_is("if_country", each), {"country": each}) for each in codes),
                _Example(_is_not(leaf), {"country": "another country"}),
            ]
        case PlaceIs(codes):
            countries = [code[:2] for code in codes]
            # No part of a country is called so: it stands for those that no condition names.
            others = [f"{country}-0" for country in countries]
            known = (*codes, *countries, *others)
            return "place", [
                *(_Example(_is("if_place", each), {"place": each}) for each in known),
                _Example(_is_not(leaf), {"place": "elsewhere"}),
            ]
        case ColumnIs(name):
            return f"column {name}", [
                _Example(_column_is(name, value), {"columns": {name: value}})
                for value in _values(leaf)
            ]
        case _:
            # The walk goes through every reason by itself, and counts of both kinds are combined elsewhere.
            return "", []


def _is(key: str, value: str) -> Sentence:
    return Sentence(key, {"values": value})


def _is_not(leaf: Condition) -> Sentence:
    return Sentence("not", {"part": leaf.as_sentence()})


def _column_is(name: str, value: object) -> Sentence:
    return Sentence("if_column", {"name": name, "values": str(value)})


def _amounts(leaf: AmountIs) -> list[_Example]:
    return [
        *(
            _Example(
                Sentence("if_amount", {"bounds": str(minor), "currency": leaf.currency}),
                {"currency": leaf.currency, "price_minor": minor},
            )
            for minor in _around(leaf.at_least, leaf.at_most)
        ),
        _Example(_is_not(leaf), {"currency": "another", "price_minor": 0}),
    ]


def _intervals(leaf: IntervalIs) -> list[_Example]:
    return [
        *(
            _Example(
                replace(leaf, words=(word,)).as_sentence(),
                {"interval": word, "interval_count": leaf.count},
            )
            for word in leaf.words
        ),
        _Example(_is_not(leaf), {"interval": "another", "interval_count": 0}),
    ]


def _around(*bounds: int | Decimal | None) -> list[int | Decimal]:
    """Return the numbers at, below and above each bound, none below zero."""
    near = {bound + step for bound in bounds if bound is not None for step in (-1, 0, 1)}
    return sorted(number for number in near if number >= 0)


def _values(leaf: ColumnIs) -> list[Scalar]:
    near = {
        bound + step
        for bound in (leaf.at_least, leaf.at_most)
        if bound is not None
        for step in (-1, 0, 1)
    }
    others: list[Scalar] = [] if not leaf.one_of else ["another value", -1, True, False]
    return [*leaf.one_of, *sorted(near), *others]


def _between_bounds(leaves: Sequence[Condition]) -> dict[str, list[_Example]]:
    """Return a value in the middle of every two neighbouring bounds of a column."""
    bounds: dict[str, set[Decimal]] = {}
    for leaf in leaves:
        if isinstance(leaf, ColumnIs):
            known = [each for each in (leaf.at_least, leaf.at_most) if each is not None]
            bounds.setdefault(leaf.name, set()).update(Decimal(each) for each in known)

    found: dict[str, list[_Example]] = {}
    for name, numbers in bounds.items():
        middles = [(low + high) / 2 for low, high in itertools.pairwise(sorted(numbers))]
        found[name] = [
            _Example(_column_is(name, each), {"columns": {name: each}}) for each in middles
        ]
    return found


def _prices_together(
    conditions: Sequence[Condition], leaves: Sequence[Condition]
) -> list[_Example]:
    """Return subscriptions with several items, of which several conditions may be true at once.

    Those are every two prices, all of them, and any part of a few that one condition names.
    """
    named = _prices(leaves)

    together: dict[tuple[str, ...], None] = dict.fromkeys(itertools.combinations(named, 2))
    together[tuple(named)] = None
    for condition in conditions:
        prices = _prices(list(condition.leaves()))
        if len(prices) <= _MOST_PRICES_APART:
            for count in range(2, len(prices) + 1):
                together.update(dict.fromkeys(itertools.combinations(prices, count)))

    several = [each for each in together if len(each) > 1]
    return [
        _Example(Sentence("if_price", {"values": listed("and", each)}), {"price_ids": each})
        for each in several
    ]


def _prices(leaves: Sequence[Condition]) -> list[str]:
    plans = [leaf for leaf in leaves if isinstance(leaf, PlanIs)]
    return list(dict.fromkeys(each for leaf in plans for each in leaf.price_ids))


def _histories(leaves: Sequence[HistoryIs]) -> Iterator[_Example]:
    if not leaves:
        return
    offers = _around(*(b for leaf in leaves for b in (leaf.offers_at_least, leaf.offers_at_most)))
    cancellations = _around(
        *(b for leaf in leaves for b in (leaf.cancellations_at_least, leaf.cancellations_at_most))
    )
    for taken, before in itertools.product(offers or [0], cancellations or [0]):
        history = History(int(taken), int(before))

        told = Sentence(
            "comma",
            {
                "first": Sentence("if_offers", {"bounds": str(taken)}),
                "last": Sentence("if_cancellations", {"bounds": str(before)}),
            },
        )
        yield _Example(told, {"history": history})
