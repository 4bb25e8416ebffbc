"""The Stripe account, as settings; importing this module does not import stripe."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiocancel.config import origin_of
from aiocancel.core.actions import (
    AGREED_ENDS,
    DEFAULT_AGREED_ENDS,
    DEFAULT_PERIOD_END,
    PERIOD_ENDS,
    AgreedEnds,
    PeriodEnd,
)
from aiocancel.core.check_settings import (
    check_flag,
    check_number,
    check_text,
    check_text_by_text,
    check_word,
)
from aiocancel.core.claim_reason import FEEDBACK_VALUES
from aiocancel.core.coupon_names import problem_with
from aiocancel.core.identifiers import Mode, is_opaque_id
from aiocancel.core.schedules import DEFAULT_SCHEDULE_POLICY, SCHEDULE_POLICIES, SchedulePolicy
from aiocancel.errors import ConfigurationError

STRIPE_API: Final = "https://api.stripe.com"
API_VERSION: Final = "2026-10-28.endive"


_KEYS: Final = (
    *("sk_live_", "rk_live_", "sk_test_", "rk_test_"),
    *("sk_org_live_", "sk_org_test_"),
)
_ACCOUNT: Final = re.compile(r"acct_[A-Za-z0-9_]{1,64}(?:/acct_[A-Za-z0-9_]{1,64}){0,3}", re.ASCII)


def is_account(text: str) -> bool:
    """Tell whether a text names an account, or a path to one: a platform's, a slash, and a connected one's."""
    return _ACCOUNT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class StripeBilling:
    """A Stripe account.

    Args:
        api_key: A secret or restricted key with write access to subscriptions; a how-to lists what else it may need.
            It appears in no repr, and its prefix says whether the mode is live or test.
        api_base: Stripe's API. Another address is a simulator's, and only a test key may go there.
        invoice_now: Whether cancelling now bills what is open.
            Source of this and the next: https://docs.stripe.com/api/subscriptions/cancel
        prorate: Whether cancelling now credits unused time.
        feedback_codes: Stripe's feedback value for each reason code of a flow; a code that is such a value needs no
            entry. Any other code that comes without a text becomes Stripe's comment.
        timeout_s: The bound on one HTTP exchange, in seconds.
        max_requests_per_s: The bound on the requests of all processes on one database in any second, reads included.
            By default four fifths of Stripe's own limit (80 live, 20 in a sandbox), so that the application has room
            for requests of its own; at a simulator there is none. Source: https://docs.stripe.com/rate-limits
        max_requests_per_s_per_endpoint: The same for one endpoint; by default 20.
        schedule_policy: The treatment of a subscription schedule that stands in the way of a change. ``park`` leaves
            it to a person. ``release`` releases it and loses the phases still to come. ``amend`` loses nothing: a
            schedule that ends with the period is made to end the subscription, one with nothing more to do is
            released, and only one with phases to come, or an end of its own, is left to a person. With ``amend`` the
            key must be allowed to read schedules, and to write them unless it is ``park``.
        ends_with: The end of a subscription whose items have different periods, such as a month and a year, when it is
            cancelled at period end. With ``last`` no day is lost that is paid for, and items with shorter periods are
            paid until then. With ``first`` it ends with the shortest period, and what is paid beyond is lost.
        agreed_ends: The fate of an end that was set by date and lies beyond the time that is paid for, when the
            subscription is cancelled at period end. With ``stand`` it stays, as an agreement on a fixed time asks, and
            the customer is told its date. With ``yield`` the subscription ends with what is paid, and that end
            comes back when the customer takes the cancellation back.
        feedback_options: The id of a feedback option of your own at Stripe (``fbo_…``) for each reason code of a flow.
            One that Stripe does not know, or no longer, costs no customer the cancellation: it is left out.
            Source: ``cancellation_details.feedback_option`` in https://docs.stripe.com/api/subscriptions/update
        promotion_codes: The id of the promotion code (``promo_…``) to give in the place of a coupon, for each id of a
            coupon that exists at Stripe and that an offer names. It must be a code for that very coupon. Stripe checks
            its restrictions, counts its redemptions, and shows it on the discount.
        coupon_names: The name of a coupon that is made for an offer, for each duration (``once``, ``repeating``,
            ``forever``, and ``month`` for a repeating one of a single month); what is left out
            has words in the first of ``languages``.
            ``{off}`` stands for the percentage, or the amount and its currency, ``{months}`` for the number of months.
            Customers read it on their invoices; Stripe takes 40 characters, and what is longer is cut off.
        stripe_account: The account (``acct_…``) that the subscriptions belong to, where the key is a platform's or an
            organisation's. Source: https://docs.stripe.com/context
        account_column: The column of the ``SubscriptionQuery`` that holds the account of each subscription; one that
            is NULL stands for ``stripe_account``.
        webhook_secrets: The signing secrets (``whsec_…``) of the endpoint in Stripe that posts to
            ``/cancel/stripe``; while you change it, the new one and the old one. Without any the route is a 404.
        poll_events_every_s: How many seconds lie between two looks at Stripe's list of events. It is read where
            there is a webhook secret or an ``on_subscription_change`` hook.

    Raises:
        ConfigurationError: Says which setting is wrong, and never repeats the key.
    """

    api_key: str = field(repr=False)
    api_base: str = STRIPE_API
    invoice_now: bool = False
    prorate: bool = False
    feedback_codes: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0
    max_requests_per_s: float | None = None
    max_requests_per_s_per_endpoint: float | None = None
    schedule_policy: SchedulePolicy = DEFAULT_SCHEDULE_POLICY
    ends_with: PeriodEnd = DEFAULT_PERIOD_END
    agreed_ends: AgreedEnds = DEFAULT_AGREED_ENDS
    coupon_names: Mapping[str, str] = field(default_factory=dict)
    feedback_options: Mapping[str, str] = field(default_factory=dict)
    promotion_codes: Mapping[str, str] = field(default_factory=dict)
    stripe_account: str | None = None
    account_column: str | None = None
    webhook_secrets: Sequence[str] = field(default=(), repr=False)
    poll_events_every_s: float = 60.0

    def __post_init__(self) -> None:
        self._check_types()
        if not self.api_key.startswith(_KEYS):
            raise ConfigurationError(
                "api_key must be a Stripe secret or restricted key: sk_…, rk_…, live or test"
            )
        if self.is_organisations and self.stripe_account is None:
            raise ConfigurationError(
                "an organisation's key needs stripe_account, the account that it is used for"
            )
        if not is_opaque_id(self.api_key):
            raise ConfigurationError(
                "api_key has a space, a line break or another character that no Stripe key has"
            )
        if origin_of(self.api_base, setting="api_base") != self.api_base:
            raise ConfigurationError(f"api_base is an origin such as {STRIPE_API}, without a path")

        for setting in ("max_requests_per_s", "max_requests_per_s_per_endpoint"):
            if (given := getattr(self, setting)) is not None:
                check_number(setting, given, least=2)
        for setting in ("timeout_s", "poll_events_every_s"):
            check_number(setting, getattr(self, setting))

        _check_webhook_secrets(self.webhook_secrets)
        if self.stripe_account is not None and not is_account(self.stripe_account):
            raise ConfigurationError(
                "stripe_account is the id of an account, acct_…, or a path of such ids"
            )
        check_word("schedule_policy", self.schedule_policy, SCHEDULE_POLICIES)
        check_word("ends_with", self.ends_with, PERIOD_ENDS)
        check_word("agreed_ends", self.agreed_ends, AGREED_ENDS)
        self._check_ids()
        if problem := problem_with(self.coupon_names):
            raise ConfigurationError(f"coupon_names {problem}")
        if unknown := set(self.feedback_codes.values()) - FEEDBACK_VALUES:
            raise ConfigurationError(
                f"feedback_codes maps to a value that Stripe does not have: {sorted(unknown)[0]}"
            )

    def _check_ids(self) -> None:
        for setting in ("feedback_options", "promotion_codes"):
            if not all(map(is_opaque_id, getattr(self, setting).values())):
                raise ConfigurationError(f"{setting} maps to something that is no id at Stripe")

    def _check_types(self) -> None:
        for setting in ("api_key", "api_base"):
            check_text(setting, getattr(self, setting))
        for setting in ("stripe_account", "account_column"):
            if (given := getattr(self, setting)) is not None:
                check_text(setting, given)
        if self.account_column == "":
            raise ConfigurationError("account_column is empty: it is a column's name, or None")

        for setting in ("invoice_now", "prorate"):
            check_flag(setting, getattr(self, setting))
        for setting in ("feedback_codes", "feedback_options", "coupon_names", "promotion_codes"):
            check_text_by_text(setting, getattr(self, setting))

    @property
    def mode(self) -> Mode:
        """Live or test, by the key's prefix."""
        return "live" if "_live_" in self.api_key[:12] else "test"

    @property
    def is_organisations(self) -> bool:
        """Whether the key is an organisation's, which names the account by a context.

        Source: https://docs.stripe.com/keys/organization-api-keys
        """
        return self.api_key.startswith("sk_org_")

    @property
    def may_be_restricted(self) -> bool:
        """Whether the key may lack permissions; an organisation's looks the same either way."""
        return self.api_key.startswith(("rk_", "sk_org_"))

    @property
    def coupon_words(self) -> str:
        """A short text that differs where the names of coupons do."""
        return hashlib.sha256(repr(sorted(self.coupon_names.items())).encode()).hexdigest()[:8]

    @property
    def simulated(self) -> bool:
        """Whether requests go somewhere other than Stripe."""
        return self.api_base != STRIPE_API

    def feedback(self, code: str | None) -> str | None:
        """Return Stripe's feedback value for a flow's reason code, None where there is none."""
        if code is None:
            return None
        mapped = self.feedback_codes.get(code, code)
        return mapped if mapped in FEEDBACK_VALUES else None


def _check_webhook_secrets(secrets: object) -> None:
    """Refuse what signs nothing: with an empty secret anybody could make a signature."""
    if isinstance(secrets, (str, bytes)):
        raise ConfigurationError("webhook_secrets is a list: write webhook_secrets=[secret]")
    if not isinstance(secrets, Sequence) or not all(
        isinstance(secret, str) and secret.startswith("whsec_") and len(secret) > len("whsec_")
        for secret in secrets
    ):
        raise ConfigurationError(
            "webhook_secrets are the signing secrets of an endpoint in Stripe: whsec_…"
        )
