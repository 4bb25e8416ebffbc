"""What each code says in Italian: a sentence and an advice, by its word. Not yet read by a native editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "claim_refused": (
        "Il risultato inviato è stato rifiutato.",
        "Legga il motivo nella risposta.",
    ),
    "malformed": (
        "Il corpo della richiesta HTTP non si può leggere.",
        "Controlli lo script o il modulo che la invia.",
    ),
    "wrong_content_type": (
        "La richiesta HTTP non è né JSON né un modulo.",
        "Imposti il Content-Type della richiesta HTTP.",
    ),
    "content_encoding": (
        "La richiesta HTTP ha un Content-Encoding.",
        "Invii il corpo così com'è; un proxy a monte può decomprimerlo.",
    ),
    "too_slow": (
        "Il corpo della richiesta HTTP non è arrivato in tempo.",
        "Chieda al cliente di riprovare; se sono molte insieme, è un attacco.",
    ),
    "too_large": (
        "Il corpo della richiesta HTTP è troppo grande.",
        "Aumenti max_body_bytes se capita a clienti reali.",
    ),
    "too_many_posts": (
        "In un minuto il cliente ha inviato più risultati di quanti se ne registrano.",
        "Non occorre fare nulla; aumenti most_posts_per_minute se capita a clienti reali.",
    ),
    "too_much_unfinished": (
        "Troppe richieste precedenti del cliente sono ancora in corso.",
        "Verifichi perché non sono concluse: aiocancel actions --state waiting.",
    ),
    "not_logged_in": (
        "Nessuno ha effettuato l'accesso.",
        "Chieda al cliente di accedere di nuovo.",
    ),
    "grant_refused": (
        "Il permesso della pagina non consente questa richiesta HTTP.",
        "Chieda al cliente di riaprire la pagina.",
    ),
    "grant_invalid": (
        "Il permesso della pagina è stato alterato o firmato con un'altra chiave.",
        "Verifichi che tutti i processi abbiano le stesse chiavi (grant_keys).",
    ),
    "grant_expired": (
        "La pagina è rimasta aperta troppo a lungo.",
        "Chieda al cliente di riaprire la pagina.",
    ),
    "grant_mode": (
        "La pagina è stata creata nell'altra modalità, live o test.",
        "Verifichi quali chiavi hanno i processi.",
    ),
    "grant_not_yours": (
        "La pagina è stata creata per un altro cliente.",
        "Verifichi che nessuna cache condivida la pagina tra clienti.",
    ),
    "grant_used": (
        "Il permesso della pagina è già stato usato per un altro risultato.",
        "Chieda al cliente di riaprire la pagina.",
    ),
    "subscription_not_yours": (
        "L'abbonamento non appartiene più al cliente.",
        "Controlli la query degli abbonamenti se il cliente non è d'accordo.",
    ),
    "foreign_post": (
        "Il modulo pubblico di disdetta è stato inviato da una pagina di un altro sito.",
        "Non occorre fare nulla: alla persona è stato chiesto di premere di nuovo.",
    ),
    "trap_filled_in": (
        "Il campo del modulo pubblico di disdetta che nessuno vede era compilato.",
        "Non occorre fare nulla: a una persona è stato chiesto di premere di nuovo.",
    ),
    "too_many_declarations": (
        "In un'ora sono arrivate più disdette di quante ne accetti PublicExit.",
        "Verifichi se qualcuno gioca con il modulo e aumenti i limiti se li raggiungono persone reali.",
    ),
    "no_contract_found": (
        (
            "Una disdetta del modulo pubblico non corrisponde con certezza ad alcun contratto; la conferma "
            "di ricezione viene inviata."
        ),
        "Trovi il contratto, lo disdica e chiuda l'azione.",
    ),
    "several_contracts": (
        "Il cliente che ha inviato la disdetta ha più abbonamenti.",
        "Disdica quello giusto e chiuda l'azione.",
    ),
    "for_cause": (
        "È stata dichiarata una disdetta per giusta causa; la conferma di ricezione viene inviata.",
        "La valuti, intervenga su Stripe e chiuda l'azione.",
    ),
    "date_is_wished": (
        "La disdetta chiede una data; la conferma di ricezione viene inviata.",
        "Imposti la fine su Stripe e chiuda l'azione.",
    ),
    "find_failed": (
        "La funzione find dell'applicazione ha dato un errore o non è terminata.",
        "Cerchi l'errore nel log del worker; il worker riprova.",
    ),
    "no_public_exit": (
        "È arrivata una disdetta dal modulo pubblico, ma le impostazioni del worker non ne prevedono uno.",
        "Usi le stesse impostazioni per tutti i processi.",
    ),
    "link_expired": (
        "Il link di un'e-mail è più vecchio di acknowledgement_link_days.",
        "Chieda al cliente di accedere e di aprire la pagina dal suo account.",
    ),
    "unknown_claim": (
        "Questo cliente non ha una richiesta del genere.",
        "Controlli l'indirizzo se il cliente non è d'accordo.",
    ),
    "unknown_subscription": (
        "La richiesta HTTP indica un abbonamento che non è del cliente.",
        "Controlli l'id che la pagina passa al pulsante.",
    ),
    "unknown_customer": (
        "Stripe non conosce l'id del cliente contenuto nel database.",
        "Confronti l'id con l'account e la modalità della chiave; nel frattempo disdica a mano per chi lo chiede.",
    ),
    "too_many_lookups": (
        "In un minuto gli abbonamenti di un cliente sono stati chiesti a Stripe troppe volte.",
        (
            "Non occorre fare nulla: /cancel continua a funzionare; se persiste, cerchi una pagina che li "
            "chiede di continuo."
        ),
    ),
    "which_subscription": (
        "Il cliente ha più abbonamenti e nulla indica quale sia quello giusto.",
        "Ne indichi uno con button(subscription=...) oppure scelga una regola.",
    ),
    "not_at_this_step": (
        "La sessione del flusso non è al passo che è stato inviato.",
        "Chieda al cliente di riaprire la pagina.",
    ),
    "flow_session_is_over": (
        "La sessione del flusso è terminata o è stata abbandonata troppo a lungo.",
        "Chieda al cliente di ricominciare; può comunque disdire.",
    ),
    "offer_was_not_shown": (
        "L'offerta non è quella mostrata al cliente.",
        "Non occorre fare nulla, a meno che uno stesso cliente non lo ripeta.",
    ),
    "offer_no_longer_fits": (
        "L'offerta è stata mostrata, ma non è più compatibile con l'abbonamento.",
        "Consulti gli eventi dell'abbonamento su Stripe se il cliente non è d'accordo.",
    ),
    "months_were_not_offered": (
        "La durata della sospensione manca o non era tra le scelte mostrate al cliente.",
        "Chieda al cliente di riaprire la pagina.",
    ),
    "unavailable": (
        "Il database, o Stripe dove viene interrogato, non ha risposto.",
        "Controlli il database e la pagina di stato di Stripe.",
    ),
    "subscription_changed_hands": (
        "L'abbonamento non appartiene più al cliente che ha fatto la richiesta.",
        "Verifichi di chi è ora; esegua la modifica su Stripe o chiuda l'azione.",
    ),
    "ended_by_the_company": (
        "Il cliente vuole mantenere un abbonamento che non è stato disdetto da questa applicazione.",
        "Lo riattivi su Stripe se vuole mantenere il cliente.",
    ),
    "resuming_is_off": (
        "La Sua impostazione resume_policy non consente a nessuno di ritirare una disdetta.",
        "Lo riattivi su Stripe se vuole mantenere il cliente.",
    ),
    "subscription_has_ended": (
        "L'abbonamento è già terminato.",
        "Chiuda l'azione o venda al cliente un nuovo abbonamento.",
    ),
    "subscription_is_ending": (
        "L'abbonamento ha già una data di fine.",
        "Chieda al cliente se la disdetta vale ancora.",
    ),
    "subscription_is_paused": (
        "L'abbonamento è già sospeso.",
        "Termini la sospensione su Stripe e riprovi, oppure chiuda l'azione.",
    ),
    "ends_by_agreement": (
        "La fine va oltre il periodo in corso, quindi non è stato il cliente a fissarla qui.",
        "Decida su Stripe se la fine si può togliere.",
    ),
    "shape_is_unknown": (
        "Stripe mostra uno stato o un intervallo sconosciuto a questa versione, oppure non tutte le voci.",
        "Esegua la modifica su Stripe o installi una versione più recente.",
    ),
    "first_payment_is_missing": (
        "Il cliente non ha ancora effettuato il primo pagamento.",
        "Riprovi dopo il pagamento o chiuda l'azione.",
    ),
    "payment_is_overdue": (
        "Il cliente deve ancora un pagamento, perciò questa offerta attende la Sua decisione.",
        "Saldi la fattura e riprovi, oppure chiuda l'azione.",
    ),
    "paused_by_somebody_else": (
        "La sospensione non deriva da un'offerta fatta qui.",
        "Verifichi chi l'ha impostata su Stripe prima di terminarla.",
    ),
    "no_discount_of_ours": (
        "Nessuno sconto sull'abbonamento deriva da un'offerta fatta qui.",
        "Rimuova lo sconto su Stripe o chiuda l'azione.",
    ),
    "changed_since_it_was_tried": (
        "L'abbonamento è stato modificato dopo un tentativo precedente: la stessa modifica potrebbe fare danni.",
        "Confronti l'abbonamento con i tentativi, poi esegua la modifica su Stripe.",
    ),
    "another_update_is_pending": (
        "Un'altra modifica dell'abbonamento attende un pagamento.",
        "Attenda quel pagamento e riprovi.",
    ),
    "undone_elsewhere": (
        "Stripe aveva già eseguito questa modifica, e un'altra persona o un altro programma l'ha annullata.",
        "Verifichi chi l'ha annullata prima di riprovare.",
    ),
    "wrong_mode": (
        "L'abbonamento appartiene all'altra modalità, live o test.",
        "Controlli la chiave di Stripe e la query degli abbonamenti.",
    ),
    "offer_is_missing": (
        "Il registro non contiene alcuna offerta per un'azione che ne richiede una.",
        "Controlli la richiesta dell'azione e chiuda l'azione.",
    ),
    "subscription_has_a_schedule": (
        "Su Stripe una pianificazione (subscription schedule) stabilisce che cosa succede a questo abbonamento.",
        "Se il suo piano può andare perso, rilasci lì la pianificazione; "
        "altrimenti esegua di persona la modifica al suo interno.",
    ),
    "schedule_is_unknown": (
        "Non è stato possibile leggere la pianificazione (subscription schedule).",
        "Verifichi che la chiave di Stripe possa leggere le subscription schedule.",
    ),
    "schedule_of_another_subscription": (
        "Secondo Stripe la pianificazione regola un altro abbonamento, perciò non viene toccata.",
        "Controlli l'abbonamento e la sua pianificazione su Stripe.",
    ),
    "schedule_has_pending_phases": (
        "La pianificazione prevede fasi successive, ad esempio un altro prezzo, che andrebbero perse.",
        "Chieda chi ha pianificato queste fasi. Se possono andare perse, rilasci la pianificazione; "
        "altrimenti esegua di persona la modifica al suo interno.",
    ),
    "schedule_cannot_be_kept": (
        "La pianificazione contiene più di quanto si possa inviare di nuovo a Stripe senza differenze.",
        "Preveda la modifica nella pianificazione su Stripe.",
    ),
    "planned_by_somebody_else": (
        "La modifica prevista dalla pianificazione non deriva da un'offerta fatta qui.",
        "Verifichi chi l'ha prevista su Stripe prima di rilasciare la pianificazione.",
    ),
    "plan_has_come": (
        "Il cambio di piano da annullare è già avvenuto.",
        "Concordi un piano con il cliente e lo imposti su Stripe.",
    ),
    "plan_is_planned_no_more": (
        "Il piano promesso per la fine del periodo non è più nella pianificazione.",
        "Verifichi chi l'ha tolto, poi cambi il piano su Stripe o avvisi il cliente.",
    ),
    "schedule_has_an_end_of_its_own": (
        "La pianificazione definisce già come termina.",
        "Esegua la modifica nella pianificazione su Stripe.",
    ),
    "custom_offer_is_not_stripes": (
        "Un'offerta personalizzata non si può eseguire su Stripe.",
        "La esegua a mano.",
    ),
    "customer_coupons_are_gone": (
        "Stripe non accetta più un coupon per un intero cliente.",
        "Imposti l'offerta in modo che valga per l'abbonamento.",
    ),
    "percentage_is_out_of_range": (
        "La percentuale deve essere maggiore di 0 e non superiore a 100, con al massimo quattro decimali.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "amount_does_not_fit_the_currency": (
        "L'importo non si può esprimere nella valuta dell'abbonamento.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "customer_discount_would_be_lost": (
        "Stripe non mantiene lo sconto del cliente accanto a quello nuovo, perciò non è cambiato nulla.",
        "Applichi su Stripe lo sconto migliore o concordi un'altra offerta.",
    ),
    "no_payment_falls_into_the_discount": (
        "Durante lo sconto non è previsto alcun pagamento, quindi il cliente non guadagnerebbe nulla.",
        "Conceda uno sconto più lungo, oppure attenda il pagamento e riprovi.",
    ),
    "payment_pays_for_more_than_the_discount": (
        "Il pagamento da scontare copre molto più tempo della durata dello sconto.",
        "Imposti OfferRules(most_months_of_a_discounted_payment=...) o concordi un'altra offerta.",
    ),
    "a_discount_would_be_used_up": (
        "Uno sconto per un solo pagamento potrebbe consumarsi su una fattura che il cliente non paga.",
        "Faccia l'offerta dopo il prossimo pagamento o aggiunga di nuovo lo sconto.",
    ),
    "a_discount_would_run_out": (
        "Uno sconto che il cliente ha già scadrebbe durante il periodo gratuito, e vale più di questo.",
        "Prolunghi lo sconto su Stripe o concordi un'altra offerta.",
    ),
    "plan_would_be_billed_at_once": (
        (
            "Il piano si paga con un'altra frequenza: Stripe lo fatturerebbe subito, senza accreditare il "
            "tempo già pagato."
        ),
        "Imposti il calcolo pro rata nell'offerta oppure OfferRules(unprorated_interval_change='allow').",
    ),
    "seats_would_not_be_fewer": (
        "L'offerta prevede più licenze di quante ne abbia l'abbonamento, oppure questo non ne ha da contare.",
        "Corregga OfferRules(seat_offers=...) o cambi le licenze su Stripe.",
    ),
    "seats_of_another_price": (
        "Le licenze dell'offerta hanno un prezzo che l'abbonamento non paga e potrebbero costare di più.",
        "Indichi in OfferRules(seat_offers=...) il prezzo che questi clienti pagano o cambi le licenze su Stripe.",
    ),
    "paid_time_would_be_lost": (
        "La sospensione inizierebbe subito, senza accreditare il tempo già pagato.",
        "Faccia iniziare la sospensione alla fine del periodo o imposti un altro OfferRules(pause_credit=...).",
    ),
    "seats_may_cost_more": (
        "Il prezzo di ogni licenza dipende da quante sono, perciò meno licenze possono costare di più.",
        "Controlli gli scaglioni del prezzo su Stripe e cambi lì le licenze se il cliente paga meno.",
    ),
    "quantity_is_unknown": (
        "Il piano si paga a quantità e l'abbonamento a consumo, perciò nessuno ha detto quante unità servono.",
        "Cambi il piano su Stripe, con la quantità concordata con il cliente.",
    ),
    "a_trial_cannot_be_scheduled": (
        "Il piano deve cambiare alla fine del periodo, ma l'abbonamento è nel periodo di prova.",
        "Cambi il piano su Stripe come ritiene opportuno.",
    ),
    "coupon_is_there_already": (
        "L'abbonamento ha già questo coupon. Solo la versione 0.1 bloccava un'offerta del genere.",
        "Chiuda l'azione o aggiunga un altro coupon su Stripe.",
    ),
    "coupon_ends_earlier": (
        "L'abbonamento ha già questo coupon, ma per meno pagamenti di quanti ne promette l'offerta.",
        "Prolunghi lo sconto su Stripe o concordi un'altra offerta.",
    ),
    "next_payment_is_unknown": (
        "Stripe non indica alcuna data per il prossimo pagamento.",
        "Controlli le voci dell'abbonamento su Stripe.",
    ),
    "periods_are_mixed": (
        "Le voci dell'abbonamento si pagano in date diverse.",
        "Esegua la modifica su Stripe come ritiene opportuno.",
    ),
    "trial_is_too_short": (
        "Il prolungamento del periodo di prova dura meno di un giorno.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "trial_is_too_long": (
        "Il periodo di prova durerebbe più di quanto consenta Stripe.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "plan_is_there_already": (
        "L'abbonamento ha già questo prezzo. Solo la versione 0.1 bloccava un'offerta del genere.",
        "Chiuda l'azione.",
    ),
    "which_item_is_the_plan": (
        "Più voci dell'abbonamento potrebbero essere il piano.",
        "Elenchi i piani in OfferRules(plan_price_ids=...) e riprovi.",
    ),
    "pause_is_too_long": (
        "La sospensione termina oltre i limiti del calendario.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "pause_is_too_short": (
        "La sospensione finirebbe prima di iniziare.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "no_payment_falls_into_the_pause": (
        "Nella sospensione non cade alcun pagamento, quindi il cliente non guadagnerebbe nulla.",
        "Concordi con il cliente una sospensione più lunga.",
    ),
    "payment_pays_for_more_than_the_pause": (
        "Il pagamento da saltare coprirebbe molto più tempo della sospensione.",
        "Concordi con il cliente un'altra offerta.",
    ),
    "payment_came_before_the_pause": (
        "Il pagamento che la sospensione doveva evitare è stato effettuato.",
        "Rimborsi il pagamento o faccia iniziare la sospensione più tardi.",
    ),
    "pause_needs_flexible_billing": (
        "Stripe sospende solo abbonamenti con fatturazione flessibile (flexible billing mode).",
        'Usi OfferRules(pause_mechanism="pause_collection").',
    ),
    "a_trial_cannot_be_paused": (
        "Stripe non sospende un abbonamento nel periodo di prova.",
        'Usi OfferRules(pause_mechanism="pause_collection") o prolunghi il periodo di prova.',
    ),
    "no_payment_method": (
        "Il cliente non ha un metodo di pagamento su cui addebitare un importo dopo la sospensione.",
        "Ne chieda uno al cliente e riprovi.",
    ),
    "pause_needs_automatic_charges": (
        "Stripe non termina la sospensione di un abbonamento che si paga con fattura.",
        'Usi OfferRules(pause_mechanism="pause_collection").',
    ),
    "next_payment_too_close": (
        "Il prossimo pagamento è rimasto troppo vicino per troppo tempo.",
        "Riprovi dopo il pagamento.",
    ),
    "payment_was_not_made": (
        "Il cliente non ha effettuato il pagamento, perciò il piano è rimasto com'era.",
        "Lasci le cose così o offra di nuovo il piano.",
    ),
    "payment_declined": (
        "La banca del cliente ha rifiutato il pagamento.",
        "Lasci le cose così o chieda al cliente un altro modo di pagare.",
    ),
    "resumption_is_not_paid": (
        "Il pagamento dopo la sospensione non è stato effettuato, perciò la sospensione continua.",
        "Chieda al cliente di pagare la fattura; finché è aperta, Stripe riprova da solo.",
    ),
    "withdrawn": (
        "Il cliente ha annullato la sospensione prima che iniziasse.",
        "Non occorre fare nulla.",
    ),
    "no_handler_for_this_offer": (
        "Nessun handler è registrato per questa offerta personalizzata.",
        "Ne registri uno con @cancel.on_offer e riprovi.",
    ),
    "bad_offer_id": (
        "L'id dell'offerta non si può leggere.",
        "Chieda al fornitore del flusso informazioni sull'offerta.",
    ),
    "conflicting_types": (
        "Il fornitore del flusso indica due tipi per una sola offerta.",
        "Chieda al fornitore del flusso informazioni sull'offerta.",
    ),
    "conflicting_ids": (
        "Il fornitore del flusso indica due id per una sola cosa.",
        "Chieda al fornitore del flusso informazioni sull'offerta.",
    ),
    "unknown_offer_type": (
        "Questa versione non conosce il tipo dell'offerta.",
        "La esegua a mano o aggiorni aiocancel.",
    ),
    "coupon_type_missing": (
        "L'offerta non dice se il suo importo è una percentuale.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "bad_amount": (
        "L'importo dell'offerta non si può leggere.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "bad_duration": (
        "La durata del coupon non si può leggere.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "bad_months": (
        "Il numero di mesi non si può leggere.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "bad_days": (
        "Il numero di giorni non si può leggere.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "bad_apply_to": (
        "L'offerta non dice chiaramente a che cosa si applica il suo coupon.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "bad_coupon_id": (
        "L'id del coupon non può essere di Stripe.",
        "Corregga l'id del coupon presso il fornitore del flusso.",
    ),
    "plan_missing": (
        "L'offerta non indica alcun prezzo di Stripe.",
        "Colleghi l'offerta a un prezzo presso il fornitore del flusso.",
    ),
    "bad_prorate": (
        "L'offerta non dice se la modifica va calcolata pro rata.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "bad_pause": (
        "La durata o l'inizio della sospensione non si può leggere.",
        "Corregga l'offerta presso il fornitore del flusso.",
    ),
    "offer_not_allowed": (
        "OfferLimits non elenca questa offerta.",
        "La aggiunga a offer_ids e riprovi, oppure chiuda l'azione.",
    ),
    "price_not_allowed": (
        "OfferLimits non elenca questo prezzo.",
        "Lo aggiunga a price_ids e riprovi, oppure chiuda l'azione.",
    ),
    "coupon_not_allowed": (
        "OfferLimits non elenca questo coupon.",
        "Lo aggiunga a coupon_ids e riprovi, oppure chiuda l'azione.",
    ),
    "coupon_is_not_on_the_list": (
        "OfferLimits limita i coupon, perciò un coupon esistente deve essere nell'elenco.",
        "Lo aggiunga a coupon_ids e riprovi, oppure chiuda l'azione.",
    ),
    "percent_too_high": (
        "La percentuale supera il Suo limite.",
        "Aumenti max_percent e riprovi, oppure chiuda l'azione.",
    ),
    "amount_too_high": (
        "L'importo supera il Suo limite.",
        "Aumenti max_amount e riprovi, oppure chiuda l'azione.",
    ),
    "too_many_months": (
        "Il coupon o la sospensione dura più del Suo limite.",
        "Aumenti max_months e riprovi, oppure chiuda l'azione.",
    ),
    "too_many_days": (
        "Il prolungamento del periodo di prova supera il Suo limite.",
        "Aumenti max_days e riprovi, oppure chiuda l'azione.",
    ),
    "given_recently": (
        "L'abbonamento ha già ricevuto qualcosa entro at_most_one_gift_in_days.",
        "Applichi l'offerta a mano o dica al cliente che non viene concessa; poi chiuda l'azione.",
    ),
    "not_for_this_customer": (
        "Il cliente non soddisfa la condizione dell'offerta.",
        "Cambi il when= dell'offerta se era pensata per clienti come questo.",
    ),
    "nobody_knows_whether_it_fits": (
        "La condizione dell'offerta dipende da un dato di questo cliente che non è noto.",
        "Fornisca al flusso il paese, il luogo o la colonna che la condizione richiede.",
    ),
    "forbidden_by_a_rule": (
        "Una regola Sua, o del luogo del cliente, vieta l'offerta.",
        "Legga le regole con aiocancel flow show.",
    ),
    "permission_is_missing": (
        "Una regola consente l'offerta solo se prima il cliente ha accettato di vederne una.",
        "Non occorre fare nulla: il flusso lo chiede una volta.",
    ),
    "subscription_was_not_read": (
        "Stripe non ha risposto in tempo, perciò non si sa quali offerte siano possibili per l'abbonamento.",
        "Se persiste, consulti la pagina di stato di Stripe.",
    ),
    "not_in_trial": (
        "I giorni di prova in più sono per un abbonamento nel periodo di prova.",
        "Non occorre fare nulla.",
    ),
    "no_amount_in_the_currency": (
        "L'amount_off dell'offerta non ha un importo nella valuta dell'abbonamento.",
        "Lo aggiunga se i clienti che pagano in quella valuta devono ricevere l'offerta.",
    ),
    "has_it_already": (
        "L'abbonamento ha già ciò che viene offerto.",
        "Non occorre fare nulla.",
    ),
    "payment_is_near": (
        "Sta per essere addebitato un pagamento e l'offerta deve attenderlo.",
        "Non occorre fare nulla: l'offerta si vede nei tentativi successivi.",
    ),
    "plan_would_come_later": (
        "L'offerta prevede un cambio immediato, ma OfferRules rinvia ogni piano alla fine del periodo.",
        "Imposti nell'offerta at='period_end' oppure tolga plan_starts.",
    ),
    "price_is_not_known": (
        "Stripe non ha detto in tempo, o non con certezza, quanto pagherebbe il cliente con l'offerta.",
        "Cerchi un evento PageFactsMissing; alcune fatture, come quelle a consumo, non hanno un prezzo certo.",
    ),
    "held_out": (
        "L'abbonamento è nel gruppo di controllo: non riceve offerte, per poter fare il confronto con gli altri.",
        "Riduca hold_out_percent se vuole un gruppo di controllo più piccolo.",
    ),
    "flow_session_unknown": (
        "Il fornitore del flusso non conosce questa sessione del flusso.",
        "Non occorre fare nulla, a meno che uno stesso cliente non lo ripeta.",
    ),
    "flow_session_of_another_customer": (
        "La sessione del flusso appartiene a un altro cliente.",
        "Non occorre fare nulla, a meno che uno stesso cliente non lo ripeta.",
    ),
    "flow_session_of_another_subscription": (
        "La sessione del flusso appartiene a un altro abbonamento.",
        "Non occorre fare nulla, a meno che uno stesso cliente non lo ripeta.",
    ),
    "flow_session_says_canceled": (
        "Secondo il fornitore del flusso il cliente ha disdetto.",
        "Chieda al cliente se vuole disdire.",
    ),
    "flow_session_says_deflected": (
        "Secondo il fornitore del flusso il cliente è rimasto senza accettare offerte.",
        "Non occorre fare nulla.",
    ),
    "flow_session_says_incomplete": (
        "Secondo il fornitore del flusso il cliente ha lasciato il flusso.",
        "Non occorre fare nulla.",
    ),
    "flow_session_says_rerouted": (
        "Secondo il fornitore del flusso il cliente è stato mandato altrove.",
        "Non occorre fare nulla.",
    ),
    "flow_session_says_unknown": (
        "Il fornitore del flusso dà alla sessione del flusso uno stato che questa versione non conosce.",
        "Controlli la sessione del flusso presso il fornitore del flusso.",
    ),
    "flow_session_is_old": (
        "La sessione del flusso è terminata più di una settimana fa e forse l'offerta è stata applicata allora.",
        "Verifichi se il cliente ha già l'offerta.",
    ),
    "flow_session_paid_before": (
        "Questa sessione del flusso ha già portato a un'offerta.",
        "Non occorre fare nulla.",
    ),
    "flow_session_still_open": (
        "Il fornitore del flusso non ha chiuso in tempo la sessione del flusso.",
        "Riprovi quando il fornitore del flusso l'avrà chiusa.",
    ),
    "no_offer_named": (
        "Il fornitore del flusso non indica alcuna offerta accettata.",
        "Controlli la sessione del flusso presso il fornitore del flusso.",
    ),
    "flow_session_not_proven": (
        "Nulla dimostra che una pagina di questa applicazione abbia aperto la sessione del flusso.",
        (
            "Chieda al cliente: se lo voleva, riprovi; altrimenti chiuda l'azione. Attivi le richieste "
            "firmate presso il fornitore del flusso."
        ),
    ),
    "flow_session_proof_used": (
        "Un'altra sessione del flusso ha già usato la prova di questa pagina.",
        "Chieda al cliente: se lo voleva, riprovi; altrimenti chiuda l'azione.",
    ),
    "flow_session_ended_another": (
        "La stessa sessione del flusso ha già disdetto un altro abbonamento di questo cliente.",
        "Chieda al cliente: se anche questo doveva terminare, riprovi; altrimenti chiuda l'azione.",
    ),
    "refused_on_the_page": (
        "La pagina che ha comunicato questa sessione del flusso è stata rifiutata, e al cliente è stato detto.",
        "Chieda al cliente di quella pagina: se lo voleva, riprovi; altrimenti chiuda l'azione.",
    ),
    "no_flow_session_named": (
        "La pagina ha comunicato un'offerta accettata, ma non ha indicato alcuna sessione del flusso.",
        "Cerchi la sessione del flusso del cliente presso il fornitore del flusso.",
    ),
    "no_event_of_flow_session": (
        (
            "Il fornitore del flusso non ha eventi di questa sessione del flusso, come per quelle della sua "
            "modalità di test."
        ),
        "Chiuda l'azione se era un test; altrimenti riprovi.",
    ),
    "vendor_did_not_act": (
        "Stripe non mostra la modifica promessa dal fornitore del flusso.",
        "Esegua la modifica su Stripe e avvisi il fornitore del flusso.",
    ),
    "customer_coupons_do_not_show": (
        "Un abbonamento non mostra i coupon che valgono per l'intero cliente.",
        "Controlli gli sconti del cliente su Stripe.",
    ),
    "vendor_api_not_configured": (
        "Il fornitore del flusso non si può interrogare senza una chiave API.",
        "Imposti la chiave API del fornitore del flusso e riprovi.",
    ),
    "vendor_error": (
        "L'API del fornitore del flusso ha avuto un errore.",
        "Consulti la pagina di stato del fornitore del flusso.",
    ),
    "vendor_unreachable": (
        "L'API del fornitore del flusso non ha risposto.",
        "Consulti la pagina di stato del fornitore del flusso.",
    ),
    "vendor_refused": (
        "L'API del fornitore del flusso ha rifiutato la chiamata.",
        "Chieda al fornitore del flusso informazioni sulla sessione del flusso.",
    ),
    "vendor_data": (
        "La risposta del fornitore del flusso ha una forma che non si può leggere.",
        "Aggiorni aiocancel o chieda al fornitore del flusso.",
    ),
    "not_the_vendors_answer": (
        "La risposta non è un oggetto JSON, come quella di un proxy o di una pagina di manutenzione.",
        "Se persiste, consulti la pagina di stato del fornitore del flusso.",
    ),
    "bad_api_key": (
        "Il fornitore del flusso ha rifiutato la chiave API.",
        "Sostituisca la chiave API del fornitore del flusso.",
    ),
    "bad_id": (
        "L'id non può essere del fornitore del flusso.",
        "Controlli la richiesta; forse un browser ha inventato l'id.",
    ),
    "rate_limited": (
        "Il limite di richieste del fornitore del flusso è esaurito.",
        "Non occorre fare nulla: il worker riprova.",
    ),
    "timeout": (
        "Il fornitore del flusso non ha risposto in tempo.",
        "Non occorre fare nulla: il worker riprova.",
    ),
    "unreachable": (
        "Il fornitore del flusso non è raggiungibile.",
        "Controlli la rete se persiste.",
    ),
    "api_error": (
        "Stripe ha avuto un errore interno.",
        "Consulti la pagina di stato di Stripe.",
    ),
    "bad_account": (
        "La riga dell'abbonamento contiene un account che non è di Stripe.",
        "Corregga la riga, poi riprovi l'azione.",
    ),
    "permission_missing": (
        "Alla chiave con restrizioni manca un permesso; l'evento PermissionMissing dice quale.",
        "Dia il permesso alla chiave nella Dashboard di Stripe; il worker riprova da solo.",
    ),
    "card_declined": (
        "La carta del cliente è stata rifiutata.",
        "Chieda al cliente un altro modo di pagare.",
    ),
    "idempotency_error": (
        "Stripe conosce un'altra chiamata con questa chiave di idempotenza.",
        "Non occorre fare nulla: il prossimo tentativo usa una nuova chiave.",
    ),
    "written_before": (
        "Questa richiesta era già stata inviata a Stripe, ma non da questo registro, e Stripe non ne mostra l'effetto.",
        "Consulti gli eventi dell'abbonamento su Stripe e chiuda l'azione.",
    ),
    "idempotency_key_in_use": (
        "Stripe sta ancora elaborando la stessa chiamata.",
        "Non occorre fare nulla: il worker riprova.",
    ),
    "invalid_canceled_subscription_fields": (
        "Stripe non modifica un abbonamento terminato.",
        "Chiuda l'azione.",
    ),
    "invalid_request_error": (
        "Stripe ha rifiutato la chiamata.",
        "Cerchi il request id nella Dashboard di Stripe.",
    ),
    "lock_timeout": (
        "Un'altra chiamata teneva bloccato l'abbonamento su Stripe.",
        "Non occorre fare nulla: il worker riprova.",
    ),
    "rate_limit": (
        "Il limite di richieste di Stripe è esaurito.",
        "Riduca max_requests_per_s se persiste.",
    ),
    "resource_already_exists": (
        "Stripe ha già un oggetto con questo id.",
        "Cerchi il request id nella Dashboard di Stripe.",
    ),
    "resource_missing": (
        "Stripe non ha questo abbonamento, oppure questo prezzo o coupon.",
        "Controlli l'id, la modalità e l'account Stripe.",
    ),
    "resource_rate_limit": (
        "Troppe chiamate hanno modificato uno stesso oggetto su Stripe.",
        "Cerchi un altro programma che modifica l'abbonamento.",
    ),
    "rate_budget": (
        "Il nostro limite di chiamate a Stripe è esaurito.",
        "Aumenti max_requests_per_s se persiste.",
    ),
    "unreadable": (
        "La risposta non si può leggere.",
        "Aggiorni aiocancel o cerchi il request id nella Dashboard di Stripe.",
    ),
    "not_visible": (
        "Stripe ha accettato la modifica, ma non la mostra.",
        "Cerchi il request id nella Dashboard di Stripe.",
    ),
    "too_many_subscriptions": (
        "Il cliente ha troppi abbonamenti per elencarli.",
        "Faccia indicare l'abbonamento dall'applicazione.",
    ),
    "bad_subscription_id": (
        "Il database contiene un id che non può essere di un abbonamento.",
        "Corregga la query degli abbonamenti.",
    ),
    "transient": (
        "Il tentativo è fallito e non è cambiato nulla.",
        "Non occorre fare nulla: il worker riprova.",
    ),
    "unknown": (
        "Il tentativo è fallito, ma la modifica potrebbe essere avvenuta.",
        "Non occorre fare nulla: il worker legge l'abbonamento e riprova.",
    ),
    "rejected": (
        "L'altra parte ha rifiutato la modifica senza dare un codice.",
        "Cerchi il request id nella Dashboard di Stripe.",
    ),
    "gave_up_transient": (
        "Il worker ha rinunciato dopo molti tentativi falliti; l'ultimo non ha modificato nulla.",
        "Elimini la causa che i tentativi mostrano e riprovi.",
    ),
    "gave_up_unknown": (
        "Il worker ha rinunciato dopo molti tentativi falliti; l'ultimo potrebbe aver modificato l'abbonamento.",
        "Confronti l'abbonamento con i tentativi e riprovi.",
    ),
    "attempt_timeout": (
        "Il tentativo è durato troppo a lungo.",
        "Controlli la rete e l'handler dell'offerta.",
    ),
    "database_unavailable": (
        "Il database non ha risposto durante il tentativo.",
        "Controlli il database.",
    ),
    "ledger_unreadable": (
        "Il registro contiene un tipo che questa versione non conosce.",
        "Aggiorni questo worker alla versione più recente che ha scritto nel registro.",
    ),
    "row_unreadable": (
        "Nessuna versione può leggere una parte salvata dell'azione.",
        "Corregga le colonne offer, change e baseline della riga dell'azione e riprovi.",
    ),
    "no_discount": (
        "L'abbonamento non ha sconti.",
        "Esegua la modifica su Stripe e avvisi il fornitore del flusso.",
    ),
    "price_differs": (
        (
            "Dopo un'offerta del Suo flusso proprio Stripe mostra un prossimo pagamento diverso da quello "
            "indicato al cliente."
        ),
        "Confronti la sessione con l'abbonamento su Stripe e rispetti quanto è stato detto al cliente.",
    ),
    "another_discount": (
        "L'abbonamento ha un altro sconto.",
        "Esegua la modifica su Stripe e avvisi il fornitore del flusso.",
    ),
    "no_trial": (
        "L'abbonamento non è nel periodo di prova.",
        "Esegua la modifica su Stripe e avvisi il fornitore del flusso.",
    ),
    "shorter_trial": (
        "Il periodo di prova termina troppo presto.",
        "Esegua la modifica su Stripe e avvisi il fornitore del flusso.",
    ),
    "another_price": (
        "L'abbonamento ha un altro prezzo.",
        "Esegua la modifica su Stripe e avvisi il fornitore del flusso.",
    ),
    "cancellation_taken_back": (
        "La fine prevista qui non è più prevista: è stata ritirata o rinviata altrove.",
        "Verifichi se il cliente lo voleva; non viene rifatto nulla.",
    ),
    "discount_removed_elsewhere": (
        "Lo sconto di un'offerta accettata è sparito prima del tempo.",
        "Verifichi chi l'ha rimosso; non viene rifatto nulla.",
    ),
    "no_pause": (
        "L'abbonamento non è sospeso.",
        "Esegua la modifica su Stripe e avvisi il fornitore del flusso.",
    ),
    "schedule_released": (
        "La pianificazione (subscription schedule) è stata rilasciata.",
        "Non occorre fare nulla: la modifica segue.",
    ),
    "cancellation_withdrawn": (
        "La disdetta è stata ritirata, perché in seguito il cliente ha accettato un'offerta.",
        "Non occorre fare nulla: l'offerta segue.",
    ),
    "schedule_amended": (
        "La fine della pianificazione (subscription schedule) è stata modificata.",
        "Non occorre fare nulla: la modifica segue.",
    ),
    "schedule_made": (
        "L'abbonamento è stato messo sotto una pianificazione (subscription schedule).",
        "Non occorre fare nulla: la modifica segue.",
    ),
    "parked_for_a_person": (
        "L'evento ha portato a un'azione bloccata.",
        "Controlli le azioni bloccate.",
    ),
    "not_opened_by_a_page": (
        "Non è provato che la sessione del flusso sia nostra, e non è stato registrato nulla.",
        "Attivi le richieste firmate presso il fornitore del flusso.",
    ),
    "recorded": (
        "L'evento ha portato a una richiesta.",
        "Non occorre fare nulla.",
    ),
    "known": (
        "Il browser del cliente ce l'aveva già comunicato.",
        "Non occorre fare nulla.",
    ),
    "known_with_another_result": (
        "Il browser del cliente ci aveva comunicato un altro risultato.",
        "Controlli la sessione del flusso presso il fornitore del flusso.",
    ),
    "no_subscription": (
        "L'evento non indica alcun abbonamento noto qui.",
        "Controlli la query degli abbonamenti se capita spesso.",
    ),
    "unknown_event": (
        "Il fornitore del flusso non conosce questo evento.",
        "Controlli l'indirizzo e il token del webhook.",
    ),
    "signature_is_missing": (
        "La richiesta HTTP non ha l'intestazione Stripe-Signature.",
        "Non occorre fare nulla: lì scrive solo Stripe. Forse un proxy ha tolto l'intestazione.",
    ),
    "signature_is_wrong": (
        "La firma non viene da nessuno dei webhook_secrets.",
        "Confronti webhook_secrets con il segreto dell'endpoint nella Dashboard di Stripe.",
    ),
    "event_is_old": (
        "L'evento è stato firmato più di cinque minuti fa.",
        "Regoli l'orologio di questa macchina; una vecchia richiesta HTTP che si ripete è un attacco.",
    ),
    "event_is_from_the_future": (
        "L'evento è stato firmato con più di cinque minuti di anticipo.",
        "Regoli l'orologio di questa macchina.",
    ),
    "event_of_another_mode": (
        "L'evento è di test e la chiave è live, o viceversa.",
        "Non occorre fare nulla: gli endpoint per account collegati ricevono entrambi.",
    ),
    "event_of_another_account": (
        "L'evento appartiene a un account che non è quello di queste impostazioni.",
        "Faccia ascoltare all'endpoint l'account indicato da stripe_account.",
    ),
    "nothing_to_do": (
        "L'evento non riguarda una sessione del flusso terminata.",
        "Non occorre fare nulla.",
    ),
    "no_mailer": (
        "Era prevista un'e-mail, ma le impostazioni del worker non hanno un mailer.",
        "Usi le stesse impostazioni per tutti i processi.",
    ),
    "nobody_to_write_to": (
        "Di questo cliente non è noto alcun indirizzo e-mail.",
        "Imposti email= oppure faccia restituire alla query degli abbonamenti una colonna con quel nome.",
    ),
    "address_is_none": (
        "Ciò che è salvato come indirizzo del cliente non è un singolo indirizzo e-mail.",
        "Corregga l'indirizzo nei Suoi dati, poi riprovi l'azione.",
    ),
    "mail_refused": (
        "Il server di posta ha rifiutato definitivamente l'indirizzo o l'e-mail.",
        "Corregga l'indirizzo nei Suoi dati, poi riprovi l'azione, oppure avvisi il cliente in altro modo.",
    ),
    "mail_try_again": (
        "Il server di posta ha chiesto di riprovare più tardi.",
        "Non occorre fare nulla: il worker riprova.",
    ),
    "mail_waited_too_long": (
        "Le e-mail precedenti hanno impiegato troppo tempo; questa non è stata consegnata.",
        "Non occorre fare nulla: il worker riprova. Se continua, verifichi perché il server di posta è lento.",
    ),
    "mail_server_away": (
        "Il server di posta non è raggiungibile o non risponde in tempo.",
        "Verifichi che il server di posta sia attivo e che il suo indirizzo sia giusto.",
    ),
    "mail_server_untrusted": (
        "Il server di posta non offre TLS o il suo certificato non è valido.",
        "Corregga il certificato del server o il suo indirizzo; non è stato inviato nulla.",
    ),
    "mail_login_refused": (
        "Il server di posta ha rifiutato nome utente e password, oppure il mittente.",
        "Corregga l'URL dello SmtpMailer o il suo mittente.",
    ),
    "mail_answer_lost": (
        "La connessione si è interrotta dopo l'invio dell'e-mail, che quindi potrebbe essere arrivata.",
        "Non occorre fare nulla: il worker la invia ancora una volta, e il cliente potrebbe riceverla due volte.",
    ),
    "mailer_failed": (
        "Il mailer dell'applicazione ha dato un errore, non è terminato o non ha restituito una risposta nostra.",
        "Cerchi l'errore nel log del worker.",
    ),
    "gave_up": (
        "Il worker ha smesso di interrogare il fornitore del flusso. L'ultima risposta: {last}",
        "Controlli la sessione del flusso presso il fornitore del flusso.",
    ),
    "http": (
        "La risposta aveva lo stato HTTP {status}.",
        "Consulti la pagina di stato del fornitore del flusso.",
    ),
    "error": (
        "Un errore della classe {name} ha interrotto il tentativo.",
        "Cerchi l'errore nel log del worker.",
    ),
    "foreign": (
        "Questa parola è stata scelta da un altro sistema o da una versione più recente di aiocancel.",
        "La cerchi tra i codici di errore di Stripe o aggiorni aiocancel.",
    ),
}
