"""A failed call is sorted by what it may have left behind, and tried again later and later, but not for ever."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.idempotency import KEY_LIFETIME_S
from aiocancel.core.retry import (
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    LONGEST_LOCK_DELAY_S,
    MAX_ATTEMPTS,
    MOST_LOOKS_FOR_A_NEWER_RELEASE,
    Failure,
    Park,
    RetryAfter,
    after_failure,
    after_unreadable,
    delay_s,
    is_excused,
    read_retry_after,
    sort_answer,
    throttled,
)

TRANSIENT, UNKNOWN, REJECTED = Failure.TRANSIENT, Failure.UNKNOWN, Failure.REJECTED
jitters = st.floats(0, 1)
attempts = st.integers(1, 10_000)


# Sorting


@pytest.mark.parametrize(
    ("http_status", "code", "should_retry", "expected"),
    [
        pytest.param(None, None, None, UNKNOWN, id="no answer"),
        pytest.param(None, Code.RATE_LIMIT, False, UNKNOWN, id="no answer, whatever else"),
        pytest.param(500, None, None, UNKNOWN, id="Stripe failed"),
        pytest.param(
            502, Code.API_ERROR, False, UNKNOWN, id="Stripe failed and advises against it"
        ),
        pytest.param(503, None, True, UNKNOWN, id="Stripe is unavailable"),
        pytest.param(429, Code.RATE_LIMIT, None, TRANSIENT, id="too many requests"),
        pytest.param(429, Code.LOCK_TIMEOUT, True, TRANSIENT, id="lock timeout"),
        pytest.param(429, None, None, TRANSIENT, id="too many requests, no code"),
        pytest.param(429, None, False, TRANSIENT, id="too many requests, advised against"),
        pytest.param(
            400, Code.LOCK_TIMEOUT, None, TRANSIENT, id="lock timeout under another status"
        ),
        pytest.param(409, None, None, TRANSIENT, id="conflict, no code"),
        pytest.param(409, Code.IDEMPOTENCY_KEY_IN_USE, None, TRANSIENT, id="key in use"),
        pytest.param(
            400, Code.IDEMPOTENCY_KEY_IN_USE, None, TRANSIENT, id="key in use under another status"
        ),
        pytest.param(401, None, None, TRANSIENT, id="wrong API key"),
        pytest.param(
            403,
            Code.of_stripe("permission_error"),
            None,
            TRANSIENT,
            id="API key without the permission",
        ),
        pytest.param(400, None, True, TRANSIENT, id="refused, but Stripe says try again"),
        pytest.param(400, Code.of_stripe("parameter_invalid"), None, REJECTED, id="invalid"),
        pytest.param(
            400, Code.of_stripe("parameter_invalid"), False, REJECTED, id="invalid, advised against"
        ),
        pytest.param(402, Code.CARD_DECLINED, None, REJECTED, id="card declined"),
        pytest.param(404, Code.RESOURCE_MISSING, None, REJECTED, id="no such subscription"),
    ],
)
def test_an_answer_is_sorted_by_what_it_may_have_left_behind(
    http_status: int | None, code: AnyCode | None, should_retry: bool | None, expected: Failure
) -> None:
    assert sort_answer(http_status, code, should_retry=should_retry) is expected


@given(
    http_status=st.none() | st.integers(500, 599),
    code=st.none()
    | st.sampled_from([Code.RATE_LIMIT, Code.LOCK_TIMEOUT, Code.IDEMPOTENCY_KEY_IN_USE]),
    should_retry=st.none() | st.booleans(),
)
@settings(max_examples=30)
def test_what_may_have_happened_is_never_called_harmless(
    http_status: int | None, code: AnyCode | None, should_retry: bool | None
) -> None:
    assert sort_answer(http_status, code, should_retry=should_retry) is UNKNOWN


# Waiting


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(1, 0.5), (2, 1.0), (3, 2.0), (10, 256.0), (12, 1024.0), (13, 1800.0), (99, 1800.0)],
)
def test_the_wait_doubles_up_to_five_minutes(attempt: int, seconds: float) -> None:
    assert delay_s(attempt, 1.0) == seconds


@given(attempt=attempts, jitter=jitters)
@settings(max_examples=60)
def test_jitter_spreads_the_wait_over_its_upper_half(attempt: int, jitter: float) -> None:
    full = delay_s(attempt, 1.0)
    assert full / 2 <= delay_s(attempt, jitter) <= full
    assert delay_s(attempt, 0.0) == full / 2


@given(attempt=attempts, jitter=jitters)
@settings(max_examples=60)
def test_a_wait_has_a_lower_and_an_upper_bound(attempt: int, jitter: float) -> None:
    assert FIRST_DELAY_S / 2 <= delay_s(attempt, jitter) <= LONGEST_DELAY_S


def test_with_the_same_jitter_no_wait_is_shorter_than_the_one_before() -> None:
    waits = [delay_s(attempt, 0.3) for attempt in range(1, 100)]
    assert all(earlier <= later for earlier, later in itertools.pairwise(waits))


@pytest.mark.parametrize("failure", [TRANSIENT, UNKNOWN])
@pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS - 1])
def test_a_failure_that_may_pass_is_tried_again(failure: Failure, attempt: int) -> None:
    assert after_failure(failure, Code.of_stripe("some_code"), attempt, 0.5) == RetryAfter(
        delay_s(attempt, 0.5)
    )


@pytest.mark.parametrize(
    ("failure", "code"),
    [(TRANSIENT, Code.GAVE_UP_TRANSIENT), (UNKNOWN, Code.GAVE_UP_UNKNOWN)],
    ids=["transient", "unknown"],
)
@pytest.mark.parametrize("attempt", [MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
def test_after_the_last_attempt_a_human_must_look(
    failure: Failure, code: AnyCode, attempt: int
) -> None:
    assert after_failure(failure, Code.of_stripe("some_code"), attempt, 0.5) == Park(code)


@pytest.mark.parametrize(
    ("code", "parked"), [(Code.RESOURCE_MISSING, Code.RESOURCE_MISSING), (None, Code.REJECTED)]
)
def test_a_refusal_goes_to_a_human_at_once(code: AnyCode | None, parked: AnyCode) -> None:
    assert after_failure(REJECTED, code, 1, 0.5) == Park(parked)


# Limits on requests


@pytest.mark.parametrize(
    ("http_status", "code", "reason", "whose"),
    [
        pytest.param(429, Code.RATE_LIMIT, "global-rate", "account", id="the account's rate"),
        pytest.param(
            429, None, "global-concurrency", "account", id="the account's concurrency, no code"
        ),
        pytest.param(429, Code.RATE_LIMIT, "endpoint-rate", "endpoint", id="an endpoint's rate"),
        pytest.param(
            429, Code.RATE_LIMIT, "endpoint-concurrency", "endpoint", id="an endpoint's concurrency"
        ),
        pytest.param(
            429, Code.RATE_LIMIT, "resource-specific", "object", id="an object's own limit"
        ),
        pytest.param(429, Code.RATE_LIMIT, None, "account", id="too many, without a reason"),
        pytest.param(400, Code.RATE_LIMIT, None, "account", id="too many under another status"),
        pytest.param(429, Code.LOCK_TIMEOUT, None, None, id="lock timeout"),
        pytest.param(429, None, None, None, id="without a code or a reason it is a lock timeout"),
        pytest.param(500, None, "global-rate", None, id="a failure"),
        pytest.param(None, None, None, None, id="no answer"),
    ],
)
def test_a_limit_on_requests_is_told_from_a_lock_and_by_whose_it_is(
    http_status: int | None, code: AnyCode | None, reason: str | None, whose: str | None
) -> None:
    assert throttled(http_status, code, reason) == whose


@pytest.mark.parametrize(
    ("header", "should_retry", "seconds"),
    [
        (None, None, None),
        ("", None, None),
        ("soon", None, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None, None),
        ("-5", None, None),
        ("²", None, None),
        ("7", None, 7.0),
        (" 7 ", True, 7.0),
        ("9" * 400, None, 3600.0),
        (None, False, 60.0),
        ("7", False, 60.0),
        ("120", False, 120.0),
    ],
)
def test_the_wait_that_a_header_asks_for_is_read_with_bounds(
    header: str | None, should_retry: bool | None, seconds: float | None
) -> None:
    assert read_retry_after(header, should_retry=should_retry) == seconds


@pytest.mark.parametrize("code", [Code.RATE_LIMIT, Code.RATE_LIMITED, Code.RATE_BUDGET])
@pytest.mark.parametrize("attempt", [MAX_ATTEMPTS, MAX_ATTEMPTS * 10])
def test_a_limit_on_everybodys_requests_never_leads_to_giving_up(
    code: AnyCode, attempt: int
) -> None:
    assert is_excused(code)
    assert after_failure(TRANSIENT, code, attempt, 1.0) == RetryAfter(LONGEST_LOCK_DELAY_S)


@pytest.mark.parametrize("code", [None, Code.LOCK_TIMEOUT, Code.RESOURCE_RATE_LIMIT, Code.TIMEOUT])
def test_every_other_failure_counts(code: AnyCode | None) -> None:
    assert not is_excused(code)
    assert after_failure(TRANSIENT, code, MAX_ATTEMPTS, 1.0) == Park(Code.GAVE_UP_TRANSIENT)


def test_an_action_whose_object_was_locked_is_tried_again_soon_however_often_it_was() -> None:
    waits = [after_failure(TRANSIENT, Code.LOCK_TIMEOUT, attempt, 1.0) for attempt in (1, 3, 50)]
    assert waits == [RetryAfter(0.5), RetryAfter(2.0), RetryAfter(LONGEST_LOCK_DELAY_S)]


@pytest.mark.parametrize(
    ("attempt", "retry_after_s", "waits"),
    [(1, 30.0, 30.0), (12, 30.0, 512.0), (1, 1e9, 3600.0), (1, None, 0.25)],
)
def test_nobody_comes_back_before_the_time_that_was_named(
    attempt: int, retry_after_s: float | None, waits: float
) -> None:
    assert after_failure(
        TRANSIENT, Code.of_stripe("x"), attempt, 0.0, retry_after_s=retry_after_s
    ) == RetryAfter(waits)


def test_those_who_were_told_the_same_time_do_not_all_come_back_then() -> None:
    assert after_failure(TRANSIENT, Code.of_stripe("x"), 1, 1.0, retry_after_s=30.0) == RetryAfter(
        33.0
    )


def test_the_patience_of_a_retry_is_what_the_documents_promise() -> None:
    assert KEY_LIFETIME_S == 72_000
    assert (MAX_ATTEMPTS, FIRST_DELAY_S, LONGEST_DELAY_S, LONGEST_LOCK_DELAY_S) == (
        200,
        0.5,
        1800,
        10,
    )


@pytest.mark.parametrize("attempt", [1, 5, 199])
def test_an_old_answer_that_was_repeated_costs_no_wait(attempt: int) -> None:
    code = Code.of_stripe("api_error")

    assert after_failure(UNKNOWN, code, attempt, 1.0, replayed=True) == RetryAfter(0.0)
    assert isinstance(after_failure(UNKNOWN, code, 200, 1.0, replayed=True), Park)
    assert isinstance(after_failure(REJECTED, code, attempt, 1.0, replayed=True), Park)


# A stored action that cannot be read


def test_an_action_that_no_release_can_read_is_parked_at_once() -> None:
    assert after_unreadable(Code.ROW_UNREADABLE, 1, 0.5) == Park(Code.ROW_UNREADABLE)


def test_an_action_of_a_newer_release_waits_for_its_workers_a_limited_number_of_times() -> None:
    last = MOST_LOOKS_FOR_A_NEWER_RELEASE

    assert after_unreadable(Code.LEDGER_UNREADABLE, last - 1, 0.5) == RetryAfter(
        delay_s(last - 1, 0.5)
    )
    assert after_unreadable(Code.LEDGER_UNREADABLE, last, 0.5) == Park(Code.LEDGER_UNREADABLE)
