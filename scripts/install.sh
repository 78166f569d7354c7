#!/bin/sh
# Installs the bridge as a service and, if asked to, the nodes. Needs no network: everything is beside this file.
#
#   sudo ./install.sh --node-red /home/pi/.node-red
#
# Run it again to install another version over the present one; the configuration and the keys stay as they are.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=
node_red=
dry_run=
service=yes
remove=
purge=
python=${PYTHON:-python3}

usage() {
    cat <<'END'
usage: install.sh [--node-red DIR] [--root DIR] [--python PROGRAM] [--no-service] [--remove] [--purge] [--dry-run]

  --node-red DIR     install the nodes in Node-RED's user directory, too (mostly ~/.node-red)
  --root DIR         install below DIR in place of /, and touch nothing else: no users, no service
  --python PROGRAM   Python 3.11 or later (default: python3)
  --no-service       only programs and files; do not make groups, do not start the service
  --remove           remove what was installed, but configuration and keys
  --purge            remove these as well
  --dry-run          say what would be done
END
}

fail() {
    echo "install.sh: $1" >&2
    exit 1
}

# Does something, or says what would be done.
run() {
    if [ -n "$dry_run" ]; then
        printf '%s\n' "$*"
    else
        "$@"
    fi
}

while [ $# -gt 0 ]; do
    case $1 in
        --node-red | --root | --python)
            [ $# -ge 2 ] || fail "$1 needs a value; see --help"
            case $1 in
                --node-red) node_red=$2 ;;
                --root) root=$2 ;;
                --python) python=$2 ;;
            esac
            shift
            ;;
        --no-service) service= ;;
        --remove) remove=yes ;;
        --purge) remove=yes purge=yes ;;
        --dry-run) dry_run=yes ;;
        --help | -h)
            usage
            exit 0
            ;;
        *) fail "$1 is not understood; see --help" ;;
    esac
    shift
done

[ -z "$root" ] || service=
if [ -z "$root" ] && [ -z "$dry_run" ] && [ "$(id -u)" -ne 0 ]; then
    fail "it writes to /opt and /etc, so run it with sudo (or try --dry-run)"
fi

# -- removing ---------------------------------------------------------------------------------------------------------

if [ -n "$remove" ]; then
    if [ -n "$service" ] && [ -d /run/systemd/system ]; then
        run systemctl disable --now wisblock-bridge || true
    fi
    if [ -n "$node_red" ]; then
        run "$root/opt/wisblock-bridge/bin/wisblock-bridge" nodes remove --directory "$node_red"
    fi
    run rm -rf "$root/opt/wisblock-bridge"
    run rm -f "$root/usr/local/bin/wisblock-bridge" "$root/etc/systemd/system/wisblock-bridge.service" \
        "$root/etc/sysusers.d/wisblock-bridge.conf" "$root/etc/tmpfiles.d/wisblock-bridge.conf" \
        "$root/etc/udev/rules.d/60-wisblock-bridge.rules"
    [ -z "$purge" ] || run rm -rf "$root/etc/wisblock-bridge" "$root/var/lib/wisblock-bridge" \
        "$root/var/lib/private/wisblock-bridge" "$root/etc/systemd/system/wisblock-bridge.service.d"
    if [ -n "$service" ]; then
        [ ! -d /run/systemd/system ] || run systemctl daemon-reload
        if [ -n "$purge" ] && id wisblock-bridge >/dev/null 2>&1; then
            run userdel wisblock-bridge
            run groupdel wisblock
        fi
    fi
    exit 0
fi

# -- what is needed ---------------------------------------------------------------------------------------------------

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "Python 3.11 or later is needed, and $python is not; name another one with --python"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "Python's venv is missing: install the package python3-venv"
wheel=$(find "$here" -maxdepth 1 -name 'wisblock_bridge-*.whl')
nodes=$(find "$here" -maxdepth 1 -name 'wisblock-bridge-node-red-wisblock-*.tgz')
if [ ! -f "$wheel" ] || [ ! -f "$nodes" ] || [ ! -d "$here/wheelhouse" ]; then
    fail "one wheel, one archive of nodes and the wheelhouse belong beside this file; make them with 'make dist'"
fi
if [ -n "$node_red" ]; then
    [ -d "$node_red" ] || fail "$node_red is no directory; start Node-RED once, it makes it"
    command -v npm >/dev/null || fail "npm is missing; it comes with Node.js 20 or later"
fi

# -- the bridge -------------------------------------------------------------------------------------------------------

home=$root/opt/wisblock-bridge
[ -x "$home/bin/python" ] || run "$python" -m venv "$home"
run env PIP_CONFIG_FILE=/dev/null "$home/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-index --find-links "$here/wheelhouse" --force-reinstall "$wheel" ||
    fail "the wheels are not for this Python and processor, or one has to be compiled: apt install build-essential python3-dev"
run install -D -m 644 -t "$home/share" "$nodes" "$here/LICENSE" "$here/THIRD-PARTY.txt" "$here/system/remote-access.conf"

run install -d "$root/usr/local/bin"
run ln -sf /opt/wisblock-bridge/bin/wisblock-bridge "$root/usr/local/bin/wisblock-bridge"
run install -D -m 644 "$here/system/wisblock-bridge.service" "$root/etc/systemd/system/wisblock-bridge.service"
run install -D -m 644 "$here/system/sysusers.conf" "$root/etc/sysusers.d/wisblock-bridge.conf"
run install -D -m 644 "$here/system/tmpfiles.conf" "$root/etc/tmpfiles.d/wisblock-bridge.conf"
run install -D -m 644 "$here/system/60-wisblock-bridge.rules" "$root/etc/udev/rules.d/60-wisblock-bridge.rules"
if [ ! -e "$root/etc/wisblock-bridge/wisblock-bridge.toml" ]; then
    run install -D -m 644 "$here/system/wisblock-bridge.toml" "$root/etc/wisblock-bridge/wisblock-bridge.toml"
fi

if [ -n "$service" ] && [ -d /run/systemd/system ]; then
    run systemd-sysusers
    run systemd-tmpfiles --create wisblock-bridge.conf
    run udevadm control --reload
    run udevadm trigger
    run systemctl daemon-reload
    run systemctl enable wisblock-bridge
    run systemctl restart wisblock-bridge
elif [ -n "$service" ]; then
    echo "systemd does not run here, so no service was started: $home/bin/wisblock-bridge serve"
fi

# -- the nodes --------------------------------------------------------------------------------------------------------

# npm notes the place of the archive and wants the file again later: it takes the copy in share.
if [ -n "$node_red" ]; then
    set -- nodes install --directory "$node_red"
    [ -n "$service" ] || set -- "$@" --no-group
    run "$home/bin/wisblock-bridge" "$@"
fi
[ -n "$dry_run" ] || echo "Installed. What is missing on this computer: $home/bin/wisblock-bridge check"
