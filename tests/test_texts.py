"""The customer's words: every key that release 0.1 had is there, and none of its hard sentences."""

from __future__ import annotations

import re
import string
from pathlib import Path
from types import ModuleType

import pytest

from aiocancel.config import DEFAULT_TEXTS
from aiocancel.core.measures.definitions import DEFINITIONS
from aiocancel.texts import CATALOGUES, statutory
from aiocancel.texts.console import CATALOGUES as CONSOLE
from aiocancel.texts.console import de, en, es, fr, it, nl
from aiocancel.texts.en import TEXTS
from aiocancel.texts.owner import CATALOGUES as OWNER
from aiocancel.texts.owner import DEFINITIONS as DEFINED
from aiocancel.texts.owner import defined_in

TEXTS_OF_OURS = Path(statutory.__file__).parent

KEYS_OF_0_1 = [
    "canceled",
    "canceled_at",
    "scheduled",
    "scheduled_at",
    "resumed",
    "unpaused",
    "discount_removed",
    "offer",
    "offer_scheduled",
    "offer_scheduled_at",
    "nothing",
    "queued",
    "manual",
    "closed_by_hand",
    "manual_offer",
    "needs_payment_action",
    "refused",
    "payment_link",
    "opening",
    "saving",
    "closed",
    "blocked",
    "vendor_failed",
    "unopened",
    "unsaved",
    "plain_link",
    "not_logged_in",
    "no_subscription",
    "unavailable",
    "confirm_title",
    "confirm_text_at_period_end",
    "confirm_text_now",
    "confirm_reason",
    "confirm_button",
    "keep_button",
    "resume_title",
    "resume_text",
    "unpause_title",
    "unpause_text",
    "unpause_button",
    "remove_discount_title",
    "remove_discount_text",
    "remove_discount_button",
    "back_link",
    "again_link",
    "outcome_title",
]

HARD_SENTENCES = [
    "Did no window open?",
    "You need not stay on this page.",
    "Nothing is cancelled any more.",
    "Cancel without it",
    "There is no such request of yours.",
    "Why do you leave?",
    "the usual window",
]


MODULES = (de, en, es, fr, it, nl)


def test_texts_are_those_of_the_settings() -> None:
    assert DEFAULT_TEXTS is TEXTS


@pytest.mark.parametrize("key", KEYS_OF_0_1)
def test_text_that_an_owner_may_have_replaced_still_has_its_key(key: str) -> None:
    assert TEXTS[key].strip()


_OTHER_FIELDS = {
    "offer_off_next_payment": ["off"],
    "offer_off_payments": ["off", "count"],
    "offer_off_months": ["off", "count"],
    "offer_off_months_one": ["off"],
    "offer_off_for_good": ["off"],
    "offer_trial_until": ["date"],
    "offer_plan_named": ["plan"],
    "offer_payments_paused_until": ["date"],
    "offer_subscription_paused_until": ["date"],
    "offer_paused_from": ["date"],
    "offer_plan_from": ["date"],
    "price_per_day": ["price", "count"],
    "price_per_day_one": ["price"],
    "price_per_week": ["price", "count"],
    "price_per_week_one": ["price"],
    "price_per_month": ["price", "count"],
    "price_per_month_one": ["price"],
    "price_per_year": ["price", "count"],
    "price_per_year_one": ["price"],
    "date_next_payment": ["date"],
    "date_trial_ends": ["date"],
    "date_ends": ["date"],
    "date_ended": ["date"],
    "date_paused_until": ["date"],
    "which_button": ["name"],
    "title_scheduled_plan": ["plan", "date"],
    "title_ended_plan": ["plan"],
    "title_resumed_plan": ["plan"],
    "outcome_counts_from": ["received"],
    "flow_title_plan": ["plan"],
    "flow_fact_open": ["amount", "date"],
    "flow_fact_paused_until": ["date"],
    "flow_fact_term": ["date"],
    "flow_fact_items": ["items"],
    "flow_error_title": ["title"],
    "flow_too_long": ["count"],
    "flow_or": ["offer"],
    "flow_coupon_payments": ["off", "count"],
    "flow_coupon_payments_one": ["off"],
    "flow_coupon_months": ["off", "count"],
    "flow_coupon_months_one": ["off"],
    "flow_coupon_forever": ["off"],
    "flow_coupon_text": ["plan"],
    "flow_coupon_button": ["off"],
    "flow_keep_coupon_button": ["off"],
    "flow_pause_months": ["count"],
    "flow_pause_months_paid": ["count", "amount", "date"],
    "flow_pause_months_paid_one": ["amount", "date"],
    "flow_plan": ["plan", "price"],
    "flow_plan_unpriced": ["plan"],
    "flow_plan_now": ["plan"],
    "flow_plan_later": ["plan", "date", "other"],
    "flow_plan_later_unnamed": ["date", "other"],
    "flow_plan_button_now": ["plan"],
    "flow_plan_button_later": ["plan", "date"],
    "flow_trial": ["count"],
    "flow_trial_text": ["date"],
    "flow_nothing_keep": ["plan"],
    "flow_nothing_credit": ["amount"],
    "flow_next_on": ["amount", "date"],
    "flow_next_instead": ["amount", "date", "before"],
    "flow_next_unless": ["amount", "date"],
    "flow_next_credit": ["amount", "date"],
    "flow_next_as_before": ["amount", "date"],
    "flow_then_until": ["price", "until", "later", "date"],
    "flow_then_from": ["price", "date"],
    "flow_then_as_before": ["price"],
    "flow_plus_usage": ["amount"],
    "letter_received": ["plan"],
    "letter_received_text": ["moment", "declared"],
    "letter_next": ["moment"],
    "letter_declared_words": ["words"],
    "letter_ends": ["plan", "date"],
    "letter_ends_plain": ["date"],
    "letter_cancelled": ["plan"],
    "letter_has_ended": ["plan"],
    "letter_ended_on": ["date"],
    "letter_goes_on": ["plan"],
    "letter_starts_again": ["date"],
    "letter_next_payment": ["payment"],
    "letter_not_done": ["plan"],
    "letter_keep_link": ["date"],
}


def test_text_holds_the_values_that_its_place_gives_it() -> None:
    fields = {
        key: [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        for key, text in TEXTS.items()
    }

    expected = {
        key: ["date"] if key.endswith("_at") else _OTHER_FIELDS.get(key, []) for key in TEXTS
    }
    assert len(TEXTS) > 200
    assert fields == expected


def test_text_is_made_of_short_sentences() -> None:
    long = [
        (key, sentence)
        for key, text in TEXTS.items()
        for sentence in re.split(r"(?<=[.?;])\s", text)
        if len(sentence.split()) > 20
    ]

    assert long == []


@pytest.mark.parametrize("sentence", HARD_SENTENCES)
def test_text_that_readers_stumbled_over_is_gone(sentence: str) -> None:
    assert sentence not in " ".join(TEXTS.values())


# Words that press, flatter or apologise; whole words, in every catalogue.
_NEVER = {
    "en": (
        "sorry|unfortunately|oops|please reconsider|before you go|are you sure|lose|miss|limited|only today|"
        "last chance|hurry|great news|welcome back|deals?|discount expires|submit|ok|yes"
    ),
    "de": "leider|schade|entschuldigung|verlieren|verpassen|nur heute|letzte chance|beeilen|sind sie sicher|stornieren",
    "fr": "désolée?s?|malheureusement|dommage|perdre|perdez|manquer|dernière chance|êtes-vous sûr|annuler",
    "es": "lo sentimos|lamentablemente|perder|pierde|última oportunidad|solo hoy|está seguro|oops",
    "it": "spiacenti|purtroppo|perdere|perde|ultima occasione|solo oggi|è sicuro|annulla|annullare",
    "nl": "sorry|helaas|jammer|verliezen|verliest|laatste kans|alleen vandaag|weet u het zeker|annuleren",
}


@pytest.mark.parametrize("language", CATALOGUES)
def test_A2_A3_no_text_presses_flatters_or_apologises(language: str) -> None:
    never = re.compile(rf"\b(?:{_NEVER[language]})\b", re.IGNORECASE)
    assert {"flow_another", "flow_keep_as_it_is", "letter_keep_link"} <= CATALOGUES[language].keys()

    found = {key: text for key, text in CATALOGUES[language].items() if never.search(text)}

    assert found == {}
    assert not any("!" in text for text in CATALOGUES[language].values())


@pytest.mark.parametrize("language", CATALOGUES)
def test_catalogue_has_every_key_with_the_same_values_in_it(language: str) -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    catalogue = CATALOGUES[language]

    assert catalogue.keys() == TEXTS.keys()
    assert [key for key in TEXTS if fields(catalogue[key]) != fields(TEXTS[key])] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.split(".")[-1])
def test_no_section_of_the_console_has_a_key_of_another(module: ModuleType) -> None:
    sections = [each for name, each in vars(module).items() if re.fullmatch("_[A-Z]+", name)]

    assert len(sections) > 5
    assert sum(map(len, sections)) == len(module.TEXTS)


OWNERS = {"the console": CONSOLE, "what the core tells": OWNER}


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("which", OWNERS)
def test_owners_catalogue_has_every_key_with_the_same_values_in_it(
    which: str, language: str
) -> None:
    def fields(text: str) -> list[str]:
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)

    english, catalogue = OWNERS[which]["en"], OWNERS[which][language]

    assert OWNERS[which].keys() == CATALOGUES.keys()
    assert list(catalogue) == list(english)
    assert [key for key in english if fields(catalogue[key]) != fields(english[key])] == []
    assert [key for key, text in catalogue.items() if text != text.strip() or "  " in text] == []
    assert [key for key, text in catalogue.items() if not text] == []


@pytest.mark.parametrize("language", DEFINED)
def test_every_definition_has_its_words_and_no_part_that_the_english_one_has_not(
    language: str,
) -> None:
    assert DEFINED.keys() == CATALOGUES.keys() - {"en"}

    for each in DEFINITIONS:
        english, told = defined_in("en", each), defined_in(language, each)
        assert [bool(text) for text in told] == [bool(text) for text in english], each.key
        assert re.findall(r"\d+", english.name) == re.findall(r"\d+", told.name)
        assert not set(told) & set(english) - {"", "Sessions", "sessions"}


@pytest.mark.parametrize("language", CONSOLE)
def test_commands_and_settings_are_typed_alike_in_every_language(language: str) -> None:
    typed = re.compile(r"aiocancel \w[\w ]*?\w(?= --|$| \{)|hold_out_\w+|console\(\w+=\w+\)")

    for english, catalogue in ((CONSOLE["en"], CONSOLE[language]), (OWNER["en"], OWNER[language])):
        differ = [
            key for key in english if typed.findall(english[key]) != typed.findall(catalogue[key])
        ]
        assert differ == []


@pytest.mark.parametrize("language", CATALOGUES)
def test_only_what_cancels_or_opens_the_flow_is_labelled_with_the_word(language: str) -> None:
    word = {
        "en": "cancel",
        "de": "kündig",
        "fr": "résili",
        "es": "cancel",
        "it": "disd",
        "nl": "opzeg",
    }[language]
    controls = {key for key in TEXTS if key.endswith(("_button", "_button_now", "_button_later"))}
    controls |= {"flow_exit_now", "flow_keep_as_it_is", "flow_close", "flow_close_unchanged"}
    controls |= {"flow_continue", "flow_another", "look_again", "back_link", "again_link"}
    controls |= {"changed_mind_link", "end_pause_link", "payment_link", "letter_see", "help_link"}

    labelled = {key for key in controls if word in CATALOGUES[language][key].lower()}

    assert labelled == {"cancel_button", "confirm_button", "which_button", "flow_exit_now"}


@pytest.mark.parametrize("language", ["fr"])
def test_french_has_a_space_that_does_not_break_before_its_marks(language: str) -> None:
    texts = [*CATALOGUES[language].values(), *OWNER[language].values()]

    assert [text for text in texts if re.search(r"(?<!\xa0)[:?;](?!\d)", text)] == []


def test_labels_that_a_law_prescribes_stand_in_one_file_as_the_law_has_them() -> None:
    labels = [
        statutory.CONTRACTS_BUTTON,
        statutory.CONFIRM_BUTTON,
        statutory.FRENCH_CONTRACTS_BUTTON,
    ]
    written = [
        path.relative_to(TEXTS_OF_OURS).as_posix()
        for path in TEXTS_OF_OURS.rglob("*.py")
        if any(f'"{label}"' in path.read_text(encoding="utf-8") for label in labels)
    ]

    assert labels == ["Verträge hier kündigen", "jetzt kündigen", "résilier votre contrat"]
    assert written == ["statutory.py"]
