"""Simulators for testing an application that uses aiocancel: ``from aiocancel.testing import StripeSimulator``.

Each name is imported when it is first asked for: a test that needs no database pays for none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiocancel.testing.clock import FrozenClock
    from aiocancel.testing.customer import Customer
    from aiocancel.testing.postgres import EmbeddedPostgres
    from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
    from aiocancel.testing.staysignal import StaySignalSimulator
    from aiocancel.testing.stripe.faults import Fault
    from aiocancel.testing.stripe.simulator import StripeSimulator

__all__ = [
    "Customer",
    "EmbeddedPostgres",
    "Fault",
    "FrozenClock",
    "ProsperStackSimulator",
    "StaySignalSimulator",
    "StripeSimulator",
]

_HOMES = {
    "Customer": "aiocancel.testing.customer",
    "EmbeddedPostgres": "aiocancel.testing.postgres",
    "Fault": "aiocancel.testing.stripe.faults",
    "FrozenClock": "aiocancel.testing.clock",
    "ProsperStackSimulator": "aiocancel.testing.prosperstack.simulator",
    "StaySignalSimulator": "aiocancel.testing.staysignal",
    "StripeSimulator": "aiocancel.testing.stripe.simulator",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
