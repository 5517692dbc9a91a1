"""The sample project; copied to the user's data folder on first start."""
