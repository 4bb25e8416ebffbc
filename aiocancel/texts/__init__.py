"""The words that customers read, one module for each language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiocancel.texts.en import TEXTS as _ENGLISH

CATALOGUES: Final[Mapping[str, Mapping[str, str]]] = {"en": _ENGLISH}
"""The words of each language that we have, by its code."""
