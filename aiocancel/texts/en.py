"""The English words: everything of ours that a customer reads, by key.

``texts=`` of the settings replaces any of them by its key. ``{date}`` stands for a date; a text that may hold
one says so in its name. The other words in braces are filled in as well, and a text may leave any of them out. A
key that ends in ``_one`` is the same text for a ``{count}`` of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiocancel.texts.flow import en as flow
from aiocancel.texts.letters import LETTERS

# What an accepted offer did. Where too little is known, the text "offer" says it.
_OFFERS: Final = {
    "offer_off_next_payment": "You get {off} off your next payment.",
    "offer_off_payments": "You get {off} off your next {count} payments.",
    "offer_off_months": "You get {off} off for {count} months.",
    "offer_off_months_one": "You get {off} off for one month.",
    "offer_off_for_good": "You get {off} off every payment.",
    "offer_discount": "Your discount is in place.",
    "offer_trial_until": "Your trial goes on until {date}.",
    "offer_plan_named": "You are on {plan} now.",
    "offer_plan": "Your plan has changed.",
    "offer_payments_paused_until": "Payments are paused until {date}.",
    "offer_payments_paused": "Payments are paused.",
    "offer_subscription_paused_until": "Your subscription is paused until {date}.",
    "offer_subscription_paused": "Your subscription is paused.",
    "offer_paused_from": "Your pause begins on {date}.",
    "offer_plan_from": "Your plan changes on {date}.",
    "not_cancelled": "Your subscription is not cancelled.",
}

_OUTCOMES: Final = {
    "canceled": "Your subscription has ended.",
    "canceled_at": "Your subscription ended on {date}.",
    "scheduled": "Your subscription is cancelled. You can use it until it ends.",
    "scheduled_at": "Your subscription is cancelled. You can use it until {date}.",
    "resumed": "Your subscription continues. The cancellation has been withdrawn.",
    "unpaused": "The pause is over. You are billed again as before.",
    "discount_removed": "The discount is removed from your next payments.",
    "plan_kept": "You keep your plan. The change of plan is cancelled.",
    "offer": "Thank you. Your choice has been carried out.",
    "offer_scheduled": "Thank you. Your choice takes effect later.",
    "offer_scheduled_at": "Thank you. Your choice takes effect on {date}.",
    "nothing": "Nothing has been changed.",
    "queued": "We have your request. It is being carried out; you can leave this page.",
    "manual": "We have your request. A person will complete it.",
    "closed_by_hand": "A person has taken over your request. Please contact us if something is still open.",
    "manual_offer": "We have your choice. It is not confirmed yet; a person will look at it.",
    "needs_payment_action": "One step is left: confirm the payment to finish.",
    "refused": "Your request could not be carried out.",
}

# What the page script says beside the button.
_BESIDE_THE_BUTTON: Final = {
    "opening": "One moment…",
    "saving": "Sending your choice…",
    "closed": "You closed the window. Nothing has been changed.",
    "blocked": "The cancellation form did not load.",
    "vendor_failed": "Something went wrong in the cancellation form.",
    "unopened": "The window did not open?",
    "unsaved": "Your choice could not be sent. Please try again.",
    "unheard": "Did you choose to cancel? We have not heard of it yet.",
    "slow": "Taking long?",
    "window_title": "Cancellation form",
    "plain_link": "Cancel here instead",
}

# Why a page or a request is refused. web/answer_texts.py gives each error its key.
_REFUSALS: Final = {
    "not_logged_in": "Please log in again.",
    "no_subscription": "There is no subscription to cancel.",
    "unavailable": "This cannot be shown right now. Please try again in a moment.",
    "unknown_customer": (
        "We cannot find your subscription in our payment system. Please contact us, and we will look for it."
    ),
    "unreadable": "We could not read your request. Please start again.",
    "too_large": "Your message is too long. Please shorten it and try again.",
    "page_invalid": "This page can no longer be used. Please start again.",
    "page_expired": "This page was open for too long. Please start again.",
    "page_used": "This page was already used for a different choice. Please start again.",
    "page_of_another": "This page was opened for a different account. Please start again.",
    "subscription_not_yours": "This subscription does not belong to your account any more.",
    "unknown_claim": "We couldn't find that request.",
    "unknown_subscription": "We couldn't find that subscription.",
    "which_subscription": "You have several subscriptions. Please choose one.",
    "too_many_posts": "You have sent several requests within a minute. Please wait a minute and try again.",
    "too_much_unfinished": "Several of your requests are still being carried out. Please try again when they are done.",
    # The cancellation form was finished, and the page that reported it is refused.
    "left_to_a_person": "Your choice could not be confirmed here. Nothing has been changed; a person will look at it.",
    "reached_us": "We already have your choice. You do not need to send it again.",
    "look_before_again": (
        "Your choice may have reached us all the same. Look at your subscription before you try again."
    ),
    "may_have_reached_us": "Please log in again. If you finished the form, we may already have your choice.",
}

_PLAIN_PAGES: Final = {
    "confirm_title": "Cancel your subscription?",
    "confirm_text_at_period_end_at": "If you cancel, it ends on {date}. You can use it until then.",
    "confirm_trial_at": "If you cancel, your trial ends on {date} and nothing is charged.",
    "confirm_paused": "It is paused. If you cancel, payments do not start again.",
    "confirm_past_due": "A payment is still open. Cancelling does not clear it.",
    "confirm_several": "This cancels all of it.",
    "already_title": "Your subscription is cancelled",
    "already_text_at": "It ends on {date}. You can use it until then.",
    "already_text": "You can use it until the end of the time you have paid for.",
    "ended_title": "Your subscription has ended",
    "ended_title_at": "Your subscription ended on {date}",
    "ended_text": "There is nothing left to cancel.",
    "too_late": "It cannot be kept any more.",
    "nothing_to_resume": "Your subscription goes on. There is no cancellation to take back.",
    "nothing_to_unpause": "Payments are not paused.",
    "nothing_to_remove_discount": "There is no discount to remove.",
    "nothing_to_keep_plan": "No change of plan is planned.",
    "confirm_text_at_period_end": "You can use it until the end of the time you have paid for.",
    "confirm_text_now": "It ends immediately.",
    "confirm_reason": "Why are you leaving? (optional)",
    "resume_title": "Keep your subscription?",
    "resume_text": "The cancellation is withdrawn. You are billed again as before.",
    "unpause_title": "End the pause?",
    "unpause_text": "We collect your payments again, starting with the next one.",
    "remove_discount_title": "Remove your discount?",
    "remove_discount_text": (
        "Your next payments no longer include the discount that you accepted. "
        "Any other discount stays."
    ),
    "keep_plan_title": "Keep your plan?",
    "keep_plan_text": "Your plan stays as it is. The change of plan that you accepted does not come.",
    "outcome_title": "Your subscription",
    "title_scheduled_at": "Your subscription ends on {date}",
    "which_title": "Which subscription?",
}

# What a page says of the account and the subscription.
_ABOUT: Final = {
    "about_account": "Account",
    "about_plan": "Plan",
    "about_price": "Price",
    "about_date": "Status",
    "price_per_day": "{price} every {count} days",
    "price_per_day_one": "{price} a day",
    "price_per_week": "{price} every {count} weeks",
    "price_per_week_one": "{price} a week",
    "price_per_month": "{price} every {count} months",
    "price_per_month_one": "{price} a month",
    "price_per_year": "{price} every {count} years",
    "price_per_year_one": "{price} a year",
    "price_before_discounts": "before discounts",
    "price_plus_tax": "plus tax",
    "date_next_payment": "Next payment on {date}",
    "date_trial_ends": "Trial ends on {date}",
    "date_ends": "Ends on {date}",
    "date_ended": "Ended on {date}",
    "date_paused": "Paused",
    "date_paused_until": "Paused until {date}",
}

_BUTTONS_AND_LINKS: Final = {
    "cancel_button": "Cancel subscription",
    "confirm_button": "Cancel subscription",
    "which_button": "Cancel {name}",
    "keep_button": "Keep subscription",
    "unpause_button": "End the pause",
    "remove_discount_button": "Remove the discount",
    "keep_plan_button": "Keep my plan",
    "end_pause_link": "End the pause instead",
    "payment_link": "Confirm the payment",
    "back_link": "Back to your account",
    "again_link": "Start again",
}

TEXTS: Final[Mapping[str, str]] = {
    **_OUTCOMES,
    **_OFFERS,
    **_BESIDE_THE_BUTTON,
    **_REFUSALS,
    **_PLAIN_PAGES,
    **_ABOUT,
    **_BUTTONS_AND_LINKS,
    **flow.TEXTS,
    **LETTERS["en"],
}
