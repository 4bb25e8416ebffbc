"""The pieces of HTML that a page of the application gets from us."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup, escape

from aiocancel.json_text import ascii_json
from aiocancel.web.site import Site

if TYPE_CHECKING:
    from aiocancel.core.subscription import OwnedSubscription
    from aiocancel.intake import SealedFlow

# A real form: without our script, or with the vendor blocked, it opens the plain page instead.
_FORM = Markup('<form class="aiocancel-form" method="get" action="{}" data-aiocancel-form>')
_BUTTON = Markup('<button class="aiocancel-button" type="submit"')
_AFTER = Markup(
    '>{}</button><p class="aiocancel-status" role="status" aria-live="polite" hidden></p></form>'
)


def script_markup(url: str, nonce: str, sealed: SealedFlow | None) -> Markup:
    """Return the script element; what it carries is data in an attribute, never code."""
    data = "" if sealed is None else _for_an_attribute(ascii_json(flow_data(sealed)))
    # By hand: Markup.format takes longer than all the rest of the page (tests/benchmarks/page.py).
    script = (
        f'<script src="{_escaped(url)}" nonce="{nonce}" data-aiocancel=\'{data}\' defer></script>'
    )
    return Markup(script)  # noqa: S704 - every part is escaped, the nonce is ours


def _for_an_attribute(json_text: str) -> str:
    """Spell JSON so that it stands in an attribute with single quotes.

    What HTML minds stands only inside JSON's texts, where JSON has another spelling for it; its own quotes stay, of
    which there are many. A browser ignores the nonce of an element whose attribute holds ``<script``, however it is
    escaped for HTML: https://www.w3.org/TR/CSP3/#is-element-nonceable
    """
    return (
        json_text.replace("&", "\\u0026")
        .replace("'", "\\u0027")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
    )


_NAMED = Markup('<input type="hidden" name="subscription" value="{}">')

_UNDO_BUTTON = Markup(
    '<form class="aiocancel-form" method="get" action="{}">'
    '<input type="hidden" name="change" value="{}">{}'
    '<button class="aiocancel-button" type="submit">{}</button>'
    "</form>"
)


def undo_button_markup(site: Site, change: str, label: str, named: str | None) -> Markup:
    """Return the form that opens the plain page on which something is taken back."""
    return _UNDO_BUTTON.format(site.path, change, _field(named), label)


def button_markup(
    site: Site, label: str, subscription: OwnedSubscription | None, named: str | None
) -> Markup:
    """Return the form with its button and the place where the script says what happened.

    Args:
        site: Where the form leads.
        label: The words on the button.
        subscription: The page's own subscription, None where it is not known.
        named: The id that the page gave to this very button; None leaves it to the page's own.
    """
    button = _button(site.path, site.button_attributes, label)
    own = subscription.subscription_id if named is None and subscription else named
    attribute = site.widget.subscription_attribute
    if named is None and (attribute is None or own is None):
        return button.whole

    bound = "" if attribute is None else f' {escape(attribute)}="{escape(own)}"'
    written = f"{button.form}{_field(named)}{button.before}{bound}{button.after}"
    return Markup(written)  # noqa: S704 - every part is escaped


def _field(named: str | None) -> Markup:
    return Markup() if named is None else _NAMED.format(named)


class _Button(NamedTuple):
    """The same for every customer, and cut where the subscription's own field and attribute go."""

    whole: Markup
    form: str
    before: str
    after: str


# A label that is markup equals the same text that is none: they differ by type.
@lru_cache(maxsize=256, typed=True)
def _button(prefix: str, attributes: tuple[tuple[str, str], ...], label: str) -> _Button:
    written = Markup().join(Markup(' {}="{}"').format(name, value) for name, value in attributes)
    form, before, after = _FORM.format(prefix), _BUTTON + written, _AFTER.format(label)
    return _Button(form + before + after, str(form), str(before), str(after))


@lru_cache(maxsize=16)
def _escaped(text: str) -> str:
    return str(escape(text))


def flow_data(sealed: SealedFlow) -> dict[str, object]:
    """Return what the page script needs for one flow, as JSON values."""
    return {**sealed.page_data, "grant": sealed.grant, "expiresAt": sealed.expires_at}
