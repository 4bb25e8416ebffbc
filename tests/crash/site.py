"""The application of the crash suite, in whichever process runs it; ``tests.crash.site:cancel`` for a worker."""

from __future__ import annotations

from typing import Any

import asyncpg

import aiocancel.core.retry
import aiocancel.worker.change_billing
import aiocancel.worker.worker
from aiocancel import (
    CancelFlow,
    OfferLimits,
    OwnFlow,
    PlanOffer,
    SmtpMailer,
    StripeBilling,
    reason,
)
from tests.crash.deaths import die_at
from tests.crash.parent import end_with_parent
from tests.crash.setup import Setup
from tests.support.saas import STRIPE_KEY, make_cancel, vendor

# What takes a minute in earnest must not do so in a test; a killed worker's actions wait for its lease to end.
WAITS = {"ATTEMPT_TIMEOUT_S": 3.5, "LONGEST_DELAY_S": 1.5}
STRIPE_TIMEOUT_S = 1.5


def shorten_waits() -> None:
    for module in (aiocancel.worker.change_billing, aiocancel.worker.worker, aiocancel.core.retry):
        for name, seconds in WAITS.items():
            if hasattr(module, name):
                setattr(module, name, seconds)
    # A default is bound when the class is made.
    defaults = aiocancel.worker.worker.Worker.__init__.__kwdefaults__ or {}
    defaults.update(
        {name.lower(): seconds for name, seconds in WAITS.items() if name.lower() in defaults}
    )


def _letters(port: int) -> dict[str, Any]:
    return {
        "mailer": SmtpMailer(
            f"smtp://127.0.0.1:{port}",
            sender="Northwind Notes <billing@shop.example>",
            tls="off",
            within_s=3.0,
        ),
        "email": lambda customer_id: f"{customer_id}@example.com",
        "site_url": "https://shop.example",
    }


async def cancel() -> CancelFlow:
    """The plug-in, as this process's environment describes it."""
    import stripe

    stripe.enable_telemetry = False
    setup = Setup.from_environment()
    end_with_parent()
    shorten_waits()
    if setup.dies_at:
        die_at(setup.dies_at, setup.passages)
    pool = None
    if setup.pool_size:
        pool = await asyncpg.create_pool(
            setup.database, min_size=1, max_size=setup.pool_size, command_timeout=30
        )
    print("ready", flush=True)
    return make_cancel(
        pool or setup.database,
        vendor=vendor(
            api_key="key_test_simulator",
            api_host=setup.vendor_api_url,
            app_host=setup.vendor_app_url,
            applies_offers="app",
            fallback=OwnFlow(
                offers=[PlanOffer("basic", "price_simulator_basic", when=reason("too_complex"))]
            ),
        ),
        billing=StripeBilling(
            api_key=STRIPE_KEY, api_base=setup.stripe_url, timeout_s=STRIPE_TIMEOUT_S
        ),
        cancel_timing=setup.timing,
        # What is counted is every gift, and some customers get two.
        offer_limits=OfferLimits(at_most_one_gift_in_days=None),
        run_worker=setup.run_worker,
        answer_within_s=setup.answer_within_s,
        poll_events_every_s=3.0,
        worker_lease_s=setup.lease_s,
        **({} if not setup.smtp_port else _letters(setup.smtp_port)),
        # A hundred changes on one subscription are part of the suite.
        most_unfinished_actions=1_000,
        most_posts_per_minute=10_000,
    )
