"""Where a customer is written to, by the owner's column or function."""

from __future__ import annotations

import inspect

from aiocancel.core.subscription import OwnedSubscription
from aiocancel.ports import ChooseEmail


async def address_of(
    email: str | ChooseEmail, customer_id: str, owned: OwnedSubscription | None
) -> object:
    """Return what the owner tells, whatever it is; None where it is nothing. Raises what the function raises.

    Args:
        email: The owner's column, or function.
        customer_id: Whose address is asked for; nobody's where it is empty.
        owned: The application's row, of which a column is read.
    """
    found: object = None
    if isinstance(email, str):
        found = None if owned is None else owned.record.get(email)
    elif customer_id:
        answer = email(customer_id)
        found = await answer if inspect.isawaitable(answer) else answer
    if found is None or found == "":
        return None
    return found.strip() if isinstance(found, str) else found
