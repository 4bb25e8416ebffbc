"""Letters to customers: one attempt decides what is true now, writes it down, and hands it to the mail server once.

A letter that may be under way is sent again as it was written, under the same Message-ID. One whose refusal is known is
written anew: the claim may have moved on.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from aiocancel.config import Settings
from aiocancel.core.acknowledgement import (
    ClaimToTell,
    Later,
    Letter,
    LetterFacts,
    LetterKind,
    letter,
    next_letter,
    reference_of,
    still_true,
)
from aiocancel.core.actions import Receipt
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.decision import Answer, AnswerKind
from aiocancel.core.declaration import offers_in
from aiocancel.core.grants import GrantSealer
from aiocancel.core.last_bill import LastBill
from aiocancel.core.mail import (
    HandedOver,
    MailMessage,
    MailRefused,
    MailResult,
    TryAgain,
    is_address,
)
from aiocancel.core.page_facts import ShownSubscription, about
from aiocancel.core.public_exit import PublicDeclaration
from aiocancel.core.sentences import Sentence
from aiocancel.core.subscription import OwnedSubscription, Subscription
from aiocancel.errors import (
    AmbiguousSubscriptionError,
    RejectedBillingError,
    TransientBillingError,
    UnknownBillingError,
)
from aiocancel.mail.letter import (
    LetterTemplates,
    WrittenLetter,
    links_of,
    public_letter,
    write,
    written_from_json,
)
from aiocancel.ports import EMAIL, ChooseEmail, FindSubscription, Mailer, PageFacts, mail_address_of
from aiocancel.postgres.acknowledgements import NOTHING_TO_TELL, LetterDue, WrittenBefore
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.public_exit import public_in
from aiocancel.telemetry import (
    AcknowledgementSent,
    EventHook,
    PageFactsMissing,
    guarded,
    type_and_place,
)
from aiocancel.texts import statutory
from aiocancel.wording import Words, words_of

logger = logging.getLogger("aiocancel")

# Of one attempt; an attempt as a whole has 70 s.
SEND_WITHIN_S: Final = 50.0
_ADDRESS_WITHIN_S: Final = 5.0
_FACTS_WITHIN_S: Final = 3.0

ReadSubscription = Callable[[TakenAction], Awaitable[Subscription]]
AskLastBill = Callable[[TakenAction, datetime], Awaitable[LastBill | None]]
AskNextPayment = Callable[[TakenAction, datetime], Awaitable[Sentence | None]]

# Stripe is asked before these.
_ON_A_DATE: Final = (LetterKind.HAS_ENDED, LetterKind.PAUSE_ENDS_SOON)
# These letters are about a subscription that goes on.
_TELLS_THE_NEXT_PAYMENT: Final = (LetterKind.PAUSE_ENDS_SOON, LetterKind.TAKEN_BACK)


class _Chosen(NamedTuple):
    """The letter of one attempt, and where it goes; None where there is no address."""

    kind: LetterKind
    letter_id: uuid.UUID
    written: WrittenLetter
    address: str | None


class Acknowledger:
    """Writes to customers.

    Args:
        ledger: The claims, and the letters about them.
        mailer: Hands letters to a mail server.
        settings: The languages, the owner's words, and the site's address.
        sealer: Signs the links that open a letter without a login.
        templates: The letters' dress.
        email: Tells a customer's address; a column's name, or a function of the customer's id.
        find: Finds the application's row of a subscription.
        find_all: Finds all rows of a customer.
        page_facts: Tells the plan's name and price; None where nobody may ask.
        on_event: Is told of each letter that was handed over.
    """

    def __init__(
        self,
        ledger: Ledger,
        mailer: Mailer,
        *,
        settings: Settings,
        sealer: GrantSealer,
        templates: LetterTemplates,
        email: str | ChooseEmail = EMAIL,
        find: FindSubscription | None,
        find_all: Callable[[str], Awaitable[Sequence[OwnedSubscription]]] | None = None,
        page_facts: PageFacts | None,
        on_event: EventHook,
    ) -> None:
        self._ledger = ledger
        self._mailer = mailer
        self._settings = settings
        self._sealer = sealer
        self._templates = templates

        self._email = email
        self._find = find
        self._find_all = find_all
        self._page_facts = page_facts
        self._on_event = guarded(on_event)

    async def carry_out(
        self,
        taken: TakenAction,
        read: ReadSubscription,
        ask: AskLastBill | None = None,
        ask_next: AskNextPayment | None = None,
    ) -> Receipt | AnyCode | None:
        """Write what is due, and hand it over.

        Args:
            taken: The action of the letter.
            read: Reads the subscription at Stripe.
            ask: Asks Stripe what is paid after a cancellation; None says nothing of it.
            ask_next: Asks Stripe for the next payment of a subscription that goes on; None says nothing of it.

        Returns:
            The receipt of an action that is done with nothing sent, the code of one that ends without a letter, or
            None where the action has moved on already.

        Raises:
            TransientBillingError: The mail server does not have the letter, and may take it later.
            UnknownBillingError: Nobody knows whether the mail server has it.
            RejectedBillingError: The mail server will never take it.
        """
        due = await self._ledger.letter_due(taken)
        if due.is_erased:
            return Receipt(NOTHING_TO_TELL, None)

        if due.written is not None and due.written.is_handed_over:
            # The worker that sent it had lost the lease by the time that the server said yes.
            following = _after(due.claim, due.written.kind, due.now)
            await self._ledger.letter_handed_over(taken, None, next_in_s=following)
            return None

        typed = None if due.declaration is None else public_in(due.declaration.shown)
        if due.written is not None and due.written.is_under_way:
            chosen = _again(due.written)
        elif typed is not None:
            to = await self._on_file(due, typed) if due.is_further else typed.email
            if to is None:
                return Receipt(NOTHING_TO_TELL, None)
            chosen = self._public(due, typed, to)
        else:
            seen: Subscription | None = None
            step = next_letter(due.claim, due.now)
            if step in _ON_A_DATE:
                seen = await _seen(taken, read)
                step = _if_still_true(step, due, seen)
            if isinstance(step, Later):
                await self._ledger.letter_waits(taken, step.wait_s)
                return None
            if step is None:
                return Receipt(NOTHING_TO_TELL, None)
            chosen = await self._anew(step, taken, due, seen, ask, ask_next)

        if chosen.address is None:
            return Code.NOBODY_TO_WRITE_TO
        if not is_address(chosen.address):
            return Code.ADDRESS_IS_NONE
        await self._hand_over(taken, due, chosen, chosen.address)
        return None

    async def _on_file(self, due: LetterDue, typed: PublicDeclaration) -> str | None:
        """Return the customer's address on file; None where there is none, or it was the typed one."""
        try:
            rows = () if self._find_all is None else await self._find_all(due.customer_id)
        except AmbiguousSubscriptionError:
            # A function may tell the address all the same.
            rows = ()

        found = await self._told_address(due, next(iter(rows), None))
        if found is None or str(found).casefold() == typed.email.casefold():
            return None
        return str(found)

    def _public(self, due: LetterDue, typed: PublicDeclaration, to: str) -> _Chosen:
        """Write nothing that was not typed: anybody may have typed the address, or have declared for another."""
        words = Words(statutory.LANGUAGE, {}, self._settings.time_zone)
        written = public_letter(
            typed, due.received_at, str(due.claim_id), words, brand=self._settings.theme.name
        )
        return _Chosen(LetterKind.PUBLIC_EXIT, _letter_id(due), written, to)

    async def _anew(
        self,
        kind: LetterKind,
        taken: TakenAction,
        due: LetterDue,
        seen: Subscription | None,
        ask: AskLastBill | None,
        ask_next: AskNextPayment | None,
    ) -> _Chosen:
        """Write what is true now.

        Args:
            kind: Which letter it is.
            taken: The action.
            due: The claim, and what was written of it before.
            seen: The subscription, where it was just read.
            ask: Asks Stripe what is paid after a cancellation; None says nothing of it.
            ask_next: Asks Stripe for the next payment of a subscription that goes on; None says nothing of it.
        """
        owned = await self._owned(taken)
        address = await self._address(due, owned)
        bill = await self._last_bill(kind, taken, due, ask)
        following = await self._next_payment(kind, taken, due, ask_next)
        facts = replace(
            facts_of(due, owned, await self._shown(taken, due.claim.answer)),
            last_bill=bill,
            next_payment=following,
        )
        if seen is not None:
            # The subscription that is remembered may be older.
            facts = replace(facts, shown=ShownSubscription(seen, ()))

        one, letter_id = letter(kind, facts), _letter_id(due)
        return _Chosen(one.kind, letter_id, self._write(one, letter_id, due), address)

    async def _owned(self, taken: TakenAction) -> OwnedSubscription | None:
        if self._find is None or not taken.customer_id:
            return None
        return await self._find(taken.customer_id, taken.action.subscription_id)

    async def _address(self, due: LetterDue, owned: OwnedSubscription | None) -> str | None:
        """Return where this customer is written to; the address of the last letter where the row is gone."""
        found = await self._told_address(due, owned)
        return due.last_recipient if found is None else str(found)

    async def _told_address(self, due: LetterDue, owned: OwnedSubscription | None) -> object:
        """Return what the owner tells, whatever it is; None where it is nothing."""
        try:
            async with asyncio.timeout(_ADDRESS_WITHIN_S):
                return await mail_address_of(self._email, due.customer_id, owned)
        except Exception as error:
            # Not its text, which may name a customer.
            logger.error("email failed, and a letter waits: %s", type_and_place(error))
            raise TransientBillingError("email failed", code=Code.MAILER_FAILED) from None

    def _write(self, one: Letter, letter_id: uuid.UUID, due: LetterDue) -> WrittenLetter:
        settings = self._settings
        language = None if due.declaration is None else due.declaration.language
        key = self._sealer.seal_link(letter_id.hex, expires_at=link_expiry(settings, due.now))

        links = links_of(
            settings.plain_page_url, key=key, page_path=("acknowledgement", str(due.claim_id))
        )
        words = words_of(settings, language)
        return write(one, words, links, brand=settings.theme.name)

    async def _last_bill(
        self, kind: LetterKind, taken: TakenAction, due: LetterDue, ask: AskLastBill | None
    ) -> LastBill | None:
        """Return what Stripe says of a payment after the end; None where it does not in time: then nothing is said."""
        answer = due.claim.answer
        ends_at = answer.effective_at if answer.kind is AnswerKind.SCHEDULED else None
        if answer.kind is AnswerKind.DONE:
            ends_at = answer.effective_at or due.now
        if kind is not LetterKind.CARRIED_OUT or ends_at is None or ask is None:
            return None

        try:
            async with asyncio.timeout(_FACTS_WITHIN_S):
                return await ask(taken, ends_at)
        except Exception as error:  # a letter without this line is better than none
            self._facts_missing(taken, error)
            return None

    async def _next_payment(
        self,
        kind: LetterKind,
        taken: TakenAction,
        due: LetterDue,
        ask: AskNextPayment | None,
    ) -> Sentence | None:
        """Return what Stripe says of the next payment; None where it does not in time, or it is not certain."""
        if kind not in _TELLS_THE_NEXT_PAYMENT or ask is None:
            return None
        try:
            async with asyncio.timeout(_FACTS_WITHIN_S):
                if await self._ledger.has_unfinished(taken.action.subscription_id):
                    # A pause that was promised leaves out the payment that Stripe names.
                    return None
                return await ask(taken, due.now)
        except Exception:  # a letter without this line is better than none
            return None

    async def _shown(self, taken: TakenAction, answer: Answer) -> ShownSubscription | None:
        """Return what Stripe shows, None where it does not in time: then less is said.

        What is remembered from before the answer would tell of a state that the customer has changed.
        """
        if self._page_facts is None:
            return None
        try:
            async with asyncio.timeout(_FACTS_WITHIN_S):
                return await self._page_facts.shown(
                    taken.action.subscription_id, holds=answer.is_seen_in
                )
        except Exception as error:  # a letter without the plan's name is better than none
            self._facts_missing(taken, error)
            return None

    def _facts_missing(self, taken: TakenAction, error: Exception) -> None:
        # Where the key lacks a permission, the read at Stripe has told so, once.
        if getattr(error, "code", None) != Code.PERMISSION_MISSING:
            self._on_event(PageFactsMissing(taken.action.subscription_id, type_and_place(error)))

    async def _hand_over(
        self,
        taken: TakenAction,
        due: LetterDue,
        chosen: _Chosen,
        address: str,
    ) -> None:
        kind, letter_id, written, _ = chosen
        doubts = await self._ledger.begin_letter(taken, letter_id, kind, written.to_json(), address)
        if doubts is None:
            return

        message = self._templates.message(written, to=address, message_id=f"aiocancel-{letter_id}")
        match await self._send(message):
            case HandedOver(reference):
                following = _after(due.claim, kind, due.now)
                await self._ledger.letter_handed_over(taken, reference, next_in_s=following)
                self._on_event(
                    AcknowledgementSent(taken.action_id, taken.action.subscription_id, kind, doubts)
                )
            case TryAgain(code, may_have_arrived=False):
                await self._ledger.letter_not_sent(taken)
                raise TransientBillingError("the mail server does not have it", code=code)
            case TryAgain(code):
                raise UnknownBillingError("the mail server may have it", code=code)
            case MailRefused(code):
                await self._ledger.letter_not_sent(taken)
                raise RejectedBillingError("the mail server refused it", code=code)

    async def _send(self, message: MailMessage) -> MailResult:
        """Ask the mailer; whatever it raises or returns instead of an answer, the mail may have gone out."""
        lost = TryAgain(Code.MAILER_FAILED, may_have_arrived=True)
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                result: object = await self._mailer.send(message)
        except Exception as error:
            # Not its text: a server's answer names the customer.
            logger.error("the mailer failed: %s", type_and_place(error))
            return lost

        if not isinstance(result, HandedOver | TryAgain | MailRefused):
            logger.error("the mailer returned a value of type %s", type(result).__name__)
            return lost
        return result


def _again(before: WrittenBefore) -> _Chosen:
    """Return a letter that may be under way as it was written."""
    written = written_from_json(before.letter)
    return _Chosen(before.kind, before.letter_id, written, before.recipient)


async def _seen(taken: TakenAction, read: ReadSubscription) -> Subscription | None:
    """Return the subscription as Stripe has it now; None where it is not there."""
    try:
        return await read(taken)
    except RejectedBillingError as error:
        if error.code != Code.RESOURCE_MISSING:
            raise
        return None


def _if_still_true(
    kind: LetterKind, due: LetterDue, seen: Subscription | None
) -> LetterKind | Later | None:
    is_true = still_true(kind, due.claim.answer, seen, datetime.now(UTC))
    if isinstance(is_true, Later):
        return is_true
    return kind if is_true else None


def _letter_id(due: LetterDue) -> uuid.UUID:
    return uuid.uuid4() if due.written is None else due.written.letter_id


def _after(claim: ClaimToTell, kind: LetterKind, now: datetime) -> float | None:
    """Return in how many seconds the next letter of the claim looks; None where there will be none."""
    if kind is LetterKind.PUBLIC_EXIT:
        return None

    told = frozenset({*claim.told, kind})
    step = next_letter(replace(claim, told=told), now)
    match step:
        case None:
            return None
        case Later(wait_s):
            # What came meanwhile wakes nobody: this action runs.
            return min(wait_s, 5.0) if not claim.answer.is_settled else wait_s
        case _:
            return 0.0


def facts_of(
    due: LetterDue, owned: OwnedSubscription | None, shown: ShownSubscription | None
) -> LetterFacts:
    """Return what a letter may say about a claim."""
    return LetterFacts(
        answer=due.claim.answer,
        reference=reference_of(str(due.claim_id)),
        received_at=due.received_at,
        declared=None if due.declaration is None else due.declaration.words,
        plan=about(owned, shown, due.now).plan,
        shown=shown,
        offers=() if due.declaration is None else offers_in(due.declaration.shown),
        problem=due.claim.problem,
        written_at=due.now,
    )


def link_expiry(settings: Settings, now: datetime) -> int:
    """Return when a letter's link ends, as seconds since the epoch."""
    return int((now + timedelta(days=settings.acknowledgement_link_days)).timestamp())
