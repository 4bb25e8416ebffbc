"""Evidence of one claim as a page to read and to print: one file, without a script, without anything from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from aiocancel.core.evidence import NOT_PROVED, PROVED
from aiocancel.web.console.words import Writing

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a;
  background: #fff; }
h1, h2, h3 { line-height: 1.25; } h3 { margin: 1.5rem 0 .25rem; font-size: 1rem; }
section { border-top: 1px solid #767676; break-inside: avoid-page; }
dl { display: grid; grid-template-columns: minmax(7rem, 14rem) 1fr; gap: .15rem 1rem; margin: .25rem 0; }
dt { color: #555; } dd { margin: 0; } dd, pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.hash, pre { font: 12px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
"""

# What the console does not say of the journal.
_MORE: Final[Mapping[str, str]] = {
    "attempt_ended": "Stripe was asked",
    "session_ended": "The flow ended, with what it had shown",
    "claim_told_more": "More was told about the wish",
}
_LETTER: Final = "A letter was handed over to the mail server"


def page_of(found: Mapping[str, Any]) -> str:
    """Return the page of a document of core/evidence, which is right."""
    return "\n".join(_page(found)) + "\n"


def _page(found: Mapping[str, Any]) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
    yield f"<title>Evidence of the claim {escape(found['claim'])}</title>"
    yield f"<style>{_STYLE}</style></head><body><main>"
    yield f"<h1>Evidence of the claim {_text(found['claim'])}</h1>"
    yield f"<p>Written on {_text(found['exported_at'])} (UTC) by the company that holds the database. The JSON file "
    yield "beside this page holds the same, and is the one that can be checked.</p>"
    if not any(each["content"] is not None for each in found["links"]):
        yield "<p><strong>No personal data is left in these links.</strong></p>"

    yield "<h2>What happened</h2>"
    writing = Writing("UTC")
    for each in found["links"]:
        yield from _link(each, writing)
    if found["not_chained"]:
        yield "<h2>Not chained</h2>"
        yield "<p>Nothing here is proved by the chain.</p>"
        for each in found["not_chained"]:
            yield from _fact(each, writing)
            yield f"<p>Not chained: {_text(str(each.get('why')))}.</p>"
    yield from _texts(found)
    yield from _proofs(found)
    yield "</main></body></html>"


def _link(link: Mapping[str, Any], writing: Writing) -> Iterator[str]:
    yield from _fact(link, writing)
    yield f'<p class="hash">Link {link["position"]}: {_text(link["hash"])}<br>'
    yield f"after {_text(link['previous'])}</p>"


def _fact(link: Mapping[str, Any], writing: Writing) -> Iterator[str]:
    fact, content = link["fact"], link["content"]
    what = _LETTER if fact.get("letter") else _MORE.get(fact["what"]) or writing.entry(fact["what"])
    yield f"<section><h3>{_text(what)}</h3>"
    yield f"<dl>{_entries(_told(fact))}</dl>"

    if content is not None:
        yield f"<dl>{_entries(content if isinstance(content, Mapping) else {'content': content})}</dl>"
    elif fact.get("content_sha256"):
        yield "<p>The personal part was erased.</p>"
    yield "</section>"


def _told(fact: Mapping[str, Any]) -> dict[str, Any]:
    left_out = {"what", "claim", "content_sha256", "link_of_claim"}
    return {name: value for name, value in fact.items() if name not in left_out}


def _entries(values: Mapping[str, Any]) -> str:
    """Return terms and values; what is empty is left out, as a reader finds it in the JSON."""
    told = {name: value for name, value in values.items() if value not in (None, "", [], {})}
    return "".join(
        f"<dt>{_text(_name(name))}</dt><dd>{_value(each)}</dd>" for name, each in told.items()
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"<dl>{_entries(value)}</dl>"
    if isinstance(value, list):
        return "<br>".join(map(_value, value))
    return _text(value if isinstance(value, str) else json.dumps(value))


def _name(name: str) -> str:
    return name.replace("_", " ")


def _texts(found: Mapping[str, Any]) -> Iterator[str]:
    for part, title in (
        ("definitions", "The flow as it was defined"),
        ("words", "The words as they were shown"),
        ("other_claims", "What the same customer asked for about this subscription besides"),
    ):
        if found[part]:
            yield f"<h2>{title}</h2>"
            yield f"<pre>{_text(json.dumps(found[part], indent=1, ensure_ascii=False))}</pre>"


def _proofs(found: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>What this proves</h2><p>Where <code>aiocancel evidence verify</code> finds nothing in the JSON file:</p>"
    yield f"<ul>{''.join(f'<li>{_text(each)}</li>' for each in PROVED)}</ul>"
    yield f"<p>It does not prove:</p><ul>{''.join(f'<li>{_text(each)}</li>' for each in NOT_PROVED)}</ul>"
    yield '<p class="hash">'
    yield f"Chain {_text(found['chain'])}, head {found['head']['position']}: {_text(found['head']['hash'])}<br>"
    yield f"File {_text(found['sha256'])}</p>"


def _text(text: str) -> str:
    """Return text that stays where it is: neither markup nor another direction leaks out of it."""
    return f"<bdi>{escape(text)}</bdi>"
