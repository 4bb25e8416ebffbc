"""What our own pages show: the words of core, the customer's subscription, and the ways on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from aiocancel.core.choose_subscription import subscription_names
from aiocancel.core.page_facts import (
    AboutSubscription,
    ShownSubscription,
    about,
    names_a_payment,
)
from aiocancel.web.pages import render_page
from aiocancel.web.site import Site

if TYPE_CHECKING:
    from aiocancel.core.plain_page import PlainPage
    from aiocancel.core.subscription import OwnedSubscription
    from aiocancel.core.undo import Undo
    from aiocancel.web.languages import Words
    from aiocancel.web.outcome_page import Badge

Link = Mapping[str, str]


class PlainPages:
    """Renders the pages of one plug-in."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def ask(
        self,
        request: web.Request,
        words: Words,
        page: PlainPage,
        *,
        unsure: Collection[str],
        price: Mapping[str, Sequence[Any]],
        grant: str,
        undo: Undo | None,
        owned: OwnedSubscription | None,
        shown: ShownSubscription | None,
        named: str | None,
    ) -> web.Response:
        """Show the page with the one button that cancels, or takes something back.

        Args:
            request: The customer's.
            words: Those of the customer's language.
            page: What it says.
            unsure: The subscriptions of which no page may name the next payment.
            price: The rows of what it costs and their notes, where that is known.
            grant: Lets the button act.
            undo: What is taken back; None for a cancellation.
            owned: The application's row.
            shown: Stripe's word, None where it did not come in time.
            named: The id of the subscription that the address named.
        """
        links = [self._change("unpause", "end_pause_link", words, named)]
        links = links if page.offers_unpause else []
        # To leave the page of one that ends already does not keep it; another link leads to what does.
        is_ending = undo is None and shown is not None and shown.subscription.is_ending
        if is_ending and self._site.settings.resume_policy != "off":
            links.append(self._change("resume", "keep_button", words, named))

        return await render_page(
            request,
            self._site,
            "confirm.html",
            words,
            with_flow=bool(price),
            rows=price.get("rows", ()),
            notes=price.get("notes", ()),
            title=words.say(page.title),
            lines=[words.say(line) for line in page.lines],
            about=about_rows(_told(owned, shown, unsure), words),
            action=f"{self._site.path}/result",
            grant=grant,
            wish="canceled" if undo is None else undo.status,
            reason_label=words.text("confirm_reason") if undo is None else None,
            confirm_button=words.text("confirm_button" if undo is None else undo.button),
            leave_link=words.text("keep_button" if undo is None and not is_ending else "back_link"),
            links=links,
        )

    async def nothing(
        self,
        request: web.Request,
        words: Words,
        page: PlainPage,
        *,
        owned: OwnedSubscription | None,
        shown: ShownSubscription | None,
        named: str | None,
        claim_id: str | None = None,
    ) -> web.Response:
        """Say why there is nothing to ask.

        Args:
            request: The request.
            words: The page's language.
            page: What it says.
            owned: The subscription, None where there is none.
            shown: What Stripe says of it, None where that is not known.
            named: The id of the subscription that the address names, None where it names none.
            claim_id: The cancellation's, where it was made here.
        """
        may_resume = page.offers_resume and self._site.settings.resume_policy != "off"
        keep = {"change": "resume", "named": named, "text": words.text("keep_button")}
        letter = [] if claim_id is None else [self._letter(claim_id, words)]

        return await self.message(
            request,
            words,
            " ".join(words.say(line) for line in page.lines),
            title=words.say(page.title),
            outcome=page.nothing_to or "",
            links=letter,
            keep=keep if may_resume else None,
            about=about_rows(about(owned, shown, datetime.now(UTC)), words),
        )

    async def which(
        self,
        request: web.Request,
        words: Words,
        choices: Sequence[OwnedSubscription],
        shown: Sequence[ShownSubscription | None],
        undo: Undo | None,
        *,
        unsure: Collection[str],
    ) -> web.Response:
        """Ask which subscription is meant, each with its plan, price and date.

        Args:
            request: The request.
            words: The page's language.
            choices: The subscriptions.
            shown: What Stripe says of each, in the same order; None where that is not known.
            undo: What is undone, None where a cancellation is meant.
            unsure: The subscriptions whose next payment is not told.
        """
        told = [_told(owned, seen, unsure) for owned, seen in zip(choices, shown, strict=True)]
        names = subscription_names(choices, [each.plan for each in told])
        cards = [
            {
                "id": owned.subscription_id,
                "name": name,
                "lines": [text for text in (price_of(each, words), date_of(each, words)) if text],
                "button": words.text("which_button", name=name)
                if undo is None
                else words.text(undo.button),
            }
            for owned, name, each in zip(choices, names, told, strict=True)
        ]

        return await render_page(
            request,
            self._site,
            "which.html",
            words,
            title=words.text("which_title"),
            action=self._site.path,
            change=None if undo is None else undo.name,
            cards=cards,
            leave_link=words.text("back_link"),
        )

    async def message(
        self,
        request: web.Request,
        words: Words,
        text: str,
        *,
        outcome: str,
        title: str | None = None,
        status: int = 200,
        refresh_s: int | None = None,
        links: Sequence[Link] = (),
        about: Sequence[tuple[str, str]] = (),
        badge: Badge | None = None,
        keep: Mapping[str, str | None] | None = None,
        changed_mind: str | None = None,
        follow: Mapping[str, Any] | None = None,
    ) -> web.Response:
        """Show one message and the ways on.

        Args:
            request: The customer's.
            words: Those of the customer's language.
            text: The message.
            outcome: What the page script reads.
            title: The heading; None for that of all pages.
            status: Of the response.
            refresh_s: After how many seconds the page loads itself again.
            links: The ways on, before that back to the site.
            about: What is told of the subscription.
            badge: The word above the heading.
            keep: The button that leads to the page on which something is taken back.
            changed_mind: The subscription whose cancellation can be taken back.
            follow: What is asked and offered after a declaration to leave.
        """
        after = None
        if changed_mind is not None:
            after = self._change("resume", "changed_mind_link", words, changed_mind)
        back = {"url": self._site.settings.return_to, "text": words.text("back_link")}

        return await render_page(
            request,
            self._site,
            "message.html",
            words,
            status=status,
            with_flow=follow is not None,
            follow=follow,
            title=words.text("outcome_title") if title is None else title,
            text=text,
            outcome=outcome,
            badge=None if badge is None else {"text": words.text(badge.key), "look": badge.look},
            about=about,
            refresh_s=refresh_s,
            links=[*links, back],
            plain_page=self._site.path,
            keep=keep,
            after=after,
        )

    def _letter(self, claim_id: str, words: Words) -> Link:
        url = f"{self._site.path}/acknowledgement/{claim_id}"
        return {"url": url, "text": words.text("letter_see")}

    def _change(self, change: str, key: str, words: Words, named: str | None) -> Link:
        query = {"change": change} | ({} if named is None else {"subscription": named})
        return {"url": f"{self._site.path}?{urlencode(query)}", "text": words.text(key)}


def _told(
    owned: OwnedSubscription | None, shown: ShownSubscription | None, unsure: Collection[str]
) -> AboutSubscription:
    told = about(owned, shown, datetime.now(UTC))
    is_unsure = owned is not None and owned.subscription_id in unsure
    return replace(told, date=None) if is_unsure and names_a_payment(told) else told


def about_rows(told: AboutSubscription, words: Words) -> list[tuple[str, str]]:
    """Return the label and the text of everything that is known."""
    rows = (
        ("about_account", told.email),
        ("about_plan", told.plan),
        ("about_price", price_of(told, words)),
        ("about_date", date_of(told, words)),
    )
    return [(words.text(label), text) for label, text in rows if text is not None]


def price_of(told: AboutSubscription, words: Words) -> str | None:
    """Return the price and what it leaves out."""
    if told.price is None:
        return None
    price = words.say(told.price)
    return price if told.price_note is None else f"{price}, {words.text(told.price_note)}"


def date_of(told: AboutSubscription, words: Words) -> str | None:
    """Return the date that matters next."""
    return None if told.date is None else words.say(told.date)
