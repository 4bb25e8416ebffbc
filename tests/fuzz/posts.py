"""What a stranger, a liar and an honest customer may send: genuine requests, and what mutations make of them.

A request is described without its secrets: which flow session and which grant are meant is filled in by the site
when the example runs. So Hypothesis can shrink it, and a failure reads like a story.
"""

from __future__ import annotations

import copy
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from hypothesis import strategies as st

EXAMPLES_IN_CI: Final = 150
MAX_BODY: Final = 64 * 1024
DEEPEST: Final = 10_000
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
OFFERS: Final = (
    "offr_coupon",
    "offr_trial_extension",
    "offr_change_plan",
    "offr_pause_subscription",
    "offr_custom",
)
SESSIONS: Final = (*OFFERS, "canceled", "incomplete", "in_progress")
GRANTS: Final = (
    "own",
    "reused",
    "neighbour's",
    "expired",
    "other mode",
    "other key",
    "other subscription",
)

_TRICKS: Final = (
    "",
    ".",
    "..",
    "sess_../x",
    "../events",
    "sess_%2f..",
    "%2e%2e%2f",
    "sess_1?status=saved",
    "sess_1#",
    "sess_1/",
    "sess_1\\x",
    "sess_ 1",
    "sess_1\0",
    "\ud800",
    "ſess_１",
    "saved",
    "canceled",
    "resumed",
    "in_progress",
    "offr_coupon",
    "coupon",
    "custom",
    "s" * 255,
    "s" * 256,
    "__proto__",
    "$(id)",
    "'; DROP TABLE aiocancel.claim; --",
    "<script>alert(1)</script>",
)
tricks = st.sampled_from(_TRICKS)
texts = tricks | st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(
        [2**63, 10**30, -(10**300), 1e308, float("nan"), float("inf"), float("-inf"), -0.0]
    )
    | texts
)
any_json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change to one place of a JSON object; ``where`` is a number that picks the place."""

    where: int
    how: str
    value: Any


@dataclass(frozen=True, slots=True)
class Spoiled:
    """What becomes of the bytes: ``where`` is a position, modulo their length."""

    how: str
    where: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Meant:
    """Which flow session a request names: at the vendor it is of the author or of the neighbour, and ended so."""

    of: str
    ended: str


@dataclass(frozen=True, slots=True)
class Result:
    """A post to the result route; ``wish`` is ``canceled`` or ``resumed`` without a widget, None with one."""

    who: str
    grant: str
    altered: tuple[int, str] | None
    wish: str | None
    claimed: str
    session: Meant | None
    is_whole: bool
    as_form: bool
    mutations: tuple[Mutation, ...]
    spoiled: Spoiled | None
    content_type: str | None
    coding: str | None
    accept: str | None
    times: int


@dataclass(frozen=True, slots=True)
class Webhook:
    """A post to the webhook route; ``token`` None is the right one, ``session`` names the event."""

    token: str | None
    session: Meant | None
    mutations: tuple[Mutation, ...]
    spoiled: Spoiled | None
    coding: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """A GET of one of the pages; ``claim`` is the author's last, the neighbour's last, or any text."""

    who: str
    path: str
    claim: str
    query: tuple[tuple[str, str], ...]
    accept: str | None


Request = Result | Webhook | Look

mutations = st.lists(
    st.builds(
        Mutation,
        st.integers(0, 200),
        st.sampled_from(["replace", "drop", "wrap", "add", "rename", "quote", "repeat"]),
        any_json,
    ),
    min_size=1,
    max_size=3,
).map(tuple)
spoilings = st.builds(
    Spoiled,
    st.sampled_from(
        [
            "cut",
            "byte",
            "twice",
            "deep",
            "deep objects",
            "pad",
            "bom",
            "utf-16",
            "number",
            "constant",
        ]
    ),
    st.integers(0, 5000),
    st.sampled_from([0, 1, 20, 31, 32, 33, 200, DEEPEST, MAX_BODY, 3 * MAX_BODY]),
)
people = st.sampled_from(["author"] * 8 + ["neighbour", "nobody", "Zoë", "a b", "x" * 255])
sessions = st.builds(
    Meant, st.sampled_from(["author"] * 4 + ["neighbour"]), st.sampled_from(SESSIONS)
)
accepts = st.sampled_from(
    [None, None, None, "text/html", "application/json", "*/*", "TEXT/HTML;q=0", "\u00e9"]
)


def rarely(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """None three times out of four."""
    return st.integers(0, 3).flatmap(lambda number: strategy if number == 3 else st.none())


results = st.builds(
    Result,
    who=people,
    grant=st.sampled_from(["own"] * 8 + list(GRANTS)),
    altered=rarely(rarely(st.tuples(st.integers(0, 300), st.sampled_from("A._é\0")))),
    wish=st.sampled_from([None, None, None, "canceled", "resumed"]),
    claimed=st.sampled_from(
        ["as it is", "as it is", "saved", "canceled", "deflected", "resumed", "incomplete"]
    ),
    session=st.none() | sessions | sessions | sessions,
    is_whole=st.booleans(),
    as_form=st.booleans(),
    mutations=st.just(()) | mutations,
    spoiled=rarely(spoilings),
    content_type=rarely(
        st.sampled_from(
            [
                JSON,
                FORM,
                "text/plain",
                "multipart/form-data; boundary=x",
                "application/json; charset=x",
                "",
            ]
        )
    ),
    coding=rarely(st.sampled_from(["gzip", "deflate", "gzip garbage", "unheard-of", "identity"])),
    accept=accepts,
    times=st.sampled_from([1, 1, 1, 2, 3]),
)
# Nothing is wrong with these but, now and then, whose flow session it is and whose grant.
honest = st.builds(
    Result,
    who=st.just("author"),
    grant=st.sampled_from(["own"] * 5 + ["reused", "neighbour's"]),
    altered=st.none(),
    wish=st.sampled_from([None] * 5 + ["canceled", "resumed"]),
    claimed=st.sampled_from(["as it is"] * 4 + ["saved", "canceled"]),
    session=sessions,
    is_whole=st.booleans(),
    as_form=st.booleans(),
    mutations=st.just(()),
    spoiled=st.none(),
    content_type=st.none(),
    coding=st.none(),
    accept=accepts,
    times=st.sampled_from([1, 2]),
)
webhooks = st.builds(
    Webhook,
    token=rarely(texts),
    session=st.none() | sessions | sessions,
    mutations=st.just(()) | mutations,
    spoiled=rarely(spoilings),
    coding=rarely(st.sampled_from(["gzip", "gzip garbage"])),
)
looks = st.builds(
    Look,
    who=people,
    path=st.sampled_from(
        ["status", "status", "payload", "", "subscription", "flow.js", "result", "webhook/x"]
    ),
    claim=st.sampled_from(["author's", "neighbour's"]) | texts,
    query=st.lists(st.tuples(st.sampled_from(["change", "v", "x"]) | texts, texts), max_size=2).map(
        tuple
    ),
    accept=accepts,
)
# A story that asks for something at all does so most of the time by the result route.
requests: st.SearchStrategy[Request] = st.one_of(
    results, results, results, honest, honest, webhooks, looks
)
stories = st.tuples(st.lists(requests, min_size=1, max_size=3), st.booleans())


def mutate(body: dict[str, Any], changes: tuple[Mutation, ...]) -> dict[str, Any]:
    """Return the object with the changes made, one after the other."""
    root: dict[str, Any] = {"": copy.deepcopy(body)}
    for change in changes:
        places = list(_places(root))
        holder, key = places[change.where % len(places)]
        match change.how:
            case "replace":
                holder[key] = change.value
            case "drop":
                del holder[key]
            case "wrap":
                holder[key] = [holder[key]]
            case "quote":
                holder[key] = json.dumps(holder[key])
            case "repeat":
                holder[key] = [holder[key]] * 3
            case "rename" if isinstance(holder, dict) and holder is not root:
                holder[f"{key}_"] = holder.pop(key)
            case _ if isinstance(holder[key], dict):
                holder[key]["amount_off" if change.where % 2 else "x"] = change.value
            case _:
                holder[key] = change.value
        if "" not in root:
            return {}

    whole = root[""]

    return whole if isinstance(whole, dict) else {"grant": whole}


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def as_json(body: dict[str, Any]) -> bytes:
    """Encode as Python does, NaN and halves of surrogate pairs included."""
    return json.dumps(body).encode()


def as_form(body: dict[str, Any]) -> bytes:
    """Encode as a browser would, whatever is in it."""
    pairs = [
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in body.items()
    ]
    return urlencode(pairs, encoding="utf-8", errors="surrogatepass").encode()


def spoil(body: bytes, spoiled: Spoiled | None) -> bytes:
    """Return what is left of a body."""
    if spoiled is None:
        return body

    at, levels = spoiled.where % (len(body) + 1), min(spoiled.size, DEEPEST)
    inside = {
        "twice": b'"grant":"x",',
        "deep": b'"x":' + b"[" * levels + b"]" * levels + b",",
        "deep objects": b'"x":' + b'{"a":' * levels + b"1" + b"}" * levels + b",",
        "number": b'"x":' + b"9" * spoiled.size + b"e9999,",
        "constant": b'"x":-Infinity,',
    }

    match spoiled.how:
        case "cut":
            return body[:at]
        case "byte":
            return body[:at] + bytes([128 + spoiled.where % 128]) + body[at:]
        case "pad":
            return body + b" " * spoiled.size
        case "bom":
            return b"\xef\xbb\xbf" + body
        case "utf-16":
            return body.decode("utf-8", "replace").encode("utf-16")
        case how:
            return body[:1] + inside[how] + body[1:]


def coded(body: bytes, coding: str | None) -> tuple[bytes, dict[str, str]]:
    """Compress a body; returns the headers that say so, which may be a lie."""
    packed, headers = _packed(body, coding)
    if coding not in (None, "gzip", "identity") or len(body) > MAX_BODY:
        # After a body that it did not read to its end the server hangs up; the next request must not go there.
        headers["Connection"] = "close"
    return packed, headers


def _packed(body: bytes, coding: str | None) -> tuple[bytes, dict[str, str]]:
    match coding:
        case None:
            return body, {}
        case "gzip":
            packer = zlib.compressobj(wbits=31)
            return packer.compress(body) + packer.flush(), {"Content-Encoding": "gzip"}
        case "deflate":
            return zlib.compress(body), {"Content-Encoding": "deflate"}
        case "gzip garbage":
            return body, {"Content-Encoding": "gzip"}
        case other:
            return body, {"Content-Encoding": other}
