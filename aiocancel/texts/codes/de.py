"""What each code says in German: a sentence and an advice, by its word. Not yet read by a native editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "claim_refused": (
        "Das gesendete Ergebnis wurde abgelehnt.",
        "Der Grund steht in der Antwort.",
    ),
    "malformed": (
        "Der gesendete Inhalt ist nicht lesbar.",
        "Prüfen Sie das Skript oder das Formular, das ihn sendet.",
    ),
    "wrong_content_type": (
        "Der Request ist weder JSON noch ein Formular.",
        "Setzen Sie den Content-Type des Requests.",
    ),
    "content_encoding": (
        "Der Request hat ein Content-Encoding.",
        "Senden Sie den Inhalt unverändert; ein vorgeschalteter Proxy darf ihn entpacken.",
    ),
    "too_slow": (
        "Der gesendete Inhalt kam nicht rechtzeitig an.",
        "Der Kunde kann es noch einmal versuchen; viele Fälle auf einmal sind ein Angriff.",
    ),
    "too_large": (
        "Der gesendete Inhalt ist zu groß.",
        "Erhöhen Sie max_body_bytes, falls echte Kunden daran stoßen.",
    ),
    "too_many_posts": (
        "Der Kunde hat innerhalb einer Minute mehr Ergebnisse gesendet, als aufgezeichnet werden.",
        "Nichts zu tun; falls echte Kunden daran stoßen, erhöhen Sie most_posts_per_minute.",
    ),
    "too_much_unfinished": (
        "Zu viele frühere Anfragen des Kunden sind noch nicht abgeschlossen.",
        "Sehen Sie nach, warum sie nicht abgeschlossen sind: aiocancel actions --state waiting.",
    ),
    "not_logged_in": (
        "Niemand ist angemeldet.",
        "Der Kunde muss sich erneut anmelden.",
    ),
    "grant_refused": (
        "Die Freigabe der Seite erlaubt diesen Request nicht.",
        "Der Kunde muss die Seite erneut öffnen.",
    ),
    "grant_invalid": (
        "Die Freigabe der Seite wurde verändert oder mit einem anderen Schlüssel signiert.",
        "Prüfen Sie, ob alle Prozesse dieselben grant_keys haben.",
    ),
    "grant_expired": (
        "Die Seite war zu lange offen.",
        "Der Kunde muss die Seite erneut öffnen.",
    ),
    "grant_mode": (
        "Die Seite entstand im anderen Modus, live oder test.",
        "Prüfen Sie, welche Schlüssel die Prozesse haben.",
    ),
    "grant_not_yours": (
        "Die Seite wurde für einen anderen Kunden erstellt.",
        "Prüfen Sie, dass kein Cache dieselbe Seite an mehrere Kunden ausliefert.",
    ),
    "grant_used": (
        "Die Freigabe der Seite wurde schon für ein anderes Ergebnis verwendet.",
        "Der Kunde muss die Seite erneut öffnen.",
    ),
    "subscription_not_yours": (
        "Das Abonnement gehört dem Kunden nicht mehr.",
        "Prüfen Sie die Abonnement-Abfrage, falls der Kunde widerspricht.",
    ),
    "foreign_post": (
        "Das Formular der öffentlichen Kündigungsseite wurde von einer fremden Website gesendet.",
        "Nichts zu tun; die Person wurde gebeten, noch einmal zu klicken.",
    ),
    "trap_filled_in": (
        "Das Feld der öffentlichen Kündigungsseite, das niemand sieht, war ausgefüllt.",
        "Nichts zu tun; eine Person wurde gebeten, noch einmal zu klicken.",
    ),
    "too_many_declarations": (
        "Innerhalb einer Stunde kamen mehr Kündigungen, als PublicExit annimmt.",
        (
            "Sehen Sie nach, ob jemand mit dem Formular spielt, und erhöhen Sie die Grenzen, falls echte "
            "Personen daran stoßen."
        ),
    ),
    "no_contract_found": (
        (
            "Eine Kündigung über die öffentliche Kündigungsseite lässt sich keinem Vertrag sicher zuordnen; die "
            "Eingangsbestätigung ist gesendet."
        ),
        "Suchen Sie den Vertrag, kündigen Sie ihn und schließen Sie die Aktion.",
    ),
    "several_contracts": (
        "Der Kunde zu einer Kündigung hat mehrere Abonnements.",
        "Kündigen Sie das richtige und schließen Sie die Aktion.",
    ),
    "for_cause": (
        "Eine außerordentliche Kündigung wurde erklärt; die Eingangsbestätigung ist gesendet.",
        "Prüfen Sie sie, erledigen Sie das Nötige bei Stripe und schließen Sie die Aktion.",
    ),
    "date_is_wished": (
        "Eine Kündigung nennt ein Wunschdatum; die Eingangsbestätigung ist gesendet.",
        "Setzen Sie das Ende bei Stripe und schließen Sie die Aktion.",
    ),
    "find_failed": (
        "Die Funktion find der Anwendung hat einen Fehler ausgelöst oder nicht geantwortet.",
        "Suchen Sie den Fehler im Log des Workers; der Worker versucht es erneut.",
    ),
    "no_public_exit": (
        "Eine Kündigung kam über die öffentliche Kündigungsseite, aber in den Einstellungen des Workers gibt es keine.",
        "Geben Sie jedem Prozess dieselben Einstellungen.",
    ),
    "link_expired": (
        "Der Link aus einer E-Mail ist älter als acknowledgement_link_days.",
        "Der Kunde muss sich anmelden und die Seite aus dem Konto öffnen.",
    ),
    "unknown_claim": (
        "Dieser Kunde hat keine solche Anfrage.",
        "Prüfen Sie die Adresse, falls der Kunde widerspricht.",
    ),
    "unknown_subscription": (
        "Der Request nennt ein Abonnement, das nicht dem Kunden gehört.",
        "Prüfen Sie die ID, die Ihre Seite dem Button gibt.",
    ),
    "unknown_customer": (
        "Stripe kennt die Kunden-ID nicht, die in der Datenbank steht.",
        (
            "Vergleichen Sie die ID mit Konto und Modus des Schlüssels; kündigen Sie bis dahin von Hand, wenn "
            "jemand darum bittet."
        ),
    ),
    "too_many_lookups": (
        "Die Abonnements eines Kunden wurden innerhalb einer Minute zu oft bei Stripe abgefragt.",
        "Nichts zu tun: /cancel funktioniert weiter. Hält es an, suchen Sie eine Seite, die in einer Schleife abfragt.",
    ),
    "which_subscription": (
        "Der Kunde hat mehrere Abonnements, und es ist nicht klar, welches gemeint ist.",
        "Nennen Sie eines mit button(subscription=...), oder wählen Sie eine Regel.",
    ),
    "not_at_this_step": (
        "Die Flow-Sitzung ist nicht bei dem Schritt, der gesendet wurde.",
        "Der Kunde muss die Seite erneut öffnen.",
    ),
    "flow_session_is_over": (
        "Die Flow-Sitzung ist beendet oder wurde zu lange nicht fortgesetzt.",
        "Der Kunde muss von vorn beginnen; kündigen kann er in jedem Fall.",
    ),
    "offer_was_not_shown": (
        "Das Angebot ist nicht das, das dem Kunden angezeigt wird.",
        "Nichts zu tun; achten Sie darauf, ob ein Kunde es wiederholt.",
    ),
    "offer_no_longer_fits": (
        "Das Angebot wurde angezeigt und passt nicht mehr zum Abonnement.",
        "Sehen Sie sich die Ereignisse des Abonnements bei Stripe an, falls der Kunde widerspricht.",
    ),
    "months_were_not_offered": (
        "Die Dauer der Pause stand nicht zur Wahl oder fehlt.",
        "Der Kunde muss die Seite erneut öffnen.",
    ),
    "unavailable": (
        "Die Datenbank oder, falls abgefragt, Stripe hat nicht geantwortet.",
        "Prüfen Sie die Datenbank und die Statusseite von Stripe.",
    ),
    "subscription_changed_hands": (
        "Das Abonnement gehört nicht mehr dem Kunden, der angefragt hat.",
        "Klären Sie, wem es jetzt gehört; nehmen Sie die Änderung bei Stripe vor, oder schließen Sie die Aktion.",
    ),
    "ended_by_the_company": (
        "Der Kunde möchte ein Abonnement behalten, das nicht über diese Anwendung gekündigt wurde.",
        "Nehmen Sie die Kündigung bei Stripe zurück, wenn Sie den Kunden behalten möchten.",
    ),
    "resuming_is_off": (
        "Mit Ihrer Einstellung resume_policy kann niemand eine Kündigung zurücknehmen.",
        "Nehmen Sie die Kündigung bei Stripe zurück, wenn Sie den Kunden behalten möchten.",
    ),
    "subscription_has_ended": (
        "Das Abonnement ist bereits beendet.",
        "Schließen Sie die Aktion, oder verkaufen Sie dem Kunden ein neues Abonnement.",
    ),
    "subscription_is_ending": (
        "Das Abonnement endet bereits zu einem festen Datum.",
        "Fragen Sie den Kunden, ob die Kündigung weiterhin gilt.",
    ),
    "subscription_is_paused": (
        "Das Abonnement ist bereits pausiert.",
        "Beenden Sie die Pause bei Stripe und versuchen Sie es erneut, oder schließen Sie die Aktion.",
    ),
    "ends_by_agreement": (
        "Das Ende liegt nach dem laufenden Abrechnungszeitraum, also hat der Kunde es nicht hier gesetzt.",
        "Entscheiden Sie bei Stripe, ob das Ende entfernt werden darf.",
    ),
    "shape_is_unknown": (
        "Stripe zeigt einen Status oder ein Intervall, das diese Version nicht kennt, oder nicht alle Positionen.",
        "Nehmen Sie die Änderung bei Stripe vor, oder installieren Sie eine neuere Version.",
    ),
    "first_payment_is_missing": (
        "Der Kunde hat die erste Zahlung noch nicht geleistet.",
        "Versuchen Sie es nach der Zahlung erneut, oder schließen Sie die Aktion.",
    ),
    "payment_is_overdue": (
        "Der Kunde schuldet eine Zahlung, daher wartet dieses Angebot auf Ihre Entscheidung.",
        "Klären Sie die offene Rechnung und versuchen Sie es erneut, oder schließen Sie die Aktion.",
    ),
    "paused_by_somebody_else": (
        "Die Pause stammt nicht aus einem hier gemachten Angebot.",
        "Klären Sie, wer die Pause bei Stripe gesetzt hat, bevor Sie sie beenden.",
    ),
    "no_discount_of_ours": (
        "Kein Rabatt des Abonnements stammt aus einem hier gemachten Angebot.",
        "Entfernen Sie den Rabatt bei Stripe, oder schließen Sie die Aktion.",
    ),
    "changed_since_it_was_tried": (
        "Das Abonnement wurde nach einem früheren Versuch geändert, daher könnte dieselbe Änderung schaden.",
        "Vergleichen Sie das Abonnement mit den Versuchen und nehmen Sie die Änderung dann bei Stripe vor.",
    ),
    "another_update_is_pending": (
        "Eine andere Änderung des Abonnements wartet auf eine Zahlung.",
        "Warten Sie diese Zahlung ab und versuchen Sie es erneut.",
    ),
    "undone_elsewhere": (
        (
            "Stripe hat diese Änderung schon ausgeführt, und eine andere Person oder ein anderes Programm hat "
            "sie rückgängig gemacht."
        ),
        "Klären Sie, wer sie rückgängig gemacht hat, bevor Sie es erneut versuchen.",
    ),
    "wrong_mode": (
        "Das Abonnement gehört zum anderen Modus, live oder test.",
        "Prüfen Sie den Stripe-Schlüssel und die Abonnement-Abfrage.",
    ),
    "offer_is_missing": (
        "Im Datenbestand fehlt das Angebot zu einer Aktion, die eines braucht.",
        "Sehen Sie sich die Anfrage zur Aktion an und schließen Sie die Aktion.",
    ),
    "subscription_has_a_schedule": (
        "Bei Stripe plant ein Subscription Schedule, was aus diesem Abonnement wird.",
        "Darf sein Plan entfallen, geben Sie den Schedule dort frei; "
        "sonst nehmen Sie die Änderung selbst im Schedule vor.",
    ),
    "schedule_is_unknown": (
        "Der Subscription Schedule konnte nicht gelesen werden.",
        "Prüfen Sie, ob der Stripe-Schlüssel Subscription Schedules lesen darf.",
    ),
    "schedule_of_another_subscription": (
        "Laut Stripe steuert der Schedule ein anderes Abonnement, daher bleibt er unangetastet.",
        "Sehen Sie sich das Abonnement und seinen Schedule bei Stripe an.",
    ),
    "schedule_has_pending_phases": (
        "Der Subscription Schedule plant spätere Phasen, etwa einen anderen Preis, die verloren gingen.",
        "Fragen Sie, wer die späteren Phasen geplant hat. Dürfen sie entfallen, geben Sie den Schedule frei; "
        "sonst nehmen Sie die Änderung selbst darin vor.",
    ),
    "schedule_cannot_be_kept": (
        "Der Subscription Schedule enthält mehr, als sich unverändert wieder an Stripe senden lässt.",
        "Planen Sie die Änderung bei Stripe im Schedule ein.",
    ),
    "planned_by_somebody_else": (
        "Die im Schedule geplante Änderung stammt nicht aus einem hier gemachten Angebot.",
        "Klären Sie, wer sie bei Stripe geplant hat, bevor Sie den Schedule lösen.",
    ),
    "plan_has_come": (
        "Der Tarifwechsel, der zurückgenommen werden sollte, ist schon erfolgt.",
        "Vereinbaren Sie mit dem Kunden einen Tarif und ändern Sie ihn bei Stripe.",
    ),
    "plan_is_planned_no_more": (
        "Der Tarifwechsel, der zum Ende des Abrechnungszeitraums zugesagt war, steht nicht mehr im Schedule.",
        "Klären Sie, wer ihn entfernt hat; ändern Sie dann den Tarif bei Stripe, oder informieren Sie den Kunden.",
    ),
    "schedule_has_an_end_of_its_own": (
        "Der Subscription Schedule hat ein eigenes Ende.",
        "Nehmen Sie die Änderung bei Stripe im Schedule vor.",
    ),
    "custom_offer_is_not_stripes": (
        "Ein Angebot vom Typ custom kann Stripe nicht ausführen.",
        "Führen Sie es von Hand aus.",
    ),
    "customer_coupons_are_gone": (
        "Stripe nimmt keinen Coupon mehr für einen ganzen Kunden an.",
        "Stellen Sie ein, dass das Angebot für das Abonnement gilt.",
    ),
    "percentage_is_out_of_range": (
        "Der Prozentsatz muss größer als 0 und höchstens 100 sein, mit höchstens vier Nachkommastellen.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "amount_does_not_fit_the_currency": (
        "Der Betrag lässt sich in der Währung des Abonnements nicht darstellen.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "customer_discount_would_be_lost": (
        "Stripe behält den Rabatt des Kunden nicht neben dem neuen, daher wurde nichts geändert.",
        "Gewähren Sie bei Stripe den besseren Rabatt, oder vereinbaren Sie ein anderes Angebot.",
    ),
    "no_payment_falls_into_the_discount": (
        "Während der Rabatt gilt, fällt keine Zahlung an; der Kunde hätte also nichts davon.",
        "Gewähren Sie einen längeren Rabatt, oder warten Sie die Zahlung ab und versuchen Sie es erneut.",
    ),
    "payment_pays_for_more_than_the_discount": (
        "Die Zahlung, die der Rabatt senkt, deckt weit mehr Zeit ab, als der Rabatt dauert.",
        "Setzen Sie OfferRules(most_months_of_a_discounted_payment=...), oder vereinbaren Sie ein anderes Angebot.",
    ),
    "a_discount_would_be_used_up": (
        "Ein Rabatt für eine Zahlung könnte durch eine Rechnung verbraucht werden, die der Kunde nicht bezahlt.",
        "Machen Sie das Angebot nach der nächsten Zahlung, oder setzen Sie den Rabatt danach wieder.",
    ),
    "a_discount_would_run_out": (
        "Ein bestehender Rabatt des Kunden liefe während der kostenlosen Zeit aus und wäre mehr wert als sie.",
        "Verlängern Sie den Rabatt bei Stripe, oder vereinbaren Sie ein anderes Angebot.",
    ),
    "plan_would_be_billed_at_once": (
        "Der Tarif hat ein anderes Intervall: Stripe würde ihn sofort berechnen, ohne bezahlte Zeit anzurechnen.",
        "Lassen Sie das Angebot anteilig berechnen, oder setzen Sie OfferRules(unprorated_interval_change='allow').",
    ),
    "seats_would_not_be_fewer": (
        "Das Angebot hat mehr Nutzerplätze als das Abonnement, oder das Abonnement hat keine zählbaren.",
        "Berichtigen Sie OfferRules(seat_offers=...), oder ändern Sie die Nutzerplätze bei Stripe.",
    ),
    "seats_of_another_price": (
        "Die Nutzerplätze des Angebots haben einen Preis, den das Abonnement nicht zahlt; sie könnten mehr kosten.",
        (
            "Nennen Sie in OfferRules(seat_offers=...) den Preis dieser Kunden, oder ändern Sie die Nutzerplätze "
            "bei Stripe."
        ),
    ),
    "paid_time_would_be_lost": (
        "Die Pause würde sofort beginnen, ohne bezahlte Zeit anzurechnen.",
        (
            "Lassen Sie die Pause am Ende des Abrechnungszeitraums beginnen, oder setzen Sie "
            "OfferRules(pause_credit=...) anders."
        ),
    ),
    "seats_may_cost_more": (
        "Der Preis je Nutzerplatz hängt von der Anzahl ab; weniger Plätze könnten also mehr kosten.",
        (
            "Sehen Sie sich die Preisstaffel bei Stripe an und ändern Sie die Nutzerplätze dort, wenn der Kunde "
            "weniger zahlt."
        ),
    ),
    "quantity_is_unknown": (
        "Der Tarif wird nach Menge bezahlt, das Abonnement nach Nutzung; die Menge ist also nicht bekannt.",
        "Ändern Sie den Tarif bei Stripe, mit der Menge, die Sie mit dem Kunden vereinbaren.",
    ),
    "a_trial_cannot_be_scheduled": (
        "Der Tarif soll zum Ende des Abrechnungszeitraums wechseln, das Abonnement ist aber in einer Testphase.",
        "Ändern Sie den Tarif bei Stripe nach eigenem Ermessen.",
    ),
    "coupon_is_there_already": (
        "Das Abonnement hat diesen Coupon schon. Nur Version 0.1 hat solche Angebote angehalten.",
        "Schließen Sie die Aktion, oder fügen Sie bei Stripe einen anderen Coupon hinzu.",
    ),
    "coupon_ends_earlier": (
        "Das Abonnement hat diesen Coupon schon, aber für weniger Zahlungen, als das Angebot verspricht.",
        "Verlängern Sie den Rabatt bei Stripe, oder vereinbaren Sie ein anderes Angebot.",
    ),
    "next_payment_is_unknown": (
        "Stripe nennt kein Datum für die nächste Zahlung.",
        "Sehen Sie sich die Positionen des Abonnements bei Stripe an.",
    ),
    "periods_are_mixed": (
        "Die Positionen des Abonnements werden zu verschiedenen Terminen bezahlt.",
        "Nehmen Sie die Änderung bei Stripe nach eigenem Ermessen vor.",
    ),
    "trial_is_too_short": (
        "Die Verlängerung der Testphase ist kürzer als ein Tag.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "trial_is_too_long": (
        "Die Testphase würde länger dauern, als Stripe erlaubt.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "plan_is_there_already": (
        "Das Abonnement hat diesen Preis schon. Nur Version 0.1 hat solche Angebote angehalten.",
        "Schließen Sie die Aktion.",
    ),
    "which_item_is_the_plan": (
        "Mehrere Positionen des Abonnements könnten der Tarif sein.",
        "Nennen Sie die Tarife in OfferRules(plan_price_ids=...) und versuchen Sie es erneut.",
    ),
    "pause_is_too_long": (
        "Das Ende der Pause liegt jenseits jedes gültigen Datums.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "pause_is_too_short": (
        "Die Pause würde enden, bevor sie beginnt.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "no_payment_falls_into_the_pause": (
        "In die Pause fällt keine Zahlung; der Kunde hätte also nichts davon.",
        "Vereinbaren Sie mit dem Kunden eine längere Pause.",
    ),
    "payment_pays_for_more_than_the_pause": (
        "Die ausgesetzte Zahlung würde weit mehr Zeit abdecken als die Pause.",
        "Vereinbaren Sie mit dem Kunden ein anderes Angebot.",
    ),
    "payment_came_before_the_pause": (
        "Die Zahlung, die in der Pause ausfallen sollte, ist schon erfolgt.",
        "Erstatten Sie die Zahlung, oder lassen Sie die Pause später beginnen.",
    ),
    "pause_needs_flexible_billing": (
        "Stripe pausiert nur Abonnements im flexiblen Abrechnungsmodus (billing_mode flexible).",
        'Verwenden Sie OfferRules(pause_mechanism="pause_collection").',
    ),
    "a_trial_cannot_be_paused": (
        "Stripe pausiert kein Abonnement, das in der Testphase ist.",
        'Verwenden Sie OfferRules(pause_mechanism="pause_collection"), oder verlängern Sie die Testphase.',
    ),
    "no_payment_method": (
        "Der Kunde hat keine Zahlungsmethode, von der nach der Pause abgebucht werden könnte.",
        "Bitten Sie den Kunden um eine und versuchen Sie es erneut.",
    ),
    "pause_needs_automatic_charges": (
        "Stripe beendet die Pause eines Abonnements nicht, das per Rechnung bezahlt wird.",
        'Verwenden Sie OfferRules(pause_mechanism="pause_collection").',
    ),
    "next_payment_too_close": (
        "Die nächste Zahlung stand über längere Zeit unmittelbar bevor.",
        "Versuchen Sie es nach der Zahlung erneut.",
    ),
    "payment_was_not_made": (
        "Der Kunde hat nicht bezahlt, daher bleibt der Tarif, wie er war.",
        "Belassen Sie es dabei, oder bieten Sie den Tarif noch einmal an.",
    ),
    "payment_declined": (
        "Die Bank des Kunden hat die Zahlung abgelehnt.",
        "Belassen Sie es dabei, oder bitten Sie den Kunden um eine andere Zahlungsmethode.",
    ),
    "resumption_is_not_paid": (
        "Die Zahlung nach der Pause ist nicht erfolgt, daher geht die Pause weiter.",
        "Bitten Sie den Kunden, die Rechnung zu bezahlen; solange sie offen ist, versucht Stripe es von selbst erneut.",
    ),
    "withdrawn": (
        "Der Kunde hat die Pause zurückgenommen, bevor sie begann.",
        "Nichts zu tun.",
    ),
    "no_handler_for_this_offer": (
        "Für dieses Angebot vom Typ custom ist kein Handler registriert.",
        "Registrieren Sie einen mit @cancel.on_offer und versuchen Sie es erneut.",
    ),
    "bad_offer_id": (
        "Die ID des Angebots ist nicht lesbar.",
        "Fragen Sie den Flow-Anbieter nach dem Angebot.",
    ),
    "conflicting_types": (
        "Der Flow-Anbieter nennt zwei Typen für ein Angebot.",
        "Fragen Sie den Flow-Anbieter nach dem Angebot.",
    ),
    "conflicting_ids": (
        "Der Flow-Anbieter nennt zwei IDs für dieselbe Sache.",
        "Fragen Sie den Flow-Anbieter nach dem Angebot.",
    ),
    "unknown_offer_type": (
        "Diese Version kennt den Typ des Angebots nicht.",
        "Führen Sie es von Hand aus, oder aktualisieren Sie aiocancel.",
    ),
    "coupon_type_missing": (
        "Das Angebot sagt nicht, ob sein Wert ein Prozentsatz ist.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "bad_amount": (
        "Der Betrag des Angebots ist nicht lesbar.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "bad_duration": (
        "Die Dauer des Coupons ist nicht lesbar.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "bad_months": (
        "Die Anzahl der Monate ist nicht lesbar.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "bad_days": (
        "Die Anzahl der Tage ist nicht lesbar.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "bad_apply_to": (
        "Das Angebot sagt nicht eindeutig, wofür sein Coupon gilt.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "bad_coupon_id": (
        "Die ID des Coupons kann keine von Stripe sein.",
        "Berichtigen Sie die ID des Coupons beim Flow-Anbieter.",
    ),
    "plan_missing": (
        "Das Angebot nennt keinen Preis von Stripe.",
        "Verknüpfen Sie das Angebot beim Flow-Anbieter mit einem Preis.",
    ),
    "bad_prorate": (
        "Das Angebot sagt nicht, ob die Änderung anteilig berechnet wird.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "bad_pause": (
        "Die Dauer oder der Beginn der Pause ist nicht lesbar.",
        "Berichtigen Sie das Angebot beim Flow-Anbieter.",
    ),
    "offer_not_allowed": (
        "OfferLimits führt dieses Angebot nicht auf.",
        "Nehmen Sie es in offer_ids auf und versuchen Sie es erneut, oder schließen Sie die Aktion.",
    ),
    "price_not_allowed": (
        "OfferLimits führt diesen Preis nicht auf.",
        "Nehmen Sie ihn in price_ids auf und versuchen Sie es erneut, oder schließen Sie die Aktion.",
    ),
    "coupon_not_allowed": (
        "OfferLimits führt diesen Coupon nicht auf.",
        "Nehmen Sie ihn in coupon_ids auf und versuchen Sie es erneut, oder schließen Sie die Aktion.",
    ),
    "coupon_is_not_on_the_list": (
        "OfferLimits begrenzt Coupons, daher muss ein bestehender Coupon aufgeführt sein.",
        "Nehmen Sie ihn in coupon_ids auf und versuchen Sie es erneut, oder schließen Sie die Aktion.",
    ),
    "percent_too_high": (
        "Der Prozentsatz liegt über Ihrer Grenze.",
        "Erhöhen Sie max_percent und versuchen Sie es erneut, oder schließen Sie die Aktion.",
    ),
    "amount_too_high": (
        "Der Betrag liegt über Ihrer Grenze.",
        "Erhöhen Sie max_amount und versuchen Sie es erneut, oder schließen Sie die Aktion.",
    ),
    "too_many_months": (
        "Der Coupon oder die Pause dauert länger als Ihre Grenze.",
        "Erhöhen Sie max_months und versuchen Sie es erneut, oder schließen Sie die Aktion.",
    ),
    "too_many_days": (
        "Die Verlängerung der Testphase ist länger als Ihre Grenze.",
        "Erhöhen Sie max_days und versuchen Sie es erneut, oder schließen Sie die Aktion.",
    ),
    "given_recently": (
        "Das Abonnement hat innerhalb von at_most_one_gift_in_days schon etwas erhalten.",
        "Führen Sie das Angebot von Hand aus, oder sagen Sie dem Kunden ab; schließen Sie dann die Aktion.",
    ),
    "not_for_this_customer": (
        "Die Bedingung des Angebots trifft auf diesen Kunden nicht zu.",
        "Ändern Sie when= des Angebots, falls es für solche Kunden gedacht war.",
    ),
    "nobody_knows_whether_it_fits": (
        "Die Bedingung des Angebots fragt nach etwas, das über diesen Kunden nicht bekannt ist.",
        "Geben Sie dem Flow das Land, den Ort oder die Spalte, nach der die Bedingung fragt.",
    ),
    "forbidden_by_a_rule": (
        "Eine Regel von Ihnen oder vom Ort des Kunden verbietet das Angebot.",
        "Lesen Sie die Regeln mit aiocancel flow show.",
    ),
    "permission_is_missing": (
        "Eine Regel erlaubt das Angebot erst, wenn der Kunde zugestimmt hat, eines zu sehen.",
        "Nichts zu tun; der Flow fragt einmal.",
    ),
    "subscription_was_not_read": (
        "Stripe hat nicht rechtzeitig geantwortet, daher ist nicht bekannt, welche Angebote zum Abonnement passen.",
        "Prüfen Sie die Statusseite von Stripe, falls es anhält.",
    ),
    "not_in_trial": (
        "Eine längere Testphase gibt es nur für ein Abonnement, das in der Testphase ist.",
        "Nichts zu tun.",
    ),
    "no_amount_in_the_currency": (
        "amount_off des Angebots hat keinen Betrag in der Währung des Abonnements.",
        "Ergänzen Sie einen, falls Kunden mit dieser Währung das Angebot erhalten sollen.",
    ),
    "has_it_already": (
        "Das Abonnement hat schon, was angeboten wird.",
        "Nichts zu tun.",
    ),
    "payment_is_near": (
        "Eine Zahlung steht unmittelbar bevor, und das Angebot muss sie abwarten.",
        "Nichts zu tun; später wird das Angebot gezeigt.",
    ),
    "plan_would_come_later": (
        "Das Angebot soll sofort gelten, OfferRules verschiebt aber jeden Tarif auf das Ende des Abrechnungszeitraums.",
        "Geben Sie dem Angebot at='period_end', oder lassen Sie plan_starts weg.",
    ),
    "price_is_not_known": (
        "Stripe hat nicht rechtzeitig oder nicht sicher mitgeteilt, was der Kunde mit dem Angebot zahlen würde.",
        (
            "Suchen Sie nach einem Ereignis PageFactsMissing; manche Rechnungen, etwa mit Nutzung, haben keinen "
            "sicheren Preis."
        ),
    ),
    "held_out": (
        "Das Abonnement gehört zu denen, die keine Angebote erhalten, damit sich die übrigen vergleichen lassen.",
        "Senken Sie hold_out_percent, falls die Vergleichsgruppe kleiner sein soll.",
    ),
    "flow_session_unknown": (
        "Der Flow-Anbieter kennt diese Flow-Sitzung nicht.",
        "Nichts zu tun; achten Sie darauf, ob ein Kunde es wiederholt.",
    ),
    "flow_session_of_another_customer": (
        "Die Flow-Sitzung gehört einem anderen Kunden.",
        "Nichts zu tun; achten Sie darauf, ob ein Kunde es wiederholt.",
    ),
    "flow_session_of_another_subscription": (
        "Die Flow-Sitzung gehört zu einem anderen Abonnement.",
        "Nichts zu tun; achten Sie darauf, ob ein Kunde es wiederholt.",
    ),
    "flow_session_says_canceled": (
        "Laut Flow-Anbieter hat der Kunde gekündigt.",
        "Fragen Sie den Kunden, ob gekündigt werden soll.",
    ),
    "flow_session_says_deflected": (
        "Laut Flow-Anbieter ist der Kunde ohne Angebot geblieben.",
        "Nichts zu tun.",
    ),
    "flow_session_says_incomplete": (
        "Laut Flow-Anbieter hat der Kunde den Flow verlassen.",
        "Nichts zu tun.",
    ),
    "flow_session_says_rerouted": (
        "Laut Flow-Anbieter wurde der Kunde anderswohin geleitet.",
        "Nichts zu tun.",
    ),
    "flow_session_says_unknown": (
        "Der Flow-Anbieter meldet für die Flow-Sitzung einen Status, den diese Version nicht kennt.",
        "Sehen Sie sich die Flow-Sitzung beim Flow-Anbieter an.",
    ),
    "flow_session_is_old": (
        "Die Flow-Sitzung endete vor mehr als einer Woche; vielleicht wurde das Angebot damals schon gewährt.",
        "Prüfen Sie, ob der Kunde das Angebot schon hat.",
    ),
    "flow_session_paid_before": (
        "Diese Flow-Sitzung hat schon zu einem Angebot geführt.",
        "Nichts zu tun.",
    ),
    "flow_session_still_open": (
        "Der Flow-Anbieter hat die Flow-Sitzung nicht rechtzeitig geschlossen.",
        "Versuchen Sie es erneut, nachdem der Flow-Anbieter sie geschlossen hat.",
    ),
    "no_offer_named": (
        "Der Flow-Anbieter nennt kein angenommenes Angebot.",
        "Sehen Sie sich die Flow-Sitzung beim Flow-Anbieter an.",
    ),
    "flow_session_not_proven": (
        "Nichts beweist, dass eine Seite dieser Anwendung die Flow-Sitzung geöffnet hat.",
        (
            "Fragen Sie den Kunden; war es sein Wunsch, versuchen Sie es erneut, sonst schließen Sie die Aktion. "
            "Schalten Sie beim Flow-Anbieter signierte Requests ein."
        ),
    ),
    "flow_session_proof_used": (
        "Eine andere Flow-Sitzung hat den Nachweis dieser Seite verwendet.",
        "Fragen Sie den Kunden; war es sein Wunsch, versuchen Sie es erneut, sonst schließen Sie die Aktion.",
    ),
    "flow_session_ended_another": (
        "Dieselbe Flow-Sitzung hat schon ein anderes Abonnement dieses Kunden gekündigt.",
        "Fragen Sie den Kunden; sollte auch dieses enden, versuchen Sie es erneut, sonst schließen Sie die Aktion.",
    ),
    "refused_on_the_page": (
        "Die Seite, die diese Flow-Sitzung meldete, wurde abgelehnt, und das wurde dem Kunden mitgeteilt.",
        (
            "Klären Sie mit dem Kunden, wessen Seite es war; war es sein Wunsch, versuchen Sie es erneut, sonst "
            "schließen Sie die Aktion."
        ),
    ),
    "no_flow_session_named": (
        "Die Seite meldete ein angenommenes Angebot, nannte aber keine Flow-Sitzung.",
        "Suchen Sie die Flow-Sitzung des Kunden beim Flow-Anbieter.",
    ),
    "no_event_of_flow_session": (
        "Der Flow-Anbieter hat zu dieser Flow-Sitzung kein Ereignis, wie zu denen seines Testmodus.",
        "War es ein Test, schließen Sie die Aktion; sonst versuchen Sie es erneut.",
    ),
    "vendor_did_not_act": (
        "Stripe zeigt die Änderung nicht, die der Flow-Anbieter zugesagt hat.",
        "Nehmen Sie die Änderung bei Stripe vor und informieren Sie den Flow-Anbieter.",
    ),
    "customer_coupons_do_not_show": (
        "Ein Abonnement zeigt keinen Coupon, der für den ganzen Kunden gilt.",
        "Sehen Sie sich die Rabatte des Kunden bei Stripe an.",
    ),
    "vendor_api_not_configured": (
        "Der Flow-Anbieter kann ohne API-Schlüssel nicht abgefragt werden.",
        "Setzen Sie den API-Schlüssel des Flow-Anbieters und versuchen Sie es erneut.",
    ),
    "vendor_error": (
        "In der API des Flow-Anbieters ist ein Fehler aufgetreten.",
        "Prüfen Sie die Statusseite des Flow-Anbieters.",
    ),
    "vendor_unreachable": (
        "Die API des Flow-Anbieters hat nicht geantwortet.",
        "Prüfen Sie die Statusseite des Flow-Anbieters.",
    ),
    "vendor_refused": (
        "Die API des Flow-Anbieters hat die Abfrage abgelehnt.",
        "Fragen Sie den Flow-Anbieter nach der Flow-Sitzung.",
    ),
    "vendor_data": (
        "Die Antwort des Flow-Anbieters hat eine Form, die sich nicht lesen lässt.",
        "Aktualisieren Sie aiocancel, oder fragen Sie den Flow-Anbieter.",
    ),
    "not_the_vendors_answer": (
        "Die Antwort ist kein JSON-Objekt; sie kommt etwa von einem Proxy oder einer Wartungsseite.",
        "Prüfen Sie die Statusseite des Flow-Anbieters, falls es anhält.",
    ),
    "bad_api_key": (
        "Der Flow-Anbieter hat den API-Schlüssel abgelehnt.",
        "Ersetzen Sie den API-Schlüssel des Flow-Anbieters.",
    ),
    "bad_id": (
        "Die ID kann keine des Flow-Anbieters sein.",
        "Sehen Sie sich die Anfrage an; vielleicht hat ein Browser die ID erfunden.",
    ),
    "rate_limited": (
        "Das Rate-Limit des Flow-Anbieters ist ausgeschöpft.",
        "Nichts zu tun; der Worker versucht es erneut.",
    ),
    "timeout": (
        "Der Flow-Anbieter hat nicht rechtzeitig geantwortet.",
        "Nichts zu tun; der Worker versucht es erneut.",
    ),
    "unreachable": (
        "Der Flow-Anbieter ist nicht erreichbar.",
        "Prüfen Sie das Netzwerk, falls es anhält.",
    ),
    "api_error": (
        "Bei Stripe selbst ist ein Fehler aufgetreten.",
        "Prüfen Sie die Statusseite von Stripe.",
    ),
    "bad_account": (
        "In der Zeile des Abonnements steht ein Konto, das keines von Stripe ist.",
        "Berichtigen Sie die Zeile und versuchen Sie die Aktion dann erneut.",
    ),
    "permission_missing": (
        "Dem eingeschränkten Schlüssel fehlt eine Berechtigung; das Ereignis PermissionMissing nennt sie.",
        "Geben Sie dem Schlüssel die Berechtigung im Stripe-Dashboard; der Worker versucht es von selbst erneut.",
    ),
    "card_declined": (
        "Die Karte des Kunden wurde abgelehnt.",
        "Bitten Sie den Kunden um eine andere Zahlungsmethode.",
    ),
    "idempotency_error": (
        "Stripe kennt unter diesem Idempotenz-Schlüssel einen anderen Aufruf.",
        "Nichts zu tun; der nächste Versuch verwendet einen neuen Schlüssel.",
    ),
    "written_before": (
        (
            "Diese Anfrage wurde schon an Stripe gesendet, aber nicht aus diesem Datenbestand, und Stripe zeigt "
            "keine Wirkung."
        ),
        "Sehen Sie sich die Ereignisse des Abonnements bei Stripe an und schließen Sie die Aktion.",
    ),
    "idempotency_key_in_use": (
        "Stripe bearbeitet noch denselben Aufruf.",
        "Nichts zu tun; der Worker versucht es erneut.",
    ),
    "invalid_canceled_subscription_fields": (
        "Stripe ändert kein Abonnement, das beendet ist.",
        "Schließen Sie die Aktion.",
    ),
    "invalid_request_error": (
        "Stripe hat den Aufruf abgelehnt.",
        "Suchen Sie die Request-ID im Stripe-Dashboard.",
    ),
    "lock_timeout": (
        "Ein anderer Aufruf hielt das Abonnement bei Stripe fest.",
        "Nichts zu tun; der Worker versucht es erneut.",
    ),
    "rate_limit": (
        "Das Rate-Limit von Stripe ist ausgeschöpft.",
        "Senken Sie max_requests_per_s, falls es anhält.",
    ),
    "resource_already_exists": (
        "Stripe hat schon ein Objekt mit dieser ID.",
        "Suchen Sie die Request-ID im Stripe-Dashboard.",
    ),
    "resource_missing": (
        "Stripe hat kein solches Abonnement oder keinen solchen Preis oder Coupon.",
        "Prüfen Sie die ID, den Modus und das Stripe-Konto.",
    ),
    "resource_rate_limit": (
        "Zu viele Aufrufe haben bei Stripe dasselbe Objekt geändert.",
        "Suchen Sie ein anderes Programm, das das Abonnement ändert.",
    ),
    "rate_budget": (
        "Das eigene Limit für Aufrufe an Stripe ist ausgeschöpft.",
        "Erhöhen Sie max_requests_per_s, falls es anhält.",
    ),
    "unreadable": (
        "Die Antwort ist nicht lesbar.",
        "Aktualisieren Sie aiocancel, oder suchen Sie die Request-ID im Stripe-Dashboard.",
    ),
    "not_visible": (
        "Stripe hat die Änderung angenommen, zeigt sie aber nicht.",
        "Suchen Sie die Request-ID im Stripe-Dashboard.",
    ),
    "too_many_subscriptions": (
        "Der Kunde hat zu viele Abonnements, um sie aufzulisten.",
        "Lassen Sie die Anwendung das Abonnement nennen.",
    ),
    "bad_subscription_id": (
        "In der Datenbank steht eine ID, die nicht zu einem Abonnement gehören kann.",
        "Berichtigen Sie die Abonnement-Abfrage.",
    ),
    "transient": (
        "Der Versuch ist fehlgeschlagen, und es wurde nichts geändert.",
        "Nichts zu tun; der Worker versucht es erneut.",
    ),
    "unknown": (
        "Der Versuch ist fehlgeschlagen, und die Änderung wurde vielleicht trotzdem ausgeführt.",
        "Nichts zu tun; der Worker liest das Abonnement und versucht es erneut.",
    ),
    "rejected": (
        "Die Gegenseite hat die Änderung ohne Code abgelehnt.",
        "Suchen Sie die Request-ID im Stripe-Dashboard.",
    ),
    "gave_up_transient": (
        "Der Worker hat nach vielen fehlgeschlagenen Versuchen aufgegeben; der letzte hat nichts geändert.",
        "Beheben Sie die Ursache, die aus den Versuchen hervorgeht, und versuchen Sie es erneut.",
    ),
    "gave_up_unknown": (
        (
            "Der Worker hat nach vielen fehlgeschlagenen Versuchen aufgegeben; der letzte hat das Abonnement "
            "vielleicht geändert."
        ),
        "Vergleichen Sie das Abonnement mit den Versuchen und versuchen Sie es erneut.",
    ),
    "attempt_timeout": (
        "Der Versuch dauerte zu lange.",
        "Prüfen Sie das Netzwerk und den Handler des Angebots.",
    ),
    "database_unavailable": (
        "Die Datenbank hat während des Versuchs nicht geantwortet.",
        "Prüfen Sie die Datenbank.",
    ),
    "ledger_unreadable": (
        "Der Datenbestand enthält einen Typ, den diese Version nicht kennt.",
        "Aktualisieren Sie diesen Worker auf die neueste Version, die in den Datenbestand geschrieben hat.",
    ),
    "row_unreadable": (
        "Ein gespeicherter Teil der Aktion ist für keine Version lesbar.",
        "Reparieren Sie die Spalten offer, change und baseline in der Zeile der Aktion und versuchen Sie es erneut.",
    ),
    "no_discount": (
        "Das Abonnement hat keinen Rabatt.",
        "Nehmen Sie die Änderung bei Stripe vor und informieren Sie den Flow-Anbieter.",
    ),
    "price_differs": (
        (
            "Nach einem Angebot Ihres eigenen Flows zeigt Stripe eine andere nächste Zahlung, als dem Kunden "
            "genannt wurde."
        ),
        "Vergleichen Sie die Sitzung mit dem Abonnement bei Stripe und erfüllen Sie, was dem Kunden zugesagt wurde.",
    ),
    "another_discount": (
        "Das Abonnement hat einen anderen Rabatt.",
        "Nehmen Sie die Änderung bei Stripe vor und informieren Sie den Flow-Anbieter.",
    ),
    "no_trial": (
        "Das Abonnement ist nicht in einer Testphase.",
        "Nehmen Sie die Änderung bei Stripe vor und informieren Sie den Flow-Anbieter.",
    ),
    "shorter_trial": (
        "Die Testphase endet zu früh.",
        "Nehmen Sie die Änderung bei Stripe vor und informieren Sie den Flow-Anbieter.",
    ),
    "another_price": (
        "Das Abonnement hat einen anderen Preis.",
        "Nehmen Sie die Änderung bei Stripe vor und informieren Sie den Flow-Anbieter.",
    ),
    "cancellation_taken_back": (
        "Das hier geplante Ende ist nicht mehr geplant: Es wurde anderswo zurückgenommen oder verschoben.",
        "Klären Sie, ob der Kunde das wollte; es wird nichts noch einmal ausgeführt.",
    ),
    "discount_removed_elsewhere": (
        "Der Rabatt eines angenommenen Angebots ist vorzeitig verschwunden.",
        "Klären Sie, wer ihn entfernt hat; es wird nichts noch einmal ausgeführt.",
    ),
    "no_pause": (
        "Das Abonnement ist nicht pausiert.",
        "Nehmen Sie die Änderung bei Stripe vor und informieren Sie den Flow-Anbieter.",
    ),
    "schedule_released": (
        "Der Subscription Schedule wurde vom Abonnement gelöst.",
        "Nichts zu tun; die Änderung folgt.",
    ),
    "cancellation_withdrawn": (
        "Die Kündigung wurde zurückgenommen, weil der Kunde seither ein Angebot angenommen hat.",
        "Nichts zu tun; das Angebot folgt.",
    ),
    "schedule_amended": (
        "Das Ende des Subscription Schedule wurde geändert.",
        "Nichts zu tun; die Änderung folgt.",
    ),
    "schedule_made": (
        "Für das Abonnement wurde ein Subscription Schedule angelegt.",
        "Nichts zu tun; die Änderung folgt.",
    ),
    "parked_for_a_person": (
        "Das Ereignis führte zu einer angehaltenen Aktion.",
        "Sehen Sie sich die angehaltenen Aktionen an.",
    ),
    "not_opened_by_a_page": (
        "Die Flow-Sitzung ist nicht als unsere nachgewiesen, und es wurde nichts aufgezeichnet.",
        "Schalten Sie beim Flow-Anbieter signierte Requests ein.",
    ),
    "recorded": (
        "Das Ereignis führte zu einer Anfrage.",
        "Nichts zu tun.",
    ),
    "known": (
        "Der Browser des Kunden hatte es uns schon gemeldet.",
        "Nichts zu tun.",
    ),
    "known_with_another_result": (
        "Der Browser des Kunden hatte uns ein anderes Ergebnis gemeldet.",
        "Sehen Sie sich die Flow-Sitzung beim Flow-Anbieter an.",
    ),
    "no_subscription": (
        "Das Ereignis nennt kein Abonnement, das hier bekannt ist.",
        "Prüfen Sie die Abonnement-Abfrage, falls es oft vorkommt.",
    ),
    "unknown_event": (
        "Der Flow-Anbieter kennt dieses Ereignis nicht.",
        "Prüfen Sie Adresse und Token des Webhooks.",
    ),
    "signature_is_missing": (
        "Der Request hat keinen Header Stripe-Signature.",
        "Nichts zu tun: Dorthin sendet nur Stripe. Vielleicht hat ein Proxy den Header entfernt.",
    ),
    "signature_is_wrong": (
        "Die Signatur stammt von keinem der Webhook-Secrets.",
        "Vergleichen Sie webhook_secrets mit dem Secret des Endpunkts im Stripe-Dashboard.",
    ),
    "event_is_old": (
        "Das Ereignis wurde vor mehr als fünf Minuten signiert.",
        "Stellen Sie die Uhr dieses Rechners richtig; wiederholt gesendete alte Ereignisse sind ein Angriff.",
    ),
    "event_is_from_the_future": (
        "Das Ereignis wurde mehr als fünf Minuten in der Zukunft signiert.",
        "Stellen Sie die Uhr dieses Rechners richtig.",
    ),
    "event_of_another_mode": (
        "Das Ereignis ist ein Testereignis bei einem Live-Schlüssel, oder umgekehrt.",
        "Nichts zu tun: Endpunkte für verbundene Konten erhalten beides.",
    ),
    "event_of_another_account": (
        "Das Ereignis gehört zu einem anderen Konto als dem dieser Einstellungen.",
        "Stellen Sie den Endpunkt auf das Konto ein, das stripe_account nennt.",
    ),
    "nothing_to_do": (
        "Das Ereignis betrifft keine beendete Flow-Sitzung.",
        "Nichts zu tun.",
    ),
    "no_mailer": (
        "Eine E-Mail war vorgesehen, aber in den Einstellungen des Workers gibt es keinen Mailer.",
        "Geben Sie jedem Prozess dieselben Einstellungen.",
    ),
    "nobody_to_write_to": (
        "Für diesen Kunden ist keine E-Mail-Adresse bekannt.",
        "Geben Sie email= an, oder lassen Sie die Abonnement-Abfrage eine Spalte mit diesem Namen liefern.",
    ),
    "address_is_none": (
        "Als Adresse des Kunden ist etwas gespeichert, das keine einzelne E-Mail-Adresse ist.",
        "Berichtigen Sie die Adresse in Ihren eigenen Daten und versuchen Sie die Aktion dann erneut.",
    ),
    "mail_refused": (
        "Der Mailserver hat die Adresse oder die E-Mail endgültig abgelehnt.",
        (
            "Berichtigen Sie die Adresse in Ihren Daten und versuchen Sie die Aktion erneut, oder informieren "
            "Sie den Kunden anders."
        ),
    ),
    "mail_try_again": (
        "Der Mailserver bittet um einen späteren Versuch.",
        "Nichts zu tun: Der Worker versucht es erneut.",
    ),
    "mail_waited_too_long": (
        "Die E-Mails davor haben zu lange gedauert; diese wurde nicht übergeben.",
        "Nichts zu tun: Der Worker versucht es erneut. Bleibt es so, prüfen Sie, warum der Mailserver langsam ist.",
    ),
    "mail_server_away": (
        "Der Mailserver ist nicht erreichbar oder antwortet nicht rechtzeitig.",
        "Prüfen Sie, ob der Mailserver läuft und ob seine Adresse stimmt.",
    ),
    "mail_server_untrusted": (
        "Der Mailserver bietet kein TLS, oder sein Zertifikat ist nicht gültig.",
        "Berichtigen Sie das Zertifikat oder die Adresse des Servers; es wurde nichts gesendet.",
    ),
    "mail_login_refused": (
        "Der Mailserver hat Benutzername und Passwort oder den Absender abgelehnt.",
        "Berichtigen Sie die URL des SmtpMailer oder seinen Absender.",
    ),
    "mail_answer_lost": (
        "Die Verbindung brach ab, nachdem die E-Mail gesendet war; sie ist also vielleicht angekommen.",
        "Nichts zu tun: Der Worker sendet sie noch einmal, und der Kunde erhält sie vielleicht doppelt.",
    ),
    "mailer_failed": (
        "Der Mailer der Anwendung hat einen Fehler ausgelöst, nicht geantwortet oder keine gültige Antwort gegeben.",
        "Suchen Sie den Fehler im Log des Workers.",
    ),
    "gave_up": (
        "Der Worker fragt den Flow-Anbieter nicht mehr. Die letzte Antwort: {last}",
        "Sehen Sie sich die Flow-Sitzung beim Flow-Anbieter an.",
    ),
    "http": (
        "Die Antwort hatte den HTTP-Status {status}.",
        "Prüfen Sie die Statusseite des Flow-Anbieters.",
    ),
    "error": (
        "Ein Fehler der Klasse {name} hat den Versuch beendet.",
        "Suchen Sie den Fehler im Log des Workers.",
    ),
    "foreign": (
        "Dieses Wort stammt von einem anderen System oder einer neueren Version von aiocancel.",
        "Suchen Sie es unter den Fehlercodes von Stripe, oder aktualisieren Sie aiocancel.",
    ),
}
