"""Which texts a database holds. Pure."""

from __future__ import annotations

import re
from typing import Final

# JSON can spell both, and header bytes that are not UTF-8 arrive as halves of surrogate pairs.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Tell whether a database holds the text: none holds a zero byte or half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None
