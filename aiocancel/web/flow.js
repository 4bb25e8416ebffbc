/* Opens the cancellation flow from aiocancel's button and tells the server how it ended.
 *
 * The button is a form that works without this script. Whenever the vendor's window cannot be opened, or
 * hangs, the page is cleaned up, a message is shown, and the form leads to the plain page as before.
 */
(function () {
  "use strict";

  if (window.aiocancel) return;

  var settings = /* SETTINGS */ {};
  var carried = readCarried(document.currentScript);
  var inFlight = false;
  var vendorIsBroken = false;
  var clientLoading = null;

  function readCarried(element) {
    var text = element && element.getAttribute("data-aiocancel");
    return text ? JSON.parse(text) : null;
  }

  function Refusal(code, reason, status) {
    this.code = code;
    this.reason = reason;
    this.status = status;
  }

  // --- talking to our server -----------------------------------------------------------------------

  async function ask(url, init) {
    var response = await fetch(url, Object.assign({ credentials: "same-origin", cache: "no-store" }, init));
    var body = await response.json().catch(function () { return {}; });
    if (!response.ok) throw new Refusal(body.error || "unavailable", body.reason || settings.texts.unavailable, response.status);
    return body;
  }

  function getJson(url) {
    return ask(url, { headers: { Accept: "application/json" } });
  }

  async function takeFlow() {
    var flow = carried;
    // A page's permission is for one run; the next run asks for its own.
    carried = null;
    if (flow && flow.expiresAt - 30 > Date.now() / 1000) return flow;
    var answer = await getJson(settings.urls.payload);
    if (!answer.flow) throw new Refusal("no_subscription", settings.texts.no_subscription, 404);
    return answer.flow;
  }

  async function post(grant, result) {
    return ask(settings.urls.result, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ grant: grant, result: result }),
    });
  }

  async function record(grant, result) {
    // The server keeps one effect for one grant, so repeating a post whose answer was lost is safe.
    for (var attempt = 1; ; attempt += 1) {
      try {
        return await post(grant, result);
      } catch (error) {
        if (error instanceof Refusal && error.code === "grant_expired" && attempt === 1) {
          grant = (await getJson(settings.urls.payload)).flow.grant;
        } else if ((error instanceof Refusal && error.status < 500) || attempt === 4) {
          throw error;
        } else {
          await pause(400 * attempt * attempt);
        }
      }
    }
  }

  async function settle(outcome, say) {
    for (var turn = 1; !outcome.settled && turn <= 20; turn += 1) {
      say(outcome.message);
      await pause(Math.min(500 * turn, 4000));
      outcome = await getJson(outcome.status_url).catch(function () { return outcome; });
    }
    return outcome;
  }

  function pause(milliseconds) {
    return new Promise(function (resolve) { setTimeout(resolve, milliseconds); });
  }

  // --- the vendor's client -------------------------------------------------------------------------

  function loadClient() {
    if (!clientLoading) {
      Object.keys(settings.window).forEach(function (name) { window[name] = settings.window[name]; });
      clientLoading = new Promise(function (resolve, reject) {
        var element = document.createElement("script");
        if (settings.script.integrity) {
          element.integrity = settings.script.integrity;
          element.crossOrigin = "anonymous";
        }
        element.onload = resolve;
        element.onerror = function () { reject(new Error("the vendor's script is blocked")); };
        element.src = settings.script.url;
        document.head.appendChild(element);
      });
    }
    return clientLoading;
  }

  var drivers = {
    prosperstack: {
      open: function (flow, callbacks) {
        if (!window.ProsperStack || !window.ProsperStack.flow) throw new Error("the vendor's script is not there");
        var options = Object.assign({}, settings.options, {
          onStarted: callbacks.started,
          onCompleted: callbacks.completed,
          onClosed: callbacks.closed,
          onError: callbacks.failed,
        });
        window.ProsperStack.flow(flow.signedPayload, options);
      },
      // Takes the client off the page when it failed or hangs, in the ways that version 2.19.0 survives.
      clean: function () {
        var frame = document.querySelector("iframe.prosperstack-iframe");
        if (frame && frame.hasAttribute("src")) {
          // The client hears only its app's origin; told so, it removes everything itself.
          tellClosed();
        } else if (frame) {
          frame.remove();
          removeStyle();
        } else {
          park();
        }
      },
    },
  };

  function tellClosed() {
    window.dispatchEvent(new MessageEvent("message", { origin: settings.frameOrigin, data: { message: "closed" } }));
  }

  function removeStyle() {
    var style = document.getElementById("prosperstack-style");
    if (style) style.remove();
  }

  /* The client still waits for its API. Were its elements removed now, a late answer would leave a live
   * window behind, so they are hidden until that answer comes, and taken off then. */
  function park() {
    var overlay = document.getElementById("prosperstack-overlay");
    var style = document.getElementById("prosperstack-style");
    if (!overlay) return;
    overlay.hidden = true;
    overlay.style.display = "none";
    if (style && style.sheet) style.sheet.disabled = true;
    var watch = new MutationObserver(function (records) {
      records.forEach(function (record) {
        record.addedNodes.forEach(function (node) {
          if (!(node instanceof HTMLIFrameElement) || !node.classList.contains("prosperstack-iframe")) return;
          watch.disconnect();
          node.style.display = "none";
          if (node.hasAttribute("src")) {
            tellClosed();
          } else {
            node.remove();
            removeStyle();
          }
        });
      });
    });
    watch.observe(document.body, { childList: true });
  }

  /* Runs the vendor's window. Resolves to its result, or to null when the customer closed it; rejects when
   * it cannot be shown. The client itself may stay silent for ever, so a clock and the browser's own
   * violation reports stand beside it. */
  function run(flow) {
    var driver = drivers[settings.driver];
    return new Promise(function (resolve, reject) {
      var ended = false;
      var started = false;
      var result = null;
      var clock = setTimeout(fail, settings.timeoutMs);

      function end(settleWith, value) {
        if (ended) return;
        ended = true;
        clearTimeout(clock);
        document.removeEventListener("securitypolicyviolation", violated);
        settleWith(value);
      }

      function fail() {
        if (ended) return;
        end(reject, new Error("the vendor's window cannot be shown"));
        // After its own error the client puts up a panel first.
        setTimeout(driver.clean, 0);
      }

      function violated(event) {
        // Only what the widget itself lives on; a violation elsewhere on the page is not our business.
        var directive = event.effectiveDirective || event.violatedDirective;
        var blocked = String(event.blockedURI);
        if (!started && /^(connect|frame|child|default)-src$/.test(directive) && isVendors(blocked)) fail();
      }

      document.addEventListener("securitypolicyviolation", violated);
      loadClient().then(function () {
        if (ended) return;
        driver.open(flow, {
          started: function () {
            started = true;
            clearTimeout(clock);
          },
          completed: function (answer) {
            result = answer;
            end(resolve, answer);
          },
          closed: function () { end(resolve, result); },
          failed: fail,
        });
      }).catch(fail);
    });
  }

  function isVendors(uri) {
    return settings.hosts.some(function (host) { return uri === host || uri.indexOf(host + "/") === 0; });
  }

  // --- the page ------------------------------------------------------------------------------------

  function statusOf(form) {
    var status = form && form.querySelector(".aiocancel-status");
    return function say(text, link) {
      if (!status) return;
      status.textContent = text;
      status.hidden = !text;
      if (link) {
        var element = document.createElement("a");
        element.href = link.url;
        element.textContent = link.text;
        element.className = "aiocancel-plain-link";
        status.append(" ", element);
      }
    };
  }

  function tell(target, detail) {
    (target || document).dispatchEvent(new CustomEvent("aiocancel:outcome", { bubbles: true, detail: detail }));
  }

  /* Opens the flow and returns the outcome as the server tells it; null when nothing was to be told. */
  async function open(form) {
    if (inFlight) return null;
    inFlight = true;
    var say = statusOf(form);
    var plain = { url: settings.urls.plain, text: settings.texts.plain_link };
    if (form) form.setAttribute("aria-busy", "true");
    say(settings.texts.opening);
    try {
      var flow = await takeFlow();
      var result;
      try {
        result = await run(flow);
      } catch (error) {
        vendorIsBroken = true;
        say(settings.texts.blocked, plain);
        tell(form, { outcome: "blocked" });
        return null;
      }
      if (result === null) {
        say(settings.texts.closed);
        tell(form, { outcome: "closed" });
        return null;
      }
      say(settings.texts.saving);
      var outcome = await settle(await record(flow.grant, result), say);
      say(outcome.message);
      if (form && outcome.change !== "nothing") form.setAttribute("data-aiocancel-done", outcome.outcome);
      tell(form, outcome);
      return outcome;
    } catch (error) {
      var refused = error instanceof Refusal;
      say(refused ? error.reason : settings.texts.unsaved, refused && error.status === 401 ? null : plain);
      tell(form, { outcome: "failed", code: refused ? error.code : "network" });
      return null;
    } finally {
      inFlight = false;
      if (form) form.removeAttribute("aria-busy");
    }
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-aiocancel-form")) return;
    // With the vendor out of reach the form does what it would do without a script.
    if (vendorIsBroken || !drivers[settings.driver]) return;
    event.preventDefault();
    open(form);
  });

  window.aiocancel = { open: open };
})();
