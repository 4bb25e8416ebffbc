"""Restricted keys: the narrowest set that works, and the answer where one permission is missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from aiocancel import StripeBilling
from aiocancel.billing.client import StripeClient
from aiocancel.billing.kept_readings import StripeKept
from aiocancel.billing.permissions import NOBODY, Needs, missing_permissions, probes
from aiocancel.core.codes import Code
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.measures.kept import InvoiceBounds, KeptState
from aiocancel.core.permissions import PERMISSIONS, permission_named_in
from aiocancel.core.schedules import SchedulePolicy
from aiocancel.errors import TransientBillingError
from aiocancel.telemetry import ActionApplied, AttemptFailed, PermissionMissing
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.company import Company
from tests.support.workbench import client_of

KEY = "rk_test_with_few_permissions"
EVERYTHING = Needs(
    makes_offers=True,
    watches_offers=True,
    plans_ahead=True,
    lists_customers=True,
    hears_news=True,
    shows_prices=True,
    shows_plans=True,
    tells_next_payment=True,
)


async def missing(
    stripe_api: tuple[StripeSimulator, str],
    granted: Iterable[str],
    needs: Needs,
    *,
    schedule_policy: SchedulePolicy = "park",
) -> dict[str, bool]:
    """The permissions that are missing, and whether each is required."""
    simulator, url = stripe_api
    simulator.add_key(KEY, granted)
    billing = StripeBilling(api_key=KEY, api_base=url, schedule_policy=schedule_policy)
    async with client_of(url, api_key=KEY) as client:
        found = await missing_permissions(client, billing, needs)
    assert simulator.effects == []
    return {each.permission: each.required for each in found}


async def test_cancelling_needs_the_permission_to_change_subscriptions_and_nothing_else(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    found = await missing(stripe_api, ["subscription_write"], Needs(), schedule_policy="amend")

    assert found == {"coupon_read": False, "invoice_read": False}


@pytest.mark.parametrize(
    ("granted", "needs", "expected"),
    [
        (["subscription_read"], Needs(), {"subscription_write"}),
        (["subscription_write"], Needs(watches_offers=True), {"coupon_read", "invoice_read"}),
        (
            ["subscription_write", "coupon_write", "customer_read", "plan_read", "invoice_read"],
            Needs(makes_offers=True, shows_prices=True, shows_plans=True),
            {"product_read", "invoice_write"},
        ),
        (["subscription_write"], Needs(hears_news=True), {"event_read"}),
        (
            ["subscription_write", "coupon_read"],
            Needs(makes_offers=True),
            {"coupon_write", "customer_read", "plan_read"},
        ),
        (
            ["subscription_write", "coupon_write", "customer_read", "plan_read"],
            Needs(makes_offers=True),
            {"invoice_read"},
        ),
    ],
)
async def test_a_permission_that_will_be_asked_for_is_missed_before_it_is(
    stripe_api: tuple[StripeSimulator, str], granted: list[str], needs: Needs, expected: set[str]
) -> None:
    found = await missing(stripe_api, granted, needs)

    assert {permission for permission, required in found.items() if required} == expected


async def test_the_next_payment_is_left_out_without_the_permission_to_preview_it(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    granted = ["subscription_write", "coupon_read", "product_read", "invoice_read"]

    found = await missing(stripe_api, granted, Needs(tells_next_payment=True))

    assert found == {"invoice_write": False}


def test_who_is_still_there_is_read_on_the_account_of_each_row_too() -> None:
    by_row = StripeBilling(api_key=KEY, account_column="stripe_account")

    assert "/v1/invoices" in [each.path for each in probes(by_row, Needs())]


async def test_who_plans_ahead_needs_to_make_schedules_and_nothing_else(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    needs = Needs(plans_ahead=True)

    asked = [
        (each.method, each.path, dict(each.params))
        for each in probes(StripeBilling(api_key=KEY), needs)
    ]
    made = ("post", "/v1/subscription_schedules", {"from_subscription": f"sub_{NOBODY}"})
    assert made in asked
    parks = StripeBilling(api_key=KEY, schedule_policy="park")
    assert made[1] not in [each.path for each in probes(parks, needs)]
    assert "subscription_write" not in await missing(
        stripe_api, ["subscription_write"], needs, schedule_policy="amend"
    )


@pytest.mark.parametrize("policy", ["amend", "release"])
def test_whoever_makes_offers_reads_the_schedules_that_stand_in_their_way(
    policy: SchedulePolicy,
) -> None:
    billing = StripeBilling(api_key=KEY, schedule_policy=policy)
    read = ("get", f"/v1/subscription_schedules/sub_sched_{NOBODY}")

    asked = {(each.method, each.path) for each in probes(billing, Needs(makes_offers=True))}
    assert read in asked
    without = {(each.method, each.path) for each in probes(billing, Needs())}
    assert (read in without) is (policy == "amend")


async def test_the_set_that_the_how_to_names_is_enough_for_everything(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    granted = [
        *("subscription_write", "coupon_write", "invoice_write", "plan_read"),
        *("customer_read", "event_read", "product_read"),
    ]

    assert await missing(stripe_api, granted, EVERYTHING, schedule_policy="amend") == {}


def test_every_permission_that_a_probe_expects_is_one_that_we_know() -> None:
    billing = StripeBilling(api_key="sk_test_1", schedule_policy="amend")

    assert {probe.expected for probe in probes(billing, EVERYTHING)} <= PERMISSIONS


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "The provided key 'rk_test_*1' does not have the required permissions. Having the "
            "'rak_coupon_read' permission would allow this request to continue.",
            "coupon_read",
        ),
        ("Something else", None),
        ("'rak_'", None),
        (None, None),
    ],
)
def test_a_refusal_names_the_permission(message: str | None, expected: str | None) -> None:
    assert permission_named_in(message) == expected


async def test_a_refusal_for_want_of_a_permission_has_its_code_and_no_word_of_stripes_message(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    simulator, url = stripe_api
    simulator.add_key(KEY, [])

    async with client_of(url, api_key=KEY) as client:
        with pytest.raises(TransientBillingError) as refused:
            await read(client)

    assert (refused.value.code, refused.value.permission) == (
        Code.PERMISSION_MISSING,
        "subscription_read",
    )
    assert "rak_" not in str(refused.value)


async def read(client: StripeClient) -> None:
    await client.read(SubscriptionId("sub_1"))


async def opened(company: Company, *granted: str) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_key(KEY, granted)
    billing = StripeBilling(api_key=KEY, api_base=company.stripe_url)
    await company.open(company.plug_in(billing=billing))


async def test_a_key_that_may_only_change_subscriptions_cancels_and_takes_it_back(
    company: Company,
) -> None:
    await opened(company, "subscription_write")

    outcome = await company.claim(await company.finished("canceled"))
    await company.events.first(ActionApplied)

    assert outcome["outcome"] == "scheduled"
    assert company.events.of(AttemptFailed) == []
    assert company.events.of(PermissionMissing) == []


async def test_who_is_still_there_without_an_invoice_is_read_without_the_permission_for_coupons(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    simulator, url = stripe_api
    simulator.add_key(KEY, ["subscription_write", "invoice_read"])
    simulator.add_subscription("sub_1")
    simulator.invoices.clear()

    async with client_of(url, api_key=KEY) as client:
        reading = await StripeKept(client).read(
            SubscriptionId("sub_1"), InvoiceBounds(datetime.now(UTC))
        )

    assert reading.state is KeptState.ACTIVE


async def test_a_missing_permission_is_told_once_at_its_first_refusal_and_the_wish_goes_on(
    company: Company,
) -> None:
    await opened(company, "subscription_read")
    company.stripe.add_subscription("sub_2")

    outcome = await company.claim(await company.finished("canceled"))
    failed = await company.events.codes(AttemptFailed, at_least=2)
    (told,) = company.events.of(PermissionMissing)
    company.stripe.add_key(KEY, ["subscription_write"])
    await company.events.first(ActionApplied)

    assert outcome["outcome"] == "queued"
    assert set(failed) == {Code.PERMISSION_MISSING}
    assert told.permission == "subscription_write"
    assert told.request_id is not None
    assert company.subscription["cancel_at_period_end"]


async def test_a_key_is_refused_once_for_each_permission_and_not_again_on_another_account(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    simulator, url = stripe_api
    simulator.add_key(KEY, ["subscription_write", "coupon_read", "customer_read", "plan_read"])
    for number in range(3):
        simulator.add_connected_account(f"acct_{number}").add_subscription("sub_1")

    async with client_of(url, api_key=KEY) as client:
        await client.on("acct_0").read_for_flow("sub_1")
        await client.on("acct_0").read_for_page("sub_1")
        before = len(simulator.requests)
        for each in (
            client.on("acct_1"),
            client.on("acct_2").without_waiting(),
            client.coming_first().on("acct_0"),
        ):
            await each.read_for_flow("sub_1")
            await each.read_for_page("sub_1")

    assert len(simulator.requests) - before == 6
