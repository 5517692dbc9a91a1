"""The four messages of a build and what can be read from them.

``messages`` are values, ``codec`` and ``raw_json`` carry them, ``state`` folds them into what a
window or a terminal shows, ``coalesce`` joins unread ones, ``names`` recovers platform and stage
from the step names of builders that do not tell.
"""
