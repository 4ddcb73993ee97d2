package ui

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"
	"go.uber.org/goleak"

	"burble/app"
	"burble/inference"
	"burble/ui/look"
)

func press(e *entry, k fyne.KeyName) { e.TypedKey(&fyne.KeyEvent{Name: k}) }

func last(w *window) app.Message { return w.messages[len(w.messages)-1] }

func called(f *fake, want string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c == want {
			return true
		}
	}
	return false
}

func TestSendStreamStop(t *testing.T) {
	f := newFake()
	f.load()
	w := open(t, f, 1000, 700)
	if !w.empty.box.Visible() || w.view.Visible() {
		t.Error("a new chat shows no welcome")
	}
	test.Type(w.composer.entry, "Hello")
	press(w.composer.entry, fyne.KeyReturn)
	drain(w, f)
	if !called(f, "send Hello") || w.composer.entry.Text != "" || w.chat == 0 {
		t.Fatalf("not sent: calls %v, text %q", f.calls, w.composer.entry.Text)
	}
	if w.empty.box.Visible() || !w.view.Visible() {
		t.Error("the transcript is not shown")
	}
	if !w.composer.answering || w.composer.button.Icon != look.IconStop {
		t.Error("no Stop button while an answer is on its way")
	}
	f.grow(w.chat, "Hi ", "")
	f.grow(w.chat, "there", "")
	drain(w, f)
	if last(w).Content != "Hi there" {
		t.Errorf("shown: %q", last(w).Content)
	}
	press(w.composer.entry, fyne.KeyReturn) // with nothing written and an answer running: nothing happens
	press(w.composer.entry, fyne.KeyEscape)
	drain(w, f)
	if last(w).Status != app.StatusStopped || w.composer.answering || w.composer.button.Icon != look.IconSend {
		t.Errorf("Esc did not stop: %v", last(w).Status)
	}
	if !strings.Contains(w.status.figures.Text, "38.2 tokens/s") || !strings.Contains(w.status.context.Text, "1,204 / 4,096") {
		t.Errorf("status line %q, %q", w.status.figures.Text, w.status.context.Text)
	}
	if len(w.sidebar.shown) != 1 || w.sidebar.shown[0].Title != "Hello" {
		t.Errorf("sidebar: %+v", w.sidebar.shown)
	}
}

func TestComposerKeys(t *testing.T) {
	f := newFake()
	f.load()
	w := open(t, f, 1000, 700)
	e := w.composer.entry
	one := w.composer.MinSize().Height
	test.Type(e, "one")
	e.KeyDown(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	press(e, fyne.KeyReturn)
	e.KeyUp(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	test.Type(e, "two")
	if e.Text != "one\ntwo" {
		t.Errorf("Shift+Return: text %q", e.Text)
	}
	if two := w.composer.MinSize().Height; two <= one {
		t.Errorf("the composer did not grow: %v, then %v", one, two)
	}
	e.SetText(strings.Repeat("line\n", 50))
	if w.composer.rowCount != composerRows {
		t.Errorf("%d rows, want %d", w.composer.rowCount, composerRows)
	}
	e.SetText("  \n ")
	press(e, fyne.KeyReturn)
	if len(f.calls) != 0 {
		t.Errorf("blanks were sent: %v", f.calls)
	}
	if !w.composer.button.Disabled() {
		t.Error("blanks could be sent by the button")
	}
}

func TestNoModel(t *testing.T) {
	f := newFake()
	w := open(t, f, 1000, 700)
	if !w.empty.button.Visible() || w.header.model.Text != "Open a model" {
		t.Error("no invitation to open a model")
	}
	test.Type(w.composer.entry, "Hello")
	press(w.composer.entry, fyne.KeyReturn)
	if w.composer.entry.Text != "Hello" {
		t.Error("the text was lost")
	}
	if !w.toast.box.Visible() || w.toast.action.Text != "Open a model" {
		t.Errorf("toast %q, action %q", w.toast.text.Text, w.toast.action.Text)
	}
	test.Tap(w.toast.action)
	if w.picker == nil {
		t.Error("the action did not open the picker")
	}
	if len(f.chats) != 0 {
		t.Errorf("an empty chat was left behind: %v", f.chats)
	}
}

func TestRegenerateAndFailure(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	w.openChat(1)
	w.view.OnRegenerate(last(w).ID)
	drain(w, f)
	if !called(f, "regenerate message 5") || last(w).Status != app.StatusStreaming {
		t.Fatalf("calls %v", f.calls)
	}
	f.end(1, app.StatusFailed, "The GPU has no memory left.")
	drain(w, f)
	if m := w.present(last(w), true); m.Error != "The GPU has no memory left." || !m.Last {
		t.Errorf("transcript gets %+v", m)
	}
	if w.composer.answering {
		t.Error("still answering after a failure")
	}
}

func TestPicker(t *testing.T) {
	f := furnished()
	w := open(t, f, 1000, 700)
	w.win.Canvas().Focused().TypedRune('x')
	w.shortcut(&desktop.CustomShortcut{KeyName: fyne.KeyO, Modifier: fyne.KeyModifierShortcutDefault})
	if w.picker == nil {
		t.Fatal("Ctrl+O did not open the picker")
	}
	drain(w, f)
	if got := w.picker.list.Length(); got != 3 {
		t.Fatalf("%d rows", got)
	}
	if got, want := modelText(f.files[1]), "qwen3   ·   4.0B   ·   Q4_K_M   ·   2.5 GB"; got != want {
		t.Errorf("row %q, want %q", got, want)
	}
	// A broken file is not loaded; it says why.
	w.picker.list.Select(2)
	if called(f, "load /models/broken.gguf") || !w.picker.failure.Visible() || !strings.Contains(w.picker.reason.Text, "4.1 MB are missing") {
		t.Errorf("broken file: %q", w.picker.reason.Text)
	}
	w.picker.list.Select(1)
	if !called(f, "load /models/qwen3-4b.gguf") || w.picker.failure.Visible() {
		t.Errorf("calls %v", f.calls)
	}
	f.progress(app.LoadProgress{Path: "/models/qwen3-4b.gguf", Stage: inference.StageRead, Done: 43, Total: 100})
	drain(w, f)
	if !w.picker.progress.Visible() || w.picker.bar.share != 0.43 || w.picker.stage.Text != "qwen3-4b.gguf: reading weights, 43 %" {
		t.Errorf("progress %v, %q", w.picker.bar.share, w.picker.stage.Text)
	}
	if w.header.device.Text != "reading weights, 43 %" || !w.header.cancel.Visible() || w.header.share != 0.43 {
		t.Errorf("header %q", w.header.device.Text)
	}
	test.Tap(w.picker.cancel)
	drain(w, f)
	if !called(f, "cancel") || w.picker.progress.Visible() || w.picker.failure.Visible() || w.header.cancel.Visible() {
		t.Error("Cancel did not end the load quietly")
	}
	// A failure is shown in the picker, with its reason.
	w.picker.list.Select(1)
	drain(w, f)
	f.loading = nil
	f.signals <- app.ModelFailed{Path: "/models/qwen3-4b.gguf", Err: errors.New("it needs 3.1 GB and 2.0 GB are free: close other programs or choose a smaller quantisation")}
	drain(w, f)
	if !w.picker.failure.Visible() || !strings.Contains(w.picker.reason.Text, "choose a smaller quantisation.") {
		t.Errorf("failure: %q", w.picker.reason.Text)
	}
	// A load that works closes the picker.
	f.load()
	f.signals <- app.ModelLoaded{Info: gopher, Warnings: []string{"The template failed; ChatML is used."}}
	drain(w, f)
	if w.picker != nil || w.header.model.Text != "Gopher 20M" || w.toast.text.Text != "The template failed; ChatML is used." {
		t.Errorf("after the load: header %q, toast %q", w.header.model.Text, w.toast.text.Text)
	}
}

func TestEscapeClosesPicker(t *testing.T) {
	w := open(t, furnished(), 1000, 700)
	w.openPicker()
	w.win.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if w.picker != nil {
		t.Error("Esc did not close the picker")
	}
}

func TestFailureOpensPicker(t *testing.T) {
	f := newFake()
	w := open(t, f, 1000, 700)
	f.signals <- app.ModelFailed{Path: "/x.gguf", Err: errors.New("not a GGUF file")}
	drain(w, f)
	if w.picker == nil || !strings.Contains(w.picker.reason.Text, "X.gguf could not be loaded: not a GGUF file.") {
		t.Error("the failed load is not shown")
	}
	f.signals <- app.ModelFailed{Path: "/x.gguf", Err: context.Canceled}
	drain(w, f)
}

func TestDrop(t *testing.T) {
	f := newFake()
	w := open(t, f, 1000, 700)
	w.dropped(fyne.Position{}, []fyne.URI{storage.NewFileURI("/tmp/readme.txt")})
	if len(f.calls) != 0 || !strings.Contains(w.toast.text.Text, "can't be attached") {
		t.Errorf("calls %v, toast %q", f.calls, w.toast.text.Text)
	}
	w.dropped(fyne.Position{}, []fyne.URI{storage.NewFileURI("/tmp/readme.txt"), storage.NewFileURI("/tmp/a b.GGUF")})
	if !called(f, "load /tmp/a b.GGUF") {
		t.Errorf("calls %v", f.calls)
	}
}

func TestSidebar(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	if len(w.sidebar.shown) != 4 || w.sidebar.shown[0].ID != 1 {
		t.Fatalf("%+v", w.sidebar.shown)
	}
	w.shortcut(&desktop.CustomShortcut{KeyName: fyne.KeyF, Modifier: fyne.KeyModifierShortcutDefault})
	if w.win.Canvas().Focused() != w.sidebar.search {
		t.Error("Ctrl+F did not focus the search")
	}
	test.Type(w.sidebar.search, "never allocates") // in a message, not in a title
	if len(w.sidebar.shown) != 1 || w.sidebar.shown[0].ID != 1 {
		t.Errorf("search found %+v", w.sidebar.shown)
	}
	press(w.sidebar.search, fyne.KeyReturn)
	if w.chat != 1 {
		t.Error("Return did not open the first match")
	}
	press(w.sidebar.search, fyne.KeyEscape)
	if len(w.sidebar.shown) != 4 {
		t.Error("Esc did not end the search")
	}
	// Drafts stay with their chats.
	test.Type(w.composer.entry, "half a thought")
	w.openChat(w.sidebar.shown[1].ID)
	if w.composer.entry.Text != "" {
		t.Errorf("the draft came along: %q", w.composer.entry.Text)
	}
	w.openChat(1)
	if w.composer.entry.Text != "half a thought" {
		t.Errorf("the draft was lost: %q", w.composer.entry.Text)
	}
	// Delete, and undo.
	w.deleteChat(w.sidebar.shown[0])
	drain(w, f)
	if len(w.sidebar.shown) != 3 || w.chat != 0 {
		t.Errorf("after the deletion: %d chats, chat %d shown", len(w.sidebar.shown), w.chat)
	}
	test.Tap(w.toast.action)
	drain(w, f)
	if len(w.sidebar.shown) != 4 || w.chat != 1 || w.toast.box.Visible() {
		t.Errorf("after Undo: %d chats, chat %d shown", len(w.sidebar.shown), w.chat)
	}
}

func TestSettings(t *testing.T) {
	f := newFake()
	w := open(t, f, 1000, 700)
	w.openSettings()
	s := w.settings
	s.update(func(v *app.Values) error { v.Theme = app.ThemeDark; return nil })
	drain(w, f)
	if m := w.app.Settings().Theme().(*look.Theme).Mode(); m != look.Dark {
		t.Errorf("theme %v", m)
	}
	f.failSave = errDisk
	s.update(func(v *app.Values) error { v.Threads = 3; return nil })
	if !s.note.Visible() || !strings.Contains(s.note.Text, "no space left") {
		t.Errorf("note %q", s.note.Text)
	}
	f.failSave = nil
	s.update(func(v *app.Values) error { v.Threads = 3; return errors.New("no") })
	if f.values.Threads != 0 {
		t.Error("a refused change was stored")
	}
	w.escape()
	if w.settings != nil {
		t.Error("Esc did not close the settings")
	}
}

func TestNarrow(t *testing.T) {
	f := furnished()
	w := open(t, f, 500, 700)
	if w.sidebar.Visible() {
		t.Error("the sidebar takes a narrow window's room")
	}
	w.toggleSidebar()
	if !w.sidebar.Visible() {
		t.Error("the sidebar can't be opened")
	}
	w.openChat(f.chats[1].ID)
	w.win.Canvas().Content().Refresh()
	if w.frame.overlay {
		t.Error("the sidebar stays over the chat that was opened")
	}
}

// TestListen runs the goroutine that brings signals to the window, and its end.
func TestListen(t *testing.T) {
	f := newFake()
	f.load()
	w := open(t, f, 1000, 700)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	if !w.send("Hello") {
		t.Fatal("not sent")
	}
	id := w.chat
	stop := w.listen()
	for range 500 {
		f.grow(id, "word ", "")
	}
	f.end(id, app.StatusComplete, "")
	deadline := time.Now().Add(5 * time.Second)
	for done := false; !done; {
		time.Sleep(10 * time.Millisecond)
		waiting := len(f.signals)
		done = waiting == 0
		if time.Now().After(deadline) {
			t.Fatalf("%d signals were not dealt with", waiting)
		}
	}
	time.Sleep(3 * frame)
	stop()
	if m := last(w); m.Status != app.StatusComplete || len(m.Content) != 2500 {
		t.Errorf("shown: %v with %d bytes", m.Status, len(m.Content))
	}
}

func TestFormat(t *testing.T) {
	for got, want := range map[string]string{
		bytesText(24_000_000):                  "24.0 MB",
		bytesText(4_920_000_000):               "4.9 GB",
		bytesText(999):                         "999 B",
		parametersText(8_030_000_000):          "8.0B",
		parametersText(494_000_000):            "494M",
		countText(1234567):                     "1,234,567",
		countText(-1234):                       "-1,234",
		countText(12):                          "12",
		rateText(38.24):                        "38.2",
		rateText(1234.5):                       "1,235",
		whenText(noon, noon):                   "12:00",
		whenText(noon.AddDate(0, 0, -1), noon): "Yesterday",
		whenText(noon.AddDate(0, 0, -2), noon): "Monday",
		whenText(noon.AddDate(0, -1, 0), noon): "18 February",
		whenText(noon.AddDate(-1, 0, 0), noon): "18 Mar 2025",
		homeText("/home/a/models", "/home/a"):  "~/models",
		homeText("/home/ab/models", "/home/a"): "/home/ab/models",
		sentence("no model"):                   "No model.",
		sentence("Done!"):                      "Done!",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestStartsWithThePicker wants the picker at the start where no model is loaded or on its way.
func TestStartsWithThePicker(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*fake)
		open bool
	}{
		"nothing": {func(*fake) {}, true},
		"a model": {func(f *fake) { f.load() }, false},
		"a load":  {func(f *fake) { f.loading = &app.LoadProgress{Path: "/models/gopher.gguf"} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			c.set(f)
			w := open(t, f, 1000, 700)
			w.started()
			if got := w.picker != nil; got != c.open {
				t.Errorf("the picker is open: %v, want %v", got, c.open)
			}
		})
	}
}
