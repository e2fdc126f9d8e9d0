#!/usr/bin/env bash
# Sourced by Hive OS before every start, with the flight sheet in scope: writes rig.yaml from it, or says why it cannot.

rigshift_config() {
  local here libc said
  here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
  # shellcheck source=scripts/hiveos/h-manifest.conf
  . "$here/h-manifest.conf"
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null)
  if ! printf '%s\n' "$RIGSHIFT_GLIBC" "${libc##* }" | sort --version-sort --check=quiet; then
    said="rigshift: this image has ${libc:-no glibc} (ERR_HIVEOS_IMAGE): use one with glibc $RIGSHIFT_GLIBC or newer"
  elif said=$(
    CUSTOM_URL=${CUSTOM_URL:-} CUSTOM_TEMPLATE=${CUSTOM_TEMPLATE:-} CUSTOM_PASS=${CUSTOM_PASS:-} \
      CUSTOM_ALGO=${CUSTOM_ALGO:-} CUSTOM_USER_CONFIG=${CUSTOM_USER_CONFIG:-} WORKER_NAME=${WORKER_NAME:-} \
      LD_LIBRARY_PATH='' LD_PRELOAD='' \
      "$here/bin/node" "$here/scripts/hiveos/flight-sheet.ts" "$CUSTOM_CONFIG_FILENAME" 2>&1
  ); then
    printf '%s\n' "$said"
    return 0
  fi
  # Otherwise h-run.sh would go on mining for the flight sheet of before.
  rm -f -- "$CUSTOM_CONFIG_FILENAME"
  printf '%s%s%s\n' "${RED:-}" "$said" "${NOCOLOR:-}"
  # What is said here is read on a screen nobody looks at; this is shown on the farm's page.
  if command -v message >/dev/null; then message error "$said" >/dev/null; fi
  return 1
}

if rigshift_config; then
  unset -f rigshift_config
else
  unset -f rigshift_config
  return 1
fi
