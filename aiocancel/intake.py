"""The path of one customer's choice, from lookup to answer; knows ports, not HTTP."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

from aiocancel.config import Settings
from aiocancel.core.actions import ActionKind
from aiocancel.core.choose_subscription import owned_named
from aiocancel.core.claim import OURS, FlowClaim, FlowStatus, Topic
from aiocancel.core.claim_nonces import of_later_exit, of_refusal
from aiocancel.core.codes import Code
from aiocancel.core.customer_limits import beyond
from aiocancel.core.decision import (
    Answer,
    AnswerKind,
    Decision,
    Policy,
    decide,
    decide_by_vendor,
    decide_unproven,
    verify_own_choice,
)
from aiocancel.core.flow_details import Told
from aiocancel.core.grants import Grant, GrantSealer
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.core.signing import SignedPayload, url_safe
from aiocancel.core.stripe_news import StripeEvent
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.core.turn_to_store import WaitsForTurn, may_wait
from aiocancel.core.undo import OwnCancellation, changes_billing, takes_back
from aiocancel.core.waiting import WaitsForEnd
from aiocancel.errors import (
    AiocancelError,
    ConflictError,
    Fate,
    GrantError,
    LimitError,
    UnavailableError,
)
from aiocancel.giving_way import GivingWay
from aiocancel.letters import Letters
from aiocancel.ports import (
    ChooseEmail,
    FlowVendor,
    PageFacts,
    SubscriptionResolver,
    all_owned,
)
from aiocancel.postgres.claim_endings import Endings
from aiocancel.postgres.claims import RecordedClaim
from aiocancel.postgres.connection import raise_if_unavailable, unavailable_on_refusal, within
from aiocancel.postgres.flow_sessions import Acceptance
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.stripe_news import StripeNews
from aiocancel.postgres.vendor_events import Doorbell
from aiocancel.public_exit import STORE_WITHIN_S, PublicExitIntake
from aiocancel.telemetry import (
    ActionParked,
    ClaimRecorded,
    EventHook,
    LookupFailed,
    PageFactsMissing,
    PropertyLeftOut,
    guarded,
    type_and_place,
)

# Where nobody tells us of ends, this is how often we look for them.
LOOK_EVERY_S: Final = 1.0
# More at once would only wait for each other's connections, and take those of the pages.
STORED_AT_ONCE: Final = 6
# A process that stores so few that more would come too late is in trouble.
MOST_TO_STORE: Final = 2_000
_GRANT_NONCE_BYTES: Final = 18


# Not frozen: that makes one of them three times as dear, on every page (tests/benchmarks/page.py).
@dataclass(slots=True)
class SealedFlow:
    """What one page view gets: what the vendor's client needs and our grant, good until ``expires_at``."""

    page_data: Mapping[str, Any] = field(repr=False)
    grant: str = field(repr=False)
    expires_at: int

    @property
    def signed_payload(self) -> SignedPayload | None:
        """The vendor's payload and its signature; None for a vendor that signs nothing."""
        return self.page_data.get("signedPayload")


class FlowService:
    """Finds, seals, accepts and answers.

    Args:
        settings: The application's settings.
        vendor: The flow vendor.
        sealer: Makes and opens grants.
        resolver: Finds a customer's subscription.
        ledger: Where claims are recorded.
        policy: The owner's standing answers.
        doorbell: Where the rings of the vendor's webhook are kept.
        on_event: Hears of events.
        patient_resolver: Finds the same as ``resolver``, and may wait longer for its turn at the database: a page that
            gives up has a plain button, and a customer whose post is refused could not leave. None is ``resolver``.
        endings: The ends of claims, as the database tells of them. None listens for itself.
        giving_way: Lets the worker of this process give way to posts; None where the process has no worker.
        page_facts: What pages say of a subscription; None where they say nothing.
        email: Where customers' addresses are found; None where nobody writes letters.
        wake_catch_up: Called when the vendor's webhook has rung.
        wake_news: Called when Stripe's webhook has told of an event.
        now: The time in seconds since the epoch.
    """

    def __init__(
        self,
        settings: Settings,
        vendor: FlowVendor,
        sealer: GrantSealer,
        resolver: SubscriptionResolver,
        ledger: Ledger,
        policy: Policy,
        *,
        doorbell: Doorbell,
        on_event: EventHook,
        patient_resolver: SubscriptionResolver | None = None,
        endings: Endings | None = None,
        giving_way: GivingWay | None = None,
        page_facts: PageFacts | None = None,
        email: str | ChooseEmail | None = None,
        wake_catch_up: Callable[[], None] = lambda: None,
        wake_news: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._vendor = vendor
        self._sealer = sealer
        self._resolver = resolver
        self._patient_resolver = patient_resolver or resolver
        refusing = getattr(resolver, "refusing", None)
        self._refusing_resolver: SubscriptionResolver = resolver if refusing is None else refusing()
        self._ledger = ledger
        self._on_event = guarded(on_event)
        self._doorbell = doorbell

        self._page_facts = page_facts
        self._wake_catch_up = wake_catch_up
        self._news = StripeNews(ledger.pool)
        self._wake_news = wake_news
        self._now = now
        self._policy = policy
        self._left_out: set[str] = set()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._storing = asyncio.Semaphore(STORED_AT_ONCE)
        self._to_store = WaitsForTurn(STORE_WITHIN_S)
        self._giving_way = giving_way or GivingWay(stored_at_once=STORED_AT_ONCE)
        self._waits: dict[Topic | None, WaitsForEnd] = {}
        self._reads_rows = bool(vendor.columns)
        self._prove_to = None if vendor.proof_in is None else vendor.name
        self._endings = endings or Endings(ledger.pool)

        self.letters = Letters(
            ledger, sealer, email, find=self.find, within_s=settings.lookup_within_s, now=now
        )
        self.public_exit = PublicExitIntake(
            ledger, sealer, mode=settings.mode, within_s=settings.lookup_within_s, now=now
        )

    async def find(
        self, customer_id: str, subscription_id: str | None = None, *, may_refuse: bool = False
    ) -> OwnedSubscription | None:
        """Return the customer's subscription.

        Args:
            customer_id: The customer who asks.
            subscription_id: Which of the customer's own; None leaves the choice to the owner's rule. Another
                customer's is None, like one that does not exist.
            may_refuse: Whether a customer who asks too often at Stripe may be refused, as nobody needs this answer
                to leave.

        Raises:
            AmbiguousSubscriptionError: There are several, and neither the id nor a rule says which.
            UnavailableError: The database, or Stripe, did not answer.
        """
        resolver = self._refusing_resolver if may_refuse else self._resolver
        try:
            if subscription_id is None:
                return await resolver.resolve(customer_id)
            return owned_named(await all_owned(resolver, customer_id), subscription_id)
        except Exception as error:
            raise_if_unavailable(error)
            raise

    async def find_patiently(
        self, customer_id: str, subscription_id: str
    ) -> OwnedSubscription | None:
        """Return this subscription if it is the customer's, where no page waits; raises UnavailableError."""
        with unavailable_on_refusal():
            return owned_named(
                await all_owned(self._patient_resolver, customer_id), subscription_id
            )

    @property
    def can_list(self) -> bool:
        """Whether a customer can be asked which subscription is meant."""
        return hasattr(self._resolver, "resolve_all")

    async def find_all(self, customer_id: str) -> Sequence[OwnedSubscription]:
        """Return all of the customer's subscriptions; raises UnavailableError."""
        with unavailable_on_refusal():
            return await all_owned(self._resolver, customer_id)

    async def shown(
        self,
        subscription_id: str,
        *,
        holds: Callable[[ShownSubscription], bool] | None = None,
        within_s: float | None = None,
    ) -> ShownSubscription | None:
        """Return what a page may say of a subscription, None where Stripe does not tell in time; never raises.

        Args:
            subscription_id: Which one.
            holds: Tells whether a reading that was remembered is new enough.
            within_s: For how many seconds to wait at most, if less than ``page_facts_within_s``.
        """
        if self._page_facts is None:
            return None
        longest_s = self._settings.page_facts_within_s
        try:
            async with asyncio.timeout(longest_s if within_s is None else min(within_s, longest_s)):
                return await self._page_facts.shown(subscription_id, holds=holds)
        except Exception as error:
            self._on_event(PageFactsMissing(subscription_id, _reason(error)))
            return None

    async def has_unfinished(self, subscription_id: SubscriptionId) -> bool:
        """Tell whether a change of the subscription is still to come; raises UnavailableError."""
        with unavailable_on_refusal():
            return await within(
                self._settings.lookup_within_s, self._ledger.has_unfinished(subscription_id)
            )

    async def own_cancellation(self, subscription_id: SubscriptionId) -> OwnCancellation | None:
        """Return the cancellation that was made here, and that nobody has taken back; may raise what asyncpg does."""
        return await self._ledger.own_cancellation(subscription_id)

    async def ring(self, event_id: str) -> None:
        """Remember an event of the flow vendor's to be looked at; raises UnavailableError."""
        with unavailable_on_refusal():
            is_new = await self._doorbell.ring(event_id)
        if is_new:
            self._wake_catch_up()

    async def ring_stripe(self, event: StripeEvent) -> bool:
        """Remember an event of Stripe's; False where it was known, or is about no subscription.

        Raises UnavailableError.
        """
        with unavailable_on_refusal():
            is_new = await self._news.ring(event)
        if is_new:
            self._wake_news()
        return is_new

    def seal(
        self, owned: OwnedSubscription, options: Mapping[str, Any] | None = None
    ) -> SealedFlow:
        """Prepare the vendor's data, signed where it signs, and seal a grant for one page view.

        Args:
            owned: The customer's subscription.
            options: The vendor's options for this request, which it takes; None leaves them as they are set.
        """
        if self._reads_rows:
            self._report_left_out(owned)
        settings = self._settings
        issued_at = int(self._now())
        expires_at = issued_at + settings.grant_lifetime_s

        grant, proof = self._sealer.mint(
            owned.customer_id,
            owned.subscription_id,
            settings.mode,
            issued_at,
            expires_at,
            url_safe(os.urandom(_GRANT_NONCE_BYTES)),
            prove_to=self._prove_to,
        )
        if options is None:
            page_data = self._vendor.page_data(owned, proof)
        else:
            vendor = self._vendor.with_options(options)
            page_data = {**vendor.page_data(owned, proof), "options": vendor.widget().options}
        return SealedFlow(page_data, grant, expires_at)

    def _report_left_out(self, owned: OwnedSubscription) -> None:
        # It is the same column on every page: one report is enough to go and look.
        for error in self._vendor.left_out(owned):
            if error.name not in self._left_out:
                self._left_out.add(error.name)
                self._on_event(PropertyLeftOut(error.name, error.expected))

    async def accept(
        self,
        claim: FlowClaim,
        grant_text: str,
        customer_id: str,
        *,
        acceptance: Acceptance | None = None,
        is_another: bool = False,
    ) -> RecordedClaim:
        """Check the grant and the ownership, then record the claim and its actions in one transaction.

        The ``fate`` of a refusal says what becomes of the flow session that it named.

        Args:
            claim: The claim, as the page posted it.
            grant_text: The grant that the page posted with it.
            customer_id: The customer who posted.
            acceptance: Ends a flow session of ours in the same transaction.
            is_another: Whether the page has led to something else before, and the customer now leaves: the same page
                again is the same exit.

        Raises:
            GrantError: The grant does not hold, and nothing was recorded.
            ConflictError: The grant or the flow session was used for something else, and nothing was recorded.
            LimitError: The customer has asked for too much, and nothing was recorded.
            UnavailableError: Nobody knows whether it was recorded: the same post may be made again.
        """
        try:
            return await self._accept(claim, grant_text, customer_id, acceptance, is_another)
        except (GrantError, ConflictError, LimitError) as error:
            error.fate = await self._park_refused(claim, grant_text)
            raise

    def names(self, grant_text: str) -> SubscriptionId | None:
        """Return the subscription that a grant of ours is for, None where it is no grant of ours."""
        try:
            return self._sealer.read(grant_text).subscription_id
        except GrantError:
            return None

    async def _park_refused(self, claim: FlowClaim, grant_text: str) -> Fate | None:
        """Leave the flow session of a refused claim to a person, and return what becomes of it.

        The vendor's API may tell of it later. Only a page of ours can name one, and only on its own subscription. It
        does not matter which customer opened that page.
        """
        if claim.flow_session_id is None or takes_back(claim.status) or claim.vendor in OURS:
            return None
        if not changes_billing(claim.status) or not self._policy.verifies_offers:
            return None
        try:
            page = self._sealer.read(grant_text)
        except GrantError:
            return None
        if page.mode != self._settings.mode:
            return None

        own = replace(page, nonce=of_refusal(page.subscription_id, claim.flow_session_id))
        decision = decide_by_vendor(claim, page.customer_id, page.subscription_id, self._policy)
        (action,) = decision.actions
        try:
            with unavailable_on_refusal():
                parked = await self._ledger.park_claim(claim, own, action, Code.REFUSED_ON_THE_PAGE)
        except ConflictError:
            # The vendor told of another end, which is what counts.
            return "reached_us"

        if parked is None:
            return "may_have_reached_us"
        if parked.action_id is not None:
            self._on_event(
                ActionParked(
                    parked.action_id, page.subscription_id, action.kind, Code.REFUSED_ON_THE_PAGE
                )
            )
        if parked.waits_for is None:
            return "reached_us"
        # The vendor may make the change without us: nobody can say that nothing has been changed.
        vendor_gives = claim.status is FlowStatus.SAVED and self._policy.applies_offers == "vendor"
        if action.kind.only_watches or vendor_gives:
            return "look_before_again"
        return "left_to_a_person"

    async def _accept(
        self,
        claim: FlowClaim,
        grant_text: str,
        customer_id: str,
        acceptance: Acceptance | None = None,
        is_another: bool = False,
    ) -> RecordedClaim:
        grant = self._sealer.open(
            grant_text, now=int(self._now()), customer_id=customer_id, mode=self._settings.mode
        )
        if is_another:
            grant = replace(grant, nonce=of_later_exit(grant.nonce))
        outcome = verify_own_choice(claim, grant)
        decision = (
            decide(outcome, self._policy)
            if outcome
            else decide_unproven(claim, grant.subscription_id)
        )

        give_up_at = asyncio.get_running_loop().time() + STORE_WITHIN_S
        with unavailable_on_refusal():
            async with self._turn_of(customer_id, give_up_at):
                # The page may be an hour old; the subscription must be the customer's now.
                if await self.find_patiently(customer_id, grant.subscription_id) is None:
                    raise GrantError(
                        "The subscription of this grant does not belong to this customer any more.",
                        code=Code.SUBSCRIPTION_NOT_YOURS,
                    )
                async with self._turn_to_store(give_up_at):
                    recorded = await self._record(
                        claim, grant, decision, verified=outcome is not None, acceptance=acceptance
                    )

        self._on_event(
            ClaimRecorded(
                str(recorded.public_id), grant.subscription_id, claim.status, recorded.repeated
            )
        )
        if recorded.repeated or decision.answer is not None:
            return replace(recorded, topic=decision.change)
        return replace(
            recorded, topic=decision.change, answer=Answer(AnswerKind.QUEUED, decision.change)
        )

    @asynccontextmanager
    async def _turn_of(self, customer_id: str, give_up_at: float) -> AsyncIterator[None]:
        """Let one post of a customer at a time go on: together they would pass the limits, and take every turn.

        Raises TimeoutError where its turn would come too late.
        """
        async with asyncio.timeout_at(give_up_at) as limit:
            async with self._turns.setdefault(customer_id, asyncio.Lock()):
                limit.reschedule(None)
                with self._giving_way.post():
                    yield

    @asynccontextmanager
    async def _turn_to_store(self, give_up_at: float) -> AsyncIterator[None]:
        """Lend a turn, in the order of asking.

        Raises UnavailableError where more wait already than come to their turn in time, and TimeoutError where this one
        does not.
        """
        waits = self._to_store
        if not may_wait(waits.at(time.monotonic()), most=MOST_TO_STORE):
            raise UnavailableError("more posts wait to be stored than can be stored in time")

        began_at = time.monotonic()
        # A customer who left tells nothing of this line, nor does one whose time went by before: behind other posts of
        # the same customer, or with the lookup.
        has_turn: bool | None = None
        waits.begin()
        try:
            async with asyncio.timeout_at(give_up_at):
                await self._storing.acquire()
            has_turn = True
        except TimeoutError:
            if time.monotonic() - began_at >= STORE_WITHIN_S / 2:
                has_turn = False
            raise
        finally:
            waits.end(time.monotonic(), has_turn=has_turn)
        try:
            yield
        finally:
            self._storing.release()

    async def _record(
        self,
        claim: FlowClaim,
        grant: Grant,
        decision: Decision,
        *,
        verified: bool,
        acceptance: Acceptance | None = None,
    ) -> RecordedClaim:
        """Record the claim unless it equals an unfinished one or exceeds a limit on the customer."""
        tally = await self._ledger.tally(claim, grant, decision)
        accept = partial(
            self._ledger.accept,
            claim,
            grant,
            decision,
            verified=verified,
            from_page=True,
            acceptance=acceptance,
        )
        if tally.is_known:
            return await accept()
        if tally.equal is not None and changes_billing(claim.status):
            return RecordedClaim(uuid.UUID(tally.equal), repeated=True)

        code = beyond(
            tally,
            self._settings.customer_limits,
            changes_billing=changes_billing(claim.status),
            cancels=claim.status is FlowStatus.CANCELED,
            asks_vendor=any(action.kind is ActionKind.VERIFY_OFFER for action in decision.actions),
        )
        if code is Code.TOO_MUCH_UNFINISHED:
            raise LimitError(
                "Too many requests of this customer are unfinished.", code=code, status=409
            )
        if code is not None:
            raise LimitError("This customer posts too often.", code=code)
        return await accept()

    async def answer(self, public_id: uuid.UUID, customer_id: str) -> Answer | None:
        """Return where a claim stands, None when it is not the customer's."""
        with unavailable_on_refusal():
            return await within(
                self._settings.lookup_within_s, self._ledger.answer(public_id, customer_id)
            )

    async def told(self, public_id: uuid.UUID, customer_id: str) -> Told | None:
        """Return how the flow of a claim ended and what it held, None when the claim is not the customer's."""
        with unavailable_on_refusal():
            return await within(
                self._settings.lookup_within_s, self._ledger.told(public_id, customer_id)
            )

    async def told_after(
        self, recorded: RecordedClaim, claim: FlowClaim, answer: Answer | None, customer_id: str
    ) -> Told | None:
        """Return how the flow of a post ended, in the flow vendor's words where it has told of them by now.

        So equal posts read the same, whichever of them was recorded. Where the database does not tell, the post's
        own words stay: the answer is known, and is what the customer waits for.

        Args:
            recorded: What the post was recorded as.
            claim: What it said.
            answer: Where the claim stands now.
            customer_id: The customer who posted.
        """
        posted = Told(claim.status, claim.details)
        is_settled = answer is not None and answer.is_settled
        vendor_may_have_told = claim.flow_session_id is not None and is_settled
        if not (recorded.repeated or vendor_may_have_told):
            return posted

        try:
            return await self.told(recorded.public_id, customer_id)
        except UnavailableError as error:
            self._on_event(LookupFailed(str(error)))
            return posted

    async def wait_for_answer(
        self,
        public_id: uuid.UUID,
        customer_id: str,
        *,
        topic: Topic | None = None,
        known: Answer | None = None,
        since: float | None = None,
    ) -> Answer | None:
        """Wait for the end of a claim, and return its settled answer; "queued" where it has not ended in time.

        ``core/waiting.py`` decides whether the post waits, and for how long. The end is told by the database. Where it
        cannot tell of ends (``LISTEN`` is deaf), the post looks into the ledger every ``LOOK_EVERY_S`` seconds.

        Args:
            public_id: The claim's public id.
            customer_id: The customer who made the claim; any other customer gets None.
            topic: What the claim asks for; None where nobody knows.
            known: The answer to a claim that was recorded just now; it may be told without a look into the ledger.
            since: When the post came, on the monotonic clock; None is now.

        Raises:
            UnavailableError: The database does not answer, and ``known`` is None.
        """
        now = time.monotonic()
        since = now if since is None else since
        deadline = since + self._settings.wait_within_s
        of_its_sort = self._waits_for(topic)
        waits = of_its_sort.may_wait(customer_id, now, has_place=self._has_place(topic))
        if known is not None and not waits:
            return known

        with (
            self._endings.expect(public_id) as ended,
            _Wait(of_its_sort, customer_id, since, is_new=known is not None) as wait,
        ):
            # The end may have come before this wait began. It is remembered, unless this process could not hear of it.
            answer = known
            must_look = known is None or ended.is_set() or not self._endings.hears_since(since)
            looks_again_at = now + LOOK_EVERY_S
            while True:
                if must_look:
                    ended.clear()
                    looks_again_at = time.monotonic() + LOOK_EVERY_S
                    answer = await self._looked(public_id, customer_id, answer, deadline)
                    if answer is None or answer.is_settled:
                        wait.is_told = True
                        return answer
                if not waits:
                    return answer

                pause_s = wait.may_go_on_for(until=deadline)
                if pause_s <= 0:
                    if self._endings.hears and not ended.is_set():
                        return answer
                    # The claim has ended just now, or it may have since the last look, and the database cannot tell.
                    last_look = since + self._settings.answer_within_s
                    answer = await self._looked(public_id, customer_id, answer, last_look)
                    wait.is_told = answer is None or answer.is_settled
                    return answer
                must_look = await _came(
                    ended, pause_s, looks_again_at=None if self._endings.hears else looks_again_at
                )

    def _has_place(self, topic: Topic | None) -> bool:
        """Tell whether one more such post may wait in this process; half of the places are for cancellations alone."""
        most = self._settings.max_waiting_posts
        posts = sum(waits.posts for waits in self._waits.values())
        if posts >= most:
            return False
        others = posts - self._waits_for(Topic.CANCELLATION).posts
        return topic is Topic.CANCELLATION or others < most - most // 2

    def _waits_for(self, topic: Topic | None) -> WaitsForEnd:
        """Return the waits of the posts that ask for the same thing; None is for posts of which nobody knows it."""
        if topic not in self._waits:
            self._waits[topic] = WaitsForEnd(self._settings.answer_within_s)
        return self._waits[topic]

    async def _looked(
        self, public_id: uuid.UUID, customer_id: str, known: Answer | None, deadline: float
    ) -> Answer | None:
        """Look into the ledger until the deadline; return what is known already where that takes too long or fails."""
        if known is None:
            return await self.answer(public_id, customer_id)
        try:
            async with asyncio.timeout_at(_loop_time(deadline)):
                return await self.answer(public_id, customer_id)
        except (TimeoutError, UnavailableError):
            return known

    def settled(self, public_id: uuid.UUID) -> None:
        """Wake the posts that wait for this claim."""
        self._endings.tell(public_id)


class _Wait:
    """Counts one waiting post while it waits.

    Args:
        of_its_sort: The waits of the posts that ask for the same thing.
        customer_id: The customer who posted.
        since: When the post came.
        is_new: Whether its claim was recorded just now. One that was recorded before may have ended long ago, so the
            time until such a post is told tells nothing of a backlog.
    """

    def __init__(
        self, of_its_sort: WaitsForEnd, customer_id: str, since: float, *, is_new: bool
    ) -> None:
        self._of_its_sort = of_its_sort
        self._customer_id = customer_id
        self._since = since
        self._is_new = is_new
        self.is_told = False
        """Whether the post was told an end."""

    def __enter__(self) -> _Wait:
        self._of_its_sort.begin(self._customer_id, self._since)
        return self

    def may_go_on_for(self, *, until: float) -> float:
        """Return for how many seconds the post waits on before it asks again; 0 or less ends the wait."""
        now = time.monotonic()
        return min(until - now, self._of_its_sort.may_go_on_for(self._customer_id, now))

    def __exit__(self, *_: object) -> None:
        is_told = self.is_told and self._is_new
        self._of_its_sort.end(self._customer_id, time.monotonic(), is_told=is_told)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "Stripe took too long"
    # Another's text may hold anything.
    return str(error) if isinstance(error, AiocancelError) else type_and_place(error)


def _loop_time(deadline: float) -> float:
    return asyncio.get_running_loop().time() + deadline - time.monotonic()


async def _came(ended: asyncio.Event, pause_s: float, *, looks_again_at: float | None) -> bool:
    """Wait for news of an end; True when there is some, or it is time to look where nobody tells."""
    if looks_again_at is not None:
        pause_s = min(pause_s, max(0.0, looks_again_at - time.monotonic()))
    try:
        async with asyncio.timeout(pause_s):
            await ended.wait()
    except TimeoutError:
        return looks_again_at is not None and time.monotonic() >= looks_again_at
    return True
