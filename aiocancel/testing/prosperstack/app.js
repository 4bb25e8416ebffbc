// The flow inside the iframe. What was chosen goes to our own server; the page around us only hears about it.
(() => {
  "use strict";
  const setup = JSON.parse(document.getElementById("setup").textContent);
  const main = document.getElementById("flow");
  const survey = { reason: null, comment: "" };
  let busy = false;

  const tell = (message, more = {}) => window.parent.postMessage({ message, ...more }, setup.parentOrigin);

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") made.addEventListener(name, value);
      else if (value !== null) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  function show(title, lead, ...children) {
    const close = element("button", { class: "close", type: "button", "aria-label": "Close", "data-test": "close", click: leave }, "×");
    const heading = element("h1", { tabindex: "-1" }, title);
    main.replaceChildren(close, heading, element("p", { class: "lead" }, lead), ...children);
    heading.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  async function finish(choice, thanks) {
    if (busy) return;
    busy = true;
    for (const button of main.querySelectorAll("button")) button.disabled = true;
    try {
      const answer = await fetch(setup.finishUrl, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...survey, ...choice }),
      });
      const payload = await answer.json();
      if (!answer.ok) throw new Error(payload.error);
      const extra = setup.redirectUri ? { redirectUri: setup.redirectUri } : {};
      if (setup.confirmationStep && choice.status !== "incomplete") {
        tell("complete", { payload, close: false, ...extra });
        showThanks(thanks);
      } else {
        tell("complete", { payload, ...extra });
      }
    } catch {
      for (const button of main.querySelectorAll("button")) button.disabled = false;
      main.querySelector(".problem")?.remove();
      main.append(element("p", { class: "problem", role: "alert" }, "That did not work. Please try again."));
    } finally {
      busy = false;
    }
  }

  function leave() {
    if (setup.reportIncomplete) finish({ status: "incomplete", reason: survey.reason });
    else tell("closed");
  }

  function showQuestion() {
    const next = element("button", { class: "primary", type: "button", "data-test": "continue", disabled: "", click: afterQuestion }, "Continue");
    const choose = (event) => { survey.reason = event.target.value; next.disabled = false; };
    const reasons = setup.reasons.map(({ code, text }) => element("label", { class: "reason" },
      element("input", { type: "radio", name: "reason", value: code, change: choose }),
      element("span", { "data-test": `reason-${code}` }, text)));
    const comment = element("textarea", { "data-test": "comment", input: (event) => { survey.comment = event.target.value; } });
    show("Why are you leaving?", "One answer helps us most.",
      element("fieldset", { "aria-label": "Reason" }, ...reasons),
      element("label", { class: "field" }, "Anything to add?", comment),
      element("div", { class: "row" }, next));
  }

  function afterQuestion() {
    if (setup.offers.length) showOffers();
    else showConfirm();
  }

  function showOffers() {
    const cards = setup.offers.map((offer) => element("article", { class: "offer" },
      element("h2", {}, offer.name),
      element("p", {}, offer.text),
      element("button", {
        class: "primary", type: "button", "data-test": `accept-${offer.type}`, "data-offer": offer.id,
        click: () => finish({ status: "saved", offerId: offer.id }, `You keep your subscription: ${offer.name}.`),
      }, "Accept")));
    show("Before you go", "Would one of these help?",
      element("div", { class: "offers" }, ...cards),
      element("button", { class: "plain", type: "button", "data-test": "decline-offers", click: showConfirm }, "No thanks, continue to cancel"));
  }

  function showConfirm() {
    show("Cancel your subscription?", "You can come back at any time.",
      element("div", { class: "row" },
        element("button", { class: "danger", type: "button", "data-test": "confirm-cancel", click: () => finish({ status: "canceled" }, "Your cancellation has been recorded.") }, "Cancel subscription"),
        element("button", { class: "secondary", type: "button", "data-test": "keep", click: leave }, "Keep my subscription")));
  }

  function showThanks(text) {
    const done = () => tell("closed");
    show("Thank you", text, element("div", { class: "row" }, element("button", { class: "primary", type: "button", "data-test": "done", click: done }, "Done")));
    main.querySelector(".close").replaceWith(element("button", { class: "close", type: "button", "aria-label": "Close", "data-test": "close", click: done }, "×"));
  }

  tell("loading");
  showQuestion();
  tell("loaded");
})();
