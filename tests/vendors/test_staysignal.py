"""StaySignal: nothing about it is guessed, both opt-out switches agree, and a posted result is worth one word."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

import pytest

from aiocancel import ConfigurationError, SimulatorRefusedError, StaySignal, StripeBilling
from aiocancel.core.claim import FlowClaim, FlowStatus
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import MalformedClaimError
from aiocancel.ports import FlowVendor
from tests.support.saas import make_cancel
from tests.support.web import NOWHERE

OWNED = OwnedSubscription(
    CustomerId("customer"), SubscriptionId("sub_1"), {"email": "ada@example.com"}
)


def vendor(**settings: Any) -> StaySignal:
    return StaySignal(
        **{
            "script_url": "https://widget.example.com/w.js",
            "global_name": "window.Widget.init",
            "subscription_attribute": "data-widget-subscription",
            "csp_sources": {
                "connect-src": ["https://api.example.com"],
                "frame-src": ("https://app.example.com",),
            },
            **settings,
        }
    )


# What is not public


@pytest.mark.parametrize(
    "setting", ["script_url", "global_name", "subscription_attribute", "csp_sources"]
)
def test_what_is_not_public_has_no_default(setting: str) -> None:
    assert inspect.signature(StaySignal).parameters[setting].default is inspect.Parameter.empty


@pytest.mark.parametrize(
    "settings",
    [
        {"script_url": "widget.js"},
        {"script_url": "//widget.example.com/w.js"},
        {"script_url": "/\\widget.example.com/w.js"},
        {"script_url": "ftp://widget.example.com/w.js"},
        {"script_url": ""},
        {"global_name": ""},
        {"global_name": "Widget.init()"},
        {"global_name": "Widget..init"},
        {"global_name": "Widget['init']"},
        {"subscription_attribute": ""},
        {"subscription_attribute": "id"},
        {"subscription_attribute": "data-"},
        {"subscription_attribute": 'data-x" onclick="alert(1)'},
        {"subscription_attribute": "data-X"},
        {"subscription_attribute": "data-ss-cancel-optout"},
        {"csp_sources": {"connect-src": "https://api.example.com"}},
        {"csp_sources": {"connect-src": ["https://api.example.com; script-src *"]}},
        {"csp_sources": {"conect-src": ["https://api.example.com"]}},
        {"init_config": {"onComplete": "x"}},
        {"init_config": {"onError": None}},
        {"init_config": {"cancelOptOut": True}},
        {"init_config": {"when": object()}},
        {"init_config": {"amount": float("nan")}},
    ],
)
def test_a_setting_that_cannot_be_right_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        vendor(**settings)


# Either switch wins, so there is one setting


def test_opted_out_both_switches_are_set_and_the_application_cancels() -> None:
    widget = vendor().widget()
    assert widget.options == {"cancelOptOut": True}
    assert widget.button_attributes == {"data-ss-cancel-optout": "true"}
    assert vendor().applies_cancellation == "app"


def test_not_opted_out_neither_switch_is_set_and_the_vendor_cancels() -> None:
    chosen = vendor(opt_out=False, applies_cancellation="vendor", init_config={"theme": "dark"})
    assert chosen.widget().options == {"theme": "dark"}
    assert chosen.widget().button_attributes == {}
    assert chosen.applies_cancellation == "vendor"


@pytest.mark.parametrize(
    ("opt_out", "applies"), [(True, "vendor"), (False, "app"), (True, "nobody"), (False, "nobody")]
)
def test_a_cancellation_that_nobody_or_both_would_carry_out_is_refused(
    opt_out: bool, applies: str
) -> None:
    with pytest.raises(ConfigurationError, match="with opt_out=True StaySignal does not cancel"):
        vendor(opt_out=opt_out, applies_cancellation=applies)


# What the page needs


def test_the_widget_is_started_with_the_owners_own_settings() -> None:
    widget = vendor(init_config={"workspace": "w_1"}, script_integrity="sha384-x").widget()
    assert dataclasses.asdict(widget) == {
        "driver": "staysignal",
        "script_url": "https://widget.example.com/w.js",
        "script_integrity": "sha384-x",
        "options": {"workspace": "w_1", "cancelOptOut": True},
        "window": {},
        "init_function": "Widget.init",
        "button_attributes": {"data-ss-cancel-optout": "true"},
        "subscription_attribute": "data-widget-subscription",
    }


def test_the_settings_do_not_change_with_what_they_were_made_of() -> None:
    config: dict[str, Any] = {"nested": {"theme": "dark"}}
    chosen = vendor(init_config=config)
    config["nested"]["theme"] = "light"
    assert chosen.widget().options["nested"] == {"theme": "dark"}


@pytest.mark.parametrize(
    ("script_url", "given", "script_sources"),
    [
        ("https://widget.example.com/w.js?v=1", [], ("https://widget.example.com/w.js",)),
        ("/static/widget.js", [], ("'self'",)),
        (
            "/static/widget.js",
            ["'self'", "https://more.example.com"],
            ("https://more.example.com", "'self'"),
        ),
    ],
)
def test_the_policy_is_widened_by_the_owners_sources_and_the_scripts_url(
    script_url: str, given: list[str], script_sources: tuple[str, ...]
) -> None:
    sources = {"connect-src": ["https://api.example.com"], "script-src": given}
    assert vendor(script_url=script_url, csp_sources=sources).csp_sources() == {
        "connect-src": ("https://api.example.com",),
        "script-src": script_sources,
    }


def test_the_page_gets_the_subscriptions_id_and_nothing_signed_or_personal() -> None:
    assert json.dumps(vendor().page_data(OWNED)) == '{"subscriptionId": "sub_1"}'


# A stand-in must not meet live money


@pytest.mark.parametrize(
    ("settings", "simulated"),
    [
        ({}, False),
        ({"script_url": "/static/widget.js"}, False),
        (
            {
                "csp_sources": {
                    "connect-src": [
                        "'self'",
                        "https:",
                        "*.example.com",
                        "wss://app.example.com:8443",
                    ]
                }
            },
            False,
        ),
        ({"script_url": "http://widget.example.com/w.js"}, True),
        ({"script_url": "https://127.0.0.1:9001/w.js"}, True),
        ({"script_url": "https://localhost/w.js"}, True),
        ({"csp_sources": {"frame-src": ["http://app.example.com"]}}, True),
        ({"csp_sources": {"connect-src": ["ws://app.example.com"]}}, True),
        ({"csp_sources": {"connect-src": ["http:"]}}, True),
        ({"csp_sources": {"connect-src": ["127.0.0.1:*"]}}, True),
        ({"csp_sources": {"connect-src": ["https://127.0.0.2:9001/path"]}}, True),
        ({"csp_sources": {"connect-src": ["widget.localhost:9001"]}}, True),
    ],
)
def test_a_widget_of_this_machine_or_without_encryption_is_a_simulated_one(
    settings: dict[str, Any], simulated: bool
) -> None:
    assert vendor(**settings).simulated is simulated


def test_a_live_stripe_key_refuses_a_simulated_widget() -> None:
    live = StripeBilling("sk_live_1")
    keys = ["a grant key that is long enough for live money"]
    with pytest.raises(SimulatorRefusedError):
        make_cancel(
            NOWHERE,
            vendor=vendor(script_url="http://127.0.0.1:9/w.js"),
            billing=live,
            grant_keys=keys,
        )
    make_cancel(NOWHERE, vendor=vendor(), billing=live, grant_keys=keys)


# What comes back


def test_the_widgets_end_is_a_claim_of_a_cancellation() -> None:
    assert vendor().read_result({"status": "canceled"}) == FlowClaim(
        "staysignal", FlowStatus.CANCELED
    )


@pytest.mark.parametrize(
    "status", ["saved", "deflected", "incomplete", "resumed", "Canceled", "cancelled", ""]
)
def test_any_other_result_does_nothing(status: str) -> None:
    claim = vendor().read_result(
        {"status": status, "offer": {"id": "offr_1"}, "flowSession": {"id": "sess_1"}}
    )
    assert claim == FlowClaim("staysignal", FlowStatus.UNKNOWN)


@pytest.mark.parametrize(
    "result", [{}, {"status": None}, {"status": ["canceled"]}, {"canceled": True}]
)
def test_a_result_without_a_status_is_refused(result: dict[str, Any]) -> None:
    with pytest.raises(MalformedClaimError):
        vendor().read_result(result)


def test_there_is_no_api_to_ask_no_webhook_and_no_mode_to_compare() -> None:
    chosen: FlowVendor = vendor()
    assert (chosen.open_verifier(), chosen.webhook_token, chosen.mode) == (None, None, None)
    assert not chosen.has_api
    assert not chosen.names_customers
    assert (chosen.name, chosen.applies_offers) == ("staysignal", "vendor")
    with pytest.raises(MalformedClaimError):
        chosen.read_webhook(b"{}")
