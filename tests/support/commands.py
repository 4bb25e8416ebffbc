"""What tests of the commands share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import pytest

from aiocancel import FlowVendor, OwnFlow
from aiocancel.core.flow.conditions import place, reason, tenure
from aiocancel.core.flow.definition import (
    STANDARD_REASONS,
    CouponOffer,
    FlowDefinition,
    PauseOffer,
    Reason,
)
from aiocancel.core.flow.rules import benefit, never, permission
from tests.support.saas import Pool
from tests.support.saas import vendor as prosperstack

Result = TypeVar("Result")


def with_pool(database: str, do: Callable[[Pool], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
            return await do(pool)

    return asyncio.run(run())


SECRET = "hunter2secret"

FLOW = FlowDefinition(
    reasons=(
        *STANDARD_REASONS,
        Reason("moved", {"en": "I moved", "de": "Umzug"}, follow_up="Where?"),
    ),
    offers=(
        CouponOffer(
            "half_price",
            percent_off=50,
            months=3,
            when=reason("too_expensive") & tenure(at_least_months=2),
        ),
        PauseOffer("break", sentence="You can read.", when=reason("unused")),
    ),
    hold_out_percent=10,
    at_most_one_gift_in_days=365,
    rules=(never(benefit).where(place("US-MN")).without(permission),),
)
TARGET = "tests.cli.test_flow:cancel"


class Served:
    """The vendor of the CancelFlow that the command loads."""

    vendor: FlowVendor = prosperstack()


def own_flow(definition: FlowDefinition) -> OwnFlow:
    return OwnFlow(
        reasons=definition.reasons,
        offers=definition.offers,
        hold_out_percent=definition.hold_out_percent,
        at_most_one_gift_in_days=definition.at_most_one_gift_in_days,
        offers_at_most=definition.offers_at_most,
        rules=definition.rules,
    )


def serve(monkeypatch: pytest.MonkeyPatch, definition: FlowDefinition) -> None:
    monkeypatch.setattr(Served, "vendor", own_flow(definition))
