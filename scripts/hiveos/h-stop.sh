#!/usr/bin/env bash
# Ends the agent in good order: exit 0 once it is gone, also when there was none.
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=scripts/hiveos/h-manifest.conf
. "$here/h-manifest.conf"

# Whether that process is our agent: the number of one that was killed may be another program's by now.
is_agent() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep --quiet --fixed-strings " start --config $CUSTOM_CONFIG_FILENAME "; }

[[ -r $RIGSHIFT_HOME/agent.json && $(<"$RIGSHIFT_HOME/agent.json") =~ \"pid\":([0-9]+) ]] || exit 0
pid=${BASH_REMATCH[1]}
is_agent "$pid" || exit 0
kill -TERM "$pid" 2>/dev/null
for ((i = 0; i < 300; i++)); do
  is_agent "$pid" || exit 0
  sleep 0.1
done
# Nothing that was recorded is lost by this, and its miners end with it.
echo "rigshift: process $pid does not end and is killed"
kill -KILL "$pid" 2>/dev/null
sleep 0.5
! is_agent "$pid"
