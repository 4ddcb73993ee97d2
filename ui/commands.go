package ui

import (
	"runtime"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/lang"

	"burble/app"
	"burble/ui/look"
)

// command is something that the user can have done: by its key, and from the palette.
type command struct {
	name string
	icon look.Icon
	key  fyne.KeyName     // "": it has none
	mod  fyne.KeyModifier // of the key; a key without one is one that types nothing, such as F1
	do   func()
	when func() bool // false: there is nothing to do it with now, and the palette leaves it out; nil: always
}

// group is a heading of the overview with what stands below it.
type group struct {
	name     string
	commands []command
}

// ctrl is the modifier of most keys: Ctrl, and on a Mac the command key.
const ctrl = fyne.KeyModifierShortcutDefault

// commands are all of them. The keys, the palette and the overview are made from this table: a command more is a row.
func (w *window) commands() []group {
	chatShown := func() bool { return w.chat != 0 }
	kept := func() bool { return w.chat != 0 && !app.Temporary(w.chat) }
	return []group{
		{lang.L("Chats"), []command{
			{name: lang.L("New chat"), icon: look.IconNew, key: fyne.KeyN, mod: ctrl, do: w.newChat},
			{name: lang.L("New temporary chat"), icon: look.IconTemporary, key: fyne.KeyN, mod: ctrl | fyne.KeyModifierShift, do: w.newTemporary},
			{name: lang.L("Search chats"), icon: look.IconChat, key: fyne.KeyF, mod: ctrl, do: w.focusSearch},
			{name: lang.L("Attach a file…"), icon: look.IconAttach, key: fyne.KeyU, mod: ctrl, do: w.askFiles},
			{name: lang.L("Write a message"), icon: look.IconSend, key: fyne.KeyL, mod: ctrl, do: w.focusComposer},
			{name: lang.L("Go to the list of chats"), icon: look.IconSidebar, key: fyne.KeyE, mod: ctrl, do: w.focusChats},
			{name: lang.L("Rename this chat"), icon: look.IconNew, do: func() { w.withChat(w.renameChat) }, when: kept},
			{name: lang.L("Pin or unpin this chat"), icon: look.IconPin, do: func() { w.withChat(func(c app.Chat) { w.pin(c, !c.Pinned) }) }, when: kept},
			{name: lang.L("Archive this chat"), icon: look.IconArchive, do: func() { w.withChat(func(c app.Chat) { w.archive(c, !c.Archived) }) }, when: kept},
			{name: lang.L("Export this chat as Markdown…"), icon: look.IconExport, do: func() { w.withChat(w.exportMarkdown) }, when: chatShown},
			{name: lang.L("Delete this chat"), icon: look.IconBin, do: func() { w.withChat(w.deleteChat) }, when: chatShown},
			{name: lang.L("Keep this chat"), icon: look.IconChat, do: w.keepTemporary, when: func() bool { return app.Temporary(w.chat) }},
			{name: lang.L("Undo"), icon: look.IconUndo, do: w.undo, when: func() bool { return len(w.undos) > 0 }},
			{name: lang.L("New folder…"), icon: look.IconFolder, do: w.newFolder},
			{name: lang.L("Import chats…"), icon: look.IconDownload, do: w.askImport},
			{name: lang.L("Export all chats"), icon: look.IconExport, do: func() { w.askExport(app.Selection{}, lang.L("Chats"), app.ExportJSON) }},
			{name: lang.L("Archived chats"), icon: look.IconArchive, do: func() { w.showAway(viewArchived) }},
			{name: lang.L("Recently deleted"), icon: look.IconBin, do: func() { w.showAway(viewDeleted) }},
		}},
		{lang.L("This conversation"), w.conversationCommands()},
		{lang.L("Models"), []command{
			{name: lang.L("Open a model"), icon: look.IconModel, key: fyne.KeyO, mod: ctrl, do: w.openPicker},
			{name: lang.L("Get models…"), icon: look.IconDownload, do: w.openDownload},
			{name: lang.L("Add a server…"), icon: look.IconServer, do: w.addServer},
			{name: lang.L("Cancel loading"), icon: look.IconClose, do: w.b.Models.CancelLoad, when: func() bool { _, loading := w.b.Models.Loading(); return loading }},
			{name: lang.L("Save a report…"), icon: look.IconChip, do: w.saveReport},
		}},
		{lang.L("Window"), []command{
			{name: lang.L("All commands"), icon: look.IconRight, key: fyne.KeyK, mod: ctrl, do: w.openPalette},
			{name: lang.L("Keyboard shortcuts"), icon: look.IconSelect, key: fyne.KeySlash, mod: ctrl, do: w.showShortcuts},
			{name: lang.L("Keyboard shortcuts"), key: fyne.KeyF1, do: w.showShortcuts, when: func() bool { return false }}, // "/" needs Shift on many keyboards
			{name: lang.L("Show or hide the sidebar"), icon: look.IconSidebar, key: fyne.KeyB, mod: ctrl, do: w.toggleSidebar},
			{name: lang.L("Show or hide the parameters"), icon: look.IconPanel, key: fyne.KeyP, mod: ctrl, do: w.toggleParameters},
			{name: lang.L("Settings"), icon: look.IconSettings, key: fyne.KeyComma, mod: ctrl, do: w.openSettings},
			{name: lang.L("Larger text"), icon: look.IconSettings, key: fyne.KeyEqual, mod: ctrl, do: func() { w.resizeText(+1) }},
			{name: lang.L("Smaller text"), icon: look.IconSettings, key: fyne.KeyMinus, mod: ctrl, do: func() { w.resizeText(-1) }},
			{name: lang.L("Light theme"), icon: look.IconSettings, do: func() { w.setTheme(app.ThemeLight) }},
			{name: lang.L("Dark theme"), icon: look.IconSettings, do: func() { w.setTheme(app.ThemeDark) }},
			{name: lang.L("The desktop's theme"), icon: look.IconSettings, do: func() { w.setTheme(app.ThemeSystem) }},
			w.languageCommand(0), w.languageCommand(1), w.languageCommand(2),
			{name: lang.L("About Burble"), icon: look.IconChat, do: w.showAbout},
			{name: lang.L("Quit"), icon: look.IconClose, key: fyne.KeyQ, mod: ctrl, do: w.quit},
		}},
	}
}

// writingKeys are those of the composer and the transcript, which are no commands: the overview lists them.
func writingKeys() group {
	return group{lang.L("Writing and reading"), []command{
		{name: lang.L("Send"), key: fyne.KeyReturn},
		{name: lang.L("New line"), key: fyne.KeyReturn, mod: fyne.KeyModifierShift},
		{name: lang.L("Stop the answer, or close what is open"), key: fyne.KeyEscape},
		{name: lang.L("Scroll by a page"), key: fyne.KeyPageDown},
		{name: lang.L("Next control"), key: fyne.KeyTab},
	}}
}

// bindKeys binds the window's keys, for the window and, by shortcut, for its entries.
func (w *window) bindKeys() {
	w.keys = nil
	for _, g := range w.commands() {
		for _, c := range g.commands {
			if c.key == "" {
				continue
			}
			w.keys = append(w.keys, c)
			if c.mod != 0 {
				w.win.Canvas().AddShortcut(c.shortcut(), func(fyne.Shortcut) { w.run(c) })
			}
		}
	}
	w.win.Canvas().SetOnTypedKey(func(k *fyne.KeyEvent) {
		switch k.Name {
		case fyne.KeyEscape:
			w.escape()
		default:
			if w.view.Key(k) {
				return
			}
			w.shortcut(&desktop.CustomShortcut{KeyName: k.Name})
		}
	})
}

func (c command) shortcut() *desktop.CustomShortcut {
	return &desktop.CustomShortcut{KeyName: c.key, Modifier: c.mod}
}

// shortcut gives a key's command, and reports whether there is one.
func (w *window) shortcut(s fyne.Shortcut) bool {
	for _, c := range w.keys {
		if c.shortcut().ShortcutName() == s.ShortcutName() {
			w.run(c)
			return true
		}
	}
	return false
}

// run has a command done. The palette and the overview make way for it; their own keys close them.
func (w *window) run(c command) {
	if p := w.openedPanel(); p != nil {
		p.close()
		if p.opener == c.key {
			return
		}
	}
	c.do()
}

// keyText names a key as it is written on keyboards: "Ctrl+N".
func (c command) keyText() string {
	if c.key == "" {
		return ""
	}
	var parts []string
	mac := runtime.GOOS == "darwin"
	for _, m := range []struct {
		mod        fyne.KeyModifier
		name, sign string
	}{
		{fyne.KeyModifierControl, lang.L("Ctrl"), "⌃"}, {fyne.KeyModifierAlt, lang.L("Alt"), "⌥"},
		{fyne.KeyModifierShift, lang.X("Shift key", "Shift"), "⇧"}, {fyne.KeyModifierSuper, lang.L("Super"), "⌘"},
	} {
		if c.mod&m.mod != 0 {
			parts = append(parts, map[bool]string{false: m.name, true: m.sign}[mac])
		}
	}
	key := string(c.key)
	switch c.key {
	case fyne.KeyReturn:
		key = lang.X("Return key", "Return")
	case fyne.KeyEscape:
		key = lang.X("Escape key", "Esc")
	case fyne.KeyPageDown:
		key = lang.L("Page Up, Page Down")
	case fyne.KeyUp:
		key = "↑"
	case fyne.KeyEqual:
		key = "="
	case fyne.KeyMinus:
		key = "−"
	}
	parts = append(parts, key)
	if mac {
		return strings.Join(parts, "")
	}
	return strings.Join(parts, "+")
}

// withChat does something with the chat that is shown.
func (w *window) withChat(do func(app.Chat)) {
	c, err := w.b.Chats.Chat(w.chat)
	if err != nil {
		w.report(err)
		return
	}
	do(c)
}

// languageCommand is the command that has the window speak a language, by its place among languages.
func (w *window) languageCommand(i int) command {
	tags, names := languages()
	return command{name: lang.L("Language: {{.Name}}", map[string]any{"Name": names[i]}), icon: look.IconSettings, do: func() {
		w.report(w.b.Settings.Update(func(v *app.Values) { v.Language = tags[i].String() }))
	}}
}

func (w *window) setTheme(t app.Theme) {
	w.report(w.b.Settings.Update(func(v *app.Values) { v.Theme = t }))
}

// resizeText makes everything a step larger or smaller.
func (w *window) resizeText(step int) {
	w.report(w.b.Settings.Update(func(v *app.Values) {
		sizes := fontSizes()
		i := 0
		for i < len(sizes)-1 && sizes[i] < v.FontScale {
			i++
		}
		v.FontScale = sizes[min(max(i+step, 0), len(sizes)-1)]
	}))
}
