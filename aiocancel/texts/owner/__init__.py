"""What the core tells an owner in English, in the other languages: sentences and definitions, one module for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from aiocancel.core.measures.definitions import Definition
from aiocancel.core.owners_words import ENGLISH
from aiocancel.texts.owner import de, es, fr, it, nl

Defined = tuple[str, str, str, str]
"""The name of a figure, what it counts, its whole, and what it leaves out; ``{day}`` is the day of a reading."""


class DefinitionWords(NamedTuple):
    """The words of one definition."""

    name: str
    counts: str
    of: str
    leaves_out: str


CATALOGUES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": ENGLISH,
    "de": de.TEXTS,
    "es": es.TEXTS,
    "fr": fr.TEXTS,
    "it": it.TEXTS,
    "nl": nl.TEXTS,
}
"""The sentences of each language that we have, by its code; the English ones are the core's."""

DEFINITIONS: Final[Mapping[str, Mapping[str, Defined]]] = {
    "de": de.DEFINITIONS,
    "es": es.DEFINITIONS,
    "fr": fr.DEFINITIONS,
    "it": it.DEFINITIONS,
    "nl": nl.DEFINITIONS,
}
"""The definitions of each language but English, whose words stand with the statements."""

_KEPT: Final = re.compile(r"kept_(\d+)")


def defined_in(language: str, definition: Definition) -> DefinitionWords:
    """Return the words of a definition.

    Args:
        language: One of ``CATALOGUES``.
        definition: Of the core.
    """
    if language not in DEFINITIONS:
        return DefinitionWords(
            definition.name, definition.counts, definition.of, definition.leaves_out
        )

    kept = _KEPT.fullmatch(definition.key)
    key, day = ("kept", kept[1]) if kept else (definition.key, "")
    return DefinitionWords(*(text.format(day=day) for text in DEFINITIONS[language][key]))
