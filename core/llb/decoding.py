"""``pb.Op`` messages as operations; the inverse of ``core.llb.encoding``."""

from __future__ import annotations

from core.errors import OptionError
from core.llb import files as f
from core.llb import ops as o
from core.oci.platform import Platform
from core.wire.pb import ops_pb2 as pb


def decode_op(message: pb.Op) -> o.Op:
    """The operation of ``message``; ``OptionError`` when it has none that is known."""
    match message.WhichOneof("op"):
        case "source":
            source = message.source
            return o.SourceOp(identifier=source.identifier, attrs=o.pairs(source.attrs))
        case "exec":
            return _exec(message.exec)
        case "file":
            return o.FileOp(actions=tuple(_action(action) for action in message.file.actions))
        case "merge":
            return o.MergeOp(inputs=tuple(item.input for item in message.merge.inputs))
        case "diff":
            return o.DiffOp(lower=message.diff.lower.input, upper=message.diff.upper.input)
        case "build":
            build = message.build
            return o.BuildOp(
                builder=build.builder,
                inputs=tuple(sorted((key, item.input) for key, item in build.inputs.items())),
                definition=getattr(build, "def").SerializeToString(deterministic=True),
                attrs=o.pairs(build.attrs),
            )
        case "passthrough":
            return o.PassthroughOp(
                id=message.passthrough.id, outputs=tuple(message.passthrough.outputs)
            )
        case _:
            raise OptionError(
                "the definition holds an operation of a kind this builder does not know",
                hint="It was made for a newer builder.",
            )


def decode_platform(message: pb.Platform) -> Platform:
    """``message`` as a value, as it is (not normalised)."""
    return Platform(
        os=message.OS,
        architecture=message.Architecture,
        variant=message.Variant,
        os_version=message.OSVersion,
        os_features=tuple(message.OSFeatures),
    )


def _exec(message: pb.ExecOp) -> o.ExecOp:
    meta = message.meta
    return o.ExecOp(
        meta=o.Meta(
            args=tuple(meta.args),
            env=tuple(meta.env),
            cwd=meta.cwd,
            user=meta.user,
            proxy_env=_proxy(meta.proxy_env) if meta.HasField("proxy_env") else None,
            extra_hosts=tuple(o.HostIP(host=h.Host, ip=h.IP) for h in meta.extraHosts),
            hostname=meta.hostname,
            ulimits=tuple(o.Ulimit(name=u.Name, soft=u.Soft, hard=u.Hard) for u in meta.ulimit),
            cgroup_parent=meta.cgroupParent,
            remove_mount_stubs_recursive=meta.removeMountStubsRecursive,
            valid_exit_codes=tuple(meta.validExitCodes),
        ),
        mounts=tuple(_mount(mount) for mount in message.mounts),
        network=o.NetMode(message.network),
        security=o.SecurityMode(message.security),
        secret_env=tuple(
            o.SecretEnv(id=s.ID, name=s.name, optional=s.optional) for s in message.secretenv
        ),
        cdi_devices=tuple(
            o.CDIDevice(name=d.name, optional=d.optional) for d in message.cdiDevices
        ),
    )


def _proxy(message: pb.ProxyEnv) -> o.ProxyEnv:
    return o.ProxyEnv(
        http_proxy=message.http_proxy,
        https_proxy=message.https_proxy,
        ftp_proxy=message.ftp_proxy,
        no_proxy=message.no_proxy,
        all_proxy=message.all_proxy,
    )


def _mount(message: pb.Mount) -> o.Mount:
    secret, ssh = message.secretOpt, message.SSHOpt
    return o.Mount(
        dest=message.dest,
        input=message.input,
        selector=message.selector,
        output=message.output,
        readonly=message.readonly,
        mount_type=o.MountType(message.mountType),
        tmpfs_size=message.TmpfsOpt.size if message.HasField("TmpfsOpt") else None,
        cache=o.CacheOpt(id=message.cacheOpt.ID, sharing=o.CacheSharing(message.cacheOpt.sharing))
        if message.HasField("cacheOpt")
        else None,
        secret=o.SecretOpt(
            id=secret.ID,
            uid=secret.uid,
            gid=secret.gid,
            mode=secret.mode,
            optional=secret.optional,
        )
        if message.HasField("secretOpt")
        else None,
        ssh=o.SSHOpt(id=ssh.ID, uid=ssh.uid, gid=ssh.gid, mode=ssh.mode, optional=ssh.optional)
        if message.HasField("SSHOpt")
        else None,
        result_id=message.resultID,
        content_cache=o.ContentCache(message.contentCache),
    )


def _action(message: pb.FileAction) -> f.FileAction:
    return f.FileAction(
        action=_any_action(message),
        input=message.input,
        secondary_input=message.secondaryInput,
        output=message.output,
    )


def _any_action(message: pb.FileAction) -> f.AnyAction:
    match message.WhichOneof("action"):
        case "copy":
            copy = message.copy
            return f.CopyAction(
                src=copy.src,
                dest=copy.dest,
                owner=_owner(copy),
                mode=copy.mode,
                mode_str=copy.modeStr,
                follow_symlink=copy.followSymlink,
                dir_copy_contents=copy.dirCopyContents,
                attempt_unpack=copy.attemptUnpackDockerCompatibility,
                create_dest_path=copy.createDestPath,
                allow_wildcard=copy.allowWildcard,
                allow_empty_wildcard=copy.allowEmptyWildcard,
                timestamp=copy.timestamp,
                include_patterns=tuple(copy.include_patterns),
                exclude_patterns=tuple(copy.exclude_patterns),
                always_replace=copy.alwaysReplaceExistingDestPaths,
                required_paths=tuple(copy.required_paths),
            )
        case "mkfile":
            made = message.mkfile
            return f.MkFileAction(
                path=made.path,
                data=made.data,
                mode=made.mode,
                owner=_owner(made),
                timestamp=made.timestamp,
            )
        case "mkdir":
            directory = message.mkdir
            return f.MkDirAction(
                path=directory.path,
                mode=directory.mode,
                make_parents=directory.makeParents,
                owner=_owner(directory),
                timestamp=directory.timestamp,
            )
        case "rm":
            return f.RmAction(
                path=message.rm.path,
                allow_not_found=message.rm.allowNotFound,
                allow_wildcard=message.rm.allowWildcard,
            )
        case "symlink":
            link = message.symlink
            return f.SymlinkAction(
                old_path=link.oldpath,
                new_path=link.newpath,
                owner=_owner(link),
                timestamp=link.timestamp,
            )
        case _:
            raise OptionError("the definition holds a file action of a kind that is not known")


_Owned = pb.FileActionCopy | pb.FileActionMkFile | pb.FileActionMkDir | pb.FileActionSymlink


def _owner(message: _Owned) -> f.ChownOpt | None:
    if not message.HasField("owner"):
        return None
    owner = message.owner
    return f.ChownOpt(
        user=_user(owner.user) if owner.HasField("user") else None,
        group=_user(owner.group) if owner.HasField("group") else None,
    )


def _user(message: pb.UserOpt) -> f.UserOpt | None:
    match message.WhichOneof("user"):
        case "byName":
            return f.NamedUser(name=message.byName.name, input=message.byName.input)
        case "byID":
            return message.byID
        case _:
            return None
