"""Everything that can go wrong, as one tree::

    AiocancelError
    ├── ConfigurationError            the settings are wrong; raised before the first request
    │   ├── SchemaError               aiocancel's tables are missing or of another version
    │   └── SimulatorRefusedError     a simulator was named where live money moves
    ├── TargetError                   the CancelFlow named on the command line cannot be loaded
    ├── OperationError                what a person wants to do about an action is not allowed, or there is none
    ├── PolicyError                   a Content-Security-Policy that cannot be read or widened
    ├── PropertyError                 a column holds another type than the flow vendor's property; it is left out
    ├── FlowNotResolvedError          a template asked for a payload that nobody had resolved
    ├── UnavailableError              the database, or Stripe where it is asked, cannot be reached; nothing was changed
    │   ├── AmbiguousSubscriptionError  several subscriptions, and no rule that chooses one
    │   ├── AskedTooOftenError          one customer's pages ask Stripe too often; the way out goes on
    │   └── UnknownCustomerError        Stripe does not know the customer's id: trying again will not help
    ├── UnreadableLedgerError         the ledger holds a type that this release does not know; nothing was changed
    ├── PacedOutError                 a limit that all processes share left no turn in time; nothing was sent
    ├── ClaimError                    what the browser posted is refused; says why in one sentence
    │   ├── MalformedClaimError       400, 413, 415: it cannot be read
    │   ├── UnidentifiedError         401: nobody is logged in
    │   ├── GrantError                403: the grant is altered, expired, or another customer's
    │   ├── ConflictError             409: the grant was already used for something else
    │   └── LimitError                409, 429: the customer asks for too much at a time
    ├── VendorError                   what the flow vendor's API said; it is only ever read
    │   ├── TransientVendorError      no answer that counts, or our key is refused; ask again later
    │   └── RejectedVendorError       the vendor refused; asking again will not help
    │       └── VendorDataError       it answered in a shape that cannot be read
    └── BillingError                  what Stripe said, sorted by what may be done next
        ├── TransientBillingError     nothing happened; the same call may be made again
        ├── UnknownBillingError       it may have happened; read back before anything else
        └── RejectedBillingError      Stripe refused; asking again will not help

No message carries a secret, a name, an e-mail address or a request body.
"""

from __future__ import annotations

from typing import Literal

from aiocancel.core.codes import AnyCode, Code

__all__ = [
    "AiocancelError",
    "AmbiguousSubscriptionError",
    "BillingError",
    "ClaimError",
    "ConfigurationError",
    "ConflictError",
    "FlowNotResolvedError",
    "GrantError",
    "MalformedClaimError",
    "OperationError",
    "PacedOutError",
    "PolicyError",
    "PropertyError",
    "RejectedBillingError",
    "RejectedVendorError",
    "SchemaError",
    "SimulatorRefusedError",
    "TargetError",
    "TransientBillingError",
    "TransientVendorError",
    "UnavailableError",
    "UnidentifiedError",
    "UnknownBillingError",
    "UnknownCustomerError",
    "UnreadableLedgerError",
    "VendorDataError",
    "VendorError",
]


class AiocancelError(Exception):
    """The root of every error that aiocancel raises on purpose."""


class ConfigurationError(AiocancelError):
    """The settings cannot work; the message says which one and what to write instead."""


class SchemaError(ConfigurationError):
    """The tables of aiocancel are missing, or older or newer than this release."""


class SimulatorRefusedError(ConfigurationError):
    """A simulator or debug host was named together with a live key."""


class TargetError(AiocancelError):
    """What was named on the command line cannot be loaded, or is no CancelFlow."""


class OperationError(AiocancelError):
    """There is no such action, or it is not in a state in which a person can do that; nothing was changed."""


class PolicyError(AiocancelError, ValueError):
    """A Content-Security-Policy, directive or source that cannot be read or must not be written."""


class PropertyError(AiocancelError):
    """A column's value cannot stand for what the flow vendor expects; the payload goes without it.

    Args:
        message: One sentence for a person. It never holds the value itself.
        name: The place in the payload.
        expected: The type that the payload has there.
    """

    def __init__(self, message: str, *, name: str, expected: str) -> None:
        super().__init__(message)
        self.name = name
        self.expected = expected


class FlowNotResolvedError(AiocancelError):
    """A template asked for the signed payload although nothing had resolved the subscription."""


class UnavailableError(AiocancelError):
    """The database, or Stripe where the subscription is looked up there, did not answer; nothing was changed."""


class AmbiguousSubscriptionError(UnavailableError):
    """A customer has several subscriptions and no rule chooses one: nobody guesses which is meant."""


class UnknownCustomerError(UnavailableError):
    """Stripe does not know the id that the database has for a customer: it is of another account or mode, or wrong."""


class AskedTooOftenError(UnavailableError):
    """One customer's subscriptions were asked for at Stripe too often within a minute.

    ``retry_after_s`` is when they may be asked for again.
    """

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(
            "the customer's subscriptions were listed at Stripe too often within a minute"
        )
        self.retry_after_s = retry_after_s


class UnreadableLedgerError(AiocancelError):
    """The ledger holds a type that this release does not know, as a newer one may have stored it.

    Nothing was changed: it is never read as something else.
    """


class PacedOutError(AiocancelError):
    """A limit on requests that all processes share left no turn in time; nothing was sent.

    ``retry_after_s`` is when one may be free.
    """

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__("too many requests wait for their turn")
        self.retry_after_s = retry_after_s


Fate = Literal["left_to_a_person", "reached_us", "may_have_reached_us", "look_before_again"]
"""What becomes of a flow session whose post was refused; the flow vendor tells of it as well."""


class ClaimError(AiocancelError):
    """A posted claim is refused. No part of this error repeats what was posted.

    ``fate`` says what becomes of the flow session that was named, None where nothing does.

    Args:
        message: One sentence for a person.
        code: A stable word for programs; None for the class's own.
        status: The HTTP status to answer with; None for the class's own.
    """

    status = 400
    code: AnyCode = Code.CLAIM_REFUSED
    fate: Fate | None = None

    def __init__(
        self, message: str, *, code: AnyCode | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status


class MalformedClaimError(ClaimError):
    """The body cannot be read as a claim."""

    code = Code.MALFORMED


class UnidentifiedError(ClaimError):
    """Nobody is logged in."""

    status = 401
    code = Code.NOT_LOGGED_IN


class GrantError(ClaimError):
    """The grant does not allow this."""

    status = 403
    code = Code.GRANT_REFUSED


class ConflictError(ClaimError):
    """The grant has already been used for a different result."""

    status = 409
    code = Code.GRANT_USED


class LimitError(ClaimError):
    """The customer has too much unfinished, or posts too often; what was posted is not carried out."""

    status = 429
    code = Code.TOO_MANY_POSTS


class VendorError(AiocancelError):
    """What the flow vendor's API said about one question.

    Args:
        message: One sentence for a person.
        code: A stable word for programs; None for the class's own.
        http_status: The status of the answer; None where there was no answer.
    """

    code: AnyCode = Code.VENDOR_ERROR

    def __init__(
        self, message: str, *, code: AnyCode | None = None, http_status: int | None = None
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.http_status = http_status


class TransientVendorError(VendorError):
    """The same question may be asked again.

    A refused API key is one of these: the operator can replace it, and no customer's answer is lost by then.

    Args:
        message: One sentence for a person.
        code: A stable word for programs; None for the class's own.
        http_status: The status of the answer; None where there was no answer.
        retry_after_s: The shortest wait before the next question, where the vendor named one.
    """

    code = Code.VENDOR_UNREACHABLE

    def __init__(
        self,
        message: str,
        *,
        code: AnyCode | None = None,
        http_status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, code=code, http_status=http_status)
        self.retry_after_s = retry_after_s


class RejectedVendorError(VendorError):
    """The vendor refused the question; asking it again unchanged cannot succeed."""

    code = Code.VENDOR_REFUSED


class VendorDataError(RejectedVendorError):
    """The vendor's data has a shape that cannot be read; the message names the place, never a value."""

    code = Code.VENDOR_DATA


class BillingError(AiocancelError):
    """What Stripe said about one call.

    Args:
        message: One sentence for a person.
        code: Stripe's own word, or one of ours.
        http_status: The status of the answer; None where there was no answer.
        request_id: The id of the request, for Stripe's support.
        replayed: Whether Stripe repeated the stored answer to an earlier call with the same idempotency key.
        retry_after_s: The shortest wait before another try, where Stripe named one.
        permission: The permission that the key lacks, as Stripe names it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: AnyCode | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        replayed: bool = False,
        retry_after_s: float | None = None,
        permission: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.permission = permission
        self.request_id = request_id
        self.replayed = replayed
        self.retry_after_s = retry_after_s


class TransientBillingError(BillingError):
    """Nothing happened at Stripe; the same call may be made again later."""


class UnknownBillingError(BillingError):
    """The call may have taken effect; read the subscription before doing anything else."""


class RejectedBillingError(BillingError):
    """Stripe refused the call; repeating it unchanged cannot succeed."""
