"""A worker dies, or the mail server does, between every two steps of a letter: none is lost, none is untrue."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from aiocancel import HandedOver, MailMessage, TryAgain
from aiocancel.config import Settings
from aiocancel.core.acknowledgement import LetterKind
from aiocancel.core.actions import Action, ActionKind, Receipt
from aiocancel.core.claim import OWN_VENDOR, FlowClaim, FlowStatus, Topic
from aiocancel.core.codes import Code
from aiocancel.core.decision import Decision
from aiocancel.core.grants import Grant, GrantSealer
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.core.sentences import Money, Sentence
from aiocancel.core.subscription import OwnedSubscription, Subscription
from aiocancel.errors import BillingError, TransientBillingError
from aiocancel.mail.letter import LetterTemplates
from aiocancel.ports import PageFacts
from aiocancel.postgres.acknowledgements import LetterComes
from aiocancel.postgres.ledger import Ledger
from aiocancel.telemetry import AcknowledgementSent, PageFactsMissing
from aiocancel.worker.acknowledge import Acknowledger
from tests.support.claims import ask
from tests.support.every_letter import ENDED_SOONER, STAYS
from tests.support.letters import letter_kinds
from tests.support.saas import GRANT_KEYS, Events, Pool

LEASE_S = 0.15
PAID_ON = datetime(2026, 12, 26, tzinfo=UTC)
# At once, so that no letter follows about the end.
ENDED = Receipt("canceled", None)


class DeathError(BaseException):
    """The process is gone: nothing after this line runs, and no lease is given back."""


class MailServer:
    """Counts what it took, by Message-ID."""

    def __init__(self) -> None:
        self.taken: list[MailMessage] = []
        self.answers: list[Any] = []

    async def send(self, message: MailMessage, /) -> Any:
        answer = self.answers.pop(0) if self.answers else HandedOver()
        if answer != TryAgain():
            # Whatever the sender hears, the server has it.
            self.taken.append(message)
        return answer


class Dying:
    """Passes everything on, and dies before or after one step."""

    def __init__(self, inner: object, step: str, when: str) -> None:
        self._inner = inner
        self._step = step
        self._when = when

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)
        if name != self._step:
            return method  # type: ignore[no-any-return]

        async def dies(*values: Any, **named: Any) -> Any:
            if self._when == "after":
                await method(*values, **named)
            raise DeathError

        return dies


class Office:
    """A ledger with one settled cancellation, and workers that write about it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.ledger = Ledger(pool, letters=True)
        self.server = MailServer()
        self.events = Events()

    async def cancel(self, *, is_carried_out: bool = True) -> None:
        grant = Grant(CustomerId("ada"), SubscriptionId("sub_1"), "test", 0, 0, uuid.uuid4().hex)
        claim = FlowClaim(OWN_VENDOR, FlowStatus.CANCELED)
        action = Action(ActionKind.CANCEL_AT_PERIOD_END, SubscriptionId("sub_1"))
        await self.ledger.accept(
            claim, grant, Decision(Topic.CANCELLATION, (action,)), verified=True
        )
        if is_carried_out:
            await self.carry_out()

    async def carry_out(self, receipt: Receipt = ENDED) -> None:
        action_id = await self.pool.fetchval(
            "SELECT id FROM aiocancel.action WHERE kind <> 'acknowledge' AND state = 'waiting'"
        )
        (taken,) = await self.ledger.take(uuid.uuid4(), [action_id], lease_s=9)
        assert await self.ledger.finish(taken, receipt)

    def acknowledger(
        self, step: str = "", when: str = "", page_facts: PageFacts | None = None
    ) -> Acknowledger:
        def mortal(part: Any) -> Any:
            return Dying(part, step, when)

        async def find(customer_id: str, subscription_id: str) -> OwnedSubscription:
            record = {"email": "ada@example.com", "plan": "Pro"}
            ids = CustomerId(customer_id), SubscriptionId(subscription_id)
            return OwnedSubscription(*ids, record)

        return Acknowledger(
            mortal(self.ledger),
            mortal(self.server),
            settings=Settings(mode="test"),
            sealer=GrantSealer(GRANT_KEYS),
            templates=LetterTemplates(None, on_event=self.events),
            find=find,
            page_facts=page_facts,
            on_event=self.events,
        )

    async def attempt(self, acknowledger: Acknowledger) -> bool:
        """Let one worker try the letter that is due; False where none is, or another holds it."""
        action_id = await self.pool.fetchval(
            "SELECT id FROM aiocancel.action WHERE kind = 'acknowledge' AND state IN ('waiting', 'running') "
            "AND due_at <= now() ORDER BY id"
        )
        taken = [] if action_id is None else await self.ledger.take(
            uuid.uuid4(), [action_id], lease_s=LEASE_S
        )  # fmt: skip
        if not taken:
            return False

        try:
            came = await acknowledger.carry_out(taken[0], _never_read)
        except BillingError as error:
            code = error.code or Code.MAIL_TRY_AGAIN
            await self.ledger.hand_back(taken[0], delay_s=0, code=code)
            return True
        if isinstance(came, Receipt):
            await self.ledger.finish(taken[0], came)
        return True

    async def work(self) -> None:
        """Let a healthy worker do what is left, once the dead one's lease is over."""
        await asyncio.sleep(LEASE_S + 0.05)
        while await self.attempt(self.acknowledger()):
            pass

    async def doubts(self) -> int:
        return int(await self.pool.fetchval("SELECT sum(doubts) FROM aiocancel.acknowledgement"))


async def _never_read(taken: object) -> Subscription:
    raise AssertionError("no letter of this story asks Stripe")


@pytest.fixture
def office(pool: Pool) -> Office:
    return Office(pool)


STEPS = ["letter_due", "begin_letter", "send", "letter_handed_over"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_A6_worker_that_dies_at_any_step_loses_no_letter_and_doubles_are_counted(
    office: Office, step: str, when: str
) -> None:
    await office.cancel()

    with pytest.raises(DeathError):
        await office.attempt(office.acknowledger(step, when))
    await office.work()

    sent = office.server.taken
    assert await letter_kinds(office.pool) == ["carried_out"]
    assert len({mail.message_id for mail in sent}) == 1
    assert len({(mail.subject, mail.text, mail.to) for mail in sent}) == 1
    # Twice only where nobody knew that the server had it; never more often than was counted.
    was_taken = (step, when) in (("send", "after"), ("letter_handed_over", "before"))
    assert len(sent) == (2 if was_taken else 1)
    assert len(sent) - 1 <= await office.doubts()
    assert await office.attempt(office.acknowledger()) is False


@pytest.mark.parametrize("step", [*STEPS, "letter_not_sent"])
async def test_server_and_worker_die_one_after_the_other_at_every_step(
    office: Office, step: str
) -> None:
    await office.cancel()
    lost, refused = TryAgain(Code.MAIL_ANSWER_LOST, may_have_arrived=True), TryAgain()

    for answers in ([lost], [refused], [lost, refused], [refused, lost, lost]):
        office.server.answers = list(answers)
        try:
            while await office.attempt(office.acknowledger(step, "after")):
                pass
        except DeathError:
            await asyncio.sleep(LEASE_S + 0.05)
    office.server.answers = []
    await office.work()

    sent = office.server.taken
    assert await letter_kinds(office.pool) == ["carried_out"]
    assert len({(mail.message_id, mail.text) for mail in sent}) == 1
    assert len(sent) - 1 <= await office.doubts()


async def test_nothing_is_written_about_what_did_not_happen(office: Office) -> None:
    await office.cancel(is_carried_out=False)
    await office.pool.execute("UPDATE aiocancel.action SET due_at = now()")

    # Within a minute nothing is said; then it is received, and nothing more until Stripe has it.
    await office.work()
    assert office.server.taken == []
    await office.pool.execute("UPDATE aiocancel.claim SET recorded_at = now() - interval '61 s'")
    await office.pool.execute(
        "UPDATE aiocancel.action SET due_at = now() WHERE kind = 'acknowledge'"
    )
    await office.work()
    assert await letter_kinds(office.pool) == ["received"]

    await office.carry_out()
    await office.work()

    assert await letter_kinds(office.pool) == ["received", "carried_out"]
    assert [mail.subject for mail in office.server.taken] == [
        "We received your cancellation of Pro",
        "Your Pro subscription has ended",
    ]


async def test_letter_whose_refusal_is_known_says_what_is_true_by_then(office: Office) -> None:
    await office.cancel(is_carried_out=False)
    await office.pool.execute("UPDATE aiocancel.claim SET recorded_at = now() - interval '61 s'")
    await office.pool.execute("UPDATE aiocancel.action SET due_at = now()")
    office.server.answers = [TryAgain()]
    assert await office.attempt(office.acknowledger())

    await office.carry_out()
    await office.work()

    assert [mail.subject for mail in office.server.taken] == ["Your Pro subscription has ended"]
    assert [event.kind for event in office.events.of(AcknowledgementSent)] == ["carried_out"]
    assert await office.doubts() == 0


async def test_letter_that_may_have_arrived_is_sent_again_as_it_was(office: Office) -> None:
    await office.cancel(is_carried_out=False)
    await office.pool.execute("UPDATE aiocancel.claim SET recorded_at = now() - interval '61 s'")
    await office.pool.execute("UPDATE aiocancel.action SET due_at = now()")
    office.server.answers = [TryAgain(Code.MAIL_ANSWER_LOST, may_have_arrived=True)]
    assert await office.attempt(office.acknowledger())

    await office.carry_out()
    await office.work()

    first, again, done = office.server.taken
    assert (first.message_id, first.text) == (again.message_id, again.text)
    assert done.subject == "Your Pro subscription has ended"
    assert await office.doubts() == 1


async def test_letter_that_may_have_arrived_stays_as_it_was_though_the_server_is_away_in_between(
    office: Office,
) -> None:
    await office.cancel(is_carried_out=False)
    await office.pool.execute("UPDATE aiocancel.claim SET recorded_at = now() - interval '61 s'")
    await office.pool.execute("UPDATE aiocancel.action SET due_at = now()")
    lost = TryAgain(Code.MAIL_ANSWER_LOST, may_have_arrived=True)
    office.server.answers = [lost, TryAgain(), TryAgain()]
    for _ in range(3):
        assert await office.attempt(office.acknowledger())

    await office.carry_out()
    await office.work()

    first, again, done = office.server.taken
    assert (first.message_id, first.subject, first.text) == (
        again.message_id,
        again.subject,
        again.text,
    )
    assert done.message_id != first.message_id
    assert done.subject == "Your Pro subscription has ended"
    assert await letter_kinds(office.pool) == ["received", "carried_out"]
    assert await office.doubts() == 1


@pytest.mark.parametrize("looked", ["after the answer", "before the answer"])
async def test_A6_lease_that_is_lost_before_the_servers_yes_gives_the_letters_row_to_no_other(
    office: Office, looked: str
) -> None:
    await office.cancel(is_carried_out=False)
    await office.pool.execute("UPDATE aiocancel.claim SET recorded_at = now() - interval '61 s'")
    await office.pool.execute("UPDATE aiocancel.action SET due_at = now()")
    action_id = await office.pool.fetchval(
        "SELECT id FROM aiocancel.action WHERE kind = 'acknowledge'"
    )
    second: list[Any] = []

    class Slow:
        """A worker that stands still while its mail is on its way, and another one takes over."""

        async def send(self, message: MailMessage, /) -> Any:
            answer = await office.server.send(message)
            await asyncio.sleep(LEASE_S + 0.05)
            second.extend(await office.ledger.take(uuid.uuid4(), [action_id], lease_s=30))
            second.append(await office.ledger.letter_due(second[0]))
            return answer

    first = office.acknowledger()
    first._mailer = Slow()
    await office.attempt(first)
    taken, due = second
    await office.carry_out()

    if looked == "before the answer":
        # It has read the letter as one that may be under way, and may not begin it any more.
        again = due.written
        assert again.is_under_way
        came = await office.ledger.begin_letter(
            taken, again.letter_id, again.kind, again.letter, again.recipient
        )
        assert came is None
    assert await office.acknowledger().carry_out(taken, _never_read) is None
    await office.work()

    received, done = office.server.taken
    assert received.message_id != done.message_id
    assert (received.subject, done.subject) == (
        "We received your cancellation of Pro",
        "Your Pro subscription has ended",
    )
    assert await letter_kinds(office.pool) == ["received", "carried_out"]
    assert await office.doubts() == 0


async def test_letter_without_what_stripe_knows_goes_out_and_says_so(office: Office) -> None:
    class Away:
        async def shown(self, subscription_id: str, **_: object) -> Any:
            raise KeyError(subscription_id)

    async def ask(*_: object) -> Any:
        raise KeyError("a mistake of ours")

    async def ask_without_permission(*_: object) -> Any:
        raise TransientBillingError("no", code=Code.PERMISSION_MISSING)

    await office.cancel(is_carried_out=False)
    await office.carry_out(Receipt("active", datetime.now(UTC) + timedelta(days=9)))
    acknowledger = office.acknowledger(page_facts=cast("Any", Away()))
    action_id = await office.pool.fetchval(
        "SELECT id FROM aiocancel.action WHERE kind = 'acknowledge'"
    )
    (taken,) = await office.ledger.take(uuid.uuid4(), [action_id], lease_s=9)
    due = await office.ledger.letter_due(taken)
    assert (
        await acknowledger._last_bill(LetterKind.CARRIED_OUT, taken, due, ask_without_permission)
        is None
    )
    assert office.events.of(PageFactsMissing) == []

    await acknowledger.carry_out(taken, _never_read, ask)

    assert len(office.server.taken) == 1
    missing = office.events.of(PageFactsMissing)
    assert [each.subscription_id for each in missing] == ["sub_1"] * 2
    assert all(each.error.startswith("KeyError") for each in missing)


async def test_letter_that_comes_late_says_that_the_cancellation_was_taken_back(
    office: Office,
) -> None:
    class Stripe:
        """What is remembered is older than the cancellation, and what is read is newer than what undid it."""

        async def shown(self, _: str, *, holds: Callable[[ShownSubscription], bool]) -> Any:
            assert not holds(STAYS)
            return STAYS

    await office.cancel(is_carried_out=False)
    await office.carry_out(Receipt("active", datetime.now(UTC) + timedelta(days=9)))

    await office.attempt(office.acknowledger(page_facts=cast("Any", Stripe())))

    (mail,) = office.server.taken
    assert mail.subject == "Your Pro subscription goes on"
    assert "The cancellation has been withdrawn." in mail.text
    assert "Ends:" not in mail.text


@pytest.mark.parametrize("waits", [False, True], ids=["nothing waits", "a pause waits"])
async def test_letter_names_no_next_payment_while_a_pause_that_was_promised_is_to_come(
    office: Office, waits: bool
) -> None:
    async def next_payment(*_: object) -> Sentence:
        return Sentence("flow_next_on", {"amount": Money(2900, "eur"), "date": PAID_ON})

    grant = Grant(CustomerId("ada"), SubscriptionId("sub_1"), "test", 0, 0, uuid.uuid4().hex)
    resume = Action(ActionKind.RESUME, SubscriptionId("sub_1"))
    claim = FlowClaim(OWN_VENDOR, FlowStatus.RESUMED)
    await office.ledger.accept(claim, grant, Decision(Topic.RESUMPTION, (resume,)), verified=True)
    await office.carry_out(Receipt("active", None))
    if waits:
        promised = await ask(office.pool)
        await office.pool.execute(
            "UPDATE aiocancel.action SET deferred = true, due_at = now() + interval '9 days' WHERE id = $1",
            promised,
        )
    letter_id = await office.pool.fetchval(
        "SELECT id FROM aiocancel.action WHERE kind = 'acknowledge' AND state = 'waiting'"
    )
    (taken,) = await office.ledger.take(uuid.uuid4(), [letter_id], lease_s=9)

    await office.acknowledger().carry_out(taken, _never_read, ask_next=next_payment)

    (mail,) = office.server.taken
    assert mail.subject == "Your Pro subscription goes on"
    assert ("Next payment: €29.00 on December 26, 2026." in mail.text) is not waits


async def test_A8_letter_of_the_end_tells_the_date_that_stripe_shows_when_it_is_written(
    office: Office,
) -> None:
    async def read(_: object) -> Subscription:
        return ENDED_SOONER.subscription

    await office.cancel(is_carried_out=False)
    await office.carry_out(Receipt("active", datetime.now(UTC) + timedelta(days=9)))
    await office.work()
    await office.pool.execute(
        "UPDATE aiocancel.action SET receipt_ends_at = now() - interval '2 hours' WHERE state = 'done'"
    )
    last_id = await office.pool.fetchval(
        "UPDATE aiocancel.action SET due_at = now() WHERE kind = 'acknowledge' AND state = 'waiting' "
        "RETURNING id"
    )

    (taken,) = await office.ledger.take(uuid.uuid4(), [last_id], lease_s=9)
    await office.acknowledger().carry_out(taken, read)

    _, mail = office.server.taken
    assert mail.subject == "Your Pro subscription has ended"
    assert "It ended on November 26, 2026." in mail.text


async def test_A8_letter_that_comes_after_the_end_tells_it_and_no_second_one_does(
    office: Office,
) -> None:
    class Stripe:
        async def shown(self, _: str, *, holds: Callable[[ShownSubscription], bool]) -> Any:
            assert holds(ENDED_SOONER)
            return ENDED_SOONER

    await office.cancel(is_carried_out=False)
    await office.carry_out(Receipt("active", datetime.now(UTC) + timedelta(days=9)))

    await office.attempt(office.acknowledger(page_facts=cast("Any", Stripe())))

    (mail,) = office.server.taken
    assert mail.subject == "Your Pro subscription has ended"
    assert "It ended on November 26, 2026." in mail.text
    for untrue in ("until", "ends on", "Ends:"):
        assert untrue not in mail.text
    assert await letter_kinds(office.pool) == ["has_ended"]
    assert not await office.pool.fetchval(
        "SELECT count(*) FROM aiocancel.action WHERE kind = 'acknowledge' AND state = 'waiting'"
    )


async def test_letter_that_comes_is_told_to_whoever_made_the_claim_alone(office: Office) -> None:
    await office.cancel()
    claim_id = await office.pool.fetchval("SELECT public_id FROM aiocancel.claim")

    comes = [
        await office.ledger.letter_comes(each, customer)
        for each, customer in (
            (claim_id, "ada"), (claim_id, "bob"), (claim_id, ""), (uuid.uuid4(), "ada"),
        )
    ]  # fmt: skip
    await office.work()

    assert comes == [LetterComes(None), None, None, None]
    # It was handed over, and none follows.
    assert await office.ledger.letter_comes(claim_id, "ada") is None
