"""The page to keep: what a customer declared and what became of it, to be printed and saved.

The customer who made the claim sees the newest letter, or, where none was written, where the claim stands now. A reader
with a letter's signed link sees that letter and nothing that was not in it.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from aiohttp import web

from aiocancel.core.acknowledgement import (
    ClaimToTell,
    LetterFacts,
    LetterKind,
    letter,
    next_letter,
    reference_of,
)
from aiocancel.core.codes import Code
from aiocancel.core.declaration import offers_in, page_in
from aiocancel.core.page_facts import about
from aiocancel.errors import ClaimError, UnavailableError
from aiocancel.mail.letter import (
    LetterLinks,
    LetterTemplates,
    WrittenLetter,
    write,
    written_from_json,
)
from aiocancel.web.csp_header import ENFORCED, StrictResponse
from aiocancel.web.pages import render_page

if TYPE_CHECKING:
    from aiocancel.core.decision import Answer
    from aiocancel.core.declaration import Declaration
    from aiocancel.core.subscription import OwnedSubscription
    from aiocancel.intake import FlowService
    from aiocancel.web.languages import Words
    from aiocancel.web.site import Site

# The key stands in the address: no other site may hear of it, and no search engine may keep the page.
HEADERS: Final = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
_NEVER: Final = 61.0
_SAVED_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class AcknowledgementPage:
    """Finds the letter and shows it, as a page or as a file."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._templates = LetterTemplates(None, on_event=site.on_event)

    async def of_link(self, service: FlowService, claim_id: uuid.UUID, key: str) -> WrittenLetter:
        """Return the letter of a signed link.

        Raises:
            ClaimError: The link is none of ours, belongs to another claim, or is too old.
        """
        kept = await service.letters.of_link(claim_id, key)
        return written_from_json(kept.letter)

    async def of_customer(
        self, service: FlowService, claim_id: uuid.UUID, customer_id: str, words: Words
    ) -> WrittenLetter | None:
        """Return the newest letter about a customer's claim, or what one would say now; None where nobody writes one.

        Raises:
            ClaimError: There is no such claim of this customer.
        """
        kept = await service.letters.of_claim(claim_id, customer_id)
        declared = await service.letters.declared(claim_id, customer_id)
        said = None if declared is None else declared.declaration
        if kept is not None:
            return _with_all_shown(written_from_json(kept.letter), said, words)

        answer = await service.answer(claim_id, customer_id)
        if answer is None or declared is None:
            raise ClaimError(
                "There is no such choice of this customer.", code=Code.UNKNOWN_CLAIM, status=404
            )
        kind = _kind_now(answer)
        if kind is None:
            return None

        plan, shown, now = None, None, datetime.now(UTC)
        if answer.subscription_id is not None:
            owned = await self._owned(service, customer_id, answer.subscription_id)
            shown = await service.shown(answer.subscription_id, holds=answer.is_seen_in)
            plan = about(owned, shown, now).plan

        facts = LetterFacts(
            answer,
            reference_of(str(claim_id)),
            declared.received_at,
            None if said is None else said.words,
            plan,
            shown,
            written_at=now,
        )
        brand = self._site.settings.theme.name
        one = write(letter(kind, facts), words, LetterLinks(), brand=brand)
        return _with_all_shown(one, said, words)

    async def _owned(
        self, service: FlowService, customer_id: str, subscription_id: str
    ) -> OwnedSubscription | None:
        try:
            return await service.find(customer_id, subscription_id)
        except UnavailableError:
            # The letter goes without the plan's name.
            return None

    async def show(
        self, request: web.Request, words: Words, one: WrittenLetter, *, as_guest: bool
    ) -> web.Response:
        """Show a letter, with a link that saves it.

        Args:
            request: The reader's.
            words: Those of the page around it.
            one: The letter.
            as_guest: Whether the reader came by a signed link: then nothing leads into the account.
        """
        back = {"url": self._site.settings.return_to, "text": words.text("back_link")}
        save = {
            "url": f"{self._site.settings.public_prefix}{request.rel_url.update_query(save='1')}",
            "text": words.text("letter_save"),
        }

        response = await render_page(
            request,
            self._site,
            "acknowledgement.html",
            words,
            with_flow=bool(one.shown),
            title=one.subject,
            letter=one,
            print_hint=words.text("letter_print"),
            links=[save] if as_guest else [save, back],
        )
        response.headers.update(HEADERS)
        return response

    def save(self, one: WrittenLetter) -> web.Response:
        """Hand a letter out as a file that needs nothing else."""
        reference = one.rows[-1][1] if one.rows else "letter"
        name = "".join(each for each in reference if each.isalnum() or each == "-")

        return StrictResponse(
            text=self._templates.html(one),
            content_type="text/html",
            headers={
                **HEADERS,
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                "Content-Disposition": f'attachment; filename="acknowledgement-{name}.html"',
                ENFORCED: _SAVED_POLICY,
            },
        )


def _with_all_shown(one: WrittenLetter, said: Declaration | None, words: Words) -> WrittenLetter:
    """Return a letter with everything that the customer was shown, for that customer alone: a mail sells nothing."""
    if said is None:
        return one
    page = page_in(said.shown)
    blocks = (*(() if page is None else (page,)), *offers_in(said.shown))
    return replace(one, shown=blocks, shown_heading=words.text("letter_shown")) if blocks else one


def _kind_now(answer: Answer) -> LetterKind | None:
    """Return the letter that fits a claim as it stands; None for one that has none."""
    step = next_letter(ClaimToTell(answer, (), _NEVER), datetime.now(UTC))
    return step if isinstance(step, LetterKind) else None
