"""What was built before: keys, results, records of layers, cache mounts, pruning."""
