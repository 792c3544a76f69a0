#!/usr/bin/env bash
# What a stranger meets: clones the repository into an empty folder, with a bare environment and a new HOME,
# runs README's two commands there, and prints time and sizes. Only PATH and pip's own settings are kept.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/home"
git clone --quiet "$repo" "$place/clone"
cd "$place/clone"
bare=(env -i "PATH=$PATH" "HOME=$place/home")
for name in ${!PIP_@}; do bare+=("$name=${!name}"); done

for target in "" test; do
	start=$SECONDS
	# shellcheck disable=SC2086 # no target is no argument
	"${bare[@]}" make $target >"$place/log" 2>&1 || { cat "$place/log"; echo "fresh: make $target failed"; exit 1; }
	echo "fresh: make $target took $((SECONDS - start)) s"
	changed=$(git status --porcelain)
	[ -z "$changed" ] || { echo "$changed"; echo "fresh: make $target changed files"; exit 1; }
done
echo "fresh: clone $(du -sh .git | cut -f1), downloaded $(du -sh "$place/home" | cut -f1), installed $(du -sh .venv | cut -f1)"
