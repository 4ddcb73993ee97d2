package ui

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// settingsDialog edits the settings. What is changed counts at once; there is no button to forget.
type settingsDialog struct {
	w     *window
	popup *widget.PopUp
	note  *widget.Label
	list  *fyne.Container

	device     *widget.Select
	deviceNote *widget.Label
}

// openSettings opens the settings.
func (w *window) openSettings() {
	if w.settings != nil {
		return
	}
	s := &settingsDialog{w: w}
	w.settings = s
	s.build()
	s.popup.Show()
}

func (s *settingsDialog) build() {
	title := widget.NewLabelWithStyle(lang.L("Settings"), fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
	title.SizeName = theme.SizeNameSubHeadingText
	shut := look.NewIconButton(look.IconClose, s.close)
	s.note = widget.NewLabel("")
	s.note.Wrapping = fyne.TextWrapWord
	s.note.Importance = widget.DangerImportance
	s.note.Hide()
	s.list = container.New(layout.NewCustomPaddedVBoxLayout(10))
	s.fill()
	scroll := container.NewVScroll(container.New(layout.NewCustomPaddedLayout(0, 8, 0, 14), s.list))
	content := container.NewBorder(container.NewVBox(container.NewBorder(nil, nil, nil, shut, title), s.note), nil, nil, nil, scroll)
	s.popup = widget.NewModalPopUp(container.New(layout.NewCustomPaddedLayout(8, 8, 12, 8), content), s.w.win.Canvas())
	size := s.w.win.Canvas().Size()
	s.popup.Resize(fyne.NewSize(min(size.Width-32, 620), min(size.Height-32, 640)))
}

func (s *settingsDialog) fill() {
	v := s.w.b.Settings.Get()
	s.list.RemoveAll()
	s.section(lang.L("Appearance"))
	s.choice(lang.L("Theme"), "", []string{lang.L("System"), lang.L("Light"), lang.L("Dark")}, []string{string(app.ThemeSystem), string(app.ThemeLight), string(app.ThemeDark)},
		string(v.Theme), func(v *app.Values, t string) { v.Theme = app.Theme(t) })

	_, names := languages()
	s.choice(lang.L("Language"), "", append([]string{lang.L("System")}, names...), app.Languages(),
		v.Language, func(v *app.Values, t string) { v.Language = t })

	s.section(lang.L("Answers"))
	s.longText(lang.L("System prompt"), lang.L("Told to the model before every conversation."), v.SystemPrompt, func(v *app.Values, t string) { v.SystemPrompt = t })
	s.slider(lang.L("Temperature"), lang.L("0 always takes the likeliest word; higher values vary more."), 0, 2, 0.05, v.Sampling.Temperature,
		func(v *app.Values, f float32) { v.Sampling.Temperature = f })
	s.number(lang.L("Top-k"), lang.L("Only the k likeliest words are drawn from. 0: all."), v.Sampling.TopK, func(v *app.Values, n int) { v.Sampling.TopK = n })
	s.slider(lang.L("Top-p"), lang.L("Only the likeliest words that make up this share. 1: all."), 0, 1, 0.01, v.Sampling.TopP,
		func(v *app.Values, f float32) { v.Sampling.TopP = f })
	s.slider(lang.L("Min-p"), lang.L("No words less likely than this share of the likeliest. 0: all."), 0, 0.5, 0.01, v.Sampling.MinP,
		func(v *app.Values, f float32) { v.Sampling.MinP = f })
	s.slider(lang.L("Repetition penalty"), lang.L("Above 1 discourages words that were used already."), 1, 2, 0.01, max(v.Sampling.RepeatPenalty, 1),
		func(v *app.Values, f float32) { v.Sampling.RepeatPenalty = f })
	seed := ""
	if v.Sampling.Seed != nil {
		seed = strconv.FormatUint(*v.Sampling.Seed, 10)
	}
	s.text(lang.L("Seed"), lang.L("The same seed gives the same answer. Empty: a new one each time."), seed, func(v *app.Values, t string) error {
		v.Sampling.Seed = nil
		if t == "" {
			return nil
		}
		n, err := strconv.ParseUint(t, 10, 64)
		if err != nil {
			return errorText(lang.L("A seed is a whole number from 0 on"))
		}
		v.Sampling.Seed = &n
		return nil
	})
	s.number(lang.L("Longest answer"), lang.L("In tokens. 0: as long as the context allows."), v.MaxTokens, func(v *app.Values, n int) { v.MaxTokens = n })
	s.choice(lang.L("When the context is full"), "", []string{lang.L("Say so"), lang.L("Leave out the oldest messages")}, []string{app.OverflowRefuse, app.OverflowDrop},
		v.Overflow, func(v *app.Values, t string) { v.Overflow = t })

	s.section(lang.L("Model"))
	s.text(lang.L("Models folder"), lang.L("Where Burble looks for GGUF files. Empty: its own folder."), v.ModelsFolder, func(v *app.Values, t string) error {
		v.ModelsFolder = t
		return nil
	})
	s.check(lang.L("Open the last model at start"), v.OpenLastModel, func(v *app.Values, on bool) { v.OpenLastModel = on })
	s.number(lang.L("Context size"), lang.L("In tokens. 0: chosen to fit. Counts when a model is loaded."), v.Context, func(v *app.Values, n int) { v.Context = n })
	s.number(lang.L("Threads"), lang.L("Of the processor. 0: chosen for this machine."), v.Threads, func(v *app.Values, n int) { v.Threads = n })
	s.devices(v.Device)
	s.choice(lang.L("KV cache"), lang.L("Smaller types hold longer conversations in the same memory. Counts when a model is loaded."),
		[]string{lang.L("F16 (usual)"), lang.L("F32 (exact, twice the memory)"), "BF16", lang.L("Q8_0 (half the memory)"), lang.L("Q4_0 (a quarter, less exact)")}, app.KVTypes(),
		v.KVType, func(v *app.Values, t string) { v.KVType = t })
	s.number(lang.L("Layers on the GPU"), lang.L("0: as many as fit. Counts when a model is loaded."), v.GPULayers, func(v *app.Values, n int) { v.GPULayers = n })
	s.number(lang.L("Release the GPU"), lang.L("After so many minutes without use. 0: never."), v.GPUIdle, func(v *app.Values, n int) { v.GPUIdle = n })

	s.section(lang.L("Privacy"))
	s.check(lang.L("Offline: never open a network connection"), v.Offline, func(v *app.Values, on bool) { v.Offline = on })

	reset := look.NewButton(look.Icon{}, lang.L("Reset to defaults…"), look.Soft, func() {
		dialog.ShowConfirm(lang.L("Reset settings"), lang.L("Give all settings their defaults again?"), func(ok bool) {
			if ok {
				s.update(func(v *app.Values) error { *v = app.Defaults(); return nil })
				s.fill()
			}
		}, s.w.win)
	})
	s.list.Add(container.New(layout.NewCustomPaddedLayout(8, 0, 9, 0), container.NewHBox(reset, look.NewButton(look.Icon{}, lang.L("About Burble"), look.Soft, s.w.showAbout))))
}

// update changes the settings, and shows what went wrong.
func (s *settingsDialog) update(change func(v *app.Values) error) {
	var wrong error
	err := s.w.b.Settings.Update(func(v *app.Values) {
		before := *v
		if wrong = change(v); wrong != nil {
			*v = before
		}
	})
	if wrong != nil {
		err = wrong
	}
	if err != nil {
		s.note.SetText(sentence(err.Error()))
		s.note.Show()
		return
	}
	s.note.Hide()
}

func (s *settingsDialog) section(name string) {
	t := canvas.NewText(name, look.Color(look.ColorMuted))
	t.TextSize, t.TextStyle = 13, fyne.TextStyle{Bold: true}
	line := canvas.NewRectangle(look.Color(look.ColorBorder))
	line.SetMinSize(fyne.NewSize(1, 1))
	top := float32(14)
	if len(s.list.Objects) == 0 {
		top = 0
	}
	s.list.Add(container.New(layout.NewCustomPaddedLayout(top, 2, 9, 9), container.NewVBox(t, line)))
}

// row adds a line: name and explanation at the left, the control at the right.
func (s *settingsDialog) row(name, explain string, control fyne.CanvasObject) {
	left := container.New(layout.NewCustomPaddedVBoxLayout(-12), widget.NewLabel(name))
	if explain != "" {
		e := widget.NewLabel(explain)
		e.SizeName, e.Importance, e.Wrapping = theme.SizeNameCaptionText, widget.LowImportance, fyne.TextWrapWord
		left.Add(e)
	}
	s.list.Add(container.New(split(210), left, control))
}

func (s *settingsDialog) choice(name, explain string, labels, values []string, value string, set func(*app.Values, string)) {
	c := widget.NewSelect(labels, nil)
	for i, v := range values {
		if v == value {
			c.SetSelectedIndex(i)
		}
	}
	c.OnChanged = func(string) {
		s.update(func(v *app.Values) error { set(v, values[c.SelectedIndex()]); return nil })
	}
	s.row(name, explain, c)
}

func (s *settingsDialog) check(name string, value bool, set func(*app.Values, bool)) {
	c := widget.NewCheck("", nil)
	c.SetChecked(value)
	c.OnChanged = func(on bool) { s.update(func(v *app.Values) error { set(v, on); return nil }) }
	s.row(name, "", c)
}

func (s *settingsDialog) slider(name, explain string, lo, hi, step float64, value float32, set func(*app.Values, float32)) {
	shown := widget.NewLabel("")
	write := func(f float64) { shown.SetText(strconv.FormatFloat(math.Round(f*100)/100, 'f', 2, 64)) }
	sl := widget.NewSlider(lo, hi)
	sl.Step = step
	sl.SetValue(float64(value))
	write(float64(value))
	sl.OnChanged = write
	sl.OnChangeEnded = func(f float64) {
		s.update(func(v *app.Values) error { set(v, float32(math.Round(f*100)/100)); return nil })
	}
	s.row(name, explain, container.NewBorder(nil, nil, nil, shown, container.NewThemeOverride(sl, sliderTheme{})))
}

func (s *settingsDialog) number(name, explain string, value int, set func(*app.Values, int)) {
	s.text(name, explain, strconv.Itoa(value), func(v *app.Values, t string) error {
		n, err := strconv.Atoi(strings.ReplaceAll(t, ",", ""))
		if err != nil || n < 0 {
			return errorText(lang.L("{{.Name}} is a whole number from 0 on", map[string]any{"Name": name}))
		}
		set(v, n)
		return nil
	})
}

func (s *settingsDialog) text(name, explain, value string, set func(*app.Values, string) error) {
	e := newEntry("", nil)
	e.SetText(value)
	s.bind(e, set)
	s.row(name, explain, e)
}

func (s *settingsDialog) longText(name, explain, value string, set func(*app.Values, string)) {
	e := newEntry(lang.L("You are a helpful assistant."), nil)
	e.MultiLine, e.Wrapping = true, fyne.TextWrapWord
	e.SetMinRowsVisible(3)
	e.SetText(value)
	s.bind(e, func(v *app.Values, t string) error { set(v, t); return nil })
	s.row(name, explain, e)
}

// bind stores an entry's text as it is typed.
func (s *settingsDialog) bind(e *entry, set func(*app.Values, string) error) {
	e.OnChanged = func(t string) {
		s.update(func(v *app.Values) error { return set(v, strings.TrimSpace(t)) })
	}
	e.key = func(k *fyne.KeyEvent) bool {
		if k.Name == fyne.KeyEscape {
			s.close()
			return true
		}
		return false
	}
}

func (s *settingsDialog) close() {
	s.popup.Hide()
	s.w.settings = nil
	s.w.focusComposer()
}

// split is a layout of two columns: the first has a width, the second takes the rest.
type split float32

// MinSize is as high as the higher column.
func (p split) MinSize(o []fyne.CanvasObject) fyne.Size {
	if o[0].Size().Width != float32(p) {
		o[0].Resize(fyne.NewSize(float32(p), o[0].MinSize().Height))
	}
	a, b := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(float32(p)+b.Width, max(a.Height, b.Height))
}

// Layout places the columns.
func (p split) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Resize(fyne.NewSize(float32(p), size.Height))
	h := o[1].MinSize().Height
	o[1].Resize(fyne.NewSize(size.Width-float32(p), h))
	o[1].Move(fyne.NewPos(float32(p), (size.Height-h)/2))
}

// sliderTheme gives sliders the accent colour, and a track that is seen on a white ground.
type sliderTheme struct{ currentTheme }

// Color replaces the slider's colours.
func (t sliderTheme) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	switch n {
	case theme.ColorNameForeground:
		n = theme.ColorNamePrimary
	case theme.ColorNameInputBackground:
		n = look.ColorBorder
	}
	return t.currentTheme.Color(n, v)
}
