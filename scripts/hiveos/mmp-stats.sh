#!/usr/bin/env bash
# Run by mmpOS's agent: prints the miner's statistics.
exec "$(dirname -- "$(readlink -f -- "$0")")/ask-agent" /mmpos 10
