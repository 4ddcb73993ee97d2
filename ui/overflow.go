package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference/chat"
)

// overflowNames says what the values of app.Overflows mean.
func overflowNames() []string {
	return []string{lang.L("Say so"), lang.L("Leave out the oldest messages"), lang.L("Keep the first turn, leave out what follows it")}
}

// showContext opens the context meter's menu: how full the context is, what the next answer would leave out, and what is to happen in
// this chat when it is full.
func (w *window) showContext(at fyne.Position) {
	c := w.win.Canvas()
	widget.ShowPopUpMenuAtPosition(w.contextMenu(), c, at)
}

func (w *window) contextMenu() *fyne.Menu {
	say := func(text string) *fyne.MenuItem {
		i := fyne.NewMenuItem(text, nil)
		i.Disabled = true
		return i
	}
	policy := w.b.Settings.Get().Overflow
	own := ""
	if i := w.shownChat(); i != nil {
		if own = i.Options.Overflow; own != "" {
			policy = own
		}
	}
	items := []*fyne.MenuItem{say(lang.L("{{.Used}} of {{.Size}} tokens are used", map[string]any{"Used": countText(w.status.used), "Size": countText(w.status.size)})),
		say(w.overflowText(policy)), fyne.NewMenuItemSeparator(), say(lang.L("When the context is full, in this chat:"))}
	add := func(name, value string) {
		i := fyne.NewMenuItem(name, func() { w.setOverflow(value) })
		i.Checked = own == value
		i.Disabled = w.chat == 0
		items = append(items, i)
	}
	add(lang.L("As the settings say"), "")
	for i, value := range app.Overflows() {
		add(overflowNames()[i], value)
	}
	return fyne.NewMenu("", items...)
}

// shownChat is the chat in the window, nil for one that has not been made yet.
func (w *window) shownChat() *app.Chat {
	if w.chat == 0 {
		return nil
	}
	c, err := w.b.Chats.Chat(w.chat)
	if err != nil {
		w.report(err)
		return nil
	}
	return &c
}

func (w *window) setOverflow(value string) {
	if c := w.shownChat(); c != nil {
		o := c.Options
		o.Overflow = value
		w.report(w.b.Chats.SetOptions(c.ID, o))
	}
}

// overflowText says what the next answer would leave out. Room for an answer is a quarter of the context, and 1,024 tokens at most,
// as the engine has it. How many tokens a message has is told by its share of the text.
func (w *window) overflowText(policy string) string {
	used, size := w.status.used, w.status.size
	room := size - min(max(size/4, 1), 1024)
	if policy == app.OverflowRefuse {
		room = size - 1
	}
	if used <= room || size == 0 {
		return lang.L("Nothing is left out yet: {{.Free}} tokens to go", map[string]any{"Free": countText(max(room-used, 0))})
	}
	if policy == app.OverflowRefuse {
		return lang.L("The next message does not fit")
	}
	var all int
	var users []int
	for i, m := range w.messages {
		all += len(m.Content) + len(m.Reasoning)
		if m.Role == chat.User {
			users = append(users, i)
		}
	}
	from := 0
	if policy == app.OverflowMiddle {
		from = 1
	}
	out, excess := 0, float64(used-room)/float64(max(used, 1))*float64(all)
	for i := from; i+1 < len(users) && excess > 0; i++ {
		for _, m := range w.messages[users[i]:users[i+1]] {
			excess -= float64(len(m.Content) + len(m.Reasoning))
			out++
		}
	}
	return lang.L("The next answer will leave out about {{.Count}} messages", map[string]any{"Count": out})
}
