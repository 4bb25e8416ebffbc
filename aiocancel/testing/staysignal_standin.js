// A stand-in for a StaySignal widget, for demonstrations and tests. It is our own work and knows nothing of the
// genuine one but what its documentation says: an init config with cancelOptOut, onComplete and onError, and a
// button with data-ss-cancel-optout. Its style is a constructed sheet, so the page's policy needs no hash for it.
(() => {
  "use strict";
  const settings = /* SETTINGS */ {};
  const STYLE = `
    .staysignal-standin { border: 0; border-radius: .5rem; padding: 1.5rem; max-width: min(26rem, 100vw - 2rem); font-family: system-ui, sans-serif; color: #1d2939; }
    .staysignal-standin::backdrop { background: #10182899; }
    .staysignal-standin h2 { margin: 0 0 .5rem; font-size: 1.2rem; }
    .staysignal-standin p { margin: 0 0 1.25rem; }
    .staysignal-standin div { display: flex; flex-wrap: wrap; gap: .75rem; }
    .staysignal-standin button { font: inherit; padding: .6rem 1rem; border: 1px solid #98a2b3; border-radius: .375rem; background: #fff; cursor: pointer; }
    .staysignal-standin [data-test=yes] { background: #b3261e; border-color: #b3261e; color: #fff; }
  `;

  function make(tag, text, test) {
    const element = document.createElement(tag);
    element.textContent = text;
    if (test) element.dataset.test = test;
    return element;
  }

  async function cancel(subscriptionId, isOptedOut) {
    if (isOptedOut) {
      console.log("StaySignal stand-in: opted out, the subscription is left to the application");
      return;
    }
    if (!settings.cancelUrl) throw new Error("there is nothing here that could cancel");
    const answer = await fetch(settings.cancelUrl, { method: "POST", body: new URLSearchParams({ subscriptionId }) });
    if (!answer.ok) throw new Error(`the cancellation was answered with ${answer.status}`);
  }

  function ask(button, config) {
    const subscriptionId = button.getAttribute(settings.attribute);
    // Either switch is enough.
    const isOptedOut = Boolean(config.cancelOptOut) || button.getAttribute("data-ss-cancel-optout") === "true";
    const dialog = document.createElement("dialog");
    dialog.className = "staysignal-standin";
    const choices = document.createElement("div");
    const no = make("button", "No, keep it", "no");
    const yes = make("button", "Yes, cancel", "yes");
    choices.append(no, yes);
    dialog.append(make("h2", "Cancel?"), make("p", "A stand-in for StaySignal asks on its behalf."), choices);
    dialog.addEventListener("close", () => dialog.remove());
    no.addEventListener("click", () => dialog.close());
    yes.addEventListener("click", async () => {
      yes.disabled = true;
      try {
        if (settings.fails) throw new Error("the stand-in was told to fail");
        await cancel(subscriptionId, isOptedOut);
        if (config.onComplete && !settings.onlyLogs) config.onComplete();
      } catch (error) {
        if (config.onError) config.onError(error);
      }
      dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
  }

  function init(config) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    for (const button of document.querySelectorAll(`[${settings.attribute}]`)) {
      button.addEventListener("click", () => ask(button, config));
    }
  }

  const names = settings.globalName.split(".");
  const name = names.pop();
  names.reduce((object, part) => (object[part] ??= {}), window)[name] = init;
})();
