"""Stripe tells: a signed webhook rings, the list of events is polled, and the application hears of each change."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient

from aiocancel import CancelFlow, StripeBilling, SubscriptionChange
from aiocancel.core.codes import Code
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.telemetry import (
    ActionApplied,
    ActionParked,
    ChangeHookFailed,
    ClaimRefused,
    DriftFound,
    PermissionMissing,
    SubscriptionChanged,
)
from aiocancel.testing.stripe.events import signature
from aiocancel.testing.stripe.simulator import RecordedRequest
from tests.support.company import Company
from tests.support.letters import letters, mails, press
from tests.support.saas import STRIPE_KEY, as_customer
from tests.support.waiting import until

SECRET = "whsec_a_secret_of_the_endpoint"
OLD_SECRET = "whsec_the_secret_before"
SELDOM_S = 3600.0
OFTEN_S = 0.2


@dataclass
class Application:
    """What the application does with changes: it keeps them, after failing ``fails`` times."""

    told: list[SubscriptionChange] = field(default_factory=list)
    fails: int = 0

    async def hear(self, change: SubscriptionChange) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the application is not well, says ada@example.com")
        self.told.append(change)

    @property
    def kinds(self) -> list[str]:
        return [change.kind for change in self.told]

    async def hears(self, *kinds: str) -> None:
        try:
            await until(lambda: self.kinds[-len(kinds) :] == list(kinds))
        except TimeoutError:
            raise AssertionError(f"it heard {self.kinds}, and not {kinds}") from None


def billing(company: Company, **settings: Any) -> StripeBilling:
    return StripeBilling(
        **{
            "api_key": STRIPE_KEY,
            "api_base": company.stripe_url,
            "webhook_secrets": [SECRET, OLD_SECRET],
            "poll_events_every_s": SELDOM_S,
            **settings,
        }
    )


async def opened(
    company: Company, application: Application | None = None, **settings: Any
) -> TestClient[Any, Any]:
    """Open the site; its first look at Stripe's list is over, and what was on it is history."""
    company.stripe.add_subscription("sub_1")
    cancel = company.plug_in(billing=billing(company, **settings))
    if application is not None:
        cancel.on_subscription_change(application.hear)
    return await start(company, cancel)


async def start(company: Company, cancel: CancelFlow) -> TestClient[Any, Any]:
    await company.open(cancel)
    assert company.client is not None
    await until(lambda: _is_read(company))
    return company.client


async def _is_read(company: Company) -> bool:
    looked = "SELECT bool_and(read_until IS NOT NULL) FROM aiocancel.stripe_cursor"
    rows = await company.pool.fetch("SELECT due_at FROM aiocancel.subscription_news")
    return bool(await company.pool.fetchval(looked)) and all(row["due_at"] is None for row in rows)


async def at_stripe(
    company: Company,
    subscription_id: str = "sub_1",
    method: str = "POST",
    path: str | None = None,
    **form: str,
) -> None:
    """Somebody changes the subscription at Stripe: in the portal, or the company's support."""
    headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
    url = f"{company.stripe_url}{path or f'/v1/subscriptions/{subscription_id}'}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, data=form, headers=headers) as response,
    ):
        assert response.status == 200, await response.text()


def an_event(company: Company, kind: str = "customer.subscription.updated") -> dict[str, Any]:
    """The newest event of a kind at Stripe."""
    events = [each for each in company.stripe.events.values() if each["type"] == kind]
    return dict(events[-1])


async def post(
    client: TestClient[Any, Any],
    event: object,
    secret: str = SECRET,
    *,
    signed_in_s: float = 0.0,
    **headers: str,
) -> tuple[int, dict[str, Any]]:
    body = json.dumps(event).encode()
    signed = signature(body, secret, int(time.time() + signed_in_s))
    async with client.post(
        "/cancel/stripe", data=body, headers={"Stripe-Signature": signed, **headers}
    ) as response:
        return response.status, await response.json()


async def heard(company: Company) -> int:
    return int(await company.pool.fetchval("SELECT count(*) FROM aiocancel.stripe_event"))


# The application hears


async def test_a_change_in_the_portal_reaches_the_application_through_the_webhook(
    company: Company,
) -> None:
    application = Application()
    client = await opened(company, application)
    company.stripe.add_webhook(str(client.make_url("/cancel/stripe")), SECRET)

    await at_stripe(company, cancel_at_period_end="true")
    await application.hears("ending")
    await at_stripe(company, cancel_at_period_end="false")
    await application.hears("ending", "resumed")
    await at_stripe(company, method="DELETE")
    await application.hears("ending", "resumed", "ended")

    ended = application.told[-1]
    assert (ended.subscription_id, ended.status, ended.claim_id) == ("sub_1", "canceled", None)
    assert ended.ends_at is not None
    assert len({change.key for change in application.told}) == 3
    told = await company.events.first(SubscriptionChanged, at_least=3)
    assert [event.kind for event in told] == ["ending", "resumed", "ended"]


async def test_a_change_that_no_webhook_told_of_is_found_on_stripes_list(company: Company) -> None:
    application = Application()
    await opened(company, application, webhook_secrets=(), poll_events_every_s=OFTEN_S)

    await at_stripe(company, **{"pause_collection[behavior]": "void"})

    await application.hears("paused")
    assert application.told[0].is_paused
    assert application.told[0].price_ids == tuple(
        item["price"]["id"] for item in company.subscription["items"]["data"]
    )


def looks_at_the_list(company: Company) -> list[RecordedRequest]:
    return [each for each in company.stripe.requests if each.path == "/v1/events"]


async def test_the_webhook_and_the_list_and_a_repetition_tell_of_a_change_once(
    company: Company,
) -> None:
    application = Application()
    client = await opened(company, application, poll_events_every_s=OFTEN_S)

    await at_stripe(company, cancel_at_period_end="true")
    event = an_event(company)
    answers = [await post(client, event) for _ in range(3)]
    await application.hears("ending")
    # The list is read from its beginning to its end once more.
    looks = len(looks_at_the_list(company))
    await until(lambda: len(looks_at_the_list(company)) > looks + 2)

    assert [status for status, _ in answers] == [200, 200, 200]
    assert [answer["new"] for _, answer in answers[1:]] == [False, False]
    assert application.kinds == ["ending"]


async def test_events_in_the_wrong_order_end_in_what_stripe_shows(company: Company) -> None:
    application = Application()
    client = await opened(company, application)
    await at_stripe(company, cancel_at_period_end="true")
    first = an_event(company)
    await at_stripe(company, method="DELETE")
    last = an_event(company, "customer.subscription.deleted")

    for event in (last, first):
        assert (await post(client, event))[0] == 200
        await application.hears("ended")

    assert application.kinds == ["ended"]


async def test_the_first_event_of_all_tells_what_was_before(company: Company) -> None:
    application = Application()
    company.stripe.add_subscription("sub_1")
    company.stripe.add_price("price_other", unit_amount=100)
    cancel = company.plug_in(billing=billing(company))
    cancel.on_subscription_change(application.hear)
    client = await start(company, cancel)
    await company.pool.execute("DELETE FROM aiocancel.subscription_news")
    item = company.subscription["items"]["data"][0]["id"]

    await at_stripe(company, **{"items[0][id]": item, "items[0][price]": "price_other"})
    await post(client, an_event(company))

    await application.hears("plan_changed")
    assert application.told[0].price_ids == ("price_other",)


async def before_the_first_news(
    company: Company, **settings: Any
) -> tuple[TestClient[Any, Any], Application]:
    """Nothing has been heard of the subscription, as of each that is older than the installation."""
    application = Application()
    client = await opened(company, application, **settings)
    await company.pool.execute("DELETE FROM aiocancel.subscription_news")
    return client, application


async def test_the_first_change_is_told_though_a_newer_event_is_on_the_same_page_of_the_list(
    company: Company,
) -> None:
    _, application = await before_the_first_news(company, webhook_secrets=())
    await at_stripe(company, cancel_at_period_end="true")
    await at_stripe(company, **{"metadata[a]": "b"})

    await company.pool.execute(
        "UPDATE aiocancel.stripe_cursor SET polled_at = now() - interval '3 hours'"
    )

    await application.hears("ending")
    await until(lambda: _is_read(company))
    assert application.kinds == ["ending"]


async def test_the_first_change_is_told_though_a_newer_event_came_first_and_was_looked_at(
    company: Company,
) -> None:
    client, application = await before_the_first_news(company)
    await at_stripe(company, cancel_at_period_end="true")
    first = an_event(company)
    await at_stripe(company, **{"metadata[a]": "b"})

    await post(client, an_event(company))
    await until(lambda: _is_read(company))
    assert application.kinds == []
    await post(client, first)

    await application.hears("ending")
    await until(lambda: _is_read(company))
    assert application.kinds == ["ending"]


async def test_a_hook_that_fails_is_called_again_with_the_same_key_and_nothing_of_its_error_is_told(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    application = Application(fails=1)
    keys: list[str] = []

    async def first(change: SubscriptionChange) -> None:
        keys.append(change.key)

    company.stripe.add_subscription("sub_1")
    cancel = company.plug_in(billing=billing(company))
    cancel.on_subscription_change(first)
    cancel.on_subscription_change(application.hear)
    client = await start(company, cancel)
    await at_stripe(company, cancel_at_period_end="true")

    await post(client, an_event(company))

    await application.hears("ending")
    assert keys == [application.told[0].key] * 2
    assert await company.events.codes(ChangeHookFailed) == ["RuntimeError"]
    assert "ada@example.com" not in caplog.text


async def told_in_part(
    company: Company,
) -> tuple[TestClient[Any, Any], Application, Application]:
    """One hook has heard of an end, and the other fails until it is made well."""
    well, unwell = Application(), Application(fails=1_000)
    company.stripe.add_subscription("sub_1")
    cancel = company.plug_in(billing=billing(company))
    cancel.on_subscription_change(well.hear)
    cancel.on_subscription_change(unwell.hear)
    client = await start(company, cancel)

    await at_stripe(company, cancel_at_period_end="true")
    await post(client, an_event(company))
    await well.hears("ending")
    return client, well, unwell


async def test_what_goes_back_before_all_hooks_have_heard_of_it_is_told_as_well(
    company: Company,
) -> None:
    client, well, unwell = await told_in_part(company)

    await at_stripe(company, cancel_at_period_end="false")
    await post(client, an_event(company))
    unwell.fails = 0

    await unwell.hears("resumed")
    assert well.kinds[-1] == "resumed"
    await until(lambda: _is_read(company))
    rows = await company.pool.fetch("SELECT telling FROM aiocancel.subscription_news")
    assert {row["telling"] for row in rows} == {"[]"}


async def test_one_key_never_names_two_changes_though_a_hook_failed_in_between(
    company: Company,
) -> None:
    client, well, unwell = await told_in_part(company)

    await at_stripe(company, cancel_at_period_end="false")
    await at_stripe(company, cancel_at=str(int(time.time()) + 5 * 86_400))
    await post(client, an_event(company))
    unwell.fails = 0
    await unwell.hears("ending")
    await until(lambda: _is_read(company))
    await at_stripe(company, method="DELETE")
    await post(client, an_event(company, "customer.subscription.deleted"))
    await unwell.hears("ending", "ended")

    named = {(change.key, change.kind, change.ends_at) for change in well.told}
    assert [change.kind for change in well.told][-1] == "ended"
    assert len(named) == len({key for key, _, _ in named}) == 3


async def test_a_hook_that_is_cancelled_inside_is_called_again(company: Company) -> None:
    application = Application()
    calls = 0

    async def first(_: SubscriptionChange) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise asyncio.CancelledError

    company.stripe.add_subscription("sub_1")
    cancel = company.plug_in(billing=billing(company))
    cancel.on_subscription_change(first)
    cancel.on_subscription_change(application.hear)
    client = await start(company, cancel)
    await at_stripe(company, cancel_at_period_end="true")

    await post(client, an_event(company))

    await application.hears("ending")
    assert calls == 2


async def test_a_hook_that_hangs_holds_up_no_other_subscription(company: Company) -> None:
    told: list[str] = []
    released = asyncio.Event()

    async def hear(change: SubscriptionChange) -> None:
        if change.subscription_id == "sub_1":
            await released.wait()
        told.append(change.subscription_id)

    company.stripe.add_subscription("sub_1")
    company.stripe.add_subscription("sub_2")
    cancel = company.plug_in(billing=billing(company))
    cancel.on_subscription_change(hear)
    client = await start(company, cancel)
    for subscription_id in ("sub_1", "sub_2"):
        await at_stripe(company, subscription_id, method="DELETE")
        await post(client, an_event(company, "customer.subscription.deleted"))

    await until(lambda: told == ["sub_2"])
    released.set()
    await until(lambda: told == ["sub_2", "sub_1"])


async def test_a_subscription_that_stripe_knows_no_more_has_ended(company: Company) -> None:
    application = Application()
    client = await opened(company, application)
    company.stripe.retrieve_canceled = False

    await at_stripe(company, method="DELETE")
    await post(client, an_event(company, "customer.subscription.deleted"))

    await application.hears("ended")


async def test_a_cancellation_of_our_own_is_scheduled_first_and_has_ended_later(
    company: Company,
) -> None:
    application = Application()
    client = await opened(company, application)

    outcome = await company.claim(await company.finished("canceled"))
    await company.events.first(ActionApplied)
    await post(client, an_event(company))
    await application.hears("ending")
    await at_stripe(company, method="DELETE")
    await post(client, an_event(company, "customer.subscription.deleted"))
    await application.hears("ending", "ended")

    assert outcome["outcome"] == "scheduled"
    assert [change.claim_id for change in application.told] == [outcome["claim"]] * 2
    # What the customer said travels with both.
    assert all(change.reason.code or change.reason.text for change in application.told)
    assert company.events.of(DriftFound) == []


# What waits is woken


async def test_a_change_that_the_vendor_makes_is_seen_when_stripe_tells_of_it(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    cancel = company.plug_in(billing=billing(company), of_vendor={"applies_cancellation": "vendor"})
    client = await start(company, cancel)
    await company.claim(await company.finished("canceled"))
    await company.pool.execute(
        "UPDATE aiocancel.action SET due_at = now() + interval '1 hour' WHERE state = 'waiting'"
    )
    await company.pool.execute(
        "UPDATE aiocancel.pgqueuer SET execute_after = now() + interval '1 hour' WHERE status = 'queued'"
    )

    await at_stripe(company, cancel_at_period_end="true")
    await post(client, an_event(company))

    applied = await company.events.first(ActionApplied)
    assert [event.kind for event in applied] == ["expect_cancellation"]


async def test_a_planned_plan_is_looked_at_when_stripe_tells_of_its_schedule(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    rules = OfferRules(plan_starts="period_end")
    cancel = company.plug_in(billing=billing(company), offer_rules=rules)
    client = await start(company, cancel)
    assert (await company.claim(company.accepted("offr_change_plan")))["outcome"] == "scheduled"

    # It is still there, so it goes on waiting; then somebody releases the schedule.
    await post(client, an_event(company, "subscription_schedule.updated"))
    await until(lambda: _looked_again(company))
    released = company.subscription["schedule"]
    path = f"/v1/subscription_schedules/{released}/release"
    await at_stripe(company, path=path)
    await post(client, an_event(company, "subscription_schedule.released"))

    assert await company.events.codes(ActionParked) == ["plan_is_planned_no_more"]


async def _looked_again(company: Company) -> bool:
    deferred = await company.pool.fetchval(
        "SELECT count(*) FROM aiocancel.journal WHERE entry = 'deferred'"
    )
    return bool(deferred >= 2)


# What was taken back elsewhere


async def test_an_end_that_is_taken_back_in_the_portal_is_reported_once(company: Company) -> None:
    application = Application()
    client = await opened(company, application)
    await company.claim(await company.finished("canceled"))
    (applied,) = await company.events.first(ActionApplied)
    await post(client, an_event(company))
    await application.hears("ending")

    await at_stripe(company, cancel_at_period_end="false")
    await post(client, an_event(company))
    await application.hears("ending", "resumed")
    await at_stripe(company, **{"metadata[a]": "b"})
    await post(client, an_event(company))
    await until(lambda: _is_read(company))
    await at_stripe(company, method="DELETE")
    await post(client, an_event(company, "customer.subscription.deleted"))
    await application.hears("ending", "resumed", "ended")

    (drift,) = company.events.of(DriftFound)
    assert (drift.action_id, drift.expected) == (applied.action_id, "cancellation")
    assert drift.seen == Code.CANCELLATION_TAKEN_BACK
    # It ended, but not by the cancellation that was made here.
    assert application.told[-1].claim_id is None


async def test_an_end_that_is_taken_back_elsewhere_is_reported_while_its_last_letter_waits(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    async with letters(company, billing=billing(company)) as server:
        assert company.client is not None
        await until(lambda: _is_read(company))
        await press(company)
        (applied,) = await company.events.first(ActionApplied)
        await mails(server)
        # The letter about the end is planned for the day of the end.
        planned = "SELECT EXISTS (SELECT FROM aiocancel.action WHERE kind = 'acknowledge' AND state = 'waiting')"
        await until(lambda: company.pool.fetchval(planned))

        await at_stripe(company, cancel_at_period_end="false")
        await post(company.client, an_event(company))
        (drift,) = await company.events.first(DriftFound)

        assert (drift.action_id, drift.seen) == (applied.action_id, Code.CANCELLATION_TAKEN_BACK)
        # Nothing is left to look at.
        await until(lambda: _is_read(company))


async def test_an_end_that_is_put_off_elsewhere_is_reported_once_and_is_ours_no_more(
    company: Company,
) -> None:
    application = Application()
    client = await opened(company, application)
    company.stripe.subscriptions["sub_1"]["created"] -= 40 * 86_400
    outcome = await company.claim(await company.finished("canceled"))
    (applied,) = await company.events.first(ActionApplied)
    await post(client, an_event(company))
    await application.hears("ending")

    for days in (-1, 365, 366):
        end = company.subscription["cancel_at"] + days * 86_400
        await at_stripe(company, cancel_at=str(end))
        await post(client, an_event(company))
        await until(lambda: _is_read(company))
    await application.hears(*["ending"] * 4)

    (drift,) = company.events.of(DriftFound)
    assert (drift.action_id, drift.seen) == (applied.action_id, Code.CANCELLATION_TAKEN_BACK)
    claims = [change.claim_id for change in application.told]
    assert claims == [outcome["claim"]] * 2 + [None] * 2


async def test_an_end_that_the_customer_takes_back_here_is_no_drift(company: Company) -> None:
    application = Application()
    client = await opened(company, application)
    await company.claim(await company.finished("canceled"))
    await company.events.first(ActionApplied)

    body = {"grant": await company.grant(), "status": "resumed"}
    await client.post("/cancel/result", json=body, headers=as_customer("ada"))
    await company.events.first(ActionApplied, at_least=2)
    for event in list(company.stripe.events.values()):
        await post(client, event)
    await until(lambda: _is_read(company))

    assert company.events.of(DriftFound) == []


async def test_an_end_that_an_offer_takes_back_is_no_drift_and_does_not_end_it_later(
    company: Company,
) -> None:
    application = Application()
    client = await opened(company, application)
    await company.claim(await company.finished("canceled"))
    await company.events.first(ActionApplied)
    offer = next(offer for offer in company.flows.offers if offer["type"] == "coupon")
    await company.claim(await company.finished("saved", offer["id"]))
    await until(lambda: company.changes()[-1] == "resume")
    await company.events.first(ActionApplied, at_least=2)
    assert len(company.subscription["discounts"]) == 1
    for event in list(company.stripe.events.values()):
        await post(client, event)
    await until(lambda: _is_read(company))

    assert company.changes() == ["cancel_at_period_end", "resume"]
    assert company.events.of(DriftFound) == []

    # The company ends it, and not the cancellation of before.
    await at_stripe(company, method="DELETE")
    await post(client, an_event(company, "customer.subscription.deleted"))
    await until(lambda: application.kinds[-1:] == ["ended"])
    assert application.told[-1].claim_id is None


async def test_a_discount_that_is_removed_in_the_dashboard_is_reported(company: Company) -> None:
    application = Application()
    client = await opened(company, application)
    offer = next(offer for offer in company.flows.offers if offer["type"] == "coupon")
    await company.claim(await company.finished("saved", offer["id"]))
    await company.events.first(ActionApplied)
    assert company.subscription["discounts"]

    await at_stripe(company, discounts="")
    await post(client, an_event(company))

    codes = [event.seen for event in await company.events.first(DriftFound)]
    assert codes == [Code.DISCOUNT_REMOVED_ELSEWHERE]


# What the webhook refuses


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ({"secret": "whsec_another"}, Code.SIGNATURE_IS_WRONG),
        ({"signed_in_s": -400}, Code.EVENT_IS_OLD),
        ({"signed_in_s": 400}, Code.EVENT_IS_FROM_THE_FUTURE),
        ({"Stripe-Signature": ""}, Code.SIGNATURE_IS_MISSING),
        ({"Stripe-Signature": "t=1,v1"}, Code.SIGNATURE_IS_WRONG),
        ({"Stripe-Signature": "v1=00"}, Code.SIGNATURE_IS_WRONG),
        ({"Stripe-Signature": "t=,v1=00"}, Code.SIGNATURE_IS_WRONG),
        ({"Stripe-Signature": "t=1,v0=00"}, Code.SIGNATURE_IS_WRONG),
        ({"Stripe-Signature": "nonsense"}, Code.SIGNATURE_IS_WRONG),
    ],
)
async def test_a_post_that_stripe_did_not_sign_now_is_refused_and_nothing_is_written(
    company: Company, spoil: dict[str, Any], code: Code
) -> None:
    client = await opened(company)
    await at_stripe(company, cancel_at_period_end="true")
    before = await heard(company)

    status, answer = await post(client, an_event(company), **spoil)

    assert (status, answer["error"]) == (400, code)
    assert await company.events.codes(ClaimRefused) == [code]
    assert await heard(company) == before


async def test_the_secret_before_is_good_while_it_is_changed(company: Company) -> None:
    client = await opened(company)
    await at_stripe(company, cancel_at_period_end="true")

    status, answer = await post(client, an_event(company), OLD_SECRET)

    assert (status, answer) == (200, {"new": True, "ignored": None})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"livemode": True}, Code.EVENT_OF_ANOTHER_MODE),
        ({"account": "acct_7"}, Code.EVENT_OF_ANOTHER_ACCOUNT),
    ],
)
async def test_an_event_of_another_mode_or_account_is_taken_and_nothing_is_written(
    company: Company, change: dict[str, Any], code: Code
) -> None:
    client = await opened(company)
    await at_stripe(company, cancel_at_period_end="true")
    before = await heard(company)

    status, answer = await post(client, {**an_event(company), **change})

    assert (status, answer) == (200, {"new": False, "ignored": code})
    assert await company.events.codes(ClaimRefused) == [code]
    assert await heard(company) == before


async def test_an_event_that_is_too_large_for_the_webhook_is_found_on_the_list(
    company: Company,
) -> None:
    application = Application()
    company.stripe.add_subscription("sub_1")
    cancel = company.plug_in(
        billing=billing(company, poll_events_every_s=OFTEN_S), max_body_bytes=2048
    )
    cancel.on_subscription_change(application.hear)
    client = await start(company, cancel)
    await at_stripe(company, cancel_at_period_end="true")

    status, answer = await post(client, an_event(company))

    assert (status, answer["error"]) == (413, Code.TOO_LARGE)
    await application.hears("ending")


async def test_a_packed_body_is_refused_unread_whoever_sends_it(company: Company) -> None:
    client = await opened(company)
    headers = {"Stripe-Signature": "t=1,v1=00", "Content-Encoding": "gzip"}
    bomb = gzip.compress(b"[" * 10_000_000)

    async with client.post("/cancel/stripe", data=bomb, headers=headers) as response:
        answer = await response.json()

    assert (response.status, answer["error"]) == (415, Code.CONTENT_ENCODING)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"object": "v2.core.event"}'])
async def test_a_signed_body_that_is_no_event_is_refused(company: Company, body: bytes) -> None:
    client = await opened(company)
    headers = {"Stripe-Signature": signature(body, SECRET, int(time.time()))}

    async with client.post("/cancel/stripe", data=body, headers=headers) as response:
        answer = await response.json()

    assert response.status == 400
    assert answer["error"] in (Code.MALFORMED, Code.SIGNATURE_IS_WRONG)


async def test_without_a_secret_there_is_no_webhook(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(billing=billing(company, webhook_secrets=())))
    assert company.client is not None

    async with company.client.post("/cancel/stripe", data=b"{}") as response:
        assert response.status == 404


# What goes wrong with the list


async def test_a_key_that_may_not_read_events_is_reported_once(company: Company) -> None:
    key = "rk_test_may_not_read_events"
    company.stripe.add_key(key, ["subscription_write", "coupon_write"])
    company.stripe.add_subscription("sub_1")
    cancel = company.plug_in(billing=billing(company, api_key=key, poll_events_every_s=OFTEN_S))
    await company.open(cancel)

    (refused,) = await company.events.first(PermissionMissing)
    asked = len(company.stripe.requests)
    await until(lambda: len(company.stripe.requests) > asked + 1)

    assert refused.permission == "event_read"
    assert len(company.events.of(PermissionMissing)) == 1


async def test_after_an_outage_the_list_is_read_in_pieces_and_all_of_it(company: Company) -> None:
    application = Application()
    await opened(company, application)
    await at_stripe(company, cancel_at_period_end="true")
    await company.pool.execute(
        "UPDATE aiocancel.stripe_cursor SET started_at = now() - interval '9 hours',"
        " read_until = now() - interval '9 hours', polled_at = now() - interval '9 hours'"
    )
    asked = len(company.stripe.requests)

    await application.hears("ending")

    lists = [
        request.params["created"]
        for request in company.stripe.requests[asked:]
        if request.path == "/v1/events"
    ]
    assert len(lists) > 5
    assert all(
        int(later["gte"]) == int(earlier["lt"]) for earlier, later in itertools.pairwise(lists)
    )


def test_secrets_that_sign_nothing_are_refused(company_of: Callable[..., StripeBilling]) -> None:
    for wrong in ("whsec_1", [""], ["whsec_"], ["secret"], [b"whsec_1"]):
        with pytest.raises(Exception, match="webhook_secrets"):
            company_of(webhook_secrets=wrong)


@pytest.fixture
def company_of() -> Callable[..., StripeBilling]:
    return lambda **settings: StripeBilling(api_key=STRIPE_KEY, **settings)
