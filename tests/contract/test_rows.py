"""Every row of the contract holds at the simulator, in recordings of Stripe, and with a key at Stripe itself.

STRIPE_TEST_KEY=sk_test_… pytest tests/contract -k stripe                  all rows at Stripe; its answers are recorded
STRIPE_TEST_KEY=sk_test_… pytest tests/contract -k "stripe and unverified"  those for which there is no source
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from aiocancel.billing.settings import STRIPE_API
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.contract.exchange import Recorder, served
from tests.contract.playing import (
    SIMULATED_KEY,
    fixture_of,
    play,
    record,
    refuse_what_is_no_test_key,
    replay,
)
from tests.contract.rows import ROWS, Row

KEY: Final = os.environ.get("STRIPE_TEST_KEY", "")


def cases() -> Iterator[Any]:
    refuse_what_is_no_test_key(KEY)
    for row in ROWS:
        yield pytest.param("simulator", row, id=f"simulator-{row.name}")
        if fixture_of(row).exists():
            yield pytest.param("recording", row, id=f"recording-{row.name}")
        if KEY:
            yield pytest.param("stripe", row, id=f"stripe-{row.name}")


@pytest.mark.parametrize(("against", "row"), list(cases()))
async def test_the_row_holds(against: str, row: Row) -> None:
    # A clock may start a while ago; an hour leaves room for the clocks of both sides.
    start = int(time.time()) - 3600

    match against:
        case "simulator":
            async with StripeSimulator(api_key=SIMULATED_KEY).serve() as url:
                await play(row, url, SIMULATED_KEY, start=start)
        case "recording":
            await replay(row, fixture_of(row).read_text(encoding="utf-8"))
        case _:
            recorder = Recorder(STRIPE_API)
            async with served(recorder) as url:
                await play(row, url, KEY, start=start, pause_s=1.0)
            text = record(row, start, recorder.exchanges)
            fixture_of(row).write_text(text, encoding="utf-8")
