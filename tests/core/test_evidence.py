"""A file of evidence proves that nothing in it was altered since it was sealed, and says what it does not prove."""

from __future__ import annotations

import copy
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.evidence import (
    FORMAT,
    NOT_PROVED,
    PROVED,
    Fact,
    Head,
    Link,
    Walk,
    canonical,
    document,
    genesis,
    hash_of,
    link_hash,
    read,
    rendered,
    seal,
    verify,
)

CHAIN, CLAIM, OTHER = "6f1c", "claim-1", "claim-2"
WORDS = {"exit": "Jetzt kündigen"}
DEFINITION = {"reasons": ["too_expensive"], "hold_out_percent": 0}

Document = dict[str, Any]


def fact(what: str, *, claim: str = CLAIM, content: Any = None, **more: Any) -> Fact:
    return Fact({"what": what, "claim": claim, **more}, content, bytes(range(32)))


def numbered(facts: list[Fact]) -> list[Fact]:
    """The facts as the store counts them, each claim's by themselves."""
    so_far: Counter[str] = Counter()
    found = []
    for each in facts:
        so_far[each.said["claim"]] += 1
        said = {**each.said, "link_of_claim": so_far[each.said["claim"]]}
        found.append(Fact(said, each.content, each.salt))
    return found


FACTS = numbered(
    [
        fact("claim_recorded", claim=OTHER, content={"customer": "bob"}),
        fact("claim_recorded", content={"customer": "ada", "reason_text": "too dear"}),
        fact(
            "session_ended",
            content={"shown": [1.5]},
            definition=hash_of(DEFINITION),
            words=hash_of(WORDS),
        ),
        fact("actions_enqueued", claim=OTHER),
        fact("attempt_ended", stripe_request="req_1", content={"sent": None}),
        fact("action_applied"),
        fact("actions_enqueued", claim=OTHER),
    ]
)
OURS = (2, 3, 5, 6)
BESIDE = (1, 4, 7)
LINKS = seal(CHAIN, genesis(CHAIN), FACTS)


def file_of(
    links: list[Link] = LINKS, ours: tuple[int, ...] = OURS, beside: tuple[int, ...] = BESIDE
) -> Document:
    has_session = 3 in ours
    made = document(
        chain=CHAIN,
        claim=CLAIM,
        exported_at="2026-11-27T03:00:00Z",
        head=Head(links[-1].position, links[-1].hash) if links else genesis(CHAIN),
        links=[links[at - 1] for at in ours],
        neighbours=[links[at - 1] for at in beside],
        definitions={hash_of(DEFINITION): DEFINITION} if has_session else {},
        words={hash_of(WORDS): WORDS} if has_session else {},
        not_chained=[{"what": "action_closed"}],
        other_claims=[],
    )

    return copy.deepcopy(made)


def signed_again(found: Document) -> Document:
    """The document as somebody would write it who knows how the file's own hash is made."""
    rest = {name: value for name, value in found.items() if name != "sha256"}
    return rest | {"sha256": hash_of(rest)}


def where(found: Any) -> list[str]:
    return [each.where for each in verify(found).problems]


def test_a_file_as_it_was_exported_is_proved() -> None:
    found, verdict = read(rendered(file_of()))

    assert found == file_of()
    assert (verdict.problems, verdict.claim) == ((), CLAIM)
    assert (verdict.links, verdict.erased, verdict.not_chained) == (4, 0, 1)
    assert verdict.head == Head(found["head"]["position"], found["head"]["hash"])
    assert verdict.exported_at == found["exported_at"]
    assert PROVED
    assert NOT_PROVED


def test_a_claim_without_a_link_has_a_file_too() -> None:
    assert verify(file_of([], (), ())).problems == ()
    assert verify(file_of(ours=(), beside=())).problems == ()


def test_links_follow_on_each_other_from_the_beginning_of_the_chain() -> None:
    assert [each.position for each in LINKS] == [1, 2, 3, 4, 5, 6, 7]
    assert LINKS[0].previous == genesis(CHAIN).hash
    assert [each.previous for each in LINKS[1:]] == [each.hash for each in LINKS[:-1]]

    first, rest = FACTS[:3], FACTS[3:]
    begun = seal(CHAIN, genesis(CHAIN), first)
    assert begun + seal(CHAIN, Head(3, begun[-1].hash), rest) == LINKS


def test_a_fact_tells_nothing_of_its_content() -> None:
    sealed = LINKS[1]

    assert "ada" not in sealed.fact
    assert json.loads(sealed.fact)["content_sha256"] is not None
    assert json.loads(LINKS[5].fact)["content_sha256"] is None
    assert "ada" not in repr(sealed)
    assert "ada" not in repr(FACTS[1])


def test_equal_contents_have_other_hashes_under_another_salt() -> None:
    one, other = seal(
        CHAIN,
        genesis(CHAIN),
        [Fact({"what": "x"}, "ada", bytes(32)), Fact({"what": "x"}, "ada", bytes(range(32)))],
    )

    assert json.loads(one.fact) != json.loads(other.fact)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical({"value": value})


def nested(depth: int) -> Any:
    found: Any = None
    for _ in range(depth):
        found = [found]
    return found


def test_canonical_json_is_the_same_for_the_same_values() -> None:
    assert canonical({"b": 1, "a": "ü"}) == '{"a":"\\u00fc","b":1}'
    with pytest.raises(ValueError, match="too deep"):
        canonical(nested(100_000))


def without_content(found: Document, number: int) -> Document:
    found["links"][number]["content"] = found["links"][number]["salt"] = None
    return found


def test_content_may_be_missing_once_a_later_link_says_that_it_was_erased() -> None:
    links = seal(CHAIN, genesis(CHAIN), numbered([*FACTS, fact("claim_erased")]))
    whole = file_of(links, (*OURS, 8), BESIDE)
    erased = signed_again(without_content(copy.deepcopy(whole), 0))

    assert verify(erased).problems == ()
    assert verify(erased).erased == 1
    assert verify(whole).erased == 0


def test_content_that_was_left_out_is_missed() -> None:
    assert where(signed_again(without_content(file_of(), 0))) == ["links[0].content"]


# --- nothing can be altered ----------------------------------------------------------------------------------


@given(st.data())
def test_whatever_byte_is_altered_is_noticed(data: st.DataObject) -> None:
    text = rendered(file_of()).encode()
    at = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != text[at]))

    altered = text[:at] + bytes([byte]) + text[at + 1 :]
    _, verdict = read(altered.decode("utf-8", "surrogateescape"))

    assert verdict.problems


@given(st.data())
def test_whatever_is_cut_out_or_put_in_is_noticed(data: st.DataObject) -> None:
    text = rendered(file_of())
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    put = data.draw(st.text(max_size=5).filter(lambda each: each != text[start:end]))

    _, verdict = read(text[:start] + put + text[end:])

    assert verdict.problems


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document that holds something."""
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    found = [path] if path else []
    return found + [place for key, inner in inside for place in places(inner, (*path, key))]


SEALED = [
    path for path in places(file_of()) if path[0] in ("links", "neighbours", "chain", "claim")
]


@given(
    st.sampled_from(SEALED),
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.just([])),
)
def test_whatever_is_altered_in_a_link_is_noticed_although_the_files_own_hash_is_made_anew(
    path: tuple[Any, ...], value: Any
) -> None:
    found = file_of()
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    if canonical(holder[path[-1]]) == canonical(value):
        return

    holder[path[-1]] = value

    assert where(signed_again(found)) != []


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[1:], ids=str)
def test_links_in_another_order_are_noticed(order: tuple[int, ...]) -> None:
    found = file_of()
    found["links"] = [found["links"][at] for at in order]

    assert where(signed_again(found)) == ["links"]


@pytest.mark.parametrize("left_out", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)], ids=str)
def test_a_link_that_is_left_out_before_another_is_noticed(left_out: tuple[int, ...]) -> None:
    """Also where it is told as another claim's, so that the order of hashes has no hole."""
    found, told = file_of(), file_of()
    told["neighbours"] += [as_neighbour(told["links"][at]) for at in left_out]
    for each in (found, told):
        each["links"] = [link for at, link in enumerate(each["links"]) if at not in left_out]

        assert where(signed_again(each)) != []


def altered(change: Callable[[Document], object]) -> Document:
    found = file_of()
    change(found)
    return found


def relinked(found: Document, number: int, **changed: Any) -> None:
    """Alter a link and make its hash fit again, as somebody would who knows how."""
    link = found["links"][number]
    link |= changed
    sha256 = hash_of(link["fact"])
    link["hash"] = link_hash(CHAIN, link["position"], link["previous"], sha256)


def as_neighbour(link: Document) -> Document:
    fact_sha256 = hash_of(link["fact"])
    return {name: link[name] for name in ("position", "previous", "hash")} | {
        "fact_sha256": fact_sha256
    }


CASES: dict[str, tuple[Callable[[Document], object], str]] = {
    "the format": (lambda d: d.update(format="aiocancel evidence 2"), "format"),
    "a part is missing": (lambda d: d.pop("head"), "head"),
    "a part too many": (lambda d: d.update(note="x"), "note"),
    "a part of another kind": (lambda d: d.update(not_chained=5), "not_chained"),
    "the time of the export": (lambda d: d.update(exported_at="2020"), "sha256"),
    "a link that is none": (lambda d: d["links"].__setitem__(1, 5), "links[1]"),
    "a link without a hash": (lambda d: d["links"][1].pop("hash"), "links[1]"),
    "a link with a note": (lambda d: d["links"][1].update(note=1), "links[1]"),
    "a position that is no number": (lambda d: relinked(d, 1, position="3"), "links[1]"),
    "a fact": (lambda d: d["links"][1]["fact"].update(what="x"), "links[1].hash"),
    "another claim's link": (
        lambda d: relinked(d, 1, fact=d["links"][1]["fact"] | {"claim": OTHER}),
        "links[1].fact.claim",
    ),
    "a content": (lambda d: d["links"][0]["content"].update(customer="bob"), "links[0].content"),
    "a salt that is none": (lambda d: d["links"][0].update(salt="zz"), "links[0]"),
    "a salt with a space": (
        lambda d: d["links"][0].update(salt=" " + d["links"][0]["salt"]),
        "links[0].content",
    ),
    "a neighbour that is none": (lambda d: d["neighbours"].__setitem__(0, 5), "neighbours[0]"),
    "a neighbour's hash": (lambda d: d["neighbours"][0].update(hash="0"), "neighbours[0].hash"),
    "a neighbour with a note": (lambda d: d["neighbours"][0].update(note=1), "neighbours[0].hash"),
    "the order": (lambda d: d["links"].reverse(), "links"),
    "a link twice": (lambda d: d["links"].insert(0, d["links"][0]), "links"),
    "a head before the end": (lambda d: d["head"].update(position=6), "head.position"),
    "a head that is no number": (lambda d: d["head"].update(position=7.0), "head.position"),
    "another head": (lambda d: d["head"].update(hash="0"), "head.hash"),
    "a head whose hash is no text": (lambda d: d["head"].update(position=9, hash=1), "head.hash"),
    "a head that is none": (lambda d: d.update(head={}), "the file"),
    "the hash before a link": (
        lambda d: relinked(d, 3, previous="0"),
        "links[3].previous",
    ),
    "a link told as another claim's": (
        lambda d: d["neighbours"].append(as_neighbour(d["links"].pop(2))),
        "links[2].fact.link_of_claim",
    ),
    "a neighbour left out before": (lambda d: d["neighbours"].pop(0), "links[0].previous"),
    "a neighbour left out after": (lambda d: d["neighbours"].pop(2), "links[3]"),
    "a link re-made": (
        lambda d: relinked(d, 0, fact=d["links"][0]["fact"] | {"at": "x"}),
        "links[1].previous",
    ),
    "the last link re-made": (
        lambda d: relinked(d, 3, fact=d["links"][3]["fact"] | {"at": "x"}),
        "neighbours[2].previous",
    ),
    "a definition": (
        lambda d: d["definitions"][hash_of(DEFINITION)].update(hold_out_percent=1),
        f"definitions[{hash_of(DEFINITION)}]",
    ),
    "a definition left out": (lambda d: d["definitions"].clear(), "definitions"),
    "words too many": (lambda d: d["words"].update(x=1), "words"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_part_that_differs_is_named(name: str) -> None:
    change, expected = CASES[name]
    found = altered(change)
    found = found if expected == "sha256" else signed_again(found)

    assert where(found)[0] == expected


def test_a_definition_that_a_link_names_oddly_is_a_broken_file() -> None:
    links = seal(CHAIN, genesis(CHAIN), numbered([fact("session_ended", definition=["x"])]))

    assert where(file_of(links, (1,), ())) == ["the file"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "5",
        '{"format": 1}',
        f'{{"format": "{FORMAT}"}}',
        '{"a": NaN}',
        "[" * 100_000,
        '"\\ud800"',
        "1" * 5000,
    ],
    ids=range(11),
)
def test_a_file_that_is_none_is_said_to_be_none(text: str) -> None:
    _, verdict = read(text)

    assert len(verdict.problems) == 1


def test_a_file_with_other_spaces_or_a_name_that_stands_twice_is_not_as_it_was_written() -> None:
    text = rendered(file_of())

    for changed in (
        text + " ",
        text.replace('"claim": "claim-1"', '"claim": "x", "claim": "claim-1"'),
    ):
        _, verdict = read(changed)
        assert [each.where for each in verdict.problems] == ["the file"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_json_a_file_holds_there_is_a_verdict(value: Any) -> None:
    exported = file_of()

    assert verify(value).problems
    assert isinstance(where(exported | {"links": [value], "neighbours": [value]}), list)
    for name in exported:
        assert isinstance(where(signed_again(exported | {name: value})), list)
    assert exported == file_of()


# --- the chain of a database ----------------------------------------------------------------------------------


def walked(found: Document, links: list[Link], chain: str = CHAIN) -> str | None:
    walk = Walk(found, chain)
    for each in links:
        if walk.first <= each.position <= walk.end:
            walk.step(each, is_of_claim=json.loads(each.fact)["claim"] == CLAIM)
    problem = walk.close()
    return None if problem is None else f"{problem.where} {problem.says}"


def test_a_database_that_leads_to_the_files_head_confirms_it() -> None:
    grown = seal(CHAIN, Head(7, LINKS[-1].hash), [fact("evidence_erased")])

    assert walked(file_of(), LINKS) is None
    assert walked(file_of(), LINKS + grown) is None
    assert walked(file_of([], (), ()), LINKS) is None
    of_others = seal(CHAIN, genesis(CHAIN), [fact("claim_recorded", claim=OTHER)])
    assert walked(file_of(of_others, (), ()), of_others) is None


def test_a_database_that_differs_from_the_file_is_noticed() -> None:
    other = seal(CHAIN, genesis(CHAIN), [FACTS[0], *FACTS[2:], FACTS[1]])
    broken = [*LINKS[:3], Link(4, LINKS[3].previous, LINKS[3].hash, "{}"), *LINKS[4:]]
    left_out = file_of(ours=(2, 3, 5), beside=(1, 4, 6))

    assert walked(file_of(ours=(), beside=()), LINKS) == (
        "the database's link 2 belongs to this claim and is not in the file"
    )
    assert walked(file_of(), LINKS, "another") == "chain is another database's"
    assert walked(file_of(), other) == "the database's link 2 differs from the file"
    assert walked(file_of(), [each for each in broken if each.position != 4]) == (
        "the database's link 5 does not follow on the one before it"
    )
    assert walked(
        file_of(),
        [
            each if each.position != 4 else Link(4, each.previous, each.hash, '{"claim":"x"}')
            for each in LINKS
        ],
    ) == ("the database's link 4 was altered in the database")
    assert walked(file_of(), LINKS[:5]) == (
        "the database's link 7 is not in the database: it was set back, or is another one"
    )
    assert walked(file_of(), []) == (
        "the database's link 7 is not in the database: it was set back, or is another one"
    )
    assert walked(left_out, LINKS) == (
        "the database's link 6 belongs to this claim and is not in the file"
    )
