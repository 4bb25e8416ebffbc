"""What the core tells an owner, in French. Not yet read by a native editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "comma": "{first}, {last}",
    "or": "{first} ou {last}",
    "and": "{first} et {last}",
    "brackets": "({part})",
    "not": "non ({part})",
    "at_least": "au moins {value}",
    "at_most": "au plus {value}",
    "from_to": "{low} à {high}",
    "both": "{first} {last}",
    "value": "{value}",
    "share_of_few": "{part} sur {whole}",
    "share": "{share} ({low} à {high}, {part} sur {whole})",
    "hold_out_off": "Rien à comparer\xa0: hold_out_percent est à {percent}.",
    "hold_out_undated": "Fixez un jour avec hold_out_decide_on, sinon les coups d'œil hebdomadaires vous tromperont.",
    "hold_out_before": "Pas de verdict avant le {day}.",
    "hold_out_late": "Trop peu d'ici au {day}\xa0: fixez un jour plus tardif avec hold_out_decide_on.",
    "hold_out_more": "Pas encore assez\xa0: il manque environ {count} abonnements.",
    "hold_out_more_one": "Pas encore assez\xa0: il manque environ 1 abonnement.",
    "hold_out_pace": "À raison de {pace} par semaine, cela prendra environ {count} semaines.",
    "hold_out_pace_one": "À raison de {pace} par semaine, cela prendra environ 1 semaine.",
    "less_than_one": "moins de 1",
    "hold_out_unclear": "Les données ne disent pas encore si les offres sont utiles.",
    "hold_out_stayed": "Là où une offre était prévue, davantage sont restés\xa0: {points} points ({low} à {high}).",
    "hold_out_left": "Là où une offre était prévue, moins sont restés\xa0: {points} points ({low} à {high}).",
    "coupon_once": "{off} de remise sur le prochain paiement",
    "coupon_forever": "{off} de remise sur chaque paiement",
    "coupon_months": "{off} de remise pendant {count} mois",
    "coupon_months_one": "{off} de remise pendant 1 mois",
    "trial": "{count} jours d'essai de plus",
    "trial_one": "1 jour d'essai de plus",
    "pause": "une suspension de {months} mois",
    "pause_one": "une suspension de 1 mois",
    "plan_now": "le prix {price}, tout de suite",
    "plan_later": "le prix {price}, à la fin de la période",
    "handled": "{title}, par votre handler",
    "cost_share": "{share} des paiements d'une année",
    "cost_nothing": "rien",
    "cost_and_more": "{value}, plus ce qui n'est pas connu ici",
    "if_reason": "le motif est {values}",
    "if_price": "le prix est {values}",
    "if_amount": "un paiement est de {bounds} {currency} en unités mineures",
    "if_paid": "le paiement a lieu chaque {values}",
    "if_paid_each": "il y a un paiement par période de {number} {values}",
    "if_run": "il court depuis {bounds} mois",
    "if_status": "son statut est {values}",
    "if_country": "le pays est {values}",
    "if_place": "le lieu est {values}",
    "if_column": "la colonne {name} est {values}",
    "if_offers": "offres déjà acceptées\xa0: {bounds}",
    "if_cancellations": "résiliations antérieures\xa0: {bounds}",
    "day": "jour",
    "week": "semaine",
    "month": "mois",
    "year": "année",
    "days": "jours",
    "weeks": "semaines",
    "months": "mois",
    "years": "ans",
    "never": "jamais\xa0: {subjects}",
    "rule_where": "{rule}, lorsque\xa0: {condition}",
    "rule_without": "{rule}, sans {consent}",
    "subject_coupon": "remise",
    "subject_trial": "prolongation d'essai",
    "subject_pause": "suspension",
    "subject_plan": "autre formule",
    "subject_custom": "offre personnalisée",
    "subject_question": "question sur le motif",
    "consent_permission": "autorisation",
    "consent_declaration": "déclaration de résiliation",
    "promise_screens": "aucun chemin ne compte plus de {number} écrans",
    "promise_exit": "on peut résilier depuis chaque écran",
    "promise_buttons": "chaque bouton fonctionne",
    "promise_no_answer": "on peut continuer sans répondre",
    "promise_declined": "une offre refusée ne revient pas",
    "promise_most": "il n'y a pas plus d'offres que permis",
    "promise_forbidden": "aucune offre interdite par une règle n'est présentée",
    "any_customer": "tout client",
    "not_known": "inconnu\xa0: {part}",
    "if_no_reason": "aucun motif n'est donné",
    "path": "{customer}\xa0; {reason}\xa0: {way}",
    "then": "{first} > {last}",
    "screen_why": "question du motif",
    "screen_permission": "question de la permission",
    "screen_exit": "résiliation",
    "screen_outcome": "résultat",
    "end_open": "ouverte",
    "end_canceled": "résiliée",
    "end_accepted": "acceptée",
    "end_abandoned": "abandonnée",
}

DEFINITIONS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "sessions": (
        "Sessions",
        (
            "Passages dans un parcours de résiliation, le nôtre ou celui d'un fournisseur, un pour chaque "
            "fois qu'un client l'a ouvert."
        ),
        "",
        (
            "Le parcours d'un fournisseur qui a été fermé sans résultat n'est pas connu ici. De l'époque "
            "antérieure à cette version, seules les résiliations sont connues, sans leur prix."
        ),
    ),
    "canceled": (
        "Résiliations confirmées",
        "Sessions dans lesquelles le client a appuyé sur le bouton qui résilie, et qui n'ont pas été retirées ensuite.",
        "sessions",
        "Les résiliations faites ailleurs, par exemple dans le portail de Stripe.",
    ),
    "accepted": (
        "Offre acceptée",
        "Sessions qui se sont terminées par une offre acceptée.",
        "sessions",
        "Une offre acceptée n'est pas un client conservé\xa0; cela se relève aux jours 30, 60 et 90.",
    ),
    "declined": (
        "Offre refusée",
        "Sessions terminées dans lesquelles au moins une offre a été présentée et aucune acceptée.",
        "sessions dans lesquelles une offre a été présentée",
        "Les sessions du groupe témoin, auquel aucune offre n'est présentée.",
    ),
    "abandoned": (
        "Sans changement",
        "Sessions qui se sont terminées sans résiliation et sans offre acceptée.",
        "sessions",
        "Un onglet fermé n'est pas un client sauvé\xa0: de celles-ci, on dit seulement qu'elles n'ont rien changé ici.",
    ),
    "taken_back": (
        "Résiliation retirée",
        "Sessions dont le client a retiré ici la résiliation avant qu'elle prenne effet, "
        "de lui-même ou pour une offre venue après.",
        "sessions",
        "Les reprises faites ailleurs.",
    ),
    "kept": (
        "Conservés au jour {day}",
        (
            "Sessions dont l'abonnement était, selon Stripe au jour {day}, actif et non résilié, et pour "
            "lequel une facture d'un montant non nul a été payée depuis le début de la session."
        ),
        "sessions relevées au jour {day}",
        (
            "Les abonnements suspendus, à l'essai ou impayés ne sont pas conservés\xa0; chacun a son "
            "propre état. Une formule annuelle ne compte comme conservée qu'une fois sa prochaine facture "
            "payée. Les relevés tardifs comptent et sont signalés. "
            "Les sessions commencées il y a moins de {day} jours ne comptent pas non plus, même si "
            "l'abonnement est déjà terminé\xa0: qui part est connu tôt, qui reste seulement ce jour-là."
        ),
    ),
    "kept_revenue": (
        "Revenu conservé",
        (
            "Ce qui a été payé sur des factures après la session, taxes comprises et avoirs déduits, "
            "jusqu'au dernier relevé."
        ),
        "",
        (
            "Les remises sont déjà déduites et figurent à côté comme coût des offres. Une contestation de "
            "paiement et un remboursement sans avoir ne figurent sur aucune facture et ne sont pas déduits. Rien "
            "n'est extrapolé sur un an ni additionné entre devises. Les clients qui seraient restés de toute "
            "façon sont compris. Une facture compte une fois, pour la dernière session qui l'a précédée."
        ),
    ),
    "cost_of_offers": (
        "Coût des offres",
        "Les remises sur les factures payées après une session avec une offre acceptée, jusqu'au dernier relevé.",
        "",
        (
            "Le temps gratuit d'une suspension ou d'un essai prolongé ne figure sur aucune facture, et "
            "aucun prix n'est inventé pour lui. Une remise que le client avait déjà compte aussi, car une "
            "facture ne distingue pas les deux. "
            "Une facture compte une fois, pour la dernière offre acceptée avant elle."
        ),
    ),
    "reasons": (
        "Motifs",
        "Sessions dans lesquelles le client a donné ce motif.",
        "sessions qui proposaient ce motif",
        (
            "Les sessions où il n'était pas parmi les réponses\xa0: chaque motif a son propre dénominateur. "
            "Un fournisseur ne communique que la réponse\xa0; chez lui, chaque motif donné au moins une fois compte "
            "comme proposé dans toute session avec réponse."
        ),
    ),
    "hold_out": (
        "Avec offres et sans",
        "Les conservés au jour 30 parmi ceux à qui une offre était destinée, moins les conservés du groupe témoin.",
        (
            "abonnements auxquels une offre convenait, qu'elle ait été regardée ou non, chacun une seule "
            "fois\xa0: par sa première session de ce genre"
        ),
        (
            "Les sessions suivantes du même abonnement et les sessions auxquelles aucune offre ne convenait. "
            "La page et le rapport comptent depuis la création du groupe témoin jusqu'au jour de "
            "hold_out_decide_on, et non la période choisie\xa0; la requête compte la période qu'on lui donne. "
            "L'intervalle est celui de Newcombe, et "
            "aucun gagnant n'est désigné. "
            "Les sessions commencées il y a moins de 30 jours ne comptent pas non plus, même si "
            "l'abonnement est déjà terminé\xa0: qui part est connu tôt, qui reste seulement ce jour-là."
        ),
    ),
}
