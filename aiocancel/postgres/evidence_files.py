"""Evidence read from Postgres for a file, and a file compared with the chain in Postgres."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiocancel.core.evidence import Head, Link, Problem, Walk, document, genesis
from aiocancel.postgres.connection import unavailable_on_outage
from aiocancel.postgres.evidence import CHAIN, FACTS, HEAD, hold_chain, seal_all

if TYPE_CHECKING:
    import asyncpg

    from aiocancel.postgres.connection import Connection

# A link is about a kilobyte.
WALK_AT_ONCE: Final = 2_000

OLDER: Final = "it is older than the chain"
# Somebody who may write to the database kept it from the chain.
NEVER_SEALED: Final = "it is younger than the chain, and was never sealed"

CLAIM: Final = """
SELECT c.id, c.customer_id, c.subscription_id, c.flow_session_id, c.grant_nonce,
    aiocancel.spelled(now()) AS now, k.begun_at
FROM aiocancel.claim c, aiocancel.evidence_chain k WHERE c.public_id = $1
"""

LINKS: Final = """
SELECT l.position, l.previous, l.hash, l.fact, l.source, l.reference, e.salt, e.content
FROM aiocancel.evidence_link l LEFT JOIN aiocancel.evidence_content e ON e.position = l.position
WHERE l.claim_id = $1 ORDER BY l.position
"""

# Of another claim's link nothing but hashes goes into the file.
NEIGHBOURS: Final = """
SELECT position, previous, hash, fact FROM aiocancel.evidence_link
WHERE position = ANY($1) AND claim_id <> $2 ORDER BY position
"""

DEFINITIONS: Final = """
SELECT version AS hash, definition AS text FROM aiocancel.flow_definition WHERE version = ANY($1)
"""

WORDS: Final = "SELECT hash, words AS text FROM aiocancel.flow_words WHERE hash = ANY($1)"

# All that the chain would hold of the claim, had it been there from the beginning.
EVERYTHING: Final = """
SELECT 'journal' AS source, id AS reference, NULL::integer AS attempt, at FROM aiocancel.journal WHERE claim_id = $1
UNION ALL
SELECT 'attempt', t.action_id, t.number, t.ended_at
FROM aiocancel.attempt t JOIN aiocancel.action a ON a.id = t.action_id
WHERE a.claim_id = $1 AND t.ended_at IS NOT NULL
UNION ALL
SELECT 'session', s.id, NULL, s.ended_at FROM aiocancel.flow_session s
WHERE s.subscription_id = $2 AND s.session_id = $3 AND s.customer_id = $4 AND s.told_by = 'own'
  AND s.state IN ('canceled', 'accepted')
ORDER BY 4, 2
"""

# A declaration of the public exit names no subscription: the cancellation that came of it has its id for a grant
# ('public:', as core/claim_nonces.py makes it).
OTHERS: Final = """
SELECT public_id::text AS claim, aiocancel.spelled(recorded_at) AS recorded_at, change AS asks_for, status
FROM aiocancel.claim
WHERE id <> $3 AND (customer_id = $1 AND customer_id <> '' AND subscription_id = $2
    OR grant_nonce = 'public:' || $4::uuid::text OR 'public:' || public_id::text = $5)
ORDER BY id
"""

WALK: Final = """
SELECT l.position, l.previous, l.hash, l.fact, c.public_id::text = $3 AS is_of_claim
FROM aiocancel.evidence_link l JOIN aiocancel.claim c ON c.id = l.claim_id
WHERE l.position BETWEEN $1 AND $2 ORDER BY l.position LIMIT $4
"""

BEYOND: Final = """
SELECT count(*) FROM aiocancel.evidence_link l JOIN aiocancel.claim c ON c.id = l.claim_id
WHERE c.public_id::text = $1 AND l.position > $2
"""


class EvidenceFiles:
    """Files of evidence, over one connection.

    Args:
        connection: Runs the statements.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def export(self, claim: uuid.UUID) -> dict[str, Any] | None:
        """Seal what is due, and return all that is known of a claim; raises UnavailableError.

        Args:
            claim: Its public id.

        Returns:
            The document of core/evidence, None where there is no such claim.
        """
        with unavailable_on_outage():
            async with self._connection.transaction(isolation="read_committed"):
                await hold_chain(self._connection)
                await seal_all(self._connection)
            async with self._connection.transaction(isolation="repeatable_read"):
                return await self._export(claim)

    async def compare(self, found: Mapping[str, Any]) -> Problem | None:
        """Go along the database's chain from a file's first link to its head; raises UnavailableError.

        Args:
            found: A document in which nothing is wrong.

        Returns:
            The first thing that differs, None where nothing does.
        """
        with unavailable_on_outage():
            row = await self._connection.fetchrow(CHAIN)
            walk = Walk(found, row["id"] if row else "")

            at = walk.first
            while walk.problem is None and at <= walk.end:
                rows = await self._connection.fetch(
                    WALK, at, walk.end, found["claim"], WALK_AT_ONCE
                )
                for each in rows:
                    walk.step(_link(each), is_of_claim=each["is_of_claim"])
                at = rows[-1]["position"] + 1 if rows else walk.end + 1

        return walk.close()

    async def beyond(self, found: Mapping[str, Any]) -> int:
        """Return how many links of its claim the database has after a file's head; raises UnavailableError.

        Args:
            found: A document in which nothing is wrong.
        """
        with unavailable_on_outage():
            return int(
                await self._connection.fetchval(BEYOND, found["claim"], found["head"]["position"])
            )

    async def _export(self, claim: uuid.UUID) -> dict[str, Any] | None:
        about = await self._connection.fetchrow(CLAIM, claim)
        if about is None:
            return None
        chain = await self._connection.fetchval(CHAIN)
        head = await self._connection.fetchrow(HEAD)
        rows = await self._connection.fetch(LINKS, about["id"])

        links = [_link(row, content=True) for row in rows]
        near = {at for each in links for at in (each.position - 1, each.position + 1)}
        neighbours = await self._connection.fetch(NEIGHBOURS, sorted(near), about["id"])
        facts = [json.loads(each.fact) for each in links]
        others = await self._connection.fetch(
            OTHERS,
            about["customer_id"],
            about["subscription_id"],
            about["id"],
            claim,
            about["grant_nonce"],
        )

        return document(
            chain=chain,
            claim=str(claim),
            exported_at=about["now"],
            head=genesis(chain) if head is None else Head(head["position"], head["hash"]),
            links=links,
            neighbours=[_link(row) for row in neighbours],
            definitions=await self._texts(DEFINITIONS, [each.get("definition") for each in facts]),
            words=await self._texts(WORDS, [each.get("words") for each in facts]),
            not_chained=await self._not_chained(about, rows, facts),
            other_claims=[dict(row) for row in others],
        )

    async def _texts(self, statement: str, hashes: Sequence[str | None]) -> dict[str, Any]:
        rows = await self._connection.fetch(statement, sorted({each for each in hashes if each}))
        return {row["hash"]: json.loads(row["text"]) for row in rows}

    async def _not_chained(
        self, about: asyncpg.Record, rows: Sequence[asyncpg.Record], facts: Sequence[Any]
    ) -> list[dict[str, Any]]:
        """Return what happened to the claim and is in no link of it."""
        chained = {
            (
                row["source"],
                row["reference"],
                fact.get("number") if row["source"] == "attempt" else None,
            )
            for row, fact in zip(rows, facts, strict=True)
        }
        everything = await self._connection.fetch(
            EVERYTHING,
            about["id"],
            about["subscription_id"],
            about["flow_session_id"],
            about["customer_id"],
        )
        left = [
            row
            for row in everything
            if (row["source"], row["reference"], row["attempt"]) not in chained
        ]

        names = ("source", "reference", "attempt", "at")
        columns = [[row[name] for row in left] for name in names]
        found = await self._connection.fetch(FACTS, *columns)

        return [
            {
                "fact": _without_seal(row["said"]),
                "content": json.loads(row["content"] or "null"),
                "why": OLDER if left[row["place"] - 1]["at"] < about["begun_at"] else NEVER_SEALED,
            }
            for row in found
        ]


def _without_seal(said: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said)
    del found["sealed_at"]
    return found


def _link(row: asyncpg.Record, *, content: bool = False) -> Link:
    texts = (row["position"], row["previous"], row["hash"], row["fact"])
    return Link(*texts, row["content"], row["salt"] or b"") if content else Link(*texts)
