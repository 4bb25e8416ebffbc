"""Headers that would let a shared cache keep a customer's page."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from aiocancel.web.caching import forbids_sharing, keep_private

PRIVATE = "private, no-cache"


@pytest.mark.parametrize(
    "written",
    ["private", "Private, max-age=60", "no-store", "public, no-store", 'private, ext="a, public"'],
)
def test_headers_that_forbid_shared_caches_stay(written: str) -> None:
    headers = CIMultiDict({"Cache-Control": written})

    assert keep_private(headers) is None
    assert headers == CIMultiDict({"Cache-Control": written, "Vary": "Cookie"})


@pytest.mark.parametrize(
    "written",
    [
        "public",
        "max-age=60",
        "no-cache",
        "s-maxage=60",
        "public, private",
        'private="set-cookie"',
        'ext="private"',
        "private-ish",
    ],
)
def test_headers_that_let_a_shared_cache_store_the_page_are_replaced_and_named(
    written: str,
) -> None:
    headers = CIMultiDict({"Cache-Control": written})

    assert keep_private(headers) == f"Cache-Control: {written}"
    assert headers.getall("Cache-Control") == [PRIVATE]


def test_several_cache_control_headers_count_together() -> None:
    headers = CIMultiDict([("Cache-Control", "max-age=60"), ("cache-control", "public")])

    assert keep_private(headers) == "Cache-Control: max-age=60, public"
    assert headers.getall("Cache-Control") == [PRIVATE]


@pytest.mark.parametrize(
    "name",
    ["CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "Edge-Control"],
)
def test_a_header_for_certain_caches_is_taken_off_unless_it_forbids_them(name: str) -> None:
    allowing = CIMultiDict({"Cache-Control": "private", name: "max-age=60"})
    forbidding = CIMultiDict({"Cache-Control": "private", name: "no-store"})

    assert keep_private(allowing) == f"{name}: max-age=60"
    assert keep_private(forbidding) is None
    assert (name in allowing, name in forbidding) == (False, True)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("X-Accel-Expires", ["60"]),
        ("X-Accel-Expires", ["0", "60"]),
        ("x-accel-expires", ["@1924988400"]),
        ("Edge-Control", ["!no-store"]),
    ],
)
def test_a_header_that_tells_a_proxy_to_keep_the_page_is_taken_off(
    name: str, written: list[str]
) -> None:
    headers = CIMultiDict([("Cache-Control", "private"), *((name, value) for value in written)])

    assert keep_private(headers) == f"{name}: {', '.join(written)}"
    assert name not in headers


def test_a_header_that_tells_nginx_to_keep_nothing_stays() -> None:
    headers = CIMultiDict({"Cache-Control": "private", "X-Accel-Expires": "0"})

    assert keep_private(headers) is None
    assert headers["X-Accel-Expires"] == "0"


@pytest.mark.parametrize(
    ("written", "forbids"),
    [
        ({}, False),
        ({"Cache-Control": "max-age=60"}, False),
        ({"Cache-Control": "no-store"}, True),
        ({"Cache-Control": "private"}, True),
        ({"Cache-Control": "private", "X-Accel-Expires": "60"}, False),
    ],
    ids=["nothing", "kept_by_all", "kept_by_none", "private", "kept_by_nginx"],
)
def test_headers_say_whether_others_may_keep_a_response_and_stay_as_they_are(
    written: dict[str, str], forbids: bool
) -> None:
    headers = CIMultiDict(written)

    assert forbids_sharing(headers) is forbids
    assert headers == CIMultiDict(written)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ([], "Cookie"),
        (["Accept-Encoding"], "Accept-Encoding, Cookie"),
        (["Accept", "Origin"], "Accept, Origin, Cookie"),
        (["Origin, cookie"], "Origin, cookie"),
        (["*"], "*"),
        ([""], "Cookie"),
    ],
)
def test_the_page_varies_by_cookie(written: list[str], sent: str) -> None:
    headers = CIMultiDict([("Vary", value) for value in written])

    keep_private(headers)

    assert headers.getall("Vary") == [sent]
