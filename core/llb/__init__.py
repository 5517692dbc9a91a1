"""LLB: the graph of operations that a build is, as values and in BuildKit's wire form."""
