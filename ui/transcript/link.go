package transcript

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// linkSpot gives a link the keyboard's focus: it lies behind the link's text, and is seen while it has the focus. Since
// Fyne's driver ends clicks at what can have the focus, it takes those on the link's first line, too.
type linkSpot struct {
	widget.BaseWidget
	flow    *flow
	address string
	ring    *canvas.Rectangle
}

func newLinkSpot(f *flow) *linkSpot {
	l := &linkSpot{flow: f, ring: canvas.NewRectangle(nothingOf(theme.ColorNamePrimary))}
	l.ring.CornerRadius, l.ring.StrokeWidth, l.ring.StrokeColor = 4, 2, look.Color(theme.ColorNamePrimary)
	l.ring.Hide()
	l.ExtendBaseWidget(l)
	return l
}

// syncLinks has one spot for each link, at its first line.
func (f *flow) syncLinks() {
	n := 0
	for i, r := range f.runs {
		address := f.spans[r.span].Link
		if address == "" || f.host == nil {
			continue
		}
		if i > 0 && f.spans[f.runs[i-1].span].Link == address { // the same link, in another style or on another line
			if before := f.links[n-1]; f.runs[i-1].line == r.line && before.Position().Y >= f.lines[r.line].top-4 {
				before.Resize(fyne.NewSize(r.x+r.w+4-before.Position().X, before.Size().Height))
			}
			continue
		}
		if n == len(f.links) {
			f.links = append(f.links, newLinkSpot(f))
		}
		l := f.links[n]
		n++
		l.address = address
		l.Move(fyne.NewPos(r.x-4, f.lines[r.line].top))
		l.Resize(fyne.NewSize(r.w+8, f.lines[r.line].height))
	}
	f.links = f.links[:n]
}

// FocusGained shows the ring and the address.
func (l *linkSpot) FocusGained() {
	l.ring.StrokeColor = look.Color(theme.ColorNamePrimary)
	l.ring.Show()
	l.flow.host.reveal(l)
	l.flow.host.showAddress(l.address)
}

// FocusLost takes both away.
func (l *linkSpot) FocusLost() {
	l.ring.Hide()
	l.flow.host.showAddress("")
}

// Tapped follows the link.
func (l *linkSpot) Tapped(*fyne.PointEvent) { l.flow.host.openLink(l.address) }

// TappedSecondary shows the link's menu.
func (l *linkSpot) TappedSecondary(e *fyne.PointEvent) {
	l.flow.showLinkMenu(l.address, e.AbsolutePosition)
}

// showLinkMenu offers what can be done with a link.
func (f *flow) showLinkMenu(address string, at fyne.Position) {
	f.host.showItems(at, fyne.NewMenuItem(lang.L("Open the link"), func() { f.host.openLink(address) }),
		fyne.NewMenuItem(lang.L("Copy the address"), func() { f.host.copyText(address) }))
}

// TypedRune does nothing.
func (l *linkSpot) TypedRune(rune) {}

// TypedKey follows the link on space and return.
func (l *linkSpot) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		l.flow.host.openLink(l.address)
	default:
		l.flow.host.key(e)
	}
}

// CreateRenderer is Fyne's.
func (l *linkSpot) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(l.ring) }
