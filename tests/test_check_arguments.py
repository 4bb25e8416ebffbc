"""What ``CancelFlow`` is given: what cannot work is refused at once, with what to write instead."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Collection, Sequence
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest

from aiocancel import (
    CancelFlow,
    OfferLimits,
    OfferRules,
    ProsperStack,
    PublicExit,
    StripeBilling,
    SubscriptionQuery,
)
from aiocancel.check_arguments import (
    check_billing,
    check_database,
    check_grant_keys,
    check_identify,
    check_locale,
    check_mailer,
    check_offer_settings,
    check_on_event,
    check_plans,
    check_public_exit,
    check_subscriptions,
    check_vendor,
)
from aiocancel.core.identifiers import Mode
from aiocancel.errors import ConfigurationError
from tests.support.saas import make_cancel
from tests.support.web import NOWHERE

LONG_KEY = "0123456789abcdef0123456789abcdef"


def shown(value: object) -> str:
    """The same in every process that the tests are handed out to."""
    return repr(value).split(" at 0x")[0]


# Grant keys


@pytest.mark.parametrize(
    ("keys", "mode"),
    [
        pytest.param(["short"], "test", id="short in test mode"),
        pytest.param([LONG_KEY], "live", id="long in live mode"),
        pytest.param((LONG_KEY, LONG_KEY[::-1]), "live", id="several"),
    ],
)
def test_keys_that_are_long_enough_for_their_mode_are_accepted(
    keys: Collection[str], mode: Mode
) -> None:
    check_grant_keys(keys, mode=mode)


@pytest.mark.parametrize("mode", ["live", "test"])
@pytest.mark.parametrize(
    "keys",
    [
        pytest.param([], id="none"),
        pytest.param(LONG_KEY, id="one text"),
        pytest.param([LONG_KEY, ""], id="one empty"),
    ],
)
def test_keys_must_be_a_list_of_texts(keys: Collection[str], mode: Mode) -> None:
    with pytest.raises(ConfigurationError, match="grant_keys is a list"):
        check_grant_keys(keys, mode=mode)


@pytest.mark.parametrize(
    "keys",
    [["a" * 31], [LONG_KEY, "an older short key"]],
    ids=["too short", "an old one too short"],
)
def test_with_live_money_every_key_must_be_long_and_none_is_shown(keys: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="32 characters or more") as refused:
        check_grant_keys(keys, mode="live")
    assert not any(key in str(refused.value) for key in keys)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (LONG_KEY, "write grant_keys=\\[key\\]"),
        (LONG_KEY.encode(), "write grant_keys=\\[key\\]"),
        ([LONG_KEY.encode()], "holds a key of bytes"),
        ([17], "one or more texts"),
        ([""], "one or more texts"),
        (None, "not of type NoneType"),
        ({LONG_KEY}, "not of type set"),
    ],
)
def test_grant_keys_of_another_type_are_refused_by_name(keys: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        check_grant_keys(keys, mode="test")
    assert LONG_KEY not in str(refused.value)


@pytest.mark.parametrize("key", ["a" * 40, "abcd" * 10])
def test_with_live_money_a_key_holds_five_different_characters(key: str) -> None:
    check_grant_keys([key], mode="test")
    check_grant_keys(["abcde" * 8], mode="live")

    with pytest.raises(ConfigurationError, match="5 different characters"):
        check_grant_keys([LONG_KEY, key], mode="live")


# The mistakes of a first use


@pytest.mark.parametrize("database", ["", "  ", None])
def test_an_empty_database_is_called_empty(database: object) -> None:
    with pytest.raises(ConfigurationError, match="database is empty: is the environment variable"):
        check_database(database)


def test_subscriptions_given_as_sql_say_how_to_write_them() -> None:
    with pytest.raises(ConfigurationError, match=r"SubscriptionQuery\(sql\)"):
        check_subscriptions("SELECT 1")
    with pytest.raises(ConfigurationError, match="not of type int"):
        check_subscriptions(17)
    with pytest.raises(ConfigurationError, match="not of type type"):
        check_subscriptions(SubscriptionQuery)


# Who is logged in


class _Identifies:
    async def __call__(self, request: object) -> str:
        return "ada"

    async def identify(self, request: object) -> str:
        return "ada"


async def identify(request: object) -> str:
    return "ada"


def identify_at_once(request: object) -> str:
    return "ada"


@functools.wraps(identify)
def sync_around_async(request: object) -> Any:
    return identify(request)


@functools.wraps(identify_at_once)
async def async_around_sync(request: object) -> str:
    return identify_at_once(request)


@functools.wraps(async_around_sync)
def sync_around_both(request: object) -> Any:
    return async_around_sync(request)


class _Keeps(_Identifies):
    def __init__(self) -> None:
        functools.update_wrapper(self, identify_at_once)


def says_awaitable(request: object) -> Awaitable[str]:
    return identify(request)


@pytest.mark.parametrize(
    "fine",
    [
        pytest.param(identify, id="async"),
        pytest.param(sync_around_async, id="sync wrapper around async"),
        pytest.param(async_around_sync, id="async wrapper around sync"),
        pytest.param(sync_around_both, id="async in between"),
        pytest.param(functools.partial(identify), id="partial"),
        pytest.param(_Keeps(), id="object around sync"),
        pytest.param(_Identifies(), id="object"),
        pytest.param(_Identifies().identify, id="method"),
        pytest.param(says_awaitable, id="says that it returns an awaitable"),
    ],
)
def test_an_identify_whose_answer_can_be_awaited_is_accepted(fine: object) -> None:
    check_identify(fine)


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(identify_at_once, id="sync"),
        pytest.param(functools.wraps(identify_at_once)(lambda request: "ada"), id="sync wrapper"),
        pytest.param(lambda request: "ada", id="lambda"),
        pytest.param(len, id="builtin"),
        pytest.param(_Identifies, id="class instead of object"),
        pytest.param(None, id="None"),
        pytest.param("ada", id="text"),
    ],
)
def test_an_identify_that_is_not_async_is_refused(refused: object) -> None:
    with pytest.raises(ConfigurationError, match="identify must be an async function"):
        check_identify(refused)


# Hooks, handlers, mailers and resolvers: an ordinary function would be called again and again, or never be believed


@pytest.fixture
def cancel() -> CancelFlow:
    return make_cancel(NOWHERE)


def do_it_at_once(_: object) -> None:
    """What a stranger writes who has not seen that it is awaited."""


async def do_it(_: object) -> None:
    """What it should be."""


REGISTERS: Sequence[tuple[str, Callable[[CancelFlow, Any], object]]] = [
    ("on_outcome", lambda cancel, hook: cancel.on_outcome(hook)),
    ("on_error", lambda cancel, hook: cancel.on_error(hook)),
    ("on_subscription_change", lambda cancel, hook: cancel.on_subscription_change(hook)),
    ("on_offer", lambda cancel, hook: cancel.on_offer("call")(hook)),
]


@pytest.mark.parametrize(("name", "register"), REGISTERS, ids=[name for name, _ in REGISTERS])
def test_a_hook_that_is_not_async_is_refused_when_it_is_registered(
    cancel: CancelFlow, name: str, register: Callable[[CancelFlow, Any], object]
) -> None:
    for wrong in (do_it_at_once, lambda _: None, None, "hook", type):
        with pytest.raises(ConfigurationError, match=f"^{name} takes an async function"):
            register(cancel, wrong)

    register(cancel, do_it)


class _Sends:
    def __init__(self, send: object) -> None:
        self.send = send


def test_a_mailer_whose_send_is_not_async_is_refused() -> None:
    check_mailer(_Sends(do_it))
    with pytest.raises(ConfigurationError, match="mailer: send must be async"):
        check_mailer(_Sends(do_it_at_once))


def test_a_public_exit_whose_find_is_not_async_is_refused() -> None:
    check_public_exit(PublicExit(cast("Any", do_it)), _Sends(do_it))
    with pytest.raises(ConfigurationError, match=r"PublicExit\.find must be async"):
        check_public_exit(PublicExit(cast("Any", do_it_at_once)), _Sends(do_it))


@pytest.mark.parametrize("name", ["resolve", "resolve_all"])
def test_a_resolver_that_is_not_async_is_refused(name: str) -> None:
    methods = {"resolve": do_it, "resolve_all": do_it}
    check_subscriptions(SimpleNamespace(**methods))
    with pytest.raises(ConfigurationError, match=f"subscriptions: {name} must be async"):
        check_subscriptions(SimpleNamespace(**methods | {name: do_it_at_once}))


# Vendor, billing, offers and functions


class _HalfAVendor:
    name = "half"


@pytest.mark.parametrize("given", [None, "prosperstack", ProsperStack, _HalfAVendor()], ids=shown)
def test_anything_but_a_flow_vendor_is_refused(given: object) -> None:
    with pytest.raises(ConfigurationError, match=r"vendor is ProsperStack\(…\)"):
        check_vendor(given)


@pytest.mark.parametrize("given", [None, "sk_test_1234567", StripeBilling], ids=shown)
def test_anything_but_an_account_at_stripe_is_refused_and_a_key_is_not_repeated(
    given: object,
) -> None:
    with pytest.raises(ConfigurationError, match=r"billing=StripeBilling\(api_key\)") as refused:
        check_billing(given)
    assert "sk_test" not in str(refused.value)


@pytest.mark.parametrize("database", [5, ["postgresql://x"], asyncpg.Pool], ids=shown)
def test_anything_but_a_dsn_or_a_pool_is_refused(database: object) -> None:
    with pytest.raises(
        ConfigurationError, match=r"database is a DSN .* or an asyncpg pool, not of"
    ):
        check_database(database)


@pytest.mark.parametrize("limits", [{}, OfferLimits, 20], ids=shown)
def test_offers_are_bounded_by_offer_limits_alone(limits: object) -> None:
    check_offer_settings(None, None)
    check_offer_settings(OfferLimits(), OfferRules())

    with pytest.raises(ConfigurationError, match="offer_limits is an OfferLimits"):
        check_offer_settings(limits, None)
    with pytest.raises(ConfigurationError, match="offer_rules is an OfferRules"):
        check_offer_settings(None, limits)


def test_plans_that_wait_for_the_periods_end_need_schedules() -> None:
    key, waits = "sk_" + "test_51Abc", OfferRules(plan_starts="period_end")
    for policy in ("amend", "release"):
        check_plans(StripeBilling(api_key=key, schedule_policy=policy), waits)
    parks = StripeBilling(api_key=key, schedule_policy="park")
    check_plans(parks, OfferRules())
    check_plans(parks, None)

    with pytest.raises(ConfigurationError, match="leaves subscriptions under one to a person"):
        check_plans(parks, waits)


@pytest.mark.parametrize("given", [17, "print", identify], ids=shown)
def test_events_and_languages_are_asked_of_functions_that_answer_at_once(given: object) -> None:
    check_on_event(print)
    check_locale(None)
    check_locale(str)

    with pytest.raises(ConfigurationError, match="on_event is an ordinary function"):
        check_on_event(given)
    with pytest.raises(ConfigurationError, match="locale is an ordinary function"):
        check_locale(given)
