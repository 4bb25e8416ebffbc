/* Opens the cancellation flow from aiocancel's button and tells the server how it ended.
 *
 * The button is a form that works without this script. Whenever the vendor's window cannot be opened, or
 * hangs, the page is cleaned up, a message is shown, and the form leads to the plain page as before.
 * What is particular to a vendor's client is in its driver: `start` runs once with the page, `submitted` when
 * the form is sent, `open` when the page itself asks.
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

  function Refusal(code, message, status) {
    this.code = code;
    this.message = message;
    this.status = status;
  }

  // --- talking to our server -----------------------------------------------------------------------

  async function ask(url, init) {
    var response = await fetch(url, Object.assign({ credentials: "same-origin", cache: "no-store" }, init));
    var body = await response.json().catch(function () { return {}; });
    if (!response.ok) throw new Refusal(body.error || "unavailable", body.message || body.reason || settings.texts.unavailable, response.status);
    return body;
  }

  function getJson(url) {
    return ask(url, { headers: { Accept: "application/json" } });
  }

  /* The subscription that the page gave to this button, or null for the page's own. */
  function namedBy(form) {
    var field = form && form.querySelector('input[name="subscription"]');
    return field ? field.value : null;
  }

  function addressFor(url, form) {
    var name = namedBy(form);
    return name === null ? url : url + "?subscription=" + encodeURIComponent(name);
  }

  function plainFor(form) {
    return { url: addressFor(settings.urls.plain, form), text: settings.texts.plain_link };
  }

  async function takeFlow(form) {
    if (namedBy(form) === null) {
      var flow = carried;
      // A page's permission is for one flow session; the next one asks for its own.
      carried = null;
      if (flow && flow.expiresAt - 30 > Date.now() / 1000) return flow;
    }
    var answer = await getJson(addressFor(settings.urls.payload, form));
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

  async function record(form, grant, result) {
    // The server keeps one effect for one grant, so repeating a post whose answer was lost is safe.
    for (var attempt = 1; ; attempt += 1) {
      try {
        return await post(grant, result);
      } catch (error) {
        if (error instanceof Refusal && error.code === "grant_expired" && attempt === 1) {
          grant = (await getJson(addressFor(settings.urls.payload, form))).flow.grant;
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

  /* Calls back when the browser blocks what the widget lives on; a violation elsewhere on the page is not our
   * business. Returns a function that ends the watch. */
  function watchViolations(blocked) {
    function violated(event) {
      var directive = event.effectiveDirective || event.violatedDirective;
      var uri = String(event.blockedURI);
      var isVendors = settings.hosts.some(function (host) { return uri === host || uri.indexOf(host + "/") === 0; });
      if (isVendors && /^(connect|frame|child|default)-src$/.test(directive)) blocked();
    }
    document.addEventListener("securitypolicyviolation", violated);
    return function () { document.removeEventListener("securitypolicyviolation", violated); };
  }

  // --- ProsperStack: a client that we open, and that tells us everything -----------------------------

  function prosperstack() {
    // The window that is on the page, and whether a hidden client still waits for its API.
    var current = null;
    var isParked = false;

    /* Runs the vendor's window. `ended` resolves to its result, or to null when the customer closed it; it
     * rejects when the window cannot be shown. `closed` resolves when the window is gone, which a step of
     * confirmation puts off. The client itself may stay silent for ever, so a clock and the browser's own
     * violation reports stand beside it. */
    function run(form, flow) {
      var hasEnded = false;
      var isShown = false;
      var isGone = false;
      var result = null;
      var settleEnd, failEnd, settleClosed;
      var ended = new Promise(function (resolve, reject) { settleEnd = resolve; failEnd = reject; });
      var closed = new Promise(function (resolve) { settleClosed = resolve; });

      var giveFocusBack = keepFocus(form, "prosperstack-iframe");
      var slow = slowLine(form);
      var clock = setTimeout(fail, settings.timeoutMs);
      var unwatch = watchViolations(function () { if (!isShown) fail(); });
      var frames = new MutationObserver(nameFrames);
      frames.observe(document.body, { childList: true });
      window.addEventListener("message", heard);
      document.addEventListener("keydown", pressed);
      slow.wait();

      function end(settleWith, value) {
        if (hasEnded) return;
        hasEnded = true;
        clearTimeout(clock);
        unwatch();
        settleWith(value);
      }

      function shown() {
        isShown = true;
        clearTimeout(clock);
        slow.stop();
      }

      function leave() {
        if (isGone) return;
        isGone = true;
        slow.stop();
        frames.disconnect();
        window.removeEventListener("message", heard);
        document.removeEventListener("keydown", pressed);
        giveFocusBack();
        settleClosed();
      }

      function gone() {
        end(settleEnd, result);
        leave();
      }

      function fail() {
        if (hasEnded) return;
        end(failEnd, new Error("the vendor's window cannot be shown"));
        leave();
        // After its own error the client puts up a panel first.
        setTimeout(clean, 0);
      }

      // Not every version of the client has onStarted; the app in the window tells all of them.
      function heard(event) {
        if (event.origin !== settings.frameOrigin || !event.data) return;
        if (event.data.message === "loaded") shown();
        else if (event.data.message === "loading" && isShown) slow.wait();
      }

      // Keys that are pressed inside the window are the vendor's.
      function pressed(event) {
        if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
        clean();
        gone();
      }

      loadClient().then(function () {
        if (hasEnded) return;
        show(flow, {
          onStarted: shown,
          onCompleted: function (answer) {
            result = answer;
            slow.stop();
            end(settleEnd, answer);
          },
          onClosed: gone,
          onError: fail,
        });
      }).catch(fail);

      return { ended: ended, closed: closed, isOpen: function () { return !isGone && isOnPage(); } };
    }

    function isOnPage() {
      return document.querySelector("#prosperstack-overlay, iframe.prosperstack-iframe") !== null;
    }

    function nameFrames() {
      document.querySelectorAll("iframe.prosperstack-iframe").forEach(function (frame) {
        if (!frame.title) frame.title = settings.texts.window_title;
      });
    }

    function show(flow, callbacks) {
      if (!window.ProsperStack || !window.ProsperStack.flow) throw new Error("the vendor's script is not there");
      window.ProsperStack.flow(flow.signedPayload, Object.assign({}, flow.options || settings.options, callbacks));
    }

    // Takes the client off the page when it failed or hangs, in the ways that version 2.19.0 survives.
    function clean() {
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
    }

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
      isParked = true;
      overlay.hidden = true;
      overlay.style.display = "none";
      if (style && style.sheet) style.sheet.disabled = true;
      var watch = new MutationObserver(function (records) {
        records.forEach(function (record) {
          record.addedNodes.forEach(function (node) {
            if (!(node instanceof HTMLIFrameElement) || !node.classList.contains("prosperstack-iframe")) return;
            watch.disconnect();
            isParked = false;
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

    /* Resolves when the outcome is known and the window is gone. */
    async function open(form) {
      var shown = null;
      if (current && current.isOpen()) return null;
      if (isParked) return giveUp(form, settings.texts.blocked);

      var outcome = await once(form, async function () {
        statusOf(form)(settings.texts.opening);
        var flow = await takeFlow(form);
        current = shown = run(form, flow);
        var result;
        try {
          result = await shown.ended;
        } catch (error) {
          shown = null;
          return giveUp(form, settings.texts.blocked);
        }
        if (result !== null) return report(form, flow.grant, result);
        statusOf(form)(settings.texts.closed);
        tell(form, { outcome: "closed" });
        return null;
      });

      if (shown) {
        var detail = lastTold;
        await shown.closed;
        send(form, "aiocancel:closed", detail);
      }
      return outcome;
    }

    return {
      start: function () {},
      submitted: function (event) {
        // Two clients at once are more than it can bear, so the form does what it does without a script.
        if (isParked) return;
        event.preventDefault();
        open(event.target);
      },
      open: open,
    };
  }

  // --- StaySignal: a client that binds itself to the button, and tells us only how it ended -----------

  function staysignal() {
    var starting = null;
    var isReady = false;
    var clicked = null;
    var grant = null;
    var clock = null;
    var unwatch = function () {};

    /* The button has to be dressed and the client started before anybody clicks. If either fails, the button
     * does what it does without a script. */
    function start() {
      if (!starting) {
        starting = prepare().catch(function () { vendorIsBroken = true; });
      }
      return starting;
    }

    async function prepare() {
      var own = null;
      if (forms().some(function (form) { return namedBy(form) === null; })) {
        var flow = await takeFlow(null);
        grant = flow.grant;
        own = flow.subscriptionId;
      }
      forms().forEach(function (form) {
        var name = namedBy(form);
        dress(form.querySelector("button"), name === null ? own : name);
      });
      watchViolations(fail);
      await loadClient();
      init();
      isReady = true;
    }

    // The id comes last: a client that watches for it must find the rest in place.
    function dress(button, subscriptionId) {
      Object.keys(settings.button).forEach(function (name) { button.setAttribute(name, settings.button[name]); });
      button.setAttribute(settings.subscriptionAttribute, subscriptionId);
    }

    function init() {
      var names = settings.init.split(".");
      var name = names.pop();
      var owner = names.reduce(function (object, part) { return object && object[part]; }, window);
      if (!owner || typeof owner[name] !== "function") throw new Error("the vendor's script is not there");
      var config = Object.assign({}, settings.options, { onComplete: completed, onError: fail });
      Promise.resolve(owner[name](config)).catch(fail);
    }

    function completed() {
      heard();
      return once(clicked, async function () {
        // A grant is for one effect; a customer who cancels again from the same page gets another.
        var own = namedBy(clicked) === null ? grant : null;
        if (own) grant = null;
        else own = (await takeFlow(clicked)).grant;
        return report(clicked, own, { status: "canceled" });
      });
    }

    function heard() {
      clearTimeout(clock);
      unwatch();
    }

    function fail() {
      heard();
      vendorIsBroken = true;
      // Before a click there is nothing to say: the form leads to the plain page by itself.
      if (clicked) giveUp(clicked, settings.texts.vendor_failed);
    }

    /* A widget that only logs does not tell that the customer said yes, and none tells that its window did not
     * open or was closed. So the plain way is offered when what the widget put on the page after a click has gone
     * again without a word, and in any case after a while. */
    function noteClick(event) {
      var button = event.target instanceof Element && event.target.closest("form[data-aiocancel-form] button");
      if (!button || !isReady || vendorIsBroken) return;
      var form = clicked = button.form;
      heard();
      clock = setTimeout(function () { unheard(form, settings.texts.unopened); }, settings.timeoutMs);
      unwatch = watchWindow(function () { unheard(form, settings.texts.unheard); });
    }

    function unheard(form, text) {
      heard();
      statusOf(form)(text, plainFor(form));
      tell(form, { outcome: "unheard" });
    }

    /* Calls back when elements came to the body, and the last of them has been gone for a moment, in which the
     * widget may still tell how it ended. Returns a function that ends the watch. */
    function watchWindow(gone) {
      var shown = new Set();
      var pause = null;
      var observer = new MutationObserver(function (records) {
        records.forEach(function (record) {
          record.addedNodes.forEach(function (node) { if (node instanceof HTMLElement) shown.add(node); });
        });
        var isGone = shown.size > 0 && Array.from(shown).every(function (node) { return !node.isConnected; });
        clearTimeout(pause);
        if (isGone) pause = setTimeout(gone, settings.unheardMs);
      });
      observer.observe(document.body, { childList: true });
      return function () {
        clearTimeout(pause);
        observer.disconnect();
      };
    }

    // While it goes down: the client's own listener may stop it on its way up.
    document.addEventListener("click", noteClick, true);

    return {
      start: function () { if (forms().length) start(); },
      submitted: function (event) { if (isReady) event.preventDefault(); },
      open: async function (form) {
        await start();
        var button = (form || forms()[0] || document.createElement("form")).querySelector("button");
        if (button) button.click();
        return null;
      },
    };
  }

  // --- our own flow: its pages in a dialog over this one -------------------------------------------

  /* The server's pages, fetched and shown in a <dialog>: what they say and do is the pages' own. Whatever keeps the
   * dialog from showing one leads to the page itself, as without a script. */
  function own() {
    var LOAD_WITHIN_MS = 8000;
    var SENDING_AFTER_MS = 400;
    var current = null;
    var styled = null;

    function canShow() {
      return typeof HTMLDialogElement === "function" && "adoptedStyleSheets" in document && "replaceSync" in CSSStyleSheet.prototype;
    }

    // As an object, which no policy restricts.
    function style() {
      if (!styled) {
        styled = fetchWithin(settings.dialog.style, {}).then(function (response) { return response.text(); }).then(function (text) {
          var sheet = new CSSStyleSheet();
          sheet.replaceSync(text);
          document.adoptedStyleSheets = document.adoptedStyleSheets.concat(sheet);
        });
        styled.catch(function () { styled = null; });
      }
      return styled;
    }

    async function fetchWithin(url, init) {
      var stop = new AbortController();
      var clock = setTimeout(function () { stop.abort(); }, LOAD_WITHIN_MS);
      try {
        return await fetch(url, Object.assign({ credentials: "same-origin", signal: stop.signal }, init));
      } finally {
        clearTimeout(clock);
      }
    }

    /* Fetches a page of ours. Rejects where the answer is none: a login, a proxy's error, a page that came too late. */
    async function load(url, init) {
      var response = await fetchWithin(url, Object.assign({ cache: "no-store", headers: { Accept: "text/html" } }, init));
      var path = new URL(response.url).pathname;
      var isOurs = path === settings.urls.plain || path.indexOf(settings.urls.plain + "/") === 0;
      if (!isOurs || !/^text\/html\b/.test(response.headers.get("Content-Type") || "")) throw new Error("no page of ours");
      return { url: response.url, main: parse(await response.text(), "main") };
    }

    /* Reads the one part of a page that the dialog shows. The rest stays text: this page's policy is not that page's. */
    function parse(text, name) {
      var from = text.search(new RegExp("<" + name + "[\\s>]"));
      var to = text.lastIndexOf("</" + name + ">");
      if (from < 0 || to < from) throw new Error("no page of ours");
      var found = new DOMParser().parseFromString(text.slice(from, to), "text/html").querySelector(name);
      if (!found.querySelector("h1")) throw new Error("no page of ours");
      return found;
    }

    function element(name, className, text) {
      var made = document.createElement(name);
      made.className = className;
      if (text) made.textContent = text;
      return made;
    }

    /* Shows the flow over the page. Resolves to the address of its outcome, or to null, when the dialog is gone. */
    function show(form, first) {
      var dialog = element("dialog", "aiocancel-dialog");
      dialog.lang = settings.dialog.lang;
      dialog.dir = settings.dialog.dir;
      var busy = false;
      var again = null;
      var outcomeAt = null;
      var giveFocusBack = keepFocus(form, "aiocancel-no-frame");
      var settleClosed;
      var closed = new Promise(function (resolve) { settleClosed = resolve; });

      function fill(page) {
        clearTimeout(again);
        var panel = element("div", "aiocancel-panel");
        panel.append.apply(panel, Array.from(document.importNode(page.main, true).childNodes));
        if (settings.dialog.help) panel.append(help());
        dialog.replaceChildren(panel);

        var told = panel.querySelector("[data-outcome]");
        if (told && page.url.indexOf(settings.urls.plain + "/status/") >= 0) outcomeAt = page.url;
        var heading = panel.querySelector("h1");
        heading.id = "aiocancel-title";
        heading.tabIndex = -1;
        dialog.setAttribute("aria-labelledby", heading.id);
        addClose(panel, heading);
        countCharacters(panel);
        if (!dialog.open) dialog.showModal();
        dialog.scrollTop = 0;
        (panel.querySelector(".aiocancel-problem") || heading).focus();

        var refresh = told && told.getAttribute("data-refresh");
        if (refresh) again = setTimeout(function () { if (!busy) go(page.url, {}, null); }, refresh * 1000);
      }

      function help() {
        var foot = element("footer", "aiocancel-help");
        var link = element("a", "", settings.dialog.help.text);
        link.href = settings.dialog.help.url;
        foot.append(link);
        return foot;
      }

      // After the button that cancels in the order of the Tab key.
      function addClose(panel, heading) {
        var close = element("button", "aiocancel-close", "\u00d7");
        var unchanged = !outcomeAt;
        close.type = "button";
        close.setAttribute("aria-label", unchanged ? settings.texts.flow_close_unchanged : settings.texts.flow_close);
        close.addEventListener("click", function () { dialog.close(); });
        var head = panel.querySelector(".aiocancel-head");
        if (head) head.append(close);
        else heading.after(close);
      }

      function countCharacters(panel) {
        panel.querySelectorAll("textarea[data-longest]").forEach(function (field) {
          var line = element("p", "aiocancel-hint");
          line.setAttribute("aria-live", "polite");
          field.after(line);
          field.addEventListener("input", function () {
            var left = field.getAttribute("data-longest") - Array.from(field.value).length;
            line.textContent = left > 100 ? "" : field.getAttribute("data-left") + " " + left;
          });
        });
      }

      /* Goes to another page of the flow. `instead` does the same without the dialog. */
      async function go(url, init, instead, button) {
        if (busy) return;
        busy = true;
        dialog.setAttribute("aria-busy", "true");
        var clock = setTimeout(function () { sending(button); }, SENDING_AFTER_MS);
        try {
          var page = await load(url, init);
          // Closed meanwhile: what was sent still counts.
          if (dialog.open) fill(page);
          else if (page.url.indexOf(settings.urls.plain + "/status/") >= 0) outcomeAt = page.url;
        } catch (error) {
          if (instead) instead();
          else window.location.assign(url);
        } finally {
          clearTimeout(clock);
          busy = false;
          dialog.removeAttribute("aria-busy");
          if (!dialog.open) leave();
        }
      }

      function sending(button) {
        if (!button) return;
        button.textContent = settings.texts.flow_sending;
        button.setAttribute("aria-disabled", "true");
      }

      function submitted(event) {
        var form = event.target;
        var button = event.submitter;
        event.preventDefault();
        // The page's own script has no business with a form of the flow.
        event.stopPropagation();
        if (busy) return;
        var fields = new URLSearchParams(new FormData(form));
        if (button && button.name) fields.set(button.name, button.value);
        var isGet = form.method === "get";
        var url = isGet ? form.action + "?" + fields : form.action;
        go(url, isGet ? {} : { method: "POST", body: fields }, function () { submitForReal(form, button); }, button);
      }

      function submitForReal(form, button) {
        if (button && button.name) {
          var field = document.createElement("input");
          field.type = "hidden";
          field.name = button.name;
          field.value = button.value;
          form.append(field);
        }
        HTMLFormElement.prototype.submit.call(form);
      }

      function clicked(event) {
        var link = event.target.closest("a[href]");
        if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
        var fragment = link.getAttribute("href");
        var url = new URL(link.href);
        if (fragment[0] === "#") {
          event.preventDefault();
          var field = dialog.querySelector('[id="' + CSS.escape(fragment.slice(1)) + '"]');
          if (field) field.focus();
        } else if (link.hasAttribute("data-aiocancel-leave")) {
          event.preventDefault();
          dialog.close();
        } else if (url.origin === window.location.origin && url.pathname.indexOf(settings.urls.plain) === 0) {
          event.preventDefault();
          go(link.href, {}, null);
        }
      }

      function leave() {
        clearTimeout(again);
        // A cancellation that is on its way is waited for.
        if (busy) return;
        dialog.remove();
        giveFocusBack();
        settleClosed(outcomeAt);
      }

      dialog.addEventListener("submit", submitted);
      dialog.addEventListener("click", clicked);
      dialog.addEventListener("close", leave);
      document.body.append(dialog);
      try {
        fill(first);
      } catch (error) {
        dialog.remove();
        throw error;
      }
      return closed;
    }

    async function run(form) {
      var say = statusOf(form);
      say(settings.texts.opening);
      var url = addressFor(settings.urls.plain, form);
      try {
        var loaded = await Promise.all([load(url, {}), style()]);
        current = show(form, loaded[0]);
      } catch (error) {
        window.location.assign(url);
        return null;
      }
      say("");
      var outcomeAt = await current;
      current = null;
      if (outcomeAt === null) {
        say(settings.texts.closed);
        tell(form, { outcome: "closed" });
        return null;
      }
      var outcome = await settle(await getJson(outcomeAt), say);
      say(outcome.message);
      if (form && outcome.change !== "nothing") form.setAttribute("data-aiocancel-done", outcome.outcome);
      tell(form, outcome);
      return outcome;
    }

    async function open(form) {
      if (current) return null;
      var outcome = await once(form || null, function () { return run(form || null); });
      send(form, "aiocancel:closed", lastTold);
      return outcome;
    }

    return {
      start: function () {},
      submitted: function (event) {
        if (!canShow()) return;
        event.preventDefault();
        open(event.target);
      },
      open: open,
    };
  }

  // --- the page ------------------------------------------------------------------------------------

  function forms() {
    return Array.from(document.querySelectorAll("form[data-aiocancel-form]"));
  }

  function statusOf(form) {
    var status = form && form.querySelector(".aiocancel-status");
    return function say(text, link) {
      if (!status) return;
      status.textContent = text;
      status.hidden = !text;
      if (link) status.append(" ", linkTo(link));
    };
  }

  function linkTo(link) {
    var element = document.createElement("a");
    element.href = link.url;
    element.textContent = link.text;
    element.className = "aiocancel-plain-link";
    return element;
  }

  var lastTold = null;

  function tell(target, detail) {
    lastTold = detail;
    send(target, "aiocancel:outcome", detail);
  }

  function send(target, name, detail) {
    (target && target.isConnected ? target : document).dispatchEvent(new CustomEvent(name, { bubbles: true, detail: detail }));
  }

  /* Remembers where the focus is. Returns a function that gives it back, unless the customer has moved it: to
   * the same place, or else to the form's button or its status line. */
  function keepFocus(form, frameClass) {
    var before = document.activeElement;

    function isLost(element) {
      return !element || element === document.body || element === document.documentElement
        || element instanceof HTMLIFrameElement && element.classList.contains(frameClass);
    }

    function take(element) {
      if (!element || !element.isConnected || isLost(element)) return false;
      element.focus();
      return document.activeElement === element;
    }

    return function giveBack() {
      if (!isLost(document.activeElement)) return;
      if (take(before) || !form || take(form.querySelector("button"))) return;
      var status = form.querySelector(".aiocancel-status");
      if (!status) return;
      status.tabIndex = -1;
      take(status);
    };
  }

  /* A line of ours above the vendor's overlay while its window takes long. It takes nothing away, and goes
   * when the window shows. */
  function slowLine(form) {
    var clock = null;
    var line = null;

    function show() {
      line = document.createElement("div");
      line.className = "aiocancel-slow";
      line.setAttribute("role", "status");
      // Through the object model, which no policy restricts.
      Object.assign(line.style, {
        position: "fixed", inset: "1rem 0 auto", margin: "0 auto", width: "fit-content", maxWidth: "calc(100vw - 2rem)",
        boxSizing: "border-box", padding: ".75rem 1rem", zIndex: "2147483647", background: "#ffffff", color: "#17202a",
        border: "1px solid #17202a", borderRadius: ".375rem", font: "16px/1.5 system-ui, sans-serif",
      });
      var canRise = typeof line.showPopover === "function";
      if (canRise) line.popover = "manual";
      // Where there is no layer above all others, the last element of the page is above the rest.
      (canRise ? document.body : document.documentElement).append(line);
      if (canRise) line.showPopover();
      var link = linkTo(plainFor(form));
      link.style.color = "inherit";
      line.append(settings.texts.slow, " ", link);
    }

    return {
      wait: function () {
        if (clock === null && line === null) clock = setTimeout(show, settings.slowMs);
      },
      stop: function () {
        clearTimeout(clock);
        clock = null;
        if (line) line.remove();
        line = null;
      },
    };
  }

  /* Does one thing at a time, and shows what went wrong in it. Resolves to the outcome as the server tells it,
   * or to null. */
  async function once(form, work) {
    if (inFlight) return null;
    inFlight = true;
    if (form) form.setAttribute("aria-busy", "true");
    try {
      return await work();
    } catch (error) {
      var refused = error instanceof Refusal;
      if (refused && error.code === "which_subscription") {
        // The plain page asks.
        window.location.assign(settings.urls.plain);
        return null;
      }
      var say = statusOf(form);
      // The plain page is that of the customer who is logged in now, perhaps another one.
      var anothers = refused && (error.status === 401 || error.code === "grant_not_yours");
      say(refused ? error.message : settings.texts.unsaved, anothers ? null : plainFor(form));
      tell(form, { outcome: "failed", code: refused ? error.code : "network" });
      return null;
    } finally {
      inFlight = false;
      if (form) form.removeAttribute("aria-busy");
    }
  }

  async function report(form, grant, result) {
    var say = statusOf(form);
    say(settings.texts.saving);
    var outcome = await settle(await record(form, grant, result), say);
    say(outcome.message);
    if (form && outcome.change !== "nothing") form.setAttribute("data-aiocancel-done", outcome.outcome);
    tell(form, outcome);
    return outcome;
  }

  function giveUp(form, text) {
    vendorIsBroken = true;
    statusOf(form)(text, plainFor(form));
    tell(form, { outcome: "blocked" });
    return null;
  }

  var drivers = { prosperstack: prosperstack, staysignal: staysignal, own: own };
  var driver = drivers[settings.driver] && drivers[settings.driver]();
  // A driver of another release: the button does what it does without a script.
  if (!driver) return;

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-aiocancel-form")) return;
    // With the vendor out of reach the form does what it would do without a script.
    if (!vendorIsBroken) driver.submitted(event);
  });

  window.aiocancel = { open: driver.open };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", driver.start);
  else driver.start();
})();
