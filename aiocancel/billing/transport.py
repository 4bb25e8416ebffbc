"""One request to Stripe through its own async client: its turn, its account, and its error in our words.

Responses are taken raw: building a StripeObject from a subscription costs the loop milliseconds. The SDK does not
retry; when to try again is decided once, in core/retry.
"""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp

from aiocancel.billing.fair_turns import Turns
from aiocancel.billing.rate_limit import StripeRateLimits
from aiocancel.billing.settings import API_VERSION, StripeBilling
from aiocancel.core.codes import Code, ForeignCode
from aiocancel.core.identifiers import SubscriptionId, is_opaque_id
from aiocancel.core.permissions import permission_named_in
from aiocancel.core.retry import Failure, Throttled, read_retry_after, sort_answer, throttled
from aiocancel.errors import (
    BillingError,
    PacedOutError,
    RejectedBillingError,
    TransientBillingError,
    UnknownBillingError,
)

if TYPE_CHECKING:
    import stripe

SCHEDULES: Final = "/v1/subscription_schedules"
_ERRORS: Mapping[Failure, type[BillingError]] = {
    Failure.TRANSIENT: TransientBillingError,
    Failure.UNKNOWN: UnknownBillingError,
    Failure.REJECTED: RejectedBillingError,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Stripe's limits, for requests that wait for their turn in three ways."""

    patient: StripeRateLimits
    impatient: StripeRateLimits
    first: StripeRateLimits


class Transport:
    """Sends requests for one account.

    Args:
        client: The SDK's.
        billing: The owner's settings.
        limits: What each request keeps to; None where no limit is shared.
    """

    def __init__(
        self, client: stripe.StripeClient, billing: StripeBilling, limits: Limits | None = None
    ) -> None:
        self._client = client
        self._billing = billing
        self._limits = limits

    def with_billing(self, billing: StripeBilling) -> Transport:
        """Return the same transport with other settings, such as another account."""
        return Transport(self._client, billing, self._limits)

    def without_waiting(self) -> Transport:
        """Return the same transport, whose requests fail at once where no turn is near."""
        limits = self._limits
        if limits is not None:
            limits = Limits(limits.impatient, limits.impatient, limits.first)
        return Transport(self._client, self._billing, limits)

    def coming_first(self) -> Transport:
        """Return the same transport, whose requests come before those of other changes."""
        limits = self._limits
        if limits is not None:
            limits = Limits(limits.first, limits.first, limits.first)
        return Transport(self._client, self._billing, limits)

    async def send(
        self, method: str, path: str, params: Mapping[str, Any], **options: Any
    ) -> stripe.StripeResponse:
        """Send one request and return Stripe's whole answer.

        Args:
            method: Such as ``post``.
            path: Beginning with ``/v1/``.
            params: As the SDK encodes them.
            options: The SDK's, such as ``idempotency_key``.

        Raises:
            BillingError: Stripe, the network or a limit of ours stood in the way.
        """
        import stripe

        if self._limits is not None:
            try:
                await self._limits.patient.of(method, path).take()
            except PacedOutError as error:
                raise TransientBillingError(
                    str(error), code=Code.RATE_BUDGET, retry_after_s=error.retry_after_s
                ) from None
        options |= self._on_account()
        try:
            return cast(
                "stripe.StripeResponse",
                await self._client.raw_request_async(method, path, **params, **options),
            )
        except stripe.StripeError as error:
            translated, whose = _translate(error)
            if self._limits is not None and whose in ("account", "endpoint"):
                limits = self._limits.patient.throttled(
                    method, path, endpoint_only=whose == "endpoint"
                )
                await limits.strike(translated.retry_after_s)
            raise translated from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # The SDK stumbles over a body that is JSON but not Stripe's.
            raise UnknownBillingError(
                "Stripe's answer cannot be read", code=ForeignCode.of_error(error)
            ) from None

    def _on_account(self) -> Mapping[str, str]:
        account = self._billing.stripe_account
        if account is None:
            return {}
        # The older header knows no paths, and no organisations.
        is_path = "/" in account or self._billing.is_organisations
        return {"stripe_context" if is_path else "stripe_account": account}


def warm_up() -> ssl.SSLContext:
    """Import the SDK and read its certificates; slow, so it is done in a thread."""
    import stripe

    return _trusting(stripe.ca_bundle_path)


@cache
def _trusting(certificates: str) -> ssl.SSLContext:
    # Once for all clients of a process: reading them takes 30 ms.
    return ssl.create_default_context(cafile=certificates)


def make_client(billing: StripeBilling, session: aiohttp.ClientSession) -> stripe.StripeClient:
    """Make the SDK's client on one session."""
    import stripe

    return stripe.StripeClient(
        billing.api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": billing.api_base},
        max_network_retries=0,
        http_client=stripe.AIOHTTPClient(
            session=WholeAnswers(session),
            timeout=cast("Any", aiohttp.ClientTimeout(total=billing.timeout_s)),
        ),
    )


class WholeAnswers:
    """A session for the SDK that returns an answer when its body is there too.

    The SDK reads the body where it handles no errors and closes no connection.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._turns = Turns()

    async def request(self, *args: Any, **kwargs: Any) -> _WholeAnswer:
        await self._turns.take()
        async with self._session.request(*args, **kwargs) as response:
            answer = _WholeAnswer(await response.read(), response.status, response.headers)
        # The SDK and our readers go on from here.
        await self._turns.take()
        return answer


class _WholeAnswer:
    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        self._body = body
        self.status = status
        self.headers = headers

    @property
    def content(self) -> _WholeAnswer:
        return self

    async def read(self) -> bytes:
        return self._body


def subscription_path(subscription_id: SubscriptionId) -> str:
    """Return where Stripe has the subscription; raises RejectedBillingError for what is no id."""
    if not is_opaque_id(subscription_id):
        raise RejectedBillingError(
            "the database holds an id that is no Stripe subscription", code=Code.BAD_SUBSCRIPTION_ID
        )
    return f"/v1/subscriptions/{subscription_id}"


def schedule_path(schedule_id: str) -> str:
    """Return where Stripe has the schedule; raises UnknownBillingError for what is no id."""
    if not is_opaque_id(schedule_id):
        raise UnknownBillingError(
            "Stripe names a schedule by something that is no id", code=Code.UNREADABLE
        )
    return f"{SCHEDULES}/{schedule_id}"


def _translate(error: stripe.StripeError) -> tuple[BillingError, Throttled | None]:
    detail = error.json_body.get("error") if isinstance(error.json_body, dict) else None
    if isinstance(detail, dict):
        # The SDK leaves .code empty on a 429; the body always has it.
        status, word = error.http_status, detail.get("code") or detail.get("type")
    else:
        # A proxy's page is no answer of Stripe's, whatever its status.
        status, word = None, error.code
    code = None if word is None else Code.of_stripe(str(word))
    hint = {"true": True, "false": False}.get(_header(error.headers, "stripe-should-retry") or "")
    failure = sort_answer(status, code, should_retry=hint)
    # An older release or other settings sent another body under this key: only a new key can help.
    key_is_taken = code == Code.IDEMPOTENCY_ERROR
    if key_is_taken:
        failure = Failure.UNKNOWN
    whose = throttled(status, code, _header(error.headers, "stripe-rate-limited-reason"))
    if whose is not None:
        code = Code.RESOURCE_RATE_LIMIT if whose == "object" else Code.RATE_LIMIT
    # Stripe's message may quote our request, so only the code goes on.
    permission = None
    if status == HTTPStatus.FORBIDDEN and code in (None, Code.INVALID_REQUEST_ERROR):
        message = detail.get("message") if isinstance(detail, dict) else None
        permission, code = permission_named_in(message), Code.PERMISSION_MISSING
    code = code or ForeignCode.of_error(error.__cause__ or error)
    translated = _ERRORS[failure](
        f"Stripe answered {error.http_status or 'nothing'} ({code})",
        code=code,
        http_status=error.http_status,
        request_id=error.request_id,
        permission=permission,
        replayed=key_is_taken or is_replayed(error.headers),
        # A stored failure says no, too, but the next attempt has another key and is no repetition.
        retry_after_s=read_retry_after(
            _header(error.headers, "retry-after"),
            should_retry=hint if failure is Failure.TRANSIENT else None,
        ),
    )

    return translated, whose


def is_replayed(headers: Mapping[str, str] | None) -> bool:
    """Tell whether Stripe repeats an answer that it gave before, under the same key."""
    return _header(headers, "idempotent-replayed") == "true"


def _header(headers: Mapping[str, str] | None, name: str) -> str | None:
    return next((value for key, value in (headers or {}).items() if key.lower() == name), None)
