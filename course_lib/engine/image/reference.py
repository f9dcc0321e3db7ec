"""Names of images: parsing, normal and familiar form.

Follows the grammar and the words of the distribution project's ``reference`` package, which
dockerd and the ``docker`` command use: ``nginx`` means ``docker.io/library/nginx:latest``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from course_lib.engine.errdefs import InvalidParameter

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
_LEGACY_DOMAIN = "index.docker.io"
_OFFICIAL = "library"
_MAX_NAME = 255

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME = rf"(?:{_DOMAIN}/)?{_PATH_PART}(?:/{_PATH_PART})*"
_TAG = r"[\w][\w.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(rf"({_NAME})(?::({_TAG}))?(?:@({_DIGEST}))?", re.ASCII)
_TAG_ONLY = re.compile(_TAG, re.ASCII)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}


class InvalidReference(InvalidParameter):
    """A text that names no image; the message is that of the reference package."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A name in normal form.

    :param domain: ``docker.io``, ``localhost:5000`` …
    :param path: ``library/nginx``.
    :param tag: empty where none was given.
    :param digest: ``sha256:…``, empty where none was given.
    """

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Domain and path: ``docker.io/library/nginx``."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The name as people write it: ``nginx``."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        first, _, rest = self.path.partition("/")
        return rest if first == _OFFICIAL and rest and "/" not in rest else self.path

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def familiar(self) -> str:
        """As people write it, with tag and digest: ``nginx:latest``."""
        return self.familiar_name + self._suffix()

    def __str__(self) -> str:
        return self.name + self._suffix()

    def with_default_tag(self) -> Reference:
        """With the tag ``latest`` where neither tag nor digest was given."""
        if self.tag or self.digest:
            return self
        return Reference(self.domain, self.path, DEFAULT_TAG)

    def with_tag(self, tag: str) -> Reference:
        """With another tag; refuses one that is not well-formed."""
        if not _TAG_ONLY.fullmatch(tag):
            raise InvalidReference("invalid tag format")
        return Reference(self.domain, self.path, tag, self.digest)

    def with_digest(self, digest: str) -> Reference:
        """With a digest instead of a tag."""
        check_digest(digest)
        return Reference(self.domain, self.path, "", digest)


def parse(text: str) -> Reference:
    """Parse what a user wrote into normal form.

    Raises :class:`InvalidReference` with the words of dockerd.
    """
    if _IDENTIFIER.fullmatch(text):
        raise InvalidReference(
            f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
        )
    domain, rest = _split_domain(text)
    remote = rest.partition("@")[0].partition(":")[0] if ":" in rest or "@" in rest else rest
    if remote != remote.lower():
        raise InvalidReference(
            f"invalid reference format: repository name ({remote}) must be lowercase"
        )
    match = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if match is None or not rest:
        raise InvalidReference("invalid reference format")
    name, tag, digest = match.groups(default="")
    if len(name) > _MAX_NAME:
        raise InvalidReference(f"repository name must not be more than {_MAX_NAME} characters")
    if digest:
        check_digest(digest)
    path = name[len(domain) + 1 :]
    return Reference(domain, path, tag, digest)


def is_digest(text: str) -> bool:
    """Whether a text has the form of a digest (``sha256:…``)."""
    return re.fullmatch(_DIGEST, text) is not None


def check_digest(digest: str) -> None:
    """Refuse a digest of an unknown kind or of the wrong length."""
    algorithm, _, value = digest.partition(":")
    length = _DIGEST_LENGTHS.get(algorithm)
    if length is None:
        raise InvalidReference("unsupported digest algorithm")
    if len(value) != length:
        raise InvalidReference("invalid checksum digest length")
    if not re.fullmatch(r"[a-f0-9]+", value):
        raise InvalidReference("invalid checksum digest format")


def _split_domain(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    is_domain = slash and (
        "." in first or ":" in first or first == "localhost" or first.lower() != first
    )
    domain, remainder = (first, rest) if is_domain else (DEFAULT_DOMAIN, text)
    if domain == _LEGACY_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in remainder:
        remainder = f"{_OFFICIAL}/{remainder}"
    return domain, remainder
