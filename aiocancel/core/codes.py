"""Every code that says why something was parked, refused, retried or reported: one word, one sentence each.

A code is stored with its action and its journal, counted by the metrics, and shown by ``aiocancel actions``
together with its sentence and one thing to do next. The words are rows in databases: a word never changes.

``Code`` holds our own words and those of Stripe's that we act on. A word of another system (another error
code of Stripe's, the name of an exception, a word that a newer release stored) is a ``ForeignCode``: the word
itself is kept, so that rows stay readable. Functions take ``AnyCode``, so that a bare text does not type-check.

The list is closed. A ForeignCode is made only by the function that names its origin: ``Code.stored``,
``Code.of_stripe``, ``Code.flow_session_says`` and ``ForeignCode.of_…``. A test finds a literal given to one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, Never, final


class About(StrEnum):
    """The subject of a code; the headings of the reference page."""

    POST = "A browser's request was refused"
    SUBSCRIPTION = "The subscription does not allow it"
    SCHEDULE = "A subscription schedule stands in the way"
    OFFER = "The offer does not fit the subscription"
    TERMS = "The offer cannot be read"
    LIMITS = "The offer exceeds your limits"
    FLOW_SESSION = "The flow vendor's answer about a flow session"
    VENDOR_API = "The flow vendor's API"
    STRIPE = "Stripe's answer"
    WORKER = "The worker and the database"
    OWN_FLOW = "A flow of your own left an offer out, before anybody saw it"
    SEEN = "Seen at Stripe instead of the change that was expected"
    STEP = "A first step that was made"
    EVENT = "The end of a flow vendor's event"
    STRIPE_EVENT = "Stripe's webhook was refused, or nothing was done about it"
    MAIL = "An acknowledgement was not handed to the mail server"
    PUBLIC_EXIT = "A termination of the public exit"


class Code(StrEnum):
    """One reason. ``sentence`` is for the operator, and ``advice`` names one thing to do next."""

    about: About
    sentence: str
    advice: str

    def __new__(cls, word: str, about: About, sentence: str, advice: str) -> Code:
        """Make a member that equals its word."""
        code = str.__new__(cls, word)
        code._value_ = word
        code.about, code.sentence, code.advice = about, sentence, advice
        return code

    @staticmethod
    def stored(word: str) -> AnyCode:
        """Return the code of a word from the ledger; one that this release does not know is kept as it is.

        Args:
            word: As a row has it.
        """
        return _known_or_kept(word)

    @staticmethod
    def of_stripe(word: str) -> AnyCode:
        """Return the code of a word of Stripe's; one that we do not act on is kept as it is.

        Args:
            word: The ``code`` or ``type`` of Stripe's error, as it came.
        """
        return _known_or_kept(word)

    @staticmethod
    def flow_session_says(status: str) -> AnyCode:
        """Return the code for a flow session that ended with ``status`` instead of with an accepted offer."""
        return _known_or_kept(f"flow_session_says_{status}")

    # A browser's request was refused.

    CLAIM_REFUSED = (
        "claim_refused",
        About.POST,
        "The posted result was refused.",
        "Read the reason in the response.",
    )
    MALFORMED = (
        "malformed",
        About.POST,
        "The posted body cannot be read.",
        "Check the script or the form that posts it.",
    )
    WRONG_CONTENT_TYPE = (
        "wrong_content_type",
        About.POST,
        "The post is neither JSON nor a form.",
        "Set the Content-Type of the request.",
    )
    CONTENT_ENCODING = (
        "content_encoding",
        About.POST,
        "The post has a Content-Encoding.",
        "Post the body as it is; a proxy in front may unpack it.",
    )
    TOO_SLOW = (
        "too_slow",
        About.POST,
        "The posted body did not arrive in time.",
        "Let the customer try again; many at once are an attack.",
    )
    TOO_LARGE = (
        "too_large",
        About.POST,
        "The posted body is too large.",
        "Raise max_body_bytes if real customers reach it.",
    )
    TOO_MANY_POSTS = (
        "too_many_posts",
        About.POST,
        "The customer has sent more results within a minute than are recorded.",
        "Do nothing, or raise most_posts_per_minute if real customers reach it.",
    )
    TOO_MUCH_UNFINISHED = (
        "too_much_unfinished",
        About.POST,
        "Too many of the customer's earlier requests are unfinished.",
        "Look at why they are unfinished: aiocancel actions --state waiting.",
    )
    NOT_LOGGED_IN = (
        "not_logged_in",
        About.POST,
        "Nobody is logged in.",
        "Let the customer log in again.",
    )
    GRANT_REFUSED = (
        "grant_refused",
        About.POST,
        "The page's permission does not allow this request.",
        "Let the customer open the page again.",
    )
    GRANT_INVALID = (
        "grant_invalid",
        About.POST,
        "The page's permission was altered, or another key signed it.",
        "Check that all processes have the same grant keys.",
    )
    GRANT_EXPIRED = (
        "grant_expired",
        About.POST,
        "The page was open for too long.",
        "Let the customer open the page again.",
    )
    GRANT_MODE = (
        "grant_mode",
        About.POST,
        "The page was made in the other mode, live or test.",
        "Check which keys the processes have.",
    )
    GRANT_NOT_YOURS = (
        "grant_not_yours",
        About.POST,
        "The page was made for another customer.",
        "Check that no cache shares the page between customers.",
    )
    GRANT_USED = (
        "grant_used",
        About.POST,
        "The page's permission was already used for another result.",
        "Let the customer open the page again.",
    )
    SUBSCRIPTION_NOT_YOURS = (
        "subscription_not_yours",
        About.POST,
        "The customer no longer owns the subscription.",
        "Check the subscription query if the customer disagrees.",
    )
    FOREIGN_POST = (
        "foreign_post",
        About.PUBLIC_EXIT,
        "The form of the public exit was sent by a page of another site.",
        "Do nothing; the person was asked to press again.",
    )
    TRAP_FILLED_IN = (
        "trap_filled_in",
        About.PUBLIC_EXIT,
        "The field of the public exit that nobody sees was filled in.",
        "Do nothing; a person was asked to press again.",
    )
    TOO_MANY_DECLARATIONS = (
        "too_many_declarations",
        About.PUBLIC_EXIT,
        "More terminations came within an hour than PublicExit takes.",
        "Look whether somebody plays with the form, and raise the limits if real people reach them.",
    )
    NO_CONTRACT_FOUND = (
        "no_contract_found",
        About.PUBLIC_EXIT,
        "A termination of the public exit fits no contract for certain; its acknowledgement is sent.",
        "Find the contract, cancel it, and close the action.",
    )
    SEVERAL_CONTRACTS = (
        "several_contracts",
        About.PUBLIC_EXIT,
        "The customer of a termination has several subscriptions.",
        "Cancel the one that is meant, and close the action.",
    )
    FOR_CAUSE = (
        "for_cause",
        About.PUBLIC_EXIT,
        "A termination for cause was declared; its acknowledgement is sent.",
        "Judge it, act at Stripe, and close the action.",
    )
    DATE_IS_WISHED = (
        "date_is_wished",
        About.PUBLIC_EXIT,
        "A termination wishes for a day; its acknowledgement is sent.",
        "Set the end at Stripe, and close the action.",
    )
    FIND_FAILED = (
        "find_failed",
        About.PUBLIC_EXIT,
        "The application's find raised an error or hung.",
        "Look for the error in the worker's log; the worker tries again.",
    )
    NO_PUBLIC_EXIT = (
        "no_public_exit",
        About.PUBLIC_EXIT,
        "A termination came in by the public exit, and the worker's settings have none.",
        "Give the same settings to every process.",
    )
    LINK_EXPIRED = (
        "link_expired",
        About.POST,
        "The link of a letter is older than acknowledgement_link_days.",
        "Let the customer log in and open the page from the account.",
    )
    UNKNOWN_CLAIM = (
        "unknown_claim",
        About.POST,
        "This customer has no such request.",
        "Check the address if the customer disagrees.",
    )
    UNKNOWN_SUBSCRIPTION = (
        "unknown_subscription",
        About.POST,
        "The request names a subscription that is not the customer's.",
        "Check the id that your page gives to the button.",
    )
    UNKNOWN_CUSTOMER = (
        "unknown_customer",
        About.POST,
        "Stripe does not know the customer's id that the database holds.",
        "Compare the id and the key's account and mode; cancel by hand if the customer asks meanwhile.",
    )
    TOO_MANY_LOOKUPS = (
        "too_many_lookups",
        About.POST,
        "One customer's subscriptions were asked for at Stripe too often within a minute.",
        "Do nothing: /cancel goes on working; look for a page that asks in a loop if it goes on.",
    )
    WHICH_SUBSCRIPTION = (
        "which_subscription",
        About.POST,
        "The customer has several subscriptions, and nothing says which one is meant.",
        "Name one with button(subscription=...), or choose a rule.",
    )
    NOT_AT_THIS_STEP = (
        "not_at_this_step",
        About.POST,
        "The flow session is not at the step that was sent.",
        "Let the customer open the page again.",
    )
    FLOW_SESSION_IS_OVER = (
        "flow_session_is_over",
        About.POST,
        "The flow session has ended, or was left for too long.",
        "Let the customer start again; their way out works all the same.",
    )
    OFFER_WAS_NOT_SHOWN = (
        "offer_was_not_shown",
        About.POST,
        "The offer is not the one on the customer's screen.",
        "Do nothing, or watch for one customer who repeats it.",
    )
    OFFER_NO_LONGER_FITS = (
        "offer_no_longer_fits",
        About.POST,
        "The offer was shown, and no longer fits the subscription.",
        "Look at the subscription's events at Stripe if the customer disagrees.",
    )
    MONTHS_WERE_NOT_OFFERED = (
        "months_were_not_offered",
        About.POST,
        "The length of the pause was no choice on the customer's screen, or is missing.",
        "Let the customer open the page again.",
    )
    UNAVAILABLE = (
        "unavailable",
        About.POST,
        "The database, or Stripe where it is asked, did not answer.",
        "Look at the database and at Stripe's status page.",
    )

    # The subscription does not allow it.

    SUBSCRIPTION_CHANGED_HANDS = (
        "subscription_changed_hands",
        About.SUBSCRIPTION,
        "The subscription no longer belongs to the customer who asked.",
        "Ask who has it now; make the change at Stripe, or close the action.",
    )
    ENDED_BY_THE_COMPANY = (
        "ended_by_the_company",
        About.SUBSCRIPTION,
        "The customer wants to keep a subscription that this application did not cancel.",
        "Resume it at Stripe if you want to keep the customer.",
    )
    RESUMING_IS_OFF = (
        "resuming_is_off",
        About.SUBSCRIPTION,
        "Your setting resume_policy lets nobody take a cancellation back.",
        "Resume it at Stripe if you want to keep the customer.",
    )
    SUBSCRIPTION_HAS_ENDED = (
        "subscription_has_ended",
        About.SUBSCRIPTION,
        "The subscription has already ended.",
        "Close the action, or sell the customer a new subscription.",
    )
    SUBSCRIPTION_IS_ENDING = (
        "subscription_is_ending",
        About.SUBSCRIPTION,
        "The subscription already ends on a date.",
        "Ask the customer whether the cancellation still stands.",
    )
    SUBSCRIPTION_IS_PAUSED = (
        "subscription_is_paused",
        About.SUBSCRIPTION,
        "The subscription is already paused.",
        "End the pause at Stripe and retry, or close the action.",
    )
    ENDS_BY_AGREEMENT = (
        "ends_by_agreement",
        About.SUBSCRIPTION,
        "The end lies beyond the running period, so the customer did not set it here.",
        "Decide at Stripe whether the end may be removed.",
    )
    SHAPE_IS_UNKNOWN = (
        "shape_is_unknown",
        About.SUBSCRIPTION,
        "Stripe shows a status or an interval that this release does not know, or not all items.",
        "Make the change at Stripe, or install a newer release.",
    )
    FIRST_PAYMENT_IS_MISSING = (
        "first_payment_is_missing",
        About.SUBSCRIPTION,
        "The customer has not made the first payment yet.",
        "Retry after the payment, or close the action.",
    )
    PAYMENT_IS_OVERDUE = (
        "payment_is_overdue",
        About.SUBSCRIPTION,
        "The customer owes a payment, so this offer waits for your decision.",
        "Settle the invoice and retry, or close the action.",
    )
    PAUSED_BY_SOMEBODY_ELSE = (
        "paused_by_somebody_else",
        About.SUBSCRIPTION,
        "The pause does not come from an offer made here.",
        "Ask who set the pause at Stripe before you end it.",
    )
    NO_DISCOUNT_OF_OURS = (
        "no_discount_of_ours",
        About.SUBSCRIPTION,
        "No discount on the subscription comes from an offer made here.",
        "Remove the discount at Stripe, or close the action.",
    )
    CHANGED_SINCE_IT_WAS_TRIED = (
        "changed_since_it_was_tried",
        About.SUBSCRIPTION,
        "The subscription was changed after an earlier try, so the same change may do harm.",
        "Compare the subscription with the attempts, then make the change at Stripe.",
    )
    ANOTHER_UPDATE_IS_PENDING = (
        "another_update_is_pending",
        About.SUBSCRIPTION,
        "Another change of the subscription waits for a payment.",
        "Wait for that payment and retry.",
    )
    UNDONE_ELSEWHERE = (
        "undone_elsewhere",
        About.SUBSCRIPTION,
        "Stripe made this change before, and another person or program has undone it.",
        "Ask who undid it before you retry.",
    )
    WRONG_MODE = (
        "wrong_mode",
        About.SUBSCRIPTION,
        "The subscription belongs to the other mode, live or test.",
        "Check the Stripe key and the subscription query.",
    )
    OFFER_IS_MISSING = (
        "offer_is_missing",
        About.OFFER,
        "The ledger holds no offer for an action that needs one.",
        "Look at the action's claim, and close the action.",
    )

    # A subscription schedule stands in the way.

    SUBSCRIPTION_HAS_A_SCHEDULE = (
        "subscription_has_a_schedule",
        About.SCHEDULE,
        "At Stripe a subscription schedule plans what becomes of this subscription.",
        "If its plan may go, release the schedule there; if not, make the change in it yourself.",
    )
    SCHEDULE_IS_UNKNOWN = (
        "schedule_is_unknown",
        About.SCHEDULE,
        "The subscription schedule could not be read.",
        "Check that the Stripe key may read subscription schedules.",
    )
    SCHEDULE_OF_ANOTHER_SUBSCRIPTION = (
        "schedule_of_another_subscription",
        About.SCHEDULE,
        "Stripe says that the schedule governs another subscription, so it is left alone.",
        "Look at the subscription and its schedule at Stripe.",
    )
    SCHEDULE_HAS_PENDING_PHASES = (
        "schedule_has_pending_phases",
        About.SCHEDULE,
        "The subscription schedule plans later phases, such as another price, which would be lost.",
        "Ask who planned the later phases. If they may go, release the schedule; "
        "if not, make the change in it yourself.",
    )
    SCHEDULE_CANNOT_BE_KEPT = (
        "schedule_cannot_be_kept",
        About.SCHEDULE,
        "The subscription schedule holds more than can be sent to Stripe again exactly.",
        "Plan the change in the schedule at Stripe.",
    )
    PLANNED_BY_SOMEBODY_ELSE = (
        "planned_by_somebody_else",
        About.SCHEDULE,
        "The change that the schedule plans does not come from an offer made here.",
        "Ask who planned it at Stripe before you release the schedule.",
    )
    PLAN_HAS_COME = (
        "plan_has_come",
        About.SUBSCRIPTION,
        "The plan that was to be taken back has come already.",
        "Agree with the customer on a plan, and change it at Stripe.",
    )
    PLAN_IS_PLANNED_NO_MORE = (
        "plan_is_planned_no_more",
        About.SCHEDULE,
        "The plan that was promised for the period's end is not in the schedule any more.",
        "Ask who took it out, then change the plan at Stripe or tell the customer.",
    )
    SCHEDULE_HAS_AN_END_OF_ITS_OWN = (
        "schedule_has_an_end_of_its_own",
        About.SCHEDULE,
        "The subscription schedule ends in its own way.",
        "Make the change in the schedule at Stripe.",
    )

    # The offer does not fit the subscription.

    CUSTOM_OFFER_IS_NOT_STRIPES = (
        "custom_offer_is_not_stripes",
        About.OFFER,
        "A custom offer cannot be carried out at Stripe.",
        "Carry it out by hand.",
    )
    CUSTOMER_COUPONS_ARE_GONE = (
        "customer_coupons_are_gone",
        About.OFFER,
        "Stripe no longer takes a coupon for a whole customer.",
        "Set the offer to apply to the subscription.",
    )
    PERCENTAGE_IS_OUT_OF_RANGE = (
        "percentage_is_out_of_range",
        About.OFFER,
        "The percentage is not above 0 and up to 100, with at most four decimal places.",
        "Correct the offer at the flow vendor.",
    )
    AMOUNT_DOES_NOT_FIT_THE_CURRENCY = (
        "amount_does_not_fit_the_currency",
        About.OFFER,
        "The amount cannot be written in the subscription's currency.",
        "Correct the offer at the flow vendor.",
    )
    CUSTOMER_DISCOUNT_WOULD_BE_LOST = (
        "customer_discount_would_be_lost",
        About.OFFER,
        "Stripe does not keep the customer's own discount beside the new one, so nothing was changed.",
        "Give the better discount at Stripe, or agree on another offer.",
    )
    NO_PAYMENT_FALLS_INTO_THE_DISCOUNT = (
        "no_payment_falls_into_the_discount",
        About.OFFER,
        "No payment is made while the discount lasts, so the customer would gain nothing.",
        "Give a longer discount, or wait for the payment and retry.",
    )
    PAYMENT_PAYS_FOR_MORE_THAN_THE_DISCOUNT = (
        "payment_pays_for_more_than_the_discount",
        About.OFFER,
        "The payment that the discount takes something off pays for far more time than the discount lasts.",
        "Set OfferRules(most_months_of_a_discounted_payment=...), or agree on another offer.",
    )
    A_DISCOUNT_WOULD_BE_USED_UP = (
        "a_discount_would_be_used_up",
        About.OFFER,
        "A discount for one payment may be used up by an invoice that the customer does not pay.",
        "Make the offer after the next payment, or add the discount again.",
    )
    A_DISCOUNT_WOULD_RUN_OUT = (
        "a_discount_would_run_out",
        About.OFFER,
        "A discount that the customer has would run out during the free time, and be worth more than that.",
        "Let the discount last longer at Stripe, or agree on another offer.",
    )
    PLAN_WOULD_BE_BILLED_AT_ONCE = (
        "plan_would_be_billed_at_once",
        About.OFFER,
        "The plan is paid at other intervals: Stripe would bill it at once, without credit for time that is paid.",
        "Let the offer prorate, or set OfferRules(unprorated_interval_change='allow').",
    )
    SEATS_WOULD_NOT_BE_FEWER = (
        "seats_would_not_be_fewer",
        About.OFFER,
        "The offer's seats are more than the subscription has, or it has none to count.",
        "Correct OfferRules(seat_offers=...), or change the seats at Stripe.",
    )
    SEATS_OF_ANOTHER_PRICE = (
        "seats_of_another_price",
        About.OFFER,
        "The offer's seats are of a price that the subscription does not pay, and may cost more.",
        "Name the price in OfferRules(seat_offers=...) that these customers pay, or change the seats at Stripe.",
    )
    PAID_TIME_WOULD_BE_LOST = (
        "paid_time_would_be_lost",
        About.OFFER,
        "The pause would begin at once, without credit for the time that is paid.",
        "Let the pause begin when the period ends, or set another OfferRules(pause_credit=...).",
    )
    SEATS_MAY_COST_MORE = (
        "seats_may_cost_more",
        About.OFFER,
        "The price of each seat depends on how many there are, so fewer may cost more.",
        "Look at the tiers of the price at Stripe, and change the seats there if the customer pays less.",
    )
    QUANTITY_IS_UNKNOWN = (
        "quantity_is_unknown",
        About.OFFER,
        "The plan is paid by quantity, and the subscription pays for usage, so nobody said how many.",
        "Change the plan at Stripe, with the quantity that you agree on with the customer.",
    )
    A_TRIAL_CANNOT_BE_SCHEDULED = (
        "a_trial_cannot_be_scheduled",
        About.OFFER,
        "The plan is to change when the period ends, but the subscription is in a trial.",
        "Change the plan at Stripe as you see fit.",
    )
    COUPON_IS_THERE_ALREADY = (
        "coupon_is_there_already",
        About.OFFER,
        # Rows of release 0.1 have it, and plan_is_there_already: what is so already is done now.
        "The subscription already has this coupon. Only release 0.1 parked such an offer.",
        "Close the action, or add another coupon at Stripe.",
    )
    COUPON_ENDS_EARLIER = (
        "coupon_ends_earlier",
        About.OFFER,
        "The subscription has this coupon already, but for fewer payments than the offer promises.",
        "Let the discount last longer at Stripe, or agree on another offer.",
    )
    NEXT_PAYMENT_IS_UNKNOWN = (
        "next_payment_is_unknown",
        About.OFFER,
        "Stripe names no date for the next payment.",
        "Look at the subscription's items at Stripe.",
    )
    PERIODS_ARE_MIXED = (
        "periods_are_mixed",
        About.OFFER,
        "The items of the subscription are paid on different dates.",
        "Make the change at Stripe as you see fit.",
    )
    TRIAL_IS_TOO_SHORT = (
        "trial_is_too_short",
        About.OFFER,
        "The trial extension is shorter than a day.",
        "Correct the offer at the flow vendor.",
    )
    TRIAL_IS_TOO_LONG = (
        "trial_is_too_long",
        About.OFFER,
        "The trial would last longer than Stripe allows.",
        "Correct the offer at the flow vendor.",
    )
    PLAN_IS_THERE_ALREADY = (
        "plan_is_there_already",
        About.OFFER,
        "The subscription already has this price. Only release 0.1 parked such an offer.",
        "Close the action.",
    )
    WHICH_ITEM_IS_THE_PLAN = (
        "which_item_is_the_plan",
        About.OFFER,
        "Several items of the subscription could be the plan.",
        "List the plans in OfferRules(plan_price_ids=...) and retry.",
    )
    PAUSE_IS_TOO_LONG = (
        "pause_is_too_long",
        About.OFFER,
        "The pause ends beyond the calendar.",
        "Correct the offer at the flow vendor.",
    )
    PAUSE_IS_TOO_SHORT = (
        "pause_is_too_short",
        About.OFFER,
        "The pause would end before it begins.",
        "Correct the offer at the flow vendor.",
    )
    NO_PAYMENT_FALLS_INTO_THE_PAUSE = (
        "no_payment_falls_into_the_pause",
        About.OFFER,
        "No payment falls into the pause, so the customer would gain nothing.",
        "Agree on a longer pause with the customer.",
    )
    PAYMENT_PAYS_FOR_MORE_THAN_THE_PAUSE = (
        "payment_pays_for_more_than_the_pause",
        About.OFFER,
        "The payment left out would pay for far more time than the pause.",
        "Agree on another offer with the customer.",
    )
    PAYMENT_CAME_BEFORE_THE_PAUSE = (
        "payment_came_before_the_pause",
        About.OFFER,
        "The payment that the pause should leave out was made.",
        "Refund the payment, or begin the pause later.",
    )
    PAUSE_NEEDS_FLEXIBLE_BILLING = (
        "pause_needs_flexible_billing",
        About.OFFER,
        "Stripe pauses only subscriptions in flexible billing mode.",
        'Use OfferRules(pause_mechanism="pause_collection").',
    )
    A_TRIAL_CANNOT_BE_PAUSED = (
        "a_trial_cannot_be_paused",
        About.OFFER,
        "Stripe does not pause a subscription in its trial.",
        'Use OfferRules(pause_mechanism="pause_collection"), or extend the trial.',
    )
    NO_PAYMENT_METHOD = (
        "no_payment_method",
        About.OFFER,
        "The customer has no payment method that a payment after the pause could be taken from.",
        "Ask the customer for one and retry.",
    )
    PAUSE_NEEDS_AUTOMATIC_CHARGES = (
        "pause_needs_automatic_charges",
        About.OFFER,
        "Stripe does not end the pause of a subscription that is paid by invoice.",
        'Use OfferRules(pause_mechanism="pause_collection").',
    )
    NEXT_PAYMENT_TOO_CLOSE = (
        "next_payment_too_close",
        About.OFFER,
        "The next payment came too close for too long.",
        "Retry after the payment.",
    )
    PAYMENT_WAS_NOT_MADE = (
        "payment_was_not_made",
        About.OFFER,
        "The customer did not make the payment, so the plan stays as it was.",
        "Leave it, or offer the plan again.",
    )
    PAYMENT_DECLINED = (
        "payment_declined",
        About.OFFER,
        "The customer's bank refused the payment.",
        "Leave it, or ask the customer for another way to pay.",
    )
    RESUMPTION_IS_NOT_PAID = (
        "resumption_is_not_paid",
        About.OFFER,
        "The payment after the pause has not been made, so the pause goes on.",
        "Ask the customer to pay the invoice; Stripe tries again by itself while it is open.",
    )
    WITHDRAWN = (
        "withdrawn",
        About.OFFER,
        "The customer took the pause back before it began.",
        "Do nothing.",
    )
    NO_HANDLER_FOR_THIS_OFFER = (
        "no_handler_for_this_offer",
        About.OFFER,
        "No handler is registered for this custom offer.",
        "Register one with @cancel.on_offer and retry.",
    )

    # The offer cannot be read.

    BAD_OFFER_ID = (
        "bad_offer_id",
        About.TERMS,
        "The offer's id cannot be read.",
        "Ask the flow vendor about the offer.",
    )
    CONFLICTING_TYPES = (
        "conflicting_types",
        About.TERMS,
        "The flow vendor names two types for one offer.",
        "Ask the flow vendor about the offer.",
    )
    CONFLICTING_IDS = (
        "conflicting_ids",
        About.TERMS,
        "The flow vendor names two ids for one thing.",
        "Ask the flow vendor about the offer.",
    )
    UNKNOWN_OFFER_TYPE = (
        "unknown_offer_type",
        About.TERMS,
        "This release does not know the type of the offer.",
        "Carry it out by hand, or upgrade.",
    )
    COUPON_TYPE_MISSING = (
        "coupon_type_missing",
        About.TERMS,
        "The offer does not say whether its amount is a percentage.",
        "Correct the offer at the flow vendor.",
    )
    BAD_AMOUNT = (
        "bad_amount",
        About.TERMS,
        "The amount of the offer cannot be read.",
        "Correct the offer at the flow vendor.",
    )
    BAD_DURATION = (
        "bad_duration",
        About.TERMS,
        "The duration of the coupon cannot be read.",
        "Correct the offer at the flow vendor.",
    )
    BAD_MONTHS = (
        "bad_months",
        About.TERMS,
        "The number of months cannot be read.",
        "Correct the offer at the flow vendor.",
    )
    BAD_DAYS = (
        "bad_days",
        About.TERMS,
        "The number of days cannot be read.",
        "Correct the offer at the flow vendor.",
    )
    BAD_APPLY_TO = (
        "bad_apply_to",
        About.TERMS,
        "The offer does not say clearly to what its coupon applies.",
        "Correct the offer at the flow vendor.",
    )
    BAD_COUPON_ID = (
        "bad_coupon_id",
        About.TERMS,
        "The coupon's id cannot be one of Stripe's.",
        "Correct the coupon's id at the flow vendor.",
    )
    PLAN_MISSING = (
        "plan_missing",
        About.TERMS,
        "The offer names no price of Stripe's.",
        "Connect the offer with a price at the flow vendor.",
    )
    BAD_PRORATE = (
        "bad_prorate",
        About.TERMS,
        "The offer does not say whether the change is prorated.",
        "Correct the offer at the flow vendor.",
    )
    BAD_PAUSE = (
        "bad_pause",
        About.TERMS,
        "The length or the beginning of the pause cannot be read.",
        "Correct the offer at the flow vendor.",
    )

    # The offer exceeds your limits.

    OFFER_NOT_ALLOWED = (
        "offer_not_allowed",
        About.LIMITS,
        "OfferLimits does not list this offer.",
        "Add it to offer_ids and retry, or close the action.",
    )
    PRICE_NOT_ALLOWED = (
        "price_not_allowed",
        About.LIMITS,
        "OfferLimits does not list this price.",
        "Add it to price_ids and retry, or close the action.",
    )
    COUPON_NOT_ALLOWED = (
        "coupon_not_allowed",
        About.LIMITS,
        "OfferLimits does not list this coupon.",
        "Add it to coupon_ids and retry, or close the action.",
    )
    COUPON_IS_NOT_ON_THE_LIST = (
        "coupon_is_not_on_the_list",
        About.LIMITS,
        "OfferLimits bounds coupons, so an existing coupon must be listed.",
        "Add it to coupon_ids and retry, or close the action.",
    )
    PERCENT_TOO_HIGH = (
        "percent_too_high",
        About.LIMITS,
        "The percentage is above your limit.",
        "Raise max_percent and retry, or close the action.",
    )
    AMOUNT_TOO_HIGH = (
        "amount_too_high",
        About.LIMITS,
        "The amount is above your limit.",
        "Raise max_amount and retry, or close the action.",
    )
    TOO_MANY_MONTHS = (
        "too_many_months",
        About.LIMITS,
        "The coupon or the pause lasts longer than your limit.",
        "Raise max_months and retry, or close the action.",
    )
    TOO_MANY_DAYS = (
        "too_many_days",
        About.LIMITS,
        "The trial extension is longer than your limit.",
        "Raise max_days and retry, or close the action.",
    )
    GIVEN_RECENTLY = (
        "given_recently",
        About.LIMITS,
        "The subscription was given something within at_most_one_gift_in_days.",
        "Make the offer by hand, or tell the customer that it is not made; then close the action.",
    )

    # A flow of our own left an offer out.

    NOT_FOR_THIS_CUSTOMER = (
        "not_for_this_customer",
        About.OWN_FLOW,
        "The offer's condition is not true of this customer.",
        "Change the offer's when= if it was meant for customers like this one.",
    )
    NOBODY_KNOWS_WHETHER_IT_FITS = (
        "nobody_knows_whether_it_fits",
        About.OWN_FLOW,
        "The offer's condition asks for something that is not known of this customer.",
        "Give the flow the country, place or column that the condition asks for.",
    )
    FORBIDDEN_BY_A_RULE = (
        "forbidden_by_a_rule",
        About.OWN_FLOW,
        "A rule of yours, or of the customer's place, forbids the offer.",
        "Read the rules with aiocancel flow show.",
    )
    PERMISSION_IS_MISSING = (
        "permission_is_missing",
        About.OWN_FLOW,
        "A rule allows the offer only after the customer has agreed to see one.",
        "Do nothing; the flow asks once.",
    )
    SUBSCRIPTION_WAS_NOT_READ = (
        "subscription_was_not_read",
        About.OWN_FLOW,
        "Stripe did not answer in time, so nobody knows which offers the subscription takes.",
        "Look at Stripe's status page if it lasts.",
    )
    NOT_IN_TRIAL = (
        "not_in_trial",
        About.OWN_FLOW,
        "More days of trial are for a subscription that is in its trial.",
        "Do nothing.",
    )
    NO_AMOUNT_IN_THE_CURRENCY = (
        "no_amount_in_the_currency",
        About.OWN_FLOW,
        "The offer's amount_off has no sum in the subscription's currency.",
        "Add one if customers who pay in that currency shall get the offer.",
    )
    HAS_IT_ALREADY = (
        "has_it_already",
        About.OWN_FLOW,
        "The subscription has what is offered.",
        "Do nothing.",
    )
    PAYMENT_IS_NEAR = (
        "payment_is_near",
        About.OWN_FLOW,
        "A payment is about to be taken, and the offer has to wait for it.",
        "Do nothing; later attempts see the offer.",
    )
    PLAN_WOULD_COME_LATER = (
        "plan_would_come_later",
        About.OWN_FLOW,
        "The offer says at once, and OfferRules puts every plan off to the period's end.",
        "Give the offer at='period_end', or leave plan_starts out.",
    )
    PRICE_IS_NOT_KNOWN = (
        "price_is_not_known",
        About.OWN_FLOW,
        "Stripe did not say in time, or not for certain, what the customer would pay with the offer.",
        "Look for a PageFactsMissing event; some bills, such as those with usage, have no certain price.",
    )
    HELD_OUT = (
        "held_out",
        About.OWN_FLOW,
        "The subscription is one of those that get no offers, to compare the rest with.",
        "Lower hold_out_percent if fewer shall be held out.",
    )

    # The flow vendor's answer about a flow session.

    FLOW_SESSION_UNKNOWN = (
        "flow_session_unknown",
        About.FLOW_SESSION,
        "The flow vendor knows no such flow session.",
        "Do nothing, or watch for one customer who repeats it.",
    )
    FLOW_SESSION_OF_ANOTHER_CUSTOMER = (
        "flow_session_of_another_customer",
        About.FLOW_SESSION,
        "The flow session belongs to another customer.",
        "Do nothing, or watch for one customer who repeats it.",
    )
    FLOW_SESSION_OF_ANOTHER_SUBSCRIPTION = (
        "flow_session_of_another_subscription",
        About.FLOW_SESSION,
        "The flow session belongs to another subscription.",
        "Do nothing, or watch for one customer who repeats it.",
    )
    FLOW_SESSION_SAYS_CANCELED = (
        "flow_session_says_canceled",
        About.FLOW_SESSION,
        "The flow vendor says that the customer cancelled.",
        "Ask the customer whether to cancel.",
    )
    FLOW_SESSION_SAYS_DEFLECTED = (
        "flow_session_says_deflected",
        About.FLOW_SESSION,
        "The flow vendor says that the customer stayed without an offer.",
        "Do nothing.",
    )
    FLOW_SESSION_SAYS_INCOMPLETE = (
        "flow_session_says_incomplete",
        About.FLOW_SESSION,
        "The flow vendor says that the customer left the flow.",
        "Do nothing.",
    )
    FLOW_SESSION_SAYS_REROUTED = (
        "flow_session_says_rerouted",
        About.FLOW_SESSION,
        "The flow vendor says that the customer was sent elsewhere.",
        "Do nothing.",
    )
    FLOW_SESSION_SAYS_UNKNOWN = (
        "flow_session_says_unknown",
        About.FLOW_SESSION,
        "The flow vendor gives the flow session a status that this release does not know.",
        "Look at the flow session at the flow vendor.",
    )
    FLOW_SESSION_IS_OLD = (
        "flow_session_is_old",
        About.FLOW_SESSION,
        "The flow session ended more than a week ago and may have been paid then.",
        "Check whether the customer already has the offer.",
    )
    FLOW_SESSION_PAID_BEFORE = (
        "flow_session_paid_before",
        About.FLOW_SESSION,
        "This flow session has already led to an offer.",
        "Do nothing.",
    )
    FLOW_SESSION_STILL_OPEN = (
        "flow_session_still_open",
        About.FLOW_SESSION,
        "The flow vendor did not close the flow session in time.",
        "Retry after the flow vendor has closed it.",
    )
    NO_OFFER_NAMED = (
        "no_offer_named",
        About.FLOW_SESSION,
        "The flow vendor names no accepted offer.",
        "Look at the flow session at the flow vendor.",
    )
    FLOW_SESSION_NOT_PROVEN = (
        "flow_session_not_proven",
        About.FLOW_SESSION,
        "Nothing proves that a page of this application opened the flow session.",
        "Ask the customer; retry if it was their wish, else close it. Turn signed requests on at the flow vendor.",
    )
    FLOW_SESSION_PROOF_USED = (
        "flow_session_proof_used",
        About.FLOW_SESSION,
        "Another flow session has used the proof of this page.",
        "Ask the customer; retry if it was their wish, else close it.",
    )
    FLOW_SESSION_ENDED_ANOTHER = (
        "flow_session_ended_another",
        About.FLOW_SESSION,
        "The same flow session has already cancelled another subscription of this customer.",
        "Ask the customer; retry if this one was to end as well, else close it.",
    )
    REFUSED_ON_THE_PAGE = (
        "refused_on_the_page",
        About.FLOW_SESSION,
        "The page that reported this flow session was refused, and the customer was told so.",
        "Ask the customer whose page it was; retry if it was their wish, else close it.",
    )
    NO_FLOW_SESSION_NAMED = (
        "no_flow_session_named",
        About.FLOW_SESSION,
        "The page reported an accepted offer but named no flow session.",
        "Look for the customer's flow session at the flow vendor.",
    )
    NO_EVENT_OF_FLOW_SESSION = (
        "no_event_of_flow_session",
        About.FLOW_SESSION,
        "The flow vendor has no event for this flow session, as for those of its test mode.",
        "Close it if it was a test; otherwise retry.",
    )
    VENDOR_DID_NOT_ACT = (
        "vendor_did_not_act",
        About.FLOW_SESSION,
        "Stripe does not show the change that the flow vendor promised.",
        "Make the change at Stripe, and tell the flow vendor.",
    )
    CUSTOMER_COUPONS_DO_NOT_SHOW = (
        "customer_coupons_do_not_show",
        About.FLOW_SESSION,
        "A subscription does not show a coupon of the whole customer.",
        "Look at the customer's discounts at Stripe.",
    )

    # The flow vendor's API.

    VENDOR_API_NOT_CONFIGURED = (
        "vendor_api_not_configured",
        About.VENDOR_API,
        "The flow vendor cannot be asked without an API key.",
        "Set the flow vendor's API key and retry.",
    )
    VENDOR_ERROR = (
        "vendor_error",
        About.VENDOR_API,
        "The flow vendor's API failed.",
        "Look at the flow vendor's status page.",
    )
    VENDOR_UNREACHABLE = (
        "vendor_unreachable",
        About.VENDOR_API,
        "The flow vendor's API gave no answer.",
        "Look at the flow vendor's status page.",
    )
    VENDOR_REFUSED = (
        "vendor_refused",
        About.VENDOR_API,
        "The flow vendor's API refused the question.",
        "Ask the flow vendor about the flow session.",
    )
    VENDOR_DATA = (
        "vendor_data",
        About.VENDOR_API,
        "The flow vendor's answer has a shape that cannot be read.",
        "Upgrade, or ask the flow vendor.",
    )
    NOT_THE_VENDORS_ANSWER = (
        "not_the_vendors_answer",
        About.VENDOR_API,
        "The answer is no JSON object, as from a proxy or a maintenance page.",
        "Look at the flow vendor's status page if it lasts.",
    )
    BAD_API_KEY = (
        "bad_api_key",
        About.VENDOR_API,
        "The flow vendor refused the API key.",
        "Replace the flow vendor's API key.",
    )
    BAD_ID = (
        "bad_id",
        About.VENDOR_API,
        "The id cannot be one of the flow vendor's.",
        "Look at the claim; a browser may have made the id up.",
    )
    RATE_LIMITED = (
        "rate_limited",
        About.VENDOR_API,
        "The flow vendor's rate limit is used up.",
        "Do nothing; the worker tries again.",
    )
    TIMEOUT = (
        "timeout",
        About.VENDOR_API,
        "The flow vendor did not answer in time.",
        "Do nothing; the worker tries again.",
    )
    UNREACHABLE = (
        "unreachable",
        About.VENDOR_API,
        "The flow vendor cannot be reached.",
        "Check the network if it lasts.",
    )

    # Stripe's answer. The words from here to RESOURCE_MISSING are Stripe's own.

    API_ERROR = (
        "api_error",
        About.STRIPE,
        "Stripe had an error of its own.",
        "Look at Stripe's status page.",
    )
    BAD_ACCOUNT = (
        "bad_account",
        About.STRIPE,
        "The subscription's row holds an account that is none of Stripe's.",
        "Correct the row, then retry the action.",
    )
    PERMISSION_MISSING = (
        "permission_missing",
        About.STRIPE,
        "The restricted key lacks a permission; the event PermissionMissing names it.",
        "Give the key the permission in Stripe's dashboard; the worker tries again by itself.",
    )
    CARD_DECLINED = (
        "card_declined",
        About.STRIPE,
        "The customer's card was declined.",
        "Ask the customer for another way to pay.",
    )
    IDEMPOTENCY_ERROR = (
        "idempotency_error",
        About.STRIPE,
        "Stripe knows another call under this idempotency key.",
        "Do nothing; the next attempt uses a new key.",
    )
    WRITTEN_BEFORE = (
        "written_before",
        About.STRIPE,
        "This wish was sent to Stripe before, not by this ledger, and Stripe does not show its effect.",
        "Look at the subscription's events at Stripe, and close the action.",
    )
    IDEMPOTENCY_KEY_IN_USE = (
        "idempotency_key_in_use",
        About.STRIPE,
        "Stripe still works on the same call.",
        "Do nothing; the worker tries again.",
    )
    INVALID_CANCELED_SUBSCRIPTION_FIELDS = (
        "invalid_canceled_subscription_fields",
        About.STRIPE,
        "Stripe does not change a subscription that has ended.",
        "Close the action.",
    )
    INVALID_REQUEST_ERROR = (
        "invalid_request_error",
        About.STRIPE,
        "Stripe refused the call.",
        "Look the request id up in Stripe's dashboard.",
    )
    LOCK_TIMEOUT = (
        "lock_timeout",
        About.STRIPE,
        "Another call held the subscription at Stripe.",
        "Do nothing; the worker tries again.",
    )
    RATE_LIMIT = (
        "rate_limit",
        About.STRIPE,
        "Stripe's rate limit is used up.",
        "Lower max_requests_per_s if it lasts.",
    )
    RESOURCE_ALREADY_EXISTS = (
        "resource_already_exists",
        About.STRIPE,
        "Stripe already has an object of this id.",
        "Look the request id up in Stripe's dashboard.",
    )
    RESOURCE_MISSING = (
        "resource_missing",
        About.STRIPE,
        "Stripe has no such subscription, or no such price or coupon.",
        "Check the id, the mode and the Stripe account.",
    )
    RESOURCE_RATE_LIMIT = (
        "resource_rate_limit",
        About.STRIPE,
        "Too many calls changed one object at Stripe.",
        "Look for another program that changes the subscription.",
    )
    RATE_BUDGET = (
        "rate_budget",
        About.STRIPE,
        "Our own limit on calls to Stripe is used up.",
        "Raise max_requests_per_s if it lasts.",
    )
    UNREADABLE = (
        "unreadable",
        About.STRIPE,
        "The answer cannot be read.",
        "Upgrade, or look the request id up in Stripe's dashboard.",
    )
    NOT_VISIBLE = (
        "not_visible",
        About.STRIPE,
        "Stripe accepted the change but does not show it.",
        "Look the request id up in Stripe's dashboard.",
    )
    TOO_MANY_SUBSCRIPTIONS = (
        "too_many_subscriptions",
        About.STRIPE,
        "The customer has too many subscriptions to list.",
        "Let the application name the subscription.",
    )
    BAD_SUBSCRIPTION_ID = (
        "bad_subscription_id",
        About.STRIPE,
        "The database holds an id that cannot be a subscription's.",
        "Correct the subscription query.",
    )

    # The worker and the database.

    TRANSIENT = (
        "transient",
        About.WORKER,
        "The attempt failed, and nothing was changed.",
        "Do nothing; the worker tries again.",
    )
    UNKNOWN = (
        "unknown",
        About.WORKER,
        "The attempt failed, and the change may have been made.",
        "Do nothing; the worker reads the subscription and tries again.",
    )
    REJECTED = (
        "rejected",
        About.WORKER,
        "The other side refused the change without a code.",
        "Look the request id up in Stripe's dashboard.",
    )
    GAVE_UP_TRANSIENT = (
        "gave_up_transient",
        About.WORKER,
        "The worker gave up after many failed attempts; the last one changed nothing.",
        "Remove the cause that the attempts show, and retry.",
    )
    GAVE_UP_UNKNOWN = (
        "gave_up_unknown",
        About.WORKER,
        "The worker gave up after many failed attempts; the last one may have changed the subscription.",
        "Compare the subscription with the attempts, and retry.",
    )
    ATTEMPT_TIMEOUT = (
        "attempt_timeout",
        About.WORKER,
        "The attempt took too long.",
        "Look at the network and at the handler of the offer.",
    )
    DATABASE_UNAVAILABLE = (
        "database_unavailable",
        About.WORKER,
        "The database did not answer during the attempt.",
        "Look at the database.",
    )
    LEDGER_UNREADABLE = (
        "ledger_unreadable",
        About.WORKER,
        "The ledger holds a type that this release does not know.",
        "Upgrade this worker to the newest release that has written to the ledger.",
    )
    ROW_UNREADABLE = (
        "row_unreadable",
        About.WORKER,
        "A stored part of the action cannot be read by any release.",
        "Repair the columns offer, change and baseline of the action's row, and retry.",
    )

    # Seen at Stripe instead of the change that was expected.

    NO_DISCOUNT = (
        "no_discount",
        About.SEEN,
        "The subscription has no discount.",
        "Make the change at Stripe, and tell the flow vendor.",
    )
    PRICE_DIFFERS = (
        "price_differs",
        About.SEEN,
        "After an offer of your own flow Stripe shows another next payment than the customer was told.",
        "Compare the session with the subscription at Stripe, and make good what the customer was told.",
    )
    ANOTHER_DISCOUNT = (
        "another_discount",
        About.SEEN,
        "The subscription has another discount.",
        "Make the change at Stripe, and tell the flow vendor.",
    )
    NO_TRIAL = (
        "no_trial",
        About.SEEN,
        "The subscription is not in a trial.",
        "Make the change at Stripe, and tell the flow vendor.",
    )
    SHORTER_TRIAL = (
        "shorter_trial",
        About.SEEN,
        "The trial ends too early.",
        "Make the change at Stripe, and tell the flow vendor.",
    )
    ANOTHER_PRICE = (
        "another_price",
        About.SEEN,
        "The subscription has another price.",
        "Make the change at Stripe, and tell the flow vendor.",
    )
    CANCELLATION_TAKEN_BACK = (
        "cancellation_taken_back",
        About.SEEN,
        "The end that was planned here is planned no more: it was taken back or put off elsewhere.",
        "Ask whether the customer wanted that; nothing is done again.",
    )
    DISCOUNT_REMOVED_ELSEWHERE = (
        "discount_removed_elsewhere",
        About.SEEN,
        "The discount of an accepted offer is gone before its time.",
        "Ask who removed it; nothing is done again.",
    )
    NO_PAUSE = (
        "no_pause",
        About.SEEN,
        "The subscription is not paused.",
        "Make the change at Stripe, and tell the flow vendor.",
    )

    # A first step that was made.

    SCHEDULE_RELEASED = (
        "schedule_released",
        About.STEP,
        "The subscription schedule was released.",
        "Do nothing; the change follows.",
    )
    CANCELLATION_WITHDRAWN = (
        "cancellation_withdrawn",
        About.STEP,
        "The cancellation was taken back, because the customer has accepted an offer since.",
        "Do nothing; the offer follows.",
    )
    SCHEDULE_AMENDED = (
        "schedule_amended",
        About.STEP,
        "The end of the subscription schedule was changed.",
        "Do nothing; the change follows.",
    )
    SCHEDULE_MADE = (
        "schedule_made",
        About.STEP,
        "The subscription was put under a schedule.",
        "Do nothing; the change follows.",
    )

    # The end of a flow vendor's event.

    PARKED_FOR_A_PERSON = (
        "parked_for_a_person",
        About.EVENT,
        "The event led to a parked action.",
        "Look at the parked actions.",
    )
    NOT_OPENED_BY_A_PAGE = (
        "not_opened_by_a_page",
        About.EVENT,
        "The flow session is not proven to be ours, and nothing was recorded.",
        "Turn signed requests on at the flow vendor.",
    )

    RECORDED = (
        "recorded",
        About.EVENT,
        "The event led to a claim.",
        "Do nothing.",
    )
    KNOWN = (
        "known",
        About.EVENT,
        "The customer's browser had already told us.",
        "Do nothing.",
    )
    KNOWN_WITH_ANOTHER_RESULT = (
        "known_with_another_result",
        About.EVENT,
        "The customer's browser had told us of another result.",
        "Look at the flow session at the flow vendor.",
    )
    NO_SUBSCRIPTION = (
        "no_subscription",
        About.EVENT,
        "The event names no subscription that is known here.",
        "Check the subscription query if it happens often.",
    )
    UNKNOWN_EVENT = (
        "unknown_event",
        About.EVENT,
        "The flow vendor knows no such event.",
        "Check the webhook's address and token.",
    )
    SIGNATURE_IS_MISSING = (
        "signature_is_missing",
        About.STRIPE_EVENT,
        "The post has no header Stripe-Signature.",
        "Do nothing: only Stripe posts there. A proxy may have dropped the header.",
    )
    SIGNATURE_IS_WRONG = (
        "signature_is_wrong",
        About.STRIPE_EVENT,
        "None of the webhook secrets made the signature.",
        "Compare webhook_secrets with the endpoint's secret in Stripe's dashboard.",
    )
    EVENT_IS_OLD = (
        "event_is_old",
        About.STRIPE_EVENT,
        "The event was signed more than five minutes ago.",
        "Set this machine's clock right; a repeated old post is an attack.",
    )
    EVENT_IS_FROM_THE_FUTURE = (
        "event_is_from_the_future",
        About.STRIPE_EVENT,
        "The event was signed more than five minutes in the future.",
        "Set this machine's clock right.",
    )
    EVENT_OF_ANOTHER_MODE = (
        "event_of_another_mode",
        About.STRIPE_EVENT,
        "The event is a test event beside a live key, or the other way round.",
        "Do nothing: endpoints for connected accounts get both.",
    )
    EVENT_OF_ANOTHER_ACCOUNT = (
        "event_of_another_account",
        About.STRIPE_EVENT,
        "The event belongs to an account that is not the one of these settings.",
        "Let the endpoint listen to the account that stripe_account names.",
    )
    NOTHING_TO_DO = (
        "nothing_to_do",
        About.EVENT,
        "The event is not about a flow session that has ended.",
        "Do nothing.",
    )

    # An acknowledgement was not handed to the mail server.

    NO_MAILER = (
        "no_mailer",
        About.MAIL,
        "A letter was planned, and the worker's settings have no mailer.",
        "Give the same settings to every process.",
    )
    NOBODY_TO_WRITE_TO = (
        "nobody_to_write_to",
        About.MAIL,
        "No e-mail address is known for this customer.",
        "Give email=, or let the subscription query return a column of that name.",
    )
    ADDRESS_IS_NONE = (
        "address_is_none",
        About.MAIL,
        "What is stored as the customer's address is no single e-mail address.",
        "Correct the address in your own data, then retry the action.",
    )
    MAIL_REFUSED = (
        "mail_refused",
        About.MAIL,
        "The mail server refused the address or the mail for good.",
        "Correct the address in your own data, then retry the action, or tell the customer another way.",
    )
    MAIL_TRY_AGAIN = (
        "mail_try_again",
        About.MAIL,
        "The mail server asked to try again later.",
        "Do nothing: the worker tries again.",
    )
    MAIL_WAITED_TOO_LONG = (
        "mail_waited_too_long",
        About.MAIL,
        "The mails before it took too long; it was not handed over.",
        "Do nothing: the worker tries again. If it goes on, look why the mail server is slow.",
    )
    MAIL_SERVER_AWAY = (
        "mail_server_away",
        About.MAIL,
        "The mail server cannot be reached, or it does not answer in time.",
        "Look whether the mail server runs and whether its address is right.",
    )
    MAIL_SERVER_UNTRUSTED = (
        "mail_server_untrusted",
        About.MAIL,
        "The mail server offers no TLS, or its certificate is not valid.",
        "Correct the server's certificate or its address; nothing was sent.",
    )
    MAIL_LOGIN_REFUSED = (
        "mail_login_refused",
        About.MAIL,
        "The mail server refused the user name and password, or the sender.",
        "Correct the SmtpMailer's URL or its sender.",
    )
    MAIL_ANSWER_LOST = (
        "mail_answer_lost",
        About.MAIL,
        "The connection broke after the mail was sent, so it may have arrived.",
        "Do nothing: the worker sends it once more, and the customer may have it twice.",
    )
    MAILER_FAILED = (
        "mailer_failed",
        About.MAIL,
        "The application's mailer raised an error, hung, or returned no answer of ours.",
        "Look for the error in the worker's log.",
    )


@final
class ForeignCode(str):
    """A word that is not ours, kept as it came; it has a sentence and an advice like any code.

    Calling the class raises TypeError: the functions below say where the word comes from.
    """

    __slots__ = ()

    def __new__(cls, word: Never) -> ForeignCode:
        """Refuse: a word that is written in a program belongs to ``Code``."""
        raise TypeError(
            "A code of our own is a member of Code; a foreign word is made by its origin."
        )

    def __reduce__(self) -> tuple[Callable[[str], AnyCode], tuple[str]]:
        """Copy and pickle as a stored word."""
        return Code.stored, (str(self),)

    @staticmethod
    def of_status(http_status: int) -> ForeignCode:
        """Return the code for an answer with an HTTP status that says nothing more."""
        return _kept(f"{_HTTP}{http_status}")

    @staticmethod
    def of_error(error: BaseException) -> ForeignCode:
        """Return the code for an unforeseen error: the name of its class, never its text."""
        return _kept(type(error).__name__)

    @staticmethod
    def of_subscription_status(status: str) -> ForeignCode:
        """Return the code for a subscription that Stripe shows in ``status``, where no code of ours says why."""
        return _kept(status)

    @staticmethod
    def gave_up_on(code: AnyCode) -> ForeignCode:
        """Return the code for asking a flow vendor in vain: ``code`` is the last answer."""
        return _kept(f"{_GAVE_UP}{code}")

    @property
    def about(self) -> None:
        """It stands in no section of the reference."""

    @property
    def sentence(self) -> str:
        """One sentence for the operator."""
        # Earlier releases stored why an event could not be read.
        return str(self) if self.is_a_sentence else FOREIGN[self.sort][0].format(**self.parts)

    @property
    def advice(self) -> str:
        """One thing to do next."""
        return FOREIGN[self.sort][1]

    @property
    def sort(self) -> str:
        """The key of its words in ``FOREIGN``."""
        if self.startswith(_GAVE_UP):
            return "gave_up"
        if self.startswith(_HTTP):
            return "http"
        return "error" if self[:1].isupper() else "foreign"

    @property
    def is_a_sentence(self) -> bool:
        """Whether it is no word, but a sentence that an earlier release stored."""
        return " " in self and not self.startswith((_GAVE_UP, _HTTP))

    @property
    def last_answer(self) -> AnyCode | None:
        """The flow vendor's last answer, where the worker stopped asking; None otherwise."""
        return Code.stored(self.removeprefix(_GAVE_UP)) if self.startswith(_GAVE_UP) else None

    @property
    def parts(self) -> dict[str, str]:
        """The values in its sentence, in English."""
        last = self.last_answer
        return {
            "last": "" if last is None else last.sentence,
            "status": self.removeprefix(_HTTP),
            "name": str(self),
        }


AnyCode = Code | ForeignCode
"""A code of ours, or a word that another system chose."""


def _known_or_kept(word: str) -> AnyCode:
    try:
        return Code(word)  # type: ignore[call-arg]  # mypy takes it for the making of a member
    except ValueError:
        return _kept(word)


def _kept(word: str) -> ForeignCode:
    return str.__new__(ForeignCode, word)


_HTTP: Final = "http_"
_GAVE_UP: Final = "gave_up_"

FOREIGN: Final[Mapping[str, tuple[str, str]]] = {
    "gave_up": (
        "The worker stopped asking the flow vendor. The last answer: {last}",
        "Look at the flow session at the flow vendor.",
    ),
    "http": (
        "The answer had the HTTP status {status}.",
        "Look at the status page of the flow vendor.",
    ),
    "error": (
        "An error of the class {name} ended the attempt.",
        "Look for the error in the worker's log.",
    ),
    "foreign": (
        "Another system, or a newer release of aiocancel, chose this word.",
        "Look the word up among Stripe's error codes, or upgrade.",
    ),
}
"""The sentence and the advice of each sort of word that is not ours."""

DRIFT_CODES: Final = frozenset(
    {
        Code.CHANGED_SINCE_IT_WAS_TRIED,
        Code.NOT_VISIBLE,
        Code.PLAN_IS_PLANNED_NO_MORE,
        Code.RESOURCE_MISSING,
        Code.SUBSCRIPTION_HAS_ENDED,
        Code.UNDONE_ELSEWHERE,
    }
)
"""Codes which say that another person or program changes subscriptions beside us."""

OURS_TAKEN_BACK: Final = frozenset({Code.CANCELLATION_TAKEN_BACK, Code.DISCOUNT_REMOVED_ELSEWHERE})
"""Codes which say that a change of ours, done before, is there no more."""
