#!/bin/sh
# Installs the system packages Galen is built from (Debian 12 or newer, Ubuntu 24.04 or newer), only those that are missing.
#
#   tools/install-deps.sh            what the build, the demo and the tests need
#   tools/install-deps.sh --lint     the same, and clang, clang-format and clang-tidy for `make lint` and fuzzing
#   tools/install-deps.sh --peers    what bench/peers compares with: PyTorch, a reader of ONNX for it, oneDNN
#   tools/install-deps.sh --arm      what cross-building for aarch64, and running it and old processors, needs beside a build
#   tools/install-deps.sh --list     only prints the names of the packages, one a line
#
# Run by `make` before it builds; `make DEPS=no` leaves it out. Says what it is about to do and asks nothing.
set -eu

packages="build-essential cmake ninja-build pkg-config
fonts-dejavu-core libcairo2-dev libcmocka-dev libdcmtk-dev libjansson-dev libjpeg-dev libopenjp2-7-dev libpng-dev libssl-dev libzip-dev zlib1g-dev"

list=no
for argument in "$@"; do
    case $argument in
    --lint) packages="$packages clang clang-format clang-tidy" ;;
    --peers) packages="$packages python3-numpy python3-onnx python3-torch libdnnl-dev" ;;
    --arm) packages="$packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static" ;;
    --list) list=yes ;;
    *)
        echo "install-deps: unknown option '$argument'; use --lint, --peers, --arm or --list" >&2
        exit 2
        ;;
    esac
done

if [ "$list" = yes ]; then
    for package in $packages; do echo "$package"; done
    exit 0
fi

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    echo "install-deps: no apt here; install by hand what this system calls:" $packages >&2
    exit 0 # CMake names whatever is really missing
fi

missing=
for package in $packages; do
    # Virtual packages (pkg-config is one on newer releases) count when something installed provides them.
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] && continue
    if dpkg-query -W -f '${db:Status-Status} ${Provides}\n' 2>/dev/null |
        grep -Eq "^installed .*(^| )$package( |,|$)"; then continue; fi
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1; then
        as_root=sudo
    else
        echo "install-deps: these packages are missing and this user cannot install them; as root run: apt-get install$missing" >&2
        exit 1
    fi
fi

echo "Galen needs these system packages, which apt-get installs now:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086 # one word a package
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
