package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// editMessage lets the user change a message and send it again. The old one is kept, as another version.
func (w *window) editMessage(id int64) {
	i := slices.IndexFunc(w.messages, func(m app.Message) bool { return m.ID == id })
	if i < 0 {
		return
	}
	text := newEntry("", nil) // Tab goes on to the buttons
	text.MultiLine = true
	text.Wrapping = fyne.TextWrapWord
	text.SetText(w.messages[i].Content)
	text.SetMinRowsVisible(6)
	note := widget.NewLabel(lang.L("The message and its answers as they were are kept: ‹ and › below it go back to them."))
	if len(w.messages[i].Attachments) > 0 {
		note.SetText(note.Text + " " + lang.L("Its files go with it again."))
	}
	note.Wrapping, note.Importance = fyne.TextWrapWord, widget.LowImportance
	var d *dialog.CustomDialog
	send := look.NewButton(look.IconSend, lang.L("Send"), look.Primary, func() {
		if err := w.b.Chats.Edit(id, text.Text); err != nil {
			w.report(err)
			return
		}
		d.Hide()
		w.refreshMessages()
		w.view.ScrollToEnd()
		w.focusComposer()
	})
	cancel := look.NewButton(look.Icon{}, lang.L("Cancel"), look.Soft, func() { d.Hide(); w.focusComposer() })
	buttons := container.NewHBox(layout.NewSpacer(), cancel, send)
	d = dialog.NewCustomWithoutButtons(lang.L("Edit message"), container.NewBorder(nil, container.NewVBox(note, buttons), nil, nil, text), w.win)
	size := w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(640, size.Width-40), min(360, size.Height-40)))
	d.Show()
	w.win.Canvas().Focus(text)
}

// showVersion shows another version of a message, and the conversation that followed it.
func (w *window) showVersion(id int64, step int) {
	ids, err := w.b.Chats.Siblings(id)
	if err != nil {
		w.report(err)
		return
	}
	if i := slices.Index(ids, id) + step; i >= 0 && i < len(ids) {
		if err := w.b.Chats.Show(ids[i]); err != nil {
			w.report(err)
			return
		}
		w.refreshMessages()
	}
}
