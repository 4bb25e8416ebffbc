"""What Stripe tells: its list of events is polled, and each subscription that rang is read and told of.

Neither the webhook nor the list is believed. A ring says that something may have changed; how the subscription is
now is read, compared with what the application was told last, and told. What is told is noted before the first hook is
called, and again after every hook has returned: each change is told at least once, those of one subscription in their
order, and where a telling broke off, what goes back meanwhile is told as well.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from aiocancel.core.actions import ActionKind
from aiocancel.core.codes import Code, ForeignCode
from aiocancel.core.identifiers import Mode
from aiocancel.core.retry import delay_s
from aiocancel.core.stripe_news import (
    OwnWork,
    Standing,
    StripeEvent,
    SubscriptionChange,
    changes,
    gone,
    is_taken_back,
    removed_gifts,
)
from aiocancel.core.subscription import Subscription
from aiocancel.errors import AiocancelError, BillingError, RejectedBillingError
from aiocancel.ports import Billing, ChangeHook
from aiocancel.postgres.stripe_news import StripeNews, TakenNews
from aiocancel.telemetry import (
    ChangeHookFailed,
    DriftFound,
    EventHook,
    SubscriptionChanged,
    guarded,
    type_and_place,
)
from aiocancel.worker.permissions import MissingPermissions

logger = logging.getLogger("aiocancel")

IDLE_LOOK_S: Final = 2.0
# Subscriptions that are told of at once; a hook that hangs holds up its own.
_AT_ONCE: Final = 8
# The look and all hooks; a lease outlasts it, so that no two processes tell of one subscription at once.
TELL_WITHIN_S: Final = 60.0
_LEASE_S: Final = 90.0
# Where our own change is under way, a look tells nothing yet.
_LOOK_AGAIN_S: Final = 30.0
# After an outage the list is read in pieces, so that what was read stays read.
_WINDOW: Final = timedelta(hours=1)


class EventSource(Protocol):
    """Stripe's list of events."""

    def between(self, since: datetime, until: datetime | None) -> AsyncIterator[StripeEvent]:
        """Yield the events of some time, newest first."""
        ...


class NewsReader:
    """Polls and looks until it is cancelled; ``rung`` wakes it.

    Args:
        news: What has rung, and what was told.
        billing: Reads a subscription.
        events: Stripe's list.
        hooks: The application's, in their order.
        mode: Events of the other mode are none of ours.
        account: The connected account whose list is read, None for the key's own.
        poll_every_s: The time between two looks at the list.
        rung: Set when something rings in this process.
        on_event: Is told of changes, drift and failures.
        jitter: From 0 to 1.
    """

    def __init__(
        self,
        news: StripeNews,
        billing: Billing,
        events: EventSource,
        hooks: Sequence[ChangeHook],
        *,
        mode: Mode,
        account: str | None = None,
        poll_every_s: float,
        rung: asyncio.Event,
        on_event: EventHook,
        now: Callable[[], datetime],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._news = news
        self._billing = billing
        self._events = events
        self._hooks = hooks

        self._mode: Mode = mode
        self._account = account
        self._poll_every_s = poll_every_s
        self._rung = rung
        self._on_event = guarded(on_event)
        self._now = now
        self._jitter = jitter
        self._looking: set[asyncio.Task[None]] = set()
        self._permissions = MissingPermissions(self._on_event)

    async def run(self) -> None:
        """Work until cancelled; outages of the database and of Stripe are waited out."""
        polling = asyncio.create_task(
            self._keep(self.poll, "reading", self._sleep), name="aiocancel events"
        )
        try:
            await self._keep(self._hand_out, "telling of", self._wait_for_a_ring)
        finally:
            tasks = [polling, *self._looking]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(
        self, work: Callable[[], Awaitable[bool]], name: str, pause: Callable[[], Awaitable[None]]
    ) -> None:
        while True:
            busy = False
            try:
                busy = await work()
            except AiocancelError as error:
                logger.warning(
                    "%s Stripe's events must wait (%s: %s)", name, type(error).__name__, error
                )
            except Exception as error:
                logger.error("%s Stripe's events failed (%s)", name, type_and_place(error))
            if not busy:
                await pause()

    async def _sleep(self) -> None:
        await asyncio.sleep(min(self._poll_every_s, IDLE_LOOK_S))

    async def _wait_for_a_ring(self) -> None:
        """Wait for a ring, or a while; nothing else may clear it, or one that comes during a look would be lost."""
        try:
            async with asyncio.timeout(min(self._poll_every_s, IDLE_LOOK_S)):
                await self._rung.wait()
        except TimeoutError:
            pass
        self._rung.clear()

    # --- the list

    async def poll(self) -> bool:
        """Read Stripe's list where it was left, if it is our turn; never busy."""
        turn = await self._news.poll_turn(self._account, every_s=self._poll_every_s)
        if turn is None:
            return False

        since = turn.since
        while True:
            until = since + _WINDOW if turn.now - since > 2 * _WINDOW else None
            if not await self._read_list(since, until):
                return False
            await self._news.read_until(self._account, until or turn.now)
            if until is None:
                return False
            since = until

    async def _read_list(self, since: datetime, until: datetime | None) -> bool:
        try:
            newest_first = [event async for event in self._events.between(since, until)]

            # The first event of a subscription is to ring first: it tells how that was before all of them.
            for event in reversed(newest_first):
                ours = replace(event, account=self._account)
                if event.livemode == (self._mode == "live") and await self._news.ring(ours):
                    self._rung.set()
        except BillingError as error:
            if error.http_status != 403:
                raise
            self._permissions.report(error)
            return False
        return True

    # --- the subscriptions

    async def _hand_out(self) -> bool:
        free = _AT_ONCE - len(self._looking)
        if not free:
            await asyncio.wait(self._looking, return_when=asyncio.FIRST_COMPLETED)
            return True

        taken = await self._news.take(limit=free, lease_s=_LEASE_S)
        for each in taken:
            task = asyncio.create_task(self.look(each), name="aiocancel news")
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)
        return bool(taken)

    async def look(self, taken: TakenNews) -> None:
        """Read a subscription that rang and tell of what has changed; raises nothing."""
        try:
            async with asyncio.timeout(TELL_WITHIN_S):
                await self._look(taken)

        except asyncio.CancelledError:
            # We stop, or a hook was cancelled inside: another look comes soon, and not at once.
            await asyncio.shield(self._later(taken))
            raise
        except BillingError as error:
            if error.code == Code.PERMISSION_MISSING:
                self._permissions.report(error)
            await self._later(taken, error.retry_after_s)
        except AiocancelError as error:
            logger.warning("news of a subscription must wait (%s)", type(error).__name__)
            await self._later(taken)
        except Exception as error:
            code = Code.ATTEMPT_TIMEOUT if isinstance(error, TimeoutError) else None
            logger.error("telling of a subscription broke off: %s", type_and_place(error))
            self._on_event(
                ChangeHookFailed(
                    taken.subscription_id, taken.attempt, code or ForeignCode.of_error(error)
                )
            )
            await self._later(taken)

    async def _later(self, taken: TakenNews, at_least_s: float | None = None) -> None:
        wait_s = max(at_least_s or 0.0, delay_s(taken.attempt, self._jitter()))
        try:
            await self._news.later(taken, delay_s=wait_s)
        except AiocancelError:
            # The lease ends by itself.
            logger.warning("news of a subscription wait for their lease to end")

    async def _look(self, taken: TakenNews) -> None:
        work = await self._news.own_work(taken, self._mode)
        # Discounts are looked at where an offer gave one: a key need not be allowed to read coupons for the rest.
        kind = ActionKind.EXPECT_OFFER if work.gifts else ActionKind.EXPECT_CANCELLATION
        subscription = await self._read(taken, kind)
        standing = gone(taken.told) if subscription is None else Standing.of(subscription)

        reported, again = await self._report_drift(taken, subscription, standing, work)
        found = self._changes(taken, standing, work, reported)
        heard = taken.telling
        if found and self._hooks:
            if heard[-1:] != (standing,):
                await self._news.telling(taken, standing)
                heard = (*heard, standing)
            wish = await self._news.last_wish(taken, self._mode)
            found = [
                replace(each, reason=wish.reason, flow=wish.flow, snapshot=wish.snapshot)
                for each in found
            ]

        for change in found:
            for hook in self._hooks:
                await hook(change)

        await self._news.told(
            taken,
            standing,
            tellings=len(heard),
            look_again_in_s=_LOOK_AGAIN_S if again else None,
        )
        for change in found:
            self._on_event(SubscriptionChanged(change.subscription_id, change.kind))

    async def _read(self, taken: TakenNews, kind: ActionKind) -> Subscription | None:
        """Return the subscription; None where Stripe, which told of it, knows it no more."""
        try:
            return await self._billing.on(taken.account).read(taken.subscription_id, kind)
        except RejectedBillingError as error:
            if error.code == Code.RESOURCE_MISSING:
                return None
            raise

    async def _report_drift(
        self,
        taken: TakenNews,
        subscription: Subscription | None,
        standing: Standing,
        work: OwnWork,
    ) -> tuple[Sequence[int], bool]:
        """Report what was taken back elsewhere, each once; say as well whether to look again soon."""
        reported = list(taken.reported)
        is_over = standing.has_ended or standing.is_ending
        if work.is_unfinished:
            waits = bool(work.gifts) or (work.cancellation is not None and not is_over)
            return reported, waits

        found: dict[int, tuple[str, Code]] = {}
        if is_taken_back(work, standing) and work.cancellation is not None:
            found[work.cancellation] = "cancellation", Code.CANCELLATION_TAKEN_BACK
        if subscription is not None:
            for action_id in removed_gifts(
                work, subscription, subscription.frozen_at or self._now()
            ):
                found[action_id] = "coupon", Code.DISCOUNT_REMOVED_ELSEWHERE

        new = {action_id: each for action_id, each in found.items() if action_id not in reported}
        if new and await self._news.own_work(taken, self._mode) != work:
            # Something of ours came between the two looks.
            return reported, True

        for action_id, (expected, code) in new.items():
            self._on_event(DriftFound(action_id, taken.subscription_id, expected, code))
        if new:
            reported += new
            await self._news.reported(taken, reported)
        return reported, False

    def _changes(
        self, taken: TakenNews, standing: Standing, work: OwnWork, reported: Sequence[int]
    ) -> list[SubscriptionChange]:
        # Where a telling broke off, each hook knows one of these states, and nobody knows which. Of a subscription that
        # no hook has heard of, nobody knows which event came first.
        known = (taken.told, *taken.telling, *filter(None, taken.before))
        kinds = dict.fromkeys(kind for was in known for kind in changes(was, standing))
        is_new = taken.telling[-1:] != (standing,)
        number = taken.tellings + len(taken.telling) + is_new
        stands = work.claim_id is not None and work.cancellation not in reported

        return [
            SubscriptionChange(
                kind=kind,
                subscription_id=taken.subscription_id,
                status=standing.status,
                ends_at=standing.ends_at,
                is_paused=standing.is_paused,
                paused_until=standing.paused_until,
                price_ids=tuple(price for price, _ in standing.items),
                account=taken.account,
                claim_id=work.claim_id if stands and kind in ("ended", "ending") else None,
                key=f"{taken.subscription_id}-{number}-{kind}",
            )
            for kind in kinds
        ]
