"""A Fusion palette from the tokens."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette

from desktop.theme.tokens import Tokens


def palette(tokens: Tokens) -> QPalette:
    """Every role that Fusion reads, for the active, inactive and disabled groups."""
    result = QPalette()
    role = QPalette.ColorRole
    for which, value in (
        (role.Window, tokens.window),
        (role.WindowText, tokens.text),
        (role.Base, tokens.surface),
        (role.AlternateBase, tokens.window),
        (role.ToolTipBase, tokens.raised),
        (role.ToolTipText, tokens.text),
        (role.PlaceholderText, tokens.text_muted),
        (role.Text, tokens.text),
        (role.Button, tokens.window),
        (role.ButtonText, tokens.text),
        (role.BrightText, tokens.failed),
        (role.Link, tokens.accent),
        (role.LinkVisited, tokens.cross),
        (role.Highlight, tokens.selection),
        (role.HighlightedText, tokens.selection_text),
        (role.Accent, tokens.accent),
        (role.Light, tokens.raised),
        (role.Midlight, tokens.hover),
        (role.Mid, tokens.border),
        (role.Dark, tokens.border_strong),
        (role.Shadow, tokens.border),
    ):
        result.setColor(which, QColor(value))
    disabled = QPalette.ColorGroup.Disabled
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        result.setColor(disabled, which, QColor(tokens.text_disabled))
    result.setColor(disabled, role.Highlight, QColor(tokens.hover))
    return result
