"""The words of the owner's pages, one module for each language; another language is another module with these keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiocancel.texts.console import en

CATALOGUES: Final[Mapping[str, Mapping[str, str]]] = {"en": en.TEXTS}
"""The words of each language that we have, by its code."""
