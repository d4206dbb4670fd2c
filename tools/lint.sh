#!/bin/bash
# make lint: everything about the code that a script can see. Prints each finding and exits 1 if there is any.
# Use: tools/lint.sh BUILD-FOLDER        (a finished build: symbols and compile commands are read from it)
#      tools/lint.sh BUILD-FOLDER --fast (without clang-tidy)
set -u
build=${1:?the build folder}
cd "$(dirname "$0")/.." || exit 1
found=0

say() {
    echo "lint: $*"
    found=1
}
step() { echo "== $*"; }

mapfile -t files < <(git ls-files -c -o --exclude-standard '*.c' '*.h' '*.cc' | while read -r f; do [ -e "$f" ] && echo "$f"; done)

step "formatting"
clang-format --dry-run -Werror "${files[@]}" >"$build/format.txt" 2>&1 || {
    grep 'warning\|error' "$build/format.txt" | cut -d: -f1 | sort -u | sed 's/^/lint: not formatted (make format): /'
    found=1
}

step "length of files"
for f in "${files[@]}"; do
    n=$(wc -l <"$f")
    [ "$n" -le 800 ] || say "$f: $n lines; 800 at most"
done

step "directions between rooms"
# What each room may include, in the order of the arrows of docs/tour.md.
allowed() {
    case $1 in
    base) echo base ;;
    image) echo base image ;;
    dicom) echo base image dicom ;;
    graph) echo base graph ;;
    data) echo base image dicom data ;;
    clinic) echo base image dicom data clinic ;;
    model) echo base image graph clinic model ;;
    pass) echo base graph pass ;;
    cpu) echo base graph cpu ;;
    session) echo base image dicom graph data clinic model pass cpu session ;;
    train) echo base image dicom graph data clinic model pass cpu session train ;;
    analyze) echo base image dicom graph data clinic model pass cpu session analyze ;;
    optimize) echo base image dicom graph data clinic model pass cpu session train optimize ;;
    cli) echo base image dicom graph data clinic model pass cpu session train analyze optimize cli ;;
    *) echo "$1" ;;
    esac
}
# The same for folders of clinic.
allowed_in_clinic() {
    case $1 in
    stats | watch) echo "$1" ;;
    claims) echo stats claims ;;
    measures) echo stats measures ;;
    cases) echo stats measures cases ;;
    evaluate) echo stats measures cases evaluate ;;
    choose) echo stats measures cases evaluate choose ;;
    plan) echo stats measures cases evaluate choose plan ;;
    compare) echo stats measures cases evaluate choose plan compare ;;
    *) echo stats measures cases evaluate choose plan compare evidence ;;
    esac
}
# check_directions FILE ABOVE TABLE: what FILE includes of the folders below src/ABOVE, against the row of its own folder.
check_directions() {
    local place=${1#src/"$2"} to
    place=${place%%/*}
    for to in $(sed -n "s|^#include \"$2\([a-z]*\)/.*|\1|p" "$1" | sort -u); do
        [ -d "src/$2$to" ] || continue
        case " $($3 "$place") " in *" $to "*) ;; *) say "$1 includes $2$to/: $2$place may use only: $($3 "$place")" ;; esac
    done
}
for f in "${files[@]}"; do
    case $f in src/*/*) check_directions "$f" "" allowed ;; esac
    case $f in src/clinic/*/*) check_directions "$f" clinic/ allowed_in_clinic ;; esac
done

step "banned functions"
unsafe='strcpy|strcat|stpcpy|sprintf|vsprintf|gets|atoi|atol|atoll|atof|strtok|alloca|tmpnam|mktemp|rand|srand|popen'
library='malloc|calloc|realloc|strdup|strndup|printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror|exit|_exit|abort|assert|getenv|setlocale|system'
for f in "${files[@]}"; do
    case $f in src/* | include/*) ;; *) continue ;; esac
    pattern=$unsafe
    case $f in
    src/cli/*) ;;
    src/base/mem.c) pattern="$unsafe|printf|exit|abort|getenv" ;; # the one place that allocates
    *) pattern="$unsafe|$library" ;;
    esac
    hit=$(awk -f tools/strip.awk "$f" | grep -nE "(^|[^A-Za-z0-9_>.:])($pattern)[[:space:]]*\(" | head -3)
    [ -z "$hit" ] || say "$f uses a banned function: $(echo "$hit" | tr '\n' ' ' | cut -c1-160)"
done

step "unfinished work"
hit=$(grep -nEw 'TODO|FIXME|XXX|HACK' "${files[@]}" | head -5)
[ -z "$hit" ] || say "unfinished: $hit"

step "public headers alone, C11 and C++17"
for h in include/galen/*.h; do
    alone="#include <galen/${h##*/}>
int galen_lint;"
    echo "$alone" | gcc -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only -Iinclude -x c - || say "$h does not compile alone as C11"
    echo "$alone" | g++ -std=c++17 -pedantic -Wall -Wextra -Werror -fsyntax-only -Iinclude -x c++ - || say "$h does not compile alone as C++17"
done

step "exported symbols"
for library in "$build"/libgalen.so "$build"/lib/galen/*.so; do
    [ -e "$library" ] || {
        say "$library is not built"
        continue
    }
    hit=$(nm -D --defined-only "$library" | awk '$3 !~ /^galen_/ { print $3 }' | head -3)
    [ -z "$hit" ] || say "$library exports names that do not begin with galen_: $hit"
done

step "shell scripts"
if command -v shellcheck >/dev/null 2>&1; then
    shellcheck -S warning tools/*.sh .ci/run || found=1
fi

if [ "${2:-}" != --fast ]; then
    step "clang-tidy"
    # GCC's own options mean nothing to clang; sources of the library and the command only, and of those the ones
    # this processor's build compiles: another's (NEON on x86) would be read with guessed options.
    mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep -E '^src/.*\.c$' | while read -r f; do
        grep -qF "/$f\"" "$build/compile_commands.json" && echo "$f"
    done)
    [ "${#sources[@]}" -gt 0 ] || say "$build/compile_commands.json names no source"
    printf '%s\0' "${sources[@]}" |
        xargs -0 -n 4 -P "$(nproc)" clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option >"$build/tidy.txt" 2>/dev/null
    if grep -qE '(warning|error):' "$build/tidy.txt"; then
        grep -E '(warning|error):' "$build/tidy.txt" | sort -u | head -40
        found=1
    fi
fi

[ "$found" = 0 ] && echo "lint: nothing found in ${#files[@]} files"
exit "$found"
