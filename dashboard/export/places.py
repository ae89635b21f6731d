"""Texts of a run without the places of this machine, which a file passed on must not say."""

import re

_PLACE = re.compile(
    r"""(?<![\w./~:\\<])                 # neither a share, as in `and/or`, nor an address
    (?:[A-Za-z]:|~|\\)?                 # a drive, a home, or a server
    (?:[/\\][^\s/\\'"`:;,()<>|]+)+[/\\]?  # folders and the last name
    """,
    re.VERBOSE,
)


def without_places(text: str) -> str:
    """Return a text in which the last name of every absolute path stands for the path.

    Examples
    --------
    >>> without_places("cannot read /home/ann/runs/digits-CCE: see https://example.org/a and/or b")
    'cannot read digits-CCE: see https://example.org/a and/or b'
    """
    return _PLACE.sub(lambda found: re.split(r"[/\\]", found[0].rstrip("/\\"))[-1], text)
