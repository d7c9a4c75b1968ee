"""The tables, one revision after another."""
