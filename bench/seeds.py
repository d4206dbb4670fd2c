#!/usr/bin/env python3
"""One training with several seeds: mean and spread of every measure, never the best seed.

use: bench/seeds.py NAME SEEDS RUNS-FOLDER GALEN-TRAIN-ARGUMENTS...

Runs `build/galen train ARGUMENTS --seed S --out RUNS-FOLDER/NAME-S --json` for S = 1 .. SEEDS and writes
bench/results/NAME.json: the arguments, machine and date, each seed's figures and, of every measure of the test pictures
(of the validation pictures where there is no test split), mean, standard deviation, least and largest. Accuracy is at a
logit of 0, a probability of one half; sensitivity and specificity at the point frozen on the validation pictures.
"""
import datetime, json, os, platform, shutil, statistics, subprocess, sys

name, seeds, folder, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
galen = os.path.join(root, "build", "galen")


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


runs = []
for seed in range(1, seeds + 1):
    out = os.path.join(folder, f"{name}-{seed}")
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run([galen, "train", *arguments, "--seed", str(seed), "--out", out, "--json"], stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(done.returncode)
    runs.append({"seed": seed, **json.loads(done.stdout)})
    os.remove(os.path.join(out, "last.safetensors"))
    print(seed, json.dumps(runs[-1].get("test", runs[-1].get("validation"))), file=sys.stderr)

summary = {}
for split in ("validation", "test"):
    for measure in runs[0].get(split, {}):
        values = [r[split][measure] for r in runs]
        if measure == "threshold_logit" or isinstance(values[0], list):  # intervals stay with their runs
            continue
        summary[f"{split} {measure}"] = {"mean": statistics.fmean(values),
                                         "sd": statistics.stdev(values) if seeds > 1 else None,
                                         "least": min(values), "largest": max(values)}
result = {"name": name, "machine": machine(), "date": datetime.date.today().isoformat(),
          "arguments": [os.path.basename(a) if os.sep in a else a for a in arguments], "summary": summary,
          "runs": [{k: v for k, v in r.items() if k != "run"} for r in runs]}
with open(os.path.join(root, "bench", "results", f"{name}.json"), "w") as f:
    json.dump(result, f, indent=1)
    f.write("\n")
for measure, s in summary.items():
    spread = f", sd {s['sd']:.4f}" if s["sd"] is not None else ""
    print(f"{measure}: {s['mean']:.4f}{spread} ({s['least']:.4f} to {s['largest']:.4f})")
