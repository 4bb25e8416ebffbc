"""Personal data leaves the ledger; keys and outcomes stay, so that nothing can be done twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from aiocancel.core.codes import Code
from aiocancel.postgres.connection import unavailable_on_outage
from aiocancel.postgres.evidence import hold_chain, seal_all

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection

# Small enough for workers not to notice.
BATCH: Final = 500

# Declarations of strangers wait under 'public_exit', which stands for no subscription.
SUBSCRIPTIONS_OF: Final = """
SELECT coalesce(array_agg(DISTINCT c.subscription_id), '{}') FROM aiocancel.claim c
    LEFT JOIN aiocancel.evidence_kept k ON k.claim_id = c.id
WHERE (c.customer_id = $1 OR k.customer_id = $1) AND c.subscription_id <> 'public_exit'
"""

# A claim that came from the flow vendor names no customer: it is known by its subscription.
FIND_FINISHED: Final = """
SELECT c.id FROM aiocancel.claim c
WHERE c.id > $1 AND c.erased_at IS NULL
  AND (c.customer_id = $2 OR c.customer_id = '' AND c.subscription_id = ANY($3) OR c.recorded_at < now() - $4::interval)
  AND NOT EXISTS (
    SELECT FROM aiocancel.action a
    WHERE a.claim_id = c.id
      AND (a.state IN ('waiting', 'running') OR aiocancel.waits_for_a_person(a.state, a.closed_at))
      AND NOT (a.kind = 'acknowledge' AND a.state = 'waiting'))
ORDER BY c.id LIMIT $5 FOR UPDATE OF c
"""

FIND_UNFINISHED: Final = """
SELECT a.id AS action_id, a.kind, a.state FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
WHERE c.erased_at IS NULL
  AND (c.customer_id = $1 OR c.customer_id = '' AND c.subscription_id = ANY($2) OR c.recorded_at < now() - $3::interval)
  AND (a.state IN ('waiting', 'running') OR aiocancel.waits_for_a_person(a.state, a.closed_at))
  AND NOT (a.kind = 'acknowledge' AND a.state = 'waiting')
ORDER BY a.id
"""

COUNT_ACTIONS: Final = "SELECT count(*) FROM aiocancel.action WHERE claim_id = ANY($1)"

# A letter that is still to come goes with the person's address; it holds nothing up.
ERASE: Final = """
WITH erased AS (
    UPDATE aiocancel.claim SET customer_id = '', reason_text = NULL, flow = NULL,
        declaration = NULL, erased_at = now()
    WHERE id = ANY($1) RETURNING id),
emptied AS (
    UPDATE aiocancel.action SET reason_text = NULL, payment_url = left(payment_url, 0),
        offer = offer || '{"metadata": {}}', closed_reason = CASE WHEN closed_reason IS NOT NULL THEN 'erased' END,
        state = CASE WHEN kind = 'acknowledge' AND state = 'waiting' THEN 'refused' ELSE state END,
        finished_at = CASE WHEN kind = 'acknowledge' AND state = 'waiting' THEN now() ELSE finished_at END,
        parked_code = CASE WHEN kind = 'acknowledge' AND state = 'waiting' THEN $2 ELSE parked_code END
    WHERE claim_id = ANY($1)),
forgotten AS (
    UPDATE aiocancel.acknowledgement SET letter = '{}', recipient = '', reference = NULL WHERE claim_id = ANY($1))
INSERT INTO aiocancel.journal (claim_id, entry) SELECT id, 'claim_erased' FROM erased ORDER BY id
"""

# The journal's trigger allows this for a claim that is erased, and nothing else.
ERASE_OPERATORS_WORDS: Final = """
UPDATE aiocancel.journal SET code = 'erased'
WHERE claim_id = ANY($1) AND entry IN ('action_closed', 'action_retried') AND code IS NOT NULL
"""

# The chain holds without it: a link has a salted hash of its content alone.
ERASE_EVIDENCE: Final = "DELETE FROM aiocancel.evidence_content WHERE claim_id = ANY($1)"

# Before the claim forgets whose it is: the customer may ask for the rest later.
KEEP_EVIDENCE: Final = """
INSERT INTO aiocancel.evidence_kept (claim_id, customer_id)
SELECT c.id, c.customer_id FROM aiocancel.claim c
WHERE c.id = ANY($1) AND EXISTS (SELECT FROM aiocancel.evidence_content e WHERE e.claim_id = c.id)
ON CONFLICT DO NOTHING
"""

COUNT_EVIDENCE: Final = """
SELECT count(DISTINCT claim_id) FROM aiocancel.evidence_content WHERE claim_id = ANY($1)
"""

FIND_KEPT: Final = """
SELECT k.claim_id FROM aiocancel.evidence_kept k JOIN aiocancel.claim c ON c.id = k.claim_id
WHERE k.claim_id > $1
  AND (k.customer_id = $2 OR k.customer_id = '' AND c.subscription_id = ANY($3) OR c.recorded_at < now() - $4::interval)
ORDER BY k.claim_id LIMIT $5
"""

ERASE_KEPT: Final = """
WITH gone AS (DELETE FROM aiocancel.evidence_kept WHERE claim_id = ANY($1) RETURNING claim_id)
INSERT INTO aiocancel.journal (claim_id, entry) SELECT claim_id, 'evidence_erased' FROM gone ORDER BY claim_id
"""

# A session has nothing to finish: what it led to is a claim. The figures go on counting it, without a person.
FIND_SESSIONS: Final = """
SELECT id FROM aiocancel.flow_session
WHERE id > $1 AND erased_at IS NULL
  AND (customer_id = $2 OR customer_id = '' AND subscription_id = ANY($3) OR opened_at < now() - $4::interval)
ORDER BY id LIMIT $5 FOR UPDATE
"""

ERASE_SESSIONS: Final = """
UPDATE aiocancel.flow_session SET customer_id = '', answers = '{}', snapshot = snapshot - 'columns', stripe = NULL,
    progress = '{}', state = CASE WHEN state = 'open' THEN 'abandoned' ELSE state END,
    ended_at = coalesce(ended_at, now()), erased_at = now()
WHERE id = ANY($1)
"""


@dataclass(frozen=True, slots=True)
class UnfinishedAction:
    """An action whose claim is left as it is until the action has ended or a person has closed it."""

    action_id: int
    kind: str
    state: str


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased, or would be, and what was left alone.

    ``evidence`` tells of how many claims that were erased before the evidence goes now, ``evidence_kept`` of how many
    it stays.
    """

    claims: int
    actions: int
    sessions: int
    evidence: int
    evidence_kept: int
    unfinished: Sequence[UnfinishedAction]


class Erasure:
    """Takes personal data out of the ledger, on one connection.

    Args:
        connection: Runs the statements.
        keep_evidence: Whether the personal part of what the chain of evidence holds stays, because the owner has to
            keep it for longer.
    """

    def __init__(self, connection: Connection, *, keep_evidence: bool = False) -> None:
        self._connection = connection
        self._keep_evidence = keep_evidence

    async def of_customer(self, customer_id: str, *, dry_run: bool = False) -> Erased:
        """Erase one customer's data; raises UnavailableError, and may be repeated then.

        Args:
            customer_id: The application's own id. Claims of the flow vendor that name nobody, on a subscription that
                this customer made claims about, are the customer's, too.
            dry_run: Only count.
        """
        with unavailable_on_outage():
            subscriptions = await self._connection.fetchval(SUBSCRIPTIONS_OF, customer_id)
        return await self._erase(customer_id, subscriptions, None, dry_run=dry_run)

    async def of_subscription(self, subscription_id: str, *, dry_run: bool = False) -> Erased:
        """Erase the claims about a subscription that name no customer; raises UnavailableError.

        Args:
            subscription_id: Stripe's id.
            dry_run: Only count.
        """
        return await self._erase(None, [subscription_id], None, dry_run=dry_run)

    async def older_than(self, age: timedelta, *, dry_run: bool = False) -> Erased:
        """Erase the data of every claim that was recorded longer ago; raises UnavailableError.

        Args:
            age: How long ago at least.
            dry_run: Only count.
        """
        return await self._erase(None, [], age, dry_run=dry_run)

    async def _erase(
        self,
        customer_id: str | None,
        subscriptions: Sequence[str],
        age: timedelta | None,
        *,
        dry_run: bool,
    ) -> Erased:
        whose = (customer_id, subscriptions, age)
        claims = actions = kept = after = 0
        with unavailable_on_outage():
            # First: what is kept in this run is not to be erased by it.
            evidence = 0 if self._keep_evidence else await self._erase_kept(whose, dry_run=dry_run)
            unfinished = await self._connection.fetch(FIND_UNFINISHED, *whose)
            while True:
                async with self._connection.transaction(isolation="read_committed"):
                    await hold_chain(self._connection)
                    found = await self._connection.fetch(FIND_FINISHED, after, *whose, BATCH)
                    if not found:
                        break

                    ids = [row["id"] for row in found]
                    actions += await self._connection.fetchval(COUNT_ACTIONS, ids)
                    if self._keep_evidence:
                        kept += await self._keep(ids, dry_run=dry_run)
                    if not dry_run:
                        await self._erase_claims(ids)

                    claims, after = claims + len(ids), ids[-1]
            sessions = await self._erase_sessions(whose, dry_run=dry_run)
        left = [UnfinishedAction(**row) for row in unfinished]
        return Erased(claims, actions, sessions, evidence, kept, left)

    async def _erase_claims(self, ids: Sequence[int]) -> None:
        await self._connection.execute(ERASE, ids, Code.WITHDRAWN)
        await self._connection.execute(ERASE_OPERATORS_WORDS, ids)
        if not self._keep_evidence:
            await self._connection.execute(ERASE_EVIDENCE, ids)

    async def _keep(self, ids: Sequence[int], *, dry_run: bool) -> int:
        """Let the evidence of claims stay that are erased next; returns of how many there is any."""
        if not dry_run:
            # What is not sealed yet would be erased before it is.
            await seal_all(self._connection)
            await self._connection.execute(KEEP_EVIDENCE, ids)
        return int(await self._connection.fetchval(COUNT_EVIDENCE, ids))

    async def _erase_kept(
        self, whose: tuple[str | None, Sequence[str], timedelta | None], *, dry_run: bool
    ) -> int:
        """Erase the evidence of claims that were erased before; returns of how many."""
        evidence = after = 0
        while True:
            async with self._connection.transaction(isolation="read_committed"):
                await hold_chain(self._connection)
                found = await self._connection.fetch(FIND_KEPT, after, *whose, BATCH)
                if not found:
                    return evidence

                ids = [row["claim_id"] for row in found]
                if not dry_run:
                    await self._connection.execute(ERASE_EVIDENCE, ids)
                    await self._connection.execute(ERASE_KEPT, ids)
                evidence, after = evidence + len(ids), ids[-1]

    async def _erase_sessions(
        self, whose: tuple[str | None, Sequence[str], timedelta | None], *, dry_run: bool
    ) -> int:
        sessions = after = 0
        while True:
            async with self._connection.transaction(isolation="read_committed"):
                await hold_chain(self._connection)
                if not dry_run:
                    # A run may be a fact of a claim that stays, and would be empty when it is sealed.
                    await seal_all(self._connection)
                found = await self._connection.fetch(FIND_SESSIONS, after, *whose, BATCH)
                if not found:
                    return sessions

                ids = [row["id"] for row in found]
                if not dry_run:
                    await self._connection.execute(ERASE_SESSIONS, ids)
                sessions, after = sessions + len(ids), ids[-1]
