package ui

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"burble/app"
	"burble/inference"
)

const answer = "`strings.Cut` slices *s* around the first instance of `sep`, returning the text before and after it.\n\n" +
	"```go\nfunc Cut(s, sep string) (before, after string, found bool)\n```\n\n" +
	"The found result reports whether sep appears in s. If sep does not appear in s, cut returns `s, \"\", false`.\n\n" +
	"| Function | Returns | Since |\n|---|---|--:|\n| `Cut` | before, after, found | 1.18 |\n| `SplitN` | a slice | 1.0 |\n"

// open opens the window on a fake, at a size.
func open(t testing.TB, f *fake, width, height float32) *window {
	t.Helper()
	a := test.NewTempApp(t)
	w := newWindow(a, f.backend())
	w.spawn = func(f func()) { f() }
	w.timers.Hold()
	w.win.Resize(fyne.NewSize(width, height))
	w.sidebar.now = func() time.Time { return noon }
	t.Cleanup(func() {
		w.win.Close()
	})
	drain(w, f)
	return w
}

var noon = time.Date(2026, 3, 18, 12, 0, 0, 0, time.Local)

// drain deals with all signals that wait, as the listener would.
func drain(w *window, f *fake) {
	var batch []app.Signal
	for {
		select {
		case s := <-f.signals:
			batch = append(batch, s)
		default:
			if len(batch) > 0 {
				w.apply(batch)
			}
			return
		}
	}
}

// keep writes a picture of the window to the folder named in BURBLE_SHOTS, for people to look at.
func keep(t testing.TB, w *window, name string) {
	dir := os.Getenv("BURBLE_SHOTS")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, w.win.Canvas().Capture()); err != nil {
		t.Fatal(err)
	}
}

// furnished returns a fake with chats and models.
func furnished() *fake {
	f := newFake()
	f.chatWith("What does strings.Cut do?", noon.Add(-time.Hour), "What does strings.Cut do?", answer, "And how is it different from SplitN?", "`Cut` never allocates; `SplitN` makes a slice.")
	f.chatWith("Plan a week of dinners", noon.Add(-24*time.Hour), "Plan a week of dinners", "1. Soup\n2. Rice")
	f.chatWith("Explain the borrow checker to a Go programmer who is in a hurry", noon.Add(-3*24*time.Hour), "Explain", "It checks.")
	f.chatWith("Haiku about rain", noon.Add(-40*24*time.Hour), "Haiku", "Rain.")
	f.files = []app.ModelFile{
		{Path: gopher.Path, Name: gopher.Name, Architecture: "llama", Quantisation: "Q8_0", Parameters: 20_000_000, Bytes: 24_000_000, Context: 4096, Supported: true, Recent: noon},
		{Path: "/models/qwen3-4b.gguf", Name: "Qwen3 4B Instruct", Architecture: "qwen3", Quantisation: "Q4_K_M", Parameters: 4_020_000_000, Bytes: 2_497_000_000, Context: 262144, Supported: true},
		{Path: "/models/broken.gguf", Name: "broken.gguf", Bytes: 120_000_000, Err: "The file ends in the middle of tensor blk.7.ffn_down.weight: 4.1 MB are missing. Download it again."},
	}
	return f
}

func TestScreens(t *testing.T) {
	for _, theme := range []app.Theme{app.ThemeLight, app.ThemeDark} {
		name := string(theme)
		f := furnished()
		f.values.Theme = theme
		f.load()
		w := open(t, f, 1180, 780)
		keep(t, w, name+"-empty")
		w.openChat(1)
		keep(t, w, name+"-chat")
		w.send("Thank you! Does it work on bytes, too?")
		drain(w, f)
		keep(t, w, name+"-waiting")
		f.grow(1, "", "The user asks about bytes.")
		drain(w, f)
		f.grow(1, "Yes: `bytes.Cut` is", "")
		drain(w, f)
		keep(t, w, name+"-streaming")
		f.end(1, app.StatusFailed, "The context is full: the conversation needs 4,310 tokens and the model holds 4,096. Start a new chat, or raise the context size in the settings.")
		drain(w, f)
		keep(t, w, name+"-failed")
		w.openPicker()
		drain(w, f)
		keep(t, w, name+"-picker")
		f.progress(app.LoadProgress{Path: "/models/qwen3-4b.gguf", Stage: inference.StageRead, Done: 43, Total: 100})
		drain(w, f)
		keep(t, w, name+"-loading")
		w.picker.close()
		keep(t, w, name+"-loading-header")
		w.deleteChat(f.chats[1])
		w.openSettings()
		keep(t, w, name+"-settings")
		w.settings.close()
		w.composer.entry.SetText(strings.Repeat("A long message that wraps. ", 12))
		w.win.Resize(fyne.NewSize(480, 720))
		keep(t, w, name+"-narrow")
		w.toggleSidebar()
		keep(t, w, name+"-narrow-sidebar")
	}
	f := newFake()
	w := open(t, f, 1180, 780)
	keep(t, w, "light-welcome")
}
