# shellcheck shell=bash
# Sourced by the soak tests. Each begins with a comment line that says what it does and ends with `figure`.

# figure TEXT: the one line that a soak run leaves, on standard output and in build/soak.log.
figure() {
  local name commit
  name=$(basename "$0" .sh)
  commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
  git diff --quiet HEAD 2>/dev/null || commit=$commit+changes
  mkdir -p build
  echo "$(date -u +%F) $commit $name: $*" | tee -a build/soak.log
}
