#!/usr/bin/env bash
# Brings a fresh checkout to a runnable state with npm alone. Does nothing when it already is.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v npm >/dev/null || { echo "setup: npm is needed (it comes with any Node.js); install Node.js and try again" >&2; exit 1; }
stamp=node_modules/.annulus-setup
want=$(cat package-lock.json scripts/setup.sh | cksum)
[ -x node_modules/.bin/node ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && exit 0
# hnswlib compiled for x86-64-v3 (AVX2, FMA) searches 20-25 % faster than by its defaults.
flags="-O3"
if [ "$(uname -m)" = x86_64 ] && grep -qw avx2 /proc/cpuinfo 2>/dev/null && grep -qw fma /proc/cpuinfo && grep -qw bmi2 /proc/cpuinfo; then
  flags="-O3 -march=x86-64-v3"
fi
echo "setup: installing packages and compiling hnswlib ($flags): about a minute" >&2
log=$(mktemp)
if ! CXXFLAGS="${CXXFLAGS-$flags}" npm ci --no-audit --no-fund >"$log" 2>&1; then
  cat "$log" >&2
  echo "setup: npm ci failed (a C++ compiler, make and python3 are needed to compile hnswlib-node)" >&2
  exit 1
fi
rm -f "$log"
[ -x node_modules/.bin/node ] || { echo "setup: the npm package 'node' did not bring its program" >&2; exit 1; }
echo "$want" >"$stamp"
