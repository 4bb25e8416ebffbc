"""The words that a statute prescribes, and the German page that they stand on. Locked: no setting replaces them.

Sources: § 312k BGB for "Verträge hier kündigen" and "jetzt kündigen"; article L. 215-1-1 of the Code de la consommation
for "résilier votre contrat". Never soften, translate or capitalise them. Whether a law applies to a company is for the
company to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANGUAGE: Final = "de"
CONTRACTS_BUTTON: Final = "Verträge hier kündigen"
CONFIRM_BUTTON: Final = "jetzt kündigen"
FRENCH_CONTRACTS_BUTTON: Final = "résilier votre contrat"
"""No page of ours has it yet: the public exit is German."""

EXIT: Final[Mapping[str, str]] = {
    "title": CONTRACTS_BUTTON,
    "button": CONFIRM_BUTTON,
    "kind": "Art der Kündigung",
    "ordinary": "Ordentliche Kündigung",
    "extraordinary": "Außerordentliche Kündigung",
    "reason": "Kündigungsgrund",
    "reason_hint": "Nur bei einer außerordentlichen Kündigung",
    "name": "Ihr Name",
    "contract": "Vertrag",
    "contract_hint": "Zum Beispiel Kundennummer oder Name des Produkts",
    "end": "Ende des Vertrags",
    "soonest": "Zum nächstmöglichen Zeitpunkt",
    "on_date": "Zum Datum",
    "on_date_hint": "Zum Beispiel 31.12.2026",
    "email": "E-Mail-Adresse für die Bestätigung",
    "promise": "Sie erhalten sofort eine Bestätigung mit Datum und Uhrzeit.",
    "problems": "Es gibt ein Problem",
    "name_missing": "Geben Sie Ihren Namen ein",
    "contract_missing": "Nennen Sie den Vertrag",
    "reason_missing": "Nennen Sie den Kündigungsgrund",
    "reason_unfit": "Wählen Sie „Außerordentliche Kündigung“, oder lassen Sie den Kündigungsgrund leer",
    "date_wrong": "Geben Sie ein Datum ein, zum Beispiel 31.12.2026",
    "email_wrong": "Geben Sie eine E-Mail-Adresse ein, zum Beispiel name@example.com",
    "too_long": "Kürzen Sie Ihre Angaben",
    "old_page": "Diese Seite war lange geöffnet. Drücken Sie bitte noch einmal.",
    "later": "Ihre Kündigung konnte gerade nicht gespeichert werden. Drücken Sie bitte noch einmal.",
    "trapped": (
        "Ihre Kündigung ist noch nicht gespeichert: Ein Feld, das leer bleibt, war ausgefüllt. "
        "Es ist jetzt weg. Drücken Sie bitte noch einmal."
    ),
    "too_many": (
        "In der letzten Stunde sind viele Kündigungen eingegangen. Drücken Sie bitte in einer Stunde noch einmal, "
        "oder schreiben Sie uns."
    ),
    "received": "Ihre Kündigung ist eingegangen",
    "subject": "Eingangsbestätigung Ihrer Kündigung",
    "declares": "Sie haben die Kündigung Ihres Vertrags erklärt. Es zählt der Zeitpunkt des Eingangs.",
    "declared": "Erklärt mit",
    "pressed": f"„{CONFIRM_BUTTON}“",
    "sent_to": "Bestätigung an",
    "typed_address": "E-Mail-Adresse",
    "not_sent": (
        "An diese E-Mail-Adresse gingen in der letzten Stunde schon mehrere Bestätigungen. Für diese Kündigung kommt "
        "keine E-Mail. Speichern Sie bitte diese Seite als Bestätigung."
    ),
    "at": "Eingegangen",
    "reference": "Vorgang",
    "save": "Erklärung speichern",
    "not_shown_title": "Ihre Erklärung",
    "not_shown": (
        "Diese Seite kann gerade nicht gezeigt werden. An Ihrer Kündigung ändert das nichts. "
        "Laden Sie die Seite bitte neu."
    ),
    "reload": "Seite neu laden",
    "no_page": "Diese Seite gibt es nicht mehr.",
    "questions": "Fragen? Antworten Sie auf diese E-Mail.",
    "trap": "Dieses Feld bleibt leer",
}
