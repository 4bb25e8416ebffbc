"""ProsperStack's flow sessions and events, read from JSON into the core's types.

Two generations of names are in use (``platform_id``, ``payment_provider_id``), multiple-choice answers come
as an array or as one object, and every enumeration may grow: a status that we do not know is ``unknown``, an
offer that cannot be carried out to the letter is an ``UnusableOffer``. Only a session that is no session at
all is an error.
Source: https://developers.prosperstack.com (flow sessions, events, offers).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, NoReturn, TypeVar, cast

import msgspec

from aiocancel.core.claim import (
    MAX_REASON_LENGTH,
    MAX_WORD_LENGTH,
    CancelReason,
    clean_text,
)
from aiocancel.core.codes import Code
from aiocancel.core.flow_details import Answered, FlowDetails
from aiocancel.core.flow_session import FlowSession, VendorEvent
from aiocancel.core.identifiers import FlowSessionId, is_opaque_id
from aiocancel.core.json_depth import MAX_DEPTH, is_too_deep
from aiocancel.core.offers.terms import (
    COUPON_DURATIONS,
    PAUSE_INTERVALS,
    AcceptedOffer,
    CouponDuration,
    CouponTerms,
    CustomTerms,
    PauseInterval,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
    UnusableOffer,
)
from aiocancel.core.undo import vendor_status
from aiocancel.errors import VendorDataError
from aiocancel.vendors.prosperstack.access import IN_META, IN_PROPERTY, PROOF

logger = logging.getLogger("aiocancel")

MAX_SESSION_BYTES: Final = 256 * 1024
MAX_ANSWER_LENGTH: Final = 5_000
MAX_ANSWERS: Final = 100
MAX_DAYS: Final = 730
MAX_MONTHS: Final = 120
MAX_INTERVALS: Final = 730

# Stripe's amounts have eight digits at most; what a currency allows is judged when it is known.
_AMOUNT: Final = re.compile(r"[0-9]{1,8}(?:\.[0-9]{1,4})?", re.ASCII)

# A custom platform's own ids may be numbers, as far as JavaScript can tell them apart.
_PlatformId = str | Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Read = TypeVar("_Read")


def read_session(data: bytes | Mapping[str, Any]) -> FlowSession:
    """Read a FlowSession object of the REST API, at most 256 KiB and 32 levels deep.

    Raises VendorDataError, whose message names a place and a type, never a value.
    """
    return _session(_shape(_json_object(data), _Session))


def read_event(data: bytes | Mapping[str, Any]) -> VendorEvent:
    """Read an event of the REST API or a webhook's body; names with a dot become names with an underscore.

    Raises VendorDataError.
    """
    return _event(_shape(_json_object(data), _Event))


def read_events(data: bytes, *, largest: int) -> tuple[list[VendorEvent], str | None]:
    """Read one page of events, at most ``largest`` bytes: its events and the cursor of the next page.

    An event without an id, a name or a date that can be read is left out and logged: it holds up no other.

    Raises VendorDataError for a page that cannot be read, or none of whose events can.
    """
    page = _shape(_parsed(data, largest), _Page)
    cursor = page.next_cursor or None
    if cursor is not None and not (cursor.isascii() and cursor.isprintable()):
        raise VendorDataError("The next page's cursor holds a character that no cursor has.")

    events: list[VendorEvent] = []
    problem: VendorDataError | None = None
    for each in page.data:
        try:
            events.append(_event(_shape(each, _Event)))
        except VendorDataError as error:
            problem = error
    if problem is not None:
        if not events:
            # The vendor may have other names by now: nothing may count as read.
            raise problem
        left_out = len(page.data) - len(events)
        logger.warning("%d of a page of events cannot be read: %s", left_out, problem)
    return events, cursor


def read_details(session: Mapping[str, Any]) -> FlowDetails:
    """Read what a browser handed over beside the end of a flow, at most 100 answers, offers and metadata each.

    A part that cannot be read is left out: it keeps nobody from leaving.
    """
    answers = [_or_none(each, _Answer) for each in _listed(session.get("answers"))]
    presented = [_or_none(each, _Presented) for each in _listed(session.get("offers_presented"))]
    accepted = _or_none(session.get("offer_accepted"), _Offer)
    metadata = {} if accepted is None else _metadata(accepted.metadata)
    return FlowDetails(
        "browser",
        tuple(_answered(each) for each in answers if each is not None),
        tuple(each.id for each in presented if each is not None and is_opaque_id(each.id)),
        dict(list(metadata.items())[:MAX_ANSWERS]),
    )


def _listed(value: object) -> list[Any]:
    return value[:MAX_ANSWERS] if isinstance(value, list) else []


def _or_none(value: object, shape: type[_Read]) -> _Read | None:
    try:
        return msgspec.convert(value, shape)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return None


def _json_object(data: bytes | Mapping[str, Any]) -> object:
    read = _parsed(data, MAX_SESSION_BYTES) if isinstance(data, bytes) else data
    if is_too_deep(read):
        raise VendorDataError(f"The JSON is nested more than {MAX_DEPTH} levels deep.")
    return read


def _parsed(data: bytes, largest: int) -> object:
    if len(data) > largest:
        raise VendorDataError(f"The answer is longer than {largest} bytes.")
    try:
        # Not msgspec: it refuses half a surrogate pair, which a customer's comment may hold.
        return json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        # Not the decoder's message: it may quote the text.
        raise VendorDataError("The answer is not JSON.") from None


def _no_constant(_: str) -> NoReturn:
    raise ValueError


def _shape(value: object, shape: type[_Read]) -> _Read:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        # msgspec names the type and the path, never the value.
        raise VendorDataError(f"The answer has a wrong shape: {error}.") from None
    except UnicodeEncodeError:
        raise VendorDataError("The answer names a field in characters that no text has.") from None


def _event(event: _Event) -> VendorEvent:
    event_id = _one_of(event.id, event.event_id, "event")
    if event_id is None or not is_opaque_id(event_id):
        raise VendorDataError("The event has no id, or one with a character that no id has.")
    name = (clean_text(event.event, longest=MAX_WORD_LENGTH) or "").replace(".", "_")
    created_at = _utc(event.created_at)
    try:
        return VendorEvent(event_id, name, read_session(event.data), created_at)
    except VendorDataError as error:
        return VendorEvent(event_id, name, None, created_at, Code.VENDOR_DATA, str(error))


def _session(session: _Session) -> FlowSession:
    if not is_opaque_id(session.id):
        raise VendorDataError("The flow session's id holds a character that no id has.")

    reason = session.cancel_reason or _Reason()

    return FlowSession(
        session_id=FlowSessionId(session.id),
        status=vendor_status(session.status),
        subscription_id=_platform_id(session.subscription, "subscription"),
        subscriber_id=_platform_id(session.subscriber, "subscriber"),
        accepted=None if session.offer_accepted is None else _offer(session.offer_accepted),
        presented=tuple(
            offer.id for offer in session.offers_presented or () if is_opaque_id(offer.id)
        ),
        reason=CancelReason(
            clean_text(reason.text, longest=MAX_REASON_LENGTH),
            clean_text(reason.reason_code, longest=MAX_WORD_LENGTH),
        ),
        answers=tuple(map(_answered, session.answers or ())),
        completed_at=_utc(session.completed_at),
        created_at=_created(session.created_at),
        marks=_marks(session),
    )


def _marks(session: _Session) -> dict[str, str]:
    """Return the texts that may be a proof of ours, by their places."""
    found: dict[str, str] = {}
    if isinstance(session.meta, Mapping) and isinstance(proof := session.meta.get(PROOF), str):
        found[IN_META] = proof
    for holder in (session.subscriber, session.subscription):
        properties = holder.properties if holder is not None else None
        for each in properties if isinstance(properties, list) else ():
            match each:
                case {"property": {"key": str(key)}, "value": str(value)}:
                    found.setdefault(f"{IN_PROPERTY}{key}", value)
    return found


def _utc(moment: datetime | None) -> datetime | None:
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError:
        raise VendorDataError("A date lies outside of all calendars.") from None


def _created(moment: object) -> datetime | None:
    """Return when a session began; one that cannot be read proves nothing, and spoils nothing else."""
    try:
        return _utc(msgspec.convert(moment, _Moment | None))
    except (msgspec.ValidationError, VendorDataError):
        return None


def _platform_id(holder: _Holder | None, what: str) -> str | None:
    if holder is None:
        return None
    found = _one_of(holder.platform_id, holder.payment_provider_id, what)
    # An id that was cleaned would be another id.
    if found is not None and clean_text(found, longest=MAX_WORD_LENGTH) != found:
        raise VendorDataError(f"The platform's id of the {what} holds a character that no id has.")
    return found


def _one_of(new: str | int | None, old: str | int | None, what: str) -> str | None:
    """The id under its new or its old name; two that differ leave open which one is meant."""
    ids = {str(each) for each in (new, old) if each not in (None, "")}
    if len(ids) > 1:
        raise VendorDataError(f"The {what} has two ids that differ.")
    return ids.pop() if ids else None


def _answered(answer: _Answer) -> Answered:
    question = answer.question or _Question()
    values = answer.value if isinstance(answer.value, list) else [answer.value]
    words = (
        _spelled(value.get("text") if isinstance(value, Mapping) else value) for value in values
    )
    cleaned = (clean_text(word, longest=MAX_ANSWER_LENGTH) for word in words)

    return Answered(
        question_id=clean_text(question.id, longest=MAX_WORD_LENGTH),
        question_type=clean_text(question.type, longest=MAX_WORD_LENGTH),
        question=clean_text(question.text, longest=MAX_ANSWER_LENGTH),
        values=tuple(word for word in cleaned if word is not None),
        sentiment=clean_text(answer.sentiment, longest=MAX_WORD_LENGTH),
    )


def _spelled(value: object) -> str | None:
    """A scalar as a text, None for anything that is none."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float() if abs(value) < 2**53:
            return str(value)
        case _:
            return None


# Offers


class _UnusableError(Exception):
    """The terms cannot be carried out to the letter; ``code`` says why."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code


def _offer(offer: _Offer) -> AcceptedOffer | UnusableOffer:
    if not is_opaque_id(offer.id):
        return UnusableOffer(clean_text(offer.id, longest=MAX_WORD_LENGTH) or "", Code.BAD_OFFER_ID)
    try:
        return AcceptedOffer(
            offer.id, _terms(offer.type, offer.details or {}), _metadata(offer.metadata)
        )
    except _UnusableError as error:
        return UnusableOffer(offer.id, error.code)


def _metadata(metadata: object) -> dict[str, str]:
    """Texts as they are, numbers and booleans as JSON spells them; null and nested values are left out."""
    read = {}
    for name, value in metadata.items() if isinstance(metadata, Mapping) else ():
        key = clean_text(name, longest=MAX_WORD_LENGTH)
        word = clean_text(_spelled(value), longest=MAX_ANSWER_LENGTH)
        if key is not None and word is not None:
            read[key] = word
    return read


def _terms(type_: str | None, details: Mapping[str, Any]) -> Terms:
    kind = type_ if details.get("type") is None else details["type"]
    if type_ is not None and kind != type_:
        raise _UnusableError(Code.CONFLICTING_TYPES)

    match kind:
        case "coupon":
            return _coupon(details)
        case "trial_extension":
            return TrialTerms(_whole(details.get("days"), MAX_DAYS, Code.BAD_DAYS))
        case "change_plan":
            return _plan(details)
        case "pause_subscription":
            return _pause(details)
        case "custom":
            return CustomTerms()
        case _:
            raise _UnusableError(Code.UNKNOWN_OFFER_TYPE)


def _coupon(details: Mapping[str, Any]) -> CouponTerms:
    coupon_type, amount_text = details.get("coupon_type"), details.get("amount_off")
    duration, apply_to = details.get("duration"), details.get("apply_to")
    if coupon_type not in ("percentage", "fixed"):
        # Without it, "25" may be a quarter of the price or 25 dollars.
        raise _UnusableError(Code.COUPON_TYPE_MISSING)
    if not isinstance(amount_text, str) or _AMOUNT.fullmatch(amount_text) is None:
        raise _UnusableError(Code.BAD_AMOUNT)

    amount, is_percentage = Decimal(amount_text), coupon_type == "percentage"
    if amount == 0 or (is_percentage and amount > 100):
        raise _UnusableError(Code.BAD_AMOUNT)
    if duration not in COUPON_DURATIONS:
        raise _UnusableError(Code.BAD_DURATION)
    if apply_to not in (None, "subscription", "subscriber"):
        raise _UnusableError(Code.BAD_APPLY_TO)

    return CouponTerms(
        percent_off=amount if is_percentage else None,
        amount_off=None if is_percentage else amount,
        duration=cast("CouponDuration", duration),
        months=_whole(details.get("months"), MAX_MONTHS, Code.BAD_MONTHS)
        if duration == "repeating"
        else None,
        coupon_id=_stripe_id(
            details, "platform_coupon_id", "payment_provider_coupon_id", Code.BAD_COUPON_ID
        ),
        to_customer=apply_to == "subscriber",
    )


def _plan(details: Mapping[str, Any]) -> PlanTerms:
    price_id = _stripe_id(
        details, "platform_plan_id", "payment_provider_plan_id", Code.PLAN_MISSING
    )
    prorate = details.get("prorate")
    if price_id is None:
        raise _UnusableError(Code.PLAN_MISSING)
    if not isinstance(prorate, bool):
        raise _UnusableError(Code.BAD_PRORATE)
    return PlanTerms(price_id, prorate)


def _pause(details: Mapping[str, Any]) -> PauseTerms:
    interval, pause_at = details.get("interval"), details.get("pause_at")
    if interval not in PAUSE_INTERVALS or pause_at not in ("immediately", "period_end"):
        raise _UnusableError(Code.BAD_PAUSE)
    is_endless = interval == "indefinitely"
    return PauseTerms(
        interval=cast("PauseInterval", interval),
        count=0
        if is_endless
        else _whole(details.get("interval_count"), MAX_INTERVALS, Code.BAD_PAUSE),
        at_period_end=pause_at == "period_end",
    )


def _stripe_id(details: Mapping[str, Any], new: str, old: str, code: Code) -> str | None:
    """The platform's id under its new or its old name, None where there is none."""
    found = None
    for name in (new, old):
        value = details.get(name)
        if value is None or value == "":
            continue
        if not isinstance(value, str) or not is_opaque_id(value):
            raise _UnusableError(code)
        if found not in (None, value):
            raise _UnusableError(Code.CONFLICTING_IDS)
        found = value
    return found


def _whole(number: object, largest: int, code: Code) -> int:
    # True is an int in Python.
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= largest:
        raise _UnusableError(code)
    return number


# The shapes; what an offer's details and an answer's value may be is judged above.


class _Holder(msgspec.Struct):
    platform_id: _PlatformId = None
    payment_provider_id: _PlatformId = None
    properties: Any = None


class _Presented(msgspec.Struct):
    id: str


class _Offer(msgspec.Struct):
    id: str
    type: str | None = None
    details: dict[str, Any] | None = None
    metadata: Any = None


class _Question(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    text: str | None = None


class _Answer(msgspec.Struct):
    question: _Question | None = None
    value: Any = None
    sentiment: str | None = None


class _Reason(msgspec.Struct):
    text: str | None = None
    reason_code: str | None = None


class _Session(msgspec.Struct):
    id: str
    status: str
    subscriber: _Holder | None = None
    subscription: _Holder | None = None
    offer_accepted: _Offer | None = None
    offers_presented: list[_Presented] | None = None
    answers: list[_Answer] | None = None
    cancel_reason: _Reason | None = None
    completed_at: _Moment | None = None
    created_at: Any = None
    meta: Any = None


class _Event(msgspec.Struct):
    event: str
    data: Any = None
    id: str | None = None
    event_id: str | None = None
    created_at: _Moment | None = None


class _Page(msgspec.Struct):
    data: list[Any]
    next_cursor: Annotated[str, msgspec.Meta(max_length=2048)] | None = None
