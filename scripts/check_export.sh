#!/usr/bin/env bash
# Reads exported tables with pandas and polars, and event files with TensorBoard: the programs of docs/export.md, on the committed results. The libraries come into a
# virtual environment of their own, target/readers; where they cannot be had, the check is skipped and
# says so. XTASK may name an executable that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
skip() { echo "skipped: $1"; exit 0; }
python=$(command -v python3) || skip "no python3"
readers=target/readers
[ -x "$readers/bin/python" ] || "$python" -m venv "$readers" 2>/dev/null || skip "python3 has no venv"
"$readers/bin/pip" install --quiet --disable-pip-version-check -r docs/export/requirements.txt || skip "the libraries cannot be installed"

xtask=${XTASK:-cargo xtask-full}
tables=$(mktemp -d)
trap 'rm -r "$tables"' EXIT
$xtask export docs/results --format csv --out "$tables/results.csv"
$xtask export docs/results --format json --out "$tables/results.json"
$xtask export docs/results --format parquet --out "$tables/results.parquet"
for run in quick variance-ratio-lenet-250; do
    for format in csv parquet; do
        $xtask export "docs/results/$run" --format "$format" --out "$tables/$run.$format"
    done
    "$readers/bin/python" docs/export/ratio_pandas.py "$tables/$run.csv" > "$tables/pandas"
    "$readers/bin/python" docs/export/ratio_polars.py "$tables/$run.parquet" > "$tables/polars"
    echo "$run"
    cat "$tables/pandas"
    diff "$tables/pandas" "$tables/polars"
done
"$readers/bin/python" docs/export/check_tables.py "$tables/results" docs/results

# TensorBoard's reader, on logs made afterwards and on those of a run that is stopped and goes on.
for run in quick test-error-lenet; do
    $xtask export "docs/results/$run" --format csv --out "$tables/$run.csv"
    $xtask export "docs/results/$run" --format tensorboard --out "$tables/$run"
    "$readers/bin/python" docs/export/check_tensorboard.py "$tables/$run" "$tables/$run.csv"
done
set -- train docs/train.toml --tensorboard --out "$tables/run" --set epochs=6 --set schedule.length=6 --set measures.every=1
timeout --signal=TERM 1.5 $xtask "$@" > /dev/null || echo "stopped: exit code $?"
$xtask "$@" > /dev/null
$xtask export "$tables/run" --format csv --out "$tables/run.csv"
"$readers/bin/python" docs/export/check_tensorboard.py "$tables/run/tensorboard" "$tables/run.csv"
