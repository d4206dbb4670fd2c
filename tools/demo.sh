#!/bin/sh
# make demo: draws phantoms, trains a network on some of them from scratch, and has it and the model that ships read others.
# Use: tools/demo.sh BUILD-FOLDER
set -eu
galen=$1/galen
out=$1/demo

# judge PREDICTIONS POSITIVE-LABEL: compares what was said with what was drawn.
judge() {
    awk -F, -v positive="$2" '
        NR == FNR { if (FNR > 1) truth[$1] = $2; next }
        {
            n = split($0, word, " +")
            name = word[1]
            sub(/.*\//, "", name)
            if (!(name in truth)) next
            said = word[4] == positive
            count[truth[name] said]++
            seen++
        }
        END {
            with = count["11"] + count["10"]
            without = count["01"] + count["00"]
            if (!seen || !with || !without) exit 1
            printf "Against what was drawn: %d of %d with an opacity are called %s, %d of %d without one are not.\n",
                count["11"], with, positive, count["00"], without
        }' "$out/pictures/truth.csv" "$1"
}

rm -rf "$out"
mkdir -p "$out"
"$galen" phantom --count 64 --seed 1 --out "$out/pictures"
echo
echo "The model that ships:"
"$galen" predict default "$out/pictures" >"$out/predictions.txt"
cat "$out/predictions.txt"
judge "$out/predictions.txt" PNEUMONIA

echo
echo "A network trained from scratch on 480 other phantoms:"
"$galen" phantom --count 480 --seed 2 --size 128 --out "$out/training" >"$out/training.txt"
# truth.csv says 0 or 1: a table with words, as a user would bring it.
awk -F, 'NR == 1 { print "path,label"; next } { print $1 "," ($2 == 1 ? "opacity" : "normal") }' \
    "$out/training/truth.csv" >"$out/training/labels.csv"
"$galen" train "$out/training/labels.csv" --model zoo:cxr-resnet10 --epochs 8 --batch 32 --positive opacity --out "$out/run"
"$galen" predict "$out/run/best.onnx" "$out/pictures" >"$out/own-predictions.txt"
judge "$out/own-predictions.txt" opacity
echo
echo "These are phantoms, not patients: drawings made from formulas and statistics. They show that the software works;"
echo "they say nothing about how good a model is on people. Pictures, tables and the run folder are in $out."
