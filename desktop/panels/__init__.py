"""Panels around the editor."""
