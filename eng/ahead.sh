#!/bin/sh
# Compiles assemblies to machine code (ReadyToRun), as many at once as there are processors. What is up to date is left alone.
#
#   ahead.sh COMPILER FRAMEWORK LIST OUT
#
# FRAMEWORK: the folder "shared" of the .NET installation and the version, as in "/usr/share/dotnet/shared 10.0.12".
# LIST: a file with the assemblies' paths, one a line. What cannot be compiled is left out of OUT: the program then runs what the build made.
compiler=$1 shared=${2% *} version=${2##* } list=$3 out=$4
mkdir -p "$out" || exit 0
chmod +x "$compiler" 2>/dev/null

references="$out/references.rsp"
{
  printf -- '-r:%s/Microsoft.NETCore.App/%s/*.dll\n' "$shared" "$version"
  printf -- '-r:%s/Microsoft.AspNetCore.App/%s/*.dll\n' "$shared" "$version"
  sed 's/^/-r:/' "$list"
} >"$references.new" && mv -f "$references.new" "$references"

compile='
  in=$3 name=$(basename "$3")
  [ "$2/$name" -nt "$in" ] && exit 0
  rm -f "$2/$name"
  "$1" "$in" -o:"$2/$name.new" "@$2/references.rsp" -O >"$2/$name.log" 2>&1 && mv -f "$2/$name.new" "$2/$name"
  exit 0'
tr '\n' '\0' <"$list" | xargs -0 -n 1 -P "$(nproc)" sh -c "$compile" ahead "$compiler" "$out"
exit 0
