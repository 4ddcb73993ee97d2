package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// frameLayout is the window: sidebar and main part side by side. A narrow window shows one of them.
type frameLayout struct {
	sidebar, main fyne.CanvasObject
	open          bool    // the user wants the sidebar
	narrow        bool    // the window has no room for both
	overlay       bool    // in a narrow window, the sidebar is shown in place of the main part
	width         float32 // of the sidebar; 0: as it comes
	divider       *divider
}

const narrowWindow = 720

func (f *frameLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(380, 420) }

func (f *frameLayout) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	f.narrow = size.Width < narrowWindow
	switch {
	case f.narrow && f.overlay:
		f.sidebar.Show()
		f.main.Show()
		w := min(f.sidebarWidth(size.Width), size.Width-56)
		f.sidebar.Resize(fyne.NewSize(w, size.Height))
		f.main.Move(fyne.NewPos(w, 0))
		f.main.Resize(size)
	case f.narrow || !f.open:
		f.sidebar.Hide()
		f.main.Show()
		f.main.Move(fyne.NewPos(0, 0))
		f.main.Resize(size)
	default:
		f.sidebar.Show()
		f.main.Show()
		w := f.sidebarWidth(size.Width)
		f.sidebar.Resize(fyne.NewSize(w, size.Height))
		f.main.Move(fyne.NewPos(w, 0))
		f.main.Resize(size.SubtractWidthHeight(w, 0))
	}
	f.divider.Hidden = !f.sidebar.Visible() || f.narrow
	f.divider.Resize(fyne.NewSize(dividerWidth, size.Height))
	f.divider.Move(fyne.NewPos(f.sidebarWidth(size.Width)-dividerWidth/2, 0))
}

// Limits of the sidebar's width.
const minSidebar, maxSidebar float32 = 200, 480

// setWidth sets the sidebar's width; 0 is that as it comes.
func (f *frameLayout) setWidth(w float32) {
	f.width = 0
	if w > 0 {
		f.width = min(max(w, minSidebar), maxSidebar)
	}
}

// sidebarWidth returns the width that the sidebar has in a window of a width.
func (f *frameLayout) sidebarWidth(window float32) float32 {
	if f.width == 0 {
		return look.SidebarWidth
	}
	return min(f.width, max(window/2, minSidebar))
}

// divider is the edge of the sidebar, by which it is made wider and narrower.
type divider struct {
	widget.BaseWidget
	drag  func(dx float32)
	reset func()
}

const dividerWidth = 8

func newDivider(drag func(dx float32), reset func()) *divider {
	d := &divider{drag: drag, reset: reset}
	d.ExtendBaseWidget(d)
	return d
}

// Dragged moves the edge.
func (d *divider) Dragged(e *fyne.DragEvent) { d.drag(e.Dragged.DX) }

// DragEnd does nothing.
func (d *divider) DragEnd() {}

// DoubleTapped brings the edge back to where it was at first.
func (d *divider) DoubleTapped(*fyne.PointEvent) { d.reset() }

// Cursor shows that the edge can be moved.
func (d *divider) Cursor() desktop.Cursor { return desktop.HResizeCursor }

// CreateRenderer is Fyne's. There is nothing to see: the sidebar draws its edge.
func (d *divider) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(canvas.NewRectangle(color.Transparent))
}

// toggle shows or hides the sidebar.
func (f *frameLayout) toggle() {
	if f.narrow {
		f.overlay = !f.overlay
	} else {
		f.open = !f.open
	}
}

// mainLayout stacks header, content, composer and status line. Composer and toast are no wider than the text.
type mainLayout struct {
	header, content, composer, status, toast, strip fyne.CanvasObject
}

func (m *mainLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(320, 400) }

func (m *mainLayout) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	const statusHeight, side = 30, 20
	m.header.Resize(fyne.NewSize(size.Width, look.HeaderHeight))
	width := min(size.Width-2*side, look.Measure+24)
	left := (size.Width - width) / 2
	m.status.Resize(fyne.NewSize(size.Width, statusHeight))
	m.status.Move(fyne.NewPos(0, size.Height-statusHeight))
	// The composer's height follows its text, which wraps by its width: so the width comes first.
	if m.composer.Size().Width != width {
		m.composer.Resize(fyne.NewSize(width, m.composer.MinSize().Height))
	}
	h := m.composer.MinSize().Height
	m.composer.Resize(fyne.NewSize(width, h))
	top := size.Height - statusHeight - h
	m.composer.Move(fyne.NewPos(left, top))
	head := look.HeaderHeight
	if m.strip.Visible() {
		m.strip.Move(fyne.NewPos(0, head))
		m.strip.Resize(fyne.NewSize(size.Width, stripHeight))
		head += stripHeight
	}
	m.content.Move(fyne.NewPos(0, head))
	m.content.Resize(fyne.NewSize(size.Width, top-head-6))
	t := m.toast.MinSize()
	t.Width = min(max(t.Width, 320), width)
	m.toast.Resize(t)
	m.toast.Move(fyne.NewPos((size.Width-t.Width)/2, top-t.Height-14))
}
