"""Fixes as exact text edits, one family a module."""
