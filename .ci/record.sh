#!/usr/bin/env bash
# Makes the recording in the README: the real window on a display of its own (Xvfb), driven by real keys and a real pointer, with
# the real answers of a small model. Each step is looked up in the database, so that a picture of something else fails.
# Waiting is cut out, and answers are shown slower than they come where the recording says so.
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
rate=25
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
	for p in $camera $program $server; do kill "$p" 2>/dev/null || true; done
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

# ---- the film: pieces of the raw recording, each at a speed, and captions

now() { python3 -c "import time; print(f'{time.time() - $born:.3f}')"; }
calc() { python3 -c "print(f'{$1:.3f}')"; }
pieces='' captions='' began='' film=0 speed=1
# roll [SPEED] starts a piece, cut ends it.
roll() { began=$(now) speed=${1:-1}; }
cut() {
	local end
	end=$(now)
	pieces+="$began $end $speed"$'\n'
	film=$(calc "$film + ($end - $began) / $speed") began=''
}
at() { if [ -n "$began" ]; then calc "$film + ($(now) - $began) / $speed"; else echo "$film"; fi; }
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
answers() { is "SELECT count(*) FROM messages WHERE role='assistant' AND status='complete'" "$1"; }
x=600 y=480
# glide X Y moves the pointer as a hand does: slowly at both ends.
glide() {
	local tx=$1 ty=$2
	while read -r px py; do
		xdotool mousemove "$px" "$py"
		sleep 0.012
	done < <(python3 -c "
for i in range(1, 25):
    t = i / 24; t = t * t * (3 - 2 * t)
    print(round($x + ($tx - $x) * t), round($y + ($ty - $y) * t))")
	x=$tx y=$ty
}
press() { glide "$1" "$2"; sleep 0.15; xdotool click 1; }
keys() { for k in "$@"; do xdotool key --window "$window" "$k"; sleep 0.1; done; }
text() { xdotool type --window "$window" --delay 45 "$1"; }

born=$(python3 -c 'import time; print(time.time())')
ffmpeg -loglevel error -y -f x11grab -framerate "$rate" -video_size "${width}x${height}" -i "$display" -c:v libx264rgb -crf 0 -preset ultrafast "$home/raw.mkv" </dev/null 2>"$home/camera" &
camera=$!
xdotool mousemove $x $y
"$binary" "$model" >"$home/log" 2>&1 &
program=$!
wait_for "the window" 60 window_there
xdotool windowmove "$window" 0 0 windowsize "$window" "$width" "$height"
xdotool windowfocus "$window"
wait_for "the loaded model" 60 is "SELECT count(*) > 0 FROM recent_models" 1
sleep 1.5
