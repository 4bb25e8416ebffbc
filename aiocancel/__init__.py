"""Cancellation flows for aiohttp: a correct CSP, a signed payload, and Stripe changes that happen once."""

from aiocancel.billing.customer_subscriptions import StripeSubscriptions
from aiocancel.billing.settings import StripeBilling
from aiocancel.core.csp import ContentSecurityPolicy
from aiocancel.core.offer_steps import OfferRules
from aiocancel.core.offers import OfferLimits
from aiocancel.core.outcome import Outcome
from aiocancel.core.properties import Property
from aiocancel.core.signing import SignedPayload, sign_payload
from aiocancel.errors import (
    AiocancelError,
    AmbiguousSubscriptionError,
    ConfigurationError,
    FlowNotResolvedError,
    PolicyError,
    PropertyError,
    SchemaError,
    SimulatorRefusedError,
    UnavailableError,
)
from aiocancel.offers import CustomOffer
from aiocancel.plugin import CancelFlow
from aiocancel.postgres.subscriptions import SubscriptionQuery
from aiocancel.vendors.prosperstack import ProsperStack
from aiocancel.vendors.staysignal import StaySignal
from aiocancel.web.flow_context import FlowContext, FlowState, get_cancel_flow

__all__ = [
    "AiocancelError",
    "AmbiguousSubscriptionError",
    "CancelFlow",
    "ConfigurationError",
    "ContentSecurityPolicy",
    "CustomOffer",
    "FlowContext",
    "FlowNotResolvedError",
    "FlowState",
    "OfferLimits",
    "OfferRules",
    "Outcome",
    "PolicyError",
    "Property",
    "PropertyError",
    "ProsperStack",
    "SchemaError",
    "SignedPayload",
    "SimulatorRefusedError",
    "StaySignal",
    "StripeBilling",
    "StripeSubscriptions",
    "SubscriptionQuery",
    "UnavailableError",
    "get_cancel_flow",
    "sign_payload",
]
