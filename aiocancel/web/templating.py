"""The template variable ``cancel_flow``: an environment global that finds the request being rendered.

It is a global and not a context processor, because aiohttp-jinja2 runs processors on every request, static
files included. In an environment with ``enable_async=True`` calls and attributes are awaited by Jinja itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from aiocancel.core.signing import SignedPayload
from aiocancel.web.flow_context import FlowContext, FlowState

if TYPE_CHECKING:
    import jinja2

VARIABLE = "cancel_flow"

FindFlow = Callable[[], FlowContext]


class TemplateFlow:
    """``cancel_flow`` in an ordinary environment: what is not resolved yet is fetched on click."""

    def __init__(self, find: FindFlow) -> None:
        self._find = find

    @property
    def state(self) -> FlowState:
        """``ready``, ``anonymous``, ``no_subscription``, ``unavailable`` or ``unresolved``."""
        return self._find().state

    @property
    def nonce(self) -> str:
        """The CSP nonce of this response, minted at first use."""
        return self._find().nonce

    @property
    def signed_payload(self) -> Any:
        """The signed payload, None when there is nothing to cancel; raises FlowNotResolvedError."""
        return self._find().signed_payload

    @property
    def grant(self) -> Any:
        """Our grant for a form of the page's own; raises FlowNotResolvedError."""
        return self._find().grant

    def script(self) -> Any:
        """The script element."""
        return self._find().script()

    def button(self, label: str = "Cancel subscription") -> Any:
        """The button."""
        return self._find().button(label)

    def resume_button(self, label: str = "Keep subscription") -> Any:
        """The button that takes a scheduled cancellation back."""
        return self._find().resume_button(label)

    def unpause_button(self, label: str = "End the pause") -> Any:
        """The button that ends a pause."""
        return self._find().unpause_button(label)

    def remove_discount_button(self, label: str = "Remove the discount") -> Any:
        """The button that removes the discount of an accepted offer."""
        return self._find().remove_discount_button(label)


class AsyncTemplateFlow(TemplateFlow):
    """``cancel_flow`` in an ``enable_async=True`` environment: asking resolves."""

    @property
    def signed_payload(self) -> Awaitable[_CallablePayload | _Nothing]:
        """The signed payload; Jinja awaits an attribute by itself, and ``signed_payload()`` is the same."""
        return _signed_payload(self._find())

    @property
    def grant(self) -> Awaitable[_CallableText | _Nothing]:
        """Our grant for a form of the page's own; ``grant()`` is the same."""
        return _grant(self._find())

    async def resolve(self) -> FlowContext:
        """Resolve now: ``{% set flow = cancel_flow.resolve() %}``."""
        return await self._find().resolve()

    async def script(self) -> Markup:
        """The script element with its payload."""
        return (await self._find().resolve()).script()

    async def button(self, label: str = "Cancel subscription") -> Markup:
        """The button, or nothing when there is nothing to cancel."""
        return (await self._find().resolve()).button(label)

    async def resume_button(self, label: str = "Keep subscription") -> Markup:
        """The button that takes a scheduled cancellation back, or nothing when there is no subscription."""
        return (await self._find().resolve()).resume_button(label)

    async def unpause_button(self, label: str = "End the pause") -> Markup:
        """The button that ends a pause, or nothing when there is no subscription."""
        return (await self._find().resolve()).unpause_button(label)

    async def remove_discount_button(self, label: str = "Remove the discount") -> Markup:
        """The button that removes the discount of an accepted offer, or nothing when there is no subscription."""
        return (await self._find().resolve()).remove_discount_button(label)


class _CallablePayload(SignedPayload):
    """A signed payload that gives itself when a template calls it."""

    __slots__ = ()

    def __call__(self) -> SignedPayload:
        return self


class _CallableText(str):
    """A text that gives itself when a template calls it."""

    __slots__ = ()

    def __call__(self) -> str:
        return self


class _Nothing:
    """None for a template that may call it: a page must not fail for those who have nothing to cancel."""

    def __call__(self) -> None:
        return None

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return "None"


_NOTHING: Final = _Nothing()


async def _signed_payload(flow: FlowContext) -> _CallablePayload | _Nothing:
    signed = (await flow.resolve()).signed_payload
    return _NOTHING if signed is None else _CallablePayload(signed.payload, signed.signature)


async def _grant(flow: FlowContext) -> _CallableText | _Nothing:
    grant = (await flow.resolve()).grant
    return _NOTHING if grant is None else _CallableText(grant)


def add_to_environment(environment: jinja2.Environment, find: FindFlow) -> None:
    """Put ``cancel_flow`` into an environment's globals, in the shape that fits it."""
    environment.globals[VARIABLE] = variable_for(environment, find)


def variable_for(environment: jinja2.Environment | None, find: FindFlow) -> TemplateFlow:
    """Return the variable for an environment, and teach an async one that our nothing is none and null."""
    if environment is None or not environment.is_async:
        return TemplateFlow(find)
    filters, tests = environment.filters, environment.tests
    if not getattr(filters["tojson"], "knows_nothing", False):
        filters["tojson"] = _null_for_nothing(filters["tojson"])
        tests["none"] = _is_none
    return AsyncTemplateFlow(find)


def _null_for_nothing(plain: Callable[..., Any]) -> Callable[..., Any]:
    import jinja2

    @jinja2.pass_eval_context
    def tojson(context: Any, value: Any, indent: int | None = None) -> Any:
        return plain(context, None if value is _NOTHING else value, indent)

    tojson.knows_nothing = True  # type: ignore[attr-defined]
    return tojson


def _is_none(value: object) -> bool:
    return value is None or value is _NOTHING
