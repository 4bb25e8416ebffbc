"""Print what every choice does to a subscription of every shape: ``python -m tests.support.offer_table``.

It writes ``examples/offer-table.md``. Nothing on that page is written by hand: its cells are the parameters of two
tests, the steps are what the package decides for them, and the calls are the bodies that it sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Final, assert_never

from aiocancel import StripeBilling
from aiocancel.billing import parameters
from aiocancel.core.actions import (
    ActionKind,
    AwaitPayment,
    Defer,
    Done,
    Refuse,
    Step,
    Supersede,
    Wait,
    Write,
)
from aiocancel.core.changes import (
    AddDiscount,
    Change,
    MoveEnd,
    PauseService,
    PlainChange,
    SchedulePrice,
)
from aiocancel.core.claim import NO_REASON
from aiocancel.core.schedules import MakeSchedule, ReleaseSchedule
from tests.core import test_actions
from tests.core.flow import test_eligibility
from tests.core.offers import test_apply
from tests.support import subscription_shapes as shapes
from tests.support.saas import STRIPE_KEY

PAGE: Final = Path(__file__).parents[2] / "examples" / "offer-table.md"
OFFERS: Final = test_apply.test_what_is_done_follows_from_the_offer_and_the_subscription
CANCELLATIONS: Final = (
    test_actions.test_every_shape_that_an_offer_meets_can_be_cancelled_and_resumed
)

OWN_FLOW: Final = (
    test_eligibility.test_every_kind_of_offer_fits_a_subscription_of_any_shape_or_says_why_not
)

_BILLING: Final = StripeBilling(api_key=STRIPE_KEY)
_SUBSCRIPTION: Final = "/v1/subscriptions/{id}"
_SCHEDULES: Final = "/v1/subscription_schedules"
_TIMES: Final = ("trial_end", "resumes_at", "start_date", "end_date")

_HEAD: Final = f"""# What every choice does, for every shape of subscription

This page is printed by `python -m tests.support.offer_table` from the tests' own tables and from the code that
decides; a [test](../tests/test_offer_table.py) keeps it so. A row's name is the name of its test: put it between
the brackets of the test that its section names, as in `pytest "<test>[<name>]"`.

In every row it is {shapes.NOW:%Y-%m-%d %H:%M} UTC, and unless the shape says otherwise the next payment is
due on {shapes.DUE:%Y-%m-%d}. Each subscription is read before its row is decided and again after the calls.
The letters stand for the calls above the table; their parameters are Stripe's own, times are written as dates.

- **done**: the calls are made, or the subscription is as wanted already; **scheduled**: it ends on that date.
- **parked**: nothing is changed, and an operator is told the code. The customer reads that a person will see to it.
- **waits**: nothing is changed yet; the worker looks again, and parks it when that takes too long.
- **promised**: nothing is changed yet, and the customer is told the date; the worker looks afresh on the day before,
  or, where a schedule at Stripe makes the change, an hour after it.
- **refused**: nothing is left to do, and no person is needed.

Below the offers of flow vendors and the cancellations stands, for each kind of offer that a flow of your own can make,
whether a subscription of that shape is **shown** it, or it is **left out** and why. Asked are the same functions.

A schedule in the way goes first, by the default `StripeBilling(schedule_policy="amend")`; the other policies are in
[`tests/core/test_schedules.py`](../tests/core/test_schedules.py).
"""
_NOTES: Final[Mapping[str, str]] = {
    "another plan at the period's end": "By a schedule at Stripe: nothing is charged or credited before. The call that "
    "makes the schedule is followed by another look, and that by the call for a schedule of the running period.",
    "a custom offer": "The application's own handler (`@cancel.on_offer`) carries a custom offer out; what is shown "
    "is what becomes of one that reaches Stripe's side all the same.",
    ActionKind.CANCEL_AT_PERIOD_END: "A customer may leave, whatever the shape of the subscription.",
    ActionKind.END_PAUSE: 'Where `OfferRules(pause_mechanism="pause")` paused the subscription itself.',
    ActionKind.EXPECT_CANCELLATION: 'With `applies_cancellation="vendor"` the flow vendor makes the change; '
    "we only read.",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One parameter of a table's test: what is chosen, the shape it meets, and what is decided now."""

    name: str
    choice: str
    shape: str
    step: Step
    calls: tuple[str, ...]


def node_id(test: Callable[..., None]) -> str:
    """Return the test's node id for pytest, without parameters."""
    return f"{test.__module__.replace('.', '/')}.py::{test.__name__}"


def offer_cells() -> Iterator[Cell]:
    """Decide every cell of the offers' table."""
    for name, (terms, (subscription, rules), _) in _parameters(OFFERS):
        decided = shapes.step(terms, subscription, rules=rules)
        calls = tuple(_offer_calls(decided)) if isinstance(decided, Write) else ()
        yield _cell(name, decided, calls)


def cancellation_cells() -> Iterator[Cell]:
    """Decide every cell of the cancellations' table."""
    for name, (kind, subscription, _) in _parameters(CANCELLATIONS):
        decided = test_actions.step_past_the_schedule(kind, subscription)
        calls = (
            (*_schedule_calls(decided), _plain_call(kind, decided))
            if isinstance(decided, Write)
            else ()
        )
        yield _cell(name, decided, calls)


def shown_cells() -> Iterator[tuple[str, str, str, str]]:
    """Judge every kind of offer of an own flow for every shape: name, offer, shape, and the judgement in words."""
    for name, (offer, shape, _) in _parameters(OWN_FLOW):
        judged = test_eligibility.judged_for(offer, shape)
        choices = f", for {' or '.join(map(str, judged.months))} months" if judged.months else ""
        words = f"shown{choices}" if judged.code is None else f"left out: `{judged.code}`"
        yield name, offer, shape, words


def page() -> str:
    """Return the whole page."""
    sections = [
        *_sections("Offer: ", OFFERS, offer_cells()),
        *_sections("", CANCELLATIONS, cancellation_cells()),
        *_shown_sections(),
    ]
    return "\n".join([_HEAD, *sections])


def _parameters(test: Callable[..., None]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    (mark,) = (mark for mark in vars(test)["pytestmark"] if mark.name == "parametrize")
    for parameter in mark.args[1]:
        yield parameter.id, parameter.values


def _cell(name: str, decided: Step, calls: tuple[str, ...]) -> Cell:
    choice, _, shape = name.partition(" when ")
    return Cell(name, choice, shape, decided, calls)


def _offer_calls(write: Write) -> Iterator[str]:
    yield from _schedule_calls(write)
    change = write.kept
    if isinstance(change, AddDiscount) and change.made is not None:
        yield _call("POST", "/v1/coupons", parameters.coupon(change.made, _BILLING))
    if isinstance(change, PauseService):
        yield _call("POST", f"{_SUBSCRIPTION}/pause", parameters.pause_service(change))
    elif isinstance(change, SchedulePrice):
        yield _call("POST", f"{_SCHEDULES}/{{id}}", parameters.plan_at_period_end(change))
    elif change is not None and not isinstance(change, MoveEnd):
        yield _call("POST", _SUBSCRIPTION, parameters.offer_change(change))


def _schedule_calls(write: Write) -> Iterator[str]:
    if write.schedule is not None:
        end = "/{id}/release" if isinstance(write.schedule, ReleaseSchedule) else "/{id}"
        end = "" if isinstance(write.schedule, MakeSchedule) else end
        params = parameters.schedule_change(write.schedule)
        yield _call("POST", f"{_SCHEDULES}{end}", params)


def _plain_call(kind: ActionKind, write: Write) -> str:
    match kind:
        case ActionKind.CANCEL_AT_PERIOD_END:
            return _cancellation_call(write)
        case ActionKind.CANCEL_NOW:
            return _call("DELETE", _SUBSCRIPTION, parameters.cancel_now(NO_REASON, _BILLING))
        case ActionKind.END_PAUSE:
            return _call("POST", f"{_SUBSCRIPTION}/resume", parameters.end_pause())
        case _:
            by_date = write.change is PlainChange.WITHDRAW_CANCELLATION_BY_DATE
            return _call("POST", _SUBSCRIPTION, parameters.resume(clears_cancel_at=by_date))


def _cancellation_call(write: Write) -> str:
    change: parameters.SetsEnd | MoveEnd = PlainChange.CANCEL_AT_PERIOD_END
    match write.change:
        case MoveEnd():
            change = write.change
        case PlainChange.CANCEL_NOW:
            return _call("DELETE", _SUBSCRIPTION, parameters.cancel_now(NO_REASON, _BILLING))
        case PlainChange.CANCEL_AT_LAST_PERIOD_END:
            change = PlainChange.CANCEL_AT_LAST_PERIOD_END
        case PlainChange.CANCEL_AT_BILLED_UNTIL:
            change = PlainChange.CANCEL_AT_BILLED_UNTIL
    return _call("POST", _SUBSCRIPTION, parameters.end(change, NO_REASON, _BILLING))


def _call(method: str, path: str, params: Mapping[str, Any]) -> str:
    return " ".join([f"`{method} {path}`", *(f"`{field}`" for field in _fields(params))])


def _fields(value: Any, name: str = "") -> Iterator[str]:
    """Yield ``name=value`` as Stripe's form encoding names it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _fields(inner, f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _fields(inner, f"{name}[{position}]")
    elif name.rstrip("]").endswith(_TIMES):
        yield f"{name}={datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%MZ}"
    else:
        yield f"{name}={str(value).lower() if isinstance(value, bool) else value}"


def _outcome(cell: Cell) -> str:
    match cell.step:
        case Write(change):
            return _written(cell.choice, change)
        case Done(receipt):
            until = "" if receipt.ends_at is None else f", ends {receipt.ends_at:%Y-%m-%d}"
            return f"done: it is {receipt.status}{until}"
        case Wait():
            return "waits"
        case Defer(_, takes_effect_at, by_schedule=True):
            return f"promised for {takes_effect_at:%Y-%m-%d}: it is planned already"
        case Defer(until, takes_effect_at):
            promised = "a payment" if takes_effect_at is None else f"{takes_effect_at:%Y-%m-%d}"
            return f"promised for {promised}, made on {until:%Y-%m-%d}"
        case AwaitPayment():
            return "waits for the payment"
        case Supersede(code):
            return f"refused: `{code}`"
        case Refuse(code):
            return f"parked: `{code}`"
        case _:  # pragma: no cover
            assert_never(cell.step)


def _written(choice: str, change: Change | PlainChange) -> str:
    match change:
        case PlainChange.CANCEL_NOW if choice == ActionKind.CANCEL_AT_PERIOD_END:
            return "done: it ends at once"
        case PlainChange.ONLY_THE_SCHEDULE:
            return "looked at once more, and planned in the schedule"
        case SchedulePrice():
            return f"promised for {change.takes_effect_at:%Y-%m-%d}"
        case _:
            return "scheduled" if choice == ActionKind.CANCEL_AT_PERIOD_END else "done"


def _sections(prefix: str, test: Callable[..., None], cells: Iterable[Cell]) -> Iterator[str]:
    for choice, group in groupby(cells, key=lambda cell: cell.choice):
        of_choice = list(group)
        yield f"## {prefix}{choice.replace('_', ' ')}\n"
        if note := _NOTES.get(choice):
            yield f"{note}\n"
        yield f"Test: `{node_id(test)}[…]`\n"
        # Most shapes have their calls in common: they are written once, and the rows name them.
        letters = dict(
            zip(
                dict.fromkeys(cell.calls for cell in of_choice if cell.calls),
                ascii_uppercase,
                strict=False,
            )
        )
        for calls, letter in letters.items():
            yield f"- **{letter}**: {', then '.join(calls)}"
        if letters:
            yield ""
        yield "| subscription | calls | outcome | name |"
        yield "|---|---|---|---|"
        for cell in of_choice:
            yield f"| {cell.shape} | {letters.get(cell.calls, '–')} | {_outcome(cell)} | `{cell.name}` |"
        yield ""


def _shown_sections() -> Iterator[str]:
    for offer, group in groupby(shown_cells(), key=lambda cell: cell[1]):
        yield f"## An own flow's offer: {offer}\n"
        yield f"Test: `{node_id(OWN_FLOW)}[…]`\n"
        yield "| subscription | in an own flow | name |"
        yield "|---|---|---|"
        yield from (f"| {shape} | {words} | `{name}` |" for name, _, shape, words in group)
        yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    cells = [*offer_cells(), *cancellation_cells(), *shown_cells()]
    print(f"{PAGE.relative_to(PAGE.parent.parent)}: {len(cells)} cells")
