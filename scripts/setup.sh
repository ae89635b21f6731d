# Sourced by run_dashboard.sh and run_tests.sh: one .venv for both, made and repaired as needed.
#
# .venv/lock                  held while one of them sets up, so that two starts take turns
# .venv/unfinished            there from the first step of an install to its last
# .venv/installed-<file>      what that list of requirements was installed as, see fingerprint
# .venv/install.log           what venv and pip complained about

ROOT=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." >/dev/null && pwd)
VENV=$ROOT/.venv
PYTHON=$VENV/bin/python
NEEDED_GB=8 # .venv and pip's downloads together, PyTorch with its CUDA libraries

# What another project left in the environment must not leak into ours.
unset CDPATH PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX
export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=1 PIP_DISABLE_PIP_VERSION_CHECK=1
export PIP_RETRIES="${PIP_RETRIES:-2}"

exec 3>&2 # our own words, also from within a step whose stderr goes to a file

say() { printf '%s\n' "$*"; }

die() {
  printf '%s: %s\n' "$(basename -- "$0")" "$*" >&3
  exit 2
}

# Steps are background children of the same process group: Ctrl-C reaches them as usual, and a
# `kill` of the script alone is passed on at once instead of after minutes of pip.
child=
stopped=
trap 'interrupted 130' INT
trap 'interrupted 143' TERM

interrupted() {
  stopped=$1
  [ -n "$child" ] || leave
  [ "$stopped" = 130 ] || kill -TERM "$child" 2>/dev/null
}

leave() {
  printf 'Stopped; the next start continues from here.\n' >&3
  exit "$stopped"
}

step() {
  (
    trap - INT TERM
    exec "$@"
  ) &
  child=$!
  local status=0
  wait "$child" || status=$?
  while kill -0 "$child" 2>/dev/null; do # a trap ended the wait, not the child
    status=0
    wait "$child" || status=$?
  done
  child=
  [ -z "$stopped" ] || leave
  return "$status"
}

# set_up FILE...: a .venv that holds what these requirements files ask for. Keeps the lock.
set_up() {
  mkdir -p -- "$VENV" 2>/dev/null && { exec 9<>"$VENV/lock"; } 2>/dev/null ||
    die "cannot write in $ROOT, where .venv belongs"
  # Without flock (macOS) two simultaneous first starts are the user's to avoid.
  if command -v flock >/dev/null && ! flock -n 9; then
    say "Another start is setting up; waiting for it ..."
    step flock 9
  fi
  installed "$@" || install "$@"
}

installed() {
  [ ! -e "$VENV/unfinished" ] && is_venv || return 1
  local file
  for file in "$@"; do
    [ "$(fingerprint "$file")" = "$(cat -- "$VENV/installed-${file##*/}" 2>/dev/null)" ] || return 1
  done
}

# A .venv that lost its pyvenv.cfg still runs, as the system's Python: nothing may go in there.
is_venv() {
  "$PYTHON" -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null
}

# The Python, the file, the lists it may name and the packages present: if any differs, pip looks
# again.
fingerprint() {
  "$PYTHON" --version
  cat -- "$ROOT/$1" "$ROOT"/requirements/*.txt
  (cd -- "$VENV" && LC_ALL=C ls -d lib/python*/site-packages/*.dist-info 2>/dev/null)
}

install() {
  local file files=()
  [ ! -e "$VENV/unfinished" ] && is_venv || make_venv
  touch -- "$VENV/unfinished"
  for file in "$@"; do files+=(-r "$ROOT/$file"); done
  say "Installing $*; the first time this takes up to $NEEDED_GB GB of disk ..."
  step "$PYTHON" -m pip install --no-input "${files[@]}" 2>"$VENV/install.log" || explain_pip
  for file in "$@"; do fingerprint "$file" >"$VENV/installed-${file##*/}"; done
  rm -- "$VENV/unfinished"
}

make_venv() {
  find_python
  local free
  free=$(df -Pk -- "$VENV" | awk 'NR == 2 { print int($4 / 1048576) }')
  [ "$free" -ge "$NEEDED_GB" ] ||
    die "the install needs about $NEEDED_GB GB, and only $free GB are free on the disk of $ROOT"
  touch -- "$VENV/unfinished"
  # What an install cut short left behind goes, all but the lock that is held and the mark.
  find "$VENV" -mindepth 1 -maxdepth 1 ! -name lock ! -name unfinished -exec rm -rf -- {} +
  say "Making .venv with $base ..."
  step "$base" -m venv "$VENV" >"$VENV/install.log" 2>&1 || {
    tail -n 15 -- "$VENV/install.log" >&2
    die "$base could not make $VENV; its last words are above"
  }
}

# Sets base to the first Python that is new enough and whole.
find_python() {
  local name found old= bare=
  for name in python3.13 python3.12 python3.11 python3; do
    found=$("$name" -c '
import importlib.util
import sys
state = "whole" if importlib.util.find_spec("ensurepip") else "bare"
print("%d.%d" % sys.version_info[:2], "old" if sys.version_info < (3, 11) else state)
' 2>/dev/null) || continue
    case $found in
      *whole)
        base=$name
        return
        ;;
      *bare) bare=${bare:-${found% *}} ;;
      *old) old=${found% *} ;;
    esac
  done
  # Debian ships Python without what a virtual environment needs, as a package of its own.
  [ -z "$bare" ] || die "Python $bare is here without its venv module; install it with:" \
    "sudo apt-get install python$bare-venv"
  [ -z "$old" ] || die "Python 3.11 or newer is needed, and python3 here is $old"
  die "Python 3.11 or newer is needed, and none was found; install it with:" \
    "sudo apt-get install python3 python3-venv"
}

explain_pip() {
  local log=$VENV/install.log
  if grep -qi 'no space left on device' "$log"; then
    die "the disk filled up during the install, which needs about $NEEDED_GB GB"
  fi
  if grep -qE 'NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError' "$log" ||
    grep -qE 'Connection (refused|reset|aborted)|Network is unreachable|timed out' "$log"; then
    die "no network for the install: the package index cannot be reached (details: $log)"
  fi
  tail -n 15 -- "$log" >&2
  die "pip could not install the requirements; its last words are above, all of them in $log"
}
