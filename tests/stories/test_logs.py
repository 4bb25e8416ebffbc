"""The log of a whole cancellation, its failures included, says what happened and nothing about the customer."""

from __future__ import annotations

import logging
import re
from typing import Any

import asyncpg
import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel.billing.settings import StripeBilling
from aiocancel.core.outcome import Outcome
from aiocancel.telemetry import log_event
from aiocancel.testing.stripe.simulator import Fault, StripeSimulator
from tests.support.saas import STRIPE_KEY, Pool, add_customer, as_customer, make_app, make_cancel
from tests.support.waiting import until

CUSTOMER = "ada.lovelace@example.com"
REASON = "Bob Smith told me to leave, my number is +44 20 7946 0000"


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would write a file into the home directory.
    import stripe

    monkeypatch.setattr(stripe, "enable_telemetry", False)


async def cancel_once(
    aiohttp_client: AiohttpClient, pool: Pool, url: str, hook: Any = None, **settings: Any
) -> None:
    await add_customer(pool, CUSTOMER, "sub_1")
    cancel = make_cancel(pool, url, on_event=log_event, **settings)
    if hook is not None:
        cancel.on_outcome(hook)
    client = await aiohttp_client(make_app(cancel))
    answer = await (await client.get("/cancel/payload", headers=as_customer(CUSTOMER))).json()
    session = {"id": "sess_1", "cancel_reason": {"text": REASON, "reason_code": "other"}}
    body = {
        "grant": answer["flow"]["grant"],
        "result": {"status": "canceled", "flowSession": session},
    }
    response = await client.post("/cancel/result", json=body, headers=as_customer(CUSTOMER))

    assert response.status in (200, 202), await response.text()


def lines(caplog: pytest.LogCaptureFixture) -> str:
    formatter = logging.Formatter("%(levelname)s %(message)s")
    return "\n".join(
        formatter.format(record) for record in caplog.records if record.name == "aiocancel"
    )


def assert_nobody_is_named(text: str) -> None:
    # A group of a claim's random id may begin with "ada" or "7946".
    without_ids = re.sub(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "", text)

    for word in ("ada", "lovelace", "example.com", "Bob", "7946", STRIPE_KEY):
        assert not re.search(rf"\b{re.escape(word)}", without_ids, re.IGNORECASE), text


async def test_a_cancellation_is_logged_without_its_customer(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_1")
    stripe.inject(Fault("error_500_after", method="POST"), Fault("lock_timeout_429", method="GET"))

    with caplog.at_level(logging.DEBUG, logger="aiocancel"):
        await cancel_once(aiohttp_client, pool, url)
        await until(lambda: "ActionApplied" in lines(caplog))

    text = lines(caplog)
    assert "INFO ClaimRecorded" in text
    assert re.search(
        r"WARNING AttemptFailed .* kind=cancel_at_period_end attempt=1 .* code=lock_timeout", text
    )
    assert re.search(r"INFO ActionApplied .* kind=cancel_at_period_end .* age_s=[0-9.]+", text)
    assert_nobody_is_named(text)


async def test_a_refusal_that_needs_a_person_is_logged_as_an_error_without_the_customer(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, logger="aiocancel"):
        await cancel_once(aiohttp_client, pool, stripe_api[1])
        await until(lambda: "ActionParked" in lines(caplog))
    text = lines(caplog)
    assert re.search(r"ERROR ActionParked .* code=resource_missing", text)
    assert_nobody_is_named(text)


async def test_a_mistake_of_the_applications_is_logged_by_its_place_and_not_by_its_words(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_1")

    async def forgetful(_: Outcome) -> None:
        raise LookupError(f"no address for {CUSTOMER}")

    with caplog.at_level(logging.DEBUG, logger="aiocancel"):
        await cancel_once(aiohttp_client, pool, url, forgetful)
        await until(lambda: "broke off" in lines(caplog))
    text = lines(caplog)
    assert re.search(
        r"ERROR an attempt at action \d+ broke off: LookupError < test_logs.py:\d+ forgetful", text
    )
    assert_nobody_is_named(text)


async def test_a_row_that_the_database_refuses_is_not_quoted(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_1")
    # PostgreSQL's own message has all of the row, the customer's words included.
    await pool.execute(
        "ALTER TABLE aiocancel.action ADD CONSTRAINT never CHECK (key_used_at IS NULL)"
    )
    with caplog.at_level(logging.DEBUG, logger="aiocancel"):
        await cancel_once(aiohttp_client, pool, url)
        await until(lambda: "broke off" in lines(caplog))
    text = lines(caplog)
    assert "CheckViolationError" in text
    assert_nobody_is_named(text)

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await pool.execute("UPDATE aiocancel.action SET key_used_at = now()")
    assert "Bob Smith" in str(refused.value)


async def test_a_plug_in_takes_its_turns_at_stripe_from_the_database(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_1")
    billing = StripeBilling(api_key=STRIPE_KEY, api_base=url, max_requests_per_s=25)
    await cancel_once(aiohttp_client, pool, url, billing=billing)
    await until(lambda: len(stripe.effects) == 1)
    assert await pool.fetchval("SELECT array_agg(name) FROM aiocancel.rate") == ["stripe test"]
