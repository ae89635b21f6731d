#!/usr/bin/env bash
# Set up, find a Chromium, then lint, types and all tests: what CI runs.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # called as `sh run_tests.sh`
set -uo pipefail
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/scripts/setup.sh"

usage() {
  cat <<'TEXT'
Usage: ./run_tests.sh [--ci] [PYTEST ARGUMENTS]

Makes .venv and installs the requirements and the test tools (the first time only), finds or
installs a Chromium for the browser tests, then runs ruff, mypy and pytest, the slow tests beside
the others. It fails if any of them does, and says last which.

  --ci      a missing Chromium fails the browser tests instead of skipping them
  --help    print this and stop

Anything else goes to pytest, for example: ./run_tests.sh -k criteria -x
TEXT
}

case ${1:-} in
  --help | -h)
    usage
    exit
    ;;
  --ci)
    export HMW_REQUIRE_BROWSER=1
    shift
    ;;
esac

# Puts a Chromium on PATH as `chromium`: Debian's package where we may install it, else any other.
find_chromium() {
  local name found as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  if ! command -v chromium >/dev/null && command -v apt-get >/dev/null &&
    "${as_root[@]}" true 2>/dev/null; then
    say "Installing Debian's chromium ..."
    step "${as_root[@]}" apt-get update -qq >"$VENV/apt.log" 2>&1
    # The fonts are only recommended by chromium, and without any a page has no letters.
    step "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends chromium fonts-dejavu-core >>"$VENV/apt.log" 2>&1 ||
      say "apt-get could not install it (details: $VENV/apt.log)."
  fi
  ! command -v chromium >/dev/null || return 0
  for name in chromium-browser google-chrome google-chrome-stable; do
    if found=$(command -v "$name"); then
      ln -sf -- "$found" "$VENV/bin/chromium"
      export PATH="$PATH:$VENV/bin"
      return
    fi
  done
  say "No Chromium was found: the browser tests cannot run."
}

failed=()
check() {
  local status=0
  say "--- $*"
  step "$PYTHON" -m "$@" || status=$?
  [ "$status" = 0 ] || failed+=("$1")
  [ "$status" -lt 126 ] || say "$1 died with status $status before it could say anything."
}

cd -- "$ROOT" || die "cannot enter $ROOT"
set_up requirements.txt requirements-dev.txt
find_chromium
exec 9>&- # the tests start both scripts themselves
# Three groups of tests run side by side; threads within each would only wait for one another.
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE

check ruff check .
check ruff format --check .
check mypy
[ ${#failed[@]} = 0 ] || say "Failed before the tests, see above: ${failed[*]}"
if [ $# != 0 ]; then
  check pytest -rs "$@"
else
  # Tests in a browser and tests that start trainings wait more than they work: beside all
  # others they cost little.
  beside=("browser" "slow and not browser")
  pids=()
  trap 'kill "${pids[@]}" 2>/dev/null' EXIT
  for marks in "${beside[@]}"; do
    "$PYTHON" -m pytest -rs -m "$marks" >"$VENV/tests-${marks%% *}.log" 2>&1 &
    pids+=($!)
  done
  check pytest -rs -m "not browser and not slow"
  for place in "${!beside[@]}"; do
    marks=${beside[$place]}
    say "--- pytest -rs -m '$marks', which runs beside it"
    status=0
    wait "${pids[$place]}" || status=$?
    cat "$VENV/tests-${marks%% *}.log"
    [ "$status" = 0 ] || failed+=("$marks")
  done
  trap - EXIT
fi
[ ${#failed[@]} = 0 ] || say "Failed: ${failed[*]}"
[ ${#failed[@]} = 0 ]
