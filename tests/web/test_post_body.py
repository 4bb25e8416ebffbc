"""What a browser posted is read strictly, within bounds, and never repeated in an error."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiocancel.core.claim import OWN_VENDOR, CancelReason, FlowClaim, FlowStatus
from aiocancel.core.flow_details import FlowDetails
from aiocancel.core.identifiers import FlowSessionId
from aiocancel.core.json_depth import MAX_DEPTH
from aiocancel.errors import MalformedClaimError
from aiocancel.web.post_body import Posted, read_form, read_json, read_post
from tests.support.saas import vendor

VENDOR = vendor()
CANCELED = FlowClaim(OWN_VENDOR, FlowStatus.CANCELED)
any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)


def read(body: bytes | str | dict[str, Any]) -> Posted:
    if isinstance(body, dict):
        body = json.dumps(body)
    return read_json(body.encode() if isinstance(body, str) else body, VENDOR)


def nested(levels: int) -> bytes:
    """A post whose result is nested so deep that the whole has this many levels."""
    inside = levels - 2
    return b'{"grant":"g","result":{"status":"saved","x":' + b"[" * inside + b"]" * inside + b"}}"


# JSON


def test_a_widgets_result_is_read_by_its_vendor() -> None:
    assert read(
        {"grant": "g", "result": {"status": "canceled", "flowSession": {"id": "sess_1"}}}
    ) == Posted(
        "g",
        FlowClaim(
            "prosperstack",
            FlowStatus.CANCELED,
            FlowSessionId("sess_1"),
            details=FlowDetails("browser"),
        ),
    )


OWN_CHOICES = ["canceled", "resumed", "unpaused", "discount_removed", "plan_kept"]


@pytest.mark.parametrize("status", OWN_CHOICES)
def test_a_customer_may_cancel_or_take_something_back_without_any_widget(status: str) -> None:
    body = {"grant": "g", "status": status, "reason": " too dear ", "reason_code": "price"}
    assert read(body) == Posted(
        "g", FlowClaim(OWN_VENDOR, FlowStatus(status), reason=CancelReason("too dear", "price"))
    )


@pytest.mark.parametrize("status", sorted({*FlowStatus} - {*OWN_CHOICES}))
def test_no_other_status_is_taken_without_a_widget(status: str) -> None:
    with pytest.raises(
        MalformedClaimError,
        match="must be one of: canceled, resumed, unpaused, discount_removed, plan_kept",
    ):
        read({"grant": "g", "status": status})


@pytest.mark.parametrize("status", ["resumed", "unpaused", "discount_removed", "plan_kept"])
def test_a_widgets_result_takes_nothing_back(status: str) -> None:
    assert read({"grant": "g", "result": {"status": status}}).claim.status is FlowStatus.UNKNOWN


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param("", "not valid JSON", id="empty"),
        pytest.param("{", "not valid JSON", id="cut off"),
        pytest.param('{"grant":"s3cr3t', "not valid JSON", id="text cut off"),
        pytest.param("{'grant':'s3cr3t'}", "not valid JSON", id="single quotes"),
        pytest.param('{"grant":"s3cr3t"} x', "not valid JSON", id="something after it"),
        pytest.param('\ufeff{"grant":"s3cr3t"}', "not valid JSON", id="byte order mark"),
        pytest.param(b'{"grant":"s3cr3t\xff"}', "not valid JSON", id="invalid UTF-8"),
        pytest.param(
            b'{"grant":"s3cr3t\xed\xa0\x80"}', "not valid JSON", id="half a pair in UTF-8"
        ),
        pytest.param('{"grant":"s3cr3t"}'.encode("utf-16"), "not valid JSON", id="UTF-16"),
        pytest.param('{"grant":"a","grant":"s3cr3t"}', "not valid JSON", id="a field twice"),
        pytest.param(
            '{"grant":"a","\\u0067rant":"s3cr3t"}', "not valid JSON", id="a field twice, disguised"
        ),
        pytest.param(
            '{"grant":"g","result":{"status":"saved","status":"s3cr3t"}}',
            "not valid JSON",
            id="twice inside",
        ),
        pytest.param('{"grant":"g","result":{"x":NaN}}', "not valid JSON", id="NaN"),
        pytest.param('{"grant":"g","result":{"x":Infinity}}', "not valid JSON", id="Infinity"),
        pytest.param('{"grant":"g","result":{"x":-Infinity}}', "not valid JSON", id="-Infinity"),
        pytest.param('{"grant":"g","result":{"x":1e999}}', "not valid JSON", id="1e999"),
        pytest.param('{"grant":"g","result":{"x":-1e999}}', "not valid JSON", id="-1e999"),
        pytest.param(
            '{"grant":"g","result":{"x":' + "9" * 5000 + "}}", "not valid JSON", id="5000 digits"
        ),
        pytest.param('{"grant":"s3cr3t\0"}', "not valid JSON", id="NUL as it is"),
        pytest.param(nested(MAX_DEPTH + 1), "nested more than 32 levels", id="33 levels"),
        pytest.param(b"[" * 200_000, "nested more than 32 levels", id="200,000 levels"),
        pytest.param(b'{"a":' * 40_000, "nested more than 32 levels", id="40,000 objects"),
        pytest.param("[]", "must be a JSON object", id="a list"),
        pytest.param('"s3cr3t"', "must be a JSON object", id="a text"),
        pytest.param("null", "must be a JSON object", id="null"),
        pytest.param('{"status":"canceled"}', "grant must be a text", id="no grant"),
        pytest.param('{"grant":null,"status":"canceled"}', "grant must be a text", id="grant null"),
        pytest.param(
            '{"grant":["s3cr3t"],"status":"canceled"}', "grant must be a text", id="grant a list"
        ),
        pytest.param('{"grant":"g"}', "status must be a text", id="neither result nor status"),
        pytest.param('{"grant":"g","status":31337}', "status must be a text", id="status a number"),
        pytest.param(
            '{"grant":"g","status":"s3cr3t"}',
            "must be one of: canceled, resumed, unpaused, discount_removed, plan_kept",
            id="status unknown",
        ),
        pytest.param(
            '{"grant":"g","status":"canceled","reason":31337}',
            "reason must be a text",
            id="reason a number",
        ),
        pytest.param(
            '{"grant":"g","status":"canceled","reason_code":null}',
            "reason_code must be a text",
            id="code null",
        ),
        pytest.param('{"grant":"g","result":null}', "result must be an object", id="result null"),
        pytest.param(
            '{"grant":"g","result":"s3cr3t"}', "result must be an object", id="result a text"
        ),
        pytest.param(
            '{"grant":"g","result":{"status":"saved"},"status":"canceled"}',
            "not both",
            id="result and status",
        ),
        pytest.param(
            '{"grant":"g","result":{"status":"saved"},"reason":"s3cr3t"}',
            "not both",
            id="result and reason",
        ),
        pytest.param(
            '{"grant":"g","status":"canceled","s3cr3t":1}',
            "Only these fields",
            id="an unknown field",
        ),
        pytest.param(
            '{"grant":"g","status":"canceled","amount":31337}', "Only these fields", id="an amount"
        ),
        pytest.param(
            '{"grant":"g","result":{"status":31337}}', "wrong shape", id="a result of another shape"
        ),
        pytest.param(
            '{"grant":"g","result":{"status":"saved","\\ud800s3cr3t":1}}',
            "no text has",
            id="half a pair as a name",
        ),
    ],
)
def test_a_body_that_is_no_claim_is_refused_without_repeating_it(
    body: bytes | str, message: str
) -> None:
    with pytest.raises(MalformedClaimError, match=message) as refused:
        read(body)
    assert (refused.value.status, refused.value.code) == (400, "malformed")
    assert "s3cr3t" not in str(refused.value)
    assert "31337" not in str(refused.value)
    # The decoder's own error quotes the text; a traceback must not show it either.
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_json_may_be_nested_as_deep_as_the_bound() -> None:
    assert read(nested(MAX_DEPTH)).claim.status is FlowStatus.SAVED


@pytest.mark.parametrize("sibling", [{}, [], {"answer": ["yes"]}], ids=str)
def test_json_may_have_any_number_of_objects_and_lists_side_by_side(sibling: object) -> None:
    survey = {"status": "saved", "survey": [sibling] * 100}

    assert read({"grant": "g", "result": survey}).claim.status is FlowStatus.SAVED


@pytest.mark.parametrize(
    "text", ["[" * 100, '\\"[[' * 100, "\\\\", "{" * 100], ids=lambda text: text[:8]
)
def test_brackets_in_a_customers_words_are_no_nesting(text: str) -> None:
    assert (
        read({"grant": "g", "status": "canceled", "reason": text}).claim.reason.text
        == text[:500].strip()
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'"' + b'\\"' * 128_000, id="escaped quotes without end"),
        pytest.param(
            b'"' + b'\\"' * 128_000 + b"\\", id="escaped quotes and a backslash without end"
        ),
        pytest.param(b'""' * 128_000, id="empty texts"),
        pytest.param(b'"' + b"\\\\" * 128_000, id="backslashes without end"),
        pytest.param(b"{}" * 128_000, id="empty objects"),
    ],
)
def test_no_body_takes_longer_than_its_size_warrants(body: bytes) -> None:
    # A scan that starts over at every quote would take minutes here, and block the loop for everybody.
    started = time.process_time()
    with pytest.raises(MalformedClaimError):
        read(body)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(r"\ud800" * 43_000, id="first halves"),
        pytest.param(r"\udc00" * 43_000, id="second halves"),
        pytest.param(r"\u0000" * 43_000, id="zero bytes"),
    ],
)
def test_words_that_nobody_can_store_take_no_longer_than_others(words: str) -> None:
    body = f'{{"grant":"g","status":"canceled","reason":"{words}"}}'.encode()

    assert cpu_s(lambda: read(body)) < 4 * cpu_s(lambda: read(body.replace(b"\\u", b"xx")))
    assert read(body).claim.reason.text == "\ufffd" * 500


def cpu_s(work: Callable[[], object]) -> float:
    """Return the processor's time of the quickest of ten runs."""
    times = []
    for _ in range(10):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def test_half_a_pair_and_nul_in_a_customers_words_are_replaced() -> None:
    posted = read(r'{"grant":"g","status":"canceled","reason":"a\ud800\u0000b"}')
    assert posted.claim.reason.text == "a\ufffd\ufffdb"


def test_a_customers_words_are_cut_and_empty_ones_left_out() -> None:
    assert read(
        {"grant": "g", "status": "canceled", "reason": "x" * 9999, "reason_code": " "}
    ).claim.reason == (CancelReason("x" * 500))


@pytest.mark.parametrize("number", ["0", "-0", "1e308", "123456789012345678901234567890", "1.5"])
def test_any_number_of_the_standard_may_stand_where_we_do_not_look(number: str) -> None:
    body = '{"grant":"g","result":{"status":"saved","x":' + number + "}}"
    assert read(body).claim.status is FlowStatus.SAVED


@given(body=st.binary(max_size=60) | st.text('{}[]",:\\0e-grantesul ', max_size=40).map(str.encode))
@example(body=b"\x00")
@settings(max_examples=150)
def test_any_bytes_are_a_claim_or_refused(body: bytes) -> None:
    readers: list[Callable[[bytes], Posted]] = [read, read_form]
    for reader in readers:
        try:
            posted = reader(body)
        except MalformedClaimError:
            continue
        assert isinstance(posted, Posted)


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(any_text, inner, max_size=2),
    max_leaves=4,
)


@given(
    body=st.fixed_dictionaries(
        {},
        optional={
            "grant": any_text | any_json,
            "status": st.sampled_from(OWN_CHOICES) | any_json,
            "result": any_json,
            "reason": any_text | any_json,
            "reason_code": any_text | any_json,
        },
    )
)
@settings(max_examples=150)
def test_any_json_is_a_claim_that_can_be_stored_or_refused(body: dict[str, Any]) -> None:
    try:
        posted = read(body)
    except MalformedClaimError:
        return
    assert posted.grant == body["grant"]
    words = [
        posted.claim.reason.text,
        posted.claim.reason.code,
        posted.claim.offer_id,
        posted.claim.offer_type,
    ]

    assert all(word is None or (word.encode() and "\0" not in word) for word in words)


# Forms


def test_a_form_cancels_unless_it_says_otherwise() -> None:
    assert read_form(b"grant=g") == Posted("g", CANCELED)
    for status in OWN_CHOICES:
        assert read_form(f"grant=g&status={status}".encode()).claim.status is FlowStatus(status)


@given(grant=st.text(max_size=20), reason=st.text(max_size=20), code=st.text(max_size=20))
@settings(max_examples=60)
def test_a_form_is_read_as_a_browser_encodes_it(grant: str, reason: str, code: str) -> None:
    body = urlencode({"grant": grant, "status": "canceled", "reason": reason, "reason_code": code})
    same = json.dumps({"grant": grant, "status": "canceled", "reason": reason, "reason_code": code})
    assert read_form(body.encode()) == read(same)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(b"grant=g&reason=too+dear", "too dear", id="plus"),
        pytest.param(b"grant=g&reason=100%", "100%", id="a percent sign alone"),
        pytest.param(b"grant=g&reason=%zz", "%zz", id="no hexadecimal digits"),
        pytest.param(b"grant=g&reason=a%00b", "a\ufffdb", id="NUL"),
        pytest.param(b"grant=g&reason=%F0%9F%98%80", "😀", id="UTF-8"),
        pytest.param(b"grant=g&reason=a%26b%3Dc", "a&b=c", id="escaped separators"),
        pytest.param(b"grant=g&reason=a;b", "a;b", id="a semicolon is no separator"),
        pytest.param(b"grant=g&&reason=a&", "a", id="empty pieces"),
        pytest.param(b"grant=g&reason", None, id="a name alone"),
        pytest.param(b"grant=g&reason=", None, id="empty"),
    ],
)
def test_a_forms_words_are_decoded_as_the_web_does(body: bytes, text: str | None) -> None:
    assert read_form(body).claim.reason.text == text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"", "grant must be a text", id="empty"),
        pytest.param(b"status=canceled", "grant must be a text", id="no grant"),
        pytest.param(b"grant=g&grant=s3cr3t", "names a field twice", id="a field twice"),
        pytest.param(
            b"grant=g&%67rant=s3cr3t", "names a field twice", id="a field twice, disguised"
        ),
        pytest.param(
            b"grant=g&status=saved",
            "must be one of: canceled, resumed, unpaused, discount_removed, plan_kept",
            id="an offer",
        ),
        pytest.param(
            b"grant=g&status=",
            "must be one of: canceled, resumed, unpaused, discount_removed, plan_kept",
            id="no status",
        ),
        pytest.param(b"grant=g&s3cr3t=1", "Only these fields", id="an unknown field"),
        pytest.param(b"grant=g&result=s3cr3t", "Only these fields", id="a widget's result"),
        pytest.param(b"grant=s3cr3t%FF", "cannot be read", id="a percent escape that is no UTF-8"),
        pytest.param(b"grant=s3cr3t%ED%A0%80", "cannot be read", id="half a pair"),
        pytest.param("grant=s3cr3té".encode(), "cannot be read", id="a byte that is not ASCII"),
        pytest.param(b"grant=g&" + b"s3cr3t=1&" * 10, "cannot be read", id="too many fields"),
        pytest.param(b"&" * 100_000, "cannot be read", id="very many separators"),
        # Python would decode them one by one, for 40 ms.
        pytest.param(
            b"grant=s3cr3t&reason=" + b"%00" * 20_001, "too many escaped", id="very many escapes"
        ),
    ],
)
def test_a_form_that_is_no_claim_is_refused_without_repeating_it(body: bytes, message: str) -> None:
    with pytest.raises(MalformedClaimError, match=message) as refused:
        read_form(body)
    assert (refused.value.status, refused.value.code) == (400, "malformed")
    assert "s3cr3t" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


# The request


class Chunks:
    """A body as it arrives; ``taken`` counts the pieces that somebody asked for."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.taken = 0

    async def iter_any(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            self.taken += 1
            yield chunk


async def post(
    body: Any, content_type: str | None, *, max_bytes: int = 1000, length: int | None = None
) -> Posted:
    headers = {} if content_type is None else {"Content-Type": content_type}
    if length is not None:
        headers["Content-Length"] = str(length)
    request = make_mocked_request("POST", "/cancel/result", headers=headers, payload=body)
    return await read_post(request, VENDOR, max_bytes=max_bytes)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
async def test_a_json_post_is_read_however_it_is_cut_into_pieces(content_type: str) -> None:
    body = Chunks(b'{"grant":"g","sta', b"", b'tus":"canceled"}')
    assert await post(body, content_type) == Posted("g", CANCELED)


async def test_a_form_post_is_read() -> None:
    assert await post(Chunks(b"grant=g"), "application/x-www-form-urlencoded") == Posted(
        "g", CANCELED
    )


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "multipart/form-data; boundary=x", "text/json", "s3cr3t"]
)
async def test_any_other_content_type_is_refused_unread(content_type: str | None) -> None:
    body = Chunks(b'{"grant":"g","status":"canceled"}')
    with pytest.raises(MalformedClaimError) as refused:
        await post(body, content_type)
    assert (refused.value.status, refused.value.code, body.taken) == (415, "wrong_content_type", 0)
    assert "s3cr3t" not in str(refused.value)


async def test_a_body_that_announces_too_much_is_refused_unread() -> None:
    body = Chunks(b"x")
    with pytest.raises(MalformedClaimError) as refused:
        await post(body, "application/json", length=1001)
    assert (refused.value.status, refused.value.code, body.taken) == (413, "too_large", 0)


async def test_a_body_that_does_not_say_its_size_is_counted_as_it_arrives() -> None:
    body = Chunks(*[b"x" * 400] * 10)
    with pytest.raises(MalformedClaimError) as refused:
        await post(body, "application/json")
    assert (refused.value.status, refused.value.code, body.taken) == (413, "too_large", 3)


async def test_a_body_may_be_exactly_as_large_as_allowed() -> None:
    body = b'{"grant":"g","status":"canceled"}'
    assert await post(
        Chunks(body), "application/json", max_bytes=len(body), length=len(body)
    ) == Posted("g", CANCELED)
