"""What the form of a screen may post, and what no screen of ours posts."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from aiocancel.core.flow.answers import Answers
from aiocancel.errors import MalformedClaimError
from aiocancel.web.own_flow.form import Do, read_pressed


def body(**fields: str) -> bytes:
    return urlencode({name.replace("__", "-"): value for name, value in fields.items()}).encode()


def test_button_and_answers_are_read() -> None:
    pressed = read_pressed(
        body(
            do="cancel",
            grant="g1",
            reason="bugs",
            follow_up__bugs="Crash\r\nagain",
            follow_up__other="left from before",
            comment="é 😀",
        )
    )

    assert pressed.do is Do.CANCEL
    assert pressed.grant == "g1"
    assert pressed.answers == Answers("bugs", "Crash\nagain", "é 😀")
    assert "g1" not in repr(pressed)
    assert "Crash" not in repr(pressed)


def test_form_without_a_button_does_nothing() -> None:
    assert read_pressed(b"").do is Do.LOOK


def test_offer_and_months_are_read() -> None:
    pressed = read_pressed(body(do="accept", offer="break", months="3"))

    assert (pressed.do, pressed.offer, pressed.months) == (Do.ACCEPT, "break", 3)


@pytest.mark.parametrize("field", ["comment", "follow_up-bugs"])
def test_too_long_an_answer_is_a_mistake_that_can_be_mended(field: str) -> None:
    fits = read_pressed(urlencode({"reason": "bugs", field: "😀" * 500}).encode())
    too_long = read_pressed(urlencode({"reason": "bugs", field: "x" * 501}).encode())

    assert fits.problem is None
    assert too_long.problem == ("flow_too_long", field)


@pytest.mark.parametrize(
    "posted",
    [
        b"do=obliterate",
        b"price=0",
        b"do=cancel&do=accept",
        b"reason=%ff",
        "reason=é".encode(),
        b"do=accept&months=-1",
        b"do=accept&months=1.5",
        b"do=accept&months=9999",
        b"do=accept&months=%D9%A1",
        body(offer="x" * 201),
        urlencode({f"follow_up-{number}": "" for number in range(40)}).encode(),
    ],
    ids=[
        "button",
        "field",
        "twice",
        "not UTF-8",
        "not ASCII",
        "negative",
        "fraction",
        "too many",
        "other digits",
        "long key",
        "many fields",
    ],
)
def test_form_that_no_screen_posts_is_refused(posted: bytes) -> None:
    with pytest.raises(MalformedClaimError):
        read_pressed(posted)
