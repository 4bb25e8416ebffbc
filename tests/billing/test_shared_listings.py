"""However often one customer's pages are opened, Stripe is asked for the list once at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiocancel.billing.shared_listings import Beyond, SharedListings
from aiocancel.errors import AskedTooOftenError, TransientBillingError


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


def listings(stripe: Stripe, clock: Clock, **settings: Any) -> SharedListings[list[Any]]:
    defaults: dict[str, Any] = {"within_s": 5.0, "remember_s": 3.0}
    return SharedListings(stripe.list_subscriptions, clock=clock, **defaults | settings)


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


async def reload(
    shared: SharedListings[list[Any]], clock: Clock, *, times: int, beyond: Beyond
) -> int:
    """Open a page once a second; returns how often it was refused."""
    refused = 0
    for _ in range(times):
        clock.now += 1.0
        try:
            await shared.of("cus_ada", beyond=beyond)
        except AskedTooOftenError as error:
            refused += 0 < error.retry_after_s <= 60
    return refused


async def test_a_customer_who_reloads_all_the_time_costs_a_few_lists_a_minute_and_is_shown_the_last() -> (
    None
):
    stripe, clock = Stripe(), Clock()
    stripe.go.set()
    shared = listings(stripe, clock, most_per_minute=4)

    assert await reload(shared, clock, times=60, beyond="older") == 0
    assert len(stripe.asked) == 4
    assert await shared.of("cus_bob", beyond="older") == ["cus_bob"]

    assert await reload(shared, clock, times=240, beyond="older") == 0
    assert len(stripe.asked) <= 1 + 5 * 4 + 1


async def test_who_is_about_to_change_something_is_never_shown_an_older_list_and_never_refused() -> (
    None
):
    stripe, clock = Stripe(), Clock()
    stripe.go.set()
    shared = listings(stripe, clock, most_per_minute=2)
    await reload(shared, clock, times=30, beyond="older")

    before = len(stripe.asked)
    clock.now += 4.0
    await shared.of("cus_ada")

    assert len(stripe.asked) == before + 1


async def test_a_script_that_asks_in_a_loop_is_refused_until_the_minute_is_over() -> None:
    stripe, clock = Stripe(), Clock()
    stripe.go.set()
    shared = listings(stripe, clock, most_per_minute=4)

    assert await reload(shared, clock, times=30, beyond="refuse") > 15

    clock.now += 4.0
    with pytest.raises(AskedTooOftenError) as refused:
        await shared.of("cus_ada", beyond="refuse")
    clock.now += refused.value.retry_after_s
    assert await shared.of("cus_ada", beyond="refuse") == ["cus_ada"]


async def test_the_way_out_may_ask_twice_as_often_where_no_list_came() -> None:
    stripe, clock = Stripe(), Clock()
    stripe.go.set()
    stripe.fails = True
    shared = listings(stripe, clock, most_per_minute=3)

    async def fail(beyond: Beyond) -> str:
        try:
            await shared.of("cus_ada", beyond=beyond)
        except (AskedTooOftenError, TransientBillingError) as error:
            return type(error).__name__
        return "listed"

    asked = [await fail("older") for _ in range(8)]

    assert asked == ["TransientBillingError"] * 6 + ["AskedTooOftenError"] * 2
    assert await fail("refuse") == "AskedTooOftenError"
    assert await fail("ask") == "TransientBillingError"


async def test_of_many_customers_nobody_is_remembered_for_longer_than_a_minute() -> None:
    stripe, clock = Stripe(), Clock()
    stripe.go.set()
    shared = listings(stripe, clock, most_per_minute=4)
    for number in range(100):
        await shared.of(f"cus_{number}", beyond="older")

    clock.now += 61.0
    await shared.of("cus_ada", beyond="older")

    assert (list(shared._kept), list(shared._asked)) == (["cus_ada"], ["cus_ada"])
