"""Test clocks at the simulated Stripe: customers made on one live in its time, and so does what they buy.

A customer must be created on its clock. Time goes forward only, at most two intervals of the shortest price at a
time, and Stripe takes a while: the clock is ``advancing`` before it is ``ready``.
Source: https://docs.stripe.com/billing/testing/test-clocks. Unverified: the codes of the refusals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiocancel.testing.stripe.books import Books
from aiocancel.testing.stripe.form import Refusal, integer, no_such, text
from aiocancel.testing.stripe.objects import JsonObject, shifted
from aiocancel.testing.stripe.writes import Write

CREATE = {"frozen_time": integer(required=True), "name": text()}
ADVANCE = {"frozen_time": integer(required=True)}
MOST_INTERVALS = 2
LASTS_S = 30 * 86400


def create(state: Books, _: str, params: Mapping[str, Any], __: Write) -> JsonObject:
    """POST /v1/test_helpers/test_clocks."""
    clock = {
        "id": state.new_id("clock"),
        "object": "test_helpers.test_clock",
        "created": state.now,
        "deletes_after": state.now + LASTS_S,
        "frozen_time": params["frozen_time"],
        "livemode": False,
        "name": params.get("name"),
        "status": "ready",
        "status_details": {},
    }

    state.clocks[clock["id"]] = clock

    return clock


def retrieve(state: Books, clock_id: str, _: Mapping[str, Any], __: Write) -> JsonObject:
    """GET /v1/test_helpers/test_clocks/{id}."""
    clock = _held(state, clock_id)
    if clock["status"] == "advancing":
        seen = dict(clock)
        clock |= {"status": "ready", "status_details": {}}
        return seen
    return clock


def advance(state: Books, clock_id: str, params: Mapping[str, Any], _: Write) -> JsonObject:
    """POST /v1/test_helpers/test_clocks/{id}/advance; ready at the second look."""
    clock = _held(state, clock_id)
    to = params["frozen_time"]
    if clock["status"] == "advancing":
        raise Refusal(429, "The test clock is advancing; wait until it is ready.")
    if to <= clock["frozen_time"]:
        message = "The test clock's time can only be moved forward."
        raise Refusal(400, message, param="frozen_time")
    if to > _furthest(state, clock):
        message = f"A test clock can be advanced by at most {MOST_INTERVALS} intervals at a time."
        raise Refusal(400, message, param="frozen_time")

    clock |= {
        "frozen_time": to,
        "status": "advancing",
        "status_details": {"advancing": {"target_frozen_time": to}},
    }
    state.settle_all()
    return clock


def _furthest(state: Books, clock: JsonObject) -> int:
    now = clock["frozen_time"]
    return min(
        (
            shifted(now, every["interval"], MOST_INTERVALS * every["interval_count"])
            for subscription in state.subscriptions.values()
            if subscription["test_clock"] == clock["id"]
            for every in (item["price"]["recurring"] for item in subscription["items"]["data"])
        ),
        default=shifted(now, "year", MOST_INTERVALS),
    )


def delete(state: Books, clock_id: str, _: Mapping[str, Any], __: Write) -> JsonObject:
    """DELETE /v1/test_helpers/test_clocks/{id}: all that lives in its time goes with it."""
    _held(state, clock_id)
    state.forget_clock(clock_id)
    return {"id": clock_id, "object": "test_helpers.test_clock", "deleted": True}


def _held(state: Books, clock_id: str) -> JsonObject:
    if (clock := state.clocks.get(clock_id)) is None:
        raise no_such("test clock", clock_id, status=404)
    return clock
