#!/usr/bin/env bash
# Makes the recording in the README: the real window on a display of its own (Xvfb), driven by real keys and a real pointer, with
# the real answers of a small model. Each step is looked up in the database, so that a picture of something else fails.
# Waiting is cut out. Such a model answers in a fifth of a second, so the program is held up while it does, and the recording says so.
#
#	.ci/record.sh [BINARY [MODEL [FILE]]]
#
# Needs xvfb, xdotool, x11-xserver-utils, ffmpeg and fonts-noto-core.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
binary=${1:-$root/burble}
model=${2:-$root/../shared/models/gopher-20m-Q8_0.gguf}
file=${3:-$root/docs/pictures/burble.webp}
width=1000 height=640 strip=44 # the window, and below it a line that says what is happening
rate=30
font=/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf
[ -f "$model" ] || { echo "recording: no model at $model: .ci/record.sh BINARY MODEL"; exit 1; }
[ -f "$font" ] || { echo "recording: fonts-noto-core is missing"; exit 1; }
for tool in Xvfb xdotool xsetroot ffmpeg python3; do
	command -v "$tool" >/dev/null || { echo "recording: $tool is missing (apt install xvfb xdotool x11-xserver-utils ffmpeg python3)"; exit 1; }
done

home=$(mktemp -d)
display=:$((90 + RANDOM % 900))
server='' program='' camera=''
finish() {
	for p in $brakes $camera $program $server; do kill "$p" 2>/dev/null || true; done
	[ -z "$program" ] || kill -CONT "$program" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$home"
}
trap finish EXIT
fail() {
	echo "recording: $*" >&2
	cp "$home/raw.mkv" "$root/.cache/failed.mkv" 2>/dev/null || true
	tail -n 20 "$home/log" >&2 || true
	exit 1
}

Xvfb "$display" -screen 0 "${width}x${height}x24" -nolisten tcp >/dev/null 2>&1 &
server=$!
export DISPLAY=$display HOME=$home XDG_DATA_HOME=$home/data XDG_CONFIG_HOME=$home/config XDG_CACHE_HOME=$home/cache
export XDG_STATE_HOME=$home/state XDG_RUNTIME_DIR=$home/run LC_ALL=C.UTF-8 LIBGL_ALWAYS_SOFTWARE=1
unset WAYLAND_DISPLAY
mkdir -p "$root/.cache" "$home/config/burble"
mkdir -m 700 "$home/run"
printf '{"sampling":{"temperature":0},"theme":"light","language":"en","auto_titles":false,"notifications":false}\n' >"$home/config/burble/settings.json"
for ((i = 0; i < 50; i++)); do
	if xdotool getdisplaygeometry >/dev/null 2>&1; then break; fi
	sleep 0.1
done
xsetroot -cursor_name left_ptr -solid '#f6f7f7'

# ---- the film: pieces of the raw recording, and captions

calc() { awk "BEGIN { printf \"%.3f\", $1 }"; }
now() { calc "$EPOCHREALTIME - $born"; }
pieces='' captions='' began='' film=0
# roll starts a piece, cut ends it.
roll() { began=$(now); }
cut() {
	local end
	end=$(now)
	pieces+="$began $end"$'\n'
	film=$(calc "$film + $end - $began") began=''
}
at() { if [ -n "$began" ]; then calc "$film + $(now) - $began"; else echo "$film"; fi; }
caption() { captions+="$(at) $1"$'\n'; }

# ---- the window

# ask_db runs a query on the chats and prints its first column.
ask_db() {
	python3 - "$home/data/burble/chats.db" "$1" <<'PY' 2>/dev/null || true
import sqlite3, sys
for row in sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(sys.argv[2]):
    print(row[0])
PY
}
# wait_for NAME SECONDS COMMAND… waits until a command succeeds.
wait_for() {
	local name=$1 limit=$2
	shift 2
	for ((i = 0; i < limit * 10; i++)); do
		if "$@"; then return 0; fi
		kill -0 "$program" 2>/dev/null || fail "the program ended while waiting for $name"
		sleep 0.1
	done
	fail "$name did not happen within $limit s"
}
window_there() { window=$(xdotool search --onlyvisible --name Burble 2>/dev/null | head -n 1) && [ -n "$window" ]; }
is() { [ "$(ask_db "$1")" = "$2" ]; }
# brake holds the program up for most of the time, release lets it go.
brakes=''
brake() {
	python3 -c "
import os, signal, time
while True:
    os.kill($program, signal.SIGSTOP); open('$home/holds', 'w'); time.sleep(0.09)
    os.kill($program, signal.SIGCONT); time.sleep(0.02)" &
	brakes=$!
	while [ ! -e "$home/holds" ]; do sleep 0.02; done
}
release() {
	kill "$brakes"
	wait "$brakes" 2>/dev/null || true
	brakes=''
	rm "$home/holds"
	kill -CONT "$program"
}
answers() { is "SELECT count(*) FROM messages WHERE role='assistant' AND status='complete'" "$1"; }
x=600 y=480
# glide X Y moves the pointer as a hand does: slowly at both ends.
glide() {
	local way
	mapfile -t way < <(awk "BEGIN { for (i = 1; i <= 16; i++) { t = i / 16; t = t * t * (3 - 2 * t)
		printf \"mousemove\n%d\n%d\nsleep\n0.02\n\", $x + ($1 - $x) * t, $y + ($2 - $y) * t } }")
	xdotool "${way[@]}"
	x=$1 y=$2
}
press() { glide "$1" "$2"; sleep 0.1; xdotool click 1; }
slow_press() { glide "$1" "$2"; brake; xdotool click 1; }
keys() { for k in "$@"; do xdotool key --window "$window" "$k"; sleep 0.05; done; }
text() { xdotool type --window "$window" --delay 40 "$1"; }

: >"$home/camera"
ffmpeg -nostats -y -f x11grab -framerate "$rate" -video_size "${width}x${height}" -i "$display" -c:v libx264rgb -crf 0 -preset ultrafast "$home/raw.mkv" </dev/null 2>"$home/camera" &
camera=$!
born='' # the time of its first picture
for ((i = 0; i < 100; i++)); do
	born=$(sed -n 's/.*start: \([0-9.]*\),.*/\1/p' "$home/camera")
	if [ -n "$born" ]; then break; fi
	sleep 0.1
done
[ -n "$born" ] || fail "the camera does not start: $(tail -n 3 "$home/camera")"
xdotool mousemove $x $y
"$binary" "$model" >"$home/log" 2>&1 &
program=$!
wait_for "the window" 60 window_there
xdotool windowmove "$window" 0 0 windowsize "$window" "$width" "$height"
xdotool windowfocus "$window"
wait_for "the loaded model" 60 is "SELECT count(*) > 0 FROM recent_models" 1
sleep 1.4

# Where things are in a window of this size, with this model's answers.
edit="936 135" before="773 135" send="763 462" menu="390 334" tokens="413 538" token="177 149" other="783 518" composer="600 587"

roll
caption "A model on your own machine: nothing you write leaves it"
sleep 1
press $composer
text "What does strings.Cut do?"
caption "Answers stream, with highlighted code (slowed down: this model is very small)"
brake
keys Return
wait_for "the answer" 60 answers 1
release
sleep 0.8

caption "Edit a question: the old one and its answer stay as a version"
press $edit
sleep 0.4
keys ctrl+a
text "What does sort.Slice do?"
slow_press $send
wait_for "the answer to the edited question" 60 answers 2
release
sleep 0.8
press $before
sleep 0.9

caption "What else could have stood there? Go on from any token"
press $menu
sleep 0.3
press $tokens
cut
sleep 1.4
roll
sleep 0.6
press $token
sleep 0.8
slow_press $other
wait_for "the other answer" 60 answers 3
release
is "SELECT content LIKE '%HasPrefix%' FROM messages ORDER BY id DESC LIMIT 1" 1 || fail "the other answer is another one than expected"
sleep 1.2

caption "Ctrl+K finds every command"
keys ctrl+k
sleep 0.4
text "them"
sleep 0.6
keys Return
wait_for "the dark theme" 5 grep -q '"theme": "dark"' "$home/config/burble/settings.json"
sleep 1.4
cut

kill -INT "$camera"
wait "$camera" || true
camera=''
xdotool key --window "$window" ctrl+q 2>/dev/null || true
wait "$program" || fail "the program ended with an error"
program=''

# ---- the cut: the pieces one after another, then the captions below them

{
	n=0
	while read -r from to; do
		[ -n "$from" ] || continue
		echo "[0:v]trim=$from:$to,setpts=PTS-STARTPTS,fps=15[p$n];"
		n=$((n + 1))
	done <<<"$pieces"
	for ((i = 0; i < n; i++)); do printf '[p%d]' "$i"; done
	printf 'concat=n=%d:v=1,pad=%d:%d:0:0:color=0x17514b' "$n" "$width" "$((height + strip))"
	lines=()
	while read -r line; do [ -z "$line" ] || lines+=("$line"); done <<<"$captions"
	for ((i = 0; i < ${#lines[@]}; i++)); do
		until=9999
		[ $((i + 1)) -eq ${#lines[@]} ] || until=${lines[i + 1]%% *}
		printf '%s' "${lines[i]#* }" >"$home/caption$i"
		printf ",drawtext=fontfile=%s:textfile=%s:fontsize=18:fontcolor=white:x=(w-text_w)/2:y=%d:enable='between(t,%s,%s)'" \
			"$font" "$home/caption$i" "$((height + 12))" "${lines[i]%% *}" "$until"
	done
} >"$home/film"
ffmpeg -loglevel error -y -i "$home/raw.mkv" -filter_complex_script "$home/film" -fps_mode vfr -c:v libwebp_anim -quality 90 -compression_level 6 -loop 0 "$file" || { cat "$home/film" >&2; fail "ffmpeg"; }
bytes=$(stat -c %s "$file")
[ "$bytes" -le 3000000 ] || fail "$file has $bytes bytes, more than 3 MB"
echo "recording: $film s, $bytes bytes in $file"
