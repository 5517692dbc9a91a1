"""Everything a build needs, in one bar: target, platforms, tags, options, Build and Push."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.errors import Error
from core.oci.platform import parse_platform
from desktop.building.platform_card import PlatformCard, PlatformState
from desktop.building.request import BuildRequest, split_tags, tag_problem
from desktop.settings.projects import Profile
from desktop.theme import METRICS, Theme
from desktop.widgets.flow import FlowLayout

MORE_PLATFORMS = (
    "linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/s390x",
    "linux/riscv64", "linux/arm/v6", "linux/arm/v5", "linux/mips64le", "linux/loong64",
)  # fmt: skip


# Below this width the platforms get a row of their own.
_ONE_ROW = 1200


def _column(text: str, content: QWidget | QLayout) -> QWidget:
    """A caption above a field or a row of buttons."""
    label = QLabel(text)
    label.setProperty("role", "muted")
    part = QWidget()
    column = QVBoxLayout(part)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    column.addWidget(label)
    if isinstance(content, QLayout):
        column.addLayout(content)
    else:
        label.setBuddy(content)
        column.addWidget(content)
    return part


class BuildBar(QFrame):
    """Holds the choices; ``request`` makes a BuildRequest of them."""

    build_requested = Signal(bool)  # push
    cancel_requested = Signal()
    options_requested = Signal()
    changed = Signal()

    def __init__(
        self, theme: Theme, platforms: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self._theme = theme
        self._cards: dict[str, PlatformCard] = {}
        self._states: dict[str, PlatformState] = {}
        self._wanted_target = ""
        self.extra = BuildRequest(dockerfile=Path(), context=Path(), platforms=())

        self._target = QComboBox()
        self._target.setObjectName("target")
        self._target.setAccessibleName(self.tr("Target stage"))
        self._target.setMinimumWidth(130)
        self._target.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._target.addItem(self.tr("last stage"), "")
        self._target.currentIndexChanged.connect(lambda _index: self.changed.emit())
        self._flow_box = QWidget()
        self._flow = FlowLayout(self._flow_box)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self._flow_box.setSizePolicy(policy)
        self._more = QToolButton()
        self._more.setObjectName("more platforms")
        self._more.setToolTip(self.tr("More platforms"))
        self._more.setAccessibleName(self.tr("More platforms"))
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more_menu = QMenu(self._more)
        self._more_menu.aboutToShow.connect(self._fill_more)
        self._more.setMenu(self._more_menu)
        self._tags = QLineEdit()
        self._tags.setObjectName("tags")
        self._tags.setAccessibleName(self.tr("Tags"))
        self._tags.setPlaceholderText(self.tr("registry/name:tag, separated by blanks"))
        self._tags.setMinimumWidth(220)
        self._tags.textChanged.connect(self._check_tags)
        self._options = QToolButton()
        self._options.setObjectName("build options")
        self._options.setAccessibleName(self.tr("Build options"))
        self._options.setToolTip(
            self.tr("Options: build arguments, secrets, ssh, cache, output and more")
        )
        self._options.clicked.connect(self.options_requested)
        self.build_button = QPushButton(self.tr("Build"))
        self.build_button.setObjectName("build")
        self.build_button.setProperty("role", "primary")
        self.build_button.setToolTip(self.tr("Build for the chosen platforms (Ctrl+B)"))
        self.build_button.clicked.connect(lambda: self.build_requested.emit(False))
        self.push_button = QPushButton(self.tr("Build && Push"))
        self.push_button.setObjectName("push")
        self.push_button.setAccessibleName(self.tr("Build and push"))
        self.push_button.setToolTip(
            self.tr("Build and push one index of all platforms to the tags (Ctrl+Shift+B)")
        )
        self.push_button.clicked.connect(lambda: self.build_requested.emit(True))
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.cancel_button.setObjectName("cancel")
        self.cancel_button.setProperty("role", "danger")
        self.cancel_button.setToolTip(self.tr("Cancel the running build (Escape twice)"))
        self.cancel_button.clicked.connect(self.cancel_requested)
        self.cancel_button.setEnabled(False)

        self._arrange()
        for platform in platforms:
            self._add_card(platform, checked=True)
        theme.changed.connect(self._dress)
        self._dress()
        self._check_tags()

    def _arrange(self) -> None:
        self._flow.addWidget(self._more)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        for widget in (self._options, self.build_button, self.push_button, self.cancel_button):
            buttons.addWidget(widget)
        self._target_part = _column(self.tr("&Target"), self._target)
        self._tags_part = _column(self.tr("T&ags"), self._tags)
        self._button_part = _column(" ", buttons)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 8, 12, 10)
        self._grid.setHorizontalSpacing(METRICS.gap_large)
        self._grid.setVerticalSpacing(METRICS.gap)
        self._narrow: bool | None = None
        self._place(narrow=False)

    def _place(self, *, narrow: bool) -> None:
        """One row, or the platforms in a row of their own."""
        if narrow is self._narrow:
            return
        self._narrow = narrow
        grid, top = self._grid, Qt.AlignmentFlag.AlignTop
        for part in (
            self._target_part, self._flow_box, self._tags_part, self._button_part,
        ):  # fmt: skip
            grid.removeWidget(part)
        grid.addWidget(self._target_part, 0, 0, top)
        if narrow:
            grid.addWidget(self._tags_part, 0, 1, 1, 2, top)
            grid.addWidget(self._flow_box, 1, 0, 1, 4)
        else:
            grid.addWidget(self._flow_box, 0, 1, top)
            grid.addWidget(self._tags_part, 0, 2, top)
        grid.addWidget(self._button_part, 0, 3, top)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(2, 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place(narrow=event.size().width() < _ONE_ROW)

    def _dress(self) -> None:
        icons = self._theme.icons
        self._more.setIcon(icons.get("plus"))
        self._options.setIcon(icons.get("settings"))
        self.build_button.setIcon(icons.get("play", "accent_text"))
        self.push_button.setIcon(icons.get("push", "text"))
        self.cancel_button.setIcon(icons.get("stop", "failed"))

    # Platforms

    def _add_card(self, platform: str, *, checked: bool) -> None:
        if platform in self._cards:
            self._cards[platform].setChecked(checked)
            return
        card = PlatformCard(platform, self._theme)
        card.setChecked(checked)
        card.set_state(self._states.get(platform, PlatformState()))
        card.toggled.connect(lambda _on: self._platforms_changed())
        self._cards[platform] = card
        # The plus stays the last of the row.
        self._flow.removeWidget(self._more)
        self._flow.addWidget(card)
        self._flow.addWidget(self._more)
        self._more.setFixedSize(34, card.sizeHint().height())
        self._flow_box.updateGeometry()

    def _platforms_changed(self) -> None:
        self._check_tags()
        self.changed.emit()

    def _fill_more(self) -> None:
        self._more_menu.clear()
        known = tuple(dict.fromkeys((*MORE_PLATFORMS, *self._states, *self._cards)))
        for platform in known:
            action = self._more_menu.addAction(platform)
            action.setCheckable(True)
            action.setChecked(platform in self._cards)
            action.triggered.connect(lambda on, p=platform: self._show_card(p, on))
        self._more_menu.addSeparator()
        self._more_menu.addAction(self.tr("Other…"), self._ask_platform)

    def _show_card(self, platform: str, on: bool) -> None:
        if on:
            self._add_card(platform, checked=True)
        else:
            card = self._cards.pop(platform, None)
            if card is not None:
                self._flow.removeWidget(card)
                card.deleteLater()
                self._flow_box.updateGeometry()
        self._platforms_changed()

    def _ask_platform(self) -> None:
        dialog = QInputDialog(self)
        dialog.setWindowTitle(self.tr("Another platform"))
        dialog.setLabelText(self.tr("Platform, such as linux/arm/v6:"))

        def take(text: str) -> None:
            try:
                self._show_card(str(parse_platform(text)), True)
            except Error as problem:
                self._more.setToolTip(problem.message)

        dialog.textValueSelected.connect(take)
        dialog.open()

    def set_states(self, states: Mapping[str, PlatformState]) -> None:
        """How each platform runs on the builder in use."""
        self._states = dict(states)
        for platform, card in self._cards.items():
            card.set_state(self._states.get(platform, PlatformState()))

    def platforms(self) -> tuple[str, ...]:
        """The checked ones, in the order of the bar."""
        return tuple(p for p, card in self._cards.items() if card.isChecked())

    def shown_platforms(self) -> tuple[str, ...]:
        return tuple(self._cards)

    def set_platforms(self, platforms: Sequence[str]) -> None:
        """Check exactly these; cards are added where needed."""
        for platform in platforms:
            self._add_card(platform, checked=True)
        for platform, card in self._cards.items():
            card.setChecked(platform in platforms)

    # Target and tags

    def set_targets(self, names: Sequence[str]) -> None:
        """Stage names of the file, the last one is the default."""
        current = self.target() or self._wanted_target
        before = self.target()
        with QSignalBlocker(self._target):
            self._target.clear()
            self._target.addItem(self.tr("last stage"), "")
            for name in names:
                self._target.addItem(name, name)
            index = self._target.findData(current)
            self._target.setCurrentIndex(max(0, index))
        if self.target():
            self._wanted_target = ""
        if self.target() != before:
            self.changed.emit()

    def target(self) -> str:
        return str(self._target.currentData() or "")

    def set_target(self, name: str) -> None:
        index = self._target.findData(name)
        if index >= 0:
            self._target.setCurrentIndex(index)

    def tags(self) -> tuple[str, ...]:
        return split_tags(self._tags.text())

    def set_tags(self, tags: Sequence[str]) -> None:
        self._tags.setText(" ".join(tags))

    def focus_tags(self) -> None:
        self._tags.setFocus()
        self._tags.selectAll()

    def _check_tags(self) -> None:
        problem = tag_problem(self._tags.text(), push=False)
        self._tags.setToolTip(problem or self.tr("Names of the image; the first is its title"))
        self._tags.setProperty("invalid", "true" if problem else "false")
        style = self._tags.style()
        style.unpolish(self._tags)
        style.polish(self._tags)
        chosen = bool(self.platforms())
        self.build_button.setEnabled(chosen and not problem)
        self.push_button.setEnabled(chosen and not problem)

    # Profiles

    def profile(self) -> Profile:
        """The choices that are kept per project."""
        extra = self.extra
        return Profile(
            platforms=self.platforms(),
            target=self.target() or self._wanted_target,
            tags=self.tags(),
            build_args=dict(extra.build_args),
            labels=dict(extra.labels),
            secrets=extra.secrets,
            ssh=extra.ssh,
            cache_from=extra.cache_from,
            cache_to=extra.cache_to,
        )

    def set_profile(self, profile: Profile) -> None:
        if profile.platforms:
            self.set_platforms(profile.platforms)
        self.set_tags(profile.tags)
        self._wanted_target = profile.target
        self.set_target(profile.target)
        self.extra = dataclasses.replace(
            self.extra,
            build_args=dict(profile.build_args),
            labels=dict(profile.labels),
            secrets=profile.secrets,
            ssh=profile.ssh,
            cache_from=profile.cache_from,
            cache_to=profile.cache_to,
        )
        self.changed.emit()

    # Requests

    def request(self, dockerfile: Path, context: Path, *, push: bool) -> BuildRequest:
        """The choices of the bar and of the options dialog as one value."""
        return dataclasses.replace(
            self.extra,
            dockerfile=dockerfile,
            context=context,
            platforms=self.platforms(),
            target=self.target(),
            tags=self.tags(),
            push=push,
        )

    def set_running(self, running: bool) -> None:
        """Builds queue: Build stays enabled while one runs."""
        self.cancel_button.setEnabled(running)
