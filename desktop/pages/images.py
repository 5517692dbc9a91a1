"""The Images page: the local store, and the platforms of any reference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QTreeWidgetItem,
    QWidget,
)

from core.errors import Error, OptionError
from core.oci.reference import parse_reference
from core.wire.pb import engine_pb2
from core.wire.services import Engine as EngineCalls
from desktop.pages.base import EnginePage
from desktop.pages.base_images import make_base_images
from desktop.pages.image_files import save_archive
from desktop.widgets.form import card, label, row
from desktop.widgets.table import SORT_ROLE, SortedItem, Table, size_text

if TYPE_CHECKING:
    from core.client.builder import Builder
    from desktop.window.main_window import MainWindow

_IMAGE = Qt.ItemDataRole.UserRole + 2


def make(window: MainWindow) -> QWidget:
    return ImagesPage(window)


class ImagesPage(EnginePage):
    def __init__(self, window: MainWindow) -> None:
        super().__init__(
            window,
            self.tr("Images"),
            self.tr("What the builder keeps, and the platforms of any image in a registry."),
        )
        self.add_button(
            self.tr("Make Base Images"), lambda: self.run(self._make_base), icon="download"
        ).setToolTip(
            self.tr("Make busybox for seven platforms from Debian's packages, without a registry")
        )
        self.add_button(self.tr("Load Archive…"), self._load, icon="folder")
        self.add_button(self.tr("Refresh"), self.shown, icon="refresh")
        self._inspect_field()
        self._title = label(self.tr("Local store"), "heading")
        self._table = Table(
            self.tr("Images of the local store"),
            (
                self.tr("Name"), self.tr("Platforms"), self.tr("Digest"), self.tr("Size"),
                self.tr("Created"),
            ),
        )  # fmt: skip
        self._table.setRootIsDecorated(True)
        self._table.setSortingEnabled(True)
        self._table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self._table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._table.customContextMenuRequested.connect(self._menu)
        self._table.currentItemChanged.connect(lambda *_: self._selected())
        self._empty = label(
            self.tr("The local store is empty. A build without a push puts its result here."),
            "muted",
        )
        self._push = QPushButton(self.tr("Push…"))
        self._push.clicked.connect(self._ask_push)
        self._tag = QPushButton(self.tr("Tag…"))
        self._tag.clicked.connect(self._ask_tag)
        self._save = QPushButton(self.tr("Save As Archive…"))
        self._save.clicked.connect(self._ask_save)
        self._remove = QPushButton(self.tr("Remove"))
        self._remove.setProperty("role", "danger")
        self._remove.clicked.connect(self._ask_remove)
        self.body.addLayout(row(self._title, 1, self._push, self._tag, self._save, self._remove))
        self.body.addWidget(self._empty)
        self.body.addWidget(self._table)
        self._details = QPlainTextEdit()
        self._details.setReadOnly(True)
        self._details.setAccessibleName(self.tr("Manifest"))
        self._details.setMinimumHeight(220)
        self._details.hide()
        self.body.addWidget(self._details)
        self._selected()

    def _inspect_field(self) -> None:
        frame, box = card()
        self._reference = QLineEdit()
        self._reference.setPlaceholderText(self.tr("Reference, such as alpine:3.20"))
        self._reference.setAccessibleName(self.tr("Reference to look up"))
        look = QPushButton(self.tr("Show Platforms"))
        look.clicked.connect(self._inspect_typed)
        self._reference.returnPressed.connect(self._inspect_typed)
        box.addWidget(label(self.tr("Platforms of an image in a registry"), "heading"))
        box.addLayout(row(self._reference, look))
        self._found = Table(
            self.tr("Platforms"), (self.tr("Platform"), self.tr("Digest"), self.tr("Size"))
        )
        self._found.hide()
        self._found_title = label("", "muted", selectable=True)
        self._found_title.hide()
        box.addWidget(self._found_title)
        box.addWidget(self._found)
        self.body.addWidget(frame)

    async def load(self) -> None:
        builder = await self._builder()
        answer = await builder.call(
            EngineCalls.LIST_IMAGES, engine_pb2.ListImagesRequest(), timeout=30
        )
        self._show(list(answer.images))

    async def _builder(self) -> Builder:
        engine = self.context.engine
        if not engine.is_embedded:
            raise OptionError(
                f"{engine.name} keeps its images to itself.",
                hint="Choose the embedded builder on the Builders page to see a local store.",
            )
        return await engine.builder()

    def _show(self, images: list[engine_pb2.Image]) -> None:
        self._table.clear()
        for image in images:
            platforms = [p.platform for p in image.platforms]
            item = SortedItem(
                [
                    _familiar(image.name),
                    ", ".join(platforms),
                    image.digest[:19],
                    size_text(image.size),
                    image.created.ToDatetime().strftime("%Y-%m-%d %H:%M")
                    if image.created.seconds
                    else "",
                ]
            )
            item.setData(0, _IMAGE, image)
            item.setData(3, SORT_ROLE, image.size)
            item.setToolTip(0, image.name)
            item.setToolTip(1, "\n".join(platforms))
            item.setToolTip(2, image.digest)
            for platform in image.platforms:
                child = QTreeWidgetItem(
                    ["", platform.platform, platform.digest[:19], size_text(platform.size), ""]
                )
                child.setToolTip(2, platform.digest)
                child.setData(0, _IMAGE, image)
                item.addChild(child)
            self._table.addTopLevelItem(item)
        self._table.setVisible(bool(images))
        self._empty.setVisible(not images)
        self._table.fit()
        self._selected()
        names = tuple(_familiar(image.name) for image in images)
        self.window_.workbench.documents.set_images(names)

    def _image(self) -> engine_pb2.Image | None:
        item = self._table.currentItem()
        image = item.data(0, _IMAGE) if item is not None else None
        return image if isinstance(image, engine_pb2.Image) else None

    def _selected(self) -> None:
        chosen = self._image() is not None
        for button in (self._push, self._tag, self._save, self._remove):
            button.setEnabled(chosen)

    # Inspecting

    def _inspect_typed(self) -> None:
        text = self._reference.text().strip()
        if text:
            self.run(lambda: self._inspect(text))

    async def _inspect(self, text: str) -> None:
        self.banner.hide()
        self._found.hide()
        self._found_title.hide()
        reference = parse_reference(text)
        builder = await self._builder()
        async with builder.session(self.context.engine.services()) as session:
            answer = await builder.call(
                EngineCalls.INSPECT_IMAGE,
                engine_pb2.InspectImageRequest(
                    reference=str(reference), session=session, details=True
                ),
                timeout=60,
            )
        self._found.clear()
        for platform in answer.image.platforms:
            self._found.addTopLevelItem(
                QTreeWidgetItem([platform.platform, platform.digest, size_text(platform.size)])
            )
        where = self.tr("local store") if answer.local else reference.domain
        self._found_title.setText(f"{reference}  {answer.image.digest}  ({where})")
        self._found_title.show()
        self._found.show()
        self._found.fit()
        self._details.setPlainText(_pretty(answer.raw))
        self._details.show()

    # Changing

    def _menu(self, point) -> None:  # type: ignore[no-untyped-def]
        image = self._image()
        if image is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(
            self.tr("Show Manifest"), lambda: self.run(lambda: self._inspect(image.name))
        )
        menu.addAction(self.tr("Run a Shell…"), lambda: self._shell(image))
        menu.addAction(
            self.tr("Copy Digest"), lambda: QGuiApplication.clipboard().setText(image.digest)
        )
        menu.addSeparator()
        menu.addAction(self.tr("Push…"), self._ask_push)
        menu.addAction(self.tr("Tag…"), self._ask_tag)
        menu.addAction(self.tr("Save As Archive…"), self._ask_save)
        menu.addAction(self.tr("Remove"), self._ask_remove)
        menu.popup(self._table.viewport().mapToGlobal(point))

    def _shell(self, image: engine_pb2.Image) -> None:
        from desktop.pages.shell import open_image_shell

        self.run(lambda: open_image_shell(self.window_, image.name))

    def _ask_name(self, title: str, text: str, then, start: str = "") -> None:  # type: ignore[no-untyped-def]
        dialog = QInputDialog(self)
        dialog.setWindowTitle(title)
        dialog.setLabelText(text)
        dialog.setTextValue(start)
        dialog.resize(460, dialog.height())
        dialog.textValueSelected.connect(then)
        dialog.open()

    def _ask_tag(self) -> None:
        image = self._image()
        if image is not None:
            self._ask_name(
                self.tr("Tag"),
                self.tr("Another name for %1:").replace("%1", _familiar(image.name)),
                lambda name: self.run(lambda: self._tag_image(image.name, name)),
            )

    async def _tag_image(self, source: str, name: str) -> None:
        target = str(parse_reference(name).tagged())
        builder = await self._builder()
        await builder.call(
            EngineCalls.TAG_IMAGE, engine_pb2.TagImageRequest(source=source, target=target)
        )
        await self.load()

    def _ask_push(self) -> None:
        image = self._image()
        if image is not None:
            self._ask_name(
                self.tr("Push"),
                self.tr("Push %1 as:").replace("%1", _familiar(image.name)),
                lambda name: self.run(lambda: self._push_image(image.name, name)),
                _familiar(image.name),
            )

    async def _push_image(self, source: str, name: str) -> None:
        reference = parse_reference(name).tagged()
        insecure = reference.domain in self.context.settings.value.insecure_registries
        builder = await self._builder()
        digest = ""
        totals: dict[str, tuple[int, int]] = {}
        async with builder.session(self.context.engine.services()) as session:
            request = engine_pb2.PushImageRequest(
                reference=source, target=str(reference), session=session, insecure=insecure
            )
            async for message in builder.iterate(EngineCalls.PUSH_IMAGE, request):
                totals[message.id] = (message.current, message.total)
                digest = message.digest or digest
                self._show_pushed(totals)
        self.busy.setText(self.tr("Asking the builder…"))
        self.say(self.tr("%1 now serves %2.").replace("%1", str(reference)).replace("%2", digest))

    def _show_pushed(self, totals: dict[str, tuple[int, int]]) -> None:
        done = sum(current for current, _ in totals.values())
        whole = sum(total for _, total in totals.values())
        self.busy.setText(
            self.tr("Pushing: %1 of %2")
            .replace("%1", size_text(done))
            .replace("%2", size_text(whole))
        )

    def _ask_save(self) -> None:
        image = self._image()
        if image is None:
            return
        dialog = QFileDialog(self, self.tr("Save As Archive"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        name = _familiar(image.name).replace("/", "-").replace(":", "-")
        dialog.selectFile(f"{name}.oci.tar")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(
            lambda path: self.run(lambda: self._save_image(image.name, path))
        )
        dialog.open()

    async def _save_image(self, name: str, path: str) -> None:
        builder = await self._builder()
        size = await save_archive(builder, self.context.tasks, name, path)
        self.say(self.tr("Saved %1 (%2).").replace("%1", path).replace("%2", size_text(size)))

    def _load(self) -> None:
        dialog = QFileDialog(self, self.tr("Load Archive"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(self.tr("Image archives (*.tar)"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.run(lambda: self._load_archive(path)))
        dialog.open()

    async def _load_archive(self, path: str) -> None:
        from desktop.pages.image_files import load_archive

        names = await load_archive(await self._builder(), self.context.tasks, path)
        await self.load()
        self.say(self.tr("Loaded %1.").replace("%1", ", ".join(names)))

    def _ask_remove(self) -> None:
        image = self._image()
        if image is None:
            return
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText(self.tr("Remove %1?").replace("%1", _familiar(image.name)))
        box.setInformativeText(
            self.tr("Its layers are deleted with the next clean-up, unless others use them.")
        )
        remove = box.addButton(self.tr("Remove"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.buttonClicked.connect(
            lambda button: (
                self.run(lambda: self._remove_image(image.name)) if button is remove else None
            )
        )
        box.open()

    async def _remove_image(self, name: str) -> None:
        builder = await self._builder()
        await builder.call(EngineCalls.REMOVE_IMAGE, engine_pb2.RemoveImageRequest(reference=name))
        await self.load()

    async def _make_base(self) -> None:
        self.banner.hide()
        await make_base_images(await self._builder(), self.context.tasks, self.busy.setText)
        self.busy.setText(self.tr("Asking the builder…"))
        await self.load()
        self.say(self.tr("The base images are in the local store."))


def _familiar(name: str) -> str:
    try:
        return parse_reference(name).familiar()
    except Error:
        return name


def _pretty(raw: bytes) -> str:
    try:
        return json.dumps(json.loads(raw), indent=2)
    except ValueError:
        return raw.decode(errors="replace")
