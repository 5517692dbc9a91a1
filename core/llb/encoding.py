"""Operations to and from BuildKit's ``pb.Op`` messages, byte for byte the same every time.

Fields are written in the order of their numbers and maps in the order of their keys, which is what
makes the digest of the bytes the identity of a vertex.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from core.llb import files as f
from core.llb import ops as o
from core.oci.platform import Platform
from core.wire.pb import ops_pb2 as pb


def encode_vertex(op: o.Op, inputs: Sequence[tuple[str, int]], platform: Platform | None) -> bytes:
    """The bytes of a vertex whose inputs are ``(digest, output)`` in order."""
    message = pb.Op()
    for digest, output in inputs:
        message.inputs.add(digest=digest, index=output)
    _fill(message, op)
    if platform is not None:
        message.platform.CopyFrom(encode_platform(platform))
    return bytes(message.SerializeToString(deterministic=True))


def encode_platform(platform: Platform) -> pb.Platform:
    """``platform`` as a message."""
    return pb.Platform(
        Architecture=platform.architecture,
        OS=platform.os,
        Variant=platform.variant,
        OSVersion=platform.os_version,
        OSFeatures=platform.os_features,
    )


def _fill(message: pb.Op, op: o.Op) -> None:
    match op:
        case o.SourceOp():
            message.source.SetInParent()
            message.source.identifier = op.identifier
            message.source.attrs.update(dict(op.attrs))
        case o.ExecOp():
            _fill_exec(message.exec, op)
        case o.FileOp():
            message.file.SetInParent()
            for action in op.actions:
                _fill_action(message.file.actions.add(), action)
        case o.MergeOp():
            message.merge.SetInParent()
            for number in op.inputs:
                message.merge.inputs.add(input=number)
        case o.DiffOp():
            message.diff.lower.SetInParent()
            message.diff.lower.input = op.lower
            message.diff.upper.SetInParent()
            message.diff.upper.input = op.upper
        case o.BuildOp():
            message.build.SetInParent()
            message.build.builder = op.builder
            for key, number in op.inputs:
                message.build.inputs[key].input = number
            message.build.attrs.update(dict(op.attrs))
            if op.definition:
                # "def" is a word of Python.
                getattr(message.build, "def").MergeFromString(op.definition)
        case o.PassthroughOp():
            message.passthrough.SetInParent()
            message.passthrough.id = op.id
            message.passthrough.outputs.extend(op.outputs)
        case _:
            assert_never(op)


def _fill_exec(message: pb.ExecOp, op: o.ExecOp) -> None:
    # Enums go by name: the stubs do not take numbers.
    message.CopyFrom(pb.ExecOp(network=op.network.name, security=op.security.name))
    meta = message.meta
    meta.SetInParent()
    meta.args.extend(op.meta.args)
    meta.env.extend(op.meta.env)
    meta.cwd = op.meta.cwd
    meta.user = op.meta.user
    if op.meta.proxy_env is not None:
        proxy = op.meta.proxy_env
        meta.proxy_env.CopyFrom(
            pb.ProxyEnv(
                http_proxy=proxy.http_proxy,
                https_proxy=proxy.https_proxy,
                ftp_proxy=proxy.ftp_proxy,
                no_proxy=proxy.no_proxy,
                all_proxy=proxy.all_proxy,
            )
        )
    for host in op.meta.extra_hosts:
        meta.extraHosts.add(Host=host.host, IP=host.ip)
    meta.hostname = op.meta.hostname
    for limit in op.meta.ulimits:
        meta.ulimit.add(Name=limit.name, Soft=limit.soft, Hard=limit.hard)
    meta.cgroupParent = op.meta.cgroup_parent
    meta.removeMountStubsRecursive = op.meta.remove_mount_stubs_recursive
    meta.validExitCodes.extend(op.meta.valid_exit_codes)
    for mount in op.mounts:
        _fill_mount(
            message.mounts.add(
                mountType=mount.mount_type.name, contentCache=mount.content_cache.name
            ),
            mount,
        )
    for secret in op.secret_env:
        message.secretenv.add(ID=secret.id, name=secret.name, optional=secret.optional)
    for device in op.cdi_devices:
        message.cdiDevices.add(name=device.name, optional=device.optional)


def _fill_mount(message: pb.Mount, mount: o.Mount) -> None:
    message.input = mount.input
    message.selector = mount.selector
    message.dest = mount.dest
    message.output = mount.output
    message.readonly = mount.readonly
    if mount.tmpfs_size is not None:
        message.TmpfsOpt.SetInParent()
        message.TmpfsOpt.size = mount.tmpfs_size
    if mount.cache is not None:
        message.cacheOpt.CopyFrom(pb.CacheOpt(ID=mount.cache.id, sharing=mount.cache.sharing.name))
    for target, opt in ((message.secretOpt, mount.secret), (message.SSHOpt, mount.ssh)):
        if opt is not None:
            target.SetInParent()
            target.ID = opt.id
            target.uid = opt.uid
            target.gid = opt.gid
            target.mode = opt.mode
            target.optional = opt.optional
    message.resultID = mount.result_id


def _fill_action(message: pb.FileAction, action: f.FileAction) -> None:
    message.input = action.input
    message.secondaryInput = action.secondary_input
    message.output = action.output
    match action.action:
        case f.CopyAction() as copy:
            message.copy.CopyFrom(
                pb.FileActionCopy(
                    src=copy.src,
                    dest=copy.dest,
                    owner=_owner(copy.owner),
                    mode=copy.mode,
                    followSymlink=copy.follow_symlink,
                    dirCopyContents=copy.dir_copy_contents,
                    attemptUnpackDockerCompatibility=copy.attempt_unpack,
                    createDestPath=copy.create_dest_path,
                    allowWildcard=copy.allow_wildcard,
                    allowEmptyWildcard=copy.allow_empty_wildcard,
                    timestamp=copy.timestamp,
                    include_patterns=copy.include_patterns,
                    exclude_patterns=copy.exclude_patterns,
                    alwaysReplaceExistingDestPaths=copy.always_replace,
                    modeStr=copy.mode_str,
                    required_paths=copy.required_paths,
                )
            )
        case f.MkFileAction() as made:
            message.mkfile.CopyFrom(
                pb.FileActionMkFile(
                    path=made.path,
                    mode=made.mode,
                    data=made.data,
                    owner=_owner(made.owner),
                    timestamp=made.timestamp,
                )
            )
        case f.MkDirAction() as made_dir:
            message.mkdir.CopyFrom(
                pb.FileActionMkDir(
                    path=made_dir.path,
                    mode=made_dir.mode,
                    makeParents=made_dir.make_parents,
                    owner=_owner(made_dir.owner),
                    timestamp=made_dir.timestamp,
                )
            )
        case f.RmAction() as removed:
            message.rm.CopyFrom(
                pb.FileActionRm(
                    path=removed.path,
                    allowNotFound=removed.allow_not_found,
                    allowWildcard=removed.allow_wildcard,
                )
            )
        case f.SymlinkAction() as link:
            message.symlink.CopyFrom(
                pb.FileActionSymlink(
                    oldpath=link.old_path,
                    newpath=link.new_path,
                    owner=_owner(link.owner),
                    timestamp=link.timestamp,
                )
            )
        case _:
            assert_never(action.action)


def _owner(owner: f.ChownOpt | None) -> pb.ChownOpt | None:
    if owner is None:
        return None
    return pb.ChownOpt(user=_user(owner.user), group=_user(owner.group))


def _user(user: f.UserOpt | None) -> pb.UserOpt | None:
    match user:
        case None:
            return None
        case int():
            return pb.UserOpt(byID=user)
        case f.NamedUser():
            return pb.UserOpt(byName=pb.NamedUserOpt(name=user.name, input=user.input))
