"""Names of images."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.engine.image.reference import InvalidReference, Reference, is_digest, parse

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "normal", "familiar"),
    [
        ("nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27", "nginx:1.27"),
        ("library/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("docker.io/library/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("training/datavol", "docker.io/training/datavol:latest", "training/datavol:latest"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        ("localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y"),
        ("quay.io/a/b", "quay.io/a/b:latest", "quay.io/a/b:latest"),
        ("a/b/c", "docker.io/a/b/c:latest", "a/b/c:latest"),
        ("library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}", f"nginx@{DIGEST}"),
        (f"nginx:1@{DIGEST}", f"docker.io/library/nginx:1@{DIGEST}", f"nginx:1@{DIGEST}"),
        ("a__b/c--d", "docker.io/a__b/c--d:latest", "a__b/c--d:latest"),
    ],
)
def test_reference_normal_and_familiar_form(text: str, normal: str, familiar: str) -> None:
    reference = parse(text).with_default_tag()
    assert str(reference) == normal
    assert reference.familiar == familiar
    assert parse(str(reference)) == reference
    assert parse(reference.familiar) == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("-x", "invalid reference format"),
        ("nginx:", "invalid reference format"),
        ("a:b:c", "invalid reference format"),
        ("nginx:" + "x" * 129, "invalid reference format"),
        ("nginx@sha256:abc", "invalid reference format"),
        ("a..b", "invalid reference format"),
        ("a b", "invalid reference format"),
        ("nginx\n", "invalid reference format"),
        ("Nginx", "invalid reference format: repository name (library/Nginx) must be lowercase"),
        ("a/B:X", "invalid reference format: repository name (a/B) must be lowercase"),
        ("a@sha256:" + "a" * 40, "invalid checksum digest length"),
        ("a@md5:" + "a" * 32, "unsupported digest algorithm"),
        ("x" * 256, "repository name must not be more than 255 characters"),
        (
            "0123456789abcdef" * 4,
            f"invalid repository name ({'0123456789abcdef' * 4}), cannot specify 64-byte "
            "hexadecimal strings",
        ),
    ],
)
def test_reference_refused_in_dockerds_words(text: str, message: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse(text)
    assert str(caught.value) == message


def test_reference_with_other_tag_or_digest() -> None:
    reference = parse("nginx:1")
    assert reference.with_tag("2").familiar == "nginx:2"
    assert reference.with_digest(DIGEST).familiar == f"nginx@{DIGEST}"
    assert is_digest(DIGEST)
    assert not is_digest("latest")
    with pytest.raises(InvalidReference, match="invalid tag format"):
        reference.with_tag("b:ad")


@given(st.text(max_size=30))
def test_reference_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        reference = parse(text)
    except InvalidReference:
        return
    assert isinstance(reference, Reference)
    assert parse(str(reference)) == reference
    assert parse(reference.familiar) == reference
