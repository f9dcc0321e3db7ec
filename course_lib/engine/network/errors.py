"""What the parts above want to know of a refusal beyond its text."""

from __future__ import annotations

from course_lib.engine.errdefs import InvalidParameter, SystemFailure


class AmbiguousNetwork(InvalidParameter):
    """Several networks' IDs begin as the caller wrote.

    :ivar ref: what was written. :ivar matches: how many there are.
    """

    def __init__(self, ref: str, matches: int) -> None:
        super().__init__(f"network {ref} is ambiguous ({matches} matches found based on ID prefix)")
        self.ref, self.matches = ref, matches


class InterfaceRefused(SystemFailure):
    """The kernel would not have the interface as it was asked for."""
