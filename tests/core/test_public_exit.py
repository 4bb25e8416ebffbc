"""What may be declared on the public exit, and what is wrong with a form."""

from __future__ import annotations

import json
from datetime import date

import pytest

from aiocancel.core.public_exit import (
    PublicDeclaration,
    PublicExit,
    Termination,
    public_from_json,
    public_to_json,
    read_declaration,
)
from aiocancel.errors import ConfigurationError

TYPED = {
    "kind": "ordinary",
    "name": "Ada Lovelace",
    "contract": "Kundennummer 42",
    "end": "soonest",
    "email": "ada@example.com",
}


def test_form_with_nothing_but_what_must_be_there_is_a_declaration() -> None:
    declaration, problems = read_declaration({**TYPED, "reason": " ", "on_date": ""})

    assert problems == {}
    assert declaration == PublicDeclaration(
        Termination.ORDINARY, "Ada Lovelace", "Kundennummer 42", "ada@example.com"
    )


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        ({"name": " "}, {"name": "name_missing"}),
        ({"contract": ""}, {"contract": "contract_missing"}),
        ({"email": "nobody"}, {"email": "email_wrong"}),
        ({"email": "a@example.com\r\nBcc: b@example.com"}, {"email": "email_wrong"}),
        ({"kind": "extraordinary"}, {"reason": "reason_missing"}),
        ({"reason": "Umzug"}, {"reason": "reason_unfit"}),
        ({"on_date": "bald"}, {"on_date": "date_wrong"}),
        ({"end": "on_date"}, {"on_date": "date_wrong"}),
        ({"end": "on_date", "on_date": "31.2.2027"}, {"on_date": "date_wrong"}),
        ({"end": "on_date", "on_date": "bald"}, {"on_date": "date_wrong"}),
        ({"name": "x" * 201}, {"name": "too_long"}),
        (
            {"name": "", "contract": "", "email": ""},
            {"name": "name_missing", "contract": "contract_missing", "email": "email_wrong"},
        ),
    ],
    ids=str,
)
def test_problem_is_named_at_its_field(changed: dict[str, str], problems: dict[str, str]) -> None:
    assert read_declaration({**TYPED, **changed}) == (None, problems)


@pytest.mark.parametrize("text", ["31.12.2027", "31. 12. 2027", "2027-12-31"])
def test_day_is_read_as_it_is_written(text: str) -> None:
    declaration, _ = read_declaration({**TYPED, "end": "on_date", "on_date": text})

    assert declaration is not None
    assert declaration.ends_on == date(2027, 12, 31)


def test_day_beside_the_earliest_possible_end_is_a_wish() -> None:
    declaration, _ = read_declaration({**TYPED, "end": "soonest", "on_date": "31.12.2027"})

    assert declaration is not None
    assert declaration.ends_on == date(2027, 12, 31)


def test_names_of_every_script_are_kept_and_control_characters_go() -> None:
    name = "Ünïcødé 名前 \u0627\u0633\u0645\x00\x1b[31m"

    declaration, _ = read_declaration(
        {**TYPED, "name": name, "kind": "extraordinary", "reason": "a\r\nb\x07"}
    )

    assert declaration is not None
    assert declaration.name == "Ünïcødé 名前 \u0627\u0633\u0645[31m"
    assert declaration.reason == "a\nb"
    assert "Ada" not in repr(declaration)


@pytest.mark.parametrize("end", [{}, {"end": "on_date", "on_date": "1.1.2030"}])
@pytest.mark.parametrize("kind", [{}, {"kind": "extraordinary", "reason": "Umzug"}])
def test_declaration_comes_back_from_the_ledger(end: dict[str, str], kind: dict[str, str]) -> None:
    declaration, _ = read_declaration({**TYPED, **end, **kind})

    assert declaration is not None
    assert public_from_json(json.loads(json.dumps(public_to_json(declaration)))) == declaration


def test_find_is_a_function() -> None:
    with pytest.raises(ConfigurationError, match="find"):
        PublicExit(find="no function")  # type: ignore[arg-type]


def test_limits_are_whole_numbers() -> None:
    async def find(declaration: PublicDeclaration) -> str | None:
        return None

    assert PublicExit(find).most_per_address_in_an_hour == 3
    with pytest.raises(ConfigurationError, match="most_in_an_hour"):
        PublicExit(find, most_in_an_hour=0)
