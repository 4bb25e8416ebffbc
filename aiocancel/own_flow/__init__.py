"""Our own flow at work: from a customer's click to the next screen, with the ledger, Stripe and the rules between.

The exit needs none of this: it is a claim like that of the plain page, recorded before anything else is looked at.
"""

from __future__ import annotations

from aiocancel.own_flow.inputs import Declare, FlowBounds, RequestFacts
from aiocancel.own_flow.service import OwnFlowService
from aiocancel.own_flow.stripe_reading import STRIPE_WITHIN_S

__all__ = ["STRIPE_WITHIN_S", "Declare", "FlowBounds", "OwnFlowService", "RequestFacts"]
