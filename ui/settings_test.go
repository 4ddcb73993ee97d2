package ui

import (
	"os"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// showNamed shows a page by its name.
func (s *settingsDialog) showNamed(t *testing.T, name string) {
	t.Helper()
	i := slices.IndexFunc(s.pages, func(p settingsPage) bool { return p.name == name })
	if i < 0 {
		t.Fatalf("there is no page %q", name)
	}
	s.show(i)
}

// objects calls visit for every object of a tree, the reset buttons of rows included.
func objects(o fyne.CanvasObject, visit func(fyne.CanvasObject)) {
	visit(o)
	switch o := o.(type) {
	case *fyne.Container:
		for _, o := range o.Objects {
			objects(o, visit)
		}
	case *container.ThemeOverride:
		objects(o.Content, visit)
	}
}

// control returns the control and the reset button of the row that a name begins.
func (s *settingsDialog) control(t *testing.T, name string) (control fyne.CanvasObject, reset *look.Button) {
	t.Helper()
	for _, row := range s.list.Objects {
		found := false
		objects(row, func(o fyne.CanvasObject) {
			switch o := o.(type) {
			case *widget.Label:
				found = found || o.Text == name
			case *keySelect, *keyCheck, *entry:
				control = o
			case *look.Button:
				reset = o
			}
		})
		if found && control != nil {
			return control, reset
		}
		control, reset = nil, nil
	}
	t.Fatalf("no row %q", name)
	return nil, nil
}

func TestSettingsApplyAtOnce(t *testing.T) {
	t.Setenv(scaleVariable, "")
	f := newFake()
	w := open(t, f, 1000, 700)
	w.openSettings()
	s := w.settings
	theme, reset := s.control(t, "Theme")
	if reset.Visible() {
		t.Error("a default can be reset")
	}
	theme.(*keySelect).SetSelected("Dark")
	drain(w, f)
	if f.values.Theme != app.ThemeDark || w.app.Settings().Theme().(*look.Theme).Mode() != look.Dark {
		t.Errorf("theme %v", f.values.Theme)
	}
	if !reset.Visible() {
		t.Fatal("what is no default can't be reset")
	}
	test.Tap(reset)
	drain(w, f)
	if f.values.Theme != app.ThemeSystem || theme.(*keySelect).Selected != "System" || reset.Visible() {
		t.Errorf("after the reset: theme %v, %q is selected", f.values.Theme, theme.(*keySelect).Selected)
	}
	size, _ := s.control(t, "Font size")
	size.(*keySelect).SetSelected("150 %")
	drain(w, f)
	if f.values.FontScale != 1.5 || os.Getenv(scaleVariable) != "1.50" {
		t.Errorf("font size %v, %s=%q", f.values.FontScale, scaleVariable, os.Getenv(scaleVariable))
	}

	s.showNamed(t, "Device")
	threads, _ := s.control(t, "Threads")
	threads.(*entry).SetText("3")
	if f.values.Threads != 3 {
		t.Errorf("%d threads", f.values.Threads)
	}
	threads.(*entry).SetText("many")
	if !s.note.Visible() || !strings.Contains(s.note.Text, "Threads is a whole number") || f.values.Threads != 3 {
		t.Errorf("note %q, %d threads", s.note.Text, f.values.Threads)
	}
	s.showNamed(t, "Answers")
	seed, reset := s.control(t, "Seed")
	seed.(*entry).SetText("42")
	if f.values.Sampling.Seed == nil || *f.values.Sampling.Seed != 42 {
		t.Error("the seed was not stored")
	}
	test.Tap(reset)
	if f.values.Sampling.Seed != nil || seed.(*entry).Text != "" {
		t.Error("the seed was not reset")
	}
	// What is changed elsewhere is shown.
	s.showNamed(t, "General")
	if err := w.b.Settings.Update(func(v *app.Values) { v.Notifications = false }); err != nil {
		t.Fatal(err)
	}
	drain(w, f)
	if c, _ := s.control(t, "Notifications"); c.(*keyCheck).Checked {
		t.Error("a change from elsewhere is not shown")
	}
}

// TestSettingsOpenChangesNothing wants values between a control's steps to survive that they are shown.
func TestSettingsOpenChangesNothing(t *testing.T) {
	f := newFake()
	f.values.Sampling.Temperature, f.values.Sampling.RepeatPenalty, f.values.FontScale = 0.33, 0, 1.17
	before := f.values
	t.Setenv(scaleVariable, "")
	w := open(t, f, 1000, 700)
	w.openSettings()
	for i := range w.settings.pages {
		w.settings.show(i)
		drain(w, f)
	}
	if f.values.Sampling.Temperature != before.Sampling.Temperature || f.values.Sampling.RepeatPenalty != 0 || f.values.FontScale != before.FontScale {
		t.Errorf("showing the settings changed them: %+v", f.values)
	}
}

// TestSettingsKeyboard wants to get everywhere by the keyboard, and out by Esc from everywhere.
func TestSettingsKeyboard(t *testing.T) {
	f := newFake()
	w := open(t, f, 1000, 700)
	c := w.win.Canvas()
	w.openSettings()
	s := w.settings
	if c.Focused() != s.buttons[0] {
		t.Fatalf("the focus is on %T", c.Focused())
	}
	c.Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	if s.page != 1 || c.Focused() != s.buttons[1] {
		t.Errorf("Down led to page %d", s.page)
	}
	for page := range s.pages {
		s.show(page)
		want := map[fyne.Focusable]bool{}
		for _, row := range s.list.Objects {
			objects(row, func(o fyne.CanvasObject) {
				if f, ok := o.(fyne.Focusable); ok && o.Visible() {
					want[f] = true
				}
			})
		}
		c.Focus(s.buttons[page])
		for range 60 {
			c.FocusNext()
			delete(want, c.Focused())
		}
		if len(want) > 0 {
			t.Errorf("page %q: %d controls are out of Tab's reach", s.pages[page].name, len(want))
		}
	}
	for range 12 { // from whatever has the focus
		w.openSettings()
		s := w.settings
		for range 5 {
			c.FocusNext()
		}
		c.Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
		if w.settings != nil {
			t.Fatalf("Esc does nothing on %T", c.Focused())
		}
		w.settingsPage = (s.page + 1) % len(s.pages)
	}
}

// TestSettingsPictures keeps pictures of all pages for people to look at.
func TestSettingsPictures(t *testing.T) {
	t.Setenv(scaleVariable, "")
	for _, theme := range []app.Theme{app.ThemeLight, app.ThemeDark} {
		f := furnished()
		f.values.Theme = theme
		f.load()
		w := open(t, f, 1000, 700)
		w.openSettings()
		for i, p := range w.settings.pages {
			w.settings.show(i)
			keep(t, w, string(theme)+"-settings-"+p.name)
		}
		w.settings.close()
		w.win.Resize(fyne.NewSize(420, 700))
		w.openSettings()
		keep(t, w, string(theme)+"-settings-narrow")
		w.settings.close()
	}
}
