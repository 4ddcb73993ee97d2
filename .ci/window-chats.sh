#!/usr/bin/env bash
# Drives the list of chats in the real window on a display of its own (Xvfb), by the keyboard alone: pin, folder, move, rename,
# undo, search, delete, archive, a temporary chat, export. After each step the database has to say so. Screenshots go to
# a folder.
#
#	.ci/window-chats.sh [BINARY [FOLDER]]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
binary=${1:-$root/burble}
shots=${2:-$root/.cache/window}
for tool in Xvfb xdotool import python3; do
	command -v "$tool" >/dev/null || { echo "window test: $tool is missing (apt install xvfb xdotool imagemagick python3)"; exit 1; }
done
home=$(mktemp -d)
display=:$((90 + RANDOM % 900))
server='' program=''
finish() {
	[ -z "$program" ] || kill "$program" 2>/dev/null || true
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$home"
}
trap finish EXIT
fail() {
	echo "chats test: $*" >&2
	DISPLAY=$display import -window root "$shots/chats-failed.png" 2>/dev/null || true
	tail -n 20 "$home/log" >&2 || true
	exit 1
}
mkdir -p "$shots" "$home/config/burble"
Xvfb "$display" -screen 0 1280x860x24 -nolisten tcp >/dev/null 2>&1 &
server=$!
export DISPLAY=$display HOME=$home XDG_DATA_HOME=$home/data XDG_CONFIG_HOME=$home/config XDG_CACHE_HOME=$home/cache LIBGL_ALWAYS_SOFTWARE=1
unset WAYLAND_DISPLAY
printf '{"sampling":{"temperature":0},"theme":"%s","language":"en"}\n' "${BURBLE_THEME:-light}" >"$home/config/burble/settings.json"

python3 - "$home/in.jsonl" <<'PY'
import json, sys
with open(sys.argv[1], "w") as f:
    for name in ["Soup for a week", "Haiku about rain", "Borrow checker", "Why is the sky blue?", "A cat's name"]:
        turns = [("human", name), ("gpt", "Some words before it. " * 200 + "\n\nThe needle of " + name + ".\n\n" + "And after. " * 200)]
        f.write(json.dumps({"title": name, "conversations": [{"from": a, "value": b} for a, b in turns]}) + "\n")
PY
"$binary" import "$home/in.jsonl" >/dev/null || fail "burble import"

# ask prints the first column of a query on the chats.
ask() {
	python3 - "$home/data/burble/chats.db" "$1" <<'PY' 2>/dev/null || true
import sqlite3, sys
for row in sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(sys.argv[2]):
    print(row[0])
PY
}
# wants NAME VALUE QUERY waits until a query gives a value.
wants() {
	for ((i = 0; i < 50; i++)); do
		if [ "$(ask "$3")" = "$2" ]; then return 0; fi
		kill -0 "$program" 2>/dev/null || fail "the program ended while waiting for: $1"
		sleep 0.2
	done
	fail "$1: the database says “$(ask "$3")” instead of “$2”"
}
keys() {
	for k in "$@"; do
		xdotool key --window "$window" "$k" 2>/dev/null || fail "the window is gone at the key $k"
		sleep 0.35
	done
}
text() {
	xdotool type --window "$window" --delay 25 "$1"
	sleep 0.5
}
command() { # by the palette
	keys ctrl+k
	text "$1"
	keys Return
}
shot() { import -window root "$shots/chats-$1.png"; }

"$binary" >"$home/log" 2>&1 &
program=$!
window=''
for ((i = 0; i < 300; i++)); do
	window=$(xdotool search --onlyvisible --name Burble 2>/dev/null | head -n 1) && [ -n "$window" ] && break
	sleep 0.2
done
[ -n "$window" ] || fail "no window"
xdotool windowmove "$window" 0 0 windowsize "$window" 1280 860 2>/dev/null || true
xdotool windowfocus "$window" 2>/dev/null || true
sleep 3

keys ctrl+e Home Menu Down Return
wants "the first chat is pinned" "A cat's name" "SELECT title FROM chats WHERE pinned IS NOT NULL"
command "new folder"
text "Work"
keys Return
wants "a folder is made" Work "SELECT name FROM folders WHERE deleted IS NULL"
keys ctrl+e End Menu Down Down Right Return
wants "the last chat is moved" "Soup for a week" "SELECT title FROM chats WHERE folder_id IS NOT NULL"
shot 1-folder
keys ctrl+e Home F2
text "Whiskers"
shot 2-rename
keys Return
wants "the chat is renamed" Whiskers "SELECT title FROM chats WHERE pinned IS NOT NULL"
keys ctrl+z
wants "Ctrl+Z takes the name back" "A cat's name" "SELECT title FROM chats WHERE pinned IS NOT NULL"
keys ctrl+f
text "needle rain"
shot 3-search
keys Down Return
sleep 0.5
for ((i = 0; i < 50; i++)); do # a busy machine takes its time
	case $(xdotool getwindowname "$window") in "Haiku about rain"*) break ;; esac
	sleep 0.2
done
shot 4-found
case $(xdotool getwindowname "$window") in "Haiku about rain"*) ;; *) fail "the search opened $(xdotool getwindowname "$window")" ;; esac
keys ctrl+f Escape ctrl+e Delete
wants "Delete deletes" "Haiku about rain" "SELECT title FROM chats WHERE deleted IS NOT NULL"
keys ctrl+z
wants "Ctrl+Z brings it back" 0 "SELECT count(*) FROM chats WHERE deleted IS NOT NULL"
command "archive this"
wants "the chat is archived" "Haiku about rain" "SELECT title FROM chats WHERE archived IS NOT NULL"
command "archived chats"
shot 5-archive
keys Escape
keys ctrl+shift+n
text "xylophone marmalade"
keys Return
sleep 4
shot 6-temporary
if grep -rlaF "xylophone" "$home/data" "$home/config" "$home/cache" >&2; then fail "a temporary chat was written to the files above"; fi
keys ctrl+n
command "export all"
sleep 1
keys Return
for ((i = 0; i < 25; i++)); do [ -s "$home/Chats.json" ] && break || sleep 0.2; done
python3 -c 'import json, sys; sys.exit(len(json.load(open(sys.argv[1]))["chats"]) != 5)' "$home/Chats.json" || fail "the export does not hold the five chats"
shot 7-exported
xdotool key --window "$window" ctrl+q 2>/dev/null || true # the window may be gone before the key is let go
for ((i = 0; i < 50; i++)); do
	kill -0 "$program" 2>/dev/null || break
	sleep 0.2
done
kill -0 "$program" 2>/dev/null && fail "Ctrl+Q did not end the program within 10 s"
wait "$program" || fail "the program ended with an error"
program=''
if grep -E 'DATA RACE|Error in Fyne call thread|^panic:' "$home/log" >&2; then fail "the program reported the error above"; fi
echo "chats test: passed; pictures in $shots"
