"""The French sentence and advice of each code, for the operator. Not yet read by a native editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "claim_refused": (
        "Le résultat envoyé a été refusé.",
        "Lisez la raison dans la réponse.",
    ),
    "malformed": (
        "Le contenu envoyé est illisible.",
        "Vérifiez le script ou le formulaire qui l'envoie.",
    ),
    "wrong_content_type": (
        "L'envoi n'est ni du JSON ni un formulaire.",
        "Définissez le Content-Type de la requête.",
    ),
    "content_encoding": (
        "L'envoi comporte un Content-Encoding.",
        "Envoyez le contenu tel quel\xa0; un proxy placé devant peut le décompresser.",
    ),
    "too_slow": (
        "Le contenu envoyé n'est pas arrivé à temps.",
        "Laissez le client réessayer\xa0; beaucoup d'envois lents à la fois sont une attaque.",
    ),
    "too_large": (
        "Le contenu envoyé est trop volumineux.",
        "Augmentez max_body_bytes si de vrais clients atteignent cette limite.",
    ),
    "too_many_posts": (
        "Le client a envoyé plus de résultats en une minute qu'aiocancel n'en enregistre.",
        "Rien à faire, ou augmentez most_posts_per_minute si de vrais clients atteignent cette limite.",
    ),
    "too_much_unfinished": (
        "Trop de demandes précédentes du client sont inachevées.",
        "Cherchez pourquoi elles le sont\xa0: aiocancel actions --state waiting.",
    ),
    "not_logged_in": (
        "Personne n'est connecté.",
        "Demandez au client de se reconnecter.",
    ),
    "grant_refused": (
        "L'autorisation de la page ne permet pas cette requête.",
        "Demandez au client de rouvrir la page.",
    ),
    "grant_invalid": (
        "L'autorisation de la page a été altérée, ou une autre clé l'a signée.",
        "Vérifiez que tous les processus ont les mêmes clés (grant_keys).",
    ),
    "grant_expired": (
        "La page est restée ouverte trop longtemps.",
        "Demandez au client de rouvrir la page.",
    ),
    "grant_mode": (
        "La page a été créée dans l'autre mode, production ou test.",
        "Vérifiez les clés des processus.",
    ),
    "grant_not_yours": (
        "La page a été créée pour un autre client.",
        "Vérifiez qu'aucun cache ne partage la page entre clients.",
    ),
    "grant_used": (
        "L'autorisation de la page a déjà servi pour un autre résultat.",
        "Demandez au client de rouvrir la page.",
    ),
    "subscription_not_yours": (
        "L'abonnement n'appartient plus au client.",
        "Vérifiez la requête SQL des abonnements si le client le conteste.",
    ),
    "foreign_post": (
        "Le formulaire public de résiliation a été envoyé par une page d'un autre site.",
        "Rien à faire\xa0; la personne a été invitée à appuyer de nouveau.",
    ),
    "trap_filled_in": (
        "Le champ du formulaire public de résiliation que personne ne voit était rempli.",
        "Rien à faire\xa0; une personne a été invitée à appuyer de nouveau.",
    ),
    "too_many_declarations": (
        "En une heure, il est arrivé plus de résiliations que PublicExit n'en accepte.",
        "Vérifiez si quelqu'un joue avec le formulaire\xa0; augmentez les limites si de vrais clients les atteignent.",
    ),
    "no_contract_found": (
        (
            "Une résiliation du formulaire public ne correspond avec certitude à aucun contrat\xa0; "
            "son accusé de réception est envoyé."
        ),
        "Trouvez le contrat, résiliez-le et clôturez l'action.",
    ),
    "several_contracts": (
        "Le client qui résilie a plusieurs abonnements.",
        "Résiliez celui dont il s'agit et clôturez l'action.",
    ),
    "for_cause": (
        "Une résiliation pour motif grave a été déclarée\xa0; son accusé de réception est envoyé.",
        "Examinez-la, agissez dans Stripe et clôturez l'action.",
    ),
    "date_is_wished": (
        "Une résiliation demande une date précise\xa0; son accusé de réception est envoyé.",
        "Fixez la fin dans Stripe et clôturez l'action.",
    ),
    "find_failed": (
        "La fonction find de l'application a levé une erreur ou n'a pas répondu.",
        "Cherchez l'erreur dans le journal du worker\xa0; le worker réessaie.",
    ),
    "no_public_exit": (
        "Une résiliation est arrivée par le formulaire public, mais les réglages du worker n'en prévoient pas.",
        "Donnez les mêmes réglages à tous les processus.",
    ),
    "link_expired": (
        "Le lien d'un courrier a dépassé la durée acknowledgement_link_days.",
        "Demandez au client de se connecter et d'ouvrir la page depuis son compte.",
    ),
    "unknown_claim": (
        "Cette demande n'existe pas pour ce client.",
        "Vérifiez l'adresse si le client le conteste.",
    ),
    "unknown_subscription": (
        "La requête désigne un abonnement qui n'est pas celui du client.",
        "Vérifiez l'identifiant que votre page donne au bouton.",
    ),
    "unknown_customer": (
        "Stripe ne connaît pas l'identifiant de client que contient la base de données.",
        "Comparez l'identifiant avec le compte et le mode de la clé\xa0; d'ici là, résiliez manuellement sur demande.",
    ),
    "too_many_lookups": (
        "Les abonnements d'un même client ont été demandés trop souvent à Stripe en une minute.",
        "Rien à faire\xa0: /cancel fonctionne toujours\xa0; si cela dure, cherchez une page qui les demande en boucle.",
    ),
    "which_subscription": (
        "Le client a plusieurs abonnements, et rien ne dit duquel il s'agit.",
        "Désignez-en un avec button(subscription=...), ou choisissez une règle.",
    ),
    "not_at_this_step": (
        "La session de parcours n'est pas à l'étape envoyée.",
        "Demandez au client de rouvrir la page.",
    ),
    "flow_session_is_over": (
        "La session de parcours est terminée, ou est restée trop longtemps sans suite.",
        "Demandez au client de recommencer\xa0; il peut résilier dans tous les cas.",
    ),
    "offer_was_not_shown": (
        "L'offre n'est pas celle que le client a à l'écran.",
        "Rien à faire\xa0; restez attentif si un même client recommence.",
    ),
    "offer_no_longer_fits": (
        "L'offre a été présentée, mais ne convient plus à l'abonnement.",
        "Consultez les événements de l'abonnement dans Stripe si le client le conteste.",
    ),
    "months_were_not_offered": (
        "La durée de la suspension n'était pas proposée au client, ou elle manque.",
        "Demandez au client de rouvrir la page.",
    ),
    "unavailable": (
        "La base de données, ou Stripe s'il est interrogé, n'a pas répondu.",
        "Vérifiez la base de données et consultez la page d'état de Stripe.",
    ),
    "subscription_changed_hands": (
        "L'abonnement n'appartient plus au client qui a fait la demande.",
        "Cherchez à qui il appartient désormais\xa0; faites la modification dans Stripe, ou clôturez l'action.",
    ),
    "ended_by_the_company": (
        "Le client veut garder un abonnement que cette application n'a pas résilié.",
        "Retirez la résiliation dans Stripe si vous voulez garder le client.",
    ),
    "resuming_is_off": (
        "Votre réglage resume_policy ne laisse personne retirer une résiliation.",
        "Retirez la résiliation dans Stripe si vous voulez garder le client.",
    ),
    "subscription_has_ended": (
        "L'abonnement est déjà terminé.",
        "Clôturez l'action, ou vendez au client un nouvel abonnement.",
    ),
    "subscription_is_ending": (
        "L'abonnement a déjà une date de fin.",
        "Demandez au client si la résiliation est toujours d'actualité.",
    ),
    "subscription_is_paused": (
        "L'abonnement est déjà suspendu.",
        "Terminez la suspension dans Stripe et relancez, ou clôturez l'action.",
    ),
    "ends_by_agreement": (
        "La fin se situe après la période en cours\xa0: ce n'est donc pas le client qui l'a fixée ici.",
        "Décidez dans Stripe si cette fin peut être supprimée.",
    ),
    "shape_is_unknown": (
        "Stripe affiche un statut ou un intervalle inconnu de cette version, ou pas tous les articles.",
        "Faites la modification dans Stripe, ou installez une version plus récente.",
    ),
    "first_payment_is_missing": (
        "Le client n'a pas encore effectué le premier paiement.",
        "Relancez après le paiement, ou clôturez l'action.",
    ),
    "payment_is_overdue": (
        "Le client a un paiement en retard\xa0; cette offre attend donc votre décision.",
        "Soldez la facture et relancez, ou clôturez l'action.",
    ),
    "paused_by_somebody_else": (
        "La suspension ne vient pas d'une offre faite ici.",
        "Demandez qui l'a mise en place dans Stripe avant d'y mettre fin.",
    ),
    "no_discount_of_ours": (
        "Aucune remise de l'abonnement ne vient d'une offre faite ici.",
        "Supprimez la remise dans Stripe, ou clôturez l'action.",
    ),
    "changed_since_it_was_tried": (
        "L'abonnement a été modifié après une première tentative\xa0; refaire la même modification pourrait nuire.",
        "Comparez l'abonnement avec les tentatives, puis faites la modification dans Stripe.",
    ),
    "another_update_is_pending": (
        "Une autre modification de l'abonnement attend un paiement.",
        "Attendez ce paiement et relancez.",
    ),
    "undone_elsewhere": (
        "Stripe a déjà fait cette modification, et une autre personne ou un autre programme l'a annulée.",
        "Demandez qui l'a annulée avant de relancer.",
    ),
    "wrong_mode": (
        "L'abonnement appartient à l'autre mode, production ou test.",
        "Vérifiez la clé Stripe et la requête SQL des abonnements.",
    ),
    "offer_is_missing": (
        "Le registre n'a pas d'offre pour une action qui en exige une.",
        "Consultez la demande liée à l'action, puis clôturez l'action.",
    ),
    "subscription_has_a_schedule": (
        "Dans Stripe, une planification (subscription schedule) prévoit la suite de cet abonnement.",
        "Si son plan peut disparaître, libérez-y la planification\xa0; sinon, faites-y vous-même la modification.",
    ),
    "schedule_is_unknown": (
        "La planification d'abonnement n'a pas pu être lue.",
        "Vérifiez que la clé Stripe peut lire les planifications d'abonnements.",
    ),
    "schedule_of_another_subscription": (
        "Selon Stripe, la planification régit un autre abonnement\xa0; elle n'est donc pas touchée.",
        "Consultez l'abonnement et sa planification dans Stripe.",
    ),
    "schedule_has_pending_phases": (
        "La planification prévoit des phases ultérieures, par exemple un autre prix, qui seraient perdues.",
        "Demandez qui a prévu ces phases. Si elles peuvent disparaître, libérez la planification\xa0; "
        "sinon, faites-y vous-même la modification.",
    ),
    "schedule_cannot_be_kept": (
        "La planification d'abonnement contient plus que ce qui peut être renvoyé à Stripe à l'identique.",
        "Ajoutez la modification à la planification dans Stripe.",
    ),
    "planned_by_somebody_else": (
        "Le changement que prévoit la planification ne vient pas d'une offre faite ici.",
        "Demandez qui l'a prévu dans Stripe avant de libérer la planification.",
    ),
    "plan_has_come": (
        "Le changement de formule qui devait être annulé a déjà eu lieu.",
        "Convenez d'une formule avec le client et appliquez-la dans Stripe.",
    ),
    "plan_is_planned_no_more": (
        "La formule promise pour la fin de la période n'est plus dans la planification.",
        "Demandez qui l'en a retirée, puis changez la formule dans Stripe ou prévenez le client.",
    ),
    "schedule_has_an_end_of_its_own": (
        "La planification d'abonnement prévoit sa propre fin.",
        "Modifiez directement la planification dans Stripe.",
    ),
    "custom_offer_is_not_stripes": (
        "Une offre personnalisée ne peut pas être exécutée dans Stripe.",
        "Exécutez-la manuellement.",
    ),
    "customer_coupons_are_gone": (
        "Stripe n'accepte plus de coupon au niveau du client.",
        "Faites porter l'offre sur l'abonnement.",
    ),
    "percentage_is_out_of_range": (
        "Le pourcentage doit être supérieur à 0, de 100 au plus, avec quatre décimales au plus.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "amount_does_not_fit_the_currency": (
        "Le montant ne peut pas s'écrire dans la devise de l'abonnement.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "customer_discount_would_be_lost": (
        "Stripe ne conserverait pas la remise du client en plus de la nouvelle\xa0; rien n'a donc été modifié.",
        "Accordez la meilleure remise dans Stripe, ou convenez d'une autre offre.",
    ),
    "no_payment_falls_into_the_discount": (
        "Aucun paiement n'a lieu pendant la remise\xa0: le client n'y gagnerait rien.",
        "Accordez une remise plus longue, ou attendez le paiement et relancez.",
    ),
    "payment_pays_for_more_than_the_discount": (
        "Le paiement réduit par la remise couvre une durée bien plus longue que celle-ci.",
        "Réglez OfferRules(most_months_of_a_discounted_payment=...), ou convenez d'une autre offre.",
    ),
    "a_discount_would_be_used_up": (
        "Une remise sur un seul paiement peut être consommée par une facture que le client ne paie pas.",
        "Faites l'offre après le prochain paiement, ou ajoutez de nouveau la remise.",
    ),
    "a_discount_would_run_out": (
        "Une remise en cours prendrait fin pendant la période gratuite, alors qu'elle vaut plus que celle-ci.",
        "Prolongez la remise dans Stripe, ou convenez d'une autre offre.",
    ),
    "plan_would_be_billed_at_once": (
        "La formule se paie à un autre rythme\xa0: Stripe la facturerait aussitôt, sans déduire le temps déjà payé.",
        "Prévoyez un prorata dans l'offre, ou réglez OfferRules(unprorated_interval_change='allow').",
    ),
    "seats_would_not_be_fewer": (
        "L'offre prévoit plus de licences que l'abonnement n'en a, ou celui-ci n'en compte pas.",
        "Corrigez OfferRules(seat_offers=...), ou changez le nombre de licences dans Stripe.",
    ),
    "seats_of_another_price": (
        "Les licences de l'offre relèvent d'un tarif que l'abonnement ne paie pas, et peuvent coûter plus cher.",
        (
            "Indiquez dans OfferRules(seat_offers=...) le tarif que paient ces clients, "
            "ou changez le nombre de licences dans Stripe."
        ),
    ),
    "paid_time_would_be_lost": (
        "La suspension commencerait aussitôt, sans déduire le temps déjà payé.",
        "Faites commencer la suspension à la fin de la période, ou choisissez un autre OfferRules(pause_credit=...).",
    ),
    "seats_may_cost_more": (
        "Le prix de chaque licence dépend de leur nombre\xa0: en avoir moins peut coûter plus cher.",
        "Consultez les paliers du tarif dans Stripe, et changez-y le nombre de licences si le client paie moins.",
    ),
    "quantity_is_unknown": (
        "La formule se paie à la quantité et l'abonnement à la consommation\xa0: la quantité n'est donc pas connue.",
        "Changez la formule dans Stripe, avec la quantité convenue avec le client.",
    ),
    "a_trial_cannot_be_scheduled": (
        "La formule doit changer à la fin de la période, mais l'abonnement est en période d'essai.",
        "Changez la formule dans Stripe comme vous le jugez bon.",
    ),
    "coupon_is_there_already": (
        "L'abonnement a déjà ce coupon. Seule la version 0.1 mettait une telle offre en attente.",
        "Clôturez l'action, ou ajoutez un autre coupon dans Stripe.",
    ),
    "coupon_ends_earlier": (
        "L'abonnement a déjà ce coupon, mais pour moins de paiements que l'offre n'en promet.",
        "Prolongez la remise dans Stripe, ou convenez d'une autre offre.",
    ),
    "next_payment_is_unknown": (
        "Stripe n'indique pas de date pour le prochain paiement.",
        "Consultez les articles de l'abonnement dans Stripe.",
    ),
    "periods_are_mixed": (
        "Les articles de l'abonnement se paient à des dates différentes.",
        "Faites la modification dans Stripe comme vous le jugez bon.",
    ),
    "trial_is_too_short": (
        "La prolongation de la période d'essai dure moins d'un jour.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "trial_is_too_long": (
        "La période d'essai durerait plus longtemps que Stripe ne le permet.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "plan_is_there_already": (
        "L'abonnement a déjà ce tarif. Seule la version 0.1 mettait une telle offre en attente.",
        "Clôturez l'action.",
    ),
    "which_item_is_the_plan": (
        "Plusieurs articles de l'abonnement pourraient être la formule.",
        "Énumérez les formules dans OfferRules(plan_price_ids=...) et relancez.",
    ),
    "pause_is_too_long": (
        "La suspension prendrait fin à une date trop lointaine pour le calendrier.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "pause_is_too_short": (
        "La suspension prendrait fin avant de commencer.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "no_payment_falls_into_the_pause": (
        "Aucun paiement ne tombe pendant la suspension\xa0: le client n'y gagnerait rien.",
        "Convenez d'une suspension plus longue avec le client.",
    ),
    "payment_pays_for_more_than_the_pause": (
        "Le paiement ainsi évité couvrirait une durée bien plus longue que la suspension.",
        "Convenez d'une autre offre avec le client.",
    ),
    "payment_came_before_the_pause": (
        "Le paiement que la suspension devait éviter a été effectué.",
        "Remboursez le paiement, ou faites commencer la suspension plus tard.",
    ),
    "pause_needs_flexible_billing": (
        "Stripe ne suspend que les abonnements en mode de facturation flexible.",
        'Utilisez OfferRules(pause_mechanism="pause_collection").',
    ),
    "a_trial_cannot_be_paused": (
        "Stripe ne suspend pas un abonnement en période d'essai.",
        'Utilisez OfferRules(pause_mechanism="pause_collection"), ou prolongez la période d\'essai.',
    ),
    "no_payment_method": (
        "Le client n'a aucun moyen de paiement qui puisse être débité après la suspension.",
        "Demandez-en un au client et relancez.",
    ),
    "pause_needs_automatic_charges": (
        "Stripe ne met pas fin à la suspension d'un abonnement payé sur facture.",
        'Utilisez OfferRules(pause_mechanism="pause_collection").',
    ),
    "next_payment_too_close": (
        "Le prochain paiement était trop proche, et l'est resté trop longtemps.",
        "Relancez après le paiement.",
    ),
    "payment_was_not_made": (
        "Le client n'a pas effectué le paiement\xa0; la formule reste donc inchangée.",
        "N'intervenez pas, ou proposez de nouveau la formule.",
    ),
    "payment_declined": (
        "La banque du client a refusé le paiement.",
        "N'intervenez pas, ou demandez au client un autre moyen de paiement.",
    ),
    "resumption_is_not_paid": (
        "Le paiement après la suspension n'a pas été effectué\xa0; la suspension continue donc.",
        "Demandez au client de payer la facture\xa0; tant qu'elle est ouverte, Stripe réessaie tout seul.",
    ),
    "withdrawn": (
        "Le client a annulé la suspension avant qu'elle ne commence.",
        "Rien à faire.",
    ),
    "no_handler_for_this_offer": (
        "Aucun handler n'est enregistré pour cette offre personnalisée.",
        "Enregistrez-en un avec @cancel.on_offer et relancez.",
    ),
    "bad_offer_id": (
        "L'identifiant de l'offre est illisible.",
        "Contactez le fournisseur du parcours au sujet de l'offre.",
    ),
    "conflicting_types": (
        "Le fournisseur du parcours indique deux types pour une même offre.",
        "Contactez le fournisseur du parcours au sujet de l'offre.",
    ),
    "conflicting_ids": (
        "Le fournisseur du parcours indique deux identifiants pour une même chose.",
        "Contactez le fournisseur du parcours au sujet de l'offre.",
    ),
    "unknown_offer_type": (
        "Cette version ne connaît pas le type de l'offre.",
        "Exécutez l'offre manuellement, ou mettez aiocancel à jour.",
    ),
    "coupon_type_missing": (
        "L'offre ne dit pas si son montant est un pourcentage.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "bad_amount": (
        "Le montant de l'offre est illisible.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "bad_duration": (
        "La durée du coupon est illisible.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "bad_months": (
        "Le nombre de mois est illisible.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "bad_days": (
        "Le nombre de jours est illisible.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "bad_apply_to": (
        "L'offre ne dit pas clairement à quoi s'applique son coupon.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "bad_coupon_id": (
        "L'identifiant du coupon ne peut pas venir de Stripe.",
        "Corrigez l'identifiant du coupon chez le fournisseur du parcours.",
    ),
    "plan_missing": (
        "L'offre n'indique aucun tarif de Stripe.",
        "Reliez l'offre à un tarif chez le fournisseur du parcours.",
    ),
    "bad_prorate": (
        "L'offre ne dit pas si le changement se fait au prorata.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "bad_pause": (
        "La durée ou le début de la suspension est illisible.",
        "Corrigez l'offre chez le fournisseur du parcours.",
    ),
    "offer_not_allowed": (
        "Cette offre ne figure pas dans OfferLimits.",
        "Ajoutez-la à offer_ids et relancez, ou clôturez l'action.",
    ),
    "price_not_allowed": (
        "Ce tarif ne figure pas dans OfferLimits.",
        "Ajoutez-le à price_ids et relancez, ou clôturez l'action.",
    ),
    "coupon_not_allowed": (
        "Ce coupon ne figure pas dans OfferLimits.",
        "Ajoutez-le à coupon_ids et relancez, ou clôturez l'action.",
    ),
    "coupon_is_not_on_the_list": (
        "OfferLimits limite les coupons\xa0; un coupon existant doit donc y figurer.",
        "Ajoutez-le à coupon_ids et relancez, ou clôturez l'action.",
    ),
    "percent_too_high": (
        "Le pourcentage dépasse votre limite.",
        "Augmentez max_percent et relancez, ou clôturez l'action.",
    ),
    "amount_too_high": (
        "Le montant dépasse votre limite.",
        "Augmentez max_amount et relancez, ou clôturez l'action.",
    ),
    "too_many_months": (
        "Le coupon ou la suspension dure plus longtemps que votre limite.",
        "Augmentez max_months et relancez, ou clôturez l'action.",
    ),
    "too_many_days": (
        "La prolongation de la période d'essai dépasse votre limite.",
        "Augmentez max_days et relancez, ou clôturez l'action.",
    ),
    "given_recently": (
        "L'abonnement a déjà reçu un avantage dans le délai at_most_one_gift_in_days.",
        "Faites l'offre manuellement, ou dites au client qu'elle ne se fera pas\xa0; puis clôturez l'action.",
    ),
    "not_for_this_customer": (
        "La condition de l'offre n'est pas remplie pour ce client.",
        "Changez la condition when= de l'offre si elle visait de tels clients.",
    ),
    "nobody_knows_whether_it_fits": (
        "La condition de l'offre porte sur une donnée qui n'est pas connue pour ce client.",
        "Donnez au parcours le pays, le territoire ou la colonne que la condition demande.",
    ),
    "forbidden_by_a_rule": (
        "Une de vos règles, ou une règle du territoire du client, interdit l'offre.",
        "Lisez les règles avec aiocancel flow show.",
    ),
    "permission_is_missing": (
        "Une règle n'autorise l'offre qu'une fois que le client a accepté d'en voir une.",
        "Rien à faire\xa0; le parcours le demande une fois.",
    ),
    "subscription_was_not_read": (
        "Stripe n'a pas répondu à temps\xa0: on ignore quelles offres conviennent à l'abonnement.",
        "Consultez la page d'état de Stripe si cela dure.",
    ),
    "not_in_trial": (
        "Prolonger l'essai suppose un abonnement en période d'essai.",
        "Rien à faire.",
    ),
    "no_amount_in_the_currency": (
        "Le champ amount_off de l'offre n'a pas de montant dans la devise de l'abonnement.",
        "Ajoutez-en un si les clients qui paient dans cette devise doivent recevoir l'offre.",
    ),
    "has_it_already": (
        "L'abonnement a déjà ce qui est proposé.",
        "Rien à faire.",
    ),
    "payment_is_near": (
        "Un paiement va être prélevé, et l'offre doit attendre.",
        "Rien à faire\xa0; l'offre apparaîtra aux tentatives suivantes.",
    ),
    "plan_would_come_later": (
        "L'offre dit «\xa0tout de suite\xa0», et OfferRules reporte toute formule à la fin de la période.",
        "Donnez à l'offre at='period_end', ou supprimez plan_starts.",
    ),
    "price_is_not_known": (
        "Stripe n'a pas dit à temps, ou pas avec certitude, ce que le client paierait avec l'offre.",
        (
            "Cherchez un événement PageFactsMissing\xa0; certaines factures, par exemple à la consommation, "
            "n'ont pas de prix certain."
        ),
    ),
    "held_out": (
        "L'abonnement fait partie du groupe témoin, qui ne reçoit aucune offre.",
        "Réduisez hold_out_percent si ce groupe doit être plus petit.",
    ),
    "flow_session_unknown": (
        "Le fournisseur du parcours ne connaît pas cette session de parcours.",
        "Rien à faire\xa0; restez attentif si un même client recommence.",
    ),
    "flow_session_of_another_customer": (
        "La session de parcours appartient à un autre client.",
        "Rien à faire\xa0; restez attentif si un même client recommence.",
    ),
    "flow_session_of_another_subscription": (
        "La session de parcours appartient à un autre abonnement.",
        "Rien à faire\xa0; restez attentif si un même client recommence.",
    ),
    "flow_session_says_canceled": (
        "Selon le fournisseur du parcours, le client a résilié.",
        "Demandez au client s'il faut résilier.",
    ),
    "flow_session_says_deflected": (
        "Selon le fournisseur du parcours, le client est resté, sans offre.",
        "Rien à faire.",
    ),
    "flow_session_says_incomplete": (
        "Selon le fournisseur du parcours, le client a quitté le parcours.",
        "Rien à faire.",
    ),
    "flow_session_says_rerouted": (
        "Selon le fournisseur du parcours, le client a été envoyé ailleurs.",
        "Rien à faire.",
    ),
    "flow_session_says_unknown": (
        "Le fournisseur du parcours donne à la session de parcours un statut inconnu de cette version.",
        "Consultez la session de parcours chez le fournisseur du parcours.",
    ),
    "flow_session_is_old": (
        "La session de parcours est terminée depuis plus d'une semaine, et l'offre a pu être accordée alors.",
        "Vérifiez si le client a déjà reçu l'offre.",
    ),
    "flow_session_paid_before": (
        "Cette session de parcours a déjà donné lieu à une offre.",
        "Rien à faire.",
    ),
    "flow_session_still_open": (
        "Le fournisseur du parcours n'a pas fermé la session de parcours à temps.",
        "Relancez quand le fournisseur du parcours l'aura fermée.",
    ),
    "no_offer_named": (
        "Le fournisseur du parcours n'indique aucune offre acceptée.",
        "Consultez la session de parcours chez le fournisseur du parcours.",
    ),
    "flow_session_not_proven": (
        "Rien ne prouve qu'une page de cette application a ouvert la session de parcours.",
        (
            "Posez la question au client\xa0; relancez si c'était bien son souhait, sinon clôturez l'action. "
            "Activez les requêtes signées chez le fournisseur du parcours."
        ),
    ),
    "flow_session_proof_used": (
        "Une autre session de parcours a utilisé la preuve de cette page.",
        "Posez la question au client\xa0; relancez si c'était bien son souhait, sinon clôturez l'action.",
    ),
    "flow_session_ended_another": (
        "La même session de parcours a déjà résilié un autre abonnement de ce client.",
        "Posez la question au client\xa0; relancez si celui-ci devait aussi prendre fin, sinon clôturez l'action.",
    ),
    "refused_on_the_page": (
        "La page qui a signalé cette session de parcours a été refusée, et le client en a été informé.",
        "Posez la question au client concerné\xa0; relancez si c'était bien son souhait, sinon clôturez l'action.",
    ),
    "no_flow_session_named": (
        "La page a signalé une offre acceptée, mais n'a indiqué aucune session de parcours.",
        "Cherchez la session de parcours du client chez le fournisseur du parcours.",
    ),
    "no_event_of_flow_session": (
        "Le fournisseur du parcours n'a pas d'événement pour cette session de parcours, comme en mode test.",
        "Clôturez l'action si c'était un test\xa0; sinon, relancez.",
    ),
    "vendor_did_not_act": (
        "Stripe n'affiche pas la modification promise par le fournisseur du parcours.",
        "Faites la modification dans Stripe et prévenez le fournisseur du parcours.",
    ),
    "customer_coupons_do_not_show": (
        "Un abonnement n'affiche pas un coupon accordé au niveau du client.",
        "Consultez les remises du client dans Stripe.",
    ),
    "vendor_api_not_configured": (
        "Sans clé API, le fournisseur du parcours ne peut pas être interrogé.",
        "Renseignez la clé API du fournisseur du parcours et relancez.",
    ),
    "vendor_error": (
        "L'API du fournisseur du parcours a échoué.",
        "Consultez la page d'état du fournisseur du parcours.",
    ),
    "vendor_unreachable": (
        "L'API du fournisseur du parcours n'a pas donné de réponse.",
        "Consultez la page d'état du fournisseur du parcours.",
    ),
    "vendor_refused": (
        "L'API du fournisseur du parcours a refusé la question.",
        "Contactez le fournisseur du parcours au sujet de la session de parcours.",
    ),
    "vendor_data": (
        "La réponse du fournisseur du parcours a une forme illisible.",
        "Mettez aiocancel à jour, ou contactez le fournisseur du parcours.",
    ),
    "not_the_vendors_answer": (
        "La réponse n'est pas un objet JSON\xa0; elle vient peut-être d'un proxy ou d'une page de maintenance.",
        "Consultez la page d'état du fournisseur du parcours si cela dure.",
    ),
    "bad_api_key": (
        "Le fournisseur du parcours a refusé la clé API.",
        "Remplacez la clé API du fournisseur du parcours.",
    ),
    "bad_id": (
        "L'identifiant ne peut pas venir du fournisseur du parcours.",
        "Consultez la demande\xa0; un navigateur a pu inventer l'identifiant.",
    ),
    "rate_limited": (
        "La limite d'appels du fournisseur du parcours est atteinte.",
        "Rien à faire\xa0; le worker réessaie.",
    ),
    "timeout": (
        "Le fournisseur du parcours n'a pas répondu à temps.",
        "Rien à faire\xa0; le worker réessaie.",
    ),
    "unreachable": (
        "Le fournisseur du parcours est injoignable.",
        "Vérifiez le réseau si cela dure.",
    ),
    "api_error": (
        "Stripe a rencontré une erreur interne.",
        "Consultez la page d'état de Stripe.",
    ),
    "bad_account": (
        "La ligne de l'abonnement contient un compte qui n'est pas un compte Stripe.",
        "Corrigez la ligne, puis relancez l'action.",
    ),
    "permission_missing": (
        "Il manque une autorisation à la clé limitée\xa0; l'événement PermissionMissing la nomme.",
        "Donnez cette autorisation à la clé dans le Dashboard Stripe\xa0; le worker réessaie tout seul.",
    ),
    "card_declined": (
        "La carte du client a été refusée.",
        "Demandez au client un autre moyen de paiement.",
    ),
    "idempotency_error": (
        "Stripe connaît un autre appel sous cette clé d'idempotence.",
        "Rien à faire\xa0; la prochaine tentative utilise une nouvelle clé.",
    ),
    "written_before": (
        "Cette demande a déjà été envoyée à Stripe, mais pas depuis ce registre, et Stripe n'en affiche pas l'effet.",
        "Consultez les événements de l'abonnement dans Stripe et clôturez l'action.",
    ),
    "idempotency_key_in_use": (
        "Stripe traite encore le même appel.",
        "Rien à faire\xa0; le worker réessaie.",
    ),
    "invalid_canceled_subscription_fields": (
        "Stripe ne modifie pas un abonnement terminé.",
        "Clôturez l'action.",
    ),
    "invalid_request_error": (
        "Stripe a refusé l'appel.",
        "Cherchez l'identifiant de la requête dans le Dashboard Stripe.",
    ),
    "lock_timeout": (
        "Un autre appel bloquait l'abonnement dans Stripe.",
        "Rien à faire\xa0; le worker réessaie.",
    ),
    "rate_limit": (
        "La limite d'appels de Stripe est atteinte.",
        "Réduisez max_requests_per_s si cela dure.",
    ),
    "resource_already_exists": (
        "Stripe a déjà un objet portant cet identifiant.",
        "Cherchez l'identifiant de la requête dans le Dashboard Stripe.",
    ),
    "resource_missing": (
        "Stripe ne trouve pas cet abonnement, ce tarif ou ce coupon.",
        "Vérifiez l'identifiant, le mode et le compte Stripe.",
    ),
    "resource_rate_limit": (
        "Trop d'appels ont modifié un même objet dans Stripe.",
        "Cherchez un autre programme qui modifie l'abonnement.",
    ),
    "rate_budget": (
        "Notre propre limite d'appels à Stripe est atteinte.",
        "Augmentez max_requests_per_s si cela dure.",
    ),
    "unreadable": (
        "La réponse est illisible.",
        "Mettez aiocancel à jour, ou cherchez l'identifiant de la requête dans le Dashboard Stripe.",
    ),
    "not_visible": (
        "Stripe a accepté la modification, mais ne l'affiche pas.",
        "Cherchez l'identifiant de la requête dans le Dashboard Stripe.",
    ),
    "too_many_subscriptions": (
        "Le client a trop d'abonnements pour les énumérer.",
        "Faites désigner l'abonnement par l'application.",
    ),
    "bad_subscription_id": (
        "La base de données contient un identifiant qui ne peut pas être celui d'un abonnement.",
        "Corrigez la requête SQL des abonnements.",
    ),
    "transient": (
        "La tentative a échoué, et rien n'a été modifié.",
        "Rien à faire\xa0; le worker réessaie.",
    ),
    "unknown": (
        "La tentative a échoué, et la modification a pu être faite.",
        "Rien à faire\xa0; le worker relit l'abonnement et réessaie.",
    ),
    "rejected": (
        "Le service appelé a refusé la modification sans donner de code.",
        "Cherchez l'identifiant de la requête dans le Dashboard Stripe.",
    ),
    "gave_up_transient": (
        "Le worker a abandonné après de nombreux échecs\xa0; la dernière tentative n'a rien modifié.",
        "Supprimez la cause que montrent les tentatives et relancez.",
    ),
    "gave_up_unknown": (
        "Le worker a abandonné après de nombreux échecs\xa0; la dernière tentative a pu modifier l'abonnement.",
        "Comparez l'abonnement avec les tentatives et relancez.",
    ),
    "attempt_timeout": (
        "La tentative a duré trop longtemps.",
        "Vérifiez le réseau et le handler de l'offre.",
    ),
    "database_unavailable": (
        "La base de données n'a pas répondu pendant la tentative.",
        "Vérifiez l'état de la base de données.",
    ),
    "ledger_unreadable": (
        "Le registre contient un type que cette version ne connaît pas.",
        "Mettez ce worker à jour vers la version la plus récente qui a écrit dans le registre.",
    ),
    "row_unreadable": (
        "Une partie enregistrée de l'action n'est lisible par aucune version.",
        "Réparez les colonnes offer, change et baseline de la ligne de l'action, puis relancez.",
    ),
    "no_discount": (
        "L'abonnement n'a pas de remise.",
        "Faites la modification dans Stripe et prévenez le fournisseur du parcours.",
    ),
    "price_differs": (
        "Après une offre de votre parcours, Stripe affiche un autre prochain paiement que celui annoncé au client.",
        "Comparez la session avec l'abonnement dans Stripe, et tenez ce qui a été annoncé au client.",
    ),
    "another_discount": (
        "L'abonnement a une autre remise.",
        "Faites la modification dans Stripe et prévenez le fournisseur du parcours.",
    ),
    "no_trial": (
        "L'abonnement n'est pas en période d'essai.",
        "Faites la modification dans Stripe et prévenez le fournisseur du parcours.",
    ),
    "shorter_trial": (
        "La période d'essai prend fin trop tôt.",
        "Faites la modification dans Stripe et prévenez le fournisseur du parcours.",
    ),
    "another_price": (
        "L'abonnement a un autre tarif.",
        "Faites la modification dans Stripe et prévenez le fournisseur du parcours.",
    ),
    "cancellation_taken_back": (
        "La fin prévue ici ne l'est plus\xa0: la résiliation a été retirée ou reportée ailleurs.",
        "Demandez si c'était le souhait du client\xa0; rien n'est refait.",
    ),
    "discount_removed_elsewhere": (
        "La remise d'une offre acceptée a disparu avant son terme.",
        "Demandez qui l'a supprimée\xa0; rien n'est refait.",
    ),
    "no_pause": (
        "L'abonnement n'est pas suspendu.",
        "Faites la modification dans Stripe et prévenez le fournisseur du parcours.",
    ),
    "schedule_released": (
        "La planification d'abonnement a été libérée.",
        "Rien à faire\xa0; la modification suit.",
    ),
    "cancellation_withdrawn": (
        "La résiliation a été retirée, car le client a depuis accepté une offre.",
        "Rien à faire\xa0; l'offre suit.",
    ),
    "schedule_amended": (
        "La fin de la planification d'abonnement a été modifiée.",
        "Rien à faire\xa0; la modification suit.",
    ),
    "schedule_made": (
        "Une planification a été créée pour l'abonnement.",
        "Rien à faire\xa0; la modification suit.",
    ),
    "parked_for_a_person": (
        "L'événement a donné lieu à une action qui attend une intervention.",
        "Consultez les actions qui attendent une intervention.",
    ),
    "not_opened_by_a_page": (
        "Rien ne prouve que la session de parcours vient de nous, et rien n'a été enregistré.",
        "Activez les requêtes signées chez le fournisseur du parcours.",
    ),
    "recorded": (
        "L'événement a donné lieu à une demande.",
        "Rien à faire.",
    ),
    "known": (
        "Le navigateur du client nous l'avait déjà signalé.",
        "Rien à faire.",
    ),
    "known_with_another_result": (
        "Le navigateur du client nous avait signalé un autre résultat.",
        "Consultez la session de parcours chez le fournisseur du parcours.",
    ),
    "no_subscription": (
        "L'événement ne désigne aucun abonnement connu ici.",
        "Vérifiez la requête SQL des abonnements si cela arrive souvent.",
    ),
    "unknown_event": (
        "Le fournisseur du parcours ne connaît pas cet événement.",
        "Vérifiez l'adresse et le jeton du webhook.",
    ),
    "signature_is_missing": (
        "L'envoi n'a pas d'en-tête Stripe-Signature.",
        "Rien à faire\xa0: seul Stripe envoie à cette adresse. Un proxy a pu supprimer l'en-tête.",
    ),
    "signature_is_wrong": (
        "La signature ne vient d'aucun des secrets de webhook.",
        "Comparez webhook_secrets avec le secret de l'endpoint dans le Dashboard Stripe.",
    ),
    "event_is_old": (
        "L'événement a été signé il y a plus de cinq minutes.",
        "Mettez l'horloge de cette machine à l'heure\xa0; un ancien envoi qui se répète est une attaque.",
    ),
    "event_is_from_the_future": (
        "La signature de l'événement est datée de plus de cinq minutes dans le futur.",
        "Mettez l'horloge de cette machine à l'heure.",
    ),
    "event_of_another_mode": (
        "L'événement est un événement de test alors que la clé est de production, ou l'inverse.",
        "Rien à faire\xa0: les endpoints des comptes connectés reçoivent les deux.",
    ),
    "event_of_another_account": (
        "L'événement appartient à un autre compte que celui de ces réglages.",
        "Configurez l'endpoint pour le compte que désigne stripe_account.",
    ),
    "nothing_to_do": (
        "L'événement ne concerne pas une session de parcours terminée.",
        "Rien à faire.",
    ),
    "no_mailer": (
        "Un courrier était prévu, mais les réglages du worker ne comportent pas de mailer.",
        "Donnez les mêmes réglages à tous les processus.",
    ),
    "nobody_to_write_to": (
        "Aucune adresse e-mail n'est connue pour ce client.",
        "Indiquez email=, ou faites renvoyer une colonne de ce nom par la requête SQL des abonnements.",
    ),
    "address_is_none": (
        "Ce qui est enregistré comme adresse du client n'est pas une adresse e-mail unique.",
        "Corrigez l'adresse dans vos propres données, puis relancez l'action.",
    ),
    "mail_refused": (
        "Le serveur de messagerie a refusé définitivement l'adresse ou l'e-mail.",
        "Corrigez l'adresse dans vos propres données, puis relancez l'action, ou prévenez le client autrement.",
    ),
    "mail_try_again": (
        "Le serveur de messagerie a demandé de réessayer plus tard.",
        "Rien à faire\xa0: le worker réessaie.",
    ),
    "mail_waited_too_long": (
        "Les e-mails précédents ont pris trop de temps\xa0; celui-ci n'a pas été remis.",
        "Rien à faire\xa0: le worker réessaie. Si cela dure, cherchez pourquoi le serveur de messagerie est lent.",
    ),
    "mail_server_away": (
        "Le serveur de messagerie est injoignable, ou ne répond pas à temps.",
        "Vérifiez si le serveur de messagerie fonctionne et si son adresse est correcte.",
    ),
    "mail_server_untrusted": (
        "Le serveur de messagerie ne propose pas TLS, ou son certificat n'est pas valide.",
        "Corrigez le certificat ou l'adresse du serveur\xa0; rien n'a été envoyé.",
    ),
    "mail_login_refused": (
        "Le serveur de messagerie a refusé l'identifiant et le mot de passe, ou l'expéditeur.",
        "Corrigez l'URL ou l'expéditeur du SmtpMailer.",
    ),
    "mail_answer_lost": (
        "La connexion s'est coupée après l'envoi de l'e-mail\xa0; il a pu arriver.",
        "Rien à faire\xa0: le worker l'envoie encore une fois, et le client peut le recevoir deux fois.",
    ),
    "mailer_failed": (
        "Le mailer de l'application a levé une erreur, n'a pas répondu, ou a donné une réponse inattendue.",
        "Cherchez l'erreur dans le journal du worker.",
    ),
    # Codes that are not ours.
    "gave_up": (
        "Le worker a cessé d'interroger le fournisseur du parcours. La dernière réponse\xa0: {last}",
        "Consultez la session de parcours chez le fournisseur du parcours.",
    ),
    "http": (
        "La réponse avait le statut HTTP {status}.",
        "Consultez la page d'état du fournisseur du parcours.",
    ),
    "error": (
        "Une erreur de la classe {name} a mis fin à la tentative.",
        "Cherchez l'erreur dans le journal du worker.",
    ),
    "foreign": (
        "Un autre système, ou une version plus récente d'aiocancel, a choisi ce mot.",
        "Cherchez ce mot parmi les codes d'erreur de Stripe, ou mettez aiocancel à jour.",
    ),
}
