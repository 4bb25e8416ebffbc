"""What the core tells an owner, in German. Not yet read by a native editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "comma": "{first}, {last}",
    "or": "{first} oder {last}",
    "and": "{first} und {last}",
    "brackets": "({part})",
    "not": "nicht ({part})",
    "at_least": "mindestens {value}",
    "at_most": "höchstens {value}",
    "from_to": "{low} bis {high}",
    "both": "{first} {last}",
    "value": "{value}",
    "share_of_few": "{part} von {whole}",
    "share": "{share} ({low} bis {high}, {part} von {whole})",
    "hold_out_off": "Es gibt nichts zum Vergleichen: hold_out_percent ist {percent}.",
    "hold_out_undated": (
        "Legen Sie mit hold_out_decide_on einen Tag fest, sonst führt wöchentliches Nachsehen in die Irre."
    ),
    "hold_out_before": "Kein Urteil vor dem {day}.",
    "hold_out_late": "Zu wenige bis zum {day}: Legen Sie mit hold_out_decide_on einen späteren Tag fest.",
    "hold_out_more": "Noch nicht genug: Es fehlen etwa {count} Abonnements.",
    "hold_out_more_one": "Noch nicht genug: Es fehlt etwa 1 Abonnement.",
    "hold_out_pace": "Bei {pace} pro Woche dauert das etwa {count} Wochen.",
    "hold_out_pace_one": "Bei {pace} pro Woche dauert das etwa 1 Woche.",
    "less_than_one": "weniger als 1",
    "hold_out_unclear": "Die Daten zeigen noch nicht, ob Angebote etwas bewirken.",
    "hold_out_stayed": "Wo ein Angebot vorgesehen war, blieben mehr: {points} Prozentpunkte ({low} bis {high}).",
    "hold_out_left": "Wo ein Angebot vorgesehen war, blieben weniger: {points} Prozentpunkte ({low} bis {high}).",
    "coupon_once": "{off} Rabatt auf die nächste Zahlung",
    "coupon_forever": "{off} Rabatt auf jede Zahlung",
    "coupon_months": "{off} Rabatt für {count} Monate",
    "coupon_months_one": "{off} Rabatt für 1 Monat",
    "trial": "{count} Tage länger testen",
    "trial_one": "1 Tag länger testen",
    "pause": "{months} Monate Pause",
    "pause_one": "1 Monat Pause",
    "plan_now": "der Preis {price}, sofort",
    "plan_later": "der Preis {price}, ab dem Ende des Abrechnungszeitraums",
    "handled": "{title}, durch Ihren Handler",
    "cost_share": "{share} der Zahlungen eines Jahres",
    "cost_nothing": "nichts",
    "cost_and_more": "{value}, dazu was hier nicht bekannt ist",
    "if_reason": "der Grund ist {values}",
    "if_price": "der Preis ist {values}",
    "if_amount": "eine Zahlung beträgt {bounds} {currency} in kleinsten Einheiten",
    "if_paid": "gezahlt wird pro {values}",
    "if_paid_each": "gezahlt wird alle {number} {values}",
    "if_run": "es läuft seit {bounds} Monaten",
    "if_status": "sein Status ist {values}",
    "if_country": "das Land ist {values}",
    "if_place": "der Ort ist {values}",
    "if_column": "die Spalte {name} ist {values}",
    "if_offers": "zuvor wurden {bounds} Angebote angenommen",
    "if_cancellations": "zuvor gab es {bounds} Kündigungen",
    "day": "Tag",
    "week": "Woche",
    "month": "Monat",
    "year": "Jahr",
    "days": "Tage",
    "weeks": "Wochen",
    "months": "Monate",
    "years": "Jahre",
    "never": "nie {subjects}",
    "rule_where": "{rule}, wo gilt: {condition}",
    "rule_without": "{rule}, ohne {consent}",
    "subject_coupon": "Rabatt",
    "subject_trial": "längere Testphase",
    "subject_pause": "Pause",
    "subject_plan": "anderer Tarif",
    "subject_custom": "eigenes Angebot",
    "subject_question": "Frage nach dem Grund",
    "consent_permission": "Erlaubnis",
    "consent_declaration": "Kündigungserklärung",
    "promise_screens": "kein Weg hat mehr als {number} Ansichten",
    "promise_exit": "von jeder Ansicht aus lässt sich kündigen",
    "promise_buttons": "jede Schaltfläche funktioniert",
    "promise_no_answer": "es geht auch ohne Antwort weiter",
    "promise_declined": "ein abgelehntes Angebot kommt nicht wieder",
    "promise_most": "es werden nicht mehr Angebote gezeigt als erlaubt",
    "promise_forbidden": "kein Angebot wird gezeigt, das eine Regel verbietet",
    "any_customer": "jeder Kunde",
    "not_known": "nicht bekannt: {part}",
    "if_no_reason": "es wird kein Grund genannt",
    "path": "{customer}; {reason}: {way}",
    "then": "{first} > {last}",
    "screen_why": "Frage nach dem Grund",
    "screen_permission": "Frage nach der Erlaubnis",
    "screen_exit": "Kündigung",
    "screen_outcome": "Ergebnis",
    "end_open": "offen",
    "end_canceled": "gekündigt",
    "end_accepted": "angenommen",
    "end_abandoned": "abgebrochen",
}

DEFINITIONS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "sessions": (
        "Sitzungen",
        (
            "Durchläufe durch einen Kündigungs-Flow, unseren eigenen oder den eines Anbieters: einer für "
            "jedes Mal, dass ein Kunde ihn geöffnet hat."
        ),
        "",
        (
            "Ein Flow eines Anbieters, der ohne Ergebnis geschlossen wurde, ist hier nicht bekannt. Aus "
            "der Zeit vor dieser Version sind nur Kündigungen bekannt, und zwar ohne Preis."
        ),
    ),
    "canceled": (
        "Bestätigte Kündigungen",
        (
            "Sitzungen, in denen der Kunde die Schaltfläche zum Kündigen gedrückt hat und die danach nicht "
            "zurückgenommen wurden."
        ),
        "Sitzungen",
        "Kündigungen an anderer Stelle, etwa im Kundenportal von Stripe.",
    ),
    "accepted": (
        "Angebot angenommen",
        "Sitzungen, die mit einem angenommenen Angebot endeten.",
        "Sitzungen",
        "Ein angenommenes Angebot ist noch kein gebliebener Kunde; das wird an den Tagen 30, 60 und 90 gemessen.",
    ),
    "declined": (
        "Angebot abgelehnt",
        "Beendete Sitzungen, in denen mindestens ein Angebot gezeigt und keines angenommen wurde.",
        "Sitzungen, in denen ein Angebot gezeigt wurde",
        "Sitzungen der Vergleichsgruppe, der keines gezeigt wird.",
    ),
    "abandoned": (
        "Ohne Änderung verlassen",
        "Sitzungen, die ohne Kündigung und ohne angenommenes Angebot endeten.",
        "Sitzungen",
        (
            "Ein geschlossener Tab ist kein geretteter Kunde: Von diesen wird nur gesagt, dass sie hier "
            "nichts geändert haben."
        ),
    ),
    "taken_back": (
        "Zurückgenommen",
        "Sitzungen, deren Kündigung der Kunde hier zurückgenommen hat, bevor sie wirksam wurde, "
        "von sich aus oder für ein Angebot, das danach kam.",
        "Sitzungen",
        "Rücknahmen an anderer Stelle.",
    ),
    "kept": (
        "Geblieben an Tag {day}",
        (
            "Sitzungen, deren Abonnement Stripe an Tag {day} als aktiv und nicht auslaufend zeigte und für "
            "das seit Beginn der Sitzung eine Rechnung über einen Betrag bezahlt wurde."
        ),
        "Sitzungen, die an Tag {day} gemessen wurden",
        (
            "Pausierte, unbezahlte und Test-Abonnements sind nicht geblieben; jedes hat einen eigenen "
            "Zustand. Ein Jahrestarif zählt erst dann als geblieben, wenn seine nächste Rechnung bezahlt "
            "ist. Verspätete Messungen zählen mit und sind gekennzeichnet. "
            "Sitzungen, die vor weniger als {day} Tagen begannen, zählen auch dann nicht, wenn das "
            "Abonnement schon beendet ist: Wer geht, ist früh bekannt, wer bleibt, erst an dem Tag."
        ),
    ),
    "kept_revenue": (
        "Gebliebener Umsatz",
        (
            "Was nach der Sitzung auf Rechnungen bezahlt wurde, mit Steuern und abzüglich Gutschriften, "
            "bis zur letzten Messung."
        ),
        "",
        (
            "Rabatte sind schon abgezogen und stehen daneben als Kosten der Angebote. Eine Rückbuchung und eine "
            "Erstattung ohne Gutschrift stehen auf keiner Rechnung und werden nicht abgezogen. Nie wird aufs Jahr "
            "hochgerechnet und nie über Währungen hinweg addiert. Enthalten sind auch Kunden, die ohnehin "
            "geblieben wären. Eine Rechnung zählt einmal, für die letzte Sitzung vor ihr."
        ),
    ),
    "cost_of_offers": (
        "Kosten der Angebote",
        (
            "Die Rabatte auf Rechnungen, die nach einer Sitzung mit angenommenem Angebot bezahlt wurden, "
            "bis zur letzten Messung."
        ),
        "",
        (
            "Die freie Zeit einer Pause oder einer längeren Testphase steht auf keiner Rechnung, und dafür "
            "wird kein Preis erfunden. Ein Rabatt, den der Kunde schon vorher hatte, zählt mit, weil eine "
            "Rechnung beide nicht unterscheidet. "
            "Eine Rechnung zählt einmal, für das letzte angenommene Angebot vor ihr."
        ),
    ),
    "reasons": (
        "Gründe",
        "Sitzungen, in denen der Kunde diesen Grund angegeben hat.",
        "Sitzungen, die diesen Grund anzeigten",
        (
            "Sitzungen, in denen er nicht zur Auswahl stand: Jeder Grund hat seine eigene Bezugsgröße. "
            "Ein Anbieter teilt nur die Antwort mit; dort gilt jeder Grund, der einmal genannt wurde, in jeder "
            "Sitzung mit Antwort als angezeigt."
        ),
    ),
    "hold_out": (
        "Angebote gegen keine",
        (
            "Die an Tag 30 Gebliebenen unter denen, für die ein Angebot vorgesehen war, abzüglich der "
            "Gebliebenen der Vergleichsgruppe."
        ),
        (
            "Abonnements, zu denen ein Angebot passte, ob es angesehen wurde oder nicht, jedes einmal: mit "
            "seiner ersten solchen Sitzung"
        ),
        (
            "Spätere Sitzungen desselben Abonnements und Sitzungen, zu denen kein Angebot passte. Seite und "
            "Bericht zählen vom Beginn der Vergleichsgruppe bis zu dem Tag, den hold_out_decide_on nennt, nicht "
            "die gewählten Tage; die Anweisung zählt den Zeitraum, den man ihr gibt. "
            "Das Intervall ist das von Newcombe, und es wird kein Sieger genannt. "
            "Sitzungen, die vor weniger als 30 Tagen begannen, zählen auch dann nicht, wenn das "
            "Abonnement schon beendet ist: Wer geht, ist früh bekannt, wer bleibt, erst an dem Tag."
        ),
    ),
}
