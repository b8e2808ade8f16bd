#!/usr/bin/env bash
# Runs a grid of 12 cells on a Slurm cluster of one node, made for the purpose, with two tasks killed and one preempted, and
# compares every byte of the results with the same grid run without Slurm. Then the same of a grid whose cells take over each
# other's beginning, as two arrays of which the second waits for the first.
#
#   cargo build --release -p xtask --no-default-features && sudo scripts/check_slurm.sh
#
# Installs slurm-wlm and munge where apt-get can; says that it was skipped where they cannot be had or do not start. It needs
# root, since that is whom Slurm's daemons start as. All that it writes is in a temporary folder.
set -euo pipefail
xtask=$(cd "$(dirname "$0")/.." && pwd)/target/release/xtask
skip() { echo "skipped: $*"; exit 0; }
[ "$(id -u)" -eq 0 ] || skip "not root"
command -v pgrep pkill hostname >/dev/null || skip "no pgrep, pkill or hostname"
if ! command -v slurmctld slurmd munged >/dev/null; then
    apt-get install -y --no-install-recommends slurm-wlm munge >/dev/null 2>&1 || skip "no packages of Slurm"
fi

work=$(mktemp -d)
chmod 755 "$work"
stop() {
    scancel --user=root >/dev/null 2>&1 || true
    for pid in "$work"/*.pid; do kill "$(cat "$pid")" 2>/dev/null || true; done
    if [ -n "${munge:-}" ]; then kill "$munge" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap stop EXIT

cores=$(nproc)
export SLURM_CONF=$work/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=check
SlurmctldHost=$(hostname -s)(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CryptoType=crypto/munge
SlurmUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=5
MinJobAge=300
ReturnToService=2
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$cores State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 MaxTime=INFINITE State=UP
PartitionName=high Nodes=ALL PriorityTier=2 PreemptMode=OFF MaxTime=INFINITE State=UP
CONF
mkdir "$work/state" "$work/spool"
dd if=/dev/urandom of="$work/munge.key" bs=1024 count=1 2>/dev/null
chmod 600 "$work/munge.key"
munged --foreground --force --socket="$work/munge.socket" --key-file="$work/munge.key" --pid-file="$work/munged.pid" \
    --log-file="$work/munged.log" --seed-file="$work/munged.seed" >/dev/null 2>&1 &
munge=$!
sleep 1
slurmctld || skip "Slurm's controller does not start here"
slurmd || skip "Slurm's daemon does not start here"
for _ in $(seq 30); do
    sinfo --noheader --format=%t 2>/dev/null | grep -q idle && break
    sleep 1
done
sinfo --noheader --format=%t | grep -q idle || { tail "$work"/slurm*.log; skip "the node does not come up here"; }

grid() { # OUT [OPTION…]
    "$xtask" repro locking --train-size 320 --batch-size 16 --epochs 3 --seeds 0..6 --save-steps 4 --out "$@"
}
files() {
    (cd "$1" && find . \( -name result.json -o -name metrics.jsonl -o -name settings.json \) -not -path './slurm/*' |
        sort | xargs sha256sum)
}
finished() { find "$work/grid/cells" -name result.json | wc -l; }
queue() { squeue --noheader --array --format="%T"; }
wait_for() { # WHAT COMMAND…
    local what=$1
    shift
    for _ in $(seq 1200); do
        "$@" && return 0
        sleep 0.2
    done
    squeue --array
    tail -n 20 "$work"/*/slurm/logs/* "$work"/slurmctld.log
    echo "waited too long for $what"
    exit 1
}
running() { pgrep -f "$work/grid/slurm/xtask work" >/dev/null; }
none_queued() { [ -z "$(queue)" ]; }

echo "the grid without Slurm"
grid "$work/alone" >/dev/null

cd "$work"
printf 'cores = 1\npartition = "low"\n' >slurm.toml
grid grid --on slurm --dry-run | grep -q -- --array=0,1,2,3,4,5,6,7,8,9,10,11
[ ! -e grid ]
grid grid --on slurm
if "$xtask" resume grid --on slurm 2>/dev/null; then
    echo "it was submitted twice"
    exit 1
fi

for kill in 1 2; do
    wait_for "a task to kill" running
    sleep 0.7
    pkill -KILL -o -f "$work/grid/slurm/xtask work" && echo "killed a task, $(finished) cells finished"
    sleep 1
done

wait_for "a task to preempt" running
sbatch --parsable --partition=high --exclusive --output=/dev/null --wrap="sleep 3" >/dev/null
preempted() { [ "$(scontrol show job | grep -c 'Restarts=[1-9]')" -gt 0 ]; }
wait_for "a preemption" preempted
echo "preempted $(scontrol show job | grep -c 'Restarts=[1-9]') task(s), $(finished) cells finished"
"$xtask" status grid

# Tasks that were preempted wait some time before they begin again.
release() { scontrol release "$(squeue --noheader --array --states=PENDING --format=%i | tr '\n' ',')" 2>/dev/null || true; none_queued; }
wait_for "the array to end" release
[ ! -e grid/result.json ] || { echo "a run with killed tasks has a result"; exit 1; }
echo "$(finished) of 12 cells finished; the others once more"
grid grid --on slurm
wait_for "the second array and its report" none_queued
[ -e grid/result.json ] || { tail -n 20 grid/slurm/logs/*; echo "there is no report"; exit 1; }

same() { # ALONE GRID
    if [ "$(files "$work/$1")" != "$(files "$work/$2")" ]; then
        diff <(files "$work/$1") <(files "$work/$2")
        exit 1
    fi
    echo "the results are the same, byte for byte ($(files "$work/$2" | wc -l) files)"
}
same alone grid
"$xtask" verify grid

echo "a grid with shared beginnings, without Slurm and with it"
branches() { # OUT [OPTION…]
    "$xtask" repro fine-tuning --model lenet --train-size 160 --batch-size 16 --epochs 9 --schedule-epochs 9 --seeds 0..2 --out "$@"
}
branches alone-branches >/dev/null
branches branches --on slurm
array() { # The numbers of the two arrays, the first or the second.
    grep -oE "\"$1\": \"[0-9]+\"" branches/slurm/jobs.json | grep -oE "[0-9]+"
}
# All of them stand in the queue before the first has ended; nothing of the second begins until then.
waits=$(scontrol show job "$(array followers)" | grep -c "Dependency=afterany:$(array array)") || true
echo "$waits task(s) wait for job $(array array)"
[ "$waits" -gt 0 ] || { echo "nothing waits for the shared beginnings"; exit 1; }
wait_for "both arrays and their report" none_queued
[ -e branches/result.json ] || { tail -n 20 branches/slurm/logs/*; echo "there is no report"; exit 1; }
# A cell that took a beginning over has its times, too.
taken=$(head -qn 1 branches/cells/*/timing.jsonl | sort | uniq -d | wc -l)
[ "$taken" -eq 2 ] || { echo "$taken beginnings were taken over, not one for each of 2 seeds"; exit 1; }
same alone-branches branches
"$xtask" verify branches
