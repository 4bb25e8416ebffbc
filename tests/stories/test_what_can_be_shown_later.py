"""What a customer declared, what was shown and what was done can be shown later, and the worker seals it by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aiocancel.cli.evidence_page import page_of
from aiocancel.core.evidence import read, rendered
from aiocancel.postgres.evidence_files import EvidenceFiles
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.letters import ADDRESS, QUERY, has_letters, mailer_for
from tests.support.mail_server import MailServer
from tests.support.own_flow import flow_company
from tests.support.saas import Pool
from tests.support.waiting import until


async def nothing_is_unsealed(pool: Pool) -> bool:
    return not await pool.fetchval("SELECT EXISTS (SELECT FROM aiocancel.evidence_due)")


async def test_a_leave_is_evidence_from_the_words_that_were_shown_to_the_letter_that_was_sent(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.worker.seal_evidence.LOOK_EVERY_S", 0.2)
    stripe, url = stripe_api
    stripe.add_price("price_basic", unit_amount=900, currency="eur")
    due = int((datetime.now(UTC) + timedelta(days=12)).timestamp())
    stripe.add_subscription("sub_1", unit_amount=2900, currency="eur", current_period_end=due)
    async with MailServer().serve() as server:
        settings = {
            "subscriptions": QUERY,
            "mailer": mailer_for(server),
            "site_url": "https://shop.example",
        }
        async with flow_company(pool, stripe, url, **settings) as company:
            screen = await company.offered("too_expensive")
            assert screen.offer is not None
            recorded = await company.flow.cancel(
                "ada", str(screen.session_id), await company.grant()
            )
            await until(lambda: has_letters(pool, 1), within_s=20)
            await until(lambda: nothing_is_unsealed(pool), within_s=20)

    async with pool.acquire() as connection:
        found = await EvidenceFiles(connection).export(recorded.public_id)

    assert found is not None
    assert read(rendered(found))[1].problems == ()
    links = {each["fact"]["what"]: each for each in found["links"]}
    claim, session = links["claim_recorded"]["content"], links["session_ended"]
    assert (claim["customer"], claim["subscription"], claim["asks_for"]) == (
        "ada",
        "sub_1",
        "cancellation",
    )
    assert claim["declaration"]["language"] == "en"
    (shown,) = session["content"]["shown"]
    assert shown["offer"] == "half_price"
    assert session["content"]["snapshot"]["price_minor"] == 2900
    assert session["content"]["reason"] == "too_expensive"
    assert list(found["definitions"]) == [session["fact"]["definition"]]
    assert found["words"][session["fact"]["words"]]
    asked = links["attempt_ended"]["fact"]
    assert asked["result"] == "accepted"
    assert asked["stripe_request"].startswith("req_")
    letter = next(each for each in found["links"] if each["fact"].get("letter"))
    assert letter["content"]["recipient"] == ADDRESS
    assert letter["fact"]["letter"]["kind"] == "carried_out"

    page = page_of(found)
    assert "<script" not in page
    assert "half_price" in page
    assert ADDRESS in page
    assert "A letter was handed over to the mail server" in page
    assert asked["stripe_request"] in page
