"""Settings that several parts share, checked once; secrets never show in a repr."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING, Final, Literal, cast
from zoneinfo import ZoneInfo

from yarl import URL

from aiocancel.core.check_settings import (
    MOST,
    check_flag,
    check_number,
    check_text,
    check_texts,
    check_whole,
    check_word,
)
from aiocancel.core.csp import ContentSecurityPolicy
from aiocancel.core.customer_limits import CustomerLimits
from aiocancel.core.theme import Theme
from aiocancel.core.waiting import WAITING
from aiocancel.errors import ConfigurationError, PolicyError
from aiocancel.texts import CATALOGUES

if TYPE_CHECKING:
    from aiocancel.core.decision import CancelTiming
    from aiocancel.core.identifiers import Mode
    from aiocancel.core.undo import ResumePolicy

__all__ = [
    "DEFAULTS",
    "DEFAULT_POLICY",
    "DEFAULT_TEXTS",
    "STRICT_POLICY",
    "VENDOR_ACTS_WITHIN_S",
    "WORKER_LEASE_S",
    "Settings",
]

# No directive here restricts scripts, styles, images, connections or forms, so a page that was written without
# a policy goes on as it was. form-action is left out: Chromium applies it to the redirect after a form as well,
# for instance to a payment page.
DEFAULT_POLICY: Final = "base-uri 'self'; object-src 'none'; frame-ancestors 'self'"
"""What a page without a policy gets, unless the application chose another."""

STRICT_POLICY: Final = (
    "default-src 'self'; base-uri 'self'; object-src 'none'; "
    "frame-ancestors 'self'; form-action 'self'"
)
"""For ``content_security_policy``: everything comes from the site itself, and no inline code runs."""

MAKE_A_KEY: Final = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"

_PLAIN_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_HOLDS_SOURCES: Final = re.compile(r".*-src(?:-elem|-attr)?|base-uri|form-action|frame-ancestors")
# Source: https://www.w3.org/TR/CSP3/#grammardef-keyword-source, with 'none', nonces and hashes.
_BARE_KEYWORD: Final = re.compile(
    r"self|none|unsafe-(?:inline|eval|hashes)|strict-dynamic|report-sample|wasm-unsafe-eval"
    r"|(?:nonce|sha256|sha384|sha512)-[A-Za-z0-9+/_=-]+",
    re.IGNORECASE,
)

DEFAULT_LANGUAGE: Final = "en"
DEFAULT_TEXTS: Final = CATALOGUES[DEFAULT_LANGUAGE]
"""The words that customers read, where ``texts`` has none of its own."""

Texts = Mapping[str, str] | Mapping[str, Mapping[str, str]]


_WORDS: Final = {
    "mode": ("live", "test"),
    "cancel_timing": ("at_period_end", "now"),
    "resume_policy": ("own", "any", "off"),
}
_FLAGS: Final = ("migrate_on_start", "run_worker")
_TEXTS: Final = ("prefix", "public_prefix", "return_to", "log_in_at", "time_zone", "site_url")

# Each is more than 0.
_SECONDS: Final = (
    "answer_within_s",
    "lookup_within_s",
    "page_facts_within_s",
    "widget_timeout_s",
    "poll_events_every_s",
    "vendor_acts_within_s",
    "worker_lease_s",
)

# The least of each. Behind PgBouncer no statement may be kept; of the others 0 would stop everything.
_WHOLE: Final = {
    "grant_lifetime_s": 1,
    "max_waiting_posts": 1,
    "max_body_bytes": 1,
    "worker_concurrency": 1,
    "statement_cache_size": 0,
    "most_unfinished_offers": 1,
    "most_unfinished_actions": 1,
    "most_posts_per_minute": 1,
    "acknowledgement_link_days": 1,
}
# Databases and browsers do not read dates beyond it.
MOST_DAYS: Final = 36_500


PAGE_FIELD: Final = "{page}"
"""Stands in ``log_in_at`` for the address that the login leads back to."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything about a plug-in that is a plain value; the one place with the defaults.

    The fields are described where an application gives them: at ``CancelFlow``. ``mode`` is that of Stripe's key.

    Raises ConfigurationError.
    """

    mode: Mode
    prefix: str = "/cancel"
    public_prefix: str = ""
    return_to: str = "/"
    log_in_at: str = ""
    flow_pages: Collection[str] | Literal["all"] = ()
    content_security_policy: str | None = DEFAULT_POLICY
    cancel_timing: CancelTiming = "at_period_end"
    grant_lifetime_s: int = 3600
    answer_within_s: float = 4.0
    lookup_within_s: float = 2.0
    max_waiting_posts: int = 100
    widget_timeout_s: float = 12.0
    max_body_bytes: int = 256 * 1024
    texts: Texts = field(default_factory=dict[str, str])
    languages: Sequence[str] = (DEFAULT_LANGUAGE,)
    time_zone: str = "UTC"
    page_facts_within_s: float = 1.5
    theme: Theme = Theme()  # noqa: RUF009 - it is frozen
    poll_events_every_s: float = 60.0
    vendor_acts_within_s: float = 15 * 60.0
    resume_policy: ResumePolicy = "own"
    migrate_on_start: bool = False
    run_worker: bool = True
    worker_concurrency: int = 10
    worker_lease_s: float = 30.0
    statement_cache_size: int = 100
    most_unfinished_offers: int = 3
    most_unfinished_actions: int = 20
    most_posts_per_minute: int = 30
    site_url: str = ""
    acknowledgement_link_days: int = 400

    def __post_init__(self) -> None:
        for name, words in _WORDS.items():
            check_word(name, getattr(self, name), words)
        for name in _FLAGS:
            check_flag(name, getattr(self, name))
        for name in _SECONDS:
            check_number(name, getattr(self, name))
        for name, least in _WHOLE.items():
            most = MOST_DAYS if name.endswith("_days") else MOST
            check_whole(name, getattr(self, name), least=least, most=most)
        for name in _TEXTS:
            check_text(name, getattr(self, name))

        self._check_paths()
        self._check_theme()
        self._check_languages()
        self._check_texts()
        if self.content_security_policy is not None:
            check_text("content_security_policy", self.content_security_policy)
            _check_policy(self.content_security_policy)

    @property
    def customer_limits(self) -> CustomerLimits:
        """The limits on one customer."""
        return CustomerLimits(
            self.most_unfinished_offers, self.most_unfinished_actions, self.most_posts_per_minute
        )

    @property
    def wait_within_s(self) -> float:
        """For how long a post may wait, so that it is answered within ``answer_within_s``."""
        return self.answer_within_s * WAITING

    @property
    def plain_page_url(self) -> str | None:
        """The address at which customers cancel, for mails; None where ``site_url`` is not given."""
        return f"{self.site_url}{self.public_prefix}{self.prefix}" if self.site_url else None

    def _check_paths(self) -> None:
        if self.site_url and not _is_site_url(self.site_url):
            raise ConfigurationError(
                "site_url is the site's own address such as 'https://shop.example', without a slash at its end"
            )
        # Braces would be a variable of aiohttp's router.
        if not _PLAIN_PATH.fullmatch(self.prefix):
            raise ConfigurationError(
                "prefix must be a plain path such as '/cancel', without a slash at its end"
            )
        if self.public_prefix and not _PLAIN_PATH.fullmatch(self.public_prefix):
            raise ConfigurationError(
                "public_prefix is empty, or the plain path that a proxy takes off, such as '/shop', without a slash "
                "at its end"
            )
        page = self.log_in_at.count(PAGE_FIELD)
        rest = self.log_in_at.replace(PAGE_FIELD, "")
        if self.log_in_at and (
            page != 1 or set(rest) & set("{}") or not is_path_of_this_site(self.log_in_at)
        ):
            raise ConfigurationError(
                "log_in_at is a path of this site with {page} once, for the address that it leads back to, such as "
                "'/login?next={page}'"
            )
        if not is_path_of_this_site(self.return_to):
            raise ConfigurationError(
                "return_to must be a path of this site such as '/account', without spaces or control characters"
            )

        pages: object = self.flow_pages
        if pages != "all":
            if isinstance(pages, str):
                raise ConfigurationError(
                    "flow_pages is a list of route names or paths, or the word 'all'"
                )
            check_texts("flow_pages", pages)

    def _check_theme(self) -> None:
        theme: object = self.theme
        if not isinstance(theme, Theme):
            raise ConfigurationError(f"theme is a Theme(…), not of type {type(theme).__name__}")
        if theme.logo is not None and not is_path_of_this_site(theme.logo):
            raise ConfigurationError(
                "theme: logo must be a path of this site such as '/static/logo.svg'"
            )

    def _check_languages(self) -> None:
        # A set would have no first one.
        given: object = self.languages
        if isinstance(given, str) or not isinstance(given, Sequence) or not given:
            raise ConfigurationError(
                "languages is a list of codes such as ['en', 'de'], the first for everybody else"
            )
        check_texts("languages", given)

        for language in self.languages:
            if not re.fullmatch(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", language):
                raise ConfigurationError(
                    f"languages: {language!r} is no code such as 'en' or 'en-GB'"
                )
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            raise ConfigurationError(
                f"time_zone: {self.time_zone!r} is no zone that is known here"
            ) from None

    def _check_texts(self) -> None:
        texts: object = self.texts
        if not isinstance(texts, Mapping):
            raise ConfigurationError(
                f"texts is a mapping of names to words, not of type {type(texts).__name__}"
            )
        by_language = any(isinstance(each, Mapping) for each in self.texts.values())
        if by_language and set(self.texts) - set(self.languages):
            raise ConfigurationError("texts by language: every key must be one of languages")
        if self.texts and not by_language and len(self.languages) > 1:
            raise ConfigurationError(
                "texts: with several languages write one mapping for each, such as {'en': {…}, 'de': {…}}"
            )

        for language in self.languages:
            own, ours = self.own_texts(language), catalogue_of(language)
            for name, text in own.items():
                _check_text(name, text)
            if ours is None and (missing := DEFAULT_TEXTS.keys() - own.keys()):
                raise ConfigurationError(
                    f"languages: we have no words in {language!r}, and texts lacks {len(missing)} of them, such as "
                    f"{min(missing)}"
                )

    def own_texts(self, language: str) -> Mapping[str, str]:
        """Return the owner's words in a language of ``languages``, by key."""
        own: object = self.texts.get(language)
        if isinstance(own, Mapping):
            return own
        if any(isinstance(each, Mapping) for each in self.texts.values()):
            return {}
        return cast("Mapping[str, str]", self.texts)


def catalogue_of(language: str) -> Mapping[str, str] | None:
    """Return our words in a language, None where we have none; a region has those of its language."""
    return CATALOGUES.get(language) or CATALOGUES.get(language.partition("-")[0])


def is_path_of_this_site(address: str) -> bool:
    """Tell whether an address is a path of this site.

    A browser takes two slashes, or a slash and a backslash, for the start of another site's address. It drops
    tabs and line breaks first.
    """
    is_plain = address.isprintable() and " " not in address
    return is_plain and address.startswith("/") and not address.startswith(("//", "/\\"))


def _is_site_url(address: str) -> bool:
    try:
        parsed = URL(address)
    except ValueError:
        return False
    is_plain = address.isascii() and address.isprintable() and not set(address) & set(" ?#@\"'<>\\")
    return (
        is_plain and parsed.scheme in ("https", "http") and bool(parsed.host) and address[-1] != "/"
    )


def fields_in(text: str) -> frozenset[str]:
    """Return the names in braces of a text of ours."""
    return frozenset(field for _, field, _, _ in Formatter().parse(text) if field is not None)


def _check_text(name: str, text: str) -> None:
    if name not in DEFAULT_TEXTS:
        raise ConfigurationError(f"texts has a name that does not exist: {name}")
    check_text(f"texts: {name}", text)
    allowed = fields_in(DEFAULT_TEXTS[name])
    if allowed and not _holds_only(text, allowed):
        names = ", ".join(f"{{{each}}}" for each in sorted(allowed))
        raise ConfigurationError(f"texts: {name} may hold {names}; any other brace must be doubled")


def _holds_only(text: str, allowed: Collection[str]) -> bool:
    try:
        replaced = {tuple(field) for _, *field in Formatter().parse(text) if field[0] is not None}
    except ValueError:
        return False
    return replaced <= {(name, "", None) for name in allowed}


def origin_of(url: str, *, setting: str) -> str:
    """Return ``scheme://host[:port]`` of an absolute http(s) URL; raises ConfigurationError naming ``setting``."""
    try:
        parsed = URL(url)
    except ValueError:
        raise ConfigurationError(f"{setting} is not a URL") from None
    if parsed.scheme not in ("https", "http") or not parsed.host:
        raise ConfigurationError(f"{setting} must be an absolute http or https URL")
    return str(parsed.origin())


def is_unpinned(script_url: str, script_integrity: str | None) -> bool:
    """Tell whether pages run a script of another host whose content nothing fixes."""
    return script_integrity is None and not is_path_of_this_site(script_url)


def source_of(url: str) -> str:
    """Return a checked URL as a CSP source that allows this one file: without its query, and fit for a policy."""
    path = URL(url).with_query(None).with_fragment(None)
    # A policy is split at ; and , and a path in it holds no quote.
    return str(path).replace(";", "%3B").replace(",", "%2C").replace("'", "%27")


def _check_policy(policy: str) -> None:
    """Refuse a policy that no browser reads as it is meant.

    A keyword without its quotes, or with others, is a host's name to a browser, and blocks the page.
    """
    try:
        ContentSecurityPolicy.parse_list(policy, unknown="keep")
    except PolicyError as error:
        raise ConfigurationError(f"content_security_policy: {error}") from None

    for directive in re.split("[;,]", policy):
        name, *sources = directive.split() or [""]
        # Elsewhere a quote may be a part of an address.
        if name.lower() != "report-uri":
            for word in sources:
                _check_quotes(name, word)
        if not _HOLDS_SOURCES.fullmatch(name.lower()):
            continue
        if bare := next((word for word in sources if _BARE_KEYWORD.fullmatch(word)), None):
            raise ConfigurationError(
                f"content_security_policy: {name} has {bare} without quotes; write '{bare}'"
            )


def _check_quotes(directive: str, word: str) -> None:
    inside = word.strip("'\"`")
    if set(word) & set("'\"`") and word != f"'{inside}'":
        raise ConfigurationError(
            f"content_security_policy: {directive} has {word} with quotes that a browser does not read; "
            f"write '{inside}'"
        )


DEFAULTS: Final = Settings(mode="test")
"""Every setting as it is when an application says nothing; ``mode`` alone means nothing here."""

# How long after a worker died another goes on with its changes, and how long Stripe may lag behind the vendor.
WORKER_LEASE_S: Final = DEFAULTS.worker_lease_s
VENDOR_ACTS_WITHIN_S: Final = DEFAULTS.vendor_acts_within_s
