package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference/chat"
	"burble/ui/look"
)

// messageMenu lists what can be done with a message of the tree, to stand below what can be done with its text.
func (w *window) messageMenu(id int64) []*fyne.MenuItem {
	i := slices.IndexFunc(w.messages, func(m app.Message) bool { return m.ID == id })
	if i < 0 || w.answering() {
		return nil
	}
	m := w.messages[i]
	remove := fyne.NewMenuItem(lang.L("Delete, with what follows"), func() { w.deleteMessage(id) })
	if m.Role != chat.Assistant {
		return []*fyne.MenuItem{fyne.NewMenuItem(lang.L("Edit…"), func() { w.editMessage(id) }), remove}
	}
	items := []*fyne.MenuItem{fyne.NewMenuItem(lang.L("Answer again"), func() { w.answerAgain(id, nil) })}
	if i == len(w.messages)-1 && m.Content != "" && m.Status != app.StatusFailed {
		items = append(items, fyne.NewMenuItem(lang.L("Continue"), func() { w.report(w.b.Chats.Continue(w.chat)) }))
	}
	return append(items,
		fyne.NewMenuItem(lang.L("Edit the answer…"), func() { w.editAnswer(m) }),
		fyne.NewMenuItem(lang.L("Compare two presets…"), func() { w.openCompare(m) }),
		fyne.NewMenuItem(lang.L("Tokens…"), func() { w.openTokens(m) }),
		fyne.NewMenuItem(lang.L("Receipt…"), func() { w.openReceipt(m) }),
		remove)
}

// answerAgain makes another version of an answer anywhere in the chat, with a preset or the chat's own.
func (w *window) answerAgain(id int64, preset *int64) {
	if err := w.b.Chats.RegenerateMessage(id, preset); err != nil {
		w.report(err)
		return
	}
	w.refreshMessages()
	w.view.ScrollToEnd()
}

// deleteMessage deletes a message with what follows, and offers to undo it.
func (w *window) deleteMessage(id int64) {
	if err := w.b.Chats.DeleteMessage(id); err != nil {
		w.report(err)
		return
	}
	w.refreshMessages()
	chat := w.chat
	w.did(lang.L("The message was deleted."), func() error {
		err := w.b.Chats.RestoreMessage(id)
		if err == nil && w.chat != chat {
			w.openChat(chat)
		}
		w.refreshMessages()
		return err
	})
}

// editAnswer lets the user write another version of an answer.
func (w *window) editAnswer(m app.Message) {
	text := newEntry("", nil)
	text.MultiLine, text.Wrapping = true, fyne.TextWrapWord
	text.SetText(m.Content)
	text.SetMinRowsVisible(10)
	note := widget.NewLabel(lang.L("The model takes the text for its own in what it answers next. The answer as it was is kept as another version."))
	note.Wrapping, note.Importance = fyne.TextWrapWord, widget.LowImportance
	w.writeDialog(lang.L("Edit the answer"), look.IconCheck, lang.L("Save"), text, note, fyne.NewSize(720, 480), func() error {
		err := w.b.Chats.EditAnswer(m.ID, text.Text)
		if err == nil {
			w.refreshMessages()
		}
		return err
	})
}

// sheet is a dialog of a title, content and buttons that Escape closes. There is one at a time.
type sheet struct {
	w      *window
	popup  *widget.PopUp
	closed func() // nil: nothing more is to be done
}

func (w *window) openSheet(title string, content, bottom fyne.CanvasObject, size fyne.Size) *sheet {
	if w.sheet != nil {
		w.sheet.close()
	}
	s := &sheet{w: w}
	head := widget.NewLabelWithStyle(title, fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
	head.Truncation = fyne.TextTruncateEllipsis
	shut := look.NewIconButton(look.IconClose, s.close)
	shut.OnKey = func(k *fyne.KeyEvent) { w.escapeKey(k) }
	body := container.NewBorder(container.NewBorder(nil, nil, nil, shut, head), bottom, nil, nil, content)
	s.popup = widget.NewModalPopUp(container.New(layout.NewCustomPaddedLayout(8, 10, 12, 12), body), w.win.Canvas())
	room := w.win.Canvas().Size()
	s.popup.Resize(fyne.NewSize(min(room.Width-32, size.Width), min(room.Height-32, size.Height)))
	s.popup.Show()
	w.sheet = s
	w.win.Canvas().Focus(shut)
	return s
}

func (s *sheet) close() {
	s.popup.Hide()
	if s.w.sheet == s {
		s.w.sheet = nil
	}
	if s.closed != nil {
		s.closed()
	}
	s.w.focusComposer()
}
