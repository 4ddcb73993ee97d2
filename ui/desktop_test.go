package ui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"go.uber.org/goleak"

	"burble/app"
	"burble/inference"
	"burble/ui/look"
)

// fakeFrame keeps a window's frame in memory.
type fakeFrame struct{ frame *app.Frame }

func (f fakeFrame) Frame() app.Frame                { return *f.frame }
func (f fakeFrame) KeepFrame(frame app.Frame) error { *f.frame = frame; return nil }

func TestFrameIsKept(t *testing.T) {
	f := furnished()
	frame := app.Frame{Sidebar: true}
	w := open(t, f, 1000, 700)
	w.b.Frame = fakeFrame{&frame}
	w.restoreFrame()
	dinners := f.chats[1].ID
	w.openChat(dinners)
	w.win.Resize(fyne.NewSize(900, 650))
	w.frame.divider.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(60, 0)})
	if got := w.sidebar.Size().Width; got != look.SidebarWidth+60 {
		t.Errorf("the sidebar is %v wide", got)
	}
	w.keepFrame()
	if want := (app.Frame{Width: 900, Height: 650, Sidebar: true, SidebarWidth: look.SidebarWidth + 60, Chat: dinners}); frame != want {
		t.Fatalf("kept %+v, want %+v", frame, want)
	}

	w = open(t, f, 1000, 700)
	w.b.Frame = fakeFrame{&frame}
	w.restoreFrame()
	if size := w.win.Canvas().Size(); size != fyne.NewSize(900, 650) || w.chat != dinners || w.sidebar.Size().Width != look.SidebarWidth+60 {
		t.Errorf("restored: %v, chat %d, sidebar %v", size, w.chat, w.sidebar.Size().Width)
	}
	w.frame.divider.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(-4000, 0)})
	if got := w.sidebar.Size().Width; got != minSidebar {
		t.Errorf("the sidebar can be %v wide", got)
	}
	w.frame.divider.DoubleTapped(nil)
	if got := w.sidebar.Size().Width; got != look.SidebarWidth {
		t.Errorf("after a double click the sidebar is %v wide", got)
	}
	frame.Chat, frame.Sidebar = 4711, false // which was deleted
	w.restoreFrame()
	if w.sidebar.Visible() {
		t.Error("the sidebar is back")
	}
}

func TestNotifications(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	id := f.chats[0].ID
	w.openChat(id)
	end := func(status app.Status, took time.Duration) {
		m := f.last(id)
		m.Status, m.Stats = status, &inference.Stats{DecodeTime: took}
		w.apply([]app.Signal{app.AnswerDone{ChatID: id, MessageID: m.ID}})
	}
	ready := fyne.NewNotification("The answer is ready", f.chats[0].Title)
	failed := fyne.NewNotification("The answer failed", f.chats[0].Title)
	for _, c := range []struct {
		name   string
		away   bool
		wanted bool
		status app.Status
		took   time.Duration
		want   *fyne.Notification
	}{
		{"here", false, true, app.StatusComplete, time.Minute, nil},
		{"away", true, true, app.StatusComplete, time.Minute, ready},
		{"short", true, true, app.StatusComplete, time.Second, nil},
		{"failed", true, true, app.StatusFailed, time.Second, failed},
		{"stopped", true, true, app.StatusStopped, time.Minute, nil},
		{"unwanted", true, false, app.StatusComplete, time.Minute, nil},
	} {
		w.desk.away, f.values.Notifications = c.away, c.wanted
		test.AssertNotificationSent(t, c.want, func() { end(c.status, c.took) })
	}
}

// TestFurtherStart wants a file from a further start to be loaded by the window that is there.
func TestFurtherStart(t *testing.T) {
	f := furnished()
	w := open(t, f, 1000, 700)
	w.receive(app.Request{})
	if len(f.calls) != 0 {
		t.Errorf("calls %v", f.calls)
	}
	w.receive(app.Request{File: "/models/qwen3-4b.gguf"})
	if !called(f, "load /models/qwen3-4b.gguf") {
		t.Errorf("calls %v", f.calls)
	}
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir, err := os.MkdirTemp("", "b") // short: it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	inbox, _, err := app.OpenInbox(app.Options{DataDir: dir}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.serve(inbox)(); err != nil {
		t.Error(err)
	}
	if err := w.serve(nil)(); err != nil {
		t.Error(err)
	}
}

func TestCloseToTray(t *testing.T) {
	for name, c := range map[string]struct {
		tray, wanted, hides bool
	}{"no tray": {false, false, false}, "tray": {true, true, true}, "switched off since": {true, false, false}} {
		f := furnished()
		f.values.TrayIcon = c.wanted
		w := open(t, f, 1000, 700)
		w.desk.tray = c.tray
		if got := w.staysInTray(); got != c.hides {
			t.Errorf("%s: stays %v", name, got)
		}
		if c.hides {
			closed := false
			w.win.SetOnClosed(func() { closed = true })
			if w.closeWindow(); closed {
				t.Errorf("%s: it was closed", name)
			}
		}
	}
}

func TestCrashIsShown(t *testing.T) {
	f := furnished()
	for _, theme := range []app.Theme{app.ThemeLight, app.ThemeDark} {
		f.values.Theme = theme
		w := open(t, f, 1000, 700)
		text := "Burble devel\npanic: no\n\ngoroutine 1 [running]:\n" + strings.Repeat("main.f()\n\t/x.go:1\n", 400)
		w.showCrash(app.CrashReport{Path: filepath.Join("/state", "crash-1.txt"), Text: text})
		top := w.win.Canvas().Overlays().Top()
		markup := test.RenderObjectToMarkup(top)
		if !strings.Contains(markup, "panic: no") || !strings.Contains(markup, "crash-1.txt") {
			t.Error("the report is not shown")
		}
		var copies *look.Button
		for _, o := range test.LaidOutObjects(top) {
			if b, ok := o.(*look.Button); ok && b.Text == "Copy" {
				copies = b
			}
		}
		if copies == nil {
			t.Fatal("there is no button to copy")
		}
		test.Tap(copies)
		if w.app.Clipboard().Content() != text {
			t.Error("the report was not copied")
		}
		keep(t, w, string(theme)+"-crash")
	}
}
