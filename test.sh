#!/usr/bin/env bash
# Builds Rollcall and runs every test; ends with the line "N passed, N failed".
#
#   ./test.sh          minutes: fixed small seeds
#   ./test.sh --long   everything: large data, many random histories
#
# Needs git and the .NET SDK. What else is missing comes from Debian's packages when this is run as root.
# Tests that need PostgreSQL get a cluster of their own, which is gone afterwards; set ROLLCALL_TEST_POSTGRES
# (an Npgsql connection string of a superuser) to use another one.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

# Per suite. A hang must end as a failure, with time left to stop the cluster.
suite_seconds_max=1200
case "${1:-}" in
  "") ;;
  --long) export ROLLCALL_TEST_LONG=1; suite_seconds_max=14400 ;;
  *) echo "test.sh: unknown option $1 (there is only --long)" >&2; exit 4 ;;
esac

export HOME="${HOME:-/root}" DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_UI_LANGUAGE=en
passed=0 failed=0 skipped=0

# Databases that a test makes and drops cost mostly waiting for the disk. The short run keeps them in memory where there is plenty: what a
# killed process has written survives there as well. The long run is on the disk.
roomy() {
  [ -z "${ROLLCALL_TEST_LONG:-}" ] && [ -w /dev/shm ] &&
    [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')" -gt 5000000 ] &&
    [ "$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo 2>/dev/null)" -gt 10000000 ]
}
folder="${TMPDIR:-/tmp}"
roomy 2>/dev/null && folder=/dev/shm
work=$(mktemp -d "$folder/rollcall-test.XXXXXX") || exit 1
mkdir "$work/tmp"
postgres_bin="" postgres_user="" postgres_pid="" suite_pid=""

say() { printf '%s\n' "$*"; }

summary() {
  local line="$passed passed, $failed failed"
  [ "$skipped" -gt 0 ] && line="$line, $skipped skipped"
  say "$line"
}

# A compiler of our own that stays for the whole build: to start and warm up one for each project takes a quarter of the build.
compiler="rollcall-test-$$"
end_compiler() {
  local pid
  for pid in $(grep -lsxz -e "-pipename:[r]ollcall-test-$$" /proc/[0-9]*/cmdline | cut -d/ -f3); do kill "$pid" 2>/dev/null; done
}

# --- leaving nothing behind -----------------------------------------------------------------------------------------

cleanup() {
  trap '' INT TERM
  [ -n "$suite_pid" ] && kill -TERM -- "-$suite_pid" 2>/dev/null
  end_compiler
  if [ -s "$work/postgres/postmaster.pid" ]; then postgres_pid=$(head -1 "$work/postgres/postmaster.pid"); fi
  if [ -n "$postgres_pid" ] && kill -0 "$postgres_pid" 2>/dev/null; then
    kill -INT "$postgres_pid" # fast shutdown: ends sessions, then itself
    for _ in $(seq 100); do kill -0 "$postgres_pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$postgres_pid" 2>/dev/null
  fi
  [ -n "$postgres_user" ] && [ "$postgres_user" != "$(id -un)" ] && userdel "$postgres_user" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- what the machine lacks -----------------------------------------------------------------------------------------

updated=""
install() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then return 1; fi
  say "installing $*"
  local log="$work/apt.log"
  if DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >"$log" 2>&1; then return 0; fi
  if [ -z "$updated" ]; then
    updated=1
    apt-get update -qq >>"$log" 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >>"$log" 2>&1 && return 0
  fi
  tail -5 "$log" >&2
  return 1
}

find_postgres() {
  local folder
  for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) $(dirname "$(command -v initdb 2>/dev/null)" 2>/dev/null); do
    if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then postgres_bin=$folder; return 0; fi
  done
  return 1
}

install_postgres() {
  # Debian's package would start a cluster of its own, which nobody needs.
  local off=/etc/postgresql-common/createcluster.d/rollcall-test.conf result=0 made=""
  if [ "$(id -u)" = 0 ] && [ ! -e /etc/postgresql-common ]; then
    made=1
    mkdir -p "$(dirname "$off")" && echo "create_main_cluster = false" >"$off"
  fi
  install postgresql || result=1
  [ -n "$made" ] && rm -f "$off"
  return $result
}

has_icu() { [ "${DOTNET_SYSTEM_GLOBALIZATION_INVARIANT:-}" = 1 ] || compgen -G '/usr/lib/*/libicuuc.so.*' >/dev/null || compgen -G '/usr/lib*/libicuuc.so.*' >/dev/null; }

install_icu() {
  local package
  package=$(apt-cache search --names-only '^libicu[0-9]+$' 2>/dev/null | sort -rV | head -1 | cut -d' ' -f1)
  if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then
    apt-get update -qq >/dev/null 2>&1
    updated=1
    package=$(apt-cache search --names-only '^libicu[0-9]+$' 2>/dev/null | sort -rV | head -1 | cut -d' ' -f1)
  fi
  [ -n "$package" ] && install "$package"
}

# --- a PostgreSQL of our own ----------------------------------------------------------------------------------------

as_postgres() {
  if [ "$postgres_user" = "$(id -un)" ]; then "$@"; else setpriv --reuid "$postgres_user" --regid "$postgres_user" --clear-groups "$@"; fi
}

free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + (RANDOM % 12000)))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return 0; fi
  done
  return 1
}

start_postgres() {
  local data="$work/postgres" log="$work/postgres.log" password port try
  if [ "$(id -u)" = 0 ]; then
    # PostgreSQL refuses to run as root.
    postgres_user="rollcall-test-$$"
    useradd --system --user-group --no-create-home --shell /usr/sbin/nologin "$postgres_user" || { postgres_user=""; return 1; }
  else
    postgres_user=$(id -un)
  fi

  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  mkdir -p "$data" && printf '%s\n' "$password" >"$work/password" && : >"$log"
  if [ "$(id -u)" = 0 ]; then chown "$postgres_user" "$data" "$work/password" "$log" && chmod 711 "$work"; fi
  # initdb asks its parent's folder; a folder that the user can't read makes it complain.
  if ! (cd / && as_postgres "$postgres_bin/initdb" -D "$data" -U rollcall --pwfile="$work/password" -A scram-sha-256 -E UTF8 --locale=C.UTF-8) >"$work/initdb.log" 2>&1; then
    tail -5 "$work/initdb.log" >&2
    return 1
  fi
  rm -f "$work/password"

  for try in 1 2 3; do
    port=$(free_port) || return 1
    # Durability as in production: fsync, synchronous_commit and full_page_writes keep their defaults.
    (cd / && as_postgres "$postgres_bin/postgres" -D "$data" -p "$port" -c listen_addresses=127.0.0.1 \
      -c unix_socket_directories="$data" -c max_connections=400 -c wal_level=logical -c max_replication_slots=20 -c max_wal_senders=20 -c shared_buffers=256MB -c max_wal_size=2GB >"$log" 2>&1) &
    for _ in $(seq 150); do
      if grep -q "ready to accept connections" "$log"; then
        export ROLLCALL_TEST_POSTGRES="Host=127.0.0.1;Port=$port;Username=rollcall;Password=$password;Database=postgres"
        return 0
      fi
      jobs -r | grep -q . || break
      sleep 0.2
    done
  done
  tail -5 "$log" >&2
  return 1
}

# --- building and running -------------------------------------------------------------------------------------------

step() {
  # step NAME COMMAND…: quiet unless it fails.
  local name=$1 log="$work/step.log" start=$SECONDS
  shift
  if "$@" >"$log" 2>&1; then
    say "$name: done in $((SECONDS - start)) s"
  else
    grep -E "error|warn" "$log" | sort -u | head -40 || true
    grep -qE "error|warn" "$log" || tail -20 "$log"
    say "$name: FAILED"
    failed=$((failed + 1))
    return 1
  fi
}

suite() {
  # suite NAME: runs a test program, adds its counts; a suite that doesn't report counts is a failure.
  local name=$1 log="$work/$1.log" start=$SECONDS status line more=()
  if [ -n "${ROLLCALL_TEST_LONG:-}" ]; then
    # Each test as it ends, with what it counted; kept, because that is what a long run is for.
    more=(-reporter verbose -showLiveOutput)
    mkdir -p artifacts/test-long
    log="artifacts/test-long/$1.log"
  fi
  # In a process group of its own, waited for: so that a signal to this script is heard at once. The tests send Ctrl-C to
  # programs that they start, which would ignore it if whoever started this script did.
  set -m
  # Hundreds of short processes: without instrumented code they reach the optimised one sooner (bench/results/2026-11-22-publish.md).
  [ -z "${ROLLCALL_TEST_LONG:-}" ] && export DOTNET_TieredPGO=0
  # Most of a test's time is waiting for processes and disks, so more run at once than there are processors.
  TMPDIR="$work/tmp" env --default-signal=INT,QUIT timeout -k 15 "$suite_seconds_max" "artifacts/bin/$name/release/$name" -noLogo -noColor -maxThreads 3.0x "${more[@]}" >"$log" 2>&1 &
  suite_pid=$!
  set +m
  wait "$suite_pid"
  status=$?
  suite_pid=""
  line=$(grep -E "Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+" "$log" | tail -1)
  if [ -z "$line" ]; then
    tail -40 "$log"
    say "$name: FAILED, ended with $status and without a result after $((SECONDS - start)) s"
    failed=$((failed + 1))
    return 1
  fi

  local total errors failures skips
  read -r total errors failures skips < <(sed -E 's/.*Total: ([0-9]+), Errors: ([0-9]+), Failed: ([0-9]+), Skipped: ([0-9]+).*/\1 \2 \3 \4/' <<<"$line")
  failures=$((failures + errors))
  if [ "$status" != 0 ] && [ "$failures" = 0 ]; then failures=1; fi
  if [ "$failures" -gt 0 ]; then grep -vE "^ *(Discovering|Discovered|Starting|Finished):|\[(STARTING|FINISHED|OUTPUT)\]" "$log" | head -400; fi
  if [ "$skips" -gt 0 ]; then grep -E "\[SKIP\]" -A1 "$log" | grep -v "^--" | head -10; fi
  passed=$((passed + total - failures - skips))
  failed=$((failed + failures))
  skipped=$((skipped + skips))
  say "$name: $((total - failures - skips)) passed, $failures failed, $skips skipped in $((SECONDS - start)) s"
}

main() {
  command -v dotnet >/dev/null || { say "test.sh: the .NET SDK is needed: see global.json for its version"; failed=1; return; }
  has_icu || install_icu || say "libicu is missing and could not be installed"
  if [ -z "${ROLLCALL_TEST_POSTGRES:-}" ]; then
    if ! find_postgres && { ! install_postgres || ! find_postgres; }; then
      say "PostgreSQL is missing and could not be installed: run as root, or install it"
    elif ! start_postgres; then
      say "PostgreSQL could not be started"
    fi
  fi

  local locked=()
  [ "${CI:-}" = true ] && locked=(--locked-mode)
  step restore dotnet restore Rollcall.slnx "${locked[@]}" || return
  step build dotnet build Rollcall.slnx -c Release --no-restore -p:UseSharedCompilation=true -p:SharedCompilationId="$compiler" \
    -p:IsWhiteSpaceCheckedApart=true -v quiet || return
  end_compiler
  # Style and analyzers are enforced by the build; what is left is white space. The whole of dotnet format takes as long as the build.
  local what=(whitespace)
  [ -n "${ROLLCALL_TEST_LONG:-}" ] && what=()
  step format dotnet format "${what[@]}" Rollcall.slnx --verify-no-changes --no-restore
  suite Rollcall.Tests
  suite Rollcall.IntegrationTests
}

main
summary
[ "$failed" = 0 ]
