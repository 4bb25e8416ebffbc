"""A form of the owner's pages is good for the operator who was shown it, for half a day, and for nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.form_token import LASTS_S, FormTokens

NOW = 1_790_000_000
OLD, NEW = FormTokens(["old key"]), FormTokens(["new key", "old key"])


def test_a_token_fits_the_operator_it_was_made_for() -> None:
    token = NEW.make("jo", now=NOW)

    assert NEW.fits(token, "jo", now=NOW)
    assert NEW.fits(token, "jo", now=NOW + LASTS_S - 1)
    assert not NEW.fits(token, "jo", now=NOW + LASTS_S)
    assert not NEW.fits(token, "bo", now=NOW)
    assert not FormTokens(["another"]).fits(token, "jo", now=NOW)


def test_a_token_of_an_older_key_is_good_until_the_key_goes() -> None:
    assert NEW.fits(OLD.make("jo", now=NOW), "jo", now=NOW)
    assert not OLD.fits(NEW.make("jo", now=NOW), "jo", now=NOW)


@pytest.mark.parametrize(
    "forged",
    ["", ".", "1.", ".x", "1.é", "²." + "x" * 43, "-1.x", "9" * 101, f"{NOW + 5}.{'A' * 43}"],
    ids=[
        "empty",
        "dot",
        "no end",
        "no time",
        "no ascii",
        "no digit",
        "negative",
        "long",
        "made up",
    ],
)
def test_a_forged_token_fits_nobody(forged: str) -> None:
    assert not NEW.fits(forged, "jo", now=NOW)


def test_a_token_whose_time_was_moved_fits_nobody() -> None:
    stamp, _, signature = NEW.make("jo", now=NOW).partition(".")

    assert not NEW.fits(f"{int(stamp) + 1}.{signature}", "jo", now=NOW)
    assert not NEW.fits(f"0{stamp}.{signature}x", "jo", now=NOW)


@given(st.text(max_size=120), st.text(max_size=20))
def test_no_text_breaks_the_check(token: str, operator: str) -> None:
    assert not NEW.fits(token, operator, now=NOW)
