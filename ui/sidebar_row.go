package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// sideHeight is the height of a row, sidePitch that with the gap to the next.
const sideHeight, sidePitch float32 = 32, 37

// keyMenu is the context-menu key.
const keyMenu = desktop.KeyMenu

// sideRow is a row of the sidebar: a chat, a folder or a heading.
type sideRow struct {
	widget.BaseWidget
	sidebar *sidebar
	index   int
	item    sideItem
	hovered bool
	ground  *canvas.Rectangle
	fold    *canvas.Image // of a folder: open or collapsed
	icon    *canvas.Image
	title   *widget.Label
	label   *canvas.Text // of a heading
	when    *canvas.Text
	more    *look.Button
	name    *entry            // while the row is renamed
	themed  fyne.CanvasObject // the entry, as low as a row
	ended   bool              // renaming has been dealt with
}

func newSideRow(s *sidebar) *sideRow {
	r := &sideRow{sidebar: s, ground: canvas.NewRectangle(nil), title: widget.NewLabel(""), label: canvas.NewText("", nil), when: canvas.NewText("", nil),
		icon: canvas.NewImageFromResource(nil), fold: canvas.NewImageFromResource(nil)}
	r.ground.CornerRadius = 8
	r.icon.FillMode, r.fold.FillMode = canvas.ImageFillContain, canvas.ImageFillContain
	r.title.Truncation = fyne.TextTruncateEllipsis
	r.label.TextSize, r.label.TextStyle = 12, fyne.TextStyle{Bold: true}
	r.when.TextSize = 11.5
	r.more = look.NewIconButton(look.IconMore, func() {
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject(r.more)
		s.menu(r.item, at.AddXY(0, r.more.Size().Height))
	})
	r.more.Height = 26
	r.more.Hide()
	r.ExtendBaseWidget(r)
	return r
}

func (r *sideRow) set(index int, item sideItem) {
	r.index, r.item = index, item
	renaming := r.sidebar.renamed != (sideKey{}) && r.sidebar.renamed == item.key()
	if !renaming {
		r.name, r.themed = nil, nil
	} else if r.name == nil {
		r.startRename()
	}
	switch item.kind {
	case sideFolder:
		r.title.SetText(item.folder.Name)
		r.when.Text = ""
		if item.count > 0 {
			r.when.Text = countText(item.count)
		}
	case sideLabel:
		r.label.Text, r.when.Text = item.text, ""
		r.title.SetText("")
	case sideBack:
		r.title.SetText(item.text)
		r.when.Text = ""
	default:
		r.title.SetText(titleOf(item.chat))
		r.when.Text = whenText(item.chat.Updated, r.sidebar.now())
		if item.kind == sideTemporary {
			r.when.Text = ""
		}
	}
	r.Refresh()
}

// rename lets the user write another name into a row.
func (s *sidebar) rename(item sideItem) {
	if item.kind != sideChat && item.kind != sideFolder || item.away == viewDeleted {
		return
	}
	for i, row := range s.rows {
		if row.key() == item.key() {
			s.renamed, s.cursor = item.key(), i
			s.list.ScrollTo(i)
			s.list.Refresh()
			s.focusRename()
			return
		}
	}
}

// focusRename gives the keyboard to the entry of the row that is renamed.
func (s *sidebar) focusRename() {
	c := fyne.CurrentApp().Driver().CanvasForObject(s)
	if c == nil || s.naming == nil {
		return
	}
	e := s.naming
	c.Focus(e)
	e.TypedShortcut(&fyne.ShortcutSelectAll{})
}

// startRename puts an entry in the title's place.
func (r *sideRow) startRename() {
	s, item := r.sidebar, r.item
	old := item.chat.Title
	if item.kind == sideFolder {
		old = item.folder.Name
	}
	e := newEntry(lang.L("Name"), s.shortcut)
	r.name, r.ended, s.naming = e, false, e
	r.themed = container.NewThemeOverride(e, lowEntry{})
	e.SetText(old)
	end := func(keep bool) {
		if r.ended || s.renamed != item.key() {
			return
		}
		r.ended = true
		s.renamed = sideKey{}
		if keep && e.Text != "" && e.Text != old {
			s.onRename(item, e.Text)
		}
		s.list.Refresh()
	}
	e.OnSubmitted = func(string) { end(true); s.focusList() }
	e.lost = func() { end(true) }
	e.key = func(k *fyne.KeyEvent) bool {
		if k.Name == fyne.KeyEscape {
			end(false)
			s.focusList()
			return true
		}
		return false
	}
}

// lowEntry is the theme of an entry as low as a row.
type lowEntry struct{ currentTheme }

// Size has less room around the text.
func (t lowEntry) Size(n fyne.ThemeSizeName) float32 {
	switch n {
	case theme.SizeNameInnerPadding:
		return 5
	case theme.SizeNameLineSpacing:
		return 2
	}
	return t.currentTheme.Size(n)
}

// Tapped does what the row is for.
func (r *sideRow) Tapped(*fyne.PointEvent) { r.sidebar.open(r.index) }

// TappedSecondary shows the row's menu.
func (r *sideRow) TappedSecondary(e *fyne.PointEvent) {
	if r.item.kind != sideLabel && r.item.kind != sideBack {
		r.sidebar.cursor = r.index
		r.sidebar.menu(r.item, e.AbsolutePosition)
	}
}

// MouseIn lights the row up.
func (r *sideRow) MouseIn(*desktop.MouseEvent) { r.hovered = true; r.Refresh() }

// MouseMoved does nothing.
func (r *sideRow) MouseMoved(*desktop.MouseEvent) {}

// MouseOut puts the light out.
func (r *sideRow) MouseOut() { r.hovered = false; r.Refresh() }

// Dragged takes a chat along, to put it into a folder.
func (r *sideRow) Dragged(e *fyne.DragEvent) {
	s := r.sidebar
	if r.item.kind != sideChat || s.view != viewChats || s.searching() {
		return
	}
	at := e.AbsolutePosition.Subtract(fyne.CurrentApp().Driver().AbsolutePositionForObject(s))
	s.ghost.show(titleOf(r.item.chat), at)
	drop := s.rowAt(e.AbsolutePosition)
	if drop >= 0 && !s.takes(r.item, s.rows[drop]) {
		drop = -1
	}
	if drop != s.drop {
		s.drop = drop
		s.list.Refresh()
	}
}

// DragEnd puts the chat where it was dragged to.
func (r *sideRow) DragEnd() {
	s := r.sidebar
	drop := s.drop
	s.ghost.box.Hide()
	s.drop = -1
	if drop >= 0 && drop < len(s.rows) {
		s.onMove(r.item.chat, s.rows[drop])
	}
	s.list.Refresh()
}

// rowAt returns the row at a place of the window, -1: none.
func (s *sidebar) rowAt(at fyne.Position) int {
	top := fyne.CurrentApp().Driver().AbsolutePositionForObject(s.list)
	p := at.Subtract(top)
	if p.X < 0 || p.Y < 0 || p.X > s.list.Size().Width || p.Y > s.list.Size().Height {
		return -1
	}
	i := int((p.Y + s.list.GetScrollOffset()) / (sideHeight + s.list.Theme().Size(theme.SizeNamePadding)))
	if i >= len(s.rows) {
		return -1
	}
	return i
}

// takes reports whether a chat can be dropped on a row: a folder, a chat of another folder, or the place outside of all.
func (s *sidebar) takes(chat, to sideItem) bool {
	switch to.kind {
	case sideFolder:
		return chat.chat.Folder != to.folder.ID
	case sideChat:
		return !to.chat.Pinned && to.key() != chat.key() && (to.inside && to.chat.Folder != chat.chat.Folder || !to.inside && chat.inside)
	case sideLabel:
		return chat.inside && to.text == lang.L("Chats")
	}
	return false
}

// CreateRenderer is Fyne's.
func (r *sideRow) CreateRenderer() fyne.WidgetRenderer { return &sideRowRenderer{r} }

type sideRowRenderer struct{ r *sideRow }

func (w *sideRowRenderer) Destroy()           {}
func (w *sideRowRenderer) MinSize() fyne.Size { return fyne.NewSize(120, sideHeight) }
func (w *sideRowRenderer) Objects() []fyne.CanvasObject {
	r := w.r
	o := []fyne.CanvasObject{r.ground, r.fold, r.icon, r.title, r.label, r.when, r.more}
	if r.themed != nil {
		o = append(o, r.themed)
	}
	return o
}

func (w *sideRowRenderer) Layout(size fyne.Size) {
	r := w.r
	r.ground.Move(fyne.NewPos(4, 0))
	r.ground.Resize(size.SubtractWidthHeight(8, 0))
	left := float32(6)
	if r.item.inside {
		left += 22
	}
	if !r.fold.Hidden {
		r.fold.Resize(fyne.NewSquareSize(14))
		r.fold.Move(fyne.NewPos(left+4, (size.Height-14)/2))
		left += 16
	}
	if !r.icon.Hidden {
		r.icon.Resize(fyne.NewSquareSize(16))
		r.icon.Move(fyne.NewPos(left+6, (size.Height-16)/2))
		left += 19
	}
	end := r.when.MinSize()
	r.when.Resize(end)
	r.when.Move(fyne.NewPos(size.Width-end.Width-16, (size.Height-end.Height)/2))
	r.more.Resize(fyne.NewSquareSize(26))
	r.more.Move(fyne.NewPos(size.Width-26-9, (size.Height-26)/2))
	right := size.Width - 10
	switch {
	case r.more.Visible():
		right = size.Width - 26 - 10
	case r.when.Text != "":
		right = size.Width - end.Width - 18
	}
	t := r.title.MinSize().Height
	r.title.Move(fyne.NewPos(left, (size.Height-t)/2))
	r.title.Resize(fyne.NewSize(max(right-left, 0), t))
	l := r.label.MinSize()
	r.label.Resize(l)
	r.label.Move(fyne.NewPos(15, size.Height-l.Height-4))
	if r.themed != nil {
		h := min(r.themed.MinSize().Height, size.Height)
		r.themed.Resize(fyne.NewSize(size.Width-left-8, h))
		r.themed.Move(fyne.NewPos(left+1, (size.Height-h)/2))
	}
}

func (w *sideRowRenderer) Refresh() {
	r, s := w.r, w.r.sidebar
	kind := r.item.kind
	open := (kind == sideChat || kind == sideTemporary) && r.item.chat.ID == s.selected && s.selected != 0
	switch {
	case s.drop == r.index:
		r.ground.FillColor = look.Color(theme.ColorNameSelection)
	case open:
		r.ground.FillColor = look.Color(look.ColorSelected)
	case r.hovered && kind != sideLabel:
		r.ground.FillColor = look.Color(theme.ColorNameHover)
	default:
		r.ground.FillColor = look.Color(look.ColorSidebar)
	}
	r.ground.StrokeWidth, r.ground.StrokeColor = 0, nil
	if s.list.focused && r.index == s.cursor && r.themed == nil {
		r.ground.StrokeWidth, r.ground.StrokeColor = 2, look.Color(theme.ColorNameFocus)
	}
	r.when.Color, r.label.Color = look.Color(look.ColorMuted), look.Color(look.ColorMuted)
	menu := kind == sideChat || kind == sideFolder || kind == sideTemporary
	r.more.Hidden = !menu || r.themed != nil || !r.hovered && !open
	r.when.Hidden = !r.more.Hidden || r.themed != nil
	r.label.Hidden = kind != sideLabel
	r.title.Hidden = kind == sideLabel || r.themed != nil
	r.title.Importance = widget.MediumImportance
	if r.item.away == viewDeleted {
		r.title.Importance = widget.LowImportance
	}
	r.title.TextStyle.Bold = kind == sideBack
	r.fold.Hidden = kind != sideFolder
	if !r.fold.Hidden {
		i := look.IconChevron
		if r.item.folder.Collapsed {
			i = look.IconRight
		}
		r.fold.Resource = i.In(look.ColorMuted)
	}
	icon := look.Icon{}
	switch {
	case kind == sideFolder:
		icon = look.IconFolder
	case kind == sideTemporary:
		icon = look.IconTemporary
	case kind == sideBack:
		icon = look.IconLeft
	case kind == sideChat && r.item.chat.Pinned && r.item.away == viewChats:
		icon = look.IconPin
	}
	r.icon.Hidden = icon == look.Icon{}
	if !r.icon.Hidden {
		r.icon.Resource = icon.In(look.ColorMuted)
	}
	w.Layout(r.Size())
	for _, o := range w.Objects() {
		o.Refresh()
	}
}

// dragGhost is what follows the pointer while a chat is dragged.
type dragGhost struct {
	box    *fyne.Container
	ground *canvas.Rectangle
	text   *canvas.Text
}

func newDragGhost() *dragGhost {
	g := &dragGhost{ground: canvas.NewRectangle(nil), text: canvas.NewText("", nil)}
	g.ground.CornerRadius = 8
	g.text.TextSize = 13
	g.box = container.NewWithoutLayout(g.ground, g.text)
	g.box.Hide()
	return g
}

func (g *dragGhost) show(text string, at fyne.Position) {
	if r := []rune(text); len(r) > 24 {
		text = string(r[:23]) + "…"
	}
	g.text.Text, g.text.Color = text, look.Color(theme.ColorNameForeground)
	g.ground.FillColor, g.ground.StrokeColor, g.ground.StrokeWidth = look.Color(theme.ColorNameMenuBackground), look.Color(look.ColorBorder), 1
	size := g.text.MinSize()
	g.text.Resize(size)
	g.text.Move(fyne.NewPos(10, 5))
	g.ground.Resize(size.AddWidthHeight(20, 10))
	g.box.Resize(size.AddWidthHeight(20, 10))
	g.box.Move(at.AddXY(12, 8))
	g.box.Show()
	g.box.Refresh()
}
