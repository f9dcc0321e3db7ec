"""Options of a shell: ``set -e``, ``set -o pipefail``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

OPTIONS: dict[str, str] = {
    "errexit": "e", "noglob": "f", "ignoreeof": "I", "monitor": "m", "noexec": "n",
    "xtrace": "x", "verbose": "v", "noclobber": "C", "allexport": "a", "notify": "b",
    "nounset": "u", "errtrace": "E", "vi": "V", "pipefail": "",
}  # fmt: skip
"""Names of ``set -o`` and their letters, in the order in which they are listed."""

_LETTERS = "efIimnscxvCabuEV"
"""All letters that ``$-`` may hold; ash shows the last first."""


def letters(shell: Shell) -> str:
    """Value of ``$-``."""
    on = {letter for name, letter in OPTIONS.items() if letter and shell.options[name]}
    on.update(shell.flags, "i" if shell.interactive else "")
    if shell.bash:
        return "".join(letter for letter in "abefimnuvxCE" if letter in on) + shell.flags
    return "".join(letter for letter in reversed(_LETTERS) if letter in on)
