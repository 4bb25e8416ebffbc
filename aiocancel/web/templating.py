"""The template variable ``cancel_flow``: an environment global that finds the request being rendered.

It is a global and not a context processor, because aiohttp-jinja2 runs processors on every request, static
files included. In an environment with ``enable_async=True`` the calls are awaited by Jinja itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, NoReturn

import jinja2
from markupsafe import Markup

from aiocancel.core.signing import SignedPayload
from aiocancel.errors import FlowNotResolvedError
from aiocancel.web.flow_context import FlowContext, FlowState

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


class AsyncTemplateFlow(TemplateFlow):
    """``cancel_flow`` in an ``enable_async=True`` environment: asking resolves."""

    @property
    def signed_payload(self) -> SignedPayload | Pending | None:
        """The signed payload, or something that ``| tojson`` and a call turn into it."""
        flow = self._find()
        if flow.state is not FlowState.UNRESOLVED:
            return flow.signed_payload
        return Pending("signed_payload", lambda: _later(flow, lambda: flow.signed_payload))

    @property
    def grant(self) -> str | Pending | None:
        """The grant, or something that a call turns into it."""
        flow = self._find()
        if flow.state is not FlowState.UNRESOLVED:
            return flow.grant
        return Pending("grant", lambda: _later(flow, lambda: flow.grant))

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


class Pending:
    """A value that Jinja can await but not print: an attribute cannot be awaited, a call and a filter can."""

    def __init__(self, name: str, fetch: Callable[[], Awaitable[Any]]) -> None:
        self._name = name
        self._fetch = fetch

    def __await__(self) -> Generator[Any, None, Any]:
        return self._fetch().__await__()

    def __call__(self) -> Awaitable[Any]:
        return self._fetch()

    def _refuse(self, *_: object) -> NoReturn:
        raise FlowNotResolvedError(
            f"write cancel_flow.{self._name}() or cancel_flow.{self._name} | tojson in an async template, or mark "
            "the handler with @cancel.flow_page"
        )

    __str__ = __html__ = __bool__ = __getitem__ = __iter__ = _refuse


async def _later(flow: FlowContext, read: Callable[[], Any]) -> Any:
    await flow.resolve()
    return read()


def add_to_environment(environment: jinja2.Environment, find: FindFlow) -> None:
    """Put ``cancel_flow`` into an environment's globals, in the shape that fits it."""
    environment.globals[VARIABLE] = variable_for(environment, find)


def variable_for(environment: jinja2.Environment | None, find: FindFlow) -> TemplateFlow:
    """Return the variable for an environment, and teach an async one to await what ``| tojson`` is given."""
    if environment is None or not environment.is_async:
        return TemplateFlow(find)
    plain = environment.filters["tojson"]
    if not getattr(plain, "awaits_pending", False):
        environment.filters["tojson"] = _awaiting(plain)
    return AsyncTemplateFlow(find)


def _awaiting(plain: Callable[..., Any]) -> Callable[..., Any]:
    @jinja2.pass_eval_context
    async def tojson(context: Any, value: Any, indent: int | None = None) -> Any:
        if isinstance(value, Pending):
            value = await value
        return plain(context, value, indent)

    tojson.awaits_pending = True  # type: ignore[attr-defined]
    return tojson
