"""What the core tells an owner, in Spanish. Not yet read by a native editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "comma": "{first}, {last}",
    "or": "{first} o {last}",
    "and": "{first} y {last}",
    "brackets": "({part})",
    "not": "no ({part})",
    "at_least": "al menos {value}",
    "at_most": "como máximo {value}",
    "from_to": "{low} a {high}",
    "both": "{first} {last}",
    "value": "{value}",
    "share_of_few": "{part} de {whole}",
    "share": "{share} ({low} a {high}, {part} de {whole})",
    "hold_out_off": "No hay con qué comparar: hold_out_percent es {percent}.",
    "hold_out_undated": "Fije un día con hold_out_decide_on; mirar cada semana lleva a conclusiones erróneas.",
    "hold_out_before": "Sin veredicto antes del {day}.",
    "hold_out_late": "Demasiado pocas hasta el {day}: fije un día posterior con hold_out_decide_on.",
    "hold_out_more": "Aún no basta: faltan unas {count} suscripciones.",
    "hold_out_more_one": "Aún no basta: falta 1 suscripción, aproximadamente.",
    "hold_out_pace": "A razón de {pace} por semana, son unas {count} semanas.",
    "hold_out_pace_one": "A razón de {pace} por semana, es 1 semana, aproximadamente.",
    "less_than_one": "menos de 1",
    "hold_out_unclear": "Los datos aún no dicen si las ofertas sirven de algo.",
    "hold_out_stayed": "Donde había una oferta prevista se quedaron más: {points} puntos ({low} a {high}).",
    "hold_out_left": "Donde había una oferta prevista se quedaron menos: {points} puntos ({low} a {high}).",
    "coupon_once": "{off} de descuento en el próximo pago",
    "coupon_forever": "{off} de descuento en cada pago",
    "coupon_months": "{off} de descuento durante {count} meses",
    "coupon_months_one": "{off} de descuento durante 1 mes",
    "trial": "{count} días más de prueba",
    "trial_one": "1 día más de prueba",
    "pause": "una pausa de {months} meses",
    "pause_one": "una pausa de 1 mes",
    "plan_now": "el precio {price}, de inmediato",
    "plan_later": "el precio {price}, al final del periodo",
    "handled": "{title}, a través de su handler",
    "cost_share": "{share} de los pagos de un año",
    "cost_nothing": "nada",
    "cost_and_more": "{value}, más lo que aquí no se conoce",
    "if_reason": "el motivo es {values}",
    "if_price": "el precio es {values}",
    "if_amount": "un pago es de {bounds} {currency} en unidades mínimas",
    "if_paid": "se paga cada {values}",
    "if_paid_each": "se paga cada {number} {values}",
    "if_run": "lleva {bounds} meses activa",
    "if_status": "su estado es {values}",
    "if_country": "el país es {values}",
    "if_place": "el lugar es {values}",
    "if_column": "la columna {name} es {values}",
    "if_offers": "ofertas aceptadas antes: {bounds}",
    "if_cancellations": "cancelaciones anteriores: {bounds}",
    "day": "día",
    "week": "semana",
    "month": "mes",
    "year": "año",
    "days": "días",
    "weeks": "semanas",
    "months": "meses",
    "years": "años",
    "never": "nunca {subjects}",
    "rule_where": "{rule} cuando {condition}",
    "rule_without": "{rule}, sin {consent}",
    "subject_coupon": "descuento",
    "subject_trial": "ampliación de la prueba",
    "subject_pause": "pausa",
    "subject_plan": "otro plan",
    "subject_custom": "oferta propia",
    "subject_question": "pregunta por el motivo",
    "consent_permission": "permiso",
    "consent_declaration": "declaración de baja",
    "promise_screens": "ningún recorrido tiene más de {number} pantallas",
    "promise_exit": "se puede cancelar desde cada pantalla",
    "promise_buttons": "todos los botones funcionan",
    "promise_no_answer": "se puede seguir sin responder",
    "promise_declined": "una oferta rechazada no vuelve a aparecer",
    "promise_most": "no se muestran más ofertas de las permitidas",
    "promise_forbidden": "no se muestra ninguna oferta que una norma prohíba",
    "any_customer": "cualquier cliente",
    "not_known": "no se sabe: {part}",
    "if_no_reason": "no se da ningún motivo",
    "path": "{customer}; {reason}: {way}",
    "then": "{first} > {last}",
    "screen_why": "pregunta por el motivo",
    "screen_permission": "pregunta por el permiso",
    "screen_exit": "cancelación",
    "screen_outcome": "resultado",
    "end_open": "abierta",
    "end_canceled": "cancelada",
    "end_accepted": "aceptada",
    "end_abandoned": "abandonada",
}

DEFINITIONS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "sessions": (
        "Sesiones",
        "Recorridos por un flujo de cancelación, propio o de un proveedor: uno por cada vez que un cliente lo abrió.",
        "",
        (
            "Un flujo de un proveedor que se cerró sin resultado no se conoce aquí. De la época anterior a "
            "esta versión solo se conocen las cancelaciones, sin su precio."
        ),
    ),
    "canceled": (
        "Cancelaciones confirmadas",
        "Sesiones en las que el cliente pulsó el botón que cancela y que después no se retiraron.",
        "sesiones",
        "Las cancelaciones hechas en otro lugar, por ejemplo en el portal de Stripe.",
    ),
    "accepted": (
        "Oferta aceptada",
        "Sesiones que terminaron con una oferta aceptada.",
        "sesiones",
        "Una oferta aceptada no es todavía un cliente que se mantiene; eso se lee los días 30, 60 y 90.",
    ),
    "declined": (
        "Oferta rechazada",
        "Sesiones terminadas en las que se mostró al menos una oferta y no se aceptó ninguna.",
        "sesiones en las que se mostró una oferta",
        "Las sesiones del grupo de control, al que no se muestra ninguna.",
    ),
    "abandoned": (
        "Sin cambios",
        "Sesiones que terminaron sin cancelación y sin oferta aceptada.",
        "sesiones",
        "Una pestaña cerrada no es un cliente recuperado: de estas solo se afirma que no cambiaron nada aquí.",
    ),
    "taken_back": (
        "Cancelación retirada",
        "Sesiones cuya cancelación retiró aquí el cliente antes de que surtiera efecto, "
        "por sí mismo o por una oferta que vino después.",
        "sesiones",
        "Las reanudaciones hechas en otro lugar.",
    ),
    "kept": (
        "Se mantienen el día {day}",
        (
            "Sesiones cuya suscripción figuraba en Stripe el día {day} como activa y sin fin previsto, y "
            "para la que se ha pagado una factura con importe desde el inicio de la sesión."
        ),
        "sesiones leídas el día {day}",
        (
            "Las suscripciones en pausa, en prueba o impagadas no cuentan como mantenidas; cada una tiene "
            "su propio estado. Un plan anual solo cuenta cuando se paga su siguiente factura. Las lecturas "
            "tardías cuentan y están señaladas. "
            "Tampoco cuentan las sesiones que empezaron hace menos de {day} días, aunque la suscripción "
            "ya haya terminado: quien se va se conoce pronto; quien se queda, solo ese día."
        ),
    ),
    "kept_revenue": (
        "Ingresos mantenidos",
        (
            "Lo pagado en facturas después de la sesión, con impuestos y menos las notas de crédito, hasta "
            "la última lectura."
        ),
        "",
        (
            "Los descuentos ya están restados y figuran al lado como coste de las ofertas. Un contracargo y un "
            "reembolso sin nota de crédito no constan en ninguna factura y no se restan. Nunca se extrapola a un "
            "año ni se suman monedas distintas. Incluye a clientes que se habrían quedado de todos modos. Una "
            "factura cuenta una vez, para la última sesión anterior a ella."
        ),
    ),
    "cost_of_offers": (
        "Coste de las ofertas",
        "Los descuentos en facturas pagadas después de una sesión con oferta aceptada, hasta la última lectura.",
        "",
        (
            "El tiempo gratuito de una pausa o de una prueba más larga no figura en ninguna factura, y no "
            "se le inventa un precio. Un descuento que el cliente ya tenía también cuenta, porque una "
            "factura no los distingue. "
            "Una factura cuenta una vez, para la última oferta aceptada antes de ella."
        ),
    ),
    "reasons": (
        "Motivos",
        "Sesiones en las que el cliente dio este motivo.",
        "sesiones que mostraron este motivo",
        (
            "Las sesiones en las que no estaba entre las respuestas: cada motivo tiene su propio denominador. "
            "Un proveedor solo comunica la respuesta; ahí, cada motivo que se haya dado alguna vez cuenta como "
            "mostrado en toda sesión con respuesta."
        ),
    ),
    "hold_out": (
        "Con ofertas y sin ellas",
        (
            "Los que se mantienen el día 30 entre quienes tenían una oferta prevista, menos los que se "
            "mantienen en el grupo de control."
        ),
        (
            "suscripciones a las que convenía una oferta, se mirase o no, cada una una sola vez: por su "
            "primera sesión así"
        ),
        (
            "Las sesiones posteriores de la misma suscripción y las sesiones a las que no convenía ninguna "
            "oferta. La página y el informe cuentan desde que existe el grupo de control hasta el día de "
            "hold_out_decide_on, no los días elegidos; la consulta cuenta el período que se le da. "
            "El intervalo es el de Newcombe y no se nombra ningún ganador. "
            "Tampoco cuentan las sesiones que empezaron hace menos de 30 días, aunque la suscripción ya "
            "haya terminado: quien se va se conoce pronto; quien se queda, solo ese día."
        ),
    ),
}
