package ui

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// composer is where messages are written. Return sends, Shift+Return breaks the line: the reverse of Fyne's own rule.
// It grows with its text up to composerRows lines.
type composer struct {
	widget.BaseWidget
	entry  *entry
	themed fyne.CanvasObject // the entry, without its frame
	ground *canvas.Rectangle
	button *look.Button
	send   func(string) bool // true: the text was taken
	stop   func()
	page   func(*fyne.KeyEvent) bool // scrolls the transcript; nil: nothing does

	answering bool
	ready     bool // a model is there to answer
	rowCount  int
}

const (
	composerRows = 8
	composerPad  = 6
)

func newComposer(shortcut func(fyne.Shortcut) bool, send func(string) bool, stop func()) *composer {
	c := &composer{send: send, stop: stop, rowCount: 1}
	c.entry = newEntry(lang.L("Message"), shortcut)
	c.entry.MultiLine = true
	c.entry.Wrapping = fyne.TextWrapWord
	c.entry.SetMinRowsVisible(1)
	c.entry.key = c.typedKey
	c.entry.OnChanged = func(string) { c.changed() }
	c.themed = container.NewThemeOverride(c.entry, plainEntry{})
	c.ground = canvas.NewRectangle(nil)
	c.button = look.NewIconButton(look.IconSend, c.press)
	c.button.Style, c.button.Round, c.button.Height, c.button.Color = look.Primary, true, 34, ""
	c.ExtendBaseWidget(c)
	c.changed()
	return c
}

func (c *composer) typedKey(k *fyne.KeyEvent) bool {
	switch k.Name {
	case fyne.KeyReturn, fyne.KeyEnter:
		if c.entry.shift {
			c.entry.Entry.TypedRune('\n')
		} else if !c.answering {
			c.press()
		}
		return true
	case fyne.KeyEscape:
		if c.answering {
			c.stop()
			return true
		}
	case fyne.KeyPageUp, fyne.KeyPageDown:
		return c.page != nil && c.page(k)
	}
	return false
}

// press sends, or stops the answer.
func (c *composer) press() {
	if c.answering {
		c.stop()
		return
	}
	text := strings.TrimSpace(c.entry.Text)
	if text == "" {
		return
	}
	if c.send(text) {
		c.entry.SetText("")
	}
}

// setState says whether an answer is running and whether a model could give one.
func (c *composer) setState(answering, ready bool, placeholder string) {
	if c.entry.PlaceHolder != placeholder {
		c.entry.SetPlaceHolder(placeholder)
	}
	c.answering, c.ready = answering, ready
	c.changed()
}

func (c *composer) changed() {
	if c.answering {
		c.button.Set(look.IconStop, "", look.Primary)
		c.button.SetEnabled(true)
	} else {
		c.button.Set(look.IconSend, "", look.Primary)
		c.button.SetEnabled(c.ready && strings.TrimSpace(c.entry.Text) != "")
	}
	c.grow()
}

// grow fits the entry's height to its text.
func (c *composer) grow() {
	width := c.Size().Width - c.button.MinSize().Width - 4*composerPad
	if width <= 0 {
		return
	}
	if rows := min(max(c.entry.rows(width), 1), composerRows); rows != c.rowCount {
		c.rowCount = rows
		c.entry.SetMinRowsVisible(rows)
		c.Refresh()
	}
}

// CreateRenderer is Fyne's.
func (c *composer) CreateRenderer() fyne.WidgetRenderer {
	r := &composerRenderer{c}
	r.Refresh()
	return r
}

type composerRenderer struct{ c *composer }

func (r *composerRenderer) Destroy() {}
func (r *composerRenderer) MinSize() fyne.Size {
	return fyne.NewSize(240, max(r.c.themed.MinSize().Height, 34)+2*composerPad)
}

func (r *composerRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.c.ground, r.c.themed, r.c.button}
}

func (r *composerRenderer) Layout(size fyne.Size) {
	c := r.c
	c.ground.Resize(size)
	b := c.button.MinSize()
	c.button.Resize(b)
	c.button.Move(fyne.NewPos(size.Width-b.Width-composerPad-2, size.Height-b.Height-composerPad))
	h := c.themed.MinSize().Height
	c.themed.Resize(fyne.NewSize(size.Width-b.Width-3*composerPad-6, h))
	c.themed.Move(fyne.NewPos(composerPad+2, (size.Height-h)/2))
	c.grow()
}

func (r *composerRenderer) Refresh() {
	g := r.c.ground
	g.FillColor = look.Color(theme.ColorNameInputBackground)
	g.StrokeColor, g.StrokeWidth, g.CornerRadius = look.Color(theme.ColorNameInputBorder), 1, 18
	g.Shadow = canvas.Shadow{Color: look.Color(theme.ColorNameShadow), BlurRadius: 10, Spread: -2, Offset: fyne.NewPos(0, 2)}
	g.Refresh()
	if s := r.c.Size(); !s.IsZero() {
		r.Layout(s)
	}
	r.c.button.Refresh()
}

// currentTheme is the application's theme, for others to change something of.
type currentTheme struct{}

// Color is the theme's.
func (currentTheme) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	return fyne.CurrentApp().Settings().Theme().Color(n, v)
}

// Font is the theme's.
func (currentTheme) Font(s fyne.TextStyle) fyne.Resource {
	return fyne.CurrentApp().Settings().Theme().Font(s)
}

// Icon is the theme's.
func (currentTheme) Icon(n fyne.ThemeIconName) fyne.Resource {
	return fyne.CurrentApp().Settings().Theme().Icon(n)
}

// Size is the theme's.
func (currentTheme) Size(n fyne.ThemeSizeName) float32 {
	return fyne.CurrentApp().Settings().Theme().Size(n)
}

// plainEntry is the theme without an entry's ground and frame, in the transcript's text size.
type plainEntry struct{ currentTheme }

// Color leaves out the entry's ground and frame.
func (t plainEntry) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	switch n {
	case theme.ColorNameInputBackground, theme.ColorNameInputBorder, theme.ColorNameShadow:
		return color.Transparent
	}
	return t.currentTheme.Color(n, v)
}

// Size has larger text and no frame.
func (t plainEntry) Size(n fyne.ThemeSizeName) float32 {
	switch n {
	case theme.SizeNameText:
		return look.TextSize
	case theme.SizeNameInputBorder:
		return 0
	}
	return t.currentTheme.Size(n)
}
