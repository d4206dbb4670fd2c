#!/bin/sh
# make fuzz: runs each libFuzzer target for a while, from the damaged and good files of tests/bad.
# Use: tools/fuzz.sh RELEASE-BUILD FUZZ-BUILD SECONDS     (one seed: the same code is searched the same way each time)
set -eu
release=$1
fuzz=$2
seconds=$3
seeds=$fuzz/seeds

rm -rf "$seeds" "$fuzz/corpus"
"$release/tests/cli_test_bad" --write "$seeds" >/dev/null
mkdir -p "$fuzz/corpus" "$fuzz/found"
find "$seeds" -type f -size -2000k | while read -r file; do
    cp "$file" "$fuzz/corpus/$(echo "$file" | sed "s|$seeds/||; s|/|-|g")"
done
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
for target in "$fuzz"/fuzz/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    name=${target##*/}
    mkdir -p "$fuzz/new/$name"
    echo "== $name, $seconds s"
    if ! "$target" -seed=1 -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -max_len=2000000 -print_final_stats=0 -verbosity=0 \
        -artifact_prefix="$fuzz/found/$name-" "$fuzz/new/$name" "$fuzz/corpus" >"$fuzz/$name.log" 2>&1; then
        tail -40 "$fuzz/$name.log"
        echo "fuzz: $name found something; the input is $fuzz/found/$name-*" >&2
        exit 1
    fi
done
echo "fuzz: nothing found"
