"""What the core tells an owner, in Dutch. Not yet read by a native editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "comma": "{first}, {last}",
    "or": "{first} of {last}",
    "and": "{first} en {last}",
    "brackets": "({part})",
    "not": "niet ({part})",
    "at_least": "minstens {value}",
    "at_most": "hoogstens {value}",
    "from_to": "{low} tot {high}",
    "both": "{first} {last}",
    "value": "{value}",
    "share_of_few": "{part} van {whole}",
    "share": "{share} ({low} tot {high}, {part} van {whole})",
    "hold_out_off": "Er is niets om mee te vergelijken: hold_out_percent is {percent}.",
    "hold_out_undated": "Leg met hold_out_decide_on een dag vast, anders brengt wekelijks kijken u op een dwaalspoor.",
    "hold_out_before": "Geen oordeel vóór {day}.",
    "hold_out_late": "Te weinig tot {day}: leg met hold_out_decide_on een latere dag vast.",
    "hold_out_more": "Nog niet genoeg: er zijn nog ongeveer {count} abonnementen nodig.",
    "hold_out_more_one": "Nog niet genoeg: er is nog ongeveer 1 abonnement nodig.",
    "hold_out_pace": "Bij {pace} per week duurt dat ongeveer {count} weken.",
    "hold_out_pace_one": "Bij {pace} per week duurt dat ongeveer 1 week.",
    "less_than_one": "minder dan 1",
    "hold_out_unclear": "De gegevens laten nog niet zien of een aanbod helpt.",
    "hold_out_stayed": "Waar een aanbod was voorzien, bleven er meer: {points} procentpunt ({low} tot {high}).",
    "hold_out_left": "Waar een aanbod was voorzien, bleven er minder: {points} procentpunt ({low} tot {high}).",
    "coupon_once": "{off} korting op de volgende betaling",
    "coupon_forever": "{off} korting op elke betaling",
    "coupon_months": "{off} korting gedurende {count} maanden",
    "coupon_months_one": "{off} korting gedurende 1 maand",
    "trial": "{count} dagen langer proberen",
    "trial_one": "1 dag langer proberen",
    "pause": "een pauze van {months} maanden",
    "pause_one": "een pauze van 1 maand",
    "plan_now": "de prijs {price}, meteen",
    "plan_later": "de prijs {price}, aan het einde van de periode",
    "handled": "{title}, door uw handler",
    "cost_share": "{share} van de betalingen van een jaar",
    "cost_nothing": "niets",
    "cost_and_more": "{value}, plus wat hier niet bekend is",
    "if_reason": "de reden is {values}",
    "if_price": "de prijs is {values}",
    "if_amount": "een betaling is {bounds} {currency} in de kleinste eenheid",
    "if_paid": "er wordt betaald per {values}",
    "if_paid_each": "er wordt betaald per {number} {values}",
    "if_run": "het loopt {bounds} maanden",
    "if_status": "de status is {values}",
    "if_country": "het land is {values}",
    "if_place": "de plaats is {values}",
    "if_column": "de kolom {name} is {values}",
    "if_offers": "eerder aangenomen aanbod: {bounds} keer",
    "if_cancellations": "er waren eerder {bounds} opzeggingen",
    "day": "dag",
    "week": "week",
    "month": "maand",
    "year": "jaar",
    "days": "dagen",
    "weeks": "weken",
    "months": "maanden",
    "years": "jaren",
    "never": "nooit {subjects}",
    "rule_where": "{rule} waar geldt: {condition}",
    "rule_without": "{rule}, zonder {consent}",
    "subject_coupon": "korting",
    "subject_trial": "langere proefperiode",
    "subject_pause": "pauze",
    "subject_plan": "andere abonnementsvorm",
    "subject_custom": "eigen aanbod",
    "subject_question": "vraag naar de reden",
    "consent_permission": "toestemming",
    "consent_declaration": "opzegverklaring",
    "promise_screens": "geen pad heeft meer dan {number} schermen",
    "promise_exit": "opzeggen kan vanaf elk scherm",
    "promise_buttons": "elke knop werkt",
    "promise_no_answer": "verdergaan kan zonder antwoord",
    "promise_declined": "een afgewezen aanbod komt niet terug",
    "promise_most": "er wordt niet vaker een aanbod getoond dan toegestaan",
    "promise_forbidden": "er wordt geen aanbod getoond dat een regel verbiedt",
    "any_customer": "elke klant",
    "not_known": "niet bekend: {part}",
    "if_no_reason": "er is geen reden opgegeven",
    "path": "{customer}; {reason}: {way}",
    "then": "{first} > {last}",
    "screen_why": "vraag naar de reden",
    "screen_permission": "vraag om toestemming",
    "screen_exit": "opzegging",
    "screen_outcome": "resultaat",
    "end_open": "open",
    "end_canceled": "opgezegd",
    "end_accepted": "aangenomen",
    "end_abandoned": "afgebroken",
}

DEFINITIONS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "sessions": (
        "Sessies",
        "Keren dat een klant een opzegflow opende, die van ons of die van een aanbieder; elke keer telt als één.",
        "",
        (
            "Een flow van een aanbieder die zonder resultaat is gesloten, is hier niet bekend. Van de tijd "
            "vóór deze versie zijn alleen opzeggingen bekend, zonder hun prijs."
        ),
    ),
    "canceled": (
        "Bevestigde opzeggingen",
        "Sessies waarin de klant op de knop drukte waarmee wordt opgezegd, en die daarna niet zijn ingetrokken.",
        "sessies",
        "Opzeggingen die elders zijn gedaan, bijvoorbeeld in het klantenportaal van Stripe.",
    ),
    "accepted": (
        "Aanbod aangenomen",
        "Sessies die eindigden met een aangenomen aanbod.",
        "sessies",
        "Een aangenomen aanbod is nog geen klant die blijft; dat wordt gemeten op dag 30, 60 en 90.",
    ),
    "declined": (
        "Aanbod afgewezen",
        "Beëindigde sessies waarin minstens één aanbod werd getoond en geen enkel werd aangenomen.",
        "sessies waarin een aanbod werd getoond",
        "Sessies van de vergelijkingsgroep, die geen aanbod te zien krijgt.",
    ),
    "abandoned": (
        "Zonder wijziging vertrokken",
        "Sessies die eindigden zonder opzegging en zonder aangenomen aanbod.",
        "sessies",
        (
            "Een gesloten tabblad is geen geredde klant: van deze sessies wordt alleen gezegd dat er hier "
            "niets is gewijzigd."
        ),
    ),
    "taken_back": (
        "Ingetrokken",
        "Sessies waarvan de klant de opzegging hier introk voordat die inging, "
        "uit zichzelf of voor een aanbod dat daarna kwam.",
        "sessies",
        "Opzeggingen die elders zijn ingetrokken.",
    ),
    "kept": (
        "Gebleven op dag {day}",
        (
            "Sessies waarvan Stripe het abonnement op dag {day} als actief en niet aflopend toonde, en "
            "waarvoor sinds het begin van de sessie een factuur met een bedrag is betaald."
        ),
        "sessies die op dag {day} zijn gemeten",
        (
            "Gepauzeerde en onbetaalde abonnementen en proefperioden gelden niet als gebleven; elk heeft "
            "een eigen status. Een jaarabonnement telt pas als gebleven als de volgende factuur is "
            "betaald. Metingen die te laat kwamen tellen mee en zijn gemarkeerd. "
            "Sessies die minder dan {day} dagen geleden begonnen, tellen ook niet mee als het abonnement "
            "al is beëindigd: wie weggaat is vroeg bekend, wie blijft pas op die dag."
        ),
    ),
    "kept_revenue": (
        "Gebleven omzet",
        "Wat na de sessie op facturen is betaald, inclusief belasting en min creditnota’s, tot de laatste meting.",
        "",
        (
            "Kortingen zijn er al af en staan ernaast als kosten van het aanbod. Een terugboeking en een "
            "terugbetaling zonder creditnota staan op geen factuur en gaan er niet af. Er wordt nooit naar een "
            "jaar omgerekend en nooit over valuta’s heen opgeteld. Ook klanten die toch wel gebleven waren, "
            "zitten erin. Een factuur telt één keer, voor de laatste sessie die eraan voorafging."
        ),
    ),
    "cost_of_offers": (
        "Kosten van het aanbod",
        "De kortingen op facturen die zijn betaald na een sessie met een aangenomen aanbod, tot de laatste meting.",
        "",
        (
            "De vrije tijd van een pauze of een langere proefperiode staat op geen factuur, en daarvoor "
            "wordt geen prijs verzonnen. Een korting die de klant al had, telt ook mee, omdat een factuur "
            "die twee niet onderscheidt. "
            "Een factuur telt één keer, voor het laatste aanbod dat ervoor is aangenomen."
        ),
    ),
    "reasons": (
        "Redenen",
        "Sessies waarin de klant deze reden gaf.",
        "sessies die deze reden toonden",
        (
            "Sessies waarin de reden niet bij de antwoorden stond: elke reden heeft een eigen noemer. "
            "Een aanbieder meldt alleen het antwoord; daar telt elke reden die ooit is gegeven als getoond in elke "
            "sessie met een antwoord."
        ),
    ),
    "hold_out": (
        "Aanbod tegenover geen aanbod",
        (
            "Wie op dag 30 gebleven is van degenen voor wie een aanbod was voorzien, min wie gebleven is "
            "van de vergelijkingsgroep."
        ),
        (
            "abonnementen waarbij een aanbod paste, of het nu is bekeken of niet, elk één keer: met de eerste "
            "sessie waarin dat zo was"
        ),
        (
            "Latere sessies van hetzelfde abonnement en sessies waarbij geen aanbod paste. De pagina en het rapport "
            "tellen vanaf het begin van de vergelijkingsgroep tot de dag van hold_out_decide_on, niet de gekozen "
            "dagen; de opdracht telt de periode die men haar geeft. "
            "Het interval is dat van Newcombe, en er wordt geen winnaar genoemd. "
            "Sessies die minder dan 30 dagen geleden begonnen, tellen ook niet mee als het abonnement al "
            "is beëindigd: wie weggaat is vroeg bekend, wie blijft pas op die dag."
        ),
    ),
}
