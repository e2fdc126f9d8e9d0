#!/usr/bin/env bash
# Run by Hive OS in its miner screen: the agent in the foreground until it is told to end, and the watchdog's keeper beside it.
here=$(dirname -- "$(readlink -f -- "$0")")
cd -- "$here" || exit 1
# shellcheck source=scripts/hiveos/h-manifest.conf
. ./h-manifest.conf

if [[ ! -r $CUSTOM_CONFIG_FILENAME ]]; then
  echo "rigshift: the flight sheet gave no configuration (ERR_FLIGHT_SHEET): see the message before, or run: miner restart"
  exit 2
fi
exec 8>"${CUSTOM_CONFIG_FILENAME%/*}/run.lock"
if ! flock --nonblock 8; then
  echo "rigshift: it runs already (ERR_HIVEOS_RUNNING): stop it first, with: miner stop"
  exit 1
fi
# An agent can outlive an h-run.sh that was killed.
./h-stop.sh 8>&- || exit 1

mkdir -p -- "$(dirname -- "$CUSTOM_LOG_BASENAME")"
./watchdog 8>&- &
keeper=$!
./rigshift start --config "$CUSTOM_CONFIG_FILENAME" > >(exec tee -i -a "$CUSTOM_LOG_BASENAME.log" 8>&-) 2>&1 8>&- &
agent=$!
trap 'kill "$keeper" 2>/dev/null; wait "$keeper"' EXIT
# Hive OS ends a miner by Ctrl+C on its terminal, which the agent hears itself; a second signal would hurry it.
trap : INT HUP
trap 'kill -TERM "$agent" 2>/dev/null' TERM
wait "$agent"
code=$?
while kill -0 "$agent" 2>/dev/null; do
  wait "$agent"
  code=$?
done
exit "$code"
