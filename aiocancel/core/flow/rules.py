"""What must not be put before a customer: the owner's rules, and those of places, as data. Pure.

A rule forbids kinds of offers, or the question why a customer leaves, wherever its condition is not false: of a
customer whose place nobody knows, the rules of every place hold. None of this is legal advice; each rule of a place
names its source, and what its wording leaves open is decided for the customer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from aiocancel.core.flow.answers import NO_ANSWERS, Answers
from aiocancel.core.flow.conditions import (
    Condition,
    PlaceIs,
    condition_from_json,
    condition_to_json,
)
from aiocancel.core.flow.field_checks import is_tuple
from aiocancel.core.flow.snapshot import Snapshot
from aiocancel.core.owners_words import ENGLISH, in_english, listed
from aiocancel.core.sentences import Sentence, Value
from aiocancel.core.stored_json import refuse_unknown
from aiocancel.errors import ConfigurationError

Subject = Literal["coupon", "trial", "pause", "plan", "custom", "question"]
"""What a rule may forbid: a kind of offer, or the question for the reason."""

Consent = Literal["permission", "declaration"]
"""What lifts a rule: the customer allowed an offer in this attempt, or has already declared to leave."""

SUBJECTS: Final[tuple[str, ...]] = get_args(Subject)
benefit: Final[tuple[Subject, ...]] = ("coupon", "trial", "plan", "custom")
"""Gifts, incentives and changed terms; a pause, which changes neither price nor plan, is none."""

everything: Final[tuple[Subject, ...]] = (*benefit, "pause", "question")
permission: Final = "permission"
declaration: Final = "declaration"


@dataclass(frozen=True, slots=True)
class FlowRule:
    """One prohibition; ``never`` begins it.

    Args:
        forbids: What must not be shown.
        condition: To whom; None for everybody.
        unless: What lifts it, None where nothing does.
        source: Where the rule comes from.
    """

    forbids: tuple[Subject, ...]
    condition: Condition | None = None
    unless: Consent | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        # Not which words: a newer release has more of them.
        if not is_tuple(self.forbids) or not self.forbids:
            raise ConfigurationError(
                f"FlowRule.forbids is a tuple of some of {', '.join(SUBJECTS)}"
            )
        if self.condition is not None and not isinstance(self.condition, Condition):
            raise ConfigurationError("FlowRule.condition is a condition, such as place('US-MN')")

    def where(self, condition: Condition) -> FlowRule:
        """Return the rule for those customers of whom the condition is not false."""
        if not isinstance(condition, Condition):
            raise ConfigurationError("where() takes a condition, such as place('US-MN')")
        return replace(self, condition=condition)

    def without(self, consent: Consent) -> FlowRule:
        """Return the rule lifted by the customer's ``permission``, or by their ``declaration`` to leave."""
        if consent not in get_args(Consent):
            raise ConfigurationError("without() takes permission or declaration")
        return replace(self, unless=consent)

    def holds(
        self, subject: Subject, snapshot: Snapshot, answers: Answers, given: Collection[Consent]
    ) -> bool:
        """Tell whether it forbids ``subject`` to this customer, who has given these consents."""
        if subject not in self.forbids or (self.unless is not None and self.unless in given):
            return False
        return self.condition is None or self.condition.holds(snapshot, answers) is not False

    def in_words(self) -> str:
        """Return it in English."""
        return in_english(self.as_sentence())

    def as_sentence(self) -> Sentence:
        """Return it for the owner of the flow."""
        subjects = [_known(f"subject_{each}", each) for each in self.forbids]
        rule = Sentence("never", {"subjects": listed("comma", subjects)})
        if self.condition is not None:
            rule = Sentence("rule_where", {"rule": rule, "condition": self.condition.as_sentence()})
        if self.unless is not None:
            consent = _known(f"consent_{self.unless}", self.unless)
            rule = Sentence("rule_without", {"rule": rule, "consent": consent})
        return rule


def _known(key: str, word: str) -> Value:
    """Return the sentence of a word; one of a newer release is told as it is."""
    return Sentence(key) if key in ENGLISH else word


def never(*subjects: Subject | Sequence[Subject]) -> FlowRule:
    """Begin a rule: ``never(benefit).where(place("US-MN")).without(permission)``.

    Args:
        subjects: Kinds of offers (``coupon``, ``trial``, ``pause``, ``plan``, ``custom``), ``question`` for the
            reason, or ``benefit`` and ``everything``, which are several.
    """
    flat: list[Subject] = []
    for each in subjects:
        flat.extend([each] if isinstance(each, str) else each)
    if not flat or any(each not in SUBJECTS for each in flat):
        raise ConfigurationError(f"never() takes some of {', '.join(SUBJECTS)}")
    return FlowRule(tuple(dict.fromkeys(flat)))


PLACE_RULES: Final[tuple[FlowRule, ...]] = (
    # One click must lead to the page with form and final button, and nothing may stand between.
    FlowRule(
        everything,
        PlaceIs(("DE",)),
        declaration,
        "Germany, § 312k BGB; OLG Düsseldorf 20 UKl 3/23; KG Berlin 5 UKl 10/25",
    ),
    # Whether a pause may be offered without permission is open, so it may not be here.
    FlowRule(
        (*benefit, "pause"),
        PlaceIs(("US-MN",)),
        permission,
        "Minnesota, Minn. Stat. 325G.56 to 325G.62",
    ),
)
"""California asks for the exit beside every offer, and every screen of ours has it; ``flow check`` proves that."""


def forbidding(
    rules: Iterable[FlowRule],
    subject: Subject,
    snapshot: Snapshot,
    answers: Answers,
    given: Collection[Consent] = (),
) -> FlowRule | None:
    """Return the first rule that forbids ``subject``, None where none does; the ones that nothing lifts come first.

    Args:
        rules: All rules that hold for the flow.
        subject: What is to be shown.
        snapshot: The customer's.
        answers: What the customer has said.
        given: The consents of the customer.
    """
    found = [rule for rule in rules if rule.holds(subject, snapshot, answers, given)]
    return min(found, key=lambda rule: rule.unless is not None, default=None)


def wait_for_the_declaration(rules: Iterable[FlowRule], snapshot: Snapshot) -> bool:
    """Tell whether a rule keeps something from this customer that may follow once they have declared to leave.

    Args:
        rules: All rules that hold for the flow.
        snapshot: The customer's.
    """
    return any(
        rule.unless == declaration
        and (rule.condition is None or rule.condition.holds(snapshot, NO_ANSWERS) is not False)
        for rule in rules
    )


def rule_to_json(rule: FlowRule) -> dict[str, Any]:
    """Return it as JSON values; ``rule_from_json`` is its inverse."""
    return {
        "forbids": list(rule.forbids),
        "condition": None if rule.condition is None else condition_to_json(rule.condition),
        "unless": rule.unless,
        "source": rule.source,
    }


def rule_from_json(data: Mapping[str, Any]) -> FlowRule:
    """Read the JSON of ``rule_to_json``; raises UnreadableLedgerError for another field."""
    refuse_unknown(data, FlowRule.__slots__, "a rule of a flow")
    condition = data["condition"]
    return FlowRule(
        tuple(data["forbids"]),
        None if condition is None else condition_from_json(condition),
        data["unless"],
        data["source"],
    )
