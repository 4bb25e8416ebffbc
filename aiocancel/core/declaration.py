"""What a customer declared, as the page had it: kept with the claim, for the acknowledgement and as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_LONGEST_WORDS: Final = 200
_LONGEST_LANGUAGE: Final = 35
_LONGEST_TEXT: Final = 500
_MOST_PARTS: Final = 12


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """A part of a page as the customer read it.

    Args:
        heading: Such as the offer in one line.
        lines: Its sentences.
        rows: Its labels and texts, such as those of a price.
    """

    heading: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """Which words were pressed, in which language.

    Args:
        language: The code of the page's language, such as ``de``.
        words: The words on the control that cancels; None where a flow vendor's form had them.
        shown: What the page showed beside it, as ``shown_to_json`` writes it. Small, and JSON.
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


def shown_to_json(page: ShownBlock, offers: Sequence[ShownBlock] = ()) -> dict[str, Any]:
    """Return what a page showed, as a declaration keeps it.

    Args:
        page: Its heading and the facts that stood on it.
        offers: The offers that were shown, word for word; of an accepted one, that one alone.
    """
    return {"page": _to_json(page), "offers": [_to_json(each) for each in offers[:_MOST_PARTS]]}


def page_in(shown: Mapping[str, Any]) -> ShownBlock | None:
    """Return the heading and the facts of the page; None where they were not kept."""
    return _from_json(shown.get("page"))


def offers_in(shown: Mapping[str, Any]) -> tuple[ShownBlock, ...]:
    """Return the offers that were shown."""
    return blocks_from_json(shown.get("offers"))


def blocks_from_json(kept: object) -> tuple[ShownBlock, ...]:
    """Return the parts of a page that were kept; what is none is left out, for it is only spoken of."""
    found = map(_from_json, kept if isinstance(kept, list) else ())
    return tuple(each for each in found if each is not None)


def _to_json(block: ShownBlock) -> dict[str, Any]:
    return {
        "heading": block.heading[:_LONGEST_TEXT],
        "lines": [line[:_LONGEST_TEXT] for line in block.lines[:_MOST_PARTS]],
        "rows": [
            [label[:_LONGEST_TEXT], text[:_LONGEST_TEXT]]
            for label, text in block.rows[:_MOST_PARTS]
        ],
    }


def _from_json(data: object) -> ShownBlock | None:
    if not isinstance(data, Mapping):
        return None
    try:
        rows = tuple((str(label), str(text)) for label, text in data["rows"])
        return ShownBlock(str(data["heading"]), tuple(map(str, data["lines"])), rows)
    except (LookupError, TypeError, ValueError):
        return None
