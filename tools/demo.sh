#!/bin/sh
# make demo: draws phantoms, trains a network on some of them from scratch, and says how well it and the model that ships
# read others.
# Use: tools/demo.sh BUILD-FOLDER
set -eu
galen=$1/galen
out=$1/demo

rm -rf "$out"
mkdir -p "$out"
"$galen" phantom --count 64 --seed 1 --out "$out/pictures"
echo
echo "The model that ships:"
"$galen" predict default "$out/pictures"
echo
echo "Against what was drawn:"
"$galen" eval default "$out/pictures/truth.csv" >"$out/default.txt"
sed -n '/called positive/,/^NORMAL/p' "$out/default.txt"

echo
echo "A network trained from scratch on 480 other phantoms:"
"$galen" phantom --count 480 --seed 2 --size 128 --out "$out/training" >"$out/training.txt"
# truth.csv says 0 or 1: tables with words, as a user would bring them.
for folder in training pictures; do
    awk -F, 'NR == 1 { print "path,label"; next } { print $1 "," ($2 == 1 ? "opacity" : "normal") }' \
        "$out/$folder/truth.csv" >"$out/$folder/labels.csv"
done
"$galen" train "$out/training/labels.csv" --model zoo:cxr-resnet10 --epochs 8 --batch 32 --positive opacity --out "$out/run"
echo
echo "How good it is on the 64 phantoms of before, which it never saw:"
"$galen" eval "$out/run/best.onnx" "$out/pictures/labels.csv" -o "$out/evidence.json"
"$galen" report "$out/evidence.json" --verify -o "$out/report.html"
echo
echo "These are phantoms, not patients: drawings made from formulas and statistics. They show that the software works;"
echo "they say nothing about how good a model is on people. Pictures, tables, the run folder and report.html are in $out."
