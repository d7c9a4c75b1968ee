"""Restore an ONLYOFFICE DocSpace portal from Slack."""

__version__ = "0.1.0"
