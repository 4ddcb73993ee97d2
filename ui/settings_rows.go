package ui

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// section adds a heading.
func (s *settingsDialog) section(name string) {
	t := widget.NewLabel(name)
	t.TextStyle, t.Importance = fyne.TextStyle{Bold: true}, widget.LowImportance
	top := float32(12)
	if len(s.list.Objects) == 0 {
		top = 0
	}
	s.list.Add(container.New(layout.NewCustomPaddedLayout(top, 0, 0, 0), container.New(layout.NewCustomPaddedVBoxLayout(-4), t, newHairline())))
}

// text adds a paragraph.
func (s *settingsDialog) paragraph(text string) {
	l := widget.NewLabel(text)
	l.Wrapping = fyne.TextWrapWord
	s.list.Add(l)
}

// row adds a line: name and explanation at the left, the control at the right.
func (s *settingsDialog) row(name, explain string, control fyne.CanvasObject) {
	s.resettable(name, explain, control, nil)
}

// resettable adds a row with a button at its end.
func (s *settingsDialog) resettable(name, explain string, control fyne.CanvasObject, reset *look.Button) {
	title := widget.NewLabel(name)
	title.Wrapping = fyne.TextWrapWord
	left := container.New(layout.NewCustomPaddedVBoxLayout(-12), title)
	if explain != "" {
		e := widget.NewLabel(explain)
		e.SizeName, e.Importance, e.Wrapping = theme.SizeNameCaptionText, widget.LowImportance, fyne.TextWrapWord
		left.Add(e)
	}
	end := canvas.NewRectangle(color.Transparent)
	end.SetMinSize(fyne.NewSquareSize(resetWidth))
	stack := container.NewStack(end)
	if reset != nil {
		stack.Add(reset)
	}
	width := float32(250)
	if s.w.win.Canvas().Size().Width < narrowSettings {
		width = 150
	}
	s.list.Add(container.New(split(width), left, container.NewBorder(nil, nil, nil, container.NewCenter(stack), control)))
}

const resetWidth = 28

// setting adds the row of one setting, field, and returns what stores a value in it. show brings the control in line with
// a value. A setting that is not its default has a button to make it so.
func setting[T comparable](s *settingsDialog, name, explain string, control fyne.CanvasObject, field func(*app.Values) *T, show func(T)) (set func(T)) {
	set = func(x T) {
		if v := s.w.b.Settings.Get(); *field(&v) == x {
			s.note.Hide()
			return
		}
		s.update(func(v *app.Values) error { *field(v) = x; return nil })
	}
	standard := app.Defaults()
	reset := look.NewIconButton(look.IconUndo, func() {
		set(*field(&standard))
		show(*field(&standard))
		s.w.win.Canvas().Focus(s.buttons[s.page]) // the button is gone
	})
	reset.Height = resetWidth
	reset.OnKey = s.escapeKey
	s.resettable(name, explain, control, reset)
	s.rows = append(s.rows, func(v app.Values) {
		x := *field(&v)
		if hidden := x == *field(&standard); hidden != reset.Hidden {
			reset.Hidden = hidden
			reset.Refresh()
		}
		if f, ok := control.(fyne.Focusable); !ok || s.w.win.Canvas().Focused() != f { // not under the user's hands
			show(x)
		}
	})
	return set
}

// choice adds a setting that has one of some values.
func choice[T ~string](s *settingsDialog, name, explain string, labels []string, values []T, field func(*app.Values) *T) {
	c := newKeySelect(labels, s.escapeKey)
	var set func(T)
	show := func(x T) {
		if i := slices.Index(values, x); i >= 0 && i != c.SelectedIndex() {
			c.SetSelectedIndex(i)
		}
	}
	set = setting(s, name, explain, filledSelect(c), field, show)
	c.OnChanged = func(string) { set(values[c.SelectedIndex()]) }
}

// filledSelect gives a choice a ground, on which it is seen to be one.
func filledSelect(c *keySelect) fyne.CanvasObject {
	return container.NewThemeOverride(c, selectTheme{})
}

// check adds a setting that is on or off.
func (s *settingsDialog) check(name, explain string, field func(*app.Values) *bool) {
	c := newKeyCheck(s.escapeKey)
	c.OnChanged = setting(s, name, explain, c, field, c.SetChecked)
}

// slider adds a setting between two limits.
func (s *settingsDialog) slider(name, explain string, lo, hi, step float64, field func(*app.Values) *float32) {
	shown := widget.NewLabel("")
	write := func(f float64) { shown.SetText(strconv.FormatFloat(math.Round(f*100)/100, 'f', 2, 64)) }
	sl := newKeySlider(lo, hi, s.escapeKey)
	sl.Step = step
	sl.OnChanged = write
	var set func(float32)
	ended := func(f float64) { set(float32(math.Round(f*100) / 100)) }
	set = setting(s, name, explain, container.NewBorder(nil, nil, nil, shown, container.NewThemeOverride(sl, sliderTheme{})), field, func(f float32) {
		sl.OnChangeEnded = nil // a value from the file may lie between the steps: showing it doesn't change it
		sl.SetValue(float64(f))
		write(float64(f))
		sl.OnChangeEnded = ended
	})
	sl.OnChangeEnded = ended
}

// number adds a setting that is a whole number from 0 on.
func (s *settingsDialog) number(name, explain string, field func(*app.Values) *int) {
	written(s, newEntry("", nil), name, explain, field, strconv.Itoa, func(t string) (int, error) {
		n, err := strconv.Atoi(strings.NewReplacer(",", "", ".", "", " ", "").Replace(t))
		if err != nil || n < 0 {
			return 0, errorText(lang.L("{{.Name}} is a whole number from 0 on", map[string]any{"Name": name}))
		}
		return n, nil
	})
}

// text adds a setting that is a line of text.
func (s *settingsDialog) text(name, explain string, field func(*app.Values) *string) {
	written(s, newEntry("", nil), name, explain, field, itself, trimmed)
}

// longText adds a setting that is a text of some lines.
func (s *settingsDialog) longText(name, explain, placeholder string, field func(*app.Values) *string) {
	e := newEntry(placeholder, nil)
	e.MultiLine, e.Wrapping = true, fyne.TextWrapWord
	e.SetMinRowsVisible(4)
	written(s, e, name, explain, field, itself, trimmed)
}

func itself(t string) string           { return t }
func trimmed(t string) (string, error) { return strings.TrimSpace(t), nil }

// written adds a setting that is typed, and stored as it is typed.
func written[T comparable](s *settingsDialog, e *entry, name, explain string, field func(*app.Values) *T, format func(T) string, parse func(string) (T, error)) {
	set := setting(s, name, explain, e, field, func(x T) {
		if t := format(x); t != e.Text {
			e.SetText(t)
		}
	})
	e.OnChanged = func(t string) {
		x, err := parse(strings.TrimSpace(t))
		if err != nil {
			s.note.SetText(sentence(err.Error()))
			s.note.Show()
			return
		}
		set(x)
	}
	e.key = func(k *fyne.KeyEvent) bool {
		s.escapeKey(k)
		return k.Name == fyne.KeyEscape
	}
}

// percent writes a share: "90 %".
func percent(f float64) string { return fmt.Sprintf("%.0f %%", 100*f) }

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

// hairline is a thin line in the colour of borders.
type hairline struct {
	widget.BaseWidget
	line *canvas.Rectangle
}

func newHairline() *hairline {
	h := &hairline{line: canvas.NewRectangle(nil)}
	h.line.SetMinSize(fyne.NewSize(1, 1))
	h.ExtendBaseWidget(h)
	return h
}

// CreateRenderer is Fyne's.
func (h *hairline) CreateRenderer() fyne.WidgetRenderer {
	h.line.FillColor = look.Color(look.ColorBorder)
	return hairlineRenderer{widget.NewSimpleRenderer(h.line), h}
}

type hairlineRenderer struct {
	fyne.WidgetRenderer
	h *hairline
}

// Refresh takes the theme's colour.
func (r hairlineRenderer) Refresh() {
	r.h.line.FillColor = look.Color(look.ColorBorder)
	r.h.line.Refresh()
}

// selectTheme draws choices like buttons.
type selectTheme struct{ currentTheme }

// Color replaces the ground.
func (t selectTheme) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	if n == theme.ColorNameInputBackground {
		n = theme.ColorNameButton
	}
	return t.currentTheme.Color(n, v)
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
