"""The colours of our own pages, and the contrast that they must have. Pure.

Source of the formula and of the ratios: https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from aiocancel.core.check_settings import check_text, check_text_by_text
from aiocancel.errors import ConfigurationError

Scheme = Literal["auto", "light", "dark"]
SCHEMES: Final = ("auto", "light", "dark")

LIGHT: Final[Mapping[str, str]] = {
    "paper": "#ffffff",
    "back": "#f4f5f7",
    "ink": "#17202a",
    "soft": "#566270",
    "edge": "#7b8794",
    "line": "#dde2e8",
    "exit": "#17202a",
    "exit-ink": "#ffffff",
    "action": "#2450d3",
    "action-ink": "#ffffff",
    "exit-hover": "#2b3643",
    "action-hover": "#1b3fae",
    "link": "#2450d3",
    "focus": "#17202a",
    "note": "#eaf0fe",
    "error": "#b42318",
    "error-ground": "#fdeceb",
    "done": "#14652f",
    "done-ground": "#e6f4ea",
    "waiting": "#7a4a00",
    "waiting-ground": "#fdf0d9",
}
DARK: Final[Mapping[str, str]] = {
    "paper": "#161b22",
    "back": "#0d1117",
    "ink": "#e6edf3",
    "soft": "#a5b0bb",
    "edge": "#7d8794",
    "line": "#30363d",
    "exit": "#e6edf3",
    "exit-ink": "#161b22",
    "action": "#3b6fe8",
    "action-ink": "#ffffff",
    "exit-hover": "#cfd8e1",
    "action-hover": "#3164dd",
    "link": "#7aa2ff",
    "focus": "#e6edf3",
    "note": "#16233f",
    "error": "#ff9a8f",
    "error-ground": "#3a1714",
    "done": "#7bd394",
    "done-ground": "#12301d",
    "waiting": "#f0c069",
    "waiting-ground": "#33260c",
}

_TEXT: Final = 4.5
_SHAPE: Final = 3.0
# What stands on what, and how far the two must differ.
_PAIRS: Final = (
    *(
        (name, ground, _TEXT)
        for name in ("ink", "soft", "link", "error")
        for ground in ("paper", "back")
    ),
    ("exit-ink", "exit", _TEXT),
    ("exit-ink", "exit-hover", _TEXT),
    ("action-ink", "action", _TEXT),
    ("action-ink", "action-hover", _TEXT),
    *(
        (name, f"{state}-ground", _TEXT)
        for state in ("error", "done", "waiting")
        for name in (state, "ink")
    ),
    ("ink", "note", _TEXT),
    ("soft", "note", _TEXT),
    ("edge", "note", _SHAPE),
    *((name, ground, _SHAPE) for name in ("edge", "focus") for ground in ("paper", "back")),
    ("exit", "paper", _SHAPE),
    ("action", "paper", _SHAPE),
)

_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_LENGTH: Final = re.compile(r"(?:0|[0-9]{1,3}(?:\.[0-9]{1,3})?(?:px|rem|em))")
# Names of fonts, as they stand in a style sheet; nothing that could end the declaration.
# Neither a script nor, with two slashes, the address of another site that is not named as one.
_HELP: Final = re.compile(r"(?:/(?![/\\])|https://[^/\s]|mailto:[^\s]+@)[^\s]*")
_FONT: Final = re.compile(r"[A-Za-z0-9 ,'\"_-]{1,200}")


@dataclass(frozen=True, slots=True)
class Theme:
    """How our own pages look; every field may be left out.

    Args:
        name: The name of the site, above each page and in its title.
        logo: An image of this site, as a path such as ``"/static/logo.svg"``, in the place of the name.
        scheme: ``"auto"`` follows the customer's system; ``"light"`` and ``"dark"`` are that for everybody.
        light: Colours of the light scheme by name, as ``{"action": "#0b6b3a"}``; the rest are ours.
        dark: Those of the dark scheme.
        radius: The roundness of buttons and fields, as a CSS length.
        font: The CSS list of fonts.
        help: Where a customer finds help: a path of this site, or an ``https:`` or ``mailto:`` address. Each
            page links to it at its foot.

    Raises:
        ConfigurationError: Something cannot be right, or two colours differ too little to be read; says which, how far
            they differ and how far they must.
    """

    name: str = ""
    logo: str | None = None
    scheme: Scheme = "auto"
    light: Mapping[str, str] = field(default_factory=dict[str, str])
    dark: Mapping[str, str] = field(default_factory=dict[str, str])
    radius: str = "8px"
    font: str = "system-ui, sans-serif"
    help: str | None = None

    def __post_init__(self) -> None:
        for setting in ("name", "radius", "font"):
            check_text(f"theme: {setting}", getattr(self, setting))
        if self.logo is not None:
            check_text("theme: logo", self.logo)
        if self.help is not None:
            check_text("theme: help", self.help)
            if not _HELP.fullmatch(self.help):
                raise ConfigurationError(
                    "theme: help is a path such as '/help', or an https: or mailto: address"
                )
        for setting in ("light", "dark"):
            check_text_by_text(f"theme: {setting}", getattr(self, setting))

        if self.scheme not in SCHEMES:
            raise ConfigurationError("theme: scheme is 'auto', 'light' or 'dark'")
        if not _LENGTH.fullmatch(self.radius):
            raise ConfigurationError("theme: radius is a length such as '8px' or '0.5rem'")
        if not _FONT.fullmatch(self.font):
            raise ConfigurationError("theme: font is a list of names such as 'Inter, sans-serif'")
        for scheme, own in (("light", self.light), ("dark", self.dark)):
            _check_names(scheme, own)

        for scheme in ("light", "dark") if self.scheme == "auto" else (self.scheme,):
            _check_contrast(scheme, self.colours(scheme))

    def colours(self, scheme: str) -> Mapping[str, str]:
        """Return every colour of ``light`` or ``dark``, the owner's first.

        The button that cancels stands out at least as much as the one that keeps: where the owner's colour for the
        latter is stronger, it is that of both.
        """
        own = self.light if scheme == "light" else self.dark
        colours = {**(LIGHT if scheme == "light" else DARK), **own}
        for button in ("exit", "action"):
            # Of a colour that is not ours we do not know a shade.
            if button in own or f"{button}-ink" in own:
                colours[f"{button}-hover"] = own.get(f"{button}-hover", colours[button])

        if "exit" in own or "exit-ink" in own or _stands_out(colours):
            return colours
        return {
            **colours,
            "exit": colours["action"],
            "exit-ink": colours["action-ink"],
            "exit-hover": colours["action-hover"],
        }

    @property
    def css(self) -> str:
        """The custom properties, as rules of a style sheet."""
        shape = f"--aiocancel-radius: {self.radius}; --aiocancel-font: {self.font};"
        if self.scheme != "auto":
            chosen = _declared(self.colours(self.scheme))
            return f":root {{ color-scheme: {self.scheme}; {shape} {chosen} }}"
        light, dark = _declared(self.colours("light")), _declared(self.colours("dark"))
        return (
            f":root {{ color-scheme: light dark; {shape} {light} }}\n"
            f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
        )


def contrast(one: str, other: str) -> float:
    """Return the ratio of contrast of two colours such as ``#17202a``, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _check_names(scheme: str, own: Mapping[str, str]) -> None:
    for name, colour in own.items():
        if name not in LIGHT:
            raise ConfigurationError(f"theme: {scheme} has no colour named {name}")
        if not _COLOUR.fullmatch(colour):
            raise ConfigurationError(f"theme: {scheme} {name} is a colour such as '#17202a'")


def _check_contrast(scheme: str, colours: Mapping[str, str]) -> None:
    for name, ground, needed in _PAIRS:
        found = contrast(colours[name], colours[ground])
        if found < needed:
            raise ConfigurationError(
                f"theme: {scheme} {name} {colours[name]} on {ground} {colours[ground]} has a contrast of "
                f"{found:.2f}, and needs {needed}"
            )
    if not _stands_out(colours):
        raise ConfigurationError(
            f"theme: {scheme} exit stands out less than action; the button that cancels must not"
        )


def _stands_out(colours: Mapping[str, str]) -> bool:
    fill = contrast(colours["exit"], colours["paper"]) >= contrast(
        colours["action"], colours["paper"]
    )
    text = contrast(colours["exit-ink"], colours["exit"]) >= contrast(
        colours["action-ink"], colours["action"]
    )
    return fill and text


def _declared(colours: Mapping[str, str]) -> str:
    return " ".join(f"--aiocancel-{name}: {colour};" for name, colour in colours.items())
