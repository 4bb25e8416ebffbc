"""A phase of a schedule is read whole or not at all, because what is not sent again is lost."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aiocancel.core.schedule_phases import (
    Phase,
    PhaseItem,
    phase_from_json,
    phase_to_json,
    read_phase,
)
from aiocancel.core.subscription import read_schedule
from aiocancel.errors import UnreadableLedgerError

SINCE, UNTIL = 1_800_000_000, 1_802_592_000


def stripe_phase(**fields: Any) -> dict[str, Any]:
    """A phase as Stripe shows it, with nothing but a price in it."""
    item: dict[str, Any] = {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "plan": "price_pro",
        "price": "price_pro",
        "quantity": 2,
        "tax_rates": [],
    }

    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": "usd",
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": UNTIL,
        "invoice_settings": {"account_tax_ids": None, "days_until_due": None, "issuer": None},
        "items": [item],
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": "create_prorations",
        "start_date": SINCE,
        "transfer_data": None,
        "trial_end": None,
    } | fields


def item(**fields: Any) -> dict[str, Any]:
    whole: dict[str, Any] = stripe_phase()["items"][0]
    return whole | fields


PLAIN = Phase(
    datetime.fromtimestamp(SINCE, UTC),
    datetime.fromtimestamp(UNTIL, UTC),
    (PhaseItem("price_pro", 2),),
    has_automatic_tax=False,
)


def test_everything_that_can_be_sent_again_is_read() -> None:
    whole = read_phase(
        stripe_phase(
            automatic_tax={"enabled": True, "liability": {"type": "self"}},
            billing_cycle_anchor="automatic",
            collection_method="send_invoice",
            default_payment_method={"id": "pm_1", "object": "payment_method"},
            default_tax_rates=[{"id": "txr_1"}, "txr_2"],
            discounts=[{"coupon": None, "discount": "di_1", "promotion_code": None}],
            items=[item(price={"id": "price_pro"}, tax_rates=["txr_3"]), item(quantity=None)],
            metadata={"b": "2", "a": "1"},
            proration_behavior="none",
        )
    )

    assert whole == Phase(
        PLAIN.starts_at,
        PLAIN.ends_at,
        (PhaseItem("price_pro", 2, ("txr_3",)), PhaseItem("price_pro", None)),
        discounts=("di_1",),
        tax_rates=("txr_1", "txr_2"),
        metadata=(("a", "1"), ("b", "2")),
        prorates="none",
        has_automatic_tax=True,
        payment_method="pm_1",
        collection_method="send_invoice",
    )
    assert read_phase(stripe_phase()) == PLAIN
    assert read_phase(stripe_phase(automatic_tax=None, proration_behavior=None)) == Phase(
        PLAIN.starts_at, PLAIN.ends_at, PLAIN.items
    )


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"add_invoice_items": [{"price": "price_setup"}]}, id="an item to invoice"),
        pytest.param({"application_fee_percent": 5}, id="a platform's fee"),
        pytest.param({"billing_cycle_anchor": "phase_start"}, id="another anchor"),
        pytest.param({"description": "Gold"}, id="a description"),
        pytest.param({"on_behalf_of": "acct_2"}, id="another account"),
        pytest.param({"trial_end": UNTIL}, id="a trial"),
        pytest.param({"invoice_settings": {"days_until_due": 30}}, id="settings of invoices"),
        pytest.param({"a_field_of_tomorrow": "x"}, id="a field of tomorrow"),
        pytest.param(
            {"automatic_tax": {"enabled": True, "liability": {"type": "account"}}},
            id="another account's tax",
        ),
        pytest.param({"discounts": [{"coupon": "HALF", "discount": None}]}, id="a coupon"),
        pytest.param({"items": [item(discounts=[{"discount": "di_1"}])]}, id="an item's discount"),
        pytest.param({"items": [item(price=None)]}, id="no price"),
        pytest.param({"items": None}, id="no items"),
        pytest.param({"end_date": None}, id="no end"),
        pytest.param({"end_date": 10**18}, id="an end that no calendar has"),
        pytest.param({"automatic_tax": 7}, id="what is no tax"),
    ],
)
def test_a_phase_with_more_in_it_is_not_read_at_all(fields: dict[str, Any]) -> None:
    assert read_phase(stripe_phase(**fields)) is None


def test_a_phase_comes_back_from_the_ledger_as_it_was() -> None:
    phase = Phase(
        PLAIN.starts_at,
        PLAIN.ends_at,
        (PhaseItem("price_pro", 2, ("txr_3",)), PhaseItem("price_usage", None)),
        ("di_1",),
        ("txr_1",),
        (),
        "none",
        True,
        "pm_1",
        "send_invoice",
    )
    for each in (phase, PLAIN):
        stored = json.loads(json.dumps(phase_to_json(each)))
        assert phase_from_json(stored) == each

    told = json.dumps(phase_to_json(dataclasses.replace(phase, metadata=(("email", "ada@x"),))))
    assert "ada@x" not in told
    for at in (stored, stored["items"][0]):
        at["a_field_of_tomorrow"] = 1
        with pytest.raises(UnreadableLedgerError):
            phase_from_json(stored)
        del at["a_field_of_tomorrow"]


def test_a_schedule_shows_its_phases_from_the_running_one_on_or_none_of_them() -> None:
    def schedule(*phases: dict[str, Any], **fields: Any) -> dict[str, Any]:
        return {
            "object": "subscription_schedule",
            "end_behavior": "release",
            "phases": [stripe_phase(start_date=1, end_date=SINCE, trial_end=5), *phases],
            "current_phase": {"start_date": SINCE, "end_date": UNTIL},
        } | fields

    following = stripe_phase(start_date=UNTIL, end_date=UNTIL + 9)
    assert [
        phase.ends_at.timestamp()
        for phase in read_schedule(schedule(stripe_phase(), following)).phases
    ] == [UNTIL, UNTIL + 9]
    odd = stripe_phase(start_date=UNTIL, description="Gold")
    assert read_schedule(schedule(stripe_phase(), odd)).phases == ()
    paused = schedule(stripe_phase(), pause_schedules=[{"key": "a"}])
    assert read_schedule(paused).phases == ()
    assert read_schedule(schedule(stripe_phase(), current_phase=None)).phases == ()
