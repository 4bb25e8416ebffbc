"""What a database may refuse a statement with."""

from __future__ import annotations

import asyncpg

# Every class of errors, and each that was ever seen. 00, 01 and 02 are no errors.
STATES = sorted(
    {
        error.sqlstate
        for error in vars(asyncpg.exceptions).values()
        if isinstance(error, type)
        and issubclass(error, asyncpg.PostgresError)
        and isinstance(getattr(error, "sqlstate", None), str)
        and error.sqlstate[:2] not in ("00", "01", "02")
    }
    | {"ZZ999"}
)
