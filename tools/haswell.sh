#!/bin/sh
# Runs kernels, dispatch, graph and sessions of a finished build on an emulated Haswell, which has AVX2 and nothing newer: an
# instruction of a higher level that leaks out of its file ends the program.
#
#   tools/haswell.sh build
set -eu
cd "$(dirname "$0")/.."
build=${1:?the build folder}
unset GALEN_CPU

# Features that qemu cannot emulate (TSX) are no concern of ours; it names them on stderr at each start.
haswell() { qemu-x86_64-static -cpu Haswell "$@" 2>"$build/haswell.txt" || {
    status=$?
    grep -v "TCG doesn't support" "$build/haswell.txt" >&2 || true
    echo "haswell: '$*' ended with $status" >&2
    exit 1
}; }

haswell "$build/galen" doctor | grep '^isa .*avx2' || {
    echo "haswell: the level found on a Haswell is not avx2" >&2
    exit 1
}
# qemu 7.2 reads in a masked load what the mask leaves out; that no kernel does is for the run on the machine itself to say.
haswell "$build/tests/kernels/galen-check" --cases 20 --readable-guard
for test in cpu_test_features cpu_test_dispatch graph_test_ops_nn graph_test_ops_element pass_test_random session_test_run \
    session_test_memory session_test_reference_bits; do
    echo "== $test"
    haswell "$build/tests/$test"
done
