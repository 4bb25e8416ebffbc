"""Read a Content-Security-Policy and widen it by the sources that a flow vendor's widget needs, and by no more.

An application already sends a policy of its own. A second one beside it would not help, because a browser
enforces every policy it gets; so the one that is there is read, widened and written back. Widening must
never take anything away from the application, and three rules of the standard make that easy to get wrong:

- A directive that is absent falls back to another. Writing ``connect-src`` where only ``default-src`` stood
  replaces the fallback, so the new list starts from the one that governed before; where nothing governed, anything
  was allowed, and nothing is written. Fallbacks can also be lost sideways, see ``_widen_list``.
- A nonce or hash switches 'unsafe-inline' off. An application that relies on 'unsafe-inline' would lose its
  inline code, so nonces and hashes are left out of such a list, which accepts the inline code anyway.
- 'none' counts only when it stands alone, and an empty list means the same.

Source: W3C Content Security Policy Level 3, https://www.w3.org/TR/CSP3/: 2.2.1 "Parse a serialized CSP",
2.3.1 "Source Lists" (the grammar), 6.7.3.2 "Does a source list allow all inline behavior for type?",
6.7.3.3 "Does element match source list for type and source?", 6.8.3 "Get fetch directive fallback list".
``fenced-frame-src`` and its fallback: https://wicg.github.io/fenced-frame/#new-csp-directive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self

from aiocancel.errors import PolicyError

# Every directive that holds a source list, with the directives it falls back to, nearest first. The order is
# the order of widening: a list comes after those it may inherit from, so that it inherits them widened, and
# the result does not depend on the order in which the additions were written down.
_FALLBACKS: Final[Mapping[str, tuple[str, ...]]] = {
    "default-src": (),
    "child-src": ("default-src",),
    "script-src": ("default-src",),
    "style-src": ("default-src",),
    "connect-src": ("default-src",),
    "font-src": ("default-src",),
    "frame-src": ("child-src", "default-src"),
    "fenced-frame-src": ("frame-src", "child-src", "default-src"),
    "img-src": ("default-src",),
    "manifest-src": ("default-src",),
    "media-src": ("default-src",),
    "object-src": ("default-src",),
    "prefetch-src": ("default-src",),
    "script-src-attr": ("script-src", "default-src"),
    "script-src-elem": ("script-src", "default-src"),
    "style-src-attr": ("style-src", "default-src"),
    "style-src-elem": ("style-src", "default-src"),
    "worker-src": ("child-src", "script-src", "default-src"),
    # These three are not about fetching and fall back to nothing.
    "base-uri": (),
    "form-action": (),
    "frame-ancestors": (),
}
# Directives with another kind of value: read and kept, but there is no source list to widen. The last five
# have left the standard and are still sent by applications.
_OTHER_DIRECTIVES: Final = frozenset(
    {
        "report-to",
        "report-uri",
        "require-trusted-types-for",
        "sandbox",
        "trusted-types",
        "upgrade-insecure-requests",
        "webrtc",
        "block-all-mixed-content",
        "navigate-to",
        "plugin-types",
        "referrer",
        "require-sri-for",
    }
)
_KNOWN_DIRECTIVES: Final = _OTHER_DIRECTIVES | _FALLBACKS.keys()

_KEYWORDS: Final = frozenset(
    {
        "'self'",
        "'unsafe-hashes'",
        "'wasm-unsafe-eval'",
        "'report-sample'",
        "'report-sha256'",
        "'report-sha384'",
        "'report-sha512'",
        "'inline-speculation-rules'",
        "'trusted-types-eval'",
        "'unsafe-allow-redirects'",
    }
)
_REFUSED_KEYWORDS: Final[Mapping[str, str]] = {
    "'none'": "it allows nothing",
    "'unsafe-inline'": "it would allow injected inline code",
    "'unsafe-eval'": "it would allow injected text to run as code",
    # Under 'strict-dynamic' a browser ignores 'self', hosts, schemes and 'unsafe-inline' for scripts.
    "'strict-dynamic'": "it would switch off the hosts that the application allows",
}

# ASCII is asked for because some other letters, such as the Kelvin sign, are a case variant of an ASCII one.
_FLAGS: Final = re.ASCII | re.IGNORECASE
_SCHEME = r"[a-z][a-z0-9+.-]*"
# RFC 3986 allows ' and ; and , in a path as well; in a policy they must be percent-encoded.
_PATH_CHARACTER = r"(?:[a-z0-9._~!$&()*+=:@-]|%[0-9a-f]{2})"
_HEADER_TEXT = re.compile(
    r"[\t -~]*"
)  # a tab is legal white space in a header field: RFC 9110, 5.5
_NONCE_OR_HASH = re.compile(r"'(?:nonce|sha256|sha384|sha512)-[a-z0-9+/_-]+={0,2}'", _FLAGS)
_SCHEME_SOURCE = re.compile(rf"{_SCHEME}:", _FLAGS)
_HOST_SOURCE = re.compile(
    rf"(?:{_SCHEME}://)?(?P<host>\*|(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::(?:[0-9]+|\*))?"
    rf"(?:/(?:{_PATH_CHARACTER}+(?:/{_PATH_CHARACTER}*)*)?)?",
    _FLAGS,
)
# The part of a source in which case does not count: all but the value of a nonce or hash, and the path.
_CASELESS_PART = re.compile(rf"'(?:nonce|sha256|sha384|sha512)-|'.*|(?:{_SCHEME}://)?[^/]*", _FLAGS)


@dataclass(frozen=True, slots=True)
class ContentSecurityPolicy:
    """One policy, immutable; made with ``parse``, written with ``str``.

    Args:
        directives: (name, value) pairs in the order they were written, names in lower case, values split at white
            space.
    """

    directives: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def parse(cls, header: str, *, unknown: Literal["refuse", "keep"] = "refuse") -> Self:
        """Return the one policy in ``header``, which may be empty.

        Of a repeated directive the first counts, as in a browser. A directive that the standard does not
        know is refused, because it is most often a misspelt one that protects nothing; ``unknown="keep"``
        carries it through as written instead.

        Raises PolicyError for several policies, line breaks, control and non-ASCII characters.
        """
        if "," in header:
            raise PolicyError(
                "A comma separates policies, and this is for one: read the header with parse_list."
            )
        if not _HEADER_TEXT.fullmatch(header):
            raise PolicyError(
                "The policy holds a line break, a control character or a non-ASCII character."
            )

        directives: dict[str, tuple[str, tuple[str, ...]]] = {}
        for words in map(str.split, header.split(";")):
            if not words:
                continue
            written, *value = words
            name = written.lower()
            if name not in _KNOWN_DIRECTIVES:
                if unknown == "refuse":
                    raise PolicyError(
                        f"{_shown(written)} is not a directive of a Content-Security-Policy."
                    )
                directives.setdefault(name, (written, tuple(value)))
            else:
                directives.setdefault(name, (name, tuple(value)))

        return cls(tuple(directives.values()))

    @classmethod
    def parse_list(
        cls, header: str, *, unknown: Literal["refuse", "keep"] = "refuse"
    ) -> tuple[Self, ...]:
        """Return every policy in ``header``, separated by commas; empty ones are dropped, as in a browser.

        A browser enforces all of them, so all of them have to be widened. Raises as ``parse`` does.
        """
        policies = [cls.parse(text, unknown=unknown) for text in header.split(",")]
        return tuple(policy for policy in policies if policy.directives)

    def effective(self, directive: str) -> tuple[str, ...] | None:
        """Return the source list that governs ``directive`` after fallback, as written.

        None means that nothing governs it and everything is allowed; an empty tuple allows nothing.
        Raises PolicyError for a directive that holds no source list.
        """
        return _governing(dict(self.directives), _source_list_name(directive))

    def ignores_nonces(self, directive: str) -> bool:
        """Return whether ``directive`` relies on 'unsafe-inline', so that a nonce or hash would switch it off.

        Such a list accepts inline code as it is, and a nonce on an element is then not looked at.
        Raises PolicyError for a directive that holds no source list.
        """
        name = _source_list_name(directive)
        return _relies_on_unsafe_inline(name, _governing(dict(self.directives), name) or ())

    def widen(self, additions: Mapping[str, Iterable[str]]) -> Self:
        """Return this policy with ``additions`` (directive to sources) allowed as well, and nothing taken away.

        A directive that nothing governs is left out: it allows everything already. What is allowed already
        is not written twice. Widening ``script-src`` or ``style-src`` also widens its ``-elem`` form where that
        is present, because that one then governs the elements. Nonces and hashes are skipped where
        ``ignores_nonces`` holds. Existing directives keep their place, new ones follow.

        Raises PolicyError for a directive without a source list, for a source that does not follow the
        grammar, and for those that would change more than was asked for: 'none', 'unsafe-inline',
        'unsafe-eval', 'strict-dynamic' and any form of the host ``*``.
        """
        wanted = _checked(additions)
        lists = dict(self.directives)
        for directive in _FALLBACKS:
            if sources := wanted.get(directive):
                _widen_list(lists, directive, sources)
                if (element_directive := f"{directive}-elem") in lists:
                    _widen_list(lists, element_directive, sources)
        return type(self)(tuple(lists.items()))

    def __str__(self) -> str:
        """Return the header value."""
        return "; ".join(" ".join((name, *value)) for name, value in self.directives)


def _governing(lists: Mapping[str, tuple[str, ...]], directive: str) -> tuple[str, ...] | None:
    for name in (directive, *_FALLBACKS[directive]):
        if name in lists:
            return lists[name]
    return None


def _relies_on_unsafe_inline(directive: str, sources: tuple[str, ...]) -> bool:
    if any(_NONCE_OR_HASH.fullmatch(source) for source in sources):
        return False
    keywords = {source.lower() for source in sources}
    # 'strict-dynamic' switches 'unsafe-inline' off for scripts only. default-src stands for styles as well,
    # so there it does not settle the matter.
    if directive.startswith("script-src") and "'strict-dynamic'" in keywords:
        return False
    return "'unsafe-inline'" in keywords


def _widen_list(lists: dict[str, tuple[str, ...]], directive: str, sources: Iterable[str]) -> None:
    """Allow ``sources`` in the one list of ``directive``, which is created if it is inherited so far."""
    current = _governing(lists, directive)
    if current is None:
        return

    nonces_would_break = _relies_on_unsafe_inline(directive, current)
    allowed = {_folded(source) for source in current}
    missing = []
    for source in sources:
        if _is_allowed(source, allowed) or (
            nonces_would_break and _NONCE_OR_HASH.fullmatch(source)
        ):
            continue
        missing.append(source)
        allowed.add(_folded(source))

    if not missing:
        return

    # A worker is governed by worker-src, child-src, script-src, default-src, in this order. A child-src made
    # from default-src would step in front of script-src and take away workers that script-src allows.
    if directive == "child-src" and "child-src" not in lists and "script-src" in lists:
        lists.setdefault("worker-src", lists["script-src"])
    lists[directive] = (*(source for source in current if source.lower() != "'none'"), *missing)


def _is_allowed(source: str, allowed: set[str]) -> bool:
    """Return whether the list allows ``source`` literally, by its scheme, or, on the web, by ``*``."""
    folded = _folded(source)
    scheme, separator, _ = folded.partition("://")
    by_scheme = bool(separator) and f"{scheme}:" in allowed
    by_wildcard = bool(separator) and scheme in {"http", "https"} and "*" in allowed
    return folded in allowed or by_scheme or by_wildcard


def _folded(source: str) -> str:
    """Return a spelling that two sources share if and only if they differ in insignificant case at most."""
    return _CASELESS_PART.sub(lambda match: match[0].lower(), source, count=1)


def _checked(additions: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for written, sources in additions.items():
        directive = _source_list_name(written)
        # A text is an iterable of one-letter texts, each of them a valid host name.
        if isinstance(sources, str):
            raise PolicyError(f"The sources for {directive} must be a list of texts, not one text.")
        for source in sources:
            _check_source(directive, source)
            wanted.setdefault(directive, []).append(source)
    return wanted


def _source_list_name(directive: str) -> str:
    name = directive.lower()
    if not directive.isascii() or name not in _KNOWN_DIRECTIVES:
        raise PolicyError(f"{_shown(directive)} is not a directive of a Content-Security-Policy.")
    if name not in _FALLBACKS:
        raise PolicyError(f"The directive {name} does not hold a list of sources.")
    return name


def _check_source(directive: str, source: str) -> None:
    keyword = source.lower()
    if reason := _REFUSED_KEYWORDS.get(keyword):
        raise PolicyError(f"{keyword} may not be added to {directive}: {reason}.")
    if keyword in _KEYWORDS or _NONCE_OR_HASH.fullmatch(source):
        if directive == "frame-ancestors" and keyword != "'self'":
            raise PolicyError(
                f"frame-ancestors takes hosts, schemes and 'self', not {_shown(source)}."
            )
        return

    quoted = f"'{keyword}'"
    if quoted in _KEYWORDS or quoted in _REFUSED_KEYWORDS or _NONCE_OR_HASH.fullmatch(quoted):
        raise PolicyError(
            f"The source {_shown(source)} for {directive} needs single quotes inside the text."
        )

    host_source = _HOST_SOURCE.fullmatch(source)
    if host_source and host_source["host"] == "*":
        raise PolicyError(
            f"The host * may not be added to {directive}: it would allow every host there is."
        )
    if not host_source and not _SCHEME_SOURCE.fullmatch(source):
        raise PolicyError(
            f"{_shown(source)} for {directive} is not a keyword, nonce, hash, scheme or host source."
        )


def _shown(text: str) -> str:
    """Return ``text`` escaped and shortened, so that a message stays one line."""
    return repr(text if len(text) <= 60 else f"{text[:59]}…")
