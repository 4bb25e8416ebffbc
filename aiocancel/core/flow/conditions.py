"""Conditions: who gets an offer, as data that can be enumerated, stored and read aloud. Pure.

Conditions are combined with ``&`` (both), ``|`` (either) and ``~`` (not). Each is true, false or unknown, as nobody
may know a customer's country. What is unknown stays so when it is turned round with ``~``: an offer needs a condition
that is true, and a rule that forbids one holds unless its condition is false. The list of conditions is closed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Final, Literal, NoReturn, get_args

from aiocancel.core.check_settings import MOST, check_text, check_whole
from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.snapshot import History, Scalar, Snapshot
from aiocancel.core.identifiers import is_opaque_id
from aiocancel.core.owners_words import ENGLISH, in_english, listed
from aiocancel.core.sentences import Sentence, Value
from aiocancel.core.stored_json import refuse_unknown
from aiocancel.errors import ConfigurationError, UnreadableLedgerError

Truth = bool | None
"""None means that nobody knows."""

IntervalWord = Literal["day", "week", "month", "year"]
StatusWord = Literal["active", "trialing", "past_due", "unpaid", "paused", "incomplete"]

# Of Stripe's states those in which somebody can leave. https://docs.stripe.com/api/subscriptions/object
STATUSES: Final[tuple[str, ...]] = get_args(StatusWord)
INTERVALS: Final[tuple[str, ...]] = get_args(IntervalWord)

_COUNTRY: Final = re.compile(r"[A-Z]{2}")
# ISO 3166-2. https://www.iso.org/iso-3166-country-codes.html
_PLACE: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_CURRENCY: Final = re.compile(r"[a-z]{3}")
DEEPEST: Final = 20
"""How often conditions may be within each other."""
# In months: a hundred years, which every calendar has.
_LONGEST_TENURE: Final = 1200


class Condition:
    """A question about a snapshot and the customer's answers; made by the functions of this module."""

    __slots__ = ()

    def __and__(self, other: Condition) -> Condition:
        """Both hold."""
        return AllOf(_parts(AllOf, self, other))

    def __or__(self, other: Condition) -> Condition:
        """Either holds, or both."""
        return AnyOf(_parts(AnyOf, self, other))

    def __invert__(self) -> Condition:
        """It does not hold, and that is known."""
        return self.part if isinstance(self, Not) else Not(self)

    def __bool__(self) -> NoReturn:
        """Refuse ``and``, ``or`` and ``not``, which would silently drop one of two conditions."""
        raise TypeError("combine conditions with &, | and ~ instead of and, or and not")

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Say whether it is true of this customer, None where nobody knows."""
        raise NotImplementedError

    def as_sentence(self) -> Sentence:
        """Return it for the owner of the flow."""
        raise NotImplementedError

    def in_words(self) -> str:
        """Return it in English."""
        return in_english(self.as_sentence())

    def leaves(self) -> Iterator[Condition]:
        """Yield the conditions that it is made of, those of combinations included."""
        yield self


def _parts(kind: type[AllOf | AnyOf], *given: object) -> tuple[Condition, ...]:
    parts: list[Condition] = []
    for each in given:
        if not isinstance(each, Condition):
            raise TypeError(f"a condition is needed, not {type(each).__name__}")
        parts.extend(
            each.parts if isinstance(each, AllOf | AnyOf) and isinstance(each, kind) else [each]
        )
    return tuple(parts)


def _check_parts(name: str, parts: object) -> None:
    if not isinstance(parts, tuple) or not parts:
        raise ConfigurationError(f"{name}.parts is a tuple of conditions")
    for number, each in enumerate(parts):
        if not isinstance(each, Condition):
            raise ConfigurationError(f"{name}.parts[{number}] is a condition, such as in_trial()")


def is_too_deep(condition: Condition, deepest: int = DEEPEST) -> bool:
    """Tell whether conditions are within each other so often that they could not be read back once stored."""
    if deepest < 0:
        return True
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return any(is_too_deep(part, deepest - 1) for part in parts)
        case Not(part):
            return is_too_deep(part, deepest - 1)
        case _:
            return False


# --- combinations -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AllOf(Condition):
    """All of several conditions hold."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        _check_parts("AllOf", self.parts)

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Be false as soon as one is false, whatever is unknown of the others."""
        found = [part.holds(snapshot, answers) for part in self.parts]
        return False if False in found else None if None in found else True

    def as_sentence(self) -> Sentence:
        """Join the parts, and bracket what is joined otherwise."""
        return _joined("and", self.parts)

    def leaves(self) -> Iterator[Condition]:
        """Yield those of all parts."""
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True, slots=True)
class AnyOf(Condition):
    """At least one of several conditions holds."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        _check_parts("AnyOf", self.parts)

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Be true as soon as one is true, whatever is unknown of the others."""
        found = [part.holds(snapshot, answers) for part in self.parts]
        return True if True in found else None if None in found else False

    def as_sentence(self) -> Sentence:
        """Join the parts, and bracket what is joined otherwise."""
        return _joined("or", self.parts)

    def leaves(self) -> Iterator[Condition]:
        """Yield those of all parts."""
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """A condition does not hold."""

    part: Condition

    def __post_init__(self) -> None:
        if not isinstance(self.part, Condition):
            raise ConfigurationError("Not.part is a condition, such as in_trial()")

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Turn it round; what is unknown stays unknown."""
        found = self.part.holds(snapshot, answers)
        return None if found is None else not found

    def as_sentence(self) -> Sentence:
        """Put "not" before it."""
        return Sentence("not", {"part": self.part.as_sentence()})

    def leaves(self) -> Iterator[Condition]:
        """Yield those of its part."""
        yield from self.part.leaves()


def _joined(key: str, parts: Sequence[Condition]) -> Sentence:
    told, *others = (_bracketed(part) for part in parts)
    for each in others:
        told = Sentence(key, {"first": told, "last": each})
    return told


def _bracketed(part: Condition) -> Sentence:
    told = part.as_sentence()
    return Sentence("brackets", {"part": told}) if isinstance(part, AllOf | AnyOf) else told


# --- questions --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReasonIs(Condition):
    """The customer chose one of these reasons; no answer is none of them."""

    keys: tuple[str, ...]

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Compare the answer."""
        return answers.reason in self.keys

    def as_sentence(self) -> Sentence:
        """Name the reasons."""
        return Sentence("if_reason", {"values": listed("or", self.keys)})


@dataclass(frozen=True, slots=True)
class PlanIs(Condition):
    """An item has one of these prices."""

    price_ids: tuple[str, ...]

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Look for one of the prices."""
        known = snapshot.price_ids
        return None if known is None else any(price_id in self.price_ids for price_id in known)

    def as_sentence(self) -> Sentence:
        """Name the prices."""
        return Sentence("if_price", {"values": listed("or", self.price_ids)})


@dataclass(frozen=True, slots=True)
class AmountIs(Condition):
    """One payment, before discounts and tax, is within bounds, in minor units of one currency."""

    currency: str
    at_least: int | None = None
    at_most: int | None = None

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Compare the price; one in another currency is not within the bounds."""
        if snapshot.currency is None or snapshot.price_minor is None:
            return None
        return snapshot.currency == self.currency and _is_within(
            snapshot.price_minor, self.at_least, self.at_most
        )

    def as_sentence(self) -> Sentence:
        """Name the bounds, in minor units."""
        bounds = _bounds(self.at_least, self.at_most)
        return Sentence("if_amount", {"bounds": bounds, "currency": self.currency})


@dataclass(frozen=True, slots=True)
class IntervalIs(Condition):
    """Every item is paid at one of these intervals, each paid once in ``count`` of them."""

    words: tuple[str, ...]
    count: int = 1

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Compare the interval and its count."""
        if snapshot.interval is None or snapshot.interval_count is None:
            return None
        return snapshot.interval in self.words and snapshot.interval_count == self.count

    def as_sentence(self) -> Sentence:
        """Name the intervals."""
        words = self.words if self.count == 1 else [f"{word}s" for word in self.words]
        # A newer release may know other intervals: its words are told as they are.
        told: list[Value] = [Sentence(word) if word in ENGLISH else word for word in words]

        values = listed("or", told)
        if self.count == 1:
            return Sentence("if_paid", {"values": values})
        return Sentence("if_paid_each", {"number": self.count, "values": values})


@dataclass(frozen=True, slots=True)
class TenureIs(Condition):
    """The subscription has run for so many full months."""

    at_least: int | None = None
    at_most: int | None = None

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Compare the full months."""
        months = snapshot.months
        return None if months is None else _is_within(months, self.at_least, self.at_most)

    def as_sentence(self) -> Sentence:
        """Name the bounds."""
        return Sentence("if_run", {"bounds": _bounds(self.at_least, self.at_most)})


@dataclass(frozen=True, slots=True)
class StatusIs(Condition):
    """The subscription is in one of these states of Stripe's."""

    words: tuple[str, ...]

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Compare the state."""
        return None if snapshot.status is None else snapshot.status in self.words

    def as_sentence(self) -> Sentence:
        """Name the states."""
        return Sentence("if_status", {"values": listed("or", self.words)})


@dataclass(frozen=True, slots=True)
class CountryIs(Condition):
    """The customer is in one of these countries."""

    codes: tuple[str, ...]

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Compare the country."""
        return None if snapshot.country is None else snapshot.country in self.codes

    def as_sentence(self) -> Sentence:
        """Name the countries."""
        return Sentence("if_country", {"values": listed("or", self.codes)})


@dataclass(frozen=True, slots=True)
class PlaceIs(Condition):
    """The rules of one of these places hold; a country holds all its parts."""

    codes: tuple[str, ...]

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Compare the place; of a customer whose part of a country is not known, that part is unknown."""
        known = snapshot.place
        if known is None:
            return None

        found = [
            True
            if known == code or known.startswith(f"{code}-")
            else None
            if code.startswith(f"{known}-")
            else False
            for code in self.codes
        ]
        return True if True in found else None if None in found else False

    def as_sentence(self) -> Sentence:
        """Name the places."""
        return Sentence("if_place", {"values": listed("or", self.codes)})


@dataclass(frozen=True, slots=True)
class ColumnIs(Condition):
    """A column of the application's row has one of some values, or lies within bounds; NULL is unknown."""

    name: str
    one_of: tuple[Scalar, ...] = ()
    at_least: Decimal | None = None
    at_most: Decimal | None = None

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Compare the value; one of another type is unknown, as are a column that is missing and NULL."""
        value = snapshot.columns.get(self.name)
        if value is None:
            return None
        if self.one_of:
            alike = [each for each in self.one_of if _kind(each) == _kind(value)]
            return value in alike if alike else None

        if _kind(value) != "number":
            return None
        return _is_within(Decimal(value), self.at_least, self.at_most)

    def as_sentence(self) -> Sentence:
        """Name the column and its values or bounds."""
        values = (
            listed("or", [str(value) for value in self.one_of])
            if self.one_of
            else _bounds(self.at_least, self.at_most)
        )
        return Sentence("if_column", {"name": self.name, "values": values})


@dataclass(frozen=True, slots=True)
class HistoryIs(Condition):
    """The customer took so many offers, or cancelled so often before."""

    offers_at_least: int | None = None
    offers_at_most: int | None = None
    cancellations_at_least: int | None = None
    cancellations_at_most: int | None = None

    def holds(self, snapshot: Snapshot, answers: Answers) -> Truth:
        """Compare both counts."""
        known: History | None = snapshot.history
        return (
            None
            if known is None
            else (
                _is_within(known.offers_taken, self.offers_at_least, self.offers_at_most)
                and _is_within(
                    known.cancellations, self.cancellations_at_least, self.cancellations_at_most
                )
            )
        )

    def as_sentence(self) -> Sentence:
        """Name the bounds that there are."""
        told = []
        if (self.offers_at_least, self.offers_at_most) != (None, None):
            bounds = _bounds(self.offers_at_least, self.offers_at_most)
            told.append(Sentence("if_offers", {"bounds": bounds}))
        if (self.cancellations_at_least, self.cancellations_at_most) != (None, None):
            bounds = _bounds(self.cancellations_at_least, self.cancellations_at_most)
            told.append(Sentence("if_cancellations", {"bounds": bounds}))
        return told[0] if len(told) == 1 else Sentence("and", {"first": told[0], "last": told[1]})


def _is_within(
    value: int | Decimal, least: int | Decimal | None, most: int | Decimal | None
) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _kind(value: Scalar) -> str:
    """Tell texts, flags and numbers apart: to Python True equals 1."""
    return "flag" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def _bounds(least: int | Decimal | None, most: int | Decimal | None) -> Sentence:
    if least is None:
        return Sentence("at_most", {"value": str(most)})
    if most is None:
        return Sentence("at_least", {"value": str(least)})
    if least == most:
        return Sentence("value", {"value": str(least)})
    return Sentence("from_to", {"low": str(least), "high": str(most)})


# --- the functions that owners write ----------------------------------------------------------------------


def reason(*keys: str) -> Condition:
    """Ask which reason the customer chose.

    Args:
        keys: Keys of reasons of the same flow. A customer who chose none has none of them.
    """
    return ReasonIs(_texts("reason", keys))


def plan(*price_ids: str) -> Condition:
    """Ask for the plan.

    Args:
        price_ids: Stripe's ids of prices, ``price_…``; one item with one of them is enough.
    """
    if not all(is_opaque_id(each) for each in _texts("plan", price_ids)):
        raise ConfigurationError("plan(): a price is Stripe's id, such as 'price_1Nx'")
    return PlanIs(price_ids)


def amount(*, currency: str, at_least: int | None = None, at_most: int | None = None) -> Condition:
    """Ask for the sum of one payment, before discounts and tax.

    Args:
        currency: Stripe's lowercase code. A price in another currency is not within the bounds.
        at_least: The smallest sum, in minor units, as 2900 for €29.00.
        at_most: The largest.
    """
    check_text("amount(): currency", currency)
    if not _CURRENCY.fullmatch(currency):
        raise ConfigurationError("amount(): currency is three lowercase letters, such as 'eur'")
    _check_bounds("amount", at_least, at_most)
    return AmountIs(currency, at_least, at_most)


def interval(*words: IntervalWord, count: int = 1) -> Condition:
    """Ask how often it is paid; items that are paid at different times have no one interval.

    Args:
        words: ``day``, ``week``, ``month`` or ``year``.
        count: One payment for so many of them, as 3 with ``month`` for a quarter.
    """
    check_whole("interval(): count", count)
    return IntervalIs(_chosen("interval", words, INTERVALS), count)


def tenure(*, at_least_months: int | None = None, at_most_months: int | None = None) -> Condition:
    """Ask for how many full months the subscription has run, its trial included.

    Args:
        at_least_months: The fewest.
        at_most_months: The most.
    """
    _check_bounds("tenure", at_least_months, at_most_months, most_of_all=_LONGEST_TENURE)
    return TenureIs(at_least_months, at_most_months)


def status(*words: StatusWord) -> Condition:
    """Ask for Stripe's state of the subscription.

    Args:
        words: ``active``, ``trialing``, ``past_due``, ``unpaid``, ``paused`` or ``incomplete``.
    """
    return StatusIs(_chosen("status", words, STATUSES))


def in_trial() -> Condition:
    """Ask whether the subscription is in its trial."""
    return StatusIs(("trialing",))


def country(*codes: str) -> Condition:
    """Ask for the customer's country, as the application or Stripe's billing address has it.

    Args:
        codes: Two letters each, such as ``DE``.
    """
    return CountryIs(_coded("country", codes, _COUNTRY, "two letters, such as 'DE'"))


def place(*codes: str) -> Condition:
    """Ask whose rules hold for the customer.

    Args:
        codes: A country such as ``DE``, or a part of one such as ``US-MN``; a country holds all its parts.
    """
    return PlaceIs(
        _coded("place", codes, _PLACE, "a country or a part of one, such as 'DE' or 'US-MN'")
    )


def column(
    name: str,
    *values: Scalar,
    at_least: int | Decimal | None = None,
    at_most: int | Decimal | None = None,
) -> Condition:
    """Ask for a column of the application's own row, as ``subscription_query`` selects it.

    Args:
        name: The column. A row without it, and NULL, are unknown.
        values: It has one of these. A text is compared as it stands, and never equals a number.
        at_least: It is a number, and at least this.
        at_most: It is a number, and at most this.
    """
    check_text("column(): name", name)
    if not name:
        raise ConfigurationError("column(): name is empty")
    has_bounds = (at_least, at_most) != (None, None)
    if bool(values) == has_bounds:
        raise ConfigurationError(f"column({name!r}): give values, or bounds, and not both")

    for value in values:
        if not isinstance(value, str | int | Decimal):
            raise ConfigurationError(f"column({name!r}): a value is a text, a number or a flag")
    for bound in (at_least, at_most):
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | Decimal)):
            raise ConfigurationError(f"column({name!r}): a bound is a whole number or a Decimal")
    least, most = (None if bound is None else Decimal(bound) for bound in (at_least, at_most))
    for number in (*values, least, most):
        if isinstance(number, Decimal) and not number.is_finite():
            raise ConfigurationError(f"column({name!r}): a number must be finite")
    if least is not None and most is not None and least > most:
        raise ConfigurationError(f"column({name!r}): at_least is more than at_most")
    return ColumnIs(name, values, least, most)


def history(
    *,
    offers_at_least: int | None = None,
    offers_at_most: int | None = None,
    cancellations_at_least: int | None = None,
    cancellations_at_most: int | None = None,
) -> Condition:
    """Ask what the customer did before, about this subscription, as our ledger has it.

    Args:
        offers_at_least: How many offers were taken, at least.
        offers_at_most: At most.
        cancellations_at_least: How many cancellations were asked for, at least.
        cancellations_at_most: At most.
    """
    bounds = (offers_at_least, offers_at_most, cancellations_at_least, cancellations_at_most)
    if bounds == (None, None, None, None):
        raise ConfigurationError("history(): give at least one bound")
    for least, most in (bounds[:2], bounds[2:]):
        if (least, most) != (None, None):
            _check_bounds("history", least, most)
    return HistoryIs(*bounds)


def _texts(name: str, given: tuple[Any, ...]) -> tuple[str, ...]:
    if not given or not all(isinstance(each, str) and each for each in given):
        raise ConfigurationError(f"{name}(): give one text or several, none of them empty")
    return given


def _chosen(name: str, given: tuple[str, ...], words: Collection[str]) -> tuple[str, ...]:
    if unknown := [each for each in _texts(name, given) if each not in words]:
        raise ConfigurationError(f"{name}(): {unknown[0]!r} is none of {', '.join(words)}")
    return given


def _coded(
    name: str, given: tuple[str, ...], shape: re.Pattern[str], example: str
) -> tuple[str, ...]:
    codes = tuple(each.upper() for each in _texts(name, given))
    if not all(shape.fullmatch(each) for each in codes):
        raise ConfigurationError(f"{name}(): a code is {example}")
    return codes


def _check_bounds(
    name: str, least: int | None, most: int | None, *, most_of_all: int = MOST
) -> None:
    if (least, most) == (None, None):
        raise ConfigurationError(f"{name}(): give at least one bound")
    for bound in (least, most):
        if bound is not None:
            check_whole(f"{name}(): a bound", bound, least=0, most=most_of_all)
    if least is not None and most is not None and least > most:
        raise ConfigurationError(f"{name}(): the lower bound is more than the upper")


# --- as JSON ----------------------------------------------------------------------------------------------

_STORED: Final[Mapping[str, type[Any]]] = {
    "reason": ReasonIs,
    "plan": PlanIs,
    "amount": AmountIs,
    "interval": IntervalIs,
    "tenure": TenureIs,
    "status": StatusIs,
    "country": CountryIs,
    "place": PlaceIs,
    "column": ColumnIs,
    "history": HistoryIs,
    "all": AllOf,
    "any": AnyOf,
    "not": Not,
}
_WORDS: Final[Mapping[type[Any], str]] = {kind: word for word, kind in _STORED.items()}


def condition_to_json(condition: Condition) -> dict[str, Any]:
    """Return it as JSON values; ``condition_from_json`` is its inverse."""
    values = {
        each.name: _plain(getattr(condition, each.name))
        for each in fields(condition)  # type: ignore[arg-type] # every kind in the list is a dataclass
    }
    return {"is": _WORDS[type(condition)], **values}


def _plain(value: Any) -> Any:
    match value:
        case Condition():
            return condition_to_json(value)
        case tuple():
            return [_plain(each) for each in value]
        case Decimal():
            return {"decimal": str(value)}
        case _:
            return value


def condition_from_json(data: Mapping[str, Any], *, depth: int = 0) -> Condition:
    """Read the JSON of ``condition_to_json``; raises UnreadableLedgerError for another kind or field."""
    values = dict(data)
    word = values.pop("is", None)
    if word not in _STORED or depth > DEEPEST:
        raise UnreadableLedgerError(f"the ledger holds a condition of the unknown kind {word!r}")
    kind = _STORED[word]
    refuse_unknown(values, [each.name for each in fields(kind)], f"a condition of the kind {word}")

    found: Condition = kind(**{name: _typed(value, depth) for name, value in values.items()})
    return found


def _typed(value: Any, depth: int) -> Any:
    match value:
        case {"is": _}:
            return condition_from_json(value, depth=depth + 1)
        case {"decimal": str(text)}:
            return Decimal(text)
        case list():
            return tuple(_typed(each, depth) for each in value)
        case _:
            return value
