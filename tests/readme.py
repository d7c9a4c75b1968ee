"""Writes the README's table of settings anew: `python -m tests.readme`."""

from pathlib import Path

from restorebot.settings.readme import table

README = Path(__file__).parent.parent / "README.md"

BEGIN = "<!-- settings -->\n"
END = "<!-- /settings -->\n"


def with_settings(text: str) -> str:
    """The README with the table as the declarations have it now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_settings(README.read_text(encoding="utf-8")), encoding="utf-8")
