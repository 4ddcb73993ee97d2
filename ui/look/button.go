package look

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// ButtonStyle is how loudly a button asks to be pressed.
type ButtonStyle uint8

// Styles of buttons.
const (
	Ghost   ButtonStyle = iota // no background until the pointer is over it
	Soft                       // a quiet background
	Primary                    // the accent colour
)

// Button is a small button with an icon, a text, or both. It can be focused and pressed from the keyboard.
type Button struct {
	widget.BaseWidget
	Icon     Icon
	Text     string
	Style    ButtonStyle
	Color    fyne.ThemeColorName // of icon and text; empty takes the style's own
	Height   float32             // height, and width where there is no text
	TextSize float32
	Round    bool // a circle, or ends that are half circles
	Trailing bool // the icon stands after the text
	Leading  bool // icon and text stand at the leading edge instead of the centre
	OnTapped func()
	OnFocus  func()               // the keyboard has come here
	OnKey    func(*fyne.KeyEvent) // gets the keys that the button has no use for

	hovered, focused, disabled bool
}

// NewIconButton returns a ghost button with an icon alone.
func NewIconButton(i Icon, tapped func()) *Button {
	return newButton(&Button{Icon: i, Color: ColorMuted, Height: 32, OnTapped: tapped})
}

// NewButton returns a button with an icon and a text; the zero Icon leaves it out.
func NewButton(i Icon, text string, s ButtonStyle, tapped func()) *Button {
	return newButton(&Button{Icon: i, Text: text, Style: s, Height: 34, TextSize: 14, OnTapped: tapped})
}

func newButton(b *Button) *Button {
	b.ExtendBaseWidget(b)
	return b
}

// Disabled reports whether the button takes no input.
func (b *Button) Disabled() bool { return b.disabled }

// SetEnabled lets the button take input, or not.
func (b *Button) SetEnabled(on bool) {
	if b.disabled == !on {
		return
	}
	b.disabled = !on
	b.Refresh()
}

// Set changes icon, text and style at once.
func (b *Button) Set(i Icon, text string, s ButtonStyle) {
	if b.Icon == i && b.Text == text && b.Style == s {
		return
	}
	b.Icon, b.Text, b.Style = i, text, s
	b.Refresh()
}

// Tapped presses the button.
func (b *Button) Tapped(*fyne.PointEvent) {
	if !b.disabled && b.OnTapped != nil {
		b.OnTapped()
	}
}

// Cursor shows a hand over the button.
func (b *Button) Cursor() desktop.Cursor {
	if b.disabled {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

// MouseIn lights the button up.
func (b *Button) MouseIn(*desktop.MouseEvent) { b.hovered = true; b.Refresh() }

// MouseMoved does nothing.
func (b *Button) MouseMoved(*desktop.MouseEvent) {}

// MouseOut puts the light out.
func (b *Button) MouseOut() { b.hovered = false; b.Refresh() }

// FocusGained shows that the keyboard is here.
func (b *Button) FocusGained() {
	b.focused = true
	b.Refresh()
	if b.OnFocus != nil {
		b.OnFocus()
	}
}

// FocusLost shows that the keyboard has gone.
func (b *Button) FocusLost() { b.focused = false; b.Refresh() }

// TypedRune does nothing.
func (b *Button) TypedRune(rune) {}

// TypedKey presses the button on space and return.
func (b *Button) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeySpace || e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter {
		b.Tapped(nil)
		return
	}
	if b.OnKey != nil {
		b.OnKey(e)
	}
}

// CreateRenderer is Fyne's.
func (b *Button) CreateRenderer() fyne.WidgetRenderer {
	b.ExtendBaseWidget(b)
	r := &buttonRenderer{b: b, bg: canvas.NewRectangle(nil), image: canvas.NewImageFromResource(nil), text: canvas.NewText("", nil)}
	r.image.FillMode = canvas.ImageFillContain
	r.Refresh()
	return r
}

type buttonRenderer struct {
	b     *Button
	bg    *canvas.Rectangle
	image *canvas.Image
	text  *canvas.Text
}

func (r *buttonRenderer) Destroy() {}

func (r *buttonRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.bg, r.image, r.text}
}

func (r *buttonRenderer) iconSize() float32 {
	if r.b.Icon == (Icon{}) {
		return 0
	}
	return min(r.b.Height*0.58, 18)
}

const buttonPad, buttonGap = 12, 7

func (r *buttonRenderer) MinSize() fyne.Size {
	if r.b.Text == "" {
		return fyne.NewSquareSize(r.b.Height)
	}
	w := r.text.MinSize().Width + 2*buttonPad
	if i := r.iconSize(); i > 0 {
		w += i + buttonGap
	}
	return fyne.NewSize(w, r.b.Height)
}

func (r *buttonRenderer) Layout(size fyne.Size) {
	r.bg.Resize(size)
	i := r.iconSize()
	if r.b.Text == "" {
		r.image.Resize(fyne.NewSquareSize(i))
		r.image.Move(fyne.NewPos((size.Width-i)/2, (size.Height-i)/2))
		return
	}
	t := r.text.MinSize()
	total := t.Width
	if i > 0 {
		total += i + buttonGap
	}
	x := (size.Width - total) / 2
	if r.b.Leading {
		x = buttonPad
	}
	r.text.Resize(t)
	if r.b.Trailing {
		r.text.Move(fyne.NewPos(x, (size.Height-t.Height)/2))
		x += t.Width + buttonGap
	}
	if i > 0 {
		r.image.Resize(fyne.NewSquareSize(i))
		r.image.Move(fyne.NewPos(x, (size.Height-i)/2))
		x += i + buttonGap
	}
	if !r.b.Trailing {
		r.text.Move(fyne.NewPos(x, (size.Height-t.Height)/2))
	}
}

func (r *buttonRenderer) Refresh() {
	b := r.b
	front, back := b.Color, fyne.ThemeColorName("")
	switch b.Style {
	case Soft:
		back = theme.ColorNameButton
	case Primary:
		back = theme.ColorNamePrimary
		if front == "" {
			front = theme.ColorNameForegroundOnPrimary
		}
	}
	if front == "" {
		front = theme.ColorNameForeground
	}
	if b.disabled {
		front = ColorFaint
		if back != "" {
			back = theme.ColorNameDisabledButton
		}
	}
	r.bg.FillColor = clear
	if back != "" {
		r.bg.FillColor = Color(back)
	}
	if b.hovered && !b.disabled {
		if back == "" {
			r.bg.FillColor = Color(theme.ColorNameHover)
		} else {
			r.bg.FillColor = over(Color(back), Color(theme.ColorNameHover))
		}
	}
	r.bg.StrokeWidth = 0
	if b.focused {
		r.bg.StrokeWidth, r.bg.StrokeColor = 2, Color(theme.ColorNamePrimary)
	}
	r.bg.CornerRadius = 8
	if b.Round {
		r.bg.CornerRadius = b.Height / 2
	}
	r.image.Hidden = b.Icon == (Icon{})
	if !r.image.Hidden {
		r.image.Resource = b.Icon.In(front)
	}
	r.text.Text, r.text.Color = b.Text, Color(front)
	r.text.TextSize = b.TextSize
	if b.TextSize == 0 {
		r.text.TextSize = 14
	}
	r.Layout(b.Size())
	r.bg.Refresh()
	r.image.Refresh()
	r.text.Refresh()
}
