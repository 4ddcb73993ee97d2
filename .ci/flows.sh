#!/usr/bin/env bash
# Drives a conversation's main flows in the real window, with real key events on a display of its own (Xvfb): send, stop,
# copy, answer again, edit a message, go through versions, search, page through it. Each is looked up in the database, the
# clipboard or the window's title. Takes about a minute. Screenshots go to a folder.
#
#	.ci/flows.sh [BINARY [MODEL [FOLDER]]]
#
# Without a model, it looks for the small ones beside the checkout, and skips the test where there is none.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
binary=${1:-$root/burble}
model=${2:-}
shots=${3:-$root/.cache/flows}
for candidate in "$root"/../shared/models/gopher-20m-{Q8_0,Q4_K_M,Q4_0}.gguf; do
	if [ -z "$model" ] && [ -f "$candidate" ]; then model=$candidate; fi
done
if [ -z "$model" ]; then
	echo "flows test: no small model found; give one: .ci/flows.sh BINARY MODEL"
	exit 0
fi
for tool in Xvfb xdotool import python3; do
	command -v "$tool" >/dev/null || { echo "flows test: $tool is missing (apt install xvfb xdotool imagemagick python3)"; exit 1; }
done
# paste prints the clipboard, where a tool for that is there.
paste=''
if command -v xclip >/dev/null; then paste='xclip -selection clipboard -o'; elif command -v xsel >/dev/null; then paste='xsel --clipboard --output'; fi

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
	echo "flows test: $*" >&2
	mkdir -p "$shots"
	DISPLAY=$display import -window root "$shots/failed.png" 2>/dev/null || true
	tail -n 20 "$home/log" >&2 || true
	exit 1
}

mkdir -p "$shots"
Xvfb "$display" -screen 0 1280x860x24 -nolisten tcp >/dev/null 2>&1 &
server=$!
export DISPLAY=$display XDG_DATA_HOME=$home/data XDG_CONFIG_HOME=$home/config XDG_CACHE_HOME=$home/cache
export LIBGL_ALWAYS_SOFTWARE=1
unset WAYLAND_DISPLAY
mkdir -p "$home/config/burble"

# settings BIAS writes the settings, with a bias of some tokens' logits.
settings() {
	printf '{"sampling":{"temperature":0,"logit_bias":{%s}},"theme":"%s","language":"en","open_last_model":true,"auto_titles":false}\n' "$1" "${BURBLE_THEME:-light}" >"$home/config/burble/settings.json"
}
# never_ending prints a bias that forbids the model's tokens for an answer's end.
never_ending() {
	python3 - "$model" <<'PY'
import mmap, struct, sys
with open(sys.argv[1], "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
    ids = set()
    for key in b"tokenizer.ggml.eos_token_id", b"tokenizer.ggml.eot_token_id", b"tokenizer.ggml.eom_token_id":
        at = m.find(key)
        if at >= 0:
            ids.add(struct.unpack_from("<I", m, at + len(key) + 4)[0])
print(",".join(f'"{i}":-10000' for i in sorted(ids)), end="")
PY
}

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
model_there() { [ "$(ask_db "SELECT count(*) FROM recent_models")" -gt 0 ] 2>/dev/null; }
is() { [ "$(ask_db "$1")" = "$2" ]; }
titled() { xdotool getwindowname "$window" | grep -q "$1"; }

start() {
	"$binary" "$@" >>"$home/log" 2>&1 &
	program=$!
	wait_for "the window" 60 window_there
	xdotool windowmove "$window" 0 0 windowsize "$window" 1280 860 2>/dev/null || true
	xdotool windowfocus "$window" 2>/dev/null || true
	sleep 1
}
quit() {
	xdotool key --window "$window" ctrl+q 2>/dev/null || true # the window may be gone before the key is let go
	for ((i = 0; i < 50; i++)); do
		kill -0 "$program" 2>/dev/null || break
		sleep 0.2
	done
	kill -0 "$program" 2>/dev/null && fail "Ctrl+Q did not end the program within 10 s"
	wait "$program" || fail "the program ended with an error"
	program=''
}
# keys KEY… presses keys, one after the other; KEY*N presses one N times.
keys() {
	for k in "$@"; do
		local n=1
		case $k in *'*'*) n=${k#*\*} k=${k%\**} ;; esac
		for ((j = 0; j < n; j++)); do
			xdotool key --window "$window" "$k"
			sleep 0.12
		done
	done
	sleep 0.3
}
text() { xdotool type --window "$window" --delay 15 "$1"; sleep 0.3; }
# blocks prints how many blocks of code the last answer has.
blocks() { ask_db "SELECT (length(content) - length(replace(content, '\`\`\`', ''))) / 6 FROM messages WHERE role='assistant' ORDER BY id DESC LIMIT 1"; }
shot() { import -window root "$shots/$1.png"; }

# Stop: Escape ends an answer, and what there was of it stays.
settings "$(never_ending)"
start "$model"
wait_for "the loaded model" 60 model_there
keys ctrl+l
text "Tell me everything about strings"
keys Return
wait_for "the answer's first words" 60 is "SELECT length(content) > 40 FROM messages WHERE role='assistant' AND status='streaming'" 1
shot 1-streaming
keys Escape
wait_for "the answer's end" 20 is "SELECT status FROM messages WHERE role='assistant'" stopped
shot 2-stopped
quit

# Send, in a new chat.
settings ""
start
keys ctrl+n ctrl+l
text "What does strings.Cut do?"
keys Return
wait_for "the answer" 60 is "SELECT count(*) FROM messages WHERE role='assistant' AND status='complete'" 1
shot 3-answered
chat=$(ask_db "SELECT max(id) FROM chats")

# Copy: Ctrl+J goes to the button that copies the last answer.
keys ctrl+j
shot 4-copy-focused
keys Return
if [ -n "$paste" ]; then
	copied=$($paste)
	[ "$copied" = "$(ask_db "SELECT content FROM messages WHERE role='assistant' AND status='complete'")" ] || fail "the clipboard holds: $copied"
else
	echo "flows test: SKIPPED: what was copied is not checked, because neither xclip nor xsel is installed" >&2
fi

# Answer again, from the palette: the first answer stays as another version.
keys ctrl+k
text "Answer again"
shot 5-palette
keys Return
wait_for "another answer" 60 is "SELECT count(*) FROM messages WHERE role='assistant' AND status='complete' AND chat_id=$chat" 2
sleep 0.5
shot 6-again

# Edit: beyond the answer's copy button come its versions, two buttons, two for each block of code, and then the message's
# Edit.
keys ctrl+j "shift+Tab*$((3 + 2 * $(blocks)))" Return
shot 7-edit
keys ctrl+a
text "And what does strings.Fields do?"
keys Tab*2 Return
wait_for "the edited message" 20 is "SELECT count(*) FROM messages WHERE role='user' AND chat_id=$chat" 2
wait_for "its answer" 60 is "SELECT count(*) FROM messages WHERE role='assistant' AND status='complete' AND chat_id=$chat" 3
sleep 0.5
shot 8-edited

# Versions: ‹ of the message leads back to what was asked first.
leaf=$(ask_db "SELECT leaf FROM chats WHERE id=$chat")
keys ctrl+j "shift+Tab*$((5 + 2 * $(blocks)))" Return
wait_for "the first version" 10 is "SELECT leaf <> $leaf FROM chats WHERE id=$chat" 1
sleep 0.5
shot 9-version

# Search: by a word of the answer, from the keyboard alone, it opens the chat.
keys ctrl+n
wait_for "a new chat" 10 titled '^Burble$'
keys ctrl+f
text "strings.Cut"
sleep 0.5
shot 10-search
keys Return
wait_for "the chat that was found" 10 titled ' – Burble$'
sleep 0.5
shot 11-found

# Pages and ends, from the composer and from the transcript.
keys ctrl+l Prior Next ctrl+j Home End
shot 12-end
kill -0 "$program" 2>/dev/null || fail "the program ended by itself"
quit
if grep -E 'DATA RACE|Error in Fyne call thread|^panic:' "$home/log" >&2; then fail "the program reported the error above"; fi
echo "flows test: passed in $SECONDS s; pictures in $shots"
