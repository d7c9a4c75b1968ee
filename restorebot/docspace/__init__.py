"""One portal, over its HTTP API."""
