"""Layers on disk.

::

    ROOT/layers/ID/fs        a finished layer (see ``core.snapshot.ids``); never changed again
    ROOT/layers/ID/plain     present when the layer was made on nothing and hides nothing
    ROOT/active/ID/...       fs, work and merged of a layer in the making, or a view's mount point
    ROOT/trash/ID            on its way out

A layer is finished by one rename from ``active`` to ``layers``: after a crash it is there or not.
All calls block for a millisecond or two, ``remove``, ``write_tar`` and ``apply_tar`` for as long
as the layer is big; all are safe to call from several threads.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from core.errors import NotFoundError
from core.linux.mounts import mount_points_below, unmount
from core.snapshot.apply import LayerApplier
from core.snapshot.failures import storage_error
from core.snapshot.ids import LayerId, Layers, new_layer_id
from core.snapshot.layer_tar import LayerTarWriter
from core.snapshot.overlay import mount_overlay

_FS, _WORK, _MERGED, _PLAIN = "fs", "work", "merged", "plain"


class SnapshotStore:
    """The layers under ``root``; ``rootless`` as in ``core.daemon.namespace.Confinement``."""

    def __init__(self, root: Path, *, rootless: bool) -> None:
        self._layers = root / "layers"
        self._active = root / "active"
        self._trash = root / "trash"
        self._empty = root / "empty"
        self._rootless = rootless
        for directory in (self._layers, self._active, self._trash, self._empty):
            directory.mkdir(parents=True, exist_ok=True)

    def layer_path(self, layer: LayerId) -> Path:
        """The directory with the layer's own files, in overlay format."""
        return self._layers / layer / _FS

    def has(self, layer: LayerId) -> bool:
        return self.layer_path(layer).is_dir()

    def layers(self) -> tuple[LayerId, ...]:
        """Every finished layer."""
        return tuple(LayerId(name) for name in sorted(os.listdir(self._layers)))

    def stands_alone(self, layer: LayerId) -> bool:
        """Whether the layer was made on no other: wherever it lies, its tar is the same."""
        return (self._layers / layer / _PLAIN).exists()

    def create(self, layers: Layers) -> ActiveLayer:
        """A writable layer on top of ``layers``, mounted until it is committed or discarded."""
        lower = self._lower(layers)
        layer = new_layer_id()
        home = self._active / layer
        home.mkdir()
        try:
            upper = home / _FS
            upper.mkdir()
            os.chmod(upper, 0o755)
            if not lower:
                (home / _PLAIN).touch()
                return ActiveLayer(self, layer, upper)
            _copy_attributes(lower[0], upper)
            (home / _WORK).mkdir()
            merged = home / _MERGED
            merged.mkdir()
            mount_overlay(lower, merged, upper=upper, work=home / _WORK, rootless=self._rootless)
            return ActiveLayer(self, layer, merged)
        except OSError as error:
            self._discard(layer)
            raise storage_error(error, "prepare a layer") from error
        except BaseException:
            self._discard(layer)
            raise

    def create_bare(self, layers: Layers) -> ActiveLayer:
        """As ``create``, without a mount: ``path`` is the layer's own directory.

        For who only adds, knows what is below from a ``view``, and writes nothing that exists:
        files that it links to from other layers are theirs too.
        """
        layer = new_layer_id()
        home = self._active / layer
        try:
            upper = home / _FS
            upper.mkdir(parents=True)
            os.chmod(upper, 0o755)
            lower = self._lower(layers)
            if lower:
                _copy_attributes(lower[0], upper)
            else:
                (home / _PLAIN).touch()
            return ActiveLayer(self, layer, upper)
        except OSError as error:
            self._discard(layer)
            raise storage_error(error, "prepare a layer") from error

    @contextmanager
    def view(self, layers: Layers) -> Iterator[Path]:
        """The files of ``layers``, not to be written to.

        One layer that hides nothing is shown as the directory it is, everything else as a
        read-only mount.
        """
        lower = self._lower(layers)
        if not lower:
            yield self._empty
            return
        if len(lower) == 1 and (self._layers / layers[0] / _PLAIN).exists():
            yield lower[0]
            return
        target = self._active / f"view-{new_layer_id()}"
        target.mkdir()
        try:
            # Two directories are the least a read-only overlay takes.
            below = lower if len(lower) > 1 else [*lower, self._empty]
            mount_overlay(below, target, rootless=self._rootless)
            try:
                yield target
            finally:
                _unmount_soon(target)
        finally:
            target.rmdir()

    def write_tar(
        self,
        layer: LayerId,
        below: Layers,
        out: Callable[[bytes | bytearray], object],
        *,
        epoch: int | None = None,
    ) -> None:
        """Write the layer as an OCI layer tar, the same bytes whenever its files are the same.

        ``out`` gets pieces of about a MiB and must not keep them. ``epoch`` (seconds) is the
        latest time a file may carry.
        """
        with self.view(below) as lower:
            LayerTarWriter(
                os.fsencode(self._require(layer)),
                os.fsencode(lower) if below else None,
                out,
                rootless=self._rootless,
                epoch=epoch,
            ).write()

    def apply_tar(self, tar: BinaryIO, below: Layers) -> LayerId:
        """Unpack an uncompressed OCI layer tar into a new layer that belongs on ``below``.

        Nothing in the tar can reach outside. Raises StorageError for damaged or hostile tars and
        a full disk; nothing stays behind then.
        """
        layer = new_layer_id()
        home = self._active / layer
        home.mkdir()
        try:
            upper = home / _FS
            upper.mkdir()
            os.chmod(upper, 0o755)
            if not below:
                (home / _PLAIN).touch()
            with self.view(below) as lower:
                if below:
                    _copy_attributes(lower, upper)
                with LayerApplier(upper, lower if below else None, rootless=self._rootless) as to:
                    to.apply(tar)
            self._finish(layer)
        except OSError as error:
            self._discard(layer)
            raise storage_error(error, "unpack a layer") from error
        except BaseException:
            self._discard(layer)
            raise
        return layer

    def usage(self, layer: LayerId) -> int:
        """Bytes on disk, hard links counted once."""
        seen: set[int] = set()
        total = 0
        stack = [self._require(layer)]
        while stack:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if status.st_nlink == 1 or status.st_ino not in seen:
                        total += status.st_blocks * 512
                        seen.add(status.st_ino)
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(Path(entry.path))
        return total

    def remove(self, layer: LayerId) -> None:
        """Delete a layer that nothing uses; no error when it is not there."""
        trash = self._trash / layer
        try:
            os.rename(self._layers / layer, trash)
        except FileNotFoundError:
            return
        shutil.rmtree(trash)

    def recover(self) -> None:
        """Drop what a daemon that died had not finished. Call once, before anything else."""
        for point in mount_points_below(self._active):
            unmount(point, lazily=True)
        for directory in (self._active, self._trash):
            for name in os.listdir(directory):
                shutil.rmtree(directory / name, ignore_errors=True)

    def _require(self, layer: LayerId) -> Path:
        path = self.layer_path(layer)
        if not path.is_dir():
            raise NotFoundError(f"The snapshot store has no layer {layer}.")
        return path

    def _lower(self, layers: Layers) -> list[Path]:
        """Directories for overlayfs, top first; a layer that repeats counts where it is highest."""
        return [self._require(layer) for layer in dict.fromkeys(reversed(layers))]

    def _finish(self, layer: LayerId) -> None:
        home = self._active / layer
        for name in (_WORK, _MERGED):
            shutil.rmtree(home / name, ignore_errors=True)
        os.rename(home, self._layers / layer)

    def _discard(self, layer: LayerId) -> None:
        home = self._active / layer
        for point in mount_points_below(home):
            _unmount_soon(point)
        shutil.rmtree(home, ignore_errors=True)

    def _unmount(self, layer: LayerId) -> None:
        merged = self._active / layer / _MERGED
        if merged.is_dir():
            _unmount_soon(merged)


class ActiveLayer:
    """A layer in the making; as a context manager it is discarded unless committed."""

    def __init__(self, store: SnapshotStore, layer: LayerId, path: Path) -> None:
        self._store = store
        self._open = True
        self.id = layer
        self.path = path

    def commit(self) -> LayerId:
        """Finish the layer as it is now; ``path`` is gone afterwards. Atomic."""
        store = self._store
        try:
            store._unmount(self.id)
            store._finish(self.id)
        except OSError as error:
            raise storage_error(error, "finish a layer") from error
        self._open = False
        return self.id

    def discard(self) -> None:
        if self._open:
            self._open = False
            self._store._discard(self.id)

    def __enter__(self) -> ActiveLayer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.discard()


def _copy_attributes(source: Path, target: Path) -> None:
    status = os.stat(source)
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, status.st_mode & 0o7777)
    os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))


def _unmount_soon(point: Path) -> None:
    # A container's last process may hold the mount for a moment after its end was reported.
    for pause in (0.001, 0.005, 0.02):
        try:
            unmount(point)
            return
        except OSError as error:
            if error.errno == errno.EINVAL:
                return
            if error.errno != errno.EBUSY:
                raise
            time.sleep(pause)
    unmount(point, lazily=True)
