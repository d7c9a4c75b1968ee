"""What holds for every test."""

import gc
import os
import shutil
from pathlib import Path

from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("dev", deadline=None, max_examples=25)
settings.register_profile("ci", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes its own directory in it
ROOM = 2**30
"""Bytes that have to be free there before the tests' files go there."""

# Nothing that is imported from here on goes away again; looking for what did takes seconds.
gc.disable()


def pytest_configure() -> None:
    """Keep the tests' files in memory: the bot waits for its disk at each commit, as it should."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_finish() -> None:
    """Spare the collector everything that the modules brought with them."""
    gc.freeze()
    gc.enable()
