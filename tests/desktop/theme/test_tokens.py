"""Contrast of every pair of colours that the window puts text in."""

from __future__ import annotations

import pytest

from desktop.theme.tokens import DARK, LIGHT, Tokens


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""

    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


SURFACES = ("chrome", "window", "surface", "raised")
TEXTS = ("text", "text_muted", "error", "warning", "info", "accent")
CODE = (
    "code_keyword", "code_flag", "code_string", "code_variable", "code_comment", "code_directive",
    "code_operator", "code_stage", "code_heredoc", "line_number", "line_number_current",
)  # fmt: skip
STATES = (
    "waiting", "running", "done", "cached", "failed", "cancelled", "skipped", "native", "emulated",
    "cross",
)  # fmt: skip


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_readable_on_every_surface(tokens: Tokens) -> None:
    poor = {
        (text, surface): round(contrast(getattr(tokens, text), getattr(tokens, surface)), 2)
        for text in TEXTS + STATES
        for surface in SURFACES
        if contrast(getattr(tokens, text), getattr(tokens, surface)) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_code_is_readable_in_the_editor(tokens: Tokens) -> None:
    poor = {
        (text, back): round(contrast(getattr(tokens, text), getattr(tokens, back)), 2)
        for text in CODE
        for back in ("surface", "current_line")
        if contrast(getattr(tokens, text), getattr(tokens, back)) < 4.5
    }
    poor |= {
        ("ansi", str(n)): round(contrast(colour, tokens.surface), 2)
        for n, colour in enumerate(tokens.ansi)
        if contrast(colour, tokens.surface) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_badges_and_selections_are_readable(tokens: Tokens) -> None:
    pairs = [(state, f"{state}_soft") for state in STATES]
    pairs += [("accent_text", "accent"), ("accent_text", "accent_hover")]
    pairs += [("selection_text", "selection"), ("text", "hover"), ("text_muted", "hover")]
    pairs += [("text", f"{state}_soft") for state in STATES]
    poor = {
        (text, back): round(contrast(getattr(tokens, text), getattr(tokens, back)), 2)
        for text, back in pairs
        if contrast(getattr(tokens, text), getattr(tokens, back)) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_outlines_of_controls_are_visible(tokens: Tokens) -> None:
    for surface in ("window", "surface"):
        assert contrast(tokens.border_strong, getattr(tokens, surface)) >= 3
        assert contrast(tokens.accent, getattr(tokens, surface)) >= 3
