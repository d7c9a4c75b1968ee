"""A DocSpace portal: its API, what it answers, and where it keeps backups."""
