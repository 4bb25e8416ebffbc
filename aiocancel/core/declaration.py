"""What a customer declared, as the page had it: kept with the claim, for the acknowledgement and as evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_LONGEST_WORDS: Final = 200
_LONGEST_LANGUAGE: Final = 35


@dataclass(frozen=True, slots=True)
class Declaration:
    """Which words were pressed, in which language.

    Args:
        language: The code of the page's language, such as ``de``.
        words: The words on the control that cancels; None where a flow vendor's form had them.
        shown: What the page showed beside it, by name: prices, dates, offers. Small, and JSON.
    """

    language: str
    words: str | None = None
    shown: Mapping[str, Any] = field(default_factory=dict, repr=False)


def declaration_to_json(declaration: Declaration) -> dict[str, Any]:
    """Return a declaration as the ledger keeps it."""
    return {
        "language": declaration.language[:_LONGEST_LANGUAGE],
        "words": None if declaration.words is None else declaration.words[:_LONGEST_WORDS],
        "shown": dict(declaration.shown),
    }


def declaration_from_json(data: Mapping[str, Any]) -> Declaration:
    """Read a declaration; raises ValueError, KeyError or TypeError where it is none."""
    words, shown = data["words"], data["shown"]
    if not isinstance(data["language"], str) or not isinstance(words, str | None):
        raise TypeError("a declaration has a language, and words or none")
    return Declaration(data["language"], words, dict(shown))
