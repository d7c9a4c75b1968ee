"""What people type, press and read in Slack."""
