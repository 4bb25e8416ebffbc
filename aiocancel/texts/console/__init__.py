"""The words of the owner's pages, one module for each language; another language is another module with these keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiocancel.texts.console import de, en, es, fr, it, nl

CATALOGUES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": en.TEXTS,
    "de": de.TEXTS,
    "es": es.TEXTS,
    "fr": fr.TEXTS,
    "it": it.TEXTS,
    "nl": nl.TEXTS,
}
"""The words of each language that we have, by its code."""
