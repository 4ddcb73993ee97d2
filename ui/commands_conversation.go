package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"burble/app"
	"burble/inference/chat"
	"burble/ui/look"
)

// conversationCommands are what can be done with the last messages, for the keyboard: what the menus below messages do with any.
func (w *window) conversationCommands() []command {
	still := func(role chat.Role) func() bool {
		return func() bool { _, ok := w.latest(role); return ok && !w.answering() }
	}
	with := func(role chat.Role, do func(app.Message)) func() {
		return func() {
			if m, ok := w.latest(role); ok && !w.answering() { // its key comes at any time
				do(m)
			}
		}
	}
	answered := still(chat.Assistant)
	return []command{
		{name: lang.L("Go to the last answer"), icon: look.IconDown, key: fyne.KeyJ, mod: ctrl, do: w.view.FocusLast, when: func() bool { return len(w.messages) > 0 }},
		{name: lang.L("Answer again"), icon: look.IconRetry, key: fyne.KeyR, mod: ctrl, do: w.retry, when: func() bool { return len(w.messages) > 1 && !w.answering() }},
		{name: lang.L("Stop the answer"), icon: look.IconStop, do: func() { w.b.Chats.Stop(w.chat) }, when: w.answering},
		{name: lang.L("Continue the answer"), icon: look.IconPlay, do: func() { w.report(w.b.Chats.Continue(w.chat)) }, when: answered},
		{name: lang.L("Copy the last answer"), icon: look.IconCopy, key: fyne.KeyC, mod: ctrl | fyne.KeyModifierShift, do: with(chat.Assistant, func(m app.Message) {
			w.app.Clipboard().SetContent(m.Content)
			w.toast.show(lang.L("The answer has been copied."), "", nil)
		}), when: answered},
		{name: lang.L("Edit your last message…"), icon: look.IconNew, key: fyne.KeyUp, mod: ctrl, do: with(chat.User, func(m app.Message) { w.editMessage(m.ID) }), when: still(chat.User)},
		{name: lang.L("Edit the answer…"), icon: look.IconNew, do: with(chat.Assistant, w.editAnswer), when: answered},
		{name: lang.L("Compare two presets…"), icon: look.IconPanel, do: with(chat.Assistant, w.openCompare), when: answered},
		{name: lang.L("Tokens of the last answer…"), icon: look.IconSelect, do: with(chat.Assistant, w.openTokens), when: answered},
		{name: lang.L("Receipt of the last answer…"), icon: look.IconFile, do: with(chat.Assistant, w.openReceipt), when: answered},
		{name: lang.L("When the context is full…"), icon: look.IconChip, do: func() { w.showContext(fyne.NewPos(w.win.Canvas().Size().Width/2, w.win.Canvas().Size().Height-80)) },
			when: func() bool { return w.chat != 0 }},
	}
}

// latest returns the last message of a role that is shown.
func (w *window) latest(role chat.Role) (app.Message, bool) {
	for i := len(w.messages) - 1; i >= 0; i-- {
		if w.messages[i].Role == role {
			return w.messages[i], true
		}
	}
	return app.Message{}, false
}

// retry has the last message answered again.
func (w *window) retry() {
	if len(w.messages) == 0 || w.answering() {
		return
	}
	w.report(w.b.Chats.Regenerate(w.chat))
}
