"""The Content-Security-Policy on every response: the application's own, and what the widget needs on its pages.

``web/middleware.py`` says when it is written. An exception there would drop the connection, so a policy that
cannot be widened is sent as it is, and reported.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from aiohttp import web
from multidict import CIMultiDict, istr

from aiocancel.core.csp import ContentSecurityPolicy
from aiocancel.core.signing import url_safe
from aiocancel.errors import ConfigurationError, PolicyError
from aiocancel.telemetry import CachingRefused, EventHook, PolicyNotWidened
from aiocancel.web.caching import keep_private

if TYPE_CHECKING:
    from aiocancel.ports import FlowVendor

ENFORCED = istr("Content-Security-Policy")
REPORT_ONLY = istr("Content-Security-Policy-Report-Only")
_FRAME_OPTIONS = istr("X-Frame-Options")

# Stands for the nonce in a widened policy that is kept, and gives way to each page's own.
_PLACEHOLDER = "aiocancelNoncePlaceholder"
# The specification asks for 128 bits or more (CSP Level 3, section 7.1).
_NONCE_BYTES = 18

logger = logging.getLogger("aiocancel")


def new_nonce() -> str:
    """Return the nonce of one response's policy, URL-safe text from the system's randomness."""
    # As secrets.token_urlsafe does, in a third of the calls (tests/benchmarks/page.py).
    return url_safe(os.urandom(_NONCE_BYTES))


class StrictResponse(web.Response):
    """A response of ours that brings a policy stricter than any that could be widened."""


def needed_sources(vendor: FlowVendor) -> dict[str, list[str]]:
    """Return what the policy of a page with the flow is widened by; the page's nonce comes on top."""
    sources = {directive: list(values) for directive, values in vendor.csp_sources().items()}
    # Our own requests: the payload, the result, and the plain form where forms are restricted.
    sources.setdefault("connect-src", []).append("'self'")
    sources.setdefault("form-action", []).append("'self'")
    return sources


def _without_framing(policy: ContentSecurityPolicy) -> ContentSecurityPolicy:
    kept = tuple(each for each in policy.directives if each[0] != "frame-ancestors")
    return ContentSecurityPolicy(kept)


class PolicyWriter:
    """Widens the policies of one site; the work for each distinct header text is done once."""

    def __init__(self, vendor: FlowVendor, base_policy: str | None, on_event: EventHook) -> None:
        self._sources = needed_sources(vendor)
        self._on_event = on_event
        self._widened: Callable[[str], str] = lru_cache(maxsize=256)(self._widen_plain)
        self._widened_with_nonce: Callable[[str], str] = lru_cache(maxsize=256)(
            self._widen_with_nonce
        )
        self._base = base_policy
        self._base_unframed: str | None = None

        # A mistake in the vendor's sources or in the settings shows now, not on a response.
        self._widen_plain("default-src 'none'")
        if base_policy is not None:
            try:
                policies = ContentSecurityPolicy.parse_list(base_policy)
            except PolicyError as error:
                raise ConfigurationError(f"content_security_policy: {error}") from error
            self._base_unframed = ", ".join(map(str, map(_without_framing, policies))) or None

    def write(
        self,
        response: web.StreamResponse,
        nonce: str | None,
        *,
        has_flow: bool,
        is_private: bool = False,
    ) -> None:
        """Write the policy of a response that is about to be sent, and keep a private one out of shared caches.

        The site's own policy takes the place of none. Every policy of a page with the flow is widened, and no other.
        """
        try:
            headers = response.headers
            if is_private and (refused := keep_private(headers)):
                self._on_event(CachingRefused(refused))

            if ENFORCED in headers or REPORT_ONLY in headers:
                # A site that only reports is trying its policy out; enforcing ours would cut that short.
                if has_flow and not isinstance(response, StrictResponse):
                    self._widen_all(headers, nonce)
                return

            # A page with X-Frame-Options has said itself who may frame it. A browser that sees frame-ancestors
            # ignores that header, also where it is the stricter one:
            # https://www.w3.org/TR/CSP3/#frame-ancestors-and-frame-options
            base = self._base_unframed if _FRAME_OPTIONS in headers else self._base
            if base is not None:
                headers[ENFORCED] = self._widen(base, nonce) if has_flow else base
        except Exception:
            # An exception here would drop the connection without any response.
            logger.exception("the Content-Security-Policy could not be written")

    def _widen_all(self, headers: CIMultiDict[str], nonce: str | None) -> None:
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
            return self._widen(header, nonce)
        except PolicyError as error:
            self._on_event(PolicyNotWidened(str(error)))
            return header

    def _widen(self, header: str, nonce: str | None) -> str:
        if nonce is None:
            return self._widened(header)
        return self._widened_with_nonce(header).replace(_PLACEHOLDER, nonce)

    def _widen_plain(self, header: str) -> str:
        policies = ContentSecurityPolicy.parse_list(header, unknown="keep")
        return ", ".join(str(policy.widen(self._sources)) for policy in policies)

    def _widen_with_nonce(self, header: str) -> str:
        policies = ContentSecurityPolicy.parse_list(header, unknown="keep")
        return ", ".join(str(self._with_our_script(policy)) for policy in policies)

    def _with_our_script(self, policy: ContentSecurityPolicy) -> ContentSecurityPolicy:
        widened = policy.widen(self._sources)
        # Where 'unsafe-inline' rules, a nonce would switch it off and break the page's own scripts.
        own = "'self'" if widened.ignores_nonces("script-src-elem") else f"'nonce-{_PLACEHOLDER}'"
        return widened.widen({"script-src": [own]})
