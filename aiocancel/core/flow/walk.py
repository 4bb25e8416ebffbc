"""Every path through a flow, walked before a customer does, and proofs about all of them. Pure.

What is proved of every path, by the state machine that serves customers:

1. The exit works on every screen, and from there no screen follows but the outcome.
2. No answer is needed to go on.
3. No path has more screens than the owner allows.
4. No offer is shown that a rule forbids, or without the permission that a rule asks for.
5. No offer comes back once it was declined, and none is shown beyond the number that is allowed.
6. A customer who goes back to the question and gives another reason is shown no offer that this reason does not
   allow, and can take the one that is shown.
7. Where a rule keeps offers back until the customer has declared to leave, none is shown before. What the page of the
   outcome shows afterwards, without an answer and after one, is allowed then, needs no permission, can be taken, and is
   none that was turned down before.

A subscription may take any part of the offers that a definition allows, so every part is walked. Whether one takes them
is judged live, and is no matter of the definition.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.conditions import Condition
from aiocancel.core.flow.cost import (
    MONTHLY,
    YEARLY,
    Cost,
    cost_at_most,
    cost_of,
    gifts_a_year,
    highest_cost,
)
from aiocancel.core.flow.customers import KindOfCustomer, kinds_of_customers
from aiocancel.core.flow.definition import FlowDefinition, FlowOffer, PauseOffer, kind_of
from aiocancel.core.flow.eligibility import may_follow_a_declaration
from aiocancel.core.flow.rules import (
    Consent,
    FlowRule,
    declaration,
    forbidding,
    permission,
    wait_for_the_declaration,
)
from aiocancel.core.flow.steps import (
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
    SessionState,
    advance,
    begin,
    begin_after,
)
from aiocancel.core.offers.offer_rules import DEFAULT_RULES, OfferRules
from aiocancel.core.offers.terms import NO_LIMITS, OfferLimits
from aiocancel.core.owners_words import in_english
from aiocancel.core.sentences import Sentence, Value

MOST_SCREENS: Final = 6
# The screens of a customer who is asked and offered nothing before the declaration.
_AFTER: Final = (FlowStep.EXIT.value, FlowStep.OUTCOME.value)
_SCREENS: Final = (FlowStep.WHY, FlowStep.PERMISSION, FlowStep.EXIT, FlowStep.OUTCOME)
Advance: TypeAlias = Callable[
    [FlowDefinition, FlowProgress, FittingOffers, FlowEvent], FlowProgress
]


@dataclass(frozen=True, slots=True)
class FlowPath:
    """One customer's way through the flow.

    Args:
        customer: The kind of customer.
        reason: The reason chosen, None where the question was skipped or not asked.
        screens: The screens before the outcome, an offer by its key.
        end: How it ends.
    """

    customer: Value
    reason: str | None
    screens: tuple[str, ...]
    end: SessionState

    def as_sentence(self) -> Sentence:
        """Return it in one line, for the owner of the flow."""
        reason = (
            Sentence("if_no_reason")
            if self.reason is None
            else Sentence("if_reason", {"values": self.reason})
        )

        way: Value = ""
        for each in self.screens:
            # An offer is told by its key.
            screen = Sentence(f"screen_{each}") if each in _SCREENS else each
            way = Sentence("then", {"first": way, "last": screen}) if way else screen
        way = Sentence("then", {"first": way, "last": Sentence(f"end_{self.end}")})
        return Sentence("path", {"customer": self.customer, "reason": reason, "way": way})

    def in_words(self) -> str:
        """Return it in English."""
        return in_english(self.as_sentence())


@dataclass(frozen=True, slots=True)
class BrokenPromise:
    """A path on which something that must hold does not."""

    told: Sentence
    path: FlowPath

    @property
    def promise(self) -> str:
        """The promise in English."""
        return in_english(self.told)


@dataclass(frozen=True, slots=True)
class OfferOnPaths:
    """An offer, on how many paths it is shown, and the most it costs a year.

    ``most`` is for whichever rhythm of payments costs most.
    """

    offer: FlowOffer
    paths: int
    most: Cost
    monthly: Cost
    yearly: Cost


@dataclass(frozen=True, slots=True)
class Walked:
    """The result of a walk.

    Args:
        paths: How many there are.
        customers: How many kinds of customers the definition tells apart.
        most_screens: The screens of the longest path.
        offers: Each offer.
        most: The most that one customer can cost a year, from daily to yearly payments.
        most_monthly: The same, paid monthly.
        most_yearly: The same, paid yearly.
        broken: The first path of each promise that does not hold.
    """

    paths: int
    customers: int
    most_screens: int
    offers: tuple[OfferOnPaths, ...]
    most: Cost
    most_monthly: Cost
    most_yearly: Cost
    broken: tuple[BrokenPromise, ...]

    @property
    def never_shown(self) -> tuple[str, ...]:
        """The keys of the offers that no path shows."""
        return tuple(each.offer.key for each in self.offers if not each.paths)


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What a definition and its rules allow to one kind of customer with one reason."""

    reason: str | None
    asks: bool
    at_once: tuple[str, ...]
    with_permission: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """All that is allowed."""
        return (*self.at_once, *self.with_permission)

    def may_show(self, key: str, progress: FlowProgress) -> bool:
        """Tell whether an offer may be on the screen of a session that has come so far."""
        return key in self.at_once or (key in self.with_permission and progress.permission is True)


@dataclass(frozen=True, slots=True)
class _Row:
    """What one kind of customer is allowed, without a reason first and then with each.

    ``after`` is the same for a customer who has declared to leave; empty where no rule waits for that.
    """

    before: tuple[_Allowed, ...]
    after: tuple[_Allowed, ...] = ()


_ToldApart: TypeAlias = dict[_Row, KindOfCustomer]


def walk(
    definition: FlowDefinition,
    *,
    place_rules: Sequence[FlowRule] = (),
    rules: OfferRules = DEFAULT_RULES,
    limits: OfferLimits = NO_LIMITS,
    most_screens: int = MOST_SCREENS,
    machine: Advance = advance,
) -> Walked:
    """Walk every path.

    Args:
        definition: The flow.
        place_rules: The rules of places, where the application tells places.
        rules: How offers are carried out.
        limits: The bounds on every offer.
        most_screens: How many screens a path may have before its outcome.
        machine: The state machine; a test proves with broken ones that the walk finds what it looks for.

    Raises:
        ConfigurationError: The conditions tell more kinds of customers apart than can be walked.
    """
    all_rules = (*definition.rules, *place_rules)
    kinds = kinds_of_customers(_conditions(definition, all_rules))
    walker = _Walker(definition, machine, most_screens)
    told_apart = _told_apart(definition, all_rules, kinds)
    for allowed, kind in _each_once(told_apart).items():
        walker.walk(allowed, kind)
    for (first, then), kind in _each_pair_once(told_apart).items():
        walker.answer_again(first, then, kind)
    for (silent, then), kind in _each_after(told_apart).items():
        walker.follow_the_declaration(silent, then, kind)

    gifts = gifts_a_year(definition, limits)
    offers = tuple(
        OfferOnPaths(
            offer,
            walker.shown.get(offer.key, 0),
            cost_at_most(offer, rules, gifts),
            cost_of(offer, MONTHLY, rules, gifts),
            cost_of(offer, YEARLY, rules, gifts),
        )
        for offer in definition.offers
    )
    taken = [each for each in offers if each.paths]
    return Walked(
        walker.paths,
        len(kinds),
        walker.longest,
        offers,
        highest_cost([each.most for each in taken]),
        highest_cost([each.monthly for each in taken]),
        highest_cost([each.yearly for each in taken]),
        tuple(walker.broken.values()),
    )


def _conditions(definition: FlowDefinition, rules: Iterable[FlowRule]) -> list[Condition]:
    conditions = [*(offer.when for offer in definition.offers), *(rule.condition for rule in rules)]
    return [each for each in conditions if each is not None]


def _told_apart(
    definition: FlowDefinition, rules: Sequence[FlowRule], kinds: Sequence[KindOfCustomer]
) -> _ToldApart:
    """Return what each kind is allowed, with one reason after the other, and without one."""
    reasons = (None, *(reason.key for reason in definition.reasons))
    found: _ToldApart = {}
    for kind in kinds:
        before = tuple(_allowed(definition, rules, kind, reason) for reason in reasons)
        after: tuple[_Allowed, ...] = ()
        if wait_for_the_declaration(rules, kind.snapshot):
            after = tuple(_after(definition, rules, kind, reason) for reason in reasons)
        found.setdefault(_Row(before, after), kind)
    return found


def _after(
    definition: FlowDefinition, rules: Sequence[FlowRule], kind: KindOfCustomer, reason: str | None
) -> _Allowed:
    """Return what is allowed after the declaration: nobody is asked for a permission any more."""
    allowed = _allowed(definition, rules, kind, reason, declaration)
    can = {each.key for each in definition.offers if may_follow_a_declaration(each)}
    at_once = tuple(each for each in allowed.at_once if each in can)
    return replace(allowed, at_once=at_once, with_permission=())


def _each_once(told_apart: _ToldApart) -> dict[_Allowed, KindOfCustomer]:
    """Return what is allowed, with the first kind of each: kinds that are allowed the same are walked once."""
    found: dict[_Allowed, KindOfCustomer] = {}
    for row, kind in told_apart.items():
        for allowed in row.before:
            found.setdefault(allowed, kind)
    return found


def _each_pair_once(
    told_apart: _ToldApart,
) -> dict[tuple[_Allowed, _Allowed], KindOfCustomer]:
    """Return what one kind is allowed with one reason and with another one after it."""
    found: dict[tuple[_Allowed, _Allowed], KindOfCustomer] = {}
    for row, kind in told_apart.items():
        for first, then in itertools.permutations(row.before, 2):
            if first.asks and (first.keys or then.keys):
                found.setdefault((first, then), kind)
    return found


def _each_after(told_apart: _ToldApart) -> dict[tuple[_Allowed, _Allowed], KindOfCustomer]:
    """Return what one kind is allowed after the declaration, without a reason and with each, or without one again."""
    found: dict[tuple[_Allowed, _Allowed], KindOfCustomer] = {}
    for row, kind in told_apart.items():
        for then in row.after:
            found.setdefault((row.after[0], then), kind)
    return found


def _allowed(
    definition: FlowDefinition,
    rules: Sequence[FlowRule],
    kind: KindOfCustomer,
    reason: str | None,
    *given: Consent,
) -> _Allowed:
    answers, snapshot = Answers(reason), kind.snapshot
    at_once, with_permission = [], []
    for offer in definition.offers:
        if offer.when is not None and offer.when.holds(snapshot, answers) is not True:
            continue
        rule = forbidding(rules, kind_of(offer), snapshot, answers, given)
        if rule is None:
            at_once.append(offer.key)
        elif rule.unless == permission:
            with_permission.append(offer.key)

    asks = forbidding(rules, "question", snapshot, Answers(), given) is None
    return _Allowed(reason, asks, tuple(at_once), tuple(with_permission))


class _Walker:
    """Runs the state machine along every path, and notes the first one that breaks each promise."""

    def __init__(self, definition: FlowDefinition, machine: Advance, most_screens: int) -> None:
        self._definition = definition
        self._machine = machine
        self._most_screens = most_screens
        self.paths = self.longest = 0
        self.shown: dict[str, int] = {}
        self.broken: dict[str, BrokenPromise] = {}

    def walk(self, allowed: _Allowed, kind: KindOfCustomer) -> None:
        """Walk all paths of one kind of customer with one reason."""
        keys = [offer.key for offer in self._definition.offers if offer.key in allowed.keys]
        for count in range(min(len(keys), self._definition.offers_at_most) + 1):
            for taken in itertools.combinations(keys, count):
                self._follow(_Run(allowed, kind, taken), begin(may_ask=allowed.asks), ())

    def answer_again(self, first: _Allowed, then: _Allowed, kind: KindOfCustomer) -> None:
        """Go back to the question from every screen, and answer it otherwise.

        Args:
            first: What is allowed with the first answer.
            then: What is allowed with the second.
            kind: Whose session it is.
        """
        before = _Run(first, kind, first.keys)
        again = AnswersGiven(Answers(then.reason))

        for progress in self._open_screens(before, begin(may_ask=True), self._most_screens):
            # A subscription may take all of it, or nothing.
            for taken in (then.keys, ()):
                run = _Run(then, kind, taken)
                fitting = run.fitting(self._definition, progress, again)
                path = self._path(run, (*progress.shown, FlowStep.WHY.value), progress.state)
                try:
                    following = self._machine(self._definition, progress, fitting, again)
                except FlowStepError:
                    self._break("promise_buttons" if then.reason else "promise_no_answer", path)
                    continue
                self._check_offer_again(run, following, fitting, path)

    def follow_the_declaration(
        self, silent: _Allowed, then: _Allowed, kind: KindOfCustomer
    ) -> None:
        """Walk what may follow on the page of the outcome.

        Args:
            silent: What is allowed without an answer.
            then: What is allowed with the answer that is given.
            kind: Whose session it is.
        """
        keys = [each.key for each in self._definition.offers if each.key in silent.keys + then.keys]
        for count in range(min(len(keys), self._definition.offers_at_most) + 1):
            for taken in itertools.combinations(keys, count):
                before = _Run(silent, kind, tuple(each for each in taken if each in silent.keys))
                after = _Run(then, kind, tuple(each for each in taken if each in then.keys))

                opened = self._after(before, begin_after(FlowProgress()), AnswersGiven())
                if opened is None:
                    continue
                self._leave_it_at_that(before, opened)
                answered = self._after(after, opened, AnswersGiven(Answers(then.reason)))
                if answered is not None and silent.asks:
                    self._leave_it_at_that(after, answered)

        # An owner's rule may keep back only some of them: any other may have been shown before, and was turned down.
        run = _Run(silent, kind, silent.keys)
        for key in keys:
            self._after(run, begin_after(FlowProgress(shown=(key,))), AnswersGiven())

    def _after(self, run: _Run, progress: FlowProgress, event: AnswersGiven) -> FlowProgress | None:
        """Return what the page of the outcome shows next, and check it; None where the button does not work."""
        fitting = run.fitting(self._definition, progress, event)
        path = self._path(run, _AFTER, progress.state)
        try:
            following = self._machine(self._definition, progress, fitting, event)
        except FlowStepError:
            self._break("promise_no_answer" if event == AnswersGiven() else "promise_buttons", path)
            return None

        if following.step is FlowStep.PERMISSION or len(following.shown) > (
            self._definition.offers_at_most
        ):
            self._break("promise_most", path)
        if following.step is FlowStep.OFFER and following.on_screen in (None, *progress.declined):
            self._break("promise_declined", path)
        self._check_offer_again(run, following, fitting, path)
        return following

    def _leave_it_at_that(self, run: _Run, progress: FlowProgress) -> None:
        """Take the offer that is shown, in each of its choices, and nothing."""
        self._arrive(run, progress, _AFTER)
        if progress.step is not FlowStep.OFFER or (key := progress.on_screen) is None:
            return
        for _ in run.choices(self._definition, key) or (None,):
            self._arrive(run, progress, (*_AFTER, key))

    def _open_screens(self, run: _Run, progress: FlowProgress, most: int) -> Iterator[FlowProgress]:
        """Yield every screen that can be gone back from."""
        yield progress
        if most == 0:
            return

        for event in self._events(run, progress):
            fitting = run.fitting(self._definition, progress, event)
            try:
                following = self._machine(self._definition, progress, fitting, event)
            except FlowStepError:
                # The walk tells of it.
                continue
            if following.state is SessionState.OPEN:
                yield from self._open_screens(run, following, most - 1)

    def _check_offer_again(
        self, run: _Run, progress: FlowProgress, fitting: FittingOffers, path: FlowPath
    ) -> None:
        key = progress.on_screen if progress.step is FlowStep.OFFER else None
        if key is None:
            return
        if not run.allowed.may_show(key, progress):
            self._break("promise_forbidden", path)
        months = run.choices(self._definition, key) or (None,)
        try:
            self._machine(self._definition, progress, fitting, OfferAccepted(key, months[0]))
        except FlowStepError:
            self._break("promise_buttons", path)

    def _follow(self, run: _Run, progress: FlowProgress, before: tuple[str, ...]) -> None:
        here = progress.on_screen if progress.step is FlowStep.OFFER else progress.step.value
        screens = (*before, here or progress.step.value)
        self._check_screen(run, progress, screens)

        for event in self._events(run, progress):
            path = self._path(run, screens, progress.state)
            fitting = run.fitting(self._definition, progress, event)
            try:
                following = self._machine(self._definition, progress, fitting, event)
            except FlowStepError:
                is_silent = event == AnswersGiven(Answers())
                self._break("promise_no_answer" if is_silent else "promise_buttons", path)
                continue
            if following.state is SessionState.OPEN and len(screens) <= self._most_screens + 1:
                self._follow(run, following, screens)
            elif following.state is not SessionState.OPEN:
                self._arrive(run, following, screens)

    def _events(self, run: _Run, progress: FlowProgress) -> list[FlowEvent]:
        """Return everything that a customer can do on a screen."""
        found: list[FlowEvent] = [ExitPressed()]

        match progress.step:
            case FlowStep.WHY:
                found.append(AnswersGiven(Answers(run.allowed.reason)))
            case FlowStep.PERMISSION:
                found.extend([PermissionAnswered(True), PermissionAnswered(False)])
            case FlowStep.OFFER if (key := progress.on_screen) is not None:
                months = run.choices(self._definition, key) or (None,)
                found.extend(OfferAccepted(key, each) for each in months)
                found.append(OfferDeclined(key))
            case _:
                pass
        return found

    def _check_screen(self, run: _Run, progress: FlowProgress, screens: tuple[str, ...]) -> None:
        path = self._path(run, screens, progress.state)

        if len(screens) > self._most_screens:
            self._break("promise_screens", path)
        if not self._leaves_at_once(progress):
            self._break("promise_exit", path)
        if len(set(progress.shown)) != len(progress.shown):
            self._break("promise_declined", path)
        if len(progress.shown) > self._definition.offers_at_most:
            self._break("promise_most", path)
        for key in progress.shown:
            if not run.allowed.may_show(key, progress):
                self._break("promise_forbidden", path)

    def _leaves_at_once(self, progress: FlowProgress) -> bool:
        try:
            left = self._machine(self._definition, progress, FittingOffers(), ExitPressed())
        except FlowStepError:
            return False
        return (left.state, left.step) == (SessionState.CANCELED, FlowStep.OUTCOME)

    def _arrive(self, run: _Run, progress: FlowProgress, screens: tuple[str, ...]) -> None:
        self.paths += 1
        self.longest = max(self.longest, len(screens))
        for key in progress.shown:
            self.shown[key] = self.shown.get(key, 0) + 1

    def _path(self, run: _Run, screens: tuple[str, ...], end: SessionState) -> FlowPath:
        return FlowPath(run.kind.told, run.allowed.reason, screens, end)

    def _break(self, promise: str, path: FlowPath) -> None:
        told = Sentence(promise, {"number": self._most_screens})
        self.broken.setdefault(promise, BrokenPromise(told, path))


@dataclass(frozen=True, slots=True)
class _Run:
    """One kind of customer, with the offers that their subscription takes."""

    allowed: _Allowed
    kind: KindOfCustomer
    taken: tuple[str, ...]

    def fitting(
        self, definition: FlowDefinition, progress: FlowProgress, event: FlowEvent
    ) -> FittingOffers:
        """Return what may be shown after an event, as eligibility would."""
        allows = progress.permission or event == PermissionAnswered(True)
        waits = any(key in self.allowed.with_permission for key in self.taken)
        may = [key for key in self.taken if allows or key in self.allowed.at_once]
        months = {key: self.choices(definition, key) for key in may}
        return FittingOffers(months, waits and not allows)

    def choices(self, definition: FlowDefinition, key: str) -> tuple[int, ...]:
        """Return the lengths that a customer can choose."""
        offer = definition.offer(key)
        return offer.months if isinstance(offer, PauseOffer) else ()
