"""A payload is signed as it is sent: one text, one signature, and no way to change either alone."""

from __future__ import annotations

import base64
import copy
import hmac
import json
import pickle
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiocancel.core.signing import (
    SignedPayload,
    mac,
    sign_payload,
    sign_text,
    url_safe,
    url_safe_bytes,
)

CLIENT_SECRET = "my client secret"
FLOW_SECRET = "my flow secret"
CLIENT = "acct_IrbFC8mvFtDAugC8k7uNlRn6"
SUBSCRIPTION = "sub_H6X0WYrAzq2iGk"

# Each digest was computed with openssl, Python and Node alike.
VECTORS = [
    pytest.param(
        CLIENT_SECRET,
        f'{{"clientId":"{CLIENT}","subscription":{{"paymentProviderId":"{SUBSCRIPTION}"}}}}',
        "382c5804c5354eb7cee1e481f9b83013bacb47b7af6075e2afeb3196e243d06c",
        id="client secret, paymentProviderId",
    ),
    pytest.param(
        CLIENT_SECRET,
        f'{{"clientId":"{CLIENT}","subscription":{{"platformId":"{SUBSCRIPTION}"}}}}',
        "74749379cdce03c54f7528f40bd9739c617d91a4e0b63c8989f1e599cf645ef9",
        id="client secret, platformId",
    ),
    pytest.param(
        FLOW_SECRET,
        f'{{"flowId":"flow_Pic0yGmlYS1rV5hdf7uR8YNM","subscription":{{"paymentProviderId":"{SUBSCRIPTION}"}}}}',
        "c9efbfb8121c892b5de8c4e7c0c9182db7f3d87aa4ee463191e06fe36f4b00be",
        id="flow secret, flow id",
    ),
]
SPACED = pytest.param(
    CLIENT_SECRET,
    f'{{"clientId": "{CLIENT}", "subscription": {{"paymentProviderId": "{SUBSCRIPTION}"}}}}',
    "71eb7ce760f11db98835dc619d4e040d14a6f92410919bbf02f23f18ebf3e312",
    id="spaces after separators",
)
RAW_UTF8 = pytest.param(
    CLIENT_SECRET,
    f'{{"clientId":"{CLIENT}","subscriber":{{"name":"Zoë Ångström 😀"}}}}',
    "2fbebb0a94a5d70226102e9a7aab3ef13d9bd29f401149a02e503c92084add0c",
    id="raw UTF-8",
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
payloads = st.dictionaries(st.text(max_size=8), json_values, max_size=4)


@pytest.mark.parametrize(("secret", "text", "signature"), [*VECTORS, SPACED, RAW_UTF8])
def test_a_text_is_signed_byte_for_byte(secret: str, text: str, signature: str) -> None:
    signed = sign_text(text, secret)
    assert (signed.payload, signed.signature) == (text, signature)


@pytest.mark.parametrize(("secret", "text", "signature"), VECTORS)
def test_a_payload_is_written_compactly_and_signed(secret: str, text: str, signature: str) -> None:
    assert sign_payload(json.loads(text), secret) == sign_text(text, secret)
    assert sign_payload(json.loads(text), secret).signature == signature


def test_the_digest_printed_in_the_vendors_example_does_not_belong_to_its_payload() -> None:
    # The documentation shows the client secret's payload beside the digest of the older, flow-keyed one.
    printed = "c9efbfb8121c892b5de8c4e7c0c9182db7f3d87aa4ee463191e06fe36f4b00be"
    shown = {"clientId": CLIENT, "subscription": {"paymentProviderId": SUBSCRIPTION}}
    assert printed not in {
        sign_payload(shown, secret).signature for secret in (CLIENT_SECRET, FLOW_SECRET)
    }


@given(payload=payloads)
@settings(max_examples=60)
def test_the_signed_text_decodes_to_the_payload(payload: dict[str, Any]) -> None:
    text = sign_payload(payload, CLIENT_SECRET).payload
    assert json.loads(text) == payload
    assert text.isascii()


@given(payload=payloads)
@settings(max_examples=40)
def test_the_signature_is_of_the_very_text_that_is_sent(payload: dict[str, Any]) -> None:
    signed = sign_payload(payload, CLIENT_SECRET)
    assert sign_text(signed.payload, CLIENT_SECRET) == signed


@given(text=st.text(max_size=40), other=st.text(max_size=40))
@settings(max_examples=40)
def test_another_text_or_another_secret_has_another_signature(text: str, other: str) -> None:
    signed = sign_text(text, CLIENT_SECRET)
    assert (sign_text(other, CLIENT_SECRET).signature == signed.signature) == (other == text)
    assert sign_text(text, FLOW_SECRET).signature != signed.signature


def test_a_lone_surrogate_is_escaped_and_signed() -> None:
    assert sign_payload({"name": "\ud800"}, CLIENT_SECRET).payload == r'{"name":"\ud800"}'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")], ids=str)
def test_a_number_that_json_does_not_have_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        sign_payload({"mrr": number}, CLIENT_SECRET)


def test_a_value_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        sign_payload({"tags": {"a", "b"}}, CLIENT_SECRET)


def test_any_mapping_can_be_signed() -> None:
    assert sign_payload(MappingProxyType({"a": 1}), CLIENT_SECRET) == sign_payload(
        {"a": 1}, CLIENT_SECRET
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda signed: signed.__setitem__("payload", "{}"), id="set an item"),
        pytest.param(lambda signed: signed.__delitem__("signature"), id="delete an item"),
        pytest.param(lambda signed: signed.__ior__({"payload": "{}"}), id="merge in place"),
        pytest.param(lambda signed: signed.update(payload="{}"), id="update"),
        pytest.param(lambda signed: signed.pop("payload"), id="pop"),
        pytest.param(lambda signed: signed.popitem(), id="popitem"),
        pytest.param(lambda signed: signed.clear(), id="clear"),
        pytest.param(lambda signed: signed.setdefault("more", ""), id="setdefault"),
    ],
)
def test_a_signed_payload_cannot_be_changed(change: Callable[[SignedPayload], object]) -> None:
    signed = sign_text("{}", CLIENT_SECRET)
    with pytest.raises(TypeError, match="cannot be changed"):
        change(signed)
    assert signed == sign_text("{}", CLIENT_SECRET)


@pytest.mark.parametrize("name", ["payload", "signature", "more"])
def test_a_signed_payload_takes_no_attribute(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(sign_text("{}", CLIENT_SECRET), name, "x")


def test_a_signed_payload_is_written_as_json_with_its_two_texts() -> None:
    signed = sign_text('{"a":1}', CLIENT_SECRET)
    assert json.loads(json.dumps(signed)) == {"payload": '{"a":1}', "signature": signed.signature}


def test_signed_payloads_are_equal_by_text_and_signature() -> None:
    signed = sign_text("a", CLIENT_SECRET)
    assert (
        signed == sign_text("a", CLIENT_SECRET) == {"payload": "a", "signature": signed.signature}
    )
    assert signed != sign_text("a", FLOW_SECRET)
    assert signed != sign_text("b", CLIENT_SECRET)


@pytest.mark.parametrize(
    "duplicate",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deep copy"),
        pytest.param(lambda signed: pickle.loads(pickle.dumps(signed)), id="pickle"),  # noqa: S301
    ],
)
def test_a_signed_payload_can_be_copied_and_cached(
    duplicate: Callable[[SignedPayload], SignedPayload],
) -> None:
    signed = sign_text("{}", CLIENT_SECRET)
    assert duplicate(signed) == signed
    assert type(duplicate(signed)) is SignedPayload


@given(st.binary(max_size=200))
def test_url_safe_text_is_that_of_the_standard_library_without_its_padding(data: bytes) -> None:
    assert url_safe(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert url_safe_bytes(data).decode() == url_safe(data)


@given(st.binary(max_size=150), st.binary(max_size=400))
@example(b"k" * 64, b"a key as long as a block")
@example(b"k" * 65, b"a key longer than a block, which is hashed first")
def test_mac_is_the_standard_librarys_hmac(key: bytes, message: bytes) -> None:
    assert mac(key, message) == hmac.digest(key, message, "sha256")
    # The key is read once: the second message must not go on from the first.
    assert mac(key, message) == hmac.digest(key, message, "sha256")
