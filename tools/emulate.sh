#!/bin/sh
# Runs kernels of a finished build on an emulated Sapphire Rapids, for machines without AMX: Bochs boots Debian's kernel with
# galen-check in its first file system. Speed there says nothing about a processor.
#
#   tools/emulate.sh BUILD BOCHS-SOURCE                    every AMX row, 20 problems each (minutes)
#   tools/emulate.sh BUILD BOCHS-SOURCE --row NAME ...     galen-check with these arguments
#
# BOCHS-SOURCE is an unpacked source of Bochs 3.0 (tools/emulate.patch is applied to a copy of it and says why; its build takes
# minutes, once). Needs a Debian whose apt can download packages, a C++ compiler, make and patch. Nothing is installed: all lies
# in build-emulate.
set -eu
cd "$(dirname "$0")/.."
build=${1:?the build folder}
source=${2:?the unpacked source of Bochs 3.0}
shift 2
[ $# -gt 0 ] || set -- --row amx --cases 20
work=$(pwd)/build-emulate
mkdir -p "$work/deb" "$work/guest"

if [ ! -x "$work/bochs/bochs" ]; then
    rm -rf "$work/bochs"
    cp -r "$source" "$work/bochs"
    patch -s -d "$work/bochs" -p1 <tools/emulate.patch
    (
        cd "$work/bochs"
        ./configure --with-nogui --without-x11 --without-sdl2 --without-wx --disable-plugins --disable-docbook \
            --enable-cpu-level=6 --enable-x86-64 --enable-avx --enable-evex --enable-amx --enable-all-optimizations \
            CXXFLAGS='-O2 -w'
        make -j"$(nproc)"
    ) >"$work/bochs.txt" 2>&1 || {
        echo "emulate: Bochs does not build: see $work/bochs.txt" >&2
        exit 1
    }
fi

if [ ! -e "$work/guest/usr/bin/genisoimage" ]; then
    kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
    (cd "$work/deb" && apt-get -qq download "$kernel" busybox-static isolinux syslinux-common bochsbios vgabios genisoimage)
    for deb in "$work"/deb/*.deb; do dpkg-deb -x "$deb" "$work/guest"; done
fi

# The first file system: the program, what it is linked with, and an init that runs it and turns the machine off.
root=$work/root
rm -rf "$root" "$work/cd"
mkdir -p "$root/bin" "$root/proc" "$root/dev" "$work/cd/isolinux"
cp "$work/guest/bin/busybox" "$build/tests/kernels/galen-check" "$root/bin"
ldd "$build/tests/kernels/galen-check" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root/$(dirname "$library")"
    cp -L "$library" "$root/$library"
done
cat >"$root/init" <<EOF
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
echo "guest: \$(/bin/busybox grep -o -E 'amx_[a-z0-9]+|avx512_fp16|avx_vnni' /proc/cpuinfo | /bin/busybox tr '\n' ' ')"
/bin/galen-check $*
echo "guest: ended with \$?"
/bin/busybox sleep 1
/bin/busybox poweroff -f
EOF
chmod +x "$root/init"
(cd "$root" && find . | "$work/guest/bin/busybox" cpio -o -H newc 2>/dev/null) >"$work/cd/initrd"
cp "$work"/guest/boot/vmlinuz* "$work/cd/vmlinuz"
cp "$work/guest/usr/lib/ISOLINUX/isolinux.bin" "$work/guest/usr/lib/syslinux/modules/bios/ldlinux.c32" "$work/cd/isolinux"
cat >"$work/cd/isolinux/isolinux.cfg" <<EOF
default galen
label galen
 kernel /vmlinuz
 append initrd=/initrd console=ttyS0,115200 quiet mitigations=off no5lvl nokaslr panic=-1
EOF
"$work/guest/usr/bin/genisoimage" -quiet -J -R -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
    -boot-load-size 4 -boot-info-table -o "$work/cd.iso" "$work/cd"

cat >"$work/bochsrc" <<EOF
display_library: nogui
config_interface: textconfig
cpu: model=sapphire_rapids, count=1, ips=100000000, reset_on_triple_fault=0
memory: guest=1024, host=1024
romimage: file=$work/guest/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=$work/guest/usr/share/vgabios/vgabios-stdvga.bin
ata0-master: type=cdrom, path=$work/cd.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial.txt
clock: sync=none
log: $work/log.txt
panic: action=fatal
error: action=ignore
info: action=ignore
EOF
rm -f "$work/serial.txt"
# Turning the machine off ends Bochs with a status of its own.
echo c | nice "$work/bochs/bochs" -q -f "$work/bochsrc" >"$work/console.txt" 2>&1 || true
sed -n '/^guest:/,/^guest: ended/p' "$work/serial.txt" | tr -d '\r'
grep -q '^guest: ended with 0' "$work/serial.txt" || {
    echo "emulate: the guest did not end well: see $work/serial.txt and $work/log.txt" >&2
    exit 1
}
