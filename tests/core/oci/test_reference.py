"""Image references and digests."""

import hashlib

import pytest

from core.errors import OptionError
from core.oci.digest import Digest
from core.oci.reference import parse_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "canonical", "familiar"),
    [
        ("alpine", "docker.io/library/alpine", "alpine"),
        ("index.docker.io/a/b:c", "docker.io/a/b:c", "a/b:c"),
        ("localhost/a", "localhost/a", "localhost/a"),
        ("UPPER/x", "UPPER/x", "UPPER/x"),
        (f"alpine:3@{DIGEST}", f"docker.io/library/alpine:3@{DIGEST}", f"alpine:3@{DIGEST}"),
        ("[::1]:5000/a", "[::1]:5000/a", "[::1]:5000/a"),
    ],
)
def test_a_reference_has_a_canonical_and_a_familiar_text(
    text: str, canonical: str, familiar: str
) -> None:
    reference = parse_reference(text)
    assert (str(reference), reference.familiar()) == (canonical, familiar)
    assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize(
    "text", ["", "Alpine", "alpine:", "a//b", "a:b:c", "f" * 64, "a@sha256:abc", "x/" + "a" * 256]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        parse_reference(text)


def test_the_default_tag_is_added_only_where_nothing_pins_the_image() -> None:
    assert str(parse_reference("a/b").tagged()) == "docker.io/a/b:latest"
    assert str(parse_reference("a/b:1").tagged()) == "docker.io/a/b:1"
    assert parse_reference(f"a/b@{DIGEST}").tagged().tag is None


def test_a_digest_is_text_that_was_checked() -> None:
    digest = Digest.of(b"x")
    assert digest == "sha256:" + hashlib.sha256(b"x").hexdigest()
    assert (Digest.parse(digest).algorithm, len(digest.hex)) == ("sha256", 64)


@pytest.mark.parametrize(
    "text", ["", "sha256", "md5:" + "a" * 32, "sha256:abc", "sha256:" + "A" * 64]
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        Digest.parse(text)
