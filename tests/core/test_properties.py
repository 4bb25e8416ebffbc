"""Custom properties: what of a row may be signed, in which spelling, and what is left out."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel import Property
from aiocancel.core.properties import Source, fill
from aiocancel.errors import AiocancelError, ConfigurationError, PropertyError

NINE_HOURS_AHEAD = timezone(timedelta(hours=9))


class Plan(StrEnum):
    TEAM = "team"


class Seats(IntEnum):
    FIVE = 5


def source(kind: Any) -> Source:
    return Property("answer", kind, entity="subscription", column="cell").source


def spelled(kind: Any, value: object) -> str:
    """The JSON text of a column's value."""
    return json.dumps(source(kind).read({"cell": value}))


# Values


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("text", "Zoë", '"Zo\\u00eb"'),
        ("text", "", '""'),
        ("text", "2026-01-31", '"2026-01-31"'),
        ("text", Plan.TEAM, '"team"'),
        ("number", 0, "0"),
        ("number", -7, "-7"),
        ("number", 2**53 + 1, "9007199254740993"),
        ("number", 1.5, "1.5"),
        ("number", Seats.FIVE, "5"),
        ("number", Decimal("99.90"), "99.9"),
        ("number", Decimal("0.1"), "0.1"),
        ("number", Decimal("19.99"), "19.99"),
        ("number", Decimal("-0.07"), "-0.07"),
        ("number", Decimal("100.00"), "100"),
        ("number", Decimal("1E+3"), "1000"),
        ("number", Decimal(2**53), "9007199254740992"),
        ("number", Decimal("1E+30"), "1e+30"),
        ("number", Decimal("33.333333333333333333333"), "33.333333333333336"),
        ("boolean", True, "true"),
        ("boolean", False, "false"),
        ("date", date(2026, 1, 31), '"2026-01-31"'),
        ("date", date(33, 4, 3), '"0033-04-03"'),
        ("date", datetime(2026, 1, 31, 23, 59), '"2026-01-31"'),
        ("date", datetime(2026, 1, 31, 23, 59, tzinfo=UTC), '"2026-01-31"'),
        ("date", datetime(2026, 2, 1, 8, 59, tzinfo=NINE_HOURS_AHEAD), '"2026-01-31"'),
        ("date", datetime.max, '"9999-12-31"'),
    ],
    ids=repr,
)
def test_a_value_of_its_type_is_spelled_as_the_vendor_reads_it(
    kind: str, value: object, text: str
) -> None:
    assert spelled(kind, value) == text


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 7),
        ("text", True),
        ("text", b"text"),
        ("text", UUID(int=7)),
        ("text", "a\0"),
        ("text", "a\ud800"),
        ("number", "7"),
        ("number", True),
        ("number", math.nan),
        ("number", -math.inf),
        ("number", 10**400),
        ("number", Decimal("NaN")),
        ("number", Decimal("sNaN")),
        ("number", Decimal("Infinity")),
        ("number", Decimal("1E+400")),
        ("number", timedelta(days=7)),
        ("boolean", 1),
        ("boolean", "true"),
        ("date", "2026-01-31"),
        ("date", 1_767_000_000),
        ("date", datetime.min.replace(tzinfo=NINE_HOURS_AHEAD)),
    ],
    ids=repr,
)
def test_a_value_of_another_type_is_refused_by_the_propertys_name_and_type_alone(
    kind: str, value: object
) -> None:
    with pytest.raises(PropertyError) as refused:
        spelled(kind, value)
    assert isinstance(refused.value, AiocancelError)
    assert (refused.value.name, refused.value.expected) == ("subscription.properties.answer", kind)
    assert str(refused.value) == (
        f"the column cell does not hold a {kind}, which subscription.properties.answer has to be"
    )
    assert refused.value.__context__ is None


@pytest.mark.parametrize("kind", ["text", "number", "boolean", "date"])
def test_null_is_no_value(kind: Any) -> None:
    assert source(kind).read({"cell": None}) is None


@pytest.mark.parametrize("value", [None, "", 7])
def test_a_required_value_that_is_not_there_is_as_wrong_as_another_type(value: object) -> None:
    with pytest.raises(
        PropertyError,
        match=r"^the column email does not hold a text, which subscriber\.email has to be",
    ):
        Source(("subscriber", "email"), "text", "email", is_required=True).read({"email": value})


def test_a_required_value_is_read_like_any_other() -> None:
    email = Source(("subscriber", "email"), "text", "email", is_required=True)
    assert email.read({"email": "ada@example.com"}) == "ada@example.com"


def test_a_column_that_the_row_does_not_have_is_named() -> None:
    with pytest.raises(
        PropertyError, match=r"^the row has no column cell, which subscription\.properties\.answer"
    ):
        source("text").read({"another": "text"})


any_value = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters(codec=None, exclude_categories=()))
    | st.binary()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.timedeltas()
    | st.uuids()
    | st.lists(st.integers(), max_size=2)
)


@given(kind=st.sampled_from(["text", "number", "boolean", "date"]), value=any_value)
def test_any_value_is_refused_or_becomes_json_of_its_type(kind: Any, value: object) -> None:
    payload: dict[str, Any] = {}
    problems = fill(payload, [source(kind)], {"cell": value})
    if problems or value is None:
        assert payload == {}
        assert len(problems) == (value is not None)
        return
    read = json.loads(json.dumps(payload, allow_nan=False))["subscription"]["properties"]["answer"]
    types = {"text": (str,), "number": (int, float), "boolean": (bool,), "date": (str,)}
    assert type(read) in types[kind]
    assert kind != "date" or date.fromisoformat(read).isoformat() == read


@given(amount=st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_an_amount_of_money_keeps_its_exact_decimal_value(amount: Decimal) -> None:
    assert Decimal(spelled("number", amount)) == amount


@given(number=st.integers(min_value=-(10**300), max_value=10**300))
def test_a_whole_number_keeps_every_digit(number: int) -> None:
    assert spelled("number", number) == str(number)


# Filling a payload


def test_values_join_what_the_payload_already_holds_and_nulls_leave_no_trace() -> None:
    payload: dict[str, Any] = {"clientId": "acct_1", "subscription": {"platformId": "sub_1"}}
    sources = [
        Property("seats", "number", entity="subscription").source,
        Property("since", "date", entity="subscription", column="created").source,
        Property("vip", "boolean", entity="subscriber").source,
        Source(("subscriber", "name"), "text", "full_name"),
    ]
    problems = fill(
        payload,
        sources,
        {"seats": 5, "created": date(2026, 1, 31), "vip": None, "full_name": "Ada"},
    )

    assert problems == []
    assert payload == {
        "clientId": "acct_1",
        "subscription": {"platformId": "sub_1", "properties": {"seats": 5, "since": "2026-01-31"}},
        "subscriber": {"name": "Ada"},
    }


def test_a_wrong_value_is_left_out_and_the_others_stay() -> None:
    payload: dict[str, Any] = {}
    sources = [
        Property("seats", "number", entity="subscription").source,
        Property("vip", "boolean", entity="subscriber").source,
        Property("region", "text", entity="subscriber").source,
    ]
    problems = fill(payload, sources, {"seats": "many", "vip": True})

    assert payload == {"subscriber": {"properties": {"vip": True}}}
    assert [(problem.name, problem.expected) for problem in problems] == [
        ("subscription.properties.seats", "number"),
        ("subscriber.properties.region", "text"),
    ]


# Settings


def test_a_property_comes_from_the_column_of_its_own_name_unless_another_is_given() -> None:
    assert Property("seats", "number", entity="subscription").source.column == "seats"
    assert Property("seats", "number", entity="subscription", column="n").source.column == "n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identifier": ""}, "named by its unique identifier"),
        ({"identifier": "Number of contacts"}, "named by its unique identifier"),
        ({"identifier": "seats\n"}, "named by its unique identifier"),
        ({"identifier": "größe"}, "named by its unique identifier"),
        ({"type": "integer"}, "the type of seats is 'text', 'number', 'boolean' or 'date'"),
        ({"entity": "customer"}, "the entity of seats is 'subscriber' or 'subscription'"),
        ({"column": ""}, "the column of seats has no name"),
    ],
    ids=repr,
)
def test_a_property_that_the_vendor_cannot_have_is_refused_at_once(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Property(**{"identifier": "seats", "type": "number", "entity": "subscription", **changes})
