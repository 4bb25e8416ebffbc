"""Letters in Postgres: what may be written about a claim, what was, and whether the mail server has it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg

from aiocancel.core.acknowledgement import ClaimToTell, LetterKind, kinds_of
from aiocancel.core.actions import Places
from aiocancel.core.declaration import Declaration, declaration_from_json
from aiocancel.postgres.claims import answer_in, given_in, problem_in
from aiocancel.postgres.connection import LedgerConnection
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.pgqueuer import Job, enqueue
from aiocancel.postgres.settling import FINISH, WAIT, Finish

HANDED_OVER: Final = "handed_over"
NOTHING_TO_TELL: Final = "nothing_to_tell"

# What is asked for decides; the letters that are written already, and the one of this action, are beside it.
LOOK: Final = """
SELECT c.public_id, c.customer_id, c.recorded_at, now() AS now, c.declaration, c.erased_at IS NOT NULL AS is_erased,
    c.change, c.answer, c.subscription_id, aiocancel.shown_state(a.state, a.closed_at) AS state, a.receipt_status,
    a.receipt_ends_at, a.takes_effect_at, a.payment_url, a.offer, a.change AS made, a.parked_code,
    mine.kind AS written_kind, mine.letter, mine.recipient, mine.public_id AS letter_id,
    mine.sending_since IS NOT NULL AS is_under_way, mine.handed_over_at IS NOT NULL AS is_handed_over,
    EXISTS (SELECT FROM aiocancel.action m
        WHERE m.id = $2 AND m.ordinal > aiocancel.follow_up_ordinal('acknowledge')) AS is_further,
    ARRAY(SELECT k.kind FROM aiocancel.acknowledgement k
        WHERE k.claim_id = c.id AND k.handed_over_at IS NOT NULL) AS told,
    (SELECT k.recipient FROM aiocancel.acknowledgement k
        WHERE k.claim_id = c.id AND k.action_id <> $2 ORDER BY k.action_id DESC LIMIT 1) AS last_recipient,
    EXISTS (SELECT FROM aiocancel.claim l JOIN aiocancel.acknowledgement k ON k.claim_id = l.id
        WHERE l.subscription_id = c.subscription_id AND l.customer_id = c.customer_id AND l.mode = c.mode
            AND l.id > c.id AND k.kind IN ('carried_out', 'has_ended') AND k.handed_over_at IS NOT NULL) AS is_followed
FROM aiocancel.claim c LEFT JOIN aiocancel.action a ON a.claim_id = c.id AND aiocancel.is_asked_for(a.kind)
    LEFT JOIN aiocancel.acknowledgement mine ON mine.action_id = $2
WHERE c.id = $1 ORDER BY a.ordinal
"""

# Kept before it is sent: a repetition must send the same, and one that was handed over gives its row to no other.
BEGIN: Final = """
INSERT INTO aiocancel.acknowledgement AS k (action_id, claim_id, public_id, kind, letter, recipient, sending_since)
SELECT a.id, a.claim_id, $4, $5, $6::jsonb, $7, now()
FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
WHERE a.id = $1 AND a.lease_owner = $2 AND a.attempts = $3 AND a.state = 'running' AND c.erased_at IS NULL
ON CONFLICT (action_id) DO UPDATE SET kind = excluded.kind, letter = excluded.letter, recipient = excluded.recipient,
    written_at = CASE WHEN k.sending_since IS NULL THEN now() ELSE k.written_at END,
    doubts = k.doubts + CASE WHEN k.sending_since IS NULL THEN 0 ELSE 1 END, sending_since = now()
    WHERE k.handed_over_at IS NULL
RETURNING k.doubts
"""

# This time it was not sent. One that may have arrived an earlier time stays as it was written, or one name would have
# two contents.
NOT_SENT: Final = """
UPDATE aiocancel.acknowledgement SET sending_since = CASE WHEN doubts = 0 THEN NULL ELSE sending_since END,
    doubts = greatest(doubts - 1, 0)
WHERE action_id = $1
"""

HANDED: Final = """
UPDATE aiocancel.acknowledgement SET sending_since = NULL, handed_over_at = coalesce(handed_over_at, now()),
    reference = coalesce(reference, $2)
WHERE action_id = $1
"""

NEXT: Final = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key, due_at)
SELECT a.claim_id, a.ordinal + 1, a.kind, a.subscription_id,
    aiocancel.wish_key(c.vendor, c.mode, c.subscription_id, c.flow_session_id, c.grant_nonce, a.kind, a.ordinal + 1),
    now() + $2::interval
FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
WHERE a.id = $1 AND a.ordinal + 1 < aiocancel.follow_up_ordinal('end_pause') AND c.erased_at IS NULL
ON CONFLICT DO NOTHING RETURNING id
"""

KEPT: Final = """
SELECT k.public_id, k.kind, k.letter, k.written_at, k.handed_over_at, k.recipient
FROM aiocancel.acknowledgement k JOIN aiocancel.claim c ON c.id = k.claim_id
WHERE c.public_id = $1 AND c.customer_id = $2 AND c.erased_at IS NULL ORDER BY k.action_id DESC LIMIT 1
"""

KEPT_BY_ID: Final = """
SELECT k.public_id, k.kind, k.letter, k.written_at, k.handed_over_at, k.recipient
FROM aiocancel.acknowledgement k JOIN aiocancel.claim c ON c.id = k.claim_id
WHERE k.public_id = $2 AND c.public_id = $1 AND c.erased_at IS NULL
"""

COMES: Final = """
SELECT (SELECT k.recipient FROM aiocancel.acknowledgement k WHERE k.claim_id = c.id ORDER BY k.action_id DESC LIMIT 1)
FROM aiocancel.claim c
WHERE c.public_id = $1 AND c.customer_id = $2 AND c.erased_at IS NULL AND EXISTS (
    SELECT FROM aiocancel.action a
    WHERE a.claim_id = c.id AND a.kind = 'acknowledge' AND a.state IN ('waiting', 'running'))
"""

DECLARED: Final = """
SELECT recorded_at, declaration FROM aiocancel.claim WHERE public_id = $1 AND customer_id = $2 AND erased_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class WrittenBefore:
    """The letter of this very action, as an earlier attempt wrote it.

    ``is_under_way`` where it may have arrived; ``is_handed_over`` where the mail server has it, and the action
    goes on.
    """

    letter_id: uuid.UUID
    kind: LetterKind
    letter: Mapping[str, Any] = field(repr=False)
    recipient: str = field(repr=False)
    is_under_way: bool
    is_handed_over: bool


@dataclass(frozen=True, slots=True)
class LetterDue:
    """All that the ledger knows for one letter; ``is_further`` where it is not the first about its claim."""

    claim: ClaimToTell
    claim_id: uuid.UUID
    customer_id: str = field(repr=False)
    received_at: datetime
    now: datetime
    declaration: Declaration | None = field(repr=False)
    written: WrittenBefore | None
    last_recipient: str | None = field(repr=False)
    is_erased: bool
    is_further: bool


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A letter as it was written to a customer."""

    letter_id: uuid.UUID
    kind: str
    letter: Mapping[str, Any] = field(repr=False)
    written_at: datetime
    handed_over_at: datetime | None
    recipient: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LetterComes:
    """A letter is still to be written; ``last_recipient`` is where the one before it went, None before the first."""

    last_recipient: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Declared:
    """When a claim came, and what was declared."""

    received_at: datetime
    declaration: Declaration | None = field(repr=False)


class Acknowledgements:
    """The letters of the ledger."""

    def __init__(self, connection: LedgerConnection) -> None:
        self._connection = connection

    async def look(self, taken: TakenAction) -> LetterDue:
        """Return what may be written about the claim of an action now."""
        rows = await self._connection.at_once(LOOK, taken.claim_id, taken.action_id)
        first = rows[0]

        answer = answer_in(rows)
        problem = problem_in(rows)
        age_s = (first["now"] - first["recorded_at"]).total_seconds()
        given = given_in(rows)
        if given is not None:
            answer = replace(answer, given=given)
        return LetterDue(
            claim=ClaimToTell(
                answer, kinds_of(first["told"]), age_s, problem, is_followed=first["is_followed"]
            ),
            claim_id=first["public_id"],
            customer_id=first["customer_id"],
            received_at=first["recorded_at"],
            now=first["now"],
            declaration=_declaration(first["declaration"]),
            written=_written(first),
            last_recipient=first["last_recipient"] or None,
            is_erased=first["is_erased"],
            is_further=first["is_further"],
        )

    async def begin(
        self,
        taken: TakenAction,
        letter_id: uuid.UUID,
        kind: LetterKind,
        letter: Mapping[str, Any],
        recipient: str,
    ) -> int | None:
        """Keep a letter before it is sent.

        Returns:
            How often it was sent before without a known answer; None where the lease is lost, the claim is
            erased, or the mail server has a letter of this action by now.
        """
        rows = await self._connection.at_once(
            BEGIN, *taken.lease, letter_id, kind, json.dumps(letter), recipient
        )
        return rows[0]["doubts"] if rows else None

    async def not_sent(self, taken: TakenAction) -> None:
        """Note that the mail server's answer is known, and that it does not have the letter."""
        await self._connection.at_once(NOT_SENT, taken.action_id)

    async def handed_over(
        self, taken: TakenAction, reference: str | None, *, next_in_s: float | None
    ) -> bool:
        """End the action, and let the next letter of the claim look later.

        Args:
            taken: The action.
            reference: The mail server's word for the letter, None where it gave none.
            next_in_s: In how many seconds the next letter looks; None where there is none.

        Returns:
            Whether the lease still stood. The letter counts as handed over in any case.
        """
        async with self._connection.transaction() as connection:
            await connection.execute(HANDED, taken.action_id, reference)
            finish = Finish(HANDED_OVER, journal_code=HANDED_OVER)
            settled = await connection.fetchrow(FINISH, *taken.lease, False, *finish)
            if settled is None:
                return False

            if next_in_s is not None:
                wait = timedelta(seconds=next_in_s)
                action_id = await connection.fetchval(NEXT, taken.action_id, wait)
                if action_id is not None:
                    await enqueue(connection, [Job(action_id, 0, next_in_s, places=Places.MAILS)])
            return True

    async def wait(self, taken: TakenAction, wait_s: float) -> bool:
        """Let the action look again later, which counts as no try; False where the lease is lost."""
        async with self._connection.transaction() as connection:
            wait = timedelta(seconds=wait_s)
            if not await connection.fetchval(WAIT, *taken.lease, wait, 1, "letter_waits", None):
                return False
            await enqueue(
                connection, [Job(taken.action_id, taken.attempt, wait_s, places=Places.MAILS)]
            )
        return True

    async def kept(self, claim_id: uuid.UUID, customer_id: str) -> KeptLetter | None:
        """Return the last letter about a claim, to the customer who made it."""
        rows = await self._connection.at_once(KEPT, claim_id, customer_id)
        return _kept(rows[0]) if rows and customer_id else None

    async def comes(self, claim_id: uuid.UUID, customer_id: str) -> LetterComes | None:
        """Tell whether a letter about a customer's claim is still to be written; None where none is."""
        rows = await self._connection.at_once(COMES, claim_id, customer_id)
        return LetterComes(rows[0]["recipient"] or None) if rows and customer_id else None

    async def declared(self, claim_id: uuid.UUID, customer_id: str) -> Declared | None:
        """Return when a claim came and what was declared, to the customer who made it."""
        rows = await self._connection.at_once(DECLARED, claim_id, customer_id)
        if not rows or not customer_id:
            return None
        return Declared(rows[0]["recorded_at"], _declaration(rows[0]["declaration"]))

    async def kept_by_id(self, claim_id: uuid.UUID, letter_id: uuid.UUID) -> KeptLetter | None:
        """Return a letter of a claim to a reader with a signed link to it."""
        rows = await self._connection.at_once(KEPT_BY_ID, claim_id, letter_id)
        return _kept(rows[0]) if rows else None


def _kept(row: asyncpg.Record) -> KeptLetter:
    return KeptLetter(
        letter_id=row["public_id"],
        kind=row["kind"],
        letter=json.loads(row["letter"]),
        written_at=row["written_at"],
        handed_over_at=row["handed_over_at"],
        recipient=row["recipient"],
    )


def _written(row: asyncpg.Record) -> WrittenBefore | None:
    if row["letter"] is None or row["written_kind"] not in set(LetterKind):
        return None
    return WrittenBefore(
        row["letter_id"],
        LetterKind(row["written_kind"]),
        json.loads(row["letter"]),
        row["recipient"],
        row["is_under_way"],
        row["is_handed_over"],
    )


def _declaration(stored: str | None) -> Declaration | None:
    if stored is None:
        return None
    try:
        return declaration_from_json(json.loads(stored))
    except (ValueError, LookupError, TypeError):
        # It is only spoken of: the letter is written in the first language, without it.
        return None
