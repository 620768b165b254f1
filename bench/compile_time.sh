#!/bin/sh
# Seconds of compiler time to include a header, against <Eigen/Core> alone: medians of 5, without
# optimization. usage: sh bench/compile_time.sh [compiler]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
compiler=${1:-${CXX:-c++}}
eigen=$(pkg-config --cflags-only-I eigen3 2>/dev/null || echo -I/usr/include/eigen3)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seconds() {  # of one compilation of a file that includes $1
  printf '#include <%s>\n' "$1" > "$work/one.cpp"
  # `times` of a child shell: user and system time of what it ran.
  ( "$compiler" -std=c++20 -O0 -I "$root/include" $eigen -c "$work/one.cpp" -o "$work/one.o"; times ) |
    tail -n 1 | sed 's/m/ /g; s/s//g' | awk '{ print $1 * 60 + $2 + $3 * 60 + $4 }'
}
headers="Eigen/Core glissade/rules/adam.hpp glissade/glissade.hpp"
for round in 1 2 3 4 5; do
  for header in $headers; do seconds "$header" >> "$work/$(echo "$header" | tr / _)"; done
done
median() { sort -n "$work/$(echo "$1" | tr / _)" | sed -n 3p; }
base=$(median Eigen/Core)
printf '%-28s %8s %8s\n' "header, $("$compiler" --version | head -n 1 | cut -c1-16)" seconds ratio
for header in $headers; do
  awk -v h="$header" -v t="$(median "$header")" -v b="$base" 'BEGIN { printf "%-28s %8.2f %8.2f\n", h, t, t / b }'
done
