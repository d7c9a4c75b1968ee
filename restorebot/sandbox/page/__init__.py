"""The page of ``restorebot demo``: eyes and hands of the people in the local Slack, and a drawer
for the local portal.

It knows nothing of the bot. What it shows comes from the workspace's and the portal's control
interfaces, and what a person does goes back there.
"""
