"""Two CancelFlows of one process on one database go together, or the second is refused at the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from aiocancel import (
    ConfigurationError,
    OfferLimits,
    OfferRules,
    OwnFlow,
    PublicExit,
    StripeBilling,
    SubscriptionQuery,
)
from aiocancel.one_database import differences
from tests.support.saas import QUERY, Pool, make_app, make_cancel, vendor

NOWHERE = "postgresql://nobody@127.0.0.1:9/none"
CLUB = SubscriptionQuery("SELECT stripe_subscription_id FROM club_member WHERE customer_id = $1")


async def find(_: object) -> None:
    return None


class Mailer:
    async def send(self, message: object) -> None:
        pass


MAILER = Mailer()
TOLD = vendor(api_key="key_test_shop")


async def test_another_query_on_the_same_database_is_refused_until_the_first_has_stopped(
    database: str, pool: Pool
) -> None:
    await pool.execute("CREATE TABLE club_member (customer_id text, stripe_subscription_id text)")
    shop = make_cancel(pool)
    # The same database, opened another way.
    club = make_cancel(database, subscriptions=CLUB)
    first, refused, later = (web.AppRunner(make_app(each)) for each in (shop, club, club))
    await first.setup()

    with pytest.raises(ConfigurationError, match="uses this database with other subscriptions: "):
        await refused.setup()
    await first.cleanup()
    await later.setup()
    await later.cleanup()


async def test_an_equal_query_on_one_database_starts_beside_the_first(pool: Pool) -> None:
    equal = make_cancel(pool, subscriptions=SubscriptionQuery(QUERY.sql), prefix="/leave")
    runners = [web.AppRunner(make_app(each)) for each in (make_cancel(pool), equal)]

    for each in runners:
        await each.setup()
    for each in runners:
        await each.cleanup()


async def on_outcome(_: object) -> None:
    pass


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"subscriptions": CLUB}, ["subscriptions"]),
        ({"billing": StripeBilling("sk_test_another")}, ["billing"]),
        (
            {"billing": StripeBilling("sk_test_simulator", stripe_account="acct_1")},
            ["billing"],
        ),
        ({"vendor": OwnFlow()}, ["vendor"]),
        ({"vendor": vendor(client_id="acct_club")}, ["vendor"]),
        ({"vendor": vendor(api_key="key_test_club")}, ["vendor"]),
        ({"vendor": vendor(applies_offers="app")}, ["vendor"]),
        ({"vendor": vendor(flow_id="flow_club", language="de")}, []),
        ({"prefix": "/leave", "languages": ["de"]}, []),
        ({"mailer": MAILER}, ["mailer"]),
        ({"email": "address"}, ["email"]),
        ({"mailer": MAILER, "public_exit": PublicExit(find)}, ["mailer", "public_exit"]),
        ({"offer_limits": OfferLimits(max_months=2)}, ["offer_limits"]),
        ({"offer_rules": OfferRules(pause_mechanism="pause")}, ["offer_rules"]),
        ({"vendor": TOLD, "grant_keys": ["another grant key of a test"]}, ["grant_keys"]),
        ({"vendor": TOLD, "cancel_timing": "now"}, ["cancel_timing"]),
        # The claim of a page says it itself, and nobody else tells of one.
        ({"cancel_timing": "now", "grant_keys": ["another grant key of a test"]}, []),
        ({"resume_policy": "any"}, ["resume_policy"]),
        ({"billing": StripeBilling("sk_test_simulator", schedule_policy="park")}, ["schedule_policy"]),
        ({"billing": StripeBilling("sk_test_simulator", ends_with="first")}, ["ends_with"]),
        ({"billing": StripeBilling("sk_test_simulator", agreed_ends="yield")}, ["agreed_ends"]),
        ({"billing": StripeBilling("sk_test_simulator", promotion_codes={"A": "promo_1"})},
            ["promotion_codes"]),
        ({"vendor": vendor(fallback=OwnFlow(at_most_one_gift_in_days=365))},
            ["at_most_one_gift_in_days"]),
        ({"resume_policy": "any", "run_worker": False}, []),
        # A process without a worker leaves these to those that have one.
        ({"mailer": MAILER, "run_worker": False}, []),
    ],
    ids=[
        "query", "stripe_key", "stripe_account", "vendor", "vendors_client", "vendors_key", "who_gives_offers",
        "look_of_the_flow", "place_and_language", "mailer", "address", "public_exit", "limits",
        "rules", "keys_of_proofs", "timing_of_a_vendors_sessions",
        "timing_and_keys_of_pages", "taking_back", "schedules", "end_of_which_period", "agreed_ends",
        "promotion_codes", "gifts_of_our_own_flow", "taking_back_without_worker", "mailer_without_worker",
    ],
)  # fmt: skip
def test_parts_that_decide_what_becomes_of_a_job_must_be_the_same(
    other: dict[str, Any], named: list[str]
) -> None:
    billing = StripeBilling("sk_test_simulator")
    # Where the vendor tells of sessions it does so for both.
    same = {"vendor": TOLD} if other.get("vendor") is TOLD else {}
    one = make_cancel(NOWHERE, billing=billing, **same).inspect()
    another = make_cancel(NOWHERE, **{"billing": billing, **other}).inspect()

    assert differences(one, another) == differences(another, one) == named


@pytest.mark.parametrize(
    ("register", "named"),
    [
        (lambda cancel: cancel.on_outcome(on_outcome), "on_outcome"),
        (lambda cancel: cancel.on_error(on_outcome), "on_error"),
        (lambda cancel: cancel.on_subscription_change(on_outcome), "on_subscription_change"),
        (lambda cancel: cancel.on_offer("gift")(on_outcome), "offer handlers"),
    ],
    ids=["on_outcome", "on_error", "on_subscription_change", "offer_handler"],
)
def test_a_hook_of_one_alone_would_be_called_for_both_or_for_none(
    register: Callable[[Any], Any], named: str
) -> None:
    one, other, both = make_cancel(NOWHERE), make_cancel(NOWHERE), make_cancel(NOWHERE)
    register(other)
    register(both)

    assert differences(one.inspect(), other.inspect()) == [named]
    assert differences(other.inspect(), both.inspect()) == []
