"""Every colour and size of the window, by role, for light and dark.

Text roles keep a contrast of at least 4.5:1 on every surface they are used on (WCAG 2.2, 1.4.3);
``tests/desktop/theme/test_tokens.py`` computes it. Status roles come with an icon and a word
wherever they are shown: colour is never the only carrier.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Colours as ``#rrggbb``."""

    name: str
    dark: bool

    # Surfaces, from the back to the front.
    chrome: str  # activity bar, status bar, headers
    window: str  # panels, pages
    surface: str  # editor, lists, cards
    raised: str  # pop-ups, hovered cards, tool tips
    border: str
    border_strong: str  # outlines of controls: 3:1 on ``window`` and ``surface``

    text: str
    text_muted: str
    text_disabled: str

    accent: str  # the primary action, selection marks, focus ring
    accent_hover: str
    accent_text: str  # text on ``accent``
    selection: str  # background of a selected row
    selection_text: str
    hover: str

    # States of a step or a build. Each also has a soft background for badges and nodes.
    waiting: str
    waiting_soft: str
    running: str
    running_soft: str
    done: str
    done_soft: str
    cached: str
    cached_soft: str
    failed: str
    failed_soft: str
    cancelled: str
    cancelled_soft: str
    skipped: str
    skipped_soft: str

    # How a platform's programs run.
    native: str
    native_soft: str
    emulated: str
    emulated_soft: str
    cross: str
    cross_soft: str

    # Severity of a finding.
    error: str
    warning: str
    info: str

    # The editor.
    current_line: str
    line_number: str
    line_number_current: str
    search_match: str
    code_keyword: str
    code_flag: str
    code_string: str
    code_variable: str
    code_comment: str
    code_directive: str
    code_operator: str
    code_stage: str
    code_heredoc: str

    # ANSI colours 0 to 15 of a log on ``surface``.
    ansi: tuple[str, ...]

    # Distinct hues for platforms (lanes, stacked nodes), in order of first appearance.
    series: tuple[str, ...]


LIGHT = Tokens(
    name="light",
    dark=False,
    chrome="#e9ecf1",
    window="#f5f6f9",
    surface="#ffffff",
    raised="#ffffff",
    border="#d5dae3",
    border_strong="#848d9c",
    text="#1b2029",
    text_muted="#555e6d",
    text_disabled="#8a92a0",
    accent="#2459c4",
    accent_hover="#1d4aa6",
    accent_text="#ffffff",
    selection="#d6e3fb",
    selection_text="#122a5c",
    hover="#e3e7ee",
    waiting="#5c6574",
    waiting_soft="#eceff4",
    running="#1f5fc9",
    running_soft="#dde9fd",
    done="#1b7040",
    done_soft="#dbf1e3",
    cached="#0b6b78",
    cached_soft="#d7f0f3",
    failed="#b3261e",
    failed_soft="#fde3e1",
    cancelled="#7a5c00",
    cancelled_soft="#f8edca",
    skipped="#5f6775",
    skipped_soft="#f0f2f5",
    native="#1b7040",
    native_soft="#dbf1e3",
    emulated="#9a4a00",
    emulated_soft="#fdebd9",
    cross="#6a3fb5",
    cross_soft="#ece4fb",
    error="#b3261e",
    warning="#8a5a00",
    info="#1f5fc9",
    current_line="#f1f5fd",
    line_number="#666e7c",
    line_number_current="#1b2029",
    search_match="#ffe9a3",
    code_keyword="#7a2fa8",
    code_flag="#1f5fc9",
    code_string="#1b6b3a",
    code_variable="#a2420b",
    code_comment="#5f6876",
    code_directive="#0b6b78",
    code_operator="#555e6d",
    code_stage="#1d4aa6",
    code_heredoc="#3b4553",
    ansi=(
        "#1b2029", "#b3261e", "#1b7040", "#8a5a00", "#1f5fc9", "#7a2fa8", "#0b6b78", "#555e6d",
        "#5c6574", "#c2352c", "#1f7d49", "#8f6200", "#2f6bd1", "#8a3fb8", "#0e7280", "#3b4553",
    ),
    series=("#2459c4", "#9a4a00", "#1b7040", "#7a2fa8", "#0b6b78", "#a3195b", "#5d6500", "#555e6d"),
)  # fmt: skip

DARK = Tokens(
    name="dark",
    dark=True,
    chrome="#161a21",
    window="#1b2028",
    surface="#20262f",
    raised="#2a313c",
    border="#343c49",
    border_strong="#77808f",
    text="#e6e9ef",
    text_muted="#a9b2c0",
    text_disabled="#747d8c",
    accent="#7aa7ff",
    accent_hover="#98bbff",
    accent_text="#0d1a33",
    selection="#2b4473",
    selection_text="#eaf1ff",
    hover="#2b323d",
    waiting="#a3acba",
    waiting_soft="#2b323d",
    running="#85b0ff",
    running_soft="#223a66",
    done="#6fd39a",
    done_soft="#1d3d2c",
    cached="#63cbd9",
    cached_soft="#173d44",
    failed="#ff9a91",
    failed_soft="#542624",
    cancelled="#e5c257",
    cancelled_soft="#453a17",
    skipped="#98a1b0",
    skipped_soft="#272e38",
    native="#6fd39a",
    native_soft="#1d3d2c",
    emulated="#ffb169",
    emulated_soft="#4b321a",
    cross="#c3a6ff",
    cross_soft="#3a2f57",
    error="#ff9a91",
    warning="#f0bf5a",
    info="#85b0ff",
    current_line="#262d38",
    line_number="#8b94a3",
    line_number_current="#e6e9ef",
    search_match="#5a4a12",
    code_keyword="#d3a0ff",
    code_flag="#85b0ff",
    code_string="#86d9a4",
    code_variable="#ffb37a",
    code_comment="#97a1b1",
    code_directive="#63cbd9",
    code_operator="#a9b2c0",
    code_stage="#9dc0ff",
    code_heredoc="#ccd3dd",
    ansi=(
        "#a3acba", "#ff9a91", "#6fd39a", "#f0bf5a", "#85b0ff", "#d3a0ff", "#63cbd9", "#e6e9ef",
        "#98a1b0", "#ffb0a8", "#8fe0b1", "#f7cf7e", "#a3c3ff", "#e0bbff", "#86dbe6", "#ffffff",
    ),
    series=("#85b0ff", "#ffb169", "#6fd39a", "#d3a0ff", "#63cbd9", "#ff9fc7", "#c6cf5e", "#a9b2c0"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Sizes in device-independent pixels; one rhythm of 4."""

    gap: int = 8
    gap_small: int = 4
    gap_large: int = 16
    page_margin: int = 24
    radius: int = 4
    control_height: int = 30
    row_height: int = 26
    icon: int = 16
    icon_large: int = 22
    activity_width: int = 52
    focus_width: int = 2


METRICS = Metrics()
