"""Evidence as a chain: each fact about a claim is sealed over the SHA-256 of the one before, and a file can be checked.

A link is made of its chain, its position, the hash before it and the SHA-256 of its fact. The fact names no person:
the personal part is its ``content``, of which the fact holds a salted SHA-256 alone. Content and salt can be erased,
and the chain still holds. Everything is hashed as canonical JSON, in the manner of RFC 8785: keys sorted, no spaces,
and ASCII.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

FORMAT: Final = "aiocancel evidence 1"
SALT_BYTES: Final = 32

ERASED_BY: Final = frozenset({"claim_erased", "evidence_erased"})
"""The facts after which content may be missing."""

PROVED: Final = (
    "Nothing in these links was altered since they were sealed, and they were sealed in this order.",
)
NOT_PROVED: Final = (
    "That the company did not make another chain: it holds the database. Compare the file with the database, "
    "or its head with one that somebody else kept.",
    "When it happened: the times are those of the company's own database. No other party has stamped them.",
    "That these are all links of the claim: one that leaves out the last ones is whole as well. The database can tell.",
    "Anything that is not chained, and whether the content is true, or of any force in law.",
)

# The parts of a file, and the kind of JSON value that each is.
_PARTS: Final[Mapping[str, type]] = {
    "format": str,
    "chain": str,
    "claim": str,
    "exported_at": str,
    "head": dict,
    "links": list,
    "neighbours": list,
    "definitions": dict,
    "words": dict,
    "not_chained": list,
    "other_claims": list,
    "sha256": str,
}
_LINK: Final = {"position", "previous", "hash", "fact", "content", "salt"}
_NEIGHBOUR: Final = {"position", "previous", "hash", "fact_sha256"}
# Whatever a broken file raises while it is looked through.
_UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many links it has, and the hash of the last."""

    position: int
    hash: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to a claim.

    Args:
        said: What is told of it for ever; it names no person.
        content: The personal part, None where there is none.
        salt: Random, of ``SALT_BYTES``.
    """

    said: Mapping[str, Any]
    content: Any = field(default=None, repr=False)
    salt: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """A fact in its place; ``fact`` and ``content`` are canonical JSON."""

    position: int
    previous: str
    hash: str
    fact: str
    content: str | None = field(default=None, repr=False)
    salt: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of a file that is not as it was sealed."""

    where: str
    says: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a check: nothing is wrong where there are no problems.

    ``links`` were checked, the content of ``erased`` of them is gone, and ``not_chained`` facts prove nothing. ``head``
    and ``exported_at`` are the file's own word for how far it goes.
    """

    problems: tuple[Problem, ...]
    claim: str = ""
    links: int = 0
    erased: int = 0
    not_chained: int = 0
    head: Head | None = None
    exported_at: str = ""


def canonical(value: Any) -> str:
    """Return JSON values as one text, the same for the same values.

    Raises:
        ValueError: A number is not finite, or the values are nested too deep.
        TypeError: Something is no JSON value.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deep") from None


def hash_of(value: Any) -> str:
    """Return the SHA-256 of JSON values, as hexadecimal digits."""
    return _sha256(canonical(value).encode())


def content_hash(content: Any, salt: bytes) -> str:
    """Return the SHA-256 of the salt and the content."""
    return _sha256(salt + canonical(content).encode())


def genesis(chain: str) -> Head:
    """Return the head of a chain that has no link yet."""
    return Head(0, hash_of({"chain": chain}))


def link_hash(chain: str, position: int, previous: str, fact_sha256: str) -> str:
    """Return the hash of a link."""
    return hash_of(
        {
            "chain": chain,
            "position": position,
            "previous": previous,
            "fact_sha256": fact_sha256,
        }
    )


def seal(chain: str, head: Head, facts: Iterable[Fact]) -> list[Link]:
    """Return the links that follow on ``head``, one for each fact."""
    links: list[Link] = []
    for each in facts:
        personal = each.content is not None
        said = dict(each.said)
        said["content_sha256"] = content_hash(each.content, each.salt) if personal else None

        fact = canonical(said)
        position = head.position + 1
        made = link_hash(chain, position, head.hash, _sha256(fact.encode()))
        content = canonical(each.content) if personal else None
        links.append(Link(position, head.hash, made, fact, content, each.salt if personal else b""))
        head = Head(position, made)
    return links


# --- a file ----------------------------------------------------------------------------------------------


def document(
    *,
    chain: str,
    claim: str,
    exported_at: str,
    head: Head,
    links: Sequence[Link],
    neighbours: Sequence[Link],
    definitions: Mapping[str, Any],
    words: Mapping[str, Any],
    not_chained: Sequence[Mapping[str, Any]],
    other_claims: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return all that is known of one claim as JSON values.

    Args:
        chain: The name of the database's chain.
        claim: The claim's public id.
        exported_at: When the file is made.
        head: The end of the chain at that time.
        links: Those of the claim, in order, with their content.
        neighbours: The links beside them that belong to other claims; of these, hashes alone are told.
        definitions: What the owner had defined, by its hash.
        words: The words of a language, by their hash.
        not_chained: Facts of the claim that the chain does not hold.
        other_claims: What the same customer asked for about the same subscription, and the public declaration
            that a cancellation came of, or the other way round.
    """
    made: dict[str, Any] = {
        "format": FORMAT,
        "chain": chain,
        "claim": claim,
        "exported_at": exported_at,
        "head": {"position": head.position, "hash": head.hash},
        "links": [_link_as_json(each) for each in links],
        "neighbours": [_neighbour_as_json(each) for each in neighbours],
        "definitions": dict(definitions),
        "words": dict(words),
        "not_chained": list(not_chained),
        "other_claims": list(other_claims),
    }

    return made | {"sha256": hash_of(made)}


def rendered(made: Any) -> str:
    """Return a document as the text of its file: every byte of it is fixed."""
    return json.dumps(made, indent=1, sort_keys=True, allow_nan=False) + "\n"


def read(text: str) -> tuple[Any, Verdict]:
    """Check the text of a file without asking anybody.

    Total: whatever the text is, the verdict says what is wrong with it.

    Returns:
        The document, None where the text is none, and the verdict.
    """
    try:
        found = json.loads(text, parse_constant=_refuse)
        is_as_written = rendered(found) == text
    except (ValueError, RecursionError):
        return None, Verdict((Problem("the file", "is not JSON as an export is written"),))

    verdict = verify(found)
    if is_as_written or verdict.problems:
        return found, verdict
    differs = Problem(
        "the file", "is written in another way: spaces, order, or a name that stands twice"
    )
    return found, Verdict((differs,), verdict.claim)


def verify(found: Any) -> Verdict:
    """Check a document; total, whatever it is."""
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return Verdict((Problem("format", f"is not {FORMAT!r}"),))
    for name in sorted(found.keys() ^ _PARTS.keys()):
        return Verdict((Problem(name, "is missing, or does not belong into an export"),))
    for name, kind in _PARTS.items():
        if type(found[name]) is not kind:
            return Verdict((Problem(name, "cannot be read"),))

    problems = _problems(found)
    if problems:
        return Verdict(tuple(problems), found["claim"])
    links = found["links"]
    gone = sum(_is_gone(each) for each in links)
    head, unproved = Head(**found["head"]), len(found["not_chained"])
    return Verdict((), found["claim"], len(links), gone, unproved, head, found["exported_at"])


def _problems(found: Mapping[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    for number, each in enumerate(found["links"]):
        try:
            problems += _of_link(found, f"links[{number}]", each)
        except _UNREADABLE:
            problems.append(Problem(f"links[{number}]", "cannot be read"))
    for number, each in enumerate(found["neighbours"]):
        try:
            problems += _of_neighbour(found["chain"], f"neighbours[{number}]", each)
        except _UNREADABLE:
            problems.append(Problem(f"neighbours[{number}]", "cannot be read"))
    if problems:
        return problems

    try:
        return _of_order(found) or _of_erasure(found) or _of_texts(found) or _of_rest(found)
    except _UNREADABLE:
        return [Problem("the file", "cannot be read")]


def _of_link(found: Mapping[str, Any], where: str, link: Any) -> list[Problem]:
    at, fact = link["position"], link["fact"]
    if set(link) != _LINK or type(at) is not int:
        return [Problem(where, "has other parts than a link")]
    if link_hash(found["chain"], at, link["previous"], hash_of(fact)) != link["hash"]:
        return [
            Problem(f"{where}.hash", "does not fit the fact, the position and the hash before it")
        ]
    if fact["claim"] != found["claim"]:
        return [Problem(f"{where}.fact.claim", "is another claim's")]

    content, salt = link["content"], link["salt"]
    if content is None and salt is None:
        return []
    salted = bytes.fromhex(salt)
    if salted.hex() != salt or content_hash(content, salted) != fact["content_sha256"]:
        return [Problem(f"{where}.content", "is not the content that was sealed")]
    return []


def _of_neighbour(chain: str, where: str, link: Any) -> list[Problem]:
    at = link["position"]
    made = link_hash(chain, at, link["previous"], link["fact_sha256"])
    if set(link) != _NEIGHBOUR or type(at) is not int or made != link["hash"]:
        return [Problem(f"{where}.hash", "does not fit the position and the hash before it")]
    return []


def _of_order(found: Mapping[str, Any]) -> list[Problem]:
    """Check that each link stands between the two that it says; each by itself is whole."""
    links, head = found["links"], Head(**found["head"])
    positions = [each["position"] for each in links]
    beside = [each["position"] for each in found["neighbours"]]
    everything = [*positions, *beside]
    if positions != sorted(positions) or len(set(everything)) != len(everything):
        return [Problem("links", "are out of order, or one stands twice")]
    if type(head.position) is not int or head.position < max(everything, default=0):
        return [Problem("head.position", "is before the last link")]

    if type(head.hash) is not str:
        return [Problem("head.hash", "cannot be read")]

    known = {each["position"]: each["hash"] for each in (*links, *found["neighbours"])}
    known[0] = genesis(found["chain"]).hash
    if known.get(head.position, head.hash) != head.hash:
        return [Problem("head.hash", "is not the hash of the link at its position")]
    for number, each in enumerate(links):
        before, after = each["position"] - 1, each["position"] + 1
        if known.get(before) != each["previous"]:
            return [Problem(f"links[{number}].previous", "is not the hash of the link before it")]
        if each["fact"]["link_of_claim"] != number + 1:
            return [Problem(f"links[{number}].fact.link_of_claim", "differs: a link was left out")]
        if after not in known and each["position"] != head.position:
            return [Problem(f"links[{number}]", "has no link after it: it was left out")]
    for number, each in enumerate(found["neighbours"]):
        if known.get(each["position"] - 1, each["previous"]) != each["previous"]:
            return [
                Problem(f"neighbours[{number}].previous", "is not the hash of the link before it")
            ]
    return []


def _of_erasure(found: Mapping[str, Any]) -> list[Problem]:
    """Check that content is missing only where a later link says that it was erased."""
    is_erased = False
    for number in reversed(range(len(found["links"]))):
        link = found["links"][number]
        if _is_gone(link) and not is_erased:
            says = "is missing, and no later link says that it was erased"
            return [Problem(f"links[{number}].content", says)]
        is_erased = is_erased or link["fact"]["what"] in ERASED_BY
    return []


def _of_texts(found: Mapping[str, Any]) -> list[Problem]:
    """Check the definitions and words: each is one that a link names, and has that hash."""
    for part, name in (("definitions", "definition"), ("words", "words")):
        named = {each["fact"].get(name) for each in found["links"]} - {None}
        if named != set(found[part]):
            return [Problem(part, "are not those that the links name")]
        for key, value in found[part].items():
            if hash_of(value) != key:
                return [Problem(f"{part}[{key}]", "is not the text of that hash")]
    return []


def _of_rest(found: Mapping[str, Any]) -> list[Problem]:
    if hash_of({name: found[name] for name in found if name != "sha256"}) != found["sha256"]:
        return [Problem("sha256", "differs: something beside the links was altered")]
    return []


def _is_gone(link: Mapping[str, Any]) -> bool:
    return link["content"] is None and link["fact"]["content_sha256"] is not None


# --- the chain itself -------------------------------------------------------------------------------------


class Walk:
    """Goes along a chain in a database, link by link, and compares it with a file.

    Args:
        found: A document without problems.
        chain: The name of the database's chain.
    """

    def __init__(self, found: Mapping[str, Any], chain: str) -> None:
        self._chain = chain
        self._links = {each["position"]: each["hash"] for each in found["links"]}
        self._known = self._links | {each["position"]: each["hash"] for each in found["neighbours"]}
        self._head = Head(found["head"]["position"], found["head"]["hash"])
        self._known[self._head.position] = self._head.hash
        self._last: Head | None = None
        self.problem: Problem | None = None
        if chain != found["chain"]:
            self.problem = Problem("chain", "is another database's")

    @property
    def first(self) -> int:
        """Where the walk begins: at the first link of the file, or of the chain where the file has none."""
        return min(self._links, default=1)

    @property
    def end(self) -> int:
        """Where the walk ends: at the head of the file."""
        return self._head.position

    def step(self, link: Link, *, is_of_claim: bool) -> None:
        """Go on to the next link of the database."""
        at = link.position
        made = link_hash(self._chain, at, link.previous, _sha256(link.fact.encode()))
        if self._last is not None and Head(at - 1, link.previous) != self._last:
            self._stop(at, "does not follow on the one before it")
        elif made != link.hash:
            self._stop(at, "was altered in the database")
        elif self._known.get(at, made) != made:
            self._stop(at, "differs from the file")
        elif is_of_claim and at not in self._links:
            self._stop(at, "belongs to this claim and is not in the file")
        self._last = Head(at, made)

    def close(self) -> Problem | None:
        """Return what is wrong, None where the database leads to the file's head."""
        if (
            self.problem is None
            and self.end
            and (self._last is None or self._last.position != self.end)
        ):
            self._stop(self.end, "is not in the database: it was set back, or is another one")
        return self.problem

    def _stop(self, at: int, says: str) -> None:
        self.problem = self.problem or Problem(f"the database's link {at}", says)


def _link_as_json(link: Link) -> dict[str, Any]:
    return {
        "position": link.position,
        "previous": link.previous,
        "hash": link.hash,
        "fact": json.loads(link.fact),
        "content": None if link.content is None else json.loads(link.content),
        "salt": None if link.content is None else link.salt.hex(),
    }


def _neighbour_as_json(link: Link) -> dict[str, Any]:
    return {
        "position": link.position,
        "previous": link.previous,
        "fact_sha256": _sha256(link.fact.encode()),
        "hash": link.hash,
    }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
