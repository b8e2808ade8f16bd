#!/usr/bin/env bash
# Runs LeNet by stored, recomputed and mega-batch methods on 1, 2, 3 and 4 ranks of MPI, stops a run on one number of ranks and
# goes on on another, kills a rank in the middle, and compares every byte of the results with those of a process without MPI.
#
#   scripts/check_mpi.sh
#
# Installs OpenMPI and libclang where apt-get can; says that it was skipped where they cannot be had. All that it writes, but for
# the build in target/, is in a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."
skip() { echo "skipped: $*"; exit 0; }
command -v pgrep >/dev/null || skip "no pgrep"
has_libclang() { ldconfig -p | grep -q 'libclang[-.]' || compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null; }
if ! { command -v mpicc && command -v mpirun && has_libclang; } >/dev/null; then
    [ "$(id -u)" -eq 0 ] || skip "no OpenMPI or libclang, and not root"
    apt-get install -y --no-install-recommends libopenmpi-dev openmpi-bin libclang-dev >/dev/null 2>&1 ||
        skip "no packages of OpenMPI"
fi

cargo build --release -p xtask --no-default-features --features mpi
work=$(mktemp -d)
started=
stop() {
    if [ -n "$started" ]; then kill "$started" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap stop EXIT
cp target/release/xtask "$work/xtask"
cd "$work"
xtask=$work/xtask
# Four ranks share what cores there are, so each has one thread.
export RAYON_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ranks=(mpirun --oversubscribe --bind-to none -n)
locking() { echo repro locking --train-size 320 --test-size 160 --batch-size 16 --epochs 2 --out "$1"; }
methods() {
    echo repro compare --methods svrg,svrg-stored,scsg --tune=1 --out "$1" \
        --train-size 320 --test-size 160 --batch-size 16 --epochs 4
}
files() {
    (cd "$1" && find . \( -name result.json -o -name metrics.jsonl -o -name settings.json \) | sort | xargs sha256sum)
}
same() { # A B
    [ "$(files "$1")" = "$(files "$2")" ] || { diff <(files "$1") <(files "$2"); exit 1; }
}

for run in locking methods; do
    "$xtask" $($run "$run") >"$run.log"
    for n in 1 2 3 4; do
        "${ranks[@]}" "$n" "$xtask" $($run "$run-$n") --ranks >"$run-$n.log"
        same "$run" "$run-$n"
        echo "$run on $n rank(s): the same, byte for byte ($(files "$run" | wc -l) files)"
    done
done

finished() { find "$1/cells" -name result.json 2>/dev/null | wc -l; }
wait_for() { # WHAT COMMAND…
    local what=$1
    shift
    for _ in $(seq 600); do
        "$@" && return 0
        sleep 0.1
    done
    echo "waited too long for $what"
    exit 1
}
saved() { compgen -G "$1/cells/*/checkpoints/*/manifest.json" >/dev/null; }
newest() { find "$1" -path '*/checkpoints/*' -name manifest.json -printf '%T@\n' | sort -n | tail -n 1; }
later() { [ "$(newest "$1")" != "$2" ]; }
begin() { # RANKS OUT
    "${ranks[@]}" "$1" "$xtask" $(methods "$2") --save-steps 3 --ranks >"$2.log" 2>&1 &
    started=$!
    wait_for "a checkpoint" saved "$2"
}

# Stopped on one number of ranks, on with another.
begin 3 stopped
for n in 1 4 2; do
    kill -USR2 "$started"
    wait "$started" && code=0 || code=$?
    started=
    [ "$code" -eq 75 ] || { cat stopped.log; echo "ended with $code, not 75"; exit 1; }
    echo "stopped, $(finished stopped) cells finished; on with $n rank(s)"
    checkpoints=$(newest stopped)
    "${ranks[@]}" "$n" "$xtask" resume stopped --save-steps 3 --ranks >stopped.log 2>&1 &
    started=$!
    wait_for "a later checkpoint" later stopped "$checkpoints"
done
wait "$started"
started=
same methods stopped
echo "stopped three times on 3, 1 and 4 ranks and ended on 2: the same, byte for byte"

# A rank that dies takes the others with it, and the run goes on where it was last saved.
pid_of_rank() { # RANK
    local pid
    for pid in $(pgrep -P "$started"); do
        if tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "OMPI_COMM_WORLD_RANK=$1"; then echo "$pid"; fi
    done
}
for killed in 1 0; do
    out=killed-$killed
    begin 3 "$out"
    kill -KILL "$(pid_of_rank "$killed")"
    if wait "$started"; then echo "it ended well without rank $killed"; exit 1; fi
    started=
    [ ! -e "$out/result.json" ] || { echo "a run whose rank was killed has a result"; exit 1; }
    echo "killed rank $killed of 3, $(finished "$out") cells finished"
    "${ranks[@]}" 2 "$xtask" resume "$out" --ranks >"$out.log" 2>&1
    same methods "$out"
    "$xtask" verify "$out"
done
echo "killed in the middle and ended on 2 ranks: the same, byte for byte"
