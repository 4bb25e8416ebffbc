"""The names that claims are kept under: spelled as ever, and never equal for two kinds."""

from __future__ import annotations

import pytest

from aiocancel.core import claim_nonces as nonces
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId
from aiocancel.postgres.evidence_files import OTHERS

SUB, SESSION = SubscriptionId("sub_1"), FlowSessionId("sess_1")
NAMES = {
    "flow session": (nonces.of_flow_session(SUB, SESSION), "session:sub_1:sess_1"),
    "refusal": (nonces.of_refusal(SUB, SESSION), "refused:sub_1:sess_1"),
    "later exit": (nonces.of_later_exit("0af1"), "exit:0af1"),
    "public exit": (nonces.of_public_exit("0af1"), "public:0af1"),
    "vendor's event": (nonces.of_vendor_event("evt_1"), "event:evt_1"),
}


@pytest.mark.parametrize(("made", "kept"), NAMES.values(), ids=list(NAMES))
def test_a_name_is_spelled_as_the_ledger_has_kept_it(made: str, kept: str) -> None:
    # Another spelling would let a claim of before be recorded a second time.
    assert made == kept


def test_names_of_two_kinds_are_never_equal() -> None:
    words = [made.partition(":")[0] for made, _ in NAMES.values()]

    assert len(set(words)) == len(words)
    assert not any(set(word) <= set("0123456789abcdef") for word in words)


def test_statement_that_looks_for_a_declarations_cancellation_spells_its_name_alike() -> None:
    assert OTHERS.count(f"'{nonces.of_public_exit('')}'") == 2


def test_grant_without_a_page_can_be_opened_by_nobody() -> None:
    grant = Grant.without_page(CustomerId("ada"), SUB, "test", nonces.of_vendor_event("evt_1"))

    assert (grant.issued_at, grant.expires_at) == (0, 0)
    assert grant.nonce == "event:evt_1"
