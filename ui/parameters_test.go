package ui

import (
	"math"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference/sample"
	"burble/ui/golden"
	"burble/ui/look"
)

// in returns what of a type is in a tree, from top to bottom.
func in[T fyne.CanvasObject](o fyne.CanvasObject) (list []T) {
	if x, ok := o.(T); ok {
		list = append(list, x)
	}
	switch o := o.(type) {
	case *fyne.Container:
		for _, c := range o.Objects {
			list = append(list, in[T](c)...)
		}
	case *container.ThemeOverride:
		list = append(list, in[T](o.Content)...)
	}
	return list
}

// parameterNamed returns the row of a parameter: what stands with its name.
func parameterNamed(t *testing.T, w *window, name string) *fyne.Container {
	t.Helper()
	for _, list := range []*fyne.Container{w.params.list, w.params.rare} {
		for _, o := range list.Objects {
			if o == w.params.rare {
				continue
			}
			for _, l := range in[*widget.Label](o) {
				if l.Text == name {
					return o.(*fyne.Container)
				}
			}
		}
	}
	t.Fatalf("there is no parameter %q", name)
	return nil
}

// undoButton is a row's button, which is there where the parameter is not as in the preset.
func undoButton(t *testing.T, row *fyne.Container) *look.Button {
	t.Helper()
	for _, b := range in[*look.Button](row) {
		if b.Icon == look.IconUndo {
			return b
		}
	}
	t.Fatal("there is no button to reset")
	return nil
}

func effective(t *testing.T, f *fake, w *window) app.Parameters {
	t.Helper()
	preset, err := fakePresets{f}.Of(w.options())
	if err != nil {
		t.Fatal(err)
	}
	return w.options().Over(preset.Parameters)
}

func TestParametersOfTheChat(t *testing.T) {
	f := newFake()
	f.load()
	w := open(t, f, 1200, 800)
	test.Tap(w.header.panel)
	if !w.params.box.Visible() {
		t.Fatal("the panel does not open")
	}
	row := parameterNamed(t, w, "Temperature")
	slider, value, undo := in[*keySlider](row)[0], in[*entry](row)[0], undoButton(t, row)
	if math.Abs(slider.Value-0.7) > 1e-9 || value.Text != "0.7" || undo.Visible() || w.params.reset.Visible() {
		t.Errorf("at first: %v, %q", slider.Value, value.Text)
	}
	slider.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	if got := effective(t, f, w).Sampling.Temperature; got != 0.75 || value.Text != "0.75" || !undo.Visible() || !w.params.reset.Visible() {
		t.Errorf("after a step of the slider: %v, %q", got, value.Text)
	}
	slider.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	value.SetText("1,3")
	press(value, fyne.KeyReturn)
	value.OnSubmitted(value.Text)
	if got := effective(t, f, w).Sampling.Temperature; got != 1.3 || slider.Value < 1.29 || slider.Value > 1.31 {
		t.Errorf("typed: %v, slider %v", got, slider.Value)
	}
	value.SetText("7")
	value.OnSubmitted(value.Text)
	if got := effective(t, f, w).Sampling.Temperature; got != 1.3 || value.Text != "1.3" || !strings.Contains(w.toast.text.Text, "from 0 to 2") {
		t.Errorf("beyond the limit: %v, %q, %q", got, value.Text, w.toast.text.Text)
	}
	// They are stored with the chat that comes to be, and count for it alone.
	test.Type(w.composer.entry, "Hello")
	press(w.composer.entry, fyne.KeyReturn)
	drain(w, f)
	id := w.chat
	if got := (fakeChats{f}).at(id).Options.Sampling; got == nil || got.Temperature != 1.3 {
		t.Errorf("stored: %+v", got)
	}
	f.end(id, app.StatusComplete, "")
	drain(w, f)
	w.newChat()
	if math.Abs(slider.Value-0.7) > 1e-9 || w.newOptions != (app.ChatOptions{}) {
		t.Errorf("a new chat begins with %v", slider.Value)
	}
	w.openChat(id)
	if value.Text != "1.3" {
		t.Errorf("back in the chat: %q", value.Text)
	}
	test.Tap(undo)
	if w.options() != (app.ChatOptions{}) || undo.Visible() {
		t.Errorf("after the reset: %+v", w.options())
	}
	w.undo()
	if got := effective(t, f, w).Sampling.Temperature; got != 1.3 {
		t.Errorf("after undo: %v", got)
	}
}

func TestSystemPromptOfTheChat(t *testing.T) {
	f := newFake()
	f.load()
	w := open(t, f, 1200, 800)
	if w.stripBox.Visible() {
		t.Error("there is a line above the transcript for nothing")
	}
	w.toggleParameters()
	w.win.Canvas().Focus(w.params.system)
	test.Type(w.params.system, "You are a pirate.")
	if !strings.Contains(w.params.tokens.Text, "4 tokens") {
		t.Errorf("it says %q", w.params.tokens.Text)
	}
	w.focusComposer() // which stores it
	if got := effective(t, f, w).System; got != "You are a pirate." {
		t.Errorf("stored: %q", got)
	}
	if !w.stripBox.Visible() || !strings.Contains(w.stripText, "pirate") {
		t.Errorf("the line says %q", w.stripText)
	}
	w.toggleParameters()
	test.Tap(w.strip)
	if !w.params.box.Visible() {
		t.Error("the line does not open the panel")
	}
	// What is being typed is sent with the message.
	w.win.Canvas().Focus(w.params.system)
	w.params.system.SetText("You are a parrot.")
	w.send("Hello")
	drain(w, f)
	if got := (fakeChats{f}).at(w.chat).Options.System; got == nil || *got != "You are a parrot." {
		t.Errorf("sent with %v", got)
	}
	press(w.params.system, fyne.KeyEscape)
	if w.params.box.Visible() || w.win.Canvas().Focused() != w.composer.entry {
		t.Error("Escape does not close the panel")
	}
}

func TestChoosePreset(t *testing.T) {
	f := newFake()
	f.load()
	f.presets[1].Model = "/models/other.gguf"
	w := open(t, f, 1200, 800)
	w.toggleParameters()
	if got := w.params.chooser.Options; len(got) != 4 || !strings.HasPrefix(got[0], "As in the settings") || w.params.chooser.Selected != got[0] {
		t.Fatalf("presets: %q, %q", got, w.params.chooser.Selected)
	}
	w.params.chooser.SetSelectedIndex(3)
	drain(w, f)
	if got := effective(t, f, w); got.System != "Be exact." || got.Sampling.Temperature != 0.2 || w.params.system.Text != "Be exact." || !strings.Contains(w.stripText, "Precise") {
		t.Errorf("with Precise: %+v, %q", got, w.strip.Text)
	}
	if e := in[*entry](parameterNamed(t, w, "Stop at"))[0]; e.Text != "END" {
		t.Errorf("it stops at %q", e.Text)
	}
	w.params.chooser.SetSelectedIndex(2) // Creative, which brings a model
	drain(w, f)
	if !called(f, "load /models/other.gguf") {
		t.Errorf("calls: %v", f.calls)
	}
	w.undo()
	if got := effective(t, f, w); got.System != "Be exact." {
		t.Errorf("after undo: %+v", got)
	}
}

func TestManagePresets(t *testing.T) {
	f := newFake()
	f.load()
	w := open(t, f, 1200, 800)
	w.toggleParameters()
	p := w.params
	p.change("Temperature", func(x *app.Parameters) { x.Sampling.Temperature = 1.5 })
	now := effective(t, f, w)
	p.save(now)
	e := w.win.Canvas().Focused().(*entry)
	e.SetText("Wild")
	e.OnSubmitted(e.Text)
	drain(w, f)
	i := slices.IndexFunc(f.presets, func(x app.Preset) bool { return x.Name == "Wild" })
	if i < 0 || f.presets[i].Sampling.Temperature != 1.5 || p.preset.Name != "Wild" || p.reset.Visible() {
		t.Fatalf("presets %+v", f.presets)
	}
	id := f.presets[i].ID
	p.change("Lookup", func(x *app.Parameters) { x.Lookup = 8 })
	p.update(effective(t, f, w))
	drain(w, f)
	if x, _ := (fakePresets{f}).Get(id); x.Lookup != 8 || p.reset.Visible() {
		t.Errorf("after the change: %+v", x)
	}
	w.undo()
	if x, _ := (fakePresets{f}).Get(id); x.Lookup != 0 {
		t.Errorf("after undoing it: %+v", x)
	}
	p.makeDefault(p.preset)
	drain(w, f)
	if f.values.Preset != id {
		t.Errorf("the default is %d", f.values.Preset)
	}
	w.undo()
	if f.values.Preset != 0 {
		t.Errorf("after undo it is %d", f.values.Preset)
	}
	p.delete(p.preset)
	drain(w, f)
	if _, err := (fakePresets{f}).Get(id); err == nil || p.preset.ID == id {
		t.Error("it was not deleted")
	}
	w.undo()
	drain(w, f)
	if _, err := (fakePresets{f}).Get(id); err != nil || p.preset.ID != id {
		t.Errorf("after undo: %v, %d", err, p.preset.ID)
	}
	p.menu()
	if w.win.Canvas().Overlays().Top() == nil {
		t.Error("there is no menu")
	}
}

func TestSeedAndReasoning(t *testing.T) {
	f := newFake()
	info := gopher
	info.ThinkingSwitch = true
	recommended := sample.Defaults()
	recommended.TopK = 20
	info.Recommended = &recommended
	f.current = &info
	id := f.chatWith("Seed", noon, "Hello", "Hi")
	f.messages[id][1].Stats.Seed = 1<<64 - 1
	w := open(t, f, 1200, 800)
	w.openChat(id)
	w.toggleParameters()
	var keep *look.Button
	for _, b := range in[*look.Button](w.params.list) {
		if b.Text == "Keep" {
			keep = b
		}
	}
	if keep == nil {
		t.Fatal("the seed of the last answer is not offered")
	}
	offered := false
	for _, l := range in[*widget.Label](w.params.list) {
		offered = offered || l.Text == "Last answer: 18446744073709551615"
	}
	if !offered {
		t.Error("the seed of the last answer is not shown")
	}
	test.Tap(keep)
	if s := effective(t, f, w).Sampling.Seed; s == nil || *s != 1<<64-1 || keep.Text != "Random again" {
		t.Errorf("seed %v, button %q", s, keep.Text)
	}
	test.Tap(keep)
	if s := effective(t, f, w).Sampling.Seed; s != nil {
		t.Errorf("seed %v", *s)
	}
	row := parameterNamed(t, w, "Reasoning")
	c := in[*keySelect](row)[0]
	if !row.Visible() || !slices.Equal(c.Options, []string{"As the model does", "Off", "On"}) {
		t.Errorf("reasoning: %v, %q", row.Visible(), c.Options)
	}
	c.SetSelectedIndex(1)
	if on := effective(t, f, w).Thinking; on == nil || *on {
		t.Errorf("thinking %v", on)
	}
	if !w.params.recommends.Visible() {
		t.Fatal("what the model recommends is not offered")
	}
	test.Tap(w.params.recommends)
	if got := effective(t, f, w); got.Sampling.TopK != 20 || got.Thinking == nil || w.params.recommends.Visible() {
		t.Errorf("as recommended: %+v", got)
	}
	f.current = &gopher
	w.showParameters()
	if row.Visible() || w.params.recommends.Visible() {
		t.Error("a model without a switch has one")
	}
}

func TestParametersGolden(t *testing.T) {
	for _, c := range []struct {
		name          string
		theme         app.Theme
		width, height float32
		rare          bool
	}{{"parameters-light", app.ThemeLight, 1100, 760, false}, {"parameters-dark-narrow", app.ThemeDark, 420, 700, true}} {
		f := newFake()
		f.load()
		f.values.Theme = c.theme
		id := f.chatWith("Exact answers", noon, "What is the boiling point of water?", "100 °C at sea level.")
		preset := int64(3)
		changed := f.presets[2].Parameters
		changed.Sampling.Temperature, changed.MaxTokens = 0.45, 512
		f.chats[0].Options = app.ChatOptions{Preset: &preset}.With(changed, f.presets[2].Parameters)
		w := open(t, f, c.width, c.height)
		w.openChat(id)
		w.toggleParameters()
		if c.rare {
			w.params.openRare(true)
			w.params.scroll.ScrollToOffset(fyne.NewPos(0, 700))
		}
		w.win.Canvas().Unfocus()
		golden.Match(t, w.win, c.name)
		keep(t, w, c.name)
	}
}
