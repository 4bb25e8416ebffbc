"""Checks decoded request bodies against the SDK's own parameter types, of exactly the pinned API version.

The SDK's TypedDicts are rebuilt for pydantic with three changes: unknown keys are refused, the request
options (key, headers, …) are no parameters, and an enum is closed, because the SDK writes every enum as
``Literal[...] | str``, which takes anything.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin

import stripe.params
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from stripe._request_options import RequestOptions
from stripe._stripe_context import StripeContext
from stripe._stripe_object import UntypedStripeObject
from typing_extensions import TypedDict, get_type_hints, is_typeddict

Kind = Literal[
    "subscription_update",
    "subscription_cancel",
    "subscription_list",
    "subscription_pause",
    "subscription_resume",
    "schedule_create",
    "schedule_release",
    "schedule_update",
    "coupon_create",
    "invoice_preview",
]

_KINDS: dict[str, Any] = {
    "subscription_update": stripe.params.SubscriptionUpdateParams,
    "subscription_cancel": stripe.params.SubscriptionCancelParams,
    "subscription_list": stripe.params.SubscriptionListParams,
    "subscription_pause": stripe.params.SubscriptionPauseParams,
    "subscription_resume": stripe.params.SubscriptionResumeParams,
    "schedule_create": stripe.params.SubscriptionScheduleCreateParams,
    "schedule_release": stripe.params.SubscriptionScheduleReleaseParams,
    "schedule_update": stripe.params.SubscriptionScheduleUpdateParams,
    "coupon_create": stripe.params.CouponCreateParams,
    "invoice_preview": stripe.params.InvoiceCreatePreviewParams,
}


def check_params(kind: Kind, params: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with a decoded body, one line a fault; an empty list is a body that Stripe knows.

    Values may be text, as a form carries them: "true" and "123" pass for a boolean and a number.
    """
    try:
        _adapter(kind).validate_python(dict(params))
    except ValidationError as error:
        return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    return []


@functools.cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_strict(_KINDS[kind]))


@functools.cache
def _strict(given: Any) -> Any:
    names = vars(sys.modules[given.__module__]) | {
        "Mapping": Mapping,
        "StripeContext": StripeContext,
        "Decimal": Decimal,
    }
    hints = get_type_hints(given, globalns=names, include_extras=True)
    options = RequestOptions.__annotations__
    fields = {name: _closed(hint) for name, hint in hints.items() if name not in options}
    make: Any = TypedDict
    return with_config(ConfigDict(extra="forbid"))(make(given.__name__, fields))


def _closed(hint: Any) -> Any:
    if is_typeddict(hint):
        return _strict(hint)

    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {NotRequired, Required}:
        return origin[_closed(arguments[0])]
    if origin is UntypedStripeObject:
        return dict[str, _closed(arguments[0])]  # type: ignore[misc]

    if origin in {Union, types.UnionType}:
        is_enum = any(
            get_origin(choice) is Literal and get_args(choice) != ("",) for choice in arguments
        )
        kept = [choice for choice in arguments if not (is_enum and choice is str)]
        return Union[tuple(_closed(choice) for choice in kept)]  # noqa: UP007 - built at run time

    if origin is list:
        return list[_closed(arguments[0])]  # type: ignore[misc]
    if origin is dict:
        return dict[str, _closed(arguments[1])]  # type: ignore[misc]

    return hint
