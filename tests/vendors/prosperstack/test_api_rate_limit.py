"""ProsperStack's limit of requests a minute, kept together with all other processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from aiocancel.core.identifiers import FlowSessionId
from aiocancel.core.rate_limit import Budget, Limit, Slots, lease
from aiocancel.errors import ConfigurationError, TransientVendorError
from aiocancel.ports import OutcomeVerifier, without_waiting
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.vendors.prosperstack.api import ProsperStackApi, open_prosperstack_api
from tests.support.saas import vendor
from tests.support.slots import CountedSlots
from tests.support.waiting import until

SESSION = FlowSessionId("sess_1")


@pytest.fixture
def simulator(aiocancel_prosperstack: ProsperStackSimulator) -> ProsperStackSimulator:
    return aiocancel_prosperstack


@pytest_asyncio.fixture(loop_scope="session")
async def host(simulator: ProsperStackSimulator) -> AsyncIterator[str]:
    async with simulator.serve() as hosts:
        yield hosts.api_url


@pytest.fixture
def slots() -> CountedSlots:
    return CountedSlots()


def settings(host: str, **changed: Any) -> Any:
    return vendor(
        api_key="key_test_simulator", api_host=host, max_requests_per_minute=90, **changed
    )


async def test_every_request_takes_its_turn_under_the_limit_of_its_mode(
    host: str, slots: CountedSlots
) -> None:
    opening = settings(host).open_verifier(slots)
    assert opening is not None
    async with opening as api:
        verifier: OutcomeVerifier = api
        assert await verifier.flow_session(SESSION) is None
    assert {name: limit.most_within(60.0) for name, limit in slots.asked.items()} == {
        "prosperstack test events": 45,
        "prosperstack test": 90,
    }


async def test_live_requests_have_a_limit_of_their_own_by_default(slots: CountedSlots) -> None:
    async with open_prosperstack_api(vendor(api_key="key_live").api_access, slots=slots) as api:
        slots.free_in_s = 60.0
        with pytest.raises(TransientVendorError):
            await api.without_waiting().flow_session(SESSION)
    assert {name: limit.most_within(60.0) for name, limit in slots.asked.items()} == {
        "prosperstack live": 90
    }


async def test_a_request_without_a_turn_is_not_sent_and_says_when_to_ask_again(
    host: str, simulator: ProsperStackSimulator, slots: CountedSlots
) -> None:
    slots.free_in_s = 25.0
    async with open_prosperstack_api(settings(host).api_access, slots=slots) as api:
        with pytest.raises(TransientVendorError) as refused:
            await api.flow_session(SESSION)
    assert (refused.value.code, refused.value.retry_after_s) == ("rate_limited", 25.0)
    assert simulator.requests == []


async def test_a_refusal_holds_back_every_process_until_the_limit_resets(
    host: str, simulator: ProsperStackSimulator, slots: CountedSlots
) -> None:
    simulator.fail_next(429, headers={"RateLimit-Reset": "23"})
    async with open_prosperstack_api(settings(host).api_access, slots=slots) as api:
        with pytest.raises(TransientVendorError):
            await api.flow_session(SESSION)
    assert slots.struck == [("prosperstack test", 23.0)]


async def test_a_simulator_has_no_limit_but_its_own(host: str, slots: CountedSlots) -> None:
    async with open_prosperstack_api(
        vendor(api_key="key_test_simulator", api_host=host).api_access, slots=slots
    ) as api:
        await api.flow_session(SESSION)
    assert slots.asked == {}


@pytest.mark.parametrize("most", [1, 0, -1])
def test_a_limit_that_stops_everything_is_refused(most: int) -> None:
    with pytest.raises(ConfigurationError, match="max_requests_per_minute"):
        vendor(max_requests_per_minute=most)


async def test_slots_are_taken_as_far_ahead_as_a_request_would_wait(host: str) -> None:
    horizons: list[float] = []

    class Horizons(CountedSlots):
        async def lease(self, name: str, limit: Limit, *, want: int, horizon_s: float) -> Slots:
            horizons.append(horizon_s)
            return await super().lease(name, limit, want=want, horizon_s=horizon_s)

    access = settings(host).api_access
    async with open_prosperstack_api(access, slots=Horizons(), longest_wait_s=7.0) as api:
        await api.flow_session(SESSION)

    assert horizons == [7.0, 7.0]


async def test_a_worker_that_finds_no_turn_is_told_at_once_while_others_may_wait_for_theirs(
    host: str, slots: CountedSlots
) -> None:
    slots.free_in_s = 5.0
    async with open_prosperstack_api(settings(host).api_access, slots=slots) as api:
        questions: Any = without_waiting(api)
        started = time.monotonic()
        with pytest.raises(TransientVendorError) as refused:
            await questions.flow_session(SESSION)
        took_s = time.monotonic() - started
        slots.free_in_s = 0.3
        assert await api.flow_session(SESSION) is None

    assert (refused.value.code, refused.value.retry_after_s) == ("rate_limited", 5.0)
    assert took_s < 2.0


class Taken:
    """Slots as the database hands them out, of limits whose unused time was used up just now."""

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}

    async def lease(self, name: str, limit: Limit, *, want: int, horizon_s: float) -> Slots:
        now = time.monotonic()
        budget = self._budgets.get(name, Budget(now))
        self._budgets[name], leased = lease(budget, limit, now, want=want, horizon_s=horizon_s)
        return leased

    async def strike(self, name: str, *, pause_s: float) -> None:
        raise AssertionError(name)


async def test_an_accepted_offer_finds_its_turn_however_many_sessions_the_vendor_tells_of(
    host: str, simulator: ProsperStackSimulator
) -> None:
    async with open_prosperstack_api(settings(host).api_access, slots=Taken()) as api:
        questions = api.without_waiting()

        async def read_events() -> None:
            while True:
                await api.events_after(None)

        reading = asyncio.create_task(read_events())
        try:
            await until(lambda: len(simulator.requests) == 2)
            await until(lambda: _finds_a_turn(questions), within_s=4)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _finds_a_turn(questions: ProsperStackApi) -> bool:
    try:
        await questions.flow_session(SESSION)
    except TransientVendorError:
        return False
    return True
