"""Viaduct's window: PySide6 and qasync over the client of the builder core."""
