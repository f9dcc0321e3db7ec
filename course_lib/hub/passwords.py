"""Logging in with the password that the class list gave a person."""

from __future__ import annotations

from hmac import compare_digest
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from traitlets import Unicode

from course_lib.hub.roster import read_passwords


class PasswordFileAuthenticator(Authenticator):
    """Names and passwords of a file that :func:`~course_lib.hub.roster.complete_passwords` wrote.

    It is read at each log-in, so a password that changed there counts at once.
    """

    path = Unicode(help="the file").tag(config=True)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """The person's name where the password is theirs."""
        known = read_passwords(Path(self.path)).get(data["username"], "")
        given = data.get("password", "")
        # The same time is taken for a name that nobody has.
        right = compare_digest(known.encode(), given.encode())
        return data["username"] if known and right else None
