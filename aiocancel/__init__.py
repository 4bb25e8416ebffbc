"""Cancellation flows for aiohttp: a correct CSP, a signed payload, and Stripe changes that happen once.

Each name is imported when it is first asked for: ``import aiocancel`` alone costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aiocancel.billing.customer_subscriptions import StripeSubscriptions
    from aiocancel.billing.settings import StripeBilling
    from aiocancel.config import STRICT_POLICY
    from aiocancel.core.csp import ContentSecurityPolicy
    from aiocancel.core.flow.conditions import (
        amount,
        column,
        country,
        history,
        in_trial,
        interval,
        place,
        plan,
        reason,
        status,
        tenure,
    )
    from aiocancel.core.flow.definition import (
        CouponOffer,
        HandledOffer,
        PauseOffer,
        PlanOffer,
        Reason,
        TrialOffer,
    )
    from aiocancel.core.flow.rules import never
    from aiocancel.core.flow_details import Answered, FlowDetails
    from aiocancel.core.identifiers import CustomerId, SubscriptionId
    from aiocancel.core.mail import HandedOver, MailMessage, MailRefused, TryAgain
    from aiocancel.core.offers.offer_rules import OfferRules
    from aiocancel.core.offers.terms import OfferLimits
    from aiocancel.core.outcome import Outcome
    from aiocancel.core.properties import Property
    from aiocancel.core.public_exit import PublicDeclaration, PublicExit
    from aiocancel.core.signing import SignedPayload, sign_payload
    from aiocancel.core.stripe_news import SubscriptionChange
    from aiocancel.core.subscription import OwnedSubscription
    from aiocancel.core.theme import Theme
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
        UnknownCustomerError,
    )
    from aiocancel.mail.smtp import SmtpMailer
    from aiocancel.plugin import CancelFlow
    from aiocancel.ports import (
        ChangeHook,
        CustomOffer,
        FlowVendor,
        Mailer,
        OfferHandler,
        OutcomeHook,
        SubscriptionResolver,
    )
    from aiocancel.postgres.customer_query import SubscriptionQuery
    from aiocancel.vendors.own import OwnFlow
    from aiocancel.vendors.prosperstack.vendor import ProsperStack
    from aiocancel.vendors.staysignal import StaySignal
    from aiocancel.web.flow_context import FlowContext, FlowState, get_cancel_flow

__version__: Final = "0.1.0"

_HOMES = {
    "StripeSubscriptions": "aiocancel.billing.customer_subscriptions",
    "StripeBilling": "aiocancel.billing.settings",
    "STRICT_POLICY": "aiocancel.config",
    "ContentSecurityPolicy": "aiocancel.core.csp",
    "HandedOver": "aiocancel.core.mail",
    "MailMessage": "aiocancel.core.mail",
    "MailRefused": "aiocancel.core.mail",
    "TryAgain": "aiocancel.core.mail",
    "SubscriptionChange": "aiocancel.core.stripe_news",
    "Answered": "aiocancel.core.flow_details",
    "FlowDetails": "aiocancel.core.flow_details",
    "CustomerId": "aiocancel.core.identifiers",
    "SubscriptionId": "aiocancel.core.identifiers",
    "OfferRules": "aiocancel.core.offers.offer_rules",
    "OfferLimits": "aiocancel.core.offers.terms",
    "Outcome": "aiocancel.core.outcome",
    "Property": "aiocancel.core.properties",
    "PublicDeclaration": "aiocancel.core.public_exit",
    "PublicExit": "aiocancel.core.public_exit",
    "SignedPayload": "aiocancel.core.signing",
    "sign_payload": "aiocancel.core.signing",
    "OwnedSubscription": "aiocancel.core.subscription",
    "Theme": "aiocancel.core.theme",
    "AiocancelError": "aiocancel.errors",
    "AmbiguousSubscriptionError": "aiocancel.errors",
    "ConfigurationError": "aiocancel.errors",
    "FlowNotResolvedError": "aiocancel.errors",
    "PolicyError": "aiocancel.errors",
    "PropertyError": "aiocancel.errors",
    "SchemaError": "aiocancel.errors",
    "SimulatorRefusedError": "aiocancel.errors",
    "UnavailableError": "aiocancel.errors",
    "UnknownCustomerError": "aiocancel.errors",
    "ChangeHook": "aiocancel.ports",
    "CustomOffer": "aiocancel.ports",
    "FlowVendor": "aiocancel.ports",
    "Mailer": "aiocancel.ports",
    "OfferHandler": "aiocancel.ports",
    "OutcomeHook": "aiocancel.ports",
    "SubscriptionResolver": "aiocancel.ports",
    "SmtpMailer": "aiocancel.mail.smtp",
    "CancelFlow": "aiocancel.plugin",
    "SubscriptionQuery": "aiocancel.postgres.customer_query",
    "OwnFlow": "aiocancel.vendors.own",
    "CouponOffer": "aiocancel.core.flow.definition",
    "HandledOffer": "aiocancel.core.flow.definition",
    "PauseOffer": "aiocancel.core.flow.definition",
    "PlanOffer": "aiocancel.core.flow.definition",
    "Reason": "aiocancel.core.flow.definition",
    "TrialOffer": "aiocancel.core.flow.definition",
    "amount": "aiocancel.core.flow.conditions",
    "column": "aiocancel.core.flow.conditions",
    "country": "aiocancel.core.flow.conditions",
    "history": "aiocancel.core.flow.conditions",
    "in_trial": "aiocancel.core.flow.conditions",
    "interval": "aiocancel.core.flow.conditions",
    "place": "aiocancel.core.flow.conditions",
    "plan": "aiocancel.core.flow.conditions",
    "reason": "aiocancel.core.flow.conditions",
    "status": "aiocancel.core.flow.conditions",
    "tenure": "aiocancel.core.flow.conditions",
    "never": "aiocancel.core.flow.rules",
    "ProsperStack": "aiocancel.vendors.prosperstack.vendor",
    "StaySignal": "aiocancel.vendors.staysignal",
    "FlowContext": "aiocancel.web.flow_context",
    "FlowState": "aiocancel.web.flow_context",
    "get_cancel_flow": "aiocancel.web.flow_context",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


__all__ = [
    "STRICT_POLICY",
    "AiocancelError",
    "AmbiguousSubscriptionError",
    "Answered",
    "CancelFlow",
    "ChangeHook",
    "ConfigurationError",
    "ContentSecurityPolicy",
    "CouponOffer",
    "CustomOffer",
    "CustomerId",
    "FlowContext",
    "FlowDetails",
    "FlowNotResolvedError",
    "FlowState",
    "FlowVendor",
    "HandedOver",
    "HandledOffer",
    "MailMessage",
    "MailRefused",
    "Mailer",
    "OfferHandler",
    "OfferLimits",
    "OfferRules",
    "Outcome",
    "OutcomeHook",
    "OwnFlow",
    "OwnedSubscription",
    "PauseOffer",
    "PlanOffer",
    "PolicyError",
    "Property",
    "PropertyError",
    "ProsperStack",
    "PublicDeclaration",
    "PublicExit",
    "Reason",
    "SchemaError",
    "SignedPayload",
    "SimulatorRefusedError",
    "SmtpMailer",
    "StaySignal",
    "StripeBilling",
    "StripeSubscriptions",
    "SubscriptionChange",
    "SubscriptionId",
    "SubscriptionQuery",
    "SubscriptionResolver",
    "Theme",
    "TrialOffer",
    "TryAgain",
    "UnavailableError",
    "UnknownCustomerError",
    "__version__",
    "amount",
    "column",
    "country",
    "get_cancel_flow",
    "history",
    "in_trial",
    "interval",
    "never",
    "place",
    "plan",
    "reason",
    "sign_payload",
    "status",
    "tenure",
]
