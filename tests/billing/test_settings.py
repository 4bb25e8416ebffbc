"""A Stripe account's settings: the key says the mode, and nothing shows the key."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from aiocancel.billing.settings import STRIPE_API, StripeBilling
from aiocancel.core.claim_reason import FEEDBACK_VALUES
from aiocancel.core.identifiers import Mode
from aiocancel.errors import ConfigurationError

# Put together here, so that no scanner takes them for real ones.
SECRETS = {prefix: prefix + "51Abc" for prefix in ("sk_live_", "rk_live_", "sk_test_", "rk_test_")}


def make(**changes: Any) -> StripeBilling:
    return StripeBilling(**{"api_key": SECRETS["sk_test_"], **changes})


@pytest.mark.parametrize(
    ("prefix", "mode"),
    [("sk_live_", "live"), ("rk_live_", "live"), ("sk_test_", "test"), ("rk_test_", "test")],
)
def test_the_key_says_whether_money_is_real(prefix: str, mode: Mode) -> None:
    assert make(api_key=SECRETS[prefix]).mode == mode


def test_a_test_key_that_contains_the_word_live_stays_a_test_key() -> None:
    assert make(api_key=SECRETS["sk_test_"] + "_live_").mode == "test"


@pytest.mark.parametrize(
    "key", ["", "51Abc", "pk_" + "live_51Abc", "whsec_51Abc", "SK_TEST_51Abc", " sk_test_51Abc"]
)
def test_what_is_no_secret_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(
        ConfigurationError, match="must be a Stripe secret or restricted key"
    ) as refused:
        make(api_key=key)
    assert "51Abc" not in str(refused.value)


@pytest.mark.parametrize("prefix", sorted(SECRETS))
def test_the_key_does_not_show_in_a_repr(prefix: str) -> None:
    assert SECRETS[prefix] not in repr(make(api_key=SECRETS[prefix]))


def test_requests_go_to_stripe_unless_told_otherwise() -> None:
    assert make().api_base == STRIPE_API
    assert not make().simulated


def test_another_address_is_a_simulator() -> None:
    assert make(api_base="http://127.0.0.1:12111").simulated


@pytest.mark.parametrize(
    "api_base", [f"{STRIPE_API}/", f"{STRIPE_API}/v1", "api.stripe.com", "", "https://[", "/v1"]
)
def test_an_address_that_is_no_origin_is_refused(api_base: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^api_base "):
        make(api_base=api_base)


@pytest.mark.parametrize(
    ("code", "feedback"),
    [
        pytest.param(None, None, id="no code"),
        pytest.param("price", "too_expensive", id="mapped"),
        pytest.param("unused", "unused", id="a feedback value as it is"),
        pytest.param("too_complex", "other", id="mapped although it is a feedback value"),
        pytest.param("weather", None, id="unknown to Stripe"),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_reason_code_becomes_stripes_feedback_or_nothing(
    code: str | None, feedback: str | None
) -> None:
    billing = make(feedback_codes={"price": "too_expensive", "too_complex": "other"})
    assert billing.feedback(code) == feedback


@pytest.mark.parametrize("value", sorted(FEEDBACK_VALUES))
def test_every_feedback_value_of_stripe_may_be_mapped_to(value: str) -> None:
    assert make(feedback_codes={"code": value}).feedback("code") == value


def test_a_feedback_value_that_stripe_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="a value that Stripe does not have: too_dear"):
        make(feedback_codes={"price": "too_dear"})


def test_the_settings_can_be_written_down_without_importing_stripe() -> None:
    code = "import sys, aiocancel.billing.settings; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_policy_for_schedules_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="schedule_policy is 'park', 'release' or 'amend'"):
        make(schedule_policy="ignore")


@pytest.mark.parametrize("setting", ["feedback_options", "promotion_codes"])
def test_what_is_named_at_stripe_is_named_by_an_id(setting: str) -> None:
    with pytest.raises(ConfigurationError, match=setting):
        make(**{setting: {"a": "no id"}})


def test_the_names_of_coupons_are_checked() -> None:
    assert make(coupon_names={"once": "{off} Rabatt"}).coupon_words != make().coupon_words
    with pytest.raises(ConfigurationError, match="coupon_names has no duration 'yearly'"):
        make(coupon_names={"yearly": "{off}"})


def test_the_period_that_ends_a_subscription_is_one_of_two() -> None:
    assert make().ends_with == "last"
    assert make(ends_with="first").ends_with == "first"
    with pytest.raises(ConfigurationError, match="ends_with is 'last' or 'first'"):
        make(ends_with="middle")


def test_an_agreed_end_stands_unless_the_owner_lets_it_yield() -> None:
    assert make().agreed_ends == "stand"
    assert make(agreed_ends="yield").agreed_ends == "yield"
    with pytest.raises(ConfigurationError, match="agreed_ends is 'stand' or 'yield'"):
        make(agreed_ends="break")
