"""What each code says in Dutch: a sentence and an advice, by its word. Not yet read by a native editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "claim_refused": (
        "Het verzonden resultaat is geweigerd.",
        "De reden staat in het antwoord.",
    ),
    "malformed": (
        "De verzonden inhoud is niet leesbaar.",
        "Controleer het script of het formulier dat de inhoud verzendt.",
    ),
    "wrong_content_type": (
        "De request is geen JSON en geen formulier.",
        "Stel de Content-Type van de request in.",
    ),
    "content_encoding": (
        "De request heeft een Content-Encoding.",
        "Verzend de inhoud ongewijzigd; een proxy ervoor mag hem uitpakken.",
    ),
    "too_slow": (
        "De verzonden inhoud kwam niet op tijd aan.",
        "De klant kan het opnieuw proberen; veel gevallen tegelijk zijn een aanval.",
    ),
    "too_large": (
        "De verzonden inhoud is te groot.",
        "Verhoog max_body_bytes als echte klanten dit bereiken.",
    ),
    "too_many_posts": (
        "De klant heeft binnen een minuut meer resultaten verzonden dan er worden vastgelegd.",
        "U hoeft niets te doen; verhoog most_posts_per_minute als echte klanten dit bereiken.",
    ),
    "too_much_unfinished": (
        "Te veel eerdere verzoeken van de klant zijn nog niet afgerond.",
        "Kijk waarom ze niet zijn afgerond: aiocancel actions --state waiting.",
    ),
    "not_logged_in": (
        "Er is niemand ingelogd.",
        "De klant moet opnieuw inloggen.",
    ),
    "grant_refused": (
        "Het toegangsbewijs van de pagina staat deze request niet toe.",
        "De klant moet de pagina opnieuw openen.",
    ),
    "grant_invalid": (
        "Het toegangsbewijs van de pagina is gewijzigd of met een andere sleutel ondertekend.",
        "Controleer of alle processen dezelfde grant_keys hebben.",
    ),
    "grant_expired": (
        "De pagina stond te lang open.",
        "De klant moet de pagina opnieuw openen.",
    ),
    "grant_mode": (
        "De pagina is gemaakt in de andere modus, live of test.",
        "Controleer welke sleutels de processen hebben.",
    ),
    "grant_not_yours": (
        "De pagina is gemaakt voor een andere klant.",
        "Controleer of geen cache dezelfde pagina aan meerdere klanten geeft.",
    ),
    "grant_used": (
        "Het toegangsbewijs van de pagina is al gebruikt voor een ander resultaat.",
        "De klant moet de pagina opnieuw openen.",
    ),
    "subscription_not_yours": (
        "Het abonnement is niet meer van de klant.",
        "Controleer de abonnementsquery als de klant het betwist.",
    ),
    "foreign_post": (
        "Het formulier van de openbare opzegpagina is verzonden vanaf een andere website.",
        "U hoeft niets te doen; de persoon is gevraagd opnieuw te klikken.",
    ),
    "trap_filled_in": (
        "Het veld van het openbare opzegformulier dat niemand ziet, was ingevuld.",
        "U hoeft niets te doen; een persoon is gevraagd opnieuw te klikken.",
    ),
    "too_many_declarations": (
        "Er kwamen binnen een uur meer opzeggingen dan PublicExit aanneemt.",
        "Kijk of iemand met het formulier speelt, en verhoog de limieten als echte mensen ze bereiken.",
    ),
    "no_contract_found": (
        (
            "Een opzegging via de openbare opzegpagina is niet met zekerheid aan een contract te koppelen; de "
            "ontvangstbevestiging is verzonden."
        ),
        "Zoek het contract, zeg het op en sluit de actie.",
    ),
    "several_contracts": (
        "De klant van een opzegging heeft meerdere abonnementen.",
        "Zeg het bedoelde abonnement op en sluit de actie.",
    ),
    "for_cause": (
        "Er is opgezegd om gewichtige redenen; de ontvangstbevestiging is verzonden.",
        "Beoordeel de opzegging, regel het bij Stripe en sluit de actie.",
    ),
    "date_is_wished": (
        "Een opzegging noemt een gewenste dag; de ontvangstbevestiging is verzonden.",
        "Stel het einde in bij Stripe en sluit de actie.",
    ),
    "find_failed": (
        "De functie find van de applicatie gaf een fout of bleef hangen.",
        "Zoek de fout in de log van de worker; de worker probeert het opnieuw.",
    ),
    "no_public_exit": (
        "Er kwam een opzegging via de openbare opzegpagina, maar de instellingen van de worker kennen er geen.",
        "Geef elk proces dezelfde instellingen.",
    ),
    "link_expired": (
        "De link in een e-mail is ouder dan acknowledgement_link_days.",
        "De klant moet inloggen en de pagina vanuit het account openen.",
    ),
    "unknown_claim": (
        "Deze klant heeft dit verzoek niet gedaan.",
        "Controleer het adres als de klant het betwist.",
    ),
    "unknown_subscription": (
        "De request noemt een abonnement dat niet van de klant is.",
        "Controleer het ID dat uw pagina aan de knop geeft.",
    ),
    "unknown_customer": (
        "Stripe kent het klant-ID uit de database niet.",
        "Vergelijk het ID met het account en de modus van de sleutel; zeg intussen handmatig op voor wie erom vraagt.",
    ),
    "too_many_lookups": (
        "De abonnementen van één klant zijn binnen een minuut te vaak bij Stripe opgevraagd.",
        "U hoeft niets te doen: /cancel blijft werken. Zoek, als het aanhoudt, een pagina die in een lus opvraagt.",
    ),
    "which_subscription": (
        "De klant heeft meerdere abonnementen en het is niet duidelijk welk abonnement bedoeld is.",
        "Noem er een met button(subscription=...) of kies een regel.",
    ),
    "not_at_this_step": (
        "De flowsessie is niet bij de stap die is verzonden.",
        "De klant moet de pagina opnieuw openen.",
    ),
    "flow_session_is_over": (
        "De flowsessie is geëindigd of te lang blijven liggen.",
        "De klant moet opnieuw beginnen; opzeggen blijft hoe dan ook mogelijk.",
    ),
    "offer_was_not_shown": (
        "Dit is niet het aanbod dat de klant op het scherm heeft.",
        "U hoeft niets te doen; let op of één klant het herhaalt.",
    ),
    "offer_no_longer_fits": (
        "Het aanbod is getoond en past niet meer bij het abonnement.",
        "Bekijk de gebeurtenissen van het abonnement bij Stripe als de klant het betwist.",
    ),
    "months_were_not_offered": (
        "De klant kon deze duur van de pauze niet kiezen, of de duur ontbreekt.",
        "De klant moet de pagina opnieuw openen.",
    ),
    "unavailable": (
        "De database of, indien bevraagd, Stripe antwoordde niet.",
        "Controleer de database en de statuspagina van Stripe.",
    ),
    "subscription_changed_hands": (
        "Het abonnement is niet meer van de klant die het verzoek deed.",
        "Vraag na van wie het nu is; doe de wijziging bij Stripe of sluit de actie.",
    ),
    "ended_by_the_company": (
        "De klant wil een abonnement houden dat niet via deze applicatie is opgezegd.",
        "Trek de opzegging bij Stripe in als u de klant wilt houden.",
    ),
    "resuming_is_off": (
        "Met uw instelling resume_policy kan niemand een opzegging intrekken.",
        "Trek de opzegging bij Stripe in als u de klant wilt houden.",
    ),
    "subscription_has_ended": (
        "Het abonnement is al beëindigd.",
        "Sluit de actie of verkoop de klant een nieuw abonnement.",
    ),
    "subscription_is_ending": (
        "Het abonnement eindigt al op een vaste datum.",
        "Vraag de klant of de opzegging nog geldt.",
    ),
    "subscription_is_paused": (
        "Het abonnement is al gepauzeerd.",
        "Beëindig de pauze bij Stripe en probeer het opnieuw, of sluit de actie.",
    ),
    "ends_by_agreement": (
        "Het einde ligt na de lopende betaalperiode, dus de klant heeft het niet hier ingesteld.",
        "Beslis bij Stripe of het einde eraf mag.",
    ),
    "shape_is_unknown": (
        "Stripe toont een status of interval die deze versie niet kent, of niet alle onderdelen.",
        "Doe de wijziging bij Stripe of installeer een nieuwere versie.",
    ),
    "first_payment_is_missing": (
        "De klant heeft de eerste betaling nog niet gedaan.",
        "Probeer het na de betaling opnieuw, of sluit de actie.",
    ),
    "payment_is_overdue": (
        "De klant moet nog betalen, dus dit aanbod wacht op uw beslissing.",
        "Regel de factuur en probeer het opnieuw, of sluit de actie.",
    ),
    "paused_by_somebody_else": (
        "De pauze komt niet van een aanbod dat hier is gedaan.",
        "Vraag na wie de pauze bij Stripe heeft ingesteld voordat u die beëindigt.",
    ),
    "no_discount_of_ours": (
        "Geen enkele korting op het abonnement komt van een aanbod dat hier is gedaan.",
        "Verwijder de korting bij Stripe of sluit de actie.",
    ),
    "changed_since_it_was_tried": (
        "Het abonnement is na een eerdere poging gewijzigd, dus dezelfde wijziging kan schade doen.",
        "Vergelijk het abonnement met de pogingen en doe de wijziging daarna bij Stripe.",
    ),
    "another_update_is_pending": (
        "Een andere wijziging van het abonnement wacht op een betaling.",
        "Wacht die betaling af en probeer het opnieuw.",
    ),
    "undone_elsewhere": (
        "Stripe heeft deze wijziging al gedaan, en een andere persoon of een ander programma heeft die teruggedraaid.",
        "Vraag na wie dat heeft gedaan voordat u het opnieuw probeert.",
    ),
    "wrong_mode": (
        "Het abonnement hoort bij de andere modus, live of test.",
        "Controleer de Stripe-sleutel en de abonnementsquery.",
    ),
    "offer_is_missing": (
        "In het register ontbreekt het aanbod bij een actie die er een nodig heeft.",
        "Bekijk het verzoek bij de actie en sluit de actie.",
    ),
    "subscription_has_a_schedule": (
        "Bij Stripe plant een subscription schedule wat er met dit abonnement gebeurt.",
        "Mag het plan vervallen, geef de schedule daar dan vrij; doe anders de wijziging er zelf in.",
    ),
    "schedule_is_unknown": (
        "De subscription schedule kon niet worden gelezen.",
        "Controleer of de Stripe-sleutel subscription schedules mag lezen.",
    ),
    "schedule_of_another_subscription": (
        "Volgens Stripe stuurt de schedule een ander abonnement, dus hij blijft ongemoeid.",
        "Bekijk het abonnement en zijn schedule bij Stripe.",
    ),
    "schedule_has_pending_phases": (
        "De subscription schedule plant latere fasen, bijvoorbeeld een andere prijs, die verloren zouden gaan.",
        "Vraag wie de latere fasen heeft gepland. Mogen ze vervallen, geef de schedule dan vrij; "
        "doe anders de wijziging er zelf in.",
    ),
    "schedule_cannot_be_kept": (
        "De subscription schedule bevat meer dan precies zo weer naar Stripe kan worden verzonden.",
        "Plan de wijziging bij Stripe in de schedule.",
    ),
    "planned_by_somebody_else": (
        "De wijziging die in de schedule staat, komt niet van een aanbod dat hier is gedaan.",
        "Vraag na wie die bij Stripe heeft gepland voordat u de schedule loskoppelt.",
    ),
    "plan_has_come": (
        "De wijziging van abonnementsvorm die moest worden ingetrokken, is al ingegaan.",
        "Spreek met de klant een abonnementsvorm af en wijzig die bij Stripe.",
    ),
    "plan_is_planned_no_more": (
        "De abonnementsvorm die voor het einde van de betaalperiode was beloofd, staat niet meer in de schedule.",
        "Vraag na wie die eruit heeft gehaald; wijzig daarna de abonnementsvorm bij Stripe of licht de klant in.",
    ),
    "schedule_has_an_end_of_its_own": (
        "De subscription schedule heeft een eigen einde.",
        "Doe de wijziging bij Stripe in de schedule.",
    ),
    "custom_offer_is_not_stripes": (
        "Een aanbod van het type custom kan niet bij Stripe worden uitgevoerd.",
        "Voer het handmatig uit.",
    ),
    "customer_coupons_are_gone": (
        "Stripe accepteert geen coupon meer voor een hele klant.",
        "Stel in dat het aanbod voor het abonnement geldt.",
    ),
    "percentage_is_out_of_range": (
        "Het percentage moet boven 0 en hoogstens 100 zijn, met hoogstens vier decimalen.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "amount_does_not_fit_the_currency": (
        "Het bedrag is niet te schrijven in de valuta van het abonnement.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "customer_discount_would_be_lost": (
        "Stripe bewaart de eigen korting van de klant niet naast de nieuwe, dus er is niets gewijzigd.",
        "Geef bij Stripe de beste korting of spreek een ander aanbod af.",
    ),
    "no_payment_falls_into_the_discount": (
        "Zolang de korting geldt, is er geen betaling; de klant zou er dus niets aan hebben.",
        "Geef een langere korting, of wacht de betaling af en probeer het opnieuw.",
    ),
    "payment_pays_for_more_than_the_discount": (
        "De betaling waarop de korting geldt, dekt veel meer tijd dan de korting duurt.",
        "Stel OfferRules(most_months_of_a_discounted_payment=...) in of spreek een ander aanbod af.",
    ),
    "a_discount_would_be_used_up": (
        "Een korting voor één betaling kan opgaan aan een factuur die de klant niet betaalt.",
        "Doe het aanbod na de volgende betaling of voeg de korting opnieuw toe.",
    ),
    "a_discount_would_run_out": (
        "Een korting die de klant heeft, zou aflopen tijdens de gratis tijd en meer waard zijn dan die tijd.",
        "Laat de korting bij Stripe langer duren of spreek een ander aanbod af.",
    ),
    "plan_would_be_billed_at_once": (
        (
            "De abonnementsvorm heeft een ander interval: Stripe zou meteen factureren, zonder betaalde tijd te "
            "verrekenen."
        ),
        "Laat het aanbod naar rato verrekenen of stel OfferRules(unprorated_interval_change='allow') in.",
    ),
    "seats_would_not_be_fewer": (
        "Het aanbod heeft meer gebruikersplaatsen dan het abonnement, of het abonnement heeft er geen om te tellen.",
        "Corrigeer OfferRules(seat_offers=...) of wijzig de gebruikersplaatsen bij Stripe.",
    ),
    "seats_of_another_price": (
        (
            "De gebruikersplaatsen van het aanbod horen bij een prijs die het abonnement niet betaalt, en kunnen "
            "meer kosten."
        ),
        (
            "Noem in OfferRules(seat_offers=...) de prijs die deze klanten betalen, of wijzig de "
            "gebruikersplaatsen bij Stripe."
        ),
    ),
    "paid_time_would_be_lost": (
        "De pauze zou meteen beginnen, zonder betaalde tijd te verrekenen.",
        "Laat de pauze aan het einde van de betaalperiode beginnen of kies een andere OfferRules(pause_credit=...).",
    ),
    "seats_may_cost_more": (
        "De prijs per gebruikersplaats hangt af van het aantal, dus minder plaatsen kunnen meer kosten.",
        "Bekijk de staffel van de prijs bij Stripe en wijzig de gebruikersplaatsen daar als de klant minder betaalt.",
    ),
    "quantity_is_unknown": (
        "De abonnementsvorm wordt per aantal betaald en het abonnement per verbruik, dus het aantal is niet bekend.",
        "Wijzig de abonnementsvorm bij Stripe, met het aantal dat u met de klant afspreekt.",
    ),
    "a_trial_cannot_be_scheduled": (
        (
            "De abonnementsvorm moet aan het einde van de betaalperiode wijzigen, maar het abonnement zit in een "
            "proefperiode."
        ),
        "Wijzig de abonnementsvorm bij Stripe naar eigen inzicht.",
    ),
    "coupon_is_there_already": (
        "Het abonnement heeft deze coupon al. Alleen versie 0.1 zette zulke aanbiedingen stil.",
        "Sluit de actie of voeg bij Stripe een andere coupon toe.",
    ),
    "coupon_ends_earlier": (
        "Het abonnement heeft deze coupon al, maar voor minder betalingen dan het aanbod belooft.",
        "Laat de korting bij Stripe langer duren of spreek een ander aanbod af.",
    ),
    "next_payment_is_unknown": (
        "Stripe noemt geen datum voor de volgende betaling.",
        "Bekijk de onderdelen van het abonnement bij Stripe.",
    ),
    "periods_are_mixed": (
        "De onderdelen van het abonnement worden op verschillende data betaald.",
        "Doe de wijziging bij Stripe naar eigen inzicht.",
    ),
    "trial_is_too_short": (
        "De verlenging van de proefperiode is korter dan een dag.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "trial_is_too_long": (
        "De proefperiode zou langer duren dan Stripe toestaat.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "plan_is_there_already": (
        "Het abonnement heeft deze prijs al. Alleen versie 0.1 zette zulke aanbiedingen stil.",
        "Sluit de actie.",
    ),
    "which_item_is_the_plan": (
        "Meerdere onderdelen van het abonnement kunnen de abonnementsvorm zijn.",
        "Noem de abonnementsvormen in OfferRules(plan_price_ids=...) en probeer het opnieuw.",
    ),
    "pause_is_too_long": (
        "Het einde van de pauze ligt voorbij elke geldige datum.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "pause_is_too_short": (
        "De pauze zou eindigen voordat ze begint.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "no_payment_falls_into_the_pause": (
        "In de pauze valt geen betaling, dus de klant zou er niets aan hebben.",
        "Spreek met de klant een langere pauze af.",
    ),
    "payment_pays_for_more_than_the_pause": (
        "De overgeslagen betaling zou veel meer tijd dekken dan de pauze.",
        "Spreek met de klant een ander aanbod af.",
    ),
    "payment_came_before_the_pause": (
        "De betaling die de pauze had moeten overslaan, is al gedaan.",
        "Betaal die terug of laat de pauze later beginnen.",
    ),
    "pause_needs_flexible_billing": (
        "Stripe pauzeert alleen abonnementen in de flexibele factureringsmodus (billing_mode flexible).",
        'Gebruik OfferRules(pause_mechanism="pause_collection").',
    ),
    "a_trial_cannot_be_paused": (
        "Stripe pauzeert geen abonnement dat in de proefperiode zit.",
        'Gebruik OfferRules(pause_mechanism="pause_collection") of verleng de proefperiode.',
    ),
    "no_payment_method": (
        "De klant heeft geen betaalmethode waarvan na de pauze kan worden afgeschreven.",
        "Vraag de klant erom en probeer het opnieuw.",
    ),
    "pause_needs_automatic_charges": (
        "Stripe beëindigt de pauze niet van een abonnement dat per factuur wordt betaald.",
        'Gebruik OfferRules(pause_mechanism="pause_collection").',
    ),
    "next_payment_too_close": (
        "De volgende betaling stond langere tijd vlak voor de deur.",
        "Probeer het na de betaling opnieuw.",
    ),
    "payment_was_not_made": (
        "De klant heeft niet betaald, dus de abonnementsvorm blijft zoals die was.",
        "Laat het zo of bied de abonnementsvorm opnieuw aan.",
    ),
    "payment_declined": (
        "De bank van de klant heeft de betaling geweigerd.",
        "Laat het zo of vraag de klant om een andere betaalmethode.",
    ),
    "resumption_is_not_paid": (
        "De betaling na de pauze is niet gedaan, dus de pauze duurt voort.",
        "Vraag de klant de factuur te betalen; zolang die openstaat, probeert Stripe het vanzelf opnieuw.",
    ),
    "withdrawn": (
        "De klant heeft de pauze ingetrokken voordat ze begon.",
        "U hoeft niets te doen.",
    ),
    "no_handler_for_this_offer": (
        "Voor dit aanbod van het type custom is geen handler geregistreerd.",
        "Registreer er een met @cancel.on_offer en probeer het opnieuw.",
    ),
    "bad_offer_id": (
        "Het ID van het aanbod is niet leesbaar.",
        "Vraag de flowleverancier naar het aanbod.",
    ),
    "conflicting_types": (
        "De flowleverancier noemt twee typen voor één aanbod.",
        "Vraag de flowleverancier naar het aanbod.",
    ),
    "conflicting_ids": (
        "De flowleverancier noemt twee ID's voor één ding.",
        "Vraag de flowleverancier naar het aanbod.",
    ),
    "unknown_offer_type": (
        "Deze versie kent het type van het aanbod niet.",
        "Voer het handmatig uit of werk aiocancel bij.",
    ),
    "coupon_type_missing": (
        "Het aanbod zegt niet of de waarde een percentage is.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "bad_amount": (
        "Het bedrag van het aanbod is niet leesbaar.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "bad_duration": (
        "De duur van de coupon is niet leesbaar.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "bad_months": (
        "Het aantal maanden is niet leesbaar.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "bad_days": (
        "Het aantal dagen is niet leesbaar.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "bad_apply_to": (
        "Het aanbod zegt niet duidelijk waarvoor de coupon geldt.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "bad_coupon_id": (
        "Het ID van de coupon kan niet van Stripe zijn.",
        "Corrigeer het ID van de coupon bij de flowleverancier.",
    ),
    "plan_missing": (
        "Het aanbod noemt geen prijs van Stripe.",
        "Koppel het aanbod bij de flowleverancier aan een prijs.",
    ),
    "bad_prorate": (
        "Het aanbod zegt niet of de wijziging naar rato wordt verrekend.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "bad_pause": (
        "De duur of het begin van de pauze is niet leesbaar.",
        "Corrigeer het aanbod bij de flowleverancier.",
    ),
    "offer_not_allowed": (
        "OfferLimits noemt dit aanbod niet.",
        "Zet het in offer_ids en probeer het opnieuw, of sluit de actie.",
    ),
    "price_not_allowed": (
        "OfferLimits noemt deze prijs niet.",
        "Zet hem in price_ids en probeer het opnieuw, of sluit de actie.",
    ),
    "coupon_not_allowed": (
        "OfferLimits noemt deze coupon niet.",
        "Zet hem in coupon_ids en probeer het opnieuw, of sluit de actie.",
    ),
    "coupon_is_not_on_the_list": (
        "OfferLimits begrenst coupons, dus een bestaande coupon moet erin staan.",
        "Zet hem in coupon_ids en probeer het opnieuw, of sluit de actie.",
    ),
    "percent_too_high": (
        "Het percentage ligt boven uw limiet.",
        "Verhoog max_percent en probeer het opnieuw, of sluit de actie.",
    ),
    "amount_too_high": (
        "Het bedrag ligt boven uw limiet.",
        "Verhoog max_amount en probeer het opnieuw, of sluit de actie.",
    ),
    "too_many_months": (
        "De coupon of de pauze duurt langer dan uw limiet.",
        "Verhoog max_months en probeer het opnieuw, of sluit de actie.",
    ),
    "too_many_days": (
        "De verlenging van de proefperiode is langer dan uw limiet.",
        "Verhoog max_days en probeer het opnieuw, of sluit de actie.",
    ),
    "given_recently": (
        "Het abonnement heeft binnen at_most_one_gift_in_days al iets gekregen.",
        "Voer het aanbod handmatig uit, of laat de klant weten dat het niet doorgaat; sluit daarna de actie.",
    ),
    "not_for_this_customer": (
        "De voorwaarde van het aanbod geldt niet voor deze klant.",
        "Wijzig when= van het aanbod als het voor zulke klanten bedoeld was.",
    ),
    "nobody_knows_whether_it_fits": (
        "De voorwaarde van het aanbod vraagt iets wat van deze klant niet bekend is.",
        "Geef de flow het land, de plaats of de kolom waar de voorwaarde naar vraagt.",
    ),
    "forbidden_by_a_rule": (
        "Een regel van u, of van de plaats van de klant, verbiedt het aanbod.",
        "Lees de regels met aiocancel flow show.",
    ),
    "permission_is_missing": (
        "Een regel staat het aanbod pas toe als de klant ermee instemt er een te zien.",
        "U hoeft niets te doen; de flow vraagt het één keer.",
    ),
    "subscription_was_not_read": (
        "Stripe antwoordde niet op tijd, dus het is niet bekend welk aanbod bij het abonnement past.",
        "Bekijk de statuspagina van Stripe als het aanhoudt.",
    ),
    "not_in_trial": (
        "Een langere proefperiode is er alleen voor een abonnement dat in de proefperiode zit.",
        "U hoeft niets te doen.",
    ),
    "no_amount_in_the_currency": (
        "amount_off van het aanbod heeft geen bedrag in de valuta van het abonnement.",
        "Voeg er een toe als klanten die in die valuta betalen het aanbod moeten krijgen.",
    ),
    "has_it_already": (
        "Het abonnement heeft al wat er wordt aangeboden.",
        "U hoeft niets te doen.",
    ),
    "payment_is_near": (
        "Er staat een betaling voor de deur, en het aanbod moet daarop wachten.",
        "U hoeft niets te doen; later wordt het aanbod wel getoond.",
    ),
    "plan_would_come_later": (
        "Het aanbod gaat meteen in, maar OfferRules stelt elke abonnementsvorm uit tot het einde van de betaalperiode.",
        "Geef het aanbod at='period_end' of laat plan_starts weg.",
    ),
    "price_is_not_known": (
        "Stripe liet niet op tijd of niet met zekerheid weten wat de klant met het aanbod zou betalen.",
        "Zoek een gebeurtenis PageFactsMissing; sommige facturen, zoals die met verbruik, hebben geen vaste prijs.",
    ),
    "held_out": (
        "Het abonnement hoort bij de groep die geen aanbod krijgt, zodat de rest te vergelijken is.",
        "Verlaag hold_out_percent als de vergelijkingsgroep kleiner moet zijn.",
    ),
    "flow_session_unknown": (
        "De flowleverancier kent deze flowsessie niet.",
        "U hoeft niets te doen; let op of één klant het herhaalt.",
    ),
    "flow_session_of_another_customer": (
        "De flowsessie is van een andere klant.",
        "U hoeft niets te doen; let op of één klant het herhaalt.",
    ),
    "flow_session_of_another_subscription": (
        "De flowsessie hoort bij een ander abonnement.",
        "U hoeft niets te doen; let op of één klant het herhaalt.",
    ),
    "flow_session_says_canceled": (
        "Volgens de flowleverancier heeft de klant opgezegd.",
        "Vraag de klant of er moet worden opgezegd.",
    ),
    "flow_session_says_deflected": (
        "Volgens de flowleverancier is de klant zonder aanbod gebleven.",
        "U hoeft niets te doen.",
    ),
    "flow_session_says_incomplete": (
        "Volgens de flowleverancier heeft de klant de flow verlaten.",
        "U hoeft niets te doen.",
    ),
    "flow_session_says_rerouted": (
        "Volgens de flowleverancier is de klant doorverwezen.",
        "U hoeft niets te doen.",
    ),
    "flow_session_says_unknown": (
        "De flowleverancier geeft de flowsessie een status die deze versie niet kent.",
        "Bekijk de flowsessie bij de flowleverancier.",
    ),
    "flow_session_is_old": (
        "De flowsessie eindigde meer dan een week geleden; misschien is het aanbod toen al gegeven.",
        "Controleer of de klant het aanbod al heeft.",
    ),
    "flow_session_paid_before": (
        "Deze flowsessie heeft al tot een aanbod geleid.",
        "U hoeft niets te doen.",
    ),
    "flow_session_still_open": (
        "De flowleverancier heeft de flowsessie niet op tijd gesloten.",
        "Probeer het opnieuw nadat de flowleverancier die heeft gesloten.",
    ),
    "no_offer_named": (
        "De flowleverancier noemt geen aangenomen aanbod.",
        "Bekijk de flowsessie bij de flowleverancier.",
    ),
    "flow_session_not_proven": (
        "Niets bewijst dat een pagina van deze applicatie de flowsessie heeft geopend.",
        (
            "Vraag het de klant; was het de bedoeling, probeer het dan opnieuw, sluit anders de actie. Zet bij "
            "de flowleverancier ondertekende requests aan."
        ),
    ),
    "flow_session_proof_used": (
        "Een andere flowsessie heeft het bewijs van deze pagina gebruikt.",
        "Vraag het de klant; was het de bedoeling, probeer het dan opnieuw, sluit anders de actie.",
    ),
    "flow_session_ended_another": (
        "Dezelfde flowsessie heeft al een ander abonnement van deze klant opgezegd.",
        "Vraag het de klant; moest ook dit eindigen, probeer het dan opnieuw, sluit anders de actie.",
    ),
    "refused_on_the_page": (
        "De pagina die deze flowsessie meldde, is geweigerd, en dat is de klant gemeld.",
        "Vraag de klant van wie de pagina was; was het de bedoeling, probeer het dan opnieuw, sluit anders de actie.",
    ),
    "no_flow_session_named": (
        "De pagina meldde een aangenomen aanbod, maar noemde geen flowsessie.",
        "Zoek de flowsessie van de klant bij de flowleverancier.",
    ),
    "no_event_of_flow_session": (
        "De flowleverancier heeft geen gebeurtenis bij deze flowsessie, zoals bij die van zijn testmodus.",
        "Sluit de actie als het een test was; probeer het anders opnieuw.",
    ),
    "vendor_did_not_act": (
        "Stripe toont de wijziging niet die de flowleverancier heeft beloofd.",
        "Doe de wijziging bij Stripe en licht de flowleverancier in.",
    ),
    "customer_coupons_do_not_show": (
        "Een abonnement toont geen coupon die voor de hele klant geldt.",
        "Bekijk de kortingen van de klant bij Stripe.",
    ),
    "vendor_api_not_configured": (
        "De flowleverancier kan niet zonder API-sleutel worden bevraagd.",
        "Stel de API-sleutel van de flowleverancier in en probeer het opnieuw.",
    ),
    "vendor_error": (
        "De API van de flowleverancier gaf een fout.",
        "Bekijk de statuspagina van de flowleverancier.",
    ),
    "vendor_unreachable": (
        "De API van de flowleverancier gaf geen antwoord.",
        "Bekijk de statuspagina van de flowleverancier.",
    ),
    "vendor_refused": (
        "De API van de flowleverancier heeft de vraag geweigerd.",
        "Vraag de flowleverancier naar de flowsessie.",
    ),
    "vendor_data": (
        "Het antwoord van de flowleverancier heeft een vorm die niet leesbaar is.",
        "Werk aiocancel bij of vraag het de flowleverancier.",
    ),
    "not_the_vendors_answer": (
        "Het antwoord is geen JSON-object, maar komt bijvoorbeeld van een proxy of een onderhoudspagina.",
        "Bekijk de statuspagina van de flowleverancier als het aanhoudt.",
    ),
    "bad_api_key": (
        "De flowleverancier heeft de API-sleutel geweigerd.",
        "Vervang de API-sleutel van de flowleverancier.",
    ),
    "bad_id": (
        "Het ID kan niet van de flowleverancier zijn.",
        "Bekijk het verzoek; misschien heeft een browser het ID verzonnen.",
    ),
    "rate_limited": (
        "De limiet van de flowleverancier is bereikt.",
        "U hoeft niets te doen; de worker probeert het opnieuw.",
    ),
    "timeout": (
        "De flowleverancier antwoordde niet op tijd.",
        "U hoeft niets te doen; de worker probeert het opnieuw.",
    ),
    "unreachable": (
        "De flowleverancier is niet bereikbaar.",
        "Controleer het netwerk als het aanhoudt.",
    ),
    "api_error": (
        "Er is een fout opgetreden bij Stripe zelf.",
        "Bekijk de statuspagina van Stripe.",
    ),
    "bad_account": (
        "In de rij van het abonnement staat een account dat niet van Stripe is.",
        "Corrigeer de rij en probeer de actie daarna opnieuw.",
    ),
    "permission_missing": (
        "De beperkte sleutel mist een recht; de gebeurtenis PermissionMissing noemt het.",
        "Geef de sleutel dat recht in het Stripe-dashboard; de worker probeert het vanzelf opnieuw.",
    ),
    "card_declined": (
        "De kaart van de klant is geweigerd.",
        "Vraag de klant om een andere betaalmethode.",
    ),
    "idempotency_error": (
        "Stripe kent een andere aanroep met deze idempotentiesleutel.",
        "U hoeft niets te doen; de volgende poging gebruikt een nieuwe sleutel.",
    ),
    "written_before": (
        (
            "Dit verzoek is al eerder naar Stripe verzonden, maar niet vanuit dit register, en Stripe toont het "
            "effect niet."
        ),
        "Bekijk de gebeurtenissen van het abonnement bij Stripe en sluit de actie.",
    ),
    "idempotency_key_in_use": (
        "Stripe werkt nog aan dezelfde aanroep.",
        "U hoeft niets te doen; de worker probeert het opnieuw.",
    ),
    "invalid_canceled_subscription_fields": (
        "Stripe wijzigt geen abonnement dat is beëindigd.",
        "Sluit de actie.",
    ),
    "invalid_request_error": (
        "Stripe heeft de aanroep geweigerd.",
        "Zoek het request-ID op in het Stripe-dashboard.",
    ),
    "lock_timeout": (
        "Een andere aanroep hield het abonnement bij Stripe bezet.",
        "U hoeft niets te doen; de worker probeert het opnieuw.",
    ),
    "rate_limit": (
        "De limiet van Stripe is bereikt.",
        "Verlaag max_requests_per_s als het aanhoudt.",
    ),
    "resource_already_exists": (
        "Stripe heeft al een object met dit ID.",
        "Zoek het request-ID op in het Stripe-dashboard.",
    ),
    "resource_missing": (
        "Stripe kent dit abonnement niet, of deze prijs of coupon niet.",
        "Controleer het ID, de modus en het Stripe-account.",
    ),
    "resource_rate_limit": (
        "Te veel aanroepen wijzigden bij Stripe hetzelfde object.",
        "Zoek een ander programma dat het abonnement wijzigt.",
    ),
    "rate_budget": (
        "De eigen limiet voor aanroepen naar Stripe is bereikt.",
        "Verhoog max_requests_per_s als het aanhoudt.",
    ),
    "unreadable": (
        "Het antwoord is niet leesbaar.",
        "Werk aiocancel bij of zoek het request-ID op in het Stripe-dashboard.",
    ),
    "not_visible": (
        "Stripe heeft de wijziging geaccepteerd, maar toont die niet.",
        "Zoek het request-ID op in het Stripe-dashboard.",
    ),
    "too_many_subscriptions": (
        "De klant heeft te veel abonnementen om op te sommen.",
        "Laat de applicatie het abonnement noemen.",
    ),
    "bad_subscription_id": (
        "In de database staat een ID dat niet van een abonnement kan zijn.",
        "Corrigeer de abonnementsquery.",
    ),
    "transient": (
        "De poging is mislukt en er is niets gewijzigd.",
        "U hoeft niets te doen; de worker probeert het opnieuw.",
    ),
    "unknown": (
        "De poging is mislukt, maar de wijziging is misschien toch gedaan.",
        "U hoeft niets te doen; de worker leest het abonnement en probeert het opnieuw.",
    ),
    "rejected": (
        "De andere kant heeft de wijziging zonder code geweigerd.",
        "Zoek het request-ID op in het Stripe-dashboard.",
    ),
    "gave_up_transient": (
        "De worker heeft het na veel mislukte pogingen opgegeven; de laatste heeft niets gewijzigd.",
        "Neem de oorzaak weg die uit de pogingen blijkt, en probeer het opnieuw.",
    ),
    "gave_up_unknown": (
        "De worker heeft het na veel mislukte pogingen opgegeven; de laatste heeft het abonnement misschien gewijzigd.",
        "Vergelijk het abonnement met de pogingen en probeer het opnieuw.",
    ),
    "attempt_timeout": (
        "De poging duurde te lang.",
        "Controleer het netwerk en de handler van het aanbod.",
    ),
    "database_unavailable": (
        "De database antwoordde niet tijdens de poging.",
        "Controleer de database.",
    ),
    "ledger_unreadable": (
        "Het register bevat een type dat deze versie niet kent.",
        "Werk deze worker bij naar de nieuwste versie die in het register heeft geschreven.",
    ),
    "row_unreadable": (
        "Een opgeslagen deel van de actie is voor geen enkele versie leesbaar.",
        "Herstel de kolommen offer, change en baseline in de rij van de actie en probeer het opnieuw.",
    ),
    "no_discount": (
        "Het abonnement heeft geen korting.",
        "Doe de wijziging bij Stripe en licht de flowleverancier in.",
    ),
    "price_differs": (
        "Na een aanbod van uw eigen flow toont Stripe een andere volgende betaling dan de klant is verteld.",
        "Vergelijk de sessie met het abonnement bij Stripe en kom na wat de klant is verteld.",
    ),
    "another_discount": (
        "Het abonnement heeft een andere korting.",
        "Doe de wijziging bij Stripe en licht de flowleverancier in.",
    ),
    "no_trial": (
        "Het abonnement zit niet in een proefperiode.",
        "Doe de wijziging bij Stripe en licht de flowleverancier in.",
    ),
    "shorter_trial": (
        "De proefperiode eindigt te vroeg.",
        "Doe de wijziging bij Stripe en licht de flowleverancier in.",
    ),
    "another_price": (
        "Het abonnement heeft een andere prijs.",
        "Doe de wijziging bij Stripe en licht de flowleverancier in.",
    ),
    "cancellation_taken_back": (
        "Het einde dat hier was gepland, is niet meer gepland: het is elders ingetrokken of uitgesteld.",
        "Vraag na of de klant dat wilde; er wordt niets opnieuw gedaan.",
    ),
    "discount_removed_elsewhere": (
        "De korting van een aangenomen aanbod is voortijdig verdwenen.",
        "Vraag na wie die heeft verwijderd; er wordt niets opnieuw gedaan.",
    ),
    "no_pause": (
        "Het abonnement is niet gepauzeerd.",
        "Doe de wijziging bij Stripe en licht de flowleverancier in.",
    ),
    "schedule_released": (
        "De subscription schedule is losgekoppeld.",
        "U hoeft niets te doen; de wijziging volgt.",
    ),
    "cancellation_withdrawn": (
        "De opzegging is ingetrokken, omdat de klant sindsdien een aanbod heeft aangenomen.",
        "U hoeft niets te doen; het aanbod volgt.",
    ),
    "schedule_amended": (
        "Het einde van de subscription schedule is gewijzigd.",
        "U hoeft niets te doen; de wijziging volgt.",
    ),
    "schedule_made": (
        "Voor het abonnement is een subscription schedule gemaakt.",
        "U hoeft niets te doen; de wijziging volgt.",
    ),
    "parked_for_a_person": (
        "De gebeurtenis leidde tot een stilgezette actie.",
        "Bekijk de stilgezette acties.",
    ),
    "not_opened_by_a_page": (
        "Het is niet bewezen dat de flowsessie van ons is, en er is niets vastgelegd.",
        "Zet bij de flowleverancier ondertekende requests aan.",
    ),
    "recorded": (
        "De gebeurtenis leidde tot een verzoek.",
        "U hoeft niets te doen.",
    ),
    "known": (
        "De browser van de klant had het ons al gemeld.",
        "U hoeft niets te doen.",
    ),
    "known_with_another_result": (
        "De browser van de klant had ons een ander resultaat gemeld.",
        "Bekijk de flowsessie bij de flowleverancier.",
    ),
    "no_subscription": (
        "De gebeurtenis noemt geen abonnement dat hier bekend is.",
        "Controleer de abonnementsquery als het vaak gebeurt.",
    ),
    "unknown_event": (
        "De flowleverancier kent deze gebeurtenis niet.",
        "Controleer het adres en het token van de webhook.",
    ),
    "signature_is_missing": (
        "De request heeft geen header Stripe-Signature.",
        "U hoeft niets te doen: alleen Stripe verzendt daarheen. Misschien heeft een proxy de header verwijderd.",
    ),
    "signature_is_wrong": (
        "Geen van de webhook-secrets heeft de handtekening gemaakt.",
        "Vergelijk webhook_secrets met het secret van het endpoint in het Stripe-dashboard.",
    ),
    "event_is_old": (
        "De gebeurtenis is meer dan vijf minuten geleden ondertekend.",
        "Zet de klok van deze machine gelijk; een oude gebeurtenis die wordt herhaald, is een aanval.",
    ),
    "event_is_from_the_future": (
        "De gebeurtenis is meer dan vijf minuten in de toekomst ondertekend.",
        "Zet de klok van deze machine gelijk.",
    ),
    "event_of_another_mode": (
        "De gebeurtenis is een testgebeurtenis bij een live-sleutel, of andersom.",
        "U hoeft niets te doen: endpoints voor gekoppelde accounts krijgen beide.",
    ),
    "event_of_another_account": (
        "De gebeurtenis hoort bij een ander account dan dat van deze instellingen.",
        "Laat het endpoint luisteren naar het account dat stripe_account noemt.",
    ),
    "nothing_to_do": (
        "De gebeurtenis gaat niet over een flowsessie die is geëindigd.",
        "U hoeft niets te doen.",
    ),
    "no_mailer": (
        "Er was een e-mail gepland, maar de instellingen van de worker kennen geen mailer.",
        "Geef elk proces dezelfde instellingen.",
    ),
    "nobody_to_write_to": (
        "Van deze klant is geen e-mailadres bekend.",
        "Geef email= op, of laat de abonnementsquery een kolom met die naam teruggeven.",
    ),
    "address_is_none": (
        "Wat als adres van de klant is opgeslagen, is niet één e-mailadres.",
        "Corrigeer het adres in uw eigen gegevens en probeer de actie daarna opnieuw.",
    ),
    "mail_refused": (
        "De mailserver heeft het adres of de e-mail definitief geweigerd.",
        (
            "Corrigeer het adres in uw eigen gegevens en probeer de actie opnieuw, of licht de klant op een "
            "andere manier in."
        ),
    ),
    "mail_try_again": (
        "De mailserver vroeg het later opnieuw te proberen.",
        "U hoeft niets te doen: de worker probeert het opnieuw.",
    ),
    "mail_waited_too_long": (
        "De e-mails ervoor duurden te lang; deze is niet overgedragen.",
        "De worker probeert het opnieuw. Ga na waarom de mailserver traag is als het aanhoudt.",
    ),
    "mail_server_away": (
        "De mailserver is niet bereikbaar of antwoordt niet op tijd.",
        "Controleer of de mailserver draait en of het adres klopt.",
    ),
    "mail_server_untrusted": (
        "De mailserver biedt geen TLS, of het certificaat is niet geldig.",
        "Corrigeer het certificaat of het adres van de server; er is niets verzonden.",
    ),
    "mail_login_refused": (
        "De mailserver heeft de gebruikersnaam en het wachtwoord geweigerd, of de afzender.",
        "Corrigeer de URL van de SmtpMailer of de afzender.",
    ),
    "mail_answer_lost": (
        "De verbinding viel weg nadat de e-mail was verzonden, dus die is misschien aangekomen.",
        "U hoeft niets te doen: de worker verzendt de e-mail nog een keer, en de klant krijgt die misschien dubbel.",
    ),
    "mailer_failed": (
        "De mailer van de applicatie gaf een fout, bleef hangen of gaf geen geldig antwoord.",
        "Zoek de fout in de log van de worker.",
    ),
    "gave_up": (
        "De worker vraagt de flowleverancier niets meer. Het laatste antwoord: {last}",
        "Bekijk de flowsessie bij de flowleverancier.",
    ),
    "http": (
        "Het antwoord had de HTTP-status {status}.",
        "Bekijk de statuspagina van de flowleverancier.",
    ),
    "error": (
        "Een fout van de klasse {name} heeft de poging beëindigd.",
        "Zoek de fout in de log van de worker.",
    ),
    "foreign": (
        "Dit woord komt van een ander systeem of van een nieuwere versie van aiocancel.",
        "Zoek het op bij de foutcodes van Stripe of werk aiocancel bij.",
    ),
}
