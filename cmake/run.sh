#!/bin/sh
# From a bare machine to a running program: finds what is missing, installs it where that is allowed,
# configures, builds and runs. Everything that is built goes to build/ beside the sources.
# shellcheck disable=SC2046,SC2086 # unquoted variables are lists of words
set -eu

usage() {
  cat >&2 <<'EOF'
usage: sh cmake/run.sh <verb>
  demo             build and run examples/race_digits.cpp; what it writes lies in build/demo/results
  test             build and run all tests
  test <file>      those of one file, such as tests/rules/adam.cpp
  bench [pattern]  build and run the benchmarks whose names contain the pattern
  clang            all unit tests, built with Clang
  sanitize [all]   those of memory, files and states, built with Clang, under the address and undefined behaviour
                   sanitizers; or all
  threads          the thread tests under the thread sanitizer
  targets          what all rules compute, to the bit, and the tests of the lanes, for SSE2, AVX2 and AVX-512 and, where
                   the tools are, for aarch64
  chains [number]  so many chains drawn at random against the definition of a chain; 20000
  fuzz             each fuzzer for 60 seconds
EOF
  exit 2
}

say() { printf '%s\n' "glissade: $*"; }
fail() {
  say "$*" >&2
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

root=$(cd "$(dirname "$0")/.." && pwd)
cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# GCC takes up to 4 GB for a test file.
memory=$(awk '/^MemAvailable/ { print int($2 / 4000000) }' /proc/meminfo 2>/dev/null || true)
if [ -n "$memory" ] && [ "$memory" -lt "$cores" ]; then
  jobs=$((memory > 1 ? memory : 1))
else
  jobs=$cores
fi

# --- What is missing --------------------------------------------------------------------------------

# cmake_is_new_enough: true if cmake >= 3.25 is there.
cmake_is_new_enough() {
  has cmake || return 1
  printf 'cmake_minimum_required(VERSION 3.25)\n' >"$root/build/minimum.cmake"
  cmake -P "$root/build/minimum.cmake" >/dev/null 2>&1
}

# choose_generator: Ninja where it is there, since it never waits for a library to compile the next file. A build tree
# that exists keeps its own.
choose_generator() {
  [ -n "${CMAKE_GENERATOR:-}" ] || ! has ninja || export CMAKE_GENERATOR=Ninja
}

# find_missing <names>: sets `missing` to those that cannot be found. Names of libraries are looked
# up by CMake, so they are only reported once there is a compiler and a CMake to ask.
find_missing() {
  missing=
  libraries=
  mkdir -p "$root/build"
  for name in "$@"; do
    case $name in
      compiler) has "$CXX" || missing="$missing compiler" ;;
      cmake) cmake_is_new_enough || missing="$missing cmake" ;;
      make) has make || has ninja || missing="$missing make" ;;
      ninja) has ninja || missing="$missing ninja" ;;
      gnuplot | pkg-config) has "$name" || missing="$missing $name" ;;
      *) libraries="$libraries;$name" ;;
    esac
  done
  can_build=yes
  case $missing in *compiler* | *cmake* | *make*) can_build=no ;; esac
  has make || has ninja || can_build=no
  if [ $can_build = no ]; then
    missing="$missing$(printf %s "$libraries" | tr ';' ' ')"
    return
  fi
  choose_generator
  probe="$root/build/probe/$(basename "$CXX")"
  rm -rf "$probe"
  mkdir -p "$probe"
  cmake -S "$root/cmake/probe" -B "$probe" -D CMAKE_CXX_COMPILER="$CXX" -D WANTED="${libraries#;}" \
    >"$probe/log" 2>&1 || fail "$CXX cannot build a program; see $probe/log"
  missing="$missing$(sed 's/^/ /' "$probe/missing" | tr -d '\n')"
}

# package <manager> <name>: what the package manager calls it.
package() {
  case $1:$2 in
    apt:compiler | apt:cxx20) [ "$CXX" = clang++ ] && echo clang || echo g++ ;;
    apt:eigen) echo libeigen3-dev ;;
    apt:Catch2) echo catch2 ;;
    apt:nlohmann_json) echo nlohmann-json3-dev ;;
    apt:gnuplot) echo gnuplot-nox ;;
    apt:ninja) echo ninja-build ;;
    apt:mpi) echo libopenmpi-dev openmpi-bin ;;
    apt:openmp) [ "$CXX" = clang++ ] && echo libomp-dev || echo g++ ;;
    apt:sanitizers) [ "$CXX" = clang++ ] && echo libclang-rt-dev || echo g++ ;;
    dnf:compiler | dnf:cxx20) [ "$CXX" = clang++ ] && echo clang || echo gcc-c++ ;;
    dnf:eigen) echo eigen3-devel ;;
    dnf:Catch2) echo catch-devel ;;
    dnf:ninja) echo ninja-build ;;
    dnf:mpi) echo openmpi-devel ;;
    dnf:nlohmann_json) echo json-devel ;;
    dnf:openmp) [ "$CXX" = clang++ ] && echo libomp-devel || echo libgomp ;;
    dnf:sanitizers) [ "$CXX" = clang++ ] && echo compiler-rt || echo libasan libubsan libtsan ;;
    pacman:compiler | pacman:cxx20) [ "$CXX" = clang++ ] && echo clang || echo gcc ;;
    pacman:Catch2) echo catch2 ;;
    pacman:nlohmann_json) echo nlohmann-json ;;
    pacman:openmp) [ "$CXX" = clang++ ] && echo openmp || echo gcc ;;
    pacman:sanitizers) [ "$CXX" = clang++ ] && echo compiler-rt || echo gcc ;;
    zypper:compiler | zypper:cxx20) [ "$CXX" = clang++ ] && echo clang || echo gcc-c++ ;;
    zypper:eigen) echo eigen3-devel ;;
    zypper:Catch2) echo Catch2-devel ;;
    zypper:nlohmann_json) echo nlohmann_json-devel ;;
    zypper:openmp) [ "$CXX" = clang++ ] && echo libomp-devel || echo libgomp1 ;;
    zypper:sanitizers) [ "$CXX" = clang++ ] && echo clang || echo libasan8 libubsan1 libtsan2 ;;
    brew:compiler | brew:cxx20 | brew:sanitizers) [ "$CXX" = clang++ ] && echo llvm || echo gcc ;;
    brew:Catch2) echo catch2 ;;
    brew:nlohmann_json) echo nlohmann-json ;;
    brew:openmp) echo libomp ;;
    *:compiler | *:cxx20) echo "a C++20 compiler (GCC 12, Clang 14 or newer)" ;;
    *:cmake) echo cmake ;;
    *) echo "$2" ;;
  esac
}

packages_of() {
  manager=$1
  shift
  for name in "$@"; do package "$manager" "$name"; done | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# as_root <command>: fails where this user may not become root without being asked.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif has sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

apt_install() {
  as_root true || return 1
  say "installing $*"
  {
    as_root apt-get update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
  } >"$root/build/apt.log" 2>&1
}

# how_to_get <names>: the sentence for a reader who has to install by hand.
how_to_get() {
  if has apt-get; then
    echo "as root: apt-get install $(packages_of apt "$@")"
  elif has dnf; then
    echo "as root (names not tried): dnf install $(packages_of dnf "$@")"
  elif has pacman; then
    echo "as root (names not tried): pacman -S $(packages_of pacman "$@")"
  elif has zypper; then
    echo "as root (names not tried): zypper install $(packages_of zypper "$@")"
  elif has brew; then
    echo "(names not tried): brew install $(packages_of brew "$@")"
  else
    echo "please install $(for name in "$@"; do package other "$name"; done | sort -u | paste -sd, -)"
  fi
}

# need <names>: returns only when all of them are there. A missing gnuplot costs only the picture, a missing ninja
# some time, a missing MPI its tests.
need() {
  find_missing "$@"
  rm -f "$root/build/apt.log"
  if [ -n "$missing" ] && has apt-get; then
    apt_install $(packages_of apt $missing) || true
    find_missing "$@"
  fi
  required=
  for name in $missing; do
    if [ "$name" = gnuplot ]; then
      say "without gnuplot there will be no picture ($(how_to_get gnuplot))"
    elif [ "$name" = mpi ]; then
      say "without MPI its tests are left out ($(how_to_get mpi))"
    elif [ "$name" = ninja ] && has make; then
      :
    else
      required="$required $name"
    fi
  done
  [ -n "$required" ] || return 0
  [ ! -s "$root/build/apt.log" ] || say "apt-get did not help; see build/apt.log" >&2
  fail "something is missing; $(how_to_get $required)"
}

# --- Configure and build ------------------------------------------------------------------------------

# logged <log> <command>: quiet while it goes well.
logged() {
  log=$1
  shift
  "$@" >"$log" 2>&1 || {
    tail -n 60 "$log" >&2
    fail "that failed; the whole log is $log"
  }
}

# build <name> <targets> <cmake options>: a build tree build/<name> with the targets up to date.
build() {
  dir="$root/build/$1"
  target=$2
  shift 2
  mkdir -p "$dir"
  logged "$dir/configure.log" cmake -S "$root" -B "$dir" -D CMAKE_CXX_COMPILER="$CXX" "$@"
  say "building $target in build/$(basename "$dir") on $jobs cores; a first build takes minutes"
  logged "$dir/build.log" cmake --build "$dir" --target $target --parallel "$jobs"
}

run_tests() {
  (cd "$dir" && ctest --output-on-failure --parallel "$cores" "$@")
}

basics="compiler cmake make cxx20 eigen"
checks="compiler cmake ninja cxx20 eigen Catch2"
release="-D CMAKE_BUILD_TYPE=Release"
unit_only="-D GLISSADE_BUILD_EXAMPLES=OFF -D GLISSADE_BUILD_BENCH=OFF"

demo() {
  json=
  if grep -q '^#include [<"]glissade/io/' "$root/examples/race_digits.cpp"; then
    json=nlohmann_json
  fi
  need $basics $json gnuplot
  build demo race_digits $release -D GLISSADE_BUILD_TESTS=OFF
  mkdir -p "$dir/results"
  (cd "$dir/results" && "$dir/examples/race_digits")
  say "what it has written lies in $dir/results"
}

# Examples compile twice as fast as with the release's own flags.
quick="-Og -DNDEBUG"

test_all() {
  need $checks nlohmann_json openmp pkg-config mpi
  build test all $release -D "CMAKE_CXX_FLAGS_RELEASE=$quick"
  run_tests
}

# test_file <file>: its program is built, and its test cases are run: they have the file's name as a tag.
test_file() {
  file=${1#"$root"/}
  file=${file#tests/}
  [ -f "$root/tests/$file" ] || fail "there is no tests/$file"
  need $checks nlohmann_json openmp
  folder=${file%%/*}
  build test "test_$folder" $release -D "CMAKE_CXX_FLAGS_RELEASE=$quick"
  "$dir/tests/test_$folder" --filenames-as-tags "[#$(basename "$file" .cpp)]"
}

bench() {
  need $basics pkg-config
  options="$release -D GLISSADE_BUILD_BENCH=ON -D GLISSADE_BUILD_TESTS=OFF -D GLISSADE_BUILD_EXAMPLES=OFF"
  # Only what the pattern names is built; a program that needs a library which is not there is no target.
  build bench help $options >/dev/null
  programs=$(sed -n 's/^\(\.\.\. \)*\(bench_[a-z0-9_]*\)\(:.*\)*$/\2/p' "$dir/build.log" |
    grep -F -- "${1:-}" | sort -u | tr '\n' ' ')
  [ -n "$programs" ] || fail "no benchmark has '${1:-}' in its name"
  build bench "$programs" $options
  for program in $programs; do
    program="$dir/bench/programs/$program"
    printf '\n== %s\n' "$(basename "$program")"
    "$program"
  done
  [ -n "${1:-}" ] && return
  printf '\n== compile time\n'
  sh "$root/bench/compile_time.sh"
}

clang() {
  need $checks nlohmann_json openmp
  build clang unit_tests $release $unit_only
  run_tests -L unit
}

sanitize() {
  need $checks nlohmann_json sanitizers
  # Debug information is a fifth of the time, and functions have their names without it.
  preset asan-ubsan unit_tests -D GLISSADE_TESTS="${1:-memory}" \
    -D "CMAKE_CXX_FLAGS_DEBUG=-O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
  # Drawn chains take a tenth of a second each here.
  GLISSADE_DRAWS=${GLISSADE_DRAWS:-60}
  export GLISSADE_DRAWS
  run_tests -L unit
}

threads() {
  need $checks openmp sanitizers
  preset tsan test_threads
  run_tests -L threads
}

# compute_hashes <name> <compiler> <flags> -- <how to run>: what tests/targets/hashes.cpp prints, in targets/<name>.txt,
# and the tests of the lanes; the warnings of GCC 12 about its own headers for AVX-512 are none of ours.
compute_hashes() {
  name=$1
  shift
  compiler=
  while [ "$1" != -- ]; do
    compiler="$compiler $1"
    shift
  done
  shift
  logged "$dir/$name.log" $compiler -std=c++20 -O3 $rarely -I "$root/include" -isystem "$eigen" \
    "$root/tests/targets/hashes.cpp" -o "$dir/$name"
  "$@" "$dir/$name" >"$dir/$name.txt"
  compile_lanes "$name" $compiler
  [ -z "$catch" ] || logged "$dir/$name-lanes.txt" "$@" "$dir/$name-lanes"
}

# compile_lanes <name> <compiler> <flags>
compile_lanes() {
  name=$1
  shift
  [ -z "$catch" ] || logged "$dir/$name-lanes.log" "$@" -std=c++20 -O2 -w $rarely -I "$root/include" -I "$root/tests" \
    -isystem "$eigen" -isystem "$catch" "$root"/tests/core/lanes/*.cpp "$root/tests/support/main.cpp" \
    -o "$dir/$name-lanes"
}

targets() {
  need $basics
  dir="$root/build/targets"
  mkdir -p "$dir"
  eigen=$(sed -n 's/^Eigen3_DIR:PATH=//p' "$root/build/probe/$(basename "$CXX")/CMakeCache.txt")
  eigen=$(cd "$eigen/../../.." && pwd)/include/eigen3
  # Catch2 3 is a library, of this machine's own target.
  catch=
  for place in /usr/include /usr/local/include; do
    if [ -f "$place/catch2/catch.hpp" ] && [ ! -f "$place/catch2/catch_all.hpp" ]; then
      mkdir -p "$dir/include"
      ln -sfn "$place/catch2" "$dir/include/catch2"
      catch=$dir/include
    fi
  done
  # Of GCC, as in CMakeLists.txt.
  rarely=
  case $("$CXX" --version) in *"Free Software Foundation"*) rarely=--param=ggc-min-expand=10000 ;; esac
  [ -n "$catch" ] || say "no Catch2 of headers alone: the tests of the lanes are left to the verb test"
  case $(uname -m) in
    x86_64)
      all="sse2 avx2 avx512"
      say "computing for $all"
      compute_hashes sse2 "$CXX" -march=x86-64 -- env &
      first=$!
      compute_hashes avx2 "$CXX" -march=haswell -- env
      wait $first
      if grep -q avx512dq /proc/cpuinfo; then
        compute_hashes avx512 "$CXX" -march=skylake-avx512 -- env &
        first=$!
      else
        say "no AVX-512 here: the tests of the lanes are compiled, not run"
        all="sse2 avx2"
        compile_lanes avx512 "$CXX" -march=skylake-avx512 &
        first=$!
      fi
      if ! has aarch64-linux-gnu-g++ || ! has qemu-aarch64; then
        apt_install g++-aarch64-linux-gnu qemu-user || true
      fi
      if has aarch64-linux-gnu-g++ && has qemu-aarch64; then
        all="$all aarch64"
        compute_hashes aarch64 aarch64-linux-gnu-g++ -static -- qemu-aarch64
      else
        say "no cross compiler and emulator for aarch64: left out"
      fi
      wait $first
      ;;
    *)
      all=here
      compute_hashes here "$CXX" -- env
      ;;
  esac
  for name in $all; do
    diff "$dir/${all%% *}.txt" "$dir/$name.txt" >&2 || fail "$name computes other bits than ${all%% *}"
    lanes=
    [ ! -f "$dir/$name-lanes.txt" ] || lanes="; lanes: $(grep -o '[0-9]* assertions in [0-9]* test cases' "$dir/$name-lanes.txt")"
    say "$name: $(wc -l <"$dir/$name.txt") runs of rules, the same bits$lanes"
  done
}

# preset <name> <target> <cmake options>: as build, with the options of the preset. It is configured from the root,
# where the presets are.
preset() {
  name=$1
  target=$2
  shift 2
  dir="$root/build/$name"
  mkdir -p "$dir"
  cd "$root"
  logged "$dir/configure.log" cmake --preset "$name" -D CMAKE_CXX_COMPILER="$CXX" "$@"
  say "building $target in build/$name on $jobs cores; a first build takes minutes"
  logged "$dir/build.log" cmake --build "$dir" --target $target --parallel "$jobs"
}

chains() {
  need $checks nlohmann_json
  build test test_io $release -D "CMAKE_CXX_FLAGS_RELEASE=$quick"
  GLISSADE_DRAWS=${1:-20000} "$dir/tests/test_io" "chains:*"
}

fuzz() {
  [ -d "$root/tests/fuzz" ] || fail "there are no fuzzers"
  need $checks nlohmann_json sanitizers
  build fuzz fuzzers $unit_only
  for program in "$dir"/fuzzers/*; do
    name=$(basename "$program")
    name=${name#fuzz_}
    corpus="$dir/corpus/$name"
    mkdir -p "$corpus"
    say "$name for 60 seconds"
    logged "$dir/$name.log" "$program" -max_total_time=60 -artifact_prefix="$dir/$name-" "$corpus" \
      "$root/tests/fuzz/corpus/$name"
    tail -n 2 "$dir/$name.log"
  done
}

# The sanitizer builds use Clang: its OpenMP runtime can tell the thread sanitizer about its barriers,
# GCC's cannot and every parallel loop is reported as a race.
[ $# -ge 1 ] || usage
verb=$1
shift
case $verb in
  clang | sanitize | threads | fuzz) CXX=clang++ ;;
  *) CXX=${CXX:-$(has g++ && echo g++ || echo c++)} ;;
esac
case $verb in
  demo | bench | clang | sanitize | threads | targets | chains | fuzz) "$verb" "$@" ;;
  test) if [ $# -ge 1 ]; then test_file "$1"; else test_all; fi ;;
  *) usage ;;
esac
