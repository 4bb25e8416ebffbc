// The outside rival on Node: Express, bare or with helmet, a nonce and a signed payload. `node express_site.js KIND`
const crypto = require("node:crypto");
const express = require("express");
const helmet = require("helmet");

const withSecurity = process.argv[2] === "Express + helmet";
const app = express();
app.set("etag", false);

if (withSecurity) {
  app.use((request, response, next) => {
    response.locals.nonce = crypto.randomBytes(16).toString("base64url");
    next();
  });
  app.use(
    helmet.contentSecurityPolicy({
      directives: {
        "script-src": ["'self'", "https://cdn.prosperstack.com", (_, response) => `'nonce-${response.locals.nonce}'`],
        "connect-src": ["'self'", "https://api.prosperstack.com"],
        "frame-src": ["'self'", "https://app.prosperstack.com"],
      },
    }),
  );
}

const sign = (text, key) => crypto.createHmac("sha256", key).update(text).digest("hex");
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");

function page(script, button) {
  let rows = "";
  for (let number = 0; number < 20; number++) rows += `<li>line ${number}: ${number}</li>`;
  return `<!doctype html><html><head><title>Account</title>${script}</head><body><h1>Account</h1>
<ul>${rows}</ul>${button}</body></html>`;
}

const button = '<form method="get" action="/cancel"><button type="submit">Cancel subscription</button></form>';

app.get("/account", (request, response) => {
  let attributes = `data-flow="${"e30".repeat(60)}"`;
  if (withSecurity) {
    const customer = request.get("X-Customer");
    const payload = JSON.stringify({ clientId: "acct_test", subscription: { platformId: `sub_${customer}` } });
    const token = `${customer}.sub_${customer}.${crypto.randomBytes(16).toString("base64url")}`;
    const flow = { payload, signature: sign(payload, "my client secret"), token: `${token}.${sign(token, "a key")}` };
    attributes = `nonce="${response.locals.nonce}" data-flow="${escaped(JSON.stringify(flow))}"`;
  }
  response.type("html").send(page(`<script src="/flow.js" ${attributes} defer></script>`, button));
});
app.get("/plain", (_, response) => response.type("html").send(page("", "")));
app.get("/json", (_, response) => response.json({ answer: 42 }));

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
