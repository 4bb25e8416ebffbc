"""Where ProsperStack's REST API is and how it is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiocancel.core.identifiers import Mode

__all__ = ["IN_META", "IN_PROPERTY", "MAX_REQUESTS_PER_MINUTE", "PROOF", "ApiAccess"]

# Where our proof may travel, and its name in a payload's ``meta``.
IN_META: Final = "meta"
IN_PROPERTY: Final = "property:"
PROOF: Final = "aiocancel"

# Of the 100 that there are, some are left to the owner's own programs.
MAX_REQUESTS_PER_MINUTE: Final = 90


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """Where the REST API is and how it is reached.

    Args:
        api_key: The key, without which nothing can be asked.
        host: The origin of the API.
        mode: Live or test; ProsperStack counts requests of the two separately.
        max_requests_per_minute: What all processes on one database may ask in any minute; None for no limit.
    """

    api_key: str | None = field(repr=False)
    host: str
    mode: Mode | None
    max_requests_per_minute: int | None = MAX_REQUESTS_PER_MINUTE
