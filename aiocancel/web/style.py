"""The look of our own pages, as style sheets."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources


@lru_cache(maxsize=16)
def style_sheet(css: str, *, with_flow: bool = False) -> str:
    """Return the rules of our pages, with the custom properties of a theme before them.

    Args:
        css: The custom properties.
        with_flow: Whether the rules of our own flow's screens and of its dialog come with them.
    """
    folder = resources.files("aiocancel.web")
    names = ("page.css", "flow.css") if with_flow else ("page.css",)
    rules = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    return f"{css}\n{rules}"
