"""The Dockerfile editor."""
