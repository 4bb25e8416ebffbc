"""Read what a browser posted: bounded, strict, and without repeating any of it in an error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from aiohttp import web

from aiocancel.core.claim import (
    MAX_REASON_LENGTH,
    MAX_WORD_LENGTH,
    OWN_VENDOR,
    CancelReason,
    FlowClaim,
    FlowStatus,
    clean_text,
)
from aiocancel.core.codes import Code
from aiocancel.core.json_depth import MAX_DEPTH, is_too_dense
from aiocancel.core.undo import takes_back
from aiocancel.errors import MalformedClaimError

if TYPE_CHECKING:
    from aiocancel.ports import FlowVendor

# No line takes that long for a few KiB. A client that trickles them holds a connection for no longer.
BODY_WITHIN_S: Final = 10.0

FORM: Final = "application/x-www-form-urlencoded"

_MAX_FORM_FIELDS: Final = 10
# Python decodes them one by one. The longest texts that our forms take are fewer, in any script.
_MOST_ESCAPES: Final = 20_000
_JSON_KEYS: Final = frozenset({"grant", "result", "status", "reason", "reason_code"})
_FORM_KEYS: Final = frozenset({"grant", "status", "reason", "reason_code"})
_OWN_STATUSES: Final = {
    status.value: status
    for status in FlowStatus
    if status is FlowStatus.CANCELED or takes_back(status)
}


@dataclass(frozen=True, slots=True)
class Posted:
    """A post as read: the grant's text, and the claim that it is to cover."""

    grant: str = field(repr=False)
    claim: FlowClaim


async def read_post(request: web.Request, vendor: FlowVendor, *, max_bytes: int) -> Posted:
    """Read a JSON or form post; raises MalformedClaimError with status 400, 408, 413 or 415."""
    if request.content_type not in ("application/json", FORM):
        raise MalformedClaimError(
            "Post application/json or application/x-www-form-urlencoded.",
            code=Code.WRONG_CONTENT_TYPE,
            status=415,
        )
    body = await read_body(request, max_bytes)

    if request.content_type == "application/json":
        return read_json(body, vendor)
    return read_form(body)


async def read_body(
    request: web.Request,
    max_bytes: int,
    *,
    within_s: float | None = None,
    may_be_packed: bool = False,
) -> bytes:
    """Read a body.

    Args:
        request: The post.
        max_bytes: The longest body.
        within_s: How long the whole body may take; None takes ``BODY_WITHIN_S``.
        may_be_packed: Whether a ``Content-Encoding`` is allowed, where it is known who posts.

    Raises:
        MalformedClaimError: With status 400 for a body that breaks off, 408 for one that trickles, 413, or 415.
    """
    # A few hundred bytes unpack to as many KiB, and no browser packs what it posts.
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if not may_be_packed and encoding != "identity":
        raise MalformedClaimError(
            "Post the body without a Content-Encoding.", code=Code.CONTENT_ENCODING, status=415
        )
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)

    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S if within_s is None else within_s):
            async for chunk in request.content.iter_any():
                body += chunk
                # Counted as it arrives: a body in chunks does not say how long it will be.
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError:
        raise MalformedClaimError(
            "The body did not arrive in time.", code=Code.TOO_SLOW, status=408
        ) from None
    except (web.RequestPayloadError, ConnectionError):
        # Nobody may be there any more to read this; it is no fault of ours to log.
        raise MalformedClaimError("The body is cut off or cannot be unpacked.") from None
    return bytes(body)


def _too_large(max_bytes: int) -> MalformedClaimError:
    return MalformedClaimError(
        f"The body is larger than {max_bytes} bytes.", code=Code.TOO_LARGE, status=413
    )


def read_json(body: bytes, vendor: FlowVendor) -> Posted:
    """Read ``{"grant": …, "result": {…}}`` from a widget, or ``{"grant": …, "status": "canceled"}`` without one."""
    data = _strict_json(body)
    if not isinstance(data, dict):
        raise MalformedClaimError("The body must be a JSON object.")

    _refuse_unknown(data, _JSON_KEYS)
    if "result" not in data:
        return Posted(_text(data, "grant"), _own_claim(data))

    if set(data) - {"grant", "result"}:
        raise MalformedClaimError("Post either result or status, not both.")
    if not isinstance(data["result"], dict):
        raise MalformedClaimError("The field result must be an object.")
    return Posted(_text(data, "grant"), vendor.read_result(data["result"]))


def read_form(body: bytes) -> Posted:
    """Read a form's ``grant``, ``status`` (``canceled`` unless given), ``reason`` and ``reason_code``."""
    data = read_fields(body, most=_MAX_FORM_FIELDS)
    _refuse_unknown(data, _FORM_KEYS)
    return Posted(_text(data, "grant"), _own_claim({"status": "canceled", **data}))


def read_fields(body: bytes, *, most: int) -> dict[str, str]:
    """Read a form that names each field once; raises MalformedClaimError for anything else."""
    pairs = read_pairs(body, most=most)
    data = dict(pairs)
    if len(data) != len(pairs):
        raise MalformedClaimError("The form names a field twice.")
    return data


def read_pairs(body: bytes, *, most: int) -> list[tuple[str, str]]:
    """Read the names and values of a form, ``most`` of them at most; raises MalformedClaimError."""
    if body.count(b"%") > _MOST_ESCAPES:
        raise MalformedClaimError("The form holds too many escaped characters.")
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=most
        )
    except ValueError:
        raise MalformedClaimError("The form cannot be read.") from None


def _own_claim(data: Mapping[str, Any]) -> FlowClaim:
    status = _OWN_STATUSES.get(_text(data, "status"))
    if status is None:
        raise MalformedClaimError(f"The field status must be one of: {', '.join(_OWN_STATUSES)}.")
    reason = CancelReason(
        clean_text(_text(data, "reason", ""), longest=MAX_REASON_LENGTH),
        clean_text(_text(data, "reason_code", ""), longest=MAX_WORD_LENGTH),
    )
    return FlowClaim(OWN_VENDOR, status, reason=reason)


def _strict_json(body: bytes) -> Any:
    """Decode JSON as the standard has it: UTF-8, no duplicate keys, no NaN, and not nested without end."""
    if is_too_dense(body):
        raise MalformedClaimError(
            f"The JSON holds too many values, or is nested more than {MAX_DEPTH} levels deep."
        )

    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except ValueError:
        # Not the decoder's message: it quotes the text.
        raise MalformedClaimError("The body is not valid JSON.") from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("duplicate key")
    return data


def _no_constant(_: str) -> Any:
    raise ValueError("not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("number too large")
    return value


def _refuse_unknown(data: Mapping[str, Any], known: frozenset[str]) -> None:
    if not set(data) <= known:
        raise MalformedClaimError(f"Only these fields are known: {', '.join(sorted(known))}.")


def _text(data: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = data.get(name, default)
    if not isinstance(value, str):
        raise MalformedClaimError(f"The field {name} must be a text.")
    return value
