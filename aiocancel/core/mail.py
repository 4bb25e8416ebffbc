"""A mail to a customer, and the three answers of a mailer that is asked to send it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from aiocancel.core.codes import AnyCode, Code
from aiocancel.errors import ConfigurationError

# The longest path of RFC 5321, less its two brackets, and the longest part before the @.
LONGEST_ADDRESS: Final = 254
_LONGEST_LOCAL: Final = 64
_LOCAL: Final = re.compile(
    r"[^\s\x00-\x20\x7f-\x9f()<>\[\]:;,\\\"@.]+(?:\.[^\s\x00-\x20\x7f-\x9f()<>\[\]:;,\\\"@.]+)*"
)
_LABEL: Final = re.compile(r"(?!-)[^\W_](?:[\w-]{0,61}[^\W_])?", re.UNICODE)
# Line breaks would begin another header; the others have no width, and none of them belongs into a heading.
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,120}")


@dataclass(frozen=True, slots=True)
class MailMessage:
    """One mail to one customer.

    Args:
        message_id: The same for every try at one mail, and for no other: letters, digits, ``.``, ``_`` and ``-``.
        to: One address, checked.
        subject: One line.
        text: The whole content as plain text.
        html: The same words with structure.
        language: The code of its language, such as ``de``.
    """

    message_id: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.message_id):
            raise ConfigurationError("a mail's message_id holds letters, digits, '.', '_' and '-'")
        if not is_address(self.to):
            raise ConfigurationError("a mail goes to one address")
        if self.subject != one_line(self.subject):
            raise ConfigurationError("a mail's subject is one line")


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The mail server has taken the mail.

    Args:
        reference: The server's name for it, where it told one.
    """

    reference: str | None = None


@dataclass(frozen=True, slots=True)
class TryAgain:
    """It was not handed over, and another try may do it.

    Args:
        code: Why, one of the codes in the reference.
        may_have_arrived: Whether the server may have taken it all the same, so that another try may double it.
    """

    code: AnyCode = Code.MAIL_TRY_AGAIN
    may_have_arrived: bool = False


@dataclass(frozen=True, slots=True)
class MailRefused:
    """It will never be taken, and another try would not help.

    Args:
        code: Why, one of the codes in the reference.
    """

    code: AnyCode = Code.MAIL_REFUSED


MailResult = HandedOver | TryAgain | MailRefused
"""What came of one try."""


def is_address(text: object) -> bool:
    """Tell whether a value is one e-mail address, in any script, and nothing besides.

    No list, no name, no line break, no comment and no quoted part: whatever a header or a server could read as more
    than one address is none.
    """
    if not isinstance(text, str) or len(text) > LONGEST_ADDRESS:
        return False
    local, at, domain = text.rpartition("@")
    labels = domain.split(".")

    return (
        bool(at)
        and len(local) <= _LONGEST_LOCAL
        and _LOCAL.fullmatch(local) is not None
        and text.isprintable()
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
    )


def one_line(text: str) -> str:
    """Return a text fit for a header: control characters become a space."""
    return _CONTROLS.sub(" ", text).strip()
