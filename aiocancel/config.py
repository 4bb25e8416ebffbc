"""Settings that several parts share, checked once; secrets never show in a repr."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING, Final, Literal, cast
from zoneinfo import ZoneInfo

from yarl import URL

from aiocancel.core.customer_limits import CustomerLimits
from aiocancel.core.theme import Theme
from aiocancel.errors import ConfigurationError
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

LIVE_KEY_LENGTH: Final = 32
LIVE_KEY_DISTINCT: Final = 5
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


_MORE_THAN_0: Final = (
    "grant_lifetime_s",
    "answer_within_s",
    "lookup_within_s",
    "page_facts_within_s",
    "max_waiting_posts",
    "widget_timeout_s",
    "max_body_bytes",
    "vendor_acts_within_s",
    "worker_lease_s",
)


_AT_LEAST_1: Final = ("most_unfinished_offers", "most_unfinished_actions", "most_posts_per_minute")


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

    def __post_init__(self) -> None:
        self._check_paths()
        if not isinstance(self.theme, Theme):
            raise ConfigurationError("theme is an aiocancel.Theme(…)")
        if self.theme.logo is not None and not is_path_of_this_site(self.theme.logo):
            raise ConfigurationError(
                "theme: logo must be a path of this site such as '/static/logo.svg'"
            )
        self._check_languages()
        self._check_texts()
        if self.content_security_policy is not None:
            _check_policy(self.content_security_policy)
        if self.cancel_timing not in ("at_period_end", "now"):
            raise ConfigurationError("cancel_timing is 'at_period_end' or 'now'")
        if self.resume_policy not in ("own", "any", "off"):
            raise ConfigurationError("resume_policy is 'own', 'any' or 'off'")
        for name in _MORE_THAN_0:
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigurationError(f"{name} must be more than 0, and finite")

        for name in _AT_LEAST_1:
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be 1 or more")

    @property
    def customer_limits(self) -> CustomerLimits:
        """The limits on one customer."""
        return CustomerLimits(
            self.most_unfinished_offers, self.most_unfinished_actions, self.most_posts_per_minute
        )

    def _check_paths(self) -> None:
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
        if not is_path_of_this_site(self.return_to):
            raise ConfigurationError(
                "return_to must be a path of this site such as '/account', without spaces or control characters"
            )

        if isinstance(self.flow_pages, str) and str(self.flow_pages) != "all":
            raise ConfigurationError(
                "flow_pages is a list of route names or paths, or the word 'all'"
            )

    def _check_languages(self) -> None:
        if isinstance(self.languages, str) or not self.languages:
            raise ConfigurationError(
                "languages is a list of codes such as ['en', 'de'], the first for everybody else"
            )

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


def fields_in(text: str) -> frozenset[str]:
    """Return the names in braces of a text of ours."""
    return frozenset(field for _, field, _, _ in Formatter().parse(text) if field is not None)


def _check_text(name: str, text: str) -> None:
    if name not in DEFAULT_TEXTS:
        raise ConfigurationError(f"texts has a name that does not exist: {name}")
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


def check_grant_keys(keys: Collection[str], *, mode: Mode) -> None:
    """Refuse keys that a stranger could guess.

    Args:
        keys: One or more, the newest first.
        mode: With live money a key must be long and hold different characters.

    Raises:
        ConfigurationError: Says what is wrong, and never repeats a key.
    """
    if isinstance(keys, (str, bytes)):
        raise ConfigurationError("grant_keys is a list, not one key: write grant_keys=[key]")
    given: Collection[object] = keys
    if any(isinstance(key, bytes) for key in given):
        raise ConfigurationError(
            "a grant key is a text (str), not bytes: write key.decode() where the key is text, "
            f"or make one with: {MAKE_A_KEY}"
        )
    if not given or not all(isinstance(key, str) and key for key in given):
        raise ConfigurationError("grant_keys is a list of one or more texts, the newest first")
    if mode != "live":
        return

    if min(map(len, keys)) < LIVE_KEY_LENGTH:
        raise ConfigurationError(
            f"every grant key must have {LIVE_KEY_LENGTH} characters or more with a live Stripe key; "
            f"make one with: {MAKE_A_KEY}"
        )
    if min(len(set(key)) for key in keys) < LIVE_KEY_DISTINCT:
        raise ConfigurationError(
            f"every grant key must hold {LIVE_KEY_DISTINCT} different characters or more with a live Stripe key; "
            f"make one with: {MAKE_A_KEY}"
        )


def check_database(database: object) -> None:
    """Refuse a database that was left empty, as by a variable that is not set; raises ConfigurationError."""
    if database is None or (isinstance(database, str) and not database.strip()):
        raise ConfigurationError(
            "database is empty: is the environment variable set that it comes from? "
            "It is a DSN such as postgresql://user:password@host:port/name, or an asyncpg pool"
        )


def check_subscriptions(subscriptions: object) -> None:
    """Refuse what cannot find a customer's subscription; raises ConfigurationError."""
    if isinstance(subscriptions, str):
        raise ConfigurationError(
            "subscriptions is a text: write subscriptions=SubscriptionQuery(sql)"
        )
    # The last two are those of SubscriptionQuery and of StripeSubscriptions.
    if not any(hasattr(subscriptions, name) for name in ("resolve", "prepare", "over")):
        raise ConfigurationError(
            "subscriptions is a SubscriptionQuery, a StripeSubscriptions, or an object with "
            f"async resolve(customer_id), not of type {type(subscriptions).__name__}"
        )


def check_locale(locale: object) -> None:
    """Refuse a ``locale`` that is not an ordinary function; raises ConfigurationError."""
    if locale is not None and (not callable(locale) or inspect.iscoroutinefunction(locale)):
        raise ConfigurationError(
            "locale is an ordinary function: def locale(request), which returns a code such as 'de', or None"
        )


def check_identify(identify: object) -> None:
    """Refuse an ``identify`` that is not an async function; raises ConfigurationError."""
    function = inspect.unwrap(identify) if callable(identify) else identify
    call = getattr(function, "__call__", None)  # noqa: B004 - its own function is looked at
    if not (inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)):
        raise ConfigurationError(
            "identify must be an async function: async def identify(request), "
            "which returns the customer's id, or None where nobody is logged in"
        )


def is_unpinned(script_url: str, script_integrity: str | None) -> bool:
    """Tell whether pages run a script of another host whose content nothing fixes."""
    return script_integrity is None and not is_path_of_this_site(script_url)


def source_of(url: str) -> str:
    """Return a checked URL as a CSP source that allows this one file: without its query, and fit for a policy."""
    path = URL(url).with_query(None).with_fragment(None)
    # A policy is split at ; and , and a path in it holds no quote.
    return str(path).replace(";", "%3B").replace(",", "%2C").replace("'", "%27")


def _check_policy(policy: str) -> None:
    """Refuse a keyword without its quotes: a browser takes it for a host's name, and blocks the page."""
    for directive in policy.split(";"):
        name, *sources = directive.split() or [""]
        if not _HOLDS_SOURCES.fullmatch(name.lower()):
            continue
        if bare := next((word for word in sources if _BARE_KEYWORD.fullmatch(word)), None):
            raise ConfigurationError(
                f"content_security_policy: {name} has {bare} without quotes; write '{bare}'"
            )


DEFAULTS: Final = Settings(mode="test")
"""Every setting as it is when an application says nothing; ``mode`` alone means nothing here."""

# How long after a worker died another goes on with its changes, and how long Stripe may lag behind the vendor.
WORKER_LEASE_S: Final = DEFAULTS.worker_lease_s
VENDOR_ACTS_WITHIN_S: Final = DEFAULTS.vendor_acts_within_s
