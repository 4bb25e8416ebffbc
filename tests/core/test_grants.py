"""A grant opens for the customer it was sealed for, in its mode and its time, and never once it was touched."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiocancel.core.grants import Grant, GrantSealer
from aiocancel.core.identifiers import CustomerId, Mode, SubscriptionId
from aiocancel.errors import GrantError

KEY, OLDER_KEY, STRANGERS_KEY = (
    "the newest of our keys",
    "an older one of our keys",
    "a key that was never ours",
)
ISSUED_AT, EXPIRES_AT = 1_800_000_000, 1_800_003_600
CUSTOMER = "customer-4711"
URL_SAFE = string.ascii_letters + string.digits + "-_"

customer_ids = st.text(min_size=1, max_size=255)
grants = st.builds(
    Grant,
    customer_id=customer_ids.map(CustomerId),
    subscription_id=st.text(URL_SAFE, min_size=1, max_size=255).map(SubscriptionId),
    mode=st.sampled_from(["live", "test"]),
    issued_at=st.integers(0, ISSUED_AT),
    expires_at=st.integers(ISSUED_AT + 1, 2**40),
    nonce=st.text(URL_SAFE, min_size=1, max_size=40),
)


def make_grant(customer_id: str = CUSTOMER, mode: Mode = "test") -> Grant:
    return Grant(
        CustomerId(customer_id), SubscriptionId("sub_1"), mode, ISSUED_AT, EXPIRES_AT, "nonce"
    )


def sealed(grant: Grant | None = None, *keys: str) -> str:
    return GrantSealer(keys or (KEY,)).seal(grant or make_grant())


def opened(
    text: str, *keys: str, now: int = ISSUED_AT, customer_id: str = CUSTOMER, mode: Mode = "test"
) -> Grant:
    return GrantSealer(keys or (KEY,)).open(text, now=now, customer_id=customer_id, mode=mode)


def refusal(
    text: str, *keys: str, now: int = ISSUED_AT, customer_id: str = CUSTOMER, mode: Mode = "test"
) -> str:
    with pytest.raises(GrantError) as refused:
        opened(text, *keys, now=now, customer_id=customer_id, mode=mode)
    assert refused.value.status == 403
    return refused.value.code


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed_as_we_do(body: str, key: str = KEY) -> str:
    derived = hashlib.sha256(b"aiocancel grant key\0" + key.encode()).digest()
    return f"{body}.{encoded(hmac.digest(derived, body.encode(), 'sha256'))}"


# Round trip


@given(grant=grants)
@example(grant=make_grant("😀" * 255))
@example(grant=make_grant("Zoë Ångström"))
@example(grant=make_grant("\ud800 from a header"))
@settings(max_examples=60)
def test_a_sealed_grant_opens_to_itself(grant: Grant) -> None:
    assert opened(sealed(grant), customer_id=grant.customer_id, mode=grant.mode) == grant


@given(grant=grants)
@settings(max_examples=30)
def test_a_sealed_grant_is_safe_in_urls_forms_and_html(grant: Grant) -> None:
    assert set(sealed(grant)) <= set(URL_SAFE + ".")


# Alteration


@given(data=st.data())
@settings(max_examples=150)
def test_a_grant_with_one_character_changed_is_refused(data: st.DataObject) -> None:
    text = sealed()
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(
        (st.sampled_from(URL_SAFE + ".=+/ ") | st.characters()).filter(lambda c: c != text[at])
    )
    assert refusal(text[:at] + character + text[at + 1 :]) == "grant_invalid"


@given(data=st.data())
@settings(max_examples=60)
def test_a_grant_with_a_piece_cut_out_is_refused(data: st.DataObject) -> None:
    text = sealed()
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert refusal(text[:start] + text[end:]) == "grant_invalid"


@given(at=st.integers(0, 400), more=st.text(URL_SAFE + ".=\n \0é", min_size=1, max_size=5))
@settings(max_examples=80)
def test_a_grant_with_something_put_in_is_refused(at: int, more: str) -> None:
    text = sealed()
    assert refusal(text[:at] + more + text[at:]) == "grant_invalid"


@given(
    text=st.text(max_size=60)
    | st.from_regex(r"g1\.[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,43}", fullmatch=True)
)
@settings(max_examples=60)
def test_a_text_that_we_did_not_seal_is_refused(text: str) -> None:
    assert refusal(text) == "grant_invalid"


def test_the_seal_of_one_grant_does_not_fit_another() -> None:
    body = sealed(make_grant("somebody else")).rpartition(".")[0]
    assert refusal(f"{body}.{sealed().rpartition('.')[2]}") == "grant_invalid"


def test_a_signature_of_the_same_text_with_the_bare_key_is_not_a_grant() -> None:
    # The key may also sign something else, a cookie say; that must never pass for a grant.
    body = sealed().rpartition(".")[0]
    assert (
        refusal(f"{body}.{encoded(hmac.digest(KEY.encode(), body.encode(), 'sha256'))}")
        == "grant_invalid"
    )


def test_a_grant_of_another_version_is_refused_although_its_signature_fits() -> None:
    fields = json.dumps([CUSTOMER, "sub_1", "test", ISSUED_AT, EXPIRES_AT, "nonce"]).encode()
    assert opened(signed_as_we_do(f"g1.{encoded(fields)}")) == make_grant()
    assert refusal(signed_as_we_do(f"g2.{encoded(fields)}")) == "grant_invalid"


def test_a_grant_longer_than_any_that_we_seal_is_refused_unread() -> None:
    fields = json.dumps([CUSTOMER, "sub_1", "test", ISSUED_AT, EXPIRES_AT, "n" * 8192]).encode()
    assert refusal(signed_as_we_do(f"g1.{encoded(fields)}")) == "grant_invalid"


@pytest.mark.parametrize("padding", ["=", "==", "===", "\n", " "], ids=repr)
def test_padding_is_not_another_spelling_of_a_grant(padding: str) -> None:
    assert refusal(sealed() + padding) == "grant_invalid"


def test_unused_bits_are_not_another_spelling_of_a_grant() -> None:
    text = sealed()
    # 32 bytes leave two bits of the last character unused: four characters decode alike.
    alike = [text[:-1] + last for last in URL_SAFE if last != text[-1]]
    mac = base64.urlsafe_b64decode(text.rpartition(".")[2] + "=")
    alike = [
        other for other in alike if base64.urlsafe_b64decode(other.rpartition(".")[2] + "=") == mac
    ]
    assert len(alike) == 3
    assert {refusal(other) for other in alike} == {"grant_invalid"}


def test_the_other_base64_alphabet_is_not_another_spelling_of_a_grant() -> None:
    texts = (sealed(make_grant(f"customer {number}")) for number in range(100))
    number, text = next(
        (number, text) for number, text in enumerate(texts) if "-" in text or "_" in text
    )
    other = text.replace("-", "+").replace("_", "/")
    assert refusal(other, customer_id=f"customer {number}") == "grant_invalid"


def test_keys_are_told_apart_by_a_fingerprint_that_names_none_of_them() -> None:
    known = GrantSealer((KEY, "an older key of the application")).fingerprint

    assert known == GrantSealer((KEY, "an older key of the application")).fingerprint
    assert known != GrantSealer(("an older key of the application", KEY)).fingerprint
    assert known != GrantSealer((KEY,)).fingerprint
    assert len(known) == 64
    assert KEY not in known


# Time, owner, mode


@pytest.mark.parametrize("now", [0, ISSUED_AT, EXPIRES_AT - 1])
def test_a_grant_opens_until_the_second_before_it_expires(now: int) -> None:
    assert opened(sealed(), now=now) == make_grant()


@pytest.mark.parametrize("now", [EXPIRES_AT, EXPIRES_AT + 1, 2**40])
def test_a_grant_is_refused_from_the_very_second_it_expires(now: int) -> None:
    assert refusal(sealed(), now=now) == "grant_expired"


@given(owner=customer_ids, other=customer_ids)
@example(owner="customer-1", other="CUSTOMER-1")
@example(owner="é", other="e\u0301")
@example(owner="customer", other="\udcff")
@settings(max_examples=50)
def test_a_grant_opens_for_no_other_customer(owner: str, other: str) -> None:
    text = sealed(make_grant(owner))
    if owner == other:
        assert opened(text, customer_id=other).customer_id == owner
    else:
        assert refusal(text, customer_id=other) == "grant_not_yours"


@pytest.mark.parametrize(("sealed_for", "opened_in"), [("live", "test"), ("test", "live")])
def test_a_grant_of_one_mode_is_refused_in_the_other(sealed_for: Mode, opened_in: Mode) -> None:
    assert refusal(sealed(make_grant(mode=sealed_for)), mode=opened_in) == "grant_mode"


def test_somebody_elses_grant_does_not_tell_whether_it_has_expired() -> None:
    assert (
        refusal(sealed(), customer_id="a thief", now=EXPIRES_AT, mode="live") == "grant_not_yours"
    )


# Keys


def test_the_newest_key_signs() -> None:
    text = sealed(make_grant(), KEY, OLDER_KEY)
    assert opened(text, KEY) == make_grant()
    assert refusal(text, OLDER_KEY) == "grant_invalid"


def test_an_older_key_still_verifies() -> None:
    assert opened(sealed(make_grant(), OLDER_KEY), KEY, OLDER_KEY) == make_grant()


@pytest.mark.parametrize(
    "keys", [(KEY,), (KEY, STRANGERS_KEY), ()], ids=["one key left", "another key", "no key"]
)
def test_a_grant_of_a_removed_key_is_refused(keys: tuple[str, ...]) -> None:
    text = sealed(make_grant(), OLDER_KEY)
    with pytest.raises(GrantError) as refused:
        GrantSealer(keys).open(text, now=ISSUED_AT, customer_id=CUSTOMER, mode="test")
    assert refused.value.code == "grant_invalid"


# Silence


def test_neither_keys_nor_customers_show_in_a_repr() -> None:
    shown = repr(GrantSealer([KEY, OLDER_KEY])) + repr(make_grant())
    assert not any(secret in shown for secret in (KEY, OLDER_KEY, CUSTOMER))


@pytest.mark.parametrize(
    ("text", "customer_id", "mode", "now"),
    [
        pytest.param("g1.posted.text", CUSTOMER, "test", ISSUED_AT, id="invalid"),
        pytest.param(sealed(), "a thief", "test", ISSUED_AT, id="not yours"),
        pytest.param(sealed(), CUSTOMER, "live", ISSUED_AT, id="mode"),
        pytest.param(sealed(), CUSTOMER, "test", EXPIRES_AT, id="expired"),
    ],
)
def test_a_refusal_repeats_nothing_of_the_grant(
    text: str, customer_id: str, mode: Mode, now: int
) -> None:
    with pytest.raises(GrantError) as refused:
        opened(text, now=now, customer_id=customer_id, mode=mode)
    said = repr(refused.value) + str(refused.value) + repr(vars(refused.value))
    assert not any(
        word in said for word in (KEY, CUSTOMER, "a thief", "sub_1", "nonce", "posted", text)
    )
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


# Proofs, which travel through the flow vendor


def proof(*keys: str, grant: Grant | None = None) -> str:
    return GrantSealer(keys or (KEY,)).prove(grant or make_grant(), "prosperstack")


def proven(
    text: str, *keys: str, vendor: str = "prosperstack", mode: Mode = "test"
) -> Grant | None:
    return GrantSealer(keys or (KEY,)).open_proof(text, vendor=vendor, mode=mode)


@given(grant=grants)
@settings(max_examples=50)
def test_a_proof_opens_to_the_grant_of_its_page(grant: Grant) -> None:
    assert proven(proof(grant=grant), mode=grant.mode) == grant


def test_a_proof_of_an_older_key_opens_until_the_key_is_removed() -> None:
    text = proof(OLDER_KEY)

    assert proven(text, KEY, OLDER_KEY) == make_grant()
    assert proven(text, KEY) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p1.",
        "p1..",
        proof(STRANGERS_KEY),
        proof()[:-1],
        proof() + "A",
        "p1" + sealed()[2:],
        "g1" + proof()[2:],
        sealed(),
        proof().swapcase(),
        "\ud800",
        "p1." + "A" * 10_000,
    ],
    ids=range(12),
)
def test_nothing_else_is_a_proof(text: str) -> None:
    assert proven(text) is None


def test_a_proof_proves_nothing_to_another_vendor_or_in_the_other_mode() -> None:
    assert proven(proof(), vendor="another") is None
    assert proven(proof(), mode="live") is None


def test_a_proof_is_no_grant() -> None:
    assert refusal(proof()) == "grant_invalid"
    assert refusal("g1" + proof()[2:]) == "grant_invalid"


def test_a_grant_can_be_read_after_its_time_and_for_another_customer_but_not_when_altered() -> None:
    sealer = GrantSealer([KEY])

    assert sealer.read(sealed()) == make_grant()
    with pytest.raises(GrantError):
        sealer.read(sealed(None, STRANGERS_KEY))


def test_link_of_a_letter_comes_back_and_no_other_signature_passes_for_one() -> None:
    sealer, other = GrantSealer(["a key", "an older key"]), GrantSealer(["another key"])
    older = GrantSealer(["an older key"])

    link = sealer.seal_link("a1b2", expires_at=1_800_000_000)

    assert sealer.open_link(link) == ("a1b2", 1_800_000_000)
    assert sealer.open_link(older.seal_link("old", expires_at=1)) == ("old", 1)
    assert other.open_link(link) is None
    assert sealer.open_link(link[:-1]) is None
    assert sealer.open_link(link.replace("l1.", "g1.")) is None
    assert sealer.open_link("") is None
    with pytest.raises(GrantError):
        sealer.read(link)


def test_the_draw_of_the_hold_out_stays_while_a_new_key_signs() -> None:
    before = GrantSealer(["an old key"]).hold_out_key
    assert GrantSealer(["a new key", "an old key"]).hold_out_key == before
    assert GrantSealer(["a new key"]).hold_out_key != before
    assert b"old" not in before


def test_page_of_the_public_exit_comes_back_and_networks_are_kept_unreadable() -> None:
    sealer, other = GrantSealer(["a key"]), GrantSealer(["another key"])

    page = sealer.seal_page("nonce", issued_at=1_800_000_000)

    assert sealer.open_page(page) == ("nonce", 1_800_000_000)
    assert other.open_page(page) is None
    assert sealer.open_page(sealer.seal_link("a1", expires_at=1)) is None
    assert sealer.keyed("10.0.0.1") == sealer.keyed("10.0.0.1")
    assert len({sealer.keyed("10.0.0.1"), sealer.keyed("10.0.0.2"), other.keyed("10.0.0.1")}) == 3
    assert "10.0" not in sealer.keyed("10.0.0.1")


@pytest.mark.parametrize("vendor", [None, "prosperstack", 'a "quoted" vendor'])
@pytest.mark.parametrize("customer_id", [CUSTOMER, "Zoë Ångström", 'a "quoted" \\ customer'])
def test_a_page_is_minted_as_its_grant_is_sealed_and_proved(
    customer_id: str, vendor: str | None
) -> None:
    sealer, grant = GrantSealer((KEY, OLDER_KEY)), make_grant(customer_id)

    minted = sealer.mint(
        grant.customer_id,
        grant.subscription_id,
        "test",
        ISSUED_AT,
        EXPIRES_AT,
        "nonce",
        prove_to=vendor,
    )

    assert minted == (sealer.seal(grant), None if vendor is None else sealer.prove(grant, vendor))


@given(grants, st.sampled_from([None, "prosperstack", 'a "quoted" vendor']))
def test_a_minted_page_holds_what_a_grant_of_its_fields_seals_and_proves(
    grant: Grant, vendor: str | None
) -> None:
    sealer = GrantSealer((KEY, OLDER_KEY))

    text, proof = sealer.mint(
        grant.customer_id,
        grant.subscription_id,
        grant.mode,
        grant.issued_at,
        grant.expires_at,
        grant.nonce,
        prove_to=vendor,
    )

    assert text == sealer.seal(grant)
    assert proof == (None if vendor is None else sealer.prove(grant, vendor))
