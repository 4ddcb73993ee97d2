package transcript

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"

	"burble/ui/look"
)

// disclosure is a line with a small arrow, to be clicked, or pressed with the keyboard.
type disclosure struct {
	container
	host    host
	tapped  func()
	ground  *canvas.Rectangle
	arrow   *canvas.Image
	text    *canvas.Text
	hovered bool
	focused bool
}

const (
	disclosureHeight = 28
	disclosurePad    = 8 // of the ground on either side
)

func newDisclosure(h host, tapped func()) *disclosure {
	d := &disclosure{host: h, tapped: tapped, ground: canvas.NewRectangle(nothingOf(theme.ColorNamePrimary)),
		arrow: canvas.NewImageFromResource(look.IconRight.In(look.ColorMuted)), text: canvas.NewText("", look.Color(look.ColorMuted))}
	d.ground.CornerRadius = 8
	d.arrow.FillMode = canvas.ImageFillContain
	d.text.TextSize = 14
	d.objects = []fyne.CanvasObject{d.ground, d.arrow, d.text}
	d.arrow.Resize(fyne.NewSquareSize(14))
	d.arrow.Move(fyne.NewPos(0, 7))
	d.text.Move(fyne.NewPos(20, 4))
	d.ExtendBaseWidget(d)
	return d
}

// MinSize is the line's size.
func (d *disclosure) MinSize() fyne.Size {
	return fyne.NewSize(20+d.text.MinSize().Width+disclosurePad, disclosureHeight)
}

func (d *disclosure) setText(s string) {
	if d.text.Text == s {
		return
	}
	d.text.Text = s
	d.text.Resize(d.text.MinSize())
	d.text.Refresh()
	d.light()
}

func (d *disclosure) setOpen(open bool) {
	i := look.IconRight
	if open {
		i = look.IconChevron
	}
	d.arrow.Resource = i.In(look.ColorMuted)
	d.arrow.Refresh()
}

// light shows whether the pointer or the keyboard is here.
func (d *disclosure) light() {
	d.ground.FillColor, d.ground.StrokeWidth = nothingOf(theme.ColorNamePrimary), 0
	if d.hovered {
		d.ground.FillColor = look.Color(theme.ColorNameHover)
	}
	if d.focused {
		d.ground.StrokeWidth, d.ground.StrokeColor = 2, look.Color(theme.ColorNamePrimary)
	}
	d.ground.Move(fyne.NewPos(-disclosurePad+2, 0))
	d.ground.Resize(fyne.NewSize(d.MinSize().Width+disclosurePad-2, disclosureHeight))
	d.ground.Refresh()
}

// Tapped opens or closes.
func (d *disclosure) Tapped(*fyne.PointEvent) { d.tapped() }

// Cursor shows a hand.
func (d *disclosure) Cursor() desktop.Cursor { return desktop.PointerCursor }

// MouseIn lights the line up.
func (d *disclosure) MouseIn(*desktop.MouseEvent) { d.hovered = true; d.light() }

// MouseMoved does nothing.
func (d *disclosure) MouseMoved(*desktop.MouseEvent) {}

// MouseOut puts the light out.
func (d *disclosure) MouseOut() { d.hovered = false; d.light() }

// FocusGained shows that the keyboard is here.
func (d *disclosure) FocusGained() {
	d.focused = true
	d.light()
	d.host.reveal(d)
}

// FocusLost shows that the keyboard has gone.
func (d *disclosure) FocusLost() { d.focused = false; d.light() }

// TypedRune does nothing.
func (d *disclosure) TypedRune(rune) {}

// TypedKey opens or closes on space and return.
func (d *disclosure) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		d.tapped()
	default:
		d.host.key(e)
	}
}
