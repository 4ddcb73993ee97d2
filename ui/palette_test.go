package ui

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"burble/app"
)

// key gives the window a key, as Fyne does: to what has the focus, or else to the window.
func key(w *window, k fyne.KeyName, m fyne.KeyModifier) {
	s := &desktop.CustomShortcut{KeyName: k, Modifier: m}
	focused := w.win.Canvas().Focused()
	if m == 0 {
		if focused != nil {
			focused.TypedKey(&fyne.KeyEvent{Name: k})
		} else {
			w.win.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: k})
		}
		return
	}
	if f, ok := focused.(fyne.Shortcutable); ok {
		f.TypedShortcut(s)
		return
	}
	w.shortcut(s)
}

func (p *palette) names() string {
	var names []string
	for _, item := range p.shown {
		names = append(names, item.name)
	}
	return strings.Join(names, "|")
}

func TestPalette(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	key(w, fyne.KeyK, ctrl)
	p := w.palette
	if p == nil || w.openedPanel() == nil || w.win.Canvas().Focused() != p.entry {
		t.Fatal("Ctrl+K does not open the palette with the focus in its field")
	}
	if p.shown[0].name != "What does strings.Cut do?" || !strings.Contains(p.names(), "New chat") {
		t.Errorf("nothing typed: %s", p.names())
	}
	if strings.Contains(p.names(), "Stop the answer") || strings.Contains(p.names(), "Rename this chat") {
		t.Errorf("the palette offers what can't be done: %s", p.names())
	}
	for query, want := range map[string]string{
		"dth":     "Dark theme",
		"keysh":   "Keyboard shortcuts",
		"borrow":  "Explain the borrow checker to a Go programmer who is in a hurry",
		"qwen":    "Qwen3 4B Instruct",
		"privacy": "Settings: Privacy",
		"strcut":  "What does strings.Cut do?",
	} {
		p.entry.SetText(query)
		if len(p.shown) == 0 || p.shown[0].name != want {
			t.Errorf("%q finds %s, want %s first", query, p.names(), want)
		}
	}
	p.entry.SetText("broken")
	if strings.Contains(p.names(), "broken.gguf") {
		t.Error("a broken file is offered")
	}
	p.entry.SetText("zzzz")
	key(w, fyne.KeyReturn, 0) // nothing to do, nothing happens
	if !p.none.Visible() || w.openedPanel() == nil {
		t.Error("nothing found is not said")
	}
	p.entry.SetText("dth")
	key(w, fyne.KeyReturn, 0)
	drain(w, f)
	if f.values.Theme != app.ThemeDark || w.openedPanel() != nil {
		t.Errorf("theme %v", f.values.Theme)
	}
	// By arrows and the mouse.
	key(w, fyne.KeyK, ctrl)
	p = w.palette
	p.entry.SetText("chat")
	first, second := p.shown[0].name, p.shown[1].name
	key(w, fyne.KeyDown, 0)
	if p.chosen != 1 || first == second {
		t.Errorf("Down chooses %d", p.chosen)
	}
	key(w, fyne.KeyUp, 0)
	key(w, fyne.KeyUp, 0)
	if p.chosen != len(p.shown)-1 {
		t.Errorf("Up from the first leads to %d of %d", p.chosen, len(p.shown))
	}
	p.entry.SetText("qwen")
	row := newPaletteRow(p)
	row.set(p.shown[0], 0, true)
	test.Tap(row)
	drain(w, f)
	if !called(f, "load /models/qwen3-4b.gguf") {
		t.Errorf("calls %v", f.calls)
	}
	// A chat, then what can be done with it; the key that opened the palette closes it, and Esc does.
	key(w, fyne.KeyK, ctrl)
	w.palette.entry.SetText("dinners")
	key(w, fyne.KeyReturn, 0)
	if w.win.Title() != "Plan a week of dinners – Burble" {
		t.Errorf("window %q", w.win.Title())
	}
	key(w, fyne.KeyK, ctrl)
	if !strings.Contains(w.palette.names(), "Rename this chat") {
		t.Errorf("with a chat: %s", w.palette.names())
	}
	key(w, fyne.KeyK, ctrl)
	if w.openedPanel() != nil {
		t.Error("Ctrl+K does not close the palette")
	}
	key(w, fyne.KeyK, ctrl)
	key(w, fyne.KeyEscape, 0)
	if w.openedPanel() != nil || w.win.Canvas().Focused() != w.composer.entry {
		t.Errorf("after Esc the focus is on %T", w.win.Canvas().Focused())
	}
	keep(t, w, "palette-closed")
	for _, theme := range []app.Theme{app.ThemeLight, app.ThemeDark} {
		w.setTheme(theme)
		drain(w, f)
		key(w, fyne.KeyK, ctrl)
		keep(t, w, string(theme)+"-palette")
		key(w, fyne.KeyK, ctrl)
		key(w, fyne.KeySlash, ctrl)
		keep(t, w, string(theme)+"-shortcuts")
		key(w, fyne.KeySlash, ctrl)
	}
}

// TestKeys wants every key of the table to be bound once, and to be in the overview.
func TestKeys(t *testing.T) {
	f := furnished()
	w := open(t, f, 1000, 700)
	bound := map[string]string{}
	for _, g := range w.commands() {
		for _, c := range g.commands {
			if c.name == "" || c.do == nil {
				t.Errorf("command %+v is incomplete", c)
			}
			if c.key == "" {
				continue
			}
			if other := bound[c.shortcut().ShortcutName()]; other != "" {
				t.Errorf("%s is both %q and %q", c.keyText(), other, c.name)
			}
			bound[c.shortcut().ShortcutName()] = c.name
		}
	}
	for _, clipboard := range []fyne.KeyName{fyne.KeyC, fyne.KeyV, fyne.KeyX, fyne.KeyA, fyne.KeyZ, fyne.KeyY} {
		if name := bound[(&desktop.CustomShortcut{KeyName: clipboard, Modifier: ctrl}).ShortcutName()]; name != "" {
			t.Errorf("%q takes a key from the entries", name)
		}
	}
	for _, opener := range []command{{key: fyne.KeySlash, mod: ctrl}, {key: fyne.KeyF1}} {
		key(w, opener.key, opener.mod)
		if w.openedPanel() == nil {
			t.Fatalf("%s shows no overview", opener.keyText())
		}
		text := test.RenderObjectToMarkup(w.win.Canvas().Overlays().Top())
		for _, c := range w.keys {
			if !strings.Contains(text, c.keyText()) || !strings.Contains(text, c.name) {
				t.Errorf("the overview lacks %q, %s", c.name, c.keyText())
			}
		}
		if !strings.Contains(text, "Shift+Return") {
			t.Error("the overview lacks the composer's keys")
		}
		key(w, fyne.KeyEscape, 0)
		if w.openedPanel() != nil {
			t.Fatal("Esc does not close the overview")
		}
	}
	t.Setenv(scaleVariable, "")
	key(w, fyne.KeyEqual, ctrl)
	drain(w, f)
	if f.values.FontScale != 1.1 {
		t.Errorf("larger text: %v", f.values.FontScale)
	}
	key(w, fyne.KeyMinus, ctrl)
	key(w, fyne.KeyMinus, ctrl)
	drain(w, f)
	if f.values.FontScale != 0.9 {
		t.Errorf("smaller text: %v", f.values.FontScale)
	}
}
