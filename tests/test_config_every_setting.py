"""Every setting of every public class: another type, and a value out of bounds, are refused by the setting's name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from decimal import Decimal
from typing import Any

import pytest

import aiocancel
from aiocancel import CancelFlow, StripeBilling
from aiocancel.config import DEFAULTS, Settings
from aiocancel.errors import ConfigurationError
from tests.support.saas import CLIENT_SECRET, GRANT_KEYS, QUERY, identify, vendor

STRIPE_KEY = "sk_test_simulator"
NAN, INFINITY = float("nan"), float("inf")

SECONDS = ("4", None, True, Decimal(4), 0, -1, NAN, INFINITY, 10**400)
COUNT = ("10", None, True, 10.0, 0, -1, 2**40)
FLAG = (1, 0, None, "yes")
TEXT = (None, 5, b"text", ["text"])
OPTIONAL_TEXT = (5, b"text", ["text"])
IDS = ("id_1", b"id_1", 5, {"id_1": 1}, [5], [""])
MAPPING = (None, "text", ["text"], {"once": 5})


async def find_nobody(declaration: aiocancel.PublicDeclaration) -> str | None:
    return None


# Enough to be made, for each class.
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "CancelFlow": {
        "vendor": vendor(),
        "billing": StripeBilling(STRIPE_KEY),
        "database": "postgresql://nowhere.example/none",
        "identify": identify,
        "subscriptions": QUERY,
        "grant_keys": GRANT_KEYS,
    },
    "StripeBilling": {"api_key": STRIPE_KEY},
    "StripeSubscriptions": {"customers": "SELECT stripe_customer_id FROM shop WHERE id = $1"},
    "SubscriptionQuery": {"sql": "SELECT subscription_id FROM shop WHERE id = $1"},
    "OfferLimits": {},
    "OfferRules": {},
    "PublicExit": {"find": find_nobody},
    "Theme": {},
    "ProsperStack": {"client_id": "acct_test", "client_secret": CLIENT_SECRET},
    "StaySignal": {
        "script_url": "/static/widget.js",
        "global_name": "StaySignal.init",
        "subscription_attribute": "data-ss-subscription",
        "csp_sources": {},
    },
    "OwnFlow": {},
}

WRONG: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "CancelFlow": {
        "vendor": (5, "prosperstack", aiocancel.ProsperStack),
        "billing": (None, STRIPE_KEY, StripeBilling),
        "database": (None, "", 5, {}),
        "identify": (None, len, "ada"),
        "subscriptions": (None, "SELECT 1", 5, aiocancel.SubscriptionQuery),
        "grant_keys": (None, "key", 5, [], [None], [b"key"], {"key"}),
        "cancel_timing": (None, 5, "later", []),
        "prefix": (*TEXT, "", "cancel", "/cancel/"),
        "public_prefix": (*TEXT, "shop", "/"),
        "return_to": (*TEXT, "", "//evil.example"),
        "log_in_at": (*TEXT, "/login", "//evil.example?{page}", "/{page}{page}", "/l?{page}&{x}"),
        "flow_pages": (None, 5, "account", [5], [""], {"account": 1}),
        "content_security_policy": (5, [], "default-src self", "img-src *\n"),
        "grant_lifetime_s": COUNT,
        "answer_within_s": SECONDS,
        "lookup_within_s": SECONDS,
        "max_waiting_posts": COUNT,
        "widget_timeout_s": SECONDS,
        "max_body_bytes": COUNT,
        "texts": (None, "words", ["words"], {"keep_button": 5}, {"keep_button": None}, {5: "Stay"}),
        "languages": (None, "en", 5, [], [5], {"en"}, ["english!"]),
        "locale": (5, "en", identify),
        "options": (5, "de", {"language": "de"}, dict),
        "time_zone": (*TEXT, "", "Mars/Olympus", "/etc/passwd"),
        "page_facts_within_s": SECONDS,
        "theme": (None, "dark", {}, aiocancel.Theme),
        "offer_limits": (5, {}, aiocancel.OfferLimits),
        "offer_rules": (5, {}, aiocancel.OfferRules),
        "poll_events_every_s": (*SECONDS, -5),
        "vendor_acts_within_s": SECONDS,
        "resume_policy": (None, 5, "all", []),
        "migrate_on_start": FLAG,
        "run_worker": FLAG,
        "worker_concurrency": COUNT,
        "worker_lease_s": SECONDS,
        "statement_cache_size": ("0", None, False, 0.0, -1),
        "most_unfinished_offers": COUNT,
        "most_unfinished_actions": COUNT,
        "most_posts_per_minute": COUNT,
        "mailer": (5, "smtp://mail.example.com", aiocancel.SmtpMailer, {}),
        "email": (None, 5, "", [], str),
        "mail_templates": (5, "", "/no/such/folder", ["mails"]),
        "place": (5, "DE", str),
        "public_exit": (5, "find", aiocancel.PublicExit, identify),
        "site_url": (
            *TEXT,
            "shop.example",
            "https://shop.example/",
            "ftp://shop.example",
            "https://shop.example/?a",
            "https://shop.example/\n",
        ),
        "acknowledgement_link_days": (*COUNT, 36_501),
        "on_event": (None, 5, identify),
    },
    "PublicExit": {
        "find": (None, 5, "find", str),
        "most_per_address_in_an_hour": COUNT,
        "most_per_network_in_an_hour": COUNT,
        "most_in_an_hour": COUNT,
    },
    "StripeBilling": {
        "api_key": (*TEXT, "", "pk_test_1", "sk_test_1\n"),
        "api_base": (*TEXT, "", "https://api.stripe.com/v1"),
        "invoice_now": FLAG,
        "prorate": FLAG,
        "feedback_codes": (*MAPPING, {"a": []}, {"a": "no such value"}),
        "feedback_options": (*MAPPING, {"a": []}, {"a": ""}, {"a": "no id"}),
        "promotion_codes": (*MAPPING, {"a": []}, {"a": ""}, {"a": "no id"}),
        "timeout_s": SECONDS,
        "max_requests_per_s": ("9", True, Decimal(9), 1, 0, -1, NAN, INFINITY),
        "max_requests_per_s_per_endpoint": ("9", True, Decimal(9), 1, 0, -1, NAN, INFINITY),
        "schedule_policy": (None, 5, "ignore", []),
        "ends_with": (None, 5, "middle", []),
        "agreed_ends": (None, 5, "break", []),
        "coupon_names": (*MAPPING, {"weekly": "x"}),
        "stripe_account": (*OPTIONAL_TEXT, "", "cus_1"),
        "account_column": (*OPTIONAL_TEXT, ""),
        "webhook_secrets": (None, "whsec_1", 5, [""], [None], ["secret"]),
        "poll_events_every_s": SECONDS,
    },
    "StripeSubscriptions": {
        "customers": TEXT,
        "statuses": (None, "active", 5, [], [5], ["canceled"], [[]]),
        "choose": (None, 5, "oldest", []),
        "timeout_s": SECONDS,
        "remember_s": ("3", None, True, -1, 61, NAN),
        "most_lists_per_minute": ("3", None, True, 1, 2.5),
    },
    "SubscriptionQuery": {"sql": (*TEXT, "", " "), "choose": (5, "oldest", [])},
    "OfferLimits": {
        "offer_ids": IDS,
        "price_ids": IDS,
        "coupon_ids": IDS,
        "max_percent": (
            "20",
            True,
            20.5,
            -1,
            101,
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("-0.01"),
        ),
        "max_amount": ("20", True, 20.5, -1, Decimal("Infinity"), Decimal("NaN")),
        "max_days": ("20", True, 20.0, Decimal(20), -1),
        "max_months": ("20", True, 20.0, Decimal(20), -1),
        "at_most_one_gift_in_days": ("20", True, 20.0, 0, -1, 3651),
    },
    "OfferRules": {
        "pause_behavior": (None, 5, "forget", []),
        "plan_price_ids": (None, *IDS),
        "plan_payment": (None, 5, "wait", []),
        "pause_mechanism": (None, 5, "stop", []),
        "pause_credit": (None, 5, "later", []),
        "pause_bills_usage": FLAG,
        "most_months_of_a_discounted_payment": ("3", True, 3.0, 0, -1, 121),
        "unprorated_interval_change": (None, 5, "perhaps", []),
        "plan_starts": (None, 5, "later", []),
        "seat_offers": (None, 5, "offr_1", [], {"offr_1": 3}, {"offr_1": ("price_pro", 0)}),
    },
    "Theme": {
        "name": TEXT,
        "logo": OPTIONAL_TEXT,
        "scheme": (None, 5, "sepia", []),
        "light": (None, "red", 5, {"ink": 5}, {5: "#000000"}, {"ink": "black"}, {"inc": "#000000"}),
        "dark": (None, "red", 5, {"ink": 5}, {5: "#000000"}, {"ink": "black"}, {"inc": "#000000"}),
        "radius": (*TEXT, "", "round"),
        "font": (*TEXT, "", "a;b"),
        "help": OPTIONAL_TEXT,
    },
    "ProsperStack": {
        "client_id": (*TEXT, ""),
        "client_secret": (*TEXT, ""),
        "api_key": (*OPTIONAL_TEXT, "key_test_\n"),
        "webhook_token": (*OPTIONAL_TEXT, "", "short"),
        "applies_cancellation": (None, 5, "both", []),
        "applies_offers": (None, 5, "both", []),
        "flow_id": OPTIONAL_TEXT,
        "subscription_key": (None, 5, "id", []),
        "client_version": (*TEXT, "", "3.0.0"),
        "script_url": (*OPTIONAL_TEXT, "", "ftp://cdn.example/x.js"),
        "script_integrity": OPTIONAL_TEXT,
        "style_hash": OPTIONAL_TEXT,
        "display_mode": (None, 5, "popup", []),
        "language": OPTIONAL_TEXT,
        "api_host": (*TEXT, "", "https://api.example/v1"),
        "app_host": (*TEXT, "", "https://app.example/v1"),
        "platform": (None, 5, "other", []),
        "subscriber_columns": MAPPING,
        "subscription_columns": MAPPING,
        "properties": (None, 5, "seats", ["seats"]),
        "skip_offers": (None, 5, "offr_1", [5], [""]),
        "test_mode": FLAG,
        "disable_loading_indicator": FLAG,
        "max_requests_per_minute": ("9", True, 9.5, 1, 0, -1, 2**40),
        "proof_in": (5, "header", "property:", []),
        "trusts_vendor_sessions": FLAG,
        "previous_webhook_token": (*OPTIONAL_TEXT, "", "short"),
        "fallback": (5, "own", aiocancel.OwnFlow),
    },
    "StaySignal": {
        "script_url": (*TEXT, "", "ftp://cdn.example/x.js"),
        "global_name": (*TEXT, "", "a b"),
        "subscription_attribute": (*TEXT, "", "id"),
        "csp_sources": (None, 5, "img-src *", {"img-src": "*"}, {"img-src": 5}, {"img-src": [5]}),
        "init_config": (5, "key", {"a": {1, 2}}, {"onError": 1}, ["key"]),
        "opt_out": FLAG,
        "script_integrity": OPTIONAL_TEXT,
        "applies_cancellation": (None, 5, "both", [], "vendor"),
        "fallback": (5, "own", aiocancel.OwnFlow),
    },
    "OwnFlow": {
        "reasons": (None, 5, "unused", ["unused"]),
        "offers": (None, 5, "half_price", ["half_price"]),
        "hold_out_percent": ("10", None, True, 10.0, -1, 101),
        "hold_out_key": (*OPTIONAL_TEXT, "short"),
        "at_most_one_gift_in_days": ("20", True, 20.0, 0, -1, 3651),
        "offers_at_most": ("1", None, True, 1.0, 0, 4),
        "rules": (None, 5, "never", ["never"]),
        "country_column": OPTIONAL_TEXT,
    },
}


def refusal(made: str, name: str, value: object) -> str:
    """Return what a setting with this value is refused with; empty where it is taken."""
    try:
        getattr(aiocancel, made)(**{**NEEDED[made], name: value})
    except ConfigurationError as error:
        return str(error)
    except (
        Exception
    ) as error:  # it is another fault than the one that is promised, and is shown with the rest
        return f"{type(error).__name__}"
    return ""


def test_a_wrong_type_and_a_value_out_of_bounds_are_refused_by_name() -> None:
    mistakes = [
        (made, name, value)
        for made, settings in WRONG.items()
        for name, values in settings.items()
        for value in values
    ]

    refused = [(each, refusal(*each)) for each in mistakes]

    assert len(mistakes) > 700
    others = [
        f"{made}({name}={type(value)!s}): {said or 'is taken'}"
        for (made, name, value), said in refused
        if re.search(rf"\b{name}\b", said) is None
    ]
    assert others == []


@pytest.mark.parametrize("made", NEEDED)
def test_every_setting_has_its_row_of_mistakes(made: str) -> None:
    getattr(aiocancel, made)(**NEEDED[made])

    parameters = inspect.signature(getattr(aiocancel, made)).parameters

    assert sorted(WRONG[made]) == sorted(parameters)


# CancelFlow writes every setting down: in its signature, with its default, and where it is passed on.

OTHER: Mapping[str, Any] = {
    "prefix": "/leave",
    "public_prefix": "/shop",
    "return_to": "/account",
    "log_in_at": "/login?next={page}",
    "flow_pages": ("account",),
    "content_security_policy": None,
    "cancel_timing": "now",
    "grant_lifetime_s": 61,
    "answer_within_s": 62.0,
    "lookup_within_s": 63.0,
    "max_waiting_posts": 64,
    "widget_timeout_s": 65.0,
    "max_body_bytes": 66,
    "texts": {"en": {"keep_button": "Stay"}},
    "languages": ("en", "en-GB"),
    "time_zone": "Europe/Berlin",
    "page_facts_within_s": 67.0,
    "theme": aiocancel.Theme(name="Shop"),
    "poll_events_every_s": 68.0,
    "vendor_acts_within_s": 69.0,
    "resume_policy": "off",
    "migrate_on_start": True,
    "run_worker": False,
    "worker_concurrency": 70,
    "worker_lease_s": 71.0,
    "statement_cache_size": 72,
    "most_unfinished_offers": 73,
    "most_unfinished_actions": 74,
    "most_posts_per_minute": 75,
    "site_url": "https://shop.example",
    "acknowledgement_link_days": 30,
}


def plain_settings() -> list[str]:
    """The fields of ``Settings``; the mode is that of Stripe's key."""
    return [field.name for field in fields(Settings) if field.name != "mode"]


def test_cancel_flow_has_every_setting_with_the_same_default() -> None:
    signature = inspect.signature(CancelFlow).parameters

    given = {name: signature[name].default for name in plain_settings() if name in signature}

    assert given == {name: getattr(DEFAULTS, name) for name in plain_settings()}
    for field in fields(Settings):
        if field.default is not MISSING:
            assert getattr(DEFAULTS, field.name) == field.default


def test_cancel_flow_passes_every_setting_on() -> None:
    assert sorted(OTHER) == sorted(plain_settings()), (
        "a new setting needs another value than its default here"
    )
    assert [name for name in OTHER if OTHER[name] == getattr(DEFAULTS, name)] == []

    made = CancelFlow(**{**NEEDED["CancelFlow"], **OTHER}).inspect().settings

    assert {name: getattr(made, name) for name in OTHER} == OTHER
