"""A local portal and a local Slack, as programs, for the demo and the tests.

Nothing in here imports the product, so that it cannot share a mistake with it.
"""
