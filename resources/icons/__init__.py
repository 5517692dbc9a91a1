"""One SVG file an icon."""
