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
on() { # RANKS ARGUMENT…
    local ranks=$1
    shift
    mpirun --oversubscribe --bind-to none -n "$ranks" "$xtask" "$@" --ranks
}
locking() { echo repro locking --train-size 480 --batch-size 16 --epochs 2 --out "$1"; }
methods() {
    echo repro compare --methods svrg,svrg-stored,scsg --tune 1 --train-size 480 --batch-size 16 --epochs 2 --out "$1"
}
files() {
    (cd "$1" && find . \( -name result.json -o -name metrics.jsonl -o -name settings.json \) | sort | xargs sha256sum)
}
same() { # A B
    [ "$(files "$1")" = "$(files "$2")" ] || { diff <(files "$1") <(files "$2"); exit 1; }
}

for run in locking methods; do
    "$xtask" $($run "$run") >"$run.log"
    for ranks in 1 2 3 4; do
        on "$ranks" $($run "$run-$ranks") >"$run-$ranks.log"
        same "$run" "$run-$ranks"
        echo "$run on $ranks rank(s): the same, byte for byte ($(files "$run" | wc -l) files)"
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
begin() { # RANKS OUT
    on "$1" $(methods "$2") --save-steps 3 >"$2.log" 2>&1 &
    started=$!
    wait_for "a checkpoint" saved "$2"
}

# Stopped on one number of ranks, on with another.
ranks=3
begin "$ranks" stopped
for ranks in 1 4 2; do
    kill -USR2 "$started"
    wait "$started" && code=0 || code=$?
    started=
    [ "$code" -eq 75 ] || { cat stopped.log; echo "ended with $code, not 75"; exit 1; }
    echo "stopped, $(finished stopped) cells finished; on with $ranks rank(s)"
    on "$ranks" resume stopped --save-steps 3 >stopped.log 2>&1 &
    started=$!
    sleep 1
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
    on 2 resume "$out" >"$out.log" 2>&1
    same methods "$out"
    "$xtask" verify "$out"
done
echo "killed in the middle and ended on 2 ranks: the same, byte for byte"
