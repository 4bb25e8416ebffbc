"""What happens is told in events and log lines that hold ids and codes, and nothing about a person."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from aiocancel import telemetry
from aiocancel.core.codes import Code
from aiocancel.telemetry import (
    AcknowledgementSent,
    ActionApplied,
    ActionLeft,
    ActionParked,
    ActionRefused,
    AttemptFailed,
    CachingRefused,
    ChangeHookFailed,
    ClaimRecorded,
    ClaimRefused,
    DriftFound,
    Event,
    LookupFailed,
    PageFactsMissing,
    PageTemplateFailed,
    PermissionMissing,
    PolicyNotWidened,
    PropertyLeftOut,
    SubscriptionChanged,
    VendorEventGivenUp,
    both,
    guarded,
    log_event,
    type_and_place,
)

EXAMPLES = [
    pytest.param(
        ClaimRecorded("claim-1", "sub_1", "canceled", False),
        logging.INFO,
        "ClaimRecorded claim_id=claim-1 subscription_id=sub_1 status=canceled repeated=False",
        id="claim recorded",
    ),
    pytest.param(
        ClaimRefused(Code.GRANT_EXPIRED),
        logging.INFO,
        "ClaimRefused code=grant_expired",
        id="claim refused",
    ),
    pytest.param(
        AttemptFailed(7, "sub_1", "cancel_now", 2, "transient", Code.RATE_LIMIT, "req_1"),
        logging.WARNING,
        "AttemptFailed action_id=7 subscription_id=sub_1 kind=cancel_now attempt=2 failure=transient "
        "code=rate_limit request_id=req_1 took_s=0.0",
        id="attempt failed",
    ),
    pytest.param(
        ActionApplied(7, "sub_1", "cancel_now", 3, True, 1.25),
        logging.INFO,
        "ActionApplied action_id=7 subscription_id=sub_1 kind=cancel_now attempt=3 written=True age_s=1.25",
        id="action applied",
    ),
    pytest.param(
        ActionParked(7, "sub_1", "resume", Code.SUBSCRIPTION_HAS_ENDED),
        logging.ERROR,
        "ActionParked action_id=7 subscription_id=sub_1 kind=resume code=subscription_has_ended age_s=0.0",
        id="action parked",
    ),
    pytest.param(
        AcknowledgementSent(9, "sub_1", "carried_out", 1),
        logging.INFO,
        "AcknowledgementSent action_id=9 subscription_id=sub_1 kind=carried_out doubts=1",
        id="acknowledgement sent",
    ),
    pytest.param(
        ActionLeft(7, "sub_1", "gift_card", Code.LEDGER_UNREADABLE),
        logging.WARNING,
        "ActionLeft action_id=7 subscription_id=sub_1 kind=gift_card code=ledger_unreadable",
        id="action left",
    ),
    pytest.param(
        ActionRefused(7, "sub_1", "verify_offer", Code.FLOW_SESSION_UNKNOWN),
        logging.WARNING,
        "ActionRefused action_id=7 subscription_id=sub_1 kind=verify_offer code=flow_session_unknown age_s=0.0",
        id="action refused",
    ),
    pytest.param(
        DriftFound(7, "sub_1", "coupon", Code.NO_DISCOUNT),
        logging.ERROR,
        "DriftFound action_id=7 subscription_id=sub_1 expected=coupon seen=no_discount",
        id="drift found",
    ),
    pytest.param(
        PageTemplateFailed("aiocancel/base.html", "no shop.html"),
        logging.ERROR,
        "PageTemplateFailed template=aiocancel/base.html error=no shop.html",
        id="page template failed",
    ),
    pytest.param(
        PageFactsMissing("sub_1", "timeout"),
        logging.WARNING,
        "PageFactsMissing subscription_id=sub_1 error=timeout",
        id="page facts missing",
    ),
    pytest.param(
        LookupFailed("timeout"), logging.ERROR, "LookupFailed error=timeout", id="lookup failed"
    ),
    pytest.param(
        CachingRefused("Cache-Control: public"),
        logging.WARNING,
        "CachingRefused written=Cache-Control: public",
        id="caching refused",
    ),
    pytest.param(
        VendorEventGivenUp("evt_1", Code.BAD_API_KEY),
        logging.ERROR,
        "VendorEventGivenUp event_id=evt_1 code=bad_api_key",
        id="vendor event given up",
    ),
    pytest.param(
        PolicyNotWidened("odd"),
        logging.ERROR,
        "PolicyNotWidened reason=odd",
        id="policy not widened",
    ),
    pytest.param(
        PropertyLeftOut("subscription.properties.contacts", "number"),
        logging.ERROR,
        "PropertyLeftOut property_name=subscription.properties.contacts expected=number",
        id="property left out",
    ),
    pytest.param(
        SubscriptionChanged("sub_1", "ended"),
        logging.INFO,
        "SubscriptionChanged subscription_id=sub_1 kind=ended",
        id="subscription changed",
    ),
    pytest.param(
        ChangeHookFailed("sub_1", 2, Code.ATTEMPT_TIMEOUT),
        logging.WARNING,
        "ChangeHookFailed subscription_id=sub_1 attempt=2 code=attempt_timeout",
        id="change hook failed",
    ),
    pytest.param(
        PermissionMissing("event_read", "req_1"),
        logging.ERROR,
        "PermissionMissing permission=event_read request_id=req_1",
        id="permission missing",
    ),
]
KINDS = [
    kind
    for kind in vars(telemetry).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
]
# A new name here is a promise that it never holds a name, an address, a customer id or a secret.
HARMLESS = {
    "doubts",
    "action_id",
    "age_s",
    "attempt",
    "claim_id",
    "code",
    "error",
    "event_id",
    "expected",
    "failure",
    "kind",
    "permission",
    "property_name",
    "reason",
    "repeated",
    "request_id",
    "seen",
    "status",
    "subscription_id",
    "template",
    "took_s",
    "written",
}


@pytest.mark.parametrize(("event", "level", "line"), EXAMPLES)
def test_an_event_is_logged_as_one_line_at_its_level(
    event: Event, level: int, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="aiocancel"):
        log_event(event)
    assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
        ("aiocancel", level, line)
    ]


def test_every_kind_of_event_has_its_line_in_these_tests() -> None:
    assert {type(example.values[0]) for example in EXAMPLES} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_event_holds_ids_and_codes_only(kind: type[Event]) -> None:
    assert {field.name for field in dataclasses.fields(kind)} <= HARMLESS


@pytest.mark.parametrize(("event", "level", "line"), EXAMPLES)
def test_a_logger_that_is_not_interested_gets_nothing(
    event: Event, level: int, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(level + 1, logger="aiocancel"):
        log_event(event)
    assert line not in caplog.messages
    assert caplog.records == []


def test_a_hook_that_fails_is_logged_and_disturbs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def failing(event: Event) -> None:
        raise RuntimeError("the collector is down")

    guarded(failing)(ClaimRefused(Code.GRANT_EXPIRED))
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "the event hook failed at ClaimRefused")
    ]


def test_a_guarded_hook_sees_every_event() -> None:
    seen: list[Event] = []
    guarded(seen.append)(ClaimRefused(Code.GRANT_EXPIRED))
    assert seen == [ClaimRefused(Code.GRANT_EXPIRED)]


def test_several_hooks_each_see_every_event_whatever_another_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing(event: Event) -> None:
        raise RuntimeError("the collector is down")

    one: list[Event] = []
    other: list[Event] = []
    event = ClaimRefused(Code.GRANT_EXPIRED)
    both(one.append, failing, other.append)(event)
    assert (one, other) == ([event], [event])
    assert "the event hook failed at ClaimRefused" in caplog.text


def test_no_hook_at_all_is_a_hook() -> None:
    both()(ClaimRefused(Code.GRANT_EXPIRED))


def test_an_error_is_told_by_its_type_and_place_and_never_by_its_text() -> None:
    def somewhere() -> None:
        raise KeyError("ada@example.com")

    with pytest.raises(KeyError) as caught:
        somewhere()
    words = type_and_place(caught.value)
    assert words.startswith("KeyError < test_telemetry.py:")
    assert "somewhere" in words
    assert "ada" not in words


def test_an_error_that_was_never_raised_is_told_by_its_type() -> None:
    assert type_and_place(ValueError("ada@example.com")) == "ValueError"
