"""A page that holds a customer's grant and signed payload is nobody else's: shared caches do not keep it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from multidict import CIMultiDict, istr

# For an answer to one customer; the browser must not guess another content type.
NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_CACHE_CONTROL: Final = istr("Cache-Control")
_VARY: Final = istr("Vary")
_PRIVATE: Final = "private, no-cache"

# nginx goes by the second before anything else, and keeps nothing where it is 0; Akamai's network goes by the third.
# Source: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache_valid
_OF_CERTAIN_CACHES: Final = {"surrogate-control", "x-accel-expires", "edge-control"}
_NGINX_OFF: Final = ("x-accel-expires", "0")

# A directive with its argument; a quoted one may hold commas: RFC 9111, 5.2.
_DIRECTIVE: Final = re.compile(r'\s*([^\s,=]+)\s*(=\s*(?:"[^"]*"|[^,]*))?', re.ASCII)


def keep_private(headers: CIMultiDict[str]) -> str | None:
    """Keep a response out of shared caches, whatever the application has written.

    Args:
        headers: Those of the response. ``Cache-Control`` stays where it forbids shared caches already.

    Returns:
        The first header that allowed a shared cache to store the response, as it was written; None if none did.
    """
    refused = None
    # Nearly always it is for us to write it: the rest is done only where there is something to read.
    written = ", ".join(headers.getall(_CACHE_CONTROL)) if _CACHE_CONTROL in headers else ""
    if not written:
        headers[_CACHE_CONTROL] = _PRIVATE
    elif not _forbids_sharing(written):
        headers[_CACHE_CONTROL] = _PRIVATE
        refused = f"{_CACHE_CONTROL}: {written}"

    # A cache that is meant by one of these looks at no other: RFC 9213, 2.
    if any(map(_is_for_certain_caches, headers)):
        refused = _keep_from_certain_caches(headers, refused)

    _vary_by_cookie(headers)
    return refused


def forbids_sharing(headers: CIMultiDict[str]) -> bool:
    """Return whether headers keep their response out of shared caches as they are."""
    copy = CIMultiDict(headers)
    return _CACHE_CONTROL in copy and keep_private(copy) is None


def _keep_from_certain_caches(headers: CIMultiDict[str], refused: str | None) -> str | None:
    for name in [name for name in headers if _is_for_certain_caches(name)]:
        value = ", ".join(headers.getall(name, []))
        if name in headers and not _forbids_sharing(value) and (name.lower(), value) != _NGINX_OFF:
            headers.popall(name)
            refused = refused or f"{name}: {value}"
    return refused


def _forbids_sharing(cache_control: str) -> bool:
    """Return whether shared caches may not store it; ``private="field"`` is about that field only."""
    found = {name.lower() for name, value in _DIRECTIVE.findall(cache_control) if not value}
    return "no-store" in found or ("private" in found and "public" not in found)


# Names come back with every page. One that nobody knows takes the place of another.
@lru_cache(maxsize=256)
def _is_for_certain_caches(name: str) -> bool:
    lower = name.lower()
    return lower.endswith("cdn-cache-control") or lower in _OF_CERTAIN_CACHES


def _vary_by_cookie(headers: CIMultiDict[str]) -> None:
    if _VARY not in headers:
        headers[_VARY] = "Cookie"
        return
    written = headers.getall(_VARY)
    named = {name.strip().lower() for value in written for name in value.split(",")}
    if not named & {"cookie", "*"}:
        headers[_VARY] = ", ".join([*(value for value in written if value.strip()), "Cookie"])
