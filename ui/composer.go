package ui

import (
	"image/color"
	"slices"
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
	clip   *look.Button      // attaches files
	chips  *fyne.Container   // the files that will go with the message
	over   *widget.Label     // why they are too much
	send   func(string) bool // true: the text was taken
	stop   func()
	page   func(*fyne.KeyEvent) bool // scrolls the transcript; nil: nothing does

	onGrown   func() // its height may have changed
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
	c.clip = look.NewIconButton(look.IconAttach, nil)
	c.clip.Round, c.clip.Height = true, 34
	c.chips = container.New(&wrapLayout{gap: 6})
	c.over = widget.NewLabel("")
	c.over.Wrapping, c.over.Importance, c.over.SizeName = fyne.TextWrapWord, widget.DangerImportance, theme.SizeNameCaptionText
	c.over.Hide()
	c.ExtendBaseWidget(c)
	c.changed()
	return c
}

// setFiles shows the files that will go with the message, and why they are too much, or "".
func (c *composer) setFiles(chips []fyne.CanvasObject, over string) {
	if slices.Equal(chips, c.chips.Objects) && over == c.over.Text && len(chips) == 0 {
		return
	}
	c.chips.Objects = chips
	c.over.SetText(over)
	c.over.Hidden = over == ""
	c.chips.Refresh()
	c.changed()
	c.Refresh()
	if c.onGrown != nil {
		c.onGrown()
	}
}

// insert puts text where the cursor is.
func (c *composer) insert(text string) {
	for _, r := range text {
		c.entry.Entry.TypedRune(r)
	}
}

// empty reports whether there is nothing to send.
func (c *composer) empty() bool {
	return strings.TrimSpace(c.entry.Text) == "" && len(c.chips.Objects) == 0
}

// above is the height of what stands above the entry, in a composer of a width.
func (c *composer) above(width float32) float32 {
	h := float32(0)
	if n := len(c.chips.Objects); n > 0 {
		h = c.chips.Layout.(*wrapLayout).height(c.chips.Objects, width-4*composerPad) + 2*composerPad
	}
	if c.over.Visible() {
		if c.over.Size().Width != width-4*composerPad {
			c.over.Resize(fyne.NewSize(width-4*composerPad, c.over.MinSize().Height))
		}
		h += c.over.MinSize().Height - composerPad
	}
	return h
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
	if c.empty() {
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
		c.button.SetEnabled(c.ready && !c.empty())
	}
	c.grow()
}

// grow fits the entry's height to its text.
func (c *composer) grow() {
	width := c.Size().Width - c.button.MinSize().Width - c.clip.MinSize().Width - 5*composerPad
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
	return fyne.NewSize(240, max(r.c.themed.MinSize().Height, 34)+2*composerPad+r.c.above(max(r.c.Size().Width, 240)))
}

func (r *composerRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.c.ground, r.c.chips, r.c.over, r.c.clip, r.c.themed, r.c.button}
}

func (r *composerRenderer) Layout(size fyne.Size) {
	c := r.c
	c.ground.Resize(size)
	b := c.button.MinSize()
	c.button.Resize(b)
	c.button.Move(fyne.NewPos(size.Width-b.Width-composerPad-2, size.Height-b.Height-composerPad))
	c.clip.Resize(b)
	c.clip.Move(fyne.NewPos(composerPad, size.Height-b.Height-composerPad))
	above := c.above(size.Width)
	y := float32(0)
	if len(c.chips.Objects) > 0 {
		inner := size.Width - 4*composerPad
		h := c.chips.Layout.(*wrapLayout).height(c.chips.Objects, inner)
		c.chips.Resize(fyne.NewSize(inner, h))
		c.chips.Move(fyne.NewPos(2*composerPad, 2*composerPad))
		y = h + 2*composerPad
	}
	if c.over.Visible() {
		c.over.Resize(fyne.NewSize(size.Width-4*composerPad, c.over.MinSize().Height))
		c.over.Move(fyne.NewPos(2*composerPad, y-2))
	}
	h := c.themed.MinSize().Height
	c.themed.Resize(fyne.NewSize(size.Width-2*b.Width-4*composerPad-4, h))
	c.themed.Move(fyne.NewPos(composerPad+b.Width+2, above+(size.Height-above-h)/2))
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
	r.c.clip.Refresh()
	r.c.chips.Refresh()
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
