package ui

import (
	"fyne.io/fyne/v2"

	"burble/ui/look"
)

// frameLayout is the window: sidebar and main part side by side. A narrow window shows one of them.
type frameLayout struct {
	sidebar, main fyne.CanvasObject
	open          bool // the user wants the sidebar
	narrow        bool // the window has no room for both
	overlay       bool // in a narrow window, the sidebar is shown in place of the main part
}

const narrowWindow = 720

func (f *frameLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(380, 420) }

func (f *frameLayout) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	f.narrow = size.Width < narrowWindow
	switch {
	case f.narrow && f.overlay:
		f.sidebar.Show()
		f.main.Show()
		w := min(look.SidebarWidth, size.Width-56)
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
		f.sidebar.Resize(fyne.NewSize(look.SidebarWidth, size.Height))
		f.main.Move(fyne.NewPos(look.SidebarWidth, 0))
		f.main.Resize(size.SubtractWidthHeight(look.SidebarWidth, 0))
	}
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
	header, content, composer, status, toast fyne.CanvasObject
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
	m.content.Move(fyne.NewPos(0, look.HeaderHeight))
	m.content.Resize(fyne.NewSize(size.Width, top-look.HeaderHeight-6))
	t := m.toast.MinSize()
	t.Width = min(max(t.Width, 320), width)
	m.toast.Resize(t)
	m.toast.Move(fyne.NewPos((size.Width-t.Width)/2, top-t.Height-14))
}
