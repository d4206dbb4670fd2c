#!/bin/sh
# Unpacks PyTorch and oneDNN of a newer Debian than this machine may have, with all they need, into a folder: FOLDER/root.
# Installs nothing, needs no rights; about 210 MB are fetched and 1 GB unpacked. Use: debian.sh FOLDER [SUITE]
set -eu
folder=${1:?the folder} suite=${2:-trixie}
done="$folder/done-$suite-openmp" # names what is unpacked: a folder of an older recipe is made anew
[ -e "$done" ] && exit 0
command -v apt-get >/dev/null || { echo "debian.sh: no apt-get here" >&2; exit 1; }
mkdir -p "$folder/state/lists/partial" "$folder/cache/archives/partial" "$folder/root"
folder=$(cd "$folder" && pwd)
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m 1 'debian/*$')
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$folder/sources.list"
: >"$folder/status" # nothing counts as installed: everything down to libc is fetched

apt() {
    apt-get -q -o Dir::State="$folder/state" -o Dir::State::status="$folder/status" -o Dir::Cache="$folder/cache" \
        -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=/nonexistent \
        -o APT::Install-Recommends=false -o Debug::NoLocking=1 "$@"
}
apt update >"$folder/apt.txt" 2>&1
# PyTorch's products run on whatever BLAS is there; the plain one that its package brings would be slower than it need be, and
# OpenBLAS with threads of its own, which spin after every product, takes the cores from PyTorch's OpenMP threads, which spin too.
apt --download-only --yes install python3-torch python3-onnx libdnnl-dev libopenblas0-openmp >>"$folder/apt.txt" 2>&1
for package in "$folder"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$folder/root"; done
rm -rf "$folder/cache" "$folder/state"
# Programs of that root run with its own loader and libraries; FOLDER/with PROGRAM ARGUMENTS does that.
cat >"$folder/with" <<END
#!/bin/sh
lib=\$(ls -d $folder/root/usr/lib/*-linux-gnu)
program=\$1
shift
if [ "\$program" = python3 ]; then
    program=\$(ls $folder/root/usr/bin/python3.[0-9]* | head -n 1)
    export PYTHONHOME=$folder/root/usr PYTHONDONTWRITEBYTECODE=1
fi
exec "\$(ls "\$lib"/ld-linux-*.so.* | head -n 1)" --library-path "\$lib/openblas-openmp:\$lib:\${lib%/*}:\$lib/blas:\$lib/lapack" "\$program" "\$@"
END
chmod +x "$folder/with"
: >"$done"
