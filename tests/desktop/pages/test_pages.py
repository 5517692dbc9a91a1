from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QPushButton

from core.client.stored_builders import StoredBuilders, read_builders, write_builders
from core.errors import BuilderError
from core.wire.pb import control_pb2, engine_pb2
from desktop.pages.architecture_card import ArchitectureCard
from desktop.pages.builders import BuilderCard
from desktop.window.main_window import MainWindow

Until = Callable[[Callable[[], object]], None]
Page = Callable[[str], Any]

NATIVE = control_pb2.VERTEX_MODE_NATIVE
EMULATED = control_pb2.VERTEX_MODE_EMULATED


def state(platform: str, mode: int, **more: Any) -> engine_pb2.ArchitectureState:
    return engine_pb2.ArchitectureState(platform=platform, mode=mode, **more)


def words(widget: Any) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel))


def button(widget: Any, text: str) -> QPushButton:
    found = [b for b in widget.findChildren(QPushButton) if text in (b.text(), b.accessibleName())]
    assert len(found) == 1, [b.accessibleName() or b.text() for b in found]
    return found[0]


@pytest.fixture
def emulation(builder: Any) -> engine_pb2.EmulationResponse:
    answer = engine_pb2.EmulationResponse(
        host="linux/amd64",
        architectures=[
            state("linux/riscv64", 0, diagnosis="No QEMU for riscv64 is installed.",
                  remedy="Install qemu-user-static."),
            state("linux/arm64", EMULATED, interpreter="/usr/bin/qemu-aarch64-static",
                  interpreter_version="7.2", scope="app", self_test="ok", slow_down=4.2),
            state("linux/amd64", NATIVE),
        ],
        handlers=[engine_pb2.Handler(name="qemu-aarch64", platform="linux/arm64", flags="POCF",
                                     enabled=True, scope="app")],
    )  # fmt: skip
    builder.answers["Emulation"] = answer
    builder.answers["Hello"] = engine_pb2.HelloResponse(native=["linux/amd64"])
    return answer


@pytest.mark.usefixtures("emulation")
def test_native_platforms_come_first_and_each_says_what_runs_it(page: Page, until: Until) -> None:
    shown = page("emulation")
    until(lambda: shown.findChildren(ArchitectureCard))
    cards = shown.findChildren(ArchitectureCard)
    assert [c.accessibleName() for c in cards] == ["linux/amd64", "linux/arm64", "linux/riscv64"]
    assert "qemu-aarch64-static 7.2" in words(cards[1])
    assert "about 4.2 times" in words(cards[1])
    assert "No QEMU for riscv64" in words(cards[2])
    assert "Install qemu-user-static." in words(cards[2])


@pytest.mark.usefixtures("emulation")
def test_a_platform_is_disabled_alone(page: Page, until: Until, builder: Any) -> None:
    shown = page("emulation")
    until(lambda: shown.findChildren(ArchitectureCard))
    button(shown, "Disable linux/arm64").click()
    until(lambda: len(builder.asked) == 2)
    request = builder.asked[-1][1]
    assert request.action == engine_pb2.EmulationRequest.DISABLE
    assert list(request.platforms) == ["linux/arm64"]


@pytest.mark.usefixtures("emulation")
def test_what_cannot_be_enabled_can_be_fetched(page: Page, until: Until, builder: Any) -> None:
    shown = page("emulation")
    until(lambda: shown.findChildren(ArchitectureCard))
    assert not button(shown, "Enable linux/riscv64").isEnabled()
    button(shown, "Fetch QEMU for linux/riscv64").click()
    until(lambda: len(builder.asked) == 2)
    assert builder.asked[-1][1].image == "default"


def test_an_error_is_a_sentence_with_a_way_to_try_again(
    page: Page, until: Until, builder: Any, problems: list[object]
) -> None:
    builder.answers["Emulation"] = BuilderError("the builder went away", hint="Start it again.")
    shown = page("emulation")
    until(lambda: not shown.banner.isHidden())
    assert shown.banner.text == "The builder went away. Start it again."
    button(shown.banner, "Try Again")
    assert problems == []


def test_images_of_the_store_are_offered_to_the_editor(
    page: Page, until: Until, builder: Any, window: MainWindow
) -> None:
    image = engine_pb2.Image(
        name="docker.io/library/busybox:latest",
        digest="sha256:" + "a" * 64,
        size=2_000_000,
        platforms=[engine_pb2.ImagePlatform(platform="linux/amd64", size=1_000_000)],
    )
    builder.answers["ListImages"] = engine_pb2.ListImagesResponse(images=[image])
    shown = page("images")
    until(shown._table.topLevelItemCount)
    row = shown._table.topLevelItem(0)
    assert [row.text(n) for n in (0, 1, 3)] == ["busybox:latest", "linux/amd64", "2.0 MB"]
    assert window.workbench.documents.new().images == ("busybox:latest",)


def test_an_empty_store_says_how_to_fill_it(page: Page, until: Until, builder: Any) -> None:
    builder.answers["ListImages"] = engine_pb2.ListImagesResponse()
    shown = page("images")
    until(lambda: builder.asked and not shown._empty.isHidden())
    assert "empty" in shown._empty.text()


def test_the_cache_is_summed_by_kind(page: Page, until: Until, builder: Any) -> None:
    builder.usage = [
        control_pb2.UsageRecord(ID="a", Size=3_000_000, RecordType="regular", Description="RUN a"),
        control_pb2.UsageRecord(ID="b", Size=1_000_000, RecordType="exec.cachemount"),
    ]
    shown = page("cache")
    until(lambda: shown._table.topLevelItemCount() == 2)
    text = words(shown)
    for wanted in ("4.0 MB", "3.0 MB", "1.0 MB", "cache mounts"):
        assert wanted in text


def test_a_preview_prunes_nothing(page: Page, until: Until, builder: Any) -> None:
    builder.usage = [control_pb2.UsageRecord(ID="a", Size=5_000)]
    shown = page("cache")
    until(shown._table.topLevelItemCount)
    button(shown, "Preview").click()
    until(lambda: builder.pruned)
    until(shown._result.text)
    assert [request.preview for request in builder.pruned] == [True]
    assert "5.0 kB" in shown._result.text()


def test_registries_of_the_docker_command_are_listed(
    page: Page, until: Until, tmp_path: Path
) -> None:
    folder = tmp_path / "docker-config"
    folder.mkdir()
    auths = {"https://index.docker.io/v1/": {"auth": "bWU6cHc="}, "reg:5000": {}}
    (folder / "config.json").write_text(json.dumps({"auths": auths}))
    shown = page("registries")
    until(lambda: "docker.io" in words(shown))
    text = words(shown)
    assert "me — read from Docker's config.json" in text
    assert "reg:5000" in text


def test_no_registry_is_an_invitation(page: Page, until: Until) -> None:
    shown = page("registries")
    until(lambda: "No registry is signed in." in words(shown))


def test_a_shortcut_that_is_taken_is_refused_by_name(page: Page, window: MainWindow) -> None:
    shown = page("settings")
    table = shown._table
    rows = {
        table.topLevelItem(n).text(0): table.topLevelItem(n)
        for n in range(table.topLevelItemCount())
    }
    table.setCurrentItem(rows["New File"])
    shown._keys.setKeySequence("Ctrl+S")
    shown._set_shortcut()
    assert "Save" in shown._conflict.text()
    assert window.context.settings.value.shortcuts == {}
    shown._keys.setKeySequence("Ctrl+Alt+N")
    shown._set_shortcut()
    assert window.context.settings.value.shortcuts == {"file.new": ("Ctrl+Alt+N",)}
    assert window.registry.action("file.new").shortcut().toString() == "Ctrl+Alt+N"


def test_builders_are_those_of_the_command_line(
    page: Page, until: Until, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    # The embedded one is not started here: its card must not be asked.
    monkeypatch.setattr("core.client.embedded.sys.platform", "darwin")
    write_builders(StoredBuilders(builders={"farm": f"unix://{tmp_path}/farm.sock"}))
    shown = page("builders")
    until(lambda: len(shown.findChildren(BuilderCard)) == 3)
    until(lambda: words(shown).count("cannot be reached") == 2)
    names = [card.accessibleName() for card in shown.findChildren(BuilderCard)]
    assert names == ["Embedded builder", "default", "farm"]
    shown._change(lambda stored: stored.with_builder("other", f"unix://{tmp_path}/o.sock"))
    until(lambda: len(shown.findChildren(BuilderCard)) == 4)
    shown.remove("farm")
    until(lambda: "farm" not in read_builders().builders)
    assert list(read_builders().builders) == ["other"]


def test_a_builder_that_is_none_is_a_sentence(page: Page, until: Until) -> None:
    shown = page("builders")
    shown._change(lambda stored: stored.with_builder("x", "nonsense"))
    until(lambda: not shown.banner.isHidden())
    assert "nonsense" in shown.banner.text
