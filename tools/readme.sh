#!/bin/bash
# Runs every command of the README's blocks that begin with "$ galen" or "$ build/galen", in a folder of its own, and fails if one fails.
# Use: tools/readme.sh BUILD-FOLDER
set -eu
cd "$(dirname "$0")/.."
build=$(cd "$1" && pwd)
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$build" build
count=0
while IFS= read -r line; do
    command=${line#\$ }
    echo "\$ $command"
    bash -c "$command" >"$work/answer.txt" 2>&1 || {
        code=$?
        cat "$work/answer.txt"
        echo "readme: '$command' ends with exit code $code" >&2
        exit 1
    }
    count=$((count + 1))
done < <(grep -E '^\$ build/galen' "$root/README.md")
[ "$count" -gt 0 ] || {
    echo "readme: no command found" >&2
    exit 1
}
echo "readme: $count commands run"
