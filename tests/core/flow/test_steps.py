"""The steps of a flow session: what leads where, what is refused, and what the second press does."""

from __future__ import annotations

import json

import pytest

from aiocancel.core.codes import Code
from aiocancel.core.flow.answers import LONGEST_ANSWER, Answers
from aiocancel.core.flow.definition import CouponOffer, FlowDefinition, PauseOffer
from aiocancel.core.flow.steps import (
    NO_OFFERS,
    AnswersGiven,
    ExitPressed,
    FittingOffers,
    FlowEvent,
    FlowProgress,
    FlowStep,
    FlowStepError,
    OfferAccepted,
    OfferDeclined,
    PermissionAnswered,
    SessionAbandoned,
    SessionState,
    advance,
    begin,
    begin_after,
    next_offer,
    progress_from_json,
    progress_to_json,
)
from aiocancel.errors import UnreadableLedgerError

HALF = CouponOffer("half_price", percent_off=50)
BREAK = PauseOffer("break", months=(1, 2), sentence="You can read.")
ONE = FlowDefinition(offers=(HALF, BREAK))
TWO = FlowDefinition(offers=(HALF, BREAK), offers_at_most=2)
BOTH = FittingOffers({"half_price": (), "break": (1, 2)})
PAUSE = FittingOffers({"break": (1, 2)})
ASKS = FittingOffers({}, needs_permission=True)
UNUSED = Answers("unused", None, "Too busy")
START = begin(may_ask=True)


def run(
    *events: FlowEvent, definition: FlowDefinition = TWO, fitting: FittingOffers = BOTH
) -> FlowProgress:
    progress = START
    for event in events:
        progress = advance(definition, progress, fitting, event)
    return progress


def refusal(progress: FlowProgress, event: FlowEvent, fitting: FittingOffers = BOTH) -> str:
    with pytest.raises(FlowStepError) as raised:
        advance(TWO, progress, fitting, event)

    assert raised.value.status == 409
    return raised.value.code


def test_session_begins_with_the_question_or_where_it_is_forbidden_with_the_exit() -> None:
    assert begin(may_ask=True).step is FlowStep.WHY
    assert begin(may_ask=False).step is FlowStep.EXIT


def test_answers_lead_to_the_best_offer_that_fits() -> None:
    progress = run(AnswersGiven(UNUSED))

    assert (progress.step, progress.on_screen, progress.answers) == (
        FlowStep.OFFER,
        "half_price",
        UNUSED,
    )


def test_session_after_the_declaration_offers_at_once_and_again_with_the_answer() -> None:
    opened = advance(TWO, begin_after(begin(may_ask=False)), PAUSE, AnswersGiven())
    assert (opened.step, opened.on_screen) == (FlowStep.OFFER, "break")

    # What is on the screen already stays there, where it still fits.
    answered = advance(TWO, opened, BOTH, AnswersGiven(UNUSED))
    assert (answered.on_screen, answered.answers) == ("break", UNUSED)

    silent = advance(ONE, begin_after(begin(may_ask=False)), NO_OFFERS, AnswersGiven())
    assert silent.step is FlowStep.EXIT
    assert advance(ONE, silent, BOTH, AnswersGiven(UNUSED)).on_screen == "half_price"
    assert begin_after(FlowProgress(answers=UNUSED)).answers == UNUSED


def test_offer_that_was_shown_before_the_declaration_does_not_come_back_and_counts() -> None:
    left = advance(TWO, run(AnswersGiven(UNUSED)), BOTH, ExitPressed())
    assert left.declined == ("half_price",)

    another = advance(TWO, begin_after(left), BOTH, AnswersGiven(UNUSED))
    assert (another.on_screen, another.shown) == ("break", ("half_price", "break"))

    assert advance(ONE, begin_after(left), BOTH, AnswersGiven(UNUSED)).step is FlowStep.EXIT
    # One that had given way to another answer was shown as well.
    gave_way = FlowProgress(shown=("break", "half_price"), declined=("half_price",))
    assert advance(TWO, begin_after(gave_way), BOTH, AnswersGiven()).step is FlowStep.EXIT


def test_no_answer_is_an_answer() -> None:
    assert run(AnswersGiven()).step is FlowStep.OFFER


def test_answers_lead_to_the_exit_where_no_offer_fits() -> None:
    assert run(AnswersGiven(UNUSED), fitting=NO_OFFERS).step is FlowStep.EXIT


def test_customer_who_comes_back_to_the_question_sees_the_same_offer_again() -> None:
    progress = run(AnswersGiven(UNUSED))

    again = advance(TWO, progress, BOTH, AnswersGiven(Answers("too_expensive")))

    assert again.shown == ("half_price",)
    assert again.on_screen == "half_price"
    assert again.answers.reason == "too_expensive"


@pytest.mark.parametrize(
    ("definition", "fitting", "step", "shown"),
    [
        (ONE, PAUSE, FlowStep.EXIT, ("half_price",)),
        (TWO, PAUSE, FlowStep.OFFER, ("half_price", "break")),
        (TWO, NO_OFFERS, FlowStep.EXIT, ("half_price",)),
        (TWO, ASKS, FlowStep.PERMISSION, ("half_price",)),
    ],
    ids=["no other may be shown", "another one", "nothing fits", "permission is needed"],
)
def test_offer_that_does_not_fit_another_reason_is_not_shown_for_it(
    definition: FlowDefinition, fitting: FittingOffers, step: FlowStep, shown: tuple[str, ...]
) -> None:
    progress = run(AnswersGiven(UNUSED), definition=definition)

    again = advance(definition, progress, fitting, AnswersGiven(Answers("too_expensive")))
    assert (again.step, again.shown) == (step, shown)
    first = advance(definition, progress, BOTH, AnswersGiven(UNUSED))

    assert (first.step, first.on_screen) == (FlowStep.OFFER, "half_price")


COUPON = FittingOffers({"half_price": ()})


def test_offer_that_another_reason_replaced_comes_back_with_its_own() -> None:
    first = run(AnswersGiven(UNUSED), fitting=COUPON)
    replaced = advance(TWO, first, PAUSE, AnswersGiven(Answers("too_expensive")))
    assert replaced.on_screen == "break"

    again = advance(TWO, replaced, COUPON, AnswersGiven(UNUSED))

    assert (again.step, again.on_screen) == (FlowStep.OFFER, "half_price")
    assert set(again.shown) == {"half_price", "break"}
    accepted = advance(TWO, again, COUPON, OfferAccepted("half_price"))
    assert accepted.accepted == "half_price"
    # A customer who declines it sees the other one, which was not declined.
    declined = advance(TWO, again, BOTH, OfferDeclined("half_price"))
    assert declined.on_screen == "break"
    left = advance(TWO, declined, BOTH, OfferDeclined("break"))
    assert (left.step, left.on_screen) == (FlowStep.EXIT, None)


def test_reason_that_is_not_on_the_screen_is_refused_and_words_are_shortened() -> None:
    assert refusal(START, AnswersGiven(Answers("bored"))) == Code.NOT_AT_THIS_STEP

    kept = run(AnswersGiven(Answers("unused", " x\0 ", "y" * 9_999))).answers
    assert kept.follow_up == "x\ufffd"
    assert kept.comment == "y" * LONGEST_ANSWER


def test_declined_offer_gives_way_to_the_next_one_and_never_comes_back() -> None:
    progress = run(AnswersGiven(UNUSED), OfferDeclined("half_price"))
    assert (progress.on_screen, progress.declined) == ("break", ("half_price",))

    progress = advance(TWO, progress, BOTH, OfferDeclined("break"))
    assert (progress.step, progress.on_screen) == (FlowStep.EXIT, None)

    progress = advance(TWO, progress, BOTH, AnswersGiven(UNUSED))
    assert progress.step is FlowStep.EXIT
    assert progress.shown == progress.declined == ("half_price", "break")


def test_declining_twice_is_declining_once() -> None:
    progress = run(AnswersGiven(UNUSED), OfferDeclined("half_price"))

    assert advance(TWO, progress, BOTH, OfferDeclined("half_price")) == progress


def test_no_more_offers_are_shown_than_the_definition_allows() -> None:
    progress = run(AnswersGiven(UNUSED), OfferDeclined("half_price"), definition=ONE)

    assert progress.step is FlowStep.EXIT
    assert next_offer(ONE, progress, list(BOTH.months)) is None


def test_accepting_the_offer_on_the_screen_ends_the_session() -> None:
    progress = run(AnswersGiven(UNUSED), OfferAccepted("half_price"))

    assert (progress.step, progress.state, progress.accepted) == (
        FlowStep.OUTCOME,
        SessionState.ACCEPTED,
        "half_price",
    )
    # A double click.
    assert advance(TWO, progress, BOTH, OfferAccepted("half_price")) == progress
    # One that comes after the offer has changed the subscription, so that it fits no more.
    assert advance(TWO, progress, NO_OFFERS, OfferAccepted("half_price")) == progress


def test_pause_is_accepted_with_one_of_its_choices() -> None:
    progress = run(AnswersGiven(UNUSED), fitting=PAUSE)

    accepted = advance(TWO, progress, PAUSE, OfferAccepted("break", 2))

    assert (accepted.accepted, accepted.months) == ("break", 2)
    assert refusal(accepted, OfferAccepted("break", 1), PAUSE) == Code.FLOW_SESSION_IS_OVER
    for months in (None, 3, 0, -1):
        event = OfferAccepted("break", months)
        assert refusal(progress, event, PAUSE) == Code.MONTHS_WERE_NOT_OFFERED


def test_offer_without_choices_takes_none() -> None:
    progress = run(AnswersGiven(UNUSED))

    assert refusal(progress, OfferAccepted("half_price", 1)) == Code.MONTHS_WERE_NOT_OFFERED


@pytest.mark.parametrize("event", [OfferAccepted("break", 1), OfferDeclined("break")])
def test_offer_that_was_not_shown_can_be_neither_accepted_nor_declined(event: FlowEvent) -> None:
    assert refusal(START, event) == Code.OFFER_WAS_NOT_SHOWN
    assert refusal(run(AnswersGiven(UNUSED)), event) == Code.OFFER_WAS_NOT_SHOWN


def test_declined_offer_cannot_be_accepted_any_more() -> None:
    progress = run(AnswersGiven(UNUSED), OfferDeclined("half_price"))

    assert refusal(progress, OfferAccepted("half_price")) == Code.OFFER_WAS_NOT_SHOWN


def test_offer_that_fits_no_more_is_refused_although_it_was_shown() -> None:
    progress = run(AnswersGiven(UNUSED))

    assert refusal(progress, OfferAccepted("half_price"), PAUSE) == Code.OFFER_NO_LONGER_FITS


def test_permission_is_asked_once_and_leads_to_the_offer() -> None:
    asked = run(AnswersGiven(UNUSED), fitting=ASKS)
    assert (asked.step, asked.shown) == (FlowStep.PERMISSION, ())

    allowed = advance(TWO, asked, BOTH, PermissionAnswered(True))
    assert (allowed.step, allowed.permission) == (FlowStep.OFFER, True)
    assert advance(TWO, allowed, BOTH, PermissionAnswered(True)) == allowed
    assert refusal(allowed, PermissionAnswered(False)) == Code.NOT_AT_THIS_STEP


def test_without_permission_no_offer_is_shown_and_it_is_not_asked_again() -> None:
    refused = run(AnswersGiven(UNUSED), PermissionAnswered(False), fitting=ASKS)

    assert (refused.step, refused.permission) == (FlowStep.EXIT, False)
    again = advance(TWO, refused, BOTH, AnswersGiven(UNUSED))
    assert (again.step, again.shown) == (FlowStep.EXIT, ())


def test_permission_that_was_not_asked_cannot_be_given() -> None:
    assert refusal(START, PermissionAnswered(True)) == Code.NOT_AT_THIS_STEP


def test_permission_is_not_asked_once_as_many_offers_were_shown_as_may_be() -> None:
    progress = run(AnswersGiven(UNUSED), OfferDeclined("half_price"), definition=ONE)

    assert advance(ONE, progress, ASKS, AnswersGiven(UNUSED)).step is FlowStep.EXIT


def states() -> dict[str, FlowProgress]:
    offered = run(AnswersGiven(UNUSED))

    return {
        "new": START,
        "new where nothing may be asked": begin(may_ask=False),
        "asked for permission": run(AnswersGiven(UNUSED), fitting=ASKS),
        "an offer on the screen": offered,
        "all declined": run(
            AnswersGiven(UNUSED), OfferDeclined("half_price"), OfferDeclined("break")
        ),
        "accepted": advance(TWO, offered, BOTH, OfferAccepted("half_price")),
        "abandoned": advance(TWO, offered, BOTH, SessionAbandoned()),
        "canceled": advance(TWO, offered, BOTH, ExitPressed()),
    }


@pytest.mark.parametrize("name", states())
def test_exit_works_from_every_state_and_the_second_press_is_the_first(name: str) -> None:
    progress = states()[name]

    left = advance(TWO, progress, NO_OFFERS, ExitPressed())

    assert (left.step, left.state) == (FlowStep.OUTCOME, SessionState.CANCELED)
    assert left.on_screen is None or name == "accepted"
    assert left.accepted == progress.accepted
    assert left.answers == progress.answers
    assert advance(TWO, left, BOTH, ExitPressed(Answers("other"))) == left


def test_exit_takes_the_answers_of_the_screen_that_it_was_pressed_on() -> None:
    left = run(ExitPressed(Answers("unused", None, "x" * 9_999)))

    assert left.answers.reason == "unused"
    assert left.answers.comment == "x" * LONGEST_ANSWER


def test_exit_works_with_a_reason_that_nobody_knows() -> None:
    left = run(ExitPressed(Answers("bored", None, "Bye")))

    assert left.state is SessionState.CANCELED
    assert left.answers == Answers(None, None, "Bye")


def test_offer_on_the_screen_is_declined_by_the_exit() -> None:
    assert run(AnswersGiven(UNUSED), ExitPressed()).declined == ("half_price",)
    assert run(AnswersGiven(UNUSED), OfferAccepted("half_price"), ExitPressed()).declined == ()


@pytest.mark.parametrize("name", ["accepted", "abandoned", "canceled"])
@pytest.mark.parametrize(
    "event",
    [
        AnswersGiven(),
        PermissionAnswered(True),
        OfferDeclined("half_price"),
        OfferAccepted("break", 1),
    ],
    ids=["answers", "permission", "decline", "accept"],
)
def test_session_that_is_over_allows_the_exit_alone(name: str, event: FlowEvent) -> None:
    assert refusal(states()[name], event) == Code.FLOW_SESSION_IS_OVER


@pytest.mark.parametrize("name", ["accepted", "canceled", "abandoned"])
def test_session_that_is_over_is_not_abandoned(name: str) -> None:
    progress = states()[name]

    assert advance(TWO, progress, BOTH, SessionAbandoned()) == progress


EVENTS: list[FlowEvent] = [
    AnswersGiven(),
    AnswersGiven(UNUSED),
    PermissionAnswered(True),
    PermissionAnswered(False),
    OfferDeclined("half_price"),
    OfferDeclined("break"),
    OfferAccepted("half_price"),
    OfferAccepted("break", 1),
    SessionAbandoned(),
    ExitPressed(),
]


@pytest.mark.parametrize(
    "fitting", [NO_OFFERS, PAUSE, BOTH, ASKS], ids=["none", "one", "two", "ask"]
)
def test_every_order_of_four_events_keeps_the_promises(fitting: FittingOffers) -> None:
    assert keeps_the_promises(START, fitting, events_left=4) > 100


def keeps_the_promises(before: FlowProgress, fitting: FittingOffers, *, events_left: int) -> int:
    """Follow every order of so many events; returns how many steps there were.

    A refused event leaves all as it was: what may follow it follows without it, too.
    """
    if events_left == 0:
        return 0
    steps = 0

    for event in EVENTS:
        try:
            progress = advance(TWO, before, fitting, event)
        except FlowStepError:
            continue
        assert len(progress.shown) <= TWO.offers_at_most
        assert len(set(progress.shown)) == len(progress.shown)
        assert set(progress.declined) <= set(progress.shown)
        assert progress.accepted is None or progress.accepted in progress.shown
        assert progress.accepted not in progress.declined
        # What was accepted stays so, and what has ended does not open again.
        assert before.accepted in (None, progress.accepted)
        if before.state is not SessionState.OPEN:
            assert progress.state in (before.state, SessionState.CANCELED)
        if progress.permission is False:
            assert progress.shown == before.shown
        if isinstance(event, ExitPressed):
            assert progress.state is SessionState.CANCELED
        assert progress_from_json(json.loads(json.dumps(progress_to_json(progress)))) == progress

        steps += 1 + keeps_the_promises(progress, fitting, events_left=events_left - 1)

    return steps


def test_progress_of_a_newer_release_is_refused() -> None:
    with pytest.raises(UnreadableLedgerError):
        progress_from_json(progress_to_json(START) | {"mood": "sad"})


@pytest.mark.parametrize(
    "other",
    [
        {"reason": {"key": "unused"}},
        {"comment": 5},
        {"accepted": ["half"]},
        {"shown": [{"key": "half"}]},
    ],
    ids=["reason", "comment", "accepted", "shown"],
)
def test_progress_of_another_shape_is_refused(other: dict[str, object]) -> None:
    with pytest.raises(UnreadableLedgerError):
        progress_from_json(progress_to_json(START) | other)
