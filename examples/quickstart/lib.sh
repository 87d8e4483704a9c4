# shellcheck shell=bash
# Words the quickstart scripts share: narrate, show every command before it runs, time the steps,
# and insist on the exact way a refusal must happen. Sourced, never run. Works without /proc, so
# without process substitution. LIB_ROOT, when set, is cut from the paths that are shown.

set -Eeuo pipefail
trap 'echo "$(basename "$0"): line $LINENO failed: $BASH_COMMAND" >&2' ERR
export LC_ALL=C
umask 022

_lib_start=$(date +%s)
_lib_step=0
_lib_step_start=$_lib_start
_lib_step_title=""
_lib_times=()

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  _bold=$'\e[1m' _dim=$'\e[2m' _off=$'\e[0m'
else
  _bold="" _dim="" _off=""
fi

# say TEXT...: one line of narration.
say() { printf '%s\n' "$*"; }

# die TEXT...: the reason on stderr, exit status 1.
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# quote ARG...: the command line as one would type it.
quote() {
  local word line=""
  for word in "$@"; do
    case "$word" in
      *\'*) printf -v word '%q' "$word" ;;
      *[!A-Za-z0-9_./:=@%+,-]* | "") word="'$word'" ;;
    esac
    line="$line${line:+ }$word"
  done
  printf '%s' "$line"
}

# show ARG...: prints `$ command`, with paths below the project root shortened.
show() {
  local line
  line=$(quote "$@")
  [ -z "${LIB_ROOT:-}" ] || line=${line//"$LIB_ROOT/"/}
  printf '%s$ %s%s\n' "$_dim" "$line" "$_off"
}

# run COMMAND...: shows it, then runs it. A failure ends the script.
run() {
  show "$@"
  "$@"
}

# run_quiet COMMAND...: as run, but its output is seen only when it fails.
run_quiet() {
  local out status=0
  show "$@"
  out=$("$@" 2>&1) || status=$?
  [ "$status" -eq 0 ] || printf '%s\n' "$out" >&2
  return "$status"
}

# step TITLE...: closes the step before, prints a numbered heading.
step() {
  step_done
  _lib_step=$((_lib_step + 1))
  _lib_step_title="$*"
  _lib_step_start=$(date +%s)
  printf '\n%s== %d. %s%s\n' "$_bold" "$_lib_step" "$*" "$_off"
}

# step_done: remembers how long the open step took; without an open step it does nothing.
step_done() {
  [ -n "$_lib_step_title" ] || return 0
  _lib_times+=("$(printf '%4d s  %s' $(($(date +%s) - _lib_step_start)) "$_lib_step_title")")
  _lib_step_title=""
}

# step_times: the table of steps and the total.
step_times() {
  local line
  step_done
  for line in "${_lib_times[@]}"; do say "  $line"; done
  say "  $(printf '%4d s  in all' $(($(date +%s) - _lib_start)))"
}

# expect_status STATUS COMMAND...: runs it and requires exactly this exit status.
expect_status() {
  local want=$1 got=0
  shift
  show "$@"
  "$@" || got=$?
  [ "$got" -eq "$want" ] || die "expected exit status $want, got $got: $(quote "$@")"
}

# expect_refusal STATUS TEXT COMMAND...: the command must fail with exactly STATUS and name TEXT
# (a fixed string) in what it prints. Both are shown, so that the reader sees the real message.
expect_refusal() {
  local want=$1 text=$2 got=0 out
  shift 2
  show "$@"
  out=$("$@" 2>&1) || got=$?
  printf '%s\n' "$out"
  [ "$got" -ne 0 ] || die "expected a refusal, but it succeeded: $(quote "$@")"
  [ "$got" -eq "$want" ] || die "expected exit status $want, got $got: $(quote "$@")"
  case "$out" in
    *"$text"*) ;;
    *) die "the refusal does not name '$text': $(quote "$@")" ;;
  esac
  say "   -> refused as it must be: exit status $got, naming '$text'"
}

# need TOOL...: every tool is there, or one message names all that are missing.
need() {
  local tool missing=""
  for tool in "$@"; do command -v "$tool" >/dev/null || missing="$missing $tool"; done
  [ -z "$missing" ] || die "missing tools:$missing; run packaging/install-packages.sh build demo"
}
