#!/bin/sh
# The text of all C++ files is what .clang-format says, by clang-format 14; skipped with a message where that is not
# there, since other versions format otherwise. `sh cmake/check_format.sh --write` formats them.
set -eu
cd "$(dirname "$0")/.."
for program in clang-format-14 clang-format; do
  command -v "$program" >/dev/null 2>&1 || continue
  "$program" --version | grep -q 'version 14\.' || continue
  mode="--dry-run -Werror"
  [ "${1:-}" != --write ] || mode=-i
  # shellcheck disable=SC2086 # a list of words
  find include tests bench examples -name '*.hpp' -o -name '*.cpp' | sort | xargs -P 2 -n 50 "$program" $mode
  exit 0
done
echo "skipped: there is no clang-format 14"
