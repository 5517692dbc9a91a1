"""The rules of architecture linting, one family a module; ``table.py`` lists them all."""
