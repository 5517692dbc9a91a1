"""The build graph: layered layout, spatial index and levels of detail in pure Python; one painter."""
