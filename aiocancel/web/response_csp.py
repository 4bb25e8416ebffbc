"""The Content-Security-Policy on every response: the application's own, widened by what the widget needs.

It is written when a response is prepared, the only place that also sees a 500, a stream and a WebSocket
handshake. An exception there would drop the connection, so a policy that cannot be widened is sent as it
is, and reported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final
from weakref import ref

from aiohttp import web
from multidict import CIMultiDict, istr

from aiocancel.core.csp import ContentSecurityPolicy
from aiocancel.errors import ConfigurationError, PolicyError
from aiocancel.ports import FlowVendor
from aiocancel.telemetry import EventHook, PolicyNotWidened

ENFORCED = istr("Content-Security-Policy")
REPORT_ONLY = istr("Content-Security-Policy-Report-Only")
_CACHE_CONTROL = istr("Cache-Control")

# Stands for the nonce while a policy is widened; it is then cut there, once, and joined for every page.
_PLACEHOLDER = "aiocancelNoncePlaceholder"

# On a response of ours that brings a policy stricter than any that could be widened.
KEEPS_OWN_POLICY: Final = web.ResponseKey("aiocancel_keeps_own_policy", bool)


def needed_sources(vendor: FlowVendor) -> dict[str, list[str]]:
    """Return what every policy of the site is widened by; a page's nonce comes on top."""
    sources = {directive: list(values) for directive, values in vendor.csp_sources().items()}
    # Our own requests: the payload, the result, and the plain form where forms are restricted.
    sources.setdefault("connect-src", []).append("'self'")
    sources.setdefault("form-action", []).append("'self'")
    return sources


class PolicyWriter:
    """Widens the policies of one site; the work for each distinct header text is done once."""

    def __init__(self, vendor: FlowVendor, base_policy: str | None, on_event: EventHook) -> None:
        self._sources = needed_sources(vendor)
        self._base_policy = base_policy
        self._on_event = on_event
        self._widened: Callable[[str], str] = lru_cache(maxsize=256)(self._widen_plain)
        self._widened_with_nonce: Callable[[str], list[str]] = lru_cache(maxsize=256)(self._widen_with_nonce)
        if base_policy is not None:
            # A mistake in the settings shows now, not on a response.
            try:
                ContentSecurityPolicy.parse_list(base_policy)
            except PolicyError as error:
                raise ConfigurationError(f"content_security_policy: {error}") from error
        self._widen_plain("default-src 'none'")

    def write(self, headers: CIMultiDict[str], nonce: str | None) -> None:
        """Widen every policy in ``headers``, or put the site's own there when it has none."""
        if self._base_policy is not None and ENFORCED not in headers and REPORT_ONLY not in headers:
            # A site that only reports is trying its policy out; enforcing ours would cut that short.
            headers[ENFORCED] = self._safely_widened(self._base_policy, nonce)
            return
        enforced = headers.getall(ENFORCED, [])
        report_only = headers.getall(REPORT_ONLY, [])
        for name, values in ((ENFORCED, enforced), (REPORT_ONLY, report_only)):
            # All are ready before the first is taken off: a failure must not leave a page without its policy.
            widened = [self._safely_widened(value, nonce) for value in values]
            headers.popall(name, None)
            for value in widened:
                headers.add(name, value)

    def _safely_widened(self, header: str, nonce: str | None) -> str:
        try:
            if nonce is None:
                return self._widened(header)
            return nonce.join(self._widened_with_nonce(header))
        except PolicyError as error:
            self._on_event(PolicyNotWidened(str(error)))
            return header

    def _widen_plain(self, header: str) -> str:
        policies = ContentSecurityPolicy.parse_list(header, unknown="keep")
        return ", ".join(str(policy.widen(self._sources)) for policy in policies)

    def _widen_with_nonce(self, header: str) -> list[str]:
        policies = ContentSecurityPolicy.parse_list(header, unknown="keep")
        return ", ".join(str(self._with_our_script(policy)) for policy in policies).split(_PLACEHOLDER)

    def _with_our_script(self, policy: ContentSecurityPolicy) -> ContentSecurityPolicy:
        widened = policy.widen(self._sources)
        # Where 'unsafe-inline' rules, a nonce would switch it off and break the page's own scripts.
        own = "'self'" if widened.ignores_nonces("script-src-elem") else f"'nonce-{_PLACEHOLDER}'"
        return widened.widen({"script-src": [own]})


def forbid_shared_caching(response: web.StreamResponse) -> None:
    """Keep a page with one customer's grant out of shared caches, unless the application decided itself."""
    response.headers.setdefault(_CACHE_CONTROL, "private, no-cache")


def hook_into_prepare(request: web.Request, write: Callable[[web.StreamResponse], None]) -> bool:
    """Have ``write`` called when the response to this one request is prepared; False where that is impossible.

    aiohttp asks the request itself before it sends headers. Unlike a signal this comes after every signal
    handler of the application, which may set a policy too, and needs no application that is not frozen yet.
    The method is private, so should it ever go, the signal remains (``cancel.setup``).
    """
    hooked = getattr(request, "_prepare_hook", None)
    if hooked is None:  # pragma: no cover
        return False
    # Not the bound method: a request that holds itself waits for the garbage collector, with all it holds.
    prepare, held = hooked.__func__, ref(hooked.__self__)

    async def prepare_and_write(response: web.StreamResponse) -> None:
        await prepare(held(), response)
        write(response)

    # Past Request.__setattr__, which warns of custom attributes in debug mode.
    object.__setattr__(request, "_prepare_hook", prepare_and_write)
    return True
