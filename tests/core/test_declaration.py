"""What a customer declared goes into the ledger and comes back."""

from __future__ import annotations

import json

import pytest

from aiocancel.core.declaration import Declaration, declaration_from_json, declaration_to_json


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
