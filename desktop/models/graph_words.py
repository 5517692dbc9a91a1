"""Short forms for cards, lanes and axes."""

from __future__ import annotations


def duration_text(seconds: float) -> str:
    """``0.3s``, ``12s``, ``1m 04s``, ``2h 05m``."""
    if 0 < seconds < 0.05:
        return "<0.1s"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def size_text(size: float) -> str:
    """Bytes in decimal units, three significant digits."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def short_platform(platform: str) -> str:
    """``arm64`` for ``linux/arm64``; other systems keep their name."""
    return platform.removeprefix("linux/")


def interpreter_name(interpreter: str) -> str:
    """``qemu-aarch64`` for ``/usr/bin/qemu-aarch64-static`` and ``qemu-aarch64-static 7.2.22``."""
    return interpreter.partition(" ")[0].rpartition("/")[2].removesuffix("-static")


def slowdown_text(factor: float) -> str:
    """``5.2×``; nothing below a tenth is claimed."""
    return f"{factor:.1f}×" if factor < 9.95 else f"{factor:.0f}×"
