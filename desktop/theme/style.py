"""The few rules that Fusion's palette cannot say: focus rings, cards, bars, flat tool buttons.

Widgets opt in through a dynamic property ``role`` (``card``, ``heading``, ``muted``, ``primary``,
``badge`` ...) so that no widget carries colours of its own.
"""

from __future__ import annotations

import string

from desktop.theme.tokens import METRICS, Tokens

_TEMPLATE = string.Template("""
QToolTip {
    background: $raised; color: $text; border: 1px solid $border_strong; padding: 4px 6px;
}
QMainWindow::separator, QSplitter::handle { background: $border; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QSplitter::handle:hover { background: $accent; }

QMenuBar { background: $chrome; border-bottom: 1px solid $border; }
QMenuBar::item { padding: 5px 9px; background: transparent; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $raised; border: 1px solid $border_strong; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 8px; border-radius: ${radius}px; }
QMenu::item:selected { background: $selection; color: $selection_text; }
QMenu::item:disabled { color: $text_disabled; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }
QMenu::icon { padding-left: 6px; }

QStatusBar { background: $chrome; border-top: 1px solid $border; }
QStatusBar::item { border: none; }
QStatusBar QToolButton { padding: 2px 8px; border-radius: 0; color: $text_muted; }
QStatusBar QToolButton:hover { color: $text; }

QWidget[role="activity"] { background: $chrome; border-right: 1px solid $border; }
QWidget[role="activity"] QToolButton {
    border: none; border-left: 3px solid transparent; border-radius: 0; padding: 10px 0;
}
QWidget[role="activity"] QToolButton:hover { background: $hover; }
QWidget[role="activity"] QToolButton:checked {
    border-left: 3px solid $accent; background: $window;
}
QWidget[role="activity"] QToolButton:focus { border: ${focus_width}px solid $accent; }

QToolButton { border: 1px solid transparent; border-radius: ${radius}px; padding: 4px; }
QToolButton:hover { background: $hover; }
QToolButton:pressed, QToolButton:checked { background: $selection; color: $selection_text; }
QToolButton:focus { border: 1px solid $accent; }
QToolButton::menu-indicator { image: none; }

QPushButton {
    background: $surface; border: 1px solid $border_strong; border-radius: ${radius}px;
    padding: 5px 14px; min-height: 18px;
}
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $selection; color: $selection_text; }
QPushButton:focus { border: ${focus_width}px solid $accent; padding: 4px 13px; }
QPushButton:disabled { color: $text_disabled; border-color: $border; background: $window; }
QPushButton[role="primary"] {
    background: $accent; color: $accent_text; border-color: $accent; font-weight: 600;
}
QPushButton[role="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[role="primary"]:focus { border: ${focus_width}px solid $text; }
QPushButton[role="primary"]:disabled {
    background: $hover; color: $text_disabled; border-color: $border;
}
QPushButton[role="danger"] { color: $failed; border-color: $failed; }
QPushButton[role="danger"]:disabled { color: $text_disabled; border-color: $border; }

QPlainTextEdit {
    background: $surface; color: $text; border: none;
    selection-background-color: $selection; selection-color: $selection_text;
}
QLineEdit, QPlainTextEdit { placeholder-text-color: $text_muted; }
QLineEdit, QComboBox, QSpinBox, QPlainTextEdit[role="field"] {
    background: $surface; border: 1px solid $border_strong; border-radius: ${radius}px;
    padding: 4px 8px; min-height: 20px; selection-background-color: $selection;
    selection-color: $selection_text;
}
QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QPlainTextEdit[role="field"]:focus {
    border: ${focus_width}px solid $accent; padding: 3px 7px;
}
QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled {
    color: $text_disabled; border-color: $border; background: $window;
}
QLineEdit[invalid="true"], QPlainTextEdit[invalid="true"] { border-color: $failed; }
QSpinBox { padding-left: 6px; padding-right: 20px; }
QSpinBox::up-button, QSpinBox::down-button {
    subcontrol-origin: border; width: 18px; border: none; background: transparent;
}
QSpinBox::up-button { subcontrol-position: top right; margin: 2px 2px 0 0; }
QSpinBox::down-button { subcontrol-position: bottom right; margin: 0 2px 2px 0; }
QSpinBox::up-button:hover, QSpinBox::down-button:hover { background: $hover; }
QSpinBox::up-arrow { image: url($chevron_up); width: 10px; height: 10px; }
QSpinBox::down-arrow { image: url($chevron); width: 10px; height: 10px; }
QComboBox { combobox-popup: 0; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: url($chevron); width: 12px; height: 12px; }
QComboBox QAbstractItemView {
    background: $raised; border: 1px solid $border_strong; outline: none;
    selection-background-color: $selection; selection-color: $selection_text;
}

QTabWidget::pane { border: none; border-top: 1px solid $border; }
QTabBar { background: $chrome; qproperty-drawBase: 0; }
QTabBar::tab {
    background: transparent; color: $text_muted; padding: 6px 12px; border: none;
    border-bottom: 2px solid transparent; min-height: 18px;
}
QTabBar::tab:hover { color: $text; background: $hover; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; background: $window; }
QTabBar::tab:focus { color: $text; background: $hover; }
QTabBar::close-button { image: url($close); subcontrol-position: right; }
QTabBar::close-button:hover { background: $hover; border-radius: ${radius}px; }

QTreeView, QTableView, QListView {
    background: $surface; border: none; outline: none; alternate-background-color: $window;
    selection-background-color: $selection; selection-color: $selection_text;
}
QTreeView::item, QListView::item { padding: 3px 4px; }
QTreeView::item:hover, QListView::item:hover { background: $hover; }
QTreeView::item:selected, QListView::item:selected, QTableView::item:selected {
    background: $selection; color: $selection_text;
}
QHeaderView { background: $window; border: none; }
QHeaderView::section {
    background: $window; color: $text_muted; border: none; border-bottom: 1px solid $border;
    padding: 5px 8px; font-weight: 600;
}
QTableView { gridline-color: $border; }
QTreeView:focus, QTableView:focus, QListView:focus, QScrollArea:focus {
    border: 1px solid $accent;
}

QScrollArea, QScrollArea > QWidget > QWidget[role="page"] { background: $window; border: none; }
QFrame[role="card"], QGroupBox {
    background: $surface; border: 1px solid $border; border-radius: 6px;
}
QGroupBox { margin-top: 22px; padding: 8px; }
QGroupBox::title {
    subcontrol-origin: margin; left: 2px; padding: 0 2px 4px 2px; color: $text; font-weight: 600;
}
QFrame[role="banner"] { background: $running_soft; border: none; border-radius: 6px; }
QFrame[role="banner-failed"] { background: $failed_soft; border: none; border-radius: 6px; }
QFrame[role="banner-warning"] { background: $cancelled_soft; border: none; border-radius: 6px; }
QFrame[role="banner-done"] { background: $done_soft; border: none; border-radius: 6px; }
QFrame[role="bar"] { background: $window; border: none; border-bottom: 1px solid $border; }
QFrame[role="bar-chrome"] { background: $chrome; border: none; }
QFrame[role="popup"] {
    background: $raised; border: 1px solid $border_strong; border-radius: 6px;
}
QFrame[role="line"] { background: $border; border: none; max-height: 1px; min-height: 1px; }

QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QLabel[role="title"] { font-size: ${size_title}pt; font-weight: 600; }
QLabel[role="heading"] { font-weight: 600; }
QLabel[role="muted"] { color: $text_muted; }
QLabel[role="error"] { color: $failed; }
QLabel[role="badge-native"], QLabel[role="badge-emulated"], QLabel[role="badge-cross"],
QLabel[role="badge-failed"], QLabel[role="badge-done"], QLabel[role="badge-waiting"],
QLabel[role="badge-running"] {
    border-radius: 8px; padding: 1px 8px; font-weight: 600;
}
QLabel[role="badge-native"] { color: $native; background: $native_soft; }
QLabel[role="badge-emulated"] { color: $emulated; background: $emulated_soft; }
QLabel[role="badge-cross"] { color: $cross; background: $cross_soft; }
QLabel[role="badge-failed"] { color: $failed; background: $failed_soft; }
QLabel[role="badge-done"] { color: $done; background: $done_soft; }
QLabel[role="badge-running"] { color: $running; background: $running_soft; }
QLabel[role="badge-waiting"] { color: $waiting; background: $waiting_soft; }

QProgressBar {
    background: $border; border: none; border-radius: 3px; max-height: 6px; min-height: 6px;
    text-align: center; color: transparent;
}
QProgressBar::chunk { background: $running; border-radius: 3px; }

QAbstractButton[role="platform"] {
    background: $surface; border: 1px solid $border_strong; border-radius: 6px;
}
QCheckBox, QRadioButton { spacing: 8px; }
QCheckBox:focus, QRadioButton:focus { color: $accent; }

QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $scroll; border-radius: 4px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $border_strong; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
""")


def style_sheet(tokens: Tokens, *, point_size: int = 10) -> str:
    """The application's style sheet in the colours of ``tokens``."""
    from desktop.theme.paths import style_icon

    values = {name: getattr(tokens, name) for name in Tokens.__slots__ if name != "dark"}
    return _TEMPLATE.substitute(
        values,
        radius=METRICS.radius,
        focus_width=METRICS.focus_width,
        size_title=point_size + 6,
        scroll=tokens.border_strong if not tokens.dark else "#4a5362",
        chevron=style_icon("chevron-down", tokens.text_muted),
        chevron_up=style_icon("chevron-up", tokens.text_muted),
        close=style_icon("close", tokens.text_muted),
    )
