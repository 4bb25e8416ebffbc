"""What a customer declared goes into the ledger and comes back."""

from __future__ import annotations

import json

import pytest

from aiocancel.core.declaration import (
    Declaration,
    ShownBlock,
    declaration_from_json,
    declaration_to_json,
    offers_in,
    page_in,
    shown_to_json,
)


@pytest.mark.parametrize("words", ["Abonnement kündigen", None])
def test_declaration_comes_back_as_it_was(words: str | None) -> None:
    declaration = Declaration("de", words, {"price": "9,00 €"})

    stored = json.loads(json.dumps(declaration_to_json(declaration)))

    assert declaration_from_json(stored) == declaration


def test_words_are_cut_to_what_a_letter_holds() -> None:
    stored = declaration_to_json(Declaration("x" * 99, "w" * 999))

    assert (len(stored["language"]), len(stored["words"])) == (35, 200)


@pytest.mark.parametrize(
    "stored",
    [{}, {"language": 5, "words": None, "shown": {}}, {"language": "de", "words": 5, "shown": {}}],
)
def test_row_that_is_none_is_not_read(stored: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        declaration_from_json(stored)


PAGE = ShownBlock("Cancel your Pro subscription", ("If you cancel, it ends on December 26, 2026.",))
OFFER = ShownBlock("50% off", ("Pro stays as it is.",), (("Today", "Nothing to pay"),))


def test_what_a_page_showed_comes_back_word_for_word() -> None:
    declaration = Declaration("en", "Take 50% off", shown_to_json(PAGE, [OFFER]))

    stored = json.loads(json.dumps(declaration_to_json(declaration)))
    shown = declaration_from_json(stored).shown

    assert (page_in(shown), offers_in(shown)) == (PAGE, (OFFER,))


def test_page_that_is_endless_is_kept_in_bounds() -> None:
    endless = ShownBlock("h" * 9999, ("l" * 9999,) * 99, (("r" * 9999, "t" * 9999),) * 99)

    stored = shown_to_json(endless, [endless] * 99)

    assert len(offers_in(stored)) == 12
    assert len(json.dumps(stored)) < 300_000


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"page": None, "offers": None},
        {"page": [], "offers": {}},
        {"page": {"heading": "x"}, "offers": [5, {"heading": "x", "lines": None, "rows": []}]},
        {"page": {"heading": "x", "lines": [], "rows": [["one"]]}, "offers": ["x"]},
    ],
    ids=["nothing", "null", "other_shape", "no_rows", "half_a_row"],
)
def test_what_was_kept_otherwise_is_left_out(shown: dict[str, object]) -> None:
    assert page_in(shown) is None
    assert offers_in(shown) == ()
