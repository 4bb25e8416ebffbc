"""What the core tells an owner, in Italian. Not yet read by a native editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "comma": "{first}, {last}",
    "or": "{first} o {last}",
    "and": "{first} e {last}",
    "brackets": "({part})",
    "not": "non ({part})",
    "at_least": "almeno {value}",
    "at_most": "al massimo {value}",
    "from_to": "da {low} a {high}",
    "both": "{first} {last}",
    "value": "{value}",
    "share_of_few": "{part} su {whole}",
    "share": "{share} (da {low} a {high}, {part} su {whole})",
    "hold_out_off": "Non c'è nulla con cui confrontare: hold_out_percent è {percent}.",
    "hold_out_undated": "Fissi un giorno con hold_out_decide_on: guardare ogni settimana porta fuori strada.",
    "hold_out_before": "Nessun verdetto prima di questa data: {day}.",
    "hold_out_late": "Troppo pochi entro questa data: {day}. Fissi un giorno successivo con hold_out_decide_on.",
    "hold_out_more": "Non basta ancora: servono circa altri {count} abbonamenti.",
    "hold_out_more_one": "Non basta ancora: serve circa 1 altro abbonamento.",
    "hold_out_pace": "Con {pace} a settimana ci vogliono circa {count} settimane.",
    "hold_out_pace_one": "Con {pace} a settimana ci vuole circa 1 settimana.",
    "less_than_one": "meno di 1",
    "hold_out_unclear": "I dati non dicono ancora se le offerte servono.",
    "hold_out_stayed": "Dove era prevista un'offerta sono rimasti di più: {points} punti (da {low} a {high}).",
    "hold_out_left": "Dove era prevista un'offerta sono rimasti di meno: {points} punti (da {low} a {high}).",
    "coupon_once": "{off} di sconto sul prossimo pagamento",
    "coupon_forever": "{off} di sconto su ogni pagamento",
    "coupon_months": "{off} di sconto per {count} mesi",
    "coupon_months_one": "{off} di sconto per 1 mese",
    "trial": "altri {count} giorni di prova",
    "trial_one": "1 altro giorno di prova",
    "pause": "una sospensione di {months} mesi",
    "pause_one": "una sospensione di 1 mese",
    "plan_now": "il prezzo {price}, da subito",
    "plan_later": "il prezzo {price}, alla fine del periodo",
    "handled": "{title}, tramite il Suo handler",
    "cost_share": "{share} dei pagamenti di un anno",
    "cost_nothing": "nulla",
    "cost_and_more": "{value}, più quanto qui non è noto",
    "if_reason": "il motivo è {values}",
    "if_price": "il prezzo è {values}",
    "if_amount": "importo di un pagamento: {bounds} {currency} in unità minime",
    "if_paid": "si paga ogni {values}",
    "if_paid_each": "si paga ogni {number} {values}",
    "if_run": "mesi dall'inizio: {bounds}",
    "if_status": "il suo stato è {values}",
    "if_country": "il paese è {values}",
    "if_place": "il luogo è {values}",
    "if_column": "la colonna {name} è {values}",
    "if_offers": "offerte accettate in precedenza: {bounds}",
    "if_cancellations": "disdette precedenti: {bounds}",
    "day": "giorno",
    "week": "settimana",
    "month": "mese",
    "year": "anno",
    "days": "giorni",
    "weeks": "settimane",
    "months": "mesi",
    "years": "anni",
    "never": "mai {subjects}",
    "rule_where": "{rule} quando {condition}",
    "rule_without": "{rule}, senza {consent}",
    "subject_coupon": "sconto",
    "subject_trial": "prova più lunga",
    "subject_pause": "sospensione",
    "subject_plan": "altro piano",
    "subject_custom": "offerta propria",
    "subject_question": "domanda sul motivo",
    "consent_permission": "permesso",
    "consent_declaration": "dichiarazione di disdetta",
    "promise_screens": "nessun percorso ha più di {number} schermate",
    "promise_exit": "si può disdire da ogni schermata",
    "promise_buttons": "ogni pulsante funziona",
    "promise_no_answer": "si può proseguire senza rispondere",
    "promise_declined": "un'offerta rifiutata non ritorna",
    "promise_most": "non vengono mostrate più offerte di quelle consentite",
    "promise_forbidden": "non viene mostrata nessuna offerta vietata da una regola",
    "any_customer": "qualsiasi cliente",
    "not_known": "non noto: {part}",
    "if_no_reason": "non viene indicato alcun motivo",
    "path": "{customer}; {reason}: {way}",
    "then": "{first} > {last}",
    "screen_why": "domanda sul motivo",
    "screen_permission": "domanda sul permesso",
    "screen_exit": "disdetta",
    "screen_outcome": "esito",
    "end_open": "aperta",
    "end_canceled": "disdetta effettuata",
    "end_accepted": "accettata",
    "end_abandoned": "abbandonata",
}

DEFINITIONS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "sessions": (
        "Sessioni",
        "Passaggi in un flusso di disdetta, proprio o di un fornitore: uno per ogni volta che un cliente lo ha aperto.",
        "",
        (
            "Il flusso di un fornitore chiuso senza risultato qui non è noto. Del periodo precedente a "
            "questa versione sono note solo le disdette, senza il loro prezzo."
        ),
    ),
    "canceled": (
        "Disdette confermate",
        "Sessioni in cui il cliente ha premuto il pulsante che disdice e che in seguito non sono state ritirate.",
        "sessioni",
        "Le disdette fatte altrove, per esempio nel portale di Stripe.",
    ),
    "accepted": (
        "Offerta accettata",
        "Sessioni terminate con un'offerta accettata.",
        "sessioni",
        "Un'offerta accettata non è ancora un cliente mantenuto; questo si rileva nei giorni 30, 60 e 90.",
    ),
    "declined": (
        "Offerta rifiutata",
        "Sessioni concluse in cui è stata mostrata almeno un'offerta e nessuna è stata accettata.",
        "sessioni in cui è stata mostrata un'offerta",
        "Le sessioni del gruppo di controllo, a cui non ne viene mostrata nessuna.",
    ),
    "abandoned": (
        "Nessuna modifica",
        "Sessioni terminate senza disdetta e senza offerta accettata.",
        "sessioni",
        "Una scheda chiusa non è un cliente recuperato: di queste si dice solo che qui non hanno cambiato nulla.",
    ),
    "taken_back": (
        "Disdetta ritirata",
        "Sessioni la cui disdetta è stata ritirata qui dal cliente prima che avesse effetto, "
        "da sé o per un'offerta venuta dopo.",
        "sessioni",
        "Le riprese fatte altrove.",
    ),
    "kept": (
        "Mantenuti il giorno {day}",
        (
            "Sessioni il cui abbonamento risultava a Stripe, il giorno {day}, attivo e non in scadenza, e "
            "per il quale dall'inizio della sessione è stata pagata una fattura con un importo."
        ),
        "sessioni rilevate il giorno {day}",
        (
            "Gli abbonamenti sospesi, in prova o non pagati non sono mantenuti; ognuno ha un proprio "
            "stato. Un piano annuale conta come mantenuto solo quando viene pagata la fattura successiva. "
            "Le rilevazioni in ritardo contano e sono segnalate. "
            "Non contano nemmeno le sessioni iniziate da meno di {day} giorni, anche se l'abbonamento è "
            "già terminato: chi va via si sa presto, chi resta solo quel giorno."
        ),
    ),
    "kept_revenue": (
        "Ricavi mantenuti",
        (
            "Quanto è stato pagato con le fatture dopo la sessione, tasse incluse e al netto delle note di "
            "credito, fino all'ultima rilevazione."
        ),
        "",
        (
            "Gli sconti sono già sottratti e figurano accanto come costo delle offerte. Uno storno e un rimborso "
            "senza nota di credito non compaiono in nessuna fattura e non vengono sottratti. Nulla viene "
            "proiettato su un anno e valute diverse non vengono mai sommate. Comprende clienti che sarebbero "
            "rimasti comunque. Una fattura conta una volta, per l'ultima sessione che l'ha preceduta."
        ),
    ),
    "cost_of_offers": (
        "Costo delle offerte",
        "Gli sconti sulle fatture pagate dopo una sessione con un'offerta accettata, fino all'ultima rilevazione.",
        "",
        (
            "Il tempo gratuito di una sospensione o di una prova più lunga non compare in nessuna fattura "
            "e non gli si inventa un prezzo. Conta anche uno sconto che il cliente aveva già, perché una "
            "fattura non distingue i due. "
            "Una fattura conta una volta, per l'ultima offerta accettata prima di essa."
        ),
    ),
    "reasons": (
        "Motivi",
        "Sessioni in cui il cliente ha indicato questo motivo.",
        "sessioni che mostravano questo motivo",
        (
            "Le sessioni in cui non era tra le risposte: ogni motivo ha il proprio denominatore. "
            "Un fornitore comunica solo la risposta; lì ogni motivo indicato almeno una volta conta come mostrato "
            "in ogni sessione con risposta."
        ),
    ),
    "hold_out": (
        "Con offerte e senza",
        (
            "I mantenuti al giorno 30 tra coloro per cui era prevista un'offerta, meno i mantenuti del "
            "gruppo di controllo."
        ),
        (
            "abbonamenti a cui un'offerta era adatta, che sia stata guardata o no, ciascuno una sola volta: "
            "con la sua prima sessione di questo tipo"
        ),
        (
            "Le sessioni successive dello stesso abbonamento e le sessioni a cui nessuna offerta era adatta. "
            "La pagina e il rapporto contano da quando esiste il gruppo di controllo fino al giorno di "
            "hold_out_decide_on, non i giorni scelti; l'istruzione conta il periodo che le si dà. "
            "L'intervallo è quello di Newcombe e non viene nominato alcun vincitore. "
            "Non contano nemmeno le sessioni iniziate da meno di 30 giorni, anche se l'abbonamento è già "
            "terminato: chi va via si sa presto, chi resta solo quel giorno."
        ),
    ),
}
