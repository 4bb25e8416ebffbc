// A stand-in for the ProsperStack browser client, for demonstrations and tests where the genuine one cannot be had.
// Same calls, wire format, messages, element ids and classes as version 2.19.0. Its style is a constructed
// sheet, so the page's policy needs no hash for it.
(() => {
  "use strict";
  const VERSION = "2.19.0";
  const GENERIC_ERROR = "An unknown error occurred. Please try again later.";
  const STYLE = `
    body:has(> #prosperstack-overlay:not([hidden])), body:has(> .prosperstack-iframe:not([hidden])) { overflow: hidden !important; }
    #prosperstack-overlay, .prosperstack-iframe { position: fixed; inset: 0; border: 0; opacity: 0; z-index: 2147483647; transition: opacity .2s; }
    #prosperstack-overlay, .prosperstack-iframe.full-screen { width: 100%; height: 100%; }
    #prosperstack-overlay { background: #fff; }
    #prosperstack-overlay.in, .prosperstack-iframe.in { opacity: 1; }
    #prosperstack-overlay.modal.in { opacity: .5; }
    .prosperstack-iframe.modal { margin: auto; width: min(800px, 100%); height: 80%; border-radius: .25rem; box-shadow: 0 10px 30px #0003; }
    @media (max-width: 700px) { .prosperstack-iframe.modal { height: 100%; border-radius: 0; } }
    .prosperstack-spinner { height: 100%; display: grid; place-items: center; }
    .prosperstack-spinner::after { content: ""; width: 2rem; height: 2rem; border: 3px solid #d0d5dd; border-top-color: #333; border-radius: 50%; animation: prosperstack-turn 1s linear infinite; }
    @keyframes prosperstack-turn { to { transform: rotate(1turn); } }
    .prosperstack-content { margin: 0; height: 100vh; background: #fff; font-family: system-ui, sans-serif; }
    .prosperstack-error { height: 100%; display: grid; place-content: center; gap: 1rem; text-align: center; padding: 1rem; }
    .prosperstack-error-message { color: #b3261e; font-weight: 600; }
  `;

  const client = {};
  const tokens = new Map();
  const apiHost = () => window.__PROSPERSTACK_DEBUG_API_HOST__ || client.debugApiHost || "https://api.prosperstack.com";
  const appHost = () => window.__PROSPERSTACK_DEBUG_APP_HOST__ || client.debugAppHost || "https://app.prosperstack.com";

  function adoptStyle(target) {
    const sheet = new target.defaultView.CSSStyleSheet();
    sheet.replaceSync(STYLE);
    target.adoptedStyleSheets = [...target.adoptedStyleSheets, sheet];
    return () => { target.adoptedStyleSheets = target.adoptedStyleSheets.filter((each) => each !== sheet); };
  }

  function block(tag, className) {
    const made = document.createElement(tag);
    made.className = className;
    return made;
  }

  function showError(error, displayMode, onClose) {
    console.error(error.message);
    const frame = block("iframe", `prosperstack-iframe in ${displayMode}`);
    document.body.append(frame);
    const inside = frame.contentDocument;
    adoptStyle(inside);
    inside.body.className = "prosperstack-content";
    const panel = inside.createElement("div");
    panel.className = "prosperstack-error";
    const text = inside.createElement("div");
    text.className = "prosperstack-error-message";
    text.textContent = `Error: ${error.message || GENERIC_ERROR}`;
    const close = inside.createElement("a");
    close.href = "#";
    close.textContent = "Close";
    close.addEventListener("click", (event) => { event.preventDefault(); frame.remove(); onClose(); });
    panel.append(text, close);
    inside.body.append(panel);
  }

  async function openSession(payload, testMode) {
    const answer = await fetch(`${apiHost()}/flow?${testMode ? "testMode=true" : ""}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-prosperstack-signature": payload.signature || "",
        "x-prosperstack-version": VERSION,
        "x-prosperstack-url": window.location.href,
        "x-prosperstack-subscription-cache-token": window.__PROSPERSTACK_SUBSCRIPTION_CACHE_TOKEN__ || "",
      },
      body: typeof payload.payload === "string" ? payload.payload : JSON.stringify(payload),
    });
    if (answer.status === 503) throw new Error("The service is undergoing scheduled maintenance. Please try again later.");
    if (answer.status === 504) throw new Error("The service is currently unavailable. Please try again later.");
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      throw new Error(problem.error || GENERIC_ERROR);
    }
    const location = answer.headers.get("Location");
    if (!location) throw new Error("Unable to create flow session.");
    const { signatureRequired, signatureVerified } = await answer.json();
    if (payload.signature && !signatureRequired) {
      if (signatureVerified) console.warn("The signature is valid, but this flow does not require one.");
      else console.error("The signature is not valid, and this flow does not require one.");
    }
    return location;
  }

  function frameUrl(location, options) {
    const query = new URLSearchParams({ embedded: "true" });
    if (options.testMode) query.append("testMode", "true");
    for (const offer of options.skipOffers || []) query.append("skipOffers", offer);
    query.append("displayMode", options.displayMode === "modal" ? "modal" : "full_screen");
    if (options.language) query.append("language", options.language);
    return `${location}?${query}`;
  }

  async function run(payload, options, resolve) {
    const displayMode = options.displayMode === "modal" ? "modal" : "full-screen";
    const removeStyle = adoptStyle(document);
    const overlay = block("div", displayMode === "modal" ? "modal" : "");
    overlay.id = "prosperstack-overlay";
    const spinner = options.disableLoadingIndicator ? null : block("div", "prosperstack-spinner");
    document.body.append(overlay);
    if (spinner) {
      overlay.append(spinner);
      overlay.classList.add("in");
    }

    let location;
    try {
      let unsigned = payload;
      if (typeof payload.payload === "string") {
        try {
          unsigned = JSON.parse(payload.payload);
        } catch {
          throw new Error("payload must be a valid JSON string.");
        }
      }
      if (!unsigned.clientId && !client.clientId) throw new Error("clientId is required.");
      let sent = payload;
      if (options.sign && typeof payload.payload !== "string") {
        const text = JSON.stringify(payload);
        sent = { payload: text, signature: await options.sign(text) };
      }
      location = await openSession(sent, options.testMode);
    } catch (problem) {
      const error = problem instanceof Error ? problem : new Error("An unknown error occurred.");
      overlay.remove();
      showError(error, displayMode, removeStyle);
      if (options.onError) options.onError(error);
      return;
    }

    const frame = block("iframe", `prosperstack-iframe ${displayMode}`);
    frame.allow = "payment";
    frame.src = frameUrl(location, options);
    document.body.append(frame);

    function tearDown() {
      overlay.remove();
      frame.classList.remove("in");
      window.setTimeout(() => {
        window.removeEventListener("message", listen);
        removeStyle();
        frame.remove();
      }, 300);
    }

    function listen(event) {
      if (event.origin !== appHost()) return;
      const { message, payload: result, close, redirectUri } = event.data;
      if (message === "loading") {
        frame.classList.remove("in");
        if (spinner) overlay.append(spinner);
      } else if (message === "loaded") {
        frame.classList.add("in");
        overlay.classList.add("in");
        if (spinner) spinner.remove();
        if (options.onStarted) options.onStarted();
      } else if (message === "complete") {
        const closes = close === undefined || Boolean(close) || Boolean(redirectUri);
        resolve({ result, closes, redirectUri });
        if (closes) tearDown();
      } else if (message === "closed") {
        tearDown();
        if (options.onClosed) options.onClosed();
      }
    }
    window.addEventListener("message", listen);
  }

  client.flow = (payload, options = {}) => {
    const ended = new Promise((resolve) => { run(payload, options, resolve); });
    if (!options.onCompleted) return ended.then(({ result }) => result);
    ended.then(async ({ result, closes, redirectUri }) => {
      await options.onCompleted(result);
      if (closes && options.onClosed) await options.onClosed();
      if (redirectUri) window.location.href = redirectUri;
    }).catch((error) => console.error(error));
    return undefined;
  };

  client.init = async ({ clientId, subscription, debugAppHost, debugApiHost }) => {
    Object.assign(client, { clientId, debugAppHost, debugApiHost });
    const platformId = subscription && subscription.platformId;
    if (!platformId) return;
    if (!tokens.has(platformId)) {
      tokens.set(platformId, fetch(`${apiHost()}/flow/init`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ clientId, subscription: { platformId: String(platformId) } }),
      }).then((answer) => answer.json()));
    }
    window.__PROSPERSTACK_SUBSCRIPTION_CACHE_TOKEN__ = (await tokens.get(platformId)).token;
  };

  window.ProsperStack = client;
})();
