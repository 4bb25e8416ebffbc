"""The names that a claim is kept under where it is not that of its page: one name, one claim. Pure.

A page's own nonce is 32 hexadecimal digits. Every other begins with a word, so that no two kinds are ever equal:

==============================  =============================================================================
``session:<sub>:<session>``     a claim that changes nothing: once for its flow session, from any source
``refused:<sub>:<session>``     a claim that was refused on the page and is left to a person, once for its session
``exit:<page>``                 the exit, pressed on a page that has led to something else before
``public:<page>`` (and more)    a declaration of the public exit: its page and, behind it, a hash of its words
``public:<claim>``              the cancellation that came of that declaration, by the declaration's public id
``event:<event>``               a claim that only the flow vendor tells of, by the id of its event
==============================  =============================================================================

The ledger keeps them for ever: another spelling would let a claim be recorded twice. One statement of
postgres/evidence_files.py spells ``public:`` as well.
"""

from __future__ import annotations

from aiocancel.core.identifiers import FlowSessionId, SubscriptionId


def of_flow_session(subscription_id: SubscriptionId, session_id: FlowSessionId) -> str:
    """Return the name of a claim that changes nothing."""
    return f"session:{subscription_id}:{session_id}"


def of_refusal(subscription_id: SubscriptionId, session_id: FlowSessionId) -> str:
    """Return the name of a claim that was refused on the page."""
    return f"refused:{subscription_id}:{session_id}"


def of_later_exit(page_nonce: str) -> str:
    """Return the name of the exit on a page whose own nonce is used up."""
    return f"exit:{page_nonce}"


def of_public_exit(name: str) -> str:
    """Return the name of a page of the public exit, or of the cancellation that came of a declaration."""
    return f"public:{name}"


def of_vendor_event(event_id: str) -> str:
    """Return the name of a claim that only an event of the flow vendor's tells of."""
    return f"event:{event_id}"
