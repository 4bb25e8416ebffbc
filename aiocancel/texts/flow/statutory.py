"""Words that a law prescribes, letter by letter: never translated, softened or put into other cases.

Whether a law applies to a company is for the company to say. ``texts=`` of the settings does not reach these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    # § 312k BGB: the button that leads to the page, and the one that declares.
    "de": {"open_exit": "Verträge hier kündigen", "declare_exit": "jetzt kündigen"},
    # Article L. 215-1-1 of the Code de la consommation.
    "fr": {"open_exit": "résilier votre contrat"},
}
"""The labels by language and place."""
