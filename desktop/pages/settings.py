"""The Settings page: each change holds at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QFontDatabase, QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.errors import Error
from core.oci.platform import parse_platforms
from desktop.actions.registry import plain_text
from desktop.theme import METRICS, ColourScheme
from desktop.widgets.form import Page, label, row
from desktop.widgets.table import Table

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow

_ID = Qt.ItemDataRole.UserRole


def make(window: MainWindow) -> QWidget:
    return SettingsPage(window)


class SettingsPage(Page):
    def __init__(self, window: MainWindow) -> None:
        store = window.context.settings
        super().__init__(
            QCoreApplication.translate("Pages", "Settings"),
            QCoreApplication.translate("Pages", "Kept in %1").replace("%1", str(store.path)),
        )
        self._window = window
        self._store = store
        self._look()
        self._editor()
        self._builds()
        self._shortcuts()

    def _section(self, title: str) -> QFormLayout:
        frame = QFrame()
        frame.setProperty("role", "card")
        box = QVBoxLayout(frame)
        box.setContentsMargins(16, 14, 16, 14)
        box.setSpacing(12)
        box.addWidget(label(title, "heading"))
        form = QFormLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(10)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
        box.addLayout(form)
        self.body.addWidget(frame)
        return form

    def _check(self, form: QFormLayout, text: str, name: str) -> None:
        box = QCheckBox(text)
        box.setChecked(bool(getattr(self._store.value, name)))
        box.toggled.connect(lambda on: self._store.update(**{name: on}))
        form.addRow("", box)

    def _number(self, form: QFormLayout, text: str, name: str, low: int, high: int) -> QSpinBox:
        field = QSpinBox()
        field.setRange(low, high)
        field.setValue(int(getattr(self._store.value, name)))
        field.setAccessibleName(text)
        field.valueChanged.connect(lambda value: self._store.update(**{name: value}))
        form.addRow(text, field)
        return field

    def _look(self) -> None:
        form = self._section(self.tr("Appearance"))
        colours = QComboBox()
        for text, scheme in (
            (self.tr("as the system"), ColourScheme.SYSTEM),
            (self.tr("light"), ColourScheme.LIGHT),
            (self.tr("dark"), ColourScheme.DARK),
        ):
            colours.addItem(text, scheme.value)

        def follow(value: object) -> None:
            colours.setCurrentIndex(max(0, colours.findData(value.theme)))  # type: ignore[attr-defined]

        follow(self._store.value)
        self._store.changed.connect(follow)
        colours.activated.connect(
            lambda _index: self._store.update(theme=str(colours.currentData()))
        )
        colours.setAccessibleName(self.tr("Colours"))
        form.addRow(self.tr("Colours"), colours)
        self._check(form, self.tr("Move less: no animations"), "reduced_motion")
        self._check(
            form, self.tr("Tell about a build that ends while the window is away"), "notify"
        )

    def _editor(self) -> None:
        form = self._section(self.tr("Editor"))
        fonts = QComboBox()
        fonts.addItem(self.tr("the system's fixed font"), "")
        for family in QFontDatabase.families():
            if QFontDatabase.isFixedPitch(family):
                fonts.addItem(family, family)
        fonts.setCurrentIndex(max(0, fonts.findData(self._store.value.font_family)))
        fonts.setAccessibleName(self.tr("Font"))
        fonts.activated.connect(
            lambda _index: self._store.update(font_family=str(fonts.currentData()))
        )
        form.addRow(self.tr("Font"), fonts)
        size = self._number(form, self.tr("Size"), "font_size", 6, 40)
        self._store.changed.connect(lambda value: size.setValue(value.font_size))
        self._number(form, self.tr("Width of a tab"), "tab_width", 1, 16)
        self._check(form, self.tr("Wrap long lines"), "word_wrap")
        self._check(form, self.tr("Show blanks"), "show_whitespace")
        self._check(form, self.tr("Format on save"), "format_on_save")
        self._check(form, self.tr("Open the files of the last session"), "reopen_files")

    def _builds(self) -> None:
        form = self._section(self.tr("Builds"))
        platforms = QLineEdit(" ".join(self._store.value.platforms))
        platforms.setMinimumWidth(420)
        platforms.setAccessibleName(self.tr("Platforms that the build bar starts with"))
        problem = label("", "error")
        problem.hide()

        def take() -> None:
            try:
                found = tuple(str(p) for p in parse_platforms(platforms.text().split()))
            except Error as error:
                problem.setText(error.message)
                problem.show()
                return
            problem.hide()
            if found:
                self._store.update(platforms=found)
                self._window.workbench.bar.set_platforms(found)

        platforms.editingFinished.connect(take)
        form.addRow(self.tr("Platforms"), platforms)
        form.addRow("", problem)
        self._number(form, self.tr("Builds to keep in the history"), "keep_builds", 1, 10_000)
        self._number(form, self.tr("Days to keep them"), "keep_days", 1, 3650)
        self._number(form, self.tr("Builds of different projects at once"), "parallel_builds", 1, 8)

    # Shortcuts

    def _shortcuts(self) -> None:
        frame = QFrame()
        frame.setProperty("role", "card")
        box = QVBoxLayout(frame)
        box.setContentsMargins(16, 14, 16, 14)
        box.setSpacing(10)
        box.addWidget(label(self.tr("Keyboard shortcuts"), "heading"))
        self._filter = QLineEdit()
        self._filter.setPlaceholderText(self.tr("Filter commands"))
        self._filter.setAccessibleName(self.tr("Filter commands"))
        self._filter.textChanged.connect(lambda _text: self._fill())
        box.addWidget(self._filter)
        self._table = Table(
            self.tr("Keyboard shortcuts"),
            (self.tr("Command"), self.tr("Shortcut"), self.tr("Default")),
        )
        self._table.setMinimumHeight(METRICS.row_height * 12)
        self._table.currentItemChanged.connect(lambda *_: self._chosen())
        box.addWidget(self._table)
        self._keys = QKeySequenceEdit()
        self._keys.setMaximumSequenceLength(1)
        self._keys.setAccessibleName(self.tr("New shortcut"))
        self._keys.setMaximumWidth(220)
        self._set = QPushButton(self.tr("Set"))
        self._set.clicked.connect(self._set_shortcut)
        self._none = QPushButton(self.tr("None"))
        self._none.clicked.connect(lambda: self._store_shortcut(()))
        self._default = QPushButton(self.tr("Default"))
        self._default.clicked.connect(lambda: self._store_shortcut(None))
        self._conflict = label("", "error", wrap=True)
        box.addLayout(
            row(label(self.tr("Press keys:"), "muted"), self._keys, self._set, self._none,
                self._default, self._conflict)
        )  # fmt: skip
        self.body.addWidget(frame)
        self._fill()
        self._chosen()

    def _fill(self) -> None:
        registry = self._window.registry
        chosen = self._command()
        query = self._filter.text().casefold()
        self._table.clear()
        for command in registry.commands():
            text = plain_text(command.text)
            if query not in text.casefold() and query not in command.id:
                continue
            used = ", ".join(_native(s) for s in registry.shortcuts(command.id))
            default = ", ".join(_native(s) for s in command.shortcuts)
            item = QTreeWidgetItem([text, used, default])
            item.setData(0, _ID, command.id)
            if used != default:
                font = item.font(1)
                font.setBold(True)
                item.setFont(1, font)
            self._table.addTopLevelItem(item)
            if command.id == chosen:
                self._table.setCurrentItem(item)

    def _command(self) -> str:
        item = self._table.currentItem()
        return str(item.data(0, _ID)) if item is not None else ""

    def _chosen(self) -> None:
        has = bool(self._command())
        for widget in (self._keys, self._set, self._none, self._default):
            widget.setEnabled(has)
        self._conflict.setText("")
        self._keys.clear()

    def _set_shortcut(self) -> None:
        keys = self._keys.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        if not keys:
            return
        owner = self._window.registry.owner_of(keys)
        if owner is not None and owner != self._command():
            other = plain_text(self._window.registry.command(owner).text)
            self._conflict.setText(
                self.tr("%1 belongs to “%2”. Take it away there first.")
                .replace("%1", _native(keys))
                .replace("%2", other)
            )
            return
        self._store_shortcut((keys,))

    def _store_shortcut(self, keys: tuple[str, ...] | None) -> None:
        """None goes back to the default."""
        overrides = dict(self._store.value.shortcuts)
        if keys is None:
            overrides.pop(self._command(), None)
        else:
            overrides[self._command()] = keys
        self._store.update(shortcuts=overrides)
        self._fill()


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
