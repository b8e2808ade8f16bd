#!/usr/bin/env bash
# Kills real LeNet runs at random moments until so many kills are done, goes on each time, and compares
# what is left with an uninterrupted run, byte for byte.
#
#   cargo build --release -p xtask && scripts/soak.sh [KILLS] [SEED]
#
# Prints one line a finished run and a summary; the exit code is 1 when anything differed or was lost.
set -u
kills=${1:-200}
RANDOM=${2:-$$}
xtask=$(dirname "$0")/../target/release/xtask
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { # OUT EPOCHS SEED; in the background, the signals reach the program itself
    exec "$xtask" repro quick --train-size 160 --batch-size 16 --epochs "$2" --schedule-epochs 10 --seeds "$3" \
        --save-steps 4 --out "$1" >"$work/said" 2>&1
}
files() { (cd "$1" && find . -name result.json -o -name metrics.jsonl -o -name settings.json | sort | xargs sha256sum); }

killed=0 stopped=0 runs=0 different=0 lost=0 number=0
while [ "$killed" -lt "$kills" ]; do
    number=$((number + 1)) epochs=$((1 + RANDOM % 3)) seed=$((RANDOM % 100))
    whole=$work/whole part=$work/part
    rm -rf "$whole" "$part"
    began=$(date +%s%N)
    (run "$whole" "$epochs" "$seed") || { cat "$work/said"; exit 1; }
    took=$((($(date +%s%N) - began) / 1000000))
    tries=0
    while :; do
        tries=$((tries + 1))
        run "$part" "$epochs" "$seed" &
        pid=$!
        wait_ms=$(((RANDOM * 32768 + RANDOM) % took))
        sleep "$((wait_ms / 1000)).$(printf '%03d' $((wait_ms % 1000)))"
        signal=KILL
        [ $((RANDOM % 4)) -eq 0 ] && signal=TERM
        kill -"$signal" "$pid" 2>/dev/null && hit=1 || hit=0
        wait "$pid" 2>/dev/null
        code=$?
        if [ "$code" -eq 0 ]; then
            break
        elif [ "$hit" -eq 1 ] && { [ "$code" -eq 137 ] || [ "$code" -eq 75 ] || [ "$code" -eq 143 ]; }; then
            [ "$signal" = KILL ] && killed=$((killed + 1)) || stopped=$((stopped + 1))
        else
            echo "run $number: exit code $code"
            cat "$work/said"
            lost=$((lost + 1))
            break
        fi
        # A run that is killed before every save would never end.
        [ "$tries" -gt 200 ] && { echo "run $number: no end after $tries tries"; lost=$((lost + 1)); break; }
    done
    runs=$((runs + 1))
    if [ "$(files "$whole")" != "$(files "$part")" ]; then
        echo "run $number: the files differ"
        different=$((different + 1))
    fi
    echo "run $number: $epochs epochs, $took ms uninterrupted, $tries starts; $killed kills so far"
done
echo "$killed kills (SIGKILL) and $stopped stops (SIGTERM) in $runs runs: $different differences, $lost runs lost"
[ $((different + lost)) -eq 0 ]
