"""A flow session is ours when the proof of a page comes back with it, about the same subscription, and in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aiocancel.core.claim import FlowStatus
from aiocancel.core.decision import Policy
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.grants import Grant, GrantSealer
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId
from aiocancel.core.page_proof import CLOCK_SLACK, page_of

OPENED = datetime(2026, 11, 26, 12, tzinfo=UTC)
ISSUED_AT = int(OPENED.timestamp())
PAGE = Grant(
    CustomerId("ada"), SubscriptionId("sub_1"), "test", ISSUED_AT, ISSUED_AT + 3600, "nonce"
)
SEALER = GrantSealer(["a key of ours"])
IN_META = Policy(proof_in="meta")
SESSION = FlowSession(
    FlowSessionId("sess_1"),
    FlowStatus.CANCELED,
    subscription_id="sub_1",
    subscriber_id="ada",
    created_at=OPENED,
    marks={"meta": SEALER.prove(PAGE, "prosperstack")},
)


def found(session: FlowSession, policy: Policy = IN_META) -> Grant | None:
    return page_of(session, SEALER, policy, vendor="prosperstack", mode="test")


@pytest.mark.parametrize("names_customers", [False, True])
def test_a_session_with_the_proof_of_its_page_is_ours(names_customers: bool) -> None:
    assert found(SESSION, replace(IN_META, names_customers=names_customers)) == PAGE


@pytest.mark.parametrize(
    "policy",
    [Policy(proof_in=None), Policy(proof_in="property:opened_by")],
    ids=["no place for a proof", "another place"],
)
def test_a_proof_counts_only_where_the_owner_lets_it_travel(policy: Policy) -> None:
    assert found(SESSION, policy) is None


@pytest.mark.parametrize(
    ("names_customers", "changed"),
    [(False, {"subscription_id": "sub_2"}), (True, {"subscriber_id": "bob"})],
)
def test_a_session_about_another_customer_is_not_ours(
    names_customers: bool, changed: dict[str, str]
) -> None:
    session = replace(SESSION, **changed)  # type: ignore[arg-type]

    assert found(session, replace(IN_META, names_customers=names_customers)) is None


@pytest.mark.parametrize(
    ("created_at", "is_ours"),
    [
        (OPENED - CLOCK_SLACK, True),
        (OPENED - CLOCK_SLACK - timedelta(seconds=1), False),
        (OPENED + timedelta(hours=1) + CLOCK_SLACK, True),
        (OPENED + timedelta(hours=1, seconds=1) + CLOCK_SLACK, False),
        (None, False),
    ],
)
def test_a_proof_that_the_vendor_kept_says_nothing_of_a_session_that_began_later(
    created_at: datetime | None, is_ours: bool
) -> None:
    assert (found(replace(SESSION, created_at=created_at)) is not None) is is_ours
