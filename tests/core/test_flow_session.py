"""A flow session: whose it is, and what it tells beside its end."""

from __future__ import annotations

import pytest

from aiocancel.core.claim import FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.flow_details import Answered, FlowDetails
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.identifiers import FlowSessionId
from aiocancel.core.offers.terms import AcceptedOffer, CustomTerms, UnusableOffer

ID = FlowSessionId("sess_1")


@pytest.mark.parametrize(
    ("session", "names_customers", "is_of"),
    [
        (FlowSession(ID, FlowStatus.CANCELED, "sub_1", "cus_x"), False, True),
        (FlowSession(ID, FlowStatus.CANCELED, "sub_2", "ada"), False, False),
        (FlowSession(ID, FlowStatus.CANCELED, None, "ada"), False, False),
        (FlowSession(ID, FlowStatus.CANCELED, "sub_2", "ada"), True, True),
        (FlowSession(ID, FlowStatus.CANCELED, "sub_1", "zoe"), True, False),
        (FlowSession(ID, FlowStatus.CANCELED, "sub_1", None), True, False),
    ],
)
def test_a_flow_session_is_the_customers_by_what_the_vendor_can_name(
    session: FlowSession, names_customers: bool, is_of: bool
) -> None:
    assert session.is_of("sub_1", "ada", names_customers=names_customers) is is_of


def test_a_flow_session_that_names_nobody_is_nobodys() -> None:
    session = FlowSession(ID, FlowStatus.CANCELED, "sub_1", "")
    assert not session.is_of("sub_1", "", names_customers=True)


def test_a_flow_session_tells_its_answers_offers_and_metadata_as_the_vendors_word() -> None:
    answers = (Answered("q", "text", "?", ("Bye",)),)
    offer = AcceptedOffer("offr_1", CustomTerms(), {"code": "x"})
    made = FlowSession(ID, FlowStatus.SAVED, accepted=offer, presented=("o",), answers=answers)
    unusable = FlowSession(
        ID, FlowStatus.SAVED, accepted=UnusableOffer("offr_1", Code.BAD_OFFER_ID)
    )

    assert made.details == FlowDetails("vendor", answers, ("o",), {"code": "x"})
    assert unusable.details == FlowDetails("vendor")
