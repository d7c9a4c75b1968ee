"""What restorebot does with a restore: the rules, what people do, and what the clock does."""
