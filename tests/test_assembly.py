"""Closing what a running plug-in is made of ends, whatever its loops are doing."""

from __future__ import annotations

import asyncio

from aiocancel import assembly


async def test_a_loop_that_takes_its_cancellation_for_an_outage_is_ended_all_the_same() -> None:
    outages = 0

    async def listen() -> None:
        nonlocal outages
        while outages < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                # As a driver does that is asked to stop in the middle of a statement.
                outages += 1
        await asyncio.Event().wait()

    async with asyncio.timeout(30):
        async with assembly._looping(listen(), "ends") as task:
            await asyncio.sleep(0)

    assert task.cancelled()
    assert outages == 2
