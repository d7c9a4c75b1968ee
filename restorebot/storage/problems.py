"""The sentences that a DatabaseError says."""


def cannot(verb: str, cause: str) -> str:
    """Say that the database cannot be ``read``, ``written`` or ``opened``."""
    return f"The database cannot be {verb}: {cause}."


def cannot_open(file: str, cause: str) -> str:
    """Say that a file cannot be opened."""
    return f"The database {file} cannot be opened: {cause}."


def held(file: str) -> str:
    """Say that another process works on the file."""
    return f"Another restorebot is using the database {file}; stop it first."


def missing(file: str | None) -> str:
    """Say that there is no such file."""
    return f"There is no database at {file}. Has restorebot run here, with this DATABASE_URL?"


def foreign(file: str) -> str:
    """Say that the file is not of restorebot."""
    return f"{file} is no database of restorebot. Point DATABASE_URL at the one that it runs with."


def newer(file: str) -> str:
    """Say that the tables are of a later version than this program."""
    return f"The database {file} was made by a newer restorebot: install that version."


def unknown_revision(revision: str) -> str:
    """Say that the tables are of a later version, which this program has to leave alone."""
    return (
        f"The database was made by a newer restorebot (its revision is {revision}): "
        "install that version, or point DATABASE_URL at another database."
    )


def unreadable_row(seq: int) -> str:
    """Say that somebody changed a row of the audit trail."""
    return (
        f"Row {seq} of the audit trail was changed and cannot be read. See restorebot audit verify."
    )
