"""The file operation: copy, make and remove files without a container."""

from __future__ import annotations

import hashlib
import os
import posixpath
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace

from core.cache.layers import LayerRecords
from core.cache.notes import Notes
from core.errors import OptionError
from core.executor.users import find_group, find_owner
from core.llb.files import (
    AnyAction,
    ChownOpt,
    CopyAction,
    FileAction,
    MkDirAction,
    MkFileAction,
    NamedUser,
    RmAction,
    SymlinkAction,
)
from core.llb.ops import EMPTY_INPUT, SKIP_OUTPUT, FileOp
from core.llb.vertex import Vertex
from core.ops.contenthash import Selector
from core.ops.file_actions import (
    CopyJob,
    Layer,
    Owner,
    make_directory,
    make_file,
    make_symlink,
    remove,
)
from core.ops.file_copy import CancelledCopyError
from core.ops.file_earlier import EarlierCopies, EarlierFiles
from core.ops.file_inputs import FileInputs, stoppable_thread
from core.ops.file_match import has_wildcards
from core.ops.file_tree import ContextTree, FileTree, SnapshotTree, resolve
from core.ops.file_workers import FileWorkers
from core.ops.puller import Puller
from core.ops.refs import Ref
from core.snapshot.failures import storage_error
from core.snapshot.ids import LayerId, Layers
from core.snapshot.store import ActiveLayer, SnapshotStore
from core.solver.protocol import CacheMap, Content, InputKey, Slot, Step


class FileOperations:
    """Makes the operations of file vertices. ``rootless`` as in ``core.snapshot``."""

    def __init__(
        self,
        *,
        puller: Puller,
        snapshots: SnapshotStore,
        records: LayerRecords,
        inputs: FileInputs,
        threads: ThreadPoolExecutor,
        rootless: bool,
        notes: Notes,
        workers: FileWorkers | None = None,
    ) -> None:
        self.puller = puller
        self.snapshots = snapshots
        self.records = records
        self.inputs = inputs
        self.threads = threads
        self.rootless = rootless
        self.workers = workers
        self.earlier = EarlierCopies(notes, snapshots)

    def operation(self, vertex: Vertex) -> FileOperation:
        assert isinstance(vertex.op, FileOp)
        return FileOperation(self, vertex.op, len(vertex.inputs))


class FileOperation:
    """One file vertex (``core.solver.protocol.Op``)."""

    slot = Slot.NATIVE

    def __init__(self, services: FileOperations, op: FileOp, inputs: int) -> None:
        self._services = services
        self._op = op
        self._inputs = inputs

    def cache_map(self, step: Step) -> CacheMap[Ref]:
        """Actions without the paths that are only read; those count by what is there."""
        selectors: dict[int, list[Selector]] = {}
        changed: set[int] = set()
        total = hashlib.sha256(b"file\0")
        explain: list[tuple[str, str]] = []
        for action in self._op.actions:
            changed.add(action.input)
            what = action.action
            for number, selector in _owner_files(what):
                selectors.setdefault(number, []).append(selector)
            if isinstance(what, CopyAction) and 0 <= action.secondary_input < self._inputs:
                selectors.setdefault(action.secondary_input, []).append(_source(what))
                what = replace(what, src=posixpath.basename(what.src))
            numbers = (action.input, action.secondary_input, action.output)
            total.update(f"{numbers}{what!r}\0".encode(errors="surrogateescape"))
            explain += _explanation(what)
        no_key: InputKey[Ref] = InputKey()
        keys = tuple(
            no_key
            if number in changed or number not in selectors
            else self._key(tuple(selectors[number]))
            for number in range(self._inputs)
        )
        return CacheMap(digest=total.hexdigest(), inputs=keys, explain=tuple(explain))

    async def execute(self, inputs: Sequence[Ref], step: Step) -> Sequence[Ref]:
        """Carry the actions out, each result as a layer on those it changes."""
        services = self._services
        async with AsyncExitStack() as stack:
            layers: dict[int, Layers] = {}
            for number in sorted(self._mounted(inputs)):
                layers[number] = await stack.enter_async_context(
                    services.puller.unpacked(inputs[number], step)
                )
            run = _Run(services, self._op, inputs, layers, step)
            made = await stoppable_thread(run.run, run.cancelled.set, run.undo)
        for layer, size in made.layers:
            services.records.add(
                layer, size=size, description=step.vertex.name, step=step.vertex.name
            )
        return made.results

    def _key(self, selectors: tuple[Selector, ...]) -> InputKey[Ref]:
        async def content(ref: Ref, step: Step) -> Content:
            return await self._services.inputs.content(ref, selectors, step)

        return InputKey(selector="\n".join(s.text for s in selectors), content=content)

    def _mounted(self, inputs: Sequence[Ref]) -> set[int]:
        """Inputs that must be layers: all but directories of this machine that are only read."""
        mounted = set()
        for action in self._op.actions:
            mounted |= {action.input, *(n for n, _ in _owner_files(action.action))}
            source = action.secondary_input
            if 0 <= source < self._inputs and inputs[source].local is None:
                mounted.add(source)
        return {number for number in mounted if 0 <= number < self._inputs}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    results: list[Ref]
    layers: list[tuple[LayerId, int]]


class _Run:
    """One execution, in a thread."""

    def __init__(
        self,
        services: FileOperations,
        op: FileOp,
        inputs: Sequence[Ref],
        layers: Mapping[int, Layers],
        step: Step,
    ) -> None:
        self._services = services
        self._op = op
        self._inputs = inputs
        self._layers = layers
        self._step = step
        self.cancelled = threading.Event()
        self._active: dict[int, tuple[ActiveLayer, Layers]] = {}
        self._finished: dict[int, Layers] = {}
        self._made: list[LayerId] = []

    def run(self) -> _Made:
        try:
            for number, action in enumerate(self._op.actions):
                self._do(number, action)
        except CancelledCopyError:
            self._drop()
            return _Made(results=[], layers=[])
        except OSError as error:
            self._drop()
            raise storage_error(error, "change files") from error
        except BaseException:
            self._drop()
            raise
        outputs = {
            action.output: self._finished[number]
            for number, action in enumerate(self._op.actions)
            if action.output != SKIP_OUTPUT
        }
        usage = self._services.snapshots.usage
        return _Made(
            results=[Ref(layers=outputs[number]) for number in sorted(outputs)],
            layers=[(layer, usage(layer)) for layer in self._made],
        )

    def undo(self, made: _Made) -> None:
        for layer, _ in made.layers:
            self._services.snapshots.remove(layer)

    def _drop(self) -> None:
        for active, _ in self._active.values():
            active.discard()
        for layer in self._made:
            self._services.snapshots.remove(layer)

    def _do(self, number: int, action: FileAction) -> None:
        if self._copy_directly(number, action):
            return
        active, below = self._begin(action.input)
        self._active[number] = (active, below)
        with ExitStack() as stack:
            self._act(action, Layer(root=active.path, rootless=self._services.rootless), stack)
        if self._goes_on(number):
            return
        del self._active[number]
        try:
            layer = active.commit()
        except BaseException:
            active.discard()
            raise
        self._made.append(layer)
        self._finished[number] = (*below, layer)

    def _copy_directly(self, number: int, action: FileAction) -> bool:
        """Copy into the layer's own directory, where nothing else is done with it; if it can be.

        That is faster than through a mount, and what an earlier copy of the same kind from this
        machine left in a layer is linked to instead of copied once more.
        """
        what = action.action
        if not isinstance(what, CopyAction) or what.attempt_unpack:
            return False
        if action.input - len(self._inputs) in self._active or self._goes_on(number):
            return False
        below = () if action.input == EMPTY_INPUT else self._result(action.input)
        snapshots = self._services.snapshots
        with ExitStack() as stack:
            tree = self._tree(action.secondary_input, stack)
            lower = stack.enter_context(snapshots.view(below)) if below else None
            active = stack.enter_context(snapshots.create_bare(below))
            digests = _digests(tree, what)
            earlier = self._services.earlier.of(what) if digests else EarlierFiles()
            job = CopyJob(
                tree=tree,
                layer=Layer(root=active.path, rootless=self._services.rootless, lower=lower),
                action=what,
                owner=self._owner(what.owner, stack),
                threads=self._services.threads,
                workers=self._services.workers,
                cancelled=self.cancelled,
                digests=digests,
                earlier=earlier,
            )
            job.run()
            if job.done:
                self._services.earlier.write(job.done, job.bases[0], active.path)
            layer = active.commit()
        if job.done:
            self._services.earlier.keep(what, layer)
        self._made.append(layer)
        self._finished[number] = (*below, layer)
        return True

    def _begin(self, source: int) -> tuple[ActiveLayer, Layers]:
        if source == EMPTY_INPUT:
            return self._services.snapshots.create(()), ()
        earlier = source - len(self._inputs)
        if earlier in self._active:
            return self._active.pop(earlier)
        below = self._finished[earlier] if earlier >= 0 else self._layers[source]
        return self._services.snapshots.create(below), below

    def _goes_on(self, number: int) -> bool:
        """Whether the next action alone uses this one's result, and only to change it."""
        if self._op.actions[number].output != SKIP_OUTPUT:
            return False
        own = len(self._inputs) + number
        later = self._op.actions[number + 1 :]
        changes = sum(action.input == own for action in later)
        reads = any(
            action.secondary_input == own
            or any(source == own for source, _ in _owner_files(action.action))
            for action in later
        )
        return changes == 1 and not reads

    def _act(self, action: FileAction, layer: Layer, stack: ExitStack) -> None:
        what = action.action
        match what:
            case CopyAction():
                CopyJob(
                    tree=self._tree(action.secondary_input, stack),
                    layer=layer,
                    action=what,
                    owner=self._owner(what.owner, stack),
                    threads=self._services.threads,
                    workers=self._services.workers,
                    cancelled=self.cancelled,
                ).run()
            case MkDirAction():
                make_directory(layer, what, self._owner(what.owner, stack))
            case MkFileAction():
                make_file(layer, what, self._owner(what.owner, stack))
            case SymlinkAction():
                make_symlink(layer, what, self._owner(what.owner, stack))
            case RmAction():
                remove(layer, what)

    def _tree(self, number: int, stack: ExitStack) -> FileTree:
        if 0 <= number < len(self._inputs):
            local = self._inputs[number].local
            if local is not None:
                return ContextTree(local)
        view = self._services.snapshots.view(self._result(number))
        return SnapshotTree(stack.enter_context(view))

    def _result(self, number: int) -> Layers:
        if number == EMPTY_INPUT:
            return ()
        earlier = number - len(self._inputs)
        if earlier >= 0:
            return self._finished[earlier]
        return self._layers[number]

    def _owner(self, wanted: ChownOpt | None, stack: ExitStack) -> Owner | None:
        """Ids of an owner; names that do not exist mean root, as everywhere, and are warned of."""
        if wanted is None:
            return None
        uid = gid = 0
        if isinstance(wanted.user, int):
            uid = gid = wanted.user
        elif wanted.user is not None:
            found = self._look_up(wanted.user, stack)
            if found is not None:
                uid, gid = found
        if isinstance(wanted.group, int):
            gid = wanted.group
        elif wanted.group is not None:
            group = self._look_up(wanted.group, stack, group=True)
            if group is not None:
                gid = group[1]
        return uid, gid

    def _look_up(
        self, named: NamedUser, stack: ExitStack, *, group: bool = False
    ) -> tuple[int, int] | None:
        if named.input < 0:
            raise OptionError(f"There is no image to look {named.name!r} up in.")
        root = os.open(
            stack.enter_context(self._services.snapshots.view(self._result(named.input))),
            os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC,
        )
        stack.callback(os.close, root)
        if group:
            gid = find_group(root, named.name)
            found = None if gid is None else (0, gid)
        else:
            found = find_owner(root, named.name)
        if found is None:
            kind = "group" if group else "user"
            self._step.warn(
                f"The image has no {kind} {named.name!r}; files get {kind} 0 instead",
                detail=(f"Create the {kind} before this step, or use a number.",),
            )
        return found


def _digests(tree: FileTree, action: CopyAction) -> Mapping[str, str]:
    """Digests of what is copied of a context: known already, since the cache key needs them."""
    if not isinstance(tree, ContextTree) or has_wildcards(action.src):
        return {}
    if action.include_patterns or action.exclude_patterns:
        return {}
    return tree.known_digests(resolve(tree, action.src))


def _source(action: CopyAction) -> Selector:
    return Selector(
        path=action.src,
        wildcard=action.allow_wildcard,
        follow=action.follow_symlink,
        include=action.include_patterns,
        exclude=action.exclude_patterns,
        required=action.required_paths,
    )


def _owner_files(action: object) -> list[tuple[int, Selector]]:
    """The inputs whose passwd or group file decides about owners."""
    owner = getattr(action, "owner", None)
    found = []
    if isinstance(owner, ChownOpt):
        for named, path in ((owner.user, "/etc/passwd"), (owner.group, "/etc/group")):
            if isinstance(named, NamedUser):
                found.append((named.input, Selector(path=path, follow=True)))
    return found


def _explanation(action: AnyAction) -> list[tuple[str, str]]:
    match action:
        case CopyAction():
            parts = [("destination", action.dest)]
            if action.owner is not None:
                parts.append(("owner", _owner_text(action.owner)))
            if action.mode_str or action.mode >= 0:
                parts.append(("mode", action.mode_str or f"{action.mode:o}"))
            parts += [("exclude", pattern) for pattern in action.exclude_patterns]
            return parts
        case MkDirAction() | MkFileAction() | RmAction():
            return [("path", action.path)]
        case SymlinkAction():
            return [("link", f"{action.new_path} -> {action.old_path}")]


def _owner_text(owner: ChownOpt) -> str:
    def one(part: NamedUser | int | None) -> str:
        return part.name if isinstance(part, NamedUser) else "" if part is None else str(part)

    return f"{one(owner.user)}:{one(owner.group)}"
