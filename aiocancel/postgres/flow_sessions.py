"""Flow sessions in Postgres: each a customer's way through a flow, and all that was shown on it.

The values that core/flow reads and writes are JSON here; nothing is decided by this module.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiocancel.core.claim import OURS, OWN_FLOW
from aiocancel.core.identifiers import CustomerId, FlowSessionId, Mode, SubscriptionId
from aiocancel.postgres.connection import LedgerConnection

if TYPE_CHECKING:
    import asyncpg

    from aiocancel.postgres.connection import Connection, Pool

# A customer who has done nothing for that long has left, or comes back to a new session.
ABANDONED_AFTER: Final = timedelta(minutes=30)
# Small enough for customers not to notice.
SWEEP_BATCH: Final = 500
# How many claims back vendors' sessions are looked for: more than come while a worker is away for a night.
NEWEST_CLAIMS: Final = 10_000

# What the customer and the subscription were given and have cancelled here, and the session that is under way. A gift
# that was refused was none.
LOOK: Final = """
SELECT
    (SELECT s.session_id FROM aiocancel.flow_session s
     WHERE s.subscription_id = $2 AND s.customer_id = $1 AND s.state = 'open' AND s.told_by = 'own'
       AND s.after_id IS NULL AND s.touched_at > now() - $3::interval) AS open_session,
    ARRAY(SELECT a.created_at FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
     WHERE c.customer_id = $1 AND c.customer_id <> '' AND a.state <> 'refused'
       AND aiocancel.is_gift(a.kind)
     UNION SELECT a.created_at FROM aiocancel.action a
     WHERE a.subscription_id = $2 AND a.state <> 'refused'
       AND aiocancel.is_gift(a.kind) ORDER BY 1) AS gifts,
    ARRAY(SELECT c.recorded_at FROM aiocancel.claim c
     WHERE c.customer_id = $1 AND c.customer_id <> '' AND c.status = 'canceled' ORDER BY 1) AS cancellations,
    EXISTS (SELECT FROM aiocancel.action a WHERE a.subscription_id = $2 AND a.state IN ('waiting', 'running')
     AND aiocancel.is_asked_for(a.kind)) AS has_unfinished,
    -- A wish that takes back the end that Stripe still has; one that waits for a date or a payment does not.
    EXISTS (SELECT FROM (
         SELECT c.id, c.status FROM aiocancel.claim c
         WHERE c.subscription_id = $2 AND c.uses_grant ORDER BY c.recorded_at DESC LIMIT 1) n
         JOIN aiocancel.action a ON a.claim_id = n.id
     WHERE n.status IN ('saved', 'resumed') AND a.state IN ('waiting', 'running') AND aiocancel.is_asked_for(a.kind)
       AND a.takes_effect_at IS NULL AND a.payment_url IS NULL) AS is_coming_back,
    -- Not the one that was taken back, by an offer that was made as well.
    (SELECT CASE WHEN c.status = 'canceled' THEN c.public_id END FROM aiocancel.claim c
     WHERE c.customer_id = $1 AND c.customer_id <> '' AND c.subscription_id = $2 AND c.uses_grant
       AND (c.status IN ('canceled', 'resumed') OR c.status = 'saved' AND EXISTS (
         SELECT FROM aiocancel.action a WHERE a.claim_id = c.id AND a.kind = 'apply_offer' AND a.state = 'done'))
     ORDER BY c.recorded_at DESC LIMIT 1) AS canceled_by
"""

# An older session of the same customer ends with the new one, as a sweep would end it. So does what followed a
# declaration: a customer who begins anew has taken that back. A session that another tab has just opened stays the
# only one.
OPEN: Final = """
WITH defined AS (
    INSERT INTO aiocancel.flow_definition (version, definition) VALUES ($6, $7::jsonb) ON CONFLICT DO NOTHING),
worded AS (
    INSERT INTO aiocancel.flow_words (hash, language, words) SELECT $8, $9, $10::jsonb WHERE $8::text IS NOT NULL
    ON CONFLICT DO NOTHING),
gone AS (
    UPDATE aiocancel.flow_session s SET ended_at = now(), stripe = NULL,
        state = CASE WHEN EXISTS (
            SELECT FROM aiocancel.claim c WHERE c.subscription_id = s.subscription_id
              AND c.flow_session_id = s.session_id AND c.status = 'canceled') THEN 'canceled' ELSE 'abandoned' END
    WHERE s.subscription_id = $4 AND s.customer_id = $3 AND s.state = 'open' AND s.told_by = 'own'
      AND (s.touched_at <= now() - $19::interval OR s.after_id IS NOT NULL)
    RETURNING s.id)
INSERT INTO aiocancel.flow_session (session_id, vendor, told_by, mode, customer_id, subscription_id,
    definition_version, words_hash, language, place, snapshot, stripe, reasons, progress, considered, hold_out, fitted)
SELECT $1, $2, 'own', $5, $3, $4, $6, $8, $9, $11, $12::jsonb, $13::jsonb, $14, $15::jsonb, $16::jsonb, $17, $18
FROM (SELECT count(*) FROM gone) AS after
ON CONFLICT (subscription_id, customer_id) WHERE state = 'open' AND told_by = 'own' DO NOTHING
RETURNING session_id
"""

READ: Final = """
SELECT s.session_id, s.vendor, s.mode, s.customer_id, s.subscription_id, s.state, s.revision, s.definition_version,
    CASE WHEN s.definition_version = ANY($3) THEN NULL ELSE d.definition END AS definition, s.language, s.place,
    s.snapshot, s.stripe, s.reasons, s.reason, s.answers, s.progress, s.considered, s.shown, s.declined,
    s.accepted_offer, s.accepted_months, s.hold_out, s.fitted, s.opened_at, s.ended_at,
    now() - s.touched_at > $4::interval AS is_stale, (
        SELECT c.public_id FROM aiocancel.claim c
        WHERE c.subscription_id = s.subscription_id AND c.flow_session_id = s.session_id AND c.uses_grant) AS claim_id,
    s.after_id IS NOT NULL AS is_after, (
        SELECT c.public_id FROM aiocancel.flow_session b JOIN aiocancel.claim c
            ON c.subscription_id = b.subscription_id AND c.flow_session_id = b.session_id
        WHERE b.id = s.after_id AND c.uses_grant AND c.status = 'canceled') AS after_claim
FROM aiocancel.flow_session s LEFT JOIN aiocancel.flow_definition d ON d.version = s.definition_version
WHERE s.session_id = $1 AND s.customer_id = $2 AND s.told_by = 'own' AND s.erased_at IS NULL
"""

# What came before a declaration and after it. A later wish about the subscription leaves nothing to add to this one.
FOLLOWED: Final = """
SELECT s.session_id AS before, f.session_id AS after, c.recorded_at > now() - $3::interval AS is_recent, NOT EXISTS (
        SELECT FROM aiocancel.claim n
        WHERE n.subscription_id = c.subscription_id AND n.uses_grant AND n.id > c.id) AS is_newest, EXISTS (
        SELECT FROM aiocancel.action a
        WHERE a.subscription_id = c.subscription_id AND a.state IN ('waiting', 'running')
          AND aiocancel.is_asked_for(a.kind)) AS has_unfinished
FROM aiocancel.claim c JOIN aiocancel.flow_session s
    ON s.session_id = c.flow_session_id AND s.subscription_id = c.subscription_id AND s.told_by = 'own'
    LEFT JOIN aiocancel.flow_session f ON f.after_id = s.id
WHERE c.public_id = $1 AND c.customer_id = $2 AND s.customer_id = $2 AND c.status = 'canceled' AND s.after_id IS NULL
  AND s.erased_at IS NULL
"""

# The one before has ended by its claim, whether or not that is noted already.
FOLLOW: Final = """
WITH declared AS (
    SELECT * FROM aiocancel.flow_session
    WHERE session_id = $1 AND customer_id = $2 AND told_by = 'own' AND erased_at IS NULL),
ended AS (
    UPDATE aiocancel.flow_session s
    SET state = 'canceled', stripe = NULL, revision = s.revision + 1, ended_at = coalesce((
        SELECT max(c.recorded_at) FROM aiocancel.claim c WHERE c.subscription_id = d.subscription_id
          AND c.flow_session_id = d.session_id AND c.status = 'canceled'), now())
    FROM declared d WHERE s.id = d.id AND s.state IN ('open', 'abandoned') RETURNING s.id)
INSERT INTO aiocancel.flow_session (session_id, after_id, vendor, told_by, mode, customer_id, subscription_id,
    definition_version, words_hash, language, place, snapshot, stripe_account, hold_out, reasons, progress)
SELECT $3, d.id, d.vendor, d.told_by, d.mode, d.customer_id, d.subscription_id, d.definition_version, d.words_hash,
    d.language, d.place, d.snapshot, d.stripe_account, d.hold_out, $4, $5::jsonb
FROM declared d, (SELECT count(*) FROM ended) AS after
ON CONFLICT DO NOTHING RETURNING session_id
"""

# What the worker asks: it knows the session and the subscription from the claim.
READ_ACCEPTED: Final = """
SELECT s.session_id, s.customer_id, s.subscription_id, s.state, s.accepted_offer, s.accepted_months, s.shown,
    s.reason, s.opened_at, s.ended_at
FROM aiocancel.flow_session s WHERE s.session_id = $1 AND s.told_by = 'own' AND s.vendor = $2
"""

MOVE: Final = """
UPDATE aiocancel.flow_session SET revision = revision + 1, touched_at = now(), reason = $4, answers = $5::jsonb,
    progress = $6::jsonb, considered = $7::jsonb, shown = shown || $8::jsonb,
    declined = $9, fitted = coalesce($10, fitted), stripe = coalesce($11::jsonb, stripe)
WHERE session_id = $1 AND customer_id = $2 AND revision = $3 AND state = 'open' AND told_by = 'own'
RETURNING revision
"""

# Inside the transaction that records the claim: an acceptance and its claim are one.
ACCEPT_SHOWN: Final = """
UPDATE aiocancel.flow_session SET state = 'accepted', ended_at = now(), touched_at = now(), revision = revision + 1,
    accepted_offer = $4, accepted_months = $5, progress = $6::jsonb, stripe = NULL
WHERE session_id = $1 AND customer_id = $2 AND subscription_id = $3 AND state = 'open' AND told_by = 'own'
  AND touched_at > now() - $7::interval AND shown @> jsonb_build_array(jsonb_build_object('offer', $4::text))
  AND NOT $4 = ANY(declined)
RETURNING true AS accepted
"""

# The claim is recorded already, and counts whatever becomes of this. An accepted offer stays accepted where the
# cancellation after it names no session: it counts by itself then. One that was left, or ended with an offer, ends
# anew with the press: what was taken back before that is another cancellation.
CANCEL: Final = """
UPDATE aiocancel.flow_session SET state = 'canceled', ended_at = now(), revision = revision + 1,
    stripe = NULL, touched_at = now(),
    -- The offer on the screen is turned down by the exit.
    declined = CASE WHEN state = 'open' THEN $4 ELSE declined END,
    reason = CASE WHEN state = 'open' THEN $5 ELSE reason END,
    answers = CASE WHEN state = 'open' THEN $6::jsonb ELSE answers END,
    progress = CASE WHEN state = 'open' THEN $7::jsonb ELSE progress END
WHERE session_id = $1 AND customer_id = $2 AND subscription_id = $3 AND state <> 'canceled' AND told_by = 'own'
  AND ($8 OR state <> 'accepted')
"""

# A cancellation whose process died before it came to the session is found by its claim, and was made as that was
# recorded.
SWEEP: Final = """
WITH due AS (
    SELECT o.id, (
        SELECT max(c.recorded_at) FROM aiocancel.claim c WHERE c.subscription_id = o.subscription_id
          AND c.flow_session_id = o.session_id AND c.status = 'canceled') AS canceled_at
    FROM aiocancel.flow_session o WHERE o.state = 'open' AND o.touched_at <= now() - $1::interval
    ORDER BY o.touched_at LIMIT $2 FOR UPDATE OF o SKIP LOCKED)
UPDATE aiocancel.flow_session s SET ended_at = coalesce(due.canceled_at, now()), stripe = NULL,
    revision = s.revision + 1, state = CASE WHEN due.canceled_at IS NULL THEN 'abandoned' ELSE 'canceled' END
FROM due WHERE s.id = due.id
RETURNING s.session_id, s.subscription_id, s.state
"""

# Sessions of a vendor's flow, as far as the newest claims tell of them. The vendor's own word takes the place of the
# browser's, and stays. A browser's "saved" proves nothing: it counts once the vendor has confirmed the offer. A
# customer who left a session and cancels in it after all has cancelled, whether the vendor or the browser tells of it,
# and no later word takes that back.
COPY_VENDORS: Final = """
WITH told AS (
    SELECT DISTINCT ON (c.flow_session_id, c.subscription_id, c.vendor) c.*, o.offer_id AS confirmed,
        CASE WHEN o.offer_id IS NOT NULL OR c.flow->>'told_by' = 'vendor' THEN 'vendor' ELSE 'browser' END AS told_by
    FROM (SELECT * FROM aiocancel.claim ORDER BY id DESC LIMIT $1) c
        LEFT JOIN LATERAL (SELECT offer_id FROM aiocancel.outcome
            WHERE vendor = c.vendor AND flow_session_id = c.flow_session_id LIMIT 1) o ON true
        -- One look into the index for each claim, however many sessions there were.
        LEFT JOIN LATERAL (SELECT id, told_by, state, erased_at FROM aiocancel.flow_session
            WHERE session_id = c.flow_session_id AND subscription_id = c.subscription_id AND vendor = c.vendor
            LIMIT 1) s ON true
    WHERE c.flow_session_id IS NOT NULL AND NOT c.vendor = ANY($2) AND c.erased_at IS NULL
      AND (c.status <> 'saved' OR o.offer_id IS NOT NULL OR c.recorded_at < now() - interval '1 hour')
      AND (s.id IS NULL OR s.erased_at IS NULL AND (
        s.told_by = 'browser' AND (s.state <> 'canceled' OR c.status = 'canceled')
          AND (o.offer_id IS NOT NULL OR c.flow->>'told_by' = 'vendor')
        OR s.state = 'abandoned' AND c.uses_grant AND c.status = 'canceled'))
    ORDER BY c.flow_session_id, c.subscription_id, c.vendor, c.uses_grant DESC, c.id
    LIMIT $3)
INSERT INTO aiocancel.flow_session AS known (session_id, vendor, told_by, mode, customer_id, subscription_id, state,
    vendor_status, reason, answers, shown, accepted_offer, opened_at, ended_at)
SELECT flow_session_id, vendor, told_by, mode, customer_id, subscription_id,
    CASE WHEN status = 'canceled' THEN 'canceled' WHEN confirmed IS NOT NULL THEN 'accepted' ELSE 'abandoned' END,
    status, reason_code,
    jsonb_strip_nulls(jsonb_build_object('comment', flow->>'comment', 'reason', reason_text)),
    coalesce((SELECT jsonb_agg(jsonb_build_object('offer', each))
        FROM jsonb_array_elements_text(flow->'offers_presented') AS each), '[]'),
    confirmed, recorded_at, recorded_at
FROM told
ON CONFLICT (session_id, subscription_id, vendor) DO UPDATE
SET told_by = CASE WHEN known.told_by = 'vendor' THEN 'vendor' ELSE excluded.told_by END,
    state = excluded.state, vendor_status = excluded.vendor_status,
    customer_id = CASE WHEN known.customer_id = '' THEN excluded.customer_id ELSE known.customer_id END,
    reason = excluded.reason, answers = excluded.answers, shown = excluded.shown,
    accepted_offer = excluded.accepted_offer, touched_at = now(),
    -- The press, and not the leaving before it.
    ended_at = CASE WHEN excluded.state = 'canceled' THEN excluded.ended_at ELSE known.ended_at END
WHERE known.erased_at IS NULL
  AND (known.told_by = 'browser' OR known.state = 'abandoned' AND excluded.state = 'canceled')
RETURNING known.id
"""

# What they cost is read at Stripe soon afterwards, once each; with $2 only where the account is known.
WITHOUT_SNAPSHOT: Final = """
SELECT id, subscription_id, stripe_account FROM aiocancel.flow_session
WHERE told_by <> 'own' AND snapshot IS NULL AND erased_at IS NULL AND opened_at > now() - interval '1 hour'
  AND (NOT $2 OR stripe_account IS NOT NULL)
ORDER BY opened_at LIMIT $1
"""

ADD_SNAPSHOT: Final = """
UPDATE aiocancel.flow_session SET snapshot = $2::jsonb
WHERE id = $1 AND told_by <> 'own' AND snapshot IS NULL AND erased_at IS NULL
"""

# The row that names the account may be gone on day 30, so it is asked soon after the beginning.
WITHOUT_ACCOUNT: Final = """
SELECT id, customer_id, subscription_id FROM aiocancel.flow_session
WHERE stripe_account IS NULL AND customer_id <> '' AND erased_at IS NULL AND opened_at > now() - interval '1 hour'
ORDER BY opened_at DESC LIMIT $1
"""

NOTE_ACCOUNT: Final = "UPDATE aiocancel.flow_session SET stripe_account = $2 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Before:
    """What the ledger knows of a customer and a subscription as a flow begins; times are aware UTC.

    ``open_session`` is the session that is under way, ``has_unfinished`` says that a change is still to come, now or on
    its day, and ``canceled_by`` is the newest cancellation of this subscription by this customer, unless that was taken
    back. ``is_coming_back`` says that the newest wish about the subscription is to keep it, and is not carried out yet.
    """

    open_session: str | None
    gifts: tuple[datetime, ...]
    cancellations: tuple[datetime, ...]
    has_unfinished: bool
    canceled_by: uuid.UUID | None = None
    is_coming_back: bool = False


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session as it begins; ``considered`` is each offer with the code why it is left out, or None."""

    customer_id: CustomerId = field(repr=False)
    subscription_id: SubscriptionId
    mode: Mode
    definition_version: str
    definition: Mapping[str, Any] = field(repr=False)
    language: str
    place: str | None
    snapshot: Mapping[str, Any] = field(repr=False)
    stripe: Mapping[str, Any] | None = field(repr=False)
    reasons: Sequence[str]
    progress: Mapping[str, Any] = field(repr=False)
    considered: Sequence[Mapping[str, Any]]
    hold_out: bool
    fitted: str | None
    words_hash: str | None = None
    words: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as it stands. ``definition`` is None where the reader said that it knows the version.

    ``is_stale`` says that nothing was done for so long that nothing can be accepted any more, ``claim_id`` names
    the claim that it led to. ``is_after`` says that it follows a declaration to leave, and ``after_claim`` names that.
    """

    session_id: str
    mode: Mode
    customer_id: CustomerId = field(repr=False)
    subscription_id: SubscriptionId
    state: str
    revision: int
    definition_version: str
    definition: Mapping[str, Any] | None = field(repr=False)
    language: str | None
    place: str | None
    snapshot: Mapping[str, Any] = field(repr=False)
    stripe: Mapping[str, Any] | None = field(repr=False)
    reasons: tuple[str, ...]
    reason: str | None
    answers: Mapping[str, Any] = field(repr=False)
    progress: Mapping[str, Any] = field(repr=False)
    considered: tuple[Mapping[str, Any], ...]
    shown: tuple[Mapping[str, Any], ...] = field(repr=False)
    declined: tuple[str, ...]
    accepted_offer: str | None
    accepted_months: int | None
    hold_out: bool
    fitted: str | None
    opened_at: datetime
    ended_at: datetime | None
    is_stale: bool
    claim_id: uuid.UUID | None
    is_after: bool = False
    after_claim: uuid.UUID | None = None

    def shown_offer(self, key: str) -> Mapping[str, Any] | None:
        """Return what the session kept of an offer that it showed, None where it showed none of that key."""
        return next((each for each in reversed(self.shown) if each["offer"] == key), None)


@dataclass(frozen=True, slots=True)
class Move:
    """What a screen changes of a session; ``shows`` is what it shows for the first time.

    ``stripe`` is Stripe's word where it was read anew, None leaves it as it is.
    """

    reason: str | None
    answers: Mapping[str, Any] = field(repr=False)
    progress: Mapping[str, Any] = field(repr=False)
    considered: Sequence[Mapping[str, Any]]
    declined: Sequence[str]
    shows: Sequence[Mapping[str, Any]] = ()
    fitted: str | None = None
    stripe: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Followed:
    """The sessions before and after a declaration to leave.

    ``is_recent`` says that it came so lately that one may still follow, ``is_newest`` that the customer has asked for
    nothing about the subscription since, and ``has_unfinished`` that something is still to come.
    """

    before: str
    after: str | None
    is_recent: bool
    is_newest: bool
    has_unfinished: bool


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A customer's yes to an offer, written together with the claim of it; ``months`` is what the customer chose."""

    session_id: FlowSessionId
    offer: str
    months: int | None
    progress: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AcceptedRow:
    """What a session says of its end, for the worker that has to believe it."""

    session_id: str
    customer_id: str = field(repr=False)
    subscription_id: str
    state: str
    offer: Mapping[str, Any] | None
    months: int | None
    reason: str | None
    opened_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Swept:
    """A session that ended by itself."""

    session_id: str
    subscription_id: str
    state: str


class FlowSessions:
    """The rows of flow sessions; every method raises UnavailableError, and each is one statement."""

    def __init__(self, pool: Pool) -> None:
        self._connection = LedgerConnection(pool)

    async def look(self, customer_id: str, subscription_id: str) -> Before:
        """Return what is known as a flow begins."""
        rows = await self._connection.at_once(LOOK, customer_id, subscription_id, ABANDONED_AFTER)
        row = rows[0]
        return Before(
            row["open_session"],
            tuple(row["gifts"]),
            tuple(row["cancellations"]),
            row["has_unfinished"],
            row["canceled_by"],
            row["is_coming_back"],
        )

    async def open(self, session_id: str, new: NewSession) -> bool:
        """Begin a session; False where the same customer has begun another on this subscription just now."""
        rows = await self._connection.at_once(
            OPEN,
            session_id,
            OWN_FLOW,
            new.customer_id,
            new.subscription_id,
            new.mode,
            new.definition_version,
            json.dumps(new.definition),
            new.words_hash,
            new.language,
            None if new.words is None else json.dumps(dict(new.words)),
            new.place,
            json.dumps(new.snapshot),
            None if new.stripe is None else json.dumps(new.stripe),
            list(new.reasons),
            json.dumps(new.progress),
            json.dumps(list(new.considered)),
            new.hold_out,
            new.fitted,
            ABANDONED_AFTER,
        )

        return bool(rows)

    async def read(
        self, session_id: str, customer_id: str, *, known_versions: Collection[str] = ()
    ) -> SessionRow | None:
        """Return a customer's own session, None where there is none of that id.

        Args:
            session_id: As a browser sent it.
            customer_id: The customer who asks; another customer's session is None.
            known_versions: The definitions that need not be sent again.
        """
        rows = await self._connection.at_once(
            READ, session_id, customer_id, list(known_versions), ABANDONED_AFTER
        )
        return _session(rows[0]) if rows else None

    async def followed(self, claim_id: uuid.UUID, customer_id: str) -> Followed | None:
        """Return what belongs to a customer's cancellation; None where it came from no session of ours."""
        rows = await self._connection.at_once(FOLLOWED, claim_id, customer_id, ABANDONED_AFTER)
        return Followed(**rows[0]) if rows else None

    async def follow(
        self,
        before: str,
        customer_id: str,
        session_id: str,
        reasons: Sequence[str],
        progress: Mapping[str, Any],
    ) -> bool:
        """Begin the session that follows a declaration; False where there is one already, or another goes on.

        Args:
            before: The session that ended with the declaration; all that was true of it is true of this one.
            customer_id: Whose it is.
            session_id: The new one.
            reasons: The keys of the reasons in the order in which they were drawn.
            progress: How it begins.
        """
        rows = await self._connection.at_once(
            FOLLOW, before, customer_id, session_id, list(reasons), json.dumps(progress)
        )
        return bool(rows)

    async def move(self, row: SessionRow, move: Move) -> bool:
        """Write what a screen changes; False where another request was faster, or the session is over."""
        rows = await self._connection.at_once(
            MOVE,
            row.session_id,
            row.customer_id,
            row.revision,
            move.reason,
            json.dumps(move.answers),
            json.dumps(move.progress),
            json.dumps(list(move.considered)),
            json.dumps(list(move.shows)),
            list(move.declined),
            move.fitted,
            None if move.stripe is None else json.dumps(move.stripe),
        )

        return bool(rows)

    async def canceled(self, row: SessionRow, last: Move, *, is_its_own: bool = True) -> None:
        """Note that a session ended with a cancellation, which is recorded already.

        Args:
            row: The customer's own session, as it was read.
            last: What the last press says; of a session that has ended already, it is left as it was.
            is_its_own: Whether the cancellation names this session; else one that ended with an offer stays as it is.
        """
        await self._connection.at_once(
            CANCEL,
            row.session_id,
            row.customer_id,
            row.subscription_id,
            list(last.declined),
            last.reason,
            json.dumps(last.answers),
            json.dumps(last.progress),
            is_its_own,
        )

    async def accepted(self, session_id: str) -> AcceptedRow | None:
        """Return what a session of ours says of its end, None where there is none of that id."""
        rows = await self._connection.at_once(READ_ACCEPTED, session_id, OWN_FLOW)
        if not rows:
            return None
        row = rows[0]
        shown = [
            each for each in json.loads(row["shown"]) if each["offer"] == row["accepted_offer"]
        ]

        return AcceptedRow(
            row["session_id"],
            row["customer_id"],
            row["subscription_id"],
            row["state"],
            shown[-1] if shown else None,
            row["accepted_months"],
            row["reason"],
            row["opened_at"],
            row["ended_at"],
        )

    async def sweep(self) -> list[Swept]:
        """End the sessions in which nothing was done for half an hour, a batch of the oldest."""
        rows = await self._connection.at_once(SWEEP, ABANDONED_AFTER, SWEEP_BATCH)
        return [Swept(**row) for row in rows]

    async def copy_vendors(self) -> int:
        """Keep sessions through vendors' flows, as far as the newest claims tell of them; returns how many changed."""
        return len(
            await self._connection.at_once(COPY_VENDORS, NEWEST_CLAIMS, sorted(OURS), SWEEP_BATCH)
        )

    async def without_snapshot(
        self, limit: int, *, with_account: bool
    ) -> list[tuple[int, str, str | None]]:
        """Return the sessions of vendors' flows of which nobody knows the price, their subscriptions and accounts.

        Args:
            limit: How many at most, the oldest first.
            with_account: Leave out those whose account is not noted: nobody knows where to ask.
        """
        rows = await self._connection.at_once(WITHOUT_SNAPSHOT, limit, with_account)
        return [(row["id"], row["subscription_id"], row["stripe_account"]) for row in rows]

    async def without_account(self, limit: int) -> list[tuple[int, str, str]]:
        """Return the newest sessions whose account was not noted, their customers and their subscriptions."""
        rows = await self._connection.at_once(WITHOUT_ACCOUNT, limit)
        return [(row["id"], row["customer_id"], row["subscription_id"]) for row in rows]

    async def note_account(self, session: int, account: str) -> None:
        """Note in which account the subscription of a session is; empty for that of the settings."""
        await self._connection.at_once(NOTE_ACCOUNT, session, account)

    async def add_snapshot(self, session: int, snapshot: Mapping[str, Any]) -> None:
        """Keep what was true of a session through a vendor's flow; what is known already stays."""
        await self._connection.at_once(ADD_SNAPSHOT, session, json.dumps(snapshot))


async def accept_shown(
    connection: Connection, customer_id: str, subscription_id: str, acceptance: Acceptance
) -> bool:
    """End a session with an accepted offer; False unless this session showed it, is open, and is the customer's.

    Args:
        connection: In the transaction that records the claim.
        customer_id: Whose grant it is.
        subscription_id: Of the grant.
        acceptance: The customer's yes.
    """
    return bool(
        await connection.fetchval(
            ACCEPT_SHOWN,
            acceptance.session_id,
            customer_id,
            subscription_id,
            acceptance.offer,
            acceptance.months,
            json.dumps(acceptance.progress),
            ABANDONED_AFTER,
        )
    )


def _session(row: asyncpg.Record) -> SessionRow:
    values = {name: row[name] for name in SessionRow.__dataclass_fields__}
    for name in ("definition", "snapshot", "stripe", "answers", "progress", "considered", "shown"):
        values[name] = None if values[name] is None else json.loads(values[name])
    for name in ("reasons", "considered", "shown", "declined"):
        values[name] = tuple(values[name])
    return SessionRow(**values)
