"""The pieces of HTML that a page of the application gets from us."""

from __future__ import annotations

import json

from markupsafe import Markup

from aiocancel.core.subscription import OwnedSubscription
from aiocancel.service import SealedFlow
from aiocancel.web.site import Site

_SCRIPT = Markup('<script src="{}" nonce="{}" data-aiocancel="{}" defer></script>')

# A real form: without our script, or with the vendor blocked, it opens the plain page instead.
_BUTTON = Markup(
    '<form class="aiocancel-form" method="get" action="{}" data-aiocancel-form>'
    '<button class="aiocancel-button" type="submit"{}>{}</button>'
    '<p class="aiocancel-status" role="status" aria-live="polite" hidden></p>'
    "</form>"
)


def script_markup(site: Site, nonce: str, sealed: SealedFlow | None) -> Markup:
    """Return the script element; what it carries is data in an attribute, never code."""
    data = "" if sealed is None else json.dumps(flow_data(sealed), separators=(",", ":"))
    return _SCRIPT.format(site.script_url, nonce, data)


_UNDO_BUTTON = Markup(
    '<form class="aiocancel-form" method="get" action="{}">'
    '<input type="hidden" name="change" value="{}">'
    '<button class="aiocancel-button" type="submit">{}</button>'
    "</form>"
)


def undo_button_markup(site: Site, change: str, label: str) -> Markup:
    """Return the form that opens the plain page on which something is taken back."""
    return _UNDO_BUTTON.format(site.settings.prefix, change, label)


def button_markup(site: Site, label: str, subscription: OwnedSubscription | None) -> Markup:
    """Return the form with its button and the place where the script says what happened."""
    attributes = dict(site.widget.button_attributes)
    if site.widget.subscription_attribute is not None and subscription is not None:
        attributes[site.widget.subscription_attribute] = subscription.subscription_id
    written = Markup().join(Markup(' {}="{}"').format(name, value) for name, value in attributes.items())
    return _BUTTON.format(site.settings.prefix, written, label)


def flow_data(sealed: SealedFlow) -> dict[str, object]:
    """Return what the page script needs for one flow, as JSON values."""
    return {**sealed.page_data, "grant": sealed.grant, "expiresAt": sealed.expires_at}
