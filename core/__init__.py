"""Viaduct's builder core: everything below the window, free of Qt."""
