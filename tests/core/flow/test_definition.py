"""The definition: what is refused and where, that it is data, and that its version is its own."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from aiocancel.core.claim_reason import FEEDBACK_VALUES
from aiocancel.core.flow.conditions import (
    Condition,
    column,
    country,
    in_trial,
    place,
    reason,
    tenure,
)
from aiocancel.core.flow.definition import (
    OTHER,
    STANDARD_REASONS,
    CouponOffer,
    FlowDefinition,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    Reason,
    TrialOffer,
    kind_of,
)
from aiocancel.core.flow.own_words import words_in
from aiocancel.core.flow.rules import benefit, never, permission
from aiocancel.errors import ConfigurationError, UnreadableLedgerError

FULL = FlowDefinition(
    reasons=[
        *STANDARD_REASONS,
        Reason(
            "moved",
            {"en": "I moved", "de": "Ich bin umgezogen"},
            feedback="unused",
            feedback_option="fbo_1",
            follow_up="Where to?",
            free_text=True,
        ),
    ],  # type: ignore[arg-type] # a list is what people write
    offers=(
        CouponOffer(
            "half_price",
            percent_off=Decimal("50.50"),
            months=3,
            when=reason("too_expensive") & tenure(at_least_months=2),
        ),
        CouponOffer("ten_off", amount_off={"eur": 1000, "jpy": 900}, months="forever"),
        PauseOffer("break", months=(1, 3), sentence={"en": "You can read."}, when=reason("unused")),
        PlanOffer("basic", "price_basic", at="period_end", changes=("No exports.",)),
        TrialOffer("more_time", 14, when=in_trial() | column("tier", "gold")),
        HandledOffer("call", "A call", "We show you how.", "Book a call"),
    ),
    hold_out_percent=10,
    at_most_one_gift_in_days=180,
    offers_at_most=2,
    rules=(never(benefit).where(place("US-MN")).without(permission), never("pause")),
)


def test_definition_comes_back_from_json_as_it_was() -> None:
    stored = json.loads(json.dumps(FULL.to_json()))

    again = FlowDefinition.from_json(stored)

    assert again == FULL
    assert again.version == FULL.version
    assert FlowDefinition.from_json(FlowDefinition().to_json()) == FlowDefinition()


def test_version_is_that_of_the_meaning_and_changes_with_it() -> None:
    one = FlowDefinition(offers=(CouponOffer("half", percent_off=50),))

    assert len(one.version) == 64
    assert one.version == FlowDefinition(offers=(CouponOffer("half", percent_off=50),)).version
    others = [
        FlowDefinition(offers=(CouponOffer("half", percent_off=51),)),
        FlowDefinition(offers=(CouponOffer("half", percent_off=50, months=2),)),
        FlowDefinition(offers=(CouponOffer("half", percent_off=50, when=in_trial()),)),
        FlowDefinition(offers=(CouponOffer("half", percent_off=50),), hold_out_percent=1),
        FlowDefinition(),
    ]
    assert len({one.version, *(other.version for other in others)}) == len(others) + 1


def test_version_of_the_default_flow_stays_as_it_is() -> None:
    # Stored with every session: another release must give the same flow the same version.
    assert (
        FlowDefinition().version
        == "52f1992ac994cbb83d056045be97d5d4d35385d77eb893e07b6b7a77d66044ad"
    )


def test_standard_reasons_are_stripes_eight_with_other_last() -> None:
    assert {each.key for each in STANDARD_REASONS} == FEEDBACK_VALUES
    assert STANDARD_REASONS[-1].key == OTHER
    assert all(each.stripe_feedback == each.key for each in STANDARD_REASONS)
    assert Reason("moved", "I moved").stripe_feedback == OTHER
    assert FULL.reasons[-1].stripe_feedback == "unused"


def test_parts_of_a_definition_are_found_by_their_keys() -> None:
    assert FULL.reason("unused") == Reason("unused")
    assert FULL.reason("bored") is FULL.reason(None) is None
    assert FULL.offer("call") == FULL.offers[-1]
    assert FULL.offer("gift") is FULL.offer(None) is None
    assert FULL.columns == {"tier"}

    assert [kind_of(each) for each in FULL.offers] == [
        "coupon",
        "coupon",
        "pause",
        "plan",
        "trial",
        "custom",
    ]


def test_reason_has_a_field_where_something_is_asked() -> None:
    assert not Reason("unused").has_field
    assert Reason("unused", free_text=True).has_field
    assert Reason("unused", follow_up="Why?").has_field


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("de", "Hallo"),
        ("de-AT", "Hallo"),
        ("DE", "Hallo"),
        ("pt_BR", "Oi"),
        ("fr", "Hello"),
        ("pt", "Hello"),
    ],
)
def test_words_fall_back_to_the_language_without_its_region_then_to_english(
    language: str, expected: str
) -> None:
    words = {"de": "Hallo", "en": "Hello", "pt-BR": "Oi"}

    assert words_in(words, language) == expected


def test_one_text_is_for_every_language_and_without_english_the_first_one_counts() -> None:
    assert words_in("Hello", "de") == "Hello"
    assert words_in({"nl": "Dag", "de": "Hallo"}, "fr") == "Dag"


MISTAKES: list[tuple[str, Any, str]] = [
    ("key", lambda: Reason("Too Expensive"), r"Reason: a key is lowercase"),
    ("key of another type", lambda: Reason(7), r"Reason: a key is lowercase"),  # type: ignore[arg-type]
    ("no words", lambda: Reason("moved"), r"Reason\('moved'\).words is missing"),
    ("empty words", lambda: Reason("moved", " "), r"Reason\('moved'\).words has 1 to 300"),
    ("long words", lambda: Reason("moved", "x" * 301), r"words has 1 to 300"),
    ("no language", lambda: Reason("moved", {}), r"words is a text"),
    ("bad language", lambda: Reason("moved", {"english!": "x"}), r"a language is a tag"),
    ("feedback", lambda: Reason("unused", feedback="bored"), r"Reason\('unused'\).feedback is"),
    ("option", lambda: Reason("unused", feedback_option="a/b"), r"feedback_option is Stripe's"),
    ("follow-up", lambda: Reason("unused", follow_up=""), r"follow_up has 1 to 300"),
    ("flag", lambda: Reason("unused", free_text=1), r"free_text must be"),  # type: ignore[arg-type]
    ("neither", lambda: CouponOffer("c"), r"CouponOffer\('c'\): give percent_off or"),
    ("both", lambda: CouponOffer("c", percent_off=1, amount_off={"eur": 1}), r"and not both"),
    ("a float", lambda: CouponOffer("c", percent_off=0.5), r"whole number or a Decimal"),  # type: ignore[arg-type]
    ("a flag", lambda: CouponOffer("c", percent_off=True), r"whole number or a Decimal"),
    ("zero", lambda: CouponOffer("c", percent_off=0), r"more than 0, at most 100"),
    ("too much", lambda: CouponOffer("c", percent_off=101), r"more than 0, at most 100"),
    ("no number", lambda: CouponOffer("c", percent_off=Decimal("NaN")), r"more than 0"),
    ("too exact", lambda: CouponOffer("c", percent_off=Decimal("1.23456")), r"at most 4 places"),
    ("no currencies", lambda: CouponOffer("c", amount_off={}), r"a sum for each currency"),
    ("a currency", lambda: CouponOffer("c", amount_off={"EUR": 1}), r"three lowercase letters"),
    (
        "no sum",
        lambda: CouponOffer("c", amount_off={"eur": 0}),
        r"amount_off\['eur'\] must be from",
    ),
    ("a fraction", lambda: CouponOffer("c", amount_off={"kwd": 1005}), r"amount_off\['kwd'\]: the"),
    ("unclear", lambda: CouponOffer("c", amount_off={"ugx": 100}), r"minor unit of ugx"),
    (
        "months",
        lambda: CouponOffer("c", percent_off=1, months=0),
        r"CouponOffer\('c'\).months must",
    ),
    ("word", lambda: CouponOffer("c", percent_off=1, months="ever"), r"months must be a whole"),  # type: ignore[arg-type]
    ("condition", lambda: TrialOffer("t", 3, when="x"), r"TrialOffer\('t'\).when is a condition"),  # type: ignore[arg-type]
    ("days", lambda: TrialOffer("t", 731), r"TrialOffer\('t'\).days must be from 1 to 730"),
    ("no sentence", lambda: PauseOffer("p"), r"PauseOffer\('p'\).sentence is missing"),
    ("blank sentence", lambda: PauseOffer("p", sentence=" "), r"sentence has 1 to 300"),
    ("no choice", lambda: PauseOffer("p", months=(), sentence="x"), r"months is a tuple"),
    ("twice", lambda: PauseOffer("p", months=(1, 1), sentence="x"), r"each choice once"),
    ("order", lambda: PauseOffer("p", months=(2, 1), sentence="x"), r"the shortest first"),
    ("long pause", lambda: PauseOffer("p", months=(13,), sentence="x"), r"from 1 to 12"),
    ("price", lambda: PlanOffer("b", "../x"), r"PlanOffer\('b'\).price is Stripe's id"),
    ("timing", lambda: PlanOffer("b", "price_1", at="later"), r"PlanOffer\('b'\).at is"),  # type: ignore[arg-type]
    ("changes", lambda: PlanOffer("b", "price_1", changes=("a",) * 4), r"at most 3 sentences"),
    ("a change", lambda: PlanOffer("b", "price_1", changes=("a", "")), r"changes\[1\] has"),
    ("title", lambda: HandledOffer("h", "", "s", "v"), r"HandledOffer\('h'\).title has"),
    ("verb", lambda: HandledOffer("h", "t", "s", "Cancel later"), r"which only the way out"),
    ("no list", lambda: FlowDefinition(offers="half"), r"offers is a list"),  # type: ignore[arg-type]
    (
        "a stray",
        lambda: FlowDefinition(offers=(Reason("unused"),)),  # type: ignore[arg-type]
        r"offers\[0\] is of type Reason",
    ),
    ("no reason", lambda: FlowDefinition(reasons=("unused",)), r"reasons\[0\] is of type str"),  # type: ignore[arg-type]
    (
        "one key twice",
        lambda: FlowDefinition(offers=(TrialOffer("a", 1), TrialOffer("a", 2))),
        r"offers\[1\].key: 'a' is there already",
    ),
    (
        "unknown reason",
        lambda: FlowDefinition(offers=(TrialOffer("a", 1, when=~reason("bored") | in_trial()),)),
        r"offers\[0\].when: there is no reason 'bored'",
    ),
    (
        "unknown reason of a rule",
        lambda: FlowDefinition(rules=(never("coupon").where(reason("bored")),)),
        r"rules\[0\]: there is no reason 'bored'",
    ),
    (
        "too many",
        lambda: FlowDefinition(offers=tuple(TrialOffer(f"t{n}", 1) for n in range(51))),
        r"at most 20 reasons and 50 offers",
    ),
    ("hold-out", lambda: FlowDefinition(hold_out_percent=101), r"hold_out_percent must be from 0"),
    ("gift days", lambda: FlowDefinition(at_most_one_gift_in_days=0), r"at_most_one_gift_in_days"),
    ("no offers", lambda: FlowDefinition(offers_at_most=0), r"offers_at_most must be from 1 to 3"),
    (
        "four offers",
        lambda: FlowDefinition(offers_at_most=4),
        r"offers_at_most must be from 1 to 3",
    ),
]


@pytest.mark.parametrize("name", [each[0] for each in MISTAKES])
def test_mistake_is_refused_at_the_start_and_names_its_field(name: str) -> None:
    (make, message), *others = [each[1:] for each in MISTAKES if each[0] == name]
    assert not others

    with pytest.raises(ConfigurationError, match=message):
        make()


@pytest.mark.parametrize(
    "place_of_it",
    ["definition", "reason", "offer", "kind"],
)
def test_definition_of_a_newer_release_is_refused(place_of_it: str) -> None:
    stored = FULL.to_json()
    match place_of_it:
        case "definition":
            stored["mood"] = 1
        case "reason":
            stored["reasons"][0]["mood"] = 1
        case "offer":
            stored["offers"][0]["mood"] = 1
        case _:
            stored["offers"][0]["kind"] = "lottery"

    with pytest.raises(UnreadableLedgerError):
        FlowDefinition.from_json(stored)


def test_definition_cannot_be_changed_after_it_was_checked() -> None:
    offers = [TrialOffer("a", 1)]
    definition = FlowDefinition(offers=offers)  # type: ignore[arg-type]

    offers.append(TrialOffer("a", 2))

    assert definition.offers == (TrialOffer("a", 1),)


def nested(count: int) -> Condition:
    condition: Condition = in_trial()
    for number in range(count):
        condition = (condition & country("DE")) if number % 2 else (condition | country("FR"))
    return condition


@pytest.mark.parametrize("turned", [False, True], ids=["plain", "turned round"])
def test_conditions_nested_more_deeply_than_can_be_read_back_are_refused(turned: bool) -> None:
    allowed = nested(19) if turned else nested(20)
    allowed = ~allowed if turned else allowed
    flow = FlowDefinition(offers=(CouponOffer("half", percent_off=50, when=allowed),))
    assert FlowDefinition.from_json(flow.to_json()) == flow

    with pytest.raises(ConfigurationError, match=r"offers\[0\].when: at most 20 conditions"):
        FlowDefinition(offers=(CouponOffer("half", percent_off=50, when=allowed | in_trial()),))
    with pytest.raises(ConfigurationError, match=r"rules\[0\]: at most 20 conditions"):
        FlowDefinition(rules=(never("coupon").where(nested(900)),))


def test_what_the_caller_changes_afterwards_changes_no_definition() -> None:
    amounts, words, change = {"eur": 1000}, {"en": "Gone"}, {"en": "Less"}
    flow = FlowDefinition(
        reasons=(Reason("gone", words),),
        offers=(
            CouponOffer("ten", amount_off=amounts),
            PlanOffer("less", "price_1", changes=(change,)),
        ),
    )
    version = flow.version

    amounts["eur"] = 999_999
    words["en"] = change["en"] = "Other"

    assert flow.version == version


def test_stored_definition_that_this_release_would_refuse_is_unreadable() -> None:
    stored = FlowDefinition().to_json()
    stored["reasons"][0]["key"] = "Not a key"

    with pytest.raises(UnreadableLedgerError):
        FlowDefinition.from_json(stored)
