package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/driver/desktop"
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
	w.writeDialog(lang.L("Edit message"), look.IconSend, lang.L("Send"), text, note, fyne.NewSize(640, 360), func() error {
		err := w.b.Chats.Edit(id, text.Text)
		if err == nil {
			w.refreshMessages()
			w.view.ScrollToEnd()
		}
		return err
	})
}

// writeDialog asks for a text of several lines. Ctrl+Return does what the button does, Escape closes the dialog. An error leaves
// it open: what was written must not be lost.
func (w *window) writeDialog(title string, icon look.Icon, confirm string, text *entry, note fyne.CanvasObject, size fyne.Size, do func() error) {
	var d *dialog.CustomDialog
	shut := func() {
		d.Hide()
		w.focusComposer()
	}
	accept := func() {
		if err := do(); err != nil {
			w.report(err)
			return
		}
		shut()
	}
	escape := func(k *fyne.KeyEvent) bool {
		if k.Name == fyne.KeyEscape {
			shut()
			return true
		}
		return false
	}
	text.key = escape
	text.shortcut = func(s fyne.Shortcut) bool {
		c, ok := s.(*desktop.CustomShortcut)
		if ok = ok && c.Modifier == ctrl && (c.KeyName == fyne.KeyReturn || c.KeyName == fyne.KeyEnter); ok {
			accept()
		}
		return ok
	}
	ok, cancel := look.NewButton(icon, confirm, look.Primary, accept), look.NewButton(look.Icon{}, lang.L("Cancel"), look.Soft, shut)
	for _, b := range []*look.Button{ok, cancel} {
		b.OnKey = func(k *fyne.KeyEvent) { escape(k) }
	}
	buttons := container.NewHBox(layout.NewSpacer(), cancel, ok)
	d = dialog.NewCustomWithoutButtons(title, container.NewBorder(nil, container.NewVBox(note, buttons), nil, nil, text), w.win)
	room := w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(size.Width, room.Width-40), min(size.Height, room.Height-40)))
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
