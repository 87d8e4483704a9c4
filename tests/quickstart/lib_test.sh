#!/usr/bin/env bash
# The words the quickstart is told in: a refusal counts only with its exact exit status and text.
# shellcheck source=tiny.sh
. "$(dirname "$0")/tiny.sh"

# told STATUS TEXT SCRIPT: runs the lines with lib.sh loaded.
told() {
  printf '. "%s/lib.sh"\n%s\n' "$qs" "$3" >"$work/story.sh"
  expect "$1" "$2" bash "$work/story.sh"
}

told 0 '$ echo two words' 'run echo two words'
told 0 "\$ printf %s 'a b' ''" 'run printf %s "a b" ""'
told 0 "\$ echo it\\'s" "run echo \"it's\""
told 0 '$ cat src/file' "LIB_ROOT=/there; show cat /there/src/file"
told 1 'line' 'run false; say unreached'
told 3 'seen when it fails' 'run_quiet sh -c "echo seen when it fails; exit 3"'
told 0 'refused as it must be: exit status 14' "expect_refusal 14 'below the floor' sh -c 'echo below the floor >&2; exit 14'"
told 1 'expected exit status 14, got 11' "expect_refusal 14 floor sh -c 'echo floor; exit 11'"
told 1 'but it succeeded' 'expect_refusal 14 floor echo floor'
told 1 "does not name 'floor'" "expect_refusal 14 floor sh -c 'echo ceiling; exit 14'"
told 0 'went on' 'expect_status 7 sh -c "exit 7"; say went on'
told 1 'expected exit status 7, got 0' 'expect_status 7 true'
told 0 '== 2. second' 'step first; step second; step_times'
told 0 's  first' 'step first; step second; step_times'
told 0 'in all' 'step only; step_times'
told 1 'missing tools: no-such-tool' 'need sh no-such-tool'
told 1 'the reason' 'die the reason'
quiet=$(printf '. "%s/lib.sh"\nrun_quiet echo not shown\n' "$qs" | bash)
[ "$quiet" = '$ echo not shown' ] || fail "run_quiet says: $quiet"
echo "lib: all as expected"
