"""What an accepted offer did is taken back once, whatever breaks, and nothing that somebody else did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import get_args

import pytest
import pytest_asyncio

from aiocancel import OfferLimits
from aiocancel.core.actions import Receipt
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.settling import Accepted
from aiocancel.telemetry import ActionApplied, ActionParked
from aiocancel.testing.stripe.simulator import Fault, FaultKind
from tests.support.company import Company
from tests.support.deferred_offers import take_back
from tests.support.saas import as_customer
from tests.support.stripe_params import check_params
from tests.support.waiting import until

# A declined card is a plain no, and a human's.
FAULTS = sorted(set(get_args(FaultKind)) - {"card_declined_402"})
UNDOES = [
    pytest.param("unpaused", "offr_pause_subscription", "unpause_collection", id="a pause"),
    pytest.param("discount_removed", "offr_coupon", "discounts", id="a discount"),
]


# Some accept an offer, take it back and accept it again.
LIMITS = OfferLimits(at_most_one_gift_in_days=None)


@pytest_asyncio.fixture(loop_scope="session")
async def site(company: Company) -> AsyncIterator[Company]:
    company.stripe.add_coupon("LOYAL", percent_off=10, duration="forever")
    company.stripe.add_subscription("sub_1", discounts=["LOYAL"])
    await company.open(company.plug_in(answer_within_s=20.0, offer_limits=LIMITS))
    yield company


def coupons(company: Company) -> list[str]:
    return [
        company.stripe.discounts[each]["source"]["coupon"]
        for each in company.subscription["discounts"]
    ]


async def test_the_discount_of_an_offer_is_removed_and_the_one_from_before_stays(
    site: Company,
) -> None:
    assert (await site.claim(site.accepted("offr_coupon")))["outcome"] == "done"
    assert len(coupons(site)) == 2
    answer = await take_back(site, "discount_removed")
    assert (answer["outcome"], answer["change"]) == ("done", "discount_removal")
    assert answer["message"] == "The discount is removed from your next payments."
    assert coupons(site) == ["LOYAL"]
    assert site.changes() == ["discounts", "discounts"]


async def test_the_only_discount_is_removed_by_an_empty_text(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    await company.claim(company.accepted("offr_coupon"))
    assert (await take_back(company, "discount_removed"))["outcome"] == "done"
    assert company.subscription["discounts"] == []
    last = [request for request in company.stripe.requests if request.method == "POST"][-1]
    assert last.params == {"discounts": "", "expand": ["discounts"]}
    assert check_params("subscription_update", last.params) == []


async def test_a_pause_of_an_offer_is_ended(site: Company) -> None:
    assert (await site.claim(site.accepted("offr_pause_subscription")))["outcome"] == "done"
    answer = await take_back(site, "unpaused")
    assert (answer["outcome"], answer["change"]) == ("done", "unpausing")
    assert answer["message"] == "The pause is over. You are billed again as before."
    assert site.subscription["pause_collection"] is None
    assert site.changes() == ["pause_collection", "unpause_collection"]


async def test_a_pause_that_the_vendor_made_is_ended(company: Company) -> None:
    company.stripe.add_subscription(
        "sub_1", pause_collection={"behavior": "void", "resumes_at": None}
    )
    await company.open(company.plug_in(applies_offers="vendor"))
    assert (await company.claim(company.accepted("offr_pause_subscription")))["outcome"] == "done"
    assert (await take_back(company, "unpaused"))["outcome"] == "done"
    assert company.subscription["pause_collection"] is None


@pytest.mark.parametrize(
    ("status", "code"),
    [("unpaused", "paused_by_somebody_else"), ("discount_removed", "no_discount_of_ours")],
)
async def test_what_somebody_else_did_is_left_to_a_person(
    site: Company, status: str, code: str
) -> None:
    site.subscription["pause_collection"] = {"behavior": "void", "resumes_at": None}
    assert (await take_back(site, status))["outcome"] == "manual"
    assert await site.events.codes(ActionParked) == [code]
    assert site.changes() == []
    assert coupons(site) == ["LOYAL"]


async def test_what_was_taken_back_and_then_done_by_somebody_else_stays(site: Company) -> None:
    await site.claim(site.accepted("offr_coupon"))
    await site.claim(site.accepted("offr_pause_subscription"))
    pause = dict(site.subscription["pause_collection"])
    ours = coupons(site)[-1]
    for status in ("unpaused", "discount_removed"):
        assert (await take_back(site, status))["outcome"] == "done"
    # Somebody at the company now does by hand what the offers did.
    other = site.stripe.add_subscription("sub_template", discounts=[ours])["discounts"]
    site.subscription["discounts"] += other
    site.subscription["pause_collection"] = pause

    for status in ("unpaused", "discount_removed"):
        assert (await take_back(site, status))["outcome"] == "manual"
    assert site.subscription["pause_collection"] == pause
    assert coupons(site) == ["LOYAL", ours]


@pytest.mark.parametrize(("status", "offer", "effect"), UNDOES)
async def test_taking_back_what_is_gone_writes_nothing(
    site: Company, status: str, offer: str, effect: str
) -> None:
    await site.claim(site.accepted(offer))
    site.subscription.update(pause_collection=None, discounts=site.subscription["discounts"][:1])
    before = site.changes()
    assert (await take_back(site, status))["outcome"] == "done"
    assert site.changes() == before
    assert [event.written for event in await site.events.first(ActionApplied, at_least=2)][
        -1
    ] is False


async def test_a_service_that_somebody_else_paused_is_left_to_a_person(site: Company) -> None:
    await site.claim(site.accepted("offr_pause_subscription"))
    site.subscription["status"] = "paused"
    assert (await take_back(site, "unpaused"))["outcome"] == "manual"
    assert await site.events.codes(ActionParked) == ["paused_by_somebody_else"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("status", "offer", "effect"), UNDOES)
async def test_it_is_taken_back_once_whatever_becomes_of_stripes_answer(
    site: Company, status: str, offer: str, effect: str, fault: FaultKind
) -> None:
    await site.claim(site.accepted(offer))
    site.stripe.inject(Fault(fault, method="POST", path_contains="/v1/subscriptions"))
    assert (await take_back(site, status))["outcome"] == "done"
    assert site.changes()[1:] == [effect]
    assert (site.subscription["pause_collection"], coupons(site)) == (None, ["LOYAL"])


class DiesBeforeFinishing(Ledger):
    """Stops for ever where a killed process would: the change is made, nothing is stored any more."""

    async def finish(
        self, taken: TakenAction, receipt: Receipt, *, accepted: Accepted | None = None
    ) -> bool:
        await asyncio.Event().wait()
        return False


@pytest.mark.parametrize(("status", "offer", "effect"), UNDOES)
async def test_a_worker_that_is_killed_leaves_one_effect(
    site: Company, monkeypatch: pytest.MonkeyPatch, status: str, offer: str, effect: str
) -> None:
    await site.claim(site.accepted(offer))
    monkeypatch.setattr("aiocancel.assembly._STOP_GRACE_S", 0.1)
    with monkeypatch.context() as killed:
        killed.setattr(Ledger, "finish", DiesBeforeFinishing.finish)
        asking = asyncio.create_task(take_back(site, status))
        await until(lambda: len(site.changes()) == 2)
    # The attempt hangs as if it were dead; its lease ends, and another process goes on.
    await site.pool.execute("UPDATE aiocancel.action SET due_at = now() WHERE state = 'running'")
    await site.open(site.plug_in(offer_limits=LIMITS))
    assert (await asking)["outcome"] == "done"
    assert site.changes()[1:] == [effect]


@pytest.mark.parametrize(("status", "offer", "effect"), UNDOES)
async def test_a_form_sent_many_times_takes_back_once(
    site: Company, status: str, offer: str, effect: str
) -> None:
    await site.claim(site.accepted(offer))
    assert site.client is not None
    body = {"grant": await site.grant(), "status": status}
    posts = [
        site.client.post("/cancel/result", json=body, headers=as_customer("ada")) for _ in range(6)
    ]
    answers = [await response.json() for response in await asyncio.gather(*posts)]
    assert {answer["claim"] for answer in answers} == {answers[0]["claim"]}
    assert site.changes()[1:] == [effect]


async def test_cancel_undo_and_cancel_within_a_minute_are_two_cancellations(site: Company) -> None:
    answers = [await take_back(site, status) for status in ("canceled", "resumed", "canceled")]
    assert [answer["outcome"] for answer in answers] == ["scheduled", "done", "scheduled"]
    assert site.changes() == ["cancel_at_period_end", "resume", "cancel_at_period_end"]
    keys = [request.idempotency_key for request in site.stripe.requests if request.method == "POST"]
    assert len(set(keys)) == 3


@pytest.mark.parametrize(("status", "offer", "effect"), UNDOES)
async def test_accept_undo_and_accept_again_each_take_effect(
    site: Company, status: str, offer: str, effect: str
) -> None:
    for _ in range(2):
        assert (await site.claim(site.accepted(offer)))["outcome"] == "done"
        assert (await take_back(site, status))["outcome"] == "done"
    assert len(site.changes()) == 4
    assert (site.subscription["pause_collection"], coupons(site)) == (None, ["LOYAL"])
