"""The colours of our own pages can be read, and those of an owner that cannot are refused."""

from __future__ import annotations

from typing import Any

import pytest

from aiocancel.core.theme import DARK, LIGHT, Theme, contrast
from aiocancel.errors import ConfigurationError


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#17202a", "#ffffff", 16.45), ("#3b6fe8", "#ffffff", 4.54)],
)
def test_contrast_is_that_of_the_standard(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


@pytest.mark.parametrize("scheme", ["auto", "light", "dark"])
def test_our_own_colours_pass(scheme: Any) -> None:
    css = Theme(scheme=scheme).css

    assert LIGHT.keys() == DARK.keys()
    assert ("prefers-color-scheme" in css) is (scheme == "auto")
    assert (LIGHT["back"] in css) is (scheme != "dark")


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (
            {"light": {"soft": "#bbbbbb"}},
            "light soft #bbbbbb on paper #ffffff has a contrast of 1.92, and needs 4.5",
        ),
        ({"dark": {"action": "#ffdd00"}}, "dark action-ink #ffffff on action #ffdd00"),
        ({"light": {"edge": "#eeeeee"}}, "light edge"),
        ({"light": {"exit": "#767676"}}, "stands out less"),
        ({"light": {"exits": "#000000"}}, "no colour named exits"),
        ({"light": {"ink": "red"}}, "a colour such as"),
        ({"light": {"ink": "#fff;} *{display:none"}}, "a colour such as"),
        ({"light": {"done": "#7bd394"}}, "light done #7bd394 on done-ground"),
        ({"light": {"note": "#2450d3"}}, "light ink #17202a on note"),
        ({"light": {"action-hover": "#9db4f5"}}, "light action-ink #ffffff on action-hover"),
        ({"help": "javascript:alert(1)"}, "help is a path"),
        ({"help": "//elsewhere.example"}, "help is a path"),
        ({"help": "/\\elsewhere.example"}, "help is a path"),
        ({"help": b"/help"}, "help must be a text"),
        ({"scheme": "sepia"}, "scheme is"),
        ({"radius": "8px; color: red"}, "radius is"),
        ({"font": "x} </style><script>"}, "font is"),
    ],
)
def test_theme_that_cannot_be_read_or_breaks_out_is_refused(
    known: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Theme(**known)


def test_scheme_that_nobody_sees_is_not_checked() -> None:
    assert Theme(scheme="light", dark={"ink": "#000000"}).scheme == "light"


def test_button_that_cancels_stands_out_as_much_as_the_one_that_keeps() -> None:
    strong = Theme(light={"action": "#000000"}).colours("light")

    assert (strong["exit"], strong["exit-ink"]) == ("#000000", "#ffffff")
    assert Theme(light={"action": "#0b6b3a"}).colours("light")["exit"] == LIGHT["exit"]


def test_a_logo_that_is_no_text_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"theme: logo must be a text"):
        Theme(logo=b"logo.svg")  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["/help", "https://help.example/a", "mailto:us@example.com"])
def test_help_is_somewhere_a_customer_can_go(address: str) -> None:
    assert Theme(help=address).help == address


def test_a_colour_of_the_owners_has_no_shade_of_ours_under_the_pointer() -> None:
    own = Theme(light={"action": "#0b6b3a"}).colours("light")
    shaded = Theme(light={"action": "#0b6b3a", "action-hover": "#08522c"}).colours("light")
    strong = Theme(light={"action": "#000000"}).colours("light")

    assert own["action-hover"] == "#0b6b3a"
    assert own["exit-hover"] == LIGHT["exit-hover"]
    assert shaded["action-hover"] == "#08522c"
    assert strong["exit-hover"] == "#000000"
