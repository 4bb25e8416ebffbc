"""However often one customer's pages are opened, Stripe is asked for the list once at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiocancel.billing.shared_listings import SharedListings
from aiocancel.errors import TransientBillingError


class Stripe:
    """Counts, and answers when ``go`` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()
        self.fails = False

    async def list_subscriptions(self, customer: str) -> list[Any]:
        self.asked.append(customer)
        await self.go.wait()
        if self.fails:
            raise TransientBillingError("Stripe is down")
        return [customer]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def listings(stripe: Stripe, clock: Clock, **settings: float) -> SharedListings[list[Any]]:
    return SharedListings(
        stripe.list_subscriptions, clock=clock, **{"within_s": 5.0, "remember_s": 3.0, **settings}
    )


async def ask(shared: SharedListings[list[Any]], customer: str) -> Any:
    return await shared.of(customer)


async def test_three_hundred_views_of_one_customer_ask_once_and_others_ask_for_themselves() -> None:
    stripe = Stripe()
    shared = listings(stripe, Clock())

    views = [asyncio.create_task(ask(shared, "cus_ada")) for _ in range(300)]
    other = asyncio.create_task(ask(shared, "cus_bob"))
    await asyncio.sleep(0)
    stripe.go.set()

    assert await asyncio.gather(*views) == [["cus_ada"]] * 300
    assert await other == ["cus_bob"]
    assert stripe.asked == ["cus_ada", "cus_bob"]


async def test_a_list_counts_for_some_seconds_and_is_then_asked_for_again() -> None:
    stripe, clock = Stripe(), Clock()
    stripe.go.set()
    shared = listings(stripe, clock)

    await ask(shared, "cus_ada")
    clock.now += 2.9
    await ask(shared, "cus_ada")
    assert stripe.asked == ["cus_ada"]

    clock.now += 0.1
    await ask(shared, "cus_ada")
    assert stripe.asked == ["cus_ada", "cus_ada"]


async def test_nothing_is_remembered_where_the_owner_wants_so() -> None:
    stripe = Stripe()
    stripe.go.set()
    shared = listings(stripe, Clock(), remember_s=0)

    await ask(shared, "cus_ada")
    await ask(shared, "cus_ada")

    assert stripe.asked == ["cus_ada", "cus_ada"]


async def test_a_failure_reaches_all_who_wait_and_is_not_remembered() -> None:
    stripe = Stripe()
    stripe.fails = True
    shared = listings(stripe, Clock())

    views = [asyncio.create_task(ask(shared, "cus_ada")) for _ in range(2)]
    await asyncio.sleep(0)
    stripe.go.set()
    failed = await asyncio.gather(*views, return_exceptions=True)
    stripe.fails = False

    assert [type(error) for error in failed] == [TransientBillingError] * 2
    assert await ask(shared, "cus_ada") == ["cus_ada"]


async def test_a_visitor_who_leaves_does_not_end_it_for_the_others() -> None:
    stripe = Stripe()
    shared = listings(stripe, Clock())

    leaves, stays = (asyncio.create_task(ask(shared, "cus_ada")) for _ in range(2))
    await asyncio.sleep(0)
    leaves.cancel()
    await asyncio.sleep(0)
    stripe.go.set()

    assert await stays == ["cus_ada"]
    assert stripe.asked == ["cus_ada"]


async def test_a_list_that_takes_too_long_is_given_up() -> None:
    stripe = Stripe()
    shared = listings(stripe, Clock(), within_s=0.01)

    with pytest.raises(TimeoutError):
        await ask(shared, "cus_ada")
