# Sourced by ./run and ./test: brings a fresh machine to where Viaduct runs.
#
# setup_system GROUP...   system packages, by the machine's package manager where that is allowed,
#                         otherwise the exact command is named
# setup_python LOCK       a virtual environment from a lock file; sets $venv
#
# Both look before they act: a second start costs a few file look-ups.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf 'viaduct: %s\n' "$*" >&2; }

# --- system packages --------------------------------------------------------------------------

# One line a need: group | probe | apt | dnf | pacman | zypper.  A probe is a command on PATH,
# "lib:NAME" for a shared library, "file:PATH" or "font:" for any font at all.
needs() {
    cat <<'EOF'
core|crun runc|crun|crun|crun|crun
core|newuidmap|uidmap|shadow-utils|shadow|shadow
core|qemu-aarch64-static|qemu-user-static|qemu-user-static|qemu-user-static qemu-user-static-binfmt|qemu-linux-user
core|git|git|git|git|git
window|lib:libEGL.so.1|libegl1|libglvnd-egl|libglvnd|libglvnd
window|lib:libGL.so.1|libgl1|libglvnd-glx|libglvnd|libglvnd
window|lib:libxkbcommon-x11.so.0|libxkbcommon-x11-0|libxkbcommon-x11|libxkbcommon-x11|libxkbcommon-x11-0
window|lib:libxcb-cursor.so.0|libxcb-cursor0|xcb-util-cursor|xcb-util-cursor|libxcb-cursor0
window|lib:libxcb-icccm.so.4|libxcb-icccm4|xcb-util-wm|xcb-util-wm|libxcb-icccm4
window|lib:libxcb-keysyms.so.1|libxcb-keysyms1|xcb-util-keysyms|xcb-util-keysyms|libxcb-keysyms1
window|lib:libxcb-image.so.0|libxcb-image0|xcb-util-image|xcb-util-image|libxcb-image0
window|lib:libxcb-render-util.so.0|libxcb-render-util0|xcb-util-renderutil|xcb-util-renderutil|libxcb-render-util0
window|lib:libxcb-randr.so.0|libxcb-randr0|libxcb|libxcb|libxcb-randr0
window|lib:libxcb-shape.so.0|libxcb-shape0|libxcb|libxcb|libxcb-shape0
window|lib:libxcb-xkb.so.1|libxcb-xkb1|libxcb|libxcb|libxcb-xkb1
window|lib:libfontconfig.so.1|libfontconfig1|fontconfig|fontconfig|libfontconfig1
window|lib:libdbus-1.so.3|libdbus-1-3|dbus-libs|dbus|libdbus-1-3
window|font:|fonts-dejavu-core|dejavu-sans-fonts|ttf-dejavu|dejavu-fonts
test|docker-registry registry|docker-registry|docker-distribution|docker-registry|distribution-registry
test|dockerd|docker.io|moby-engine|docker|docker
test|Xvfb|xvfb|xorg-x11-server-Xvfb|xorg-server-xvfb|xorg-x11-server-Xvfb
test|xdotool|xdotool|xdotool|xdotool|xdotool
test|openbox|openbox|openbox|openbox|openbox
test|import|imagemagick|ImageMagick|imagemagick|ImageMagick
test|skopeo|skopeo|skopeo|skopeo|skopeo
test|umoci|umoci|umoci|umoci|umoci
test|podman|podman|podman|podman|podman
test|dbus-run-session|dbus|dbus-daemon|dbus|dbus-1
test|gnome-keyring-daemon|gnome-keyring|gnome-keyring|gnome-keyring|gnome-keyring
test|htpasswd|apache2-utils|httpd-tools|apache|apache2-utils
test|strace|strace|strace|strace|strace
test|mount.fuse3 fusermount3|fuse3|fuse3|fuse3|fuse3
EOF
}

libraries=

has() {
    local probe
    case $1 in
        lib:*)
            [ -n "$libraries" ] || libraries=$( (ldconfig -p || /sbin/ldconfig -p) 2>/dev/null)
            case $libraries in *"${1#lib:}"*) return 0 ;; esac
            return 1
            ;;
        font:*)
            for probe in /usr/share/fonts/*/* /usr/local/share/fonts/* "$HOME"/.fonts/*; do
                [ -e "$probe" ] && return 0
            done
            return 1
            ;;
    esac
    for probe in $1; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$probe" >/dev/null 2>&1 && return 0
    done
    return 1
}

setup_system() {
    [ "$(uname -s)" = Linux ] || return 0
    local manager column install
    if command -v apt-get >/dev/null; then
        manager=apt column=3 install="apt-get install -y --no-install-recommends"
    elif command -v dnf >/dev/null; then
        manager=dnf column=4 install="dnf install -y"
    elif command -v pacman >/dev/null; then
        manager=pacman column=5 install="pacman -S --needed --noconfirm"
    elif command -v zypper >/dev/null; then
        manager=zypper column=6 install="zypper --non-interactive install"
    else
        manager=none column=3 install=
    fi
    local missing="" line group probe
    while IFS= read -r line; do
        group=${line%%|*}
        case " $* " in *" $group "*) ;; *) continue ;; esac
        probe=${line#*|}
        has "${probe%%|*}" || missing="$missing $(printf '%s' "$line" | cut -d'|' -f$column)"
    done <<EOF
$(needs)
EOF
    [ "$manager" != apt ] || usable_python >/dev/null 2>&1 || missing="$missing python3 python3-venv"
    missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
    [ -n "${missing// /}" ] || return 0
    if [ $manager = none ]; then
        say "no package manager known here; install the equivalents of: $missing"
        return 0
    fi
    local elevate=""
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            elevate=sudo
        else
            say "something is missing that needs an administrator. Please run:"
            say "    sudo $install $missing"
            return 0
        fi
    fi
    say "installing $missing"
    # Services that packages bring (a registry, an engine) are started by who needs them, not here.
    local policy=/usr/sbin/policy-rc.d own_policy=""
    if [ $manager = apt ]; then
        if [ ! -e $policy ] && [ -z "$elevate" ] && [ ! -d /run/systemd/system ]; then
            printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && own_policy=1
        fi
        $elevate apt-get update -q >&2 || say "the package lists could not be refreshed; going on"
        $elevate env DEBIAN_FRONTEND=noninteractive $install $missing >&2 ||
            say "not everything could be installed: $elevate $install $missing"
        [ -z "$own_policy" ] || rm -f $policy
    else
        $elevate $install $missing >&2 || say "not everything could be installed: $elevate $install $missing"
    fi
}

# --- Python -----------------------------------------------------------------------------------

# The system's own interpreter first: other users of the machine can run it too.
usable_python() {
    local candidate
    for candidate in ${VIADUCT_PYTHON:-} /usr/bin/python3 python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

setup_python() {
    local lock=$project/installers/lock/$1.txt python stamp want
    if [ -n "${VIADUCT_VENV:-}" ]; then
        venv=$VIADUCT_VENV
    elif [ -w "$project" ]; then
        venv=$project/.venv
    else
        venv=${XDG_DATA_HOME:-$HOME/.local/share}/viaduct/venv-$(printf '%s' "$project" | cksum | cut -d' ' -f1)
    fi
    stamp=$venv/.viaduct-$1
    want=$(cat "$lock" "$project/pyproject.toml" | cksum)
    if [ -x "$venv/bin/python" ] && [ -r "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
        return 0
    fi
    python=$(usable_python) || {
        say "Python 3.11 or later with its venv module is missing."
        say "On Debian and Ubuntu: sudo apt-get install python3 python3-venv"
        exit 1
    }
    say "preparing the Python environment in $venv (once)"
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r "$lock" >&2 || {
        say "the Python packages could not be installed; the message above says why."
        say "Behind a proxy set HTTPS_PROXY; with a package index of your own set PIP_INDEX_URL."
        exit 1
    }
    # A path file instead of an installed copy: the checkout is what runs.
    "$venv/bin/python" - "$project" <<'EOF'
import pathlib, sys, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "viaduct.pth").write_text(sys.argv[1] + "\n")
EOF
    printf '%s\n' "$want" >"$stamp"
}
