#!/usr/bin/env bash
# Set up, train the two demo runs if there is none, and open the dashboard.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # called as `sh run_dashboard.sh`
set -uo pipefail
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/scripts/setup.sh"

usage() {
  cat <<'TEXT'
Usage: ./run_dashboard.sh [--runs DIR] [--port N] [--no-demo] [--no-browser] [--read-only]
                          [--host-name NAME] [--no-training]

Makes .venv and installs the requirements (the first time only), trains the two demo runs
(digits with half the labels redrawn: CCE+HMW-code and CCE) if the runs folder holds no other
run, and opens the dashboard on 127.0.0.1. Ctrl-C stops it; the next start continues the demo.

  --runs DIR      the folder of runs (default: data/runs beside this script)
  --port N        the dashboard's port, 1024 to 65535 (default: 8501)
  --no-demo       train nothing
  --no-training   install no PyTorch: the dashboard shows the runs of other machines
  --no-browser    open no browser window, only print the address
  --read-only     let nobody write from a page: for a server that others look at
  --host-name NAME  a name under which others reach this machine, through a proxy; any other
                  than localhost is refused; may come several times
  --help          print this and stop
TEXT
}

runs=$ROOT/data/runs
port=8501
demo=yes
lists=(requirements.txt)
launch=()
while [ $# -gt 0 ]; do
  case $1 in
    --runs | --port | --host-name)
      [ $# -ge 2 ] || die "option $1 needs a value"
      set -- "$1=$2" "${@:3}"
      continue
      ;;
    --runs=?*) runs=${1#*=} ;;
    --port=?*) port=${1#*=} ;;
    --host-name=?*) launch+=(--host-name "${1#*=}") ;;
    --no-demo) demo=no ;;
    --no-training)
      demo=no
      lists=(requirements/core.txt requirements/dashboard.txt)
      NEEDED_GB=2
      ;;
    --no-browser | --read-only) launch+=("$1") ;;
    --help | -h)
      usage
      exit
      ;;
    *)
      die "unknown option '$1'; known: --runs DIR, --port N, --no-demo, --no-browser," \
        "--read-only, --host-name NAME, --no-training, --help"
      ;;
  esac
  shift
done

[[ $port =~ ^[1-9][0-9]{3,4}$ ]] && [ "$port" -ge 1024 ] && [ "$port" -le 65535 ] ||
  die "--port must be a number from 1024 to 65535, got '$port'"
mkdir -p -- "$runs" 2>/dev/null || die "--runs $runs is not a folder and cannot be made one"
runs=$(cd -- "$runs" && pwd) || die "--runs $runs cannot be opened"
cd -- "$ROOT" || die "cannot enter $ROOT"

check_port() {
  ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null ||
    die "port $port is in use already; close what listens there or choose another with --port N"
}

# The demo is trained into a folder that holds nothing else; there, an interrupted one continues.
train_demo() {
  local run
  for run in "$runs"/*/run.json; do
    case $run in
      "$runs/*/run.json" | "$runs/digits-CCE/run.json" | "$runs/digits-CCE-HMW-code/run.json") ;;
      *) return 0 ;;
    esac
  done
  # The newest is what the dashboard opens: there memorising shows, which all this is about.
  train_one digits-CCE-HMW-code CCE+HMW-code
  train_one digits-CCE CCE
}

train_one() {
  local name=$1 recipe=$2 status=0
  local folder=$runs/$name
  if grep -qE '"status": *"finished"' "$folder/run.json" 2>/dev/null; then
    return
  elif [ -e "$folder/run.json" ]; then
    say "Finishing the demo run $name ..."
    step "$PYTHON" -m training resume "$folder" || status=$?
  else
    # run.json comes before the first epoch: without it the folder holds nothing that was trained.
    rm -f -- "$folder"/samples.parquet "$folder"/.lock "$folder"/.*.part
    rmdir -- "$folder" 2>/dev/null
    say "Training the demo run $name ..."
    step "$PYTHON" -m training train --dataset digits --noise symmetric --noise-rate 0.5 \
      --epochs 100 --seed 0 --recipe "$recipe" --run "$name" --runs "$runs" || status=$?
  fi
  [ "$status" = 0 ] || say "The demo run $name was not finished; the dashboard opens all the same."
}

check_port
! installed requirements.txt || lists=(requirements.txt) # which holds the smaller lists
set_up "${lists[@]}"
[ "$demo" = no ] || train_demo
exec 9>&- # the next start may set up
check_port # it may have been taken meanwhile

exec "$PYTHON" -m dashboard.launcher --runs "$runs" --port "$port" ${launch[@]+"${launch[@]}"}
