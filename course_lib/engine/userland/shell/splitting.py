"""Field splitting: what the expansions of a word are cut into, at the characters of ``IFS``."""

from __future__ import annotations

DEFAULT_IFS = " \t\n"

Piece = tuple[str, bool]
"""Text and whether it was quoted."""


class Fields:
    """Collects the fields of a word: pieces of text, cut where expansions are split."""

    def __init__(self, separators: str, split: bool) -> None:
        self.fields: list[list[Piece]] = []
        self._current: list[Piece] | None = None
        self._split = split
        self._white = "".join(c for c in separators if c in DEFAULT_IFS)
        self._hard = "".join(c for c in separators if c not in DEFAULT_IFS)

    def literal(self, text: str, quoted: bool) -> None:
        """Text as it stands in the word."""
        if text or quoted:
            self._add(text, quoted)

    def _add(self, text: str, quoted: bool) -> None:
        if self._current is None:
            self._current = []
        self._current.append((text, quoted))

    def cut(self, *, force: bool = False) -> None:
        """End the field; ``force`` also makes an empty one."""
        if self._current is not None:
            self.fields.append(self._current)
        elif force:
            self.fields.append([])
        self._current = None

    def expanded(self, text: str, quoted: bool) -> None:
        """The result of an expansion."""
        if quoted:
            self._add(text, True)
        elif not self._split:
            self._add(text, False)
        else:
            self._split_text(text)

    def _split_text(self, text: str) -> None:
        if not self._white and not self._hard:
            if text:
                self._add(text, False)
            return
        position = 0
        start = 0
        while position < len(text):
            char = text[position]
            if char not in self._white and char not in self._hard:
                position += 1
                continue
            if position > start:
                self._add(text[start:position], False)
            while position < len(text) and text[position] in self._white:
                position += 1
            hard = position < len(text) and text[position] in self._hard
            if hard:
                position += 1
                while position < len(text) and text[position] in self._white:
                    position += 1
            self.cut(force=hard)
            start = position
        if start < len(text):
            self._add(text[start:], False)

    def done(self) -> list[list[Piece]]:
        """All fields, each in its pieces."""
        self.cut()
        return self.fields
