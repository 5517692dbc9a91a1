"""The tables of the cache database. All times are integer nanoseconds since the epoch.

- ``keys``, ``links``: cache keys are nodes. A root key stands for the digest of an operation
  without inputs, or of an input's content. A link ``(source, link, target)`` says that the
  operation described by ``link`` on an input known by ``source`` is known by ``target``.
- ``results``, ``key_results``, ``result_layers``: what was built under a key.
- ``layers``, ``blobs``, ``chains``: the layers that results are made of, their blobs, and the
  layer for each chain ID that was pulled.
- ``mounts``: the directories of cache mounts.
- ``steps``, ``explanations``: what each step of each project was last built from.
- ``stats``: what is known of the files of local contexts, one row a directory.
- ``notes``: digests of parts of layers and of states of directories; the last layer of each copy.
"""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 1

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS keys (id INTEGER PRIMARY KEY AUTOINCREMENT, root TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS links (
    source INTEGER NOT NULL, link BLOB NOT NULL, target INTEGER NOT NULL,
    PRIMARY KEY (source, link, target)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_target ON links (target);

CREATE TABLE IF NOT EXISTS results (
    id TEXT PRIMARY KEY, value TEXT NOT NULL, created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS key_results (
    key INTEGER NOT NULL, result TEXT NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (key, result)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS key_results_by_result ON key_results (result);
CREATE TABLE IF NOT EXISTS result_layers (
    result TEXT NOT NULL, position INTEGER NOT NULL, layer TEXT NOT NULL,
    PRIMARY KEY (result, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS result_layers_by_layer ON result_layers (layer);

CREATE TABLE IF NOT EXISTS layers (
    id TEXT PRIMARY KEY, size INTEGER NOT NULL, created INTEGER NOT NULL,
    last_used INTEGER NOT NULL, uses INTEGER NOT NULL, kind TEXT NOT NULL,
    description TEXT NOT NULL, step TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (
    layer TEXT NOT NULL, variant TEXT NOT NULL, media_type TEXT NOT NULL, digest TEXT NOT NULL,
    size INTEGER NOT NULL, diff_id TEXT NOT NULL, PRIMARY KEY (layer, variant)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chains (chain TEXT PRIMARY KEY, layer TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS chains_by_layer ON chains (layer);

CREATE TABLE IF NOT EXISTS mounts (
    id TEXT NOT NULL, directory TEXT PRIMARY KEY, size INTEGER NOT NULL, created INTEGER NOT NULL,
    last_used INTEGER NOT NULL, uses INTEGER NOT NULL, description TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mounts_by_id ON mounts (id);

CREATE TABLE IF NOT EXISTS steps (
    scope TEXT NOT NULL, step TEXT NOT NULL, explanation TEXT NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (scope, step)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS explanations (id TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stats (
    context TEXT NOT NULL, directory BLOB NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (context, directory)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contexts (
    context TEXT PRIMARY KEY, last_used INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS notes (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS notes_by_use ON notes (used);

CREATE TABLE IF NOT EXISTS downloads (
    source TEXT PRIMARY KEY, data TEXT NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID;
"""
