"""platforms, push, save and load, as root and as nobody, with a real registry."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.integration.people import Person

pytestmark = pytest.mark.integration

THREE = ["linux/amd64", "linux/arm64", "linux/arm/v7"]


def platforms(person: Person, *words: str) -> dict[str, str]:
    listed = person.viaduct("platforms", "--format", "json", *words)
    assert listed.returncode == 0, listed.stderr
    document = json.loads(listed.stdout)
    assert all(entry["size"] > 0 for entry in document["platforms"])
    return {entry["platform"]: entry["digest"] for entry in document["platforms"]}


def test_what_was_pushed_is_what_the_registry_offers(
    person: Person, application: Path, registry: str
) -> None:
    here = platforms(person, "test/cli")
    assert list(here) == THREE
    pushed = person.viaduct("push", "--json", "test/cli", f"{registry}/me/cli:1")
    assert pushed.returncode == 0, pushed.stderr
    answer = json.loads(pushed.stdout)
    assert {p["platform"]: p["digest"] for p in answer["platforms"]} == here
    assert platforms(person, f"{registry}/me/cli:1") == here
    raw = person.viaduct("platforms", "--raw", f"{registry}/me/cli:1").stdout
    request = urllib.request.Request(f"http://{registry}/v2/me/cli/manifests/1")
    request.add_header("Accept", "application/vnd.oci.image.index.v1+json")
    with urllib.request.urlopen(request) as response:
        assert response.read().decode() == raw


def test_an_attestation_in_a_registry_is_named(
    person: Person, application: Path, registry: str
) -> None:
    assert person.viaduct("push", "-q", "test/cli", f"{registry}/a/b").returncode == 0
    index = json.loads(person.viaduct("platforms", "--raw", f"{registry}/a/b").stdout)
    first = index["manifests"][0]
    url = f"http://{registry}/v2/a/b/manifests"
    ask = urllib.request.Request(f"{url}/{first['digest']}", headers={"Accept": first["mediaType"]})
    with urllib.request.urlopen(ask) as response:
        manifest = {**json.load(response), "annotations": {"speaks": "of another"}}
    attestation = {
        **first,
        **put(f"{url}/statement", manifest, first["mediaType"]),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": first["digest"],
        },
    }
    index["manifests"].append(attestation)
    put(f"{url}/attested", index, "application/vnd.oci.image.index.v1+json")
    listed = person.viaduct("platforms", f"{registry}/a/b:attested")
    assert listed.returncode == 0, listed.stderr
    (line,) = [line for line in listed.stdout.splitlines() if str(attestation["digest"]) in line]
    assert line.startswith("(attestation of linux/amd64)")
    assert "linux/amd64" in platforms(person, f"{registry}/a/b:attested")


def put(url: str, document: object, media_type: str) -> dict[str, object]:
    """Upload a manifest; its digest and size, as a descriptor has them."""
    data = json.dumps(document).encode()
    request = urllib.request.Request(
        url, method="PUT", data=data, headers={"Content-Type": media_type}
    )
    urllib.request.urlopen(request).close()
    return {"digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data)}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("platforms", "{registry}/not/there"), 3, "there is no image"),
        (("platforms", "127.0.0.1:1/x/y"), 3, "cannot be reached"),
        (("platforms", "UPPER"), 2, "upper-case"),
        (("push", "not/there", "{registry}/x"), 1, "no image"),
        (("push", "test/cli", "127.0.0.1:1/x"), 3, "cannot be reached"),
        (("save", "not/there", "-o", "x.tar"), 1, "no image"),
        (("save", "test/cli", "-o", "/not/there/x.tar"), 3, "cannot be written"),
        (("save", "test/cli", "--platform", "linux/arm64", "-o", "x"), 2, "every platform"),
        (("load", "/not/there"), 1, "cannot be read"),
        (("load", "/etc/passwd"), 1, "the archive is neither"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_a_code(
    person: Person,
    application: Path,
    registry: str,
    words: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    failed = person.viaduct(*(word.format(registry=registry) for word in words))
    assert failed.returncode == code, failed.stderr
    assert sentence in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (person.home / "x.tar").exists()


@pytest.mark.parametrize("kind", ["oci", "docker"])
def test_a_saved_image_is_loaded_again(person: Person, application: Path, kind: str) -> None:
    before = platforms(person, "test/cli")
    assert person.viaduct("images", "tag", "test/cli", f"test/{kind}").returncode == 0
    archive = person.home / f"{kind}.tar"
    saved = person.viaduct("save", "--format", kind, "-o", str(archive), f"test/{kind}")
    assert saved.returncode == 0, saved.stderr
    assert person.viaduct("images", "rm", f"test/{kind}").returncode == 0
    loaded = person.viaduct("load", "--json", "-i", str(archive))
    assert loaded.returncode == 0, loaded.stderr
    assert json.loads(loaded.stdout) == [f"docker.io/test/{kind}:latest"]
    after = platforms(person, f"test/{kind}")
    assert after == before if kind == "oci" else list(after) == ["linux/amd64"]


def test_an_archive_goes_through_a_pipe(person: Person, application: Path) -> None:
    save = " ".join(person.command("save", "test/cli"))
    load = " ".join(person.command("load"))
    piped = subprocess.run(
        ["/bin/sh", "-c", f"{save} | {load}"],
        capture_output=True,
        text=True,
        check=False,
        env=person.environment,
        cwd=person.home,
        timeout=120,
    )
    assert piped.returncode == 0, piped.stderr
    assert piped.stdout == "docker.io/test/cli:latest\n"


def test_a_load_that_waits_for_input_can_be_interrupted(me: Person) -> None:
    waiting = subprocess.Popen(
        me.command("load"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=me.environment,
        cwd=me.home,
    )
    with waiting:
        assert waiting.stdin is not None
        # Once more than a pipe holds was taken, the command is past its start.
        waiting.stdin.write(b"x" * (4 << 20))
        waiting.stdin.flush()
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(timeout=20) == 130
        assert waiting.stderr is not None
        assert b"Traceback" not in waiting.stderr.read()
