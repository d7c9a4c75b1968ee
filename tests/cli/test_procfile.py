"""The Procfile's lines run as a platform runs them: from the checkout, with what is pinned."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from restorebot import __version__

ROOT = Path(__file__).parent.parent.parent
LINES = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
)
EXCLUDED = shutil.ignore_patterns("__pycache__", "node_modules")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the program and what is pinned for it, and nothing else installed."""
    folder = tmp_path_factory.mktemp("procfile") / "app"
    shutil.copytree(ROOT / "restorebot", folder / "restorebot", ignore=EXCLUDED)
    shutil.copy(ROOT / "requirements.txt", folder)
    # Our own programs.
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)  # noqa: S603
    install = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements.txt"]
    subprocess.run([folder / ".venv/bin/python", *install], cwd=folder, check=True)  # noqa: S603
    return folder


def run(command: str, checkout: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell as a platform does."""
    return subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", command],
        cwd=checkout,
        env={"PATH": f"{checkout / '.venv/bin'}{os.pathsep}{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", LINES)
def test_a_line_of_the_procfile_runs_up_to_the_missing_settings(name: str, checkout: Path) -> None:
    done = run(LINES[name], checkout)
    assert done.returncode == 2, done.stderr
    assert "SLACK_BOT_TOKEN" in done.stderr
    assert "restorebot cannot start" in done.stderr


@pytest.mark.slow
def test_a_checkout_that_is_not_installed_knows_its_version(checkout: Path) -> None:
    done = run("python -m restorebot --version", checkout)
    assert done.stdout == f"restorebot {__version__}\n", done.stderr
