#!/usr/bin/env bash
# Drives the real window on a display of its own (Xvfb): opens a model, types a question, waits for the streamed answer,
# asks a follow-up, kills the program, opens it again and looks whether the chat is there. Screenshots go to a folder.
#
#	.ci/window.sh [BINARY [MODEL [FOLDER]]]
#
# Without a model, it looks for the small ones beside the checkout, and skips the test where there is none.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
binary=${1:-$root/burble}
model=${2:-}
shots=${3:-$root/.cache/window}
for candidate in "$root"/../shared/models/gopher-20m-{Q8_0,Q4_K_M,Q4_0}.gguf; do
	if [ -z "$model" ] && [ -f "$candidate" ]; then model=$candidate; fi
done
if [ -z "$model" ]; then
	echo "window test: no small model found; give one: .ci/window.sh BINARY MODEL"
	exit 0
fi
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
	echo "window test: $*" >&2
	mkdir -p "$shots"
	DISPLAY=$display import -window root "$shots/failed.png" 2>/dev/null || true
	tail -n 20 "$home/log" >&2 || true
	exit 1
}

mkdir -p "$shots"
Xvfb "$display" -screen 0 1280x860x24 -nolisten tcp >/dev/null 2>&1 &
server=$!
export DISPLAY=$display XDG_DATA_HOME=$home/data XDG_CONFIG_HOME=$home/config XDG_CACHE_HOME=$home/cache
export XDG_STATE_HOME=$home/state XDG_RUNTIME_DIR=$home/run LC_ALL=C.UTF-8
mkdir -m 700 "$home/run"
export LIBGL_ALWAYS_SOFTWARE=1
unset WAYLAND_DISPLAY
for ((i = 0; i < 50; i++)); do # a server that doesn't listen yet ends the program at once
	if xdotool getdisplaygeometry >/dev/null 2>&1; then break; fi
	sleep 0.1
done
DISPLAY=:99999 "$binary" </dev/null >"$home/log" 2>&1 || fail "without a display"
grep -q 'opening the terminal chat' "$home/log" || fail "on a display that isn't there, the terminal chat does not open"

mkdir -p "$home/config/burble"
printf '{"sampling":{"temperature":0},"theme":"%s","open_last_model":true}\n' "${BURBLE_THEME:-light}" >"$home/config/burble/settings.json"

# ask_db runs a query on the chats and prints its first column.
ask_db() {
	local db
	db=$(find "$home/data" -name '*.db' -o -name '*.sqlite' 2>/dev/null | head -n 1)
	[ -n "$db" ] || return 0
	python3 - "$db" "$1" <<'PY' 2>/dev/null || true
import sqlite3, sys
for row in sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(sys.argv[2]):
    print(row[0])
PY
}

# set_to KEY VALUE reports whether a setting has a value, as it stands in the file.
set_to() { grep -q "\"$1\": $2\(,\|\$\)" "$home/config/burble/settings.json"; }

# wait_for NAME SECONDS COMMAND… waits until a command succeeds.
wait_for() {
	local name=$1 limit=$2
	shift 2
	for ((i = 0; i < limit * 5; i++)); do
		if "$@"; then return 0; fi
		kill -0 "$program" 2>/dev/null || fail "the program ended while waiting for $name"
		sleep 0.2
	done
	fail "$name did not happen within $limit s"
}

window_there() { window=$(xdotool search --onlyvisible --name Burble 2>/dev/null | head -n 1) && [ -n "$window" ]; }
answers_done() { [ "$(ask_db "SELECT count(*) FROM messages WHERE role='assistant' AND status='complete'")" = "$1" ]; }
model_there() { [ "$(ask_db "SELECT count(*) FROM recent_models")" -gt 0 ] 2>/dev/null; }

start() {
	"$binary" "$@" >>"$home/log" 2>&1 &
	program=$!
	wait_for "the window" 60 window_there
	xdotool windowmove "$window" 0 0 windowsize "$window" 1280 860 2>/dev/null || true
	xdotool windowfocus "$window" 2>/dev/null || true
	sleep 1
}
say() {
	xdotool windowfocus "$window" 2>/dev/null || true
	xdotool key --window "$window" ctrl+l
	sleep 0.3
	xdotool type --window "$window" --delay 30 "$1"
	sleep 0.3
	import -window root "$shots/$2.png"
	xdotool key --window "$window" Return
}

start "$model"
wait_for "the loaded model" 60 model_there
say "What does strings.Cut do?" 1-typed
wait_for "the answer" 120 answers_done 1
sleep 1
import -window root "$shots/2-answered.png"
ask_db "SELECT content FROM messages WHERE role='assistant'" | grep -q 'Cut' || fail "the answer does not speak of Cut"

say "And strings.Fields?" 3-follow-up
wait_for "the second answer" 120 answers_done 2
sleep 1
import -window root "$shots/4-answered.png"
reused=$(ask_db "SELECT json_extract(stats, '\$.Reused') FROM messages WHERE role='assistant' ORDER BY id DESC LIMIT 1")
echo "window test: the follow-up reused ${reused:-an unknown number of} tokens"

kill -9 "$program"
wait "$program" 2>/dev/null || true
before=$(ask_db "SELECT count(*) FROM messages")
start
[ "$(ask_db "SELECT count(*) FROM messages")" = "$before" ] || fail "messages were lost by kill -9"
[ "$before" = 4 ] || fail "there are $before messages instead of 4"
# Open the chat by the search field, from the keyboard alone.
xdotool key --window "$window" ctrl+f
sleep 0.3
xdotool type --window "$window" --delay 30 "Cut"
sleep 0.5
xdotool key --window "$window" Return
sleep 2
import -window root "$shots/5-reopened.png"
# The dialogs, by their keys.
xdotool key --window "$window" ctrl+o
sleep 1
import -window root "$shots/6-models.png"
xdotool key --window "$window" Escape
sleep 0.5
xdotool key --window "$window" ctrl+comma
sleep 1
import -window root "$shots/7-settings.png"
xdotool key --window "$window" Escape
sleep 0.5
# Commands from the palette, by a few letters: the theme, and the language of all that is shown.
command() {
	xdotool key --window "$window" ctrl+k
	sleep 0.5
	xdotool type --window "$window" --delay 30 "$1"
	sleep 0.3
	if [ -n "${2:-}" ]; then import -window root "$shots/$2.png"; fi
	xdotool key --window "$window" Return
}
command "dark th" 8-palette
wait_for "the dark theme" 20 set_to theme '"dark"'
command "deutsch"
wait_for "the German window" 20 set_to language '"de"'
sleep 0.5
xdotool key --window "$window" ctrl+slash
sleep 0.5
import -window root "$shots/9-keys-german.png"
xdotool key --window "$window" Escape
command "english"
wait_for "the English window" 20 set_to language '"en"'
xdotool key --window "$window" ctrl+minus
wait_for "smaller text" 20 set_to font_scale 0.9
xdotool key --window "$window" ctrl+equal
wait_for "larger text" 20 set_to font_scale 1
# The settings from the keyboard alone: down to the second page, back up, and by Tab past the pages to the theme, which the arrow keys change.
xdotool key --window "$window" ctrl+comma
sleep 0.5
xdotool key --window "$window" --delay 60 Down Up Tab Tab Tab Tab Tab Left
wait_for "the theme by keys" 20 set_to theme '"light"'
xdotool key --window "$window" Escape
kill -0 "$program" 2>/dev/null || fail "the program ended by itself"
# A further start hands its file to the window that is there, and ends.
loads=$(ask_db "SELECT max(used) FROM recent_models")
timeout 10 "$binary" "$model" >>"$home/log" 2>&1 || fail "a further start did not hand its file over"
reloaded() { [ "$(ask_db "SELECT max(used) FROM recent_models")" != "$loads" ]; }
wait_for "the file from a further start" 30 reloaded
# A crash is told at the next start.
kill -SEGV "$program"
wait "$program" 2>/dev/null || true
start
sleep 1
import -window root "$shots/10-crash.png"
ls "$home"/state/burble/crash-*.txt >/dev/null 2>&1 || fail "no report of the crash was kept"
grep -q SIGSEGV "$home"/state/burble/crash-*.txt || fail "the report of the crash does not name the signal"
xdotool key --window "$window" Escape
sleep 0.5
kill -0 "$program" 2>/dev/null || fail "the program ended by itself"
# Closing the window by its key ends the program, with nothing to complain about.
xdotool key --window "$window" ctrl+q 2>/dev/null || true # the window may be gone before the key is let go
for ((i = 0; i < 50; i++)); do
	kill -0 "$program" 2>/dev/null || break
	sleep 0.2
done
kill -0 "$program" 2>/dev/null && fail "Ctrl+Q did not end the program within 10 s"
wait "$program" || fail "the program ended with an error"
program=''
if grep -E 'DATA RACE|Error in Fyne call thread|^panic:|Translation failure' "$home/log" >&2; then fail "the program reported the error above"; fi
echo "window test: passed; pictures in $shots"
