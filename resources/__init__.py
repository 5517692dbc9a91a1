"""Icons, the sample project and other files of the window."""
