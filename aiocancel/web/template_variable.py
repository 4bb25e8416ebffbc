"""The template variable ``cancel_flow``: an environment global that finds the request being rendered.

It is a global and not a context processor, because aiohttp-jinja2 runs processors on every request, static
files included. In an environment with ``enable_async=True`` calls and attributes are awaited by Jinja itself.
What a template calls is a function and not a method: before each call Jinja looks for a mark of its own on what it
calls, and a method answers that by raising, which costs more than the call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from markupsafe import Markup

from aiocancel.core.signing import SignedPayload
from aiocancel.web.flow_context import FlowContext, FlowState, current_flow

if TYPE_CHECKING:
    import jinja2

VARIABLE = "cancel_flow"


class TemplateFlow:
    """``cancel_flow`` in an ordinary environment: what is not resolved yet is fetched on click."""

    @property
    def state(self) -> FlowState:
        """``ready``, ``anonymous``, ``no_subscription``, ``several``, ``unavailable`` or ``unresolved``."""
        return current_flow().state

    @property
    def nonce(self) -> str:
        """The CSP nonce of this response, minted at first use."""
        return current_flow().nonce

    @property
    def signed_payload(self) -> Any:
        """The signed payload, None when there is nothing to cancel; raises FlowNotResolvedError."""
        return current_flow().signed_payload

    @property
    def grant(self) -> Any:
        """Our grant for a form of the page's own; raises FlowNotResolvedError."""
        return current_flow().grant

    @staticmethod
    def script() -> Any:
        """The script element."""
        return current_flow().script()

    @staticmethod
    def button(label: str | None = None, *, subscription: str | None = None) -> Any:
        """The button."""
        return current_flow().button(label, subscription=subscription)

    @staticmethod
    def public_exit_link() -> Markup:
        """The link to the public exit, for the footer of every page: "Verträge hier kündigen"."""
        return current_flow().public_exit_link()

    @staticmethod
    def resume_button(label: str | None = None, *, subscription: str | None = None) -> Any:
        """The button that takes a scheduled cancellation back."""
        return current_flow().resume_button(label, subscription=subscription)

    @staticmethod
    def unpause_button(label: str | None = None, *, subscription: str | None = None) -> Any:
        """The button that ends a pause."""
        return current_flow().unpause_button(label, subscription=subscription)

    @staticmethod
    def remove_discount_button(label: str | None = None, *, subscription: str | None = None) -> Any:
        """The button that removes the discount of an accepted offer."""
        return current_flow().remove_discount_button(label, subscription=subscription)

    @staticmethod
    def keep_plan_button(label: str | None = None, *, subscription: str | None = None) -> Any:
        """The button that keeps the plan, where an accepted offer was to change it."""
        return current_flow().keep_plan_button(label, subscription=subscription)


class AsyncTemplateFlow(TemplateFlow):
    """``cancel_flow`` in an ``enable_async=True`` environment: asking resolves."""

    @property
    def signed_payload(self) -> Awaitable[_CallablePayload | _Nothing]:
        """The signed payload; Jinja awaits an attribute by itself, and ``signed_payload()`` is the same."""
        return _signed_payload(current_flow())

    @property
    def grant(self) -> Awaitable[_CallableText | _Nothing]:
        """Our grant for a form of the page's own; ``grant()`` is the same."""
        return _grant(current_flow())

    @staticmethod
    async def resolve() -> FlowContext:
        """Resolve now: ``{% set flow = cancel_flow.resolve() %}``."""
        return await current_flow().resolve()

    @staticmethod
    async def script() -> Markup:
        """The script element with its payload."""
        return (await current_flow().resolve()).script()

    @staticmethod
    async def button(label: str | None = None, *, subscription: str | None = None) -> Markup:
        """The button, or nothing when there is nothing to cancel."""
        flow = await current_flow().resolve()
        return flow.button(label, subscription=subscription)

    @staticmethod
    async def resume_button(label: str | None = None, *, subscription: str | None = None) -> Markup:
        """The button that takes a scheduled cancellation back, or nothing when there is no subscription."""
        flow = await current_flow().resolve()
        return flow.resume_button(label, subscription=subscription)

    @staticmethod
    async def unpause_button(
        label: str | None = None, *, subscription: str | None = None
    ) -> Markup:
        """The button that ends a pause, or nothing when there is no subscription."""
        flow = await current_flow().resolve()
        return flow.unpause_button(label, subscription=subscription)

    @staticmethod
    async def remove_discount_button(
        label: str | None = None, *, subscription: str | None = None
    ) -> Markup:
        """The button that removes the discount of an accepted offer, or nothing when there is no subscription."""
        flow = await current_flow().resolve()
        return flow.remove_discount_button(label, subscription=subscription)

    @staticmethod
    async def keep_plan_button(
        label: str | None = None, *, subscription: str | None = None
    ) -> Markup:
        """The button that keeps the plan, or nothing when there is no subscription."""
        flow = await current_flow().resolve()
        return flow.keep_plan_button(label, subscription=subscription)


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


def environment_key() -> web.AppKey[jinja2.Environment]:
    """Where aiohttp-jinja2 keeps its environment. A site with templates has imported it long before it asks us."""
    import aiohttp_jinja2

    return aiohttp_jinja2.APP_KEY


def add_to_environment(environment: jinja2.Environment) -> None:
    """Put ``cancel_flow`` into an environment's globals, in the shape that fits it."""
    environment.globals[VARIABLE] = variable_for(environment)


def variable_for(environment: jinja2.Environment | None) -> TemplateFlow:
    """Return the variable for an environment, and teach an async one that our nothing is none and null."""
    if environment is None or not environment.is_async:
        return TemplateFlow()
    filters, tests = environment.filters, environment.tests
    if not getattr(filters["tojson"], "knows_nothing", False):
        filters["tojson"] = _null_for_nothing(filters["tojson"])
        tests["none"] = _is_none
    return AsyncTemplateFlow()


def _null_for_nothing(plain: Callable[..., Any]) -> Callable[..., Any]:
    import jinja2

    @jinja2.pass_eval_context
    def tojson(context: Any, value: Any, indent: int | None = None) -> Any:
        return plain(context, None if value is _NOTHING else value, indent)

    tojson.knows_nothing = True  # type: ignore[attr-defined]
    return tojson


def _is_none(value: object) -> bool:
    return value is None or value is _NOTHING
