#!/bin/sh
# make arm: cross-builds for aarch64 into build-arm and runs what computes there under qemu-user: every kernel against its
# reference, detection and dispatch, the graph's ops, passes, and whole sessions, one of them against recorded bits.
#
#   tools/arm.sh          build and test
#   tools/arm.sh --all    the same, with every test that needs no plug-in for DICOM (about ten times as long)
#
# Speed under qemu says nothing about a real processor.
set -eu
cd "$(dirname "$0")/.."

sh tools/sysroot.sh arm64 build-arm/sysroot
cmake --preset arm --log-level=WARNING
cmake --build --preset arm
root=$(pwd)/build-arm/sysroot

qemu-aarch64-static -cpu max -L "$root" build-arm/tests/kernels/galen-check --cases 20
# An older processor: nothing above ARMv8.0 may be executed.
qemu-aarch64-static -cpu cortex-a72 -L "$root" build-arm/tests/kernels/galen-check --cases 20
if [ "${1:-}" = --all ]; then
    # Commands that start other commands would start them without qemu.
    ctest --preset arm --parallel "$(nproc)" -E '^(cli\.|fuzz\.|dicom\.(dictionary|pydicom|syntaxes|write)$)'
else
    # cpu.arithmetic measures peaks, which is long under qemu and says nothing there.
    ctest --preset arm --parallel "$(nproc)" -R '^(base\.numbers|image\.(picture|resize)|graph\..*|pass\..*|cpu\.(features|dispatch|map_bytes)|session\.(run|memory|chain_bits|reference_bits))$'
fi
