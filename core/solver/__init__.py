"""Decides which vertices have to be executed, and when; knows nothing of what they do."""
