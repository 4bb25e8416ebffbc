"""One wish is carried out once, also by a second application, and with a database that was set back."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from pytest_aiohttp import AiohttpClient

from aiocancel import CustomOffer, StripeBilling
from aiocancel.telemetry import ActionParked
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.claims import empty_tables
from tests.support.company import Company
from tests.support.saas import STRIPE_KEY, Events, add_customer, as_customer
from tests.support.slots import let_go, use_up
from tests.support.waiting import until

AT_STRIPE = ["offr_coupon", "offr_trial_extension", "offr_change_plan", "offr_pause_subscription"]
NOTE = "aiocancel_gift"


@pytest_asyncio.fixture(loop_scope="session")
async def other(
    company: Company,
    postgres: EmbeddedPostgres,
    template_database: str,
    aiohttp_client: AiohttpClient,
) -> AsyncIterator[Company]:
    """Another application with a database of its own, on the same accounts at Stripe and at the vendor."""
    dsn = await postgres.create_database(f"other_{uuid.uuid4().hex}", template=template_database)

    async with asyncpg.create_pool(dsn, min_size=1, max_size=5) as pool:
        await add_customer(pool, "bob", "sub_1")
        site = Company(
            aiohttp_client,
            pool,
            company.stripe,
            company.stripe_url,
            company.flows,
            company.hosts,
            Events(),
        )
        yield site
        # Before its database: the site would wait for it.
        if site.client is not None:
            await site.client.close()


async def set_back(company: Company, *, claimed: bool) -> None:
    """Restore the database of the moment before the offer was made, or before the customer came."""
    if not claimed:
        await empty_tables(company.pool)
        await company.pool.execute("TRUNCATE aiocancel.outcome CASCADE")
        await add_customer(company.pool, "ada", "sub_1")
        return

    async with company.pool.acquire() as connection, connection.transaction():
        # Without its triggers: this is a way that no action goes.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            """
            DELETE FROM aiocancel.attempt;
            UPDATE aiocancel.action SET state = 'waiting', finished_at = NULL, receipt_status = NULL, attempts = 0,
                receipt_ends_at = NULL, change = NULL, key_used_at = NULL, due_at = now() WHERE kind = 'apply_offer'
            """
        )


async def settled(company: Company, claim_id: str) -> dict[str, Any]:
    """Wait for a claim that the worker finds again by itself."""
    assert company.client is not None
    while True:
        response = await company.client.get(
            f"/cancel/status/{claim_id}", headers=as_customer("ada")
        )
        answer: dict[str, Any] = await response.json()
        if answer["outcome"] != "queued":
            return answer


@pytest.mark.parametrize("remembers_keys", [True, False])
@pytest.mark.parametrize("offer", AT_STRIPE)
async def test_two_applications_that_hear_of_one_accepted_offer_make_it_once(
    company: Company, other: Company, offer: str, remembers_keys: bool
) -> None:
    company.stripe.add_subscription("sub_1")
    session = company.accepted(offer)
    await company.open()
    await other.open()

    first = await company.claim(session)
    if not remembers_keys:
        company.stripe.prune_keys()
    second = await other.claim(session, customer="bob")

    assert (first["outcome"], second["outcome"]) == ("done", "done")
    assert len(company.changes()) == 1


@pytest.mark.parametrize("claimed", [True, False])
@pytest.mark.parametrize("remembers_keys", [True, False])
@pytest.mark.parametrize("offer", AT_STRIPE)
async def test_an_offer_is_not_made_again_by_a_database_that_was_set_back(
    company: Company, offer: str, remembers_keys: bool, claimed: bool
) -> None:
    company.stripe.add_subscription("sub_1")
    session = company.accepted(offer)
    await company.open()
    claim_id = (await company.claim(session))["claim"]
    made = len(company.changes())

    await set_back(company, claimed=claimed)
    if not remembers_keys:
        company.stripe.prune_keys()
    answer = await (settled(company, claim_id) if claimed else company.claim(session))

    assert (answer["outcome"], made, len(company.changes())) == ("done", 1, 1)


@pytest.mark.parametrize(
    ("is_there", "outcome", "parked"), [(True, "done", []), (False, "manual", ["written_before"])]
)
async def test_a_key_that_stripe_knows_and_the_ledger_does_not_is_looked_into_and_never_replaced(
    company: Company, is_there: bool, outcome: str, parked: list[str]
) -> None:
    company.stripe.add_subscription("sub_1")
    session = company.accepted("offr_trial_extension")
    await company.open()
    claim_id = (await company.claim(session))["claim"]
    # Another gift has taken the note's place, and a person moved the trial's end: a little, or back.
    company.subscription["metadata"].pop(NOTE)
    company.subscription["trial_end"] += 3600 if is_there else -40 * 24 * 3600
    before = company.changes()

    await set_back(company, claimed=True)
    answer = await settled(company, claim_id)

    assert answer["outcome"] == outcome
    assert company.changes() == before
    assert await company.events.codes(ActionParked, at_least=len(parked)) == parked
    keys = {post.idempotency_key for post in company.stripe.requests if post.method == "POST"}
    assert len(keys) == 1


UPDATE = "stripe test POST /v1/subscriptions/:id"


async def codes(company: Company) -> list[str]:
    rows = await company.pool.fetch("SELECT code FROM aiocancel.attempt ORDER BY number")
    return [row["code"] for row in rows]


async def was_sent_away(company: Company) -> bool:
    # Noted together with the time when it comes back.
    sql = "SELECT EXISTS (SELECT FROM aiocancel.journal WHERE code = 'rate_budget')"
    return bool(await company.pool.fetchval(sql))


async def test_a_restored_write_that_found_no_turn_at_first_is_looked_into_as_well(
    company: Company,
) -> None:
    billing = StripeBilling(
        api_key=STRIPE_KEY, api_base=company.stripe_url, max_requests_per_s_per_endpoint=50
    )
    company.stripe.add_subscription("sub_1")
    session = company.accepted("offr_trial_extension")
    await company.open(company.plug_in(billing=billing))
    claim_id = (await company.claim(session))["claim"]
    assert company.client is not None
    await company.client.close()
    company.subscription["metadata"].pop(NOTE)
    company.subscription["trial_end"] += -40 * 24 * 3600

    await set_back(company, claimed=True)
    await use_up(company.pool, UPDATE, free_in_s=60.0)
    await company.open(company.plug_in(billing=billing))
    await until(lambda: was_sent_away(company), within_s=30)
    await let_go(company.pool, UPDATE)
    answer = await settled(company, claim_id)

    assert await codes(company) == ["rate_budget", "idempotency_error"]
    assert answer["outcome"] == "manual"
    assert company.changes() == ["trial_end"]


async def test_a_cancellation_that_was_carried_out_and_withdrawn_is_not_repeated_by_another_database(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    session = company.flows.create_session("sub_1")
    session = company.flows.finish(session["id"], status="canceled")
    await company.claim(session)
    company.subscription.update(cancel_at_period_end=False, cancel_at=None, canceled_at=None)

    await set_back(company, claimed=False)
    answer = await company.claim(session)

    assert answer["outcome"] == "manual"
    assert company.changes() == ["cancel_at_period_end"]


async def test_a_handler_gets_the_same_key_from_two_applications(
    company: Company, other: Company
) -> None:
    company.stripe.add_subscription("sub_1")
    seen: list[str] = []
    session = company.accepted("offr_custom")
    for one in (company, other):
        cancel = one.plug_in()

        @cancel.on_offer("code")
        async def handle(offer: CustomOffer) -> None:
            seen.append(offer.key)

        await one.open(cancel)

    await company.claim(session)
    await other.claim(session, customer="bob")

    assert len(seen) == 2
    assert len(set(seen)) == 1
