"""Restore an ONLYOFFICE DocSpace portal from Slack."""
