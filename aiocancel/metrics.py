"""Metrics out of events, off unless asked for: ``CancelFlow(..., on_event=both(log_event, PrometheusEvents()))``.

What an event counts as is one table for Prometheus and OpenTelemetry. A label holds a word of a closed set or
``other``, and never an id: the number of time series has a bound.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args

from aiocancel.core.acknowledgement import LetterKind
from aiocancel.core.actions import ActionKind
from aiocancel.core.claim import FlowStatus
from aiocancel.core.codes import DRIFT_CODES, OURS_TAKEN_BACK, Code
from aiocancel.core.permissions import PERMISSIONS
from aiocancel.core.retry import Failure
from aiocancel.core.stripe_news import ChangeKind
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

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from prometheus_client import CollectorRegistry

__all__ = [
    "CODES",
    "DRIFT_CODES",
    "METRICS",
    "Measurement",
    "Metric",
    "OpenTelemetryEvents",
    "PrometheusEvents",
    "measurements",
    "queue_measurements",
]

OTHER: Final = "other"
NONE: Final = "none"

CODES: Final = frozenset(Code)
"""The codes that a label may hold; any other word counts as ``other``: Stripe alone has hundreds."""

# Most changes take a second; one that was put off for an outage takes days.
AGE_BUCKETS_S: Final = (
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    1800.0,
    7200.0,
    86_400.0,
    259_200.0,
)
ATTEMPT_BUCKETS: Final = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
TOOK_BUCKETS_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 70.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: a counter, or a histogram where it has buckets.

    Args:
        name: Its name, without ``aiocancel_``.
        about: What it counts, in a few words.
        labels: The names of its labels.
        unit: ``1`` for a number, ``s`` for seconds.
        buckets: The upper bounds of a histogram's buckets, in its unit.
    """

    name: str
    about: str
    labels: Sequence[str] = ()
    unit: str = "1"
    buckets: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one event adds to one metric.

    Args:
        metric: The metric.
        labels: A value for each of its labels.
        value: How much is added.
    """

    metric: Metric
    labels: Mapping[str, str]
    value: float = 1.0


CLAIMS: Final = Metric("claims", "Claims recorded", ("status", "repeated"))
CLAIMS_REFUSED: Final = Metric("claims_refused", "Posts answered with an error", ("code",))
ATTEMPTS_FAILED: Final = Metric(
    "attempts_failed", "Attempts at actions that failed", ("kind", "failure", "code")
)
ATTEMPT_FAILED_AFTER: Final = Metric(
    "attempt_failed_after", "Time until an attempt failed", ("failure",), "s", TOOK_BUCKETS_S
)
ACTIONS: Final = Metric("actions", "Actions that ended", ("kind", "outcome", "code"))
ACTIONS_LEFT: Final = Metric(
    "actions_left", "Actions that a worker left to one of a newer release", ("kind",)
)
ACTION_AGE: Final = Metric(
    "action_age",
    "Time from a claim to the end of its action",
    ("kind", "outcome"),
    "s",
    AGE_BUCKETS_S,
)
ACTION_ATTEMPTS: Final = Metric(
    "action_attempts", "Attempts that an applied action took", ("kind",), buckets=ATTEMPT_BUCKETS
)
DRIFT: Final = Metric(
    "drift",
    "Subscriptions whose state at Stripe differs from the ledger's last word",
    ("kind", "code"),
)
SUBSCRIPTION_CHANGES: Final = Metric(
    "subscription_changes", "Changes of subscriptions that the application was told of", ("kind",)
)
CHANGE_HOOKS_FAILED: Final = Metric(
    "change_hooks_failed", "Hooks for changes of subscriptions that failed", ("code",)
)
PERMISSIONS_MISSING: Final = Metric(
    "permissions_missing",
    "Refusals of Stripe for want of a permission, once each by a process",
    ("permission",),
)
ACKNOWLEDGEMENTS: Final = Metric(
    "acknowledgements", "Letters that the mail server has taken", ("kind", "doubted")
)
VENDOR_EVENTS_GIVEN_UP: Final = Metric(
    "vendor_events_given_up",
    "Events of the flow vendor that could not be read in three days",
    ("code",),
)
PAGE_PROBLEMS: Final = Metric("page_problems", "Pages that went out without something", ("what",))

METRICS: Final = (
    CLAIMS,
    CLAIMS_REFUSED,
    ATTEMPTS_FAILED,
    ATTEMPT_FAILED_AFTER,
    ACTIONS,
    ACTIONS_LEFT,
    ACTION_AGE,
    ACTION_ATTEMPTS,
    DRIFT,
    SUBSCRIPTION_CHANGES,
    CHANGE_HOOKS_FAILED,
    PERMISSIONS_MISSING,
    ACKNOWLEDGEMENTS,
    VENDOR_EVENTS_GIVEN_UP,
    PAGE_PROBLEMS,
)
QUEUE: Final = Metric("queue_actions", "Actions in the queue of all processes", ("state",))
QUEUE_OLDEST_DUE: Final = Metric("queue_oldest_due", "How long the oldest action is due", unit="s")
EVIDENCE_UNSEALED: Final = Metric(
    "evidence_unsealed",
    "How long the oldest fact waits for its place in the chain of evidence",
    unit="s",
)
GAUGES: Final = (QUEUE, QUEUE_OLDEST_DUE, EVIDENCE_UNSEALED)

_PAGE_PROBLEMS: Final[dict[type[Event], str]] = {
    LookupFailed: "lookup_failed",
    PageFactsMissing: "facts_missing",
    PageTemplateFailed: "template_failed",
    PolicyNotWidened: "policy_not_widened",
    CachingRefused: "caching_refused",
    PropertyLeftOut: "property_left_out",
}


def measurements(event: Event) -> list[Measurement]:
    """Return what an event counts as. Total: an event that is not known counts as nothing."""
    match event:
        case ClaimRecorded():
            status = _word(event.status, list(FlowStatus))
            return [
                Measurement(CLAIMS, {"status": status, "repeated": str(event.repeated).lower()})
            ]

        case ClaimRefused() | VendorEventGivenUp():
            metric = CLAIMS_REFUSED if isinstance(event, ClaimRefused) else VENDOR_EVENTS_GIVEN_UP
            return [Measurement(metric, {"code": _word(event.code, CODES)})]

        case AttemptFailed():
            failure = _word(event.failure, list(Failure))
            labels = {
                "kind": _kind(event.kind),
                "failure": failure,
                "code": _word(event.code, CODES),
            }
            return [
                Measurement(ATTEMPTS_FAILED, labels),
                Measurement(ATTEMPT_FAILED_AFTER, {"failure": failure}, event.took_s),
            ]

        case ActionApplied():
            outcome = "applied" if event.written else "already_so"
            found = _ended(event.kind, outcome, NONE, event.age_s)
            found.append(Measurement(ACTION_ATTEMPTS, {"kind": _kind(event.kind)}, event.attempt))
            return found

        case ActionParked() | ActionRefused():
            outcome = "parked" if isinstance(event, ActionParked) else "refused"
            found = _ended(event.kind, outcome, _word(event.code, CODES), event.age_s)
            if event.code in DRIFT_CODES:
                found.append(Measurement(DRIFT, {"kind": _kind(event.kind), "code": event.code}))
            return found

        case ActionLeft():
            return [Measurement(ACTIONS_LEFT, {"kind": _kind(event.kind)})]

        case DriftFound():
            return [_drifted(event)]

        case SubscriptionChanged() | ChangeHookFailed() | PermissionMissing():
            return [_of_stripes_news(event)]

        case AcknowledgementSent():
            doubted = str(event.doubts > 0).lower()
            letter = _word(event.kind, list(LetterKind))
            return [Measurement(ACKNOWLEDGEMENTS, {"kind": letter, "doubted": doubted})]

        case (
            LookupFailed()
            | PageFactsMissing()
            | PageTemplateFailed()
            | PolicyNotWidened()
            | CachingRefused()
            | PropertyLeftOut()
        ):
            return [Measurement(PAGE_PROBLEMS, {"what": _PAGE_PROBLEMS[type(event)]})]

        case _:
            return []


def _drifted(event: DriftFound) -> Measurement:
    if event.seen == Code.PRICE_DIFFERS:
        return Measurement(
            DRIFT, {"kind": ActionKind.APPLY_OFFER.value, "code": Code.PRICE_DIFFERS.value}
        )
    is_cancellation = event.expected == "cancellation"
    kind = ActionKind.EXPECT_CANCELLATION if is_cancellation else ActionKind.EXPECT_OFFER
    code = event.seen if event.seen in OURS_TAKEN_BACK else Code.VENDOR_DID_NOT_ACT
    return Measurement(DRIFT, {"kind": kind, "code": code})


def _of_stripes_news(
    event: SubscriptionChanged | ChangeHookFailed | PermissionMissing,
) -> Measurement:
    match event:
        case SubscriptionChanged():
            kind = _word(event.kind, get_args(ChangeKind))
            return Measurement(SUBSCRIPTION_CHANGES, {"kind": kind})
        case ChangeHookFailed():
            return Measurement(CHANGE_HOOKS_FAILED, {"code": _word(event.code, CODES)})
        case PermissionMissing():
            permission = _word(event.permission, PERMISSIONS)
            return Measurement(PERMISSIONS_MISSING, {"permission": permission})


def queue_measurements(stats: QueueStats) -> list[Measurement]:
    """Return what the state of the queue is worth on gauges."""
    counts = {"waiting": stats.waiting, "running": stats.running, "parked": stats.parked}
    found = [Measurement(QUEUE, {"state": state}, count) for state, count in counts.items()]
    return [
        *found,
        Measurement(QUEUE_OLDEST_DUE, {}, stats.oldest_due_s),
        Measurement(EVIDENCE_UNSEALED, {}, stats.unsealed_s),
    ]


def _ended(kind: str, outcome: str, code: str, age_s: float) -> list[Measurement]:
    labels = {"kind": _kind(kind), "outcome": outcome}
    return [Measurement(ACTIONS, {**labels, "code": code}), Measurement(ACTION_AGE, labels, age_s)]


def _kind(kind: str) -> str:
    return _word(kind, list(ActionKind))


def _word(word: str | None, known: Collection[str]) -> str:
    if word is None:
        return NONE
    return str(word) if word in known else OTHER


class PrometheusEvents:
    """An EventHook that counts with prometheus-client. Needs ``pip install "aiocancel[prometheus]"``.

    Args:
        registry: Where the metrics are registered; None for the global registry.

    Raises:
        ImportError: prometheus-client is not installed.
        ValueError: The registry has these metrics already.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        import prometheus_client as prometheus

        registry = prometheus.REGISTRY if registry is None else registry
        self._counters = {
            metric.name: prometheus.Counter(
                _prometheus_name(metric), metric.about, metric.labels, registry=registry
            )
            for metric in METRICS
            if not metric.buckets
        }
        self._histograms = {
            metric.name: prometheus.Histogram(
                _prometheus_name(metric),
                metric.about,
                metric.labels,
                buckets=metric.buckets,
                registry=registry,
            )
            for metric in METRICS
            if metric.buckets
        }
        self._gauges = {
            metric.name: prometheus.Gauge(
                _prometheus_name(metric), metric.about, metric.labels, registry=registry
            )
            for metric in GAUGES
        }

    def __call__(self, event: Event) -> None:
        """Count an event."""
        for each in measurements(event):
            if each.metric.buckets:
                self._histograms[each.metric.name].labels(**each.labels).observe(each.value)
            else:
                self._counters[each.metric.name].labels(**each.labels).inc(each.value)

    def set_queue(self, stats: QueueStats) -> None:
        """Put the state of the queue on the gauges: ``events.set_queue(await cancel.queue_stats())``."""
        for each in queue_measurements(stats):
            gauge = self._gauges[each.metric.name]
            (gauge.labels(**each.labels) if each.labels else gauge).set(each.value)


class OpenTelemetryEvents:
    """An EventHook that counts with OpenTelemetry's API. Needs ``pip install "aiocancel[opentelemetry]"``.

    Args:
        meter: Makes the instruments; which SDK is behind it is yours to choose.
    """

    def __init__(self, meter: Meter) -> None:
        self._counters = {
            metric.name: meter.create_counter(
                _opentelemetry_name(metric), metric.unit, metric.about
            )
            for metric in METRICS
            if not metric.buckets
        }

        self._histograms = {
            metric.name: meter.create_histogram(
                _opentelemetry_name(metric),
                metric.unit,
                metric.about,
                explicit_bucket_boundaries_advisory=metric.buckets,
            )
            for metric in METRICS
            if metric.buckets
        }

        self._gauges = {
            metric.name: meter.create_gauge(_opentelemetry_name(metric), metric.unit, metric.about)
            for metric in GAUGES
        }

    def __call__(self, event: Event) -> None:
        """Count an event."""
        for each in measurements(event):
            if each.metric.buckets:
                self._histograms[each.metric.name].record(each.value, each.labels)
            else:
                self._counters[each.metric.name].add(each.value, each.labels)

    def set_queue(self, stats: QueueStats) -> None:
        """Put the state of the queue on the gauges: ``events.set_queue(await cancel.queue_stats())``."""
        for each in queue_measurements(stats):
            self._gauges[each.metric.name].set(each.value, each.labels)


def _prometheus_name(metric: Metric) -> str:
    return f"aiocancel_{metric.name}" + ("_seconds" if metric.unit == "s" else "")


def _opentelemetry_name(metric: Metric) -> str:
    return f"aiocancel.{metric.name}"
