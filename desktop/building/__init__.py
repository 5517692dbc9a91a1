"""The build bar and what it asks for."""
