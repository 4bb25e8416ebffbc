"""Whether a page of ours opened a flow session, judged by the proof that came back with it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from aiocancel.core.decision import Policy
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.grants import Grant, GrantSealer
from aiocancel.core.identifiers import Mode

# The vendor's clock and ours need not agree.
CLOCK_SLACK: Final = timedelta(minutes=10)


def page_of(
    session: FlowSession, sealer: GrantSealer, policy: Policy, *, vendor: str, mode: Mode
) -> Grant | None:
    """Return the grant of the page that opened this flow session, None where nothing proves that one did.

    The session has to be about what the page was about, and to begin while the page was good: a vendor may keep a
    custom property, and show it with sessions that a stranger opens later.
    """
    text = None if policy.proof_in is None else session.marks.get(policy.proof_in)
    grant = None if text is None else sealer.open_proof(text, vendor=vendor, mode=mode)
    if grant is None or session.created_at is None:
        return None

    if policy.names_customers:
        is_same = session.subscriber_id == grant.customer_id
    else:
        is_same = session.subscription_id == grant.subscription_id
    earliest = datetime.fromtimestamp(grant.issued_at, UTC) - CLOCK_SLACK
    latest = datetime.fromtimestamp(grant.expires_at, UTC) + CLOCK_SLACK
    return grant if is_same and earliest <= session.created_at <= latest else None
