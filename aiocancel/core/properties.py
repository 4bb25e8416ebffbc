"""Values of the application's row as a flow vendor's payload takes them, their types checked before anything is signed.

A value of the wrong type makes the vendor refuse the whole flow. So it is left out and reported: one property
less costs the owner a segment, a refused flow every customer.
Source: ProsperStack, "Custom properties" (https://docs.prosperstack.com/customer-segmentation/custom-properties).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from aiocancel.core.storable_text import is_storable
from aiocancel.errors import ConfigurationError, PropertyError

PropertyType = Literal["text", "number", "boolean", "date"]
Entity = Literal["subscriber", "subscription"]
Scalar = str | int | float | bool

_IDENTIFIER: Final = re.compile(r"[a-z0-9_]+", re.ASCII)
# Beyond it a whole number is not exact at the receiver's, whichever way it is written.
_LARGEST_EXACT: Final = 2**53


@dataclass(frozen=True, slots=True)
class Source:
    """Where one value of a payload comes from: ``path`` is its place there, ``column`` the row's.

    Of a required one, NULL and an empty text are as wrong as another type.
    """

    path: tuple[str, ...]
    type: PropertyType
    column: str
    is_required: bool = False

    @property
    def name(self) -> str:
        """The path as one word: ``subscription.properties.number_of_contacts``."""
        return ".".join(self.path)

    def read(self, record: Mapping[str, Any]) -> Scalar | None:
        """Return the row's value as JSON holds it, None for a NULL that may be; raises PropertyError."""
        if self.column not in record:
            raise PropertyError(
                f"the row has no column {self.column}, which {self.name} comes from",
                name=self.name,
                expected=self.type,
            )

        value = record[self.column]
        if value is None and not self.is_required:
            return None

        read = _READERS[self.type](value)
        if read is None or (self.is_required and read == ""):
            raise PropertyError(
                f"the column {self.column} does not hold a {self.type}, which {self.name} has to be",
                name=self.name,
                expected=self.type,
            )
        return read


@dataclass(frozen=True, slots=True)
class Property:
    """A custom property.

    Source: https://docs.prosperstack.com/customer-segmentation/custom-properties

    Args:
        identifier: The unique identifier that it was created with at the vendor.
        type: ``text`` for a ``str``; ``number`` for an ``int``, ``float`` or ``Decimal``, finite; ``boolean`` for a
            ``bool``; ``date`` for a ``date`` or ``datetime``, of which an aware one counts with its day in UTC. NULL is
            left out.
        entity: Whom it describes: ``subscriber`` or ``subscription``.
        column: The column of the application's row that it comes from; by default the one named like the identifier.

    Raises:
        ConfigurationError: Says what is wrong with it.
    """

    identifier: str
    type: PropertyType
    _: KW_ONLY
    entity: Entity
    column: str | None = None

    def __post_init__(self) -> None:
        if _IDENTIFIER.fullmatch(self.identifier) is None:
            raise ConfigurationError(
                "a property is named by its unique identifier, in lowercase letters, digits and _, "
                f"not {self.identifier!r}"
            )

        if self.type not in _READERS:
            raise ConfigurationError(
                f"the type of {self.identifier} is 'text', 'number', 'boolean' or 'date'"
            )
        if self.entity not in ("subscriber", "subscription"):
            raise ConfigurationError(
                f"the entity of {self.identifier} is 'subscriber' or 'subscription'"
            )
        if self.column == "":
            raise ConfigurationError(f"the column of {self.identifier} has no name")

    @property
    def source(self) -> Source:
        """Where its value comes from, and where it goes."""
        return Source(
            (self.entity, "properties", self.identifier), self.type, self.column or self.identifier
        )


def fill(
    payload: MutableMapping[str, Any], sources: Iterable[Source], record: Mapping[str, Any]
) -> list[PropertyError]:
    """Put the row's values into ``payload``, and return why others were left out; never raises."""
    problems = []
    for source in sources:
        try:
            value = source.read(record)
        except PropertyError as problem:
            problems.append(problem)
            continue
        if value is not None:
            place = payload
            for name in source.path[:-1]:
                place = place.setdefault(name, {})
            place[source.path[-1]] = value

    return problems


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and is_storable(value) else None


def _number(value: object) -> int | float | None:
    # True is an int in Python.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None

    try:
        nearest = float(value)
    except (OverflowError, ValueError):
        return None

    if not math.isfinite(nearest):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Decimal) and nearest.is_integer() and abs(nearest) <= _LARGEST_EXACT:
        return int(nearest)
    # The shortest text of a float reads as the Decimal that it came from: 99.90 goes out as 99.9.
    return nearest


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _date(value: object) -> str | None:
    if not isinstance(value, date):
        return None
    if not isinstance(value, datetime):
        return value.isoformat()
    try:
        moment = value if value.utcoffset() is None else value.astimezone(UTC)
    except OverflowError:
        # The first or the last day of all, which is another one in UTC.
        return None
    return moment.date().isoformat()


_READERS: Final[Mapping[PropertyType, Callable[[object], Scalar | None]]] = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
}
