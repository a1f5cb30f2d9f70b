#!/usr/bin/env bash
# The tour of `make demo`: records the shop beside this file and asks logq what happened, showing each command first.
# It leaves nothing behind but the store in the folder that it is given.
#
#     PATH=target/release:$PATH samples/demo/tour.sh FOLDER
set -euo pipefail

export LOGQ_DIR=$1
rm -rf "$LOGQ_DIR"

heading() { printf '\n\033[1m# %s\033[0m\n' "$1"; }
show() { printf '\033[36m$ %s\033[0m\n' "$1"; eval "$1"; }
[ -t 1 ] || { heading() { printf '\n# %s\n' "$1"; }; show() { printf '$ %s\n' "$1"; eval "$1"; }; }

# The id of the one error, and the thread that logged it, as logq itself tells them to any program.
of_error() { logq search 'level:ERROR' --format json | python3 -c "import json, sys; print(json.loads(sys.stdin.readline())['$1'])"; }

heading "Run a program under logq, unchanged"
show "logq run -- python3 samples/demo/program.py"

heading "What was there?"
show "logq threads"

error=$(of_error id)
thread=$(of_error thread)

heading "One order failed. Where did that error come from?"
show "logq search 'level:ERROR'"
show "logq why $error"

heading "What did that thread do, and what made it do that?"
show "logq timeline --thread $thread"

heading "Where is every line about that order, in any thread, task or process?"
show "logq search 'order_id:8812'"

heading "Another program hangs; logq ends it after 3 s. Why did it hang?"
show "logq run --timeout 3s --quiet -- python3 samples/deadlock/program.py || true"
show "logq diagnose || true"
