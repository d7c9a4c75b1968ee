"""The words that people read in Slack, each once, by where they are read.

Functions return mrkdwn, unless they say plain text: whatever in it comes from outside has been
through ``escape`` or ``code``. A sentence about a restore's outcome stands beside the step that
ends it, and one about an error beside the error; both come here as text.
"""
