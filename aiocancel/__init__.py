"""Cancellation flows for aiohttp: a correct CSP, a signed payload, and Stripe changes that happen once."""

from aiocancel.billing.settings import StripeBilling
from aiocancel.core.csp import ContentSecurityPolicy
from aiocancel.core.signing import SignedPayload, sign_payload
from aiocancel.errors import (
    AiocancelError,
    ConfigurationError,
    FlowNotResolvedError,
    PolicyError,
    SchemaError,
    SimulatorRefusedError,
)
from aiocancel.plugin import CancelFlow
from aiocancel.postgres.subscriptions import SubscriptionQuery
from aiocancel.vendors.prosperstack import ProsperStack
from aiocancel.web.flow_context import FlowContext, FlowState, get_cancel_flow

__all__ = [
    "AiocancelError",
    "CancelFlow",
    "ConfigurationError",
    "ContentSecurityPolicy",
    "FlowContext",
    "FlowNotResolvedError",
    "FlowState",
    "PolicyError",
    "ProsperStack",
    "SchemaError",
    "SignedPayload",
    "SimulatorRefusedError",
    "StripeBilling",
    "SubscriptionQuery",
    "get_cancel_flow",
    "sign_payload",
]
