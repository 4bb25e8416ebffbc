"""The words that customers read, one module for each language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiocancel.texts import de, en, es, fr, it, nl

CATALOGUES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": en.TEXTS,
    "de": de.TEXTS,
    "es": es.TEXTS,
    "fr": fr.TEXTS,
    "it": it.TEXTS,
    "nl": nl.TEXTS,
}
"""The words of each language that we have, by its code."""
