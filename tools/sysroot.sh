#!/bin/sh
# Unpacks what Galen needs for another Debian processor into a folder, as an ordinary user and without touching this system:
#
#   tools/sysroot.sh arm64 build-arm/sysroot
#
# apt resolves and downloads with a state of its own from this system's sources. A folder that is complete is left as it is.
set -eu

architecture=${1:?the Debian architecture}
root=${2:?the folder}
packages="libc6-dev libcmocka-dev libjansson-dev libjpeg-dev libpng-dev libssl-dev libzip-dev zlib1g-dev"

[ "$(cat "$root/.galen-packages" 2>/dev/null)" = "$packages" ] && exit 0
rm -rf "$root"
mkdir -p "$root"
root=$(cd "$root" && pwd)
state=$root.apt
rm -rf "$state"
mkdir -p "$state/lists/partial" "$state/archives/partial"
: >"$state/status"
cat >"$state/apt.conf" <<END
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Install-Recommends "false";
Acquire::Languages "none";
Dir::State "$state";
Dir::State::status "$state/status";
Dir::Cache "$state";
Debug::NoLocking "true";
END
export APT_CONFIG="$state/apt.conf"
echo "Galen downloads these packages for $architecture: $packages"
apt-get update -q >"$state/update.txt" 2>&1 || true # a source without this architecture is no reason to stop
# shellcheck disable=SC2086 # one word a package
apt-get install -y -q --download-only $packages >"$state/install.txt" 2>&1 || {
    cat "$state/update.txt" "$state/install.txt" >&2
    echo "sysroot: apt could not download the packages for $architecture; see above" >&2
    exit 1
}
for package in "$state"/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
find "$root" -type l -lname '/*' | while read -r link; do ln -srfn "$root$(readlink "$link")" "$link"; done
rm -rf "$state"
printf %s "$packages" >"$root/.galen-packages"
