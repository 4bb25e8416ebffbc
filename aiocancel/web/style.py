"""The look of our own pages, as one style sheet."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources


@lru_cache(maxsize=16)
def style_sheet(css: str) -> str:
    """Return the rules of our pages, with the custom properties of a theme before them."""
    rules = (resources.files("aiocancel.web") / "page.css").read_text(encoding="utf-8")
    return f"{css}\n{rules}"
