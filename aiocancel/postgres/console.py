"""What the owner's pages show of the ledger: what waits for a person, sessions, and one session as a story.

A page takes a connection for as long as its statements run, of few, and each of those has a time limit.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from aiocancel.core.by_hand import Operation
from aiocancel.core.identifiers import Mode
from aiocancel.errors import UnreadableLedgerError
from aiocancel.postgres.by_hand import Operations
from aiocancel.postgres.claims import answer_in
from aiocancel.postgres.connection import ACQUIRE_WITHIN_S, unavailable_on_outage
from aiocancel.postgres.public_exit import PUBLIC
from aiocancel.postgres.queue_stats import STATS
from aiocancel.postgres.report import STATEMENT_WITHIN_S, Figures

if TYPE_CHECKING:
    import asyncpg

    from aiocancel.core.decision import Answer
    from aiocancel.postgres.connection import Connection, Pool

MOST_WAITING: Final = 200
PAGE_SIZE: Final = 50
# For each sort of id. Where more ids begin with the words, only an id that equals them is looked for.
MOST_FOUND: Final = 500
# No session and no claim has an id above it.
LAST_ID: Final = 2**63 - 1
# A claim without a session is looked for among so many of the newest.
MOST_CLAIMS: Final = 2000
# No text sorts behind the one by its bytes, and no text that the database holds before the other.
_LAST_LETTER: Final = "\U0010ffff"
_FIRST_LETTER: Final = "\x01"

WAITING: Final = """
SELECT a.id AS action_id, a.kind, a.subscription_id, a.parked_code AS code, a.finished_at AS parked_at,
    a.attempts, c.id AS claim, coalesce(s.after_id, s.id) AS session, s.snapshot
FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
    LEFT JOIN aiocancel.flow_session s
        ON s.session_id = c.flow_session_id AND s.subscription_id = c.subscription_id AND s.vendor = c.vendor
WHERE aiocancel.waits_for_a_person(a.state, a.closed_at) AND c.mode = $1
ORDER BY a.finished_at, a.id LIMIT $2
"""

# What waits for a person is counted as it is listed, in one mode. A reading that was tried in vain is due again up to a
# day later, and is late all the same.
POLLED: Final = """
SELECT (SELECT extract(epoch FROM now() - max(polled_at))::float8 FROM aiocancel.event_cursor) AS vendor_s,
    (SELECT extract(epoch FROM now() - max(polled_at))::float8 FROM aiocancel.stripe_cursor) AS stripe_s,
    (SELECT max(slowness)::float8 FROM aiocancel.rate WHERE slowed_at > now() - interval '10 minutes') AS slowness,
    (SELECT count(*) FROM (
        SELECT FROM aiocancel.kept_reading r JOIN aiocancel.flow_session s ON s.id = r.session
        WHERE r.due_at < now() + interval '25 hours' AND (r.attempts > 0 OR r.due_at < now() - interval '1 day')
          AND s.opened_at + make_interval(days => r.day) < now() - interval '1 day' AND s.mode = $1
        LIMIT 1000) late) AS readings_late,
    (SELECT count(*) FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
        WHERE aiocancel.waits_for_a_person(a.state, a.closed_at) AND c.mode = $1) AS parked,
    (SELECT count(DISTINCT lease_owner) FROM aiocancel.action WHERE state = 'running') AS workers_busy,
    (SELECT count(*) FROM (SELECT FROM aiocancel.doorbell
        WHERE result IS NULL AND rung_at < now() - interval '10 minutes' LIMIT 1000) late) AS vendor_events_late,
    ARRAY(SELECT subscription_id FROM aiocancel.subscription_news WHERE reported <> '{}'
        ORDER BY subscription_id LIMIT 21) AS drifted
"""

# The newest writes, by the newest actions: enough to tell how Stripe is, however long the table.
WRITES: Final = """
SELECT count(*) AS sent, count(*) FILTER (WHERE t.result = 'accepted') AS accepted,
    count(*) FILTER (WHERE t.result IS NULL AND t.started_at < now() - interval '2 minutes') AS unanswered,
    max(t.ended_at) FILTER (WHERE t.result = 'accepted') AS accepted_at
FROM (SELECT id FROM aiocancel.action ORDER BY id DESC LIMIT 200) a CROSS JOIN LATERAL (
    SELECT * FROM aiocancel.attempt WHERE action_id = a.id ORDER BY number DESC LIMIT 100) t
WHERE t.started_at > now() - interval '1 day'
"""

# The newest of a range: of one moment the sessions before the claims, and what was stored last before the rest. A page
# begins behind the last row of the one before, at $3 with the ids below $8 and $9. Claims without a session are looked
# for no further back than the sessions of the page go, and among the newest $7 alone: all claims but a few have one. An
# older one is found by its id, and in its own days.
LIST: Final = """
WITH sessions AS (
    SELECT s.id AS session, NULL::bigint AS claim, s.opened_at AS started_at, s.subscription_id,
        s.snapshot ->> 'plan' AS plan,
        CASE WHEN s.snapshot ->> 'price_minor' ~ '^-?[0-9]{1,18}$'
            THEN (s.snapshot ->> 'price_minor')::bigint END AS price_minor,
        s.snapshot ->> 'currency' AS currency, s.snapshot ->> 'interval' AS price_interval,
        coalesce(s.reason, f.reason) AS reason, s.hold_out AS held_out,
        jsonb_array_length(s.shown) + coalesce(jsonb_array_length(f.shown), 0) AS offers_shown,
        coalesce(s.accepted_offer, f.accepted_offer) AS offer, taken.outcome, s.erased_at IS NOT NULL AS erased
    FROM aiocancel.flow_session s LEFT JOIN aiocancel.flow_session f ON f.after_id = s.id, LATERAL (SELECT CASE
        WHEN s.state = 'canceled' AND (EXISTS (SELECT FROM aiocancel.action r
            WHERE r.subscription_id = s.subscription_id AND r.kind = 'resume' AND r.state = 'done'
              AND r.finished_at > s.ended_at)
            OR f.state = 'accepted' AND EXISTS (SELECT FROM aiocancel.claim c JOIN aiocancel.action a
                ON a.claim_id = c.id WHERE c.subscription_id = f.subscription_id AND c.status = 'saved'
                AND c.flow_session_id = f.session_id AND a.kind = 'apply_offer' AND a.state = 'done'))
            THEN 'taken_back' ELSE s.state END AS outcome) taken
    WHERE s.mode = $1 AND s.opened_at >= $2 AND s.opened_at <= $3 AND (s.opened_at, s.id) < ($3, $8::bigint)
      AND s.after_id IS NULL
      AND ($5::text IS NULL OR s.reason = $5 OR s.id = ANY(ARRAY(
        SELECT g.after_id FROM aiocancel.flow_session g
        WHERE g.mode = $1 AND g.reason = $5 AND g.opened_at >= $2 AND g.after_id IS NOT NULL)))
      -- The first of the two is found by an index.
      AND ($4::text IS NULL OR s.state = CASE $4 WHEN 'taken_back' THEN 'canceled' ELSE $4 END)
      AND ($4::text IS NULL OR taken.outcome = $4)
    ORDER BY s.opened_at DESC, s.id DESC LIMIT $6),
claims AS (
    SELECT NULL::bigint AS session, c.id AS claim, c.recorded_at AS started_at, c.subscription_id,
        NULL AS plan, NULL::bigint AS price_minor, NULL AS currency, NULL AS price_interval,
        c.reason_code AS reason, false AS held_out,
        0 AS offers_shown, NULL AS offer, taken.outcome, c.erased_at IS NOT NULL AS erased
    FROM (SELECT * FROM aiocancel.claim
        WHERE uses_grant AND status = 'canceled' AND subscription_id <> 'public_exit' AND mode = $1
          AND recorded_at <= $3 AND (recorded_at, id) < ($3, $9::bigint)
          AND recorded_at >= (SELECT CASE WHEN count(*) < $6 THEN $2 ELSE min(started_at) END FROM sessions)
        ORDER BY recorded_at DESC, id DESC LIMIT $7) c, LATERAL (
        SELECT CASE WHEN EXISTS (SELECT FROM aiocancel.action r
            WHERE r.subscription_id = c.subscription_id AND r.kind = 'resume' AND r.state = 'done'
              AND r.finished_at > c.recorded_at) THEN 'taken_back' ELSE 'canceled' END AS outcome) taken
    WHERE NOT EXISTS (SELECT FROM aiocancel.flow_session s
        WHERE s.session_id = c.flow_session_id AND s.subscription_id = c.subscription_id)
      AND ($4::text IS NULL OR taken.outcome = $4) AND ($5::text IS NULL OR c.reason_code = $5)
    ORDER BY c.recorded_at DESC, c.id DESC LIMIT $6)
SELECT * FROM sessions UNION ALL SELECT * FROM claims
ORDER BY started_at DESC, session DESC NULLS LAST, claim DESC LIMIT $6
"""

# An id from $2 to just before $3, each by an index of its own; the customer's only where it may be shown. One more of
# each sort than are looked for tells that there are more.
FIND: Final = """
(SELECT coalesce(after_id, id) AS session, NULL::bigint AS claim, 1 AS sort FROM aiocancel.flow_session
 WHERE customer_id ~>=~ $2 AND customer_id ~<~ $3 AND $6 AND customer_id <> '' AND mode = $1 LIMIT $7 + 1)
UNION ALL (SELECT coalesce(after_id, id), NULL, 2 FROM aiocancel.flow_session
 WHERE subscription_id ~>=~ $2 AND subscription_id ~<~ $3 AND mode = $1 LIMIT $7 + 1)
UNION ALL (SELECT coalesce(after_id, id), NULL, 3 FROM aiocancel.flow_session
 WHERE session_id ~>=~ $2 AND session_id ~<~ $3 AND mode = $1 LIMIT $7 + 1)
UNION ALL (SELECT coalesce(s.after_id, s.id), NULL, 4 FROM aiocancel.claim c JOIN aiocancel.flow_session s
    ON s.session_id = c.flow_session_id AND s.subscription_id = c.subscription_id AND s.vendor = c.vendor
 WHERE c.public_id BETWEEN $4 AND $5 AND c.mode = $1 LIMIT $7 + 1)
UNION ALL (SELECT NULL, id, 5 FROM aiocancel.claim
 WHERE customer_id ~>=~ $2 AND customer_id ~<~ $3 AND $6 AND customer_id <> '' AND mode = $1 LIMIT $7 + 1)
UNION ALL (SELECT NULL, id, 6 FROM aiocancel.claim
 WHERE subscription_id ~>=~ $2 AND subscription_id ~<~ $3 AND mode = $1 LIMIT $7 + 1)
UNION ALL (SELECT NULL, id, 7 FROM aiocancel.claim WHERE public_id BETWEEN $4 AND $5 AND mode = $1 LIMIT $7 + 1)
"""

# A claim that belongs to a session is no row of the view. Nor is a declaration of the public exit, which is found
# by the reference that its letter names.
FOUND: Final = """
SELECT v.session, v.claim, v.started_at, v.subscription_id, v.plan, v.price_minor, v.currency, v.price_interval,
    v.reason, v.held_out, v.offers_shown, v.offer, v.outcome, v.erased
FROM (SELECT * FROM aiocancel.v_sessions WHERE session = ANY($2)
      UNION ALL SELECT * FROM aiocancel.v_sessions WHERE claim = ANY($3)
      UNION ALL SELECT NULL, id, recorded_at, recorded_at, mode, vendor, subscription_id, NULL, NULL, NULL, NULL, NULL,
          NULL, false, NULL, false, NULL, 0, NULL, erased_at IS NOT NULL, 'declared'
      FROM aiocancel.claim WHERE id = ANY($3) AND subscription_id = 'public_exit') v
WHERE v.mode = $1 AND v.started_at >= $4
  AND (v.started_at < $5 OR v.started_at = $5 AND (v.session < $9 OR v.claim < $10))
  AND ($6::text IS NULL OR v.outcome = $6) AND ($7::text IS NULL OR v.reason = $7)
ORDER BY v.started_at DESC, v.session DESC NULLS LAST, v.claim DESC LIMIT $8
"""

READ_ON_DAY_30: Final = """
SELECT session, CASE WHEN kept THEN 'kept' ELSE state END AS state FROM aiocancel.kept_reading
WHERE session = ANY($1) AND day = 30 AND read_at IS NOT NULL
"""

SESSION: Final = "SELECT * FROM aiocancel.flow_session WHERE id = $1 AND mode = $2"

AFTER: Final = "SELECT * FROM aiocancel.flow_session WHERE after_id = $1"

CLAIMS_OF_SESSION: Final = """
SELECT c.* FROM aiocancel.claim c JOIN aiocancel.flow_session s
    ON c.flow_session_id = s.session_id AND c.subscription_id = s.subscription_id AND c.vendor = s.vendor
WHERE s.id = $1 OR s.after_id = $1 ORDER BY c.id
"""

SESSION_OF_CLAIM: Final = """
SELECT coalesce(s.after_id, s.id) FROM aiocancel.claim c JOIN aiocancel.flow_session s
    ON s.session_id = c.flow_session_id AND s.subscription_id = c.subscription_id AND s.vendor = c.vendor
WHERE c.id = $1
"""

CLAIM: Final = "SELECT * FROM aiocancel.claim WHERE id = $1 AND mode = $2"

ACTIONS: Final = "SELECT * FROM aiocancel.action WHERE claim_id = ANY($1) ORDER BY id"

ATTEMPTS: Final = """
SELECT t.*, a.kind FROM aiocancel.attempt t JOIN aiocancel.action a ON a.id = t.action_id
WHERE a.claim_id = ANY($1) ORDER BY t.started_at
"""

JOURNAL: Final = "SELECT * FROM aiocancel.journal WHERE claim_id = ANY($1) ORDER BY id"

READINGS: Final = "SELECT * FROM aiocancel.kept_reading WHERE session = $1 ORDER BY day"

PAYMENTS: Final = "SELECT * FROM aiocancel.kept_payment WHERE session = $1 ORDER BY day, currency"

# The one that customers were shown last: an owner may have gone back to one that was stored long ago.
DEFINITION: Final = """
SELECT d.version, d.definition, d.stored_at
FROM aiocancel.flow_session s JOIN aiocancel.flow_definition d ON d.version = s.definition_version
WHERE s.mode = $1 AND s.definition_version IS NOT NULL ORDER BY s.opened_at DESC, s.id DESC LIMIT 1
"""

ANSWERS: Final = """
SELECT c.id AS claim, c.change, c.answer, aiocancel.shown_state(a.state, a.closed_at) AS state, a.receipt_status,
    a.receipt_ends_at, a.takes_effect_at, a.payment_url
FROM aiocancel.claim c LEFT JOIN aiocancel.action a ON a.claim_id = c.id AND aiocancel.is_asked_for(a.kind)
WHERE c.id = ANY($1) ORDER BY c.id, a.ordinal
"""

# A row that a worker holds is no reason to wait for long.
LIMITED: Final = f"""
SET LOCAL statement_timeout = {int(STATEMENT_WITHIN_S * 1000)};
SET LOCAL lock_timeout = {int(STATEMENT_WITHIN_S * 1000)}
"""

# Where a form was opened about one stop of an action, the action may have been tried again and have stopped anew.
PARKED_ID: Final = """
SELECT a.id FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
WHERE a.id = $1 AND c.mode = $2 AND ($3::timestamptz IS NULL OR a.finished_at = $3) FOR UPDATE OF a
"""


@dataclass(frozen=True, slots=True)
class WaitingAction:
    """An action that waits for a person; ``snapshot`` is what is known of its price, None where nothing is."""

    action_id: int
    kind: str
    subscription_id: str
    code: str
    parked_at: datetime
    attempts: int
    claim: int
    session: int | None
    snapshot: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Machinery:
    """How the machinery is.

    Args:
        waiting: How many actions wait.
        running: How many are being carried out.
        parked: How many of this mode wait for a person; the other counts are those of both modes, as workers are.
        oldest_due_s: For how many seconds the oldest could have been taken.
        vendor_s: How many seconds ago the flow vendor's events were asked for, None where nobody asks.
        stripe_s: The same of Stripe's news.
        slowness: How much slower than usual a company is asked since it said that it was too much; None for no such
            word in the last ten minutes.
        readings_late: How many readings of this mode are more than a day late, 1000 at most.
        workers_busy: How many workers carry something out now.
        vendor_events_late: How many of the vendor's events nobody has looked at within ten minutes.
        drifted: Subscriptions on which another person or program took back what was done here, 21 at most.
        sent: How many writes went to Stripe for the newest 200 actions within a day.
        accepted: How many of them Stripe accepted.
        unanswered: How many got no answer.
        accepted_at: When Stripe accepted the last of them.
    """

    waiting: int
    running: int
    parked: int
    oldest_due_s: float
    vendor_s: float | None
    stripe_s: float | None
    slowness: float | None
    readings_late: int
    workers_busy: int
    vendor_events_late: int
    drifted: Sequence[str]
    sent: int
    accepted: int
    unanswered: int
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Search:
    """What sessions are looked for.

    Args:
        since: The first moment.
        until: The first after the last; the last itself for ids ``below``.
        outcome: How they ended, None for any end.
        reason: The reason that was given, None for any.
        start: An id, or the start of one; None for all.
        by_customer: Whether a customer's id may be looked for.
        below: The ids of sessions and of claims before which those of the moment ``until`` count as well.
    """

    since: datetime
    until: datetime
    outcome: str | None = None
    reason: str | None = None
    start: str | None = field(default=None, repr=False)
    by_customer: bool = True
    below: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Args:
        rows: The newest, one more than a page holds.
        is_short: Whether too many ids begin with what was looked for, and only those that are exactly that are here.
    """

    rows: Sequence[Mapping[str, Any]]
    is_short: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one session, or of a claim without one; rows by the names of their columns.

    ``after`` is what followed the declaration with which the session ended.
    """

    session: Mapping[str, Any] | None = field(repr=False)
    claims: Sequence[Mapping[str, Any]] = field(repr=False)
    actions: Sequence[Mapping[str, Any]]
    attempts: Sequence[Mapping[str, Any]]
    journal: Sequence[Mapping[str, Any]]
    readings: Sequence[Mapping[str, Any]]
    payments: Sequence[Mapping[str, Any]]
    after: Mapping[str, Any] | None = field(default=None, repr=False)


class ConsoleStore:
    """Reads for the owner's pages, and does what an operator decides; every method raises UnavailableError.

    Args:
        pool: Lends the connections.
        mode: What belongs to the other mode is not shown.
        time_zone: Whose weeks are meant.
    """

    def __init__(self, pool: Pool, mode: Mode, *, time_zone: str = "UTC") -> None:
        self.figures = Figures(pool, mode, time_zone=time_zone)
        self._pool = pool
        self._mode: Mode = mode
        # Whatever operators do at once, customers have the other connections.
        self._turns = self.figures.turns if self.figures.is_alone else asyncio.Semaphore(1)

    async def _rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        async with self.figures.reading() as connection:
            return await connection.fetch(statement, *values)

    async def waiting(self) -> Sequence[WaitingAction]:
        """Return what waits for a person, the longest first."""
        rows = await self._rows(WAITING, self._mode, MOST_WAITING)
        return [WaitingAction(**{**row, "snapshot": _json(row["snapshot"])}) for row in rows]

    async def told(self, claims: Sequence[int]) -> Mapping[int, Answer]:
        """Return what customers may be told of their claims, as their own pages do; an unreadable one is left out."""
        rows = await self._rows(ANSWERS, list(claims))
        told: dict[int, Answer] = {}
        for claim, of_claim in groupby(rows, key=itemgetter("claim")):
            try:
                told[claim] = answer_in(list(of_claim))
            except (ValueError, UnreadableLedgerError):
                # A newer release wrote it; a card says the rest.
                continue
        return told

    async def machinery(self) -> Machinery:
        """Return how the queue and its surroundings are."""
        async with self.figures.reading() as connection:
            queue = await connection.fetchrow(STATS)
            polled = await connection.fetchrow(POLLED, self._mode)
            writes = await connection.fetchrow(WRITES)
        assert queue is not None  # noqa: S101 - an aggregate has one row
        assert polled is not None  # noqa: S101 - so has this
        assert writes is not None  # noqa: S101 - and this
        return Machinery(**{**queue, **polled}, **writes)

    async def sessions(self, search: Search) -> Found:
        """Return the newest sessions that are looked for."""
        within = (search.since, search.until, search.outcome, search.reason, PAGE_SIZE + 1)
        is_short = False
        async with self.figures.reading() as connection:
            if search.start is None:
                rows = await connection.fetch(LIST, self._mode, *within, MOST_CLAIMS, *search.below)
            else:
                ids, is_short = await self._found(connection, search)
                sessions = list({each["session"] for each in ids} - {None})
                claims = list({each["claim"] for each in ids} - {None})
                rows = await connection.fetch(
                    FOUND, self._mode, sessions, claims, *within, *search.below
                )
            read = await connection.fetch(
                READ_ON_DAY_30, [each["session"] for each in rows if each["session"] is not None]
            )

        on_day_30 = {each["session"]: each["state"] for each in read}
        return Found([{**row, "day_30": on_day_30.get(row["session"])} for row in rows], is_short)

    async def _found(
        self, connection: Connection, search: Search
    ) -> tuple[list[asyncpg.Record], bool]:
        """Return the ids of what is looked for, and whether too many begin so and only what is exactly that is here."""
        start = search.start or ""

        async def found(last: str, uuids: tuple[Any, Any]) -> list[asyncpg.Record]:
            ends = (start, last, *uuids, search.by_customer, MOST_FOUND)
            return await connection.fetch(FIND, self._mode, *ends)

        ids = await found(start + _LAST_LETTER, _uuids(start))
        if max(Counter(each["sort"] for each in ids).values(), default=0) <= MOST_FOUND:
            return ids, False
        return await found(start + _FIRST_LETTER, (None, None)), True

    async def story(self, *, session: int | None = None, claim: int | None = None) -> Story | None:
        """Return all about a session or a claim, None where there is none."""
        async with self.figures.reading() as connection:
            found = after = None
            if session is None:
                session = await connection.fetchval(SESSION_OF_CLAIM, claim)
            if session is not None:
                found = await connection.fetchrow(SESSION, session, self._mode)
                after = await connection.fetchrow(AFTER, session) if found else None
                claims = await connection.fetch(CLAIMS_OF_SESSION, session) if found else []
            else:
                claims = await connection.fetch(CLAIM, claim, self._mode)
            if found is None and not claims:
                return None

            ids = [each["id"] for each in claims]
            return Story(
                session=None if found is None else _session(found),
                after=None if after is None else _session(after),
                claims=[_claim(each) for each in claims],
                actions=[dict(each) for each in await connection.fetch(ACTIONS, ids)],
                attempts=[dict(each) for each in await connection.fetch(ATTEMPTS, ids)],
                journal=[dict(each) for each in await connection.fetch(JOURNAL, ids)],
                readings=[dict(each) for each in await connection.fetch(READINGS, session)],
                payments=[dict(each) for each in await connection.fetch(PAYMENTS, session)],
            )

    async def definition(self) -> tuple[str, Mapping[str, Any], datetime] | None:
        """Return the definition that customers were shown last, with its version and the time it was stored."""
        rows = await self._rows(DEFINITION, self._mode)
        if not rows:
            return None
        return rows[0]["version"], _json(rows[0]["definition"]) or {}, rows[0]["stored_at"]

    async def operate(
        self,
        operation: Operation,
        action_id: int,
        *,
        reason: str | None,
        operator: str,
        parked_at: datetime | None = None,
    ) -> None:
        """Retry or close one parked action of this mode.

        Args:
            operation: What to do.
            action_id: With which action.
            reason: Why it is closed, one word.
            operator: The operator's name, for the journal.
            parked_at: When it had stopped as the operator saw it; None for whenever.

        Raises:
            OperationError: It is not allowed, or the action has stopped anew since; an id of the other mode is answered
                as one that does not exist.
            UnavailableError: The database did not answer in time.
        """
        with unavailable_on_outage():
            async with (
                self._turns,
                self._pool.acquire(timeout=ACQUIRE_WITHIN_S) as connection,
                connection.transaction(isolation="read_committed"),
            ):
                await connection.execute(LIMITED)
                known = await connection.fetchval(PARKED_ID, action_id, self._mode, parked_at)
                await Operations(connection).operate(
                    operation, action_id if known else 0, reason=reason, operator=operator
                )


def _session(row: asyncpg.Record) -> dict[str, Any]:
    named = ("snapshot", "answers", "considered", "shown")
    return {**dict(row), **{name: _json(row[name]) for name in named}}


def _claim(row: asyncpg.Record) -> dict[str, Any]:
    """Return a claim; ``typed`` is what was typed at the public exit, empty for any other and once it is erased."""
    declared = _json(row["declaration"]) or {}
    shown = declared.get("shown") or {}
    return {**dict(row), "flow": _json(row["flow"]), "typed": shown.get(PUBLIC) or {}}


def _json(stored: str | None) -> Any:
    return None if stored is None else json.loads(stored)


def _uuids(start: str) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """Return the first and the last UUID that begin so, None where none does."""
    digits = start.replace("-", "").lower()
    if not (len(digits) <= 32 and digits and set(digits) <= set("0123456789abcdef")):
        return None, None
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
