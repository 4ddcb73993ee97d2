package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"burble/app"
)

// fold hides a folder's chats, or lists them again.
func (w *window) fold(f app.Folder) {
	w.report(w.b.Chats.CollapseFolder(f.ID, !f.Collapsed))
	w.refreshChats()
}

// askFolder asks for a new folder's name, makes it, and then goes on.
func (w *window) askFolder(then func(app.Folder)) {
	name := newEntry(lang.L("Name"), nil)
	form := container.New(fixedWidth(340), name)
	var d *dialog.ConfirmDialog
	make := func(ok bool) {
		if ok && name.Text != "" {
			f, err := w.b.Chats.NewFolder(name.Text)
			if err != nil {
				w.report(err)
				return
			}
			then(f)
		}
		w.sidebar.focusList()
	}
	d = dialog.NewCustomConfirm(lang.L("New folder"), lang.L("Create"), lang.L("Cancel"), form, make, w.win)
	name.OnSubmitted = func(string) { d.Hide(); make(true) }
	name.key = func(k *fyne.KeyEvent) bool {
		if k.Name == fyne.KeyEscape {
			d.Hide()
			w.sidebar.focusList()
			return true
		}
		return false
	}
	d.Show()
	w.win.Canvas().Focus(name)
}

// newFolder makes an empty folder.
func (w *window) newFolder() {
	w.askFolder(func(f app.Folder) {
		w.did(lang.L("“{{.Title}}” was made.", named(f.Name)), func() error { return w.b.Chats.DeleteFolder(f.ID) })
	})
}

// moveItem is the menu of the folders that a chat can be put into.
func (w *window) moveItem(c app.Chat) *fyne.MenuItem {
	var items []*fyne.MenuItem
	for _, f := range w.sidebar.folders {
		item := fyne.NewMenuItem(f.Name, func() { w.moveChat(c, f.ID, f.Name) })
		item.Checked = f.ID == c.Folder
		items = append(items, item)
	}
	if w.inFolder(c) {
		items = append(items, fyne.NewMenuItem(lang.L("No folder"), func() { w.moveChat(c, 0, "") }))
	}
	if len(items) > 0 {
		items = append(items, fyne.NewMenuItemSeparator())
	}
	items = append(items, fyne.NewMenuItem(lang.L("New folder…"), func() {
		w.askFolder(func(f app.Folder) { w.moveChat(c, f.ID, f.Name) })
	}))
	move := fyne.NewMenuItem(lang.L("Move to"), nil)
	move.ChildMenu = fyne.NewMenu("", items...)
	return move
}

// inFolder reports whether a chat lies in a folder that there is.
func (w *window) inFolder(c app.Chat) bool {
	for _, f := range w.sidebar.folders {
		if f.ID == c.Folder {
			return true
		}
	}
	return false
}

// moveChat puts a chat into a folder; 0 takes it out.
func (w *window) moveChat(c app.Chat, folder int64, name string) {
	if folder == c.Folder {
		return
	}
	before := c.Folder
	if err := w.b.Chats.Move(c.ID, folder); err != nil {
		w.report(err)
		return
	}
	text := lang.L("“{{.Title}}” was moved to “{{.Folder}}”.", map[string]any{"Title": titleOf(c), "Folder": name})
	if folder == 0 {
		text = lang.L("“{{.Title}}” was taken out of its folder.", named(titleOf(c)))
	}
	w.did(text, func() error { return w.b.Chats.Move(c.ID, before) })
}

// dropOn moves a chat to where it was dropped.
func (w *window) dropOn(c app.Chat, to sideItem) {
	switch {
	case to.kind == sideFolder:
		w.moveChat(c, to.folder.ID, to.folder.Name)
	case to.kind == sideChat && to.inside:
		for _, f := range w.sidebar.folders {
			if f.ID == to.chat.Folder {
				w.moveChat(c, f.ID, f.Name)
			}
		}
	default:
		w.moveChat(c, 0, "")
	}
}

// deleteFolder deletes a folder. Its chats stay.
func (w *window) deleteFolder(f app.Folder) {
	if err := w.b.Chats.DeleteFolder(f.ID); err != nil {
		w.report(err)
		return
	}
	w.did(lang.L("The folder “{{.Title}}” was deleted; its chats are still there.", named(f.Name)), func() error { return w.b.Chats.RestoreFolder(f.ID) })
	w.keepFocus()
}

// folderItems are the menu of a folder.
func (w *window) folderItems(f app.Folder) []*fyne.MenuItem {
	return []*fyne.MenuItem{
		fyne.NewMenuItem(lang.L("Rename"), func() { w.sidebar.rename(sideItem{kind: sideFolder, folder: f}) }),
		w.exportItem(app.Selection{Folder: f.ID}, f.Name),
		fyne.NewMenuItemSeparator(),
		fyne.NewMenuItem(lang.L("Delete the folder"), func() { w.deleteFolder(f) }),
	}
}

// sidebarMenu shows what can be done with all chats.
func (w *window) sidebarMenu(at fyne.Position) {
	w.sidebar.wasFocused = false
	archived, deleted, err := w.b.Chats.PutAway()
	w.report(err)
	numbered := func(text string, n int) string {
		if n > 0 {
			text += "  (" + countText(n) + ")"
		}
		return text
	}
	w.popMenu(fyne.NewMenu("",
		fyne.NewMenuItem(lang.L("New temporary chat"), w.newTemporary),
		fyne.NewMenuItem(lang.L("New folder…"), w.newFolder),
		fyne.NewMenuItemSeparator(),
		fyne.NewMenuItem(lang.L("Import chats…"), w.askImport),
		w.exportItem(app.Selection{}, lang.L("Chats")),
		fyne.NewMenuItemSeparator(),
		fyne.NewMenuItem(numbered(lang.L("Archived chats"), archived), func() { w.showAway(viewArchived) }),
		fyne.NewMenuItem(numbered(lang.L("Recently deleted"), deleted), func() { w.showAway(viewDeleted) }),
	), at)
}

// popMenu shows a menu, with the keyboard in it.
func (w *window) popMenu(m *fyne.Menu, at fyne.Position) {
	p := widget.NewPopUpMenu(m, w.win.Canvas())
	p.ShowAtPosition(at)
	if w.sidebar.wasFocused {
		p.ActivateNext()
	}
}
