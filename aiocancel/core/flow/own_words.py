"""Words that an owner writes for customers, in one language or in several. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Words: TypeAlias = str | Mapping[str, str]
"""Words for a customer: one text for every language, or one for each, as ``{"en": …, "de": …}``."""


def words_in(words: Words, language: str) -> str:
    """Return the words in a language: its own, that of its first part, English, else the first given."""
    if isinstance(words, str):
        return words
    for wanted in (language, language.replace("_", "-").split("-")[0], "en"):
        for tag, text in words.items():
            if tag.replace("_", "-").lower() == wanted.replace("_", "-").lower():
                return text
    return next(iter(words.values()))


def texts_of(words: Words) -> list[str]:
    return [words] if isinstance(words, str) else list(words.values())
