"""A sentence for a customer or an owner: the key of its words, and the values in it. Its language is said later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in Stripe's minor units; ``currency`` is Stripe's lowercase code."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Percent:
    """A share in percent, as 25 for 25 %."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Points:
    """A difference of two shares in points, told with its sign, as +8.8 for 8.8 % more of all."""

    points: Decimal


@dataclass(frozen=True, slots=True)
class Moment:
    """A time to the minute, with its zone; a bare ``datetime`` is written as a day."""

    at: datetime


Value: TypeAlias = "str | int | date | datetime | Moment | Money | Percent | Points | Sentence"
"""Times are aware; each kind is written as the customer's language writes it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """The words of ``key`` with ``values`` in them; a value ``count`` chooses between one and several.

    ``plain`` is the key of older words that say less. An owner who replaced those, and not these, is taken by their
    word: their own language is better than ours.
    """

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
    plain: str | None = None
