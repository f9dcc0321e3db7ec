"""Injected identities: every identifier and every random choice of the engine.

One :class:`Identities` is made at start-up and handed to whoever needs an ID, a name or a
random number. Given a seed it repeats itself, so that the same commands give the same
transcript; without one it draws from the operating system.
"""

from __future__ import annotations

import random

from course_lib.engine.names import random_container_name


class Identities:
    """Source of IDs, names and random numbers.

    :param seed: any integer or text makes the sequence repeatable; ``None`` takes system entropy.
    """

    def __init__(self, seed: int | str | None = None) -> None:
        self.random: random.Random = random.Random(seed) if seed is not None else random.Random()
        self._seed = seed

    def of(self, owner: str) -> Identities:
        """The source for what ``owner`` alone draws.

        With a seed it is one of its own: how often a program in one container draws, and when,
        moves no ID that comes after. Without one, it is this.
        """
        return self if self._seed is None else Identities(f"{self._seed}/{owner}")

    def new_id(self) -> str:
        """A new 64-digit lower-case hexadecimal ID, as containers and networks have.

        Its first twelve digits are never all decimal: dockerd avoids such IDs because a
        hostname made of digits alone confuses programs (moby ``pkg/stringid``).
        """
        while True:
            value = f"{self.random.getrandbits(256):064x}"
            if not value[:12].isdecimal():
                return value

    def container_name(self, attempt: int) -> str:
        """A random ``adjective_surname``, with a digit appended after the first attempt."""
        return random_container_name(self.random, attempt)
