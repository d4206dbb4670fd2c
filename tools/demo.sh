#!/bin/sh
# make demo: draws 64 phantoms, reads them with the model that ships, and compares the answers with what was drawn.
# Use: tools/demo.sh BUILD-FOLDER
set -eu
galen=$1/galen
out=$1/demo

rm -rf "$out"
"$galen" phantom --count 64 --seed 1 --out "$out"
echo
"$galen" predict default "$out" >"$out/predictions.txt"
cat "$out/predictions.txt"
awk -F, '
    NR == FNR { if (FNR > 1) truth[$1] = $2; next }
    {
        n = split($0, word, " +")
        name = word[1]
        sub(/.*\//, "", name)
        if (!(name in truth)) next
        said = word[4] == "PNEUMONIA"
        count[truth[name] said]++
        seen++
    }
    END {
        with = count["11"] + count["10"]
        without = count["01"] + count["00"]
        if (!seen || !with || !without) exit 1
        printf "Against what was drawn: %d of %d with an opacity are called PNEUMONIA, %d of %d without one are not.\n",
            count["11"], with, count["00"], without
    }' "$out/truth.csv" "$out/predictions.txt"
echo "These are phantoms, not patients: drawings made from formulas and statistics. They show that the software works;"
echo "they say nothing about how good the model is on people. Pictures and truth.csv are in $out."
