"""Permissions that the key lacks at Stripe: each is told when it is refused first."""

from __future__ import annotations

from typing import Final

from aiocancel.errors import BillingError
from aiocancel.telemetry import EventHook, PermissionMissing

# Where Stripe's refusal does not name it.
UNNAMED: Final = "unnamed"
# As many as there are is far fewer; the words come from outside.
_MOST: Final = 100


class MissingPermissions:
    """Tells of each missing permission once, so that the owner hears of it long before anything is given up."""

    def __init__(self, on_event: EventHook) -> None:
        self._on_event = on_event
        self._told: set[str] = set()

    def report(self, error: BillingError) -> None:
        """Tell of a refusal, unless this permission was told of before."""
        permission = error.permission or UNNAMED
        if permission not in self._told and len(self._told) < _MOST:
            self._told.add(permission)
            self._on_event(PermissionMissing(permission, error.request_id))
