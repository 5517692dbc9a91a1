"""Where files live, what is set, what was open."""
