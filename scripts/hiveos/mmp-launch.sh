#!/usr/bin/env bash
# For mmpOS: writes rig.yaml from its arguments, then runs as under Hive OS.
# usage: mmp-launch.sh --pool URL --user USER [--password WORD] [--algorithm NAME] [--api-port PORT] [--config YAML]
# shellcheck disable=SC2034
cd -- "$(dirname -- "$(readlink -f -- "$0")")" || exit 1

WORKER_NAME=$(hostname)
while (($# > 0)); do
  case $1 in
    --pool) CUSTOM_URL=${2:-} ;;
    --user) CUSTOM_TEMPLATE=${2:-} ;;
    --password) CUSTOM_PASS=${2:-} ;;
    --algorithm) CUSTOM_ALGO=${2:-} ;;
    --api-port) CUSTOM_USER_CONFIG+=$'\n'"http: { listen: '127.0.0.1:${2:-}' }" ;;
    --config) CUSTOM_USER_CONFIG+=$'\n'${2:-} ;;
    --coin) ;;
    *)
      echo "rigshift: there is no option called $1 (ERR_USAGE): see the first lines of mmp-launch.sh"
      exit 2
      ;;
  esac
  shift $(($# > 1 ? 2 : 1))
done
# shellcheck source=scripts/hiveos/h-config.sh
. ./h-config.sh || exit 2
exec ./h-run.sh
