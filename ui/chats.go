package ui

import (
	"errors"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"burble/app"
)

// bindSidebar tells the sidebar what its rows do.
func (w *window) bindSidebar() {
	s := w.sidebar
	s.onOpen, s.onHit = w.openListed, w.openHit
	s.onRename, s.onFold, s.onMove, s.onDelete = w.renameItem, w.fold, w.dropOn, w.deleteItem
	s.onUndo, s.onBack = w.undo, w.showChats
	s.menu, s.moreMenu = w.itemMenu, w.sidebarMenu
	s.key = w.escapeKey
	s.find = w.find
}

// newChat shows an empty chat. It is made when its first message is sent.
func (w *window) newChat() {
	w.leaveChat()
	w.leaveTemporary()
	w.chat, w.draft = 0, ""
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
	info, err := w.b.Chats.Chat(id)
	if err != nil {
		w.report(err)
		return
	}
	w.leaveChat()
	w.leaveTemporary()
	w.chat, w.draft = id, info.Draft
	if app.Temporary(id) {
		w.sidebar.temporary = id
	}
	w.sidebar.selectChat(id)
	w.refreshChats()
	w.refreshMessages()
	w.view.ScrollToEnd()
	w.composer.entry.SetText(info.Draft)
	w.closeOverlay()
	w.focusComposer()
	w.keepFrame() // for the next start, should this one crash
}

// openListed shows a chat of the list. One that was deleted is brought back for it.
func (w *window) openListed(id int64) {
	if w.sidebar.view == viewDeleted {
		w.restoreChat(id)
	}
	w.openChat(id)
}

// openHit shows a chat at the message that a search found.
func (w *window) openHit(h app.Hit) {
	w.openChat(h.ChatID)
	if h.MessageID == 0 || w.chat != h.ChatID {
		return
	}
	var words []string
	for _, m := range h.Matches {
		words = append(words, h.Snippet[m[0]:m[1]])
	}
	if w.view.Reveal(h.MessageID, words) {
		return
	}
	// It is in a version that is not shown.
	if err := w.b.Chats.Show(h.MessageID); err != nil {
		w.report(err)
		return
	}
	w.refreshMessages()
	w.view.Reveal(h.MessageID, words)
}

// leaveChat keeps what was typed and not sent. In a new chat it stays in the composer.
func (w *window) leaveChat() {
	w.params.commit()
	w.report(w.keepDraft())
	if w.chat != 0 {
		w.composer.entry.SetText("")
	}
}

// keepDraft stores what was typed in the chat that is shown.
func (w *window) keepDraft() error {
	text := w.composer.entry.Text
	if w.chat == 0 || text == w.draft {
		return nil
	}
	err := w.b.Chats.SetDraft(w.chat, text)
	if errors.Is(err, app.ErrNotFound) { // it has just been deleted
		return nil
	}
	if err == nil {
		w.draft = text
	}
	return err
}

// refreshChats reads the lists of chats and folders.
func (w *window) refreshChats() {
	chats, err := w.b.Chats.List()
	if err != nil {
		w.report(err)
		return
	}
	folders, err := w.b.Chats.Folders()
	w.report(err)
	if w.sidebar.view != viewChats {
		away, err := w.putAway(w.sidebar.view)
		w.report(err)
		w.sidebar.away = away
	}
	w.sidebar.set(chats, folders)
	w.showTitle()
}

// showTitle names the window after the chat, and leaves a chat that is gone.
func (w *window) showTitle() {
	w.win.SetTitle("Burble")
	if w.chat == 0 {
		return
	}
	info, err := w.b.Chats.Chat(w.chat)
	switch {
	case errors.Is(err, app.ErrNotFound):
		w.newChat()
	case err != nil:
		w.report(err)
	default:
		w.win.SetTitle(titleOf(info) + " – Burble")
	}
}

// find returns the messages that a search finds.
func (w *window) find(query string) []app.Hit {
	hits, err := w.b.Chats.Search(query, 200)
	w.report(err)
	return hits
}

// undoStep is something that can be undone, once.
type undoStep struct {
	do   func() error
	done bool
}

// undoable is how many steps are remembered.
const undoable = 50

// did says what has been done, and offers to undo it: in the message, and by Ctrl+Z in the list.
func (w *window) did(text string, undo func() error) {
	step := &undoStep{do: undo}
	w.undos = append(w.undos, step)
	if len(w.undos) > undoable {
		w.undos = w.undos[1:]
	}
	w.refreshChats()
	w.toast.show(text, lang.L("Undo"), func() { w.takeBack(step) })
}

func (w *window) takeBack(step *undoStep) {
	if step.done {
		return
	}
	step.done = true
	w.report(step.do())
	w.refreshChats()
}

// undo takes the last step back that has not been.
func (w *window) undo() {
	for len(w.undos) > 0 {
		step := w.undos[len(w.undos)-1]
		w.undos = w.undos[:len(w.undos)-1]
		if !step.done {
			w.toast.hide()
			w.takeBack(step)
			return
		}
	}
	w.toast.show(lang.L("There is nothing to undo."), "", nil)
}

// named fills a text's {{.Title}}.
func named(title string) map[string]any { return map[string]any{"Title": title} }

// renameChat lets the user rename a chat in the list.
func (w *window) renameChat(c app.Chat) {
	if app.Temporary(c.ID) {
		return
	}
	if !w.sidebar.Visible() {
		w.toggleSidebar()
	}
	w.sidebar.search.SetText("")
	if f := w.folderOf(c); f != nil && f.Collapsed {
		w.fold(*f)
	}
	w.sidebar.rename(sideItem{kind: sideChat, chat: c})
}

// folderOf returns the folder that a chat is listed in, or nil.
func (w *window) folderOf(c app.Chat) *app.Folder {
	for i, f := range w.sidebar.folders {
		if f.ID == c.Folder && !c.Pinned {
			return &w.sidebar.folders[i]
		}
	}
	return nil
}

// renameItem gives a chat or a folder another name.
func (w *window) renameItem(item sideItem, name string) {
	rename, id, old := w.b.Chats.Rename, item.chat.ID, item.chat.Title
	if item.kind == sideFolder {
		rename, id, old = w.b.Chats.RenameFolder, item.folder.ID, item.folder.Name
	}
	if err := rename(id, name); err != nil {
		w.report(err)
		return
	}
	w.did(lang.L("Renamed to “{{.Title}}”.", named(name)), func() error { return rename(id, old) })
}

// deleteItem deletes a chat or a folder.
func (w *window) deleteItem(item sideItem) {
	w.sidebar.wasFocused = true
	switch {
	case item.away == viewDeleted:
		w.restoreChat(item.chat.ID)
	case item.kind == sideFolder:
		w.deleteFolder(item.folder)
	default:
		w.deleteChat(item.chat)
	}
}

// deleteChat deletes a chat, and offers to bring it back.
func (w *window) deleteChat(c app.Chat) {
	if app.Temporary(c.ID) {
		w.newChat() // which leaves it
		return
	}
	if err := w.b.Chats.Delete(c.ID); err != nil {
		w.report(err)
		return
	}
	shown := c.ID == w.chat
	w.did(lang.L("“{{.Title}}” was deleted.", named(titleOf(c))), func() error {
		if err := w.b.Chats.Restore(c.ID); err != nil {
			return err
		}
		if shown {
			w.openChat(c.ID)
		}
		return nil
	})
	w.keepFocus()
}

// restoreChat brings a deleted chat back.
func (w *window) restoreChat(id int64) {
	if err := w.b.Chats.Restore(id); err != nil {
		w.report(err)
		return
	}
	w.did(lang.L("The chat is back."), func() error { return w.b.Chats.Delete(id) })
}

// keepFocus leaves the keyboard in the list where it was there: leaving a chat gives it to the composer.
func (w *window) keepFocus() {
	if w.sidebar.wasFocused {
		w.sidebar.focusList()
	}
}

// pin keeps a chat at the top of the list, or no longer.
func (w *window) pin(c app.Chat, on bool) {
	if err := w.b.Chats.Pin(c.ID, on); err != nil {
		w.report(err)
		return
	}
	text := lang.L("“{{.Title}}” is pinned.", named(titleOf(c)))
	if !on {
		text = lang.L("“{{.Title}}” is no longer pinned.", named(titleOf(c)))
	}
	w.did(text, func() error { return w.b.Chats.Pin(c.ID, !on) })
}

// archive puts a chat away, or takes it out again.
func (w *window) archive(c app.Chat, on bool) {
	if err := w.b.Chats.Archive(c.ID, on); err != nil {
		w.report(err)
		return
	}
	text := lang.L("“{{.Title}}” is archived.", named(titleOf(c)))
	if !on {
		text = lang.L("“{{.Title}}” is among the chats again.", named(titleOf(c)))
	}
	w.did(text, func() error { return w.b.Chats.Archive(c.ID, !on) })
}

// putAway reads the chats of a view.
func (w *window) putAway(v sidebarView) ([]app.Chat, error) {
	if v == viewDeleted {
		return w.b.Chats.Deleted()
	}
	return w.b.Chats.Archived()
}

// showAway lists what was put away.
func (w *window) showAway(v sidebarView) {
	away, err := w.putAway(v)
	if err != nil {
		w.report(err)
		return
	}
	if !w.sidebar.Visible() {
		w.toggleSidebar()
	}
	w.sidebar.search.SetText("")
	w.sidebar.cursor = 0
	w.sidebar.show(v, away)
	w.sidebar.focusList()
}

// showChats lists the chats again.
func (w *window) showChats() {
	w.sidebar.cursor = 0
	w.sidebar.show(viewChats, nil)
	w.sidebar.focusList()
}

// newTemporary opens a chat that is never written.
func (w *window) newTemporary() {
	w.leaveChat()
	w.leaveTemporary()
	c, err := w.b.Chats.CreateTemporary()
	if err != nil {
		w.report(err)
		return
	}
	w.chat, w.draft = c.ID, ""
	w.sidebar.temporary = c.ID
	w.sidebar.selectChat(c.ID)
	w.composer.entry.SetText("")
	w.refreshChats()
	w.refreshMessages()
	w.closeOverlay()
	w.focusComposer()
}

// leaveTemporary closes the temporary chat where one is shown. For a while it can be gone back to.
func (w *window) leaveTemporary() {
	id := w.chat
	if !app.Temporary(id) {
		return
	}
	empty := len(w.messages) == 0 && w.draft == ""
	w.chat, w.sidebar.temporary = 0, 0
	if err := w.b.Chats.Delete(id); err != nil && !errors.Is(err, app.ErrNotFound) {
		w.report(err)
		return
	}
	if empty {
		w.refreshChats()
		return
	}
	w.did(lang.L("The temporary chat is closed, and was not kept."), func() error {
		if err := w.b.Chats.Restore(id); err != nil {
			return err
		}
		w.openChat(id)
		return nil
	})
}

// keepTemporary makes an ordinary chat of the temporary one.
func (w *window) keepTemporary() {
	id := w.chat
	w.report(w.keepDraft())
	kept, err := w.b.Chats.Keep(id)
	if err != nil {
		w.report(err)
		return
	}
	w.chat, w.sidebar.temporary = 0, 0
	w.openChat(kept.ID)
	w.did(lang.L("The chat is kept now, as “{{.Title}}”.", named(titleOf(kept))), func() error {
		if err := w.b.Chats.Restore(id); err != nil {
			return err
		}
		w.openChat(id)
		return w.b.Chats.Delete(kept.ID)
	})
}

// itemMenu shows what can be done with a chat or a folder.
func (w *window) itemMenu(item sideItem, at fyne.Position) {
	w.sidebar.wasFocused = w.sidebar.active().focused
	var items []*fyne.MenuItem
	switch {
	case item.kind == sideFolder:
		items = w.folderItems(item.folder)
	case item.kind == sideTemporary:
		items = []*fyne.MenuItem{
			fyne.NewMenuItem(lang.L("Keep this chat"), w.keepTemporary),
			w.exportItem(app.Selection{Chat: item.chat.ID}, titleOf(item.chat)),
			fyne.NewMenuItem(lang.L("Close"), w.newChat),
		}
	case item.kind != sideChat:
		return
	case item.away == viewDeleted:
		items = []*fyne.MenuItem{fyne.NewMenuItem(lang.L("Restore"), func() { w.restoreChat(item.chat.ID) })}
	default:
		items = w.chatItems(item)
	}
	w.popMenu(fyne.NewMenu("", items...), at)
}

// chatItems are the menu of a chat.
func (w *window) chatItems(item sideItem) []*fyne.MenuItem {
	c := item.chat
	pin, archive := lang.L("Pin"), lang.L("Archive")
	if c.Pinned {
		pin = lang.L("Unpin")
	}
	if c.Archived {
		archive = lang.L("Take out of the archive")
	}
	items := []*fyne.MenuItem{
		fyne.NewMenuItem(lang.L("Rename"), func() { w.sidebar.rename(item) }),
	}
	if !c.Archived {
		items = append(items, fyne.NewMenuItem(pin, func() { w.pin(c, !c.Pinned) }), w.moveItem(c))
	}
	return append(items,
		w.exportItem(app.Selection{Chat: c.ID}, titleOf(c)),
		fyne.NewMenuItem(archive, func() { w.archive(c, !c.Archived) }),
		fyne.NewMenuItemSeparator(),
		fyne.NewMenuItem(lang.L("Delete"), func() { w.deleteChat(c) }),
	)
}

// focusChats gives the keyboard to the list of chats, at the one that is shown.
func (w *window) focusChats() {
	if !w.sidebar.Visible() {
		w.toggleSidebar()
	}
	for i, row := range w.sidebar.rows {
		if !w.sidebar.searching() && w.chat != 0 && row.kind != sideFolder && row.chat.ID == w.chat {
			w.sidebar.moveCursor(i, +1)
		}
	}
	w.sidebar.focusList()
}

// exportMarkdown writes a chat to a file for people.
func (w *window) exportMarkdown(c app.Chat) {
	w.askExport(app.Selection{Chat: c.ID}, titleOf(c), app.ExportMarkdown)
}
