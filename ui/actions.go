package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"burble/app"
)

// newChat shows an empty chat. It is made when its first message is sent.
func (w *window) newChat() {
	w.leaveChat()
	w.chat = 0
	w.sidebar.selectChat(0)
	w.win.SetTitle("Burble")
	w.refreshMessages()
	w.closeOverlay()
	w.focusComposer()
}

// openChat shows a chat.
func (w *window) openChat(id int64) {
	if id == w.chat {
		w.closeOverlay()
		return
	}
	w.leaveChat()
	w.chat = id
	w.sidebar.selectChat(id)
	w.refreshChats()
	w.refreshMessages()
	w.view.ScrollToEnd()
	for _, c := range w.sidebar.chats {
		if c.ID == id {
			w.composer.entry.SetText(c.Draft)
		}
	}
	w.closeOverlay()
	w.focusComposer()
}

// leaveChat keeps what was typed and not sent. In a new chat it stays in the composer.
func (w *window) leaveChat() {
	w.report(w.keepDraft())
	if w.chat != 0 {
		w.composer.entry.SetText("")
	}
}

// keepDraft stores what was typed in the chat that is shown.
func (w *window) keepDraft() error {
	text := w.composer.entry.Text
	for i, c := range w.sidebar.chats {
		if c.ID == w.chat && c.Draft != text {
			if err := w.b.Chats.SetDraft(w.chat, text); err != nil {
				return err
			}
			w.sidebar.chats[i].Draft = text
		}
	}
	return nil
}

// send sends a message, in a new chat where there is none. It reports whether the text was taken.
func (w *window) send(text string) bool {
	if _, loaded := w.b.Models.Current(); !loaded {
		if _, loading := w.b.Models.Loading(); !loading {
			w.report(app.ErrNoModel)
			return false
		}
	}
	created := int64(0)
	if w.chat == 0 {
		c, err := w.b.Chats.Create()
		if err != nil {
			w.report(err)
			return false
		}
		created, w.chat = c.ID, c.ID
	}
	if err := w.b.Chats.Send(w.chat, text); err != nil {
		w.report(err)
		if created != 0 {
			w.chat = 0
			w.report(w.b.Chats.Delete(created))
		}
		return false
	}
	w.sidebar.selectChat(w.chat)
	w.refreshChats()
	w.refreshMessages()
	w.view.ScrollToEnd()
	return true
}

// find returns the chats that hold what is searched for.
func (w *window) find(query string) []int64 {
	hits, err := w.b.Chats.Search(query, 200)
	if err != nil {
		w.report(err)
	}
	ids := make([]int64, len(hits))
	for i, h := range hits {
		ids[i] = h.ChatID
	}
	return ids
}

// chatMenu shows what can be done with a chat.
func (w *window) chatMenu(c app.Chat, at fyne.Position) {
	widget.ShowPopUpMenuAtPosition(fyne.NewMenu("",
		fyne.NewMenuItem(lang.L("Rename…"), func() { w.renameChat(c) }),
		fyne.NewMenuItem(lang.L("Delete"), func() { w.deleteChat(c) }),
	), w.win.Canvas(), at)
}

func (w *window) renameChat(c app.Chat) {
	title := newEntry(lang.L("Title"), nil)
	title.SetText(titleOf(c))
	form := container.New(fixedWidth(380), title)
	var d *dialog.ConfirmDialog
	rename := func(ok bool) {
		if ok && title.Text != "" {
			w.report(w.b.Chats.Rename(c.ID, title.Text))
			w.refreshChats()
		}
		w.focusComposer()
	}
	d = dialog.NewCustomConfirm(lang.L("Rename chat"), lang.L("Rename"), lang.L("Cancel"), form, rename, w.win)
	title.OnSubmitted = func(string) { d.Hide(); rename(true) }
	title.key = func(k *fyne.KeyEvent) bool {
		if k.Name == fyne.KeyEscape {
			d.Hide()
			return true
		}
		return false
	}
	d.Show()
	w.win.Canvas().Focus(title)
}

// deleteChat deletes a chat, and offers to bring it back.
func (w *window) deleteChat(c app.Chat) {
	if err := w.b.Chats.Delete(c.ID); err != nil {
		w.report(err)
		return
	}
	shown := c.ID == w.chat
	w.refreshChats()
	w.toast.show(lang.L("“{{.Title}}” was deleted.", map[string]any{lang.L("Title"): titleOf(c)}), lang.L("Undo"), func() {
		if err := w.b.Chats.Restore(c.ID); err != nil {
			w.report(err)
			return
		}
		w.refreshChats()
		if shown {
			w.openChat(c.ID)
		}
	})
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

// escape closes what is open, or stops the answer.
func (w *window) escape() {
	switch {
	case w.openedPanel() != nil:
		w.panel.close()
	case w.download != nil:
		w.download.close()
	case w.picker != nil && w.picker.details != nil:
		w.picker.details.close()
	case w.picker != nil:
		w.picker.close()
	case w.settings != nil:
		w.settings.close()
	case w.answering():
		w.b.Chats.Stop(w.chat)
	}
}
