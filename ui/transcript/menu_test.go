package transcript

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// TestMenu opens the menu of an answer by its button, and takes each of its items.
func TestMenu(t *testing.T) {
	v, w := show(t, look.Light, 900, 600)
	var quoted, selected string
	v.OnQuote = func(s string) { quoted = s }
	v.OnSelectText = func(s string) { selected = s }
	source := "Use **this**:\n\n```go\nx := 1\n```"
	v.SetMessages([]Message{{ID: 1, Role: User, Content: "Q *as typed*"}, {ID: 2, Role: Assistant, Content: source, Last: true}})
	m := v.column.groups[1].message

	test.Tap(m.footer.more)
	if _, ok := w.Canvas().Focused().(*widget.PopUpMenu); !ok {
		t.Errorf("the menu does not take the keys: %T has the focus", w.Canvas().Focused())
	}
	w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if got, want := fyne.CurrentApp().Clipboard().Content(), "Use this:\n\nx := 1"; got != want {
		t.Errorf("the first item copied %q, want %q", got, want)
	}

	choose := func(m Message, label string) string {
		t.Helper()
		items := v.menu(m).Items
		i := slices.IndexFunc(items, func(it *fyne.MenuItem) bool { return it.Label == label })
		if i < 0 {
			t.Fatalf("no item %q", label)
		}
		fyne.CurrentApp().Clipboard().SetContent("")
		items[i].Action()
		return fyne.CurrentApp().Clipboard().Content()
	}
	if got := choose(m.data, "Copy as Markdown"); got != source {
		t.Errorf("Markdown: %q", got)
	}
	if got := choose(m.data, "Copy code"); got != "x := 1" {
		t.Errorf("code: %q", got)
	}
	choose(m.data, "Quote")
	choose(m.data, "Select text…")
	if quoted != source || selected != source {
		t.Errorf("quoted %q, selected %q", quoted, selected)
	}
	if got := choose(v.column.groups[0].message.data, "Copy"); got != "Q *as typed*" {
		t.Errorf("a message of the user: %q", got)
	}
	for _, it := range v.menu(Message{Role: Assistant, Content: "no code"}).Items {
		if it.Label == "Copy code" {
			t.Error("code is offered where there is none")
		}
	}
}

// TestMenuByKeys gets to the menu of each message by Tab alone.
func TestMenuByKeys(t *testing.T) {
	v, w := show(t, look.Dark, 900, 600)
	v.SetMessages([]Message{{ID: 1, Role: User, Content: "Q"}, {ID: 2, Role: Assistant, Content: "A", Last: true}})
	own, answer := v.column.groups[0].message.own.more, v.column.groups[1].message.footer.more
	reached := map[fyne.Focusable]bool{}
	for range 20 {
		w.Canvas().FocusNext()
		reached[w.Canvas().Focused()] = true
	}
	if !reached[own] || !reached[answer] {
		t.Fatalf("Tab reaches the menu of the question: %v, of the answer: %v", reached[own], reached[answer])
	}
	w.Canvas().Focus(own)
	own.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if w.Canvas().Overlays().Top() == nil {
		t.Error("Return does not open the menu")
	}
	keep(t, w, "menu-own")
}
