"""What is counted at the end: at Stripe, in the ledger, and in the answers that customers got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.crash.customers import Customer
from tests.crash.stripe_account import StripeAccount
from tests.support.saas import Pool

MUST_BE_ZERO = (
    "lost",
    "doubled",
    "out_of_order",
    "overlaps",
    "not_final",
    "parked",
    "illegal",
    "dishonest",
    "bad_ends",
)
# How the journal of an action ends; it begins with its enqueueing, and anything may come in between.
_LAST_WORDS = ("action_applied", "action_parked", "action_refused")


_RECORDED = "SELECT public_id FROM aiocancel.claim WHERE NOT starts_with(customer_id, 'trouble_')"
# A worker that is stopped hands back what it has taken, and on a slow machine several are in a row.
_BESIDE = """
SELECT a.subscription_id, a.kind, a.state, a.parked_code, a.attempts
FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
WHERE starts_with(c.customer_id, 'trouble_') AND NOT CASE a.kind
    WHEN 'apply_offer' THEN a.parked_code = 'row_unreadable' AND a.attempts BETWEEN 1 AND 10
    ELSE a.state = 'refused' AND a.parked_code = 'flow_session_unknown'
        OR a.subscription_id = 'sub_trouble_flooder' AND a.parked_code = 'refused_on_the_page' END
"""


@dataclass
class Counts:
    """What a scenario came to; ``happened`` is what went wrong by intent, ``problems`` what went wrong at all."""

    scenario: str
    seed: int
    sessions: int
    accepted: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    overlaps: int = 0
    not_final: int = 0
    parked: int = 0
    illegal: int = 0
    dishonest: int = 0
    bad_ends: int = 0
    happened: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    may_overlap: bool = False

    @property
    def faultless(self) -> bool:
        return self.accepted == self.sessions and not self.problems and not self.failures

    @property
    def failures(self) -> dict[str, int]:
        counts = {name: count for name in MUST_BE_ZERO if (count := getattr(self, name))}
        return {
            name: count
            for name, count in counts.items()
            if name != "overlaps" or not self.may_overlap
        }

    def line(self) -> str:
        happened = ", ".join(f"{name} {count}" for name, count in self.happened.items())
        return (
            f"{self.scenario}: seed {self.seed}, {self.sessions} flow sessions, {self.accepted} accepted, "
            f"{self.lost} lost, {self.doubled} doubled, {self.out_of_order} out of order, {self.overlaps} overlaps, "
            f"{self.not_final} not final, {self.parked} parked, {self.illegal} illegal, "
            f"{self.dishonest} dishonest, {self.bad_ends} bad ends ({happened}; {self.seconds:.1f} s)"
        )


def count_at_stripe(counts: Counts, customers: Sequence[Customer], stripe: StripeAccount) -> None:
    for customer in customers:
        counts.accepted += len(customer.claims)
        expected, actual = customer.expected, stripe.kinds[customer.subscription_id]
        missing, surplus = Counter(expected) - Counter(actual), Counter(actual) - Counter(expected)
        counts.lost += missing.total()
        counts.doubled += surplus.total()
        counts.out_of_order += not missing and not surplus and expected != actual
        if expected != actual:
            counts.problems.append(
                f"{customer.subscription_id}: {expected} was asked for, {actual} happened"
            )

    # A coupon that an offer defines is made once, however many customers get it.
    made = [
        kind
        for object_id, kinds in stripe.kinds.items()
        if not object_id.startswith("sub_")
        for kind in kinds
    ]

    counts.doubled += max(0, len(made) - 1)
    counts.overlaps += len(stripe.overlaps)
    if not counts.may_overlap:
        counts.problems += [f"{path} was used by two at once" for path in stripe.overlaps]


async def count_in_ledger(counts: Counts, customers: Sequence[Customer], pool: Pool) -> None:
    for row in await pool.fetch(
        """
        SELECT a.subscription_id, a.kind, a.state, a.parked_code, a.attempts
        FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
        WHERE a.state <> 'done' AND NOT starts_with(c.customer_id, 'trouble_')
        """
    ):
        counts.parked += row["state"] in ("parked", "refused")
        counts.not_final += row["state"] not in ("parked", "refused")
        counts.problems.append(str(tuple(row)))

    # What was put beside the customers is final as well, and as it should be.
    for row in await pool.fetch(_BESIDE):
        counts.not_final += 1
        counts.problems.append(str(tuple(row)))

    claim_ids = {claim.claim_id for customer in customers for claim in customer.claims}
    recorded = {str(row[0]) for row in await pool.fetch(_RECORDED)}

    if recorded != claim_ids:
        counts.illegal += len(recorded ^ claim_ids)
        counts.problems.append(
            f"{len(recorded - claim_ids)} claims too many, {len(claim_ids - recorded)} too few"
        )

    unfinished = await pool.fetchval(
        """
        SELECT count(*) FROM aiocancel.claim
        WHERE recovery_point <> 'action_applied' AND NOT starts_with(customer_id, 'trouble_')
        """
    )

    untold = await pool.fetch(
        """
        SELECT a.id, a.state, coalesce(array_agg(j.entry ORDER BY j.id) FILTER (WHERE j.id IS NOT NULL), '{}') AS told
        FROM aiocancel.action a LEFT JOIN aiocancel.journal j ON j.action_id = a.id AND j.entry <> 'outcome_verified'
        WHERE a.claim_id IN (SELECT id FROM aiocancel.claim WHERE NOT starts_with(customer_id, 'trouble_'))
        GROUP BY a.id
        """
    )

    for action_id, state, told in untold:
        ends = [entry for entry in told if entry in _LAST_WORDS]
        if (
            told[:1] != ["actions_enqueued"]
            or len(ends) != (state in ("done", "parked", "refused"))
            or (ends and told[-1] != ends[0])
        ):
            counts.illegal += 1
            counts.problems.append(f"action {action_id} is {state}, its journal says {told}")

    if unfinished and not counts.not_final:
        counts.illegal += unfinished
        counts.problems.append(f"{unfinished} claims did not reach their last recovery point")
