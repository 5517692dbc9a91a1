"""Pages of the activity bar."""
