"""The mailer against a real SMTP server: what is handed over, what is tried again, and what never goes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from aiocancel.core.codes import Code
from aiocancel.core.mail import HandedOver, MailMessage, MailRefused, MailResult, TryAgain
from aiocancel.errors import ConfigurationError
from aiocancel.mail.smtp import SmtpMailer
from tests.support.mail_server import MailServer, html_of, of_server, text_of, trusting

SENDER = "Northwind Notes <billing@shop.example>"


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[MailServer]:
    async with MailServer().serve() as running:
        yield running


def mailer_for(server: MailServer, **settings: object) -> SmtpMailer:
    arguments = {"sender": SENDER, "tls": "off", "within_s": 5.0, **settings}
    return SmtpMailer(f"smtp://127.0.0.1:{server.port}", **arguments)  # type: ignore[arg-type]


def mail(to: str = "ada@example.com", **changed: str) -> MailMessage:
    content = {
        "message_id": "ack-1",
        "to": to,
        "subject": "Your Pro subscription ends on 26 December 2026",
        "text": "You can use it until then.\n",
        "html": "<p>You can use it until then.</p>\n",
        "language": "en",
    }
    return MailMessage(**{**content, **changed})


async def test_mail_is_handed_over_with_its_headers_and_both_of_its_parts(
    server: MailServer,
) -> None:
    result = await mailer_for(server, reply_to="help@shop.example").send(mail())

    (got,) = server.mails
    assert result == HandedOver("OK queued as 1")
    assert got["From"] == "Northwind Notes <billing@shop.example>"
    assert (got["To"], got["Reply-To"]) == ("ada@example.com", "help@shop.example")
    assert got["Subject"] == "Your Pro subscription ends on 26 December 2026"
    assert got["Message-ID"] == "<ack-1@shop.example>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["Content-Language"] == "en"
    assert got["Date"]
    assert text_of(got) == "You can use it until then.\n"
    assert html_of(got) == "<p>You can use it until then.</p>\n"


async def test_mail_in_any_script_arrives_as_it_was_written(server: MailServer) -> None:
    subject = "اشتراكك ينتهي – Größe für 日本 🙂"
    text = (
        "السطر الأول\nGrüße, ñandú, 日本語\n.\n.. dots at the start of a line\n" + "x" * 3000 + "\n"
    )

    await mailer_for(server).send(mail(subject=subject, text=text, language="ar"))

    (got,) = server.mails
    content = server.taken[0].content
    assert isinstance(content, bytes)
    assert content.isascii()
    assert max(map(len, content.splitlines())) <= 998
    assert got["Subject"] == subject
    assert text_of(got) == text


@pytest.mark.parametrize(
    ("machine", "setting", "named"),
    [
        pytest.param("app-7f9c", None, "[127.0.0.1]", id="short_name_of_a_container"),
        pytest.param("app.shop.example", None, "app.shop.example", id="whole_name"),
        pytest.param("app_1.internal", None, "[127.0.0.1]", id="no_domain_name"),
        pytest.param("app-7f9c", "out.shop.example", "out.shop.example", id="setting"),
    ],
)
async def test_machine_names_itself_without_asking_a_name_server(
    server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    machine: str,
    setting: str | None,
    named: str,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: machine)
    monkeypatch.setattr("socket.getfqdn", lambda *_: pytest.fail("a name server would be asked"))

    result = await mailer_for(server, local_hostname=setting).send(mail())

    assert isinstance(result, HandedOver)
    assert server.clients == [named]


async def test_one_connection_serves_many_mails_and_another_is_opened_when_it_is_gone(
    server: MailServer,
) -> None:
    mailer = mailer_for(server)

    first = await asyncio.gather(*(mailer.send(mail(message_id=f"a-{n}")) for n in range(20)))
    opened = server.connections
    server.drop_all()
    await asyncio.sleep(0.05)
    after = await mailer.send(mail(message_id="b"))
    await mailer.close()

    assert all(isinstance(each, HandedOver) for each in [*first, after])
    assert (opened, server.connections) == (1, 2)
    assert len(server.mails) == 21


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        pytest.param("550 5.1.1 no such mailbox", MailRefused(), id="no_such_mailbox"),
        pytest.param("553 5.1.3 bad address", MailRefused(), id="bad_address"),
        pytest.param("450 4.7.1 greylisted, come back", TryAgain(), id="greylisted"),
        pytest.param("452 4.2.2 mailbox full", TryAgain(), id="mailbox_full"),
    ],
)
async def test_recipient_that_is_refused_costs_the_next_mail_nothing(
    server: MailServer, answer: str, result: MailResult
) -> None:
    mailer = mailer_for(server)
    server.to_recipients = [answer]

    refused, taken = await mailer.send(mail()), await mailer.send(mail("bob@example.com"))

    assert refused == result
    assert isinstance(taken, HandedOver)
    assert [each.rcpt_tos for each in server.taken] == [["bob@example.com"]]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        pytest.param("554 5.7.1 looks like spam", MailRefused(), id="refused"),
        pytest.param("451 4.3.0 try later", TryAgain(), id="later"),
    ],
)
async def test_content_that_is_refused_is_known_not_to_have_arrived(
    server: MailServer, answer: str, result: MailResult
) -> None:
    server.to_contents = [answer]

    assert await mailer_for(server).send(mail()) == result
    assert server.mails == []


@pytest.mark.parametrize("answer", ["garbage", "25", "251 fine", "200 ok", "354 go on", "650 no"])
async def test_content_whose_answer_is_neither_yes_nor_no_may_have_arrived(
    server: MailServer, answer: str
) -> None:
    mailer = mailer_for(server)
    server.to_contents = [answer]

    doubtful, taken = await mailer.send(mail()), await mailer.send(mail())

    assert doubtful == TryAgain(Code.MAIL_ANSWER_LOST, may_have_arrived=True)
    assert isinstance(taken, HandedOver)
    # An answer that cannot be read may be half of one: the next mail begins on a line of its own.
    assert server.connections == 2


@pytest.mark.parametrize("broken", ["before", "after"])
async def test_line_that_breaks_after_the_content_is_a_mail_that_may_have_arrived(
    server: MailServer, broken: str
) -> None:
    mailer = mailer_for(server)
    server.breaks = [broken]

    lost, again = await mailer.send(mail()), await mailer.send(mail())

    assert lost == TryAgain(Code.MAIL_ANSWER_LOST, may_have_arrived=True)
    assert isinstance(again, HandedOver)
    # The same Message-ID: a mail program that looks shows one.
    assert {each["Message-ID"] for each in server.mails} == {"<ack-1@shop.example>"}
    assert len(server.mails) == (1 if broken == "before" else 2)


async def test_server_that_hangs_is_given_up_in_time_and_not_held_on_to(
    server: MailServer,
) -> None:
    mailer = mailer_for(server, within_s=0.3)
    server.hangs = True

    hung = await mailer.send(mail())
    server.hangs = False
    taken = await mailer.send(mail())

    assert hung == TryAgain(Code.MAIL_SERVER_AWAY)
    assert isinstance(taken, HandedOver)


async def test_server_that_is_away_is_tried_again() -> None:
    mailer = SmtpMailer("smtp://127.0.0.1:9", sender=SENDER, tls="off", within_s=2)

    assert await mailer.send(mail()) == TryAgain(Code.MAIL_SERVER_AWAY)


async def test_send_that_is_cancelled_leaves_no_half_spoken_connection(server: MailServer) -> None:
    mailer = mailer_for(server)
    await mailer.send(mail())
    server.hangs = True
    task = asyncio.create_task(mailer.send(mail(message_id="cut")))
    await asyncio.sleep(0.1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    server.hangs = False

    assert isinstance(await mailer.send(mail(message_id="next")), HandedOver)
    assert [each["Message-ID"] for each in server.mails] == [
        "<ack-1@shop.example>",
        "<next@shop.example>",
    ]


async def test_nothing_is_sent_to_a_server_that_offers_no_tls(server: MailServer) -> None:
    mailer = mailer_for(server, tls="required")

    assert await mailer.send(mail()) == TryAgain(Code.MAIL_SERVER_UNTRUSTED)
    assert server.taken == []


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "unknown"])
async def test_certificate_is_looked_at_before_anything_is_said(scheme: str, trusted: bool) -> None:
    shown = of_server("loopback")
    implicit, later = (shown, None) if scheme == "smtps" else (None, shown)
    ours = trusting("loopback") if trusted else None

    async with MailServer().serve(tls=implicit, starttls=later, login=True) as server:
        url = f"{scheme}://ada:p%40ss%3Aword@127.0.0.1:{server.port}"
        mailer = SmtpMailer(url, sender=SENDER, ssl_context=ours, within_s=5)
        result = await mailer.send(mail())
        await mailer.close()

    assert isinstance(result, HandedOver) is trusted
    assert len(server.taken) == len(server.logins) == int(trusted)
    if not trusted:
        assert result == TryAgain(Code.MAIL_SERVER_UNTRUSTED)


async def test_certificate_of_another_host_is_none() -> None:
    async with MailServer().serve(starttls=of_server("elsewhere")) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        mailer = SmtpMailer(url, sender=SENDER, ssl_context=trusting("elsewhere"))
        result = await mailer.send(mail())

    assert result == TryAgain(Code.MAIL_SERVER_UNTRUSTED)
    assert server.taken == []


@pytest.mark.parametrize(
    ("password", "result"),
    [("p%40ss%3Aword", None), ("wrong", TryAgain(Code.MAIL_LOGIN_REFUSED))],
    ids=["right", "wrong"],
)
async def test_login_is_refused_or_not(password: str, result: MailResult | None) -> None:
    async with MailServer().serve(login=True) as server:
        url = f"smtp://ada:{password}@127.0.0.1:{server.port}"
        got = await SmtpMailer(url, sender=SENDER, tls="off").send(mail())

    assert got == result if result is not None else isinstance(got, HandedOver)
    assert password not in repr(SmtpMailer(url, sender=SENDER, tls="off"))


@pytest.mark.parametrize(
    ("address", "utf8", "arrives"),
    [
        pytest.param("jörg@example.com", True, True, id="local_part_utf8"),
        pytest.param("jörg@example.com", False, False, id="local_part_ascii_server"),
        pytest.param("ada@müller.example", False, True, id="domain_ascii_server"),
        pytest.param("用户@例子.example", True, True, id="both_utf8"),
    ],
)
async def test_address_in_another_script_goes_where_the_server_can_take_it(
    address: str, utf8: bool, arrives: bool
) -> None:
    async with MailServer().serve(utf8=utf8) as server:
        result = await mailer_for(server).send(mail(address))
        again = await mailer_for(server).send(mail())

    assert result == (HandedOver("OK queued as 1") if arrives else MailRefused())
    assert isinstance(again, HandedOver)


@pytest.mark.parametrize(
    "sender",
    [
        "Shop\r\nBcc: everybody@example.com <billing@shop.example>",
        "Shop <billing@shop.example>\nX: y",
        "nobody",
        "a@shop.example, b@shop.example",
        "",
    ],
    ids=["line_break_in_name", "line_break_behind", "no_address", "two", "empty"],
)
def test_sender_that_would_write_headers_is_refused(sender: str) -> None:
    with pytest.raises(ConfigurationError, match="sender"):
        SmtpMailer("smtp://127.0.0.1", sender=sender)


@pytest.mark.parametrize(
    "name", ["", "app", "a b.example.com", "x.example.com\r\nMAIL", "a..example", 5]
)
def test_name_of_this_machine_that_is_no_domain_is_refused(name: object) -> None:
    with pytest.raises(ConfigurationError, match="local_hostname is a domain name"):
        SmtpMailer("smtp://127.0.0.1", sender=SENDER, local_hostname=name)  # type: ignore[arg-type]


async def test_names_of_every_kind_stay_in_their_header(server: MailServer) -> None:
    sender = '"Müller, Söhne & \\"Co\\" <x@evil.example>" <billing@shop.example>'
    mailer = mailer_for(server, sender=sender)

    await mailer.send(mail())

    (got,) = server.mails
    assert [each.addr_spec for each in got["From"].addresses] == ["billing@shop.example"]
    assert server.taken[0].mail_from == "billing@shop.example"


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtp://mail.example.com:99999",
        "smtp://mail.example.com/path",
        "smtp://secret-user@mail.example.com",
        "smtp://mail.example.com\r\nX",
        5,
    ],
)
def test_url_that_cannot_work_is_refused_without_being_repeated(url: object) -> None:
    with pytest.raises(ConfigurationError) as refused:
        SmtpMailer(url, sender=SENDER)  # type: ignore[arg-type]

    assert "secret-user" not in str(refused.value)


def test_password_never_travels_in_the_clear() -> None:
    with pytest.raises(ConfigurationError, match="tls='off'"):
        SmtpMailer("smtp://ada:secret@mail.example.com", sender=SENDER, tls="off")
    with pytest.raises(ConfigurationError, match="leave tls='off' out"):
        SmtpMailer("smtps://mail.example.com", sender=SENDER, tls="off")

    assert repr(SmtpMailer("smtp://ada:secret@mail.example.com", sender=SENDER)) == (
        "SmtpMailer(smtp://mail.example.com:587)"
    )


def test_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiocancel.mail.smtp.find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match=r"pip install 'aiocancel\[mail\]'"):
        SmtpMailer("smtp://mail.example.com", sender=SENDER)


async def test_mail_whose_turn_comes_late_has_all_its_time_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mailer = SmtpMailer("smtp://127.0.0.1:9", sender=SENDER, tls="off", within_s=0.1)

    async def at_once(*_: object) -> MailResult:
        return HandedOver()

    monkeypatch.setattr(mailer, "_send", at_once)
    async with mailer._turn:
        late = asyncio.create_task(mailer.send(mail()))
        # Longer than one mail may take.
        await asyncio.sleep(0.3)

    assert await late == HandedOver()


async def test_mail_whose_turn_does_not_come_was_not_handed_over_and_says_nothing_of_the_server(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.mail.smtp._TURN_WITHIN_S", 0.05)
    mailer = mailer_for(server)

    async with mailer._turn:
        waited = await mailer.send(mail())
    after = await mailer.send(mail())

    assert waited == TryAgain(Code.MAIL_WAITED_TOO_LONG)
    assert isinstance(after, HandedOver)
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("within_s", "both_s"), [(5.0, 25.0), (20.0, 40.0), (30.0, 45.0), (60.0, 61.0)]
)
def test_wait_and_mail_together_fit_into_the_time_of_a_letter(
    within_s: float, both_s: float
) -> None:
    mailer = SmtpMailer("smtp://127.0.0.1:9", sender=SENDER, tls="off", within_s=within_s)

    assert mailer._turn_within_s + within_s == both_s
