"""What each code says in Spanish: a sentence and an advice, by its word. Not yet read by a native editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "claim_refused": (
        "Se rechazó el resultado enviado.",
        "Lea el motivo en la respuesta.",
    ),
    "malformed": (
        "No se puede leer el cuerpo de la petición.",
        "Revise el script o el formulario que la envía.",
    ),
    "wrong_content_type": (
        "La petición no es JSON ni un formulario.",
        "Indique el Content-Type de la petición.",
    ),
    "content_encoding": (
        "La petición lleva un Content-Encoding.",
        "Envíe el cuerpo tal cual; un proxy intermedio puede descomprimirlo.",
    ),
    "too_slow": (
        "El cuerpo de la petición no llegó a tiempo.",
        "Pida al cliente que lo intente de nuevo; si son muchas a la vez, es un ataque.",
    ),
    "too_large": (
        "El cuerpo de la petición es demasiado grande.",
        "Aumente max_body_bytes si les ocurre a clientes reales.",
    ),
    "too_many_posts": (
        "El cliente ha enviado en un minuto más resultados de los que se registran.",
        "No hay que hacer nada; aumente most_posts_per_minute si les ocurre a clientes reales.",
    ),
    "too_much_unfinished": (
        "Demasiadas solicitudes anteriores del cliente están sin terminar.",
        "Averigüe por qué no han terminado: aiocancel actions --state waiting.",
    ),
    "not_logged_in": (
        "Nadie ha iniciado sesión.",
        "Pida al cliente que inicie sesión de nuevo.",
    ),
    "grant_refused": (
        "El permiso de la página no autoriza esta petición.",
        "Pida al cliente que abra la página de nuevo.",
    ),
    "grant_invalid": (
        "El permiso de la página se alteró o lo firmó otra clave.",
        "Compruebe que todos los procesos tienen las mismas claves (grant_keys).",
    ),
    "grant_expired": (
        "La página estuvo abierta demasiado tiempo.",
        "Pida al cliente que abra la página de nuevo.",
    ),
    "grant_mode": (
        "La página se creó en el otro modo, live o test.",
        "Compruebe qué claves tienen los procesos.",
    ),
    "grant_not_yours": (
        "La página se creó para otro cliente.",
        "Compruebe que ninguna caché comparte la página entre clientes.",
    ),
    "grant_used": (
        "El permiso de la página ya se usó para otro resultado.",
        "Pida al cliente que abra la página de nuevo.",
    ),
    "subscription_not_yours": (
        "La suscripción ya no pertenece al cliente.",
        "Revise la consulta de suscripciones si el cliente no está de acuerdo.",
    ),
    "foreign_post": (
        "El formulario público de cancelación se envió desde una página de otro sitio.",
        "No hay que hacer nada: se pidió a la persona que pulsara otra vez.",
    ),
    "trap_filled_in": (
        "El campo del formulario público de cancelación que nadie ve estaba relleno.",
        "No hay que hacer nada: se pidió a una persona que pulsara otra vez.",
    ),
    "too_many_declarations": (
        "En una hora llegaron más cancelaciones de las que admite PublicExit.",
        "Compruebe si alguien juega con el formulario y suba los límites si afectan a personas reales.",
    ),
    "no_contract_found": (
        (
            "Una cancelación del formulario público no corresponde con certeza a ningún contrato; el acuse "
            "de recibo se envía."
        ),
        "Busque el contrato, cancélelo y cierre la acción.",
    ),
    "several_contracts": (
        "El cliente que envió la cancelación tiene varias suscripciones.",
        "Cancele la que corresponda y cierre la acción.",
    ),
    "for_cause": (
        "Se declaró una cancelación por justa causa; el acuse de recibo se envía.",
        "Valórela, actúe en Stripe y cierre la acción.",
    ),
    "date_is_wished": (
        "La cancelación pide una fecha; el acuse de recibo se envía.",
        "Fije el final en Stripe y cierre la acción.",
    ),
    "find_failed": (
        "La función find de la aplicación dio un error o no terminó.",
        "Busque el error en el log del worker; el worker lo intenta de nuevo.",
    ),
    "no_public_exit": (
        "Llegó una cancelación por el formulario público y los ajustes del worker no tienen ninguno.",
        "Use los mismos ajustes en todos los procesos.",
    ),
    "link_expired": (
        "El enlace de un correo es más antiguo que acknowledgement_link_days.",
        "Pida al cliente que inicie sesión y abra la página desde su cuenta.",
    ),
    "unknown_claim": (
        "Este cliente no tiene esa solicitud.",
        "Revise la dirección si el cliente no está de acuerdo.",
    ),
    "unknown_subscription": (
        "La petición nombra una suscripción que no es del cliente.",
        "Revise el id que su página pasa al botón.",
    ),
    "unknown_customer": (
        "Stripe no conoce el id del cliente que figura en la base de datos.",
        "Compare el id con la cuenta y el modo de la clave; mientras tanto, cancele a mano a quien lo pida.",
    ),
    "too_many_lookups": (
        "En un minuto se consultaron en Stripe demasiadas veces las suscripciones de un cliente.",
        "No hay que hacer nada: /cancel sigue funcionando; si continúa, busque una página que consulte en bucle.",
    ),
    "which_subscription": (
        "El cliente tiene varias suscripciones y nada indica a cuál se refiere.",
        "Indique una con button(subscription=...) o elija una regla.",
    ),
    "not_at_this_step": (
        "La sesión del flujo no está en el paso que se envió.",
        "Pida al cliente que abra la página de nuevo.",
    ),
    "flow_session_is_over": (
        "La sesión del flujo ha terminado o quedó abandonada demasiado tiempo.",
        "Pida al cliente que empiece de nuevo; puede cancelar de todos modos.",
    ),
    "offer_was_not_shown": (
        "La oferta no es la que el cliente tiene en pantalla.",
        "No hay que hacer nada, salvo fijarse en si un mismo cliente lo repite.",
    ),
    "offer_no_longer_fits": (
        "La oferta se mostró, pero ya no es compatible con la suscripción.",
        "Consulte los eventos de la suscripción en Stripe si el cliente no está de acuerdo.",
    ),
    "months_were_not_offered": (
        "La duración de la pausa falta o no estaba entre las opciones del cliente.",
        "Pida al cliente que abra la página de nuevo.",
    ),
    "unavailable": (
        "No respondió la base de datos, o Stripe en los casos en que se le consulta.",
        "Revise la base de datos y la página de estado de Stripe.",
    ),
    "subscription_changed_hands": (
        "La suscripción ya no pertenece al cliente que hizo la solicitud.",
        "Pregunte quién la tiene ahora; haga el cambio en Stripe o cierre la acción.",
    ),
    "ended_by_the_company": (
        "El cliente quiere mantener una suscripción que esta aplicación no canceló.",
        "Reanúdela en Stripe si quiere conservar al cliente.",
    ),
    "resuming_is_off": (
        "Su ajuste resume_policy no permite a nadie retirar una cancelación.",
        "Reanúdela en Stripe si quiere conservar al cliente.",
    ),
    "subscription_has_ended": (
        "La suscripción ya ha terminado.",
        "Cierre la acción o venda al cliente una suscripción nueva.",
    ),
    "subscription_is_ending": (
        "La suscripción ya tiene fecha de fin.",
        "Pregunte al cliente si la cancelación sigue en pie.",
    ),
    "subscription_is_paused": (
        "La suscripción ya está en pausa.",
        "Termine la pausa en Stripe y reintente, o cierre la acción.",
    ),
    "ends_by_agreement": (
        "El final va más allá del periodo en curso, así que el cliente no lo fijó aquí.",
        "Decida en Stripe si el final se puede eliminar.",
    ),
    "shape_is_unknown": (
        "Stripe muestra un estado o un intervalo que esta versión no conoce, o no muestra todos los elementos.",
        "Haga el cambio en Stripe o instale una versión más reciente.",
    ),
    "first_payment_is_missing": (
        "El cliente todavía no ha hecho el primer pago.",
        "Reintente después del pago o cierre la acción.",
    ),
    "payment_is_overdue": (
        "El cliente debe un pago, así que esta oferta espera su decisión.",
        "Salde la factura y reintente, o cierre la acción.",
    ),
    "paused_by_somebody_else": (
        "La pausa no procede de una oferta hecha aquí.",
        "Pregunte quién puso la pausa en Stripe antes de terminarla.",
    ),
    "no_discount_of_ours": (
        "Ningún descuento de la suscripción procede de una oferta hecha aquí.",
        "Quite el descuento en Stripe o cierre la acción.",
    ),
    "changed_since_it_was_tried": (
        "La suscripción cambió después de un intento anterior; repetir el mismo cambio puede hacer daño.",
        "Compare la suscripción con los intentos y haga el cambio en Stripe.",
    ),
    "another_update_is_pending": (
        "Otro cambio de la suscripción espera un pago.",
        "Espere ese pago y reintente.",
    ),
    "undone_elsewhere": (
        "Stripe ya hizo este cambio y otra persona u otro programa lo deshizo.",
        "Pregunte quién lo deshizo antes de reintentar.",
    ),
    "wrong_mode": (
        "La suscripción pertenece al otro modo, live o test.",
        "Revise la clave de Stripe y la consulta de suscripciones.",
    ),
    "offer_is_missing": (
        "El registro no contiene ninguna oferta para una acción que la necesita.",
        "Revise la solicitud de la acción y cierre la acción.",
    ),
    "subscription_has_a_schedule": (
        "En Stripe, una programación (subscription schedule) planifica lo que ocurre con esta suscripción.",
        "Si su plan puede perderse, libere allí la programación; si no, haga usted el cambio en ella.",
    ),
    "schedule_is_unknown": (
        "No se pudo leer la programación (subscription schedule).",
        "Compruebe que la clave de Stripe puede leer los subscription schedules.",
    ),
    "schedule_of_another_subscription": (
        "Stripe dice que la programación rige otra suscripción, así que no se toca.",
        "Revise la suscripción y su programación en Stripe.",
    ),
    "schedule_has_pending_phases": (
        "La programación prevé fases posteriores, por ejemplo otro precio, que se perderían.",
        "Pregunte quién planificó esas fases. Si pueden perderse, libere la programación; "
        "si no, haga usted el cambio en ella.",
    ),
    "schedule_cannot_be_kept": (
        "La programación contiene más de lo que se puede volver a enviar a Stripe con exactitud.",
        "Prevea el cambio en la programación, en Stripe.",
    ),
    "planned_by_somebody_else": (
        "El cambio que prevé la programación no procede de una oferta hecha aquí.",
        "Pregunte quién lo previó en Stripe antes de liberar la programación.",
    ),
    "plan_has_come": (
        "El cambio de plan que se iba a anular ya se ha hecho.",
        "Acuerde un plan con el cliente y cámbielo en Stripe.",
    ),
    "plan_is_planned_no_more": (
        "El plan prometido para el final del periodo ya no está en la programación.",
        "Pregunte quién lo quitó; después cambie el plan en Stripe o avise al cliente.",
    ),
    "schedule_has_an_end_of_its_own": (
        "La programación ya define su propio final.",
        "Haga el cambio en la programación, en Stripe.",
    ),
    "custom_offer_is_not_stripes": (
        "Una oferta personalizada no se puede aplicar en Stripe.",
        "Aplíquela a mano.",
    ),
    "customer_coupons_are_gone": (
        "Stripe ya no acepta cupones para todo un cliente.",
        "Haga que la oferta se aplique a la suscripción.",
    ),
    "percentage_is_out_of_range": (
        "El porcentaje tiene que ser mayor que 0 y no superar 100, con cuatro decimales como máximo.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "amount_does_not_fit_the_currency": (
        "El importe no se puede expresar en la moneda de la suscripción.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "customer_discount_would_be_lost": (
        "Stripe no conserva el descuento que ya tiene el cliente junto al nuevo, así que no se cambió nada.",
        "Conceda en Stripe el mejor de los dos descuentos o acuerde otra oferta.",
    ),
    "no_payment_falls_into_the_discount": (
        "No hay ningún pago mientras dura el descuento, así que el cliente no ganaría nada.",
        "Conceda un descuento más largo o espere el pago y reintente.",
    ),
    "payment_pays_for_more_than_the_discount": (
        "El pago que se rebajaría cubre mucho más tiempo del que dura el descuento.",
        "Use OfferRules(most_months_of_a_discounted_payment=...) o acuerde otra oferta.",
    ),
    "a_discount_would_be_used_up": (
        "Un descuento para un solo pago se puede agotar con una factura que el cliente no paga.",
        "Haga la oferta después del próximo pago o añada el descuento otra vez.",
    ),
    "a_discount_would_run_out": (
        "Un descuento que ya tiene el cliente caducaría durante el tiempo gratuito y vale más que este.",
        "Alargue el descuento en Stripe o acuerde otra oferta.",
    ),
    "plan_would_be_billed_at_once": (
        "El plan se paga con otra frecuencia: Stripe lo cobraría de inmediato, sin abonar el tiempo ya pagado.",
        "Haga que la oferta prorratee o use OfferRules(unprorated_interval_change='allow').",
    ),
    "seats_would_not_be_fewer": (
        "La oferta tiene más licencias que la suscripción, o esta no tiene licencias que contar.",
        "Corrija OfferRules(seat_offers=...) o cambie las licencias en Stripe.",
    ),
    "seats_of_another_price": (
        "Las licencias de la oferta son de un precio que la suscripción no paga y pueden costar más.",
        "Indique en OfferRules(seat_offers=...) el precio que pagan estos clientes o cambie las licencias en Stripe.",
    ),
    "paid_time_would_be_lost": (
        "La pausa empezaría de inmediato, sin abonar el tiempo ya pagado.",
        "Haga que la pausa empiece al final del periodo o use otro OfferRules(pause_credit=...).",
    ),
    "seats_may_cost_more": (
        "El precio de cada licencia depende de cuántas haya; menos licencias pueden costar más.",
        "Consulte los tramos del precio en Stripe y cambie allí las licencias si el cliente paga menos.",
    ),
    "quantity_is_unknown": (
        "El plan se paga por cantidad y la suscripción, por uso, así que nadie ha dicho cuántas unidades.",
        "Cambie el plan en Stripe, con la cantidad que acuerde con el cliente.",
    ),
    "a_trial_cannot_be_scheduled": (
        "El plan debe cambiar al final del periodo, pero la suscripción está en periodo de prueba.",
        "Cambie el plan en Stripe como mejor le parezca.",
    ),
    "coupon_is_there_already": (
        "La suscripción ya tiene este cupón. Solo la versión 0.1 detenía una oferta así.",
        "Cierre la acción o añada otro cupón en Stripe.",
    ),
    "coupon_ends_earlier": (
        "La suscripción ya tiene este cupón, pero para menos pagos de los que promete la oferta.",
        "Alargue el descuento en Stripe o acuerde otra oferta.",
    ),
    "next_payment_is_unknown": (
        "Stripe no da ninguna fecha para el próximo pago.",
        "Consulte los elementos de la suscripción en Stripe.",
    ),
    "periods_are_mixed": (
        "Los elementos de la suscripción se pagan en fechas distintas.",
        "Haga el cambio en Stripe como mejor le parezca.",
    ),
    "trial_is_too_short": (
        "La ampliación del periodo de prueba dura menos de un día.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "trial_is_too_long": (
        "El periodo de prueba duraría más de lo que permite Stripe.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "plan_is_there_already": (
        "La suscripción ya tiene este precio. Solo la versión 0.1 detenía una oferta así.",
        "Cierre la acción.",
    ),
    "which_item_is_the_plan": (
        "Varios elementos de la suscripción podrían ser el plan.",
        "Enumere los planes en OfferRules(plan_price_ids=...) y reintente.",
    ),
    "pause_is_too_long": (
        "La pausa termina más allá del calendario.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "pause_is_too_short": (
        "La pausa terminaría antes de empezar.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "no_payment_falls_into_the_pause": (
        "Ningún pago cae en la pausa, así que el cliente no ganaría nada.",
        "Acuerde con el cliente una pausa más larga.",
    ),
    "payment_pays_for_more_than_the_pause": (
        "El pago que se omitiría cubre mucho más tiempo que la pausa.",
        "Acuerde otra oferta con el cliente.",
    ),
    "payment_came_before_the_pause": (
        "El pago que la pausa debía evitar ya se hizo.",
        "Reembolse el pago o empiece la pausa más tarde.",
    ),
    "pause_needs_flexible_billing": (
        "Stripe solo pausa suscripciones con facturación flexible (flexible billing mode).",
        'Use OfferRules(pause_mechanism="pause_collection").',
    ),
    "a_trial_cannot_be_paused": (
        "Stripe no pausa una suscripción en periodo de prueba.",
        'Use OfferRules(pause_mechanism="pause_collection") o amplíe el periodo de prueba.',
    ),
    "no_payment_method": (
        "El cliente no tiene ningún método de pago con el que cobrarle después de la pausa.",
        "Pida uno al cliente y reintente.",
    ),
    "pause_needs_automatic_charges": (
        "Stripe no termina la pausa de una suscripción que se paga con factura.",
        'Use OfferRules(pause_mechanism="pause_collection").',
    ),
    "next_payment_too_close": (
        "El próximo pago estuvo demasiado cerca durante demasiado tiempo.",
        "Reintente después del pago.",
    ),
    "payment_was_not_made": (
        "El cliente no hizo el pago, así que el plan se quedó como estaba.",
        "Déjelo así u ofrezca el plan de nuevo.",
    ),
    "payment_declined": (
        "El banco del cliente rechazó el pago.",
        "Déjelo así o pida al cliente otra forma de pago.",
    ),
    "resumption_is_not_paid": (
        "No se ha hecho el pago posterior a la pausa, así que la pausa continúa.",
        "Pida al cliente que pague la factura; mientras esté abierta, Stripe lo intenta de nuevo por sí solo.",
    ),
    "withdrawn": (
        "El cliente anuló la pausa antes de que empezara.",
        "No hay que hacer nada.",
    ),
    "no_handler_for_this_offer": (
        "No hay ningún handler registrado para esta oferta personalizada.",
        "Registre uno con @cancel.on_offer y reintente.",
    ),
    "bad_offer_id": (
        "No se puede leer el id de la oferta.",
        "Pregunte al proveedor del flujo por la oferta.",
    ),
    "conflicting_types": (
        "El proveedor del flujo indica dos tipos para una misma oferta.",
        "Pregunte al proveedor del flujo por la oferta.",
    ),
    "conflicting_ids": (
        "El proveedor del flujo indica dos ids para una misma cosa.",
        "Pregunte al proveedor del flujo por la oferta.",
    ),
    "unknown_offer_type": (
        "Esta versión no conoce el tipo de la oferta.",
        "Aplíquela a mano o actualice aiocancel.",
    ),
    "coupon_type_missing": (
        "La oferta no dice si su importe es un porcentaje.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "bad_amount": (
        "No se puede leer el importe de la oferta.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "bad_duration": (
        "No se puede leer la duración del cupón.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "bad_months": (
        "No se puede leer el número de meses.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "bad_days": (
        "No se puede leer el número de días.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "bad_apply_to": (
        "La oferta no dice con claridad a qué se aplica su cupón.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "bad_coupon_id": (
        "El id del cupón no puede ser de Stripe.",
        "Corrija el id del cupón en el proveedor del flujo.",
    ),
    "plan_missing": (
        "La oferta no indica ningún precio de Stripe.",
        "Vincule la oferta con un precio en el proveedor del flujo.",
    ),
    "bad_prorate": (
        "La oferta no dice si el cambio se prorratea.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "bad_pause": (
        "No se puede leer la duración o el comienzo de la pausa.",
        "Corrija la oferta en el proveedor del flujo.",
    ),
    "offer_not_allowed": (
        "OfferLimits no incluye esta oferta.",
        "Añádala a offer_ids y reintente, o cierre la acción.",
    ),
    "price_not_allowed": (
        "OfferLimits no incluye este precio.",
        "Añádalo a price_ids y reintente, o cierre la acción.",
    ),
    "coupon_not_allowed": (
        "OfferLimits no incluye este cupón.",
        "Añádalo a coupon_ids y reintente, o cierre la acción.",
    ),
    "coupon_is_not_on_the_list": (
        "OfferLimits limita los cupones, así que un cupón existente tiene que estar en la lista.",
        "Añádalo a coupon_ids y reintente, o cierre la acción.",
    ),
    "percent_too_high": (
        "El porcentaje supera su límite.",
        "Suba max_percent y reintente, o cierre la acción.",
    ),
    "amount_too_high": (
        "El importe supera su límite.",
        "Suba max_amount y reintente, o cierre la acción.",
    ),
    "too_many_months": (
        "El cupón o la pausa dura más que su límite.",
        "Suba max_months y reintente, o cierre la acción.",
    ),
    "too_many_days": (
        "La ampliación del periodo de prueba supera su límite.",
        "Suba max_days y reintente, o cierre la acción.",
    ),
    "given_recently": (
        "La suscripción ya recibió algo dentro de at_most_one_gift_in_days.",
        "Aplique la oferta a mano o diga al cliente que no se le concede; después cierre la acción.",
    ),
    "not_for_this_customer": (
        "El cliente no cumple la condición de la oferta.",
        "Cambie el when= de la oferta si estaba pensada para clientes como este.",
    ),
    "nobody_knows_whether_it_fits": (
        "La condición de la oferta depende de un dato de este cliente que no se conoce.",
        "Dé al flujo el país, el lugar o la columna que pide la condición.",
    ),
    "forbidden_by_a_rule": (
        "Una norma suya, o del lugar del cliente, prohíbe la oferta.",
        "Lea las normas con aiocancel flow show.",
    ),
    "permission_is_missing": (
        "Una norma permite la oferta solo si el cliente ha aceptado antes ver una.",
        "No hay que hacer nada: el flujo lo pregunta una vez.",
    ),
    "subscription_was_not_read": (
        "Stripe no respondió a tiempo, así que no se sabe qué ofertas admite la suscripción.",
        "Consulte la página de estado de Stripe si persiste.",
    ),
    "not_in_trial": (
        "Los días de prueba adicionales son para suscripciones en periodo de prueba.",
        "No hay que hacer nada.",
    ),
    "no_amount_in_the_currency": (
        "El amount_off de la oferta no tiene importe en la moneda de la suscripción.",
        "Añádalo si los clientes que pagan en esa moneda deben recibir la oferta.",
    ),
    "has_it_already": (
        "La suscripción ya tiene lo que se ofrece.",
        "No hay que hacer nada.",
    ),
    "payment_is_near": (
        "Se va a cobrar un pago en breve y la oferta tiene que esperarlo.",
        "No hay que hacer nada: en intentos posteriores se ve la oferta.",
    ),
    "plan_would_come_later": (
        "La oferta pide un cambio inmediato y OfferRules aplaza todo cambio de plan al final del periodo.",
        "Ponga en la oferta at='period_end' o quite plan_starts.",
    ),
    "price_is_not_known": (
        "Stripe no dijo a tiempo, o no con certeza, cuánto pagaría el cliente con la oferta.",
        "Busque un evento PageFactsMissing; algunas facturas, como las que incluyen uso, no tienen un precio cierto.",
    ),
    "held_out": (
        "La suscripción es del grupo de control: no recibe ofertas, para poder comparar con el resto.",
        "Baje hold_out_percent si quiere un grupo de control menor.",
    ),
    "flow_session_unknown": (
        "El proveedor del flujo no conoce esa sesión del flujo.",
        "No hay que hacer nada, salvo fijarse en si un mismo cliente lo repite.",
    ),
    "flow_session_of_another_customer": (
        "La sesión del flujo pertenece a otro cliente.",
        "No hay que hacer nada, salvo fijarse en si un mismo cliente lo repite.",
    ),
    "flow_session_of_another_subscription": (
        "La sesión del flujo pertenece a otra suscripción.",
        "No hay que hacer nada, salvo fijarse en si un mismo cliente lo repite.",
    ),
    "flow_session_says_canceled": (
        "El proveedor del flujo dice que el cliente canceló.",
        "Pregunte al cliente si quiere cancelar.",
    ),
    "flow_session_says_deflected": (
        "El proveedor del flujo dice que el cliente se quedó sin aceptar ninguna oferta.",
        "No hay que hacer nada.",
    ),
    "flow_session_says_incomplete": (
        "El proveedor del flujo dice que el cliente abandonó el flujo.",
        "No hay que hacer nada.",
    ),
    "flow_session_says_rerouted": (
        "El proveedor del flujo dice que se envió al cliente a otro sitio.",
        "No hay que hacer nada.",
    ),
    "flow_session_says_unknown": (
        "El proveedor del flujo da a la sesión del flujo un estado que esta versión no conoce.",
        "Consulte la sesión del flujo en el proveedor del flujo.",
    ),
    "flow_session_is_old": (
        "La sesión del flujo terminó hace más de una semana y puede que ya se aplicara entonces.",
        "Compruebe si el cliente ya tiene la oferta.",
    ),
    "flow_session_paid_before": (
        "Esta sesión del flujo ya dio lugar a una oferta.",
        "No hay que hacer nada.",
    ),
    "flow_session_still_open": (
        "El proveedor del flujo no cerró a tiempo la sesión del flujo.",
        "Reintente cuando el proveedor del flujo la haya cerrado.",
    ),
    "no_offer_named": (
        "El proveedor del flujo no indica ninguna oferta aceptada.",
        "Consulte la sesión del flujo en el proveedor del flujo.",
    ),
    "flow_session_not_proven": (
        "Nada demuestra que una página de esta aplicación abriera la sesión del flujo.",
        (
            "Pregunte al cliente; si era lo que quería, reintente, y si no, ciérrela. Active las peticiones "
            "firmadas en el proveedor del flujo."
        ),
    ),
    "flow_session_proof_used": (
        "Otra sesión del flujo ya usó la prueba de esta página.",
        "Pregunte al cliente; si era lo que quería, reintente, y si no, ciérrela.",
    ),
    "flow_session_ended_another": (
        "La misma sesión del flujo ya canceló otra suscripción de este cliente.",
        "Pregunte al cliente; si esta también debía terminar, reintente, y si no, ciérrela.",
    ),
    "refused_on_the_page": (
        "La página que comunicó esta sesión del flujo se rechazó y así se le dijo al cliente.",
        "Pregunte al cliente de esa página; si era lo que quería, reintente, y si no, ciérrela.",
    ),
    "no_flow_session_named": (
        "La página comunicó una oferta aceptada, pero no indicó ninguna sesión del flujo.",
        "Busque la sesión del flujo del cliente en el proveedor del flujo.",
    ),
    "no_event_of_flow_session": (
        "El proveedor del flujo no tiene ningún evento de esta sesión del flujo; así ocurre en su modo de prueba.",
        "Ciérrela si era una prueba; si no, reintente.",
    ),
    "vendor_did_not_act": (
        "Stripe no muestra el cambio que prometió el proveedor del flujo.",
        "Haga el cambio en Stripe y avise al proveedor del flujo.",
    ),
    "customer_coupons_do_not_show": (
        "Una suscripción no muestra los cupones que son de todo el cliente.",
        "Consulte los descuentos del cliente en Stripe.",
    ),
    "vendor_api_not_configured": (
        "No se puede consultar al proveedor del flujo sin una clave de API.",
        "Indique la clave de API del proveedor del flujo y reintente.",
    ),
    "vendor_error": (
        "La API del proveedor del flujo falló.",
        "Consulte la página de estado del proveedor del flujo.",
    ),
    "vendor_unreachable": (
        "La API del proveedor del flujo no respondió.",
        "Consulte la página de estado del proveedor del flujo.",
    ),
    "vendor_refused": (
        "La API del proveedor del flujo rechazó la consulta.",
        "Pregunte al proveedor del flujo por la sesión del flujo.",
    ),
    "vendor_data": (
        "La respuesta del proveedor del flujo tiene una forma que no se puede leer.",
        "Actualice aiocancel o pregunte al proveedor del flujo.",
    ),
    "not_the_vendors_answer": (
        "La respuesta no es un objeto JSON; parece de un proxy o de una página de mantenimiento.",
        "Consulte la página de estado del proveedor del flujo si persiste.",
    ),
    "bad_api_key": (
        "El proveedor del flujo rechazó la clave de API.",
        "Sustituya la clave de API del proveedor del flujo.",
    ),
    "bad_id": (
        "El id no puede ser del proveedor del flujo.",
        "Revise la solicitud; puede que un navegador se inventara el id.",
    ),
    "rate_limited": (
        "Se ha agotado el límite de peticiones del proveedor del flujo.",
        "No hay que hacer nada: el worker lo intenta de nuevo.",
    ),
    "timeout": (
        "El proveedor del flujo no respondió a tiempo.",
        "No hay que hacer nada: el worker lo intenta de nuevo.",
    ),
    "unreachable": (
        "No se puede conectar con el proveedor del flujo.",
        "Revise la red si persiste.",
    ),
    "api_error": (
        "Stripe tuvo un error interno.",
        "Consulte la página de estado de Stripe.",
    ),
    "bad_account": (
        "La fila de la suscripción contiene una cuenta que no es de Stripe.",
        "Corrija la fila y reintente la acción.",
    ),
    "permission_missing": (
        "A la clave restringida le falta un permiso; el evento PermissionMissing dice cuál.",
        "Dé el permiso a la clave en el Dashboard de Stripe; el worker lo intenta de nuevo por sí solo.",
    ),
    "card_declined": (
        "La tarjeta del cliente fue rechazada.",
        "Pida al cliente otra forma de pago.",
    ),
    "idempotency_error": (
        "Stripe conoce otra llamada con esta clave de idempotencia.",
        "No hay que hacer nada: el próximo intento usa una clave nueva.",
    ),
    "written_before": (
        "Esta solicitud ya se envió a Stripe, pero no desde este registro, y Stripe no muestra su efecto.",
        "Consulte los eventos de la suscripción en Stripe y cierre la acción.",
    ),
    "idempotency_key_in_use": (
        "Stripe todavía procesa la misma llamada.",
        "No hay que hacer nada: el worker lo intenta de nuevo.",
    ),
    "invalid_canceled_subscription_fields": (
        "Stripe no modifica una suscripción que ha terminado.",
        "Cierre la acción.",
    ),
    "invalid_request_error": (
        "Stripe rechazó la llamada.",
        "Busque el request id en el Dashboard de Stripe.",
    ),
    "lock_timeout": (
        "Otra llamada tenía bloqueada la suscripción en Stripe.",
        "No hay que hacer nada: el worker lo intenta de nuevo.",
    ),
    "rate_limit": (
        "Se ha agotado el límite de peticiones de Stripe.",
        "Baje max_requests_per_s si persiste.",
    ),
    "resource_already_exists": (
        "Stripe ya tiene un objeto con este id.",
        "Busque el request id en el Dashboard de Stripe.",
    ),
    "resource_missing": (
        "Stripe no tiene esa suscripción, o ese precio o cupón.",
        "Revise el id, el modo y la cuenta de Stripe.",
    ),
    "resource_rate_limit": (
        "Demasiadas llamadas cambiaron un mismo objeto en Stripe.",
        "Busque otro programa que cambie la suscripción.",
    ),
    "rate_budget": (
        "Se ha agotado nuestro propio límite de llamadas a Stripe.",
        "Suba max_requests_per_s si persiste.",
    ),
    "unreadable": (
        "No se puede leer la respuesta.",
        "Actualice aiocancel o busque el request id en el Dashboard de Stripe.",
    ),
    "not_visible": (
        "Stripe aceptó el cambio, pero no lo muestra.",
        "Busque el request id en el Dashboard de Stripe.",
    ),
    "too_many_subscriptions": (
        "El cliente tiene demasiadas suscripciones para mostrarlas en una lista.",
        "Haga que la aplicación indique la suscripción.",
    ),
    "bad_subscription_id": (
        "La base de datos contiene un id que no puede ser de una suscripción.",
        "Corrija la consulta de suscripciones.",
    ),
    "transient": (
        "El intento falló y no se cambió nada.",
        "No hay que hacer nada: el worker lo intenta de nuevo.",
    ),
    "unknown": (
        "El intento falló y puede que el cambio se hiciera.",
        "No hay que hacer nada: el worker lee la suscripción y lo intenta de nuevo.",
    ),
    "rejected": (
        "La otra parte rechazó el cambio sin dar un código.",
        "Busque el request id en el Dashboard de Stripe.",
    ),
    "gave_up_transient": (
        "El worker desistió tras muchos intentos fallidos; el último no cambió nada.",
        "Elimine la causa que muestran los intentos y reintente.",
    ),
    "gave_up_unknown": (
        "El worker desistió tras muchos intentos fallidos; puede que el último cambiara la suscripción.",
        "Compare la suscripción con los intentos y reintente.",
    ),
    "attempt_timeout": (
        "El intento tardó demasiado.",
        "Revise la red y el handler de la oferta.",
    ),
    "database_unavailable": (
        "La base de datos no respondió durante el intento.",
        "Revise la base de datos.",
    ),
    "ledger_unreadable": (
        "El registro contiene un tipo que esta versión no conoce.",
        "Actualice este worker a la versión más reciente que haya escrito en el registro.",
    ),
    "row_unreadable": (
        "Ninguna versión puede leer una parte guardada de la acción.",
        "Corrija las columnas offer, change y baseline de la fila de la acción y reintente.",
    ),
    "no_discount": (
        "La suscripción no tiene ningún descuento.",
        "Haga el cambio en Stripe y avise al proveedor del flujo.",
    ),
    "price_differs": (
        "Tras una oferta de su flujo propio, Stripe muestra un próximo pago distinto del que se anunció al cliente.",
        "Compare la sesión con la suscripción en Stripe y cumpla lo que se dijo al cliente.",
    ),
    "another_discount": (
        "La suscripción tiene otro descuento.",
        "Haga el cambio en Stripe y avise al proveedor del flujo.",
    ),
    "no_trial": (
        "La suscripción no está en periodo de prueba.",
        "Haga el cambio en Stripe y avise al proveedor del flujo.",
    ),
    "shorter_trial": (
        "El periodo de prueba termina demasiado pronto.",
        "Haga el cambio en Stripe y avise al proveedor del flujo.",
    ),
    "another_price": (
        "La suscripción tiene otro precio.",
        "Haga el cambio en Stripe y avise al proveedor del flujo.",
    ),
    "cancellation_taken_back": (
        "El final previsto aquí ya no está previsto: se retiró o se aplazó por otra vía.",
        "Pregunte si el cliente lo quería así; no se repite nada.",
    ),
    "discount_removed_elsewhere": (
        "El descuento de una oferta aceptada desapareció antes de tiempo.",
        "Pregunte quién lo quitó; no se repite nada.",
    ),
    "no_pause": (
        "La suscripción no está en pausa.",
        "Haga el cambio en Stripe y avise al proveedor del flujo.",
    ),
    "schedule_released": (
        "Se liberó la programación (subscription schedule).",
        "No hay que hacer nada: el cambio viene a continuación.",
    ),
    "cancellation_withdrawn": (
        "Se retiró la cancelación, porque el cliente aceptó después una oferta.",
        "No hay que hacer nada: la oferta viene a continuación.",
    ),
    "schedule_amended": (
        "Se cambió el final de la programación (subscription schedule).",
        "No hay que hacer nada: el cambio viene a continuación.",
    ),
    "schedule_made": (
        "La suscripción se puso bajo una programación (subscription schedule).",
        "No hay que hacer nada: el cambio viene a continuación.",
    ),
    "parked_for_a_person": (
        "El evento dio lugar a una acción detenida.",
        "Revise las acciones detenidas.",
    ),
    "not_opened_by_a_page": (
        "No está demostrado que la sesión del flujo sea nuestra y no se registró nada.",
        "Active las peticiones firmadas en el proveedor del flujo.",
    ),
    "recorded": (
        "El evento dio lugar a una solicitud.",
        "No hay que hacer nada.",
    ),
    "known": (
        "El navegador del cliente ya nos lo había comunicado.",
        "No hay que hacer nada.",
    ),
    "known_with_another_result": (
        "El navegador del cliente nos había comunicado otro resultado.",
        "Consulte la sesión del flujo en el proveedor del flujo.",
    ),
    "no_subscription": (
        "El evento no indica ninguna suscripción que aquí se conozca.",
        "Revise la consulta de suscripciones si ocurre a menudo.",
    ),
    "unknown_event": (
        "El proveedor del flujo no conoce ese evento.",
        "Revise la dirección y el token del webhook.",
    ),
    "signature_is_missing": (
        "La petición no tiene la cabecera Stripe-Signature.",
        "No hay que hacer nada: ahí solo escribe Stripe. Puede que un proxy haya quitado la cabecera.",
    ),
    "signature_is_wrong": (
        "Ninguno de los webhook_secrets produjo la firma.",
        "Compare webhook_secrets con el secreto del endpoint en el Dashboard de Stripe.",
    ),
    "event_is_old": (
        "El evento se firmó hace más de cinco minutos.",
        "Ponga en hora el reloj de esta máquina; una petición antigua que se repite es un ataque.",
    ),
    "event_is_from_the_future": (
        "El evento se firmó con más de cinco minutos de adelanto.",
        "Ponga en hora el reloj de esta máquina.",
    ),
    "event_of_another_mode": (
        "El evento es de test y la clave es live, o al revés.",
        "No hay que hacer nada: los endpoints de cuentas conectadas reciben ambos.",
    ),
    "event_of_another_account": (
        "El evento pertenece a una cuenta que no es la de estos ajustes.",
        "Haga que el endpoint escuche la cuenta que indica stripe_account.",
    ),
    "nothing_to_do": (
        "El evento no trata de una sesión del flujo terminada.",
        "No hay que hacer nada.",
    ),
    "no_mailer": (
        "Estaba previsto un correo y los ajustes del worker no tienen mailer.",
        "Use los mismos ajustes en todos los procesos.",
    ),
    "nobody_to_write_to": (
        "No se conoce ninguna dirección de correo de este cliente.",
        "Indique email= o haga que la consulta de suscripciones devuelva una columna con ese nombre.",
    ),
    "address_is_none": (
        "Lo que está guardado como dirección del cliente no es una única dirección de correo.",
        "Corrija la dirección en sus propios datos y reintente la acción.",
    ),
    "mail_refused": (
        "El servidor de correo rechazó definitivamente la dirección o el correo.",
        "Corrija la dirección en sus propios datos y reintente la acción, o avise al cliente por otra vía.",
    ),
    "mail_try_again": (
        "El servidor de correo pidió que se intente más tarde.",
        "No hay que hacer nada: el worker lo intenta de nuevo.",
    ),
    "mail_waited_too_long": (
        "Los correos anteriores tardaron demasiado; este no se entregó.",
        "El worker lo intenta de nuevo. Si continúa, averigüe por qué el servidor de correo es lento.",
    ),
    "mail_server_away": (
        "No se puede conectar con el servidor de correo, o no responde a tiempo.",
        "Compruebe si el servidor de correo funciona y si su dirección es correcta.",
    ),
    "mail_server_untrusted": (
        "El servidor de correo no ofrece TLS o su certificado no es válido.",
        "Corrija el certificado del servidor o su dirección; no se envió nada.",
    ),
    "mail_login_refused": (
        "El servidor de correo rechazó el usuario y la contraseña, o el remitente.",
        "Corrija la URL del SmtpMailer o su remitente.",
    ),
    "mail_answer_lost": (
        "La conexión se cortó tras enviar el correo, así que puede haber llegado.",
        "No hay que hacer nada: el worker lo envía una vez más y puede que el cliente lo reciba dos veces.",
    ),
    "mailer_failed": (
        "El mailer de la aplicación dio un error, no terminó o no devolvió una respuesta nuestra.",
        "Busque el error en el log del worker.",
    ),
    "gave_up": (
        "El worker dejó de consultar al proveedor del flujo. La última respuesta: {last}",
        "Consulte la sesión del flujo en el proveedor del flujo.",
    ),
    "http": (
        "La respuesta tenía el estado HTTP {status}.",
        "Consulte la página de estado del proveedor del flujo.",
    ),
    "error": (
        "Un error de la clase {name} puso fin al intento.",
        "Busque el error en el log del worker.",
    ),
    "foreign": (
        "Esta palabra la eligió otro sistema o una versión más reciente de aiocancel.",
        "Búsquela entre los códigos de error de Stripe o actualice aiocancel.",
    ),
}
