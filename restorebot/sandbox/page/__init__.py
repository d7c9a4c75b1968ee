"""The page of ``restorebot demo``: a Slack client for each person, and a drawer for the portal.

It knows nothing of the bot. What it shows comes from the workspace's and the portal's control
interfaces, and what a person does goes back there.
"""
