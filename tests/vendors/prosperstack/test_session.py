"""ProsperStack's flow sessions: old and new spellings read alike, and what is odd is left to a human."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiocancel.core.claim import CancelReason, FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.flow_details import Answered, details_from_json, details_to_json
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
    UnusableOffer,
    offer_from_json,
    offer_to_json,
)
from aiocancel.errors import VendorDataError
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.vendors.prosperstack.session import (
    MAX_ANSWERS,
    MAX_SESSION_BYTES,
    read_details,
    read_event,
    read_events,
    read_session,
)

MINIMAL = {"id": "sess_1", "status": "canceled"}

COUPON = {
    "type": "coupon",
    "coupon_type": "percentage",
    "amount_off": "25.00",
    "duration": "repeating",
    "months": 3,
    "apply_to": "subscription",
    "platform_coupon_id": None,
}
PLAN = {"type": "change_plan", "platform_plan_id": "price_1", "prorate": True}
PAUSE = {
    "type": "pause_subscription",
    "interval": "month",
    "interval_count": 2,
    "pause_at": "immediately",
}
TRIAL = {"type": "trial_extension", "days": 14}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
    | st.sampled_from(
        ["coupon", "percentage", "25.00", "once", "sess_1", "repeating", "2026-01-01T00:00:00Z"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
SESSION_FIELDS = (
    "subscriber",
    "subscription",
    "offer_accepted",
    "offers_presented",
    "answers",
    "cancel_reason",
    "completed_at",
)


def read(**fields: Any) -> FlowSession:
    return read_session({**MINIMAL, **fields})


def accept(details: Any, **fields: Any) -> AcceptedOffer | UnusableOffer | None:
    return read(offer_accepted={"id": "offr_1", "details": details, **fields}).accepted


def terms_of(details: Mapping[str, Any]) -> Terms | str:
    match accept(details):
        case AcceptedOffer(terms=terms):
            return terms
        case UnusableOffer(code=code):
            return code
        case None:
            raise AssertionError("no offer was read")


def without(details: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in details.items() if key != name}


def refusal_of(data: Any) -> VendorDataError | None:
    try:
        read_session(data)
    except VendorDataError as error:
        return error
    return None


# The whole session


def simulated(offer_id: str | None = None, **settings: Any) -> tuple[dict[str, Any], FlowSession]:
    simulator = ProsperStackSimulator(clock=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC))
    session = simulator.create_session("sub_1")
    simulator.finish(
        session["id"],
        status="canceled" if offer_id is None else "saved",
        offer_id=offer_id,
        **settings,
    )
    return session, read_session(json.dumps(session).encode())


def test_a_cancelled_session_reads_whole() -> None:
    session, read = simulated(comment="Too dear for me")

    assert read == FlowSession(
        session_id=session["id"],
        status=FlowStatus.CANCELED,
        subscription_id="sub_1",
        subscriber_id="cus_simulator",
        accepted=None,
        presented=(
            "offr_coupon",
            "offr_trial_extension",
            "offr_change_plan",
            "offr_pause_subscription",
            "offr_custom",
        ),
        reason=CancelReason("It is too expensive", "too_expensive"),
        answers=(
            Answered(
                "ques_reason", "multiple_choice", "Why are you leaving?", ("It is too expensive",)
            ),
            Answered("ques_comment", "text", "Anything to add?", ("Too dear for me",)),
        ),
        completed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("offer_id", "terms", "metadata"),
    [
        ("offr_coupon", CouponTerms(Decimal(25), None, "repeating", 3), {}),
        ("offr_trial_extension", TrialTerms(14), {}),
        ("offr_change_plan", PlanTerms("price_simulator_basic", prorate=True), {}),
        ("offr_pause_subscription", PauseTerms("month", 2, at_period_end=False), {}),
        ("offr_custom", CustomTerms(), {"code": "onboarding-call"}),
    ],
)
def test_every_offer_of_the_simulator_reads_to_its_terms(
    offer_id: str, terms: Terms, metadata: dict[str, str]
) -> None:
    _, read = simulated(offer_id)
    assert (read.status, read.accepted) == (
        FlowStatus.SAVED,
        AcceptedOffer(offer_id, terms, metadata),
    )


def test_there_is_a_test_for_every_offer_of_the_simulator() -> None:
    assert {offer["type"] for offer in ProsperStackSimulator().offers} == {
        "coupon",
        "trial_extension",
        "change_plan",
        "pause_subscription",
        "custom",
    }


def test_a_session_needs_no_more_than_its_id_and_status() -> None:
    assert read() == FlowSession(session_id=read().session_id, status=FlowStatus.CANCELED)


def test_null_is_as_good_as_nothing() -> None:
    assert read(**dict.fromkeys(SESSION_FIELDS)) == read()


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("saved", FlowStatus.SAVED),
        ("rerouted", FlowStatus.REROUTED),
        ("in_progress", FlowStatus.IN_PROGRESS),
        ("resumed", FlowStatus.UNKNOWN),
        ("postponed", FlowStatus.UNKNOWN),
        ("", FlowStatus.UNKNOWN),
    ],
)
def test_a_status_that_is_not_known_is_unknown(word: str, status: FlowStatus) -> None:
    assert read(status=word).status is status


@pytest.mark.parametrize(
    ("spelled", "completed_at"),
    [
        ("2026-03-01T12:00:00.500Z", datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01T14:00:00+02:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (None, None),
    ],
)
def test_the_end_of_a_session_is_read_as_utc(
    spelled: str | None, completed_at: datetime | None
) -> None:
    moment = read(completed_at=spelled).completed_at
    assert moment == completed_at
    assert moment is None or moment.tzinfo is UTC


# Whose session it is


@pytest.mark.parametrize(
    ("subscription", "subscription_id"),
    [
        pytest.param({"platform_id": "sub_1"}, "sub_1", id="the new name"),
        pytest.param({"payment_provider_id": "sub_1"}, "sub_1", id="the old name"),
        pytest.param(
            {"platform_id": "sub_1", "payment_provider_id": "sub_1"}, "sub_1", id="both names"
        ),
        pytest.param(
            {"platform_id": None, "payment_provider_id": "sub_1"},
            "sub_1",
            id="null under the new name",
        ),
        pytest.param(
            {"platform_id": "", "payment_provider_id": "sub_1"},
            "sub_1",
            id="nothing under the new name",
        ),
        pytest.param(
            {"platform_id": "sub_1", "payment_provider_id": ""},
            "sub_1",
            id="nothing under the old name",
        ),
        pytest.param({"platform_id": 17}, "17", id="a custom platform's number"),
        pytest.param(
            {"platform_id": 17, "payment_provider_id": "17"}, "17", id="a number and its text"
        ),
        pytest.param({"id": "subn_1"}, None, id="the vendor's own id alone"),
        pytest.param(None, None, id="no subscription"),
    ],
)
def test_the_platforms_id_is_read_under_its_new_and_its_old_name(
    subscription: dict[str, Any] | None, subscription_id: str | None
) -> None:
    assert read(subscription=subscription).subscription_id == subscription_id
    assert read(subscriber=subscription).subscriber_id == subscription_id


@pytest.mark.parametrize("holder", ["subscription", "subscriber"])
@pytest.mark.parametrize(
    "ids",
    [
        {"platform_id": "sub_1", "payment_provider_id": "sub_2"},
        {"platform_id": "sub_1\0"},
        {"platform_id": "sub_1 "},
        {"platform_id": "sub_\ud800"},
        {"platform_id": "s" * 256},
        {"platform_id": True},
        {"platform_id": 1.5},
        {"platform_id": ["sub_1"]},
    ],
    ids=repr,
)
def test_a_platforms_id_that_leaves_a_doubt_is_refused(holder: str, ids: dict[str, Any]) -> None:
    with pytest.raises(VendorDataError):
        read(**{holder: ids})


# Offers


@pytest.mark.parametrize(
    ("changes", "terms"),
    [
        ({}, CouponTerms(Decimal(25), None, "repeating", 3)),
        ({"amount_off": "100"}, CouponTerms(Decimal(100), None, "repeating", 3)),
        ({"amount_off": "0.01"}, CouponTerms(Decimal("0.01"), None, "repeating", 3)),
        (
            {"coupon_type": "fixed", "amount_off": "10.50"},
            CouponTerms(None, Decimal("10.50"), "repeating", 3),
        ),
        (
            {"coupon_type": "fixed", "amount_off": "250"},
            CouponTerms(None, Decimal(250), "repeating", 3),
        ),
        ({"duration": "once", "months": 3}, CouponTerms(Decimal(25), None, "once")),
        ({"duration": "forever", "months": "many"}, CouponTerms(Decimal(25), None, "forever")),
        ({"months": 1}, CouponTerms(Decimal(25), None, "repeating", 1)),
        (
            {"apply_to": "subscriber"},
            CouponTerms(Decimal(25), None, "repeating", 3, to_customer=True),
        ),
        (
            {"platform_coupon_id": "SAVE-25"},
            CouponTerms(Decimal(25), None, "repeating", 3, "SAVE-25"),
        ),
        (
            {"payment_provider_coupon_id": "SAVE-25"},
            CouponTerms(Decimal(25), None, "repeating", 3, "SAVE-25"),
        ),
        ({"platform_coupon_id": ""}, CouponTerms(Decimal(25), None, "repeating", 3)),
    ],
)
def test_a_coupon_reads_to_its_terms(changes: dict[str, Any], terms: CouponTerms) -> None:
    assert terms_of({**COUPON, **changes}) == terms


def test_a_coupon_goes_to_the_subscription_unless_the_vendor_says_otherwise() -> None:
    assert (
        terms_of(without(COUPON, "apply_to"))
        == terms_of({**COUPON, "apply_to": None})
        == terms_of(COUPON)
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"coupon_type": None}, "coupon_type_missing"),
        ({"coupon_type": "percent"}, "coupon_type_missing"),
        ({"coupon_type": ["fixed"]}, "coupon_type_missing"),
        *(
            ({"amount_off": amount}, "bad_amount")
            for amount in (
                None,
                25,
                25.0,
                "",
                "0",
                "0.00",
                "-5",
                "+5",
                "100.01",
                "1e1",
                "NaN",
                "Infinity",
                "25%",
                "25,00",
                " 25",
                "25.",
                ".5",
                "0.00001",
                "٢٥",
                "1_0",
                ["25"],
            )
        ),
        ({"coupon_type": "fixed", "amount_off": "0"}, "bad_amount"),
        ({"coupon_type": "fixed", "amount_off": "123456789"}, "bad_amount"),
        ({"duration": "twice"}, "bad_duration"),
        ({"duration": None}, "bad_duration"),
        ({"duration": {}}, "bad_duration"),
        *(({"months": months}, "bad_months") for months in (None, 0, -1, 121, 1.5, 3.0, "3", True)),
        ({"apply_to": "everybody"}, "bad_apply_to"),
        ({"apply_to": True}, "bad_apply_to"),
        ({"platform_coupon_id": "../coupons"}, "bad_coupon_id"),
        ({"platform_coupon_id": 7}, "bad_coupon_id"),
        ({"platform_coupon_id": "A", "payment_provider_coupon_id": "B"}, "conflicting_ids"),
    ],
)
def test_a_coupon_that_leaves_a_doubt_is_unusable(changes: dict[str, Any], code: str) -> None:
    assert terms_of({**COUPON, **changes}) == code


def test_a_coupon_without_its_type_is_unusable() -> None:
    assert terms_of(without(COUPON, "coupon_type")) == "coupon_type_missing"


@pytest.mark.parametrize(
    ("details", "terms"),
    [
        (TRIAL, TrialTerms(14)),
        ({**TRIAL, "days": 730}, TrialTerms(730)),
        (PLAN, PlanTerms("price_1", prorate=True)),
        (
            {"type": "change_plan", "payment_provider_plan_id": "price_1", "prorate": False},
            PlanTerms("price_1", prorate=False),
        ),
        (PAUSE, PauseTerms("month", 2, at_period_end=False)),
        (
            {**PAUSE, "interval": "day", "interval_count": 1},
            PauseTerms("day", 1, at_period_end=False),
        ),
        (
            {**PAUSE, "interval": "week", "pause_at": "period_end"},
            PauseTerms("week", 2, at_period_end=True),
        ),
        (
            {**PAUSE, "interval": "billing_cycle"},
            PauseTerms("billing_cycle", 2, at_period_end=False),
        ),
        ({**PAUSE, "interval": "indefinitely"}, PauseTerms("indefinitely", 0, at_period_end=False)),
        (
            {**PAUSE, "interval": "indefinitely", "interval_count": "x"},
            PauseTerms("indefinitely", 0, False),
        ),
        ({"type": "custom"}, CustomTerms()),
        ({"type": "custom", "anything": {"else": 1}}, CustomTerms()),
    ],
)
def test_any_other_offer_reads_to_its_terms(details: dict[str, Any], terms: Terms) -> None:
    assert terms_of(details) == terms


@pytest.mark.parametrize(
    ("details", "code"),
    [
        *(
            ({**TRIAL, "days": days}, "bad_days")
            for days in (None, 0, -1, 731, 14.5, "14", True, 10**30)
        ),
        ({"type": "trial_extension"}, "bad_days"),
        *(
            ({**PLAN, "platform_plan_id": plan}, "plan_missing")
            for plan in (None, "", "a/b", "a.b", 7, "p" * 256)
        ),
        ({**PLAN, "payment_provider_plan_id": "price_2"}, "conflicting_ids"),
        ({**PLAN, "prorate": None}, "bad_prorate"),
        ({**PLAN, "prorate": "yes"}, "bad_prorate"),
        ({**PAUSE, "interval": "year"}, "bad_pause"),
        ({**PAUSE, "interval": None}, "bad_pause"),
        ({**PAUSE, "pause_at": "never"}, "bad_pause"),
        ({**PAUSE, "interval": "indefinitely", "pause_at": None}, "bad_pause"),
        *(
            ({**PAUSE, "interval_count": count}, "bad_pause")
            for count in (None, 0, 731, 1.5, "2", True)
        ),
        ({"type": "free_gift"}, "unknown_offer_type"),
        ({"type": "downgrade"}, "unknown_offer_type"),
        ({"type": 5}, "unknown_offer_type"),
        ({}, "unknown_offer_type"),
    ],
)
def test_an_offer_that_leaves_a_doubt_is_unusable(details: dict[str, Any], code: str) -> None:
    assert terms_of(details) == code


@pytest.mark.parametrize(
    ("type_", "details", "expected"),
    [
        ("trial_extension", TRIAL, AcceptedOffer("offr_1", TrialTerms(14))),
        ("trial_extension", {"days": 14}, AcceptedOffer("offr_1", TrialTerms(14))),
        ("trial_extension", {"type": None, "days": 14}, AcceptedOffer("offr_1", TrialTerms(14))),
        ("custom", None, AcceptedOffer("offr_1", CustomTerms())),
        ("coupon", TRIAL, UnusableOffer("offr_1", Code.CONFLICTING_TYPES)),
        (None, None, UnusableOffer("offr_1", Code.UNKNOWN_OFFER_TYPE)),
    ],
)
def test_an_offers_type_stands_on_the_offer_in_its_details_or_on_both(
    type_: str | None, details: dict[str, Any] | None, expected: AcceptedOffer | UnusableOffer
) -> None:
    assert accept(details, type=type_) == expected


def test_an_offer_whose_id_is_none_of_the_vendors_is_unusable() -> None:
    assert accept(TRIAL, id="offr/../1\0") == UnusableOffer("offr/../1\ufffd", Code.BAD_OFFER_ID)
    assert accept(TRIAL, id="") == UnusableOffer("", Code.BAD_OFFER_ID)


def test_an_offers_metadata_becomes_texts() -> None:
    metadata = {
        "text": "a\0b",
        "number": 3,
        "decimal": 0.5,
        "yes": True,
        "no": False,
        "": "nameless",
    }
    left_out = {
        "null": None,
        "list": [1],
        "nested": {"a": 1},
        "huge": 10**400,
        "no number": float("nan"),
        "empty": "",
    }

    assert accept({"type": "custom"}, metadata=metadata | left_out) == AcceptedOffer(
        "offr_1",
        CustomTerms(),
        {"text": "a\ufffdb", "number": "3", "decimal": "0.5", "yes": "true", "no": "false"},
    )


@pytest.mark.parametrize("metadata", [None, [], "text", 3])
def test_metadata_that_is_no_object_is_none(metadata: object) -> None:
    assert accept({"type": "custom"}, metadata=metadata) == AcceptedOffer(
        "offr_1", CustomTerms(), {}
    )


def test_only_presented_offers_that_have_an_id_are_named() -> None:
    offers = [{"id": "offr_1", "type": "free_gift"}, {"id": "a b"}, {"id": "offr_2"}]
    assert read(offers_presented=offers).presented == ("offr_1", "offr_2")


# A customer's words


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("some words", ("some words",)),
        (None, ()),
        ("", ()),
        ([{"id": "qopt_1", "text": "One"}, {"text": "Two"}], ("One", "Two")),
        ({"id": "qopt_1", "text": "One"}, ("One",)),
        (["One", "Two"], ("One", "Two")),
        ([{"id": "qopt_1"}, {"text": None}, None, [["deep"]]], ()),
        ({"text": {"text": "deep"}}, ()),
        (7, ("7",)),
        (True, ("true",)),
        ("a\0\ud800b", ("a\ufffd\ufffdb",)),
        ("x" * 6_000, ("x" * 5_000,)),
    ],
)
def test_an_answer_is_a_text_one_choice_or_several(value: object, values: tuple[str, ...]) -> None:
    answer = {
        "question": {"id": "ques_1", "type": "multiple_choice", "text": "Why?"},
        "value": value,
    }
    assert read(answers=[answer]).answers == (
        Answered("ques_1", "multiple_choice", "Why?", values),
    )


def test_an_answer_keeps_the_vendors_view_of_its_sentiment() -> None:
    assert read(answers=[{"value": "Bye", "sentiment": "negative"}]).answers == (
        Answered(None, None, None, ("Bye",), "negative"),
    )


def test_the_reason_is_cleaned_and_shortened() -> None:
    reason = {"text": "\0" + "x" * 600, "reason_code": "c" * 300}
    assert read(cancel_reason=reason).reason == CancelReason("\ufffd" + "x" * 499, "c" * 255)


def test_half_a_surrogate_pair_in_a_comment_does_not_make_a_session_unreadable() -> None:
    session = read_session(
        rb'{"id": "sess_1", "status": "saved", "cancel_reason": {"text": "so \ud83d sad"}}'
    )
    assert session.reason.text == "so \ufffd sad"


# What is no session


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not JSON",
        b"null",
        b"[]",
        b'"sess_1"',
        b'{"id": "sess_1"}',
        b'{"status": "saved"}',
        b'{"id": "sess_1", "status": 5}',
        b'{"id": "sess_../x", "status": "saved"}',
        b'{"id": "", "status": "saved"}',
        b'{"id": "sess_1", "status": "saved"} x',
        b'{"id": "sess_1", "status": "saved", "x": NaN}',
        b'{"id": "sess_1", "status": "saved", "\\ud800": 1}',
        b'{"id": "sess_1", "status": "saved", "completed_at": "yesterday"}',
        b'{"id": "sess_1", "status": "saved", "completed_at": "2026-03-01T12:00:00"}',
        b'{"id": "sess_1", "status": "saved", "completed_at": "9999-12-31T23:59:59-10:00"}',
        b'{"id": "sess_1", "status": "saved", "offer_accepted": []}',
        b'{"id": "sess_1", "status": "saved", "offer_accepted": {"type": "coupon"}}',
        b'{"id": "sess_1", "status": "saved", "answers": {}}',
        b'{"id": "sess_1", "status": "saved", "cancel_reason": {"text": 5}}',
        b'{"id": "sess_1\xff", "status": "saved"}',
        b"[" * 100_000,
        b"1" * 10_000,
    ],
    ids=lambda data: repr(data[:60]),
)
def test_anything_else_is_refused(data: bytes) -> None:
    assert refusal_of(data) is not None


def test_a_session_is_at_most_256_kib() -> None:
    text = json.dumps(MINIMAL)
    assert refusal_of(text.ljust(MAX_SESSION_BYTES).encode()) is None
    assert refusal_of(text.ljust(MAX_SESSION_BYTES + 1).encode()) is not None


@pytest.mark.parametrize(("levels", "is_read"), [(31, True), (32, False)])
def test_a_session_is_at_most_32_levels_deep(levels: int, is_read: bool) -> None:
    nested = json.loads("[" * levels + "]" * levels)
    assert (refusal_of({**MINIMAL, "new": nested}) is None) is is_read
    assert (refusal_of({**MINIMAL, "new": {"a": 1, "b": nested[0]}}) is None) is is_read
    assert (refusal_of(json.dumps({**MINIMAL, "new": nested}).encode()) is None) is is_read


@given(data=json_values | st.fixed_dictionaries({"id": json_values, "status": json_values}))
@settings(max_examples=150)
def test_no_json_raises_anything_but_the_declared_error(data: Any) -> None:
    refusal_of(data)
    refusal_of(json.dumps(data).encode())


@given(
    fields=st.fixed_dictionaries({}, optional=dict.fromkeys(SESSION_FIELDS, json_values)),
    whole=st.booleans(),
)
@settings(max_examples=150)
def test_no_field_of_a_session_raises_anything_but_the_declared_error(
    fields: dict[str, Any], whole: bool
) -> None:
    data = {**MINIMAL, **fields}
    refusal_of(data if whole else json.dumps(data).encode())


@given(
    base=st.sampled_from([COUPON, PLAN, PAUSE, TRIAL]),
    changes=st.dictionaries(
        st.sampled_from(sorted({*COUPON, *PLAN, *PAUSE, *TRIAL, "payment_provider_plan_id"})),
        json_values,
        max_size=3,
    ),
    metadata=json_values,
)
@example(base=COUPON, changes={"amount_off": "0" * 8}, metadata={})
@settings(max_examples=200)
def test_every_offers_details_read_to_terms_for_the_ledger_or_to_a_code(
    base: dict[str, Any], changes: dict[str, Any], metadata: Any
) -> None:
    offer = accept({**base, **changes}, metadata=metadata)
    if isinstance(offer, AcceptedOffer):
        assert offer_from_json(offer_to_json(offer)) == offer
    else:
        assert isinstance(offer, UnusableOffer)
        assert offer.code


@given(data=st.binary(max_size=40))
@settings(max_examples=100)
def test_no_bytes_raise_anything_but_the_declared_error(data: bytes) -> None:
    refusal_of(data)


@pytest.mark.parametrize(
    "data",
    [
        b'Ada <ada@example.com>, "secret"',
        json.dumps({**MINIMAL, "id": "ada@example.com secret"}).encode(),
        {**MINIMAL, "status": ["secret"], "ada@example.com": 1},
        {
            **MINIMAL,
            "subscriber": {"platform_id": "secret", "payment_provider_id": "ada@example.com"},
        },
        {**MINIMAL, "subscription": {"platform_id": "secret\0ada@example.com"}},
        {**MINIMAL, "completed_at": "secret"},
        {**MINIMAL, "answers": [{"question": {"ada": "secret", "text": 3}}]},
        {**MINIMAL, "offer_accepted": {"id": "offr_1", "details": ["secret"]}},
    ],
    ids=repr,
)
def test_a_refusal_quotes_nothing_of_what_was_read(data: Any) -> None:
    refusal = refusal_of(data)
    assert refusal is not None
    assert "secret" not in str(refusal)
    assert "ada" not in str(refusal)
    assert refusal.__cause__ is None
    assert refusal.__suppress_context__ or refusal.__context__ is None


# Events


@pytest.mark.parametrize("name", ["flow_session_completed", "flow_session.completed"])
@pytest.mark.parametrize("key", ["id", "event_id"])
def test_an_event_reads_alike_from_the_api_and_from_a_webhook(name: str, key: str) -> None:
    event = read_event({key: "evt_1", "event": name, "data": MINIMAL})
    assert (event.event_id, event.name, event.session) == (
        "evt_1",
        "flow_session_completed",
        read(),
    )
    assert (event.created_at, event.problem) == (None, None)


def test_an_event_says_when_it_was_made() -> None:
    event = read_event(
        b'{"id": "evt_1", "event": "e", "data": {"id": "sess_1", "status": "saved"},'
        b' "created_at": "2026-03-01T13:00:00+01:00"}'
    )
    assert event.created_at == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "data", [None, {}, {"id": "pay_1", "amount": "10.00"}, {"id": "sess_1", "status": 5}, "text"]
)
def test_an_event_about_something_else_says_so_and_holds_up_no_other(data: object) -> None:
    events = [
        {"id": "evt_1", "event": "payment_made", "data": data},
        {"id": "evt_2", "event": "flow_session_completed", "data": MINIMAL},
    ]
    (odd, good), cursor = read_events(json.dumps({"data": events}).encode(), largest=10_000)
    assert (odd.event_id, odd.name, odd.session) == ("evt_1", "payment_made", None)
    assert odd.problem is Code.VENDOR_DATA
    assert odd.detail
    assert (good.session, good.problem, cursor) == (read(), None, None)


def test_one_session_that_is_nested_too_deep_holds_up_no_other_event() -> None:
    deep: Any = {**MINIMAL, "new": json.loads("[" * 40 + "]" * 40)}
    events = [
        {"id": f"evt_{at}", "event": "e", "data": data} for at, data in enumerate((deep, MINIMAL))
    ]
    (odd, good), _ = read_events(json.dumps({"data": events}).encode(), largest=10_000)
    assert (odd.session, good.session) == (None, read())


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"event": "e", "data": MINIMAL},
        {"id": "evt_1", "data": MINIMAL},
        {"id": "evt_1/..", "event": "e", "data": MINIMAL},
        {"id": "evt_1", "event_id": "evt_2", "event": "e", "data": MINIMAL},
        {"id": 5, "event": "e", "data": MINIMAL},
        {"id": "evt_1", "event": "e", "data": MINIMAL, "created_at": "noon"},
    ],
    ids=repr,
)
def test_an_event_without_one_id_a_name_and_a_date_is_refused_and_holds_up_no_other(
    event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    good = {"id": "evt_3", "event": "flow_session_completed", "data": MINIMAL}

    with pytest.raises(VendorDataError):
        read_event(event)
    with pytest.raises(VendorDataError):
        read_events(json.dumps({"data": [event]}).encode(), largest=10_000)
    events, _ = read_events(json.dumps({"data": [event, good]}).encode(), largest=10_000)

    assert [each.event_id for each in events] == ["evt_3"]
    assert "1 of a page of events cannot be read" in caplog.text


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [("abc=", "abc="), (None, None), ("", None), ("é", False), ("a\nb", False), (5, False)],
)
def test_a_pages_cursor_is_plain_text(cursor: object, expected: str | bool | None) -> None:
    page = json.dumps({"data": [], "next_cursor": cursor}).encode()
    if expected is False:
        with pytest.raises(VendorDataError):
            read_events(page, largest=100)
    else:
        assert read_events(page, largest=100) == ([], expected)


def test_a_page_is_as_long_as_is_said_and_no_longer() -> None:
    page = b'{"data": []}'
    assert read_events(page, largest=len(page)) == ([], None)
    with pytest.raises(VendorDataError):
        read_events(page, largest=len(page) - 1)


# Our proof


def marks(session: dict[str, Any]) -> dict[str, str]:
    return dict(read_session({"id": "sess_1", "status": "canceled", **session}).marks)


def valued(key: object, value: object) -> dict[str, Any]:
    return {"property": {"key": key}, "value": value}


def test_a_proof_is_found_in_meta_and_in_custom_properties() -> None:
    found = marks(
        {
            "meta": {"aiocancel": "p1.in.meta", "another": "x"},
            "subscriber": {"properties": [valued("opened_by", "p1.in.subscriber")]},
            "subscription": {"properties": [valued("seats", 7), valued("page", "p1.x.y")]},
        }
    )

    assert found == {
        "meta": "p1.in.meta",
        "property:opened_by": "p1.in.subscriber",
        "property:page": "p1.x.y",
    }


@pytest.mark.parametrize(
    "session",
    [
        {"meta": None},
        {"meta": "p1"},
        {"meta": ["aiocancel"]},
        {"meta": {"aiocancel": 7}},
        {"subscriber": {"properties": None}},
        {"subscriber": {"properties": {"opened_by": "p1"}}},
        {"subscription": {"properties": [None, 7, {}, {"property": None}, valued(7, "p1")]}},
        {"created_at": "yesterday", "meta": {}},
        {"created_at": 7},
    ],
    ids=repr,
)
def test_what_cannot_be_a_proof_spoils_no_session(session: dict[str, Any]) -> None:
    read = read_session({"id": "sess_1", "status": "canceled", **session})

    assert (read.marks, read.created_at) == ({}, None)


# What a browser hands over beside the end


def test_details_of_a_browser_are_read_like_those_of_the_api_and_marked_as_the_browsers() -> None:
    flows = ProsperStackSimulator()
    session = flows.create_session("sub_1")
    flows.finish(session["id"], status="saved", offer_id="offr_custom", comment="Too dear for me")

    told = read_details(session)

    by_api = read_session(session).details
    assert told.told_by == "browser"
    assert by_api.told_by == "vendor"
    assert (told.answers, told.presented, told.metadata) == (
        by_api.answers,
        by_api.presented,
        by_api.metadata,
    )
    assert told.comment == "Too dear for me"
    assert told.metadata == {"code": "onboarding-call"}
    assert "offr_custom" in told.presented
    assert "dear" not in repr(told)
    assert "onboarding" not in repr(told)


@pytest.mark.parametrize(
    "session",
    [
        {},
        {"answers": None, "offers_presented": None, "offer_accepted": None},
        {"answers": "no", "offers_presented": {}, "offer_accepted": []},
        {"answers": [1, None, "x", {"question": 7}], "offers_presented": [1, {}, {"id": 5}]},
        {"offer_accepted": {"id": 3}, "offers_presented": [{"id": "two\nlines"}]},
        {"answers": [{"\ud800": 1, "question": {"id": 1}}]},
    ],
)
def test_details_that_cannot_be_read_are_left_out_and_keep_nobody_from_leaving(
    session: dict[str, Any],
) -> None:
    told = read_details(session)
    assert (told.answers, told.presented, dict(told.metadata)) == ((), (), {})


def test_details_of_a_browser_are_bounded() -> None:
    told = read_details(
        {
            "answers": [{"value": "x" * 6_000}] * 500,
            "offers_presented": [{"id": "offr_1"}] * 500,
            "offer_accepted": {"id": "o", "metadata": {str(n): "y" * 6_000 for n in range(500)}},
        }
    )
    assert {len(told.answers), len(told.presented), len(told.metadata)} == {MAX_ANSWERS}
    assert {len(value) for answer in told.answers for value in answer.values} == {5_000}


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "answers": json_values,
            "offers_presented": json_values,
            "offer_accepted": json_values,
        },
    )
)
def test_details_of_a_browser_never_raise_and_can_be_stored(session: dict[str, Any]) -> None:
    stored = json.dumps(details_to_json(read_details(session)))
    assert details_from_json(json.loads(stored)) == read_details(session)
    assert "\\u0000" not in stored
