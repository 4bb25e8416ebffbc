"""What happens is counted, for Prometheus and for OpenTelemetry alike, under labels that nobody can multiply."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest

from aiocancel import telemetry
from aiocancel.core.actions import ActionKind
from aiocancel.core.codes import Code, ForeignCode
from aiocancel.metrics import (
    CODES,
    DRIFT_CODES,
    METRICS,
    OpenTelemetryEvents,
    PrometheusEvents,
    measurements,
    queue_measurements,
)
from aiocancel.postgres.queue_stats import QueueStats
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
)

EXAMPLES: list[tuple[Event, dict[str, dict[str, str]]]] = [
    (
        ClaimRecorded("c", "sub_1", "canceled", False),
        {"claims": {"status": "canceled", "repeated": "false"}},
    ),
    (
        AcknowledgementSent(9, "sub_1", "carried_out", 1),
        {"acknowledgements": {"kind": "carried_out", "doubted": "true"}},
    ),
    (ClaimRefused(Code.GRANT_EXPIRED), {"claims_refused": {"code": "grant_expired"}}),
    (
        AttemptFailed(7, "sub_1", "cancel_now", 2, "transient", Code.RATE_LIMIT, "req_1", 0.4),
        {
            "attempts_failed": {"kind": "cancel_now", "failure": "transient", "code": "rate_limit"},
            "attempt_failed_after": {"failure": "transient"},
        },
    ),
    (
        ActionApplied(7, "sub_1", "resume", 3, True, 1.5),
        {
            "actions": {"kind": "resume", "outcome": "applied", "code": "none"},
            "action_age": {"kind": "resume", "outcome": "applied"},
            "action_attempts": {"kind": "resume"},
        },
    ),
    (
        ActionApplied(7, "sub_1", "resume", 1, False, 1.5),
        {
            "actions": {"kind": "resume", "outcome": "already_so", "code": "none"},
            "action_age": {"kind": "resume", "outcome": "already_so"},
            "action_attempts": {"kind": "resume"},
        },
    ),
    (
        ActionParked(7, "sub_1", "resume", Code.CARD_DECLINED, 2.0),
        {
            "actions": {"kind": "resume", "outcome": "parked", "code": "card_declined"},
            "action_age": {"kind": "resume", "outcome": "parked"},
        },
    ),
    (
        ActionParked(7, "sub_1", "resume", Code.UNDONE_ELSEWHERE, 2.0),
        {
            "actions": {"kind": "resume", "outcome": "parked", "code": "undone_elsewhere"},
            "action_age": {"kind": "resume", "outcome": "parked"},
            "drift": {"kind": "resume", "code": "undone_elsewhere"},
        },
    ),
    (
        ActionLeft(7, "sub_1", "gift_card", Code.LEDGER_UNREADABLE),
        {"actions_left": {"kind": "other"}},
    ),
    (
        ActionRefused(7, "sub_1", "verify_offer", Code.FLOW_SESSION_UNKNOWN),
        {
            "actions": {
                "kind": "verify_offer",
                "outcome": "refused",
                "code": "flow_session_unknown",
            },
            "action_age": {"kind": "verify_offer", "outcome": "refused"},
        },
    ),
    (
        DriftFound(7, "sub_1", "price", Code.PRICE_DIFFERS),
        {"drift": {"kind": "apply_offer", "code": "price_differs"}},
    ),
    (
        DriftFound(7, "sub_1", "coupon", Code.NO_DISCOUNT),
        {"drift": {"kind": "expect_offer", "code": "vendor_did_not_act"}},
    ),
    (PageTemplateFailed("x.html", "no y"), {"page_problems": {"what": "template_failed"}}),
    (PageFactsMissing("sub_1", "timeout"), {"page_problems": {"what": "facts_missing"}}),
    (
        DriftFound(7, "sub_1", "cancellation", Code.CANCELLATION_TAKEN_BACK),
        {"drift": {"kind": "expect_cancellation", "code": "cancellation_taken_back"}},
    ),
    (SubscriptionChanged("sub_1", "ended"), {"subscription_changes": {"kind": "ended"}}),
    (
        ChangeHookFailed("sub_1", 2, ForeignCode.of_error(RuntimeError())),
        {"change_hooks_failed": {"code": "other"}},
    ),
    (PermissionMissing("event_read", None), {"permissions_missing": {"permission": "event_read"}}),
    (LookupFailed("timeout"), {"page_problems": {"what": "lookup_failed"}}),
    (
        CachingRefused("Cache-Control: public"),
        {"page_problems": {"what": "caching_refused"}},
    ),
    (
        VendorEventGivenUp("evt_1", Code.BAD_API_KEY),
        {"vendor_events_given_up": {"code": "bad_api_key"}},
    ),
    (PolicyNotWidened("odd"), {"page_problems": {"what": "policy_not_widened"}}),
    (
        PropertyLeftOut("subscription.mrr", "number"),
        {"page_problems": {"what": "property_left_out"}},
    ),
]
STATS = QueueStats(waiting=3, running=2, parked=1, oldest_due_s=4.5, unsealed_s=7.5)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.mark.parametrize(("event", "expected"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_an_event_counts_as_what_it_is(event: Event, expected: dict[str, dict[str, str]]) -> None:
    assert {each.metric.name: dict(each.labels) for each in measurements(event)} == expected


def test_every_kind_of_event_counts_as_something() -> None:
    kinds = [
        kind
        for kind in vars(telemetry).values()
        if isinstance(kind, type) and issubclass(kind, Event)
    ]
    assert {type(event) for event, _ in EXAMPLES} == set(kinds) - {Event}


def test_an_event_of_somebody_elses_counts_as_nothing() -> None:
    assert measurements(Event()) == []


def test_durations_and_attempts_are_measured() -> None:
    found = {
        each.metric.name: each.value
        for each in measurements(ActionApplied(7, "sub_1", "resume", 3, True, 1.5))
    }
    assert found == {"actions": 1.0, "action_age": 1.5, "action_attempts": 3}
    (_, took) = measurements(AttemptFailed(7, "sub_1", "resume", 1, "unknown", None, None, 0.4))
    assert took.value == 0.4


words = st.text(max_size=12) | st.sampled_from([*CODES, *ActionKind])
events = (
    st.builds(ClaimRecorded, words, words, words, st.booleans())
    | st.builds(ClaimRefused, words)
    | st.builds(
        AttemptFailed,
        st.integers(),
        words,
        words,
        st.integers(1, 9),
        words,
        st.none() | words,
        words,
    )
    | st.builds(ActionApplied, st.integers(), words, words, st.integers(1, 9), st.booleans())
    | st.builds(ActionParked, st.integers(), words, words, words)
    | st.builds(ActionRefused, st.integers(), words, words, words)
    | st.builds(DriftFound, st.integers(), words, words, words)
    | st.builds(PropertyLeftOut, words, words)
)


@given(event=events)
def test_no_word_from_outside_becomes_a_label(event: Event) -> None:
    fixed = {
        *CODES,
        *ActionKind,
        *(
            "none",
            "other",
            "true",
            "false",
            "applied",
            "already_so",
            "parked",
            "refused",
            "property_left_out",
        ),
        *("transient", "unknown", "rejected"),
        *("canceled", "saved", "deflected", "incomplete", "rerouted", "in_progress", "resumed"),
    }

    for each in measurements(event):
        assert set(each.labels) == set(each.metric.labels)
        assert set(each.labels.values()) <= fixed


def test_what_counts_as_drift_is_a_code_that_has_a_label() -> None:
    assert DRIFT_CODES <= CODES


def test_the_queue_is_measured_by_state() -> None:
    found = [
        (each.metric.name, dict(each.labels), each.value) for each in queue_measurements(STATS)
    ]
    assert found == [
        ("queue_actions", {"state": "waiting"}, 3),
        ("queue_actions", {"state": "running"}, 2),
        ("queue_actions", {"state": "parked"}, 1),
        ("queue_oldest_due", {}, 4.5),
        ("evidence_unsealed", {}, 7.5),
    ]


# --- Prometheus ---------------------------------------------------------------------------------------


def test_prometheus_shows_what_was_counted(registry: CollectorRegistry) -> None:
    hook = PrometheusEvents(registry)
    for event, _ in EXAMPLES:
        hook(event)
    hook.set_queue(STATS)
    shown = generate_latest(registry).decode()

    for line in (
        'aiocancel_claims_total{repeated="false",status="canceled"} 1.0',
        'aiocancel_actions_total{code="none",kind="resume",outcome="applied"} 1.0',
        'aiocancel_drift_total{code="undone_elsewhere",kind="resume"} 1.0',
        'aiocancel_action_age_seconds_sum{kind="resume",outcome="parked"} 4.0',
        'aiocancel_action_attempts_count{kind="resume"} 2.0',
        'aiocancel_page_problems_total{what="lookup_failed"} 1.0',
        'aiocancel_queue_actions{state="waiting"} 3.0',
        "aiocancel_queue_oldest_due_seconds 4.5",
        "aiocancel_evidence_unsealed_seconds 7.5",
    ):
        assert line in shown.splitlines()
    assert "sub_1" not in shown
    assert "req_1" not in shown


def test_prometheus_takes_its_global_registry_by_default(
    monkeypatch: pytest.MonkeyPatch, registry: CollectorRegistry
) -> None:
    monkeypatch.setattr("prometheus_client.REGISTRY", registry)
    PrometheusEvents()(ClaimRefused(Code.TOO_LARGE))
    assert registry.get_sample_value("aiocancel_claims_refused_total", {"code": "too_large"}) == 1.0


def test_one_registry_counts_once(registry: CollectorRegistry) -> None:
    PrometheusEvents(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        PrometheusEvents(registry)


# --- OpenTelemetry ------------------------------------------------------------------------------------


def points(reader: InMemoryMetricReader) -> Iterator[tuple[str, dict[str, Any], Any]]:
    data = reader.get_metrics_data()
    assert data is not None
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    yield metric.name, dict(point.attributes or {}), point


def test_opentelemetry_exports_what_was_counted() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    hook = OpenTelemetryEvents(provider.get_meter("test"))
    for event, _ in EXAMPLES:
        hook(event)

    hook.set_queue(STATS)
    exported = list(points(reader))
    values = [(name, labels, getattr(point, "value", None)) for name, labels, point in exported]
    assert (
        "aiocancel.actions",
        {"kind": "resume", "outcome": "applied", "code": "none"},
        1,
    ) in values
    assert ("aiocancel.queue_actions", {"state": "parked"}, 1) in values
    assert ("aiocancel.queue_oldest_due", {}, 4.5) in values
    assert ("aiocancel.evidence_unsealed", {}, 7.5) in values
    (age,) = [
        point
        for name, labels, point in exported
        if (name, labels.get("outcome")) == ("aiocancel.action_age", "parked")
    ]
    assert (age.count, age.sum) == (2, 4.0)
    assert {name.removeprefix("aiocancel.") for name, _, _ in exported} >= {
        metric.name for metric in METRICS
    }
    provider.shutdown()


# --- costs nothing where it is not used -----------------------------------------------------------------


def test_neither_is_imported_until_it_is_used() -> None:
    code = "import sys, aiocancel.metrics; print(*sorted(name for name in sys.modules if '.' not in name))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"prometheus_client", "opentelemetry"} & set(run.stdout.split())
