"""A ProsperStack with a memory: REST API, browser API, pages and webhooks, served over HTTP."""
