"""The version of everything here; pyproject.toml reads it from this file."""

VERSION = "0.1.0"
