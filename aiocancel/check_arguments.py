"""What ``CancelFlow`` was given is checked before anything is made of it; plain values are in ``config``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiocancel.billing.settings import StripeBilling
from aiocancel.config import MAKE_A_KEY
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.terms import OfferLimits
from aiocancel.errors import ConfigurationError
from aiocancel.ports import FlowVendor

if TYPE_CHECKING:
    from aiocancel.core.identifiers import Mode

__all__ = [
    "check_billing",
    "check_database",
    "check_email",
    "check_grant_keys",
    "check_hook",
    "check_identify",
    "check_locale",
    "check_mailer",
    "check_offer_settings",
    "check_on_event",
    "check_options",
    "check_place",
    "check_plans",
    "check_public_exit",
    "check_subscriptions",
    "check_vendor",
    "checked_folder",
]

LIVE_KEY_LENGTH: Final = 32
LIVE_KEY_DISTINCT: Final = 5

# A class that inherits from FlowVendor has all of them; any other class needs all of them.
_VENDOR_HAS: Final = tuple(name for name in vars(FlowVendor) if not name.startswith("_"))
_SAYS_AWAITABLE: Final = re.compile(r"\b(?:Awaitable|Coroutine|Future|Task)\b")


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
    given: object = keys
    # A set would have no first one, which signs.
    if not isinstance(given, Sequence):
        raise ConfigurationError(
            f"grant_keys is a list of one or more texts, the newest first, {_not(given)}"
        )
    if any(isinstance(key, bytes) for key in given):
        raise ConfigurationError(
            "grant_keys holds a key of bytes, and a key is a text (str): write key.decode() where the key is text, "
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
    """Refuse a database that was left empty, as by a variable that is not set, or is neither a DSN nor a pool.

    Raises ConfigurationError.
    """
    if database is None or (isinstance(database, str) and not database.strip()):
        raise ConfigurationError(
            "database is empty: is the environment variable set that it comes from? "
            "It is a DSN such as postgresql://user:password@host:port/name, or an asyncpg pool"
        )
    is_pool = hasattr(database, "acquire") and not isinstance(database, type)
    if not (isinstance(database, str) or is_pool):
        raise ConfigurationError(
            f"database is a DSN such as postgresql://user:password@host:port/name, or an asyncpg pool, "
            f"{_not(database)}"
        )


def check_subscriptions(subscriptions: object) -> None:
    """Refuse what cannot find a customer's subscription; raises ConfigurationError."""
    if isinstance(subscriptions, str):
        raise ConfigurationError(
            "subscriptions is a text: write subscriptions=SubscriptionQuery(sql)"
        )
    # The last two are those of SubscriptionQuery and of StripeSubscriptions.
    can = any(hasattr(subscriptions, name) for name in ("resolve", "prepare", "over"))
    if not can or isinstance(subscriptions, type):
        raise ConfigurationError(
            "subscriptions is a SubscriptionQuery, a StripeSubscriptions, or an object with "
            f"async resolve(customer_id), not of type {type(subscriptions).__name__}"
        )

    for name in ("resolve", "resolve_all"):
        method = getattr(subscriptions, name, None)
        if method is not None and not _is_async(method):
            raise ConfigurationError(
                f"subscriptions: {name} must be async: async def {name}(self, customer_id)"
            )


def check_vendor(vendor: object) -> None:
    """Refuse what runs no widget; raises ConfigurationError."""
    if isinstance(vendor, type) or not all(hasattr(vendor, name) for name in _VENDOR_HAS):
        raise ConfigurationError(
            f"vendor is ProsperStack(…), StaySignal(…) or another FlowVendor, {_not(vendor)}"
        )


def check_billing(billing: object) -> None:
    """Refuse anything but an account at Stripe, and never repeat it: it may be a key; raises ConfigurationError."""
    if not isinstance(billing, StripeBilling):
        raise ConfigurationError(
            f"billing is an account at Stripe, {_not(billing)}: write billing=StripeBilling(api_key)"
        )


def check_offer_settings(limits: object, rules: object) -> None:
    """Refuse anything but ``OfferLimits`` and ``OfferRules``, or None for either; raises ConfigurationError."""
    if limits is not None and not isinstance(limits, OfferLimits):
        raise ConfigurationError(f"offer_limits is an OfferLimits(…) or None, {_not(limits)}")
    if rules is not None and not isinstance(rules, OfferRules):
        raise ConfigurationError(f"offer_rules is an OfferRules(…) or None, {_not(rules)}")


def check_plans(billing: StripeBilling, rules: OfferRules | None) -> None:
    """Refuse plans that wait for the period's end where schedules are left to people; raises ConfigurationError."""
    waits = rules is not None and rules.plan_starts == "period_end"
    if waits and billing.schedule_policy == "park":
        raise ConfigurationError(
            "OfferRules(plan_starts='period_end') makes schedules, and StripeBilling(schedule_policy='park') leaves "
            "subscriptions under one to a person: use 'amend' or 'release'"
        )


def check_on_event(on_event: object) -> None:
    """Refuse an ``on_event`` that is not an ordinary function; raises ConfigurationError."""
    if not callable(on_event) or _is_async(on_event):
        raise ConfigurationError(
            "on_event is an ordinary function: def on_event(event), which returns nothing"
        )


def check_locale(locale: object) -> None:
    """Refuse a ``locale`` that is not an ordinary function, or None; raises ConfigurationError."""
    if locale is not None and (not callable(locale) or _is_async(locale)):
        raise ConfigurationError(
            "locale is an ordinary function: def locale(request), which returns a code such as 'de', or None"
        )


def check_options(options: object) -> None:
    """Refuse an ``options`` that is not a function, or None; raises ConfigurationError."""
    if options is not None and (isinstance(options, type) or not callable(options)):
        raise ConfigurationError(
            "options is a function: def options(request), which returns a mapping of ProsperStack's options"
        )


def check_identify(identify: object) -> None:
    """Refuse an ``identify`` that is not an async function; raises ConfigurationError."""
    if isinstance(identify, type) or not callable(identify) or not _is_async(identify):
        raise ConfigurationError(
            "identify must be an async function: async def identify(request), "
            "which returns the customer's id, or None where nobody is logged in"
        )


def check_hook(registered_by: str, hook: object) -> None:
    """Refuse a hook or handler that is not an async function.

    An ordinary one would do its work, return nothing that can be awaited, and be called again and again.

    Args:
        registered_by: The method that registers it, as ``on_outcome``.
        hook: What the application gave.

    Raises:
        ConfigurationError: It is not async.
    """
    if isinstance(hook, type) or not callable(hook) or not _is_async(hook):
        raise ConfigurationError(
            f"{registered_by} takes an async function: write async def, {_not(hook)}"
        )


def _is_async(function: Callable[..., object]) -> bool:
    """Tell whether a call returns an awaitable.

    A decorator that copies names with functools.wraps may stand on either side of the async function.
    """
    return _answers_later(inspect.unwrap(function, stop=_answers_later))


def _answers_later(function: object) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 - its own function is looked at
    said = getattr(function, "__annotations__", {}).get("return", "")
    return (
        inspect.iscoroutinefunction(function)
        or inspect.iscoroutinefunction(call)
        or bool(_SAYS_AWAITABLE.search(said if isinstance(said, str) else repr(said)))
    )


def _not(given: object) -> str:
    return f"not of type {type(given).__name__}"


def check_mailer(mailer: object) -> None:
    """Refuse a mailer that cannot be asked; raises ConfigurationError."""
    if mailer is None:
        return
    send = getattr(mailer, "send", None)
    if isinstance(mailer, type) or not callable(send):
        raise ConfigurationError(
            f"mailer is an object with async send(message), such as SmtpMailer(…), {_not(mailer)}"
        )
    # An ordinary one would send, and count as one whose answer was lost: the letter went out again.
    if not _is_async(send):
        raise ConfigurationError("mailer: send must be async: async def send(self, message)")


def check_email(email: object) -> None:
    """Refuse what tells no address; raises ConfigurationError."""
    if callable(email) and not isinstance(email, type):
        return
    if not isinstance(email, str) or not email:
        raise ConfigurationError(
            f"email is a column's name, or a function of the customer's id, {_not(email)}"
        )


def checked_folder(folder: object) -> Path | None:
    """Return the folder of templates; raises ConfigurationError where neither template is in it."""
    if folder is None:
        return None
    names = ("letter.txt", "letter.html")
    if not isinstance(folder, str | Path) or not any(
        (Path(folder) / name).is_file() for name in names
    ):
        raise ConfigurationError("mail_templates is a folder with letter.txt, letter.html, or both")
    return Path(folder)


def check_place(place: object) -> None:
    """Refuse a ``place`` that is not a function, or None; raises ConfigurationError."""
    if place is not None and (isinstance(place, type) or not callable(place)):
        raise ConfigurationError(
            "place is a function of the customer's id, such as 'US-MN' from it"
        )


def check_public_exit(public_exit: object, mailer: object) -> None:
    """Refuse a public exit that could not acknowledge what it takes; raises ConfigurationError."""
    if public_exit is None:
        return
    # Late: few sites have one, and it brings mails with it.
    from aiocancel.core.public_exit import PublicExit

    if not isinstance(public_exit, PublicExit):
        raise ConfigurationError(f"public_exit is a PublicExit(…), {_not(public_exit)}")
    if not _is_async(public_exit.find):
        raise ConfigurationError("PublicExit.find must be async: async def find(declaration)")
    if mailer is None:
        raise ConfigurationError(
            "public_exit needs a mailer: a customer who terminates must get an acknowledgement at once"
        )
