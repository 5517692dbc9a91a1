"""The build graph: layered layout, grid index, levels of detail in pure Python; one painter."""
