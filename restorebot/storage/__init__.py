"""The database: restores, votes, the outbox, the audit trail and stored API keys."""
