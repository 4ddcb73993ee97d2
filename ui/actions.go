package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"

	"burble/app"
)

// send sends a message, in a new chat where there is none. It reports whether the text was taken.
func (w *window) send(text string) bool {
	if _, loaded := w.b.Models.Current(); !loaded {
		if _, loading := w.b.Models.Loading(); !loading {
			w.report(app.ErrNoModel)
			return false
		}
	}
	w.params.commit()
	files, ok := w.filesToSend()
	if !ok {
		return false
	}
	created, before := int64(0), w.chat
	if w.chat == 0 {
		c, err := w.b.Chats.Create()
		if err != nil {
			w.report(err)
			return false
		}
		created, w.chat = c.ID, c.ID
		if w.newOptions != (app.ChatOptions{}) {
			w.report(w.b.Chats.SetOptions(c.ID, w.newOptions))
		}
	}
	if err := w.b.Chats.SendWith(w.chat, text, files); err != nil {
		w.report(err)
		if created != 0 {
			w.chat = 0
			w.report(w.b.Chats.Delete(created))
		}
		return false
	}
	w.filesSent(before)
	w.newOptions = app.ChatOptions{}
	w.sidebar.selectChat(w.chat)
	w.refreshChats()
	w.refreshMessages()
	w.view.ScrollToEnd()
	return true
}

// selectText offers a message's text, to select a part of it.
func (w *window) selectText(text string) {
	e := newEntry("", nil)
	e.MultiLine, e.Wrapping = true, fyne.TextWrapWord
	e.SetText(text)
	size := w.win.Canvas().Size()
	d := dialog.NewCustom(lang.L("Select text"), lang.L("Close"), e, w.win)
	e.key = func(k *fyne.KeyEvent) bool {
		switch k.Name {
		case fyne.KeyEscape:
			d.Hide()
			return true
		case fyne.KeyBackspace, fyne.KeyDelete, fyne.KeyReturn, fyne.KeyEnter:
			return true // it is for reading
		}
		return false
	}
	d.Resize(fyne.NewSize(min(size.Width-60, 720), min(size.Height-60, 560)))
	d.Show()
	w.win.Canvas().Focus(e)
}

func (w *window) toggleSidebar() {
	w.frame.toggle()
	w.root.Refresh()
}

// widenSidebar moves the sidebar's edge.
func (w *window) widenSidebar(dx float32) {
	w.frame.setWidth(max(w.frame.sidebarWidth(w.root.Size().Width)+dx, minSidebar))
	w.root.Refresh()
}

// closeOverlay shows the main part again where the sidebar covers it.
func (w *window) closeOverlay() {
	if w.frame.overlay {
		w.frame.overlay = false
		w.root.Refresh()
	}
}

func (w *window) focusComposer() { w.win.Canvas().Focus(w.composer.entry) }

func (w *window) focusSearch() {
	if !w.sidebar.Visible() {
		w.toggleSidebar()
	}
	w.win.Canvas().Focus(w.sidebar.search)
}

// escapeKey deals with the escape key, for widgets that take keys from the window.
func (w *window) escapeKey(k *fyne.KeyEvent) bool {
	if k.Name == fyne.KeyEscape {
		w.escape()
		return true
	}
	return false
}

// hideDialog hides a dialog of Fyne's, which don't listen to the escape key, and reports whether there is one. What Fyne has over
// the window is a type of its own around the dialog's pop-up.
func (w *window) hideDialog() bool {
	overlays := w.win.Canvas().Overlays()
	top := overlays.Top()
	if top == nil {
		return false
	}
	overlays.Remove(top)
	return true
}

// escape closes what is open, or stops the answer.
func (w *window) escape() {
	switch {
	case w.openedPanel() != nil:
		w.panel.close()
	case w.server != nil:
		w.server.close()
	case w.download != nil:
		w.download.close()
	case w.sheet != nil:
		w.sheet.close()
	case w.picker != nil && w.picker.details != nil:
		w.picker.details.close()
	case w.picker != nil:
		w.picker.close()
	case w.settings != nil:
		w.settings.close()
	case w.hideDialog():
	case w.answering():
		w.b.Chats.Stop(w.chat)
	}
}
