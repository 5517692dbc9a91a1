"""Colours, sizes, icons and the style of the window."""

from desktop.theme.icons import Icons
from desktop.theme.theme import ColourScheme, Theme
from desktop.theme.tokens import DARK, LIGHT, METRICS, Metrics, Tokens

__all__ = ["DARK", "LIGHT", "METRICS", "ColourScheme", "Icons", "Metrics", "Theme", "Tokens"]
