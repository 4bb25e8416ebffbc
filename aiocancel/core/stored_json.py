"""JSON that the ledger holds: a field that this release does not know is never left out in silence."""

from __future__ import annotations

from collections.abc import Collection

from aiocancel.errors import UnreadableLedgerError


def refuse_unknown(found: Collection[str], known: Collection[str], what: str) -> None:
    """Raise UnreadableLedgerError for a field that a newer release has added.

    Args:
        found: The names of the fields in the ledger.
        known: The names of the fields that this release reads.
        what: The thing that has the fields, for the message.
    """
    if unknown := sorted(set(found) - set(known)):
        raise UnreadableLedgerError(f"the ledger holds {what} with the unknown field {unknown[0]}")
