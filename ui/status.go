package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// statusLine shows the figures of the latest answer, and how full the context is.
type statusLine struct {
	widget.BaseWidget
	figures *canvas.Text
	context *canvas.Text
	track   *canvas.Rectangle
	fill    *canvas.Rectangle
	used    int
	size    int
	tapped  func(at fyne.Position) // of the context meter, where it is on the screen
}

// Tapped opens what there is to know of the context.
func (s *statusLine) Tapped(e *fyne.PointEvent) {
	if s.size > 0 && s.tapped != nil && e.Position.X >= s.context.Position().X {
		s.tapped(e.AbsolutePosition)
	}
}

// Cursor shows a hand.
func (s *statusLine) Cursor() desktop.Cursor { return desktop.PointerCursor }

func newStatusLine() *statusLine {
	s := &statusLine{figures: canvas.NewText("", nil), context: canvas.NewText("", nil), track: canvas.NewRectangle(nil), fill: canvas.NewRectangle(nil)}
	s.figures.TextSize, s.context.TextSize = 12, 12
	s.track.CornerRadius, s.fill.CornerRadius = 2, 2
	s.ExtendBaseWidget(s)
	return s
}

func (s *statusLine) set(figures string, used, size int) {
	context := contextText(used, size)
	if s.figures.Text == figures && s.context.Text == context {
		return
	}
	s.figures.Text, s.context.Text, s.used, s.size = figures, context, used, size
	s.Refresh()
}

// CreateRenderer is Fyne's.
func (s *statusLine) CreateRenderer() fyne.WidgetRenderer {
	r := &statusRenderer{s}
	r.Refresh()
	return r
}

type statusRenderer struct{ s *statusLine }

func (r *statusRenderer) Destroy()           {}
func (r *statusRenderer) MinSize() fyne.Size { return fyne.NewSize(200, 26) }
func (r *statusRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.s.figures, r.s.context, r.s.track, r.s.fill}
}

func (r *statusRenderer) Layout(size fyne.Size) {
	s := r.s
	const meter, gap = 56, 10
	f, c := s.figures.MinSize(), s.context.MinSize()
	total := f.Width
	if s.size > 0 {
		total += c.Width + gap + meter
		if f.Width > 0 {
			total += 28
		}
	}
	s.figures.Hidden = total > size.Width-16
	if s.figures.Hidden {
		total = c.Width + gap + meter
	}
	x := (size.Width - total) / 2
	y := (size.Height - c.Height) / 2
	if !s.figures.Hidden && f.Width > 0 {
		s.figures.Resize(f)
		s.figures.Move(fyne.NewPos(x, y))
		x += f.Width + 28
	}
	s.context.Resize(c)
	s.context.Move(fyne.NewPos(x, y))
	x += c.Width + gap
	s.track.Resize(fyne.NewSize(meter, 4))
	s.track.Move(fyne.NewPos(x, size.Height/2-2))
	share := float32(0)
	if s.size > 0 {
		share = min(float32(s.used)/float32(s.size), 1)
	}
	s.fill.Resize(fyne.NewSize(meter*share, 4))
	s.fill.Move(fyne.NewPos(x, size.Height/2-2))
}

func (r *statusRenderer) Refresh() {
	s := r.s
	s.figures.Color, s.context.Color = look.Color(look.ColorMuted), look.Color(look.ColorMuted)
	s.track.FillColor = look.Color(look.ColorBorder)
	s.fill.FillColor = look.Color(theme.ColorNamePrimary)
	if s.size > 0 && s.used*10 >= s.size*9 {
		s.fill.FillColor = look.Color(theme.ColorNameWarning)
	}
	s.track.Hidden, s.fill.Hidden, s.context.Hidden = s.size == 0, s.used == 0, s.size == 0
	if size := s.Size(); !size.IsZero() {
		r.Layout(size)
	}
	for _, o := range r.Objects() {
		o.Refresh()
	}
}
