package ui

import (
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/lang"

	"burble/app"
)

// desk is the window's place on the desktop: whether the user looks at it, its icon in the tray, notifications.
type desk struct {
	away bool // another window has the focus
	tray bool // there is an icon, to bring the window back by

	restoring bool // the window is being made what it was
}

// Frame is what the window needs to be found as it was left; app.App says what the methods do.
type Frame interface {
	Frame() app.Frame
	KeepFrame(app.Frame) error
}

// settle brings the window to the desktop: its size and chat as they were left, its tray icon, and what follows the focus.
func (w *window) settle() {
	w.restoreFrame()
	life := w.app.Lifecycle()
	life.SetOnEnteredForeground(func() { w.desk.away = false })
	life.SetOnExitedForeground(func() {
		w.desk.away = true
		w.keepFrame()
	})
	if d, ok := w.app.(desktop.App); ok && w.b.Settings.Get().TrayIcon {
		w.desk.tray = true
		show := fyne.NewMenuItem(lang.L("Show Burble"), w.raise)
		chat := fyne.NewMenuItem(lang.L("New chat"), func() { w.raise(); w.newChat() })
		quit := fyne.NewMenuItem(lang.L("Quit"), w.quit)
		quit.IsQuit = true
		d.SetSystemTrayMenu(fyne.NewMenu("Burble", show, chat, fyne.NewMenuItemSeparator(), quit))
		d.SetSystemTrayWindow(w.win)
	}
	w.win.SetCloseIntercept(w.closeWindow)
}

// closeWindow ends Burble, or leaves it in the tray.
func (w *window) closeWindow() {
	w.keepFrame()
	if w.staysInTray() {
		w.report(w.keepDraft())
		w.desk.away = true
		w.win.Hide()
		return
	}
	w.stage.leave()
	w.win.Close()
}

// staysInTray reports whether Burble goes on when its window is closed.
func (w *window) staysInTray() bool { return w.desk.tray && w.b.Settings.Get().TrayIcon }

// raise shows the window, wherever it was.
func (w *window) raise() {
	w.win.Show()
	w.win.RequestFocus()
	w.desk.away = false
}

// restoreFrame makes the window what it was when it was left.
func (w *window) restoreFrame() {
	if w.b.Frame == nil {
		return
	}
	w.desk.restoring = true
	defer func() { w.desk.restoring = false }()
	f := w.b.Frame.Frame()
	w.kept = f
	if f.Width > 0 {
		w.win.Resize(fyne.NewSize(f.Width, f.Height))
	}
	w.frame.open = f.Sidebar
	w.frame.setWidth(f.SidebarWidth)
	for _, c := range w.sidebar.chats {
		if c.ID == f.Chat {
			w.openChat(c.ID)
		}
	}
	w.root.Refresh()
}

// keepFrame stores what the window is.
func (w *window) keepFrame() {
	if w.b.Frame == nil || w.desk.restoring {
		return
	}
	size := w.win.Canvas().Size()
	f := app.Frame{Width: size.Width, Height: size.Height, Sidebar: w.frame.open, SidebarWidth: w.frame.width, Chat: w.chat}
	if app.Temporary(f.Chat) {
		f.Chat = 0
	}
	if f == w.kept {
		return
	}
	w.kept = f
	w.report(w.b.Frame.KeepFrame(f))
}

// longAnswer is how long an answer takes for its end to be worth a notification.
const longAnswer = 10 * time.Second

// announceAnswer tells a user who is elsewhere that an answer has ended, where it took long or failed.
func (w *window) announceAnswer(s app.AnswerDone) {
	if !w.desk.away || !w.b.Settings.Get().Notifications {
		return
	}
	m, err := w.b.Chats.Message(s.MessageID)
	if err != nil {
		return // it was deleted meanwhile
	}
	title := ""
	switch {
	case m.Status == app.StatusFailed:
		title = lang.L("The answer failed")
	case m.Status == app.StatusComplete && m.Stats != nil && m.Stats.PromptTime+m.Stats.DecodeTime >= longAnswer:
		title = lang.L("The answer is ready")
	default:
		return
	}
	text := ""
	for _, c := range w.sidebar.chats {
		if c.ID == s.ChatID {
			text = titleOf(c)
		}
	}
	w.announce(title, text)
}

// announce shows a notification of the desktop's, where the user wants them and is elsewhere. It goes over the session's bus,
// which may be slow.
func (w *window) announce(title, text string) {
	if w.desk.away && w.b.Settings.Get().Notifications {
		w.spawn(func() { w.app.SendNotification(fyne.NewNotification(title, text)) })
	}
}

// serve deals with what further starts of Burble were asked for, and returns what ends that.
func (w *window) serve(inbox *app.Inbox) (stop func() error) {
	if inbox == nil {
		return func() error { return nil }
	}
	var running sync.WaitGroup
	running.Go(func() {
		for r := range inbox.Requests() {
			fyne.Do(func() { w.receive(r) })
		}
	})
	return func() error {
		err := inbox.Close()
		running.Wait()
		return err
	}
}

// receive does what a further start was asked for.
func (w *window) receive(r app.Request) {
	w.raise()
	if r.File != "" {
		w.b.Models.Load(r.File)
	}
}
