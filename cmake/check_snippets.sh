#!/bin/sh
# Every code block of README and of head comments compiles as it stands: they are taken from there, not copied.
# usage: check_snippets.sh <build directory> <compiler and flags>...
#
# A block is what stands between ```cpp and ``` or, in a comment, a paragraph that is indented by five spaces and ends in
# ; or }. "..." stands for what a reader fills in.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1
shift
mkdir -p "$build"

# extract <file>: its blocks, each after a line "@block <line>".
extract() {
  awk '
    function end_paragraph(   last) {
      last = text
      sub(/[ \t]*\/\/[^\n]*\n?$/, "", last)
      sub(/[ \t\n]+$/, "", last)
      if (last ~ /[;}]$/) printf "@block %d\n%s", first, text
      text = ""
    }
    /^```cpp/ { fenced = 1; first = NR + 1; text = ""; next }
    /^```/ { if (fenced) end_paragraph(); fenced = 0; next }
    fenced { text = text $0 "\n"; next }
    FILENAME ~ /hpp$/ && /^\/\/\/?     / {
      line = $0
      sub(/^\/\/\/?     /, "", line)
      if (text == "") first = NR
      text = text line "\n"
      next
    }
    { if (text != "") end_paragraph() }
  ' "$1"
}

source="$build/snippets.cpp"
{
  echo '#include "snippets/given.hpp"'
  cd "$root"
  for file in README.md $(find include -name '*.hpp' -o -name 'README.md' | sort); do
    extract "$file" | awk -v file="$file" -v start="$(printf %s "$file" | tr -c 'a-z0-9' '_')" '
      function finish() {
        if (body == "") return
        name = start "_" line
        if (body ~ /^struct/ && body ~ /};\n$/)  # a local struct may not have templates
          printf "namespace %s {\nusing namespace glissade;\n#line %d \"%s\"\n%s}\n", name, line, file, body
        else
          printf "struct %s : snippets::Given {\nvoid run() {\nusing namespace glissade;\n#line %d \"%s\"\n%s}\n};\n", \
                 name, line, file, body
      }
      /^@block / { finish(); line = $2; body = ""; next }
      /^#include/ { body = body "\n"; next }
      {
        gsub(/while \(\.\.\.\)/, "while (false)")
        gsub(/for \(\.\.\.\)/, "for (; false;)")
        gsub(/, \.\.\./, "")
        gsub(/{ \.\.\. }/, "{ throw 0; }")
        gsub(/ \.\.\./, "")
        body = body $0 "\n"
      }
      END { finish() }'
  done
} >"$source"
blocks=$(grep -c '^#line' "$source")
echo "$blocks blocks"
[ "$blocks" -ge 35 ]
"$@" -std=c++20 -fsyntax-only -I "$root/include" -I "$root/tests" "$source"
